"""A member of a 7z archive as a stream of pieces, in bounded memory, never extracted to disk.

py7zr pushes what it unpacks; here it does so in a thread, which waits when it is a few pieces ahead.
Unpacking runs in C without Python's lock, so it goes on beside the reading. PPMd's decoder can end
the process on a bad archive, so it runs in one of its own, which reads the archive by its path.
"""

import io
import os
import queue
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from typing import BinaryIO, cast

import py7zr
from py7zr.io import Py7zIO, WriterFactory

from pipeline.sources.archives.member import ENCRYPTED, UNSUPPORTED
from pipeline.sources.streams import CORRUPT, TRUNCATED

MAGIC = b"7z\xbc\xaf\x27\x1c"

NO_MEMBER = "no_member"
_PPMD = "ppmd"
_PPMD_METHOD = b"\x03\x04\x01"

_AHEAD = 4  # pieces that unpacking may be ahead of reading
_PIECE = 4 << 20  # bytes
_BLOCK = 1 << 16  # packed bytes that are unpacked at a time: what is lost before damage

_FAULTS = (CORRUPT, TRUNCATED, ENCRYPTED, UNSUPPORTED, NO_MEMBER)
_FIRST_STATUS = 10  # exit status of the child for the first of them
_UNREADABLE = 9

_CHILD = "from pipeline.sources.archives.sevenzip import serve; serve()"

Put = Callable[[bytes], None]


class _StoppedError(Exception):
    """Nobody reads on."""


class _Pipe(Py7zIO):
    """Where py7zr writes a member to."""

    def __init__(self, put: Put) -> None:
        self._put = put
        self._length = 0

    def write(self, s: bytes | bytearray) -> int:
        self._length += len(s)
        for begin in range(0, len(s), _PIECE):
            self._put(bytes(s[begin : begin + _PIECE]))
        return len(s)

    def read(self, size: int | None = None) -> bytes:
        del size
        return b""

    def seek(self, offset: int, whence: int = 0) -> int:
        del offset, whence
        return 0

    def flush(self) -> None:
        """Nothing is held back."""

    def size(self) -> int:
        return self._length


class _Sips(io.RawIOBase):
    """A file of which, once `most` is set, no more is read at a time: py7zr reads a megabyte, and
    what it has read and not yet handed on is lost where that is damaged.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.most = -1

    def read(self, size: int = -1) -> bytes:
        return self._file.read(size if self.most < 0 else min(size, self.most))

    def seek(self, offset: int, whence: int = 0) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True


class _Writers(WriterFactory):
    def __init__(self, pipe: _Pipe) -> None:
        self._pipe = pipe

    def create(self, filename: str) -> Py7zIO:
        del filename
        return self._pipe


def member(file: BinaryIO, name: str) -> Iterator[bytes | str]:
    """The pieces of the first member called `name`, in any folder and case; in the end, if there is
    one, a fault: `corrupt`, `truncated`, `encrypted`, `unsupported`, or `no_member` where none is
    called so. Raises OSError where the file cannot be read at all.

    PPMd is supported of local files only.
    """
    fault = ""
    for item in _in_thread(file, name):
        if isinstance(item, bytes):
            yield item
        else:
            fault = item
    if fault == _PPMD:
        path = getattr(file, "name", None)
        if isinstance(path, str):
            yield from _in_child(path, name)
        else:
            yield UNSUPPORTED
    elif fault:
        yield fault


def _in_thread(file: BinaryIO, name: str) -> Iterator[bytes | str]:
    pieces: queue.Queue[bytes | str | OSError] = queue.Queue(_AHEAD)
    stopped = threading.Event()

    def put(item: bytes | str | OSError) -> None:
        while not stopped.is_set():
            try:
                return pieces.put(item, timeout=0.2)
            except queue.Full:
                continue
        raise _StoppedError

    def unpack() -> None:
        try:
            put(_outcome(file, name, put, False))
        except _StoppedError:
            return

    thread = threading.Thread(target=unpack, daemon=True)
    thread.start()
    try:
        while True:
            item = pieces.get()
            if isinstance(item, OSError):
                raise item
            yield item
            if isinstance(item, str):
                return
    finally:
        stopped.set()
        thread.join()


def _outcome(file: BinaryIO, name: str, put: Put, ppmd: bool) -> str | OSError:
    """Hands a member's bytes to `put`; "" or the fault, an OSError if the file cannot be read."""
    try:
        return _extract(file, name, put, ppmd)
    except _StoppedError:
        raise
    except Exception as fault:  # of py7zr and the codecs behind it, which raise whatever damage leads to
        if isinstance(fault, OSError) and fault.errno is not None:
            return fault
        if isinstance(fault, py7zr.UnsupportedCompressionMethodError):
            return UNSUPPORTED
        if isinstance(fault, py7zr.PasswordRequired):
            return ENCRYPTED
        return TRUNCATED if isinstance(fault, EOFError) else CORRUPT


def _extract(file: BinaryIO, name: str, put: Put, ppmd: bool) -> str:
    sips = _Sips(file)
    with py7zr.SevenZipFile(cast(BinaryIO, sips)) as archive:
        if archive.needs_password():
            return ENCRYPTED
        found = next((path for path in archive.getnames() if _base_name(path) == name.lower()), None)
        if found is None:
            return NO_MEMBER
        streams = archive.header.main_streams
        folders = [] if streams is None else streams.unpackinfo.folders
        if not ppmd and any(coder["method"] == _PPMD_METHOD for folder in folders for coder in folder.coders):
            return _PPMD
        sips.most = _BLOCK
        archive.extract(targets=[found], factory=_Writers(_Pipe(put)))
    return ""


def _base_name(path: str) -> str:
    return path.replace("\\", "/").rsplit("/", 1)[-1].lower()


def _in_child(path: str, name: str) -> Iterator[bytes | str]:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(entry for entry in sys.path if entry)}
    command = [sys.executable, "-c", _CHILD, path, name]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment
    ) as child:
        assert child.stdout is not None
        try:
            while piece := child.stdout.read(_PIECE):
                yield piece
        finally:
            child.stdout.close()  # ends the child, if it is not done, with its next piece
    status = child.returncode - _FIRST_STATUS
    if status == _UNREADABLE - _FIRST_STATUS:
        raise OSError(f"{path}: cannot be read")
    if child.returncode:
        yield _FAULTS[status] if 0 <= status < len(_FAULTS) else CORRUPT


def serve() -> None:
    """Runs in the child: writes the member to standard output, says by its status how it went."""
    path, name = sys.argv[1:]

    def put(piece: bytes) -> None:
        try:
            sys.stdout.buffer.write(piece)
            sys.stdout.buffer.flush()
        except BrokenPipeError:
            os._exit(0)  # nobody reads on

    with open(path, "rb") as file:
        outcome = _outcome(file, name, put, True)
    if isinstance(outcome, OSError):
        sys.exit(_UNREADABLE)
    sys.exit(_FIRST_STATUS + _FAULTS.index(outcome) if outcome else 0)
