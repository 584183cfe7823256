"""What runs in the isolated process: a page in UTF-8 in, its title and main text out.

Imports nothing heavy but the extractor that is asked for.
"""

import html
import re

from pipeline.sources.charset import well_formed

_TITLE = re.compile(r"<title(?:\s[^<>]*)?>([^<]*)", re.IGNORECASE)
_TITLE_WITHIN = 1 << 16  # characters of the page that are searched for its title
_TITLE_LENGTH = 500


def trafilatura(page: bytes) -> bytes:
    """Trafilatura with FineWeb's settings, as datatrove calls it.

    Its search for repeated paragraphs normally remembers the pages before this one; here it starts
    anew for each, so that a page's text does not depend on what was read earlier.
    """
    from trafilatura import extract
    from trafilatura.deduplication import LRUCache

    text = page.decode()
    found = extract(text, favor_precision=True, include_comments=False, deduplicate=LRUCache(maxsize=4096))
    return _packed(text, found or "")


def resiliparse(page: bytes) -> bytes:
    """Resiliparse's main-content rules, without the images' alternative texts."""
    from resiliparse.extract.html2text import extract_plain_text

    text = page.decode()
    return _packed(text, extract_plain_text(text, main_content=True, alt_texts=False))


def unpacked(answer: bytes) -> tuple[str, str]:
    """Title and text of an extractor's answer."""
    title, _, text = answer.partition(b"\0")
    return title.decode(), text.decode()


def _packed(page: str, text: str) -> bytes:
    found = _TITLE.search(page[:_TITLE_WITHIN])
    title = " ".join(html.unescape(found.group(1)).replace("\0", " ").split()) if found else ""
    return well_formed(title[:_TITLE_LENGTH]).encode() + b"\0" + well_formed(text).encode()
