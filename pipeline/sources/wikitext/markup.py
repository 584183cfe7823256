"""Wikitext without what is no prose: comments, tags of extensions, templates, tables.

Each step is one pass with a stack, so the time is linear in the length of the page, however deep or
unclosed its markup is. What must come through untouched (code, formulas) is put aside as an atom.
"""

import re
from bisect import bisect
from collections.abc import Callable
from html import unescape

from pipeline.sources.wikitext import templates
from pipeline.sources.wikitext.names import folded
from pipeline.sources.wikitext.templates import REMOVED

BREAK = "\x06"  # a line break that stays
BLOCK = "\x04"  # begins an atom that stands on lines of its own
_INLINE = "\x01"
_END = "\x02"
_BAR = "\x05"  # a bar that parts no arguments

_CONTROLS = dict.fromkeys((*range(9), *range(11, 32), 127))
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")

# Tags whose content the parser of MediaWiki does not read, and what becomes of them.
_DROPPED = (
    "ref|references|gallery|timeline|score|templatestyles|templatedata|imagemap|inputbox|hiero|graph|mapframe|"
    "maplink|categorytree|charinsert|indicator|includeonly|section|templatedata|listing|rss|quiz|dynamicpagelist|"
    "googlemap|labeledsectiontransclusion|pagelist|pagequality|phonos|chart|seo|style|script|ext-gallery"
)
_EXTENSION = re.compile(
    rf"<(?:!--|((?i:nowiki|pre|syntaxhighlight|source|math|chem|ce|poem|{_DROPPED}))(?=[\s>/]))"
)
_CLOSING = {
    name: re.compile(rf"</{name}\s*+>", re.IGNORECASE)
    for name in (
        "nowiki",
        "pre",
        "syntaxhighlight",
        "source",
        "math",
        "chem",
        "ce",
        "poem",
        *_DROPPED.split("|"),
    )
}
_REF = re.compile(r"<(/?)(?i:ref)(?=[\s>/])([^<>]*+)>")
_TAG_END = re.compile(r"([^<>]*+)>")
_HEADING = re.compile(r"\n==")
_LANGUAGE = re.compile(r"\blang\s*=\s*[\"']?([\w+#-]+)", re.IGNORECASE)
_NOWIKI = re.compile(r"</?nowiki\s*/?>", re.IGNORECASE)

_BRACES = re.compile(r"\{\{+|\}\}+")
_TEMPLATE_NAME = re.compile(r"[^|{}\n<\[\]]*+")
_LINK = re.compile(r"\[\[(?:[^\[\]]++|\[(?!\[)|\](?!\]))*+\]\]")
_MOST_OPEN = 5000  # templates within each other; deeper ones are text
_DEEPEST = 12  # prose within prose within prose

_TABLE = re.compile(r"\n[ \t:*#;\x03]*+(?:(\{\|)|(\|\})(?!\}))")
_TABLE_LOST = re.compile(r"\n=|\n\s*?\n(?![\s|!*#:;{<\x03])")  # where a table without an end ends at last
_HTML_TABLE = re.compile(r"<(/?)(?i:table)\b[^<>]*+>")
_ATOM = re.compile(r"[\x01\x04](\d+)\x02")


class Atoms:
    """Pieces that stand for themselves until the text is done."""

    def __init__(self) -> None:
        self._kept: list[str] = []

    def inline(self, text: str) -> str:
        self._kept.append(text)
        return f"{_INLINE}{len(self._kept) - 1}{_END}"

    def block(self, text: str) -> str:
        self._kept.append(text)
        return f"\n\n{BLOCK}{len(self._kept) - 1}{_END}\n\n"

    def restore(self, text: str) -> str:
        """Puts the pieces back; one may hold another."""
        for _ in range(3):
            if _END not in text:
                break
            text = _ATOM.sub(lambda found: self._kept[int(found[1])], text)
        return text


def readable(text: str) -> str:
    """Wikitext without the control characters that mark things here."""
    if "\r" in text:
        text = text.replace("\r\n", "\n")
    return text.translate(_CONTROLS) if _CONTROL.search(text) else text


def without_extensions(text: str, atoms: Atoms) -> str:
    """Takes out comments and the tags of extensions, and puts code and formulas aside."""
    found = _EXTENSION.search(text)
    if found is None:
        return text
    references = None
    unclosed: set[str] = set()
    kept = []
    at = 0
    while found is not None:
        start = found.start()
        kept.append(text[at:start])
        if found[1] is None:
            at = _after_comment(text, start)
        elif (name := found[1].lower()) == "ref":
            if references is None:
                references = _references(text)
            at = references.get(start, found.end())
            kept.append(REMOVED)
        else:
            at = _tag(text, start, found.end(), name, atoms, unclosed, kept)
        found = _EXTENSION.search(text, at)
    kept.append(text[at:])
    return "".join(kept)


