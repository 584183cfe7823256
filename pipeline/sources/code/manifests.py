"""The licence that a package states in its manifest: package.json, Cargo.toml, METADATA and others.

What is stated becomes an SPDX expression, free text too ("Apache License, Version 2.0"), or "".
"""

import json
import re
import tomllib
from collections.abc import Callable
from typing import Any

from pipeline.sources.code import expressions

MAX_BYTES = 1 << 20  # of a manifest; a larger one is none

_CLASSIFIER = re.compile(r"License ::(?: OSI Approved ::)? ?([^\"'\n]+)")

# What people write, in lower case without punctuation, and the licence that it means. Tried in order.
_NAMES: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern), spdx)
    for pattern, spdx in (
        (r"public domain", "LicenseRef-public-domain"),
        (r"(?:the )?unlicense.*", "Unlicense"),
        (
            r"(?:the )?(?:mit|expat)(?: license| licensed)?(?: mit| expat)?(?: license)?|mit x11|x11 mit"
            r"|mit style",
            "MIT",
        ),
        (r"mit 0|mit no attribution.*", "MIT-0"),
        (r"(?:the )?(?:isc|iscl)(?: license)?(?: isc| iscl)?(?: license)?", "ISC"),
        (
            r"(?:the )?(?:asl|apache)(?: software)?(?: license| licence)?(?: version)? ?v?2(?: 0)?(?:"
            r" license| apache 2 0)?|apache 2 0 license",
            "Apache-2.0",
        ),
        (r"(?:the )?apache(?: software)?(?: license)?(?: apache)?", "Apache-2.0"),
        (
            r"(?:the )?(?:new |modified |revised )?bsd ?3(?: clause)?.*|3 clause bsd.*|(?:new|modified"
            r"|revised) bsd(?: license)?|bsd (?:new|revised|modified).*|three clause bsd.*",
            "BSD-3-Clause",
        ),
        (r"bsd ?2(?: clause)?.*|2 clause bsd.*|simplified bsd.*|bsd simplified.*|freebsd.*", "BSD-2-Clause"),
        (r"0bsd.*|zero clause bsd.*|bsd zero clause.*", "0BSD"),
        (r"(?:the )?bsd(?: license| style| like| licence)*", "BSD"),
        (r".*\b(?:affero|agpl).*(?:v| )3.*(?:or later|later|\+|plus).*|agplv3\+.*", "AGPL-3.0-or-later"),
        (r".*\b(?:affero|agpl).*", "AGPL-3.0-only"),
        (r".*\b(?:lesser|lgpl|library general).*(?:v| )3.*(?:or later|later|\+|plus).*", "LGPL-3.0-or-later"),
        (r".*\b(?:lesser|lgpl|library general).*3.*", "LGPL-3.0-only"),
        (r".*\b(?:lesser|lgpl|library general).*2 1.*(?:or later|later|\+|plus).*", "LGPL-2.1-or-later"),
        (r".*\b(?:lesser|lgpl|library general).*2 1.*", "LGPL-2.1-only"),
        (r".*\b(?:lesser|lgpl|library general).*2.*(?:or later|later|\+|plus).*", "LGPL-2.0-or-later"),
        (r".*\b(?:lesser|lgpl|library general).*", "LGPL-2.1-or-later"),
        (r".*\b(?:gpl|gnu general public).*3.*(?:or later|later|\+|plus).*", "GPL-3.0-or-later"),
        (r".*\b(?:gpl|gnu general public).*3.*", "GPL-3.0-only"),
        (r".*\b(?:gpl|gnu general public).*2.*(?:or later|later|\+|plus).*", "GPL-2.0-or-later"),
        (r".*\b(?:gpl|gnu general public).*2.*", "GPL-2.0-only"),
        (r"(?:the )?(?:gpl|gnu gpl|gnu general public license)(?: gpl)?", "GPL-1.0-or-later"),
        (r"(?:mpl|mozilla public license).*1 1.*", "MPL-1.1"),
        (r"(?:mpl|mozilla public license).*", "MPL-2.0"),
        (r"(?:epl|eclipse public license).*1 0.*", "EPL-1.0"),
        (r"(?:epl|eclipse public license).*", "EPL-2.0"),
        (r"(?:psf|python software foundation)(?: license| licence)?", "PSF-2.0"),
        (r"(?:zlib|zlib libpng)(?: license)?.*", "Zlib"),
        (r"boost(?: software)? license.*|bsl 1 0.*", "BSL-1.0"),
        (r"(?:zpl|zope public license).*", "ZPL-2.1"),
        (r"artistic(?: license)?(?: 2 0)?", "Artistic-2.0"),
        (r"perl 5|perl", "Artistic-1.0-Perl OR GPL-1.0-or-later"),
        (r"cc0.*|creative commons zero.*", "CC0-1.0"),
        (r"wtfpl.*|do what the f.*", "WTFPL"),
        (r"(?:cc by|creative commons attribution) 4 0.*", "CC-BY-4.0"),
        (r"(?:cc by sa|creative commons attribution sharealike) 4 0.*", "CC-BY-SA-4.0"),
        (r"historical permission notice and disclaimer.*|hpnd", "HPND"),
        (r"postgresql(?: license)?", "PostgreSQL"),
        (r"ruby(?: license)?", "Ruby"),
        (r"(?:academic free license|afl).*", "AFL-3.0"),
        (r"university of illinois.*|ncsa.*", "NCSA"),
        (r"european union public licen[cs]e.*1 2.*|eupl 1 2.*", "EUPL-1.2"),
        (r"mulan.*", "MulanPSL-2.0"),
    )
)


