"""A remote file for reading: transient trouble is waited out, lasting trouble is an OSError.

Each store's library raises errors of its own, and a connection that drops must not pass for the end
of a file: what is lost then would be counted as damage, or not at all.
"""

import contextlib
import errno
import random
import time
from collections.abc import Callable
from types import TracebackType
from typing import Any, TypeVar

from pipeline.pace import pace_of, refusal

Result = TypeVar("Result")

WAITS = (0.5, 2.0, 8.0)  # seconds before each further try, give or take a half
PATIENCE = 1800.0  # seconds to wait in all for a store that is throttling
_LASTING = (FileNotFoundError, PermissionError, IsADirectoryError)
_SKIP = 1 << 20  # bytes read at a time to come back to a place


def patiently(attempt: Callable[[], Result], host: str = "", asks: bool = True) -> Result:
    """What `attempt` returns, tried again after each of `WAITS`. Raises OSError, always with `errno`.

    A store that throttles is asked again, less and less often, for as long as `PATIENCE`; all
    requests to the same `host` keep to that pace.

    asks   whether the first attempt is a request; if not, it reads on in an answer to an earlier one
    """
    pace = pace_of(host)
    waits = iter(WAITS)
    patience = PATIENCE
    while True:
        if asks:
            patience -= pace.wait()
        try:
            result = attempt()
        except _LASTING:
            raise
        except Exception as fault:  # whatever library stands behind the store: these calls only fetch
            asks = True
            asked = refusal(fault)
            if asked is not None and patience > 0:
                pace.refused(asked)
                continue
            wait = next(waits, None) if asked is None else None
            if wait is not None:
                time.sleep(wait * random.uniform(0.5, 1.5))
                continue
            if isinstance(fault, OSError) and fault.errno is not None:
                raise
            raise OSError(errno.EIO, " ".join(str(fault).split()) or type(fault).__name__) from fault
        if asks:
            pace.served()
        return result


class RemoteFile:
    """A file of an fsspec file system as a binary file for reading.

    size   bytes that the file is known to have: it is an OSError if it ends before
    """

    def __init__(self, system: Any, path: str, size: int | None) -> None:
        self._system = system
        self._path = path
        self._size = size
        self._at = 0
        self._arguments: dict[str, Any] = {}
        self._ended = self._broken = False
        protocols = system.protocol if isinstance(system.protocol, str) else system.protocol[0]
        self._host = f"{protocols}://{path.removeprefix(f'{protocols}://').split('/', 1)[0]}"
        self._file = patiently(self._open, self._host)

    def _open(self) -> Any:
        return self._system.open(self._path, "rb", **self._arguments)

    def read(self, size: int = -1) -> bytes:
        if self._ended:
            return b""
        data = patiently(lambda: self._read(size), self._host, asks=False)
        self._at += len(data)
        self._ended = not data and size != 0
        return data

    def _read(self, size: int) -> bytes:
        if self._broken:
            self._reopen()
        self._broken = True
        try:
            data: bytes = self._file.read() if size < 0 else self._file.read(size)  # PyArrow's takes no -1
        except ValueError:  # from fsspec: the HTTP server cannot send parts of a file
            self._arguments = {"block_size": 0}  # a stream then, which cannot seek
            raise
        if not data and size and self._size is not None and self._at < self._size:
            raise OSError(errno.EIO, f"it ends after {self._at:,} of {self._size:,} bytes")
        self._broken = False
        return data

    def _reopen(self) -> None:
        """Opens the file anew where it stood: a stream that broke off does not go on."""
        with contextlib.suppress(Exception):
            self._file.close()
        self._file = self._open()
        with contextlib.suppress(ValueError):  # a stream, whatever its `seekable()` says
            self._file.seek(self._at)
            return
        left = self._at
        while left:
            skipped = len(self._file.read(min(left, _SKIP)))
            if not skipped:
                raise OSError(errno.EIO, f"it ends before byte {self._at:,}, where it went on before")
            left -= skipped

    def seek(self, offset: int, whence: int = 0) -> int:
        self._at = int(self._file.seek(offset, whence))
        self._ended = False
        return self._at

    def tell(self) -> int:
        return self._at

    def readable(self) -> bool:
        return True

    def writable(self) -> bool:
        return False

    def seekable(self) -> bool:
        return bool(self._file.seekable())

    def flush(self) -> None:
        """Nothing is written."""

    @property
    def closed(self) -> bool:
        return bool(self._file.closed)

    def close(self) -> None:
        self._file.close()

    def __enter__(self) -> "RemoteFile":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
