"""`winnow whatif`: its figures are those of a run with the other rules, or bounds that hold."""

import copy
import json
import random
import shutil
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from typer.testing import CliRunner

from pipeline import sql
from pipeline.cli import app, main
from pipeline.config import load
from pipeline.errors import PlanError, StoreError
from pipeline.plan import make_plan
from pipeline.progress import Progress
from pipeline.run import Run, Settings
from pipeline.whatif import question
from pipeline.whatif_answer import Answer, answer

ENGLISH = (
    "the river runs through a quiet valley where old farmers keep their sheep and sell the wool in "
    "town every autumn before snow falls on the hills and closes the only road"
)
GERMAN = (
    "der alte Fluss fließt durch ein stilles Tal wo die Bauern ihre Schafe halten und im Herbst die "
    "Wolle auf dem Markt verkaufen bevor der Schnee fällt"
)
SCHEMA = pa.schema(
    {"text": pa.string(), "url": pa.string(), "date": pa.timestamp("us"), "a": pa.int64(), "b": pa.float64()}
)
Data = dict[str, Any]
Figures = dict[str, tuple[int, int]]


def write_input(folder: Path, seed: int, documents: int = 70) -> None:
    """Two sources, of two files and one, with equal addresses, equal texts and chains of near copies."""
    rng = random.Random(seed)
    vocabularies = [text.split() for text in (ENGLISH, ENGLISH, GERMAN)]
    texts = [rng.choices(rng.choice(vocabularies), k=rng.randint(6, 24)) for _ in range(60)]
    for name in ("web", "notes"):
        rows = []
        for _ in range(documents):
            words = list(rng.choice(texts))
            for _ in range(rng.choice((0, 0, 1, 2, 3))):
                words[rng.randrange(len(words))] = rng.choice(ENGLISH.split())
            url = f"http://x.example/{rng.randrange(documents)}" if rng.random() < 0.6 else None
            b = rng.choice([None, *map(float, range(11))])
            date = datetime(2024, 1, rng.randint(1, 28))
            rows.append({"text": " ".join(words), "url": url, "date": date, "a": rng.randint(0, 10), "b": b})
        files = 2 if name == "web" else 1
        for number in range(files):
            pq.write_table(
                pa.Table.from_pylist(rows[number::files], SCHEMA), folder / f"{name}-{number}.parquet"
            )


def run_file(folder: Path) -> Data:
    """Rules before and behind an expensive stage, a source without column `b`, three passes."""
    steps = [
        {"rules": {"a_low": "a < 2"}},
        {"language": {"rules": {"not_english": "language <> 'en'"}}},
        {"rules": {"short": "length(text) < 40"}},
    ]
    notes = [{"gopher": {"rules": {"note_words": "gopher_words < 8"}}}, {"rules": {"a_high": "a > 8"}}]
    return {
        "corpus": "asked",
        "output": "out",
        "sources": {
            "web": {
                "read": "parquet",
                "paths": [f"{folder}/web-*.parquet"],
                "keep": ["a", "b"],
                "steps": steps,
            },
            "notes": {
                "read": "parquet",
                "paths": [f"{folder}/notes-*.parquet"],
                "keep": ["a"],
                "steps": notes,
            },
        },
        "across": [
            {"url": {"rules": {"url_duplicate": "url_rank > 0"}}},
            {"exact": {"rules": {"exact_duplicate": "exact_rank > 0"}}},
            {"rules": {"across_b": "b > 9"}},
            {
                "minhash": {
                    "bands": 5,
                    "rows": 2,
                    "ngram": 2,
                    "verify": False,  # of verified ones see test_whatif_labels
                    "rules": {"minhash_duplicate": "minhash_rank > 0"},
                }
            },
        ],
    }