def license_of_name(stated: str) -> str:
    """What somebody wrote for a licence, as an SPDX expression; "" where it cannot be told.

    "BSD" says which family but not which member: it becomes `BSD`, no identifier of SPDX's.
    """
    stated = stated.strip()
    if not stated or len(stated) > 300:
        return ""
    if stated.upper() in ("UNLICENSED", "NONE", "UNKNOWN", "PROPRIETARY", "OTHER", "SEE LICENSE IN LICENSE"):
        return ""
    expression = expressions.parse(stated)
    if expression is not None and all(looks_like_spdx(name) for name in expression.licenses):
        return expressions.written(stated)
    for separator, operator in (("/", "OR"), (" or ", "OR"), (" and ", "AND"), (",", "AND"), ("|", "OR")):
        parts = [part for part in stated.split(separator) if part.strip()]
        if 1 < len(parts) <= 6 and "later" not in stated.lower():
            found = [_one_name(part) for part in parts]
            if all(found):
                return expressions.joined(found, "OR" if operator == "OR" else "AND")
    return _one_name(stated)


def looks_like_spdx(name: str) -> bool:
    """Is this a known identifier, or one of the usual look: letters, a dash, a version?"""
    return (expressions.kind(name) != "none" and name != "BSD") or re.fullmatch(
        r"LicenseRef-.+|[A-Z][\w.]*(?:-[\w.]+)*-\d[\w.]*", name
    ) is not None


def _one_name(stated: str) -> str:
    plain = " ".join(re.findall(r"[a-z0-9]+|\+", stated.lower()))
    return next((spdx for pattern, spdx in _NAMES if pattern.fullmatch(plain)), "")


def license_of(path: str, data: bytes) -> str:
    """The licence that a manifest states, as an SPDX expression; "" if it states none."""
    read = _READERS.get(path.rpartition("/")[2].lower()) or _READERS.get(
        "." + path.rpartition(".")[2].lower()
    )
    if read is None or len(data) > MAX_BYTES:
        return ""
    return read(data.decode("utf-8", "replace"))


def is_manifest(path: str) -> bool:
    name = path.rpartition("/")[2].lower()
    return name in _READERS or ("." in name and "." + name.rpartition(".")[2] in _READERS)


