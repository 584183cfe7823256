"""The pass `semantic` against all pairs in plain NumPy, with a static table made here."""

import itertools
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from tokenizers import Tokenizer
from tokenizers.models import WordPiece
from tokenizers.normalizers import BertNormalizer
from tokenizers.pre_tokenizers import BertPreTokenizer

from dedup.semantic import PASS, SemanticOptions, cluster_count, describe
from dedup.semdedup import clusters as semantic_steps
from dedup.semdedup import copies as semantic_copies
from dedup.semdedup.vectors import (
    GRID,
    best_before,
    centroids_of,
    keepers,
    lengths_of,
    nearest_centroids,
    on_grid,
    ranked,
)
from embedding.embed import Embed, opened
from embedding.static import TABLE, TOKENIZER, write_tensors
from pipeline.stage import configured

WORDS = [*"abcdefghijklmnop"]
SIZE = 12


@pytest.fixture(scope="session")
def table(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A static table of 16 one-letter words."""
    folder = tmp_path_factory.mktemp("static")
    vocabulary = {name: number for number, name in enumerate(["[UNK]", *WORDS])}
    tokenizer = Tokenizer(WordPiece(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = BertPreTokenizer()
    tokenizer.save(str(folder / TOKENIZER))
    vectors = np.random.default_rng(3).normal(size=(len(vocabulary), SIZE))
    vectors[0] = 0
    write_tensors(folder / TABLE, {"embeddings": vectors.astype(np.float16)})
    return str(folder)


def vectors_of(table: str, texts: Sequence[str]) -> Any:
    """The vectors as integers, by the pass's own embedder, whose tests are elsewhere."""
    found = opened(Embed(static=table))(pa.array(texts, pa.large_string()))
    return on_grid(found.astype(np.float16)).astype(np.float64)


def expected(table: str, units: Sequence[Sequence[dict[str, Any]]], epsilon: float, **how: Any) -> list[Any]:
    """The labels by SemDeDup's rule over all pairs of a corpus of one k-means cluster, in plain Python."""
    numbered = list(enumerate(itertools.chain.from_iterable(units)))
    living = [(number, document) for number, document in numbered if not document.get("dropped")]
    texts = [document.get("text") or "" for _, document in living]
    vectors = vectors_of(table, texts) if texts else np.zeros((0, SIZE))
    lengths = np.linalg.norm(vectors, axis=1)
    known = [at for at in range(len(living)) if lengths[at] > 0]
    names = [document.get("id", f"id{number:05d}") for number, document in living]
    labels: list[Any] = [
        {"cluster": name, "rank": 0, "size": 1, "similarity": 0.0, "nearest": "", "centroid": -1}
        for name in names
    ]
    if not known:
        return labels
    unit = (vectors[known] / lengths[known][:, None]).astype(np.float32)
    centre = on_grid(unit.sum(axis=0, dtype=np.float64)[None, :])[0].astype(np.float64)
    to_centre = {
        at: float(vectors[at] @ centre / np.float64(np.linalg.norm(centre))) / lengths[at] for at in known
    }
    order = sorted(known, key=lambda at: (round(to_centre[at], 9), names[at]))
    leads: dict[int, int] = {}
    for place, at in enumerate(order):
        best, near = 0.0, None
        for other in order[:place]:
            if how.get("within") and living[at][1]["source"] != living[other][1]["source"]:
                continue
            cosine = float(vectors[at] @ vectors[other]) / (lengths[at] * lengths[other])
            if round(cosine, 6) > round(best, 6):
                best, near = cosine, other
        labels[at] |= {"similarity": round(best, 4), "centroid": 0}
        if near is not None and round(best, 4) > 0:
            labels[at]["nearest"] = names[near]
        leads[at] = leads[near] if near is not None and round(best, 4) > round(1 - epsilon, 6) else at
    for keeper in set(leads.values()):
        members = [at for at in order if leads[at] == keeper]
        for rank, at in enumerate(members):
            labels[at] |= {"cluster": names[keeper], "rank": rank, "size": len(members)}
    return labels


_TEXT = st.one_of(st.none(), st.just("§"), st.lists(st.sampled_from(WORDS), max_size=4).map(" ".join))
_DOCUMENT = st.fixed_dictionaries(
    {"text": _TEXT, "dropped": st.booleans(), "source": st.sampled_from(["a", "b"])}
)


def without_distance(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The labels, without the prefix."""
    kept = ("cluster", "rank", "size", "similarity", "nearest", "centroid")
    return [{name: row[f"semantic_{name}"] for name in kept} for row in rows]


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.lists(_DOCUMENT, max_size=6), max_size=3),
    st.sampled_from([0.05, 0.3]),
    st.sampled_from([(), ("source",)]),
)
def test_labels_are_those_of_all_pairs(
    make_corpus: Callable[..., Any],
    table: str,
    units: list[list[dict[str, Any]]],
    epsilon: float,
    within: tuple[str, ...],
) -> None:
    found = make_corpus(units).label(PASS, embed={"static": table}, epsilon=epsilon, within=within)
    got = without_distance(found)
    want = expected(table, units, epsilon, within=within)
    # Where two are equally near, to a rounding of the reference's, either may be named.
    for one, other in zip(got, want, strict=True):
        assert one["similarity"] == pytest.approx(other["similarity"], abs=1.5e-4)
    if all(row["nearest"] == other["nearest"] for row, other in zip(got, want, strict=True)):
        assert [{**row, "similarity": 0} for row in got] == [{**row, "similarity": 0} for row in want]


def made(count: int, seed: int = 0) -> list[dict[str, Any]]:
    """Documents of a few words, among them many copies."""
    rng = np.random.default_rng(seed)
    texts = [" ".join(rng.choice(WORDS, rng.integers(1, 6))) for _ in range(count)]
    return [{"id": f"n{at:04d}", "text": text, "source": "ab"[at % 2]} for at, text in enumerate(texts)]


def cut(documents: list[dict[str, Any]], sizes: Sequence[int]) -> list[list[dict[str, Any]]]:
    ends = np.cumsum([0, *sizes])
    return [documents[first:last] for first, last in itertools.pairwise([*ends, len(documents)])]


def tables_of(corpus: Any) -> list[Any]:
    folder = Path(corpus.tables) / "semantic_embeddings"
    return [pq.read_table(file).to_pylist() for file in sorted(folder.glob("*.parquet"))]


@pytest.mark.parametrize(
    "options", [{}, {"clusters": 7, "prototypes": True}, {"keep": ["longest"], "largest": 20}]
)
def test_the_same_whatever_the_units_partitions_and_parts(
    make_corpus: Callable[..., Any], table: str, monkeypatch: pytest.MonkeyPatch, options: dict[str, Any]
) -> None:
    documents = made(300)
    answers, tables = [], []
    for partitions, sizes in ((1, ()), (2, (100, 50)), (4, (0, 1, 299))):
        corpus = make_corpus(cut(documents, sizes), partitions)
        answers.append(corpus.label(PASS, embed={"static": table}, **options))
        tables.append(tables_of(corpus))
    assert answers[0] == answers[1] == answers[2]
    assert tables[0] == tables[1] == tables[2] and tables[0][0]
    assert any(row["semantic_rank"] > 0 for row in answers[0])
    monkeypatch.setattr(semantic_steps, "VECTOR_ROWS", 16)
    monkeypatch.setattr(semantic_copies, "VECTOR_ROWS", 16)
    monkeypatch.setattr("dedup.semantic.PART_BYTES", 2 * SIZE * 40)  # 40 documents a part
    assert (
        make_corpus(cut(documents, (100,)), 2).label(PASS, embed={"static": table}, **options) == answers[0]
    )


def test_rank_and_rule_agree_and_keepers_stay(make_corpus: Callable[..., Any], table: str) -> None:
    rows = make_corpus([made(200)]).label(PASS, embed={"static": table}, epsilon=0.1)
    gone = {row["id"] for row in rows if row["semantic_similarity"] > 0.9}
    assert gone == {row["id"] for row in rows if row["semantic_rank"] > 0} and gone
    assert not gone & {row["semantic_cluster"] for row in rows}
    for row in rows:
        members = [other for other in rows if other["semantic_cluster"] == row["semantic_cluster"]]
        assert sorted(other["semantic_rank"] for other in members) == list(range(row["semantic_size"]))


def test_one_vector_of_many_documents_is_held_once() -> None:
    """Copies of a vector, and one that rounds to it, lead to the first of them all."""
    rows = np.random.default_rng(8).normal(size=(3, SIZE)).astype(np.float16)
    nearly = rows[0].copy()
    least = int(np.abs(nearly).argmin())
    nearly[least] = np.nextafter(nearly[least], np.float16(9))
    assert (on_grid(nearly[None]) == on_grid(rows[:1])).all()
    order = [rows[1], rows[0], rows[0], nearly, rows[2], nearly, rows[0], rows[2]]
    place, kept = np.array([0, 1, 1, 2, 3, 2, 1, 3]), np.array([0, 1, 3, 4])
    names = ("centroid", "code", "group")
    table = pa.table({name: np.zeros(len(order), np.int64) for name in names})
    vectors = np.stack([order[at] for at in kept])
    similarity, before = semantic_copies._within_clusters(table, kept, place, vectors, 100)
    plain, at = best_before(on_grid(np.stack(order)), 100)
    assert similarity.tolist() == plain.tolist() and before.tolist() == at.tolist()
    assert before[[2, 3, 5, 6, 7]].tolist() == [1, 1, 1, 1, 4]


def test_sources_left_out_are_alone(make_corpus: Callable[..., Any], table: str) -> None:
    units = [[{"text": "a b", "source": "one"}], [{"text": "a b", "source": "two"}]]
    for sources, most in (((), 2), (("one",), 1)):
        rows = make_corpus(units).label(PASS, embed={"static": table}, sources=sources)
        assert max(row["semantic_size"] for row in rows) == most


def test_keep_orders_and_ends_of_the_order(make_corpus: Callable[..., Any], table: str) -> None:
    units = [[{"text": "a b c", "bytes": 5}, {"text": "c b a", "bytes": 9}, {"text": "b a c", "bytes": 7}]]
    rows = make_corpus(units).label(PASS, embed={"static": table}, keep="longest")
    assert [row["semantic_rank"] for row in rows] == [2, 0, 1]
    assert {row["semantic_cluster"] for row in rows} == {"id00001"}
    far, near = (
        make_corpus([made(60)]).label(PASS, embed={"static": table}, epsilon=0.4, keep=keep)
        for keep in ("farthest", "nearest")
    )
    alone = {row["id"] for row in far if row["semantic_rank"] == 0}
    assert alone != {row["id"] for row in near if row["semantic_rank"] == 0}


def test_an_empty_corpus_and_one_without_words(make_corpus: Callable[..., Any], table: str) -> None:
    assert make_corpus([]).label(PASS, embed={"static": table}) == []
    [row] = make_corpus([[{"text": "§ §"}]]).label(PASS, embed={"static": table}, prototypes=True)
    assert row == {
        "id": "id00000",
        "semantic_cluster": "id00000",
        "semantic_rank": 0,
        "semantic_size": 1,
        "semantic_similarity": 0.0,
        "semantic_nearest": "",
        "semantic_centroid": -1,
        "semantic_distance": 0.0,
        "semantic_prototype": 1.0,
    }


@pytest.mark.parametrize("kmeans", ["scikit-learn", "faiss"])
@pytest.mark.parametrize("texts", [["a"], ["a b", "", "b a"], ["c c"] * 7 + [None], ["a", "b", "c"]])
def test_more_clusters_than_there_are_vectors(
    make_corpus: Callable[..., Any], table: str, texts: list[str | None], kmeans: str
) -> None:
    if kmeans == "faiss":
        pytest.importorskip("faiss", reason="faiss-cpu is not installed: kmeans: faiss is not tested")
    units = [[{"text": text} for text in texts]]
    rows = make_corpus(units, 2).label(PASS, embed={"static": table}, clusters=5, kmeans=kmeans)
    words = [" ".join(sorted((text or "").split())) for text in texts]
    for row, text in zip(rows, words, strict=True):
        assert row["semantic_size"] == (words.count(text) if text else 1)
        assert (row["semantic_centroid"] >= 0) == bool(text)


def test_prototypes_are_shares_of_what_is_left(make_corpus: Callable[..., Any], table: str) -> None:
    rows = make_corpus([made(150)]).label(PASS, embed={"static": table}, prototypes=True, clusters=3)
    left = [row["semantic_prototype"] for row in rows if row["semantic_rank"] == 0]
    assert min(left) == 0.0 and max(left) < 1.0 and len(set(left)) > len(left) / 2
    assert {row["semantic_prototype"] for row in rows if row["semantic_rank"] > 0} == {1.0}


def test_every_cosine_within_a_cluster_is_found_by_plain_numpy() -> None:
    grid = on_grid(np.random.default_rng(1).normal(size=(2500, 8)))
    grid[77] = grid[2100]
    found, place = best_before(grid, 10_000)
    cosines = (grid.astype(np.float64) @ grid.T) / np.outer(lengths_of(grid), lengths_of(grid))
    cosines[np.triu_indices(len(grid))] = 0
    assert np.allclose(found, cosines.max(axis=1), atol=1e-6)
    assert np.allclose(cosines[np.arange(1, len(grid)), place[1:]], cosines[1:].max(axis=1), atol=1e-6)
    assert (found[2100], place[2100]) == (1.0, 77)


def test_a_large_cluster_is_cut_and_misses_little() -> None:
    rng = np.random.default_rng(2)
    first = rng.normal(size=(600, 16))
    grid = on_grid(np.concatenate([first, first + 0.02 * rng.normal(size=first.shape)]))
    _, place = best_before(grid, 100)
    assert (place < np.arange(len(grid))).all()
    assert (place[600:] == np.arange(600)).mean() > 0.8
    same, _ = best_before(np.repeat(grid[:1], 5000, axis=0), 2)  # equal rows count as one
    assert same[0] == 0 and (same[1:] == 1).all()


def test_cosines_do_not_depend_on_what_is_beside() -> None:
    grid = on_grid(np.random.default_rng(4).normal(size=(500, 384)))
    centroids = grid[:37]
    whole = nearest_centroids(grid, centroids)
    for size in (1, 3, 100):
        parts = [nearest_centroids(grid[at : at + size], centroids) for at in range(0, 500, size)]
        for number in (0, 1):
            assert np.array_equal(np.concatenate([part[number] for part in parts]), whole[number])
    assert (np.abs(grid) <= GRID).all() and np.array_equal(grid, np.rint(grid))


@pytest.mark.parametrize("method", ["scikit-learn", "faiss"])
def test_k_means_finds_made_clusters(method: Any) -> None:
    if method == "faiss":
        pytest.importorskip("faiss", reason="faiss-cpu is not installed: kmeans: faiss is not tested")
    rng = np.random.default_rng(5)
    centres = np.eye(6)[:4]
    sample = on_grid(np.repeat(centres, 50, axis=0) + 0.05 * rng.normal(size=(200, 6)))
    found = centroids_of(sample, 4, method, 1)
    assert np.array_equal(found, centroids_of(sample, 4, method, 1))
    nearest, _ = nearest_centroids(sample, found)
    assert [len(set(nearest[at : at + 50].tolist())) for at in range(0, 200, 50)] == [1] * 4
    assert len(set(nearest.tolist())) == 4
    assert len(centroids_of(sample[:1].repeat(9, axis=0), 4, method, 1)) == 1


def test_chains_lead_to_who_stays() -> None:
    # 0 stays; 1 goes for 0; 2 goes for 1; 3 stays; 4 is near 3, but not enough
    before, dropped = np.array([-1, 0, 1, -1, 3]), np.array([False, True, True, False, False])
    assert keepers(before, dropped).tolist() == [0, 0, 0, 3, 4]
    rank, size = ranked(keepers(before, dropped))
    assert (rank.tolist(), size.tolist()) == ([0, 1, 2, 0, 0], [3, 3, 3, 1, 1])


def test_options_and_what_the_plan_says(table: str) -> None:
    options = SemanticOptions(embed=Embed(static=table), epsilon=0.1)
    assert [rule.drop_if for rule in configured(PASS, options).rules] == ["semantic_similarity > 0.9"]
    assert "semantic_prototype" not in configured(PASS, options).adds.names
    given = {
        "embed": {"static": table},
        "prototypes": True,
        "embeddings": False,
        "keep": {"highest": "quality"},
    }
    more = SemanticOptions.model_validate(given)
    step = configured(PASS, more)
    assert "semantic_prototype" in step.adds.names and not step.tables and "quality" in step.reads
    assert any("cosine above 0.9" in line for line in describe(options))
    assert [cluster_count(n) for n in (0, 1000, 100_000, 10_000_000)] == [1, 1, 49, 3162]
    for wrong, said in (
        ({}, "embed"),
        ({"embed": {}}, "expected one of static"),
        ({"embed": {"static": "a", "model": "b"}}, "found static and model"),
        ({"embed": {"endpoint": "http://x"}}, "needs the name of the server's model"),
        ({"embed": {"static": "a", "key": "K"}}, "for endpoint alone"),
        ({"embed": {"static": "a"}, "keep": "best"}, "unknown order 'best'"),
        ({"embed": {"static": "a"}, "epsilon": 0}, "greater than 0"),
    ):
        with pytest.raises(ValidationError, match=said):
            SemanticOptions.model_validate(wrong)
