"""What a page states about itself: title, language, date of publication, licence.

Looked for where pages say it to machines, by plain searches over the text of the page, which take a
hundredth of the time of an extraction. Nothing is guessed from the prose.
"""

import html
import re
from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple

from pipeline.sources import dates
from pipeline.sources.language_tags import language_code
from pipeline.sources.pages import signs
from pipeline.sources.pages.htmltags import attribute

_TITLE = re.compile(r"<title(?:\s[^<>]*)?>([^<]*)", re.IGNORECASE)
_WITHIN = 1 << 16  # characters of the page that are searched for its title and language
_TITLE_LENGTH = 500

_HTML_TAG = re.compile(r"<html\b([^<>]{0,4000})>", re.IGNORECASE)
_META = re.compile(r"<meta\b((?:[^<>\"']++|\"[^\"<]*+\"|'[^'<]*+')*+)>", re.IGNORECASE)
_JSON_DATE = re.compile(r"\"datePublished\"\s{0,20}:\s{0,20}\"([^\"<>]{4,40})\"")
_TIME = re.compile(r"<time\b([^<>]{0,2000})>", re.IGNORECASE)
_PUBLISHED = re.compile(r"pubdate|publish", re.IGNORECASE)
_ITEM_DATE = re.compile(
    r"<[a-z]+\s([^<>]{0,500}?\bitemprop=[\"']?datePublished\b[^<>]{0,500})>", re.IGNORECASE
)

# Names of <meta> that hold the date of publication, those that mean nothing else first.
_DATE_NAMES = (
    ("article:published_time", "og:article:published_time", "og:published_time", "article.published"),
    ("datepublished", "date_published", "publishdate", "publish_date", "publish-date", "publication_date"),
    ("published", "published_time", "published_date", "published-date", "pubdate", "article_date_original"),
    ("citation_publication_date", "citation_date", "citation_online_date", "prism.publicationdate"),
    ("parsely-pub-date", "sailthru.date", "cxenseparse:recs:publishtime", "rnews:datepublished"),
    (
        "dc.date.issued",
        "dcterms.issued",
        "dc.date.created",
        "dcterms.created",
        "dc.date",
        "dcterms.date",
        "date",
    ),
)
_MAY_DATE = re.compile(r"date|publi|issued|created|time", re.IGNORECASE)
_META_LENGTH = 2000  # characters of a tag, at most
_RANK = {name: rank for rank, names in enumerate(_DATE_NAMES) for name in names}
_DAY = re.compile(r"(\d{4})[-/.]?(\d{2})[-/.]?(\d{2})(?!\d)")

_CC = re.compile(
    r"creativecommons\.org/(?:licen[sc]es/(by(?:-nc)?(?:-nd|-sa)?|nc-sa|nc|sa|nd(?:-nc)?)/(\d\.\d)(?:/([a-z]{2,3})\b)?"
    r"|publicdomain/(zero|mark|certification)/)",
    re.IGNORECASE,
)
_LINK = re.compile(r"<(?:a|link)\b((?:[^<>\"']++|\"[^\"<]*+\"|'[^'<]*+')*+)>", re.IGNORECASE)
_OTHER_LICENSES = (
    (re.compile(r"gnu\.org/(?:licenses|copyleft)/fdl(?:-(1\.[123]))?", re.IGNORECASE), "GFDL-{}-or-later"),
    (re.compile(r"opensource\.org/licenses?/mit\b", re.IGNORECASE), "MIT"),
    (re.compile(r"apache\.org/licenses/LICENSE-2\.0", re.IGNORECASE), "Apache-2.0"),
    (re.compile(r"gov\.uk/doc/open-government-licence/version/([123])", re.IGNORECASE), "OGL-UK-{}.0"),
    (re.compile(r"opendatacommons\.org/licenses/(odbl)", re.IGNORECASE), "ODbL-1.0"),
)  # fmt: skip


class Facts(NamedTuple):
    """`title` is "" and the others are None where the page does not say.

    language   ISO 639-1, else 639-3; published: in UTC; license: SPDX
    """

    title: str
    language: str | None
    published: datetime | None
    license: str | None


def facts(page: str, marked: int = signs.ALL) -> Facts:
    """What the page states; never raises, and takes time linear in its length.

    marked   what the page may hold (`signs`); it is searched for nothing else
    """
    head = page[:_WITHIN]
    license_ = _license(page) if marked & signs.STATED else None
    return Facts(_title(head), _language(head), _published(page, marked), license_)


def _title(head: str) -> str:
    found = _TITLE.search(head)
    title = " ".join(html.unescape(found.group(1)).replace("\0", " ").split()) if found else ""
    return title[:_TITLE_LENGTH]


def _language(head: str) -> str | None:
    """Of the attribute `lang` of `<html>`, else of `<meta http-equiv="content-language">`."""
    tag = _HTML_TAG.search(head)
    if tag:
        code = language_code(attribute(tag[1], "lang")) or language_code(attribute(tag[1], "xml:lang"))
        if code:
            return code
    if "ontent-" in head:
        for meta in _META.finditer(head):
            if attribute(meta[1], "http-equiv").lower() == "content-language":
                return language_code(attribute(meta[1], "content"))
    return None


