"""Windows of bytes that stand at several places of a corpus, found out of core: the steps of a round.

A round takes blocks of windows (see text/winnowing.py). Each unit writes hashes of its blocks, and each
partition of hashes answers which were met at an earlier document, or which at another. Of a block whose
bytes are found earlier, all windows are copies; one whose core is found nowhere else holds none; the
others are cut smaller and asked about in the next round, down to single windows. Equal hashes of one batch
are asked about once and answer each other, so that a hash that millions of documents have comes to as
many rows as there are batches.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import isqrt
from typing import Literal

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from dedup.scope import groups, mixed
from pipeline.corpus import CorpusUnit
from pipeline.exchange import (
    among,
    part_of,
    read_documents,
    read_part,
    schema_of,
    write_by_document,
    write_parts,
)
from pipeline.store import ParquetSink, join, parquet_file
from text.hashing import Hashes, mix_array
from text.strings import Strings
from text.winnowing import Blocks, Winnowing, anchors, firsts, pieces

Numbers = NDArray[np.int64]
Keep = Literal["first", "none"]

BATCH_ROWS = 1024  # texts in memory at a time, fewer where they are long
_TEXT_BITS = 40  # a place of a batch: the text's number, and behind it the byte

_ROWS = schema_of(hash=pa.uint64(), check=pa.uint64(), document=pa.int64(), row=pa.int64())
_ANSWERS = pa.schema([_ROWS.field("document"), _ROWS.field("row")])
_BLOCKS = schema_of(
    position=pa.int64(),
    anchor=pa.int64(),
    first=pa.int64(),
    last=pa.int64(),
    key=pa.int64(),
    value=pa.int64(),
)

_SURE = -1  # in place of the number of a block whose answer counts: yes
_CORE, _EARLIER, _LATER = 0, 1, 2  # what is answered: the core is repeated, the whole is found earlier, later


@dataclass(frozen=True)
class Search:
    """What is looked for: windows of `length` bytes, `within` equal values of columns.

    keep    first: the first window stays and the others are copies; none: all of them are copies
    parts   pieces that hashes are cut into
    """

    length: int
    within: tuple[str, ...]
    keep: Keep
    parts: int

    @cached_property
    def winnowing(self) -> Winnowing:
        return Winnowing(self.length)

    @property
    def columns(self) -> tuple[str, ...]:
        """What is read of every unit, in each round the same so that the batches are the same."""
        return tuple(dict.fromkeys(("id", "text", *self.within)))

    @property
    def sizes(self) -> tuple[int, ...]:
        """Windows of a block in the rounds behind the first."""
        size = isqrt(self.winnowing.grams)
        return (size, 1) if size > 1 else (1,)


@dataclass(frozen=True)
class Round:
    """What a unit has left for the next round: its blocks, and the hashes that it asks about."""

    unit: CorpusUnit
    blocks: str
    rows: str


@dataclass(frozen=True)
class Spans:
    """s spans of bytes of a batch of texts, sorted and apart from each other.

    text          [s] int64, number of the text in the batch
    start, end    [s] int64, bytes of the text
    """

    text: Numbers
    start: Numbers
    end: Numbers

    @classmethod
    def merged(cls, text: Numbers, start: Numbers, end: Numbers) -> "Spans":
        """Spans in any order, those that touch or overlap as one."""
        starts = np.sort((text << _TEXT_BITS) + start)
        ends = np.sort((text << _TEXT_BITS) + end)
        # Sorted apart: a span begins where all that began before have ended.
        begins = np.ones(len(starts), np.bool_)
        begins[1:] = starts[1:] > ends[:-1]
        closes = np.append(begins[1:], True)[: len(ends)]
        mask = (1 << _TEXT_BITS) - 1
        return cls(starts[begins] >> _TEXT_BITS, starts[begins] & mask, ends[closes] & mask)


def write_runs(search: Search, folder: str, unit: CorpusUnit) -> Round:
    """The first round: the runs of windows with one anchor, which is their core."""

    def batches() -> Iterator[tuple[pa.Table, Blocks, pa.Table]]:
        for table in unit.read(search.columns, BATCH_ROWS):
            yield table, anchors(Strings.of(table.column("text")), search.winnowing), _BLOCKS.empty_table()

    return _write_round(search, folder, unit, batches(), True)


def write_pieces(search: Search, size: int, folder: str, answers: Sequence[str], before: Round) -> Round:
    """A later round: blocks of `size` windows of what the round before left open."""

    def batches() -> Iterator[tuple[pa.Table, Blocks, pa.Table]]:
        for table, blocks, repeated, is_open in read_round(search, answers, before):
            text, anchor, first, last = (
                blocks.column(name).to_numpy()[is_open] for name in ("position", "anchor", "first", "last")
            )
            none = np.zeros(0, np.uint64)
            whole = Blocks(text, anchor, first, last, np.zeros(0, np.int64), none, none, none)
            found = pieces(Strings.of(table.column("text")), whole, size, search.winnowing)
            windows = Spans(repeated.text, repeated.start, repeated.end - search.length)
            yield table, found, _known(table, windows)

    return _write_round(search, folder, before.unit, batches(), size > 1)


def read_round(
    search: Search, answers: Sequence[str], before: Round
) -> Iterator[tuple[pa.Table, pa.Table, Spans, NDArray[np.bool_]]]:
    """For each batch of a unit its texts, its blocks (`position` being the number of the text in the
    batch), what is known to be repeated, and of each block whether that is still open."""
    unit = before.unit
    found = [read_documents(path, unit.first, unit.first + unit.stored) for path in answers]
    yes = np.sort(pa.concat_tables([_ANSWERS.empty_table(), *found]).column("row").to_numpy())
    with parquet_file(before.blocks) as file:
        for group, table in enumerate(unit.read(search.columns, BATCH_ROWS)):
            blocks = file.read_row_group(group)
            places = table.column("position").to_numpy()
            text = np.searchsorted(places, blocks.column("position").to_numpy())
            key, value = blocks.column("key").to_numpy(), blocks.column("value").to_numpy()
            earlier = (value == _SURE) | among(3 * value + _EARLIER, yes)
            repeated = earlier | among(3 * value + _LATER, yes)
            is_open = ~earlier & ((key == _SURE) | among(3 * key + _CORE, yes))
            start, end = blocks.column("first").to_numpy(), blocks.column("last").to_numpy() + search.length
            spans = Spans.merged(text[repeated], start[repeated], end[repeated])
            yield table, blocks.set_column(0, "position", pa.array(text)), spans, is_open


def write_answers(search: Search, folder: str, files: Sequence[str], part: int) -> str:
    """Which hashes of a partition are found elsewhere; `files` in the order of the documents."""
    table = read_part(files, part, search.parts, _ROWS)
    first = firsts(table.column("hash").to_numpy(), table.column("check").to_numpy())
    many = np.bincount(first, minlength=len(first))[first] > 1
    row = table.column("row").to_numpy()
    # A core must find the ones behind it too, whose windows will ask for its own.
    leads = (first == np.arange(len(first))) & (row % 3 == _EARLIER)
    if search.keep == "first":
        many &= ~leads
    rows = row + leads * (_LATER - _EARLIER)
    path = join(folder, f"{part:06d}.parquet")
    found = pa.table([table.column("document"), rows], schema=_ANSWERS).filter(pa.array(many))
    write_by_document(path, _ANSWERS, [found])
    return path


def _write_round(
    search: Search,
    folder: str,
    unit: CorpusUnit,
    batches: Iterator[tuple[pa.Table, Blocks, pa.Table]],
    has_cores: bool,
) -> Round:
    """Writes blocks and hashes, and besides the blocks what is known already.

    has_cores   the core of a block is not its whole
    """
    name = f"{unit.index:06d}.parquet"
    done = Round(unit, join(folder, "blocks", name), join(folder, "rows", name))
    with ParquetSink(done.blocks, _BLOCKS, few_values=False) as sink:

        def rows() -> Iterator[tuple[pa.Table, NDArray[np.int64]]]:
            number = 0
            for table, blocks, known in batches:
                found, asked = _asked(search, unit, table, blocks, number, has_cores)
                number += len(blocks.text)
                sink.write_group(pa.concat_tables([found, known]))
                yield asked, part_of(asked.column("hash").to_numpy(), search.parts)

        write_parts(done.rows, _ROWS, rows(), search.parts)
    return done


def _asked(
    search: Search, unit: CorpusUnit, table: pa.Table, blocks: Blocks, number: int, has_cores: bool
) -> tuple[pa.Table, pa.Table]:
    """The blocks of a batch, numbered from `number` on, and what is asked about them.

    A number in `key` or `value` is that of the block whose core or whole is asked about in its stead.
    """
    n = len(blocks.text)
    group = groups(table, search.within)[blocks.text]
    document = unit.first + table.column("position").to_numpy()[blocks.text]
    again = blocks.again > 0
    own = np.arange(n)
    rows = []

    def ask(hashes: Hashes, check: Hashes, kind: int) -> tuple[Numbers, NDArray[np.bool_]]:
        """Where each hash stands first, and whether it is repeated, in this batch."""
        hashes = mixed(mix_array(hashes), group)
        first = firsts(hashes, check)
        columns = (hashes, check, document, 3 * (number + own) + kind)
        rows.append(pa.table([values[first == own] for values in columns], schema=_ROWS))
        many = np.bincount(first, minlength=n) > 1
        many[first[again]] = True
        return first, many[first]

    first, repeated = ask(blocks.whole, blocks.name + np.uint64(1), _EARLIER)
    value = np.where(first == own, number + own, _SURE)
    known = [Spans(blocks.text[again], blocks.last[again] + 1, (blocks.last + blocks.again)[again])]
    if search.keep == "none":
        # Where the first is repeated too, it goes on being asked about: others look for its windows.
        known.append(Spans(blocks.text[repeated], blocks.first[repeated], blocks.last[repeated]))
    key = np.full(n, _SURE)
    if has_cores:
        first, repeated = ask(blocks.core, np.zeros(n, np.uint64), _CORE)
        key = np.where(repeated, _SURE, number + first)
    places = table.column("position").to_numpy()[blocks.text]
    found = pa.table([places, blocks.anchor, blocks.first, blocks.last, key, value], schema=_BLOCKS)
    return pa.concat_tables([found, *(_known(table, spans) for spans in known)]), pa.concat_tables(rows)


def _known(table: pa.Table, windows: Spans) -> pa.Table:
    """Blocks of windows, from the first to the last, that are repeated."""
    sure = np.full(len(windows.text), _SURE)
    places = table.column("position").to_numpy()[windows.text]
    columns = (places, windows.start, windows.start, windows.end, sure, sure)
    return pa.table(list(columns), schema=_BLOCKS)
