"""What a pass sees: the living documents of every unit, and a way to run tasks over them."""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from pipeline import store

Item = TypeVar("Item")
Result = TypeVar("Result")


@dataclass(frozen=True)
class LayerFile:
    """A unit's file of labels and verdicts written by an earlier pass, aligned by `row`.

    edits   columns of the documents that the file has new values of, null where they stay as they were
    """

    path: str
    columns: tuple[str, ...]
    edits: tuple[str, ...] = ()


@dataclass(frozen=True)
class CorpusUnit:
    """One unit of the corpus as it stands before a pass; picklable, cheap, holds no rows.

    index      0-based, in the order of the plan; `source` is its source's name
    first      number of the unit's first stored document in the corpus; document numbers are
               `first + position`, dense over all stored documents, living or not
    stored     documents stored (living or dropped by an earlier pass)
    alive      documents that are still in
    schema     columns that `read` may be asked for; one that this unit lacks reads as null
    """

    index: int
    name: str
    source: str
    first: int
    stored: int
    alive: int
    documents: str
    layers: tuple[LayerFile, ...]
    schema: pa.Schema

    def read(
        self, columns: Sequence[str], batch_rows: int = 2048, everything: bool = False
    ) -> Iterator[pa.Table]:
        """Tables of the living documents, `columns` in the order asked plus `position` (int64).

        `position` counts the unit's stored documents from 0. With `everything`, dropped ones are
        read too and a boolean column `alive` tells them apart.
        """
        with contextlib.ExitStack() as stack:
            file = stack.enter_context(store.parquet_file(self.documents))
            there = set(file.schema_arrow.names)
            living, places = self._layers(file)
            labels = [
                _Labels(stack.enter_context(store.parquet_file(layer.path)), asked, place, batch_rows)
                for layer, place in zip(self.layers, places, strict=True)
                if (asked := [name for name in columns if name in (*layer.columns, *layer.edits)])
            ]
            position = 0
            stored = [name for name in columns if name in there] or ["row"]
            for batch in store.row_batches(file, stored, batch_rows):
                span = slice(position, position + batch.num_rows)
                found = {
                    name: batch.column(name)
                    if name in there
                    else pa.nulls(batch.num_rows, self.schema.field(name).type)
                    for name in columns
                }
                for layer in labels:
                    layer.put(found, span)
                fields = [pa.field(name, self.schema.field(name).type) for name in columns]
                fields.append(pa.field("position", pa.int64()))
                position = span.stop
                arrays = [
                    *(found[name] for name in columns),
                    pa.array(np.arange(span.start, span.stop, dtype=np.int64)),
                ]
                table = pa.table(arrays, pa.schema(fields))
                alive = pa.array(living[span])
                if everything:
                    yield table.append_column("alive", alive)
                else:
                    table = table.filter(alive)
                    if table.num_rows:
                        yield table

    def _layers(self, file: pq.ParquetFile) -> tuple[NDArray[np.bool_], list[NDArray[np.int64]]]:
        """Who is alive [stored], and for each layer the positions of its rows."""
        living = np.ones(self.stored, np.bool_)
        places: list[NDArray[np.int64]] = []
        if not self.layers:
            return living, places
        rows = file.read(columns=["row"]).column("row").to_numpy()
        for layer in self.layers:
            with store.parquet_file(layer.path) as labels:
                table = labels.read(columns=["row", "dropped_by"])
            place = np.searchsorted(rows, table.column("row").to_numpy())
            verdicts = pc.list_value_length(table.column("dropped_by")).to_numpy()
            kept = np.zeros(self.stored, np.bool_)
            kept[place[verdicts == 0]] = True
            living &= kept
            places.append(place)
        return living, places


class _Labels:
    """A layer's file, read beside the documents: only as many rows at a time as these have.

    place   position of each row of the file among the stored documents, ascending
    """

    def __init__(
        self, file: pq.ParquetFile, columns: Sequence[str], place: NDArray[np.int64], batch_rows: int
    ) -> None:
        self._columns = list(columns)
        self._place = place
        self._row = 0
        self._batches = store.row_batches(file, columns, batch_rows)
        self._held: list[pa.RecordBatch] = []

    def put(self, found: dict[str, pa.Array], span: slice) -> None:
        """Puts what the file says of the stored documents of `span` in the place of their values; a null
        leaves the value that is there."""
        last = int(np.searchsorted(self._place, span.stop))
        place = self._place[self._row : last] - span.start
        self._row = last
        table = self._next(len(place))
        if table is None:
            return
        for name in self._columns:
            values = table.column(name).combine_chunks()
            rows = np.arange(span.stop - span.start)
            known = values.is_valid().to_numpy(zero_copy_only=False)
            rows[place[known]] = len(rows) + np.flatnonzero(known)
            if known.any():
                found[name] = pa.concat_arrays([found[name], values]).take(pa.array(rows))

    def _next(self, count: int) -> pa.Table | None:
        """The next rows of the file."""
        have = sum(batch.num_rows for batch in self._held)
        while have < count:
            self._held.append(next(self._batches))
            have += self._held[-1].num_rows
        if not count:
            return None
        table = pa.Table.from_batches(self._held)
        self._held = table.slice(count).to_batches()
        return table.slice(0, count)


class Corpus(Protocol):
    """The corpus as a pass sees it.

    units        all units, in the order of the plan
    partitions   how many pieces to cut out-of-core work into: memory per task is about the
                 corpus's keys divided by this; the result must not depend on it
    scratch      local or shared folder (a path for `open`) that is the pass's own, empty where it
                 starts anew and removed once its labels are written
    tables       folder for the tables that the pass declares, one folder each; they stay with its labels
                 and are, as these, the same whatever `partitions` is
    """

    @property
    def units(self) -> Sequence[CorpusUnit]: ...

    @property
    def partitions(self) -> int: ...

    @property
    def scratch(self) -> str: ...

    @property
    def tables(self) -> str: ...

    @property
    def seed(self) -> int: ...

    def map(self, function: Callable[[Item], Result], items: Sequence[Item], doing: str) -> Iterator[Result]:
        """`function` over `items` as tasks, results in the order of `items`.

        Function and items are pickled; `doing` names the work in the progress display. After a kill
        the pass runs anew, but tasks that were done give the results that they gave: a task leaves its
        files whole (by a `Sink`), its result names them, and what it does depends on its item alone. A
        task whose result is above 16 MB is carried out again: what is large goes through files.
        """
        ...
