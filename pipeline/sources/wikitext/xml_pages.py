"""The pages of a MediaWiki export (XML), streaming and safe.

The file is cut at `<page>` and `</page>`, which stand nowhere else: within texts they are escaped.
Each page is then parsed by itself, so a damaged one costs only itself, memory is bounded by the
longest page, and a file can be read from any byte on. A document type, which could define entities,
is refused; entities other than XML's five are errors of the page. Any version of the format is read.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import BinaryIO, cast
from xml.etree import ElementTree

from pipeline.sources.streams import CORRUPT, TRUNCATED, chunks

TOO_LARGE = "too_large"

_BEGIN, _END = b"<page>", b"</page>"
_CLOSE = b"</mediawiki>"
_HEAD_BYTES = 1 << 20
_SITE = re.compile(rb"<siteinfo>.*?</siteinfo>", re.DOTALL)
_ROOT = re.compile(rb"<mediawiki\b[^>]*>")
_LANGUAGE = re.compile(rb"\bxml:lang\s*=\s*[\"']([A-Za-z0-9-]+)[\"']")
_DOCTYPE = re.compile(rb"<!\s*(?:DOCTYPE|ENTITY)", re.IGNORECASE)
_UNREADABLE = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
# A stream of bzip2: its header and the first block's magic, aligned to bytes.
_STREAM = re.compile(rb"BZh[1-9]\x31\x41\x59\x26\x53\x59")
_BLOCK = 1 << 20


@dataclass(frozen=True)
class Piece:
    """Some bytes of the export, or the news of a fault.

    offset   where in the file what begins here is found again: the packed stream's first byte for
             bzip2 (`moves` is False), else the byte of the unpacked file
    """

    data: bytes
    offset: int
    moves: bool
    fault: str = ""


@dataclass(frozen=True)
class RawPage:
    """A page's XML; empty where there is a fault: `truncated`, `corrupt`, `too_large`."""

    xml: bytes
    offset: int
    fault: str = ""


@dataclass(frozen=True)
class Head:
    """What the export says of its wiki; "" and no names where it says nothing."""

    dbname: str
    base: str
    language: str
    namespaces: Mapping[int, str]


@dataclass(frozen=True)
class Page:
    """The latest revision of a page. `namespace` is None and `redirect` "" where not stated."""

    title: str
    namespace: int | None
    id: int
    redirect: str
    is_redirect: bool
    timestamp: str
    model: str
    text: str


def pieces(file: BinaryIO, first: int = 0) -> Iterator[Piece]:
    """The unpacked bytes of an export, from byte `first` of the file on; in a bzip2 file, from the
    first stream that starts there or behind. Other packed files are read from their beginning."""
    magic = b""
    while len(magic) < 3 and (data := file.read(3 - len(magic))):
        magic += data
    bzip2 = magic == b"BZh"
    if first:
        start = _next_stream(file, first) if bzip2 else first
        if start is None:
            return
        file.seek(start)
        first, magic = start, b""
    position = 0
    for chunk in chunks(cast(BinaryIO, Prefixed(magic, file))):
        if bzip2 or not chunk.packed:
            yield Piece(chunk.data, first + chunk.offset, not bzip2, chunk.fault)
        else:
            yield Piece(chunk.data, position, True, chunk.fault)
            position += len(chunk.data)


def raw_pages(
    found: Iterator[Piece], max_bytes: int, last: int | None = None, is_export: bool = False
) -> Iterator[RawPage]:
    """The pages that begin before `last` (an offset as the pieces have it), each with its fault.

    is_export   it is read from the beginning of an export, which ends with `</mediawiki>` (truncated
                if not, where it is read to its end)
    """
    held = bytearray()
    marks: list[tuple[int, Piece]] = []  # where in `held` each piece begins
    inside = passing = False  # within a page; within one that is too large
    follows = is_export  # a page or the head, without a fault between: then `</page>` is damage
    tail = b""
    is_closed, faults = not is_export or last is not None, 0
    offset = searched = 0
    for piece in found:
        is_closed = is_closed or _CLOSE in tail + piece.data
        tail = piece.data[-len(_CLOSE) :]
        if piece.fault:
            faults += 1
            follows = False
            if last is None or piece.offset < last or inside:
                yield RawPage(b"", offset if inside else piece.offset, piece.fault)
            held.clear()
            marks.clear()
            inside = passing = False
            searched = 0
            continue
        marks.append((len(held), piece))
        held += piece.data
        done = 0
        while True:
            if not inside:
                begin = held.find(_BEGIN, done)
                if follows and (end := held.find(_END, done, begin if begin >= 0 else len(held))) >= 0:
                    yield RawPage(b"", _offset(marks, end), CORRUPT)
                    done = end + len(_END)
                    continue
                if begin < 0:
                    done = max(done, len(held) - len(_BEGIN) + 1)
                    break
                offset = _offset(marks, begin)
                if last is not None and offset >= last:
                    return
                inside, done, searched = True, begin, begin
            end = held.find(_END, searched)
            if end < 0:
                searched = max(done, len(held) - len(_END) + 1)
                if len(held) - done > max_bytes:
                    passing = True
                    done = searched
                break
            end += len(_END)
            again = held.rfind(_BEGIN, done + 1, end)
            if again > 0:  # its end is lost
                yield RawPage(b"", offset, CORRUPT)
                offset, done, passing = _offset(marks, again), again, False
                if last is not None and offset >= last:
                    return
            if passing or end - done > max_bytes:
                yield RawPage(b"", offset, TOO_LARGE)
            else:
                yield RawPage(bytes(held[done:end]), offset)
            inside = passing = False
            follows = True
            done = end
        del held[:done]
        searched = max(0, searched - done)
        marks = _shifted(marks, done)
    if inside:
        yield RawPage(b"", offset, TOO_LARGE if passing else TRUNCATED)
    elif not is_closed and not faults:
        yield RawPage(b"", offset, TRUNCATED)


