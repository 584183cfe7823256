"""What runs in the isolated process: a page in, its facts and main text out.

A page comes as one byte that says what it may hold (`signs`) and its UTF-8.

Imports nothing heavy but the extractor that is asked for.
"""

from datetime import datetime
from typing import NamedTuple

from pipeline.sources.charset import well_formed
from pipeline.sources.pages import codeblocks, pagefacts, technical


class Answer(NamedTuple):
    """What was found; `language`, `published` and `license` are None where the page does not say."""

    title: str
    language: str | None
    published: datetime | None
    license: str | None
    text: str


def trafilatura(page: bytes, structure: bool = True) -> bytes:
    """Trafilatura with FineWeb's settings, as datatrove calls it.

    Its search for repeated paragraphs normally remembers the pages before this one; here it starts
    anew for each, so that a page's text does not depend on what was read earlier.

    structure   keep formulas as TeX and code with its white space (see `technical`)
    """
    from trafilatura import extract
    from trafilatura.deduplication import LRUCache

    marked, text = _opened(page)
    given, letters = technical.kept(text, marked) if structure else (text, "")
    found = extract(given, favor_precision=True, include_comments=False, deduplicate=LRUCache(maxsize=4096))
    return _packed(text, marked, codeblocks.restored(found or "", letters))


def resiliparse(page: bytes, structure: bool = True) -> bytes:
    """Resiliparse's main-content rules, without the images' alternative texts."""
    from resiliparse.extract.html2text import extract_plain_text

    marked, text = _opened(page)
    given, letters = technical.kept(text, marked) if structure else (text, "")
    found = extract_plain_text(given, main_content=True, alt_texts=False)
    return _packed(text, marked, codeblocks.restored(found, letters))


def unpacked(answer: bytes) -> Answer:
    """The answer of an extractor."""
    title, language, published, license_, text = answer.decode().split("\0", 4)
    date = datetime.fromisoformat(published) if published else None
    return Answer(title, language or None, date, license_ or None, text)


def _opened(page: bytes) -> tuple[int, str]:
    return (page[0], page[1:].decode()) if page else (0, "")


def _packed(page: str, marked: int, text: str) -> bytes:
    found = pagefacts.facts(page, marked)
    date = found.published.isoformat() if found.published else ""
    parts = (well_formed(found.title), found.language or "", date, found.license or "", well_formed(text))
    return "\0".join(parts).encode()
