"""What a book's header says of it: number, title, author, language, release date, copyright."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

PUBLIC_DOMAIN = "LicenseRef-PublicDomain-US"
"""Free of copyright in the United States; elsewhere the law of the country decides."""
COPYRIGHTED = "LicenseRef-ProjectGutenberg-Copyrighted"
"""Distributed with the holder's permission; the terms stand in the book itself."""

# Keys in the languages that headers are written in.
_KEYS = {
    "title": "title", "titre": "title", "titel": "title", "titolo": "title", "título": "title",
    "author": "author", "auteur": "author", "autor": "author", "autore": "author", "authors": "author",
    "language": "language", "langue": "language", "sprache": "language", "lingua": "language",
    "release date": "released", "date de parution": "released", "posting date": "posted",
    "first posted": "posted", "veröffentlichungsdatum": "released",
}  # fmt: skip
_FIELD = re.compile(
    r"(?:.*gutenberg\.(?:org|net))?\s{0,3}([^\W\d_][^\W\d_]+(?: [^\W\d_]+){0,2}) ?:(?:\s+(.*))?"
)
_NUMBER = re.compile(r"\[\s*(?:e-?book|e-?text)\s*#\s*(\d{1,6})\s*\]", re.IGNORECASE)
_COPYRIGHT = re.compile(r"This is a COPYRIGHTED Project Gutenberg|FOR COPYRIGHT PROTECTED E", re.IGNORECASE)
_FIRST_LINE = re.compile(
    r"[\W_]*(?:The |This is the )?Project Gutenberg(?:['’]s)?\s+(?:e-?text|e-?book)?,?\s*"
    r"(?:of|Edition of)?\s*(.+)",
    re.IGNORECASE,
)
_POSTED = re.compile(r"first posted (?:on |= )?([^\]]+)\]?", re.IGNORECASE)
_LONG_TITLE = 60  # characters: a longer line of a title was broken because it was full

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DATE = re.compile(r"([A-Za-z]{3,9})\.?,?\s+(?:(\d{1,2})(?:st|nd|rd|th)?\s*,\s*)?(\d{4})")
_ISO_DATE = re.compile(r"(\d{4})-(\d{2})-(\d{2})")

# fmt: off
_LANGUAGES = {
    "afrikaans": "af", "aleut": "ale", "arabic": "ar", "arapaho": "arp", "asturian": "ast",
    "bodo": "brx", "breton": "br", "bulgarian": "bg", "caló": "rmq", "catalan": "ca", "cebuano": "ceb",
    "chinese": "zh", "cornish": "kw", "croatian": "hr", "czech": "cs", "danish": "da", "dutch": "nl",
    "english": "en", "esperanto": "eo", "estonian": "et", "farsi": "fa", "persian": "fa",
    "finnish": "fi", "french": "fr", "frisian": "fy", "friulian": "fur", "gaelic, scottish": "gd",
    "galician": "gl", "gamilaraay": "kld", "german": "de", "greek": "el", "greek, ancient": "grc",
    "haida": "hai", "hebrew": "he", "hungarian": "hu", "icelandic": "is", "iloko": "ilo",
    "interlingua": "ia", "inuktitut": "iu", "irish": "ga", "iroquoian": "iro", "italian": "it",
    "japanese": "ja", "kashubian": "csb", "khasi": "kha", "korean": "ko", "latin": "la",
    "latvian": "lv", "lithuanian": "lt", "maori": "mi", "mayan languages": "myn",
    "middle english": "enm", "nahuatl": "nah", "napoletano-calabrese": "nap", "navajo": "nv",
    "north american indian": "nai", "norwegian": "no", "occitan": "oc", "ojibwa": "oj",
    "old english": "ang", "polish": "pl", "portuguese": "pt", "romanian": "ro", "russian": "ru",
    "sanskrit": "sa", "scots": "sco", "serbian": "sr", "slovenian": "sl", "slovak": "sk",
    "spanish": "es", "swedish": "sv", "tagabawa": "bgs", "tagalog": "tl", "telugu": "te",
    "tibetan": "bo", "turkish": "tr", "ukrainian": "uk", "vietnamese": "vi", "welsh": "cy",
    "yiddish": "yi", "englisch": "en", "deutsch": "de", "französisch": "fr", "français": "fr",
    "anglais": "en", "español": "es", "italiano": "it", "português": "pt", "nederlands": "nl",
    "suomi": "fi",
}
# fmt: on


