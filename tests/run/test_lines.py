"""Lines cut out by a run from the command line: shards, tokens and the table. With the inline engine."""

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from pipeline import sql
from pipeline.cli import app
from text.strings import Strings
from text.tokens import count_tokens

RUN = """
corpus: notes
output: out
sources:
  notes: {read: jsonl, paths: "notes-*.jsonl", steps: []}
across:
  - lines: {more_than: 6}
  - paragraphs
benchmarks: none
tripwires: off
mixture: {}
"""


def test_a_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Eight pages of one site, one that holds nothing else, and two that quote the same."""
    monkeypatch.chdir(tmp_path)
    bodies = [f"The {word} is told of here.\r\n\r\nAnd so on: {word}." for word in "abcdefgh"]
    pages = [f"Home | News\r\n{body}\r\n\r\nWe use cookies.\r\nAccept all" for body in bodies]
    rest = [
        "Home | News\nAccept all",
        "Home | News\nWho said it?\nTo be or not to be",
        "To be, too\nTO BE or not to be ",
    ]
    for name, texts in (("notes-0.jsonl", pages[:3]), ("notes-1.jsonl", [*pages[3:], *rest])):
        (tmp_path / name).write_text("".join(json.dumps({"text": text}) + "\n" for text in texts))
    (tmp_path / "run.yaml").write_text(RUN)
    done = CliRunner().invoke(app, ["run", "run.yaml", "--engine", "inline", "--partitions", "2"])
    assert done.exit_code == 0, done.output
    [shard] = (tmp_path / "out" / "shards").iterdir()
    table = pq.read_table(shard)
    left = [*bodies, "Who said it?", "To be, too"]
    assert sorted(table.column("text").to_pylist()) == sorted(left)
    tokens = count_tokens(Strings.of(pa.array(table.column("text").to_pylist())))
    assert table.column("tokens").to_pylist() == tokens.tolist()
    with sql.connect("out") as views:
        found = views.sql("SELECT text, times, documents, bytes FROM lines_frequent").fetchall()
        assert found == [
            ("Home | News", 10, 10, 128),
            ("Accept all", 9, 9, 90),
            ("We use cookies.", 8, 8, 136),
        ]
        assert views.sql("SELECT text, documents FROM paragraphs_frequent").fetchall() == [
            ("To be or not to be", 2)
        ]
        assert views.sql("SELECT dropped_by FROM dropped").fetchall() == [(["lines_empty"],)]
        assert views.sql("SELECT sum(lines_removed), sum(paragraphs_removed) FROM documents").fetchall() == [
            (8 * 3 + 1, 2)
        ]
