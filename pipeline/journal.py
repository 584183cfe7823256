"""Results of a pass's tasks that are done: a pass that was killed goes on where it was.

Each call of `Corpus.map` has a journal of its own, by its number. On a local disk that is one file, to which
each result is added as it comes; on an object store, where nothing can be added to a file, one file for the
results of some seconds. A local file may end in half an entry, which is cut off; bytes that have changed are
told by the entry's checksum, and the task is done again. So is one whose local files are gone or have another
size.
"""

import contextlib
import io
import json
import os
import pickle
import struct
import time
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, BinaryIO

from pipeline import store, written

MOST_BYTES = 16 << 20  # of a result: a larger one is not kept, and its task done again after a kill
BLOCK_BYTES = 8 << 20  # of results that are written together to an object store, about
BLOCK_SECONDS = 5.0

# Number of the item; bytes of what follows, the files that it wrote (JSON) and its result (a pickle); CRC-32.
_HEAD = struct.Struct("<QQQI")
_ENDING = ".tasks"


@dataclass(frozen=True)
class Journal:
    """The results of one pass's tasks, in a folder that is of this very pass over this very corpus."""

    folder: str

    def call(self, number: int, doing: str, items: int) -> "Call":
        """The journal of the call of that number, as far as an earlier start has written it.

        Nothing of it is believed unless that call was named the same and had as many items.
        """
        about = {"doing": doing, "items": items}
        base = f"{number:04d}"
        told = store.join(self.folder, f"{base}.json")
        if store.read_json(told) != about:
            for name in _files(self.folder, base):
                store.remove(store.join(self.folder, name))
            store.write_json(told, about)
        return Call(self.folder, base)


@dataclass
class Call:
    """The results of one call: which items are done, and where their results stand."""

    folder: str
    name: str
    _found: dict[int, tuple[str, int, int, int, int]] = field(default_factory=dict)
    _local: io.FileIO | None = None
    _held: list[bytes] = field(default_factory=list)
    _held_bytes: int = 0
    _blocks: int = 0
    _written: float = field(default_factory=time.monotonic)

    def __post_init__(self) -> None:
        for name in _files(self.folder, self.name):
            if name.endswith(_ENDING):
                self._blocks += 1
                self._scan(store.join(self.folder, name))

    def __contains__(self, item: int) -> bool:
        return item in self._found

    def _scan(self, path: str) -> None:
        """Notes the entries of a file. A local file is cut where they end: what follows is not whole."""
        size = store.size(path) or 0
        at = 0
        with store.open_input(path) as file:
            while at + _HEAD.size <= size:
                file.seek(at)
                item, about, length, check = _HEAD.unpack(file.read(_HEAD.size))
                if at + _HEAD.size + about + length > size:
                    break
                at += _HEAD.size
                self._found.pop(item, None)
                if _files_there(file, about):
                    self._found[item] = path, at, about, length, check
                at += about + length
        if at < size and store.is_local(path):
            with store.errors(path):
                os.truncate(path, at)

    def result(self, item: int) -> Any:
        """The result of an item that is done. KeyError where what is written of it is not what was."""
        path, at, about, length, check = self._found[item]
        with store.open_input(path) as file:
            file.seek(at)
            packed = file.read(about + length)
        if zlib.crc32(packed) != check:
            raise KeyError(item)
        try:
            return pickle.loads(packed[about:])
        except Exception as fault:  # pickles of other code may fail in any way
            raise KeyError(item) from fault

    def add(self, item: int, result: Any, files: Mapping[str, int]) -> None:
        """Keeps the result of an item, unless it is too large to be kept.

        files   local files that it stands for, with their bytes
        """
        packed = _packed(result)
        if packed is None:
            return
        about = json.dumps(dict(files)).encode()
        check = zlib.crc32(packed, zlib.crc32(about))
        self._held += [_HEAD.pack(item, len(about), len(packed), check), about, packed]
        self._held_bytes += _HEAD.size + len(about) + len(packed)
        if store.is_local(self.folder):
            self._append()
        else:
            late = time.monotonic() - self._written > BLOCK_SECONDS
            if late or self._held_bytes > BLOCK_BYTES:
                self._write_block()

    def _append(self) -> None:
        path = store.join(self.folder, f"{self.name}{_ENDING}")
        with store.errors(path):
            if self._local is None:
                # Without a buffer, which would be written once more when a full disk is left behind.
                self._local = open(path, "ab", buffering=0)  # noqa: SIM115, closed in close
            left = memoryview(b"".join(self._held))
            while left:
                left = left[self._local.write(left) :]
        self._held = []

    def _write_block(self) -> None:
        if self._held:
            with store.Sink(store.join(self.folder, f"{self.name}-{self._blocks:06d}{_ENDING}")) as sink:
                sink.write(b"".join(self._held))
            self._blocks += 1
        self._held, self._held_bytes, self._written = [], 0, time.monotonic()

    def close(self) -> None:
        if not store.is_local(self.folder):
            self._write_block()
        elif self._local is not None:
            self._local.close()


def _files_there(file: BinaryIO, about: int) -> bool:
    """Whether the files are there that the next `about` bytes name."""
    try:
        return written.there(json.loads(file.read(about)))
    except (ValueError, AttributeError, TypeError):
        return False


def _files(folder: str, call: str) -> list[str]:
    """Names of the files of one call."""
    return [name for name in store.names(folder) if name.startswith((f"{call}.", f"{call}-"))]


@contextlib.contextmanager
def closing(call: Call) -> Iterator[Call]:
    """Writes what is held at the end, however that comes."""
    try:
        yield call
    finally:
        call.close()


class _FullError(Exception):
    """More than `MOST_BYTES`."""


class _Limited(io.BytesIO):
    """Takes `MOST_BYTES` and no more: a large result is not copied to see how large it is."""

    def write(self, data: Any) -> int:
        if self.tell() + memoryview(data).nbytes > MOST_BYTES:
            raise _FullError
        return super().write(data)


def _packed(result: Any) -> bytes | None:
    into = _Limited()
    try:
        pickle.Pickler(into, pickle.HIGHEST_PROTOCOL).dump(result)
    except _FullError:
        return None
    return into.getvalue()
