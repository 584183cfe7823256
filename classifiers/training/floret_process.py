"""fastText's own trainer in a process of its own: its C++ prints, exits and eats memory as it likes.

The trainer is the package floret, which holds the C++ of fastText 0.9.2 and works with NumPy 2. A model file
of floret's has two numbers more than fastText's: they are cut out, so that every reader of fastText models
reads it.
"""

import contextlib
import ctypes
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Collection
from pathlib import Path
from typing import Any

from pipeline.errors import EngineError

MAIN = "from classifiers.training.floret_process import main; main()"
_MODE_AT, _MODE_SIZE = 52, 8  # `mode` and `hashCount`, behind `maxn`
_PR_SET_PDEATHSIG = 1
_SEARCHED = ("lr", "epoch", "wordNgrams", "minn", "maxn")
_GRACE = 2.0  # seconds that a search may take longer than it was given
_SHOWN = 500  # characters of what the trainer said


def search(arguments: dict[str, Any], fixed: Collection[str], scratch: Path) -> dict[str, Any]:
    """What floret's autotune finds: `arguments` that take the place of those given, and `quantise`.

    arguments   of floret's train_supervised, with autotuneValidationFile, autotuneDuration …: the search
                begins with them
    fixed       names of those that are to stay as they are
    """
    # The clock of its search is a thread that now and then ends at once, since it is started before the
    # search is said to be on; the search then never ends. An interrupt ends it with what it has found.
    patience = float(arguments["autotuneDuration"]) + _GRACE
    return _ask({"search": arguments, "fixed": sorted(fixed)}, scratch, patience)


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


def _ask(job: dict[str, Any], scratch: Path, patience: float | None = None) -> dict[str, Any]:
    """What a process of `main` answers.

    patience   seconds after which it is interrupted; None: never
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
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(patience)
            if process.poll() is None:
                process.send_signal(signal.SIGINT)
                process.wait()
        finally:  # interrupted too
            process.kill()
            process.wait()
        found: dict[str, Any] = {}
        with contextlib.suppress(OSError, ValueError):
            found = json.loads(answer.read_text("utf-8"))
        if "arguments" not in found:
            said.seek(0)
            printed = said.read().decode("utf-8", "replace").strip()[-_SHOWN:]
            raise EngineError(_why(found.get("error", ""), process.returncode, printed))
    answer.unlink()
    return dict(found["arguments"])


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
        arguments = _search(job["search"], job["fixed"]) if "search" in job else _train(job)
    except (RuntimeError, ValueError, MemoryError) as fault:  # what the C++ throws
        Path(job["answer"]).write_text(json.dumps({"error": str(fault) or "out of memory"}), "utf-8")
        sys.exit(1)
    Path(job["answer"]).write_text(json.dumps({"arguments": arguments}), "utf-8")


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