def _after_comment(text: str, start: int) -> int:
    """Where the text goes on; a comment on a line of its own takes the line with it."""
    end = text.find("-->", start + 4)
    if end < 0:
        return len(text)
    end += 3
    return end + 1 if text[start - 1 : start] in ("\n", "") and text[end : end + 1] == "\n" else end


def _references(text: str) -> dict[int, int]:
    """Where each reference ends, by where it starts; also those within another, and those unclosed."""
    ends: dict[int, int] = {}
    opened: list[int] = []
    for found in _REF.finditer(text):
        if found[2].endswith("/"):
            ends[found.start()] = found.end()
        elif not found[1]:
            opened.append(found.start())
            ends[found.start()] = 0
        elif opened:
            ends[opened.pop()] = found.end()
    # What is not closed, or swallows a heading, ends with its line or at the next reference.
    headings = [found.start() for found in _HEADING.finditer(text)]
    starts = sorted(ends)
    for start, following in zip(starts, [*starts[1:], len(text)], strict=True):
        end = ends[start]
        if not end or bisect(headings, start) < bisect(headings, end):
            line = text.find("\n", start, following)
            ends[start] = following if line < 0 else line
    return ends


def _tag(
    text: str, start: int, begin: int, name: str, atoms: Atoms, unclosed: set[str], kept: list[str]
) -> int:
    """Reads the tag `name` that starts at `start`; returns where the text goes on."""
    opening = _TAG_END.match(text, begin)
    if opening is None:
        kept.append("<")  # no tag at all
        return start + 1
    attributes = opening[1]
    end = None
    if not attributes.endswith("/") and name not in unclosed:
        end = _CLOSING[name].search(text, opening.end())
        if end is None:
            unclosed.add(name)
    if end is None:
        return opening.end()
    content = text[opening.end() : end.start()]
    show = _SHOWN.get(name)
    if show is not None:
        kept.append(show(content, attributes, atoms))
    elif name != "section":
        kept.append(REMOVED)
    return end.end()


def _nowiki(content: str, attributes: str, atoms: Atoms) -> str:
    del attributes
    return atoms.inline(unescape(content)) if content.strip() else content


def _code(content: str, attributes: str, atoms: Atoms) -> str:
    """`<syntaxhighlight>`: between fences, or as it stands within a line."""
    lines = content.strip("\n")
    if "inline" in attributes.lower() or ("\n" not in lines and "enclose" in attributes.lower()):
        return atoms.inline(content.strip())
    language = _LANGUAGE.search(attributes)
    return atoms.block(_fenced(lines.rstrip(), language[1].lower() if language else ""))


def _pre(content: str, attributes: str, atoms: Atoms) -> str:
    del attributes
    return atoms.block(_fenced(unescape(_NOWIKI.sub("", content)).strip("\n").rstrip(), ""))


def _fenced(code: str, language: str) -> str:
    fence = "```"
    while fence in code:
        fence += "`"
    return f"{fence}{language}\n{code}\n{fence}" if code.strip() else ""


def _math(content: str, attributes: str, atoms: Atoms) -> str:
    formula = " ".join(content.split())
    if not formula:
        return ""
    if "block" in attributes:
        return atoms.block(f"$${formula}$$")
    return atoms.inline(f"${formula}$")


def _chemistry(content: str, attributes: str, atoms: Atoms) -> str:
    del attributes
    formula = " ".join(content.split())
    return atoms.inline(f"$\\ce{{{formula}}}$") if formula else ""


def _poem(content: str, attributes: str, atoms: Atoms) -> str:
    """Its lines stay lines; markup within is read."""
    del attributes
    lines = without_extensions(content, atoms).strip("\n").split("\n")
    return "\n\n" + BREAK.join(line.lstrip(" :*#") for line in lines) + "\n\n"


_SHOWN: dict[str, Callable[[str, str, Atoms], str]] = {
    "nowiki": _nowiki,
    "pre": _pre,
    "syntaxhighlight": _code,
    "source": _code,
    "math": _math,
    "chem": _chemistry,
    "ce": _chemistry,
    "poem": _poem,
}

Span = tuple[int, int]


