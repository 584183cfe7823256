"""What a second start does: nothing, the mixture, or from the changed rule on. In process."""

import json
import os
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest

from pipeline import steps
from pipeline.config import load
from pipeline.plan import make_plan
from pipeline.progress import Progress
from pipeline.run import Run, Settings
from pipeline.source import Reading

RunWinnow = Callable[..., subprocess.CompletedProcess[str]]
Sums = Callable[[Path], dict[str, str]]


def written(folder: Path, pattern: str) -> dict[str, int]:
    return {str(path): path.stat().st_mtime_ns for path in folder.glob(f"out/{pattern}")}


def run(folder: Path) -> None:
    before = os.getcwd()
    os.chdir(folder)
    try:
        Run(make_plan(load("run.yaml")), Settings(engine="inline"), Progress(quiet=True))()
    finally:
        os.chdir(before)


@pytest.fixture
def finished(write_run: Callable[..., Path]) -> Path:
    folder = write_run("again")
    run(folder)
    return folder


def test_nothing_changed_nothing_done(finished: Path, run_winnow: RunWinnow, sums: Sums) -> None:
    before, times = sums(finished / "out"), written(finished, "**/*.json")
    told = run_winnow(finished, "run", "run.yaml")
    assert "nothing to do" in told.stderr
    assert sums(finished / "out") == before
    assert written(finished, "**/*.json") == times


def test_changed_options_of_a_reader_read_the_input_again(finished: Path) -> None:
    """Though no step of the source edits the text, which an earlier run stored."""
    given = (finished / "run.yaml").read_text(encoding="utf-8")
    changed = given.replace("read: jsonl", "read: jsonl\n    text: id")
    (finished / "run.yaml").write_text(changed, encoding="utf-8")
    run(finished)
    files = f"{finished}/out/segments/notes-*/dropped/*.parquet"
    query = f"SELECT count(*) FROM '{files}' WHERE length(text) < 5"
    assert duckdb.connect().execute(query).fetchall() == [(60,)]


def test_a_changed_mixture_runs_the_mixture_alone(
    finished: Path, write_run: Callable[..., Path], sums: Sums
) -> None:
    parts = {**written(finished, "segments/**/*"), **written(finished, "layers/**/*")}
    shards = sums(finished / "out/shards")
    write_run("again", tokens="4k")
    run(finished)
    assert {**written(finished, "segments/**/*"), **written(finished, "layers/**/*")} == parts
    assert sums(finished / "out/shards") != shards
    asked = json.loads((finished / "out/manifest.json").read_text())["mixture"]["asked"]
    assert asked["tokens"] == 4000
    write_run("again")
    run(finished)
    assert sums(finished / "out/shards") == shards


def test_a_changed_rule_uses_the_signals_again(
    finished: Path, write_run: Callable[..., Path], sums: Sums, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(_: Reading) -> Iterator[pa.Table]:
        raise AssertionError("the crawl was read again")

    real = steps.source_reader
    write_run("again", threshold=0.012)
    with monkeypatch.context() as patched:
        patched.setattr(steps, "source_reader", lambda name: replace(real(name), read=never))
        run(finished)
    fresh = write_run("fresh", threshold=0.012)
    run(fresh)
    new = sums(finished / "out")
    wanted = sums(fresh / "out")
    assert wanted.items() <= new.items()
    ledger = f"{fresh}/out/segments/web-*/dropped/*.parquet"
    query = f"SELECT count(*) FROM '{ledger}' WHERE dropped_by = ['repeated']"
    [(repeated,)] = duckdb.connect().execute(query).fetchall()
    assert repeated > 0
