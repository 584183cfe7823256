"""The members of a tar file: plain or packed, read forwards, nothing written to disk.

Understood are the old format, ustar, GNU (long names, sparse files, sizes in base 256) and PAX. A
header is known by its checksum; where one is damaged, reading goes on at the next that is whole.
Folders are no members. A file of several tars behind each other is read to its end.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import BinaryIO

from pipeline.sources.archives import forward
from pipeline.sources.archives.forward import READ, Feed
from pipeline.sources.archives.member import (
    LINK,
    SPECIAL,
    TOO_LARGE,
    Member,
    Wanted,
    decoded,
    everything,
    moment,
)
from pipeline.sources.streams import CORRUPT, TRUNCATED

BLOCK = 512

_MAGIC = b"ustar"
_MAGIC_AT = 257
_LONGEST_EXTENSION = 1 << 20  # bytes of a PAX header or long name
_LINKS = b"12"
_SPECIAL = b"346DMV"  # devices, FIFO; GNU: a folder's list, part of a file from another volume, label
_EXTENSIONS = b"LKxXg"
_PADDING = b"\0" * BLOCK
_SPARSE_AT = 386  # GNU's old sparse files: four entries of offset and length in the header
_SPARSE_ENTRY = 24


class _DamagedError(Exception):
    """A header that makes no sense."""


@dataclass(frozen=True)
class _Header:
    """What a header block says. `stored`: bytes that follow it; `size`: bytes of the file they make."""

    name: bytes
    stored: int
    size: int
    modified: datetime | None
    kind: int
    sparse: tuple[tuple[int, int], ...] | None = None
    mapped: bool = False  # the sparse file's map stands before its data (PAX 1.0)


def members(
    file: BinaryIO, packed: bool, max_bytes: int, wanted: Wanted, start: int = 0, end: int | None = None
) -> Iterator[Member]:
    """The members whose headers start in [start, end), in order; see `archives.members`.

    Earlier ones are walked over, header by header: only so is a header told from bytes of a tar
    within the tar, and the members are the same however a file is cut into parts.
    """
    feed = forward.packed(file) if packed else forward.plain(file)
    while end is None or feed.position < end:
        at = feed.position
        block = feed.peek(BLOCK)
        if block == _PADDING:
            feed.skip(BLOCK)
            continue
        if not block and not feed.fault:
            return
        if not is_header(block):
            if at >= start:
                fault = feed.fault or (CORRUPT if len(block) == BLOCK else TRUNCATED)
                yield Member("", at, 0, None, b"", fault)
            if not _recovered(feed):
                return
            continue
        try:
            header = _header(feed)
        except _DamagedError:
            if at >= start:
                yield Member("", at, 0, None, b"", CORRUPT)
            if not _recovered(feed):
                return
            continue
        if header is not None:
            member, whole = _member(feed, header, at, max_bytes, wanted, at >= start)
            if member is not None and at >= start:
                yield member
            if not whole and not _recovered(feed):
                return


def member_at(file: BinaryIO, offset: int, max_bytes: int) -> Member | None:
    """The member of a plain tar whose header starts there; None where there is no header."""
    feed = forward.plain(file)
    if feed.skip(offset) < offset or not is_header(feed.peek(BLOCK)):
        return None
    try:
        header = _header(feed)
    except _DamagedError:
        return Member("", offset, 0, None, b"", CORRUPT)
    if header is None:
        return None
    return _member(feed, header, offset, max_bytes, everything, True)[0]


def _recovered(feed: Feed) -> bool:
    """Moves to the next header behind damage; False where there is none."""
    step = BLOCK
    if feed.fault:
        feed.mend()
        step = 1  # what follows in the packed stream stands anywhere
    else:
        feed.skip(BLOCK)
    begin = feed.position
    while True:
        held = feed.peek(READ)
        at = held.find(_MAGIC, _MAGIC_AT)
        while at >= 0:
            start = at - _MAGIC_AT
            if (feed.position + start - begin) % step == 0 and is_header(held[start : start + BLOCK]):
                feed.skip(start)
                return True
            at = held.find(_MAGIC, at + 1)
        if len(held) == READ:
            feed.skip(READ - BLOCK)
        elif feed.fault:
            feed.mend()
            step = 1
        else:
            return False


def is_header(block: bytes) -> bool:
    """Whether a block is the header of a member: its checksum fits."""
    if len(block) < BLOCK:
        return False
    try:
        stated = int(block[148:156].split(b"\0", 1)[0] or b"0", 8)
    except ValueError:
        return False
    found = sum(block) - sum(block[148:156]) + 256
    if found == stated:
        return True
    # Some old writers summed signed characters.
    return found - 256 * sum(byte > 127 for byte in block[:148] + block[156:]) == stated


def _number(field: bytes) -> int:
    if field[0] & 0x80:
        value = int.from_bytes(bytes([field[0] & 0x7F]) + field[1:], "big")
        if field[0] & 0x40:
            raise _DamagedError
        return value
    try:
        value = int(field.split(b"\0", 1)[0].strip() or b"0", 8)
    except ValueError as fault:
        raise _DamagedError from fault
    if value < 0:
        raise _DamagedError
    return value


def _header(feed: Feed) -> _Header | None:
    """Reads a member's header with the extensions before it; None where those belong to no member."""
    longer: bytes | None = None
    records: dict[bytes, bytes] = {}
    places: list[bytes] = []
    while True:
        block = feed.peek(BLOCK)
        if not is_header(block):
            if block == _PADDING or (not block and not feed.fault):
                return None  # nothing follows: a global header alone
            raise _DamagedError
        stored = _number(block[124:136])
        kind = block[156]
        if kind not in _EXTENSIONS:
            break
        if stored > _LONGEST_EXTENSION:
            raise _DamagedError
        feed.skip(BLOCK)
        data = feed.take(stored)
        if len(data) < stored or feed.skip(-stored % BLOCK) < -stored % BLOCK:
            raise _DamagedError
        if kind == ord("L"):
            longer = data.split(b"\0", 1)[0]
        elif kind in b"xX":
            for key, value in _records(data):
                records[key] = value
                if key in (b"GNU.sparse.offset", b"GNU.sparse.numbytes"):  # one of each for an entry
                    places.append(value)
        elif kind == ord("g"):
            return None
    feed.skip(BLOCK)
    name = block[:100].split(b"\0", 1)[0]
    prefix = block[345:500].split(b"\0", 1)[0]
    # Only POSIX has a prefix there; GNU ("ustar  ") keeps other things in its place.
    if prefix and block[257:263] == b"ustar\0" and kind not in b"SM":
        name = prefix + b"/" + name
    if longer is not None:
        name = longer
    modified = moment(_of_record(records, b"mtime", _time(block)))
    stored = int(_of_record(records, b"size", stored))
    header = _Header(records.get(b"path", name), stored, stored, modified, kind)
    if places:
        records[b"GNU.sparse.map"] = b",".join(places)
    return _sparse(feed, block, header, records)


