"""From a book's hard-wrapped lines to paragraphs of one line each.

A paragraph is joined where its lines end because they were full: the first word of the next line
would have gone past the margin. Lines that end early stay lines: verse, tables, lists, addresses,
the names in a play.
"""

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Literal

from pipeline.sources.books.brackets import spans

Illustrations = Literal["captions", "drop", "keep"]

_ILLUSTRATION = re.compile(
    r"\[\s*(?:Illustrations?|Illustratie|Ilustración|Ilustração|Illustrazione|Abbildung|Kuva|Frontispiece)\b\.?[\s:]*",
    re.IGNORECASE,
)
_PAGE = re.compile(r"[\[{](?:Pg|Page|Pag\.|Seite|S\.|p\.)\s?(?:\d{1,4}|[ivxlc]{1,8})[\]}]", re.IGNORECASE)
_BRACED = re.compile(r"\{(\d{1,4})\}")
_MIN_BRACED = 20  # page numbers in braces: so many of them, each once, in rising order
_ITALIC = re.compile(r"(?<![^\W_])_(?=[^\s_])([^_]{0,4000}[^\s_])_+(?!\w)")
_PENCE = re.compile(r"(?<=[\d½¼¾])_([a-z]{1,3}\.?)_(?!\w)")  # 4_s._ 6_d._
_SYLLABLE = re.compile(r"(?<!\w)_([^\W\d_]+)_(?=[^\W\d_]+(?!\w))")  # _any_body
_NESTED = 3  # deep that emphasis within emphasis is looked for
_BOLD = re.compile(r"(?<![\w=])=(?=[^\s=])([^=\n]{0,200}[^\s=])=(?![\w=])")
_COLUMNS = re.compile(r"\S {3,}\S")
_LIST = re.compile(r"(?:\(?\d{1,3}[.)]|[-*•]|[IVXLC]{1,6}\.)\s+\S")
_STARS = re.compile(r"(?:\*\s*){3,}")
_BLANKS = re.compile(r"  +")

_MARGIN = 72  # where lines end in a text that does not tell
_LONGEST_MARGIN = 200  # text with longer lines was never wrapped
_UNWRAPPED = 0.2  # share of such lines
_SLACK = 0.12  # of the margin: hand-wrapped lines end so much before it
_SHORT = 0.62  # of the margin: a line that ends before this was not full
_OPENERS = "\"'“‘«„»([{_*=-—–¿¡…. "


def text_of(lines: Sequence[str], unwrap: bool, illustrations: Illustrations, emphasis: bool) -> str:
    """The text of a book's lines: paragraphs parted by a blank line.

    unwrap         joins the lines of a paragraph; else lines stay as they are
    illustrations  what becomes of `[Illustration: a view]`: its caption, nothing, or itself
    emphasis       keeps the signs of `_italic_` and `=bold=`
    """
    whole = "\n".join(lines)
    if illustrations != "keep":
        whole = _without_illustrations(whole, illustrations)
    whole = _without_pages(whole)
    paged = _TORN in whole
    lines = [line.rstrip() for line in whole.expandtabs(8).split("\n")]
    margin = _margin(lines) if unwrap else None
    paragraphs: list[str] = []
    torn = False  # a page number alone between two halves of a paragraph
    for block in _paragraphs(lines):
        if paged:
            block = [line.replace(_TORN, "") for line in block if line.strip() != _TORN]
            if not block:
                torn = True
                continue
        text = _reflowed(block, margin)
        if not emphasis:
            text = _plain(text)
        if torn and paragraphs and _goes_on(paragraphs[-1], text):
            paragraphs[-1] += _between(paragraphs[-1], text) + text
        elif text.strip():
            paragraphs.append(text)
        torn = False
    while paragraphs and paragraphs[-1] == _BREAK:
        paragraphs.pop()
    begin = next((at for at, text in enumerate(paragraphs) if text != _BREAK), 0)
    return "\n\n".join(paragraphs[begin:])


