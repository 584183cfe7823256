"""A classifier is one folder, and these are its files.

    model.yaml    what it is: kind, labels, how a score is made of its answer (`Model`, below)
    model.bin     kind fasttext: the model, as fastText writes it (.bin), or quantised (.ftz)
    head.npz      kind embedding: weights of a linear or MLP head over frozen embeddings
    transformer/  kind transformer: a fine-tuned model and its tokenizer
    CARD.md       what people should know of it; report.json holds the same figures for programs

`winnow train` writes such a folder, `- classify: FOLDER` reads it. A digest of what decides its answers
(everything but the card and the report) stands in the manifest of every run that used it.
"""

import hashlib
import math
from functools import cache
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np
import pyarrow as pa
import yaml
from numpy.typing import NDArray
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    FiniteFloat,
    ValidationError,
    field_validator,
    model_validator,
)

from pipeline.errors import PlanError
from pipeline.faults import choose, nearest, show

FILE = "model.yaml"
FASTTEXT, HEAD, TRANSFORMER = "model.bin", "head.npz", "transformer"
CARD, REPORT = "CARD.md", "report.json"
_ABOUT = (CARD, REPORT)  # what does not decide an answer

Answers = NDArray[np.float32]


class Model(BaseModel):
    """model.yaml: what a classifier is.

    The score of a document is one number, made by `score`:
      probability   that of the label `positive`
      expected      the sum of numeric labels times their probabilities, over the sum of these: a grade of
                    0 to 5, say
      top           the probability of the likeliest label, for labels without an order (topics)
      value         the number that a regression answers, cut to `range`
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$", description="columns are named after it: NAME_score")
    kind: Literal["fasttext", "embedding", "transformer"]
    score: Literal["probability", "expected", "top", "value"]
    labels: tuple[str, ...] = Field(default=(), description="in their order; none for a regression")
    positive: str | None = Field(default=None, description="the label whose probability is the score")
    range: tuple[float, float] | None = Field(default=None, description="least and greatest score")
    threshold: FiniteFloat | None = Field(default=None, description="score from which a document is positive")
    languages: tuple[str, ...] = Field(default=(), description="of the texts it was trained on, where known")
    lowercase: bool = Field(default=False, description="texts are put in lower case first")
    options: dict[str, Any] = Field(default_factory=dict, description="of its kind: `embed` of a head …")
    files: dict[str, str] = Field(default_factory=dict, description="SHA-256 of each beside model.yaml")
    trained: dict[str, Any] = Field(default_factory=dict, description="by what and from what; for people")

    @field_validator("labels")
    @classmethod
    def _each_once(cls, labels: tuple[str, ...]) -> tuple[str, ...]:
        twice = sorted({label for label in labels if labels.count(label) > 1})
        if twice or "" in labels:
            raise ValueError(f"{twice or ''!r} found; expected names, each once")
        return labels

    @field_validator("range")
    @classmethod
    def _rises(cls, span: tuple[float, float] | None) -> tuple[float, float] | None:
        if span is not None and not -math.inf < span[0] < span[1] < math.inf:
            raise ValueError(f"found {list(span)}; expected two numbers, the lower one first")
        return span

    @model_validator(mode="after")
    def _score_can_be_made(self) -> "Model":
        if self.score == "value" and self.kind == "fasttext":
            raise ValueError("score value: a fastText model answers with labels; expected another score")
        if self.score == "value":
            if self.labels or self.range is None:
                raise ValueError("score value: expected a range and no labels")
        elif len(self.labels) < 2:
            raise ValueError(f"score {self.score}: expected two labels or more, found {len(self.labels)}")
        if self.score == "probability" and self.positive not in self.labels:
            named = choose(self.positive or "", self.labels)
            raise ValueError(f"score probability: positive is {self.positive!r}; {named}")
        if self.score == "expected":
            _numbers(self.labels)
        return self


class Scorer(Protocol):
    """A loaded model; a text's answer depends on that text alone."""

    def __call__(self, texts: pa.Array) -> Answers:
        """Probabilities by label, [n, labels], or the numbers of a regression, [n, 1].

        texts   string or large_string, no nulls. NaN where the model can say nothing of a text
        """
        ...


