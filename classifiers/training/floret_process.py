"""fastText's own trainer in a process of its own: its C++ prints, exits and eats memory as it likes.

The trainer is the package floret, which holds the C++ of fastText 0.9.2 and works with NumPy 2. A model file
of floret's has two numbers more than fastText's: they are cut out, so that every reader of fastText models
reads it.
"""

import contextlib
import ctypes
import errno
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Collection
from pathlib import Path
from typing import IO, Any

from pipeline.errors import EngineError

MAIN = "from classifiers.training.floret_process import main; main()"
_MODE_AT, _MODE_SIZE = 52, 8  # `mode` and `hashCount`, behind `maxn`
_PR_SET_PDEATHSIG = 1
_SEARCHED = ("lr", "epoch", "wordNgrams", "minn", "maxn")
_BEGINS, _TICKS = "the search begins", b"Progress:"  # what a search says, the latter each half a second
_SILENT = 2.0  # seconds without a tick after which its clock has stopped
_STARTS = 20  # of a search, whose clock stops in one of three
_TIMES, _GRACE = 3.0, 60.0  # a search may take so often what it was given, and so many seconds besides
_LOOK = 0.05  # seconds
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)  # with which the process ends where it cannot even answer
_SHOWN = 500  # characters of what the trainer said


def search(arguments: dict[str, Any], fixed: Collection[str], scratch: Path) -> dict[str, Any]:
    """What floret's autotune finds: `arguments` that take the place of those given, and `quantise`.

    arguments   of floret's train_supervised, with autotuneValidationFile, autotuneDuration …: the search
                begins with them
    fixed       names of those that are to stay as they are
    """
    # The clock of its search is a thread that now and then ends at once, since it is started before the
    # search is said to be on; the search then never ends. An interrupt would end it, but by a handler that
    # takes memory and refers to a variable that is gone: it has ended in "double free". So one is killed, and
    # another started. When time is up fastText trains by what it has found, as long as its best trial took.
    patience = _TIMES * float(arguments["autotuneDuration"]) + _GRACE
    for _ in range(_STARTS):
        found = _ask({"search": arguments, "fixed": sorted(fixed)}, scratch, patience)
        if found is not None:
            return found
    raise EngineError(
        f"fastText's search: its clock stopped {_STARTS} times; give the same command again, or leave -o "
        "autotune= out"
    )


def train(arguments: dict[str, Any], quantise: dict[str, Any] | None, model: Path) -> None:
    """Trains a model and writes it to `model`, in fastText's own form.

    arguments   of floret's train_supervised; quantise: those of its quantize, or None
    EngineError where the process ends without a model.
    """
    from text.fasttext.model_file import read_model  # which the process itself has no time to import

    with tempfile.TemporaryDirectory(dir=model.parent, prefix=".floret-") as folder:
        raw = Path(folder) / "model.bin"
        _ask({"train": arguments, "quantise": quantise, "model": str(raw)}, Path(folder))
        _as_fasttext(raw, model)
    try:
        read_model(model)
    except ValueError as fault:  # fastText does not look whether what it writes was written
        raise EngineError(f"fastText's file was not written whole ({fault}); is the disk full?") from fault


def _ask(job: dict[str, Any], scratch: Path, patience: float | None = None) -> dict[str, Any] | None:
    """What a process of `main` answers; None of a search whose clock has stopped.

    patience   seconds after which a search is killed; None: it is no search, and takes its time
    """
    answer = scratch / "answer.json"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    whole = json.dumps({**job, "answer": str(answer), "parent": os.getpid()}).encode()
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(
            [sys.executable, "-c", MAIN], stdin=subprocess.PIPE, stdout=said, stderr=said, env=environment
        )
        try:
            with contextlib.suppress(BrokenPipeError):
                assert process.stdin is not None
                process.stdin.write(whole)
                process.stdin.close()
            if patience is None:
                process.wait()
            elif not _searched(process, said, patience):
                return None
        finally:  # interrupted too
            process.kill()
            process.wait()
        found: dict[str, Any] = {}
        with contextlib.suppress(OSError, ValueError):
            found = json.loads(answer.read_text("utf-8"))
        if "arguments" not in found and process.returncode in _FULL:
            raise OSError(process.returncode, os.strerror(process.returncode), str(scratch))
        if "arguments" not in found:
            said.seek(0)
            printed = said.read().decode("utf-8", "replace").strip()[-_SHOWN:]
            raise EngineError(_why(found.get("error", ""), process.returncode, printed))
    answer.unlink()
    return dict(found["arguments"])


