import errno
import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline import store
from pipeline.errors import SourceError, StoreError

SCHEMA = pa.schema([("n", pa.int64()), ("text", pa.string())])


def table(start: int, stop: int) -> pa.Table:
    return pa.table({"n": range(start, stop), "text": [f"text {n}" for n in range(start, stop)]}, SCHEMA)


@pytest.fixture(params=["local", "memory"])
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if request.param == "local":
        yield str(tmp_path)
    else:
        yield f"memory://{tmp_path.name}"
        store.remove(f"memory://{tmp_path.name}")


def test_empty_parquet_file_has_the_schema(folder: str) -> None:
    path = store.join(folder, "empty.parquet")
    with store.ParquetSink(path, SCHEMA) as sink:
        pass
    with store.parquet_file(path) as file:
        assert file.read().num_rows == 0 == sink.rows
        assert file.schema_arrow.names == SCHEMA.names


def test_bytes_do_not_depend_on_how_the_rows_arrived(folder: str) -> None:
    sums = []
    for sizes in ([1000], [1, 999], [333, 333, 334], [7] * 142 + [6]):
        path = store.join(folder, f"{len(sizes)}.parquet")
        with store.ParquetSink(path, SCHEMA, group_rows=100) as sink:
            at = 0
            for size in sizes:
                sink.write(table(at, at + size))
                at += size
        with store.open_input(path) as file:
            assert hashlib.sha256(file.read()).hexdigest() == sink.sha256
        assert store.size(path) == sink.bytes
        sums.append(sink.sha256)
    assert len(set(sums)) == 1


def test_a_group_stays_a_group(folder: str) -> None:
    path = store.join(folder, "groups.parquet")
    with store.ParquetSink(path, SCHEMA) as sink:
        for start, stop in ((0, 3), (3, 3), (3, 9)):
            sink.write_group(table(start, stop))
    with store.parquet_file(path) as file:
        assert [file.metadata.row_group(at).num_rows for at in range(3)] == [3, 0, 6]
        assert file.read_row_group(2).column("n").to_pylist() == list(range(3, 9))


def test_a_fault_leaves_no_file(tmp_path: Path) -> None:
    path = tmp_path / "half.parquet"
    with pytest.raises(ZeroDivisionError), store.ParquetSink(str(path), SCHEMA) as sink:
        sink.write(table(0, 10))
        _ = 1 // 0
    assert list(tmp_path.iterdir()) == []


def test_an_older_file_stays_until_the_new_one_is_whole(tmp_path: Path) -> None:
    path = str(tmp_path / "a.json")
    store.write_json(path, {"old": 1})
    with pytest.raises(ZeroDivisionError), store.Sink(path) as sink:
        sink.write(b"{")
        _ = 1 // 0
    assert store.read_json(path) == {"old": 1}


def test_full_disk_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sink = store.Sink(str(tmp_path / "full"))

    class Full:
        def write(self, _: Any) -> int:
            raise OSError(errno.ENOSPC, "No space left on device")

        def close(self) -> None:
            pass

    with pytest.raises(StoreError, match=r"no space left.*finished units are kept"), sink:
        monkeypatch.setattr(sink, "_file", Full())
        sink.write(b"x")
    assert list(tmp_path.iterdir()) == []


def test_json_is_read_whole_or_not_at_all(folder: str) -> None:
    path = store.join(folder, "m.json")
    assert store.read_json(path) is None
    store.write_json(path, {"b": 1, "a": "ü"})
    assert store.read_json(path) == {"a": "ü", "b": 1}
    with store.Sink(path) as sink:
        sink.write(b'{"a": ')
    assert store.read_json(path) is None


def test_names_and_remove(folder: str) -> None:
    assert store.names(store.join(folder, "none")) == []
    for name in ("b", "a"):
        with store.Sink(store.join(folder, "sub", name)) as sink:
            sink.write(b"1")
    assert store.names(store.join(folder, "sub")) == ["a", "b"]
    assert store.size_below(store.join(folder, "sub")) == 2
    store.remove(store.join(folder, "sub"))
    store.remove(store.join(folder, "sub"))
    assert store.names(store.join(folder, "sub")) == []


def test_unknown_protocol_and_missing_file_are_told() -> None:
    with pytest.raises(SourceError, match="nowhere"):
        store.open_input("nowhere://bucket/x")
    with pytest.raises(SourceError, match="cannot be opened"):
        store.open_input("/no/such/file")


def test_parquet_files_open_with_plain_pyarrow(tmp_path: Path) -> None:
    with store.ParquetSink(str(tmp_path / "x.parquet"), SCHEMA) as sink:
        sink.write(table(0, 5))
    assert pq.read_table(tmp_path / "x.parquet").equals(table(0, 5))


def test_the_damaged_file_of_several_is_named(tmp_path: Path) -> None:
    """Though another was opened later; and a bit that has changed is seen."""
    paths = [str(tmp_path / name) for name in ("damaged.parquet", "sound.parquet")]
    for path in paths:
        with store.ParquetSink(path, SCHEMA) as sink:
            sink.write(table(0, 1000))
    content = bytearray(Path(paths[0]).read_bytes())
    content[len(content) // 3] ^= 1
    Path(paths[0]).write_bytes(content)
    with (
        store.parquet_file(paths[0]) as damaged,
        store.parquet_file(paths[1]) as sound,
        pytest.raises(StoreError, match=r"damaged\.parquet: cannot be read.*remove it and start"),
    ):
        assert sound.read().num_rows == 1000
        list(store.row_batches(damaged, ["n", "text"], 100))