def load_model(folder: str | Path) -> Model:
    """Reads model.yaml; PlanError, naming the file, where it is missing or is none."""
    file = Path(folder) / FILE
    try:
        found = yaml.safe_load(file.read_text("utf-8"))
    except OSError as fault:
        beside = file.parent.parent.glob(f"*/{FILE}")
        near = nearest(file.parent.name, (other.parent.name for other in beside))
        meant = f"; did you mean {str(file.parent.with_name(near[0]))!r}?" if near else ""
        raise PlanError(
            f"model {str(folder)!r}: {file} cannot be read ({fault.strerror}); expected a folder that "
            f"`winnow train` wrote{meant}"
        ) from fault
    except (UnicodeDecodeError, yaml.YAMLError) as fault:
        raise PlanError(f"{file}: not YAML: {' '.join(str(fault).split())}") from fault
    if not isinstance(found, dict):
        raise PlanError(f"{file}: expected a mapping with name, kind, score and labels")
    try:
        return Model.model_validate(found)
    except ValidationError as fault:
        first = fault.errors()[0]
        where = ".".join(map(str, first["loc"]))
        said = str(first["msg"]).removeprefix("Value error, ")
        if first["type"] == "extra_forbidden":
            said = f"no such key; {choose(where, list(Model.model_fields))}"
        elif first["type"] == "missing" and len(first["loc"]) == 1:
            said = f"is missing ({Model.model_fields[where].description or 'see docs/training.md'})"
        elif said.startswith("Input should be"):
            said = said.replace("Input should be", "expected").replace("valid tuple", "list")
            said = f"found {show(first['input'])}; {said.replace('valid dictionary', 'mapping')}"
        if first["type"] == "string_type":  # 0, no and null are no texts to YAML
            said = f"found {first['input']!r}; expected a text, in quotes where YAML would read another thing"
        raise PlanError(f"{file}: {where + ': ' if where else ''}{said}") from fault


def save_model(folder: str | Path, model: Model) -> None:
    """Writes model.yaml. The other files are the trainer's."""
    content = model.model_dump(mode="json", exclude_defaults=True)
    text = yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=100)
    (Path(folder) / FILE).write_text(text, "utf-8")


def digest(folder: str | Path) -> str:
    """SHA-256 over the names and contents of all files that decide the model's answers."""
    whole = hashlib.sha256()
    for name, content in digests(folder).items():
        whole.update(f"{name}\0{content}\n".encode())
    return whole.hexdigest()


def digests(folder: str | Path) -> dict[str, str]:
    """The SHA-256 of each file that decides the model's answers, by its name within the folder.

    PlanError where one cannot be read.
    """
    found = {}
    for file in sorted(path for path in Path(folder).rglob("*") if path.is_file()):
        name = file.relative_to(folder).as_posix()
        if name not in _ABOUT:
            try:
                about = file.stat()
                found[name] = _digest(file.absolute(), about.st_mtime_ns, about.st_size)
            except OSError as fault:
                raise PlanError(f"model {str(folder)!r}: {file} cannot be read ({fault.strerror})") from fault
    return found


def check_files(folder: str | Path, model: Model) -> None:
    """PlanError where a file is not the one that model.yaml was written beside: cut short, or of another
    training."""
    found = digests(folder) if model.files else {}
    for name, content in model.files.items():
        if name not in found:
            raise PlanError(
                f"model {model.name}: there is no {Path(folder) / name}; expected the whole folder that "
                "`winnow train` wrote"
            )
        if found[name] != content:
            raise PlanError(
                f"model {model.name}: {Path(folder) / name} is not the file that was trained (SHA-256 "
                f"{found[name][:12]}, in {FILE} {content[:12]}); bring that back, or, where the change is "
                f"meant, take its line out of `files` in {FILE}"
            )


@cache
def _digest(file: Path, modified: int, size: int) -> str:
    """The SHA-256 of a file's content, taken once per process as long as the file is not changed."""
    del modified, size
    with open(file, "rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def scores(model: Model, answers: Answers) -> NDArray[np.float64]:
    """The score of each document, [n], from its answers; NaN where these are."""
    wide = answers.astype(np.float64)
    found: NDArray[np.float64]
    if model.score == "value":
        assert model.range is not None
        found = np.clip(wide[:, 0], *model.range)
    elif model.score == "probability":
        found = wide[:, model.labels.index(str(model.positive))]
    elif model.score == "top":
        found = wide.max(axis=1)
    else:
        # Summed up label by label: what a matrix product's last bits are depends on how many rows it has.
        weighed, total = np.zeros((2, len(wide)))
        for label, number in enumerate(_numbers(model.labels)):
            weighed += number * wide[:, label]
            total += wide[:, label]
        # fastText's probabilities are 1 together but for a little, and those of one against all are not.
        found = np.divide(weighed, total, out=np.full(len(wide), np.nan), where=total > 0)
    return found


def _numbers(labels: tuple[str, ...]) -> list[float]:
    try:
        found = [float(label) for label in labels]
    except ValueError:
        found = [math.nan]
    if not all(map(math.isfinite, found)):
        raise ValueError(f"score expected: labels {', '.join(labels)}; expected numbers")
    return found
