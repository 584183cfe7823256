"""SQL over a run's files."""

from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.layer_views import parquet


@pytest.mark.parametrize("name", ["plain", "a[b]", "a*b", "a?b", "it's", "{a,b}", "[!x]", "**"])
def test_the_file_of_this_name_alone(name: str, tmp_path: Path) -> None:
    """What would be a wildcard, in the name of a folder or a file, is none."""
    for folder in (name, "ab", "axb", "y"):
        (tmp_path / folder).mkdir()
        for file in (name, "ab", "axb", "y"):
            pq.write_table(pa.table({"of": [folder + file]}), tmp_path / folder / f"{file}.parquet")
    for union in (True, False):
        rows = parquet([str(tmp_path / name / f"{name}.parquet")], union)
        assert duckdb.execute(f"SELECT * FROM {rows}").fetchall() == [(name + name,)]
