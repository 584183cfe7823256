"""SPDX licence expressions (`MIT OR GPL-2.0-or-later WITH Classpath-exception-2.0`), and their kind."""

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Literal, NamedTuple

Kind = Literal["permissive", "copyleft", "none"]

# Licences that let the work be used in anything as long as notices are kept, or with no condition.
_PERMISSIVE_NAMES = """
    0BSD AAL AFL-2.1 AFL-3.0 Apache-1.0 Apache-1.1 Apache-2.0 Artistic-1.0 Artistic-1.0-Perl Artistic-2.0
    Beerware BlueOak-1.0.0 BSD BSD-1-Clause BSD-2-Clause BSD-2-Clause-FreeBSD BSD-2-Clause-NetBSD
    BSD-2-Clause-Patent BSD-2-Clause-Views BSD-3-Clause BSD-3-Clause-Attribution BSD-3-Clause-Clear
    BSD-3-Clause-LBNL BSD-3-Clause-Modification BSD-3-Clause-Open-MPI BSD-4-Clause BSD-4-Clause-UC
    BSD-Source-Code BSL-1.0 bzip2-1.0.6 CC-BY-1.0 CC-BY-2.0 CC-BY-2.5 CC-BY-3.0 CC-BY-4.0 CC-PDDC CC0-1.0
    CDLA-Permissive-1.0 CDLA-Permissive-2.0 CECILL-B CERN-OHL-P-2.0 CNRI-Python CNRI-Python-GPL-Compatible
    curl ECL-2.0 EFL-2.0 FSFAP FTL HPND HPND-sell-variant ICU IJG Info-ZIP ISC libpng-2.0 Libpng
    LicenseRef-public-domain LicenseRef-Public-Domain Linux-OpenIB LPPL-1.3c MIT MIT-0 MIT-CMU MIT-feh
    MIT-Modern-Variant MS-PL MulanPSL-2.0 NCSA NTP ODC-By-1.0 OFL-1.0 OFL-1.1 OLDAP-2.8 OpenSSL PDDL-1.0
    PHP-3.0 PHP-3.01 PostgreSQL PSF-2.0 Python-2.0 Python-2.0.1 Qhull Ruby SGI-B-2.0 TCL UPL-1.0 Unicode-3.0
    Unicode-DFS-2015 Unicode-DFS-2016 Unlicense Vim W3C W3C-20150513 WTFPL X11 Xnet Zend-2.0 Zlib
    zlib-acknowledgement ZPL-2.0 ZPL-2.1
"""
_PERMISSIVE = frozenset(_PERMISSIVE_NAMES.split())
# Those that ask that changes, or the whole, be passed on under the same terms.
_COPYLEFT = re.compile(
    r"(?:[AL]?GPL-|GFDL-|MPL-|EPL-|CPL-|IPL-|CDDL-|EUPL-|OSL-|APSL-|CPAL-|CECILL-(?:1|2|C)|MS-RL$|QPL-"
    r"|Sleepycat$|SISSL"
    r"|SSPL-|CC-BY-SA-|ODbL-|CERN-OHL-[SW]-|RPL-|NPL-|LGPLLR$|Watcom-|copyleft-next-|SPL-1|Nokia$|RPSL-"
    r"|ErlPL-|LPL-)"
)
# Spellings that the list of SPDX has given up, and what it says now.
_GIVEN_UP = re.compile(r"((?:[AL]?GPL|GFDL)-\d)(\.\d)?(\+?)", re.IGNORECASE)
_TOKEN = re.compile(r"[()]|[^\s()]+")
_IDENTIFIER = re.compile(r"(?:DocumentRef-[\w.-]+:)?[A-Za-z0-9][A-Za-z0-9.-]*\+?")
_OPERATORS = {"OR": 1, "AND": 2, "WITH": 3}
MAX_TOKENS = 200


class Parsed(NamedTuple):
    """licenses    identifiers in order, without exceptions
    postfix     identifiers and operators in the order of evaluation"""

    licenses: tuple[str, ...]
    postfix: tuple[str, ...]


