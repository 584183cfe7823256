"""Where the pages of a wiki's dump stand: exports, JSON lines, bare pages, archives of them, units.

What a file is, is told by its first unpacked bytes. `pipeline.sources.wikipedia` reads what is found.
"""

import io
import re
import tarfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from itertools import pairwise
from typing import BinaryIO

from pipeline import store
from pipeline.errors import SourceError
from pipeline.inputs import InputFile, unit_name
from pipeline.source import Reading, Unit
from pipeline.sources import archives
from pipeline.sources.archives import forward
from pipeline.sources.streams import CORRUPT, TRUNCATED, chunks
from pipeline.sources.wikitext import xml_pages
from pipeline.sources.wikitext.xml_pages import TOO_LARGE, Head

UNIT_BYTES = 64 << 20  # bytes of the file that make a unit, where it holds twice as many

OTHER_FORMAT = "other_format"
_LONGEST_MEMBER = 256 << 20
_HEAD = 1 << 20
_NOTHING = Head("", "", "", {})

_PAGE_NAME = re.compile(r"\.(?:txt|wikitext|wiki|mediawiki|mw)(?:\.(?:gz|bz2|xz|zst))?$", re.IGNORECASE)
_INDEX_NAME = re.compile(r"-multistream-index\d*\.txt(?:-p\d+p\d+)?(?:\.\w+)?$")
_MULTISTREAM = re.compile(r"-multistream(\d*)\.xml")
_JSON = re.compile(rb"\s*\{\s*\"")
_JSON_NAME = re.compile(rb"[^\0]*\.(?:nd)?json[^\0]*\0")
_ELEMENT = re.compile(rb"<[A-Za-z_][\w.:-]*[\s/>]")
_TAR_MAGIC = slice(257, 262)


class Kind(Enum):
    """What a page is written in."""

    XML = "xml"
    JSON = "json"
    WIKITEXT = "wikitext"


@dataclass(frozen=True)
class Found:
    """A page as it stands in the input, or a fault (then `data` is empty).

    origin   logical path of the file, and `!member` of an archive
    offset   see `wikipedia.read`
    """

    kind: Kind
    data: bytes
    origin: str
    offset: int
    head: Head = _NOTHING
    fault: str = ""


def units(name: str, files: Sequence[InputFile]) -> list[Unit]:
    """A unit for each file, but for indexes; large exports that can be cut are several."""
    paths = {file.path: file for file in files}
    found = []
    for file in files:
        if _INDEX_NAME.search(file.logical):
            continue
        for part in _parts(file, paths):
            label = unit_name(name, file.logical, part)
            found.append(Unit(name, label, file.path, file.logical, file.size, file.version, part))
    return found


