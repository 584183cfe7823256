"""Instructions of the processor beside plain Python: no bit, all of them, any number."""

import numpy as np
from hypothesis import example, given
from hypothesis import strategies as st

from text.bits import eight, high, low_zeros, ones
from text.jit import kernel
from text.strings import Bytes

NUMBERS = st.integers(0, 2**64 - 1)


@kernel
def _all(a: np.uint64, b: np.uint64) -> tuple[int, int, int]:
    return ones(a), low_zeros(a), high(a, b)


@kernel
def _read(data: Bytes, at: int) -> int:
    return int(eight(data, at))


@given(NUMBERS, NUMBERS)
@example(0, 0)
@example(2**64 - 1, 2**64 - 1)
@example(2**63, 2)
def test_like_plain_python(a: int, b: int) -> None:
    zeros = (a & -a).bit_length() - 1 if a else 64
    assert _all(np.uint64(a), np.uint64(b)) == (a.bit_count(), zeros, a * b >> 64)


@given(st.binary(min_size=8, max_size=20))
@example(bytes(8))
def test_eight_bytes_from_any_place(data: bytes) -> None:
    values = np.frombuffer(data, np.uint8)
    for at in range(len(data) - 7):
        assert np.uint64(_read(values, at)) == int.from_bytes(data[at : at + 8], "little")
