"""The bytes of a file, unpacked if it is packed, in a stream that goes on behind damage.

gzip, bzip2, xz and Zstandard are told by their first bytes, not by the file's name. A file may be
a chain of packed members (Common Crawl packs every record by itself); where one is damaged the
stream says so and goes on at the next.
"""

import bz2
import contextlib
import lzma
import zlib
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from typing import BinaryIO, Protocol

import zstandard

from pipeline.errors import SourceError
from pipeline.source import Reading

TRUNCATED = "truncated"
CORRUPT = "corrupt"

_BLOCK = 1 << 20  # bytes read from the file at a time
_PIECE = 8 << 20  # unpacked bytes handed on at a time, about
_BACK = 4 << 20  # bytes of a damaged member that are searched for the start of the next


@contextlib.contextmanager
def opened(reading: Reading) -> Iterator[BinaryIO]:
    """The unit's file; trouble with the store while it is being read is a SourceError."""
    with reading.open() as file:
        try:
            yield file
        except OSError as fault:
            raise SourceError(f"{reading.unit.path}: cannot be read: {fault}") from fault


@dataclass(frozen=True)
class Chunk:
    """Some of the unpacked bytes, or the news that there is a fault (then `data` is empty).

    offset   byte of the file where the packed member starts; in a plain file, where `data` does
    first    the first bytes of a packed member
    fault    `truncated`: the file ends within a member; `corrupt`: a member, or what stands
             between two, cannot be unpacked
    """

    data: bytes
    offset: int
    packed: bool
    first: bool = False
    fault: str = ""


def at_most(file: BinaryIO, count: int) -> bytes:
    """The next `count` bytes, fewer at the end of the file; takes no more memory than these, as
    `read` would for a count that stands for "any"."""
    data = bytearray()
    while len(data) < count and (block := file.read(min(_BLOCK, count - len(data)))):
        data += block
    return bytes(data)


class _Unpacker(Protocol):
    @property
    def eof(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, /) -> bytes: ...


@dataclass(frozen=True)
class _Codec:
    """A packed format; `step` bytes at a time are unpacked: to about 8 MiB at most, however hostile."""

    magic: bytes
    step: int
    open: Callable[[], _Unpacker]


def _zstandard() -> _Unpacker:
    return zstandard.ZstdDecompressor(max_window_size=1 << 31).decompressobj()


_CODECS = (
    _Codec(b"\x1f\x8b\x08", 8192, lambda: zlib.decompressobj(wbits=31)),
    _Codec(b"\x28\xb5\x2f\xfd", 256, _zstandard),
    _Codec(b"BZh", 1024, bz2.BZ2Decompressor),
    _Codec(b"\xfd7zXZ\x00", 1024, lambda: lzma.LZMADecompressor(memlimit=1 << 28)),
)
_ERRORS = (zlib.error, zstandard.ZstdError, lzma.LZMAError, OSError, ValueError, EOFError)


def _unpack(unpacker: _Unpacker, step: bytes) -> Iterator[bytes]:
    """What `step` unpacks to. bzip2 and xz know no bound for it, so they are asked piece by piece."""
    if not isinstance(unpacker, bz2.BZ2Decompressor | lzma.LZMADecompressor):
        yield unpacker.decompress(step)
        return
    yield unpacker.decompress(step, _PIECE)
    while not unpacker.eof and not unpacker.needs_input:
        yield unpacker.decompress(b"", _PIECE)


