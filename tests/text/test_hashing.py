"""MurmurHash3 against its published check value, and its quality; whitespace against Python's."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from text.hashing import collapse_whitespace, hash128, hash_sequences, mix64, mix_array, random_words
from text.strings import Strings


def _strings(*parts: bytes) -> Strings:
    offsets = np.cumsum([0, *map(len, parts)]).astype(np.int64)
    return Strings(np.frombuffer(b"".join(parts), np.uint8), offsets)


def test_no_strings() -> None:
    assert hash128(_strings()).shape == (0, 2)
    assert hash_sequences(np.zeros(1, np.int64), np.zeros(0, np.uint64)).shape == (0, 2)
    assert len(collapse_whitespace(_strings())) == 0


def test_empty_string() -> None:
    assert hash128(_strings(b"")).tolist() == [[0, 0]]  # as published for seed 0
    assert hash128(_strings(b""), seed=1).tolist() != [[0, 0]]


def test_matches_the_published_verification_value() -> None:
    """SMHasher's check: the keys (), (0), (0, 1) … with seeds 256, 255 …, then the hash of hashes."""
    hashes = [hash128(_strings(bytes(range(n))), seed=256 - n)[0].astype("<u8").tobytes() for n in range(256)]
    final = hash128(_strings(b"".join(hashes)))[0].astype("<u8").tobytes()
    assert int.from_bytes(final[:4], "little") == 0x6384BA69


def test_a_slice_hashes_like_its_copy() -> None:
    texts = pa.array(["first", "second text", None, "", "dritter Text, länger als sechzehn Bytes"])
    whole, part = hash128(Strings.of(texts)), hash128(Strings.of(texts.slice(1, 4)))
    assert (whole[1:] == part).all()
    assert (whole[2] == whole[3]).all()  # null is the empty text


def test_a_million_strings_do_not_collide() -> None:
    numbers = pa.array(np.arange(1_000_000)).cast(pa.string())
    hashes = hash128(Strings.of(numbers))
    assert len(np.unique(hashes[:, 0])) == len(np.unique(hashes[:, 1])) == 1_000_000
    assert not np.intersect1d(hashes[:, 0], hashes[:, 1]).size


@pytest.mark.parametrize("size", [4, 7, 8, 15, 16, 17, 40])
def test_each_input_bit_turns_half_of_the_output_bits(size: int) -> None:
    rng = np.random.default_rng(size)
    trials = 2000
    base = rng.integers(0, 256, (trials, size), dtype=np.uint8)
    offsets = np.arange(trials + 1, dtype=np.int64) * size
    before = hash128(Strings(base.ravel(), offsets))
    for bit in rng.choice(size * 8, min(8, size * 8), replace=False):
        turned = base.copy()
        turned[:, bit // 8] ^= np.uint8(1 << (bit % 8))
        changed = before ^ hash128(Strings(turned.ravel(), offsets))
        per_bit = np.unpackbits(changed.view(np.uint8), axis=1).mean(axis=0)
        # Five standard deviations of a fair coin thrown 2,000 times, over all 128 output bits.
        assert np.abs(per_bit - 0.5).max() < 5 * 0.5 / np.sqrt(trials)


def test_mixing_is_a_bijection_that_spreads_small_numbers() -> None:
    assert mix_array(np.zeros(0, np.uint64)).shape == (0,)
    mixed = mix_array(np.arange(100_000, dtype=np.uint64))
    assert len(np.unique(mixed)) == 100_000
    assert int(mixed[7]) == int(mix64(np.uint64(7)))
    shares = np.bincount((mixed[1:] >> np.uint64(60)).astype(int), minlength=16) / (len(mixed) - 1)
    assert np.abs(shares - 1 / 16).max() < 0.005


def test_random_words_are_splitmix64() -> None:
    assert random_words(0, np.uint64(1)).shape == (0,)
    # The generator's published first outputs for seed 1234567.
    assert random_words(3, np.uint64(1234567)).tolist() == [
        6457827717110365317,
        3203168211198807973,
        9817491932198370423,
    ]


def test_sequences_hash_by_their_values() -> None:
    offsets = np.array([0, 2, 2, 4, 7], np.int64)
    values = np.array([1, 2, 1, 2, 1, 2, 3], np.uint64)
    hashes = [tuple(row) for row in hash_sequences(offsets, values)]
    assert hashes[0] == hashes[2]
    assert len(set(hashes)) == 3


_SPACED = st.text(
    st.sampled_from(
        [chr(c) for c in range(0x110000) if chr(c).isspace()]
        + ["a", "é", "中", "\u200b", "\u2060", "\u00a1", "\u3001", "\u1681", "\u202a", "\u00c2", "😀", "\x00"]
    ),
    max_size=12,
)


@settings(max_examples=200, deadline=None)
@given(st.lists(_SPACED, max_size=6))
def test_whitespace_collapses_as_in_python(texts: list[str]) -> None:
    collapsed = collapse_whitespace(Strings.of(pa.array(texts, pa.string())))
    data = collapsed.data.tobytes()
    cuts = zip(collapsed.offsets[:-1], collapsed.offsets[1:], strict=True)
    assert [data[a:b].decode() for a, b in cuts] == [" ".join(text.split()) for text in texts]


def test_every_whitespace_character_of_python_is_known() -> None:
    spaces = [chr(c) for c in range(0x110000) if not 0xD800 <= c < 0xE000 and chr(c).isspace()]
    collapsed = collapse_whitespace(Strings.of(pa.array([f"a{space}b" for space in spaces])))
    assert collapsed.data.tobytes() == b"a b" * len(spaces)
