"""Tables over all code points, built once per process from Python's own Unicode data.

The kernels take them as arguments: a table that a kernel closes over would be compiled into it.
Which characters are letters depends on the Unicode version of the interpreter: `VERSION`.
"""

import unicodedata
from collections.abc import Mapping
from functools import cache
from typing import Any, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

VERSION = unicodedata.unidata_version

CODE_POINTS = 0x110000

# The general categories.
CATEGORIES = (
    *("Lu", "Ll", "Lt", "Lm", "Lo", "Mn", "Mc", "Me", "Nd", "Nl", "No", "Pc", "Pd", "Ps", "Pe", "Pi", "Pf"),
    *("Po", "Sm", "Sc", "Sk", "So", "Zs", "Zl", "Zp", "Cc", "Cf", "Cs", "Co", "Cn"),
)

# What kernels take: the element type is left open so that mypy lets them mix with plain ints.
Classes: TypeAlias = NDArray[Any]
Folds: TypeAlias = NDArray[Any]
Number = TypeVar("Number", bound=np.integer[Any])

# Class bits of a code point.
LETTER = 1  # L*
DIGIT = 2  # N*
EXTEND = 4  # M*, C* but private use: belongs to the character before it
SPACE = 8  # str.isspace()
GAP = 16  # ends a word: white space and the zero width space
UPPER = 32  # Lu, Lt
LOWER = 64  # Ll
UNSPACED = 128  # a letter of a script written without spaces between words
RUN = 256  # symbol of which a row (...., ----) is one token
APART = 512  # symbol that never stands inside a word
HYPHEN = 1024  # stands inside a word only between a letter and a digit (covid-19)
TERMINAL = 2048  # ends a sentence: Sentence_Terminal of the Unicode Character Database
PUNCTUATION = 4096  # P*
APOSTROPHE = 8192  # ' and ’
STICKS = 16384  # symbol that stays with the word behind or before it (-5, C++, /tmp)

# Scripts written without spaces between words (first, last).
_UNSPACED = (
    (0x0E00, 0x0EFF),  # Thai, Lao
    (0x1000, 0x109F),  # Myanmar
    (0x1780, 0x17FF),  # Khmer
    (0x1950, 0x19DF),  # Tai Le, New Tai Lue
    (0x1A20, 0x1AAF),  # Tai Tham
    (0x3005, 0x3006),  # ideographic iteration and closing marks
    (0x3031, 0x303C),  # kana and ideographic repeat marks
    (0x3041, 0x30FF),  # Hiragana, Katakana
    (0x31F0, 0x31FF),  # Katakana extensions
    (0x3400, 0x4DBF),  # CJK
    (0x4E00, 0x9FFF),
    (0xA9E0, 0xA9FF),  # Myanmar extended
    (0xAA60, 0xAA7F),
    (0xAA80, 0xAADF),  # Tai Viet
    (0xF900, 0xFAFF),  # CJK compatibility
    (0xFF66, 0xFF9F),  # half-width Katakana
    (0x1AFF0, 0x1B16F),  # kana extensions
    (0x20000, 0x3FFFF),  # CJK, supplementary planes
)

# Sentence_Terminal (PropList.txt of the Unicode Character Database), not in `unicodedata`; but for
# U+104A, the comma of Burmese.
_TERMINAL = (
    "21 2E 3F 589 61D-61F 6D4 700-702 7F9 837 839 83D-83E 964-965 104B 1362 1367-1368 166E "
    "1735-1736 17D4-17D5 1803 1809 1944-1945 1AA8-1AAB 1B4E-1B4F 1B5A-1B5B 1B5E-1B5F 1B7D-1B7F "
    "1C3B-1C3C 1C7E-1C7F 2024 203C-203D 2047-2049 2CF9-2CFB 2E2E 2E3C 2E53-2E54 2E60-2E61 3002 "
    "A4FF A60E-A60F A6F3 A6F7 A876-A877 A8CE-A8CF A92F A9C8-A9C9 AA5D-AA5F AAF0-AAF1 ABEB FE12 "
    "FE15-FE16 FE52 FE56-FE57 FF01 FF0E FF1F FF61 10A56-10A57 10F55-10F59 10F86-10F89 11047-11048 "
    "110BE-110C1 11141-11143 111C5-111C6 111CD 111DE-111DF 11238-11239 1123B-1123C 112A9 "
    "113D4-113D5 1144B-1144C 115C2-115C3 115C9-115D7 11641-11642 1173C-1173E 11944 11946 "
    "11A42-11A43 11A9B-11A9C 11C41-11C42 11EF7-11EF8 11F43-11F44 16A6E-16A6F 16AF5 16B37-16B38 "
    "16B44 16D6E-16D6F 16E98 1BC9F 1DA88"
)

