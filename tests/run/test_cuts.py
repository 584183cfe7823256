"""A pass that cuts texts: everything behind it sees what is left. With the inline engine."""

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from pipeline import sql, steps
from pipeline.cli import app
from pipeline.config import load
from pipeline.errors import ContractError, PlanError
from pipeline.plan import make_plan
from pipeline.progress import Progress
from pipeline.run import Run, Settings
from pipeline.whatif import question
from pipeline.whatif_answer import answer
from text.strings import Strings
from text.tokens import count_tokens

RUN = """
corpus: cut
output: out
sources:
  notes: {{read: jsonl, paths: "notes-*.jsonl", steps: [{{rules: {{long: length(text) > 1000}}}}]}}
across:
{across}
tripwires: off
mixture: {{}}
"""
TEXTS = [
    [
        "the harbour wall is old and grey",
        "harbour",
        "no such word in here at all",
        "ä harbour ö harbourharbour ü",
    ],
    ["a market in the old town hall", "harbour the harbour", "the same words are left in here harbour"],
]


@pytest.fixture(autouse=True)
def made(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(Path(__file__).parent / "passes"))
    for name in ("made_cut", "made_cut_more"):
        monkeypatch.setitem(steps.PASSES, name, name)


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., dict[str, Any]]:
    """run(across, texts): carries out a run in the current folder; returns its manifest."""

    def start(across: str, texts: list[list[str]] = TEXTS, **settings: Any) -> dict[str, Any]:
        monkeypatch.chdir(tmp_path)
        for number, several in enumerate(texts):
            lines = [json.dumps({"text": text}) + "\n" for text in several]
            path = tmp_path / f"notes-{number}.jsonl"
            if not path.exists():
                path.write_text("".join(lines), encoding="utf-8")
        (tmp_path / "run.yaml").write_text(RUN.format(across=across), encoding="utf-8")
        return Run(make_plan(load("run.yaml")), Settings("inline", **settings), Progress(quiet=True))()

    return start


def rows(query: str) -> list[tuple[Any, ...]]:
    with sql.connect("out") as connection:
        return connection.execute(query).fetchall()


def measured(text: str) -> tuple[str, int, int]:
    """The text with its tokens and bytes."""
    return text, int(count_tokens(Strings.of(pa.array([text])))[0]), len(text.encode())


def test_no_document(run: Callable[..., dict[str, Any]]) -> None:
    manifest = run("  - made_cut", [[]])
    assert manifest["across"][0]["cut"] == {"documents": 0, "bytes": 0, "tokens": 0}
    assert rows("SELECT count(*) FROM documents") == [(0,)]


def test_what_is_left_is_the_text_for_all_that_comes_after(run: Callable[..., dict[str, Any]]) -> None:
    manifest = run("  - made_cut\n  - exact: {normalise: none}")
    left = [text.replace("harbour", "") for several in TEXTS for text in several]
    gone = {"": ["made_cut_empty", "made_cut_short"], " the ": ["made_cut_short"]}
    want = sorted(measured(text) for text in left if text not in gone)
    assert sorted(rows("SELECT text, tokens, bytes FROM documents")) == want
    shards = [pq.read_table(file) for file in sorted(Path("out/shards").glob("*.parquet"))]
    [shard] = shards
    assert (
        sorted(zip(*(shard.column(name).to_pylist() for name in ("text", "tokens", "bytes")), strict=True))
        == want
    )
    assert "made_cut_spans" not in shard.column_names and "made_cut_times" in shard.column_names
    found = rows("SELECT text, tokens, bytes, dropped_by FROM dropped ORDER BY bytes")
    assert found == [(*measured(text), names) for text, names in sorted(gone.items())]
    before = [measured(text)[1] for several in TEXTS for text in several]
    after = [measured(text)[1] for text in left]
    layer = manifest["across"][0]
    assert layer["cut"] == {"documents": 5, "bytes": 7 * 8, "tokens": sum(before) - sum(after)}
    assert (layer["tokens"], layer["tokens_kept"]) == (sum(before), sum(tokens for _, tokens, _ in want))
    told = f"1-made_cut cut {layer['cut']['tokens']} tokens (56 bytes) out of the texts of 5 documents."
    assert told in Path("out/README.md").read_text()
    assert manifest["mixture"]["total"]["text_bytes"] == sum(size for *_, size in want)


def test_only_changed_documents_are_stored_anew(run: Callable[..., dict[str, Any]]) -> None:
    run("  - made_cut")
    [folder] = Path("out/layers").iterdir()
    tables = [pq.read_table(file) for file in sorted((folder / "labels").iterdir())]
    texts = [text for several in TEXTS for text in several]
    stored = pa.concat_tables(tables).select(["text", "tokens", "bytes"]).to_pylist()
    for text, row in zip(texts, stored, strict=True):
        cut = text.replace("harbour", "")
        assert tuple(row.values()) == (measured(cut) if cut != text else (None, None, None))


