"""docs/signals.md: its table is of the columns as they are, its run file runs, its queries' results are real.

`python tests/docs/test_signals.py` writes table and results anew.
"""

import re
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest

from pipeline import sql, steps
from pipeline.config import load
from pipeline.plan import make_plan
from pipeline.progress import Progress
from pipeline.run import Run, Settings

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "signals.md"
STAGES = (
    *("statistics", "readability", "scripts", "leftovers", "encoding", "encoding_repair", "line_language"),
)
TYPES = {
    pa.bool_(): "BOOLEAN",
    pa.int32(): "INTEGER",
    pa.int64(): "BIGINT",
    pa.float64(): "DOUBLE",
    pa.string(): "VARCHAR",
}
TABLE = re.compile(r"(<!-- columns -->\n).*?(<!-- end -->)", re.DOTALL)
QUESTION = re.compile(r"(```\n(SELECT [^;]+;)\n)(.*?)(```\n)", re.DOTALL)


def page() -> str:
    return PAGE.read_text(encoding="utf-8")


def type_of(kind: pa.DataType) -> str:
    """DuckDB's name of a type."""
    if pa.types.is_list(kind):
        return f"{type_of(kind.value_type)}[]"
    if pa.types.is_struct(kind):
        return f"STRUCT({', '.join(f'{each.name} {type_of(each.type)}' for each in kind)})"
    return TYPES[kind]


def table() -> str:
    """All columns of the stages, in Markdown."""
    rows = []
    for name in STAGES:
        rows += [f"### `{name}`", "", steps.stage(name).about[0].upper() + steps.stage(name).about[1:] + "."]
        rows += ["", "| column | type | unit | about |", "|---|---|---|---|"]
        for field in steps.stage(name).adds:
            if field.name in steps.stage(name).replaces:
                continue
            about = {key.decode(): value.decode() for key, value in field.metadata.items()}
            cells = (f"`{field.name}`", type_of(field.type), about["unit"], about["about"])
            rows.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
        rows.append("")
    return "\n".join(rows)


def run_of_the_page(folder: Path) -> str:
    """Runs the page's run file in this process; returns its output folder."""
    found = re.search(r"```yaml\n(.*?)```", page(), re.DOTALL)
    assert found is not None
    text = found[1].replace("output: out/signals", f"output: {folder}/out")
    file = folder / "signals.yaml"
    file.write_text(text.replace("examples/sample/", f"{ROOT}/examples/sample/"), encoding="utf-8")
    Run(make_plan(load(str(file))), Settings("inline"), Progress(quiet=True))()
    return f"{folder}/out"


def result(connection: duckdb.DuckDBPyConnection, query: str) -> str:
    """Rows as aligned columns."""
    found = connection.execute(query)
    assert found.description is not None
    rows = [[column[0] for column in found.description]]
    rows += [[str(value) for value in row] for row in found.fetchall()]
    widths = [max(len(row[at]) for row in rows) for at in range(len(rows[0]))]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    ]
    return "\n".join([lines[0], "-" * max(map(len, lines)), *lines[1:]]) + "\n"


@pytest.fixture(scope="module")
def views(tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb.DuckDBPyConnection]:
    with sql.connect(run_of_the_page(tmp_path_factory.mktemp("signals"))) as connection:
        yield connection


def test_the_table_is_of_the_columns_as_they_are() -> None:
    found = TABLE.search(page())
    assert found is not None
    assert found[0] == f"{found[1]}{table()}{found[2]}"


def test_the_stages_have_no_rules() -> None:
    assert [steps.stage(name).rules for name in STAGES] == [()] * len(STAGES)


def test_the_queries_give_what_is_shown(views: duckdb.DuckDBPyConnection) -> None:
    questions = QUESTION.findall(page())
    assert len(questions) == 3
    for _, query, shown, _ in questions:
        assert shown == result(views, query), query


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as made, sql.connect(run_of_the_page(Path(made))) as connected:
        text = TABLE.sub(lambda found: found[1] + table() + found[2], page())
        text = QUESTION.sub(lambda found: found[1] + result(connected, found[2]) + found[4], text)
        PAGE.write_text(text, encoding="utf-8")
    sys.stdout.write(f"{PAGE}\n")
