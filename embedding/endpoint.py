"""Embeddings by a server that speaks OpenAI's API: POST /embeddings with a list of texts."""

import http.client
import json
import os
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from embedding.embed import Embed, Vectors, averaged, unit_rows
from pipeline.errors import EngineError, PlanError

_BATCH = 32  # texts of a request
_TOKENS = 512
_CHARACTERS = 6  # that a token stands for: the server alone knows its tokens
_FIRST_WAIT, _LONGEST_WAIT = 0.5, 60.0  # seconds before a request is sent again; twice as long each time
_PASSING = (408, 409, 425, 429, 500, 502, 503, 504)
_SHOWN = 300  # characters of what a server says


class EndpointEmbedder:
    """Asks the server for `batch` texts at a time, again where it fails in passing."""

    slow = True

    def __init__(self, embed: Embed) -> None:
        address = str(embed.endpoint).rstrip("/")
        self._url = address if address.endswith("/embeddings") else f"{address}/embeddings"
        self._embed = embed
        self._window = _CHARACTERS * (embed.tokens or _TOKENS)
        self._headers = {"Content-Type": "application/json"}
        if embed.key is not None:
            self._headers["Authorization"] = f"Bearer {_key(embed.key)}"
        self._size = 0

    def __call__(self, texts: pa.Array) -> Vectors:
        trimmed = pc.utf8_trim_whitespace(pc.fill_null(texts, ""))
        short = pc.utf8_slice_codeunits(trimmed, 0, self._window * self._embed.windows_seen).to_pylist()
        if not self._size and not any(short):
            self._ask(["."])
        windows = [
            [text[first : first + self._window] for first in range(0, len(text), self._window)]
            for text in short
        ]
        asked = [self._embed.prompt + window for each in windows for window in each]
        parts = [np.zeros((0, self._size), np.float32)] if not asked else []
        batch = self._embed.batch or _BATCH
        for first in range(0, len(asked), batch):
            parts.append(self._ask(asked[first : first + batch]))
        found = np.zeros((len(short), self._size), np.float32)
        full = [bool(each) for each in windows]
        if asked:
            found[full] = averaged(np.concatenate(parts), [len(each) for each in windows if each])
        return found

    def _ask(self, texts: Sequence[str]) -> Vectors:
        """The vectors of these texts, [n, dimensions]; EngineError where the server does not give them."""
        body = {"model": self._embed.model, "input": list(texts), "encoding_format": "float"}
        request = urllib.request.Request(self._url, json.dumps(body).encode(), self._headers)
        wait = _FIRST_WAIT
        for attempt in range(self._embed.retries + 1):
            try:
                with urllib.request.urlopen(request, timeout=self._embed.timeout) as answer:
                    return self._read(answer.read(), len(texts))
            except urllib.error.HTTPError as fault:
                problem = f"answered {fault.code}: {_said(fault)}"
                if fault.code not in _PASSING:
                    raise EngineError(f"{self._url} {problem}; {_remedy(fault.code, self._embed)}") from fault
                asked = fault.headers.get("Retry-After") or ""
                wait = max(wait, float(asked)) if asked.replace(".", "", 1).isdigit() else wait
            except (OSError, http.client.HTTPException, ValueError) as fault:
                problem = f"did not answer ({getattr(fault, 'reason', None) or fault})"
            if attempt < self._embed.retries:
                time.sleep(min(wait, _LONGEST_WAIT))
                wait *= 2
        raise EngineError(
            f"{self._url} {problem}, {self._embed.retries + 1} times; see to the server, or raise timeout or "
            "retries of embed, and start the same command again: what it has answered is kept"
        )

    def _read(self, answer: bytes, count: int) -> Vectors:
        """Checks an answer; ValueError where it is cut short, which another try may mend."""
        content = json.loads(answer)
        try:
            rows = sorted(content["data"], key=lambda row: int(row["index"]))
            vectors = np.array([row["embedding"] for row in rows], np.float32)
        except (KeyError, TypeError, ValueError) as fault:
            shown = answer[:_SHOWN].decode(errors="replace")
            raise EngineError(
                f"{self._url}: expected OpenAI's form, data: [{{index, embedding}}], found {shown}"
            ) from fault
        if vectors.ndim != 2 or len(vectors) != count or self._size not in (0, vectors.shape[1]):
            expected = f"{count} vectors" + (f" of {self._size} numbers" if self._size else "")
            raise EngineError(f"{self._url}: expected {expected}, found an array of shape {vectors.shape}")
        self._size = vectors.shape[1]
        return unit_rows(vectors)


def _said(fault: urllib.error.HTTPError) -> str:
    try:
        text = fault.read(1 << 16).decode(errors="replace")
    except (OSError, http.client.HTTPException):
        return fault.reason
    try:
        content: Any = json.loads(text)
        text = str(content["error"]["message"])
    except (ValueError, KeyError, TypeError):
        pass
    return " ".join(text.split())[:_SHOWN] or fault.reason


def _remedy(code: int, embed: Embed) -> str:
    if code in (401, 403):
        stated = f"the environment variable {embed.key}" if embed.key else "no key is given (embed: key)"
        return f"the key is not accepted: {stated}"
    if code == 404:
        return f"check the address and the model's name, {embed.model!r}"
    return "check the model's name, batch and tokens of embed"


def _key(name: str) -> str:
    value = os.environ.get(name, "")
    if not value:
        raise PlanError(
            f"embed: key: the environment variable {name!r} is not set; it must hold the server's key"
        )
    return value


def open_embedder(embed: Embed) -> EndpointEmbedder:
    return EndpointEmbedder(embed)


def fingerprint(embed: Embed) -> str:
    """Nothing is known of the server's model but its name; a missing key is told before the run."""
    if embed.key is not None:
        _key(embed.key)
    return ""


def identity(embed: Embed) -> str:
    """Of a server nothing can be known but the name that it calls its model by."""
    del embed
    return ""


def describe(embed: Embed) -> list[str]:
    """The server, and how much of a text it is given."""
    length = _CHARACTERS * (embed.tokens or _TOKENS) * embed.windows_seen
    return [
        f"embedded by {embed.model} at {embed.endpoint}: the first {length:,} characters, "
        f"{embed.batch or _BATCH} windows a request"
    ]
