"""Files of the web kept on a local disk, up to a size; those unused for longest go first.

A file is read while it comes: what has arrived is in `NAME.part`, and is taken up again by the next
process if this one is killed. Several processes, and machines that share the folder, may use it at
the same time: who downloads a file holds a lock on its part, and the others read from the web.
A disk that is full or fails costs a warning; the run reads on without the cache.
"""

import contextlib
import fcntl
import hashlib
import io
import json
import os
import re
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Annotated, Any, BinaryIO, cast

from pydantic import BeforeValidator, Field

from pipeline.sources.crawl.download import ChangedError, Download
from pipeline.stage import Options

PART, NOTE, LOCK = ".part", ".json", ".lock"
FORGOTTEN = 7 * 86400.0  # seconds after which a part that nobody took up again may go first

_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([kMGT]?)(i?)B?", re.IGNORECASE)
_UNSAFE = re.compile(r"[^A-Za-z0-9_.-]+")


def parse_size(value: Any) -> int:
    """Bytes: 1000, "512MB", "100GB", "1TiB"."""
    found = None if isinstance(value, bool | float) else _SIZE.fullmatch(str(value).strip())
    if found is None:
        raise ValueError(f'{value!r} found; expected a size such as "100GB"')
    power = " KMGT".index(found[2].upper() or " ")
    return int(float(found[1]) * (1024 if found[3] else 1000) ** power)


class CacheOptions(Options):
    """Where files of the web are kept for the next time they are read."""

    folder: str = Field(min_length=1, description="folder on a local or shared disk")
    size: Annotated[int, BeforeValidator(parse_size)] = Field(
        default=100 * 10**9, ge=0, description="bytes that it may take: 500GB, 2TB …"
    )


@dataclass(frozen=True)
class Cache:
    """The files below a folder, at most `size` bytes of them.

    warn   told, once for each reason, why the cache is not used
    """

    folder: str
    size: int
    warn: Callable[[str], None] = lambda reason: print(f"winnow: {reason}", file=sys.stderr)

    def open(self, url: str) -> BinaryIO:
        """The file at `url` from its first byte on, forwards only; kept, if there is room.

        Raises OSError where the file cannot be had at all.
        """
        try:
            return self._open(url)
        except _CacheError as fault:
            self.warn(f"cache {self.folder}: {fault}; reading without it")
        return cast(BinaryIO, Download(url))

    def have(self, url: str) -> BinaryIO | None:
        """The file if it is here whole, for reading anywhere in it."""
        path = self._path(url)
        try:
            file = open(path, "rb")  # noqa: SIM115, handed on
        except OSError:
            return None
        with contextlib.suppress(OSError):
            os.utime(path)  # the time of its last use
        return file

    def _path(self, url: str) -> str:
        digest = hashlib.blake2b(url.encode(), digest_size=8).hexdigest()
        readable = _UNSAFE.sub("-", url.rsplit("/", 1)[-1])[-80:]
        return os.path.join(self.folder, f"{digest}-{readable}")

    def _open(self, url: str) -> BinaryIO:
        path = self._path(url)
        with _trouble():
            os.makedirs(self.folder, exist_ok=True)
        for _ in range(3):
            whole = self.have(url)
            if whole is not None:
                return whole
            part = self._claim(path + PART)
            if part is not None:
                return self._resumed(url, path, part)
            if not os.path.exists(path):
                break  # another process is at it
        return cast(BinaryIO, Download(url))

    def _claim(self, path: str) -> int | None:
        """The part, open and locked; None if another has it, or has just finished it."""
        with _trouble():
            part = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
            try:
                fcntl.flock(part, fcntl.LOCK_EX | fcntl.LOCK_NB)
                same = os.path.exists(path) and os.path.samestat(os.fstat(part), os.stat(path))
            except BlockingIOError:
                same = False
            except FileNotFoundError:
                same = False
            except OSError:
                os.close(part)
                raise
            if not same:
                os.close(part)
                return None
            return part

    def _resumed(self, url: str, path: str, part: int) -> BinaryIO:
        """The file read from what is here of it and then from the web, which is written here too."""
        try:
            here, tag = self._noted(url, path, part)
            try:
                rest = Download(url, here, tag)
            except ChangedError:
                here = 0
                rest = Download(url)
            length = rest.length
            with _trouble():
                if not 0 <= length <= self.size or not self._make_room(path, length):
                    # Too large, or of unknown size: read it as it comes.
                    _drop(path + PART, path + NOTE)
                    os.close(part)
                    rest.seek(0)
                    return cast(BinaryIO, rest)
                os.ftruncate(part, here)
                note = {"url": url, "length": length, "tag": rest.tag}
                with open(path + NOTE + PART, "w", encoding="utf-8") as file:
                    json.dump(note, file)
                os.replace(path + NOTE + PART, path + NOTE)
        except BaseException:
            with contextlib.suppress(OSError):
                os.close(part)
            raise
        return cast(BinaryIO, _Kept(self, path, part, here, rest))

    def _noted(self, url: str, path: str, part: int) -> tuple[int, str]:
        """Bytes that are here and the version they are of; 0 where that is not known."""
        note = _read_note(path + NOTE)
        if note.get("url") != url or not note.get("tag"):
            return 0, ""
        with _trouble():
            return os.fstat(part).st_size, str(note["tag"])

    def _make_room(self, path: str, length: int) -> bool:
        """Removes the files unused for longest until `length` bytes more fit; whether they do."""
        lock = os.open(os.path.join(self.folder, LOCK), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            held = [one for one in self._held() if one[2] != path]
            total = sum(size for _, size, _, _ in held)
            for _, size, name, is_part in sorted(held):
                if total + length <= self.size:
                    break
                if is_part:
                    if not self._drop_part(name):
                        continue
                else:
                    _drop(name)
                total -= size
            return total + length <= self.size
        finally:
            os.close(lock)

    def _held(self) -> list[tuple[float, int, str, bool]]:
        """Last use, bytes, path and whether it is a part still, of each file; a part counts whole."""
        found = []
        now = time.time()
        with os.scandir(self.folder) as entries:
            for entry in entries:
                name = entry.path
                if name.endswith((NOTE, NOTE + PART, LOCK)):
                    continue
                try:
                    status = entry.stat()
                except FileNotFoundError:
                    continue
                is_part = name.endswith(PART)
                if is_part:
                    name = name.removesuffix(PART)
                    stated = _read_note(name + NOTE).get("length", 0)
                    used = status.st_mtime if now - status.st_mtime > FORGOTTEN else now
                    found.append((used, max(status.st_size, int(stated)), name, True))
                else:
                    found.append((status.st_mtime, status.st_size, name, False))
        return found

    def _drop_part(self, path: str) -> bool:
        """Removes a part that nobody is at."""
        part = self._claim(path + PART)
        if part is None:
            return False
        _drop(path + PART, path + NOTE)
        os.close(part)
        return True


class _CacheError(Exception):
    """The cache cannot be used; the file can."""


@contextlib.contextmanager
def _trouble() -> Iterator[None]:
    try:
        yield
    except OSError as fault:
        raise _CacheError(fault.strerror or str(fault)) from fault


def _drop(*paths: str) -> None:
    for path in paths:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)


