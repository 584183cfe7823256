"""The licence that a notice names: at the top of a file, or in a LICENSE that holds no licence's text.

Told are the tags of SPDX (`SPDX-License-Identifier: MIT`), whole texts, names ("released under the MIT
License") and the addresses at which licences are published (https://mozilla.org/MPL/2.0/).
"""

import re
from collections.abc import Iterable

from pipeline.sources.code import expressions, manifests
from pipeline.sources.code.license_texts import licenses_in
from text.comments import leading

_HEAD = 12_000  # characters of a file in which its notice is looked for
# Ten times as fast as a pattern that heeds no case.
_HINTS = ("license", "licence", "public domain", "permission", "redistribut", "copyleft")
_TAG = re.compile(r"SPDX-License-Identifier[:=]?[ \t]*([^\n]{1,200})", re.IGNORECASE)

_CHOICE = re.compile(
    r"\beither\b|\bdual(?:ly)?[- ]licen[sc]ed?\b|\b(?:one|any) of the following licen[sc]es\b|\bat (?:your"
    r"|the user's) (?:option|choice)\b"
    r"|\bchoose (?:between|which|one|either)\b|\bmultiple licen[sc]es\b|\byou may (?:choose|select)\b",
    re.IGNORECASE,
)
_GNU = re.compile(
    r"\bgnu[ -](affero |lesser |library )?(?:general )?public (?:library )?licen[sc]e|\b(?:under|the) "
    r"(?:the )?((?:a|l)?gpl)[ -]?v?(?=\d|\b)",
    re.IGNORECASE,
)
_GNU_VERSION = re.compile(
    r"\b(?:version|v\.?|gpl)[ -]?v?(\d(?:\.\d)?)\b|\b(\d(?:\.\d)?) of the licen[sc]e", re.IGNORECASE
)
_LATER = re.compile(r"(?:any|or) later(?: version)?|or newer|\(or any later|\d\+", re.IGNORECASE)
_GNU_NAMES = {"affero": "AGPL", "lesser": "LGPL", "library": "LGPL", "agpl": "AGPL", "lgpl": "LGPL"}
_GNU_OLDEST = {"GPL": "1.0", "LGPL": "2.1", "AGPL": "3.0"}

_NOTICES = tuple(
    (re.compile(pattern, re.IGNORECASE), spdx)
    for pattern, spdx in (
        (
            r"apache(?: software)? licen[sc]e,? ?(?:\(the \W?license\W?\),? )?(?:version|v\.?)? ?2"
            r"|apache[- ]2(?:\.0)? licen[sc]e|apache\.org/licenses/license-2\.0",
            "Apache-2.0",
        ),
        (r"mozilla public licen[sc]e,? (?:version|v\.?)? ?2", "MPL-2.0"),
        (r"mozilla public licen[sc]e,? (?:version|v\.?)? ?1\.1", "MPL-1.1"),
        (r"eclipse public licen[sc]e,?(?: -)? (?:version|v\.?)? ?2", "EPL-2.0"),
        (r"eclipse public licen[sc]e,?(?: -)? (?:version|v\.?)? ?1", "EPL-1.0"),
        (r"common development and distribution licen[sc]e", "CDDL-1.0"),
        (r"boost software licen[sc]e", "BSL-1.0"),
        (r"university of illinois(?:/ncsa)? open source", "NCSA"),
        (r"creative commons (?:zero|cc0)|\bcc0[ -]1\.0", "CC0-1.0"),
        (r"academic free licen[sc]e,? (?:version|v\.?)? ?3", "AFL-3.0"),
        (r"zope public licen[sc]e,? version 2\.1|\bzpl\b.{0,20}version 2\.1", "ZPL-2.1"),
        (r"same terms as perl", "Artistic-1.0-Perl OR GPL-1.0-or-later"),
        (
            r"(?:under|by|with) (?:the )?(?:terms of )?(?:the |an? )?(?:permissive |open[- ]source )?mit"
            r"(?:[- ]style|/x11|/expat)? licen[sc]e|\bmit licen[sc]ed?\b|@licen[sc]e:? mit\b"
            r"|licen[sc]es?/mit\b|opensource\.org/licenses/mit",
            "MIT",
        ),
        (
            r"(?:under|by) (?:the )?(?:terms of )?(?:the )?(?:(?:new|modified|revised) bsd|bsd[- ]?3"
            r"|3[- ]clause bsd|bsd \(?3[- ]clause)|opensource\.org/licenses/bsd-3",
            "BSD-3-Clause",
        ),
        (
            r"(?:under|by) (?:the )?(?:terms of )?(?:the )?(?:simplified bsd|bsd[- ]?2|2[- ]clause bsd|bsd"
            r" \(?2[- ]clause)|opensource\.org/licenses/bsd-2",
            "BSD-2-Clause",
        ),
        (r"(?:under|by) (?:the )?(?:terms of )?(?:the )?isc licen[sc]e", "ISC"),
        (r"(?:under|by) (?:the )?(?:terms of )?(?:the )?zlib licen[sc]e", "Zlib"),
        (
            r"(?:placed|released|dedicated|is|are|put) (?:in|into|to)(?: to)? the public domain|public"
            r" domain software|\bno copyright (?:is )?claimed\b",
            "LicenseRef-public-domain",
        ),
    )
)


