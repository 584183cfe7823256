"""Records of a part of a WARC or ARC file: large files are several units, cut at any byte.

A unit [first, last) owns the records from the first *sure start* at or behind `first` up to the first
one at or behind `last`. A sure start is a place from which reading can begin: a packed member that
begins with a record, or in a plain file the head of a record; and from there on record must follow
record without damage for `SURE` bytes. Two units that meet ask the same question of the same bytes, so
each record is one unit's, and with the same offset wherever the cuts are.

    packed as a whole   the only member starts at byte 0: the first unit owns all, the others are empty
    damage              belongs to the unit that comes upon it. Only how often a damaged stretch is
                        counted may depend on a cut within it, and whether records are found there
                        that reading on from before has taken for a part of the damage
    a crawl in a crawl  an archive that is a record of another is no danger where either is packed
                        (deflate stores at most 64 KiB as they are, Zstandard 128). In a plain file a cut
                        within a plain archive gives its records too, beside the record that it is
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

from pipeline.inputs import unit_name
from pipeline.source import Reading, Unit
from pipeline.sources import streams
from pipeline.sources.crawl.records import EITHER, STARTS, TOO_LARGE, Record, records
from pipeline.sources.crawl.window import Window
from pipeline.sources.streams import opened

UNIT_BYTES = 128 << 20
"""Bytes of the file that make a unit, where it holds twice as many."""

SURE = 256 << 10  # bytes of the file: more than any format packs without changing them
_SURE_UNPACKED = 64 << 20  # bytes of records, after which no more are asked of a large member
_HELD = 1 << 20  # bytes of a record that are held to see whether the next follows


def units(name: str, files: Sequence[Any], whole: Collection[str] = ()) -> list[Unit]:
    """A unit for each file; files of known size from twice `UNIT_BYTES` on are several.

    whole   paths of files that are not to be cut
    """
    found = []
    for file in files:
        cuts: Sequence[int] = ()
        if file.size >= 2 * UNIT_BYTES and file.path not in whole:
            cuts = range(UNIT_BYTES, file.size - UNIT_BYTES // 2, UNIT_BYTES)
        for part in list(pairwise((0, *cuts, file.size))) if cuts else [None]:
            label = unit_name(name, file.logical, part)
            found.append(Unit(name, label, file.path, file.logical, file.size, file.version, part))
    return found


def records_of(reading: Reading, types: Collection[str], max_bytes: int) -> Iterator[Record]:
    """The records of the unit, as `records` gives them, with offsets in the file."""
    part = reading.unit.part
    if part is None:
        with opened(reading) as file:
            yield from records(file, types, max_bytes)
        return
    first, last = part
    start = _sure_start(reading, first, last)
    if start is None:
        return
    stop: int | None = None
    with opened(reading) as file:
        streams.move_to(file, start)
        for record in records(file, types, max_bytes):
            here = replace(record, offset=record.offset + start)
            if here.offset >= last:
                # Only now: most often the last unit, and that of a file packed as a whole, never asks.
                if stop is None:
                    stop = _sure_start(reading, last, reading.unit.size)
                    stop = reading.unit.size if stop is None else stop
                if here.offset >= stop:
                    return
            yield here


def _sure_start(reading: Reading, first: int, last: int) -> int | None:
    """The first place in bytes [first, last) at which a reader may begin; None if there is none."""
    if first == 0:
        return 0
    with opened(reading) as file:
        head = file.read(6)
    for at in _starts(reading, head, first):
        if at >= last:
            return None
        if _goes_on(reading, at):
            return at
    return None


def _starts(reading: Reading, head: bytes, first: int) -> Iterator[int]:
    """Where records may start, from byte `first` on. `head` is what the file begins with."""
    with opened(reading) as file:
        if streams.is_packed(head):
            streams.move_to(file, first)
            for at in streams.member_starts(file, head, STARTS):
                yield first + at
            return
        streams.move_to(file, first - 1)  # the line of an ARC record is known by the line break before
        window = Window(streams.plain(file), EITHER)
        found = window.seek(0)
        while found:
            if window.offset > 0:
                yield first - 1 + window.offset
            found = window.seek(1)


def _goes_on(reading: Reading, at: int) -> bool:
    """Whether records follow each other from byte `at` on, without damage."""
    passed = 0
    with opened(reading) as file:
        streams.move_to(file, at)
        for record in records(file, (), _HELD):
            if record.fault not in ("", TOO_LARGE):
                return False
            passed += int(record.headers["content-length"])
            if record.offset >= SURE or passed >= _SURE_UNPACKED:
                return True
    return passed > 0
