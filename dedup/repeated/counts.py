"""How often lines are seen across documents, out of core: shared by the passes `lines` and `paragraphs`.

Every unit adds up its lines by their key, a 64-bit hash of the line, its group and its bucket, and
writes the sums cut by key (33 bytes a distinct line before compression). Every partition finds the keys
over the limit and writes them back, each to the units that have it: so a unit never reads what others
have, and a task holds one unit's lines or one partition's. Of a partition, what cannot be over the limit
is ruled out by one byte a counter before anything is held (`text/sieve.py`), and a line of every document
is one row of each unit. Among 3 * 10^10 lines of which 10^8 are over the limit, one line in all is taken
for another by its hash, with a chance of 1 in 6.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from dedup.order import runs
from dedup.scope import groups
from pipeline.corpus import Corpus, CorpusUnit
from pipeline.exchange import (
    part_of,
    read_documents,
    read_part,
    schema_of,
    write_by_document,
    write_parts,
)
from pipeline.store import ParquetSink, join, make_folder, parquet_file
from text import copies, sieve
from text.copies import Unit, Way
from text.hashing import MULTIPLIER, Hashes, hash128, mix_array
from text.lines import Lines, cut_lines
from text.strings import Offsets, Strings

Numbers = NDArray[np.int64]

BATCH_ROWS = 512  # texts in memory at a time
_HELD_LINES = 1 << 20  # added up at a time


_GROUPS = schema_of(group=pa.uint64(), documents=pa.int64())
_COUNTS = schema_of(key=pa.uint64(), times=pa.int64(), documents=pa.int64(), bytes=pa.int64())
_OVER = schema_of(document=pa.int64(), key=pa.uint64(), first=pa.bool_())
FREQUENT = schema_of(**{field.name: field.type for field in _COUNTS}, unit=pa.int64())


@dataclass(frozen=True)
class Method:
    """What is compared, what is too often, and what stays; the fields are the options of the passes."""

    name: str
    unit: Unit
    normalise: Way
    more_than: int
    count: Literal["times", "documents"]
    bucket: int | None
    within: tuple[str, ...]
    sources: tuple[str, ...]
    keep: Literal["none", "first"]
    once: bool
    least: int
    listed: int


@dataclass(frozen=True)
class Buckets:
    """The groups of more documents than a bucket holds, ascending, and into how many each is cut, [k]."""

    groups: Hashes
    counts: Numbers

    @property
    def columns(self) -> tuple[str, ...]:
        return ("id",) if len(self.groups) else ()

    def number(self, group: Hashes, table: pa.Table) -> Numbers:
        """The bucket of each document, [n]: by the hash of its id."""
        if len(self.groups) == 0:
            return np.zeros(len(group), np.int64)
        at = np.minimum(np.searchsorted(self.groups, group), len(self.groups) - 1)
        counts = np.where(self.groups[at] == group, self.counts[at], 1)
        ids = hash128(Strings.of(table.column("id")))[:, 0]
        return ((ids >> np.uint64(32)) * counts.astype(np.uint64) >> np.uint64(32)).astype(np.int64)


@dataclass(frozen=True)
class Seen:
    """The lines of a table of texts that are compared, m of all lines.

    units    which lines make up each; offsets [n + 1]
    keys     [m] uint64, equal where two are copies of one group and bucket
    after    [lines] int64, the byte behind the line break of each line
    bucket   [n] int64
    """

    strings: Strings
    lines: Lines
    units: copies.Units
    keys: Hashes
    after: Offsets
    bucket: Numbers

    @property
    def bytes(self) -> Numbers:
        """Bytes of each, line breaks included, [m]."""
        return np.asarray(self.after[self.units.last - 1] - self.lines.starts[self.units.first])


def columns_of(method: Method, buckets: Buckets) -> tuple[str, ...]:
    """What `look` reads."""
    return tuple(dict.fromkeys(("text", *buckets.columns, *method.within)))


def look(method: Method, buckets: Buckets, table: pa.Table) -> Seen:
    """The lines or paragraphs of a table that are compared."""
    strings = Strings.of(table.column("text"))
    lines = cut_lines(strings)
    found = copies.units(lines, method.unit)
    hashes, sizes = copies.read_units(strings, lines, found, method.normalise)
    if method.least:
        long = sizes >= method.least
        before = np.zeros(len(long) + 1, np.int64)
        np.cumsum(long, out=before[1:])
        found = copies.Units(before[found.offsets], found.first[long], found.last[long])
        hashes = hashes[long]
    group = groups(table, method.within)
    bucket = buckets.number(group, table)
    # Hashes are well mixed already, and 0 leaves those of the one group and bucket as they are.
    own = mix_array(group * MULTIPLIER + bucket.astype(np.uint64))
    keys = hashes ^ np.repeat(own, np.diff(found.offsets))
    after = copies.ends_with_break(strings, lines)
    return Seen(strings, lines, found, keys, after, bucket)


def _write_groups(folder: str, within: tuple[str, ...], parts: int, unit: CorpusUnit) -> str:
    def pieces() -> Iterator[tuple[pa.Table, Numbers]]:
        for table in unit.read(within, batch_rows=1 << 16):
            group, documents = np.unique(groups(table, within), return_counts=True)
            yield pa.table({"group": group, "documents": documents}, schema=_GROUPS), part_of(group, parts)

    path = join(folder, f"{unit.index:06d}.parquet")
    write_parts(path, _GROUPS, pieces(), parts)
    return path


def _large(files: Sequence[str], parts: int, bucket: int, part: int) -> tuple[Hashes, Numbers]:
    """The groups of more than `bucket` documents, and their documents."""
    table = read_part(files, part, parts, _GROUPS)
    group, at = np.unique(table.column("group").to_numpy(), return_inverse=True)
    documents = np.zeros(len(group), np.int64)
    np.add.at(documents, at, table.column("documents").to_numpy())
    return group[documents > bucket], documents[documents > bucket]


def cut_buckets(corpus: Corpus, method: Method, units: Sequence[CorpusUnit]) -> Buckets:
    """Into how many buckets each group is cut; no document is read where all fit into one."""
    documents = sum(unit.alive for unit in units)
    group, held = np.zeros(0, np.uint64), np.zeros(0, np.int64)
    bucket = method.bucket or documents
    if documents > bucket and not method.within:
        group, held = np.zeros(1, np.uint64), np.array([documents])
    elif documents > bucket:
        folder, parts = join(corpus.scratch, "groups"), corpus.partitions
        make_folder(folder)
        write = partial(_write_groups, folder, method.within, parts)
        files = list(corpus.map(write, units, f"{method.name}: groups"))
        large = list(corpus.map(partial(_large, files, parts, bucket), range(parts), f"{method.name}: sizes"))
        group = np.concatenate([part[0] for part in large])
        held = np.concatenate([part[1] for part in large])
    order = np.argsort(group)
    return Buckets(group[order], -(-held[order] // max(bucket, 1)))


def _added_up(keys: Hashes, documents: Numbers, sizes: Numbers) -> pa.Table:
    """Lines of whole documents in their order, [m] each, as one row for each key."""
    order = np.argsort(keys, kind="stable")
    keys, documents = keys[order], documents[order]
    new = np.ones(len(order), np.bool_)
    new[1:] = keys[1:] != keys[:-1]
    another = new.copy()
    another[1:] |= documents[1:] != documents[:-1]
    starts = np.flatnonzero(new)
    arrays = {
        "key": keys[starts],
        "times": np.diff(starts, append=len(keys)),
        "documents": np.add.reduceat(another.astype(np.int64), starts),
        "bytes": np.add.reduceat(sizes[order], starts),
    }
    return pa.table(arrays, schema=_COUNTS)


def write_counts(folder: str, method: Method, buckets: Buckets, parts: int, unit: CorpusUnit) -> "Counted":
    """How often the unit has each line."""
    rows = 0

    def pieces() -> Iterator[tuple[pa.Table, Numbers]]:
        nonlocal rows
        held: list[tuple[Hashes, Numbers, Numbers]] = []
        for last, table in _with_last(unit.read(columns_of(method, buckets), BATCH_ROWS)):
            seen = look(method, buckets, table)
            documents = np.repeat(table.column("position").to_numpy(), np.diff(seen.units.offsets))
            held.append((seen.keys, documents, seen.bytes))
            lines = sum(len(keys) for keys, _, _ in held)
            if lines and (last or lines >= _HELD_LINES):
                keys, documents, sizes = (np.concatenate(arrays) for arrays in zip(*held, strict=True))
                held = []
                added = _added_up(keys, documents, sizes)
                rows += added.num_rows
                yield added, part_of(added.column("key").to_numpy(), parts)

    path = join(folder, f"{unit.index:06d}.parquet")
    write_parts(path, _COUNTS, pieces(), parts)
    return Counted(unit.first, path, rows)


def _with_last(tables: Iterator[pa.Table]) -> Iterator[tuple[bool, pa.Table]]:
    """Each table, and whether it is the last."""
    before = next(tables, None)
    while before is not None:
        after = next(tables, None)
        yield after is None, before
        before = after


@dataclass(frozen=True)
class Counted:
    """What `write_counts` wrote of the unit whose first document has the number `unit`."""

    unit: int
    path: str
    rows: int


def _rows(
    files: Sequence[Counted], part: int, parts: int, columns: list[str]
) -> Iterator[tuple[int, pa.Table]]:
    for counted in files:
        with parquet_file(counted.path) as file:
            there = list(range(part, file.num_row_groups, parts))
            if there:
                yield counted.unit, file.read_row_groups(there, columns)


def write_over(
    folder: str, method: Method, files: Sequence[Counted], parts: int, part: int
) -> tuple[str, str]:
    """The keys of a partition that are over the limit: for every unit those that it has, by number; and
    the most frequent ones with what is known of them."""
    counters = sieve.counters(sum(counted.rows for counted in files) // parts)
    for _, table in _rows(files, part, parts, ["key", method.count]):
        sieve.count(counters, table.column("key").to_numpy(), table.column(method.count).to_numpy())
    kept = [FREQUENT.empty_table()]
    for number, table in _rows(files, part, parts, _COUNTS.names):
        some = sieve.may_exceed(counters, table.column("key").to_numpy(), method.more_than)
        table = table.filter(pa.array(some))
        kept.append(table.append_column("unit", pa.array(np.full(table.num_rows, number))).cast(FREQUENT))
    del counters
    over, frequent = _over(method, pa.concat_tables(kept).combine_chunks())
    paths = join(folder, f"{part:06d}.parquet"), join(folder, f"{part:06d}.frequent.parquet")
    write_by_document(paths[0], _OVER, [over])
    with ParquetSink(paths[1], FREQUENT) as sink:
        sink.write(most_frequent([frequent], method.listed))
    return paths


def _over(method: Method, table: pa.Table) -> tuple[pa.Table, pa.Table]:
    """Of rows in the order of units: the keys over the limit, by unit, and what is known of each."""
    if table.num_rows == 0:
        return _OVER.empty_table(), FREQUENT.empty_table()
    order, bounds = runs(table.column("key").to_numpy())
    table, starts = table.take(order), bounds[:-1]
    sums = {
        name: np.add.reduceat(table.column(name).to_numpy(), starts)
        for name in ("times", "documents", "bytes")
    }
    above = sums[method.count] > method.more_than
    sizes = np.diff(bounds)
    key, unit = table.column("key").to_numpy(), table.column("unit").to_numpy()
    known = {"key": key[starts], **sums, "unit": unit[starts]}
    frequent = pa.table({name: values[above] for name, values in known.items()}, schema=FREQUENT)
    new = np.ones(len(key), np.bool_)  # not the second row of a unit
    new[1:] = (key[1:] != key[:-1]) | (unit[1:] != unit[:-1])
    kept = new & np.repeat(above, sizes)
    first = (unit == np.repeat(unit[starts], sizes))[kept]
    key, unit = key[kept], unit[kept]
    back = np.lexsort((key, unit))
    arrays = {"document": unit[back], "key": key[back], "first": first[back]}
    return pa.table(arrays, schema=_OVER), frequent


def most_frequent(tables: Sequence[pa.Table], rows: int) -> pa.Table:
    """The `rows` of tables of `FREQUENT` that were seen most: times, then documents, then the key."""
    table = pa.concat_tables([FREQUENT.empty_table(), *tables]).combine_chunks()
    by = (table.column("key"), *(~table.column(name).to_numpy() for name in ("documents", "times")))
    return table.take(pa.array(np.lexsort(by)[:rows]))


def read_over(files: Sequence[str], unit: CorpusUnit) -> tuple[Hashes, NDArray[np.bool_]]:
    """The keys over the limit that the unit has, and whether none before has it, [k] each."""
    found = [read_documents(path, unit.first, unit.first + 1) for path in files]
    table = pa.concat_tables([_OVER.empty_table(), *found]).combine_chunks()
    return table.column("key").to_numpy(), table.column("first").to_numpy(zero_copy_only=False)
