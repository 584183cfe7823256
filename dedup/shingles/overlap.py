"""Shares of documents that are found in others, out of core: sketches, pairs of equal hashes, sums.

Each step is a task's: over a unit, a partition of hashes, or a partition of documents. See
`dedup/containment.py` for what they are for.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from dedup.scope import groups, mixed
from dedup.shingles import pairs
from dedup.shingles.pairs import Numbers
from pipeline.corpus import CorpusUnit
from pipeline.exchange import part_of, read_part, schema_of, write_by_document, write_parts
from pipeline.store import Sink, join, open_input, parquet_file
from text.folded import folded_words
from text.hashing import Hashes, mix_array
from text.sketch import Sampling, mark, others, sketches
from text.strings import Strings

_BATCH_ROWS = 64  # texts in memory at a time: they may be books
READ_ROWS = 1 << 20

# What documents are ordered by: distinct n-grams, and of as many, the bytes of the text. An edition
# with its accents has more bytes than the same in plain ASCII.
_LENGTH_BITS = 31
_MOST_LENGTH = (1 << _LENGTH_BITS) - 1


_ROWS = schema_of(
    hash=pa.uint64(), document=pa.int64(), weight=pa.int64(), tie=pa.uint64(), sketch=pa.int32()
)
_GROUPED = _ROWS.append(pa.field("group", pa.uint64(), nullable=False))
_PAIRS = schema_of(
    document=pa.int64(), weight=pa.int64(), tie=pa.uint64(), sketch=pa.int32(),
    other=pa.int64(), other_weight=pa.int64(), other_tie=pa.uint64(), shared=pa.int32(),
)  # fmt: skip
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


def write_pairs(folder: str, how: Sketching, most: int, files: Sequence[str], part: int) -> str:
    """Turns equal hashes into pairs: of each two documents the smaller, and what it shares with the other."""
    table = read_part(files, part, how.parts, how.schema)
    hashes, weight = table.column("hash").to_numpy(), table.column("weight").to_numpy()
    if how.within:
        # Only here, as what a document is sampled by and asked for is the same in all groups.
        hashes = mixed(hashes, table.column("group").to_numpy())
    tie, document = table.column("tie").to_numpy(), table.column("document").to_numpy()
    order = np.lexsort((document, tie, -weight, hashes))
    table, hashes, document = table.take(pa.array(order)), hashes[order], document[order]
    asks = table.column("sketch").to_numpy() > 0

    def pieces() -> Iterator[tuple[pa.Table, NDArray[np.int64]]]:
        for left, right in pairs.pairs(hashes, asks, most):
            first, shared = pairs.counted(document[left], document[right])
            own, other = table.take(pa.array(left[first])), table.take(pa.array(right[first]))
            found = pa.table(
                {
                    **{name: own.column(name) for name in ("document", "weight", "tie", "sketch")},
                    "other": other.column("document"),
                    "other_weight": other.column("weight"),
                    "other_tie": other.column("tie"),
                    "shared": shared.astype(np.int32),
                },
                schema=_PAIRS,
            )
            yield found, part_of(mix_array(document[left[first]].astype(np.uint64)), how.parts)

    path = join(folder, f"{part:06d}.parquet")
    write_parts(path, _PAIRS, pieces(), how.parts)
    return path


def write_shares(folder: str, least: float, files: Sequence[str], parts: int, part: int) -> str:
    """Adds up what documents share, and writes the shares that are not below `least`."""
    table = read_part(files, part, parts, _PAIRS)
    first, shared = pairs.counted(
        *(table.column(name).to_numpy() for name in ("document", "other", "shared"))
    )
    table = table.take(pa.array(first))
    share = shared / np.maximum(table.column("sketch").to_numpy(), 1)
    told = table.select([name for name in SHARES.names if name != "share"])
    told = told.append_column(SHARES.field("share"), pa.array(share))
    path = join(folder, f"{part:06d}.parquet")
    write_by_document(path, SHARES, [told.filter(pa.array((share >= least) & (share > 0)))])
    return path
