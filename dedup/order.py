"""The order of documents with one key, by partitions of the keys: what `ranking` labels units by.

A task first counts the keys of its partition, 16 bytes each, and then holds only what is in a cluster, and a
unit's documents of the partition besides. A key of more than `MOST_ROWS` documents is gone through by itself,
range by range of its order: so a text that any number of documents have takes no more memory than others.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from pipeline.exchange import read_part, schema_of, write_by_document, write_parts
from pipeline.store import join, remove
from text.hashing import Hashes

MOST_ROWS = 1 << 19  # documents of a partition or a key that are ordered at once, about
_SAMPLED = 1 << 7  # of so many documents of a large key one is looked at to cut it into ranges

EARLIER = schema_of(high=pa.uint64(), low=pa.uint64(), id=pa.large_string(), place=pa.int64())
"""A document of an earlier run: its key, its id, and its place among those with the same key, where
documents of one place go by their ids."""


RANKED = schema_of(document=pa.int64(), cluster=pa.large_string(), rank=pa.int32(), size=pa.int32())
"""Of the clusters of more than one: each document, the id of the one to keep, place and size."""


def write_ranks(
    folder: str,
    schema: pa.Schema,
    key_files: Sequence[str],
    early_files: Sequence[str],
    parts: int,
    part: int,
) -> tuple[str, ...]:
    """Writes the clusters of one partition; returns files of `RANKED`.

    schema                  of the key files: high, low, document, id, order_0 and so on
    key_files, early_files  of `write_parts`, of the corpus and, as EARLIER, of earlier runs
    """
    rows = _Rows(schema, key_files, early_files, parts, part)
    counts = _Counts.of(rows)
    paths: list[str] = []

    def write(ranked: pa.Table) -> None:
        paths.append(join(folder, f"{part:06d}-{len(paths):04d}.parquet"))
        write_by_document(paths[-1], RANKED, [ranked])

    few = counts.count <= MOST_ROWS
    # Keys in a row with so many documents together, about; larger ones by themselves.
    before = np.cumsum(np.where(few, counts.count, 0))
    for piece in range(int(before[-1]) // MOST_ROWS + 1 if len(before) else 0):
        chosen = few & (before // MOST_ROWS == piece)
        if chosen.any():
            write(_ranked(pa.concat_tables(rows.of(counts, chosen))))
    for key in np.flatnonzero(~few).tolist():
        scratch = join(folder, f"{part:06d}-{key}.ranges")
        for ranked in _ranges(rows, counts, key, scratch):
            write(ranked)
        remove(scratch)
    return tuple(paths)


@dataclass(frozen=True)
class _Rows:
    """The rows of one partition, file by file; what comes earlier has no number, and is told by it."""

    schema: pa.Schema
    new: Sequence[str]
    early: Sequence[str]
    parts: int
    part: int

    @property
    def by(self) -> list[str]:
        """The columns that documents of one key go by. An id that two share must not leave their order open:
        so the number comes last."""
        orders = [name for name in self.schema.names if name.startswith("order_")]
        return ["place", *orders, "id", "document"]

    def halves(self) -> Iterator[tuple[Hashes, Hashes, bool]]:
        """Both halves of the keys of each file, and whether they are new; new ones come first."""
        for files, schema in ((self.new, self.schema), (self.early, EARLIER)):
            for path in files:
                table = read_part([path], self.part, self.parts, schema, ("high", "low"))
                yield table.column("high").to_numpy(), table.column("low").to_numpy(), files is self.new

    def of(self, counts: "_Counts", chosen: NDArray[np.bool_]) -> list[pa.Table]:
        """The rows with one of the keys that are `chosen`, [keys]; `key` is its number."""
        return [self._empty(), *self.pieces(counts, chosen)]

    def pieces(self, counts: "_Counts", chosen: NDArray[np.bool_]) -> Iterator[pa.Table]:
        """As `of`, file by file."""
        for files, schema in ((self.new, self.schema), (self.early, EARLIER)):
            for path in files:
                table = read_part([path], self.part, self.parts, schema)
                key = counts.find(table.column("high").to_numpy(), table.column("low").to_numpy())
                mine = np.flatnonzero((key >= 0) & chosen[key])
                if len(mine):
                    yield self._whole(table.take(pa.array(mine)), key[mine])

    def _empty(self) -> pa.Table:
        return self._whole(self.schema.empty_table(), np.zeros(0, np.int64))

    def _whole(self, table: pa.Table, key: NDArray[np.int64]) -> pa.Table:
        given = {name: table.column(name) for name in table.column_names}
        given.setdefault("place", pa.array(np.full(len(key), np.iinfo(np.int64).max)))
        nobody = pa.array(np.full(len(key), -1))
        given["key"] = pa.array(key)
        names = ["key", *self.by]
        return pa.table([given.get(name, nobody) for name in names], names=names)


@dataclass(frozen=True)
class _Counts:
    """The keys that new documents share with some other one, by halves, and how many documents each has."""

    high: Hashes
    low: Hashes
    count: NDArray[np.int64]

    @classmethod
    def of(cls, rows: _Rows) -> "_Counts":
        nothing = np.zeros(0, np.uint64)
        found = cls(nothing, nothing, np.zeros(0, np.int64))
        waiting = [found]
        all_new = True
        for high, low, new in rows.halves():
            if not new:
                if all_new:
                    found, all_new = cls._added(waiting), False
                    waiting = [found]
                known = found.find(high, low) >= 0
                high, low = high[known], low[known]
            waiting.append(cls._added([cls(high, low, np.ones(len(high), np.int64))]))
            if sum(len(each.high) for each in waiting[1:]) > MOST_ROWS + len(waiting[0].high):
                waiting = [cls._added(waiting)]
        found = cls._added(waiting)
        shared = found.count > 1
        return cls(found.high[shared], found.low[shared], found.count[shared])

    @classmethod
    def _added(cls, several: Sequence["_Counts"]) -> "_Counts":
        high = np.concatenate([each.high for each in several])
        low = np.concatenate([each.low for each in several])
        order, bounds = runs(low, high)
        first = order[bounds[:-1]]
        count = np.concatenate([each.count for each in several])[order]
        sums = np.add.reduceat(count, bounds[:-1]) if len(first) else count
        return cls(high[first], low[first], sums)

    def find(self, high: Hashes, low: Hashes) -> NDArray[np.int64]:
        """The number of each key, [n], -1 of one that is not here."""
        if not len(self.high):
            return np.full(len(high), -1)
        last = len(self.high) - 1
        at = np.minimum(np.searchsorted(self.high, high), last)
        while True:  # as often as keys share their high half
            short = (self.high[at] == high) & (self.low[at] < low) & (at < last)
            if not short.any():
                break
            at += short
        return np.where((self.high[at] == high) & (self.low[at] == low), at, -1)


def runs(*keys: NDArray[np.uint64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Equal keys side by side: the order that brings them there, and where each run starts, + [n].

    keys   one or more arrays [n]; rows are equal where all of them are
    """
    order = np.lexsort(keys)
    new = np.ones(len(order) + 1, np.bool_)
    new[1:-1] = False
    for key in keys:
        new[1:-1] |= np.diff(key[order]) != 0
    return order, np.flatnonzero(new)


