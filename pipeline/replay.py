"""Signals of an earlier segment, used again: a changed threshold never reads the crawl twice.

A segment's documents and ledger together hold every row of its units with all that was measured.
A later segment over the same source whose stages are partly the same takes those columns as its
input, measures what is new and decides afresh.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline import store
from pipeline.source import Unit


@dataclass(frozen=True)
class Donor:
    """An earlier segment's folder and the columns of it that are still valid."""

    folder: str
    columns: tuple[str, ...]

    def read(self, root: str, unit: Unit) -> Iterator[pa.Table]:
        """All rows of the unit, kept and dropped, in the order in which they were first read."""
        paths = [
            store.join(root, self.folder, kind, f"{unit.name}.parquet") for kind in ("documents", "dropped")
        ]
        yield from merge_by_row(paths, self.columns)

    def skipped(self, root: str, unit: Unit) -> dict[str, int]:
        manifest = store.read_json(store.join(root, self.folder, "units", f"{unit.name}.json"))
        counts: dict[str, int] = manifest["skipped"]
        return counts


def merge_by_row(paths: Sequence[str], columns: Sequence[str], batch_rows: int = 1024) -> Iterator[pa.Table]:
    """Merges Parquet files that are each ascending by `row`, holding one batch of each."""
    streams = [_batches(path, columns, batch_rows) for path in paths]
    held = [next(stream, None) for stream in streams]
    while any(table is not None for table in held):
        last = min(int(table.column("row")[-1].as_py()) for table in held if table is not None)
        ready: list[pa.Table] = []
        for at, table in enumerate(held):
            if table is None:
                continue
            rows = table.column("row").to_numpy()
            cut = int(np.searchsorted(rows, last, side="right"))
            ready.append(table.slice(0, cut))
            held[at] = table.slice(cut) if cut < len(rows) else next(streams[at], None)
        merged = pa.concat_tables(ready)
        yield merged.take(pc.sort_indices(merged.column("row"))).select(list(columns))


def _batches(path: str, columns: Sequence[str], rows: int) -> Iterator[pa.Table]:
    with store.parquet_file(path) as file:
        for batch in store.row_batches(file, columns, rows):
            yield pa.Table.from_batches([batch])