_BREAK = "* * *"  # what a row of stars becomes: a change of scene
_TORN = "\x01"  # stands for a page number; no text has it (see _without_pages)


def _without_illustrations(text: str, how: Illustrations) -> str:
    found = sorted(spans(text, _ILLUSTRATION))
    if not found:
        return text
    kept, upto = [], 0
    for first, last in found:
        if first < upto:
            continue
        kept.append(text[upto:first])
        opening = _ILLUSTRATION.match(text, first)
        if how == "captions" and opening is not None:
            kept.append(text[opening.end() : last - 1].strip(" "))
        upto = last
    return "".join(kept) + text[upto:]


def _without_pages(text: str) -> str:
    text = text.replace(_TORN, "")
    if "[" in text or "{" in text:
        text = _PAGE.sub(_TORN, text)
    numbers = [int(found.group(1)) for found in _BRACED.finditer(text)] if "{" in text else []
    if len(numbers) >= _MIN_BRACED and all(one < other for one, other in pairwise(numbers)):
        text = _BRACED.sub(_TORN, text)
    return text


def _paragraphs(lines: Sequence[str]) -> Iterator[list[str]]:
    held: list[str] = []
    for line in lines:
        if line:
            held.append(line)
        elif held:
            yield held
            held = []
    if held:
        yield held


def _margin(lines: Sequence[str]) -> int | None:
    """Where this text's lines end, counted in characters; None if they were never wrapped.

    Told from lines whose next one goes on in lower case, as lines of prose do.
    """
    whole = [len(line) for line in lines if line]
    if sum(length > _LONGEST_MARGIN for length in whole) > _UNWRAPPED * len(whole):
        return None
    lengths = [
        len(line)
        for line, following in pairwise(lines)
        if line and following and following.lstrip(" ")[:1].islower()
    ]
    if len(lengths) < 8:
        return _MARGIN
    lengths.sort()
    margin = lengths[int(0.9 * (len(lengths) - 1))]
    return None if margin > _LONGEST_MARGIN else max(margin, 40)


def _lower(line: str) -> bool:
    """Does the line go on in lower case?"""
    return line.lstrip(_OPENERS)[:1].islower()


def _lower_share(block: Sequence[str]) -> float:
    """The share of a block's lines, but the first, that go on in lower case."""
    return sum(map(_lower, block[1:])) / (len(block) - 1)


def _reflowed(block: Sequence[str], margin: int | None) -> str:
    if all(map(_STARS.fullmatch, map(str.strip, block))):
        return _BREAK
    if len(block) == 1:
        line = block[0].strip()
        return line if "   " in line else _BLANKS.sub(" ", line)
    indents = [len(line) - len(line.lstrip(" ")) for line in block]
    base = min(indents)
    if margin is not None and _is_centred(block, indents):
        return "\n".join(map(str.strip, block))
    if margin is None or not _is_prose(block, indents, margin):
        if (
            margin is not None
            and len(block) > 2
            and _lower_share(block[1:]) >= 0.25
            and _is_prose(block[1:], indents[1:], margin)
        ):
            return f"{block[0].strip()}\n{_reflowed(block[1:], margin)}"
        return "\n".join(line[base:] for line in block)
    body = min(indents[1:])  # a first line may stand in or out
    listed = sum(1 for line in block if _LIST.match(line.lstrip())) >= 3
    before = block[0].strip()
    pieces = [before]
    for at in range(1, len(block)):
        line = block[at].strip()
        reach = len(block[at - 1]) + 1 + len(line.split(" ", 1)[0])
        full = reach > margin - margin * _SLACK - base
        starts = not _lower(block[at])
        early = starts and (
            reach < _SHORT * margin
            or (not full and indents[at] >= body + 2)
            or (not full and at > 1 and abs(indents[at] - indents[at - 1]) >= 4)
        )
        if early or (listed and _LIST.match(line)):
            pieces.append("\n")
        elif (
            starts and indents[at] >= body + 2 and indents[at - 1] == body and before.endswith(_SENTENCE_ENDS)
        ):
            pieces.append("\n\n")  # paragraphs that only the indentation of their first lines tells apart
        else:
            pieces.append(_between(before, line))
        pieces.append(line)
        before = line
    return _BLANKS.sub(" ", "".join(pieces))


