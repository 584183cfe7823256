"""Language by fastText: winnow's kernel beside the fasttext package, the same model and whole texts.

    python benchmarks/language.py [--kinds html,jsonl] [--model FILE] [--rounds 5]

One core, CPU seconds; both take turns in each round, and the median of the ratios is told. `cold`: winnow
begins each round without a token that it has seen; `warm`: it has seen these texts, the best case of a run,
where one model goes through many batches. The package is called text by text, as it is meant. Labels and
probabilities of all texts are compared, too.
"""

import argparse
import statistics
import sys
import time
from pathlib import Path
from typing import Any

import fasttext
import numpy as np
import pyarrow as pa

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks import real_texts
from classifiers.language import LanguageOptions, model_path
from text.fasttext import FastText
from text.strings import Strings


def ask(model: Any, texts: list[str]) -> list[tuple[str, float]]:
    """The package's answers, "" where it has none."""
    answers = []
    for text in texts:
        found = model.f.predict(text.replace("\n", " ") + "\n", 1, 0.0, "strict")
        answers.append((found[0][1], found[0][0]) if found else ("", 0.0))
    return answers


def seconds(work: Any) -> float:
    started = time.process_time()
    work()
    return time.process_time() - started


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    real_texts.add_argument(parser)
    parser.add_argument("--kinds", default="html", help="of texts, by a comma: html, jsonl, languages")
    parser.add_argument("--model", default=model_path(LanguageOptions()))
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    kinds = arguments.kinds.split(",")
    found = (text.text for text in real_texts.all_texts(arguments.data) if text.kind in kinds)
    texts = list(dict.fromkeys(text for text in found if text.strip()))
    strings = Strings.of(pa.array(texts, pa.large_string()))
    size = len(strings.data) / len(texts)
    print(f"{len(texts):,} texts of {size / 1e3:.1f} kB, {Path(arguments.model).name}")
    package = fasttext.load_model(arguments.model)
    FastText(arguments.model).predict(strings)  # compiles
    rounds: dict[str, list[float]] = {"package": [], "cold": [], "warm": []}
    for _ in range(arguments.rounds):
        rounds["package"].append(seconds(lambda: ask(package, texts)))
        model = FastText(arguments.model)
        for name in ("cold", "warm"):
            rounds[name].append(seconds(lambda: model.predict(strings)))  # noqa: B023 - called at once
    for name, times in rounds.items():
        speed = len(texts) / statistics.median(times)
        ratio = statistics.median(one / own for one, own in zip(rounds["package"], times, strict=True))
        print(f"  {name:8} {speed:10,.0f} documents/s {speed * size / 1e6:8.1f} MB/s {ratio:6.1f} x")
    labels, scores = model.predict(strings)
    theirs = ask(package, texts)
    ours = ["__label__" + model.labels[label] for label in labels[:, 0]]
    other = sum(own != their for own, (their, _) in zip(ours, theirs, strict=True))
    gap = np.abs(scores[:, 0] - np.array([score for _, score in theirs])).max()
    print(f"  other labels: {other} of {len(texts):,}; largest difference of a probability: {gap:.1e}")


if __name__ == "__main__":
    main()
