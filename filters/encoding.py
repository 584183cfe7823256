"""Damage to the encoding: characters that got lost, mojibake, characters that no reader sees.

    replacement_chars   U+FFFD
    mojibake            sequences of UTF-8 that was read in a one-byte charset: `text/mojibake.py`
    wrong_charset       words of five letters or more from À to ÿ, of three different ones at least:
                        Cyrillic, Greek … that was read as Latin-1
    control_chars       C0 without tab, LF, CR, FF; DEL; C1
    private_use, unassigned   by the interpreter's Unicode version; noncharacters count as unassigned
    boms                U+FEFF but for the first character of the text
    zero_width          U+200B, U+2060–2064, soft hyphens; joiners (U+200C, U+200D) beside an ASCII
                        character: in Persian, in scripts of India and in emoji they are in place
    bidi                U+202A–202E, U+2066–2069: embeddings, overrides and isolates
    question_marks      ? between a letter and a small letter, and not in an address: caf?teria
    escapes             \\u00e9, \\xe9, \\U0001f600, u00e9 behind a letter, =C3=A9

The counts are of what is certain enough to count: texts in languages with many accents have none
(see `text/mojibake.py` for what is let pass). No rules: nobody published one. Repair is the stage
`encoding_repair`. Every count of an empty text is 0.
"""

import unicodedata
from functools import cache

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pipeline.batch import Batch
from pipeline.stage import Options, Stage, column
from text import mojibake
from text.jit import kernel
from text.mojibake import POINTS, Codes, is_lost_space, mojibake_run
from text.strings import Bytes, Offsets
from text.unicode_tables import by_category
from text.utf8 import decode

COLUMNS = [
    column("encoding_replacement_chars", pa.int32(), "characters", "U+FFFD: what could not be decoded"),
    column("encoding_mojibake", pa.int32(), "sequences", "Ã©, â€™, РџСЂ: UTF-8 read as another charset"),
    column("encoding_wrong_charset", pa.int32(), "words", "Ïðèâåò: letters À–ÿ alone, five or more"),
    column("encoding_control_chars", pa.int32(), "characters", "but tab, line feed, return, form feed"),
    column("encoding_private_use", pa.int32(), "characters"),
    column("encoding_unassigned", pa.int32(), "characters", "noncharacters too"),
    column("encoding_boms", pa.int32(), "characters", "U+FEFF but at the start"),
    column("encoding_zero_width", pa.int32(), "characters", "that are not in place"),
    column("encoding_bidi", pa.int32(), "characters", "embeddings, overrides and isolates"),
    column("encoding_question_marks", pa.int32(), "characters", "? in the place of a letter"),
    column("encoding_escapes", pa.int32(), "sequences", "\\u00e9, \\xe9, u00e9, =C3=A9"),
]

# What the kernel counts, by column of its result, in the order of COLUMNS.
(
    REPLACEMENT,
    MOJIBAKE,
    WRONG_CHARSET,
    CONTROL,
    PRIVATE_USE,
    UNASSIGNED,
    BOM,
    ZERO_WIDTH,
    BIDI,
    QUESTION_MARK,
    ESCAPE,
) = range(len(COLUMNS))

# What to do at a code point: 0 nothing, 1 + a column: count it; from LEAD on, look closer.
LEAD, JOINER = 32, 33
LONGEST = 32  # letters around a question mark that are looked at
WORD, DIFFERENT = 5, 3  # letters, and different ones, of a word in a wrong charset


@cache
def actions() -> NDArray[np.uint8]:
    """What to do at each code point, [1114112]; see LEAD."""
    table = by_category({"Co": 1 + PRIVATE_USE, "Cn": 1 + UNASSIGNED, "Cc": 1 + CONTROL}, np.uint8)
    for char in "\t\n\r\f":
        table[ord(char)] = 0
    for action, points in (
        (1 + REPLACEMENT, "\ufffd"),
        (1 + BOM, "\ufeff"),
        (1 + ZERO_WIDTH, "\u00ad\u200b\u2060\u2061\u2062\u2063\u2064"),
        (1 + BIDI, "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"),
        (1 + QUESTION_MARK, "?"),
        (1 + ESCAPE, "\\u="),
        (JOINER, "\u200c\u200d"),
    ):
        for char in points:
            table[ord(char)] = action
    table[:POINTS][mojibake.leads()] = LEAD
    table.setflags(write=False)
    return table


def measure(batch: Batch) -> list[pa.Array]:
    """The columns of `COLUMNS`, [n] each."""
    strings = batch.strings
    counts = _count(strings.data, strings.offsets, actions(), mojibake.codes(), mojibake.kinds())
    return [pa.array(counts[:, number]) for number in range(len(COLUMNS))]


@kernel
def _is_letter(byte: int) -> bool:
    """An ASCII letter, or a byte of a longer character."""
    return byte >= 0x80 or 0x61 <= byte | 0x20 <= 0x7A


