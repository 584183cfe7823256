"""kill -9 at several points, one worker or two: the same bytes as an undisturbed run. On Ray."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

Run = Callable[..., subprocess.CompletedProcess[str]]
Sums = Callable[[Path], dict[str, str]]

# When to kill: once a path that matches is there.
MOMENTS = (
    "segments/web-*/units/*.json",
    "segments/notes-*/documents/.*.tmp",
    "segments/notes-*/units/*.json",
    "layers/1-url-*/scratch-*",
    "layers/3-minhash-*/scratch-*/*",
    "layers/3-minhash-*/units/*.json",
    "shards/*.parquet",
)


def kill_when(run_file: Path, output: Path, pattern: str) -> bool:
    """Starts the run and kills it with -9 when `pattern` appears; False if it ended before."""
    process = subprocess.Popen(
        [sys.executable, "-m", "pipeline", "run", str(run_file), "--workers", "2"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    before = {str(path) for path in output.glob(pattern)}
    while process.poll() is None:
        if any(str(path) not in before for path in output.glob(pattern)):
            os.kill(process.pid, signal.SIGKILL)
            process.wait()
            return True
        time.sleep(0.002)
    return False


def test_killed_runs_and_any_number_of_workers_give_the_same_bytes(
    write_run: Callable[..., Path], run_winnow: Run, sums: Sums, tmp_path: Path
) -> None:
    undisturbed = write_run("undisturbed")
    run_winnow("run", undisturbed, "--workers", "2")
    wanted = sums(tmp_path / "out-undisturbed")
    assert any(name.startswith("shards/") for name in wanted)

    single = write_run("single")
    run_winnow("run", single, "--workers", "1", "--partitions", "3")
    assert sums(tmp_path / "out-single") == wanted

    killed = write_run("killed")
    output = tmp_path / "out-killed"
    kills = 0
    for moment in MOMENTS:
        done_before = {path: path.stat().st_mtime_ns for path in output.glob("segments/*/units/*.json")}
        kills += kill_when(killed, output, moment)
        for path, modified in done_before.items():
            assert path.stat().st_mtime_ns == modified, f"{path.name} was done again"
    assert kills >= 4, "too few runs were caught alive for the test to mean much"
    done_before = {path: path.stat().st_mtime_ns for path in output.glob("segments/*/units/*.json")}
    run_winnow("run", killed, "--workers", "2")
    for path, modified in done_before.items():
        assert path.stat().st_mtime_ns == modified, f"{path.name} was done again"
    assert sums(output) == wanted
