"""`mixture: {repeat: …}` in a run file: copies that a pass took out come back as repetitions; and faults
of all that a mixture asks of documents. In process."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.config import load
from pipeline.errors import PlanError
from pipeline.plan import make_plan
from pipeline.progress import Progress
from pipeline.run import Run, Settings

TEXTS = ["A first text."] * 4 + ["A second one."] * 2 + ["And a third of them."]
RUN = """\
corpus: repeated
output: out
sources:
  notes: {read: jsonl, paths: notes.jsonl}
  more: {read: parquet, paths: more.parquet, keep: [n, topic]}
across: [exact]
mixture:
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("notes.jsonl").write_text("".join(json.dumps({"text": text}) + "\n" for text in TEXTS))
    pq.write_table(pa.table({"text": ["Quite another."], "n": [3], "topic": ["arts"]}), "more.parquet")


def run(mixture: str, partitions: int = 1) -> dict[str, Any]:
    Path("run.yaml").write_text(RUN + mixture)
    settings = Settings("inline", partitions=partitions)
    return Run(make_plan(load("run.yaml")), settings, Progress(quiet=True))()


def texts() -> Counter[str]:
    shards = sorted(Path("out/shards").glob("*.parquet"))
    return Counter(text for shard in shards for text in pq.read_table(shard).column("text").to_pylist())


def test_the_copies_come_back() -> None:
    """As many as there were, whatever the partitions; and the card says so."""
    manifest = run("  repeat: {notes: exact_size}\n")
    assert texts() == Counter([*TEXTS, "Quite another."])
    told = manifest["mixture"]["sources"]["notes"]
    assert (told["available"]["documents"], told["epoch"]["documents"], told["documents"]) == (3, 7, 7)
    card = Path("out/README.md").read_text()
    assert "An epoch of notes holds each document as often as `exact_size` says: 7 copies of 3" in card
    shards = {path.name: path.read_bytes() for path in Path("out/shards").iterdir()}
    Path("out").rename("before")
    run("  repeat: {notes: exact_size}\n", partitions=3)
    assert {path.name: path.read_bytes() for path in Path("out/shards").iterdir()} == shards


def test_another_repeat_draws_anew_and_labels_nothing() -> None:
    run("  repeat: 1\n")
    before = {path: path.stat().st_mtime_ns for path in Path("out").glob("[ls]*e*/*/*/*")}
    assert len(before) > 4 and sum(texts().values()) == 4
    run("  repeat: 2\n")
    assert {path: path.stat().st_mtime_ns for path in Path("out").glob("[ls]*e*/*/*/*")} == before
    assert set(texts().values()) == {2}


@pytest.mark.parametrize(
    ("mixture", "line", "said"),
    [
        ("  repeat: exakt_size\n", 8, "repeat (exakt_size): there is no column 'exakt_size'; did you mean"),
        (
            "  repeat: {notes: 1, more: text}\n",
            8,
            "repeat of more (text): it gives VARCHAR; expected a number, as by",
        ),
        ("  repeat:\n    more: n\n    notes: n\n", 10, "repeat of notes (n): there is no column 'n'"),
        (
            "  repeat:\n    more: 1\n    note: 2\n",
            10,
            "repeat for 'note', which is not a source; did you mean",
        ),
        ("  tokens: all\n  repeat: [2]\n", 9, "repeat is a list; expected an SQL expression, a number"),
        ("  repeat: minhash_size\n", 8, "the step 'minhash' adds it"),
        (
            "  downsample:\n    to: {arts: 0.5}\n    by: topik\n    sources: [more]\n",
            10,
            "mixture: downsample of more (topik): there is no column 'topik'; did you mean 'topic'",
        ),
        ("  downsample: {by: topic, to: {arts: 0.5}}\n", 8, "to leave notes alone, write sources: [more]"),
        (
            "  downsample: {by: \"error('no topic')\", to: {arts: 0.5}}\n",
            8,
            "(error('no topic')): error() cannot be used: it gives no value but ends the run",
        ),
        (
            "  downsample:\n    by: topic\n    to: {arts: 0.5}\n    sources: [more, note]\n",
            11,
            "downsample of 'note', which is not a source; did you mean 'notes'?",
        ),
        ("  downsample:\n    by: topic\n    to: {arts: 5}\n", 10, "share of 'arts' is 5.0; expected"),
        ("  downsample:\n    by: topic\n    to: {no: yes}\n", 10, "downsample.to.no"),
        ("  downsample: {by: topic}\n", 8, "key 'downsample.to' is missing"),
        ("  downsample: {by: topic, most: {arts: 1}}\n", 8, "most"),
    ],
)
def test_faults_are_told_before_anything_is_read(mixture: str, line: int, said: str) -> None:
    with pytest.raises(PlanError) as caught:
        run(mixture)
    assert (caught.value.file, caught.value.line) == ("run.yaml", line)
    assert said in caught.value.message
    assert not Path("out").exists()


def test_a_document_without_a_number_is_named() -> None:
    with pytest.raises(PlanError, match=r"repeat \(n\) gives no number for document \w{32} of source notes"):
        run("  repeat: n\n")
    run("  repeat: coalesce(n, 1)\n")
    assert texts() == {**dict.fromkeys(TEXTS, 1), "Quite another.": 3}


def test_a_recipe_repeats_only_the_sources_that_are_there() -> None:
    Path("recipe.yaml").write_text(
        "recipe: mine\nsources:\n  notes: {read: jsonl}\n  more: {read: jsonl}\n"
        "mixture: {repeat: {notes: 2, more: 3}}\n"
    )
    head = "recipe: ./recipe.yaml\ncorpus: c\noutput: out\nsources:\n  notes: {paths: notes.jsonl}\n"
    Path("run.yaml").write_text(head)
    assert load("run.yaml").mixture.repeat == {"notes": "2"}
    Path("run.yaml").write_text(head + "mixture: {repeat: {more: 3}}\n")
    with pytest.raises(PlanError, match="repeat for 'more', which is not a source"):
        load("run.yaml")
