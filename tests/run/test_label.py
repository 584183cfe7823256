import contextlib
import itertools
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow.parquet as pq
import pytest

from pipeline.cli import main

DOCUMENTS = 48

RUN_FILE = """
corpus: notes
output: out
sources:
  notes:
    read: jsonl
    paths: [notes.jsonl]
mixture: {tokens: all}
"""

Command = Callable[..., "Done"]
Start = Callable[..., subprocess.Popen[str]]


class Done(NamedTuple):
    status: int
    out: str
    err: str


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run file that has run."""
    folder = tmp_path_factory.mktemp("label")
    rows = [{"id": str(at), "text": f"Document {at} is about the number {at}."} for at in range(DOCUMENTS)]
    (folder / "notes.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (folder / "run.yaml").write_text(RUN_FILE)
    with contextlib.chdir(folder), contextlib.suppress(SystemExit):
        main(["run", "run.yaml", "--engine", "inline", "-q"])
    return folder


@pytest.fixture
def winnow(finished: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Command:
    """Runs a command line in this process, in the folder of the finished run."""
    monkeypatch.chdir(finished)
    monkeypatch.setenv("COLUMNS", "200")

    def run(*arguments: str) -> Done:
        capsys.readouterr()
        with pytest.raises(SystemExit) as end:
            main(list(arguments))
        printed = capsys.readouterr()
        return Done(int(end.value.code or 0), printed.out, printed.err)

    return run


def options(llm: Any, out: Path, *more: str) -> list[str]:
    asked = ["--prompt", "educational_quality", "--endpoint", llm.url, "--model", "m", "--out", str(out)]
    return ["label", "run.yaml", *asked, "--sample", "100", *more]


@pytest.fixture
def start(finished: Path) -> Iterator[Start]:
    """Starts a command in the finished run's folder; what still goes on at the end is killed."""
    started: list[subprocess.Popen[str]] = []

    def begin(*arguments: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "pipeline", *arguments]
        wide = {**os.environ, "COLUMNS": "200"}
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "stdin": subprocess.DEVNULL}
        process = subprocess.Popen(command, cwd=finished, env=wide, text=True, **pipes)  # type: ignore[call-overload]
        started.append(process)
        return process  # type: ignore[no-any-return]

    yield begin
    for process in started:
        process.kill()
        process.communicate()


class Gate:
    """Lets the server answer so many questions; the next ones wait for `open`."""

    def __init__(self, llm: Any, questions: int) -> None:
        self.open = threading.Event()
        answer, numbers = llm.answer, itertools.count(1)

        def answered(body: dict[str, Any]) -> Any:
            if next(numbers) > questions:
                assert self.open.wait(60)
            return answer(body)

        llm.answer = answered


def wait_until(true: Callable[[], bool]) -> None:
    until = time.monotonic() + 60
    while not true():
        assert time.monotonic() < until
        time.sleep(0.01)


def kept(out: Path) -> int:
    """Answers that are on the disk."""
    return sum(file.read_bytes().count(b"\n") for file in out.glob("answers/*"))


def asked(llm: Any) -> Counter[str]:
    return Counter(body["messages"][1]["content"] for body in llm.requests)


def test_killed_job_goes_on_and_pays_for_nothing_twice(
    winnow: Command, start: Start, llm: Any, tmp_path: Path
) -> None:
    out, gate = tmp_path / "edu", Gate(llm, 20)
    arguments = options(llm, out, "--concurrency", "4")
    first = start(*arguments)
    wait_until(lambda: len(llm.requests) == 24 and kept(out) == 20)
    # Meanwhile nobody else may ask for the same folder.
    other = winnow(*arguments)
    assert other.status == 1 and f"held by another winnow label: process {first.pid}" in other.err
    first.kill()
    first.wait()
    gate.open.set()
    before = asked(llm)
    assert len(before) == 24

    done = winnow(*arguments)
    assert f"to ask: {DOCUMENTS - 20} documents (20 answered before)" in done.out
    assert len(llm.requests) == 24 + DOCUMENTS - 20
    # What was under way when the process died is asked again, and nothing else.
    assert len(asked(llm)) == DOCUMENTS
    assert len([text for text, times in asked(llm).items() if times > 1]) == 4
    labels = pq.read_table(out / "labels.parquet")
    assert labels.column("label").to_pylist() == ["3"] * DOCUMENTS
    assert set(labels.column("status").to_pylist()) == {"ok"}


def test_stopped_job_keeps_what_is_under_way(winnow: Command, start: Start, llm: Any, tmp_path: Path) -> None:
    out, gate = tmp_path / "edu", Gate(llm, 4)
    arguments = options(llm, out, "--concurrency", "4")
    process = start(*arguments)
    wait_until(lambda: len(llm.requests) == 8)
    process.send_signal(signal.SIGINT)
    time.sleep(0.2)
    gate.open.set()
    _, told = process.communicate(timeout=60)
    assert process.returncode == 128 + signal.SIGINT
    assert "stopped; the same command goes on from here" in told and "Traceback" not in told
    labels = pq.read_table(out / "labels.parquet")
    assert Counter(labels.column("status").to_pylist()) == {"ok": 8, "failed": DOCUMENTS - 8}
    winnow(*arguments)
    assert len(llm.requests) == DOCUMENTS and set(asked(llm).values()) == {1}


def test_command_says_what_it_will_take_and_what_to_do_next(
    winnow: Command, llm: Any, tmp_path: Path
) -> None:
    more = ("--price-in", "1", "--price-out", "2", "--by", "quantiles(bytes, 2),right(text, 2)")
    priced = options(llm, tmp_path / "edu", *more)
    dry = winnow(*priced, "--dry-run")
    strata = "equal from 10 strata by quantiles(bytes, 2), right(text, 2)"
    assert f"sample: {DOCUMENTS} of {DOCUMENTS} documents, {strata}" in dry.out
    assert "cost:" in dry.out and not llm.requests and not (tmp_path / "edu").exists()
    done = winnow(*priced)
    assert done.status == 0 and f"asked now: {DOCUMENTS} answers" in done.out
    assert f"winnow train models/educational_quality --labels {tmp_path / 'edu'}" in done.out
    assert "bytes 1 of 2 / 3." in done.out


@pytest.mark.parametrize(
    ("more", "status", "message"),
    [
        (["--prompt", "educational"], 2, "did you mean 'educational_quality'"),
        (["--endpoint", "nowhere"], 2, "expected an address as http"),
        (["--where", "langauge = 'en'"], 2, "--where"),
        (["--key", "NO_SUCH_VARIABLE"], 2, "no environment variable of that name"),
        (["--out", ""], 2, "winnow label: expected --out too"),
        (["--model", "other"], 1, "it has no model 'other'; expected one of m"),
    ],
)
def test_faults_are_told(
    winnow: Command, llm: Any, tmp_path: Path, more: list[str], status: int, message: str
) -> None:
    llm.models = ("m",)
    done = winnow(*options(llm, tmp_path / "edu", *more))
    assert done.status == status and message in done.err
    assert status == 1 or "--where" in more or not (tmp_path / "edu").exists()
