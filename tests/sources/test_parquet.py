"""The Parquet source: columns, types, units, damage."""

import io
import random
from collections import Counter
from datetime import UTC, date, datetime
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.errors import PlanError
from pipeline.inputs import InputFile
from pipeline.source import Reading, Unit
from pipeline.sources import parquet
from pipeline.sources.parquet import SOURCE, ParquetOptions
from pipeline.store import open_input


def written(table: Any, **options: Any) -> bytes:
    sink = io.BytesIO()
    pq.write_table(table if isinstance(table, pa.Table) else pa.table(table), sink, **options)
    return sink.getvalue()


def read(
    data: bytes, part: tuple[int, int] | None = None, **options: Any
) -> tuple[list[dict[str, Any]], dict[str, int]]:
    unit = Unit("s", "u", "file", "folder/file", len(data), "", part)
    reading = Reading(unit, ParquetOptions(**options), lambda: io.BytesIO(data), Counter())
    return [row for table in SOURCE.read(reading) for row in table.to_pylist()], dict(reading.skipped)


def file(path: Path, table: Any, **options: Any) -> InputFile:
    path.write_bytes(written(table, **options))
    return InputFile(str(path), path.name, path.stat().st_size, "1")


def test_nothing() -> None:
    assert read(written({"text": pa.array([], pa.string())})) == ([], {})
    assert read(b"") == ([], {"corrupt": 1})


def test_a_row() -> None:
    rows, skipped = read(written({"text": ["a"], "url": ["u"], "date": ["2020-01-02"], "x": [1]}))
    assert skipped == {}
    assert rows == [
        {
            "address": "folder/file#0",
            "url": "u",
            "date": datetime(2020, 1, 2),
            "license": None,
            "origin": "folder/file",
            "offset": 0,
            "text": "a",
        }
    ]


TEXTS = ["first", None, "", "Straße", "last"]


@pytest.mark.parametrize(
    "kind",
    [pa.string(), pa.large_string(), pa.binary(), pa.large_binary(), pa.dictionary(pa.int32(), pa.string())],
)
def test_every_kind_of_text(kind: pa.DataType) -> None:
    values = pa.array(TEXTS, pa.string()).cast(pa.binary()).cast(kind) if pa.types.is_binary(kind) else None
    rows, skipped = read(written({"text": pa.array(TEXTS).cast(kind) if values is None else values}))
    assert [row["text"] for row in rows] == ["first", "", "Straße", "last"]
    assert [row["offset"] for row in rows] == [0, 2, 3, 4]
    assert skipped == {"no_text": 1}


def test_text_of_nulls_only() -> None:
    assert read(written({"text": pa.array([None, None], pa.string())})) == ([], {"no_text": 2})


def test_not_utf8() -> None:
    raw = pa.array([b"ok", b"\xff\xfe", None, b"\xc3\xa9"])
    lying = pa.Array.from_buffers(pa.string(), len(raw), raw.buffers())
    for column in (raw, lying):
        rows, skipped = read(written({"text": column, "url": column}))
        assert [(row["text"], row["url"]) for row in rows] == [("ok", "ok"), ("é", "é")]
        assert skipped == {"invalid_utf8": 1, "no_text": 1}


@pytest.mark.parametrize(
    "values",
    [
        pa.array([datetime(2020, 1, 2, 3, tzinfo=UTC)], pa.timestamp("ns", "Europe/Berlin")),
        pa.array([datetime(2020, 1, 2, 3)], pa.timestamp("s")),
        pa.array(["2020-01-02T04:00:00+01:00"]),
        pa.array([1577934000]),
        pa.array([1577934000000.0]),
    ],
)
def test_dates(values: pa.Array) -> None:
    rows, _ = read(written({"text": ["a"], "date": values}))
    assert rows[0]["date"] == datetime(2020, 1, 2, 3)
    rows, _ = read(written({"text": ["a"], "when": pa.array([date(2020, 1, 2)])}), date="when")
    assert rows[0]["date"] == datetime(2020, 1, 2)


def test_options() -> None:
    data = written(
        {
            "contents": ["a", "b"],
            "key": [11, None],
            "meta": [{"url": "u", "n": {"deep": 1}}, None],
            "lic": ["MIT", None],
            "score": pa.array([0.5, float("nan")], pa.float32()),
            "tags": [["x"], None],
            "label": pa.array(["y", "z"]).dictionary_encode(),
            "ok": [True, None],
        }
    )
    rows, _ = read(
        data, text="contents", id="key", url="meta.url", license="lic",
        keep=["score", "tags", "label", "ok", "meta.n.deep"],
    )  # fmt: skip
    assert [row["address"] for row in rows] == ["11", "folder/file#1"]
    assert [row["url"] for row in rows] == ["u", None]
    assert [row["license"] for row in rows] == ["MIT", None]
    assert [(row["score"], row["tags"], row["label"], row["ok"], row["meta_n_deep"]) for row in rows] == [
        (0.5, '["x"]', "y", True, 1),
        (None, None, "z", None, None),
    ]


