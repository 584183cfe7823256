"""How often a store is asked: less often once it says that it is too much, more often again after.

A store that is throttling answers 503 (S3's SlowDown) or 429, to everybody. Each refusal doubles the
time between requests, each answer shortens it. The moment until which a host wants to be left alone
is shared by all processes of the machine, as the modification time of a small file: one worker is
told, and all wait.
"""

import contextlib
import getpass
import hashlib
import os
import random
import re
import tempfile
import threading
import time
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

FIRST = 0.5  # seconds between requests after the first refusal
LONGEST = 60.0  # seconds between requests, at most, unless the store itself asks for more
MOST_ASKED = 900.0  # seconds that a store may ask to be left alone; more is taken for a mistake
_GROWTH, _RECOVERY = 2.0, 0.7  # what a refusal and an answer do to the time between requests

_BUSY = (429, 503)
# What the libraries of object stores say of it.
_WORDS = re.compile(
    r"slow_?down|reduce your request rate|too ?many ?requests|throttl|rate ?limit", re.IGNORECASE
)
_STATUS = re.compile(r"(?:HTTP|status|code|error)\D{0,20}\b(?:429|503)\b", re.IGNORECASE)


class Pace:
    """The pace of requests to one host; safe for several threads."""

    def __init__(self, host: str, folder: str | None = None) -> None:
        self._lock = threading.Lock()
        self._interval = 0.0
        self._next = 0.0
        folder = folder or os.path.join(tempfile.gettempdir(), f"winnow-pace-{_user()}")
        self._file = os.path.join(folder, hashlib.blake2b(host.encode(), digest_size=8).hexdigest())

    @property
    def interval(self) -> float:
        """Seconds between two requests of this process; 0 while nothing was refused lately."""
        return self._interval

    def wait(self) -> float:
        """Sleeps until a request may be made; returns how long, seconds."""
        with self._lock:
            now = time.time()
            pause = max(self._next, min(self._shared(), now + MOST_ASKED)) - now
            if pause > 0:
                # Those who waited for the same moment do not come back all at once.
                pause += random.uniform(0, max(self._interval, FIRST))
            self._next = now + max(pause, 0.0) + self._interval
        if pause > 0:
            time.sleep(pause)
        return max(pause, 0.0)

    def refused(self, asked: float = 0.0) -> None:
        """The store has said that it is too much; `asked`: seconds for which it wants no request."""
        with self._lock:
            self._interval = min(LONGEST, max(FIRST, self._interval * _GROWTH))
            pause = max(min(asked, MOST_ASKED), self._interval * random.uniform(0.5, 1.0))
            self._next = time.time() + pause
            self._share(self._next)

    def served(self) -> None:
        """The store has answered."""
        if self._interval:
            with self._lock:
                faster = self._interval * _RECOVERY
                self._interval = faster if faster >= FIRST / 8 else 0.0

    def _shared(self) -> float:
        try:
            return os.stat(self._file).st_mtime
        except OSError:
            return 0.0

    def _share(self, until: float) -> None:
        # A wish: where the file cannot be written each process finds out by itself.
        with contextlib.suppress(OSError):
            os.makedirs(os.path.dirname(self._file), exist_ok=True)
            if until > self._shared():
                with open(self._file, "ab"):
                    os.utime(self._file, (until, until))


def _user() -> str:
    try:
        return re.sub(r"\W", "-", getpass.getuser())
    except (KeyError, OSError):  # no such name on this machine
        return str(os.getuid())


_paces: dict[str, Pace] = {}


def pace_of(host: str) -> Pace:
    """The pace of this process for a host."""
    return _paces.setdefault(host, Pace(host))


def refusal(fault: BaseException) -> float | None:
    """Seconds that a store asks to be left alone, 0 if it does not say; None if it is not throttling.

    Told by the status of an HTTP error, whichever library raises it, or by what it says.
    """
    for name in ("status", "code"):
        status = getattr(fault, name, None)
        if isinstance(status, int):
            if status not in _BUSY:
                return None
            headers = getattr(fault, "headers", None)
            return retry_after(headers.get("Retry-After") if headers is not None else None)
    text = str(fault)
    return 0.0 if _WORDS.search(text) or _STATUS.search(text) else None


def retry_after(value: str | None) -> float:
    """Seconds of a Retry-After field: a number or a date; 0 where it says nothing."""
    text = (value or "").strip()
    if re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,9})?", text):
        return float(text)
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError):
        return 0.0
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(0.0, (moment - datetime.now(UTC)).total_seconds())
