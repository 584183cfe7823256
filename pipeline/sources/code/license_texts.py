"""Which licences a text holds: its groups of words are compared with those of the known texts.

A text is cut into its words (two letters or more, lower case; lines that begin with "Copyright" are
left out), and each group of four words in a row is hashed. Of a licence, `licenses.tsv` holds the
hashes of its groups: all of a short text; of a long one those divisible by a spacing. A licence is
in a text that holds most of its hashes. Where several are (BSD with three clauses holds nearly all
of BSD with two), the one wins that explains most with least missing; what it covers is taken away,
and the rest of the text is looked at again, so that files with many licences yield them all.
"""

import base64
import re
import zlib
from collections import Counter
from collections.abc import Sequence
from functools import cache, lru_cache
from typing import NamedTuple

from pipeline.sources.code import tables

_KNOWN_NAMES = """
    0BSD AAL AFL-2.1 AFL-3.0 AGPL-3.0-only Apache-1.0 Apache-1.1 Apache-2.0 APSL-2.0 Artistic-1.0
    Artistic-1.0-Perl Artistic-2.0 Beerware BlueOak-1.0.0 BSD-1-Clause BSD-2-Clause BSD-2-Clause-Patent
    BSD-3-Clause BSD-3-Clause-Clear BSD-3-Clause-LBNL BSD-4-Clause BSD-4-Clause-UC BSD-Source-Code BSL-1.0
    BUSL-1.1 bzip2-1.0.6 CC-BY-3.0 CC-BY-4.0 CC-BY-NC-4.0 CC-BY-NC-ND-4.0 CC-BY-NC-SA-3.0 CC-BY-NC-SA-4.0
    CC-BY-ND-4.0 CC-BY-SA-3.0 CC-BY-SA-4.0 CC-PDDC CC0-1.0 CDDL-1.0 CDDL-1.1 CDLA-Permissive-2.0 CECILL-2.1
    CECILL-B CECILL-C CERN-OHL-P-2.0 CERN-OHL-S-2.0 CERN-OHL-W-2.0 CNRI-Python CPAL-1.0 CPL-1.0 curl ECL-2.0
    Elastic-2.0 EPL-1.0 EPL-2.0 EUPL-1.1 EUPL-1.2 FSFAP FSL-1.1-ALv2 FSL-1.1-MIT FTL GFDL-1.2-only
    GFDL-1.3-only GPL-1.0-only GPL-2.0-only GPL-3.0-only HPND HPND-sell-variant ICU IJG Info-ZIP IPL-1.0 ISC
    JSON LGPL-2.0-only LGPL-2.1-only LGPL-3.0-only libpng-2.0 Libpng LPPL-1.3c MIT MIT-0 MIT-CMU
    MIT-Modern-Variant MPL-1.0 MPL-1.1 MPL-2.0 MS-PL MS-RL MulanPSL-2.0 NCSA NTP ODbL-1.0 ODC-By-1.0 OFL-1.0
    OFL-1.1 OLDAP-2.8 OpenSSL OSL-3.0 PDDL-1.0 PHP-3.01 PolyForm-Noncommercial-1.0.0 PostgreSQL PSF-2.0
    Python-2.0 QPL-1.0 Qhull Ruby SGI-B-2.0 SISSL Sleepycat SSPL-1.0 TCL UPL-1.0 Unicode-3.0 Unicode-DFS-2016
    Unlicense Vim W3C WTFPL X11 Zend-2.0 Zlib zlib-acknowledgement ZPL-2.1
"""
KNOWN = tuple(_KNOWN_NAMES.split())
GROUP = 4  # words
LARGEST_SAMPLE = 256  # hashes of one licence
LONGEST = 1 << 19  # characters of a file that are looked at
MOST = 24  # licences of a file that are named
_ENOUGH = 0.75  # of a licence's hashes
_GAP = 6  # times the spacing, and no fewer than `_NARROW`: groups between two matches that go along
_NARROW = 16

_COPYRIGHT = re.compile(
    r"^(?:[^\w\n]|_)*(?:copyright(?! (?:notice|holder|owner|law|and license|license))|\(c\)|©"
    r"|portions copyright|all rights reserved)[^\n]*$",
    re.IGNORECASE | re.MULTILINE,
)
_WORD = re.compile(r"[a-z]{2,}")
_SPELLINGS = {
    "licence": "license",
    "licences": "licenses",
    "licenced": "licensed",
    "sublicence": "sublicense",
}

# Licences written as an addition to another; SPDX prints both, people often only the addition.
BUILDS_ON = {"LGPL-3.0-only": "GPL-3.0-only"}

