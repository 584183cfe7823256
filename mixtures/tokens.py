"""How long a document is: tokens, by a tokenizer's file or by an estimate, and bytes."""

import base64
import hashlib
import json
import os
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import tiktoken
from numpy.typing import NDArray
from pydantic import Field
from tokenizers import Tokenizer

from pipeline.errors import PlanError, SourceError
from pipeline.stage import Measure, Options, Stage, column
from pipeline.store import open_input
from text import tokens as estimate

if TYPE_CHECKING:
    from pipeline.batch import Batch

CL100K = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
)
"""The split published with OpenAI's cl100k and Meta's Llama 3: none is kept in a file of ranks."""

ACCEPTED = "a Hugging Face tokenizer.json or a tiktoken file (a line for each token: base64, space, rank)"
LONGEST = 50_000  # characters given to a tokenizer at once: tiktoken overflows its stack on long runs

COLUMNS = [
    column("tokens", pa.int64(), unit="tokens", about="length, special tokens left out"),
    column("bytes", pa.int64(), unit="bytes", about="length in UTF-8"),
]


class TokensOptions(Options):
    """What counts the tokens."""

    tokenizer: str | None = Field(
        default=None, description="path of a tokenizer.json or a tiktoken file; none: winnow's estimate"
    )
    pattern: str = Field(
        default=CL100K, description="regular expression by which a tiktoken file's tokenizer splits text"
    )


def describe(options: TokensOptions) -> str:
    """What counted the tokens, for manifests and dataset cards. PlanError as `open_counter`."""
    if options.tokenizer is None:
        return "winnow's estimate: no tokenizer, calibrated on Llama 3's"
    content = _read(options.tokenizer)
    _counter(content, options)
    form = "Hugging Face" if _is_json(content) else "tiktoken"
    name = re.split(r"[/\\]", options.tokenizer)[-1]
    return f"{name} ({form}), sha256 {hashlib.sha256(content).hexdigest()}"


def fingerprint(options: TokensOptions) -> str:
    """Changes when the counts may: SHA-256 over the tokenizer's file and the split, or over the
    code of the estimate. PlanError where the file cannot be read or is no tokenizer."""
    if options.tokenizer is None:
        return hashlib.sha256(Path(estimate.__file__).read_bytes()).hexdigest()
    content = _read(options.tokenizer)
    _counter(content, options)  # a plan with a file that is no tokenizer fails here
    return hashlib.sha256(content + b"\0" + options.pattern.encode()).hexdigest()


def open_counter(options: TokensOptions) -> Measure:
    """Loads the tokenizer; PlanError names the path and what is accepted if it is none."""
    if options.tokenizer is None:
        return lambda batch: [pa.array(estimate.count_tokens(batch.strings)), _sizes(batch)]
    count = _counter(_read(options.tokenizer), options)

    def measure(batch: "Batch") -> Sequence[pa.Array]:
        texts = batch.column("text").fill_null("").to_pylist()
        return [pa.array(_count_all(texts, count)), _sizes(batch)]

    return measure


STAGE = Stage(
    "tokens",
    reads=("text",),
    adds=pa.schema(COLUMNS),
    open=open_counter,
    options=TokensOptions,
    about="Counts tokens and bytes: what mixtures are weighed by",
    fingerprint=fingerprint,
)

Count = Callable[[list[str]], Sequence[int]]


def _sizes(batch: "Batch") -> pa.Array:
    return pa.array(np.diff(batch.strings.offsets))


def _count_all(texts: list[str], count: Count) -> NDArray[np.int64]:
    cut = [_pieces(one) for one in texts]
    row = np.repeat(np.arange(len(cut)), [len(pieces) for pieces in cut])
    tokens = np.zeros(len(cut), np.int64)
    np.add.at(tokens, row, np.array(count([piece for pieces in cut for piece in pieces]), np.int64))
    return tokens


def _pieces(text: str) -> list[str]:
    """Cuts a long text where the usual splits cut it too: between a word and the space behind it
    or after a line break; within a run only where a piece holds neither."""
    pieces = []
    at = 0
    while len(text) - at > LONGEST:
        window = text[at : at + LONGEST]
        last = 0
        for found in _BORDER.finditer(window, LONGEST // 2):
            last = found.start()
        last = last or LONGEST
        pieces.append(window[:last])
        at += last
    pieces.append(text[at:])
    return pieces


_BORDER = re.compile(r"(?<=\n)(?=\S)|(?<=\S)(?= )")


def _read(path: str) -> bytes:
    try:
        with open_input(path) as file:
            return file.read()
    except SourceError as fault:
        raise PlanError(f"tokenizer {fault}; expected the path of {ACCEPTED}") from fault


def _is_json(content: bytes) -> bool:
    return content.lstrip()[:1] == b"{"


def _counter(content: bytes, options: TokensOptions) -> Count:
    path = str(options.tokenizer)
    if _is_json(content):
        return _hugging_face(content, path)
    return _tiktoken(content, path, options.pattern)


def _hugging_face(content: bytes, path: str) -> Count:
    try:
        json.loads(content)
        tokenizer = Tokenizer.from_str(content.decode())
    except Exception as fault:  # the library raises nothing narrower for a file it cannot read
        raise PlanError(f"tokenizer {path}: not a tokenizer.json: {fault}; expected {ACCEPTED}") from fault
    # A file may ask for padding, for a longest length, and for its special tokens in plain text.
    tokenizer.no_padding()
    tokenizer.no_truncation()
    tokenizer.encode_special_tokens = True
    # A worker has one core; without this every worker would start a thread on each.
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

    def count(texts: list[str]) -> list[int]:
        return [len(encoded) for encoded in tokenizer.encode_batch_fast(texts, add_special_tokens=False)]

    return count


def _tiktoken(content: bytes, path: str, pattern: str) -> Count:
    ranks = {}
    for number, line in enumerate(content.splitlines(), start=1):
        if not line.strip():
            continue
        try:
            token, rank = line.split()
            ranks[base64.b64decode(token, validate=True)] = int(rank)
        except ValueError as fault:
            hint = (
                "; a SentencePiece model has to be converted to a tokenizer.json first"
                if content[:1] == b"\n" and number < 3
                else ""
            )
            raise PlanError(
                f"tokenizer {path}: line {number} is {line[:40]!r}; expected {ACCEPTED}{hint}"
            ) from fault
    missing = sum(bytes([value]) not in ranks for value in range(256))
    if missing:
        raise PlanError(
            f"tokenizer {path}: {missing} of the 256 single bytes are missing; expected {ACCEPTED}"
        )
    if len(set(ranks.values())) < len(ranks):
        raise PlanError(f"tokenizer {path}: ranks are repeated; expected {ACCEPTED}")
    try:
        encoding = tiktoken.Encoding(path, pat_str=pattern, mergeable_ranks=ranks, special_tokens={})
    except ValueError as fault:
        raise PlanError(
            f"tokens: pattern {pattern!r} is no regular expression that tiktoken knows: {fault}"
        ) from fault

    def count(texts: list[str]) -> list[int]:
        return [len(encoding.encode_ordinary(text)) for text in texts]

    return count
