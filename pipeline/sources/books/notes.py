"""Credits and transcribers' notes, which stand within the borders of a book and are not the book's.

A note is taken out where it is plain that it is one and where it ends: a paragraph of credits near
the begin, a section with a transcriber's heading at the begin or at the end, a remark in brackets, a
box. Whatever is longer than such notes are, or stands amid the text without brackets, stays.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from pipeline.sources.books.brackets import spans
from pipeline.sources.books.phrases import (
    CREDIT,
    CREDITED,
    EVIDENCE,
    MAYBE_HEADING,
    NOTE_HEADING,
    PROOFREADERS,
    REMARK,
)

_SECTION_GAP = 3  # blank lines between the sections of the front and back matter
_FRONT_BLOCKS = 40  # paragraphs at the begin among which credits and notes are looked for
_CREDIT_BLOCKS = 8  # the same for credits that name no one who could not also be in the book
_CREDIT_LINES = 14
_TEAM_LINES = 6  # of a paragraph that is credits because it names the proofreaders
_NOTE_LINES = 400
_FRONT_NOTE_LINES = 60
_BACK_SHARE = 0.25  # of the lines: a note at the end that is longer is not believed
_READ_LINES = 60  # of a paragraph that are looked at

_RULE = re.compile(r"[\s*_=~+.\-•—–]{5,}")
_BOX = re.compile(r"\+[-=+ ]{8,}")


@dataclass(frozen=True)
class _Block:
    """A paragraph: lines [first, last), blank lines in front of it, and whether a rule stands there."""

    first: int
    last: int
    gap: int

    @property
    def lines(self) -> int:
        return self.last - self.first


def _blocks(lines: Sequence[str]) -> list[_Block]:
    found = []
    gap = _SECTION_GAP
    first = None
    for at, line in enumerate(lines):
        blank = not line or line.isspace()
        if blank and first is not None:
            found.append(_Block(first, at, gap))
            first, gap = None, 0
        if blank:
            gap += 1
        elif first is None:
            first = at
    if first is not None:
        found.append(_Block(first, len(lines), gap))
    return found


def without_notes(lines: list[str]) -> list[str]:
    """Takes credits and transcribers' notes out: at the begin, at the end, and bracketed ones anywhere."""
    lines = _without_remarks(lines)
    blocks = _blocks(lines)
    gone: set[int] = set()  # numbers of blocks
    for number, block in enumerate(blocks[:_FRONT_BLOCKS]):
        if number in gone:
            continue
        text = "\n".join(lines[block.first : min(block.last, block.first + _READ_LINES)]).lstrip()
        if _is_credit(text, block.lines, number):
            gone.add(number)
        elif _is_note(lines, blocks, number, text):
            gone.update(_section(blocks, number, lines, _FRONT_NOTE_LINES))
    gone.update(_notes_at_the_end(lines, blocks))
    for number, block in enumerate(blocks):
        if number not in gone and _is_box(lines, block):
            gone.add(number)
    if not gone:
        return lines
    kept = []
    upto = 0
    for number in sorted(gone):
        kept += lines[upto : blocks[number].first]
        upto = blocks[number].last
    return kept + lines[upto:]


def _without_remarks(lines: list[str]) -> list[str]:
    text = "\n".join(lines)
    found = list(spans(text, REMARK))
    if not found:
        return lines
    kept, upto = [], 0
    for first, last in sorted(found):
        if first >= upto:
            kept.append(text[upto:first])
            upto = last
    return ("".join(kept) + text[upto:]).split("\n")


def _is_credit(text: str, lines: int, number: int) -> bool:
    if lines > _CREDIT_LINES:
        return False
    if CREDIT.match(text):
        return number < _CREDIT_BLOCKS or bool(CREDITED.search(text))
    return number < _CREDIT_BLOCKS and lines <= _TEAM_LINES and bool(PROOFREADERS.search(text))


def _is_note(lines: Sequence[str], blocks: Sequence[_Block], number: int, text: str) -> bool:
    text = text.lstrip()
    if NOTE_HEADING.match(text):
        return True
    if not MAYBE_HEADING.match(text):
        return False
    block = blocks[number]
    if block.lines > 1 and EVIDENCE.search(text):
        return True
    following = blocks[number + 1 : number + 4]
    near = [other for other in following if other.gap < _SECTION_GAP]
    return (
        bool(near)
        and any(EVIDENCE.search("\n".join(lines[b.first : b.last])) for b in near)
        and block.lines <= 2
    )


def _section(blocks: Sequence[_Block], number: int, lines: Sequence[str], most: int) -> list[int]:
    """The block and those behind it up to the next wide gap or rule; if that is more than `most` lines,
    a heading with the paragraph below it, if that is short, or the block alone."""
    taken = [number]
    for other in range(number + 1, len(blocks)):
        block = blocks[other]
        if block.gap >= _SECTION_GAP or (block.lines <= 3 and _RULE.fullmatch(lines[block.first])):
            break
        taken.append(other)
    if sum(blocks[other].lines for other in taken) <= most:
        return taken
    if blocks[number].lines > 2 or blocks[number + 1].lines > _CREDIT_LINES:
        return [number] if blocks[number].lines <= _CREDIT_LINES else []
    return taken[:2]


def _notes_at_the_end(lines: Sequence[str], blocks: Sequence[_Block]) -> list[int]:
    """The blocks of a transcriber's note that is the last section, or one of the last."""
    last_line = len(lines)
    for number in range(len(blocks) - 1, -1, -1):
        block = blocks[number]
        if last_line - block.first > min(_NOTE_LINES, max(40, _BACK_SHARE * last_line)):
            break
        opens = block.gap >= _SECTION_GAP or (number and _RULE.fullmatch(lines[blocks[number - 1].last - 1]))
        if not opens:
            continue
        text = "\n".join(lines[block.first : block.last])
        if not _is_note(lines, blocks, number, text):
            continue
        behind = _section(blocks, number, lines, _NOTE_LINES) or [number]
        rest = range(behind[-1] + 1, len(blocks))
        if all(
            EVIDENCE.search("\n".join(lines[blocks[o].first : blocks[o].last]))
            for o in rest
            if blocks[o].gap >= _SECTION_GAP
        ):
            return [*behind, *rest]
        return behind
    return []


def _is_box(lines: Sequence[str], block: _Block) -> bool:
    """A note drawn in a box of + - and |."""
    if block.lines < 3 or block.lines > _NOTE_LINES or not _BOX.fullmatch(lines[block.first].strip()):
        return False
    inside = "\n".join(line.strip(" |") for line in lines[block.first + 1 : block.last])
    return bool(NOTE_HEADING.match(inside.lstrip()) or REMARK.match("[" + inside.lstrip()))