def _of_stated(stated: Any) -> str:
    """Of what JSON and TOML hold: a name, {type: name}, or a list of either (a choice)."""
    each = stated[:20] if isinstance(stated, list) else [stated]
    names = [
        one.get("type") or one.get("name") or one.get("text") if isinstance(one, dict) else one
        for one in each
    ]
    return expressions.joined([license_of_name(name) for name in names if isinstance(name, str)], "OR")


def _json(text: str) -> str:
    try:
        manifest = json.loads(text)
    except (ValueError, RecursionError):
        return ""
    if not isinstance(manifest, dict):
        return ""
    return _of_stated(manifest.get("license") or manifest.get("licenses") or "")


def _toml(text: str) -> str:
    try:
        manifest: Any = tomllib.loads(text)
    except (ValueError, RecursionError):
        return ""
    for keys in (("package",), ("workspace", "package"), ("project",), ("tool", "poetry")):
        part = manifest
        for key in keys:
            part = part.get(key) if isinstance(part, dict) else None
        if not isinstance(part, dict):
            continue
        found = _of_stated(part.get("license"))
        if not found and isinstance(part.get("classifiers"), list):
            found = _classified("\n".join(one for one in part["classifiers"] if isinstance(one, str)))
        if found:
            return found
    return ""


def _classified(text: str) -> str:
    """Of the trove classifiers of Python packages: several are a choice more often than not."""
    found = [license_of_name(name.strip()) for name in _CLASSIFIER.findall(text)]
    return expressions.joined(found, "OR") if any(found) else ""


def _fields(text: str) -> str:
    """Of METADATA and PKG-INFO: License-Expression, else License, else the classifiers."""
    head = text.split("\n\n", 1)[0]
    for field in ("License-Expression", "License"):
        stated = re.search(rf"^{field}:[ \t]*([^\n]+)", head, re.MULTILINE)
        found = license_of_name(stated.group(1)) if stated else ""
        if found and found != "BSD":
            return found
    return _classified(head) or found


def _pattern(pattern: str) -> Callable[[str], str]:
    """A reader for manifests that are programs, or hold one line for the licence."""
    compiled = re.compile(pattern, re.IGNORECASE | re.MULTILINE)

    def read(text: str) -> str:
        stated = compiled.search(text)
        found = license_of_name(stated.group(1)) if stated else ""
        return found or _classified(text)

    return read


_READERS: dict[str, Callable[[str], str]] = {
    "package.json": _json,
    "composer.json": _json,
    "bower.json": _json,
    "meta.json": _json,
    "cargo.toml": _toml,
    "pyproject.toml": _toml,
    "metadata": _fields,
    "pkg-info": _fields,
    "setup.py": _pattern(r"\blicense\s{0,9}=\s{0,9}[\"']([^\"'\n]+)[\"']"),
    "setup.cfg": _pattern(r"^license(?:_expression)?[ \t]*=[ \t]*([^\n]+)"),
    "description": _pattern(r"^License:[ \t]*([^\n+|]+?)[ \t]*(?:[+|][^\n]*)?$"),
    "pom.xml": _pattern(r"<license>\s{0,99}<name>\s{0,99}([^<\n]+?)\s{0,99}</name>"),
    ".gemspec": _pattern(r"\.licenses?\s{0,9}=\s{0,9}\[?\s{0,9}[\"']([^\"'\n]+)[\"']"),
    ".cabal": _pattern(r"^license:[ \t]*([^\n]+)"),
    ".nuspec": _pattern(r"<license type=\"expression\">([^<\n]+)</license>"),
    ".csproj": _pattern(r"<PackageLicenseExpression>([^<\n]+)<"),
    ".podspec": _pattern(r"\.license\s{0,9}=\s{0,9}\{?[^\n\"']{0,40}[\"']([^\"'\n]+)[\"']"),
    ".rockspec": _pattern(r"\blicense\s{0,9}=\s{0,9}[\"']([^\"'\n]+)[\"']"),
}
