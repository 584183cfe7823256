"""Cuts a WARC file (ISO 28500) into its records, and goes on behind damaged ones.

FastWARC and warcio stop at the first header that they cannot parse and hand out a record that is
cut short as if it were whole. Here a record counts as whole only if the file goes on as it should
behind it: with the next record, or with the end of a packed member whose checksum was right.
"""

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from typing import BinaryIO

from pipeline.sources.streams import CORRUPT, TRUNCATED, Chunk, chunks

TOO_LARGE = "too_large"
NOT_WARC = "not_warc"
ARC = "arc_not_warc"

_HEADER_BYTES = 64 << 10  # a longer header is damage
_LOOK_AHEAD = 64 << 10  # bytes in which damage of a packed member shows
_CONTENT = re.compile(rb"[^\r\n \t\0]")  # what is not padding
_CLOSE = b"\r\n\r\n"  # what must follow the block of a record
_VERSION = b"WARC/"
_START = re.compile(rb"WARC/\d\.\d+[ \t]*\r?\n[A-Za-z][A-Za-z-]*:")
_START_BYTES = 64  # more than the version and the longest name of a first field
_END_OF_HEADER = re.compile(rb"\r?\n\r?\n")


@dataclass(frozen=True)
class Record:
    """One record, or what is left of one (`fault`, then without a block).

    offset    byte of the file at which to start reading, unpacking if need be, to find it
    headers   the named fields, names in lower case
    block     the content; empty for the types that were not asked for
    index     how many records before it are found at the same offset
    """

    offset: int
    headers: dict[str, str]
    block: bytes
    fault: str = ""
    index: int = 0


def records(file: BinaryIO, types: Collection[str], max_bytes: int) -> Iterator[Record]:
    """All records of `file` in order; memory is bounded by about twice `max_bytes`.

    types      values of WARC-Type whose block is wanted
    max_bytes  a longer record is skipped: fault `too_large`
    A damaged stretch, however long, is one record with fault `corrupt` or `truncated`.
    """
    window = _Window(chunks(file, starts=_VERSION))
    window.skip_padding()
    if window.fill(1) and not (window.fill(len(_VERSION)) and window.data.startswith(_VERSION)):
        arc = window.data.startswith(b"filedesc://")
        if arc or not window.seek(0):
            yield Record(0, {}, b"", ARC if arc else NOT_WARC)
            return
        yield Record(0, {}, b"", CORRUPT)
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
        yield replace(_record(window, types, max_bytes), index=index)


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


def _record(window: "_Window", types: Collection[str], max_bytes: int) -> Record:
    """The record that the window starts with; leaves the window behind it."""
    offset = window.offset
    head = window.header()
    named = fields(head, "utf-8") if head else {}
    length = named.get("content-length", "")
    if not (length.isascii() and length.isdigit()) or not _START.match(window.data):
        return Record(offset, named, b"", window.give_up(1))
    end = len(head) + int(length)
    if end - len(head) > max_bytes:
        fault = window.pass_over(len(head), end)
        return Record(offset, named, b"", fault or TOO_LARGE)
    if not window.fill(end) or not window.ends_record(end):
        return Record(offset, named, b"", window.give_up(len(head)))
    wanted = named.get("warc-type", "").lower() in types
    block = bytes(memoryview(window.data)[len(head) : end]) if wanted else b""
    window.drop(end)
    return Record(offset, named, block)


