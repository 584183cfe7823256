"""Licences: which one a repository or a file is under, as an SPDX expression, and of what kind."""

import re
from collections.abc import Mapping, Sequence
from typing import Literal

from pipeline.sources.code import expressions, manifests
from pipeline.sources.code.license_texts import BUILDS_ON, licenses_in
from text.comments import leading

_WORDS = r"(?:un)?licen[sc]es?|copying|copyright|legal|eula|ofl|gpl|lgpl|agpl|mit|bsd|apache"
_LICENSE_FILE = re.compile(
    rf"(?:(?:{_WORDS})(?:[-_. ]?v?\d[\w.-]*|[-_. ][\w.+-]*)?|[\w.+-]*[-_.](?:un)?licen[sc]e)(?:\.(?:txt|md"
    rf"|markdown|rst|html?|adoc|rtf))?",
    re.IGNORECASE,
)
_STRICT = re.compile(r"licen[sc]e|copying|copyright|unlicense|(?:^|/)(?:ofl|[al]?gpl)\b", re.IGNORECASE)
_CODE = re.compile(
    r"\.(?:[ch](?:pp|xx|h|c)?|cc|py[ixc]?|[cm]?[jt]sx?|java|kt|go|rs|rb|php|cs|swift|scala|sh|pl|pm|lua|sql"
    r"|vue|css"
    r"|json|ya?ml|toml|xml|csv|tsv|png|jpe?g|gif|svg|ico|pdf|docx?|in|tmpl|tpl|ejs|hbs|snap|lock|mod|sum"
    r"|gradle)$",
    re.IGNORECASE,
)
_LICENSE_FOLDER = re.compile(r"(?:^|/)(?:licen[sc]es?|copying|legal)/[^/]+$", re.IGNORECASE)
# Licences of others, not of the repository itself.
_OTHERS = re.compile(
    r"third[-_ ]?part|3rd[-_ ]?part|thirdparty|bundled|vendor|depend|notices?\b|opensource|other"
    r"|node_modules",
    re.IGNORECASE,
)
_NAMED_ONE = re.compile(r"licen[sc]e[-_.](?!txt|md|rst|html?$)[\w.-]+|[\w.-]+[-_.]licen[sc]e", re.IGNORECASE)
_CHOICE = re.compile(
    r"\beither\b|\bdual(?:ly)?[- ]licen[sc]ed?\b|\b(?:one|any) of the following licen[sc]es\b|\bat (?:your"
    r"|the user's) (?:option|choice)\b"
    r"|\bchoose (?:between|which|one|either)\b|\bmultiple licen[sc]es\b|\byou may (?:choose|select)\b",
    re.IGNORECASE,
)
_VERSION = re.compile(r"-(?:only|or-later)$")


def is_license_file(path: str) -> bool:
    """Is this file, by its name, the text of a licence (LICENSE, COPYING, LICENSE-MIT, licenses/x.txt)?"""
    if _CODE.search(path):
        return False
    if _LICENSE_FOLDER.search(path):
        return True
    name = path.rpartition("/")[2]
    return _STRICT.search(name) is not None and _LICENSE_FILE.fullmatch(name) is not None


def is_manifest(path: str) -> bool:
    """Is this file, by its name, one in which a package states its licence (package.json, Cargo.toml)?"""
    return manifests.is_manifest(path)


def repository_license(files: Mapping[str, bytes]) -> str:
    """The licence of a repository as an SPDX expression; "" if none is found.

    files   path -> bytes of those files for which `is_license_file` or `is_manifest` is true (others
            are passed over); those nearest to the root count, deeper ones belong to parts of it

    What a manifest states is taken where a text bears it out, if only in part: it knows of "or
    later", of AND and OR, and which texts are those of bundled parts. Where they have no licence in
    common the texts go before the manifest. Without one, several licences are an OR where
    the texts offer a choice or the files are named like LICENSE-MIT, else an AND.
    """
    known = sorted(path for path in files if is_license_file(path) or is_manifest(path))
    if not known:
        return ""
    nearest = min(path.count("/") for path in known)
    texts = {}
    stated = ""
    for path in known:
        depth = path.count("/") - (1 if _LICENSE_FOLDER.search(path) else 0)
        if depth > nearest:
            continue
        if is_license_file(path) and not _OTHERS.search(path):
            texts[path] = files[path].decode("utf-8", "replace")
    for path in sorted(known, key=_manifest_rank):
        if path.count("/") == nearest and is_manifest(path) and not stated:
            stated = manifests.license_of(path, files[path])
    at_root = {path: text for path, text in texts.items() if path.count("/") == nearest}
    return _together(_of_texts(at_root) or _of_texts(texts), stated)