@kernel
def _is_lost_letter(data: Bytes, start: int, at: int, end: int) -> bool:
    """Does the question mark at `at` stand in a word, and not in an address?"""
    behind, before = at + 1, at - 1
    if behind >= end or before < start:
        return False
    if not 0x61 <= data[behind] <= 0x7A or not _is_letter(data[before]):
        return False
    while behind < end and behind - at < LONGEST and _is_letter(data[behind]):
        behind += 1
    while before >= start and at - before < LONGEST and _is_letter(data[before]):
        before -= 1
    if behind < end and data[behind] in (0x3D, 0x26, 0x2F, 0x5F, 0x25):  # = & / _ %
        return False
    return before < start or data[before] not in (0x2E, 0x2F, 0x3D, 0x26, 0x5F)  # . / = & _


@kernel
def _hex_digits(data: Bytes, at: int, end: int, most: int) -> int:
    """How many hexadecimal digits stand at `at`, up to `most`."""
    count = 0
    while count < most and at + count < end:
        byte = data[at + count]
        if not (0x30 <= byte <= 0x39 or 0x61 <= byte | 0x20 <= 0x66):
            break
        count += 1
    return count


@kernel
def _escape_end(data: Bytes, start: int, at: int, end: int) -> int:
    r"""Where the escape that starts at `at` with \ u or = ends; `at` if there is none."""
    if at + 3 >= end:
        return at
    if data[at] == 0x5C:
        sizes = 4 if data[at + 1] == 0x75 else 8 if data[at + 1] == 0x55 else 2 if data[at + 1] == 0x78 else 0
        return at + 2 + sizes if sizes and _hex_digits(data, at + 2, end, sizes) == sizes else at
    if data[at] == 0x75:  # u00e9; u201c; u2019t, which without the letter may be a year
        if at == start or not _is_letter(data[at - 1]) or _hex_digits(data, at + 1, end, 5) != 4:
            return at
        digits = int(data[at + 1]) << 16 | int(data[at + 2]) << 8 | int(data[at + 3])
        last = int(data[at + 4])
        known = digits & 0xFFFF00 == 0x303000 and digits & 0xFF > 0x40  # 00a0 to 00ff
        if digits == 0x323031:  # 201
            quoted = last == 0x38 or last == 0x39
            known = last == 0x63 or last == 0x64 or (quoted and at + 5 < end and _is_letter(data[at + 5]))
        return at + 5 if known else at
    count = 0  # =C3=A9: a first byte of UTF-8 and one that follows at least
    while at + 2 < end and data[at] == 0x3D and _hex_digits(data, at + 1, end, 2) == 2:
        high = data[at + 1]
        if high not in (0x43, 0x44, 0x45) if count == 0 else high not in (0x38, 0x39, 0x41, 0x42):
            break
        at += 3
        count += 1
    return at if count > 1 else at - 3 * count


@kernel
def _count(
    data: Bytes, offsets: Offsets, actions: NDArray[np.uint8], codes: Codes, kinds: Codes
) -> NDArray[np.int32]:
    """What the head of this file lists, of each text, [n, 11]."""
    n = len(offsets) - 1
    counts = np.zeros((n, 11), np.int32)
    for i in range(n):
        start, end = offsets[i], offsets[i + 1]
        at = start
        letters, seen = 0, np.uint64(0)  # of the word from À to ÿ at hand: how many, which ones
        while at < end:
            here = at
            point, at = decode(data, at, end)
            if 0xC0 <= point <= 0xFF and point != 0xD7 and point != 0xF7:
                letters += 1
                seen |= np.uint64(1) << np.uint64(point - 0xC0)
            elif letters:
                counts[i, WRONG_CHARSET] += letters >= WORD and _bits(seen) >= DIFFERENT
                letters, seen = 0, np.uint64(0)
            action = actions[point]
            if action == 0:
                continue
            if action == LEAD:
                behind, count = mojibake_run(data, start, here, end, codes, kinds)
                if count == 0:
                    count = is_lost_space(data, start, here, end)
                if count:
                    counts[i, MOJIBAKE] += count
                    at = max(at, behind)
                    letters, seen = 0, np.uint64(0)
            elif action == JOINER:
                beside = here > start and data[here - 1] < 0x80
                counts[i, ZERO_WIDTH] += beside or (at < end and data[at] < 0x80)
            elif action == 1 + BOM:
                counts[i, BOM] += here > start
            elif action == 1 + QUESTION_MARK:
                counts[i, QUESTION_MARK] += _is_lost_letter(data, start, here, end)
            elif action == 1 + ESCAPE:
                behind = _escape_end(data, start, here, end)
                if behind > here:
                    counts[i, ESCAPE] += 1
                    at = behind
            elif action < LEAD:
                counts[i, action - 1] += 1
        counts[i, WRONG_CHARSET] += letters >= WORD and _bits(seen) >= DIFFERENT
    return counts


@kernel
def _bits(value: np.uint64) -> int:
    """How many bits are set."""
    count = 0
    while value:
        value &= value - np.uint64(1)
        count += 1
    return count


def fingerprint(options: Options) -> str:
    """Which code points are assigned depends on the interpreter."""
    del options
    return f"Unicode {unicodedata.unidata_version}"


STAGE = Stage(
    "encoding",
    reads=("text",),
    adds=pa.schema(COLUMNS),
    open=lambda _: measure,
    about="lost characters, mojibake, wrong charsets, control and invisible characters, escapes",
    fingerprint=fingerprint,
)