def test_schema_is_that_of_the_tables(tmp_path: Path) -> None:
    one = file(tmp_path / "one", {"text": ["a"], "n": pa.array([None], pa.null()), "s": ["x"]})
    two = file(tmp_path / "two", {"text": ["a"], "n": pa.array([1], pa.int16()), "s": ["x"]})
    options = ParquetOptions(
        keep=(
            "n",
            "s",
        )
    )
    units = parquet.units("src", [one, two], options)
    schema = parquet.schema_of(units, options)
    assert schema.names[-2:] == ["n", "s"] and schema.field("n").type == pa.int64()
    for unit in units:
        reading = Reading(unit, options, partial(open_input, unit.path), Counter())
        for table in SOURCE.read(reading):
            table.cast(schema)
    assert parquet.schema_of([], options).names == schema.names


def test_missing_columns_are_named(tmp_path: Path) -> None:
    found = file(tmp_path / "found", {"content": ["a"], "number": [1]})
    with pytest.raises(PlanError, match=r"no column 'contents'.*did you mean 'content'.*content, number"):
        parquet.units("src", [found], ParquetOptions(text="contents"))
    with pytest.raises(PlanError, match=r"no column 'link'"):
        parquet.units("src", [found], ParquetOptions(text="content", url="link"))
    with pytest.raises(PlanError, match=r"no column 'a\.b'"):
        parquet.units("src", [found], ParquetOptions(text="content", keep=("a.b",)))
    with pytest.raises(PlanError, match=r"'number'.*holds int64, expected strings"):
        parquet.units("src", [found], ParquetOptions(text="number"))
    assert len(parquet.units("src", [found], ParquetOptions(text="content"))) == 1


def test_types_that_disagree_are_named(tmp_path: Path) -> None:
    one = file(tmp_path / "one", {"text": ["a"], "n": [1]})
    two = file(tmp_path / "two", {"text": ["a"], "n": ["1"]})
    with pytest.raises(PlanError, match=r"'n' \(keep\) is string in .*two and int64 in .*one"):
        parquet.units("src", [one, two], ParquetOptions(keep=("n",)))


def test_units_of_row_groups(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    texts = [f"{number} " + random.Random(number).randbytes(200).hex() for number in range(1000)]
    found = file(tmp_path / "big", {"text": texts}, row_group_size=30)
    whole, _ = read((tmp_path / "big").read_bytes())
    assert len(parquet.units("src", [found], ParquetOptions())) == 1
    for unit_bytes in (1, 10_000, 60_000):
        monkeypatch.setattr(parquet, "UNIT_BYTES", unit_bytes)
        units = parquet.units("src", [found], ParquetOptions())
        assert len({unit.name for unit in units}) == len(units) > 1
        rows = []
        for unit in units:
            some, skipped = read((tmp_path / "big").read_bytes(), unit.part)
            assert skipped == {}
            rows += some
        # Addresses and offsets are those of the whole file, wherever it is cut.
        assert [row | {"origin": ""} for row in rows] == [row | {"origin": ""} for row in whole]


def test_batches_are_bounded() -> None:
    data = written({"text": ["x" * 1_000_000] * 64, "n": list(range(64))}, use_dictionary=False)
    unit = Unit("s", "u", "file", "f", len(data), "")
    reading = Reading(unit, ParquetOptions(), lambda: io.BytesIO(data), Counter())
    sizes = [table.nbytes for table in SOURCE.read(reading)]
    assert len(sizes) > 3 and max(sizes) < 20 << 20


def test_a_damaged_row_group_costs_no_other() -> None:
    texts = [random.Random(number).randbytes(100).hex() for number in range(100)]
    data = bytearray(written({"text": texts}, row_group_size=20, use_dictionary=False))
    at = data.index(texts[45].encode())  # packed with Snappy, literals stay as they are
    data[at - 900 : at] = b"\xff" * 900
    rows, skipped = read(bytes(data))
    assert [row["text"] for row in rows] == texts[:40] + texts[60:]
    assert skipped == {"corrupt": 20}


@pytest.mark.parametrize("size", [1, 100, 1000])
def test_no_footer(size: int, tmp_path: Path) -> None:
    data = written({"text": ["a" * 100] * 1000})
    assert read(data[:-size]) == ([], {"corrupt": 1})
    (tmp_path / "cut").write_bytes(data[:-size])
    cut = InputFile(str(tmp_path / "cut"), "cut", len(data) - size, "1")
    assert len(parquet.units("src", [cut], ParquetOptions())) == 1


def test_real_files(real_data: Path) -> None:
    for path in sorted((real_data / "jsonl").glob("*.parquet")):
        column = "text" if "text" in pq.read_schema(path).names else "contents"
        rows, skipped = read(path.read_bytes(), text=column)
        table = pq.read_table(path)
        assert [row["text"] for row in rows] == [
            text for text in table.column(column).to_pylist() if text is not None
        ]
        assert len(rows) + sum(skipped.values()) == len(table)