def identifier(name: str) -> str:
    """A licence's identifier as SPDX writes it now: GPL-2.0+ is GPL-2.0-or-later."""
    given_up = _GIVEN_UP.fullmatch(name)
    if given_up:
        family, minor, later = given_up.groups()
        return f"{family.upper()}{minor or '.0'}-{'or-later' if later else 'only'}"
    return _BY_LOWER.get(name.lower(), name)


_BY_LOWER = {name.lower(): name for name in _PERMISSIVE}


@lru_cache(maxsize=4096)
def parse(expression: str) -> Parsed | None:
    """An expression taken apart; None where it is none. Never raises, and needs no stack."""
    tokens = _TOKEN.findall(expression)
    if not tokens or len(tokens) > MAX_TOKENS:
        return None
    licenses: list[str] = []
    postfix: list[str] = []
    held: list[str] = []
    wants_name = True
    for token in tokens:
        operator = token.upper() if token.upper() in _OPERATORS else ""
        if wants_name:
            if token == "(":
                held.append(token)
                continue
            if operator or token == ")" or not _IDENTIFIER.fullmatch(token):
                return None
            is_exception = bool(held) and held[-1] == "WITH"
            name = token if is_exception else identifier(token)
            postfix.append(name)
            if not is_exception:
                licenses.append(name)
            wants_name = False
        elif operator:
            while held and held[-1] != "(" and _OPERATORS[held[-1]] >= _OPERATORS[operator]:
                postfix.append(held.pop())
            held.append(operator)
            wants_name = True
        elif token == ")":
            while held and held[-1] != "(":
                postfix.append(held.pop())
            if not held:
                return None
            held.pop()
        else:
            return None
    if wants_name or "(" in held:
        return None
    return Parsed(tuple(dict.fromkeys(licenses)), (*postfix, *reversed(held)))


def written(expression: str) -> str:
    """The expression with the identifiers and operators as SPDX writes them; "" where it is none."""
    if parse(expression) is None:
        return ""
    words: list[str] = []
    for token in _TOKEN.findall(expression):
        is_exception = bool(words) and words[-1] == "WITH"
        upper = token.upper()
        words.append(upper if upper in _OPERATORS else token if is_exception else identifier(token))
    if words[0] == "(" and words[-1] == ")" and "(" not in words[1:] and ")" not in words[:-1]:
        words = words[1:-1]
    return re.sub(r"\( | \)", lambda found: found.group().strip(), " ".join(words))


def joined(licenses: Iterable[str], operator: Literal["AND", "OR"]) -> str:
    """Expressions as one: each once, in order, those of another operator in brackets."""
    parts = list(dict.fromkeys(one for one in licenses if one))
    if len(parts) < 2:
        return "".join(parts)
    other = " OR " if operator == "AND" else " AND "
    return f" {operator} ".join(f"({part})" if other in part else part for part in parts)


@lru_cache(maxsize=4096)
def kind(spdx: str) -> Kind:
    """Of an expression: OR is as free as the freest, AND as strict as the strictest.

    "none" is no licence, an unknown one, or one that is not open (CC-BY-NC, BUSL, proprietary). An
    exception (WITH) leaves the licence's kind. Never raises.
    """
    parsed = parse(spdx)
    if parsed is None:
        return "none"
    stack: list[Kind] = []
    for token in parsed.postfix:
        if token not in _OPERATORS:
            stack.append(_kind_of(token))
            continue
        second, first = stack.pop(), stack.pop()
        if token == "WITH":
            stack.append(first)
        else:
            ranks = sorted((_FREEDOM[first], _FREEDOM[second]))
            stack.append(_KINDS[ranks[1] if token == "OR" else ranks[0]])
    return stack[0]


_KINDS: Sequence[Kind] = ("none", "copyleft", "permissive")
_FREEDOM = {one: rank for rank, one in enumerate(_KINDS)}


def _kind_of(name: str) -> Kind:
    if name in _PERMISSIVE or name.rstrip("+") in _PERMISSIVE:
        return "permissive"
    return "copyleft" if _COPYLEFT.match(name) else "none"
