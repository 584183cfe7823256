"""One run at a time on an output: the second is told who holds it."""

import contextlib
import fcntl
import json
import os
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

from pipeline import store
from pipeline.errors import StoreError

NAME = "HELD_BY"
_BEAT = 15  # seconds between signs of life on an object store
_STALE = 4 * _BEAT
_SETTLE = 1.0  # seconds in which another that starts at the same moment shows up


@contextlib.contextmanager
def hold(root: str, what: str = "run", option: str = "`output`") -> Iterator[None]:
    """Holds the output folder `root` for the time of the block; StoreError if another run does.

    what, option   for the message: what goes on there, and where another folder can be named

    Locally by a lock of the operating system, which ends with the process however it ends. On an
    object store by a file renewed every 15 s; one that is a minute old counts as abandoned.
    """
    store.make_folder(root)
    path = store.join(root, NAME)
    told = (what, option)
    with _local(root, path, told) if store.is_local(root) else _remote(root, path, told):
        yield


def _who() -> dict[str, Any]:
    return {
        "host": socket.gethostname(),
        "pid": os.getpid(),
        "since": time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime()),
    }


def _held(root: str, who: dict[str, Any], told: tuple[str, str]) -> StoreError:
    sign = ""
    what, option = told
    if "beat" in who:
        sign = (
            f", last sign of life {max(0.0, time.time() - who['beat']):.0f} s ago (one that was killed is "
            f"given up after {_STALE} s)"
        )
    return StoreError(
        f"{root} is held by another {what}: process {who.get('pid', '?')} on {who.get('host', '?')}, "
        f"started {who.get('since', '?')}{sign}; wait for it, stop it, or choose another {option}"
    )


@contextlib.contextmanager
def _local(root: str, path: str, told: tuple[str, str]) -> Iterator[None]:
    with contextlib.ExitStack() as stack:
        with store.errors(path):
            # Without a buffer, which would be written once more when a full disk is left behind.
            file = stack.enter_context(open(path, "a+b", buffering=0))
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            raise _held(root, _read(file.read()), told) from None
        with store.errors(path):
            file.truncate(0)
            file.write(json.dumps(_who()).encode())
        try:
            yield
        finally:
            with contextlib.suppress(OSError):  # of a disk that is gone
                file.truncate(0)


def _read(content: bytes) -> dict[str, Any]:
    """What a hold's file says; it may be half written."""
    try:
        found = json.loads(content)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


@contextlib.contextmanager
def _remote(root: str, path: str, told: tuple[str, str]) -> Iterator[None]:
    me = _who() | {"token": os.urandom(8).hex()}
    other = store.read_json(path)
    if other and time.time() - other.get("beat", 0) < _STALE:
        raise _held(root, other, told)
    stop = threading.Event()

    def beat() -> None:
        while not stop.wait(_BEAT):
            with contextlib.suppress(StoreError):  # the next may come through
                store.write_json(path, me | {"beat": time.time()})

    store.write_json(path, me | {"beat": time.time()})
    time.sleep(_SETTLE)
    winner = store.read_json(path)
    if winner and winner.get("token") != me["token"]:
        raise _held(root, winner, told)
    renew = threading.Thread(target=beat, daemon=True)
    renew.start()
    try:
        yield
    finally:
        stop.set()
        renew.join()
        store.remove(path)
