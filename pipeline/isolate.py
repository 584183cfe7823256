"""Runs a function that cannot be trusted with every input in a process of its own.

A page on which an extractor hangs, crashes or eats memory costs that page, not the run:

    extract = Isolated("package.module:function", {"precision": True}, seconds=10, memory=1 << 30)
    outcome = extract(page)          # the bytes that the function returned, or a Failure

The function takes bytes and returns bytes, and is called once with none before the first input, to
load what it loads on first use. A crash or want of memory may be an earlier input's doing (a leak):
it is believed once a fresh process has shown it too.
"""

import contextlib
import ctypes
import fcntl
import importlib
import io
import json
import os
import re
import resource
import signal
import struct
import subprocess
import sys
import tempfile
import weakref
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import IO, Any, cast

from pipeline.errors import ContractError

_SIZE = struct.Struct("<Q")
_ANSWER = struct.Struct("<cQ")  # what it is, and how many bytes of it follow
_DONE, _RAISED, _MEMORY, _READY = b"d", b"r", b"m", b"y"

_WALL = 20  # a call may take this many times its CPU seconds by the clock: it may wait for a core
_MESSAGE = 300  # characters kept of a third party's error message
_ADDRESS = re.compile(r"0x[0-9a-fA-F]{6,}")
_PIPE_BYTES = 1 << 20
_F_SETPIPE_SZ = 1031  # Linux; elsewhere the call fails, and the pipe stays as it is
_PR_SET_PDEATHSIG = 1


@dataclass(frozen=True)
class Failure:
    """Why there is no result for this input, in words that are the same on every run."""

    reason: str


class Isolated:
    """A function behind a process that is started on first use and again whenever it is lost.

    function    "module:name" of a function (bytes, **arguments) -> bytes
    arguments   its other arguments, JSON-serialisable
    seconds     CPU time for one call; by the clock it may take twenty times that
    memory      bytes of address space that calls may take, beside what the modules took
    """

    def __init__(self, function: str, arguments: Mapping[str, Any], seconds: float, memory: int) -> None:
        self._function = function
        self._arguments = json.dumps(dict(arguments), sort_keys=True)
        self._seconds = seconds
        self._memory = memory
        self._child: _Child | None = None

    def __call__(self, data: bytes) -> bytes | Failure:
        used = self._child is not None
        outcome, final = self._call(data)
        if used and not final:
            outcome, _ = self._call(data)
        return outcome

    def close(self) -> None:
        """Ends the process; a later call starts another."""
        if self._child is not None:
            self._child.end()
            self._child = None

    @property
    def process(self) -> int | None:
        """The process's id, None while there is none."""
        return None if self._child is None else self._child.process.pid

    def _call(self, data: bytes) -> tuple[bytes | Failure, bool]:
        """The outcome, and whether it is the input's doing beyond doubt."""
        if self._child is None:
            self._child = _Child(self._function, self._arguments, self._seconds, self._memory)
            weakref.finalize(self, self._child.end)
        try:
            kind, answer = self._child.ask(data)
        except (EOFError, BrokenPipeError):
            died = self._child.end()
            self._child = None
            if died == signal.SIGPROF:
                return Failure(f"timeout after {self._seconds:g} s of CPU"), True
            if died == signal.SIGALRM:
                return Failure(f"timeout after {self._seconds * _WALL:g} s"), True
            return Failure(f"crashed ({_died(died)})"), False
        except BaseException:
            self.close()  # interrupted between a question and its answer
            raise
        if kind == _DONE:
            return answer, True
        if kind == _RAISED:
            return Failure(f"error: {answer.decode()}"), True
        self.close()
        return Failure(f"memory limit {self._memory / 1e9:.3g} GB"), False


def _died(status: int) -> str:
    """The name of the signal, or the exit status, that a process ended with."""
    if status <= 0:
        return f"exit status {-status}"
    try:
        return signal.Signals(status).name
    except ValueError:
        return f"signal {status}"


class _Child:
    """The process on the other side of two pipes."""

    def __init__(self, function: str, arguments: str, seconds: float, memory: int) -> None:
        limits = [function, arguments, repr(seconds), str(memory), str(os.getpid())]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
        with tempfile.TemporaryFile() as complaints:
            self.process = subprocess.Popen(
                [sys.executable, "-c", "from pipeline.isolate import serve; serve()", *limits],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=complaints,
                env=environment,
                bufsize=0,
            )
            self._to = cast(IO[bytes], self.process.stdin)
            self._from = cast(IO[bytes], self.process.stdout)
            self._reader = _Pipe(self._from)
            for pipe in (self._to, self._from):
                _widen(pipe.fileno())
            try:
                kind, _ = self._answer()
            except EOFError:
                kind = b""
            if kind != _READY:
                status = _died(self.end())
                complaints.seek(0)
                last = complaints.read().decode("utf-8", "replace").strip()[-2000:]
                raise ContractError(f"{function}: its process did not start ({status}): {last}")

    def ask(self, data: bytes) -> tuple[bytes, bytes]:
        self._to.write(_SIZE.pack(len(data)))
        view = memoryview(data)
        while view:
            view = view[self._to.write(view) :]
        return self._answer()

    def _answer(self) -> tuple[bytes, bytes]:
        kind, size = _ANSWER.unpack(self._reader.read(_ANSWER.size))
        return kind, self._reader.read(size)

    def end(self) -> int:
        """Ends the process; the signal it died of, or minus its exit status."""
        # Closing its input is enough unless it is in a call; killing one that is gone does nothing.
        for pipe in (self._to, self._from):
            with contextlib.suppress(BrokenPipeError):
                pipe.close()
        try:
            self.process.wait(timeout=1)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        return -self.process.returncode