def _published(page: str, marked: int) -> datetime | None:
    best, found = len(_DATE_NAMES), None
    for meta in _metas(page):
        named = attribute(meta, "property") or attribute(meta, "name") or attribute(meta, "itemprop")
        rank = _RANK.get(named.lower(), len(_DATE_NAMES))
        if rank < best and (date := _date(attribute(meta, "content"))):
            best, found = rank, date
    if found is not None and best < len(_DATE_NAMES) - 1:
        return found
    if marked & signs.STATED and "datePublished" in page:
        for pattern in (_JSON_DATE, _ITEM_DATE):
            if stated := pattern.search(page):
                value = stated[1]
                if pattern is _ITEM_DATE:
                    value = attribute(value, "datetime") or attribute(value, "content")
                if date := _date(value):
                    return date
    if found is None and marked & signs.TIME:
        at = page.find("<time ")
        while at >= 0:
            tag = _TIME.match(page, at)
            if tag and _PUBLISHED.search(tag[1]):
                return _date(attribute(tag[1], "datetime"))
            at = page.find("<time ", at + 1)
    return found


def _metas(page: str) -> Iterator[str]:
    """The attributes of each `<meta>` that may hold a date."""
    last = page.find("<body")
    last = min(last, 4 * _WITHIN) if last >= 0 else 4 * _WITHIN
    for opening in ("<meta ", "<META "):
        at = page.find(opening, 0, last)
        while at >= 0:
            end = page.find(">", at, at + _META_LENGTH)
            if end > 0:
                attributes = page[at + len(opening) : end]
                if _MAY_DATE.search(attributes):
                    yield attributes
            at = page.find(opening, at + 1, last)


def _date(value: str) -> datetime | None:
    """A date as pages write it to machines; None for one that is none, or that cannot be."""
    value = value.strip()
    date = dates.parse(value) or dates.parse(value.replace(" ", "T", 1)) if not value.isdigit() else None
    if date is None and (day := _DAY.match(value)):
        date = dates.parse("-".join(day.groups()))
    return date if date and 1990 <= date.year <= 2100 else None


def _license(page: str) -> str | None:
    """Of a link with rel="license", else the one that all links to Creative Commons name."""
    at = page.find("license")
    if at < 0:
        return None
    while at >= 0:
        if "rel=" in page[max(0, at - 40) : at] and (link := _link_around(page, at)):
            found = _spdx(attribute(link, "href"))
            if found and "license" in attribute(link, "rel").lower().split():
                return found
        at = page.find("license", at + 1)
    if "creativecommons.org/" not in page:
        return None
    named = {spdx for found in _CC.finditer(page) if (spdx := _creative_commons(found))}
    return named.pop() if len(named) == 1 else None


def _link_around(page: str, at: int) -> str:
    """The attributes of the link in whose tag byte `at` is; "" where it is in none."""
    start = page.rfind("<", max(0, at - _META_LENGTH), at)
    found = _LINK.match(page, start) if start >= 0 else None
    return found[1] if found else ""


def _spdx(address: str) -> str | None:
    found = _CC.search(address)
    if found:
        return _creative_commons(found)
    for pattern, name in _OTHER_LICENSES:
        if other := pattern.search(address):
            return name.format((other[1] if pattern.groups else "") or "1.1")
    return None


def _creative_commons(found: re.Match[str]) -> str | None:
    kind, version, country, public = found.groups()
    if public:
        return {"zero": "CC0-1.0", "mark": "LicenseRef-CC-PDM", "certification": "CC-PDDC"}[public.lower()]
    if kind.lower() not in _KINDS:
        return f"LicenseRef-CC-{kind.upper()}-{version}"
    spdx = f"CC-{kind.upper()}-{version}"
    return f"{spdx}-{country.upper()}" if f"{spdx}-{country}".upper() in _PORTED else spdx


_KINDS = ("by", "by-nc", "by-nd", "by-sa", "by-nc-sa", "by-nc-nd")
# The national versions that have an identifier of their own.
_PORTED = frozenset(
    [f"CC-BY-3.0-{country}" for country in ("AT", "AU", "DE", "IGO", "NL", "US")]
    + [f"CC-BY-SA-3.0-{country}" for country in ("AT", "DE", "IGO")]
    + ["CC-BY-2.5-AU", "CC-BY-SA-2.1-JP", "CC-BY-SA-2.0-UK", "CC-BY-NC-3.0-DE", "CC-BY-NC-SA-3.0-DE"]
    + ["CC-BY-NC-SA-3.0-IGO", "CC-BY-NC-SA-2.0-FR", "CC-BY-NC-SA-2.0-DE", "CC-BY-NC-SA-2.0-UK"]
    + ["CC-BY-NC-ND-3.0-DE", "CC-BY-NC-ND-3.0-IGO", "CC-BY-ND-3.0-DE"]
)