def header_license(text: str) -> str:
    """The licence that the comments at the top of a file state, as an SPDX expression; "" if none.

    A comment that only points to the repository's LICENSE file states none.
    """
    head = text[:_HEAD]
    lowered = head.lower()
    if not any(hint in lowered for hint in _HINTS):
        return ""
    lines = [line.says for comment in leading(head) for line in comment.lines][:200]
    tags = [tag for line in lines if (tag := _tag(line))]
    if tags:
        return expressions.joined(tags, "AND")
    return _of_notice("\n".join(lines))


def kind(spdx: str) -> Literal["permissive", "copyleft", "none"]:
    """Of an SPDX expression: OR is as free as the freest, AND as strict as the strictest.

    "none" is no licence, an unknown one, or one that is not open (CC-BY-NC, BUSL). Never raises.
    """
    return expressions.kind(spdx)


_HEAD = 12_000  # characters of a file in which its notice is looked for
# Ten times as fast as a pattern that heeds no case.
_HINTS = ("license", "licence", "public domain", "permission", "redistribut", "copyleft")
_TAG = re.compile(r"SPDX-License-Identifier[:=]?[ \t]*([^\n]{1,200})", re.IGNORECASE)
_TAG_END = re.compile(r"[ \t]*(?:\*/|-->|\*\)|-\}|\"\"\"|#\}|['\"`<].*$|$)")

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


def _of_notice(says: str) -> str:
    """Of what the comments say. Whole texts go first, then what they refer to."""
    found = list(licenses_in(says))
    notice = " ".join(says.split())
    gnu = _gnu(notice)
    if gnu:
        found.append(gnu)
    found += [spdx for pattern, spdx in _NOTICES if pattern.search(notice)]
    found = [one for one in dict.fromkeys(found) if one]
    if not found:
        return ""
    is_choice = len(found) > 1 and _CHOICE.search(notice)
    return expressions.joined(found, "OR" if is_choice else "AND")


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


def _manifest_rank(path: str) -> tuple[int, str]:
    name = path.rpartition("/")[2].lower()
    order = ("cargo.toml", "metadata", "pkg-info", "pyproject.toml", "setup.cfg", "setup.py", "package.json")
    return (order.index(name) if name in order else len(order), path)


def _of_texts(texts: Mapping[str, str]) -> tuple[str, list[str]] | None:
    """The expression that the texts of licences make, and the licences in it."""
    found: dict[str, list[str]] = {}
    choice = False
    for path, text in texts.items():
        here = list(licenses_in(text))
        choice = choice or _CHOICE.search(text[:1000]) is not None
        if not here:
            pointed = expressions.parse(_of_notice(text[:3000]) or _stated_in(text))
            here = list(pointed.licenses) if pointed else []
        if here:
            found[path] = here
    every = list(dict.fromkeys(one for here in found.values() for one in here))
    every = _without_what_it_builds_on(every)
    if not every:
        return None
    named = [path for path in found if _NAMED_ONE.fullmatch(path.rpartition("/")[2])]
    choice = choice or (len(found) > 1 and len(named) >= len(found) - 1)
    return expressions.joined(every, "OR" if choice else "AND"), every


def _stated_in(text: str) -> str:
    """Of a file that is hardly more than a licence's name."""
    lines = [line.strip(" #*=-_.") for line in text[:500].split("\n")]
    return next(
        (spdx for line in lines if 2 < len(line) < 80 and (spdx := manifests.license_of_name(line))), ""
    )


def _without_what_it_builds_on(licenses: Sequence[str]) -> list[str]:
    """Without the GPL beside version 3 of the LGPL, which is written as an addition to it."""
    added_to = {base for one, base in BUILDS_ON.items() if one in licenses}
    return [one for one in licenses if one not in added_to]


def _together(from_texts: tuple[str, list[str]] | None, stated: str) -> str:
    """What texts and manifest say together (see `repository_license`)."""
    parsed = expressions.parse(stated)
    if from_texts is None or parsed is None:
        return from_texts[0] if from_texts else stated
    expression, licenses = from_texts
    if parsed.licenses == ("BSD",):
        members = [one for one in licenses if one.startswith("BSD-")]
        return expressions.joined(members, "AND") if members else expression
    families = {_VERSION.sub("", one) for one in licenses}
    agrees = any(_VERSION.sub("", one) in families for one in parsed.licenses)
    return stated if agrees else expression
