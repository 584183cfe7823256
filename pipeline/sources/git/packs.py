"""The objects of git packfiles: found by the index beside them, or by going through the pack.

What is read is bounded: an object that says it is longer than asked for is not unpacked. An object
that is damaged costs itself and what is stored as a difference to it; going through a pack, the next
object is searched for behind the damage.

Format: gitformat-pack in git's own documentation.
"""

import hashlib
import re
import struct
import zlib
from bisect import bisect_left
from collections import OrderedDict, defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from mmap import mmap

from pipeline.sources.git.deltas import LostError, TooLongError, applied, target_size

KINDS = {1: b"commit", 2: b"tree", 3: b"blob", 4: b"tag"}

_OFFSET_DELTA, _REFERENCE_DELTA = 6, 7
_LONGEST = 256 << 20  # bytes of an object that others are stored as a difference to
_LONGEST_CHAIN = 10_000
_HELD = 32 << 20  # bytes of objects kept at hand: neighbours are differences to the same one
_ZLIB = re.compile(rb"\x78[\x01\x5e\x9c\xda]")  # what packed bytes start with, by git's writers
_HEAD = 48  # bytes of an entry's head at most
_WAITING = 1 << 30  # bytes of objects held at a time for others that are differences to them
_BUDGET, _RATIO = 4 << 30, 2000  # bytes unpacked in all, of a pack of any size, and for each byte of it
_SEARCHED = 1 << 30  # bytes unpacked at most, of a pack, in search of what stands behind damage

Buffer = bytes | mmap


@dataclass(frozen=True)
class _Head:
    """The head of an entry: `size` unpacked bytes, `start` of the packed ones, base of a difference."""

    kind: int
    size: int
    start: int
    base: int = 0
    reference: bytes = b""