def test_two_passes_cut_one_after_the_other(run: Callable[..., dict[str, Any]]) -> None:
    run("  - made_cut: {word: ' old'}\n  - made_cut_more: {word: is and}")
    want = [text.replace(" old", "").replace("is and", "") for several in TEXTS for text in several]
    want = [text for text in want if measured(text)[1] >= 3]
    assert "the harbour wall  grey" in want
    assert sorted(rows("SELECT text, tokens, bytes FROM documents")) == sorted(map(measured, want))


def test_a_stage_behind_the_cut_measures_what_is_left(run: Callable[..., dict[str, Any]]) -> None:
    run("  - made_cut\n  - gopher: {rules: {few: gopher_words < 5}}")
    found = dict(rows("SELECT text, gopher_words FROM documents"))
    assert min(found.values()) >= 5 and "the  wall is old and grey" in found
    assert all(words == len(text.split()) for text, words in found.items())


def test_spans_that_cut_a_character_are_refused(run: Callable[..., dict[str, Any]]) -> None:
    with pytest.raises(
        ContractError,
        match=r"pass made_cut: cannot cut document [0-9a-f]{32} of unit notes.*bytes 1 to 8 of a text of 31",
    ):
        run("  - made_cut: {word: ä harb, crooked: true}")


def show(*arguments: str) -> str:
    found = CliRunner().invoke(app, ["show", *arguments])
    assert found.exit_code == 0, found.output
    return found.stdout


def test_what_was_cut_is_found_by_sql_and_shown_with_the_document(run: Callable[..., dict[str, Any]]) -> None:
    run("  - made_cut: {word: ' old'}\n  - made_cut_more: {word: is and}")
    text = TEXTS[0][0]
    cuts = rows("SELECT pass, part, start, \"end\", cut FROM cuts JOIN documents USING (unit, row) "
                "WHERE documents.text LIKE '%wall%' ORDER BY pass")  # fmt: skip
    assert cuts == [("made_cut", 0, 19, 23, " old"), ("made_cut_more", 0, 17, 23, "is and")]
    assert rows("SELECT count(*) FROM cuts") == [
        (sum(" old" in text for several in TEXTS for text in several) + 1,)
    ]
    [(identity,)] = rows("SELECT id FROM documents WHERE text LIKE '%wall%'")
    assert show(identity, "out", "--part", "text") == text.replace(" old", "").replace("is and", "")
    told = show(identity, "out")
    assert "cut by made_cut: 1 span, 4 bytes" in told and "cut by made_cut_more: 1 span, 6 bytes" in told
    assert "made_cut_spans" not in told and "made_cut_times" in told


def test_the_plan_tells_what_is_cut_and_written(run: Callable[..., dict[str, Any]]) -> None:
    run("  - made_cut")
    told = CliRunner().invoke(app, ["plan", "run.yaml"]).stdout
    assert "cuts the text: steps from here on see what is left" in told
    assert "writes the table made_cut_words" in told


TWICE = """
  - made_cut: {{word: {word}, rules: {{short: tokens < {short}}}}}
  - rules: {{late: "{late}"}}
  - made_cut_more: {{word: is, rules: {{left: "length(text) > {left}"}}}}
"""


@pytest.mark.parametrize(
    "rules",
    [
        {"left": "length(text) > 18"},
        {"left": "bytes < 14 AND made_cut_times = 0"},
        {"left": "null"},
        {"left": "tokens > 5"},
    ],
)
def test_other_rules_on_what_is_left_are_answered_as_a_run_would(
    run: Callable[..., dict[str, Any]], rules: dict[str, str], tmp_path: Path
) -> None:
    run(TWICE.format(word="' old'", short=2, late="bytes > 100", left=30))
    given = answer(question("out", [f"{name}: {drop_if}" for name, drop_if in rules.items()]))
    assert given.exact and given.bounded, given.reasons
    steps = (tmp_path / "run.yaml").read_text()
    for name, drop_if in rules.items():
        steps = steps.replace(
            'left: "length(text) > 30"', "" if drop_if == "null" else f'{name}: "{drop_if}"'
        )
    (tmp_path / "run.yaml").write_text(steps)
    Run(make_plan(load("run.yaml")), Settings("inline"), Progress(quiet=True))()
    [(documents, tokens)] = rows("SELECT count(*), sum(tokens) FROM documents")
    assert (given.left.total.documents_about, given.left.total.tokens_about) == (documents, tokens)


@pytest.mark.parametrize("rule", ["short: tokens < 6", "late: bytes > 28", "long: length(text) > 28"])
def test_other_rules_before_a_cut_leave_open_what_would_be_cut(
    run: Callable[..., dict[str, Any]], rule: str
) -> None:
    run(TWICE.format(word="' old'", short=2, late="bytes > 100", left=30))
    given = answer(question("out", [rule]))
    assert not given.exact and not given.bounded
    assert any("its labels and what it cuts out of the texts be others" in each for each in given.reasons)


