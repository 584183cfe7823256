"""Prompts: what a language model is asked of a document, as YAML files that anybody can read and copy.

name: educational_quality        # columns and reports call it so
about: what it grades, in a line
ordered: true                    # the labels are grades, the least first
labels:                          # each with what it means; or the path of a YAML file that has `labels`
  "0": nothing to learn from it
  "1": {about: a little, includes: [trivia], excludes: [lists of links]}
shown: {beginning: 2400, middle: 800, end: 800}
system: |
  {labels} stands for the list of labels, {answer} for the form of the answer
user: |
  {boundary} is a line that the document cannot hold, {text} the document
"""

import hashlib
import json
import math
import re
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from pipeline import marks
from pipeline.errors import PlanError
from pipeline.faults import Faults, choose, explain
from pipeline.stage import Listed

FOLDER = Path(__file__).parents[1] / "prompts"
SUFFIXES = (".yaml", ".yml")
MOST_LABELS = 200
MOST_CHARACTERS = 100  # of a label

_FORM = 1  # goes up when code below changes what a model is shown or asked
_PLACES = re.compile(r"\{(text|boundary|labels|answer)\}")
# What chat templates take for the end of a message: a page that holds one must not end ours.
_CONTROL = re.compile(
    r"<(?=[|｜][^|｜<>\s]{1,40}[|｜]>|/?s>|(?:start|end)_of_turn>|</?SYS>>)|\[(?=/?INST\])", re.IGNORECASE
)
_REASON_WORDS = 30


class Description(BaseModel):
    """What a label means."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    about: str = Field(min_length=1, description="what documents of this label are like")
    includes: Listed = Field(default=(), description="examples of what belongs to it")
    excludes: Listed = Field(default=(), description="what looks like it and belongs elsewhere")

    def __str__(self) -> str:
        parts = [" ".join(self.about.split()).rstrip(".")]
        parts += [f"Includes {', '.join(self.includes)}"] if self.includes else []
        parts += [f"Not {', '.join(self.excludes)}"] if self.excludes else []
        return "".join(f"{part}. " for part in parts).rstrip()


class Shown(BaseModel):
    """Characters of a document that the model sees; of one that is no longer than their sum, all."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    beginning: int = Field(ge=1, le=1_000_000, description="characters from its start")
    middle: int = Field(default=0, ge=0, le=1_000_000, description="characters around its middle")
    end: int = Field(default=0, ge=0, le=1_000_000, description="characters before its end")

    @property
    def most(self) -> int:
        return self.beginning + self.middle + self.end


class Asked(NamedTuple):
    """What is sent for one document; `shown`: characters of it."""

    messages: tuple[dict[str, str], ...]
    shown: int


