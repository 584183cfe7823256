"""Packed files of benchmark items, gzip and Zstandard, read to their end or not at all."""

import gzip
import io
from typing import Any, BinaryIO, cast

import zstandard

_BLOCK = 1 << 16  # bytes read at a time


def unpacked_file(raw: BinaryIO, path: str) -> BinaryIO:
    """What a file holds, unpacked if its name says that it is packed: .gz or .zst."""
    if path.lower().endswith(".gz"):
        return cast(BinaryIO, gzip.GzipFile(fileobj=raw))
    if path.lower().endswith(".zst"):
        return cast(BinaryIO, io.BufferedReader(_Zstandard(raw)))
    return raw


class _Zstandard(io.RawIOBase):
    """All frames of a packed file; EOFError where the last is cut off, which the library passes over."""

    def __init__(self, raw: BinaryIO) -> None:
        self._raw, self._held, self._left = raw, b"", b""
        self._frame: Any = None

    def readable(self) -> bool:
        return True

    def readinto(self, into: Any) -> int:
        while not self._held:
            packed = self._left or self._raw.read(_BLOCK)
            if not packed:
                if self._frame is not None:
                    raise EOFError("the last Zstandard frame is cut off")
                return 0
            if self._frame is None:
                self._frame = zstandard.ZstdDecompressor(max_window_size=1 << 31).decompressobj()
            self._held, self._left = self._frame.decompress(packed), b""
            if self._frame.eof:
                self._left, self._frame = self._frame.unused_data, None
        size = min(len(into), len(self._held))
        into[:size], self._held = self._held[:size], self._held[size:]
        return size