class _Window:
    """The unpacked bytes from the current record on, as far as they were looked at.

    data          starts where the window stands; a fault in the file ends it
    offset        byte of the file to start from to reach `data[0]`
    fault         why `data` ends, "" while it goes on or at the end of the file
    """

    def __init__(self, stream: Iterator[Chunk]) -> None:
        self.data = bytearray()
        self.fault = ""
        self.fault_offset = 0
        self._stream = stream
        self._marks: list[tuple[int, Chunk]] = []  # where in `data` which chunk starts

    def fill(self, size: int) -> bool:
        """Whether `data` holds at least `size` bytes, reading on if it does not yet."""
        while len(self.data) < size and not self.fault:
            chunk = next(self._stream, None)
            if chunk is None:
                return False
            if chunk.fault:
                self.fault, self.fault_offset = chunk.fault, chunk.offset
            else:
                self._marks.append((len(self.data), chunk))
                self.data += chunk.data
        return len(self.data) >= size

    def resume(self) -> None:
        """Goes on behind the fault with an empty window."""
        self.data.clear()
        self._marks.clear()
        self.fault = ""

    @property
    def offset(self) -> int:
        return self._offset(0)

    def _offset(self, position: int) -> int:
        begin, chunk = next((m for m in reversed(self._marks) if m[0] <= position), self._marks[0])
        return chunk.offset if chunk.packed else chunk.offset + position - begin

    def drop(self, count: int) -> None:
        """Moves the window forward by `count` of the bytes held."""
        del self.data[:count]
        moved = [(begin - count, chunk) for begin, chunk in self._marks]
        last = max((i for i, (begin, _) in enumerate(moved) if begin <= 0), default=0)
        self._marks = moved[last:]

    def skip_padding(self) -> bool:
        """Moves to the next byte that is not padding; False, empty, if a fault or the end is first."""
        while self.fill(1):
            content = _CONTENT.search(self.data)
            self.drop(content.start() if content else len(self.data))
            if content:
                return True
        return False

    def header(self) -> bytes:
        """The head of the record with the empty line that ends it; empty if there is no such line."""
        size = 1024
        while size <= _HEADER_BYTES:
            whole = not self.fill(size)
            end = _END_OF_HEADER.search(self.data, 0, _HEADER_BYTES)
            # A match at the very end may be half of \r\n\r\n: look at more.
            if end and (end.end() < len(self.data) or whole):
                return bytes(memoryview(self.data)[: end.end()])
            if whole:
                break
            size *= 2
        return b""

    def ends_record(self, end: int) -> bool:
        """Whether a record may end at `end`: the next one follows, or the file or member is over.

        Other bytes may follow the empty lines that close a record: they are another's damage,
        unless the packed member that all of it stands in turns out damaged.
        """
        closed = self.fill(end + len(_CLOSE)) and self.data.startswith(_CLOSE, end)
        self.fill(end + len(_CLOSE) + len(_VERSION))
        content = _CONTENT.search(self.data, end)
        if content and self.data.startswith(_VERSION, content.start()):
            return True
        over = not self.fill(end + _LOOK_AHEAD)
        # The checksum of a packed member comes last: a fault there is a fault of this record.
        if over and self.fault == CORRUPT and self.fault_offset == self._offset(end - 1):
            return False
        content = _CONTENT.search(self.data, end)
        return closed or content is None or self.data.startswith(_VERSION, content.start())

    def seek(self, after: int) -> bool:
        """Moves to the next start of a record at or behind `after`; False, empty, if none is held
        before a fault or the end."""
        self.drop(min(after, len(self.data)))
        while True:
            found = _START.search(self.data)
            if found:
                self.drop(found.start())
                return True
            self.drop(max(0, len(self.data) - _START_BYTES))
            if not self.fill(len(self.data) + 1):
                self.drop(len(self.data))
                return False

    def give_up(self, after: int) -> str:
        """Leaves a damaged record for the next one and says what ailed it."""
        if self.seek(after):
            return CORRUPT
        if self.fault:
            fault = self.fault
            self.resume()
            return fault
        return TRUNCATED

    def pass_over(self, head: int, end: int) -> str:
        """Skips a block without holding it.

        A record that starts inside says that the length was wrong: then the window stops there.
        """
        left = end - head
        self.drop(head)
        while left > 0:
            found = _START.search(self.data, 0, left)
            if found:
                self.drop(found.start())
                return CORRUPT
            keep = min(_START_BYTES, left)
            passed = min(max(0, len(self.data) - keep), left - keep)
            self.drop(passed)
            left -= passed
            if left == keep and len(self.data) >= keep:
                self.drop(keep)
                return ""
            if not self.fill(len(self.data) + 1):
                return self.give_up(0)
        return ""
