"""What follows from a wiki's name: its language, its addresses, the licence of its pages."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from html import unescape
from typing import Any
from urllib.parse import quote

from pipeline.sources.wikitext.names import CATEGORY, FILE, TEMPLATE, folded

NAME = re.compile(r"[a-z]{2,3}(?:[_-][a-z_-]+)?|simple|[a-z_-]{2,16}(?:wiki|wik\w{4,10})")
"""A wiki's name in its database (`dewiki`), or a language alone (`de`), not a regular expression."""

_PARTS = re.compile(
    r"([a-z][a-z_]*?)(wiki|wiktionary|wikisource|wikibooks|wikinews|wikiquote|wikiversity|wikivoyage)$"
)
# Wikis whose name is not the code of their language.
_LANGUAGES = {
    "simple": "en",
    "als": "gsw",
    "bat_smg": "sgs",
    "be_x_old": "be",
    "be_tarask": "be",
    "bh": "bho",
    "cbk_zam": "cbk",
    "fiu_vro": "vro",
    "nds_nl": "nds",
    "nrm": "nrf",
    "roa_rup": "rup",
    "zh_classical": "lzh",
    "zh_min_nan": "nan",
    "zh_yue": "yue",
    "map_bms": "jv",
    "roa_tara": "nap",
}
_NO_LANGUAGE = frozenset(
    (
        "commons",
        "wikidata",
        "species",
        "meta",
        "mediawiki",
        "sources",
        "outreach",
        "incubator",
        "foundation",
        "test",
    )
)
_NAMESPACES = {
    **{
        "talk": 1,
        "user": 2,
        "user talk": 3,
        "wikipedia": 4,
        "wikipedia talk": 5,
        "file": FILE,
        "image": FILE,
    },
    **{
        "file talk": 7,
        "mediawiki": 8,
        "template": TEMPLATE,
        "template talk": 11,
        "help": 12,
        "help talk": 13,
    },
    **{"category": CATEGORY, "category talk": 15, "portal": 100, "module": 828, "media": -2, "special": -1},
}
_CC_4 = datetime(2023, 6, 7)  # the day Wikimedia's wikis went from CC BY-SA 3.0 to 4.0
_SPDX = re.compile(r"CC-?BY-?SA-?(\d\.\d)", re.IGNORECASE)

_EXTENSION = re.compile(r"\.(?:txt|wikitext|wiki|mediawiki|mw)(?:\.(?:gz|bz2|xz|zst))?$", re.IGNORECASE)
_ESCAPED = re.compile(r"&lt;(?:ref|!--|br|/|small|sup|sub|div|math|nowiki|gallery|references)\b")


@dataclass(frozen=True)
class Wiki:
    """A wiki: its name in its database ("" if not known), where its pages are, its language."""

    name: str
    pages: str
    language: str | None

    def url(self, title: str) -> str | None:
        """Where a page is published; None where that is not known."""
        return self.pages + quote(title.replace(" ", "_"), safe="/:@!$*,;()~'") if self.pages else None


def wiki(name: str, base: str, language: str) -> Wiki:
    """From what a dump states: the name (`dewiki`, or `de` alone), the address of its main page, and
    the language of its text; "" where it says nothing."""
    name = name.strip().lower().replace("-", "_")
    if name and not _PARTS.match(name):
        name += "wiki"
    found = _PARTS.match(name)
    code, project = (found[1], found[2]) if found else ("", "")
    pages = base.rpartition("/")[0] + "/" if "/" in base else ""
    if not pages and code:
        site = "wikipedia" if project == "wiki" else project
        pages = f"https://{code.replace('_', '-')}.{site}.org/wiki/"
    return Wiki(name, pages, _language(code, language))


def _language(code: str, stated: str) -> str | None:
    """ISO 639-1 where there is one, else 639-3; None where the wiki has no language of its own."""
    if code in _LANGUAGES:
        return _LANGUAGES[code]
    if re.fullmatch("[a-z]{2,3}", code):
        return code
    if code in _NO_LANGUAGE or not stated:
        return None
    return stated.lower().partition("-")[0]


def stated(option: str | None, path: str) -> str:
    """The wiki's name by the option `wiki`: itself, or what its one group finds in the path."""
    if option is None:
        return ""
    if NAME.fullmatch(option):
        return option
    found = re.search(option, path)
    return (found[1] or "") if found else ""


def namespace_of(title: str, namespaces: Mapping[int, str]) -> int:
    """The namespace that a title says, for exports older than version 0.5."""
    prefix, colon, _ = title.partition(":")
    if not colon:
        return 0
    names = {folded(name): number for number, name in namespaces.items() if name}
    return (_NAMESPACES | names).get(folded(prefix), 0)


def license_of(date: datetime | None) -> str:
    """SPDX identifier of a page by the date of its revision."""
    return "CC-BY-SA-4.0" if date is not None and date >= _CC_4 else "CC-BY-SA-3.0"


def stated_license(given: Any) -> str | None:
    """SPDX identifier of the first licence in the field `license` of an Enterprise dump."""
    for entry in given if isinstance(given, list) else [given]:
        if isinstance(entry, dict):
            found = _SPDX.search(str(entry.get("identifier", ""))) or _SPDX.search(str(entry.get("url", "")))
            if found:
                return f"CC-BY-SA-{found[1]}"
    return None


def templates(page: Mapping[str, Any]) -> str:
    """The templates of a page of an Enterprise dump, as wikitext."""
    found = page.get("templates")
    names = (
        [str(entry.get("name", "")) for entry in found if isinstance(entry, dict)]
        if isinstance(found, list)
        else []
    )
    return "".join(f"{{{{{name.partition(':')[2] or name}}}}}" for name in names)


def inner(page: Mapping[str, Any], name: str, field: str) -> Any:
    """`page[name][field]`; None where either is not there."""
    value = page.get(name)
    return value.get(field) if isinstance(value, dict) else None


def title_of(origin: str) -> str:
    """The title that a file's name stands for."""
    name = origin.rpartition("!")[2] or origin
    return _EXTENSION.sub("", name.rpartition("/")[2]).replace("_", " ").strip()


def unescaped(text: str) -> str:
    """Wikitext that was saved with its `<` escaped, as it stands in XML, as wikitext again."""
    return unescape(text) if "<" not in text and _ESCAPED.search(text) else text