def _read_note(path: str) -> dict[str, Any]:
    try:
        with open(path, encoding="utf-8") as file:
            note = json.load(file)
    except (OSError, ValueError):
        return {}
    return note if isinstance(note, dict) else {}


class _Kept(io.RawIOBase):
    """What is here of a file, then the rest from the web, kept on the way."""

    def __init__(self, cache: Cache, path: str, part: int, here: int, rest: Download) -> None:
        super().__init__()
        self._cache = cache
        self._path = path
        self._part: int | None = part
        self._here = here
        self._rest = rest
        self._at = 0

    def read(self, size: int | None = -1) -> bytes:
        if size is None or size < 0:
            pieces = []
            while piece := self.read(1 << 20):
                pieces.append(piece)
            return b"".join(pieces)
        data = b""
        if self._part is not None and self._at < self._here:
            try:
                data = os.pread(self._part, min(size, self._here - self._at), self._at)
            except OSError as fault:
                self._forsake(fault.strerror or str(fault))
        if not data:
            if self._part is None and self._rest.tell() != self._at:
                self._rest.seek(self._at)
            data = self._rest.read(size)
            self._keep(data)
        self._at += len(data)
        if self._part is not None and self._at == self._rest.length:
            self._finish()
        return data

    def _keep(self, data: bytes) -> None:
        if self._part is None:
            return
        try:
            written = 0
            while written < len(data):
                written += os.pwrite(self._part, memoryview(data)[written:], self._here + written)
            self._here += len(data)
        except OSError as fault:
            self._forsake(fault.strerror or str(fault))

    def _finish(self) -> None:
        """The file is here whole: it gets its name."""
        assert self._part is not None
        try:
            os.fsync(self._part)
            os.replace(self._path + PART, self._path)
            _drop(self._path + NOTE)
        except OSError as fault:
            self._forsake(fault.strerror or str(fault))
            return
        os.close(self._part)
        self._part = None

    def _forsake(self, reason: str) -> None:
        """Gives the space back and reads on from the web."""
        self._cache.warn(f"cache {self._cache.folder}: {reason}; reading without it")
        with contextlib.suppress(OSError):
            _drop(self._path + PART, self._path + NOTE)
        if self._part is not None:
            os.close(self._part)
            self._part = None

    def tell(self) -> int:
        return self._at

    def readable(self) -> bool:
        return True

    def close(self) -> None:
        if self._part is not None:
            os.close(self._part)
            self._part = None
        self._rest.close()
        super().close()