# Where licences are published; the groups go into the identifier.
_ADDRESSES = tuple(
    (re.compile(pattern, re.IGNORECASE), spdx)
    for pattern, spdx in (
        (r"mozilla\.org/(?:en-us/)?mpl/(\d\.\d)", "MPL-{}"),
        (r"apache\.org/licenses/license-(\d\.\d)", "Apache-{}"),
        (r"eclipse\.org/(?:legal|org/documents)/epl-v?(\d)\.?0", "EPL-{}.0"),
        (r"boost\.org/license_1_0", "BSL-1.0"),
        (r"\bunlicense\.org", "Unlicense"),
        (r"\bwtfpl\.net", "WTFPL"),
        (r"scripts\.sil\.org/ofl|openfontlicense\.org", "OFL-1.1"),
        (r"creativecommons\.org/publicdomain/zero/1\.0", "CC0-1.0"),
        (r"creativecommons\.org/licenses/(by(?:-nc)?(?:-sa|-nd)?)/(\d\.\d)", "CC-{}-{}"),
        (r"gnu\.org/licenses/(?:old-licenses/)?([al]?gpl)-(\d\.\d)", "{}-{}-only"),
        (
            r"(?:spdx\.org/licenses|opensource\.org/licenses?|choosealicense\.com/licenses)/"
            r"([\w.+-]*?\w)(?:-license)?(?:\.(?:html|php|json|txt))?(?![\w+-]|\.\w)",
            "{}",
        ),
    )
)


def header_license(text: str) -> str:
    """The licence that the comments at the top of a file state, as an SPDX expression; "" if none.

    A comment that only points to the repository's LICENSE file states none.
    """
    head = text[:_HEAD]
    lowered = head.lower()
    if not any(hint in lowered for hint in _HINTS):
        return ""
    lines = [line.says for comment in leading(head) for line in comment.lines][:200]
    return tagged(lines) or named("\n".join(lines))


def tagged(lines: Iterable[str]) -> str:
    """What the tags of SPDX in these lines say together; "" where there is none."""
    return expressions.joined([tag for line in lines if (tag := _tag(line))], "AND")


def named(notice: str) -> str:
    """The licences that a notice holds, names or gives the address of; "" if none."""
    found = list(licenses_in(notice))
    flat = " ".join(notice.split())
    if gnu := _gnu(flat):
        found.append(gnu)
    found += [spdx for pattern, spdx in _NOTICES if pattern.search(flat)]
    if not found:  # Creative Commons is for works that a program reads or shows, more often than for it
        found = [one for one in addressed(flat) if not one.startswith("CC-")]
    found = list(dict.fromkeys(found))
    is_choice = len(found) > 1 and offers_choice(flat)
    return expressions.joined(found, "OR" if is_choice else "AND")


def addressed(text: str) -> list[str]:
    """The licences at the addresses that stand in a text, in the order of the table."""
    found = []
    for pattern, spdx in _ADDRESSES:
        for address in pattern.finditer(text):
            name = spdx.format(*(group.upper() for group in address.groups()))
            found.append(manifests.license_of_name(name))
    return [each for each in dict.fromkeys(found) if each not in ("", "BSD")]


def offers_choice(text: str) -> bool:
    """Whether it says that one of several licences may be chosen."""
    return _CHOICE.search(text) is not None


def _tag(line: str) -> str:
    found = _TAG.search(line)
    if found is None:
        return ""
    words = re.sub(r"[*/>#\"'`;,-]+$", "", re.split(r"\*/|-->|[\"'`<,;]", found.group(1))[0].strip()).split()
    while words:  # what stands behind the expression on the line
        parsed = expressions.parse(" ".join(words))
        if parsed is not None and all(map(manifests.looks_like_spdx, parsed.licenses)):
            return expressions.written(" ".join(words))
        words.pop()
    return ""


def _gnu(notice: str) -> str:
    """The GNU licence that a notice names, the first one; its version, and whether later ones do."""
    named = _GNU.search(notice)
    if named is None:
        return ""
    name = _GNU_NAMES.get((named.group(1) or named.group(2) or "").strip().lower(), "GPL")
    near = notice[max(0, named.start() - 200) : named.end() + 400]
    behind = notice[named.start() : named.end() + 400]
    version = _GNU_VERSION.search(behind) or _GNU_VERSION.search(near)
    if version is None:
        return f"{name}-{_GNU_OLDEST[name]}-or-later"
    number = version.group(1) or version.group(2)
    number = number if "." in number else f"{number}.0"
    return f"{name}-{number}-{'or-later' if _LATER.search(near) else 'only'}"
