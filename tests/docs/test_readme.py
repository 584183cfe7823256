"""What the README shows is what happens: its YAML, its filter, its faults, its queries' results.

`python tests/docs/test_readme.py` writes the results of the queries into the README anew.
"""

import re
import sys
import tempfile
import textwrap
import types
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from pipeline import marks, sql, steps
from pipeline.config import load, read
from pipeline.errors import PlanError
from pipeline.plan import make_plan
from pipeline.progress import Progress
from pipeline.run import Run, Settings

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
# A question: its bold line, the query, the result.
QUESTION = re.compile(r"(```\n(SELECT [^;]+;)\n)(.*?)(\n```)", re.DOTALL)


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)


def run_sample(folder: Path) -> str:
    """Runs the bundled sample in this process; returns its output folder."""
    text = (ROOT / "examples/sample.yaml").read_text(encoding="utf-8")
    text = text.replace("output: out/sample", f"output: {folder}/out")
    text = text.replace("examples/sample/", f"{ROOT}/examples/sample/")
    file = folder / "sample.yaml"
    file.write_text(text, encoding="utf-8")
    Run(make_plan(load(str(file))), Settings("inline"), Progress(quiet=True))()
    return f"{folder}/out"


def result(connection: duckdb.DuckDBPyConnection, query: str) -> str:
    """Rows as an aligned table in Markdown's way."""
    found = connection.execute(query)
    assert found.description is not None
    rows = [[column[0] for column in found.description]]
    rows += [[shown(value) for value in row] for row in found.fetchall()]
    widths = [max(len(row[at]) for row in rows) for at in range(len(rows[0]))]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    ]
    return "\n".join([lines[0], "-" * max(map(len, lines)), *lines[1:]])


def shown(value: object) -> str:
    return f"[{', '.join(map(str, value))}]" if isinstance(value, list) else str(value)


@pytest.fixture(scope="module")
def views(tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb.DuckDBPyConnection]:
    with sql.connect(run_sample(tmp_path_factory.mktemp("readme"))) as connection:
        yield connection


def test_there_are_five_questions_with_their_answers(views: duckdb.DuckDBPyConnection) -> None:
    questions = QUESTION.findall(README.read_text(encoding="utf-8"))
    assert len(questions) == 5
    for _, query, answer, _ in questions:
        assert answer == result(views, query), query


def test_the_run_file_is_a_valid_one(tmp_path: Path) -> None:
    whole, corpus, *parts = blocks("yaml")
    file = tmp_path / "run.yaml"
    file.write_text(whole, encoding="utf-8")
    assert [step.name for step in load(str(file)).across] == ["url", "exact", "minhash"]
    file.write_text(corpus, encoding="utf-8")
    based = load(str(file))
    assert list(based.sources) == ["commoncrawl", "wikipedia", "github"] and "arxiv" in based.left_out
    page = tmp_path / "crawl.warc.gz"
    page.write_bytes(b"")
    head = f"corpus: a\noutput: b\nsources:\n  web:\n    read: warc\n    paths: [{page}]\n"
    found = []
    for part in parts:
        file.write_text(head + textwrap.indent(part, "    "), encoding="utf-8")
        [segment] = make_plan(load(str(file))).segments
        found.append({rule.name: rule.drop_if for step in segment.steps for rule in step.rules})
    assert found[0]["short"] == "gopher_words < 80" and "gopher_stop_words" not in found[0]
    assert found[1]["gopher_words"] == "gopher_words < 80" and "c4_curly_bracket" not in found[1]


def test_the_faults_read_as_shown(tmp_path: Path) -> None:
    file = tmp_path / "run.yaml"
    whole = (
        blocks("yaml")[0]
        .replace("- recipe: fineweb ", "- gofer ")
        .replace("{web: 1.0}", "{wbe: 1.0, web: 1}")
    )
    file.write_text(whole, encoding="utf-8")
    with pytest.raises(PlanError) as told:
        read(marks.load(str(file)))
    shown_lines = [line for line in README.read_text(encoding="utf-8").splitlines() if "did you mean" in line]
    for line in shown_lines:
        message = line.removeprefix("winnow: ").split(": ", 1)[1]
        assert message in str(told.value)
    assert len(shown_lines) == 2


def test_the_filter_works_as_written(monkeypatch: pytest.MonkeyPatch) -> None:
    code, test = blocks("python")
    module = types.ModuleType("filters.shouting")
    exec(code, module.__dict__)
    monkeypatch.setitem(sys.modules, "filters.shouting", module)
    monkeypatch.setitem(steps.STAGES, "shouting", "filters.shouting")
    assert steps.stage("shouting").rules[0].name == "shouting"
    tests: dict[str, object] = {}
    exec(test, tests)
    checked = tests["test_marks_per_word"]
    cases = checked.pytestmark[0].args[1]  # type: ignore[attr-defined]
    for text, marks_per_word in cases:
        checked(text, marks_per_word)  # type: ignore[operator]


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as made, sql.connect(run_sample(Path(made))) as connected:
        README.write_text(
            QUESTION.sub(
                lambda found: found[1] + result(connected, found[2]) + found[4],
                README.read_text(encoding="utf-8"),
            ),
            encoding="utf-8",
        )
