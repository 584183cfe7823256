"""HTTP bodies: codings that are there, codings that only the head claims, damage, bombs."""

import gzip
import io
import zlib

import pytest
import zstandard
from fastwarc.stream_io import BrotliWriter
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.sources.crawl.http import TooLargeError, response

PAGE = b"<html>" + bytes(range(256)) * 40 + b"a page " * 999
LIMIT = 1 << 20


def brotli(data: bytes) -> bytes:
    sink = io.BytesIO()
    writer = BrotliWriter(sink)
    writer.write(data)
    writer.close()
    return sink.getvalue()


def chunked(data: bytes, size: int = 1000) -> bytes:
    parts = [data[at : at + size] for at in range(0, len(data), size)]
    return b"".join(b"%x;name=value\r\n%s\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"


def bare(data: bytes) -> bytes:
    return zlib.compress(data)[2:-4]


def body(raw: bytes, coding: str = "", transfer: str = "", limit: int = LIMIT) -> bytes:
    head = b"HTTP/1.1 200 OK\r\nContent-Encoding: %s\r\nTransfer-Encoding: %s\r\n\r\n"
    answer = response(head % (coding.encode(), transfer.encode()) + raw)
    assert answer is not None
    return answer.body(limit)


def test_nothing() -> None:
    assert response(b"") is None
    for coding in ("", "gzip", "deflate", "br", "zstd", "identity", "unheard-of"):
        assert body(b"", coding, "chunked") == b""


@pytest.mark.parametrize(
    ("raw", "coding"),
    [
        (PAGE, ""),
        (gzip.compress(PAGE), "gzip"),
        (gzip.compress(PAGE), "x-gzip"),
        (gzip.compress(PAGE), ""),
        (gzip.compress(gzip.compress(PAGE)), "gzip, gzip"),
        (zlib.compress(PAGE), "deflate"),
        (bare(PAGE), "deflate"),
        (brotli(PAGE), "br"),
        (zstandard.compress(PAGE), "zstd"),
        (PAGE, "gzip"),
        (PAGE, "deflate"),
        (PAGE, "br"),
        (PAGE, "zstd"),
        (PAGE, "utf-8"),
    ],
)
@pytest.mark.parametrize("transfer", ["", "chunked"])
def test_codings(raw: bytes, coding: str, transfer: str) -> None:
    assert body(chunked(raw) if transfer else raw, coding, transfer) == PAGE


def test_chunked_that_is_not() -> None:
    assert body(PAGE, "", "chunked") == PAGE
    assert body(chunked(PAGE)[:5000], "", "Chunked") == PAGE[: 5000 - 5 * len(b"3e8;name=value\r\n\r\n") + 2]


@pytest.mark.parametrize(
    ("pack", "coding"), [(gzip.compress, "gzip"), (zlib.compress, "deflate"), (brotli, "br")]
)
def test_cut_off_keeps_what_is_there(pack: object, coding: str) -> None:
    page = b"".join(b"%d " % (n * n % 10007) for n in range(30_000))
    raw = pack(page)  # type: ignore[operator]
    got = body(raw[: len(raw) * 3 // 4], coding)
    assert page.startswith(got) and len(got) > 30_000


@pytest.mark.parametrize(
    ("raw", "coding"),
    [
        (gzip.compress(bytes(64 << 20)), "gzip"),
        (zlib.compress(bytes(64 << 20)), "deflate"),
        (brotli(bytes(64 << 20)), "br"),
        (zstandard.compress(bytes(64 << 20)), "zstd"),
        (bytes(LIMIT + 1), ""),
    ],
)
def test_bombs(raw: bytes, coding: str) -> None:
    with pytest.raises(TooLargeError):
        body(raw, coding)
    assert len(body(bytes(LIMIT))) == LIMIT


@settings(max_examples=150, deadline=None)
@given(
    st.binary(max_size=300), st.sampled_from(["", "gzip", "deflate", "br", "zstd", "br, gzip"]), st.booleans()
)
def test_any_bytes(raw: bytes, coding: str, is_chunked: bool) -> None:
    body(raw, coding, "chunked" if is_chunked else "")


def test_heads() -> None:
    answer = response(b"HTTP/1.1 200 OK\r\nA: 1\r\n continued\r\na: 2\r\nno colon\r\nB:3\r\n\r\nbody")
    assert answer is not None
    assert (answer.status, answer.headers, answer.raw) == (200, {"a": "1 continued", "b": "3"}, b"body")
    assert response(b"ICY 200 OK\r\n\r\n") is None
    assert response(b"HTTP/2 204\n\n") is not None