class _Pipe:
    """The reading end of a pipe; one buffer for all messages, since fresh memory is dear."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = cast(io.RawIOBase, file)
        self._buffer = bytearray(1 << 18)

    def read(self, size: int) -> bytes:
        """`size` bytes; EOFError where the other side is gone."""
        if size > len(self._buffer):
            self._buffer = bytearray(size)
        with memoryview(self._buffer) as whole:
            at = 0
            while at < size:
                count = self._file.readinto(whole[at:size])
                if not count:
                    raise EOFError
                at += count
            return bytes(whole[:size])


def _widen(descriptor: int) -> None:
    """Makes a pipe hold a whole page, so that each side wakes up once; a wish, no need."""
    with contextlib.suppress(OSError):
        fcntl.fcntl(descriptor, _F_SETPIPE_SZ, _PIPE_BYTES)


# The child's side.


def serve() -> None:
    """Runs in the child: loads the function, then answers calls until its input ends."""
    name, arguments, seconds, memory, parent = sys.argv[1:]
    source = _Pipe(os.fdopen(os.dup(0), "rb", buffering=0))
    sink = os.fdopen(os.dup(1), "wb", buffering=0)
    nowhere = os.open(os.devnull, os.O_RDWR)
    os.dup2(nowhere, 0)
    os.dup2(nowhere, 1)  # what the function prints must not get between the answers
    for number in (signal.SIGPROF, signal.SIGALRM):
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, (signal.SIGPROF, signal.SIGALRM))
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to handle
    _die_first(int(parent))
    module, _, function = name.partition(":")
    call = getattr(importlib.import_module(module), function)
    keywords = json.loads(arguments)
    call(b"", **keywords)  # what it loads on first use is not charged to an input
    _limit_memory(int(memory))
    os.dup2(nowhere, 2)
    _send(sink, _READY, b"")
    full = _memory_in_use()[1] + int(memory) // 2
    while (data := _receive(source)) is not None:
        _send(sink, *_attempt(call, data, keywords, float(seconds)))
        if _memory_in_use()[1] > full:
            return  # a leak: the parent finds the process gone and starts another


def _attempt(
    call: Callable[..., bytes], data: bytes, keywords: dict[str, Any], seconds: float
) -> tuple[bytes, bytes]:
    """One call under both clocks; their signals end the process, in C code too."""
    signal.setitimer(signal.ITIMER_PROF, seconds)
    signal.setitimer(signal.ITIMER_REAL, seconds * _WALL)
    try:
        return _DONE, call(data, **keywords)
    except MemoryError:
        return _MEMORY, b""
    # The one place where any exception is a verdict on the input: the function is a third party's.
    except Exception as fault:
        message = _ADDRESS.sub("0x…", " ".join(str(fault).split()))[:_MESSAGE]
        return _RAISED, f"{type(fault).__name__}: {message}".encode("utf-8", "replace")
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.setitimer(signal.ITIMER_REAL, 0)


def _receive(source: _Pipe) -> bytes | None:
    """The next input; None where the parent has closed its side."""
    try:
        (size,) = _SIZE.unpack(source.read(_SIZE.size))
        return source.read(size)
    except EOFError:
        return None


def _send(sink: IO[bytes], kind: bytes, answer: bytes) -> None:
    view = memoryview(_ANSWER.pack(kind, len(answer)) + answer)
    while view:
        view = view[sink.write(view) :]


def _die_first(parent: int) -> None:
    """Asks the kernel to end this process with its parent, and before others if memory is short."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform != "linux":
        return
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(0)  # it died before it was asked
    with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "w") as score:
        score.write("1000")


def _memory_in_use() -> tuple[int, int]:
    """Address space and resident memory of this process, bytes; zeros where there is no /proc."""
    try:
        with open("/proc/self/statm") as numbers:
            size, resident = numbers.read().split()[:2]
    except FileNotFoundError:
        return 0, 0
    return int(size) * resource.getpagesize(), int(resident) * resource.getpagesize()


def _limit_memory(memory: int) -> None:
    used, _ = _memory_in_use()
    if used:
        resource.setrlimit(resource.RLIMIT_AS, (used + memory, used + memory))
