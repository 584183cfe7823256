"""Payment cards (ISO/IEC 7812: prefixes, lengths, Luhn) and bank accounts (ISO 13616: IBAN)."""

import re

import numpy as np
from numpy.typing import NDArray

from text.jit import kernel
from text.personal.bytes import ALNUM, FREE, KINDS, NONE, after, before, is_digit
from text.personal.checksums import luhn
from text.personal.context import CARD
from text.personal.numbers import DASH, END, KIND, LAYOUT, SEPARATOR, SPACE, START, TOTAL, Groups, size_of
from text.strings import Bytes

Digits = NDArray[np.uint8]

# What follows country and check digits: SWIFT's IBAN registry, release 101. n: digits, a: letters, c: either.
_ACCOUNTS = """
AD:8n12c AE:19n AL:8n16c AT:16n AZ:4a20c BA:16n BE:12n BG:4a6n8c BH:4a14c BI:23n BR:23n1a1c BY:4c4n16c
CH:5n12c CR:18n CY:8n16c CZ:20n DE:18n DJ:23n DK:14n DO:4c20n EE:16n EG:25n ES:20n FI:14n FK:2a12n FO:14n
FR:10n11c2n GB:4a14n GE:2a16n GI:4a15c GL:14n GR:7n16c GT:24c HN:4a20n HR:17n HU:24n IE:4a14n IL:19n
IQ:4a15n IS:22n IT:1a10n12c JO:4a4n18c KW:4a22c KZ:3n13c LB:4n20c LC:4a24c LI:5n12c LT:16n LU:3n13c
LV:4a13c LY:21n MC:10n11c2n MD:20c ME:18n MK:3n10c2n MN:16n MR:23n MT:4a5n18c MU:4a19n3a NI:4a20n NL:4a10n
NO:11n OM:3n16c PK:4a16c PL:24n PS:4a21c PT:21n QA:4a21c RO:4a16c RS:18n RU:14n15c SA:2n18c SC:4a20n3a
SD:14n SE:20n SI:15n SK:20n SM:1a10n12c SO:19n ST:21n SV:4a20n TL:19n TN:20n TR:6n16c UA:6n19c VA:18n
VG:4a16n XK:16n YE:4a4n18c
"""
_DIGIT, _LETTER = 1, 2
_KINDS = {"n": _DIGIT, "a": _LETTER, "c": _DIGIT | _LETTER}
_LONGEST = 30  # characters of an account


def _accounts() -> NDArray[np.uint8]:
    """What each place of a country's account may hold, [26, 26, longest + 1]; 0 behind its end."""
    table = np.zeros((26, 26, _LONGEST + 1), np.uint8)
    for item in _ACCOUNTS.split():
        places = [
            _KINDS[kind] for count, kind in re.findall(r"(\d+)([nac])", item[3:]) for _ in range(int(count))
        ]
        table[ord(item[0]) - 65, ord(item[1]) - 65, : len(places)] = places
    return table


_PLACES = _accounts()


@kernel
def _is_card(digits: Digits, total: int) -> bool:
    """Has the number the prefix and the length of a card, and does its check digit fit?"""
    if not 12 <= total <= 19:
        return False
    six = 0
    for at in range(6):
        six = six * 10 + int(digits[at])
    four, two = six // 100, six // 10000
    fits = False
    if six // 100000 == 4:  # Visa
        fits = total == 13 or total == 16 or total == 19
    elif 51 <= two <= 55 or 2221 <= four <= 2720:  # Mastercard
        fits = total == 16
    elif two == 34 or two == 37:  # American Express
        fits = total == 15
    elif four == 6011 or 644 <= six // 1000 <= 649 or two == 65:  # Discover
        fits = total >= 16
    elif 300 <= six // 1000 <= 305 or two == 36 or two == 38 or two == 39:  # Diners Club
        fits = total == 14 or total == 16
    elif 3528 <= four <= 3589:  # JCB
        fits = total >= 16
    elif four == 2131 or four == 1800:
        fits = total == 15
    elif two == 62 or 2200 <= four <= 2204:  # UnionPay
        fits = total >= 16
    elif four in (5018, 5020, 5038, 5893, 6304, 6759, 6761, 6762, 6763):  # Maestro
        fits = True
    return fits and luhn(digits, 0, total)


@kernel
def card_at(data: Bytes, floor: int, end: int, digits: Digits, groups: Groups, count: int, said: int) -> int:
    """The end of the card number whose first group is the first of `groups`, or -1.

    In groups (4-4-4-4, 4-4-4-4-3, 4-6-5, 4-6-4) by one kind of separator; without, of 15 or 16 digits
    where it stands free, or of any length behind a word like card.
    """
    start = int(groups[0, START])
    edge = before(data, floor, start)
    named = said & CARD != 0
    if edge == NONE or (edge != FREE and not named):
        return -1
    size = size_of(groups, 0)
    taken = 0
    if size >= 12:
        if not named and size != 15 and size != 16:
            return -1
        taken = 1
    elif size == 4:
        if count >= 5 and groups[4, LAYOUT] == 44443:
            taken = 5
        elif count >= 4 and groups[3, LAYOUT] == 4444:
            taken = 4
        elif count >= 3 and (groups[2, LAYOUT] == 465 or groups[2, LAYOUT] == 464):
            taken = 3
        if not taken:
            return -1
        kind = groups[taken - 1, KIND]
        if kind != SPACE and kind != DASH:
            return -1
        if taken < count and groups[taken, SEPARATOR] == kind and size_of(groups, taken) == 4:
            return -1  # a row of numbers
    if not taken or not _is_card(digits, int(groups[taken - 1, TOTAL])):
        return -1
    stop = int(groups[taken - 1, END])
    return stop if after(data, stop, end) == FREE else -1


@kernel
def iban_at(data: Bytes, floor: int, start: int, end: int) -> tuple[int, int]:
    """Start and end of the IBAN whose check digits are at `start`; (-1, -1): there is none.

    Capital or small letters throughout; single spaces behind every fourth character.
    """
    first = start - 2
    if first < floor or start + 2 > end or not is_digit(data[start + 1]):
        return -1, -1
    case = KINDS[data[first]] & ALNUM
    if KINDS[data[first + 1]] & ALNUM != case or is_digit(data[first]) or not case:
        return -1, -1
    places = _PLACES[(data[first] & 0xDF) - 65, (data[first + 1] & 0xDF) - 65]
    if not places[0] or before(data, floor, first) == NONE:
        return -1, -1
    at = start + 2
    rest = 0  # of all but the first four, modulo 97
    spaced = at < end and data[at] == 0x20
    size = 0
    while places[size]:
        if at >= end:
            return -1, -1
        if spaced and size % 4 == 0:
            if data[at] != 0x20:
                return -1, -1
            at += 1
            if at >= end:
                return -1, -1
        byte = int(data[at])
        if places[size] & _DIGIT and is_digit(byte):
            rest = (rest * 10 + byte - 0x30) % 97
        elif places[size] & _LETTER and KINDS[byte] & case:
            rest = (rest * 100 + (byte & 0xDF) - 55) % 97
        else:
            return -1, -1
        size += 1
        at += 1
    for letter in (data[first], data[first + 1]):
        rest = (rest * 100 + (int(letter) & 0xDF) - 55) % 97
    rest = (rest * 100 + (int(data[start]) - 0x30) * 10 + int(data[start + 1]) - 0x30) % 97
    if rest != 1 or (at < end and (KINDS[data[at]] & ALNUM or data[at] == 0x5F)):
        return -1, -1
    return first, at
