"""A pass that is stopped among its tasks goes on where it was. On Ray with kill -9, and inline."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from pipeline import steps
from pipeline.config import load
from pipeline.plan import make_plan
from pipeline.progress import Progress
from pipeline.run import Run, Settings

Sums = Callable[[Path], dict[str, str]]

PASSES = Path(__file__).parent / "passes"
RUN = """
corpus: steps
output: out
sources:
  notes: {{read: jsonl, paths: "notes-*.jsonl"}}
across:
  - made_steps: {steps}
  - made_cut: {{word: note, rules: {{}}}}
tripwires: off
mixture: {{}}
"""
TASKS = 60
WORKERS = 2


@pytest.fixture(autouse=True)
def made(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(PASSES))
    for name in ("made_steps", "made_cut"):
        monkeypatch.setitem(steps.PASSES, name, name)


def prepare(folder: Path, steps: str) -> Path:
    folder.mkdir(exist_ok=True)
    for number in range(3):
        lines = [json.dumps({"text": f"the note {number} {at}"}) + "\n" for at in range(4)]
        (folder / f"notes-{number}.jsonl").write_text("".join(lines))
        os.utime(folder / f"notes-{number}.jsonl", (1e9, 1e9))  # a unit's manifest tells its input's time
    (folder / "run.yaml").write_text(RUN.format(steps=steps))
    return folder


def carried_out(folder: Path) -> Counter[str]:
    """How often each task has been carried out."""
    return Counter("-".join(path.name.split("-")[:2]) for path in (folder / "ran").glob("*"))


def inline(partitions: int = 1) -> None:
    Run(make_plan(load("run.yaml")), Settings("inline", partitions=partitions), Progress(quiet=True))()


def everything(tasks: int) -> set[str]:
    return {f"{doing}-{at:04d}" for doing in ("first", "second") for at in range(tasks)}


def test_no_task(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(prepare(tmp_path, "{tasks: 0}"))
    inline()
    assert not carried_out(tmp_path)


@pytest.mark.parametrize("last", ["first-0", "first-7", "second-0", "second-9"])
def test_done_tasks_are_not_done_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sums: Sums, last: str
) -> None:
    monkeypatch.chdir(prepare(tmp_path, f"{{tasks: 10, fails: {last}}}"))
    (tmp_path / last).touch()
    with pytest.raises(KeyboardInterrupt):
        inline()
    assert len(list(tmp_path.glob("out/layers/*/scratch-*"))) > 0 and sum(carried_out(tmp_path).values()) < 20
    inline()
    assert carried_out(tmp_path) == Counter(everything(10))
    assert not list(tmp_path.glob("out/layers/*/scratch-*"))
    resumed = sums(tmp_path / "out")
    shutil.rmtree(tmp_path / "out")
    inline()
    assert sums(tmp_path / "out") == resumed


def test_tasks_whose_files_are_gone_are_done_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(prepare(tmp_path, "{tasks: 10, fails: second-5}"))
    (tmp_path / "second-5").touch()
    with pytest.raises(KeyboardInterrupt):
        inline()
    [work] = tmp_path.glob("out/layers/*/scratch-*/work")
    (work / "first-3").unlink()
    (work / "first-7").write_bytes(b"who")
    inline()
    again = {"first-0003", "first-0007"}
    assert carried_out(tmp_path) == Counter([*everything(10), *again])


def test_what_a_kill_at_the_end_leaves_is_removed_by_the_next_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(prepare(tmp_path, "{tasks: 1}"))
    inline()
    [layer] = tmp_path.glob("out/layers/1-*")
    left = [layer / "scratch-1234-1", tmp_path / "out/mixture-1234"]
    for folder in left:
        folder.mkdir()
        (folder / "begun.json").write_text("{}")
    inline()
    assert [folder for folder in left if folder.exists()] == []


def test_tasks_of_another_cut_or_another_corpus_are_not_believed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(prepare(tmp_path, "{tasks: 10, fails: second-5}"))
    for partitions, also in ((1, ""), (2, ""), (2, '{"text": "one more"}\n')):
        (tmp_path / "second-5").touch()
        with (tmp_path / "notes-0.jsonl").open("a") as file:
            file.write(also)
        with pytest.raises(KeyboardInterrupt):
            inline(partitions)
        assert len(list(tmp_path.glob("out/layers/*/scratch-*"))) == 1, "scratch of another digest stays"
    assert carried_out(tmp_path)["first-0003"] == carried_out(tmp_path)["second-0003"] == 3
    inline(2)
    assert carried_out(tmp_path)["first-0003"] == carried_out(tmp_path)["second-0003"] == 3
    assert carried_out(tmp_path)["second-0007"] == 1


def start(folder: Path) -> subprocess.Popen[bytes]:
    root = str(Path(__file__).parents[2])
    return subprocess.Popen(
        [sys.executable, str(PASSES / "winnow_made.py"), "run", "run.yaml", "--workers", str(WORKERS)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        cwd=folder,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([root, str(PASSES)])},
    )


def kill(process: subprocess.Popen[bytes]) -> None:
    """Kills a run, and waits until its workers have seen that nobody is there any more."""
    children = psutil.Process(process.pid).children(recursive=True)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    _, left = psutil.wait_procs(children, timeout=3)
    for child in left:
        with contextlib.suppress(psutil.NoSuchProcess):
            child.kill()
    psutil.wait_procs(left)


@pytest.mark.timeout(600)  # two runs on Ray, on a machine that may do other things as well
def test_killed_among_its_tasks_a_pass_goes_on_and_ends_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sums: Sums
) -> None:
    """Task 20 of the second round waits until the run is killed, so that no clock decides what was done."""
    given = f"{{tasks: {TASKS}, waits: second-20}}"
    killed = prepare(tmp_path / "killed", given)
    (killed / "second-20").touch()
    ahead = {f"second-{at:04d}" for at in range(20, 20 + 2 * WORKERS)}  # tasks that are under way at once
    process = start(killed)
    while process.poll() is None and max(ahead) not in carried_out(killed):
        time.sleep(0.01)
    assert process.poll() is None, (process.communicate()[1] or b"").decode()
    kill(process)
    assert set(carried_out(killed)) == {each for each in everything(TASKS) if each <= max(ahead)} - {
        min(ahead)
    }
    (killed / "second-20").unlink()
    again = start(killed)
    assert again.wait() == 0, (again.communicate()[1] or b"").decode()
    done = carried_out(killed)
    assert set(done) == everything(TASKS)
    assert {task for task, times in done.items() if times > 1} == ahead - {min(ahead)}
    monkeypatch.chdir(prepare(tmp_path / "undisturbed", given))
    inline()
    assert sums(killed / "out") == sums(tmp_path / "undisturbed" / "out")
