"""Shares of documents that are found in others, out of core: sketches, lists of who has a hash, sums.

Each step is a task's: over a unit, a partition of hashes, or a partition of documents. See
`dedup/containment.py` for what they are for.

Of each hash the `most` largest documents that have it are its list. Equal lists are one, and of a document
is told how many of its hashes have which list: so what all documents have, a licence or a preamble, comes
to one row a document and not to `most` for each of its n-grams.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from dedup.scope import groups, mixed
from dedup.shingles.pairs import Numbers, shares
from pipeline.corpus import CorpusUnit
from pipeline.exchange import part_of, read_part, schema_of, write_by_document, write_parts
from pipeline.store import Sink, join, open_input, parquet_file
from text.folded import folded_words
from text.hashing import Hashes, mix_array
from text.sketch import Sampling, mark, others, sketches
from text.strings import Strings

_BATCH_ROWS = 512  # texts in memory at a time, fewer where they are books
READ_ROWS = 1 << 20
_HELD_ROWS = 1 << 21  # of hashes that are read before all but the largest documents of each go
_LISTS = 1 << 14  # written at a time

# What documents are ordered by: distinct n-grams, and of as many, the bytes of the text. An edition
# with its accents has more bytes than the same in plain ASCII.
_LENGTH_BITS = 31
_MOST_LENGTH = (1 << _LENGTH_BITS) - 1


_ROWS = schema_of(
    hash=pa.uint64(), document=pa.int64(), weight=pa.int64(), tie=pa.uint64(), sketch=pa.int32()
)
_GROUPED = _ROWS.append(pa.field("group", pa.uint64(), nullable=False))
_HELD = schema_of(
    document=pa.int64(), weight=pa.int64(), tie=pa.uint64(), sketch=pa.int32(),
    list=pa.uint64(), shared=pa.int32(),
)  # fmt: skip
_LISTED = schema_of(list=pa.uint64(), other=pa.int64(), other_weight=pa.int64(), other_tie=pa.uint64())
SHARES = schema_of(
    document=pa.int64(), weight=pa.int64(), tie=pa.uint64(),
    other=pa.int64(), other_weight=pa.int64(), other_tie=pa.uint64(), share=pa.float64(),
)  # fmt: skip


@dataclass(frozen=True)
class Sketching:
    """How rows are made and cut.

    within   columns: documents are compared only where these are equal
    parts    pieces that the rows are cut into by their hashes
    """

    sampling: Sampling
    within: tuple[str, ...]
    parts: int

    @property
    def columns(self) -> list[str]:
        """What is read of a document."""
        return list(dict.fromkeys(("id", "text", "bytes", *self.within)))

    @property
    def schema(self) -> pa.Schema:
        """Of the rows; without `within` there is one group."""
        return _GROUPED if self.within else _ROWS


def write_sketches(folder: str, how: Sketching, unit: CorpusUnit) -> tuple[str, int]:
    """Writes a unit's sketches; returns the file and the size of the largest document."""
    largest = 0

    def pieces() -> Iterator[tuple[pa.Table, NDArray[np.int64]]]:
        nonlocal largest
        for table in unit.read(how.columns, _BATCH_ROWS):
            words = folded_words(Strings.of(table.column("text")))
            found = sketches(*words, how.sampling)
            largest = max(largest, int(found[2].max(initial=0)))
            yield (
                _rows(how, unit, table, found[0], found[1], found[2], np.diff(found[0])),
                part_of(found[1], how.parts),
            )

    path = join(folder, f"{unit.index:06d}.parquet")
    write_parts(path, how.schema, pieces(), how.parts)
    return path, largest


def write_others(folder: str, how: Sketching, bits_file: str, unit: CorpusUnit) -> str:
    """Writes the hashes of a unit's documents that only others' sketches hold."""
    with open_input(bits_file) as file:
        bits = np.frombuffer(file.read(), np.uint8)

    def pieces() -> Iterator[tuple[pa.Table, NDArray[np.int64]]]:
        for table in unit.read(how.columns, _BATCH_ROWS):
            words = folded_words(Strings.of(table.column("text")))
            offsets, hashes, sizes = others(*words, how.sampling, bits)
            # These rows ask for nothing: the sketch's size is not needed.
            yield (
                _rows(how, unit, table, offsets, hashes, sizes, np.zeros(len(sizes), np.int64)),
                part_of(hashes, how.parts),
            )

    path = join(folder, f"{unit.index:06d}.parquet")
    write_parts(path, how.schema, pieces(), how.parts)
    return path


def _rows(
    how: Sketching,
    unit: CorpusUnit,
    table: pa.Table,
    offsets: Numbers,
    hashes: Hashes,
    sizes: Numbers,
    sketch: Numbers,
) -> pa.Table:
    counts = np.diff(offsets)
    document = unit.first + table.column("position").to_numpy()
    length = np.minimum(table.column("bytes").to_numpy(), _MOST_LENGTH)
    weight = (sizes << _LENGTH_BITS) | length
    ties = np.array([_tie(name) for name in table.column("id").to_pylist()], np.uint64)
    rows = {
        "hash": hashes,
        "document": np.repeat(document, counts),
        "weight": np.repeat(weight, counts),
        "tie": np.repeat(ties, counts),
        "sketch": np.repeat(sketch, counts).astype(np.int32),
    }
    if how.within:
        rows["group"] = np.repeat(groups(table, how.within), counts)
    return pa.table(rows, schema=how.schema)


