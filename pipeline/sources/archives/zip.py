"""The entries of a zip file, each read by its local header and checked; nothing is unpacked to disk.

The central directory says what there is. Where it is lost (a file cut off, a download that broke),
the local headers are searched for instead. Packing methods: stored, deflate, bzip2, LZMA, Zstandard
and xz. Folders are no members.
"""

import contextlib
import errno
import io
import stat
import struct
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import BinaryIO, cast

from pipeline.errors import SourceError
from pipeline.sources.archives.inflate import METHODS, STORED, unpacked
from pipeline.sources.archives.member import (
    BOMB,
    BOMB_BYTES,
    BOMB_RATIO,
    ENCRYPTED,
    LINK,
    SPECIAL,
    TOO_LARGE,
    UNSUPPORTED,
    Member,
    Wanted,
    decoded,
    moment,
)
from pipeline.sources.streams import CORRUPT, TRUNCATED

MAGICS = (b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08")

_LOCAL, _CENTRAL, _DESCRIPTOR = b"PK\x03\x04", b"PK\x01\x02", b"PK\x07\x08"
_LOCAL_HEADER = struct.Struct("<4s5H3I2H")
_READ = 1 << 20
_SPOOL_MEMORY = 64 << 20
_SPOOL_BYTES = 16 << 30
_ENCRYPTED, _END_MARK, _DESCRIBED, _UTF_8 = 0x1, 0x2, 0x8, 0x800
_UNIX = 3


@dataclass(frozen=True)
class _Entry:
    """Where an entry is and what is said of it. `packed`: its bytes in the file; None if not known."""

    name: str
    offset: int
    packed: int | None
    size: int
    crc: int
    method: int
    flags: int
    mode: int
    modified: datetime | None

    def member(self, data: bytes = b"", fault: str = "") -> Member:
        return Member(self.name, self.offset, self.size, self.modified, b"" if fault else data, fault)


def members(
    file: BinaryIO, max_bytes: int, wanted: Wanted, start: int = 0, end: int | None = None
) -> Iterator[Member]:
    """The entries whose local headers start in [start, end), by place; see `archives.members`."""
    with _seekable(file) as whole:
        length = whole.seek(0, io.SEEK_END)
        entries = _directory(whole)
        if entries is None:
            yield from _recovered(whole, length, max_bytes, wanted, start, end)
            return
        total = 0
        for at, entry in enumerate(entries):
            stop = entries[at + 1].offset if at + 1 < len(entries) else length
            if entry.offset < start or entry.name.endswith("/"):
                continue
            if end is not None and entry.offset >= end:
                return
            fault = _refused(entry)
            data = b""
            if not fault and wanted(entry.name, entry.size):
                if entry.size > max_bytes:
                    fault = BOMB if entry.size > BOMB_RATIO * max(entry.packed or 0, 1 << 10) else TOO_LARGE
                elif total > max(BOMB_BYTES, BOMB_RATIO * length):
                    fault = BOMB
                else:
                    data, fault = _content(whole, entry, stop, length)
                    total += len(data)
            yield entry.member(data, fault)


@contextlib.contextmanager
def _seekable(file: BinaryIO) -> Iterator[BinaryIO]:
    """The file, or a copy of it (in memory, or a nameless file) where it can only be read forwards."""
    try:
        seekable = file.seekable() and file.seek(0) == 0
    except ValueError:  # a stream, whatever it says
        seekable = False
    if seekable:
        yield file
        return
    with tempfile.SpooledTemporaryFile(_SPOOL_MEMORY) as spool:
        while data := file.read(_READ):
            spool.write(data)
            if spool.tell() > _SPOOL_BYTES:
                raise SourceError(
                    f"a zip file of more than {_SPOOL_BYTES >> 30} GiB that can only be read forwards: "
                    "its directory is at its end; copy it to a disk or object store first"
                )
        yield cast(BinaryIO, spool)


def comment(file: BinaryIO) -> str:
    """The comment of the whole file; "" where it cannot be jumped in."""
    if not file.seekable():
        return ""
    found = _opened_directory(file)
    return decoded(found[1]) if found else ""


def _directory(file: BinaryIO) -> list[_Entry] | None:
    """The entries of the central directory by place in the file; None where it cannot be read."""
    found = _opened_directory(file)
    # Entries before the start of the file: some of it is missing, and none is where it should be.
    if found is None or any(info.header_offset < 0 for info in found[0]):
        return None
    return sorted(map(_entry, found[0]), key=lambda entry: entry.offset)


def _opened_directory(file: BinaryIO) -> tuple[list[zipfile.ZipInfo], bytes] | None:
    file.seek(0)
    try:
        with zipfile.ZipFile(file) as archive:
            return archive.infolist(), archive.comment
    except (zipfile.BadZipFile, ValueError, NotImplementedError, struct.error, EOFError, OverflowError):
        return None
    except OSError as fault:
        if fault.errno != errno.EINVAL:  # a seek to before the start
            raise
        return None


def _entry(info: zipfile.ZipInfo) -> _Entry:
    name = info.orig_filename
    if not info.flag_bits & _UTF_8:
        name = _name(name.encode("cp437"), info.extra)
    mode = info.external_attr >> 16 if info.create_system == _UNIX else 0
    return _Entry(
        name.split("\0", 1)[0],
        info.header_offset,
        info.compress_size,
        info.file_size,
        info.CRC,
        info.compress_type,
        info.flag_bits,
        mode,
        _modified(info.extra) or _of_dos(info.date_time),
    )


def _name(name: bytes, extra: bytes) -> str:
    """A name that is not marked as UTF-8: what Info-ZIP's extra field says, else UTF-8 if it is that
    nevertheless (most tools of today), else code page 437 as the format has it."""
    unicode = _extra(extra, 0x7075)
    if len(unicode) > 5 and unicode[1:5] == struct.pack("<I", zlib.crc32(name)):
        return decoded(unicode[5:])
    try:
        return name.decode()
    except UnicodeDecodeError:
        return name.decode("cp437")


def _extra(extra: bytes, wanted: int) -> bytes:
    """The content of an extra field, b"" where there is none."""
    at = 0
    while at + 4 <= len(extra):
        kind, size = struct.unpack_from("<HH", extra, at)
        if kind == wanted:
            return extra[at + 4 : at + 4 + size]
        at += 4 + size
    return b""


def _modified(extra: bytes) -> datetime | None:
    stamp = _extra(extra, 0x5455)
    return moment(struct.unpack_from("<i", stamp, 1)[0]) if len(stamp) >= 5 and stamp[0] & 1 else None


def _of_dos(parts: tuple[int, ...]) -> datetime | None:
    """The moment, of no known zone, that the header says; None for the first of all, "not known"."""
    if parts[:3] == (1980, 1, 1) or parts[0] < 1980:
        return None
    year, month, day, hour, minute, second = parts
    try:
        return datetime(year, month, day, hour, minute, min(second, 59))
    except ValueError:
        return None


def _refused(entry: _Entry) -> str:
    """Why an entry is not read, whoever wants it; "" if it is."""
    kind = stat.S_IFMT(entry.mode)
    if kind == stat.S_IFLNK:
        return LINK
    if kind not in (0, stat.S_IFREG):
        return SPECIAL
    if entry.flags & _ENCRYPTED:
        return ENCRYPTED
    return "" if entry.method in METHODS else UNSUPPORTED


def _content(file: BinaryIO, entry: _Entry, stop: int, length: int) -> tuple[bytes, str]:
    """The entry's bytes, and the fault that they have. Those that reach behind `stop`, where the next
    entry is, are shared with it: the trick of zip bombs."""
    file.seek(entry.offset)
    head = file.read(_LOCAL_HEADER.size)
    if len(head) < _LOCAL_HEADER.size:
        return b"", TRUNCATED
    fields = _LOCAL_HEADER.unpack(head)
    begin = entry.offset + len(head) + fields[9] + fields[10]
    packed = entry.packed or 0
    if fields[0] != _LOCAL:
        return b"", CORRUPT
    if begin + packed > length:
        return b"", TRUNCATED
    if begin + packed > stop:
        return b"", BOMB
    file.seek(begin)
    data, _, fault = _unpacked(file, entry, entry.size)
    if not fault and (len(data) != entry.size or zlib.crc32(data) != entry.crc):
        fault = CORRUPT
    return data, fault


def _unpacked(file: BinaryIO, entry: _Entry, limit: int) -> tuple[bytes, int, str]:
    marked = bool(entry.flags & _END_MARK)
    return unpacked(file, entry.method, entry.packed, entry.size, limit, marked)


def _recovered(
    file: BinaryIO, length: int, max_bytes: int, wanted: Wanted, start: int, end: int | None
) -> Iterator[Member]:
    """The entries of a file without directory, found by their local headers; last, news of the loss."""
    at = 0
    total = 0
    fault = ""
    while (found := _find(file, _LOCAL, at, length)) is not None:
        at = found + 4
        entry = _local(file, found)
        if entry is None:
            continue
        here = start <= entry.offset and (end is None or entry.offset < end)
        begin = file.tell()
        data, behind, fault = b"", begin, _refused(entry)
        if not fault:
            limit = max_bytes if total <= max(BOMB_BYTES, BOMB_RATIO * length) else 0
            if entry.packed is not None and entry.size > limit:
                behind, fault = begin + entry.packed, TOO_LARGE if limit else BOMB
            else:
                data, behind, fault = _sequential(file, entry, limit, length)
                total += len(data)
        elif entry.packed is not None:
            behind = begin + entry.packed
        if behind <= length and _is_signature(file, behind):
            at = behind
        if here and not entry.name.endswith("/") and (fault or wanted(entry.name, len(data))):
            yield entry.member(data, fault)
        elif here and not entry.name.endswith("/"):
            yield entry.member()
    if fault != TRUNCATED and (end is None or length < end):
        cut = _find(file, _CENTRAL, at, length) is None
        yield Member("", length, 0, None, b"", TRUNCATED if cut else CORRUPT)


def _find(file: BinaryIO, magic: bytes, at: int, length: int) -> int | None:
    while at < length:
        file.seek(at)
        block = file.read(_READ)
        found = block.find(magic)
        if found >= 0:
            return at + found
        if len(block) < len(magic):
            return None
        at += len(block) - len(magic) + 1
    return None


def _local(file: BinaryIO, at: int) -> _Entry | None:
    """The entry that a local header tells of, the file behind it; None where it is no header."""
    file.seek(at)
    head = file.read(_LOCAL_HEADER.size)
    if len(head) < _LOCAL_HEADER.size:
        return None
    _, version, flags, method, time, day, crc, packed, size, long, extra_long = _LOCAL_HEADER.unpack(head)
    raw, extra = file.read(long), file.read(extra_long)
    if version & 0xFF > 99 or method > 99 or not long or len(raw) < long or len(extra) < extra_long:
        return None
    sizes = _extra(extra, 0x0001)
    if 0xFFFFFFFF in (packed, size) and len(sizes) >= 16:
        size, packed = struct.unpack_from("<QQ", sizes)
    parts = ((day >> 9) + 1980, day >> 5 & 15, day & 31, time >> 11, time >> 5 & 63, (time & 31) * 2)
    described = bool(flags & _DESCRIBED) and not packed
    return _Entry(
        decoded(raw) if flags & _UTF_8 else _name(raw, extra),
        at,
        None if described else packed,
        size,
        crc,
        method,
        flags,
        0,
        _modified(extra) or _of_dos(parts),
    )


def _sequential(file: BinaryIO, entry: _Entry, limit: int, length: int) -> tuple[bytes, int, str]:
    """An entry's bytes, where the file goes on behind them, and their fault."""
    begin = file.tell()
    if entry.packed is not None:
        if begin + entry.packed > length:
            return b"", length, TRUNCATED
        data, _, fault = _unpacked(file, entry, entry.size)
        if not fault and (len(data) != entry.size or zlib.crc32(data) != entry.crc):
            fault = CORRUPT
        return data, begin + entry.packed, fault
    if entry.method == STORED:
        return _described(file, begin, limit, length)
    data, taken, fault = _unpacked(file, entry, limit)
    file.seek(begin + taken)
    tail = file.read(24)
    signed = 4 if tail.startswith(_DESCRIPTOR) else 0
    if not fault and struct.pack("<I", zlib.crc32(data)) != tail[signed : signed + 4]:
        fault = CORRUPT if len(tail) == 24 else TRUNCATED
    behind = begin + taken + signed + 12
    return data, behind if _is_signature(file, behind) else behind + 8, fault


def _described(file: BinaryIO, begin: int, limit: int, length: int) -> tuple[bytes, int, str]:
    """A stored entry whose length stands behind it: up to a descriptor that fits."""
    at = begin
    while (found := _find(file, _DESCRIPTOR, at, min(length, begin + limit + 4))) is not None:
        file.seek(found)
        tail = file.read(16)
        if tail[8:12] == tail[12:16] == struct.pack("<I", (found - begin) & 0xFFFFFFFF):
            file.seek(begin)
            data = file.read(found - begin)
            if struct.pack("<I", zlib.crc32(data)) == tail[4:8]:
                return data, found + 16, ""
        at = found + 4
    return b"", begin, TRUNCATED if begin + limit >= length else TOO_LARGE


def _is_signature(file: BinaryIO, at: int) -> bool:
    file.seek(at)
    return file.read(4) in (_LOCAL, _CENTRAL, b"PK\x05\x06")
