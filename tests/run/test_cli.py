"""The commands that read no document: what they print, and that they write nothing."""

import json
from collections.abc import Callable
from pathlib import Path

import duckdb
import jsonschema
import pytest
import yaml
from typer.testing import CliRunner, Result

from pipeline import steps
from pipeline.cli import app, main
from pipeline.recipe import recipe_names
from pipeline.sql import show

Winnow = Callable[..., str]


def call(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments), catch_exceptions=False)


@pytest.fixture
def winnow(monkeypatch: pytest.MonkeyPatch) -> Winnow:
    """winnow(folder, …): what a command that ends well writes, run in that folder, in this process."""

    def run(folder: Path, *arguments: str) -> str:
        monkeypatch.chdir(folder)
        monkeypatch.setenv("COLUMNS", "200")
        told = call(*arguments)
        assert told.exit_code == 0, told.output
        return told.stdout

    return run


def test_no_command_shows_the_commands() -> None:
    told = call()
    for command in ("run", "plan", "sql", "steps", "schema", "clean"):
        assert command in told.output


@pytest.mark.parametrize("name", [*steps.SOURCES, *steps.STAGES, *steps.PASSES, *recipe_names()])
def test_every_name_is_explained(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    told = call("steps", name)
    assert told.exit_code == 0 and name in told.output
    if name in steps.STAGES:
        stage = steps.stage(name)
        assert all(column in told.output for column in (*stage.reads, *stage.adds.names))
        assert all(rule.drop_if in told.output for rule in stage.rules)
        assert all(field.description for field in stage.options.model_fields.values())


def test_the_catalogue_names_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    told = call("steps")
    for name in (*steps.SOURCES, *steps.STAGES, *steps.PASSES, *recipe_names()):
        assert name in told.output


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("mask", ["[email, phone, ip,", "mapping of email"]),
        ("extract", ["bool                       true         keep"]),
        ("gopher_repetition", ["gopher_repetition_duplicate_paragraph_ch"]),  # folded, not cut
        ("fineweb", ["  c4_lines {end_mark: false, min_words_per_line: 3}\n  c4\n"]),
        ("datatrove", ["columns depend on the options"]),
        ("redpajama", ['arXiv:2411.12372"\n']),
    ],
)
def test_steps_are_written_as_in_a_run_file(
    name: str, words: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    told = "\n".join(line.rstrip() for line in call("steps", name).output.split("\n"))
    assert all(each in told for each in words)


@pytest.mark.parametrize(
    ("query", "told", "right"),
    [
        ("", "", True),
        ("SELECT 1 AS a", "a\n1\n", True),
        ("-- first\nSELECT 1 AS a; -- then\nSELECT 2 AS b;", "a\n1\nb\n2\n", True),
        ("SELECT 1 AS a; SELECT c", "a\n1\n", False),
    ],
)
def test_every_query_of_several_is_answered(
    query: str, told: str, right: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    with duckdb.connect() as connection:
        assert show(connection, query, "csv") is right
        assert capsys.readouterr().out == told
        connection.execute("CREATE VIEW ours AS SELECT 1; COMMENT ON VIEW ours IS 'rows of a pass'")
        assert show(connection, ".help", "csv")
    views = capsys.readouterr().out
    assert "documents" in views and "rows of a pass" in views, "as at the prompt"


def test_plan_reads_and_writes_nothing(write_run: Callable[..., Path], winnow: Winnow) -> None:
    folder = write_run("plan")
    before = sorted(folder.rglob("*"))
    told = winnow(folder, "plan", "run.yaml")
    assert sorted(folder.rglob("*")) == before
    for expected in (
        "read warc: 4 units",
        "0 of 4 units done",
        "part-0.warc.gz",
        "adds text, title, stated_language, published, license",
        "drop repeated",
        "14 bands of 8 rows",
        "minhash_jaccard >= 0.8",
        "tokens: 8000",
    ):
        assert expected in told
    assert "extract" not in told.split("source notes")[1]


def test_plan_says_what_is_left_out_and_what_is_done(write_run: Callable[..., Path], winnow: Winnow) -> None:
    folder = write_run("done")
    text = (folder / "run.yaml").read_text()
    (folder / "run.yaml").write_text(
        text.replace("      - gopher: {rules: {note", "      - extract\n      - gopher: {rules: {note")
    )
    assert "extract: left out" in winnow(folder, "plan", "run.yaml")
    write_run("done")
    winnow(folder, "run", "run.yaml", "--engine", "inline", "--quiet")
    done = winnow(folder, "plan", "run.yaml")
    assert "4 of 4 units done" in done and "2 of 2 units done" in done and "to do" not in done
    write_run("done", threshold=0.5)
    assert "signals of an earlier run serve 4" in winnow(folder, "plan", "run.yaml")


def test_clean_removes_what_is_superseded_and_nothing_else(
    write_run: Callable[..., Path], winnow: Winnow, sums: Callable[[Path], dict[str, str]]
) -> None:
    folder = write_run("clean")
    winnow(folder, "run", "run.yaml", "--engine", "inline", "-q")
    first = sums(folder / "out")
    write_run("clean", threshold=0.3)
    winnow(folder, "run", "run.yaml", "--engine", "inline", "-q")
    assert "removed" in winnow(folder, "clean", "run.yaml")
    write_run("clean")
    winnow(folder, "run", "run.yaml", "--engine", "inline", "-q")
    winnow(folder, "clean", "run.yaml")
    assert sums(folder / "out") == first


def test_schema_accepts_a_run_file_and_names_its_faults(write_run: Callable[..., Path]) -> None:
    schema = json.loads(call("schema").output)
    data = yaml.safe_load((write_run("schema") / "run.yaml").read_text())
    jsonschema.validate(data, schema)
    data["mixture"]["token"] = "8k"
    with pytest.raises(jsonschema.ValidationError, match="token"):
        jsonschema.validate(data, schema)
    del data["mixture"]["token"]
    steps = data["sources"]["web"]["steps"]
    for step, fits in (
        ({"classify": "models/edu"}, True),
        ("toxicity", True),
        ("classify", False),  # which model?
        ({"classify": None}, False),
        ({"toxicity": "en"}, False),
    ):
        data["sources"]["web"]["steps"] = [*steps, step]
        assert jsonschema.Draft202012Validator(schema).is_valid(data) == fits, step
    data["sources"]["web"]["steps"] = steps
    data["mixture"]["downsample"] = {"by": "language", "to": {"en": 5}}
    with pytest.raises(jsonschema.ValidationError, match="maximum of 1"):
        jsonschema.validate(data, schema)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["run", "missing.yaml"], "missing.yaml"),
        (["steps", "gofer"], "did you mean 'gopher'"),
        (["run", "missing.yaml", "--engine", "spark"], "expected 'ray' or 'inline'"),
        (["sql", "."], "no run of winnow is there"),
        (["sql", ".", "--limit=3"], "no option '--limit'"),
        (["sql", ".", "-- a comment\nSELECT 1"], "no run of winnow is there"),
    ],
)
def test_what_cannot_be_done_is_told_in_a_line(
    arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    told = capsys.readouterr().err
    assert ended.value.code == 2 and words in told and "Traceback" not in told


@pytest.mark.parametrize("columns", [50, 80, 120])
def test_help_shows_each_options_whole_name(
    columns: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    for arguments, words in (
        (["train", "--help"], ["--labels", "--negative-where", "--positive-label", "--per-group"]),
        (["label", "--help"], ["--max-tokens", "--temperature", "FILE_OR_OUTPUT"]),
        (["--help"], ["thresholds", "neighbours"]),
    ):
        with pytest.raises(SystemExit):
            main(arguments)
        told = capsys.readouterr().out
        assert all(word in told for word in words)
        assert max(map(len, told.splitlines())) <= columns
