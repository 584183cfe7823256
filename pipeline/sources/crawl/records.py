"""Cuts a WARC (ISO 28500) or ARC file into its records, and goes on behind damaged ones.

FastWARC and warcio stop at the first header that they cannot parse and hand out a record that is
cut short as if it were whole. Here a record counts as whole only if the file goes on as it should
behind it: with the next record, or with the end of a packed member whose checksum was right.
"""

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from typing import BinaryIO

from pipeline.sources.crawl import arc
from pipeline.sources.crawl.window import Form, Window
from pipeline.sources.streams import CORRUPT, chunks

TOO_LARGE = "too_large"
NOT_WARC = "not_warc"

_HEADER_BYTES = 64 << 10  # a longer header is damage
_CLOSE = b"\r\n\r\n"  # what must follow the block of a record
_VERSION = b"WARC/"
_START = re.compile(rb"WARC/\d\.\d+[ \t]*\r?\n[A-Za-z][A-Za-z-]*:")
# What the contents of a packed member that starts with a record begin with.
STARTS = (_VERSION, *arc.STARTS)
_START_BYTES = 64  # more than the version and the longest name of a first field
_END_OF_HEADER = re.compile(rb"\r?\n\r?\n")


@dataclass(frozen=True)
class Record:
    """One record, or what is left of one (`fault`, then without a block).

    offset    byte of the file at which to start reading, unpacking if need be, to find it
    headers   the named fields, names in lower case
    block     the content; empty for the types that were not asked for
    index     how many records before it are found at the same offset
    head      what stands before the block, as it stands there
    """

    offset: int
    headers: dict[str, str]
    block: bytes
    fault: str = ""
    index: int = 0
    head: bytes = b""


def records(file: BinaryIO, types: Collection[str], max_bytes: int) -> Iterator[Record]:
    """All records of `file` in order; memory is bounded by about twice `max_bytes`.

    types      values of WARC-Type whose block is wanted
    max_bytes  a longer record is skipped: fault `too_large`
    A damaged stretch, however long, is one record with fault `corrupt` or `truncated`.
    """
    window = Window(chunks(file, starts=STARTS), EITHER)
    yield from _before_first(window)
    if not window.fill(1):
        return
    old = not window.data.startswith(_VERSION)
    window.form = arc.FORM if old else _FORM
    one = _arc_record if old else _record
    last, index = -1, 0
    while True:
        if not window.skip_padding():
            if not window.fault:
                return
            yield Record(window.fault_offset, {}, b"", window.fault)
            window.resume()
            continue
        index = index + 1 if window.offset == last else 0
        last = window.offset
        yield replace(one(window, types, max_bytes), index=index)


def _before_first(window: Window) -> Iterator[Record]:
    """What is damaged before the first record, to which the window moves; it is empty if there is none."""
    while True:
        foreign = window.skip_padding() and not _either_follows(window.data, 0)
        if foreign:
            at = window.offset
            if window.seek(0):
                yield Record(at, {}, b"", CORRUPT)
                return
        elif window.data or not window.fault:
            return
        fault, at = window.fault, at if foreign else window.fault_offset
        window.resume()
        if foreign and not window.skip_padding() and not window.fault:
            fault = NOT_WARC
        yield Record(at, {}, b"", fault)
        if fault == NOT_WARC:
            return


def fields(head: bytes, encoding: str) -> dict[str, str]:
    """The named fields of a WARC or HTTP head (its first line left out): the first of each name.

    Names in lower case; a folded line continues the value before it.
    """
    found: dict[str, list[str]] = {}
    values: list[str] = []  # where a folded line goes on
    for line in head.decode(encoding, "replace").splitlines():
        if not line.startswith((" ", "\t")):
            name, colon, line = line.partition(":")
            values = []
            if colon:
                found.setdefault(name.strip().lower(), values)
        values.append(line.strip())
    return {name: " ".join(values) for name, values in found.items()}


def _find(data: bytearray, first: int, last: int) -> int:
    found = _START.search(data, first, last)
    return found.start() if found else -1


def _follows(data: bytearray, at: int) -> bool:
    return data.startswith(_VERSION, at)


def _find_either(data: bytearray, first: int, last: int) -> int:
    found, older = _find(data, first, last), arc.FORM.find(data, first, last)
    return max(found, older) if min(found, older) < 0 else min(found, older)


def _either_follows(data: bytearray, at: int) -> bool:
    return _follows(data, at) or arc.starts(data, at)


_FORM = Form(_find, _follows, _START_BYTES)
EITHER = Form(_find_either, _either_follows, arc.FORM.margin)


def _arc_record(window: Window, types: Collection[str], max_bytes: int) -> Record:
    """The record of an ARC file that the window starts with; leaves the window behind it."""
    offset = window.offset
    head, named, block, fault = arc.record(window, max_bytes)
    if not fault and not block and int(named["content-length"]) > max_bytes:
        fault = TOO_LARGE
    return Record(offset, named, block if named.get("warc-type") in types else b"", fault, head=head)


def _head(window: Window) -> bytes:
    """The head of the record with the empty line that ends it; empty if there is no such line."""
    size = 1024
    while size <= _HEADER_BYTES:
        whole = not window.fill(size)
        end = _END_OF_HEADER.search(window.data, 0, _HEADER_BYTES)
        # A match at the very end may be half of \r\n\r\n: look at more.
        if end and (end.end() < len(window.data) or whole):
            return bytes(memoryview(window.data)[: end.end()])
        if whole:
            break
        size *= 2
    return b""


def _record(window: Window, types: Collection[str], max_bytes: int) -> Record:
    """The record that the window starts with; leaves the window behind it."""
    offset = window.offset
    head = _head(window)
    named = fields(head, "utf-8") if head else {}
    length = named.get("content-length", "")
    if not (length.isascii() and length.isdigit()) or not _START.match(window.data):
        return Record(offset, named, b"", window.give_up(1))
    end = len(head) + int(length)
    if end - len(head) > max_bytes:
        fault = window.pass_over(len(head), end)
        return Record(offset, named, b"", fault or TOO_LARGE)
    if not window.fill(end) or not window.ends_record(end, _CLOSE):
        return Record(offset, named, b"", window.give_up(len(head)))
    wanted = named.get("warc-type", "").lower() in types
    block = bytes(memoryview(window.data)[len(head) : end]) if wanted else b""
    window.drop(end)
    return Record(offset, named, block, head=head)