def _tie(name: str) -> int:
    """A number whose order is that of the first eight bytes of an id."""
    return int.from_bytes(name.encode()[:8].ljust(8, b"\0"), "big")


def write_bits(path: str, files: Sequence[str], limit: int, size: int) -> str:
    """Writes the filter, of `size` bytes, of the hashes above `limit` that some sketch holds."""
    bits = np.zeros(size, np.uint8)
    for hashes in _hashes_above(files, limit):
        mark(bits, hashes)
    with Sink(path) as sink:
        sink.write(bits.data)
    return path


def count_above(limit: int, file: str) -> int:
    """How many hashes of a file of sketches are above `limit`."""
    return sum(len(hashes) for hashes in _hashes_above([file], limit))


def _hashes_above(files: Sequence[str], limit: int) -> Iterator[Hashes]:
    for name in files:
        with parquet_file(name) as file:
            for batch in file.iter_batches(READ_ROWS, columns=["hash"]):
                hashes = batch.column("hash").to_numpy()
                yield hashes[hashes > np.uint64(limit)]


@dataclass(frozen=True)
class _Largest:
    """The largest documents of each of h hashes that several have, the largest first; r rows.

    hashes   [h], ascending
    starts   [h + 1], the first row of each
    lists    [h], the same for hashes that have the same documents
    """

    hashes: Hashes
    starts: Numbers
    document: Numbers
    weight: Numbers
    tie: Hashes
    lists: Hashes

    @classmethod
    def of(cls, how: Sketching, most: int, files: Sequence[str], part: int) -> "_Largest":
        """Of a partition; in memory are `most` rows of a hash, however many documents have it."""
        held = [_columns(how.schema.empty_table(), np.zeros(0, np.uint64))]
        rows = 0
        for path in files:
            held.append(_columns(*_rows_of(how, path, part)))
            rows += len(held[-1][0])
            if rows > _HELD_ROWS + 2 * len(held[0][0]):
                held, rows = [_first_of_each(held, most)], 0
        hashes, document, weight, tie = _first_of_each(held, most)
        starts = _starts(hashes)
        several = np.diff(starts) > 1
        kept = np.repeat(several, np.diff(starts))
        document, weight, tie = document[kept], weight[kept], tie[kept]
        firsts = hashes[starts[:-1][several]]
        starts = np.append(0, np.cumsum(np.diff(starts)[several]))
        # Their order is that of all documents: a list is known by what is in it.
        own = mix_array(document.astype(np.uint64) + np.uint64(1))
        lists = mix_array(np.add.reduceat(own, starts[:-1])) if len(firsts) else own
        return cls(firsts, starts, document, weight, tie, lists)

    def find(self, hashes: Hashes) -> Numbers:
        """The place of each hash, -1 of one that no two documents have."""
        if not len(self.hashes):
            return np.full(len(hashes), -1)
        at = np.minimum(np.searchsorted(self.hashes, hashes), len(self.hashes) - 1)
        return np.where(self.hashes[at] == hashes, at, -1)


_Columns = tuple[Hashes, Numbers, Numbers, Hashes]


def _rows_of(how: Sketching, path: str, part: int) -> tuple[pa.Table, Hashes]:
    """The rows of a partition in one file, and their hashes."""
    table = read_part([path], part, how.parts, how.schema)
    hashes = table.column("hash").to_numpy()
    if how.within:
        # Only here, as what a document is sampled by and asked for is the same in all groups.
        hashes = mixed(hashes, table.column("group").to_numpy())
    return table, hashes


def _columns(table: pa.Table, hashes: Hashes) -> _Columns:
    document, weight, tie = (table.column(name).to_numpy() for name in ("document", "weight", "tie"))
    return hashes, document, weight, tie


def _starts(values: Hashes) -> Numbers:
    """Where each run of equal values begins, and the end."""
    new = np.ones(len(values) + 1, np.bool_)
    new[1:-1] = values[1:] != values[:-1]
    return np.flatnonzero(new) if len(values) else np.zeros(1, np.int64)


def _first_of_each(several: Sequence[_Columns], most: int) -> _Columns:
    """The `most` largest documents of each hash."""
    hashes, document, weight, tie = (np.concatenate(columns) for columns in zip(*several, strict=True))
    order = np.lexsort((document, tie, -weight, hashes))
    starts = _starts(hashes[order])
    sizes = np.diff(starts)
    order = order[np.arange(len(order)) - np.repeat(starts[:-1], sizes) < most]
    return hashes[order], document[order], weight[order], tie[order]