class Pack:
    """One packfile. `find(name)` gives an object's offset, None where it is not in it.

    data   the file, mapped; the pack is [begin, end) of it
    long   bytes of an object's name: 20 (SHA-1) or 32 (SHA-256)
    """

    def __init__(self, data: Buffer, begin: int, long: int, index: Buffer | None = None) -> None:
        if data[begin : begin + 4] != b"PACK" or int.from_bytes(data[begin + 4 : begin + 8], "big") not in (
            2,
            3,
        ):
            raise LostError("no packfile")
        self._data = data
        self._begin = begin
        self._end = max(begin + 12, len(data) - long)
        self._long = long
        self._held: OrderedDict[int, tuple[int, bytes]] = OrderedDict()
        self._weight = 0
        self._search = _SEARCHED
        self._budget = max(_BUDGET, _RATIO * (self._end - begin))
        self.lost = 0
        self.find: Callable[[bytes], int | None]
        found = None if index is None else _index(index, long)
        if found is None:
            self._offsets: dict[bytes, int] = {}
            self._scan()
            self.find = self._offsets.get
        else:
            self.find = found

    def read(self, offset: int, most: int) -> tuple[int, bytes]:
        """Kind and bytes of the object at `offset`; LostError if damaged, TooLongError if over `most`."""
        chain: list[bytes] = []
        place = offset
        while True:
            held = self._held.get(place)
            if held is not None:
                self._held.move_to_end(place)
                kind, data = held
                break
            head = self._head(place)
            longest = most if not chain and head.kind in KINDS else _LONGEST
            if head.size > longest:
                raise TooLongError(head.size)
            data = self._inflated(head)
            kind = head.kind
            if kind in KINDS:
                self._hold(place, kind, data)
                break
            if not chain:
                size = target_size(data)
                if size > most:
                    raise TooLongError(size)
            chain.append(data)
            if len(chain) > _LONGEST_CHAIN:
                raise LostError("differences without end")
            base = head.base if kind == _OFFSET_DELTA else self.find(head.reference)
            if base is None:
                raise LostError("the object that it is a difference to is not there")
            place = base
        while chain:
            data = applied(data, chain.pop(), _LONGEST)
        if len(data) > most:
            raise TooLongError(len(data))
        self._hold(offset, kind, data)
        return kind, data

    def _hold(self, place: int, kind: int, data: bytes) -> None:
        if len(data) > _HELD // 4 or place in self._held:
            return
        self._held[place] = (kind, data)
        self._weight += len(data)
        while self._weight > _HELD:
            _, (_, old) = self._held.popitem(last=False)
            self._weight -= len(old)

    def _head(self, place: int) -> _Head:
        """The entry's head; LostError where there can be none."""
        if not self._begin + 12 <= place < self._end:
            raise LostError("outside of the pack")
        block = self._data[place : place + _HEAD]
        byte = block[0]
        kind, size, shift, at = byte >> 4 & 7, byte & 15, 4, 1
        while byte & 0x80:
            if at >= 10 or at >= len(block):
                raise LostError("no head of an object")
            byte = block[at]
            size |= (byte & 0x7F) << shift
            shift += 7
            at += 1
        if kind in KINDS:
            return _Head(kind, size, place + at)
        if kind == _REFERENCE_DELTA:
            return _Head(kind, size, place + at + self._long, reference=block[at : at + self._long])
        if kind != _OFFSET_DELTA:
            raise LostError(f"an object of kind {kind}")
        back = -1
        while True:
            if at >= len(block) or at > 20:
                raise LostError("no head of an object")
            byte = block[at]
            back = (back + 1) << 7 | byte & 0x7F
            at += 1
            if not byte & 0x80:
                break
        if back <= 0:
            raise LostError("a difference to itself")
        return _Head(kind, size, place + at, base=place - back)

    def _inflated(self, head: _Head) -> bytes:
        """The entry's bytes, all of them and no more; LostError otherwise."""
        # zlib never makes more of its input than this.
        packed = self._data[head.start : min(self._end, head.start + head.size + (head.size >> 9) + 64)]
        unpacker = zlib.decompressobj()
        try:
            data = unpacker.decompress(packed, head.size + 1)
            data += unpacker.decompress(unpacker.unconsumed_tail, 1) if not unpacker.eof else b""
        except zlib.error as fault:
            raise LostError(str(fault)) from fault
        if not unpacker.eof or len(data) != head.size:
            raise LostError("cut off, or of another length than it says")
        return data

    def _packed_end(self, head: _Head, digest: Callable[[bytes], object]) -> int:
        """Where the entry ends; `digest` is fed with its bytes, which are not kept."""
        unpacker = zlib.decompressobj()
        at, size = head.start, 0
        try:
            while not unpacker.eof:
                step = min(1 << 20, head.size + (head.size >> 9) + 64)
                block = self._data[at : min(self._end, at + step)]
                if not block:
                    raise LostError("cut off")
                at += len(block)
                while block and not unpacker.eof:
                    data = unpacker.decompress(block, 1 << 20)
                    block = unpacker.unconsumed_tail
                    size += len(data)
                    if size > head.size:
                        raise LostError("longer than it says")
                    digest(data)
        except zlib.error as fault:
            raise LostError(str(fault)) from fault
        if size != head.size:
            raise LostError("shorter than it says")
        return at - len(unpacker.unused_data)

    def _scan(self) -> None:
        """Goes through the pack and works out the name of each object, as its makers' index would say."""
        count = int.from_bytes(self._data[self._begin + 8 : self._begin + 12], "big")
        by_offset: dict[int, list[int]] = defaultdict(list)
        by_name: dict[bytes, list[int]] = defaultdict(list)
        roots: list[tuple[int, int, bytes]] = []
        place = self._begin + 12
        seen = 0
        while seen < count and place < self._end:
            try:
                head = self._head(place)
                self._spend(head.size)
                end = self._entry(place, head, by_offset, by_name, roots)
            except LostError:
                self.lost += 1
                place = self._next(place + 1)
                continue
            seen += 1
            place = end
        for offset, kind, name in sorted(roots, key=lambda root: root[1]):  # folders before files
            self._differences(offset, kind, name, by_offset, by_name)
        self.lost += sum(map(len, by_offset.values())) + sum(map(len, by_name.values()))

    def _entry(
        self,
        place: int,
        head: _Head,
        by_offset: dict[int, list[int]],
        by_name: dict[bytes, list[int]],
        roots: list[tuple[int, int, bytes]],
    ) -> int:
        """Notes the entry at `place`; returns where it ends."""
        if head.kind in KINDS:
            digest = _hash(self._long)
            digest.update(b"%s %d\0" % (KINDS[head.kind], head.size))
            end = self._packed_end(head, digest.update)
            self._offsets.setdefault(digest.digest(), place)
            roots.append((place, head.kind, digest.digest()))
        else:
            end = self._packed_end(head, _unused)
            if head.kind == _OFFSET_DELTA:
                by_offset[head.base].append(place)
            else:
                by_name[head.reference].append(place)
        return end

    def _differences(
        self,
        root: int,
        kind: int,
        name: bytes,
        by_offset: dict[int, list[int]],
        by_name: dict[bytes, list[int]],
    ) -> None:
        """Names all objects that are stored as differences to the one at `root`, and to those."""
        children = by_offset.pop(root, []) + by_name.pop(name, [])
        if not children:
            return
        try:
            kind, data = self.read(root, _LONGEST)
        except (LostError, TooLongError):
            self.lost += len(children)
            return
        # Objects that are waited for by others, and who waits; deepest last.
        stack = [(data, children)]
        held = len(data)
        while stack:
            base, waiting = stack[-1]
            if not waiting:
                stack.pop()
                held -= len(base)
                continue
            place = waiting.pop()
            try:
                head = self._head(place)
                if head.size > _LONGEST:
                    raise TooLongError(head.size)
                self._spend(head.size)
                delta = self._inflated(head)
                self._spend(target_size(delta))
                data = applied(base, delta, _LONGEST)
            except (LostError, TooLongError):
                self.lost += 1 + len(by_offset.pop(place, ()))
                continue
            name = named(kind, data, self._long)
            self._offsets.setdefault(name, place)
            children = by_offset.pop(place, []) + by_name.pop(name, [])
            if held + len(data) > _WAITING:
                self.lost += len(children)
            elif children:
                stack.append((data, children))
                held += len(data)

    def _spend(self, size: int) -> None:
        """LostError once more was unpacked than any honest pack holds."""
        self._budget -= size
        if self._budget < 0:
            raise LostError("a bomb")

    def _next(self, place: int) -> int:
        """The next place behind damage where an object stands whole; the pack's end if there is none."""
        for found in _ZLIB.finditer(self._data, place, self._end):
            start = found.start()
            for begin in range(max(place, start - _HEAD + 1), start):
                try:
                    head = self._head(begin)
                    if head.start != start or not 0 < head.size <= self._search:
                        continue
                    self._search -= head.size
                    self._packed_end(head, _unused)
                    return begin
                except LostError:
                    continue
            self._search -= _HEAD
            if self._search <= 0:
                break
        return self._end


