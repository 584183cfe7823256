"""Which of a few fixed phrases a text or line holds, upper and lower case ASCII letters alike."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from text.jit import kernel
from text.strings import Bytes, Offsets, Strings

# Most frequent first, by and large; any order gives the same result.
_FREQUENT = b" etaoinsrhldcumfpgwybvkxjqz"


@dataclass(frozen=True)
class Phrases:
    """Up to 32 phrases made ready to look for: each is tried where its rarest letter stands.

    data, offsets   the phrases in lower case, one behind the other
    anchors         [phrases] int64, where in the phrase its rarest letter stands
    by_letter       [256, 33] int64: phrases anchored at this byte, closed by -1
    """

    data: Bytes
    offsets: Offsets
    anchors: NDArray[np.int64]
    by_letter: NDArray[np.int64]

    @classmethod
    def of(cls, phrases: tuple[str, ...]) -> "Phrases":
        """Raises ValueError for more than 32 phrases or an empty one."""
        if len(phrases) > 32 or not all(phrases):
            raise ValueError(f"phrases: {phrases!r}; expected at most 32, none of them empty")
        lowered = [phrase.encode().lower() for phrase in phrases]
        offsets = np.zeros(len(phrases) + 1, np.int64)
        np.cumsum([len(phrase) for phrase in lowered], out=offsets[1:])
        anchors = np.zeros(len(phrases), np.int64)
        by_letter = np.full((256, 33), -1, np.int64)
        for number, phrase in enumerate(lowered):
            # Not in the list at all (symbols, other scripts): rarer than any letter.
            rarity = [_FREQUENT.find(letter) % 256 for letter in phrase]
            anchors[number] = rarity.index(max(rarity))
            letter = phrase[anchors[number]]
            for byte in {letter, bytes([letter]).upper()[0]}:
                row = by_letter[byte]
                row[np.flatnonzero(row < 0)[0]] = number
        return cls(np.frombuffer(b"".join(lowered), np.uint8), offsets, anchors, by_letter)

    def found(self, strings: Strings, starts: Offsets, ends: Offsets) -> NDArray[np.uint32]:
        """For each span of bytes, [m], the phrases in it: bit k is set for phrase k."""
        return _found(strings.data, starts, ends, self.data, self.offsets, self.anchors, self.by_letter)


@kernel
def _found(
    data: Bytes,
    starts: Offsets,
    ends: Offsets,
    phrases: Bytes,
    offsets: Offsets,
    anchors: NDArray[np.int64],
    by_letter: NDArray[np.int64],
) -> NDArray[np.uint32]:
    found = np.zeros(len(starts), np.uint32)
    for k in range(len(starts)):
        start, end = starts[k], ends[k]
        bits = np.uint32(0)
        for at in range(start, end):
            candidate = 0
            number = by_letter[data[at], 0]
            while number >= 0:
                first = at - anchors[number]
                size = offsets[number + 1] - offsets[number]
                if first >= start and first + size <= end:
                    equal = True
                    for j in range(size):
                        byte = data[first + j]
                        if 0x41 <= byte <= 0x5A:
                            byte |= 0x20
                        if byte != phrases[offsets[number] + j]:
                            equal = False
                            break
                    if equal:
                        bits |= np.uint32(1) << np.uint32(number)
                candidate += 1
                number = by_letter[data[at], candidate]
        found[k] = bits
    return found
