"""The unpacked bytes of an archive of records, from the current record on, as far as they were looked at.

WARC and ARC files are chains of records, each a head and a block whose length the head states. The
window finds the next record where a length is wrong or bytes are damaged.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from pipeline.sources.streams import CORRUPT, TRUNCATED, Chunk

CONTENT = re.compile(rb"[^\r\n \t\0]")  # what is not padding
LOOK_AHEAD = 64 << 10  # bytes in which damage of a packed member shows


@dataclass(frozen=True)
class Form:
    """How records of a format begin.

    find      position in bytes [first, last) of `data` at which a record surely starts; -1 if none
    margin    bytes in which `find` knows a start, with what stands before it
    follows   whether what stands at a position behind a record and its padding is another one
    """

    find: Callable[[bytearray, int, int], int]
    follows: Callable[[bytearray, int], bool]
    margin: int


class Window:
    """The bytes from the current record on.

    data          starts where the window stands; a fault in the file ends it
    offset        byte of the file to start from to reach `data[0]`
    fault         why `data` ends, "" while it goes on or at the end of the file
    """

    def __init__(self, stream: Iterator[Chunk], form: Form) -> None:
        self.data = bytearray()
        self.form = form
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
            content = CONTENT.search(self.data)
            self.drop(content.start() if content else len(self.data))
            if content:
                return True
        return False

    def damaged_with(self, end: int) -> bool:
        """Whether the packed member that byte `end - 1` is in turns out damaged, near behind it.

        The checksum of a member comes last: a fault there is a fault of the record before.
        """
        over = not self.fill(end + LOOK_AHEAD)
        return over and self.fault == CORRUPT and self.fault_offset == self._offset(end - 1)

    def ends_record(self, end: int, closed: bytes) -> bool:
        """Whether a record may end at `end`: the next one follows, or the file or member is over.

        Other bytes may follow the line breaks `closed` that end a record: they are another's damage,
        unless the packed member that all of it stands in turns out damaged.
        """
        properly = self.fill(end + len(closed)) and self.data.startswith(closed, end)
        self.fill(end + len(closed) + self.form.margin)
        content = CONTENT.search(self.data, end)
        if content and self.form.follows(self.data, content.start()):
            return True
        if self.damaged_with(end):
            return False
        content = CONTENT.search(self.data, end)
        return properly or content is None or self.form.follows(self.data, content.start())

    def seek(self, after: int) -> bool:
        """Moves to the next start of a record at or behind `after`; False, empty, if none is held
        before a fault or the end."""
        self.drop(min(after, len(self.data)))
        while True:
            found = self.form.find(self.data, 0, len(self.data))
            if found >= 0:
                self.drop(found)
                return True
            self.drop(max(0, len(self.data) - self.form.margin))
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
            found = self.form.find(self.data, 0, min(left, len(self.data)))
            if found >= 0:
                self.drop(found)
                return CORRUPT
            keep = min(self.form.margin, left)
            passed = min(max(0, len(self.data) - keep), left - keep)
            self.drop(passed)
            left -= passed
            if left == keep and len(self.data) >= keep:
                self.drop(keep)
                return ""
            if not self.fill(len(self.data) + 1):
                return self.give_up(0)
        return ""
