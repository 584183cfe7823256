"""What a pass takes out of the texts: spans become new texts, and these are counted anew."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from pipeline.batch import Batch
from pipeline.errors import ContractError
from pipeline.segment import Chain
from text.splice import splice
from text.strings import Strings

Integers = NDArray[np.int64]


@dataclass
class Cut:
    """What was taken out of a unit's texts: documents that have changed, bytes and tokens less."""

    documents: int = 0
    bytes: int = 0
    tokens: int = 0

    def as_dict(self) -> dict[str, int]:
        return {"documents": self.documents, "bytes": self.bytes, "tokens": self.tokens}


@dataclass
class Cutter:
    """Cuts the texts of one unit, a batch at a time.

    step       the pass, for messages
    column     of the batch, list<int64>: the spans to take out of its text, bytes
    edits      the columns that change: text, tokens and bytes
    counting   counts tokens and bytes of a batch that has a text
    """

    step: str
    unit: str
    column: str
    edits: pa.Schema
    counting: Chain
    cut: Cut = field(default_factory=Cut)

    def __call__(self, table: pa.Table) -> tuple[pa.Table, Mapping[str, pa.Array]]:
        """The table with the columns of `edits` as they are after the cut, and what is new in each: null
        for documents that are left as they were.

        `table` has the columns of `edits`, `id` and the spans. ContractError where spans cannot be cut.
        """
        spans = table.column(self.column).combine_chunks()
        starts, ends, offsets = self._spans(spans, table)
        taken = _sums(ends - starts, offsets)
        changed = np.flatnonzero(taken)
        if not len(changed):
            return table, {
                name: pa.nulls(len(table), self.edits.field(name).type) for name in self.edits.names
            }
        part = table.select(["text"]).take(changed)
        strings = Strings.of(part.column("text"))
        which = np.repeat(np.arange(len(table)), np.diff(offsets))
        at = np.searchsorted(changed, which)
        inside = taken[which] > 0
        moved = strings.offsets[at[inside]]
        counts = np.diff(offsets)[changed]
        text = splice(
            strings,
            np.append(0, np.cumsum(counts)),
            starts[inside] + moved,
            ends[inside] + moved,
            np.zeros(len(moved), np.uint8),
            [""],
        )
        batch = Batch(pa.table({"text": text}))
        self.counting.apply(batch)
        rows = np.full(len(table), -1, np.int64)
        rows[changed] = np.arange(len(changed))
        place = pa.array(rows, mask=rows < 0)
        new: dict[str, pa.Array] = {}
        before = int(pc.sum(table.column("tokens").take(changed)).as_py() or 0)
        for wanted in self.edits:
            values = batch.column(wanted.name).cast(wanted.type).take(place)
            new[wanted.name] = values
            old = table.schema.get_field_index(wanted.name)
            table = table.set_column(old, wanted, pc.coalesce(values, table.column(wanted.name)))
        self.cut.documents += len(changed)
        self.cut.bytes += int(taken.sum())
        self.cut.tokens += before - int(pc.sum(batch.column("tokens")).as_py())
        return table, new

    def _spans(self, spans: pa.ListArray, table: pa.Table) -> tuple[Integers, Integers, Integers]:
        """Starts and ends of all spans, bytes of their texts, and the first span of each document [n + 1]."""
        values = spans.flatten()
        counts: Integers = pc.list_value_length(spans).fill_null(0).to_numpy().astype(np.int64)
        if (counts % 2).any():
            self._refuse(table, int(np.argmax(counts % 2)), "an odd number of offsets")
        if values.null_count:
            at = pc.index(values.is_null(), True).as_py()
            row = int(np.searchsorted(np.cumsum(counts), at, side="right"))
            self._refuse(table, row, "a null among the offsets")
        edges: Integers = values.to_numpy()
        starts, ends = edges[0::2], edges[1::2]
        offsets = np.append(0, np.cumsum(counts // 2))
        which = np.repeat(np.arange(len(table)), counts // 2)
        strings = Strings.of(table.column("text"))
        first, last = strings.offsets[which], strings.offsets[which + 1]
        before = np.append(0, ends[:-1])
        before[offsets[:-1][counts > 0]] = 0
        wrong = (starts < before) | (ends < starts) | (ends > last - first)
        for edge in (starts, ends):
            inner = ~wrong & (edge < last - first)
            wrong[inner] = strings.data[(first + edge)[inner]] & 0xC0 == 0x80
        if wrong.any():
            at = int(np.argmax(wrong))
            row = int(which[at])
            size = int(last[at] - first[at])
            self._refuse(table, row, f"bytes {starts[at]} to {ends[at]} of a text of {size}")
        return starts, ends, offsets

    def _refuse(self, table: pa.Table, row: int, what: str) -> None:
        raise ContractError(
            f"pass {self.step}: cannot cut document {table.column('id')[row].as_py()} of unit {self.unit}: "
            f"{what}; expected whole characters of the text, each span behind the one before"
        )


def _sums(values: Integers, offsets: Integers) -> Integers:
    """Sums of the pieces `values[offsets[i]:offsets[i + 1]]`, [n]."""
    total: Any = np.append(0, np.cumsum(values))
    sums: Integers = total[offsets[1:]] - total[offsets[:-1]]
    return sums
