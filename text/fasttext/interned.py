"""Tokens as fastText cuts them, each different one numbered once.

A token is what stands between separators: space, \\t, \\n, \\v, \\f, \\r and NUL. Other white space is part
of a token. A text ends with the token `</s>`; one that stands in the text as it is ends it there.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from text.jit import inlined, kernel
from text.prefetch import prefetch
from text.strings import Bytes, Offsets, Strings

Slots = NDArray[np.uint64]
Hashes32 = NDArray[np.uint32]

END = b"</s>"
SEPARATOR = np.zeros(256, np.bool_)
SEPARATOR[[0, 9, 10, 11, 12, 13, 32]] = True
SIGNED = np.arange(256).astype(np.uint8).view(np.int8).astype(np.int32).view(np.uint32).copy()
FNV_SEED = np.uint32(2166136261)
FNV_PRIME = np.uint32(16777619)
_SLOTS = 1 << 10  # of an empty table, a power of two
_AHEAD = 64  # tokens whose places are asked for at once
_END_SIZE = len(END)
_END_HEAD = np.uint64(int.from_bytes(END, "little"))
_MIX = np.uint64(0x9E3779B97F4A7C15)


class Interned:
    """A set of byte strings, numbered in the order in which they came.

    data, ends   the bytes of all of them, one behind the other, and where each ends
    hashes       32-bit FNV-1a of each, as fastText has it: bytes are signed
    slots        [places, 2] open addressing: hash << 32 | number + 1 or 0, and the first eight bytes
    """

    def __init__(self) -> None:
        self.slots = np.zeros((_SLOTS, 2), np.uint64)
        self.data = np.empty(0, np.uint8)
        self.ends = np.zeros(1, np.int64)
        self.hashes = np.empty(0, np.uint32)
        self.count = 0

    def clear(self) -> None:
        """Forgets all of them, and keeps the room."""
        self.slots[:] = 0
        self.count = 0

    def room(self, tokens: int, size: int) -> None:
        """Makes room for as many more, of as many bytes together."""
        used = int(self.ends[self.count])
        if len(self.data) < used + size:
            self.data = _grown(self.data, used, used + size)
        if len(self.hashes) < self.count + tokens:
            self.hashes = _grown(self.hashes, self.count, self.count + tokens)
            self.ends = _grown(self.ends, self.count + 1, self.count + tokens + 1)

    def add(self, tokens: Sequence[bytes]) -> None:
        """Numbers those that are new."""
        data = np.frombuffer(b"".join(tokens), np.uint8)
        offsets = np.zeros(len(tokens) + 1, np.int64)
        np.cumsum([len(token) for token in tokens], out=offsets[1:])
        strings = Strings(data, offsets)
        self.number(
            strings.data, strings.offsets[:-1], strings.offsets[1:], hash_whole(strings.data, strings.offsets)
        )

    def number(self, data: Bytes, begins: Offsets, ends: Offsets, mixed: Hashes32) -> NDArray[np.int32]:
        """The numbers of the tokens `data[begins[i]:ends[i]]`, of these hashes, [n]; new ones are added."""
        self.room(len(begins), int((ends - begins).sum()))
        numbers, self.slots, self.count = intern(
            data, begins, ends, mixed, self.slots, self.data, self.ends, self.hashes, self.count
        )
        return numbers


def _grown(old: NDArray[Any], used: int, size: int) -> NDArray[Any]:
    new = np.empty(max(size, 2 * used), old.dtype)
    new[:used] = old[:used]
    return new


@inlined
def step(state: np.uint32, byte: np.uint8) -> np.uint32:
    """One step of FNV-1a."""
    return np.uint32((state ^ SIGNED[byte]) * FNV_PRIME)


@inlined
def head(data: Bytes, first: int, last: int) -> np.uint64:
    """The first eight bytes of a token, 0 behind its end: no token holds a NUL, so that they tell all of a
    token that is no longer."""
    value = np.uint64(0)
    for i in range(min(last - first, 8)):
        value |= np.uint64(data[first + i]) << np.uint64(8 * i)
    return value


@inlined
def place(mixed: np.uint32, slots: Slots) -> np.uint64:
    """Where a token of this hash is looked for first."""
    return (np.uint64(mixed) * _MIX >> np.uint64(32)) & np.uint64(len(slots) - 1)


@inlined
def find(
    data: Bytes,
    first: int,
    last: int,
    mixed: np.uint32,
    start: np.uint64,
    slots: Slots,
    held: Bytes,
    ends: Offsets,
) -> int:
    """The number of a token among those held, or the place of its free slot as -1 - place.

    mixed, start   its hash and `head`
    """
    mask = np.uint64(len(slots) - 1)
    at = place(mixed, slots)
    while slots[at, 0] != 0:
        if slots[at, 1] == start and np.uint32(slots[at, 0] >> np.uint64(32)) == mixed:
            number = int(slots[at, 0] & np.uint64(0xFFFFFFFF)) - 1
            if last - first <= 8:  # a longer one of the same head has another eighth byte or more bytes
                if start >> np.uint64(56) == 0 or ends[number + 1] - ends[number] == 8:
                    return number
            else:
                begin = ends[number]
                if ends[number + 1] - begin == last - first:
                    i = 8
                    while i < last - first and held[begin + i] == data[first + i]:
                        i += 1
                    if i == last - first:
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
            at = ((slots[i, 0] >> np.uint64(32)) * _MIX >> np.uint64(32)) & mask
            while wide[at, 0] != 0:
                at = (at + np.uint64(1)) & mask
            wide[at, 0] = slots[i, 0]
            wide[at, 1] = slots[i, 1]
    return wide


@inlined
def _put(
    data: Bytes,
    first: int,
    last: int,
    mixed: np.uint32,
    held: Bytes,
    ends: Offsets,
    hashes: Hashes32,
    count: int,
) -> np.uint64:
    """Writes a token behind those held; its slot."""
    begin = ends[count]
    for i in range(last - first):
        held[begin + i] = data[first + i]
    ends[count + 1] = begin + last - first
    hashes[count] = mixed
    return np.uint64(mixed) << np.uint64(32) | np.uint64(count + 1)


@kernel
def hash_whole(data: Bytes, offsets: Offsets) -> Hashes32:
    """The hash of each string, [n]."""
    out = np.empty(len(offsets) - 1, np.uint32)
    for i in range(len(out)):
        state = FNV_SEED
        for at in range(offsets[i], offsets[i + 1]):
            state = step(state, data[at])
        out[i] = state
    return out


@kernel
def intern(
    data: Bytes,
    firsts: Offsets,
    lasts: Offsets,
    mixed: Hashes32,
    slots: Slots,
    held: Bytes,
    ends: Offsets,
    hashes: Hashes32,
    count: int,
) -> tuple[NDArray[np.int32], Slots, int]:
    """The numbers of the tokens `data[firsts[i]:lasts[i]]`, [n]; new ones are put into `held`, `ends` and
    `hashes`. Gives the slots and how many there are now, too."""
    numbers = np.empty(len(firsts), np.int32)
    for begin in range(0, len(firsts), _AHEAD):
        end = min(begin + _AHEAD, len(firsts))
        for i in range(begin, end):
            prefetch(slots, 2 * np.int64(place(mixed[i], slots)))
        for i in range(begin, end):
            start = head(data, firsts[i], lasts[i])
            number = find(data, firsts[i], lasts[i], mixed[i], start, slots, held, ends)
            if number < 0:
                slots[-1 - number, 0] = _put(data, firsts[i], lasts[i], mixed[i], held, ends, hashes, count)
                slots[-1 - number, 1] = start
                number = count
                count += 1
                if 2 * count > len(slots):
                    slots = _wider(slots)
            numbers[i] = number
    return numbers, slots, count


@kernel
def cut(data: Bytes, firsts: Offsets, lasts: Offsets) -> tuple[Offsets, Offsets, Hashes32, Offsets]:
    """The tokens of the texts `data[firsts[i]:lasts[i]]`: where each begins and ends, its hash, [tokens]
    each, and which are of each text, [n + 1].
    """
    most = 0
    for text in range(len(firsts)):
        most += (lasts[text] - firsts[text] + 1) // 2
    begins, ends = np.empty(most, np.int64), np.empty(most, np.int64)
    mixed = np.empty(most, np.uint32)
    cuts = np.zeros(len(firsts) + 1, np.int64)
    n = 0
    for text in range(len(firsts)):
        at, last = firsts[text], lasts[text]
        while True:
            while at < last and SEPARATOR[data[at]]:
                at += 1
            if at == last:
                break
            begins[n] = at
            state = FNV_SEED
            while at < last and not SEPARATOR[data[at]]:
                state = step(state, data[at])
                at += 1
            ends[n], mixed[n] = at, state
            n += 1
            if at - begins[n - 1] == _END_SIZE and head(data, begins[n - 1], at) == _END_HEAD:
                n -= 1
                break
        cuts[text + 1] = n
    return begins[:n], ends[:n], mixed[:n], cuts
