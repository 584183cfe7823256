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


EDITED = """
corpus: edited
output: out
sources:
  programs:
    read: jsonl
    paths: programs.jsonl
    steps:
      - gopher: {{rules: {{short: gopher_words < {words}}}}}
{expensive}      - license_header
      - fineweb: {{rules: {{}}}}
tripwires: off
mixture: {{}}
"""
LANGUAGE = "      - language: {rules: {other: language = 'zz'}}\n"


def programs(folder: Path, words: int, expensive: str = "") -> Path:
    folder.mkdir(exist_ok=True)
    if not (folder / "programs.jsonl").exists():
        notices = [f"# Copyright {year} The authors. All rights reserved.\n" for year in (2001, 2002, 2003)]
        texts = [notice + "print(one two three)\n" * size for notice in notices for size in (1, 2, 9)]
        lines = [json.dumps({"text": text}) + "\n" for text in texts]
        (folder / "programs.jsonl").write_text("".join(lines))
        os.utime(folder / "programs.jsonl", (1e9, 1e9))  # a unit's manifest tells its input's time
    (folder / "run.yaml").write_text(EDITED.format(words=words, expensive=expensive))
    run(folder)
    return folder


def never_read(monkeypatch: pytest.MonkeyPatch) -> None:
    def never(_: Reading) -> Iterator[pa.Table]:
        raise AssertionError("the input was read again")

    real = steps.source_reader
    monkeypatch.setattr(steps, "source_reader", lambda name: replace(real(name), read=never))


def test_a_changed_rule_before_an_edit_uses_the_edited_text_again(
    tmp_path: Path, sums: Sums, monkeypatch: pytest.MonkeyPatch
) -> None:
    programs(tmp_path / "again", words=14)
    fresh = sums(programs(tmp_path / "fresh", words=20) / "out")
    never_read(monkeypatch)
    again = sums(programs(tmp_path / "again", words=20) / "out")
    assert fresh.items() <= again.items()
    files = f"{tmp_path}/again/out/segments/*/documents/*.parquet"
    cut = "license_header_chars > 0 AND text LIKE 'print%'"
    query = f"SELECT count(*), count(*) FILTER ({cut}) FROM '{files}'"
    assert duckdb.connect().execute(query).fetchall() == [(9, 9)]


def test_a_changed_rule_before_an_expensive_stage_and_an_edit_reads_again(
    tmp_path: Path, sums: Sums, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows that failed have no language, and the text that it would have read is edited since."""
    fresh = sums(programs(tmp_path / "fresh", words=10, expensive=LANGUAGE) / "out")
    programs(tmp_path / "again", words=20, expensive=LANGUAGE)
    with monkeypatch.context() as patched:
        never_read(patched)
        with pytest.raises(AssertionError, match="read again"):
            programs(tmp_path / "again", words=10, expensive=LANGUAGE)
    again = sums(programs(tmp_path / "again", words=10, expensive=LANGUAGE) / "out")
    assert fresh.items() <= again.items()
