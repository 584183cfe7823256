"""An HTTP response as it was recorded: its head, and its body without transfer and content coding.

Archives are not faithful to the wire: many keep the header fields of a body that the crawler
unpacked already. So a coding is undone where the bytes bear it out, and left alone otherwise.
"""

import io
import re
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from fastwarc.stream_io import BrotliReader

from pipeline.sources.crawl.records import fields
from pipeline.sources.streams import chunks

_STATUS = re.compile(rb"HTTP/\d+(?:\.\d+)?[ \t]+(\d{3})")
_END_OF_HEAD = re.compile(rb"\r?\n\r?\n")
_CHUNK_SIZE = re.compile(rb"[ \t]*([0-9A-Fa-f]{1,15})[^\r\n]*\r?\n")
_HEAD_BYTES = 256 << 10  # a head that does not end before is no head
_STEP = 8192


class TooLargeError(Exception):
    """A body that unpacks to more than the limit."""


@dataclass(frozen=True)
class Response:
    """`headers`: names in lower case, the first of each; `raw`: the body as it was recorded."""

    status: int
    headers: dict[str, str]
    raw: bytes

    def body(self, limit: int) -> bytes:
        """The body without its codings: as much of it as is undamaged.

        Raises TooLargeError as soon as more than `limit` bytes come out.
        """
        data = self.raw
        if "chunked" in self.headers.get("transfer-encoding", "").lower():
            data = _joined(data)
        codings = re.split(r"[\s,]+", self.headers.get("content-encoding", "").lower())
        for coding in reversed(codings):
            if coding == "br":
                data = _brotli(data, limit)
            elif coding == "deflate":
                data = _deflate(data, limit)
        # gzip and Zstandard show by their first bytes whether they are there, declared or not;
        # twice, since servers pack what was packed.
        for _ in range(2):
            if data.startswith((b"\x1f\x8b\x08", b"\x28\xb5\x2f\xfd")):
                data = _packed(data, limit)
        if len(data) > limit:
            raise TooLargeError
        return data


def response(block: bytes) -> Response | None:
    """The response in a WARC record's block; None where there is none."""
    status = _STATUS.match(block)
    if status is None:
        return None
    end = _END_OF_HEAD.search(block, 0, _HEAD_BYTES)
    head, raw = (block[:_HEAD_BYTES], b"") if end is None else (block[: end.start()], block[end.end() :])
    return Response(int(status.group(1)), fields(head.partition(b"\n")[2], "latin-1"), raw)


def _joined(data: bytes) -> bytes:
    """The chunks of a chunked body, up to where it is cut; `data` itself if it is not chunked."""
    parts: list[bytes] = []
    at = 0
    while True:
        size = _CHUNK_SIZE.match(data, at)
        if size is None:
            return b"".join(parts) if parts else data
        length = int(size.group(1), 16)
        if length == 0:
            return b"".join(parts)
        parts.append(data[size.end() : size.end() + length])
        at = size.end() + length
        if at >= len(data):
            return b"".join(parts)
        at += 2 if data.startswith(b"\r\n", at) else 1 if data.startswith(b"\n", at) else 0


def _collect(pieces: Iterator[bytes], limit: int) -> bytes:
    parts = []
    size = 0
    for piece in pieces:
        parts.append(piece)
        size += len(piece)
        if size > limit:
            raise TooLargeError
    return b"".join(parts)


def _packed(data: bytes, limit: int) -> bytes:
    def pieces() -> Iterator[bytes]:
        for chunk in chunks(io.BytesIO(data)):
            if chunk.fault:
                return
            yield chunk.data

    return _collect(pieces(), limit)


def _deflate(data: bytes, limit: int) -> bytes:
    """Undoes `deflate`: zlib's format by the standard, the bare one by some servers' habit."""

    zlib_head = len(data) > 1 and data[0] & 15 == 8 and (data[0] << 8 | data[1]) % 31 == 0
    unpacker = zlib.decompressobj(wbits=15 if zlib_head else -15)

    def pieces() -> Iterator[bytes]:
        for at in range(0, len(data), _STEP):
            try:
                yield unpacker.decompress(data[at : at + _STEP])
            except zlib.error:
                return

    unpacked = _collect(pieces(), limit)
    # Plain text may pass for the start of a bare stream, but hardly for a whole one.
    return unpacked if unpacked and (zlib_head or unpacker.eof) else data


def _brotli(data: bytes, limit: int) -> bytes:
    reader = BrotliReader(io.BytesIO(data))
    read: Callable[[int], bytes] = reader.read

    def pieces() -> Iterator[bytes]:
        try:
            while piece := read(_STEP):
                yield piece
        except OSError:
            return

    return _collect(pieces(), limit) or data
