"""Tokens as fastText cuts them, each different one numbered once.

A token is what stands between separators: space, \\t, \\n, \\v, \\f, \\r and NUL. Other white space is part
of a token. A text ends with the token `</s>`; one that stands in the text as it is ends it there.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from text.bits import eight, low_zeros
from text.jit import kernel, uncounted, uncounted_inlined
from text.prefetch import prefetch
from text.strings import Bytes, Offsets

Slots = NDArray[np.uint64]
Hashes32 = NDArray[np.uint32]

END = b"</s>"
SEPARATOR = np.zeros(256, np.bool_)
SEPARATOR[[0, 9, 10, 11, 12, 13, 32]] = True
_SLOTS = 1 << 9  # of an empty table, at least
_AT_ONCE = 64  # tokens whose places are asked for at once
_LESS = 60  # <, with which END begins
_END_SIZE = len(END)
_END_HEAD = np.uint64(int.from_bytes(END, "little"))
_MIX = np.uint64(0x9E3779B97F4A7C15)
_FIRST = np.array([(1 << 8 * size) - 1 for size in range(9)], np.uint64)  # the bits of as many bytes
_8, _32 = np.uint64(8), np.uint64(32)
_EACH = 0x0101010101010101
_LOWER, _UPPER = np.uint64(0x7F * _EACH), np.uint64(0x80 * _EACH)
_SPACES, _FROM_9, _FROM_14 = (np.uint64(byte * _EACH) for byte in (32, 128 - 9, 128 - 14))


class Interned:
    """A set of byte strings, numbered in the order in which they came.

    data, ends   the bytes of all of them, one behind the other, and where each ends
    hashes       32 bits of each
    slots        [places, 2] open addressing: hash << 32 | number + 1 or 0, and the first eight bytes
    """

    def __init__(self, expected: int = 0) -> None:
        """With room in the slots for as many as are expected."""
        self.slots = np.zeros((1 << max(2 * (expected + _AT_ONCE), _SLOTS).bit_length(), 2), np.uint64)
        self.data = np.empty(0, np.uint8)
        self.ends = np.zeros(1, np.int64)
        self.hashes = np.empty(0, np.uint32)
        self.count = 0

    def clear(self) -> None:
        """Forgets all of them, and keeps the room."""
        self.slots[:] = 0
        self.count = 0

    def add(self, tokens: Sequence[bytes]) -> None:
        """Numbers those that are new."""
        data = np.frombuffer(b"".join(tokens) + b"\0", np.uint8)
        ends = np.cumsum([len(token) for token in tokens], dtype=np.int64)
        self.number(data, np.concatenate([np.zeros(1, np.int64), ends[:-1]]), ends)

    def number(self, data: Bytes, begins: Offsets, ends: Offsets) -> NDArray[np.int32]:
        """The numbers of the tokens `data[begins[i]:ends[i]]`, [n]; new ones are added."""
        used, size = int(self.ends[self.count]), int((ends - begins).sum())
        if len(self.data) < used + size:
            self.data = _grown(self.data, used, used + size)
        if len(self.hashes) < self.count + len(begins):
            self.hashes = _grown(self.hashes, self.count, self.count + len(begins))
            self.ends = _grown(self.ends, self.count + 1, self.count + len(begins) + 1)
        numbers, mixed = np.empty(len(begins), np.int32), np.empty(_AT_ONCE, np.uint32)
        done = 0
        while done < len(begins):
            if 2 * (self.count + _AT_ONCE) > len(self.slots):
                self.slots = _wider(self.slots)
            done, self.count = intern(
                data,
                begins,
                ends,
                self.slots,
                self.data,
                self.ends,
                self.hashes,
                self.count,
                done,
                mixed,
                numbers,
            )
        return numbers


def _grown(old: NDArray[Any], used: int, size: int) -> NDArray[Any]:
    new = np.empty(max(size, 2 * used), old.dtype)
    new[:used] = old[:used]
    return new


@uncounted_inlined
def word_at(data: Bytes, at: int, last: int) -> np.uint64:
    """The up to eight bytes `data[at:last]`, 0 behind their end."""
    if at + 8 <= len(data):
        return np.uint64(eight(data, at) & _FIRST[min(last - at, 8)])
    value = np.uint64(0)
    for i in range(at, last):
        value |= np.uint64(data[i]) << np.uint64(8 * (i - at))
    return value


@uncounted_inlined
def hashed(data: Bytes, first: int, last: int) -> np.uint32:
    """The hash of a token."""
    state = np.uint64(last - first)
    for at in range(first, last, 8):
        state = (state ^ word_at(data, at, last)) * _MIX
        state ^= state >> _32
    return np.uint32(state)


@uncounted_inlined
def place(mixed: np.uint32, slots: Slots) -> np.uint64:
    """Where a token of this hash is looked for first."""
    return (np.uint64(mixed) * _MIX >> _32) & np.uint64(len(slots) - 1)


@uncounted_inlined
def find(
    data: Bytes, first: int, last: int, mixed: np.uint32, slots: Slots, held: Bytes, ends: Offsets
) -> int:
    """The number of a token, of this hash, among those held, or the place of its free slot as -1 - place."""
    head = word_at(data, first, last)
    mask = np.uint64(len(slots) - 1)
    at = place(mixed, slots)
    while slots[at, 0] != 0:
        if slots[at, 1] == head and np.uint32(slots[at, 0] >> _32) == mixed:
            number = int(slots[at, 0] & np.uint64(0xFFFFFFFF)) - 1
            if last - first < 8:  # no token holds a NUL: a head that ends with one tells the whole of it
                return number
            begin, i = ends[number], 8
            if ends[number + 1] - begin == last - first:
                while i < last - first and word_at(held, begin + i, ends[number + 1]) == word_at(
                    data, first + i, last
                ):
                    i += 8
                if i >= last - first:
                    return number
        at = (at + np.uint64(1)) & mask
    return -1 - int(at)


@kernel
def _wider(slots: Slots) -> Slots:
    """The same table in twice the room."""
    wide = np.zeros((2 * len(slots), 2), np.uint64)
    mask = np.uint64(len(wide) - 1)
    for i in range(len(slots)):
        if slots[i, 0] != 0:
            at = place(np.uint32(slots[i, 0] >> _32), wide)
            while wide[at, 0] != 0:
                at = (at + np.uint64(1)) & mask
            wide[at, 0] = slots[i, 0]
            wide[at, 1] = slots[i, 1]
    return wide


@uncounted
def intern(
    data: Bytes,
    firsts: Offsets,
    lasts: Offsets,
    slots: Slots,
    held: Bytes,
    ends: Offsets,
    hashes: Hashes32,
    count: int,
    done: int,
    mixed: Hashes32,
    numbers: NDArray[np.int32],
) -> tuple[int, int]:
    """Writes the numbers of the tokens `data[firsts[i]:lasts[i]]` from token `done` on, until the slots are
    half full; new ones are put into `held`, `ends` and `hashes`. How far it came, and how many are held.

    mixed   room for the hashes of `_AT_ONCE` tokens
    """
    for begin in range(done, len(firsts), _AT_ONCE):
        if 2 * (count + _AT_ONCE) > len(slots):
            return begin, count
        size = min(_AT_ONCE, len(firsts) - begin)
        for i in range(size):
            mixed[i] = hashed(data, firsts[begin + i], lasts[begin + i])
            prefetch(slots, 2 * np.int64(place(mixed[i], slots)))
        for i in range(size):
            first, last = firsts[begin + i], lasts[begin + i]
            number = find(data, first, last, mixed[i], slots, held, ends)
            if number < 0:
                slots[-1 - number, 0] = np.uint64(mixed[i]) << _32 | np.uint64(count + 1)
                slots[-1 - number, 1] = word_at(data, first, last)
                for k in range(last - first):
                    held[ends[count] + k] = data[first + k]
                ends[count + 1] = ends[count] + last - first
                hashes[count] = mixed[i]
                number = count
                count += 1
            numbers[begin + i] = number
    return len(firsts), count


@uncounted_inlined
def _separators(word: np.uint64) -> np.uint64:
    """The highest bit of each of the eight bytes that is a separator."""
    lower = word & _LOWER
    others = (lower + _LOWER) & ((lower ^ _SPACES) + _LOWER)  # neither 0 nor a space
    controls = (lower + _FROM_9) & ~(lower + _FROM_14)  # 9 … 13
    return (~others | controls) & ~word & _UPPER


@kernel
def cut(data: Bytes, firsts: Offsets, lasts: Offsets) -> tuple[Offsets, Offsets, Offsets]:
    """The tokens of the texts `data[firsts[i]:lasts[i]]`: where each begins and ends, [tokens] each, and
    which are of each text, [n + 1].
    """
    most = 0
    for text in range(len(firsts)):
        most += (lasts[text] - firsts[text] + 1) // 2
    begins, ends = np.empty(most, np.int64), np.empty(most, np.int64)
    cuts = np.zeros(len(firsts) + 1, np.int64)
    n = 0
    for text in range(len(firsts)):
        at, last = firsts[text], lasts[text]
        while True:
            while at < last and SEPARATOR[data[at]]:
                at += 1
            if at == last:
                break
            begin = at
            while at < last and at + 8 <= len(data):  # what is read behind the text is not taken
                size = low_zeros(_separators(eight(data, at))) >> np.uint64(3)
                at += np.int64(size)
                if size < _8:
                    break
            at = min(at, last)
            while at < last and not SEPARATOR[data[at]]:
                at += 1
            if data[begin] == _LESS and at - begin == _END_SIZE and word_at(data, begin, at) == _END_HEAD:
                break
            begins[n], ends[n] = begin, at
            n += 1
        cuts[text + 1] = n
    return begins[:n], ends[:n], cuts