@dataclass(frozen=True)
class Header:
    """What was found; what was not is None or "".

    license   of a header that does not speak of copyright, public domain; None without a header
    """

    number: int | None = None
    title: str = ""
    author: str | None = None
    language: str | None = None
    date: datetime | None = None
    license: str | None = None


def parse(lines: Sequence[str], recognised: bool, licence: Sequence[str] = ()) -> Header:
    """Reads the lines in front of a book's text.

    recognised   whether header or licence are known to be Project Gutenberg's
    licence      the lines behind the text, which may speak of copyright
    """
    fields = _fields(lines)
    whole = "\n".join(lines)
    number = _NUMBER.search(whole)
    title = _joined(fields.get("title", [[]])[0]) or _title_of_first_line(lines)
    authors = [_joined(author) for author in fields.get("author", [])]
    language = next((language_code(" ".join(value)) for value in fields.get("language", [])), None)
    dated = [" ".join(value) for key in ("released", "posted") for value in fields.get(key, [])]
    if number is not None:  # "July, 1997  [Etext #972]" of the oldest headers
        dated.append(whole[whole.rfind("\n", 0, number.start()) + 1 : number.start()])
    dated += _POSTED.findall(whole)
    copyrighted = _COPYRIGHT.search(whole) or any(map(_COPYRIGHT.search, licence))
    return Header(
        number=int(number.group(1)) if number else None,
        title=title,
        author="; ".join(filter(None, authors)) or None,
        language=language,
        date=next((date for text in dated if (date := date_of(text)) is not None), None),
        license=(COPYRIGHTED if copyrighted else PUBLIC_DOMAIN) if recognised else None,
    )


def _fields(lines: Sequence[str]) -> dict[str, list[list[str]]]:
    """The values of the known keys, in order; a value goes on in lines that are indented."""
    found: dict[str, list[list[str]]] = {}
    held: list[str] | None = None
    for line in lines:
        matched = _FIELD.fullmatch(line.rstrip()[:1000])
        key = _KEYS.get(matched.group(1).lower()) if matched else None
        if matched and key:
            held = [(matched.group(2) or "").strip()]
            found.setdefault(key, []).append(held)
        elif held is not None and line.startswith("  ") and line.strip() and not matched:
            held.append(line.strip())
        else:
            held = None
    return found


def _joined(value: Sequence[str]) -> str:
    """A title and its subtitles as one line."""
    text = ""
    for part in filter(None, value):
        if not text:
            text = part
        elif len(text) >= _LONG_TITLE or text.endswith((":", ";", ",", ".", "?", "!")):
            text += " " + part
        else:
            text += ": " + part
    return re.sub(r"\s+", " ", text).strip()


def _title_of_first_line(lines: Sequence[str]) -> str:
    for line in lines[:10]:
        if found := _FIRST_LINE.fullmatch(line.strip()[:300]):
            return re.split(r",? by ", found.group(1))[0].strip(" *.,")
    return ""


def language_code(name: str) -> str | None:
    """ISO 639-1, else 639-3, of the first language that `name` names; None where that is none."""
    low = re.sub(r"\s+", " ", name.strip().lower())
    if low in _LANGUAGES:
        return _LANGUAGES[low]
    for part in re.split(r",|;|/|&|\band\b|\(|\bwith\b|\bet\b|\bund\b", low):
        part = part.strip(" .")
        if part in _LANGUAGES:
            return _LANGUAGES[part]
        if re.fullmatch(r"[a-z]{2,3}", part):
            return part
    return None


def date_of(text: str) -> datetime | None:
    """The first date in `text`: `March 13, 2004`, `June, 2002` (then its first day), `2004-03-13`."""
    if found := _ISO_DATE.search(text):
        return _date(int(found.group(1)), int(found.group(2)), int(found.group(3)))
    for found in _DATE.finditer(text):
        month = found.group(1)[:3].lower()
        if month in _MONTHS:
            return _date(int(found.group(3)), _MONTHS.index(month) + 1, int(found.group(2) or 1))
    return None


def _date(year: int, month: int, day: int) -> datetime | None:
    try:
        return datetime(year, month, day)
    except ValueError:
        return None