def _parts(file: InputFile, paths: dict[str, InputFile]) -> list[tuple[int, int] | None]:
    """Ranges of bytes in which pages or streams begin; [None] for a file that is one unit."""
    if file.size < 2 * UNIT_BYTES:
        return [None]
    with store.open_input(file.path) as opened:
        try:
            start = opened.read(_HEAD)
        except OSError as fault:
            raise SourceError(f"{file.path}: cannot be read: {fault}") from fault
    plain = b"<mediawiki" in start[:4096]
    if not plain and not xml_pages.is_multistream(start):
        return [None]
    index = None if plain else _index_of(file.path, paths)
    cuts = range(UNIT_BYTES, file.size - UNIT_BYTES // 2, UNIT_BYTES)
    ends = sorted(set(_snapped(cuts, index)) if index else cuts)
    return list(pairwise([0, *ends, file.size]))


def _index_of(path: str, paths: dict[str, InputFile]) -> str | None:
    """The index of a multistream file: among the inputs, or beside it."""
    renamed = _MULTISTREAM.sub(r"-multistream-index\1.txt", path)
    if renamed == path:
        return None
    return renamed if renamed in paths or store.exists(renamed) else None


def _snapped(cuts: Sequence[int], index: str) -> Iterator[int]:
    """For each cut the first stream at or behind it, by the index: `offset:page:title` lines."""
    todo = list(reversed(cuts))
    held = b""
    with store.open_input(index) as opened:
        for chunk in chunks(opened):
            lines = (held + chunk.data).split(b"\n")
            held = lines.pop()
            for line in lines:
                offset = line.partition(b":")[0]
                while todo and offset.isdigit() and int(offset) >= todo[-1]:
                    todo.pop()
                    yield int(offset)
            if not todo or chunk.fault:
                break
    yield from todo  # an index that is cut off: the reader finds the streams itself


def found(reading: Reading, file: BinaryIO) -> Iterator[Found]:
    """All pages and faults of a unit, in order."""
    with reading.open() as again:
        start = xml_pages.start_of(again)
    logical, most = reading.unit.logical, reading.options.max_page_bytes
    if _is_archive(start):
        return _of_archive(file, start, logical, most)
    first, last = reading.unit.part or (0, None)
    return _of_stream(file, start, logical, most, first, last)


def found_at(reading: Reading, file: BinaryIO, origin: str, offset: int) -> Iterator[Found]:
    """The pages that stand at `offset`: one, or those of a stream or a member."""
    logical = reading.unit.logical
    most = reading.options.max_page_bytes
    with reading.open() as again:
        start = xml_pages.start_of(again)
    with reading.open() as again:
        magic = again.read(3)
    if origin != logical:
        if _is_json_archive(start):
            everything = _of_json_archive(file, logical, most)
            return (page for page in everything if page.offset == offset)
        return _of_member(archives.member_at(file, offset, max(most, _LONGEST_MEMBER)), logical, most)
    if _kind(start, logical) is Kind.XML and (magic == b"BZh" or not archives.is_packed(magic + b"\x08")):
        return _of_stream(file, start, logical, most, offset, offset + 1)
    return (page for page in _of_stream(file, start, logical, most, 0, None) if page.offset == offset)


def _is_archive(start: bytes) -> bool:
    return start[_TAR_MAGIC] == b"ustar" or archives.is_zip(start)


def _is_json_archive(start: bytes) -> bool:
    """Whether it is Enterprise's tar: its members are too long to be held."""
    return start[_TAR_MAGIC] == b"ustar" and _JSON_NAME.match(start[:101]) is not None


def _kind(start: bytes, name: str) -> Kind | None:
    stripped = start.lstrip(b"\xef\xbb\xbf \t\r\n")
    if b"<mediawiki" in start or stripped.startswith(b"<page>"):
        return Kind.XML
    if stripped.startswith(b"<?xml"):  # with another element on top it is XML of another kind
        return None if _ELEMENT.search(stripped) else Kind.XML
    if _JSON.match(start):
        return Kind.JSON
    return Kind.WIKITEXT if _PAGE_NAME.search(name) else None


def _of_stream(
    file: BinaryIO, start: bytes, origin: str, most: int, first: int, last: int | None
) -> Iterator[Found]:
    """The pages of a file that is no archive."""
    kind = _kind(start, origin)
    if kind is Kind.XML:
        if xml_pages.has_doctype(start):
            yield Found(kind, b"", origin, 0, fault="doctype")
            return
        head = xml_pages.head(start) or _NOTHING
        is_export = b"<mediawiki" in start and not first
        for page in xml_pages.raw_pages(xml_pages.pieces(file, first), most, last, is_export):
            yield Found(kind, page.xml, origin, page.offset, head, page.fault)
    elif kind is Kind.JSON:
        blocks = ((chunk.data, chunk.fault) for chunk in chunks(file))
        for line, offset, fault in _lines(blocks, most):
            yield Found(kind, line, origin, offset, fault=fault)
    elif kind is None:
        damage = "" if start else next((chunk.fault for chunk in chunks(file) if chunk.fault), "")
        yield Found(Kind.WIKITEXT, b"", origin, 0, fault=damage or OTHER_FORMAT)
    else:
        yield _bare(file, origin, most)


def _bare(file: BinaryIO, origin: str, most: int) -> Found:
    """A file that is one page; cut off where it is damaged."""
    data = b""
    for chunk in chunks(file):
        data += chunk.data
        if len(data) > most or (chunk.fault and not data):
            return Found(Kind.WIKITEXT, b"", origin, 0, fault=chunk.fault or TOO_LARGE)
        if chunk.fault:
            break
    return Found(Kind.WIKITEXT, data, origin, 0)


def _of_archive(file: BinaryIO, start: bytes, logical: str, most: int) -> Iterator[Found]:
    if _is_json_archive(start):
        yield from _of_json_archive(file, logical, most)
        return
    for member in archives.members(file, max(most, _LONGEST_MEMBER)):
        yield from _of_member(member, logical, most)


def _of_member(member: archives.Member, logical: str, most: int) -> Iterator[Found]:
    """The pages of a member, packed or not; `offset` is where the member stands."""
    origin = f"{logical}!{member.name}"
    if member.fault:
        yield Found(Kind.WIKITEXT, b"", origin, member.offset, fault=member.fault)
        return
    start = xml_pages.start_of(io.BytesIO(member.data))
    for page in _of_stream(io.BytesIO(member.data), start, origin, most, 0, None):
        yield Found(page.kind, page.data, origin, member.offset, page.head, page.fault)


def _of_json_archive(file: BinaryIO, logical: str, most: int) -> Iterator[Found]:
    """The lines of the members of Enterprise's tar, each member read as it comes."""
    feed = forward.packed(file)
    while len(header := feed.peek(tarfile.BLOCKSIZE)) == tarfile.BLOCKSIZE and any(header):
        offset = feed.position
        try:
            member = tarfile.TarInfo.frombuf(header, "utf-8", "backslashreplace")
        except tarfile.HeaderError:
            yield Found(Kind.JSON, b"", logical, offset, fault=CORRUPT)
            return
        feed.skip(tarfile.BLOCKSIZE)
        if member.isreg():
            for line, _, fault in _lines(_blocks(feed, member.size), most):
                yield Found(Kind.JSON, line, f"{logical}!{member.name}", offset, fault=fault)
        else:
            feed.skip(member.size)
        feed.skip(-member.size % tarfile.BLOCKSIZE)
    if feed.fault:
        yield Found(Kind.JSON, b"", logical, feed.position, fault=feed.fault)


def _blocks(feed: forward.Feed, size: int) -> Iterator[tuple[bytes, str]]:
    """The bytes of a member; where they end too early, what is there of the last line is damage."""
    while size:
        data = feed.take(min(size, _HEAD))
        size -= len(data)
        if data:
            yield data, ""
        if feed.fault or not data:
            yield b"", feed.fault or TRUNCATED
            feed.mend()
            return


def _lines(blocks: Iterator[tuple[bytes, str]], longest: int) -> Iterator[tuple[bytes, int, str]]:
    """The lines that hold something: line, where it starts, fault. A cut-off line is a fault."""
    held = bytearray()
    start = 0
    passing = False
    for data, fault in blocks:
        if fault:
            yield b"", start, fault
            held.clear()
            passing = False
            continue
        begin = 0
        while (end := data.find(b"\n", begin)) >= 0:
            held += memoryview(data)[begin : end + 1]
            begin = end + 1
            if passing or len(held) > longest:
                yield b"", start, TOO_LARGE
            elif line := bytes(held).strip():
                yield line, start, ""
            start += len(held)
            held.clear()
            passing = False
        held += memoryview(data)[begin:]
        if len(held) > longest:
            start += len(held)
            held.clear()
            passing = True
    if passing:
        yield b"", start, TOO_LARGE
    elif line := bytes(held).strip():
        yield line, start, ""