# A condition that a reworded text still holds, and that the licence which fits it best does not have.
_UNLESS = {
    "0BSD": ("permission notice appear in all copies", "ISC"),
    "MIT-0": ("shall be included in all copies", "MIT"),
    "BSD-2-Clause": ("endorse or promote products derived from", "BSD-3-Clause"),
    "BSD-3-Clause": ("must display the following acknowledgement", "BSD-4-Clause"),
}
_AROUND = 60  # groups around a licence in which its other wording is looked for


class Fingerprint(NamedTuple):
    spdx: str
    words: int
    spacing: int
    hashes: frozenset[int]


def groups(text: str) -> list[int]:
    """Hash of each group of words in a row; a text of fewer words than a group has none."""
    found = _WORD.findall(_COPYRIGHT.sub("", text.lower()))
    words = [_SPELLINGS.get(word, word).encode() for word in found]
    return [zlib.crc32(b" ".join(words[at : at + GROUP])) for at in range(len(words) - GROUP + 1)]


def row_of(spdx: str, text: str, base: str = "") -> tuple[str, ...]:
    """The line of `licenses.tsv` of a licence: identifier, words, spacing, hashes in base 64.

    base   the text that it is an addition to, whose groups are left out
    """
    hashes = set(groups(text)) - set(groups(base))
    spacing = 1
    while len(hashes) > LARGEST_SAMPLE:
        spacing *= 2
        hashes = {one for one in hashes if one % spacing == 0}
    packed = b"".join(one.to_bytes(4, "little") for one in sorted(hashes))
    return spdx, str(len(groups(text)) + GROUP - 1), str(spacing), base64.b64encode(packed).decode()


@cache
def fingerprints() -> tuple[Fingerprint, ...]:
    found = []
    for spdx, words, spacing, packed in tables.rows(tables.LICENSES):
        data = base64.b64decode(packed)
        hashes = frozenset(int.from_bytes(data[at : at + 4], "little") for at in range(0, len(data), 4))
        found.append(Fingerprint(spdx, int(words), int(spacing), hashes))
    return tuple(found)


@cache
def _index() -> dict[int, tuple[int, ...]]:
    """Hash → the licences that hold it, by their place in `fingerprints`."""
    index: dict[int, list[int]] = {}
    for place, one in enumerate(fingerprints()):
        for value in one.hashes:
            index.setdefault(value, []).append(place)
    return {value: tuple(places) for value, places in index.items()}


def licenses_in(text: str) -> tuple[str, ...]:
    """SPDX identifiers of the licences whose texts stand in `text`, in the order of the text.

    The GNU licences are named "-only": their texts do not say whether later versions are meant.
    """
    return _licenses_in(text[:LONGEST])


@lru_cache(maxsize=128)  # of half a megabyte each at most
def _licenses_in(text: str) -> tuple[str, ...]:
    hashes = groups(text)
    open_at = [True] * len(hashes)
    begun: list[tuple[int, str]] = []
    while len(begun) < MOST:
        best = _best(hashes, open_at)
        if best is None:
            break
        at = _cover(hashes, open_at, best)
        # Its middle says where it stands: single groups of it may be anywhere.
        begun.append(
            (at[len(at) // 2], _reworded(best.spdx, hashes[max(0, at[0] - _AROUND) : at[-1] + _AROUND]))
        )
    return tuple(dict.fromkeys(spdx for _, spdx in sorted(begun)))


def _best(hashes: Sequence[int], open_at: Sequence[bool]) -> Fingerprint | None:
    index = _index()
    here = {value for value, is_open in zip(hashes, open_at, strict=True) if is_open and value in index}
    matched = Counter(place for value in here for place in index[value])
    best, most = None, 0
    for place, count in sorted(matched.items()):
        one = fingerprints()[place]
        explained = (2 * count - len(one.hashes)) * one.spacing
        if count >= _ENOUGH * len(one.hashes) and explained > most:
            best, most = one, explained
    return best


def _cover(hashes: Sequence[int], open_at: list[bool], found: Fingerprint) -> list[int]:
    """Closes what the licence covers; returns where its groups stand."""
    at = [place for place, value in enumerate(hashes) if open_at[place] and value in found.hashes]
    last = at[0]
    for place in at:
        near = place - last <= max(_NARROW, _GAP * found.spacing)
        for between in range(last if near else place, place + 1):
            open_at[between] = False
        last = place
    return at


def _reworded(spdx: str, around: Sequence[int]) -> str:
    """The licence that the text is a rewording of, if it holds a condition that `spdx` has not."""
    if spdx not in _UNLESS:
        return spdx
    condition, instead = _UNLESS[spdx]
    return instead if set(groups(condition)) <= set(around) else spdx
