"""The source of code: Parquet tables of files."""

from collections import Counter
from functools import partial
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline import store
from pipeline.errors import PlanError
from pipeline.source import Reading
from pipeline.sources import github, parquet
from pipeline.sources.github import GithubOptions
from tests.sources.conftest import code_units, read_code, read_code_units

COMMIT = "0123456789abcdef0123456789abcdef01234567"


def test_nothing(tmp_path: Path) -> None:
    pq.write_table(pa.table({"content": pa.array([], pa.string())}), tmp_path / "t.parquet")
    assert read_code(tmp_path / "t.parquet") == ([], {})


STACK = {
    "content": ["x = 1\n", "int y;\n", None, "z"],
    "max_stars_repo_path": ["a.py", "src/b.c", "c.py", None],
    "max_stars_repo_name": ["o/r", "o/s", "o/r", None],
    "max_stars_repo_licenses": [["mit"], ["Apache-2.0", "GPL-2.0"], [], None],
    "max_stars_repo_head_hexsha": [COMMIT, None, None, None],
}


def test_a_table_as_the_stack_has_it(tmp_path: Path) -> None:
    pq.write_table(pa.table(STACK), tmp_path / "t.parquet")
    rows, skipped = read_code(tmp_path / "t.parquet")
    assert skipped == {"no_text": 1}
    keys = ("address", "url", "license", "github_license_kind", "github_language", "offset")
    assert [tuple(row[key] for key in keys) for row in rows] == [
        ("o/r/a.py", f"https://github.com/o/r/blob/{COMMIT}/a.py", "MIT", "permissive", "Python", 0),
        (
            "o/s/src/b.c",
            "https://github.com/o/s/blob/HEAD/src/b.c",
            "Apache-2.0 AND GPL-2.0-only",
            "copyleft",
            "C",
            1,
        ),
        ("t.parquet#3", None, None, "none", "", 3),
    ]
    (unit,) = code_units(tmp_path / "t.parquet")
    reading = Reading(unit, GithubOptions(), partial(store.open_input, unit.path), Counter())
    assert [github.original(reading, row) for row in rows] == [b"x = 1\n", b"int y;\n", b"z"]


def test_a_table_as_bigquery_has_it_and_one_with_other_names(tmp_path: Path) -> None:
    table = pa.table({"code": [b"x"], "path": ["a.py"], "repo_name": ["o/r"], "license": ["bsd-3-clause"]})
    pq.write_table(table, tmp_path / "a.parquet")
    names = {"content": "body", "path": "where", "repository": "whose", "license": "terms"}
    pq.write_table(table.rename_columns(["body", "where", "whose", "terms"]), tmp_path / "b.parquet")
    first, _ = read_code(tmp_path / "a.parquet")
    second, _ = read_code(tmp_path / "b.parquet", columns=names)
    assert first[0]["license"] == "BSD-3-Clause"
    assert second == [row | {"origin": "b.parquet"} for row in first]
    with pytest.raises(PlanError, match=r"no column with the text of files.*columns: \{content: NAME\}"):
        code_units(tmp_path / "b.parquet")
    with pytest.raises(PlanError, match=r"no column 'wher'.*where"):
        code_units(tmp_path / "b.parquet", columns=names | {"path": "wher"})
    with pytest.raises(PlanError, match="join: repository is for folders"):
        code_units(tmp_path / "a.parquet", join="repository")


@pytest.mark.parametrize("bytes_of_a_unit", [1, 300, 1 << 30])
def test_row_groups_may_be_cut_anywhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bytes_of_a_unit: int
) -> None:
    table = pa.table({"content": [f"x = {at}" for at in range(50)], "path": [f"{at}.py" for at in range(50)]})
    pq.write_table(table, tmp_path / "t.parquet", row_group_size=7)
    monkeypatch.setattr(parquet, "UNIT_BYTES", bytes_of_a_unit)
    units = code_units(tmp_path / "t.parquet")
    assert len(units) == {1: 8, 300: 4, 1 << 30: 1}[bytes_of_a_unit]
    rows, _ = read_code_units(units)
    assert [(row["text"], row["offset"]) for row in rows] == [(f"x = {at}", at) for at in range(50)]


def test_a_damaged_table(tmp_path: Path) -> None:
    (tmp_path / "t.parquet").write_bytes(b"PAR1 nothing")
    assert read_code(tmp_path / "t.parquet") == ([], {"corrupt": 1})
