"""From the bytes of a book's file, text or HTML, to its text and what its header says."""

import re
from dataclasses import dataclass, replace
from html import unescape

from pipeline.sources import charset
from pipeline.sources.books import boilerplate, encodings, header, notes, paragraphs
from pipeline.sources.pages.fragments import to_text

_HEAD = 8192  # bytes that are searched for NUL
_MAX_REPLACED = 0.05  # of the characters; more and it was no text
_UTF_16_32 = (b"\xff\xfe", b"\xfe\xff")

# In HTML: page numbers in the margin, transcribers' notes, by the names that proofreaders give them.
_TAG = re.compile(r"<(/?)(span|div|p|table|section|aside|pre)\b([^<>]{0,2000})>", re.IGNORECASE)
_NAMES = r"\b(?:class|id)\s*=\s*(?:[\"'](?:[^\"']*\s)?)?(?:%s)(?=[\s\"'/]|\Z)"
_PAGES = re.compile(_NAMES % "pagenum|pageno|pgnum|page-?num(?:ber)?|pagenumber", re.IGNORECASE)
_NOTES = re.compile(
    _NAMES % "trans-?notes?|tnotes?|tn|tnbox|transcriber-?s?-?notes?|transcribers?|tr-?notes?", re.IGNORECASE
)
# In plain text: the entities and tags that stand in some files, of letters, dashes and quotation marks.
_ENTITY = re.compile(
    r"&(?:[mn]dash|amp|quot|nbsp|hellip|[lr][sd]quo|deg|pound|sect|frac1[24]|(?:ae|AE|oe|OE|sz)lig"
    r"|[A-Za-z](?:acute|grave|uml|circ|tilde|cedil|ring)|#\d{2,5});"
)
_ITALICS = re.compile(r"<(i|em)>([^<>]{1,400})</\1>", re.IGNORECASE)
_STYLES = re.compile(r"</?(?:b|i|em|strong|small|big|u|sup|sub)>", re.IGNORECASE)
_HEAD_END = re.compile(r"</head\s*>|<body\b", re.IGNORECASE)


@dataclass(frozen=True)
class Choices:
    """How a book's text is to look; see the options of `read: gutenberg`."""

    unwrap: bool = True
    illustrations: paragraphs.Illustrations = "captions"
    emphasis: bool = False
    notes: bool = False


@dataclass(frozen=True)
class Converted:
    """A book; `markers` and `charset` as in the columns of `read: gutenberg`."""

    text: str
    header: header.Header
    markers: str
    format: str
    charset: str


def converted(data: bytes, is_html: bool, choices: Choices) -> Converted | str:
    """The book, or the reason why there is none: `binary` or `empty`."""
    if b"\0" in data[:_HEAD] and not data.startswith(_UTF_16_32):
        return "binary"
    if is_html or data[:1024].lstrip().lower().startswith((b"<!doctype html", b"<html")):
        html, name = _html(data)
        lines = _text_of_html(html, choices.notes).split("\n")
        choices = replace(choices, unwrap=False)
    else:
        text, name = encodings.decode(data)
        if text.count("\ufffd") > _MAX_REPLACED * len(text):
            return "binary"
        is_html = False
        lines = _without_html(text).split("\n")
    cut = boilerplate.cut(lines)
    stated = header.parse(cut.header, cut.recognised, cut.licence)
    body = cut.body if choices.notes else notes.without_notes(cut.body)
    text = paragraphs.text_of(body, choices.unwrap, choices.illustrations, choices.emphasis)
    if not text:
        return "empty"
    return Converted(text, stated, cut.markers, "html" if is_html else "text", name)


def _without_html(text: str) -> str:
    """A plain text without what was left in it when it was made from HTML."""
    if "&" in text:
        text = _ENTITY.sub(lambda found: unescape(found.group()), text)
    if "</" in text:
        text = _ITALICS.sub(r"_\2_", text)
        text = _STYLES.sub("", text)
    return text


def _html(data: bytes) -> tuple[str, str]:
    """The characters of a page and the name of its character set."""
    text = charset.decode(data)
    if data.isascii():
        return text, "us-ascii"
    try:
        data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return text, charset.codec_of(charset.of_meta(data)) or "guessed"
    return text, "utf-8"


def _text_of_html(html: str, notes: bool) -> str:
    """The text of a page, without page numbers and, unless asked for, transcribers' notes."""
    head = _HEAD_END.search(html)
    return to_text(_without_elements(html[head.start() if head else 0 :], notes), fence_pre=False)


def _without_elements(html: str, notes: bool) -> str:
    """Cuts out elements that are page numbers or notes by their class; in one pass over the tags."""
    kept: list[str] = []
    upto = first = depth = 0
    inside = ""
    for tag in _TAG.finditer(html):
        closes, name = bool(tag.group(1)), tag.group(2).lower()
        if not inside:
            unwanted = _PAGES.search(tag.group(3)) or (not notes and _NOTES.search(tag.group(3)))
            if not closes and unwanted and not tag.group(3).endswith("/"):
                inside, depth, first = name, 1, tag.start()
        elif name == inside:
            depth += -1 if closes else 1
            if depth == 0 or name == "p":  # a paragraph ends where the next begins
                kept.append(html[upto:first])
                upto = tag.end() if closes else tag.start()
                inside = ""
    return "".join(kept) + html[upto:]
