"""What the README shows is what happens: its YAML, its filter, its faults, its queries' results.

`python tests/docs/test_readme.py` writes the results of the queries into the README and docs/safety.md anew.
"""

import io
import json
import re
import shlex
import sys
import tempfile
import textwrap
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet as pq
import pytest

from pipeline import marks, sql, steps
from pipeline.cli import main
from pipeline.config import load, read
from pipeline.errors import PlanError
from pipeline.plan import make_plan
from pipeline.progress import Progress
from pipeline.run import Run, Settings

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
ASKED = {README: 5, ROOT / "docs/safety.md": 1}  # the pages whose queries are answered by the sample
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
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the sample's run file and its output, `out`."""
    folder = tmp_path_factory.mktemp("readme")
    run_sample(folder)
    return folder


@pytest.fixture(scope="module")
def views(sample: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    with sql.connect(f"{sample}/out") as connection:
        yield connection


@pytest.mark.parametrize("page", ASKED, ids=lambda page: page.stem)
def test_questions_have_their_answers(views: duckdb.DuckDBPyConnection, page: Path) -> None:
    questions = QUESTION.findall(page.read_text(encoding="utf-8"))
    assert len(questions) == ASKED[page]
    for _, query, answer, _ in questions:
        assert answer == result(views, query), query


def test_the_run_file_is_a_valid_one(tmp_path: Path) -> None:
    whole, corpus, *parts = blocks("yaml")
    parts = [part for part in parts if "classify" not in part]  # whose model has to be there
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


def test_a_classifier_is_made_by_the_commands_shown(
    sample: Path, tmp_path: Path, llm: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    [block] = [block for block in blocks("sh") if "winnow label" in block]
    for there, here in (("run.yaml", f"{sample}/sample.yaml"), ("http://127.0.0.1:8000/v1", llm.url)):
        assert there in block
        block = block.replace(there, here)
    lines = block.replace("\\\n", "").splitlines()
    label, review, train = [shlex.split(line, comments=True) for line in lines]
    train += ["--group", "id"]  # the sample has few sites

    def answer(body: dict[str, Any]) -> str:
        return json.dumps({"reason": "", "label": "25"[body["messages"][-1]["content"].count("a") % 2]})

    llm.answer = answer
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "stdin", io.StringIO("5\nq\n"))
    for _, *command in (label, review, train):
        with pytest.raises(SystemExit) as ended:
            main(command)
        assert not ended.value.code, command
    assert len(llm.requests) > 40 and "threshold" in Path("models/edu/CARD.md").read_text(encoding="utf-8")
    assert pq.read_table("labels/edu/reviews.parquet").num_rows == 1
    [steps_shown] = [part for part in blocks("yaml") if "classify" in part]
    scored = (sample / "sample.yaml").read_text(encoding="utf-8")
    before = re.search(r"( +)- recipe: safety.*\n", scored)
    assert before
    scored = scored.replace(before[0], before[0] + textwrap.indent(textwrap.dedent(steps_shown), before[1]))
    Path("scored.yaml").write_text(scored, encoding="utf-8")
    segment = make_plan(load("scored.yaml")).segments[0]
    assert [rule.name for step in segment.steps for rule in step.rules][-1] == "not_educational"


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
        for asked in ASKED:
            asked.write_text(
                QUESTION.sub(
                    lambda found: found[1] + result(connected, found[2]) + found[4],
                    asked.read_text(encoding="utf-8"),
                ),
                encoding="utf-8",
            )
