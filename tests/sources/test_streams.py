"""Packed files as streams: every format, chains of members, damage, bombs."""

import bz2
import gzip
import io
import lzma
import random
import tracemalloc
from collections.abc import Callable

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.sources.streams import chunks

PACK: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "zstandard": zstandard.ZstdCompressor(write_checksum=True).compress,
    "bzip2": bz2.compress,
    "xz": lzma.compress,
}


def unpack(data: bytes, starts: bytes = b"") -> tuple[bytes, list[str]]:
    parts, faults = [], []
    for chunk in chunks(io.BytesIO(data), starts):
        parts.append(chunk.data)
        if chunk.fault:
            faults.append(chunk.fault)
            assert not chunk.data
    return b"".join(parts), faults


def noise(size: int, seed: int = 1) -> bytes:
    return random.Random(seed).randbytes(size)


@pytest.mark.parametrize("name", PACK)
def test_nothing(name: str) -> None:
    assert unpack(b"") == (b"", [])
    assert unpack(PACK[name](b"")) == (b"", [])


@pytest.mark.parametrize("name", PACK)
def test_chains_of_members(name: str) -> None:
    parts = [b"a", b"", noise(300_000), b"text " * 9999, noise(10, 2)]
    assert unpack(b"".join(map(PACK[name], parts))) == (b"".join(parts), [])


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(sorted(PACK)), st.lists(st.binary(max_size=40), min_size=1, max_size=5))
def test_any_contents(name: str, parts: list[bytes]) -> None:
    assert unpack(b"".join(map(PACK[name], parts))) == (b"".join(parts), [])


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=200))
def test_what_is_not_packed_comes_as_it_is(data: bytes) -> None:
    assert unpack(b"plain" + data) == (b"plain" + data, [])


@pytest.mark.parametrize("name", PACK)
def test_cut_off(name: str) -> None:
    whole = b"a text that is packed well " * 5000 + noise(5000)
    data = PACK[name](whole)
    got, faults = unpack(data[: len(data) * 9 // 10])
    assert faults == ["truncated"]
    assert whole.startswith(got)
    if name in ("gzip", "xz"):  # the others unpack block by block
        assert len(got) > 100_000


@pytest.mark.parametrize("name", PACK)
def test_goes_on_behind_a_damaged_member(name: str) -> None:
    parts = [b"first" * 100, noise(30_000), b"third" * 100, b"fourth"]
    members = [PACK[name](part) for part in parts]
    at = len(members[0]) + len(members[1]) // 2
    data = bytearray(b"".join(members))
    data[at : at + 50] = bytes(50)
    got, faults = unpack(bytes(data))
    assert faults == ["corrupt"]
    assert got.startswith(parts[0]) and got.endswith(parts[2] + parts[3])


def test_goes_on_only_where_it_should() -> None:
    inner = gzip.compress(b"not this")
    members = [gzip.compress(b"WARC/one"), inner + noise(500), gzip.compress(b"WARC/two")]
    got, faults = unpack(members[0] + b"\x1f\x8b\x08\0" + noise(60) + members[1] + members[2], b"WARC/")
    assert (got, faults) == (b"WARC/oneWARC/two", ["corrupt"])


def test_offsets() -> None:
    first, second = gzip.compress(b"x" * 100_000), gzip.compress(b"y")
    offsets = [chunk.offset for chunk in chunks(io.BytesIO(first + b"\0" * 7 + second))]
    assert offsets[0] == 0 and offsets[-1] == len(first) + 7
    plain = [(chunk.offset, len(chunk.data)) for chunk in chunks(io.BytesIO(b"x" * 2_500_000))]
    assert [offset for offset, _ in plain] == [0, 1 << 20, 2 << 20]


@pytest.mark.parametrize("name", PACK)
def test_a_bomb_comes_in_bounded_pieces(name: str) -> None:
    data = PACK[name](bytes(64 << 20))
    tracemalloc.start()
    total = sum(len(chunk.data) for chunk in chunks(io.BytesIO(data)))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert total == 64 << 20
    assert peak < 40 << 20


def test_a_long_damaged_member_is_not_held() -> None:
    data = gzip.compress(noise(12 << 20), compresslevel=0)[:-8] + bytes(8) + gzip.compress(b"tail")
    tracemalloc.start()
    got, faults = 0, []
    for chunk in chunks(io.BytesIO(data)):
        got += len(chunk.data)
        faults += [chunk.fault] if chunk.fault else []
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert faults == ["corrupt"]
    assert (12 << 20) - 8192 <= got <= (12 << 20) + 4
    assert peak < 16 << 20