_RUN = ".-/\\|~^@•–—"
_APART = '";!?|<>'
_PARTICLES = "၌၍၎၏"  # Burmese words of one sign each, punctuation to Unicode
_WITHIN = "·’‧׳״"  # beyond ASCII, the punctuation that words hold
_STICKS = "-/+@~\\^"
_HYPHENS = "-‐‑–—~"


def _ranges(listing: str) -> list[tuple[int, int]]:
    """'21 61D-61F' → [(0x21, 0x21), (0x61D, 0x61F)]."""
    pairs = []
    for item in listing.split():
        first, _, last = item.partition("-")
        pairs.append((int(first, 16), int(last or first, 16)))
    return pairs


@cache
def categories() -> NDArray[np.uint8]:
    """The general category of each code point, [1114112], as its place in `CATEGORIES`."""
    places = {category: place for place, category in enumerate(CATEGORIES)}
    of_all = map(unicodedata.category, map(chr, range(CODE_POINTS)))
    return np.frombuffer(bytes(map(places.__getitem__, of_all)), np.uint8)


def by_category(values: Mapping[str, int], kind: type[Number], default: int = 0) -> NDArray[Number]:
    """A table, [1114112], of what `values` has for the category of each code point."""
    return np.array([values.get(category, default) for category in CATEGORIES], kind)[categories()]


@cache
def classes() -> NDArray[np.int16]:
    """Class bits of each code point, [1114112]."""
    bits = {
        "Lu": LETTER | UPPER,
        "Lt": LETTER | UPPER,
        "Ll": LETTER | LOWER,
        "Lm": LETTER,
        "Lo": LETTER,
        "Nd": DIGIT,
        "Nl": DIGIT,
        "No": DIGIT,
        "Mn": EXTEND,
        "Mc": EXTEND,
        "Me": EXTEND,
        "Cf": EXTEND,
        "Cc": EXTEND,
        "Cn": EXTEND,
        "Cs": EXTEND,
        "So": APART,
        "Pc": PUNCTUATION,
        "Pd": PUNCTUATION,
        "Ps": PUNCTUATION | APART,
        "Pe": PUNCTUATION | APART,
        "Pi": PUNCTUATION | APART,
        "Pf": PUNCTUATION | APART,
        "Po": PUNCTUATION | APART,
    }
    table = by_category(bits, np.int16)
    # The other punctuation of ASCII may stand inside a word.
    table[:0x80][categories()[:0x80] == CATEGORIES.index("Po")] = PUNCTUATION
    for particle in _PARTICLES:
        table[ord(particle)] = LETTER
    for first, last in _UNSPACED:
        letters = (table[first : last + 1] & LETTER) != 0
        table[first : last + 1][letters] |= UNSPACED
    for point in range(0x3001):  # all of Unicode's white space lies below
        if chr(point).isspace():
            table[point] = SPACE | GAP
    table[0x200B] = GAP
    for first, last in _ranges(_TERMINAL):
        table[first : last + 1] |= TERMINAL
    for symbols, bit in (
        (_RUN, RUN),
        (_APART, APART),
        (_HYPHENS, HYPHEN),
        ("'’", APOSTROPHE),
        (_STICKS, STICKS),
    ):
        for symbol in symbols:
            table[ord(symbol)] |= bit
    for symbol in _WITHIN:
        table[ord(symbol)] &= ~APART
    table.setflags(write=False)
    return table


@cache
def folds() -> NDArray[np.uint32]:
    """What each code point counts as when words are compared loosely, [1114112]; 0: nothing.

    Letters are lower-cased and lose their combining marks (é → e, Ǆ → ǆ), decimal digits become
    "0", other numbers stay. Marks, format characters, symbols and white space count as nothing.
    A letter that does not come apart into one letter and marks stays whole (Hangul syllables).
    """
    bits = classes()
    table = np.zeros(CODE_POINTS, np.uint32)
    kept = np.flatnonzero(bits & (LETTER | DIGIT))
    table[kept] = kept
    for point in kept.tolist():
        character = chr(point)
        if unicodedata.decimal(character, None) is not None:
            table[point] = ord("0")
            continue
        lowered = character.lower()
        if lowered == character and not unicodedata.decomposition(character):
            continue
        parts = [c for c in unicodedata.normalize("NFD", lowered) if unicodedata.category(c) != "Mn"]
        if len(parts) == 1:
            table[point] = ord(parts[0])
        elif len(lowered) == 1:
            table[point] = ord(lowered)
    table.setflags(write=False)
    return table
