"""Trains a fastText classifier (Joulin et al. 2016, arXiv:1607.01759): seconds on a CPU, and the fastest to
score with.

With one thread and a seed the same texts give the same bytes on the same kind of machine; more threads write
into one matrix without asking each other, so that each training gives another model.
"""

import re
import tempfile
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from pydantic import Field, field_validator

from classifiers.model import FASTTEXT, Model
from classifiers.scorer import prepared
from classifiers.training import floret_process
from classifiers.training.task import Examples, Task
from pipeline.errors import PlanError
from pipeline.faults import choose
from pipeline.stage import Options
from text.hashing import random_words

LABEL = "__label__"
_MOST_TIMES = 50  # that an example is shown in an epoch, however much it weighs
_UPDATES = 100_000  # that small sets of examples are to have, see `epochs`
_CENTROIDS = 256  # of fastText's product quantiser
_SIZE = re.compile(r"[1-9]\d*[KMG]?")


class FastTextOptions(Options):
    """Options of `--kind fasttext`."""

    dim: int = Field(default=32, ge=1, le=1024, description="values of a vector")
    epoch: int | None = Field(
        default=None, ge=1, le=1000, description="times each text is seen; default: 5, more of few texts"
    )
    lr: float = Field(default=0.5, gt=0, le=10, description="learning rate at the start")
    word_ngrams: int = Field(default=2, ge=1, le=6, description="words of the longest n-gram")
    min_chars: int = Field(default=0, ge=0, le=20, description="characters of the shortest n-gram")
    max_chars: int = Field(default=0, ge=0, le=20, description="characters of the longest n-gram; 0: none")
    buckets: int = Field(
        default=200_000,
        ge=1,
        le=100_000_000,
        description="rows that n-grams share; the model takes 4 bytes × dim × (words + buckets)",
    )
    min_count: int = Field(default=2, ge=1, description="how often a word must occur to have its own row")
    loss: Literal["softmax", "hs", "ova", "ns"] = Field(
        default="softmax", description="hs for thousands of labels; ova: each label by itself"
    )
    quantise: bool = Field(default=False, description="a tenth of the bytes for a little of the quality")
    cutoff: int = Field(default=0, ge=0, description="quantised: rows that are kept, the longest; 0: all")
    autotune: int = Field(
        default=0, ge=0, description="seconds of search for arguments by the validation side; 0: none"
    )
    autotune_metric: str = Field(default="f1", description="f1, or f1:LABEL of one label")
    autotune_size: str = Field(default="", description="size of the model that the search is to keep to: 2M")

    @field_validator("cutoff")
    @classmethod
    def _enough(cls, cutoff: int) -> int:
        if 0 < cutoff < _CENTROIDS:
            raise ValueError(f"found {cutoff}; expected 0, or {_CENTROIDS} or more: as many as centroids")
        return cutoff

    @field_validator("autotune_size")
    @classmethod
    def _is_size(cls, size: str) -> str:
        if size and not _SIZE.fullmatch(size):
            raise ValueError(f"found {size!r}; expected bytes, as 500K or 2M")
        return size


OPTIONS = FastTextOptions


