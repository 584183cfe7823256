"""A unit is read with the labels and edits of all its layers, a bounded batch at a time."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline import store
from pipeline.corpus import CorpusUnit, LayerFile

SCHEMA = pa.schema(
    {
        "row": pa.int64(),
        "text": pa.string(),
        "tokens": pa.int64(),
        "a": pa.int64(),
        "b_0": pa.int64(),
        "b_1": pa.int64(),
        "b_2": pa.int64(),
    }
)
Row = dict[str, Any]


def write(path: Path, rows: list[Row], schema: pa.Schema) -> str:
    with store.ParquetSink(str(path), schema, group_rows=4) as sink:
        sink.write(pa.Table.from_pylist(rows, schema))
    return str(path)


def unit(folder: Path, stored: list[Row], layers: list[list[Row]]) -> CorpusUnit:
    """A unit with these stored documents, and layers of rows; layer k labels `b_k` and edits the text."""
    kept = pa.schema([SCHEMA.field(name) for name in ("row", "text", "tokens", "a")])
    files = []
    for number, rows in enumerate(layers):
        verdicts = pa.field("dropped_by", pa.list_(pa.string()))
        schema = pa.schema([*(SCHEMA.field(n) for n in ("row", f"b_{number}", "text", "tokens")), verdicts])
        path = write(folder / f"layer-{number}.parquet", rows, schema)
        files.append(LayerFile(path, (f"b_{number}",), ("text", "tokens")))
    alive = sum(not row["dropped_by"] for row in layers[-1]) if layers else len(stored)
    return CorpusUnit(
        0, "unit-0", "made", 0, len(stored), alive, write(folder / "documents.parquet", stored, kept),
        tuple(files), SCHEMA,
    )  # fmt: skip


def read(held: CorpusUnit, columns: list[str], batch_rows: int, everything: bool) -> list[Row]:
    tables = list(held.read(columns, batch_rows, everything))
    assert all(0 < table.num_rows <= batch_rows for table in tables)
    return [row for table in tables for row in table.to_pylist()]


def test_no_document(tmp_path: Path) -> None:
    assert read(unit(tmp_path, [], [[], []]), ["text", "b_1"], 3, True) == []


@st.composite
def made(draw: st.DrawFn) -> tuple[list[Row], list[list[Row]]]:
    stored: list[Row] = [
        {"row": 3 * at, "text": f"text {at}", "tokens": at, "a": -at}
        for at in range(draw(st.integers(0, 14)))
    ]
    rows: list[Row] = stored
    layers: list[list[Row]] = []
    for number in range(draw(st.integers(0, 3))):
        layer: list[Row] = []
        for row in rows:
            edited, dropped = draw(st.booleans()), draw(st.integers(0, 3)) == 0
            layer.append(
                {
                    "row": row["row"],
                    f"b_{number}": 100 * number + row["row"],
                    "text": f"edited {number} {row['row']}" if edited else None,
                    "tokens": 1000 * number + row["row"] if edited else None,
                    "dropped_by": ["some"] if dropped else [],
                }
            )
        layers.append(layer)
        rows = [row for row in layer if not row["dropped_by"]]
    return stored, layers


@settings(max_examples=40)
@given(content=made(), batch_rows=st.integers(1, 6), everything=st.booleans())
def test_the_last_edit_counts(
    content: tuple[list[Row], list[list[Row]]],
    batch_rows: int,
    everything: bool,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    stored, layers = content
    columns = ["tokens", "b_1", "a", "text", "b_0", "b_2"]
    want = []
    for position, row in enumerate(stored):
        known: Row = {**dict.fromkeys(SCHEMA.names), **row}
        alive = True
        for layer in layers:
            here = [each for each in layer if each["row"] == row["row"]]
            for each in here:
                known |= {name: value for name, value in each.items() if value is not None}
            alive = bool(here) and not here[0]["dropped_by"]
        found = {**{name: known[name] for name in columns}, "position": position}
        if everything:
            want.append({**found, "alive": alive})
        elif alive:
            want.append(found)
    held = unit(tmp_path_factory.mktemp("unit"), stored, layers)
    assert read(held, columns, batch_rows, everything) == want
    assert read(held, ["b_2", "text"], batch_rows, everything) == [
        {name: row[name] for name in row if name in ("text", "b_2", "position", "alive")} for row in want
    ]


def test_an_edited_text_is_never_held_as_a_whole(tmp_path: Path) -> None:
    long = "x" * 200_000
    stored = [{"row": at, "text": f"{at}", "tokens": 1, "a": 1} for at in range(200)]
    layer = [{"row": at, "b_0": 1, "text": long, "tokens": 1, "dropped_by": []} for at in range(200)]
    held = unit(tmp_path, stored, [layer])
    before = pa.total_allocated_bytes()
    most = read_bytes = 0
    for table in held.read(["text"], 4):
        read_bytes += table.nbytes
        most = max(most, pa.total_allocated_bytes() - before)
    assert read_bytes > 200 * len(long) and most < 0.25 * 200 * len(long)