def _time(block: bytes) -> int:
    try:
        return _number(block[136:148])
    except _DamagedError:
        return 0


def _of_record(records: Mapping[bytes, bytes], key: bytes, other: int) -> float:
    """The number that a PAX record says, else `other`."""
    try:
        value = float(records[key]) if key == b"mtime" else int(records[key])
    except (KeyError, ValueError):
        return other
    return value if 0 <= value < 1 << 62 else other


def _records(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """The records of a PAX header: `LENGTH KEY=VALUE`, each with a line feed; stops where they end."""
    at = 0
    while at < len(data):
        space = data.find(b" ", at, at + 21)
        if space < 0 or not data[at:space].isdigit():
            return
        end = at + int(data[at:space])
        key, equals, value = data[space + 1 : end - 1].partition(b"=")
        if end > len(data) or end <= space or data[end - 1] != ord("\n") or not equals:
            return
        yield key, value
        at = end


def _sparse(feed: Feed, block: bytes, header: _Header, records: Mapping[bytes, bytes]) -> _Header:
    """The header with what it says of holes: GNU's own form, and the three that GNU has in PAX."""
    kind = header.kind
    if kind == ord("S"):
        entries = _entries(block[_SPARSE_AT : _SPARSE_AT + 4 * _SPARSE_ENTRY])
        size = _number(block[483:495])
        more = block[482]
        while more:
            block = feed.take(BLOCK)
            if len(block) < BLOCK:
                raise _DamagedError
            entries += _entries(block[: 21 * _SPARSE_ENTRY])
            more = block[504]
        return _Header(header.name, header.stored, size, header.modified, kind, tuple(entries))
    real = records.get(b"GNU.sparse.realsize", records.get(b"GNU.sparse.size", b""))
    if not _is_number(real):
        return header
    name = records.get(b"GNU.sparse.name", header.name)
    if records.get(b"GNU.sparse.major") == b"1":
        return _Header(name, header.stored, int(real), header.modified, kind, (), mapped=True)
    numbers = [int(each) for each in records.get(b"GNU.sparse.map", b"").split(b",") if _is_number(each)]
    pairs = tuple(zip(numbers[::2], numbers[1::2], strict=False))
    return _Header(name, header.stored, int(real), header.modified, kind, pairs)


def _is_number(digits: bytes) -> bool:
    return digits.isdigit() and len(digits) < 20


def _entries(data: bytes) -> list[tuple[int, int]]:
    found = []
    for at in range(0, len(data), _SPARSE_ENTRY):
        if data[at] == 0:
            break
        found.append((_number(data[at : at + 12]), _number(data[at + 12 : at + _SPARSE_ENTRY])))
    return found


def _member(
    feed: Feed, header: _Header, at: int, max_bytes: int, wanted: Wanted, here: bool
) -> tuple[Member | None, bool]:
    """The member, None for a folder, and whether its bytes were all there; the feed stands behind it."""
    name = decoded(header.name)
    fault = ""
    stored = header.stored
    if header.kind in _LINKS:
        fault = LINK
        # A link has no bytes, whatever its size field says; but some writers of PAX give it some.
        stored = 0 if not _is_stored(feed, header) else stored
    elif header.kind in _SPECIAL:
        fault = SPECIAL
        stored = 0 if header.kind in b"346" else stored
    folder = header.kind == ord("5") or (name.endswith("/") and header.kind in b"\x000")
    stored = 0 if folder else stored  # it has none, whatever its size field says
    read = here and not fault and not folder and wanted(name, header.size)
    if read and max(header.size, stored) > max_bytes:
        fault = TOO_LARGE
        read = False
    data = b""
    if read:
        data = feed.take(stored)
        lost = stored - len(data)
    else:
        lost = stored - feed.skip(stored)
    if lost:
        fault = feed.fault or TRUNCATED
    else:
        feed.skip(-stored % BLOCK)
        if read and header.sparse is not None:
            expanded = _expanded(data, header)
            data, fault = (b"", CORRUPT) if expanded is None else (expanded, "")
    if folder:
        return None, not lost
    return Member(name, at, header.size, header.modified, b"" if fault else data, fault), not lost


def _is_stored(feed: Feed, header: _Header) -> bool:
    """Whether a link's bytes follow: no header stands where one would if there were none."""
    if not header.stored or header.kind != ord("1"):
        return False
    block = feed.peek(BLOCK)
    return bool(block) and block != _PADDING and not is_header(block)


def _expanded(data: bytes, header: _Header) -> bytes | None:
    """A sparse file with its holes filled; None where its map makes no sense."""
    entries = list(header.sparse or ())
    if header.mapped:
        # Decimal numbers, one in a line: how many entries, then offset and length of each.
        lines = data.split(b"\n", 1)
        if not _is_number(lines[0]):
            return None
        count = 2 * int(lines[0])
        numbers = data.split(b"\n", min(count, len(data)) + 1)
        if len(numbers) < count + 2 or not all(map(_is_number, numbers[: count + 1])):
            return None
        values = [int(each) for each in numbers[1 : count + 1]]
        entries = list(zip(values[::2], values[1::2], strict=True))
        used = sum(len(each) + 1 for each in numbers[: count + 1])
        data = data[used + -used % BLOCK :]
    whole = bytearray(header.size)
    at = 0
    for offset, length in entries:
        if offset + length > header.size or at + length > len(data):
            return None
        whole[offset : offset + length] = data[at : at + length]
        at += length
    return bytes(whole)


def comment(file: BinaryIO, packed: bool) -> str:
    """What the header for all members says, where the file starts with one: `git archive` puts the
    commit there."""
    feed = forward.packed(file) if packed else forward.plain(file)
    block = feed.take(BLOCK)
    if not is_header(block) or block[156] != ord("g"):
        return ""
    try:
        size = min(_number(block[124:136]), _LONGEST_EXTENSION)
    except _DamagedError:
        return ""
    return decoded(dict(_records(feed.take(size))).get(b"comment", b""))
