"""The licence of a repository, or of a part of it, as an SPDX expression: by its LICENSE and manifests."""

import re
from collections.abc import Mapping, Sequence

from pipeline.sources.code import expressions, license_texts, manifests, notices

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
_VERSION = re.compile(r"-(?:only|or-later)$")
_HEAD = 3000  # characters of a licence's file in which licences are named
_OPENING = 1000  # characters in which it says that one may choose


def is_license_file(path: str) -> bool:
    """Is this file, by its name, the text of a licence (LICENSE, COPYING, LICENSE-MIT, licenses/x.txt)?"""
    if _CODE.search(path):
        return False
    if _LICENSE_FOLDER.search(path):
        return True
    name = path.rpartition("/")[2]
    return _STRICT.search(name) is not None and _LICENSE_FILE.fullmatch(name) is not None


def repository_license(files: Mapping[str, bytes]) -> str:
    """The licence of a repository as an SPDX expression; "" if none is found.

    files   path -> bytes of files in which a licence may stand (others are passed over); those
            nearest to the root count, deeper ones belong to parts of it

    What a manifest states is taken where a text bears it out, if only in part: it knows of "or
    later", of AND and OR, and which texts are those of bundled parts. Where they have no licence in
    common the texts go before the manifest. Without one, several licences are an OR where
    the texts offer a choice or the files are named like LICENSE-MIT, else an AND.
    """
    known = sorted(path for path in files if is_license_file(path) or manifests.is_manifest(path))
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
        if path.count("/") == nearest and manifests.is_manifest(path) and not stated:
            stated = manifests.license_of(path, files[path])
    at_root = {path: text for path, text in texts.items() if path.count("/") == nearest}
    return _together(_of_texts(at_root) or _of_texts(texts), stated)


def _manifest_rank(path: str) -> tuple[int, str]:
    name = path.rpartition("/")[2].lower()
    order = ("cargo.toml", "metadata", "pkg-info", "pyproject.toml", "setup.cfg", "setup.py", "package.json")
    return (order.index(name) if name in order else len(order), path)


def _of_texts(texts: Mapping[str, str]) -> tuple[str, Sequence[str]] | None:
    """The expression that the texts of licences make together, and the licences in it; None if none."""
    found: dict[str, str] = {}
    licenses: list[str] = []
    choice = False
    for path, text in texts.items():
        expression = _of_text(text)
        parsed = expressions.parse(expression)
        if parsed is not None:
            found[path] = expression
            licenses += parsed.licenses
            choice = choice or "OR" in parsed.postfix
        choice = choice or notices.offers_choice(text[:_OPENING])
    licenses = _without_what_it_builds_on(list(dict.fromkeys(licenses)))
    if len(found) < 2:  # as it stands, with its exceptions
        return next(((expression, licenses) for expression in found.values()), None)
    named = [path for path in found if _NAMED_ONE.fullmatch(path.rpartition("/")[2])]
    choice = choice or len(named) >= len(found) - 1
    return expressions.joined(licenses, "OR" if choice else "AND"), licenses


def _of_text(text: str) -> str:
    """The expression for one file: of the texts in it; of what its head names besides, or instead."""
    head = text[:_HEAD]
    tagged = notices.tagged(head.split("\n"))
    whole = _without_what_it_builds_on(license_texts.licenses_in(text))
    if not whole:
        addressed = expressions.joined(notices.addressed(head), "AND")
        return tagged or notices.named(head) or _stated_in(text) or addressed
    parsed = expressions.parse(tagged)
    # A text may give the address of its own family (of which it is a version), or speak of the GNU's.
    families = {one.partition("-")[0] for one in whole}
    others = [one for one in notices.addressed(head) if one.partition("-")[0] not in families]
    every = [*whole, *(parsed.licenses if parsed else ()), *(one for one in others if "GPL-" not in one)]
    return expressions.joined(every, "OR" if notices.offers_choice(text[:_OPENING]) else "AND")


def _stated_in(text: str) -> str:
    """Of a file that is hardly more than a licence's name."""
    lines = [line.strip(" #*=-_.") for line in text[:500].split("\n")]
    return next(
        (spdx for line in lines if 2 < len(line) < 80 and (spdx := manifests.license_of_name(line))), ""
    )


def _without_what_it_builds_on(licenses: Sequence[str]) -> list[str]:
    """Without the GPL beside version 3 of the LGPL, which is written as an addition to it."""
    added_to = {base for one, base in license_texts.BUILDS_ON.items() if one in licenses}
    return [one for one in licenses if one not in added_to]


def _together(from_texts: tuple[str, Sequence[str]] | None, stated: str) -> str:
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
