"""kill -9 at several points, with Ray and without: the same bytes as an undisturbed run without Ray."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

Run = Callable[..., subprocess.CompletedProcess[str]]
Sums = Callable[[Path], dict[str, str]]

RAY = ("--workers", "2")
INLINE = ("--engine", "inline")
# When to kill: once a path that matches is there. On Ray where workers may outlive the run.
MOMENTS = (
    ("segments/web-*/units/*.json", INLINE),
    ("segments/notes-*/documents/.*.tmp", RAY),
    ("layers/1-url-*/scratch-*", INLINE),
    ("layers/3-minhash-*/scratch-*/*", RAY),
    ("index/exact/*.parquet", INLINE),
    ("shards/*.parquet", INLINE),
)


def kill_when(folder: Path, pattern: str, engine: tuple[str, ...]) -> bool:
    """Starts the run and kills it with -9 when `pattern` appears; False if it ended before."""
    output = folder / "out"
    before = {str(path) for path in output.glob(pattern)}
    process = subprocess.Popen(
        [sys.executable, "-m", "pipeline", "run", "run.yaml", *engine],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd=folder,
    )
    while process.poll() is None:
        if any(str(path) not in before for path in output.glob(pattern)):
            os.kill(process.pid, signal.SIGKILL)
            process.wait()
            return True
        time.sleep(0.002)
    return False


def finished_units(folder: Path) -> dict[Path, int]:
    """When each finished unit's manifest was written."""
    return {path: path.stat().st_mtime_ns for path in folder.glob("out/segments/*/units/*.json")}


@pytest.mark.timeout(900)  # three runs on Ray, on a machine that may do other things as well
def test_killed_runs_give_the_same_bytes(
    write_run: Callable[..., Path], run_winnow: Run, sums: Sums, monkeypatch: pytest.MonkeyPatch
) -> None:
    def write(name: str) -> Path:
        folder = write_run(name)
        with (folder / "run.yaml").open("a") as file:
            file.write("index: out/index\n")
        return folder

    undisturbed = write("undisturbed")
    with monkeypatch.context() as as_released:  # the kernels as users have them, checked nowhere
        as_released.delenv("NUMBA_BOUNDSCHECK")
        run_winnow(undisturbed, "run", "run.yaml", *INLINE)
    wanted = sums(undisturbed / "out")
    assert {"shards", "index"} <= {name.split("/")[0] for name in wanted}

    killed = write("killed")
    kills = 0
    done: dict[Path, int] = {}
    for moment, engine in MOMENTS:
        kills += kill_when(killed, moment, engine)
        assert done.items() <= finished_units(killed).items(), "a finished unit was done again"
        done = finished_units(killed)
    assert kills >= 3, "too few runs were caught alive for the test to mean much"
    run_winnow(killed, "run", "run.yaml", *RAY)
    assert done.items() <= finished_units(killed).items(), "a finished unit was done again"
    assert sums(killed / "out") == wanted
