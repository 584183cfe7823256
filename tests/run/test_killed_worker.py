"""Workers and drivers that are killed on Ray: the run goes on, or says how to go on."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil

Run = Callable[..., subprocess.CompletedProcess[str]]
Sums = Callable[[Path], dict[str, str]]


def start(folder: Path, *options: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "pipeline", "run", "run.yaml", *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=folder,
    )


def workers_of(process: subprocess.Popen[str]) -> list[psutil.Process]:
    """The worker processes of the pool that Ray Data has started for the run."""
    found = []
    for child in psutil.Process(process.pid).children(recursive=True):
        try:
            if any("MapWorker" in part for part in child.cmdline()):
                found.append(child)
        except psutil.Error:
            continue
    return found


def test_a_killed_worker_is_replaced(write_run: Callable[..., Path], run_winnow: Run, sums: Sums) -> None:
    """And a run with one worker and other partitions gives the bytes of one without Ray."""
    undisturbed, folder = write_run("undisturbed"), write_run("worker")
    for each in (undisturbed, folder):
        with (each / "run.yaml").open("a") as file:
            file.write("index: out/index\n")
    run_winnow(undisturbed, "run", "run.yaml", "--engine", "inline", "-q")
    process = start(folder, "--workers", "1", "--partitions", "3")
    killed = False
    while process.poll() is None and not killed:
        working = workers_of(process) if list(folder.glob("out/segments/web-*/documents/*")) else []
        for worker in working:
            worker.kill()
            killed = True
        time.sleep(0.01)
    told, _ = process.communicate(timeout=200)
    assert process.returncode == 0, told
    assert killed
    wanted = sums(undisturbed / "out")
    assert {"shards", "index"} <= {name.split("/")[0] for name in wanted}
    assert sums(folder / "out") == wanted


def test_a_stopped_run_says_how_to_go_on_and_leaves_nothing_running(write_run: Callable[..., Path]) -> None:
    folder = write_run("stopped")
    process = start(folder, "--workers", "2")
    while process.poll() is None and not list(folder.glob("out/segments/web-*/documents/.*")):
        time.sleep(0.01)
    family = psutil.Process(process.pid).children(recursive=True)
    os.kill(process.pid, signal.SIGTERM)
    told, _ = process.communicate(timeout=100)
    assert process.returncode == 128 + signal.SIGTERM
    assert "the same command goes on from here" in told and "Traceback" not in told
    _, left = psutil.wait_procs(family, timeout=60)
    assert not left
