"""From a run to thresholds and stop words of its own languages, and back into a run."""

import json
import random
from pathlib import Path

import duckdb
import pytest
import yaml
from typer.testing import CliRunner

from pipeline import sql
from pipeline.cli import app

TEXTS = {
    "en": "the river and the old bridge of our town are in the morning light with many people on it",
    "de": "der Fluss und die alte Brücke unserer Stadt sind im Licht des Morgens mit vielen Leuten",
    "fr": "la rivière et le vieux pont de notre ville sont dans la lumière du matin avec des gens",
}
RUN = """\
corpus: languages
tripwires: off
output: {output}
sources:
  texts:
    read: jsonl
    paths: texts.jsonl
    steps:
      - language: {{}}
{steps}
"""
FIRST = """\
      - gopher: {rules: {gopher_words: gopher_words < 30}}
      - gopher_repetition: {rules: {}}
      - fineweb: {rules: {}}
"""
SECOND = """\
      - thresholds:
          file: mine.yaml
          rules: {language_score: language_score < threshold_language_score}
      - gopher: {rules: {letters: gopher_words_with_letter < threshold_words_with_letter}}
      - stop_words: {lists: mine.tsv}
"""


def winnow(*arguments: str) -> str:
    told = CliRunner().invoke(app, list(arguments), catch_exceptions=False)
    assert told.exit_code == 0, told.output
    return told.output


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A finished run over 40 texts of each language, a third of them dropped."""
    rng = random.Random(3)
    texts = [
        " ".join(rng.choices(text.split(), k=rng.randint(15, 60))) + ". 3"
        for text in TEXTS.values()
        for _ in range(40)
    ]
    lines = [json.dumps({"text": text}) for text in texts]
    (tmp_path / "texts.jsonl").write_text("\n".join(lines), "utf-8")
    (tmp_path / "first.yaml").write_text(RUN.format(output="first", steps=FIRST), "utf-8")
    (tmp_path / "second.yaml").write_text(RUN.format(output="second", steps=SECOND), "utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "160")
    winnow("run", "first.yaml", "--engine", "inline", "-q")
    return tmp_path


def rows(output: Path, query: str) -> list[tuple[object, ...]]:
    connection: duckdb.DuckDBPyConnection = sql.connect(str(output))
    return connection.execute(query).fetchall()


def test_there_and_back(folder: Path) -> None:
    told = winnow("thresholds", "first.yaml", "--min-documents", "10", "--out", "mine.yaml")
    assert "de German" in told and "fr French" in told and "- thresholds: {file: mine.yaml}" in told
    dropped = rows(folder / "first", "SELECT count(*) FROM dropped")
    assert dropped != [(0,)]
    table = yaml.safe_load((folder / "mine.yaml").read_text("utf-8"))
    assert {"default", "de", "en", "fr"} <= table.keys()
    again = winnow("thresholds", "first", "--min-documents", "10", "--out", "again.yaml")
    assert "again.yaml" in again
    first = (folder / "mine.yaml").read_text("utf-8")
    assert (folder / "again.yaml").read_text("utf-8") == first  # the run file and its output are one

    told = winnow("thresholds", "first.yaml", "--min-documents", "10", "--stop-words", "--out", "mine.tsv")
    assert "fr French" in told and "- stop_words: {lists: mine.tsv}" in told
    listed = dict(
        line.split("\t")[::2]
        for line in (folder / "mine.tsv").read_text("utf-8").splitlines()
        if line[0] != "#"
    )
    assert {"la", "rivière"} <= set(listed["fr"].split())

    winnow("run", "second.yaml", "--engine", "inline", "-q")
    found = rows(
        folder / "second",
        "SELECT DISTINCT language, threshold_words_with_letter, stop_words_listed FROM documents "
        "ORDER BY ALL",
    )
    wanted = [(code, table[code]["words_with_letter"], True) for code in ("de", "en", "fr")]
    assert [row for row in found if row[0] in TEXTS] == wanted


def test_an_edited_file_makes_another_segment(folder: Path) -> None:
    winnow("thresholds", "first.yaml", "--min-documents", "10", "--out", "mine.yaml")
    winnow("thresholds", "first.yaml", "--min-documents", "10", "--stop-words", "--out", "mine.tsv")
    winnow("run", "second.yaml", "--engine", "inline", "-q")
    file = folder / "mine.yaml"
    file.write_text(
        file.read_text("utf-8").replace("words_with_letter: 0.8 ", "words_with_letter: 0.99 "), "utf-8"
    )
    assert "0 of 1 unit done" in winnow("plan", "second.yaml")


def test_a_language_that_no_document_can_have(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The plan knows the model's labels; `als` of lid.176 is `gsw`, unless labels stay as they are."""
    monkeypatch.chdir(tmp_path)
    Path("texts.jsonl").write_text('{"text": "A text."}\n')
    Path("mine.yaml").write_text("default: {letters: 0.8}\nde: {letters: 0.7}\neng: {letters: 0.6}\n")

    def plan(step: str, labels: str = "iso") -> str:
        run = RUN.format(output="out", steps=f"      - {step}")
        Path("run.yaml").write_text(run.replace("language: {}", f"language: {{labels: {labels}}}"))
        told = CliRunner().invoke(app, ["plan", "run.yaml"])
        return f"{told.exception} {told.output}"

    never = "looks for 'eng' in column 'language', which never holds it; did you mean 'en'?"
    assert f"run.yaml:10: step 'toxicity' {never} It holds af, am" in plan("toxicity: {language: eng}")
    assert f"texts: step 'thresholds' {never} (run.yaml:10)" in plan("thresholds: {file: mine.yaml}")
    for labels, known, unknown in (("iso", "gsw", "als"), ("model", "als", "gsw")):
        assert f"looks for '{unknown}'" in plan(f"toxicity: {{language: {unknown}}}", labels)
        told = plan(f"toxicity: {{language: {known}}}", labels)
        assert told.startswith("None ") and "looks for" not in told


def test_faults_are_told_in_a_line(folder: Path) -> None:
    for arguments, expected in (
        (("thresholds", "first", "--min-documents", "10", "--where", "no_such = 1"), "no_such"),
        (("thresholds", "first"), "no language has 1,000 documents; lower --min-documents"),
        (("thresholds", "first", "--method", "letters=tail"), "no threshold is named 'letters'"),
        (("thresholds", "first", "--out", "first.yaml"), "is there already"),
        (("thresholds", "first", "--stop-words"), "no language has 1,000 documents"),
    ):
        told = CliRunner().invoke(app, list(arguments))
        assert told.exit_code != 0 and expected in str(told.exception), told.output
    assert not (folder / "thresholds.yaml").exists() and not (folder / "stop_words.tsv").exists()
