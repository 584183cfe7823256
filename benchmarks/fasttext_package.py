"""A fastText model asked by winnow's kernels and by the package fasttext: the same texts, one core, one run.

Both take turns in each round, and the median of the ratios is told, of CPU seconds and by the clock. `cold`:
winnow begins each round without a token that it has seen; `warm`: it has seen these texts, the best case of a
run, where one model goes through many batches. The package is asked as people ask it,
`predict(text.replace("\\n", " "))`, one text after the other. Labels and probabilities of all texts are
compared, too.
"""

import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import fasttext
import numpy as np
import pyarrow as pa

from text.fasttext import UNKNOWN, FastText
from text.strings import Strings


def ask(package: Any, texts: Sequence[str]) -> list[tuple[str, float]]:
    """The package's answers, "" where it has none."""
    answers = []
    for text in texts:
        labels, scores = package.predict(text.replace("\n", " "))
        answers.append((labels[0], float(scores[0])) if labels else ("", 0.0))
    return answers


def seconds(work: Callable[[], Any]) -> tuple[float, float]:
    """CPU and wall."""
    started = time.process_time(), time.perf_counter()
    work()
    return time.process_time() - started[0], time.perf_counter() - started[1]


def compare(file: str | Path, texts: Sequence[str], rounds: int) -> None:
    """Prints a line for each way, and one on what the answers are."""
    strings = Strings.of(pa.array(texts, pa.large_string()))
    size = len(strings.data) / len(texts)
    package = fasttext.load_model(str(file))
    _, load = seconds(lambda: FastText(file))
    ours = FastText(file)
    ours.predict(strings)  # compiles
    times: dict[str, list[tuple[float, float]]] = {"package": [], "cold": [], "warm": []}
    for _ in range(rounds):
        times["package"].append(seconds(lambda: ask(package, texts)))
        ours = FastText(file)
        for name in ("cold", "warm"):
            times[name].append(seconds(lambda: ours.predict(strings)))  # noqa: B023 - called at once
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
    labels, scores = ours.predict(strings)
    theirs = ask(package, texts)
    found = ["" if label == UNKNOWN else f"__label__{ours.labels[label]}" for label in labels[:, 0]]
    other = sum(own != their for own, (their, _) in zip(found, theirs, strict=True))
    gap = np.abs(scores[:, 0] - np.array([score for _, score in theirs])).max()
    print(
        f"  {len(ours.labels)} labels, the first with {np.median(scores[:, 0]):.2f} at the median, loaded in "
        f"{load:.1f} s; other labels: {other} of {len(texts):,}; largest difference of a probability: "
        f"{gap:.1e}",
        flush=True,
    )