_SENTENCE_ENDS = (".", "!", "?", '"', "”", "’", "'", "»", ":", "…", "-", "—")


def _is_row(line: str) -> bool:
    """A line of a table: with columns, or between bars."""
    line = line.strip()
    return ("   " in line and _COLUMNS.search(line) is not None) or "| " in line or line.startswith("|")


def _is_centred(block: Sequence[str], indents: Sequence[int]) -> bool:
    """Do the lines stand one above the other around one middle?"""
    if min(indents) < 4 or len(set(indents)) == 1 or any(map(_is_row, block)):
        return False
    middles = [2 * indent + len(line) - indent for line, indent in zip(block, indents, strict=True)]
    return max(middles) - min(middles) <= 4


def _is_prose(block: Sequence[str], indents: Sequence[int], margin: int) -> bool:
    """Were these two lines or more broken because they were full?"""
    joints = len(block) - 1
    if sum(map(_is_row, block)) >= max(1 + (joints > 2), 0.3 * len(block)):
        return False
    indent = min(indents)
    reach = [len(line) + 1 + len(following.split(None, 1)[0]) for line, following in pairwise(block)]
    bar = margin * (1 - _SLACK) - min(indent, 12)
    full = sum(1 for at in reach if at > bar) / joints
    lower = _lower_share(block)
    if joints == 1:
        if lower:
            return bool(full) or reach[0] > 0.7 * margin
        return indent < 2 and (bool(full) or reach[0] > 0.8 * margin)
    if full >= 0.7:
        if indent < 2 or lower >= 0.25:
            return True
        # A few lines that all begin in upper case, set in: prose if they stand straight and are full.
        straight = len(set(indents[1:])) == 1
        return joints <= 3 and straight and min(reach) > margin * (1 - _SLACK)
    own = max(map(len, block))
    snug = sum(1 for at in reach if at > own) / joints
    return lower >= 0.4 and (snug >= 0.75 or full >= 0.45)


def _between(before: str, line: str) -> str:
    """What stands between the end of `before` and `line`: a space, unless the break was inside a word."""
    if before.endswith("-"):
        dash = before.endswith("--")
        if dash and not before.endswith(" --"):
            return ""
        if not dash and before[-2:-1].isalpha() and _hyphened(line):
            return ""
    elif line.startswith("--") and not line.startswith("-- "):
        return ""
    elif before and line and ord(before[-1]) > _WIDE and ord(line[0]) > _WIDE:
        return ""  # Chinese and Japanese have no spaces
    return " "


_WIDE = 0x2E80  # where the scripts of East Asia begin
_CONJUNCTIONS = ("and ", "or ", "to ", "und ", "oder ", "et ", "ou ", "en ", "of ")


def _hyphened(line: str) -> bool:
    return line[:1].isalpha() and not line.startswith(_CONJUNCTIONS)


def _goes_on(before: str, text: str) -> bool:
    """Are these the halves of one paragraph, parted by the end of a page?"""
    return "\n" not in before[-200:] and not before.endswith((".", "!", "?", ":", '"', "”")) and _lower(text)


def _plain(text: str) -> str:
    """`text` without the signs of emphasis."""
    if "_" in text:
        text = _SYLLABLE.sub(r"\1", _PENCE.sub(r"\1", text))
        for _ in range(_NESTED):
            text, found = _ITALIC.subn(r"\1", text)
            if not found:
                break
    if "=" in text:
        text = _BOLD.sub(r"\1", text)
    return text