def test_a_rule_in_the_layer_of_the_last_cut_is_exact(run: Callable[..., dict[str, Any]]) -> None:
    run("  - made_cut: {rules: {short: tokens < 3}}")
    given = answer(question("out", ["short: tokens < 7"]))
    assert given.exact and given.left.total.tokens == sum(tokens for _, tokens, _ in left(3))
    assert given.left.total.tokens_about == sum(tokens for _, tokens, _ in left(7))
    assert given.left.goes == (
        len(left(3)) - len(left(7)),
        given.left.total.tokens - given.left.total.tokens_about,
    )


def left(least: int) -> list[tuple[str, int, int]]:
    """The texts without their word, with tokens and bytes, that have so many tokens at least."""
    texts = [measured(text.replace("harbour", "")) for several in TEXTS for text in several]
    return [each for each in texts if each[1] >= least]


def test_tables_are_views_and_stay_with_the_labels(
    run: Callable[..., dict[str, Any]],
) -> None:
    run("  - made_cut")
    query = "SELECT word, sum(times) FROM made_cut_words GROUP BY ALL"
    assert rows(query) == [("harbour", 8)]
    [first] = Path("out/layers").iterdir()
    run("  - made_cut: {rules: {made_cut_short: tokens < 6}}")  # its labels, and tables, serve
    [second] = set(Path("out/layers").iterdir()) - {first}
    table = "tables/made_cut_words/0.parquet"
    assert (second / table).read_bytes() == (first / table).read_bytes()
    assert CliRunner().invoke(app, ["clean", "run.yaml"]).exit_code == 0
    assert not first.exists() and rows(query) == [("harbour", 8)]
    (second / table).unlink()  # its layer is not complete then, and is done again
    run("  - made_cut: {rules: {made_cut_short: tokens < 6}}")
    assert rows(query) == [("harbour", 8)]


def test_a_table_that_is_not_written_yet_says_so(
    run: Callable[..., dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipeline.run_layer.label_unit", stopped)
    monkeypatch.setattr("pipeline.tables.finish", stopped)
    with pytest.raises(KeyboardInterrupt):
        run("  - made_cut")
    assert list(Path("out/layers").glob("*/tables/made_cut_words/0.parquet"))  # written, but not as a whole
    with pytest.raises(duckdb.Error, match="made_cut_words: the pass made_cut has not written it yet"):
        rows("SELECT * FROM made_cut_words")
    assert rows("SELECT count(*) FROM documents") == [(7,)]


def stopped(*_: Any) -> None:
    raise KeyboardInterrupt


@pytest.mark.parametrize(
    ("tables", "fault", "told"),
    [
        ({"rules": "…"}, PlanError, "'rules', which is a view of `winnow sql` already"),
        ({"no name": "…"}, ContractError, "cannot be the name of a view"),
        ({"made_cut_more_words": "…"}, PlanError, "both write a table 'made_cut_more_words'"),
        ({"other": "…"}, ContractError, "wrote no file of its table other"),
    ],
)
def test_a_table_has_a_name_of_its_own_and_is_written(
    run: Callable[..., dict[str, Any]],
    monkeypatch: pytest.MonkeyPatch,
    tables: dict[str, str],
    fault: type[Exception],
    told: str,
) -> None:
    real = steps.pass_
    monkeypatch.setattr(
        steps,
        "pass_",
        lambda name, *given: (
            replace(real(name, *given), tables=tables) if name == "made_cut" else real(name, *given)
        ),
    )
    with pytest.raises(fault, match=told):
        run("  - made_cut\n  - made_cut_more: {word: is and}")


def test_a_stage_across_cannot_edit(run: Callable[..., dict[str, Any]]) -> None:
    with pytest.raises(
        PlanError, match="step 'license_header' replaces text, which only a step of a source can"
    ):
        run("  - license_header")


@pytest.mark.parametrize("partitions", [1, 3])
def test_lines_of_many_documents_go(
    run: Callable[..., dict[str, Any]], partitions: int, sums: Callable[[Path], dict[str, str]]
) -> None:
    menu = ["Home | News | About", "All rights reserved"]
    own = [f"What is told on page {at} is told nowhere else." for at in range(8)]
    texts = ["\n".join([menu[0], line, *menu[1:]]) for line in own]
    run("  - lines\n  - exact", [texts[:5], texts[5:]], partitions=partitions)
    assert sorted(rows("SELECT text, tokens, bytes FROM documents")) == sorted(map(measured, own))
    assert rows("SELECT text, times FROM lines_frequent ORDER BY text") == [(menu[1], 8), (menu[0], 8)]
    written = sums(Path("out"))
    run("  - lines\n  - exact", partitions=partitions)
    shutil.rmtree("out/layers")
    run("  - lines\n  - exact", partitions=5 - partitions)
    assert sums(Path("out")) == written