class Prompt(BaseModel):
    """A prompt file's content."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$", description="small letters, digits, _")
    about: str = Field(min_length=1, description="what is asked, in a line")
    labels: dict[str, Description] = Field(description="the possible answers, each with its meaning")
    ordered: bool = Field(default=False, description="the labels are numbers that grade, the least first")
    shown: Shown = Field(
        default=Shown(beginning=2400, middle=800, end=800), description="how much of a document"
    )
    reason: bool = Field(default=True, description="ask for a reason, before the label")
    system: str = Field(min_length=1, description="the system message")
    user: str = Field(description="the user's message, with {text}")

    @field_validator("labels", mode="before")
    @classmethod
    def _described(cls, labels: Any) -> Any:
        if not isinstance(labels, dict):
            return labels
        return {key: {"about": told} if isinstance(told, str) else told for key, told in labels.items()}

    @field_validator("labels")
    @classmethod
    def _can_be_told_apart(cls, labels: dict[str, Description]) -> dict[str, Description]:
        if not 2 <= len(labels) <= MOST_LABELS:
            raise ValueError(f"expected 2 to {MOST_LABELS} labels, found {len(labels)}")
        wrong = [label for label in labels if label != label.strip() or not label.isprintable() or not label]
        if wrong:
            raise ValueError(
                f"label {wrong[0]!r}: expected text without white space around it or control characters"
            )
        long = [label for label in labels if len(label) > MOST_CHARACTERS]
        if long:
            raise ValueError(
                f"label {long[0][:40]!r}…: {len(long[0]):,} characters; expected a name of at most "
                f"{MOST_CHARACTERS}, and what it means beside it"
            )
        folded = [label.casefold() for label in labels]
        twice = [label for label in labels if folded.count(label.casefold()) > 1]
        if twice:
            raise ValueError(f"labels {' and '.join(twice)} differ in capitals alone")
        return labels

    @field_validator("user")
    @classmethod
    def _holds_the_text(cls, user: str) -> str:
        if user.count("{text}") != 1:
            raise ValueError("expected {text}, once, where the document is to stand")
        return user

    @model_validator(mode="after")
    def _asks(self) -> "Prompt":
        if "{answer}" not in self.system + self.user:
            raise ValueError("expected {answer} in `system` or `user`: the form of the answer")
        if "{text}" in self.system:
            raise ValueError("{text} stands in `system`; expected it in `user` alone")
        if self.ordered:
            grades = [_number(label) for label in self.labels]
            if None in grades or grades != sorted(grades, key=lambda grade: grade or 0.0):
                raise ValueError(
                    f"ordered: labels {', '.join(self.labels)}; expected numbers, the least first"
                )
        return self

    @property
    def hash(self) -> str:
        """16 hexadecimal digits over all that decides an answer; name and `about` do not."""
        content = {"form": _FORM, **self.model_dump(mode="json", exclude={"name", "about", "ordered"})}
        packed = json.dumps(content, ensure_ascii=False).encode()
        return hashlib.sha256(packed).hexdigest()[:16]

    @property
    def answer_schema(self) -> dict[str, Any]:
        """JSON Schema of an answer, in the part of it that all servers with structured answers know."""
        reason = {"reason": {"type": "string"}} if self.reason else {}
        properties = {**reason, "label": {"type": "string", "enum": list(self.labels)}}
        return {
            "type": "object",
            "properties": properties,
            "required": list(properties),
            "additionalProperties": False,
        }

    def ask(self, text: str) -> Asked:
        """The messages for one document."""
        excerpt, shown = excerpt_of(text, self.shown)
        safe = _CONTROL.sub(r"\g<0> ", excerpt).replace("\0", " ")
        # The text's own hash: no text can hold it.
        boundary = f"=====  {hashlib.sha256(safe.encode()).hexdigest()[:12]}  ====="
        values = {"text": safe, "boundary": boundary, "labels": self._listed(), "answer": self._form()}
        messages = tuple(
            {"role": role, "content": _PLACES.sub(lambda place: values[place[1]], template).strip()}
            for role, template in (("system", self.system), ("user", self.user))
        )
        return Asked(messages, shown)

    def _listed(self) -> str:
        return "\n".join(f"{label}: {told}" for label, told in self.labels.items())

    def _form(self) -> str:
        """The form of the answer in words, for all servers: some take a schema and do not heed it."""
        reason = f'"reason": "at most {_REASON_WORDS} words, in English", ' if self.reason else ""
        labels = ", ".join(json.dumps(label, ensure_ascii=False) for label in self.labels)
        return (
            f'Answer with one JSON object and nothing else: {{{reason}"label": "..."}}. '
            f'The value of "label" is one of: {labels}.'
        )


def load_prompt(name: str) -> Prompt:
    """The prompt of that name, or in that file. PlanError, with the line, where it is none."""
    path = find_prompt(name)
    marked = marks.load(str(path))
    if not isinstance(marked.data, dict):
        raise PlanError("expected a mapping with name, about, labels, system and user", str(path), 1)
    data, faults = dict(marked.data), Faults()
    if isinstance(data.get("labels"), str):
        data["labels"] = _labels_of(path.parent / data["labels"], marked.mark(("labels",)))
    try:
        return Prompt.model_validate(data)
    except ValidationError as error:
        plain = marks.Marked(marked.file, data, marked.lines)
        explain(faults, error, Prompt, plain, (), "prompt")
        faults.stop()
        raise


def find_prompt(name: str) -> Path:
    """The file of a prompt: `name` itself if it is a path, else one of winnow's. PlanError if neither."""
    if name.endswith(SUFFIXES) or "/" in name:
        path = Path(name).expanduser()
        if path.is_file():
            return path
        raise PlanError(
            f"--prompt {name!r}: no such file; expected a prompt's YAML file, or a name of winnow's"
        )
    known = sorted(file.stem for file in FOLDER.glob("*.yaml"))
    if name not in known:
        raise PlanError(
            f"--prompt {name!r}: no such prompt; {choose(name, known)} A file of your own: ./NAME.yaml"
        )
    return FOLDER / f"{name}.yaml"


def _labels_of(path: Path, mark: marks.Mark) -> Any:
    """The `labels` of another YAML file."""
    if not path.is_file():
        raise PlanError(f"prompt: labels: no file {str(path)!r}; expected a YAML file", mark.file, mark.line)
    found = marks.load(str(path)).data
    if not isinstance(found, dict) or "labels" not in found:
        raise PlanError("expected a mapping with the key 'labels'", str(path), 1)
    return found["labels"]


def excerpt_of(text: str, shown: Shown) -> tuple[str, int]:
    """What is shown of a text, and how many of its characters that is."""
    if len(text) <= shown.most:
        return text, len(text)
    start = (len(text) - shown.middle) // 2
    spans = [(0, shown.beginning)]
    if shown.middle:
        # Of a text not much longer than what is shown the parts must not overlap.
        start = min(max(start, shown.beginning), len(text) - shown.end - shown.middle)
        spans.append((start, start + shown.middle))
    if shown.end:
        spans.append((len(text) - shown.end, len(text)))
    parts, upto = [], 0
    for first, last in spans:
        if first > upto:
            parts.append(f"\n[… {first - upto:,} characters left out …]\n")
        parts.append(text[first:last])
        upto = last
    if upto < len(text):
        parts.append(f"\n[… {len(text) - upto:,} characters left out …]")
    return "".join(parts), shown.most


def _number(label: str) -> float | None:
    try:
        number = float(label)
    except ValueError:
        return None
    return number if math.isfinite(number) else None