def epochs(examples: int) -> int:
    """Times that each text is seen, where nobody has said it: fastText's 5, but so many that `_UPDATES`
    examples go by, or 50."""
    return int(min(50, max(5, -(-_UPDATES // max(1, examples)))))


def fit(train: Examples, validation: Examples, task: Task, options: Any, folder: Path) -> Model:
    """See task.py. Writes model.bin; EngineError where fastText fails."""
    assert isinstance(options, FastTextOptions)
    if task.regression:
        raise PlanError("a fastText model cannot learn a number; leave --regression out")
    if options.max_chars and options.min_chars > options.max_chars:
        raise PlanError(f"min_chars {options.min_chars} is above max_chars {options.max_chars}")
    with tempfile.TemporaryDirectory(dir=folder, prefix=".texts-") as scratch:
        texts, checked = Path(scratch) / "train.txt", Path(scratch) / "validation.txt"
        write_lines(texts, train, task, times(train.weights, task.seed))
        arguments = _arguments(options, len(train), task)
        quantise: dict[str, Any] | None = None
        if options.quantise:
            quantise = {"cutoff": options.cutoff, "retrain": options.cutoff > 0}
        if options.autotune:
            write_lines(checked, validation, task)
            found = floret_process.search(
                {
                    **arguments,
                    "input": str(texts),
                    "verbose": 0,
                    "autotuneValidationFile": str(checked),
                    "autotuneDuration": options.autotune,
                    "autotuneMetric": _metric(options.autotune_metric, task.labels),
                    "autotuneModelSize": options.autotune_size,
                },
                {_NAMES[name] for name in _SIZES | options.model_fields_set & set(_NAMES)},
                Path(scratch),
            )
            # Whatever was tried: the model is what these arguments alone give.
            arguments |= found["arguments"]
            quantise = found["quantise"] or quantise
        floret_process.train({**arguments, "input": str(texts), "verbose": 0}, quantise, folder / FASTTEXT)
    told = {**arguments, **({"quantised": quantise} if quantise else {})}
    return task.model("fasttext", trained={"fasttext": told, "floret": version("floret")})


# Names of floret's own. A search leaves alone what the person has said, and the size of the model.
_NAMES = {
    "dim": "dim",
    "epoch": "epoch",
    "lr": "lr",
    "word_ngrams": "wordNgrams",
    "min_chars": "minn",
    "max_chars": "maxn",
    "buckets": "bucket",
    "min_count": "minCount",
    "loss": "loss",
}
_SIZES = {"dim", "buckets", "min_count", "loss"}


def _arguments(options: FastTextOptions, examples: int, task: Task) -> dict[str, Any]:
    """What floret is told."""
    chosen = {_NAMES[name]: getattr(options, name) for name in _NAMES}
    chosen["epoch"] = options.epoch or epochs(examples)
    if not options.max_chars:
        chosen["minn"] = 0
    # To fastText's generator seeds 0 and 1 are one.
    return {**chosen, "thread": task.threads, "seed": 1 + task.seed % ((1 << 31) - 1)}


def _metric(metric: str, labels: tuple[str, ...]) -> str:
    if metric == "f1":
        return metric
    label = metric.removeprefix("f1:")
    if not metric.startswith("f1:") or label not in labels:
        raise PlanError(f"autotune_metric {metric!r}: expected f1 or f1:LABEL; {choose(label, labels)}")
    return f"f1:{LABEL}{label}"


def times(weights: NDArray[np.float64], seed: int) -> NDArray[np.int64]:
    """How often each example is shown in an epoch, [n]: fastText knows no weights.

    The least weight is shown once; fractions are rounded by a hash of place and seed, up as often as they are
    large.
    """
    if not len(weights):
        return np.zeros(0, np.int64)
    wanted = np.minimum(weights / weights.min(), _MOST_TIMES)
    draw = random_words(len(weights), np.uint64(seed)) / np.float64(2**64)
    whole = np.floor(wanted + 1e-9)
    found: NDArray[np.int64] = (whole + (draw < wanted - whole - 1e-9)).astype(np.int64)
    return found


def write_lines(file: Path, examples: Examples, task: Task, shown: NDArray[np.int64] | None = None) -> None:
    """Writes a training file: a label and a text on each line, as often as `shown` says, copies far apart."""
    good = np.flatnonzero(examples.labels >= 0)
    marks = pa.array([LABEL + label for label in task.labels]).cast(pa.large_string())
    lines = pc.binary_join_element_wise(
        marks.take(pa.array(examples.labels[good])),
        one_line(examples.texts.take(pa.array(good)), task.lowercase),
        pa.scalar(" ", pa.large_string()),
    )
    rounds = np.ones(len(good), np.int64) if shown is None else shown[good]
    with open(file, "wb") as sink:
        for turn in range(int(rounds.max(initial=0))):
            for line in lines.filter(pa.array(rounds > turn)):
                sink.write(line.as_py().encode() + b"\n")


def one_line(texts: pa.Array, lowercase: bool) -> pa.Array:
    """Texts as the scorer reads them, on one line each, [n] large_string.

    White space of fastText's becomes spaces, a token `</s>` ends the text, and tokens that look like labels,
    which the scorer passes over, are taken out: in a training file they would be labels.
    """
    texts = pc.replace_substring_regex(prepared(texts, lowercase), r"[\x00\t\n\v\f\r ]+", " ")
    texts = pc.replace_substring_regex(texts, r"(?s)(^| )</s>( .*)?$", "")
    return pc.replace_substring_regex(texts, rf"(^| ){LABEL}[^ ]*", "")
