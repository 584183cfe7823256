"""A run with benchmarks: what the plan says, what goes, and what the tables tell."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from pipeline.cli import app

QUESTION = "A farmer keeps seven brown hens and every hen lays three eggs a week, how many eggs has he then?"
RUN = {
    "corpus": "sample",
    "output": "out",
    "sources": {"web": {"read": "jsonl", "paths": ["web.jsonl"]}},
    "mixture": {"tokens": "all"},
}


@pytest.fixture
def winnow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "400")
    texts = [f"Page number {number} about the weather and nothing else." for number in range(5)]
    texts[2] += f" {QUESTION} And so on."
    Path("web.jsonl").write_text("".join(f"{json.dumps({'text': text})}\n" for text in texts))
    Path("eval").mkdir()
    item = {"question": QUESTION, "answer": "many"}
    Path("eval/gsm8k.jsonl").write_text(json.dumps(item))

    def run(*arguments: str, **keys: object) -> str:
        Path("run.yaml").write_text(yaml.safe_dump({**RUN, **keys}))
        told = CliRunner().invoke(app, list(arguments), catch_exceptions=False)
        assert told.exit_code == 0, told.output
        return told.stdout

    return run


WARNING = "nothing is decontaminated: name benchmarks as JSONL or Parquet, `benchmarks: FOLDER`"


def test_the_plan_warns_where_nothing_is_named(winnow: Callable[..., str]) -> None:
    assert WARNING in winnow("plan", "run.yaml")
    assert WARNING not in winnow("plan", "run.yaml", benchmarks="none")
    told = winnow("plan", "run.yaml", benchmarks="eval")
    assert WARNING not in told
    for expected in (
        "pass 1-contamination",
        "drop contaminated if contamination_ngrams > 0",
        "13-grams of 1 of 1 item, but those in more than 10 documents; one of 8 to 12 words as a whole",
        "gsm8k (gsm8k.jsonl): 1 of 1 item; question; question + answer",
    ):
        assert expected in told


def test_a_contaminated_document_goes(winnow: Callable[..., str]) -> None:
    winnow("run", "run.yaml", "--engine", "inline", "-q", benchmarks="eval")
    told = winnow(
        "sql",
        "out",
        "SELECT benchmark, item, share, words, matched FROM contamination_matches",
        benchmarks="eval",
    )
    assert "gsm8k" in told and QUESTION.rstrip("?") in told
    assert '"kept": 4' in json.dumps(json.loads(Path("out/manifest.json").read_text()))
    dropped = winnow("sql", "out", "SELECT contamination_share, dropped_by FROM dropped", benchmarks="eval")
    assert "contaminated" in dropped and "1.0" in dropped
    [_, identity] = winnow("sql", "out", "SELECT id FROM dropped", "--format", "csv").split()
    shown = winnow("show", identity)
    assert "contamination_matches: 1 span" in shown
    assert f"benchmark gsm8k, file gsm8k.jsonl, item 1, share 1, words 20, matched {QUESTION[:-1]}" in shown


def test_a_corpus_without_any_is_no_reason_to_stop(winnow: Callable[..., str]) -> None:
    Path("eval/gsm8k.jsonl").write_text(json.dumps({"question": QUESTION[::-1] * 2, "answer": "no"}))
    winnow("run", "run.yaml", "--engine", "inline", "-q", benchmarks="eval")
    assert '"kept": 5' in json.dumps(json.loads(Path("out/manifest.json").read_text()))


def test_a_changed_benchmark_is_looked_for_anew(winnow: Callable[..., str]) -> None:
    winnow("run", "run.yaml", "--engine", "inline", "-q", benchmarks="eval")
    Path("eval/gsm8k.jsonl").write_text(json.dumps({"question": QUESTION[::-1] * 2, "answer": "no"}))
    assert "pass 1-contamination  0 of 1 unit done" in winnow("plan", "run.yaml", benchmarks="eval")
