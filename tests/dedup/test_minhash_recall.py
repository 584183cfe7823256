"""A made set of edited copies: recall follows the S-curve; an index of an earlier run."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import dedup.minhash
from dedup.minhash import PASS, MinhashOptions
from dedup.shingles.s_curve import passes, s_curve
from pipeline.index import IndexFile
from pipeline.store import ParquetSink

Corpora = Callable[..., Any]

_WORDS = 120  # of a text: 116 shingles, which are all compared
_PAIRS = 400


def _word(number: int) -> str:
    """A word of letters alone: digits fold to 0, which would make them the same."""
    return f"{number:07d}".translate(str.maketrans("0123456789", "abcdefghij"))


def _pairs(edits: int, seed: int) -> tuple[list[dict[str, Any]], np.ndarray[Any, Any]]:
    """Texts, each followed by a copy with `edits` new words; the exact similarity of each two."""
    rng = np.random.default_rng(seed)
    documents, exact = [], []
    fresh = iter(range(10_000_000))
    for _ in range(_PAIRS):
        words = [_word(next(fresh)) for _ in range(_WORDS)]
        copy = list(words)
        for at in rng.choice(_WORDS, edits, replace=False).tolist():
            copy[at] = _word(next(fresh))
        sets = [{tuple(text[i : i + 5]) for i in range(_WORDS - 4)} for text in (words, copy)]
        exact.append(len(sets[0] & sets[1]) / len(sets[0] | sets[1]))
        documents += [{"text": " ".join(words)}, {"text": " ".join(copy)}]
    return documents, np.array(exact)


@pytest.mark.parametrize("edits", [2, 4, 6, 8, 11, 15])
@pytest.mark.parametrize("shape", [{"bands": 14, "rows": 8}, {"threshold": 0.7}])
def test_recall_follows_the_s_curve(make_corpus: Corpora, edits: int, shape: dict[str, Any]) -> None:
    documents, exact = _pairs(edits, seed=edits)
    options = MinhashOptions(**shape, verify=False)
    rows = make_corpus([documents]).label(PASS, **shape, verify=False)
    found = np.array([row["minhash_size"] for row in rows[::2]]) > 1
    chances = np.array([s_curve(jaccard, options.bands, options.rows) for jaccard in exact.tolist()])
    # A sum of independent chances; five deviations, and one pair where there is hardly any.
    assert abs(found.sum() - chances.sum()) < 5 * np.sqrt((chances * (1 - chances)).sum()) + 1
    assert all(row["minhash_size"] <= 2 for row in rows)
    # Verified: of these, just those that are similar enough.
    rows = make_corpus([documents]).label(PASS, **shape, jaccard=0.7)
    linked = np.array([row["minhash_jaccard"] for row in rows]).reshape(-1, 2).max(axis=1)
    assert (linked == np.where(found & (exact >= 0.7), exact, 0)).all()


def test_estimates_of_sketches_join_as_often_as_stated(make_corpus: Corpora) -> None:
    documents, exact = _pairs(6, seed=1)
    near = abs(exact - np.median(exact)) < 1e-9
    jaccard = float(np.median(exact))
    rows = make_corpus([documents]).label(PASS, bands=40, rows=2, hashes=50, jaccard=0.6)
    joined = np.array([row["minhash_size"] for row in rows[::2]]) > 1
    chance = passes(jaccard, 0.6, 50)
    assert near.sum() > 50 and 0.05 < chance < 0.95
    assert abs(joined[near].mean() - chance) < 5 * np.sqrt(chance * (1 - chance) / near.sum())


def _indexed(folder: Path, corpus: Any, options: MinhashOptions) -> list[IndexFile]:
    """The index that a run over this corpus would leave, all of whose documents survive."""
    assert PASS.index is not None
    files: list[IndexFile] = []
    for unit in corpus.units:
        path = str(folder / f"{unit.name}.parquet")
        with ParquetSink(path, PASS.index.schema(options), 7) as sink:
            for table in PASS.index.rows(options, unit):
                sink.write(table.cast(PASS.index.schema(options)))
        first = files[-1].first + files[-1].rows if files else 0
        files.append(IndexFile(path, 0, first, sink.rows, sink.bytes, sink.sha256))
    return files


@pytest.mark.parametrize("verify", [True, False])
@pytest.mark.parametrize("partitions", [1, 3])
def test_documents_of_an_index_stand_before_new_ones(
    make_corpus: Corpora, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, verify: bool, partitions: int
) -> None:
    """New documents get the labels that they would have beside the old texts, could these be read."""
    pairs, _ = _pairs(2, seed=3)
    pairs = pairs[:60]
    old = [{"id": f"old{n:03d}", "text": row["text"], "bytes": 10**6} for n, row in enumerate(pairs[::2])]
    old += [{"id": "old-none", "text": "..."}]
    new = [{"id": f"new{n:03d}", "text": row["text"]} for n, row in enumerate(pairs[1::2])]
    new += [{"id": "new-same", "text": old[4]["text"]}, {"id": "new-alone", "text": _word(5)}]
    new += [{"id": "new-twin", "text": new[7]["text"]}]
    together = make_corpus([new, old], partitions).label(PASS, verify=verify, keep="longest")[: len(new)]
    options = MinhashOptions.model_validate({"verify": verify, "keep": "longest"})
    files = _indexed(tmp_path, make_corpus([old[:20], [], old[20:]]), options)
    monkeypatch.setattr(dedup.minhash, "index_files", lambda *_: files)
    found = make_corpus([new[:20], new[20:]], partitions).label(PASS, verify=verify, keep="longest")
    assert found == together
    by_id = {row["id"]: row for row in found}
    assert by_id["new-same"]["minhash_cluster"] == "old004" and by_id["new-same"]["minhash_rank"] > 0
    assert by_id["new-alone"]["minhash_size"] == 1
    assert by_id["new-twin"]["minhash_size"] == by_id["new007"]["minhash_size"]
    assert sum(row["minhash_rank"] > 0 for row in found) > 25