class _Tape:
    """A file read forwards, of which the last few megabytes can be gone back to."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._held = bytearray()
        self._start = 0  # position in the file of the first byte held
        self.position = 0

    def _fill(self, until: int) -> bool:
        """Holds the bytes before position `until`; False where the file ends earlier."""
        while self._start + len(self._held) < until:
            block = self._file.read(_BLOCK)
            if not block:
                return False
            self._held += block
        return True

    def peek(self, count: int) -> bytes:
        self._fill(self.position + count)
        at = self.position - self._start
        return bytes(self._held[at : at + count])

    def read(self, count: int) -> bytes:
        data = self.peek(count)
        self.position += len(data)
        return data

    def forget(self, before: int) -> None:
        """Lets go of the bytes before position `before`, and of what is too far back anyway."""
        before = max(before, self.position - _BACK)
        if before - self._start >= _BLOCK:
            del self._held[: before - self._start]
            self._start = before

    def skip_zeros(self) -> None:
        """Tapes and some writers pad with NUL bytes."""
        while (ahead := self.peek(4096)).startswith(b"\0"):
            self.position += len(ahead) - len(ahead.lstrip(b"\0"))
            self.forget(self.position)

    def find(self, magic: bytes, after: int) -> bool:
        """Moves to the next `magic` at or behind position `after`; False, at the end, if none."""
        self.position = max(after, self._start)
        while True:
            at = self._held.find(magic, self.position - self._start)
            if at >= 0:
                self.position = self._start + at
                return True
            end = self._start + len(self._held)
            self.position = max(self.position, end - len(magic) + 1)
            self.forget(self.position)
            if not self._fill(end + 1):
                self.position = end
                return False


def is_packed(head: bytes) -> bool:
    """Whether a file that starts with `head` (6 bytes do) is of one of the packed formats."""
    return _codec(head) is not None


def _codec(head: bytes) -> _Codec | None:
    return next((codec for codec in _CODECS if head.startswith(codec.magic)), None)


def move_to(file: BinaryIO, at: int) -> None:
    """Goes to byte `at`: by a seek, or by reading up to there in a file just opened that cannot seek."""
    if file.seekable():
        file.seek(at)
        return
    while at and (passed := len(file.read(min(at, _BLOCK)))):
        at -= passed


def member_starts(file: BinaryIO, head: bytes, starts: bytes | tuple[bytes, ...]) -> Iterator[int]:
    """Where packed members may start, in bytes from where `file` stands.

    head     what the file begins with: tells the format
    starts   what the contents of a member that counts begin with (one of these)
    """
    tape, codec = _Tape(file), _codec(head)
    after = 0
    while codec is not None and _next_member(tape, codec, after, starts):
        yield tape.position
        after = tape.position + 1


def plain(file: BinaryIO) -> Iterator[Chunk]:
    """The bytes of `file` as they stand, from where it stands on, even if they look packed."""
    at = 0
    while data := file.read(_BLOCK):
        yield Chunk(data, at, packed=False)
        at += len(data)


def chunks(file: BinaryIO, starts: bytes | tuple[bytes, ...] = b"") -> Iterator[Chunk]:
    """The unpacked bytes of `file` in order; the end of the stream is the end of the file.

    starts   what the contents of a packed member begin with (one of these), where that is known:
             behind damage the stream goes on at the next member of which it is true
    """
    tape = _Tape(file)
    codec = _codec(tape.peek(6))
    if codec is None:
        while data := tape.read(_BLOCK):
            yield Chunk(data, tape.position - len(data), packed=False)
            tape.forget(tape.position)
        return
    while True:
        tape.skip_zeros()
        start = tape.position
        tape.forget(start)
        if not tape.peek(1):
            return
        fault = yield from _member(tape, codec)
        if fault:
            found = _next_member(tape, codec, start + 1, starts)
            # Whole members behind it: then what seemed to run to the end of the file was damage.
            yield Chunk(b"", start, packed=True, fault=CORRUPT if found else fault)
            if not found:
                return


def _member(tape: _Tape, codec: _Codec) -> Generator[Chunk, None, str]:
    """Unpacks one member and returns (as a generator does) its fault, "" if there is none."""
    start = tape.position
    unpacker = codec.open()
    first = True
    while not unpacker.eof:
        step = tape.read(codec.step)
        if not step:
            return TRUNCATED
        pieces = _unpack(unpacker, step)
        while True:
            try:
                data = next(pieces, None)
            except _ERRORS:
                return CORRUPT
            if data is None:
                break
            if data:
                yield Chunk(data, start, packed=True, first=first)
                first = False
        tape.forget(start)
    tape.position -= len(unpacker.unused_data)
    return ""


def _next_member(tape: _Tape, codec: _Codec, after: int, starts: bytes | tuple[bytes, ...]) -> bool:
    """Moves to the next place where a member can be unpacked; False where there is none."""
    while tape.find(codec.magic, after):
        at = tape.position
        unpacker = codec.open()
        try:
            data = b""
            for begin in range(0, 16 * codec.step, codec.step):
                data += next(_unpack(unpacker, tape.peek(begin + codec.step)[begin:]))
                if unpacker.eof or len(data) > 1024:
                    break
        except _ERRORS:
            data = b""
        if data and data.startswith(starts):
            return True
        after = at + 1
    return False