def without_templates(text: str, title: str) -> str:
    """Replaces templates, parser functions and parameters by what of them is prose."""
    if "{{" not in text:
        return text
    spans = sorted(_pairs(text))
    result, _ = _expanded(text, 0, len(text), spans, 0, title, 0)
    return result.replace(_BAR, "|")


def _pairs(text: str) -> list[Span]:
    """The matching `{{…}}` and `{{{…}}}`, inner ones before outer ones, as MediaWiki pairs them."""
    spans = []
    starts: list[int] = []
    counts: list[int] = []
    for found in _BRACES.finditer(text):
        start, end = found.span()
        if text[start] == "{":
            if len(starts) < _MOST_OPEN:
                starts.append(start)
                counts.append(end - start)
            continue
        while end - start >= 2 and starts:
            matched = 3 if end - start >= 3 and counts[-1] >= 3 else 2
            count = counts[-1] = counts[-1] - matched
            spans.append((starts[-1] + count, start + matched))
            start += matched
            if count < 2:
                starts.pop()
                counts.pop()
    return spans


def _expanded(
    text: str, low: int, high: int, spans: list[Span], at: int, title: str, depth: int
) -> tuple[str, int]:
    """`text[low:high]` with the spans from number `at` on replaced; also the first span behind it."""
    kept = []
    while at < len(spans) and spans[at][0] < high:
        start, end = spans[at]
        at += 1
        kept.append(text[low:start])
        shown, at = _template(text, start, end, spans, at, title, depth)
        kept.append(shown)
        low = end
    kept.append(text[low:high])
    return "".join(kept), at


def _template(
    text: str, start: int, end: int, spans: list[Span], at: int, title: str, depth: int
) -> tuple[str, int]:
    """What the template at [start, end) leaves; spans from `at` on may lie within it."""
    found = _TEMPLATE_NAME.match(text, start + 2)
    raw = found[0] if found else ""
    name = folded(raw)
    head, colon, _ = raw.partition(":")
    function = folded(head) if colon else ""
    is_function = bool(colon) and templates.is_function(function)
    if depth < _DEEPEST and (is_function or templates.is_prose(name)):
        inner, at = _expanded(text, start + 2, end - 2, spans, at, title, depth + 1)
        shielded = _LINK.sub(_shielded, inner) if "[[" in inner else inner
        pieces = [piece.replace(_BAR, "|") for piece in shielded.split("|")]
        if is_function:
            shown = templates.function(function, pieces[0].partition(":")[2])
        else:
            shown = templates.render(name, pieces[1:], title)
        return shown.replace("|", _BAR), at
    while at < len(spans) and spans[at][0] < end:
        at += 1
    return REMOVED, at


def _shielded(found: re.Match[str]) -> str:
    return found[0].replace("|", _BAR)


def without_tables(text: str, shown: Callable[[str], str] | None = None) -> str:
    """Takes out tables in wikitext, whatever is in them, and in HTML.

    shown   what stands in the place of a table, given as it is written; "" for nothing
    """
    text = _cut(text, _table_spans(text), shown) if "{|" in text else text
    if _HTML_TABLE.search(text):
        text = _cut(text, _html_table_spans(text), shown)
    return text


def shielded(text: str) -> str:
    """Wikitext in which the bars within links are no bars."""
    return _LINK.sub(_shielded, text)


def unshielded(text: str) -> str:
    return text.replace(_BAR, "|")


def _table_spans(text: str) -> list[Span]:
    text = "\n" + text
    spans = []
    opened: list[int] = []
    for found in _TABLE.finditer(text):
        if found[1]:
            opened.append(found.start())
        elif opened:
            spans.append((opened.pop(), found.end() - 1))
    last = 0
    for start in opened:
        if start >= last:
            lost = _TABLE_LOST.search(text, start + 1)
            last = len(text) - 1 if lost is None else lost.start() - 1
            spans.append((start, last))
    return sorted(spans)


def _html_table_spans(text: str) -> list[Span]:
    spans = []
    opened: list[int] = []
    for found in _HTML_TABLE.finditer(text):
        if not found[1]:
            opened.append(found.start())
        elif opened:
            spans.append((opened.pop(), found.end()))
    return sorted(spans)


def _cut(text: str, spans: list[Span], shown: Callable[[str], str] | None = None) -> str:
    """`text` without the spans, which are sorted and may lie within each other: the outer ones count."""
    kept = []
    low = 0
    for start, end in spans:
        if end <= low:
            continue
        if start > low:
            kept.append(text[low:start])
        kept.append((shown(text[start:end]) if shown else "") or f"\n\n{REMOVED}")
        low = max(low, end)
    kept.append(text[low:])
    return "".join(kept)