def _ranked(rivals: pa.Table) -> pa.Table:
    """All rows of some keys as `RANKED`, in the order of documents."""
    by = [(name, "ascending") for name in rivals.column_names]  # `key` first
    rivals = rivals.take(pc.sort_indices(rivals, sort_keys=by))
    key = rivals.column("key").to_numpy()
    starts = np.flatnonzero(np.concatenate([np.ones(min(1, len(key)), np.bool_), key[1:] != key[:-1]]))
    sizes = np.diff(np.append(starts, len(key)))
    place = np.arange(len(key)) - np.repeat(starts, sizes)
    keepers = rivals.column("id").take(pa.array(np.repeat(starts, sizes)))
    return _told(rivals.column("document"), keepers, place, np.repeat(sizes, sizes))


def _told(document: pa.ChunkedArray, cluster: Any, place: NDArray[np.int64], size: Any) -> pa.Table:
    told = {
        "document": document,
        "cluster": cluster,
        "rank": place.astype(np.int32),
        "size": size.astype(np.int32),
    }
    ranked = pa.table(told, schema=RANKED)
    numbers = document.to_numpy()
    by_document = np.argsort(numbers, kind="stable")
    return ranked.take(pa.array(by_document[np.searchsorted(numbers[by_document], 0) :]))


def _ranges(rows: _Rows, counts: _Counts, key: int, scratch: str) -> Iterator[pa.Table]:
    """The rows of one large key as `RANKED`, range by range of their order, each by document.

    scratch   file in which they lie by range
    """
    chosen = np.arange(len(counts.count)) == key
    by = [(name, "ascending") for name in rows.by]
    sampled = pa.concat_tables([piece[::_SAMPLED] for piece in rows.pieces(counts, chosen)])
    borders = sampled.take(pc.sort_indices(sampled, sort_keys=by))[:: max(1, MOST_ROWS // _SAMPLED)]

    def cut() -> Iterator[tuple[pa.Table, NDArray[np.int64]]]:
        for piece in rows.pieces(counts, chosen):
            order = pc.sort_indices(pa.concat_tables([borders, piece]), sort_keys=by).to_numpy()
            place = np.empty(len(order), np.int64)
            place[order] = np.cumsum(order < borders.num_rows)  # borders that come before it
            yield piece, place[borders.num_rows :]

    ranges = borders.num_rows + 1
    write_parts(scratch, borders.schema, cut(), ranges)
    size, done = int(counts.count[key]), 0
    keeper: pa.Array | None = None
    for number in range(ranges):
        table = read_part([scratch], number, ranges, borders.schema)
        if not table.num_rows:
            continue
        table = table.take(pc.sort_indices(table, sort_keys=by))
        if keeper is None:
            keeper = table.column("id").combine_chunks()[:1]
        cluster = keeper.take(pa.array(np.zeros(table.num_rows, np.int64)))
        place = done + np.arange(table.num_rows)
        yield _told(table.column("document"), cluster, place, np.full(table.num_rows, size))
        done += table.num_rows
