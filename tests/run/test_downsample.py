"""`mixture: {downsample: …}` in a run file: documents of a label are held to a share. In process."""

import io
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from rich.console import Console

from pipeline.config import load
from pipeline.plan import make_plan
from pipeline.progress import Progress
from pipeline.report import funnel, outline
from pipeline.run import Run, Settings

RUN = """\
corpus: held
output: out
sources:
  web: {read: jsonl, paths: web.jsonl, keep: [topic]}
  notes: {read: jsonl, paths: notes.jsonl}
mixture:
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    rows = [{"text": f"Page number {at:03d}.", "topic": ("arts", "law")[at % 4 == 0]} for at in range(80)]
    Path("web.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    Path("notes.jsonl").write_text(json.dumps({"text": "A note."}) + "\n")


def run(mixture: str, partitions: int = 1) -> dict[str, Any]:
    Path("run.yaml").write_text(RUN + mixture)
    settings = Settings("inline", partitions=partitions)
    return Run(make_plan(load("run.yaml")), settings, Progress(quiet=True))()


def drawn() -> Counter[str | None]:
    shards = sorted(Path("out/shards").glob("*.parquet"))
    return Counter(topic for shard in shards for topic in pq.read_table(shard).column("topic").to_pylist())


HALF = "  downsample: {by: topic, to: {arts: 0.5, sports: 0.1}, sources: web}\n"


def test_shares_in_shards_summary_and_card() -> None:
    manifest = run(HALF)
    assert drawn() == {"arts": 20, "law": 20, None: 1}
    told = Console(file=io.StringIO(), width=100)
    with told.capture() as said:
        funnel(manifest, told)
    assert "web by topic: arts 75.0% → 50.0%; no document is sports\n" in said.get()
    assert (
        "An epoch of web holds no more than is said here, by `topic`; and what was drawn of it:"
        in Path("out/README.md").read_text()
    )
    with told.capture() as said:
        outline(make_plan(load("run.yaml")), told)
    assert "downsample: {by: topic, to: {arts: 0.5, sports: 0.1}, sources: [web]}" in said.get()


def test_a_recipe_downsamples_only_the_sources_that_are_there() -> None:
    head = "recipe: ./recipe.yaml\ncorpus: c\noutput: out\nsources:\n  notes: {paths: notes.jsonl}\n"
    Path("run.yaml").write_text(head)
    for sources, left in (("[web, notes]", ("notes",)), ("web", None), ("[]", ())):
        Path("recipe.yaml").write_text(
            "recipe: mine\nsources:\n  web: {read: jsonl}\n  notes: {read: jsonl}\n"
            f"mixture: {{downsample: {{by: url, to: {{a: 0.5}}, sources: {sources}}}}}\n"
        )
        held = load("run.yaml").mixture.downsample
        assert (None if held is None else held.sources) == left
