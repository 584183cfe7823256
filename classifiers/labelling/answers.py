"""Answers as they came from the model, kept from the moment they are there: none is paid for twice.

A folder of JSON lines, a file for each time that somebody asked. Each line is in the file before the next
question goes out, so that a killed job loses nothing; a line that a crash of the machine tore is left out.
"""

import hashlib
import json
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from types import TracebackType
from typing import Any

from pydantic import TypeAdapter, ValidationError

from pipeline import store

SUFFIX = ".jsonl"

CUT_OFF, FILTERED = "length", "content_filter"
"""Why an answer ended: it was given no more tokens; somebody between the model and us held it back."""

_SYNC_EVERY = 1.0  # seconds for which a crash of the whole machine may lose answers


@dataclass(frozen=True)
class Answer:
    """What a model gave for one question.

    key        of the question (`key_of`)
    raw        its text, None where there is none
    finish     why it ended: stop, length, content_filter …
    refusal    what the endpoint says apart from the text where the model would not answer
    tokens_in, tokens_out   of all requests that were made for it, `requests`
    counted    whether these are the endpoint's figures, or winnow's estimate
    limit      the most tokens that the answer was allowed
    """

    key: str
    raw: str | None
    finish: str | None = None
    refusal: str | None = None
    tokens_in: int = 0
    tokens_out: int = 0
    requests: int = 1
    counted: bool = True
    limit: int = 0

    def wants(self, limit: int) -> bool:
        """Whether it was cut off, and would not be where it may take `limit` tokens."""
        return self.finish == CUT_OFF and limit > self.limit


_ANSWER = TypeAdapter(Answer)


def together(before: Answer, after: Answer) -> Answer:
    """The later answer, with what both took."""
    return replace(
        after,
        tokens_in=before.tokens_in + after.tokens_in,
        tokens_out=before.tokens_out + after.tokens_out,
        requests=before.requests + after.requests,
        counted=before.counted and after.counted,
    )


def key_of(messages: Sequence[Mapping[str, str]], model: str, parameters: Mapping[str, Any]) -> str:
    """The key of a question: the same messages to the same model with the same parameters have one."""
    content = [model, dict(parameters), [dict(message) for message in messages]]
    packed = json.dumps(content, ensure_ascii=False, sort_keys=True).encode()
    return hashlib.blake2b(packed, digest_size=16).hexdigest()


class Answers:
    """The answers in a local folder; new ones are added between `with` and its end. StoreError where a file
    cannot be read or written."""

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self._found: dict[str, Answer] = {}
        self._file: int | None = None
        self._synced = 0.0
        for name in store.names(folder):
            if name.endswith(SUFFIX):
                for answer in _read(store.join(folder, name)):
                    self._found[answer.key] = answer

    def __len__(self) -> int:
        return len(self._found)

    def __iter__(self) -> Iterator[Answer]:
        return iter(self._found.values())

    def get(self, key: str) -> Answer | None:
        return self._found.get(key)

    def add(self, answer: Answer) -> None:
        """Keeps an answer, in the place of an earlier one of its key."""
        if self._file is None:
            self._file = self._open()
        line = json.dumps(asdict(answer), ensure_ascii=False).encode() + b"\n"
        with store.errors(self._folder):
            _write(self._file, line)
            if time.monotonic() - self._synced > _SYNC_EVERY:
                os.fsync(self._file)
                self._synced = time.monotonic()
        self._found[answer.key] = answer

    def __enter__(self) -> "Answers":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file is None:
            return
        try:
            with store.errors(self._folder):
                os.fsync(self._file)
        finally:
            os.close(self._file)
            self._file = None

    def _open(self) -> int:
        """A new file, named so that the later ones come behind the earlier ones."""
        store.make_folder(self._folder)
        files = [name for name in store.names(self._folder) if name.endswith(SUFFIX)]
        numbers = [int(stem) for name in files if (stem := name.removesuffix(SUFFIX)).isdigit()]
        path = store.join(self._folder, f"{max(numbers, default=0) + 1:05d}{SUFFIX}")
        with store.errors(path):
            return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o644)


def _write(file: int, line: bytes) -> None:
    """Adds a line whole, or, where the disk is full, nothing: the next one must not end up in its half."""
    before = os.fstat(file).st_size
    try:
        while line:
            line = line[os.write(file, line) :]
    except OSError:
        os.ftruncate(file, before)
        raise


def _read(path: str) -> Iterator[Answer]:
    """The answers of a file; what is not whole is left out."""
    with store.open_input(path) as file:
        for line in file:
            try:
                yield _ANSWER.validate_json(line, strict=True)
            except ValidationError:  # torn, or not of this version
                continue
