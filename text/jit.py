"""How winnow's kernels are compiled: one decorator, typed for mypy.

Numba keeps compiled kernels on disk and takes one from there as long as the file that holds it is
unchanged, even if it calls a kernel of another file that has changed. So the folder is named
after the sources of all of `text/`; kernels of other packages call none but their own file's and
these.
"""

import contextlib
import fcntl
import functools
import hashlib
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar, cast

import numba
from numba.core.caching import FunctionCache, IndexDataCacheFile

Function = TypeVar("Function", bound=Callable[..., Any])


def _sources(folder: Path) -> Iterator[Path]:
    """All Python files in it; not by `rglob`, which would look through all the compiled kernels."""
    for entry in folder.iterdir():
        if entry.suffix == ".py":
            yield entry
        elif entry.is_dir() and entry.name != "__pycache__":
            yield from _sources(entry)


def cache_folder(here: Path) -> str:
    """Where kernels compiled from the sources in `here` are kept: beside them, in the user's cache
    where that cannot be written, or else in a folder of this process alone."""
    digest = hashlib.sha256()
    for source in sorted(_sources(here)):
        digest.update(str(source.relative_to(here)).encode() + b"\0" + source.read_bytes())
    checks = "-checked" if numba.config.BOUNDSCHECK else ""  # which Numba does not tell apart
    name = f"kernels-{digest.hexdigest()[:12]}{checks}"
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    for root in (here / "__pycache__", home / "winnow"):
        try:
            (root / name).mkdir(parents=True, exist_ok=True)
        except OSError:
            continue
        if os.access(root / name, os.W_OK):
            return str(root / name)
    return tempfile.mkdtemp(prefix="winnow-kernels-")


# `NUMBA_CACHE_DIR` in the environment goes before this.
numba.config.CACHE_DIR = numba.config.CACHE_DIR or cache_folder(Path(__file__).parent)


def _alone(method: Callable[..., Any]) -> Callable[..., Any]:
    """A method of Numba's index of compiled kernels, for one process at a time.

    Two that compile a kernel for different types at once both take the next free number, and then one's
    code stands in the file that the index names for the other's. So it was where many workers begin with an
    empty folder.
    """

    @functools.wraps(method)
    def held(self: Any, *arguments: Any) -> Any:
        with contextlib.ExitStack() as stack:
            with contextlib.suppress(OSError):  # a folder that nobody can write, or lock
                file = stack.enter_context(open(os.path.join(self._cache_path, "LOCK"), "ab"))
                fcntl.flock(file, fcntl.LOCK_EX)
            return method(self, *arguments)

    return held


for _name in ("load", "save"):
    setattr(IndexDataCacheFile, _name, _alone(getattr(IndexDataCacheFile, _name)))


_PATIENCE = 120.0  # seconds; whoever compiles for longer has been stopped


class _CompiledOnce(FunctionCache):  # type: ignore[misc]
    """Numba's cache of a kernel, filled by one process at a time.

    Processes that start together on a machine without compiled kernels share the work, where each
    would compile all of them. A kernel calls none that calls it, so no two wait for each other.
    """

    _held: int | None = None

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        found = super().load_overload(sig, target_context)
        if found is None and self._held is None:
            self._held = self._hold()
            found = super().load_overload(sig, target_context)
        return found

    def let_go(self) -> None:
        if self._held is not None:
            os.close(self._held)
            self._held = None

    def _hold(self) -> int | None:
        """The open lock, or None where the file system has none or its holder does not go on."""
        with contextlib.suppress(OSError):
            self._impl.locator.ensure_cache_path()
            lock = os.open(
                f"{self._cache_path}/{self._impl.filename_base}.lock", os.O_CREAT | os.O_RDWR, 0o666
            )
            until = time.monotonic() + _PATIENCE
            try:
                while time.monotonic() < until:
                    with contextlib.suppress(BlockingIOError):
                        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                        return lock
                    time.sleep(0.01)
            except OSError:
                pass
            os.close(lock)
        return None


def _cached(dispatcher: Any) -> Any:
    if numba.config.DISABLE_JIT:
        return dispatcher
    cache = _CompiledOnce(dispatcher.py_func)
    compiled = dispatcher.compile

    def compile(signature: Any) -> Any:
        try:
            return compiled(signature)
        finally:
            cache.let_go()

    dispatcher._cache, dispatcher.compile = cache, compile
    return dispatcher


def kernel(function: Function) -> Function:
    """Compiles `function` with Numba on first use, cached on disk, without holding the GIL.

    `NUMBA_BOUNDSCHECK=1` in the environment checks every index (slow, for tests).
    """
    return cast(Function, _cached(numba.njit(nogil=True)(function)))


def inlined(function: Function) -> Function:
    """As `kernel`, for a small function called once per character: always part of its caller."""
    return cast(Function, _cached(numba.njit(nogil=True, forceinline=True)(function)))


# What Numba counts for each view of an array, so that its memory is given back after the last one, costs some
# 5 ns each time. A function that makes no array of its own needs none of it.
_UNCOUNTED = {"_nrt": False}


def uncounted(function: Function) -> Function:
    """As `kernel`, for one that is given all its arrays and calls none but `uncounted_inlined` ones.

    Worth it where much is called for each token or row.
    """
    return cast(Function, _cached(numba.njit(nogil=True, **_UNCOUNTED)(function)))


def uncounted_inlined(function: Function) -> Function:
    """As `inlined`, for a function that makes no array, in an `uncounted` kernel."""
    return cast(Function, _cached(numba.njit(nogil=True, forceinline=True, **_UNCOUNTED)(function)))
