"""Vectors that are kept: a text that was embedded once is looked up from then on.

Training asks for the same texts again and again: for every fold, every label, every other head. What a slow
embedder gave is held in memory and, where a folder is named, written there as it comes, so that a training
that was killed or is done over with other options begins where the last one ended. In the folder each
embedder has its own, named after what decides its vectors; in it each file is one chunk, written aside and
renamed.
"""

import hashlib
import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from embedding.embed import Embed, Embedder, Vectors, fingerprint, opened
from pipeline.errors import StoreError
from pipeline.stage import deciding
from text.hashing import hash128
from text.strings import Strings

_CHUNK = 1024  # texts that go to the embedder, and into a file, at once

Keys = NDArray[Any]  # 16 bytes each, as `S16` would strip zeros: `V16`


class KeptEmbedder:
    """An embedder that asks another one for what it does not hold yet.

    asked   texts that the other one was asked for
    """

    slow = True

    def __init__(self, embedder: Embedder, folder: str | Path | None = None) -> None:
        """StoreError where the folder cannot be written."""
        self._embedder, self._folder = embedder, None if folder is None else Path(folder).expanduser()
        self._places: dict[bytes, tuple[int, int]] = {}
        self._chunks: list[Vectors] = []
        self.asked = 0
        if self._folder is not None:
            try:
                self._folder.mkdir(parents=True, exist_ok=True)
                for file in sorted(self._folder.glob("*.npy")):
                    stored = np.load(file, mmap_mode="r")
                    self._hold(stored["key"], stored["vector"])
            except (OSError, ValueError, IndexError) as fault:
                raise StoreError(
                    f"{self._folder}: kept vectors cannot be read ({fault}); remove it, or name another"
                ) from fault

    def __call__(self, texts: pa.Array) -> Vectors:
        keys = np.ascontiguousarray(hash128(Strings.of(texts))).view("V16")[:, 0]
        new = {key.tobytes(): at for at, key in enumerate(keys) if key.tobytes() not in self._places}
        missing = np.array(sorted(new.values()), np.int64)
        for first in range(0, len(missing), _CHUNK):
            some = missing[first : first + _CHUNK]
            self._keep(keys[some], self._embedder(texts.take(pa.array(some))))
            self.asked += len(some)
        if not len(keys):
            return self._embedder(texts)
        places = np.array([self._places[key.tobytes()] for key in keys])
        found = np.empty((len(keys), self._chunks[0].shape[1]), np.float32)
        for chunk in np.unique(places[:, 0]):
            rows = np.flatnonzero(places[:, 0] == chunk)
            found[rows] = self._chunks[chunk][places[rows, 1]]
        return found

    def _hold(self, keys: Keys, vectors: Vectors) -> None:
        self._places.update((key.tobytes(), (len(self._chunks), row)) for row, key in enumerate(keys))
        self._chunks.append(vectors)

    def _keep(self, keys: Keys, vectors: Vectors) -> None:
        self._hold(keys, vectors)
        if self._folder is None:
            return
        stored = np.empty(len(keys), [("key", "V16"), ("vector", np.float32, vectors.shape[1:])])
        stored["key"], stored["vector"] = keys, vectors
        file = self._folder / f"{hashlib.sha256(keys.tobytes()).hexdigest()[:32]}.npy"
        aside = file.with_suffix(f".{os.getpid()}")
        try:
            with open(aside, "wb") as out:
                np.save(out, stored)
            aside.replace(file)
        except OSError as fault:
            raise StoreError(f"{file}: cannot be written ({fault.strerror}); name another folder") from fault


_kept: dict[str, dict[str | None, Embedder]] = {}


def kept(embed: Embed, folder: str | None = None) -> Embedder:
    """The embedder, with what it gave in this process, and what the folder holds; as it is where it is fast.

    PlanError where the embedder is not there, StoreError where the folder cannot be written.
    """
    name = _name(embed)
    found = _kept.setdefault(name, {}).get(folder)
    if found is None:
        found = opened(embed)
        if found.slow:
            found = KeptEmbedder(found, None if folder is None else Path(folder).expanduser() / name)
        _kept[name][folder] = found
    return found


def last_kept(embed: Embed) -> Embedder:
    """What `kept` gave last for vectors like these, so that a model is judged without embedding anew what it
    was trained beside; the embedder itself where this process has trained none."""
    found = _kept.get(_name(embed)) if _kept else None
    return next(reversed(found.values())) if found else opened(embed)


def _name(embed: Embed) -> str:
    """A hash of all that decides the vectors."""
    same = json.dumps([deciding(embed), fingerprint(embed)], sort_keys=True)
    return hashlib.sha256(same.encode()).hexdigest()[:32]
