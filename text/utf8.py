"""Reading UTF-8 in kernels."""

import numpy as np
from numpy.typing import NDArray

from text.jit import inlined, kernel
from text.strings import Bytes, Offsets, Strings

REPLACEMENT = 0xFFFD


def count_chars(strings: Strings) -> NDArray[np.int64]:
    """Code points of each text, [n]."""
    return _count_chars(strings.data, strings.offsets)


@kernel
def _count_chars(data: Bytes, offsets: Offsets) -> NDArray[np.int64]:
    counts = np.zeros(len(offsets) - 1, np.int64)
    for i in range(len(counts)):
        followers = 0  # the second and later bytes of a character are 10xxxxxx
        for at in range(offsets[i], offsets[i + 1]):
            followers += (data[at] & 0xC0) == 0x80
        counts[i] = offsets[i + 1] - offsets[i] - followers
    return counts


@inlined
def decode(data: Bytes, at: int, end: int) -> tuple[int, int]:
    """The code point at `data[at]` and where the next one starts.

    Never reads at or behind `end` and never returns more than U+10FFFF: bytes that are not UTF-8
    count as U+FFFD.
    """
    lead = int(data[at])
    if lead < 0x80:
        return lead, at + 1
    return _decode_long(data, lead, at, end)


@kernel
def _decode_long(data: Bytes, lead: int, at: int, end: int) -> tuple[int, int]:
    """As `decode`, for a character of more than one byte (kept apart so that `decode` is inlined)."""
    if lead < 0xE0:
        if at + 2 > end:
            return REPLACEMENT, at + 1
        return (lead & 0x1F) << 6 | int(data[at + 1] & 0x3F), at + 2
    if lead < 0xF0:
        if at + 3 > end:
            return REPLACEMENT, at + 1
        return (lead & 0x0F) << 12 | int(data[at + 1] & 0x3F) << 6 | int(data[at + 2] & 0x3F), at + 3
    if at + 4 > end:
        return REPLACEMENT, at + 1
    point = (
        (lead & 0x07) << 18
        | int(data[at + 1] & 0x3F) << 12
        | int(data[at + 2] & 0x3F) << 6
        | int(data[at + 3] & 0x3F)
    )
    if point > 0x10FFFF:
        return REPLACEMENT, at + 4
    return point, at + 4
