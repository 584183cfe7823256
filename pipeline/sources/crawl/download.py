"""A file on the web, read forwards in one request, taken up again at the byte where it broke off.

Stores of crawls count requests: a file of a gigabyte is one here, where reading by ranges would make
two hundred of it.
"""

import contextlib
import errno
import http.client
import io
import re
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass
from typing import Any

from pipeline.remote import patiently

TIMEOUT = 60.0  # seconds without a byte
_AGENT = "winnow (reads crawls for language models)"
_RANGE = re.compile(r"bytes (\d+)-\d*/(\d+|\*)")
_SKIP = 1 << 20  # bytes read at a time to get to a place


class ChangedError(OSError):
    """The file is another one than that of which the first part was read."""


class RefusedError(OSError):
    """An HTTP error, with its `status` and `headers`."""

    def __init__(self, url: str, status: int, headers: Any) -> None:
        super().__init__(errno.EIO, f"HTTP status {status}", url)
        self.status = status
        self.headers = headers


@dataclass
class Answer:
    """A file from byte `at` on. `length` of the whole file, -1 if the server does not say; `tag`
    stands for its version, "" if it has none."""

    stream: Any
    at: int
    length: int
    tag: str


def ask(url: str, at: int = 0, tag: str = "") -> Answer:
    """Asks for the file from byte `at` on, if it is the version `tag` still.

    The answer may start before `at`: at 0, where the server cannot send a part or the file has
    changed. Raises FileNotFoundError or RefusedError.
    """
    request = urllib.request.Request(url, headers={"User-Agent": _AGENT})
    if at:
        request.add_header("Range", f"bytes={at}-")
        if tag:
            request.add_header("If-Range", tag)
    try:
        stream = urllib.request.urlopen(request, timeout=TIMEOUT)
    except urllib.error.HTTPError as fault:
        with fault:
            if fault.code == 416 and (fault.headers.get("Content-Range") or "").endswith(f"/{at}"):
                return Answer(io.BytesIO(), at, at, tag)  # it ends there: nothing is left
            if fault.code in (404, 410):
                raise FileNotFoundError(errno.ENOENT, f"HTTP status {fault.code}", url) from fault
            raise RefusedError(url, fault.code, fault.headers) from fault
    except urllib.error.URLError as fault:
        if isinstance(fault.reason, OSError):
            raise fault.reason from fault
        raise OSError(errno.EIO, str(fault.reason), url) from fault
    except http.client.HTTPException as fault:
        raise OSError(errno.EIO, f"{type(fault).__name__} {fault}".strip(), url) from fault
    given = stream.headers
    found = given.get("ETag") or ""
    version = found if found and not found.startswith("W/") else given.get("Last-Modified") or ""
    part = _RANGE.match(given.get("Content-Range") or "") if stream.status == 206 else None
    if part:
        total = -1 if part.group(2) == "*" else int(part.group(2))
        return Answer(stream, int(part.group(1)), total, version)
    stated = given.get("Content-Length") or ""
    return Answer(stream, 0, int(stated) if stated.isdigit() else -1, version)


class Download(io.RawIOBase):
    """The file at `url` as a binary file.

    Trouble is waited out (`patiently`), then it is an OSError; so is an end before the length that
    the server gave, and a file that changes while it is read.

    at, tag   the first byte to read, of this version of the file
    asks      whether to ask for it now, and not only when it is read
    """

    def __init__(self, url: str, at: int = 0, tag: str = "", asks: bool = True) -> None:
        super().__init__()
        self.url = url
        self.length = -1
        self.tag = tag
        self._host = urllib.parse.urlsplit(url).netloc
        self._at = at
        self._answer: Answer | None = None
        if asks:
            patiently(self._ask, self._host)

    def _ask(self) -> Answer:
        self._leave()
        answer = ask(self.url, self._at, self.tag)
        if self.tag and answer.tag and answer.tag != self.tag:
            answer.stream.close()
            raise ChangedError(errno.ESTALE, "it has changed since its first part was read", self.url)
        self.length, self.tag = answer.length, answer.tag
        left = self._at - answer.at
        while left > 0:
            passed = len(answer.stream.read(min(left, _SKIP)))
            if not passed:
                raise OSError(errno.EIO, f"it ends before byte {self._at:,}", self.url)
            left -= passed
        self._answer = answer
        return answer

    def _leave(self) -> None:
        if self._answer is not None:
            with contextlib.suppress(OSError):
                self._answer.stream.close()
            self._answer = None

    def read(self, size: int | None = -1) -> bytes:
        """At most `size` bytes, all that is left if negative; b"" only at the end."""
        if size is None or size < 0:
            parts = []
            while part := self.read(_SKIP):
                parts.append(part)
            return b"".join(parts)
        data = patiently(lambda: self._read(size), self._host, asks=self._answer is None)
        self._at += len(data)
        return data

    def _read(self, size: int) -> bytes:
        answer = self._answer or self._ask()
        try:
            data: bytes = answer.stream.read(size)
        except http.client.IncompleteRead as fault:
            data = fault.partial
        except (OSError, http.client.HTTPException) as fault:
            self._leave()
            raise OSError(errno.EIO, f"the connection broke at byte {self._at:,}: {fault}") from fault
        if not data and size and self._at < self.length:
            self._leave()
            raise OSError(errno.EIO, f"it ends after {self._at:,} of {self.length:,} bytes")
        return data

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Goes on at another byte, with a new request."""
        if whence == io.SEEK_END and self.length < 0:
            patiently(self._ask, self._host)
        at = offset + (0, self._at, max(self.length, 0))[whence]
        if at != self._at:
            self._at = at
            self._leave()
        return at

    def tell(self) -> int:
        return self._at

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def close(self) -> None:
        self._leave()
        super().close()
