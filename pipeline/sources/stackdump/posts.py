"""The rows of a `Posts.xml`, from a stream of its bytes: question, answers and all other posts.

A dump's file is one XML element with an empty `<row …/>` for each post, all its values in attributes.
`<` cannot stand within a value, so rows are found by it, and their attributes are read by a kernel; a
row of another form than the dumps' goes through expat. What is damaged costs the rows that it touches.
Nothing outside rows is looked at, so declarations of entities do nothing.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from xml.etree import ElementTree

from pipeline.sources.stackdump import attributes as fast

QUESTION, ANSWER = 1, 2
MAX_ROW_BYTES = 16 << 20

DAMAGED = "damaged_row"
TOO_LARGE = "too_large"
TRUNCATED = "truncated"

_START = b"<row"
_END = b"</posts"
_HEAD = re.compile(rb'\s+Id="([0-9]{1,18})" PostTypeId="([0-9]{1,4})"(?: ParentId="([0-9]{1,18})")?')


@dataclass(frozen=True, slots=True)
class Row:
    """A post as it stands in the file.

    question   id of the question that it is, or answers; 0 for a post of another kind
    offset     byte of the unpacked file where `<row` is
    raw        what stands between `<row` and `/>`
    """

    id: int
    kind: int
    question: int
    offset: int
    raw: bytes


def rows(pieces: Iterable[bytes | None], skipped: Counter[str], start: int = 0) -> Iterator[Row]:
    """The rows of a file that comes in pieces; a piece of None stands where bytes are missing.

    start   byte of the unpacked file at which the first piece starts
    Counts in `skipped`: `damaged_row`, `too_large`, and `truncated` where the file does not end as XML
    must; a gap has been counted by whoever found it.
    """
    held = b""
    at = start  # byte at which `held` starts
    gap = False
    for piece in pieces:
        if piece is None:
            gap = True
            row = _row(held, at, None)
            if row is not None:
                yield row
            at += len(held)
            held = b""
            continue
        data = held + piece
        begin = data.find(_START)
        while begin >= 0:
            end = data.find(_START, begin + 4)
            if end < 0:
                break
            row = _row(data[begin:end], at + begin, skipped)
            if row is not None:
                yield row
            begin = end
        if begin < 0:
            begin = max(0, len(data) - len(_END) - len(_START))
        held = data[begin:]
        at += begin
        if len(held) > MAX_ROW_BYTES:
            skipped[TOO_LARGE] += 1
            at += len(held) - len(_START)
            held = b"\0" * len(_START)
    end = held.rfind(_END)
    whole = end >= 0
    if whole:
        held = held[:end]
    row = _row(held, at, skipped if whole else None)
    if row is not None:
        yield row
    if not whole and not gap:
        skipped[TRUNCATED] += 1


def _row(piece: bytes, offset: int, skipped: Counter[str] | None) -> Row | None:
    """The row that `piece` starts with; None where there is none, counted if it is damaged."""
    if not piece.startswith(_START):
        return None
    body = piece.rstrip()
    if body.endswith(b"/>"):
        raw = body[4:-2]
        head = _HEAD.match(raw)
        if head is not None and raw.count(b'"') % 2 == 0:
            number, kind = int(head[1]), int(head[2])
            if kind == QUESTION:
                return Row(number, kind, number, offset, raw)
            if kind != ANSWER:
                return Row(number, kind, 0, offset, raw)
            if head[3] is not None:
                return Row(number, kind, int(head[3]), offset, raw)
    row = _unusual(body, offset)
    if row is None and skipped is not None:
        skipped[DAMAGED] += 1
    return row


def _unusual(body: bytes, offset: int) -> Row | None:
    """A row with its attributes in another order, in single quotes, or with an end tag."""
    fields = _parsed(body)
    if fields is None:
        return None
    try:
        number, kind = int(fields["Id"]), int(fields["PostTypeId"])
        question = number if kind == QUESTION else int(fields["ParentId"]) if kind == ANSWER else 0
    except (KeyError, ValueError):
        return None
    if not (0 <= number < 1 << 63 and 0 <= question < 1 << 63 and 0 <= kind < 1 << 31):
        return None
    return Row(number, kind, question, offset, body[4:-2] if body.endswith(b"/>") else body[4:])


def attributes(raw: bytes) -> dict[str, str] | None:
    """The attributes of a row, references replaced; None where it is no XML or not UTF-8."""
    try:
        found = fast.attributes(raw)
    except UnicodeDecodeError:
        return None
    return found if found is not None else _parsed(_START + raw + (b"" if raw.endswith(b">") else b"/>"))


def _parsed(element: bytes) -> dict[str, str] | None:
    """The attributes of one element, by expat; it can declare nothing, so it can expand nothing."""
    try:
        return dict(ElementTree.fromstring(element).attrib)
    except (ElementTree.ParseError, ValueError):
        return None


def element(row: Row) -> bytes:
    """The row as it stands in the file."""
    return _START + row.raw + (b"" if row.raw.endswith(b">") else b"/>")