def write_lists(
    folder: str, how: Sketching, most: int, files: Sequence[str], others: Sequence[str], part: int
) -> tuple[str, str]:
    """Finds the lists of a partition of hashes, and which documents' hashes have them.

    files, others   of sketches, whose rows ask, and of the hashes of longer documents, whose rows do not
    Returns files of `_HELD` and of `_LISTED`, both cut by the documents that ask.
    """
    largest = _Largest.of(how, most, [*files, *others], part)
    _, first, number = np.unique(largest.lists, return_index=True, return_inverse=True)
    asked = [np.zeros(0, np.int64)]  # which list in which part

    def held() -> Iterator[tuple[pa.Table, NDArray[np.int64]]]:
        for path in files:
            table, hashes = _rows_of(how, path, part)
            at = largest.find(hashes)
            document = table.column("document").to_numpy()
            mine = np.flatnonzero(at >= 0)
            # The first of a list finds nobody before it.
            mine = mine[largest.document[largest.starts[at[mine]]] != document[mine]]
            at, document = number[at[mine]], document[mine]
            order = np.lexsort((at, document))
            at, document = at[order], document[order]
            new = np.ones(len(order), np.bool_)
            new[1:] = (document[1:] != document[:-1]) | (at[1:] != at[:-1])
            rows = np.flatnonzero(new)
            own = table.take(pa.array(mine[order[rows]]))
            columns = {name: own.column(name) for name in ("document", "weight", "tie", "sketch")}
            columns["list"] = largest.lists[first[at[rows]]]
            columns["shared"] = np.diff(rows, append=len(order)).astype(np.int32)
            parts = _part_of(document[rows], how.parts)
            asked[:] = [different(np.concatenate([*asked, at[rows] * how.parts + parts]))]
            yield pa.table(columns, schema=_HELD), parts

    def listed() -> Iterator[tuple[pa.Table, NDArray[np.int64]]]:
        for begin in range(0, len(asked[0]), _LISTS):
            at, parts = np.divmod(asked[0][begin : begin + _LISTS], how.parts)
            starts = largest.starts[first[at]]
            sizes = largest.starts[first[at] + 1] - starts
            rows = np.repeat(starts - (np.cumsum(sizes) - sizes), sizes) + np.arange(sizes.sum())
            columns = [
                np.repeat(largest.lists[first[at]], sizes),
                *(values[rows] for values in (largest.document, largest.weight, largest.tie)),
            ]
            yield pa.table(columns, schema=_LISTED), np.repeat(parts, sizes)

    paths = join(folder, f"{part:06d}.held.parquet"), join(folder, f"{part:06d}.lists.parquet")
    if not len(largest.hashes):
        files = ()
    write_parts(paths[0], _HELD, held(), how.parts)
    write_parts(paths[1], _LISTED, listed(), how.parts)
    return paths


def _part_of(document: Numbers, parts: int) -> NDArray[np.int64]:
    return part_of(mix_array(document.astype(np.uint64)), parts)


def different(values: Numbers) -> Numbers:
    """The different values, ascending. `np.unique` hashes them, and takes twenty times as long."""
    values = np.sort(values)
    new = np.ones(len(values), np.bool_)
    new[1:] = values[1:] != values[:-1]
    return values[new]


def write_shares(folder: str, least: float, files: Sequence[tuple[str, str]], parts: int, part: int) -> str:
    """Adds up what documents share with those on their lists, and writes the shares that are not below
    `least`, by document."""
    lists = read_part([path for _, path in files], part, parts, _LISTED)
    key, other, weight, tie = (column.to_numpy() for column in lists.columns)
    order = np.lexsort((other, tie, -weight, key))
    new = np.ones(len(order), np.bool_)  # a list comes from each partition that has it
    new[1:] = (np.diff(key[order]) != 0) | (np.diff(other[order]) != 0)
    order = order[new]
    key, other, weight, tie = (values[order] for values in (key, other, weight, tie))
    _, known, place = np.unique(other, return_index=True, return_inverse=True)
    starts = _starts(key)
    table = read_part([path for path, _ in files], part, parts, _HELD)
    by_document = np.argsort(table.column("document").to_numpy(), kind="stable")
    document = table.column("document").to_numpy()[by_document]
    at = np.searchsorted(key[starts[:-1]], table.column("list").to_numpy()[by_document])
    first_rows = _starts(document)
    own = table.take(pa.array(by_document[first_rows[:-1]]))

    def told() -> Iterator[pa.Table]:
        for row, found, share in shares(
            first_rows,
            document,
            own.column("sketch").to_numpy().astype(np.int64),
            starts[at],
            starts[at + 1],
            table.column("shared").to_numpy()[by_document].astype(np.int64),
            other,
            place,
            len(known),
            least,
        ):
            columns = {name: own.column(name).take(pa.array(row)) for name in ("document", "weight", "tie")}
            columns |= {"other": other[known[found]], "other_weight": weight[known[found]]}
            yield pa.table(columns | {"other_tie": tie[known[found]], "share": share}, schema=SHARES)

    path = join(folder, f"{part:06d}.parquet")
    write_by_document(path, SHARES, told())
    return path
