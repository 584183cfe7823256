"""Bytes read forwards, plain or unpacked: up to a fault, and on behind it."""

from collections.abc import Iterator
from typing import BinaryIO, cast

from pipeline.sources.archives.member import BOMB, BOMB_BYTES, BOMB_RATIO
from pipeline.sources.streams import Chunk, chunks

READ = 1 << 20  # bytes read at a time; a longer stretch that is not wanted is jumped over


class _Counted:
    """A file that tells how much of it was read."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.count = 0

    def read(self, size: int = -1) -> bytes:
        data = self._file.read(size)
        self.count += len(data)
        return data


class Feed:
    """Bytes read forwards, up to a fault or the end; `mend` goes on behind a fault.

    length   bytes of the file, where it can be jumped in; None for packed and forward-only ones
    """

    def __init__(self, blocks: Iterator[Chunk], file: BinaryIO | None, length: int | None) -> None:
        self._blocks = blocks
        self._file = file
        self._length = length
        self._held = b""
        self._at = 0
        self._start = 0
        self.fault = ""

    @property
    def position(self) -> int:
        return self._start + self._at

    def mend(self) -> None:
        self.fault = ""

    def _next(self) -> bytes:
        """The next block; b"" at the end and before a fault."""
        chunk = None if self.fault else next(self._blocks, None)
        if chunk is None:
            return b""
        self.fault = chunk.fault
        return chunk.data

    def peek(self, count: int) -> bytes:
        """The next `count` bytes, fewer where there are no more; they stay the next."""
        have = len(self._held) - self._at
        if have < count:
            pieces = [self._held[self._at :]]
            while have < count and (piece := self._next()):
                pieces.append(piece)
                have += len(piece)
            self._start += self._at
            self._held, self._at = b"".join(pieces), 0
        return self._held[self._at : self._at + count]

    def take(self, count: int) -> bytes:
        data = self.peek(count)
        self._at += len(data)
        return data

    def skip(self, count: int) -> int:
        """Passes over `count` bytes; returns how many there were."""
        left = count - (len(self._held) - self._at)
        if left <= 0:
            self._at += count
            return count
        end = self._start + len(self._held)
        self._held, self._at, self._start = b"", 0, end
        if self._file is not None and self._length is not None and left > READ:
            jump = min(left, max(0, self._length - end))
            self._file.seek(end + jump)
            self._start += jump
            return count - left + jump
        while left and (piece := self._next()):
            used = min(left, len(piece))
            left -= used
            self._start += used
            if used < len(piece):
                self._held, self._at, self._start = piece, used, self._start - used
        return count - left


def plain(file: BinaryIO) -> Feed:
    """The bytes of a file as they stand."""
    length = None
    if file.seekable():
        try:
            length = file.seek(0, 2)
            file.seek(0)
        except ValueError:  # a stream, whatever it says
            length = None

    def blocks() -> Iterator[Chunk]:
        while data := file.read(READ):
            yield Chunk(data, 0, packed=False)

    return Feed(blocks(), file, length)


def packed(file: BinaryIO) -> Feed:
    """The bytes that a packed file unpacks to."""
    return Feed(_guarded(file), None, None)


def _guarded(file: BinaryIO) -> Iterator[Chunk]:
    """The unpacked stream, which ends with a fault where it turns out to be a bomb."""
    counted = _Counted(file)
    total = 0
    for chunk in chunks(cast(BinaryIO, counted)):
        total += len(chunk.data)
        if total > max(BOMB_BYTES, BOMB_RATIO * counted.count):
            yield Chunk(b"", chunk.offset, packed=True, fault=BOMB)
            return
        yield chunk
