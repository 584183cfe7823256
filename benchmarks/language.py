"""Language by fastText: winnow's kernel beside the fasttext package, the same model and whole texts.

    python benchmarks/language.py [--kinds html,jsonl,languages] [--model FILE] [--rounds 5]

Main text of web pages, samples of corpora, texts in several hundred languages and every script that we have:
each kind by itself. One core, CPU seconds; both take turns in each round, and the median of the ratios is
told, by the clock too. `cold`: winnow begins each round without a token that it has seen; `warm`: it has seen
these texts, the best case of a run, where one model goes through many batches. The package is called text by
text, as it is meant. Labels and probabilities of all texts are compared, too.
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


def seconds(work: Any) -> tuple[float, float]:
    """CPU and wall."""
    started = time.process_time(), time.perf_counter()
    work()
    return time.process_time() - started[0], time.perf_counter() - started[1]


def compare(file: str, package: Any, texts: list[str], rounds: int) -> None:
    """Prints a line for each way."""
    strings = Strings.of(pa.array(texts, pa.large_string()))
    size = len(strings.data) / len(texts)
    model = FastText(file)
    model.predict(strings)  # compiles
    times: dict[str, list[tuple[float, float]]] = {"package": [], "cold": [], "warm": []}
    for _ in range(rounds):
        times["package"].append(seconds(lambda: ask(package, texts)))
        model = FastText(file)
        for name in ("cold", "warm"):
            times[name].append(seconds(lambda: model.predict(strings)))  # noqa: B023 - called at once
    for name, taken in times.items():
        speed = len(texts) / statistics.median(cpu for cpu, _ in taken)
        cpu, wall = (
            statistics.median(one[k] / own[k] for one, own in zip(times["package"], taken, strict=True))
            for k in (0, 1)
        )
        print(
            f"  {name:8} {speed:10,.0f} documents/s {speed * size / 1e6:8.1f} MB/s "
            f"{cpu:6.1f} x by CPU {wall:6.1f} x by the clock"
        )
    labels, scores = model.predict(strings)
    theirs = ask(package, texts)
    ours = ["__label__" + model.labels[label] for label in labels[:, 0]]
    other = sum(own != their for own, (their, _) in zip(ours, theirs, strict=True))
    gap = np.abs(scores[:, 0] - np.array([score for _, score in theirs])).max()
    print(f"  other labels: {other} of {len(texts):,}; largest difference of a probability: {gap:.1e}")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    real_texts.add_argument(parser)
    parser.add_argument("--kinds", default="html,jsonl,languages", help="of texts, by a comma")
    parser.add_argument("--model", default=model_path(LanguageOptions()))
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    package = fasttext.load_model(arguments.model)
    known = list(real_texts.all_texts(arguments.data))
    for kind in arguments.kinds.split(","):
        texts = list(dict.fromkeys(text.text for text in known if text.kind == kind and text.text.strip()))
        size = sum(len(text.encode()) for text in texts) / len(texts)
        print(f"{kind}: {len(texts):,} texts of {size / 1e3:.1f} kB, {Path(arguments.model).name}")
        compare(arguments.model, package, texts, arguments.rounds)


if __name__ == "__main__":
    main()
