"""One entry of a zip file unpacked, in bounded memory, whatever it says of its length."""

import bz2
import lzma
import struct
import zlib
from collections.abc import Iterator
from typing import Any, BinaryIO

import zstandard

from pipeline.sources.archives.member import TOO_LARGE
from pipeline.sources.streams import CORRUPT, TRUNCATED

STORED, _DEFLATE, _BZIP2, _LZMA, _ZSTANDARD, _XZ = 0, 8, 12, 14, 93, 95
METHODS = (STORED, _DEFLATE, _BZIP2, _LZMA, _ZSTANDARD, _XZ)
UNKNOWN = (1 << 64) - 1

_READ = 1 << 20
_MEMORY = 1 << 28  # of an LZMA dictionary
_ERRORS = (zlib.error, lzma.LZMAError, zstandard.ZstdError, OSError, EOFError, ValueError)
_DEFLATER = type(zlib.decompressobj())


def unpacked(
    file: BinaryIO, method: int, packed: int | None, size: int, limit: int, end_mark: bool = False
) -> tuple[bytes, int, str]:
    """What stands at the file's position, how many bytes of the file it took, and its fault.

    packed, size   bytes in the file and unpacked, as stated; `packed` is None where it is not known
    end_mark       of LZMA: it says itself where it ends

    Stops with `too_large` once there are more than `limit` bytes.
    """
    left = UNKNOWN if packed is None else packed
    if method == STORED:
        data = file.read(min(left, limit + 1))
        fault = TRUNCATED if len(data) < min(left, limit + 1) else TOO_LARGE * (len(data) > limit)
        return data, len(data), fault
    taken = 0
    found: list[bytes] = []
    count = 0
    try:
        if method == _LZMA:
            head = file.read(9)
            known = size if packed is not None and not end_mark else UNKNOWN
            unpacker: Any = lzma.LZMADecompressor(lzma.FORMAT_ALONE, memlimit=_MEMORY)
            unpacker.decompress(head[4:] + struct.pack("<Q", known))
            taken = len(head)
        else:
            unpacker = _opened(method)
        while not unpacker.eof and taken < left:
            step = 256 if method == _ZSTANDARD else _READ
            block = file.read(min(step, left - taken))
            if not block:
                return b"".join(found), taken, TRUNCATED
            taken += len(block)
            for piece in _pieces(unpacker, block):
                found.append(piece)
                count += len(piece)
                if count > limit:
                    return b"".join(found), taken, TOO_LARGE
    except _ERRORS as fault:
        if isinstance(fault, OSError) and fault.errno is not None:
            raise  # of the file, not of what is in it
        return b"", taken, CORRUPT
    if not unpacker.eof:
        return b"", taken, CORRUPT
    return b"".join(found), taken - len(unpacker.unused_data), ""


def _opened(method: int) -> Any:
    if method == _DEFLATE:
        return zlib.decompressobj(-15)
    if method == _BZIP2:
        return bz2.BZ2Decompressor()
    if method == _XZ:
        return lzma.LZMADecompressor(memlimit=_MEMORY)
    return zstandard.ZstdDecompressor(max_window_size=_MEMORY).decompressobj()


def _pieces(unpacker: Any, block: bytes) -> Iterator[bytes]:
    """What `block` unpacks to, in pieces of bounded size."""
    if isinstance(unpacker, bz2.BZ2Decompressor | lzma.LZMADecompressor):
        yield unpacker.decompress(block, _READ)
        while not unpacker.eof and not unpacker.needs_input:
            yield unpacker.decompress(b"", _READ)
    elif isinstance(unpacker, _DEFLATER):
        while block and not unpacker.eof:
            yield unpacker.decompress(block, _READ)
            block = unpacker.unconsumed_tail
    else:
        yield unpacker.decompress(block)