def _offset(marks: list[tuple[int, Piece]], at: int) -> int:
    """Where in the file byte `at` of what is held is found again."""
    begin, piece = next(mark for mark in reversed(marks) if mark[0] <= at)
    return piece.offset + (at - begin if piece.moves else 0)


def _shifted(marks: list[tuple[int, Piece]], by: int) -> list[tuple[int, Piece]]:
    """The marks after `by` bytes were let go: those that still say something."""
    kept = [(begin - by, piece) for begin, piece in marks]
    while len(kept) > 1 and kept[1][0] <= 0:
        del kept[0]
    return kept


def head(start: bytes) -> Head | None:
    """What the first bytes of an export say of its wiki; None if they are none or define a type."""
    if has_doctype(start) or b"<mediawiki" not in start:
        return None
    names: dict[int, str] = {}
    fields: dict[str, str] = {}
    site = _SITE.search(start)
    if site is not None:
        try:
            for element in ElementTree.fromstring(site[0]).iter():
                if element.tag == "namespace" and _is_integer(element.get("key", "")):
                    names[int(element.get("key", ""))] = element.text or ""
                elif element.text:
                    fields[element.tag] = element.text.strip()
        except ElementTree.ParseError:
            pass  # the pages are read all the same
    root = _ROOT.search(start)
    language = _LANGUAGE.search(root[0]) if root else None
    return Head(
        fields.get("dbname", ""), fields.get("base", ""), language[1].decode() if language else "", names
    )


def has_doctype(start: bytes) -> bool:
    return _DOCTYPE.search(start.partition(_BEGIN)[0]) is not None


def start_of(file: BinaryIO) -> bytes:
    """The first unpacked bytes of a file, up to where the first page begins, a megabyte at most; where
    its beginning is damaged, of what can be unpacked behind that."""
    start = b""
    for chunk in chunks(file):
        start += chunk.data
        if len(start) > _HEAD_BYTES or _BEGIN in start:
            break
    return start


def parsed(xml: bytes) -> Page | None:
    """The page in its XML; None if it is damaged. Characters that XML forbids are left out."""
    try:
        root = ElementTree.fromstring(xml)
    except ElementTree.ParseError:
        try:
            root = ElementTree.fromstring(_UNREADABLE.sub("", xml.decode("utf-8", "replace")))
        except ElementTree.ParseError:
            return None
    fields: dict[str, str] = {}
    is_redirect = False
    redirect = ""
    latest: ElementTree.Element | None = None
    stamp = ""
    for child in root:
        if child.tag == "revision":
            moment = child.findtext("timestamp") or ""
            if latest is None or moment >= stamp:
                latest, stamp = child, moment
        elif child.tag == "redirect":
            is_redirect = True
            redirect = child.get("title", "")
        elif child.text:
            fields[child.tag] = child.text
    number = fields.get("id", "").strip()
    if not _is_integer(number) or "title" not in fields:
        return None
    namespace = fields.get("ns", "").strip()
    return Page(
        fields["title"],
        int(namespace) if _is_integer(namespace) else None,
        int(number),
        redirect,
        is_redirect,
        stamp.strip(),
        "" if latest is None else (latest.findtext("model") or "").strip(),
        "" if latest is None else latest.findtext("text") or "",
    )


def _is_integer(text: str) -> bool:
    return text.removeprefix("-").isdecimal() and len(text) < 18


def is_multistream(start: bytes) -> bool:
    """Whether a bzip2 file that begins like this (a megabyte) is several streams behind each other."""
    return _STREAM.match(start) is not None and _STREAM.search(start, 1) is not None


class Prefixed:
    """A file of which the first bytes were read already, read forwards."""

    def __init__(self, start: bytes, file: BinaryIO) -> None:
        self._start = start
        self._file = file

    def read(self, size: int) -> bytes:
        if not self._start:
            return self._file.read(size)
        data, self._start = self._start[:size], self._start[size:]
        return data


def _next_stream(file: BinaryIO, first: int) -> int | None:
    """Where the first stream of bzip2 at or behind byte `first` starts; None if there is none."""
    file.seek(first)
    at = first
    held = b""
    while block := file.read(_BLOCK):
        held += block
        found = _STREAM.search(held)
        if found:
            return at + found.start()
        keep = held[-9:]
        at += len(held) - len(keep)
        held = keep
    return None
