"""Posts gathered by question, in the order of the questions' ids, in bounded memory.

An answer can come years behind its question. Posts are put into buckets by ranges of the question's
id; what does not fit into memory is packed and appended to one file without a name, which is gone with
the process however that ends. Then bucket by bucket is read back and sorted. The order does not depend
on the width of a bucket, nor on how much memory there was.
"""

import struct
import tempfile
from array import array
from collections.abc import Iterator
from itertools import groupby
from operator import itemgetter
from types import TracebackType
from typing import IO

import zstandard

from pipeline import store
from pipeline.sources.stackdump.posts import Row

HELD_BYTES = 64 << 20  # of posts in memory before they are spilled
JOIN_BYTES = 16 << 20  # of a bucket's posts that are sorted at a time, unless one question has more
WIDTH = 1 << 14  # ids of a bucket

_POST = struct.Struct("<qqiqI")  # question, id, kind, offset, bytes of the row that follow

Post = tuple[int, int, int, int, bytes]
"""Question, kind, id, offset and row: in this order they sort a question before its answers."""


class Questions:
    """Takes posts in any order and gives them back by question. To be used in a `with` block."""

    def __init__(
        self, held_bytes: int = HELD_BYTES, join_bytes: int = JOIN_BYTES, width: int = WIDTH
    ) -> None:
        self._held_bytes = held_bytes
        self._join_bytes = join_bytes
        self._width = width
        self._held: dict[int, bytearray] = {}
        self._weight = 0
        self._sizes: dict[int, int] = {}  # unpacked bytes of each bucket, in memory and spilled
        self._frames: dict[int, array[int]] = {}  # place and length of each packed piece in the file
        self._file: IO[bytes] | None = None
        self._end = 0

    def __enter__(self) -> "Questions":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file is not None:
            self._file.close()

    @property
    def spilled_bytes(self) -> int:
        """Bytes in the temporary file."""
        return self._end

    def add(self, row: Row) -> None:
        """Keeps a question or an answer. Raises StoreError where the temporary folder is full."""
        bucket = row.question // self._width
        held = self._held.get(bucket)
        if held is None:
            held = self._held[bucket] = bytearray()
        held += _POST.pack(row.question, row.id, row.kind, row.offset, len(row.raw))
        held += row.raw
        size = _POST.size + len(row.raw)
        self._sizes[bucket] = self._sizes.get(bucket, 0) + size
        self._weight += size
        if self._weight > self._held_bytes:
            self._spill(self._held_bytes // 2)

    def __iter__(self) -> Iterator[tuple[int, list[Post]]]:
        """Each question's id with its posts: the question first if it is there, answers by id."""
        if self._file is not None:  # what is held would stay in memory beside the bucket being joined
            self._spill(0)
        for bucket in sorted(self._sizes):
            passes = -(-self._sizes[bucket] // self._join_bytes)
            step = max(1, -(-self._width // passes))
            first = bucket * self._width
            for begin in range(first, first + self._width, step):
                posts = sorted(self._posts(bucket, begin, begin + step))
                for question, group in groupby(posts, key=itemgetter(0)):
                    yield question, list(group)
            self._held.pop(bucket, None)
            self._frames.pop(bucket, None)

    def _posts(self, bucket: int, begin: int, end: int) -> Iterator[Post]:
        """The posts of a bucket to questions of ids from `begin` up to before `end`."""
        for data in self._pieces(bucket):
            at = 0
            while at < len(data):
                question, number, kind, offset, length = _POST.unpack_from(data, at)
                at += _POST.size
                if begin <= question < end:
                    yield question, kind, number, offset, bytes(data[at : at + length])
                at += length

    def _pieces(self, bucket: int) -> Iterator[bytes | bytearray]:
        frames = self._frames.get(bucket, array("q"))
        unpacker = zstandard.ZstdDecompressor()
        for place, length in zip(frames[::2], frames[1::2], strict=True):
            assert self._file is not None
            with store.errors(tempfile.gettempdir(), "read"):
                self._file.seek(place)
                packed = self._file.read(length)
            yield unpacker.decompress(packed)
        yield self._held.get(bucket, b"")

    def _spill(self, most: int) -> None:
        """Packs the largest buckets into the file, until no more than `most` bytes are held."""
        packer = zstandard.ZstdCompressor(level=1)
        with store.errors(tempfile.gettempdir()):
            if self._file is None:
                self._file = tempfile.TemporaryFile(prefix="winnow-")  # noqa: SIM115, closed in __exit__
            for bucket in sorted(self._held, key=lambda bucket: -len(self._held[bucket])):
                if self._weight <= most:
                    break
                held = self._held.pop(bucket)
                packed = packer.compress(held)
                self._file.seek(self._end)
                self._file.write(packed)
                self._frames.setdefault(bucket, array("q")).extend((self._end, len(packed)))
                self._end += len(packed)
                self._weight -= len(held)
            self._file.flush()