def _searched(process: subprocess.Popen[bytes], said: IO[bytes], patience: float) -> bool:
    """Waits for the end of a search; False: its clock has stopped. EngineError where it does not end."""
    begun, began, ticks = time.monotonic(), 0.0, False
    while True:
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(_LOOK)
            return True
        now = time.monotonic()
        if now - begun > patience:
            raise EngineError(
                f"fastText's search did not end within {patience:.0f} seconds and was stopped; give more "
                "seconds (-o autotune=300) or fewer texts, or leave it out"
            )
        if ticks:
            continue
        words = os.pread(said.fileno(), 1 << 16, 0)  # where the process goes on writing is not moved by it
        ticks = _TICKS in words
        if not began and _BEGINS.encode() in words:
            began = now
        if began and not ticks and now - began > _SILENT:
            return False


def _why(error: str, status: int, printed: str) -> str:
    if "NaN" in error:
        return (
            f"fastText: {error.strip()} The learning rate is too high for these texts: lower it (-o lr=0.1)"
        )
    if "time to train" in error:
        return f"fastText: {error.strip()} Give more seconds (-o autotune=300), or fewer texts"
    if status == -signal.SIGKILL or "alloc" in error or "memory" in error:
        return (
            "fastText was killed or got no memory, as by a machine that runs out of memory: its matrix takes "
            "4 bytes × dim × (words + buckets); give fewer: -o buckets=, -o dim=, a higher -o min_count="
        )
    if error:
        return f"fastText: {error.strip()}"
    return f"fastText ended without a model (status {status}): {printed or 'it said nothing'}"


def _as_fasttext(raw: Path, model: Path) -> None:
    with open(raw, "rb") as source, open(model, "wb") as sink:
        sink.write(source.read(_MODE_AT))
        source.read(_MODE_SIZE)
        while piece := source.read(1 << 24):
            sink.write(piece)


def main() -> None:
    """The process: reads a job, writes a model and what became of it."""
    job = json.load(sys.stdin)
    with contextlib.suppress(OSError, AttributeError):  # Linux alone has it
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != job["parent"]:  # which has ended before it could be watched
        sys.exit(1)
    try:
        found: dict[str, Any] = {
            "arguments": _search(job["search"], job["fixed"]) if "search" in job else _train(job)
        }
    except (RuntimeError, ValueError, MemoryError) as fault:  # what the C++ throws
        found = {"error": str(fault) or "out of memory"}
    try:
        Path(job["answer"]).write_text(json.dumps(found), "utf-8")
    except OSError as fault:
        sys.exit(fault.errno if fault.errno in _FULL else str(fault))
    sys.exit("error" in found)


def _search(given: dict[str, Any], fixed: list[str]) -> dict[str, Any]:
    import floret_pybind  # since floret's train_supervised would leave alone whatever it is given

    asked = floret_pybind.args()
    enums = {
        "model": floret_pybind.model_name.supervised,
        "loss": getattr(floret_pybind.loss_name, given["loss"]),
        "mode": floret_pybind.mode_name.fasttext,
    }
    for name, value in {**given, **enums, "output": "", "hashCount": 1, "label": "__label__"}.items():
        setattr(asked, name, value)
    for name in fixed:
        asked.setManual(name)
    network = floret_pybind.fasttext()
    print(_BEGINS, file=sys.stderr, flush=True)
    floret_pybind.train(network, asked)
    found = network.getArgs()
    arguments = {name: getattr(found, name) for name in _SEARCHED}
    quantise = {name: getattr(found, name) for name in ("dsub", "qnorm", "qout", "cutoff")}
    sized = bool(given["autotuneModelSize"])
    return {"arguments": arguments, "quantise": {**quantise, "retrain": True} if sized else None}


def _train(job: dict[str, Any]) -> dict[str, Any]:
    import floret

    given = job["train"]
    network = floret.train_supervised(**given)
    if job["quantise"]:
        texts = given["input"] if job["quantise"]["retrain"] else None
        network.quantize(input=texts, thread=given["thread"], verbose=0, **job["quantise"])
    network.save_model(job["model"])
    return {}
