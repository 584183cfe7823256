from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline import store
from pipeline.replay import merge_by_row

SCHEMA = pa.schema([("row", pa.int64()), ("text", pa.string())])


def write(path: Path, rows: list[int]) -> str:
    with store.ParquetSink(str(path), SCHEMA, group_rows=5) as sink:
        sink.write(pa.table({"row": rows, "text": [f"t{row}" for row in rows]}, SCHEMA))
    return str(path)


def rows_of(paths: list[str], batch_rows: int) -> list[int]:
    tables = list(merge_by_row(paths, ["row", "text"], batch_rows))
    assert all(table.num_rows <= 2 * batch_rows for table in tables)
    rows = [row for table in tables for row in table.column("row").to_pylist()]
    assert [f"t{row}" for row in rows] == [t for table in tables for t in table.column("text").to_pylist()]
    return rows


def test_two_empty_files(tmp_path: Path) -> None:
    assert rows_of([write(tmp_path / "a", []), write(tmp_path / "b", [])], 4) == []


def test_one_side_empty(tmp_path: Path) -> None:
    assert rows_of([write(tmp_path / "a", [0, 1, 2]), write(tmp_path / "b", [])], 2) == [0, 1, 2]


@settings(max_examples=60, deadline=None)
@given(kept=st.lists(st.booleans(), max_size=60), batch_rows=st.integers(1, 9))
def test_any_split_comes_back_in_order(
    kept: list[bool], batch_rows: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("merge")
    left = write(folder / "a", [row for row, keep in enumerate(kept) if keep])
    right = write(folder / "b", [row for row, keep in enumerate(kept) if not keep])
    assert rows_of([left, right], batch_rows) == list(range(len(kept)))