def run(data: Data, folder: Path) -> Path:
    """Runs it with its output in `folder`; returns the run file."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "run.yaml"
    file.write_text(yaml.safe_dump({**data, "tripwires": "off", "output": f"{folder}/out"}, sort_keys=False))
    Run(make_plan(load(str(file))), Settings("inline"), Progress(quiet=True))()
    return file


def figures(file: Path, rows: str = "documents", by: str = "source") -> Figures:
    """Documents and tokens that a run has left."""
    query = f"SELECT coalesce({by}, ''), count(*), sum(coalesce(tokens, 0))::BIGINT FROM {rows} GROUP BY 1"
    with sql.connect(str(file.parent / "out")) as connection:
        return {name: (documents, tokens) for name, documents, tokens in connection.execute(query).fetchall()}


def written(data: Data, rules: dict[str, str | None]) -> Data:
    """The run file with other rules; one that is new stands behind all steps of the sources that have
    its column, or at the end of `across` if it reads labels."""
    data = copy.deepcopy(data)
    everywhere = [source["steps"] for source in data["sources"].values()] + [data["across"]]
    for name, predicate in rules.items():
        holders = [_rules(step) for steps in everywhere for step in steps if name in _rules(step)]
        if predicate is None:
            del holders[0][name]
        elif holders:
            holders[0][name] = predicate
        else:
            at = everywhere[2:] if "minhash" in predicate else everywhere[: 1 if "b" in predicate else 2]
            for steps in at:
                steps.append({"rules": {name: predicate}})
    return data


def _rules(step: Any) -> dict[str, str]:
    if isinstance(step, str):
        return {}
    [(name, options)] = step.items()
    found: dict[str, str] = options if name == "rules" else options.get("rules", {})
    return found


def ask(target: Path, rules: dict[str, str | None], sources: tuple[str, ...] = ()) -> Answer:
    return answer(
        question(str(target), [f"{name}: {each or 'null'}" for name, each in rules.items()], sources)
    )


def check(found: Answer, before: Path, after: Path) -> None:
    """The figures are those of the second run, or its figures lie within the bounds that are told."""
    for by, lines in (("source", found.left.sources), ("language", found.left.languages)):
        if by == "language" and not lines:
            continue  # no source tells it
        if "not measured yet" in lines:
            assert not found.exact
            continue
        was, became = figures(before, by=by), figures(after, by=by)
        for name in {*lines, *was, *became}:
            line = lines[name]
            documents, tokens = became.get(name, (0, 0))
            assert (line.documents, line.tokens) == was.get(name, (0, 0))
            if found.bounded:
                assert line.documents_least <= documents <= line.documents_most, (name, found.reasons)
                assert line.tokens_least <= tokens <= line.tokens_most, (name, found.reasons)
            if found.exact:
                assert line.documents_least == line.documents_most == round(line.documents_about)
                assert line.tokens_least == line.tokens_most == round(line.tokens_about)
    if found.bounded:
        both = [sum(each[at] for each in figures(after).values()) for at in (0, 1)]
        total = found.left.total
        assert total.documents_least <= both[0] <= total.documents_most
        assert total.tokens_least <= both[1] <= total.tokens_most
    if found.at_sources is not None:
        stored = figures(after, "_stored")
        for name, line in found.at_sources.sources.items():
            assert line.documents_least <= stored.get(name, (0, 0))[0] <= line.documents_most
    assert found.examples or not found.left.total.changed


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> tuple[Data, Path]:
    """A finished run over the made input, and its run file."""
    folder = tmp_path_factory.mktemp("asked")
    write_input(folder, seed=5)
    data = run_file(folder)
    return data, run(data, folder / "run")


Rerun = Callable[[dict[str, str | None]], Path]


@pytest.fixture
def rerun(asked: tuple[Data, Path], tmp_path: Path) -> Rerun:
    """Changes the rules in a copy of the finished run and goes on from there; returns the run file."""

    def again(rules: dict[str, str | None]) -> Path:
        data, file = asked
        shutil.copytree(file.parent, tmp_path / "again")
        return run(written(data, rules), tmp_path / "again")

    return again


@pytest.mark.parametrize(
    ("how", "rules"),
    [
        ("exact", {"minhash_duplicate": "minhash_size > 2 OR (minhash_rank > 0 AND b > 4)"}),
        ("exact", {"minhash_duplicate": None, "late": "a > 5 AND minhash_size > 1"}),  # gone and new
        ("bounded", {"a_low": "a < 4"}),  # fewer documents in every pass
        ("bounded", {"a_low": None}),  # more, of which the language is not known
        ("bounded", {"not_english": "language_score < 0.2"}),  # more, which the passes have not seen
        ("bounded", {"note_words": "gopher_words < 14", "a_high": "a > 9"}),  # both at once
        ("bounded", {"new": "b > 3", "across_b": None}),  # new where its column is, and one between passes
        ("open", {"dull": "a < 3", "minhash_duplicate": "minhash_rank > 1"}),
    ],
    ids=str,
)
def test_the_answer_holds_against_a_run(
    asked: tuple[Data, Path], rerun: Rerun, how: str, rules: dict[str, str | None]
) -> None:
    found = ask(asked[1], rules)
    assert (found.exact, found.bounded) == (how == "exact", how != "open")
    assert found.exact != bool(found.reasons)
    check(found, asked[1], rerun(rules))


def test_without_passes_the_sources_rules_are_exact(tmp_path: Path) -> None:
    """Up, down, new and gone; a rule confined to one of two sources; a run from nothing."""
    write_input(tmp_path, seed=6)
    data = {**run_file(tmp_path), "across": []}
    before = run(data, tmp_path / "before")
    rules: dict[str, str | None] = {
        "short": "length(text) < 70",
        "a_high": "a > 9",
        "note_words": None,
        "new": "b > 8",
    }
    found = ask(before, rules)
    assert found.exact and found.at_sources is None and found.left.total.changed
    assert found.left.goes[0] > 0 < found.left.comes[0]
    assert any("source notes has no column b" in note for note in found.notes)
    check(found, before, run(written(data, rules), tmp_path / "after"))


def test_a_cluster_of_equal_keys_keeps_the_next_in_rank(tmp_path: Path) -> None:
    rows = [
        {
            "text": f"{word} {number}",
            "url": "http://x.example/a",
            "date": datetime(2024, 1, number + 1),
            "a": number,
        }
        for number, word in enumerate(("one", "two", "three"))
    ]
    pq.write_table(pa.Table.from_pylist(rows, SCHEMA), tmp_path / "web-0.parquet")
    data = run_file(tmp_path)
    web = {**data["sources"]["web"], "steps": [{"rules": {"a_low": "a < 0"}}]}
    data = {**data, "sources": {"web": web}, "across": data["across"][:1]}
    before = run(data, tmp_path / "before")
    rules: dict[str, str | None] = {"a_low": "a > 1"}  # the newest goes
    found = ask(before, rules)
    assert found.exact and (found.left.total.documents, found.left.total.documents_least) == (1, 1)
    assert found.passings[0].instead == (1, 3) and found.passings[0].anyhow == (0, 0)
    check(found, before, run(written(data, rules), tmp_path / "after"))
    gone = ask(before, {"a_low": "a = 0"})  # the oldest, which the pass drops anyhow
    assert gone.exact and not gone.left.total.changed and gone.passings[0].anyhow == (1, 3)


def test_an_edited_run_file_is_the_question(tmp_path: Path) -> None:
    write_input(tmp_path, seed=7)
    recipe = {"recipe": "mine", "steps": run_file(tmp_path)["sources"]["web"]["steps"]}
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump(recipe))
    data = {**run_file(tmp_path), "across": []}
    data["sources"]["web"]["steps"] = [{"recipe": {"name": str(tmp_path / "mine.yaml")}}]
    file = run(data, tmp_path / "run")
    told = file.read_text()
    data["sources"]["web"]["steps"][0]["recipe"]["override"] = {
        "short": "length(text) < 80",
        "not_english": None,
    }
    after = run(data, tmp_path / "after")
    shutil.copy(after, tmp_path / "edited.yaml")
    edited = (tmp_path / "edited.yaml").read_text().replace(f"{after.parent}/out", f"{file.parent}/out")
    file.write_text(edited)
    found = answer(question(str(file), []))
    assert {change.rule for change in found.changes} == {"short", "not_english"}
    check(found, file, after)
    assert found.exact
    file.write_text(told.replace("- a\n", "- a\n", 1).replace("gopher:", "c4:"))
    with pytest.raises(PlanError, match="step 'c4' was not in the finished run"):
        question(str(file), [])


@pytest.mark.parametrize("content", ["", '{"no": "text"}\n'])
def test_an_empty_corpus(tmp_path: Path, content: str) -> None:
    (tmp_path / "web.jsonl").write_text(content)
    source = {"read": "jsonl", "paths": [f"{tmp_path}/web.jsonl"], "steps": ["gopher"]}
    file = run({"corpus": "e", "across": ["exact"], "sources": {"web": source}}, tmp_path / "run")
    found = ask(file, {"gopher_words": "gopher_words < 80"})
    assert found.exact and found.left.total.documents == 0 and not found.examples


def test_what_an_edit_has_replaced_cannot_be_asked(tmp_path: Path) -> None:
    (tmp_path / "code.jsonl").write_text('{"text": "# Copyright 2020 A. N. Other\\n\\nx = 1\\n"}\n')
    steps = [{"rules": {"early": "text LIKE 'y%'"}}, "license_header"]
    source = {"read": "jsonl", "paths": [f"{tmp_path}/code.jsonl"], "steps": steps}
    file = run({"corpus": "e", "sources": {"code": source}}, tmp_path / "run")
    with pytest.raises(PlanError, match="step 'license_header' of code replaces"):
        ask(file, {"early": "text LIKE '%Copyright%'"})
    assert ask(file, {"behind": "text LIKE '%Copyright%'"}).left.goes == (0, 0)
    assert ask(file, {"behind": "text LIKE 'x%'"}).left.goes[0] == 1


def test_what_is_printed(asked: tuple[Data, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "140")
    target = str(asked[1].parent / "out")
    given = ["whatif", target, "--rule", "a_low: a < 7", "--rule", "a_high: null"]
    told = CliRunner().invoke(app, given)
    assert told.exit_code == 0, told.output
    for words in (
        "a_low (web)  a < 2 → a < 7",
        "a_high (notes)  a > 8 → no such rule",
        "left by the rules of the sources",
        "left in the end",
        "not exact:",
        "comes back",
    ):
        assert words in told.output
    assert CliRunner().invoke(app, given).output == told.output
    found = json.loads(CliRunner().invoke(app, [*given, "--json"]).output)
    assert len(found["examples"]) == 10 and {each["source"] for each in found["examples"]} == {"web", "notes"}
    assert all(list(each["values"]) == ["a"] for each in found["examples"])
    shown = CliRunner().invoke(app, ["show", found["examples"][0]["id"], target, "--part", "text"])
    assert " ".join(shown.output.split()).startswith(found["examples"][0]["text"])
    listed = CliRunner().invoke(app, [*given, "--sql"]).output.split(";")
    with sql.connect(target) as connection:
        gone, back = (connection.execute(query).fetchall() for query in (listed[0], listed[2]))
    assert len(back) == found["at_sources"]["comes"][0]
    assert 0 < len(gone) <= found["at_sources"]["goes"][0]
    confined = CliRunner().invoke(
        app, ["whatif", target, "--rule", "new: a > 9", "--source", "web", "--json"]
    )
    assert [change["part"] for change in json.loads(confined.output)["changes"]] == ["web"]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--rule", "a_lwo: null"], "there is no such rule; did you mean 'a_low'"),
        (["--rule", "a_low"], 'expected "NAME: PREDICATE"'),
        (["--rule", "a_low: a <"], "rule 'a_low'"),
        (["--rule", "a_low: A_ < 2"], "there is no column 'A_'"),
        (["--rule", "a_low: CAST(url AS INT) > 2"], "use TRY_CAST"),
        (["--rule", "new: c4_sentences < 3"], "the step 'c4' adds it, and was not in this run"),
        (["--rule", "new: gopher_wrods < 3"], "did you mean 'gopher_words'"),
        (["--rule", "new: a < (SELECT 1)"], "a subquery"),
        (["--rule", "a_low: a < 2"], "the finished run has these rules already"),
        (["--rule", "a_low: a < 3", "--source", "wbe"], "did you mean 'web'"),
        (["--rule", "a_low: a < 3", "--rule", "a_low: null"], "is given twice"),
        ([], "nothing to compare"),
    ],
)
def test_what_cannot_be_asked_is_told_in_a_line(
    asked: tuple[Data, Path], capsys: pytest.CaptureFixture[str], arguments: list[str], told: str
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["whatif", str(asked[1]), *arguments])
    error = capsys.readouterr().err
    assert ended.value.code == 2 and told in error and "Traceback" not in error


def test_a_run_that_is_not_finished_is_told_what_to_do(asked: tuple[Data, Path], tmp_path: Path) -> None:
    rules: dict[str, str | None] = {"a_low": "a < 4"}
    file = tmp_path / "run.yaml"
    file.write_text(yaml.safe_dump({**asked[0], "output": f"{tmp_path}/out"}, sort_keys=False))
    with pytest.raises(PlanError, match=f"nothing has been run yet; start with: winnow run {file}"):
        ask(file, rules)
    shutil.copytree(asked[1].parent / "out", tmp_path / "out")
    (tmp_path / "out/manifest.json").rename(tmp_path / "manifest.json")  # as while the mixture is drawn
    with pytest.raises(PlanError, match=f"not finished.*go on with: winnow run {file}"):
        ask(file, rules)
    (tmp_path / "manifest.json").rename(tmp_path / "out/manifest.json")
    plan = json.loads((tmp_path / "out/plan.json").read_text())
    later = {**plan, "segments": [plan["segments"][0][:-1] + "0", *plan["segments"][1:]]}
    (tmp_path / "out/plan.json").write_text(json.dumps(later))  # a run with other rules was killed
    with pytest.raises(PlanError, match=r"a later run .* is not finished"):
        ask(file, rules)
    (tmp_path / "out/plan.json").write_text(json.dumps(plan))
    next((tmp_path / "out").glob("segments/*/dropped/*.parquet")).write_bytes(b"PAR1")
    with pytest.raises(StoreError, match="cannot be read"):
        ask(file, {"a_low": None, "note_words": None})