def _unused(data: bytes) -> None:
    del data


def _hash(long: int) -> "hashlib._Hash":
    return hashlib.sha1(usedforsecurity=False) if long == 20 else hashlib.sha256(usedforsecurity=False)


def named(kind: int, data: bytes, long: int) -> bytes:
    """The name of an object: the hash of its kind, length and bytes."""
    digest = _hash(long)
    digest.update(b"%s %d\0" % (KINDS[kind], len(data)))
    digest.update(data)
    return digest.digest()


class _Names:
    """The names in an index, in order: a table that can be bisected."""

    def __init__(self, index: Buffer, start: int, count: int, long: int) -> None:
        self._index = index
        self._start = start
        self._count = count
        self._long = long

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, at: int) -> bytes:
        begin = self._start + at * self._long
        return self._index[begin : begin + self._long]


def _index(index: Buffer, long: int) -> Callable[[bytes], int | None] | None:
    """Looks names up in an index file of version 2; None for a damaged one, and one of version 1."""
    if index[:8] != b"\xfftOc\0\0\0\2" or len(index) < 8 + 1024 + 2 * long:
        return None
    fanout = struct.unpack_from(">256I", index, 8)
    count = fanout[-1]
    names = 8 + 1024
    places = names + count * (long + 4)
    large = places + 4 * count
    if len(index) < large + 2 * long or list(fanout) != sorted(fanout):
        return None

    table = _Names(index, names, count, long)

    def find(name: bytes) -> int | None:
        first = fanout[name[0] - 1] if name[0] else 0
        at = bisect_left(table, name, first, fanout[name[0]])
        if at >= count or table[at] != name:
            return None
        (place,) = struct.unpack_from(">I", index, places + 4 * at)
        if place & 0x80000000:
            far = large + 8 * (place & 0x7FFFFFFF)
            if far + 8 > len(index):
                return None
            (place,) = struct.unpack_from(">Q", index, far)
        return int(place)

    return find
