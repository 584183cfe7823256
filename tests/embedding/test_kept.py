"""Vectors that are kept, in memory and in a folder."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from embedding import endpoint, kept
from embedding.embed import Embed, Vectors
from embedding.kept import KeptEmbedder
from pipeline.errors import EngineError, StoreError


class Lengths:
    """Vectors of a text: its length and 1. Fails once it was asked for more than `most` texts."""

    slow = True

    def __init__(self, most: int = 10_000) -> None:
        self.asked: list[str] = []
        self._most = most

    def __call__(self, texts: pa.Array) -> Vectors:
        self.asked += texts.to_pylist()
        if len(self.asked) > self._most:
            raise EngineError("enough")
        return np.array([[len(text), 1] for text in texts.to_pylist()], np.float32).reshape(-1, 2)


def texts(*content: str) -> pa.Array:
    return pa.array(content, pa.large_string())


def test_a_text_is_embedded_once(tmp_path: Path) -> None:
    first = KeptEmbedder(Lengths(), tmp_path / "vectors")
    assert first(texts()).shape == (0, 2) and first.asked == 0
    assert first(texts("a", "bcd", "a", "")).tolist() == [[1, 1], [3, 1], [1, 1], [0, 1]]
    assert first(texts("bcd", "ef")).tolist() == [[3, 1], [2, 1]]
    assert first.asked == 4
    again = KeptEmbedder(Lengths(0), tmp_path / "vectors")
    assert again(texts("ef", "", "bcd", "a")).tolist() == [[2, 1], [0, 1], [3, 1], [1, 1]]
    with pytest.raises(EngineError):
        again(texts("new"))


def test_what_was_embedded_before_a_kill_is_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept, "_CHUNK", 10)
    many = texts(*(f"{'x' * number}" for number in range(35)))
    with pytest.raises(EngineError):
        KeptEmbedder(Lengths(25), tmp_path)(many)
    (tmp_path / "half.123").write_bytes(b"what a killed one leaves")
    inner = Lengths()
    assert KeptEmbedder(inner, tmp_path)(many)[:, 0].tolist() == list(range(35))
    assert len(inner.asked) == 15


def test_files_that_are_none_are_told(tmp_path: Path) -> None:
    (tmp_path / "0.npy").write_bytes(b"nonsense")
    with pytest.raises(StoreError, match="kept vectors cannot be read"):
        KeptEmbedder(Lengths(), tmp_path)
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match="remove it, or name another"):
        KeptEmbedder(Lengths(), tmp_path / "file")


def test_each_embedder_has_its_own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    inner = Lengths()
    monkeypatch.setattr(endpoint, "open_embedder", lambda _: inner)
    one, other = (Embed(endpoint="http://made", model=name) for name in ("one", "other"))
    for embed in (one, one, other):
        assert kept.kept(embed, str(tmp_path))(texts("a")).tolist() == [[1, 1]]
    assert inner.asked == ["a", "a"]
    assert kept.last_kept(other.model_copy(update={"batch": 4}))(texts("a")).tolist() == [[1, 1]]
    assert inner.asked == ["a", "a"]
    unknown = kept.last_kept(Embed(endpoint="http://made", model="unknown"))
    assert unknown is inner
    assert len(list(tmp_path.glob("*/*.npy"))) == 2
