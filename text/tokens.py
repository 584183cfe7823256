"""An estimate of how many tokens a tokenizer of today makes of a text, from its bytes alone.

The rule follows the split that byte-pair tokenizers make before they merge (words, numbers by
three digits, punctuation, line breaks; a space goes with the word behind it), and prices each
piece by its script. The prices are fitted to Llama 3's tokenizer (128,000 entries):

    English word        1.04, and .3 for each letter beyond the eighth
    other ASCII word    1, and .4 for each letter beyond the fourth
    accented word       1, and .28 for each letter (Vietnamese: 1)
    number              1 for each three digits begun, and 1 for white space before it
    punctuation         .6 a run, and .75 for each change of character within it
    line breaks         1 a run of white space with a line break in it; other white space is free
    other scripts       a price a character, see `SCRIPTS`

How English a text is decides between the first two: the share of its words that are among the
commonest English ones (all of it from 16% on), or its punctuation, since code has English names.
"""

import numpy as np
from numpy.typing import NDArray

from text.jit import inlined, kernel
from text.strings import Bytes, Offsets, Strings
from text.utf8 import decode

# First code point of a range (a multiple of 16, up to the next range), its kind, and hundredths
# of a token a character. Kinds: a letter of a Latin word, one of a Vietnamese word, anything else.
LATIN, VIETNAMESE, OTHER = 1, 2, 0
SCRIPTS: tuple[tuple[int, str, int, int], ...] = (
    (0x0080, "Latin-1 signs", OTHER, 75),
    (0x00C0, "Latin", LATIN, 0),
    (0x0370, "Greek", OTHER, 46),
    (0x0400, "Cyrillic", OTHER, 40),
    (0x0530, "Armenian", OTHER, 190),
    (0x0590, "Hebrew", OTHER, 119),
    (0x0600, "Arabic", OTHER, 45),
    (0x0780, "Thaana, N'Ko, Syriac", OTHER, 210),
    (0x08A0, "Arabic", OTHER, 100),
    (0x0900, "Devanagari", OTHER, 65),
    (0x0980, "Indic", OTHER, 172),
    (0x0E00, "Thai", OTHER, 52),
    (0x0E80, "Lao, Tibetan, Burmese", OTHER, 210),
    (0x10A0, "Georgian", OTHER, 213),
    (0x1100, "Hangul letters", OTHER, 200),
    (0x1200, "Ethiopic and others", OTHER, 300),
    (0x1780, "Khmer", OTHER, 173),
    (0x1800, "Mongolian and others", OTHER, 300),
    (0x1E00, "Latin", VIETNAMESE, 0),
    (0x1F00, "Greek", OTHER, 150),
    (0x2000, "signs", OTHER, 75),
    (0x3040, "kana", OTHER, 68),
    (0x3100, "signs", OTHER, 150),
    (0x3400, "rare Han", OTHER, 300),
    (0x4E00, "Han", OTHER, 92),
    (0xA000, "others", OTHER, 300),
    (0xAC00, "Hangul", OTHER, 87),
    (0xD7B0, "others", OTHER, 300),
    (0xFF00, "full-width signs", OTHER, 100),
    (0x10000, "others", OTHER, 300),
    (0x1F000, "emoji", OTHER, 200),
    (0x20000, "others", OTHER, 300),
)
COMMON = "the of and to in is for that with on as are it this be by not or from at if"

ENGLISH_WORD, ENGLISH_LETTER, ENGLISH_FREE = 104, 30, 8
FOREIGN_WORD, FOREIGN_LETTER, FOREIGN_FREE = 100, 40, 4
ACCENTED_WORD, ACCENTED_LETTER = 100, 28
NUMBER, GAP, BREAK, PUNCTUATION, CHANGE = 100, 100, 100, 60, 75
ENGLISH_SHARE = 16  # per cent of common words from which a text is wholly English
CODE_FROM, CODE_SLOPE = 30, 2  # punctuation runs per cent of words; English gained for each beyond


def _tables() -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Kind and price per block of 16 code points."""
    kind = np.zeros(0x110000 >> 4, np.uint8)
    price = np.zeros(0x110000 >> 4, np.int64)
    for first, _, of_kind, hundredths in SCRIPTS:
        kind[first >> 4 :] = of_kind
        price[first >> 4 :] = hundredths
    return kind, price


_KIND, _PRICE = _tables()
# Words of at most four letters, their bytes as one number.
_COMMON = np.array(sorted(int.from_bytes(word.encode()) for word in COMMON.split()), np.uint32)


def count_tokens(strings: Strings) -> NDArray[np.int64]:
    """Estimated tokens per text, [n] int64; 0 for the empty text, at least 1 for any other.

    Error against Llama 3's tokenizer, of the sum over a corpus (of one document, on average):

        English: web pages +1% (5%), news +2% (4%), books -5% (5%); forum posts with code +10% (14%)
        Python 0% (5%), C and C++ -1% (5%), LaTeX -5% (8%)
        Greek, Arabic, Hebrew, Hindi, Thai, Korean, Georgian, Armenian   within 5%
        Chinese, Japanese, Persian   +1 to +11%
        Russian, Ukrainian   +10 to +15%; Bulgarian, Serbian, Belarusian -11 to -24%
        French +18%, Spanish, Portuguese +12%, German +7%, Italian +3%, Turkish, Vietnamese +15%
        Polish, Dutch, Scandinavian, Romanian, Czech, Indonesian   -10 to +6%
        Finnish, Hungarian, Baltic, South Slavic, Irish, Welsh, Swahili, Zulu   -13 to -26%
        Bengali, Tamil +13 to +20%; Gujarati, Punjabi, Telugu -14%
        Urdu, Kazakh, Mongolian   -40 to -44%

    Real tokenizers are as far apart: Llama 4's (200,000 entries) makes as many tokens as Llama 3's
    of English and code, 10 to 25% fewer of European languages and a third to a half of Indic ones.
    """
    return _count(strings.data, strings.offsets, _KIND, _PRICE, _COMMON)


@kernel
def _count(
    data: Bytes,
    offsets: Offsets,
    kind: NDArray[np.uint8],
    price: NDArray[np.int64],
    common: NDArray[np.uint32],
) -> NDArray[np.int64]:
    counts = np.zeros(len(offsets) - 1, np.int64)
    for row in range(len(counts)):
        at, end = offsets[row], offsets[row + 1]
        if at == end:
            continue
        cost = 0  # hundredths of a token, without the ASCII words
        english = foreign = 0  # what those cost if the text is English, and if it is not
        words = frequent = runs = 0
        while at < end:
            first = at
            point, after = decode(data, at, end)
            if point >= 0x80 and kind[point >> 4] == OTHER:
                cost += price[point >> 4]
                at = after
            elif point >= 0x80 or _is_letter(point):
                letters = accented = vietnamese = 0
                spelling = np.uint32(0)  # of the last four letters, in small ones
                while at < end:
                    point, after = decode(data, at, end)
                    if point >= 0x80:
                        if kind[point >> 4] == OTHER:
                            break
                        accented += 1
                        vietnamese += kind[point >> 4] == VIETNAMESE
                    elif not _is_letter(point):
                        break
                    spelling = np.uint32((spelling << np.uint32(8)) | np.uint32(point | 0x20))
                    letters += 1
                    at = after
                words += 1
                if vietnamese:
                    cost += ACCENTED_WORD
                elif accented:
                    cost += ACCENTED_WORD + ACCENTED_LETTER * letters
                else:
                    english += ENGLISH_WORD + ENGLISH_LETTER * max(0, letters - ENGLISH_FREE)
                    foreign += FOREIGN_WORD + FOREIGN_LETTER * max(0, letters - FOREIGN_FREE)
                    if 2 <= letters <= 4:
                        frequent += _holds(common, spelling)
            elif _is_digit(point):
                while at < end and _is_digit(data[at]):
                    at += 1
                cost += NUMBER * ((at - first + 2) // 3)
            elif _is_space(point):
                broken = False
                while at < end and _is_space(data[at]):
                    broken |= data[at] == 0x0A or data[at] == 0x0D
                    at += 1
                if broken:
                    cost += BREAK
                if at < end and _is_digit(data[at]) and data[at - 1] != 0x0A and data[at - 1] != 0x0D:
                    cost += GAP
            else:
                runs += 1
                cost += PUNCTUATION
                at += 1
                while at < end and _is_sign(data[at]):
                    cost += CHANGE * (data[at] != data[at - 1])
                    at += 1
        if words:
            share = 10_000 * frequent // (words * ENGLISH_SHARE)
            share += CODE_SLOPE * max(0, 100 * runs // words - CODE_FROM)
            share = min(100, share)
            cost += (english * share + foreign * (100 - share)) // 100
        counts[row] = max(1, (cost + 50) // 100)
    return counts


@inlined
def _is_letter(point: int) -> bool:
    """Whether an ASCII code point is a letter."""
    return 0x61 <= (point | 0x20) <= 0x7A


@inlined
def _is_digit(point: int) -> bool:
    return 0x30 <= point <= 0x39


@inlined
def _is_space(point: int) -> bool:
    """Whether it is ASCII white space."""
    return point == 0x20 or 0x09 <= point <= 0x0D


@inlined
def _is_sign(point: int) -> bool:
    """Whether it is ASCII and neither letter, digit nor white space."""
    return point < 0x80 and not (_is_letter(point) or _is_digit(point) or _is_space(point))


@inlined
def _holds(values: NDArray[np.uint32], wanted: np.uint32) -> bool:
    """Whether `wanted` is among the sorted `values`."""
    for value in values:
        if value >= wanted:
            return bool(value == wanted)
    return False
