"""What a trained model is worth, measured on documents it has not seen: the content of report.json."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from classifiers.model import Answers, Model, scores
from classifiers.training import metrics
from classifiers.training.task import Examples, Task

STEPS = 20  # thresholds of the table
MOST_LABELS = 200  # of a table of confusions: thousands would be millions of cells
WRONG = 12  # examples most wrong
SHOWN = 240  # characters of each
FEWEST = 20  # documents of a language or source that is reported by itself

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Judged:
    """n documents with a model's answers.

    scores      [n] as `classify` gives them, the least one where the model can say nothing
    found       [n] int64, the label that the model gives: the nearest one of a regression
    documents, examples   as `data.gather` and `data.examples` give them
    """

    documents: pa.Table
    examples: Examples
    scores: Floats
    found: NDArray[np.int64]

    def take(self, rows: NDArray[Any]) -> "Judged":
        at = np.flatnonzero(rows)
        return Judged(
            self.documents.take(pa.array(at)), self.examples.take(at), self.scores[at], self.found[at]
        )


def judge(documents: pa.Table, examples: Examples, task: Task, model: Model, answers: Answers) -> Judged:
    """The documents with these answers of the model."""
    found = scores(model, answers)
    if task.score == "value":
        numbers = np.array([float(label) for label in task.labels])
        labels = np.abs(found[:, None] - numbers[None, :]).argmin(axis=1)
        least = model.range[0] if model.range else 0.0
    else:
        labels = np.nan_to_num(answers, nan=-1.0).argmax(axis=1)
        least = min(map(float, task.labels)) if task.score == "expected" else 0.0
    labels[np.isnan(found)] = -1
    return Judged(documents, examples, np.where(np.isnan(found), least, found), labels.astype(np.int64))


def cut_of(task: Task, cut: float | None) -> float | None:
    """The grade from which a document counts as positive: the one given, or the first label that is not in
    the lower half; None where labels are no grades."""
    if task.score not in ("expected", "value"):
        return None
    numbers = [float(label) for label in task.labels]
    if cut is not None:
        return cut
    middle = (numbers[0] + numbers[-1]) / 2
    return next(number for number in numbers if number >= middle)


def truth_of(judged: Judged, task: Task, cut: float | None) -> NDArray[np.bool_] | None:
    """Which documents are positive, [n]; None of labels without an order."""
    if task.score == "top":
        return None
    if task.score == "probability":
        return np.asarray(judged.examples.labels == task.labels.index(str(task.positive)))
    at = cut_of(task, cut)
    return np.asarray(judged.examples.targets >= (at if at is not None else np.inf))


def threshold_of(judged: Judged, task: Task, cut: float | None) -> float | None:
    """The threshold of the best F1 on these documents; None of labels without an order, or where all of them
    are positive, or none is."""
    truth = truth_of(judged, task, cut)
    if truth is None or not truth.any() or truth.all():
        return None
    found = metrics.best_threshold(truth, judged.scores)
    return float(np.round(found, 6)) if np.isfinite(found) else None


def evaluate(
    judged: Judged, task: Task, threshold: float | None, cut: float | None, seed: int = 0
) -> dict[str, Any]:
    """All figures of these documents, as JSON has them; NaN becomes None."""
    report: dict[str, Any] = {"documents": len(judged.scores)}
    truth = truth_of(judged, task, cut)
    groups = judged.documents["group"].to_numpy()
    weights = judged.documents["weight"].to_numpy()
    if truth is not None:
        report["binary"] = _binary(judged, task, truth, groups, weights, threshold, cut, seed)
    report["labels"] = _labels(judged, task)
    if task.score in ("expected", "value"):
        report["grades"] = _grades(judged, task, groups, seed)
    for name in ("language", "source"):
        rows = _parts(judged, task, truth, name, threshold)
        if len(rows) > 1:
            report[f"by_{name}"] = rows
    report["wrong"] = _wrong(judged, task)
    plain: dict[str, Any] = _plain(report)
    return plain


def _binary(
    judged: Judged,
    task: Task,
    truth: NDArray[np.bool_],
    groups: NDArray[Any],
    weights: Floats,
    threshold: float | None,
    cut: float | None,
    seed: int,
) -> dict[str, Any]:
    found = judged.scores
    at = cut_of(task, cut)
    report: dict[str, Any] = {
        "positive": f"label {task.positive}" if at is None else f"grade {at:g} or more",
        "share": float(truth.mean()) if len(truth) else metrics.NAN,
        "auc": metrics.roc_auc(truth, found),
        "auc_95": list(metrics.auc_interval(groups, truth, found, seed=seed)),
        "average_precision": metrics.average_precision(truth, found),
    }
    uneven = bool(len(weights)) and weights.min() != weights.max()
    steps = _steps(task)
    if threshold is not None:
        report["chosen"] = _at(truth, found, threshold, weights if uneven else None)
    report["thresholds"] = [_at(truth, found, step, weights if uneven else None) for step in steps]
    if task.score == "probability":
        report["calibration"] = metrics.calibration(truth, found)
    return report


def _at(truth: NDArray[np.bool_], found: Floats, threshold: float, weights: Floats | None) -> dict[str, Any]:
    row: dict[str, Any] = metrics.at_threshold(truth, found, threshold)
    if weights is not None:  # each document for those of the run that it stands for
        of_run = metrics.at_threshold(truth, found, threshold, weights)
        row["run"] = {name: of_run[name] for name in ("precision", "recall", "kept")}
    return row


def _steps(task: Task) -> list[float]:
    """Thresholds of the table: even steps of a probability, half grades of a grade."""
    if task.score == "probability":
        even = [step / STEPS for step in range(1, STEPS)]
        return sorted({*even, 0.01, 0.99})
    low, high = float(task.labels[0]), float(task.labels[-1])
    count = int(min(STEPS, max(2, 2 * (high - low))))
    return [low + (high - low) * step / count for step in range(1, count)]


def _labels(judged: Judged, task: Task) -> dict[str, Any]:
    matrix = metrics.confusion(judged.examples.labels, judged.found, len(task.labels))
    report = metrics.by_label(matrix)
    report["names"] = list(task.labels)
    if len(task.labels) <= MOST_LABELS:
        report["confusion"] = matrix.tolist()
    if task.score == "top":
        right = judged.examples.labels == judged.found
        report["calibration"] = metrics.calibration(right, judged.scores)
        groups = judged.documents["group"].to_numpy()
        report["micro_f1_95"] = list(metrics.share_interval(groups, right))
    return report


def _grades(judged: Judged, task: Task, groups: NDArray[Any], seed: int) -> dict[str, Any]:
    target, found = judged.examples.targets, judged.scores
    good = np.isfinite(target)
    error = np.abs(found - target)[good]
    names = groups[good]
    return {
        "mean_absolute_error": float(error.mean()) if len(error) else None,
        "mean_absolute_error_95": list(
            metrics.interval(
                names, lambda times: float((times * error).sum() / max(times.sum(), 1.0)), seed=seed
            )
        ),
        "of_the_mean": float(np.abs(target[good] - target[good].mean()).mean()) if len(error) else None,
        "spearman": metrics.spearman(target[good], found[good]),
        "quadratic_kappa": metrics.quadratic_kappa(judged.examples.labels, judged.found, len(task.labels)),
    }


def _parts(
    judged: Judged, task: Task, truth: NDArray[np.bool_] | None, name: str, threshold: float | None
) -> list[dict[str, Any]]:
    """Figures of each language or source by itself, the most documents first."""
    values = judged.documents[name].combine_chunks()
    counts = sorted(pc.value_counts(values).to_pylist(), key=lambda row: (-row["counts"], str(row["values"])))
    rows = []
    for each in counts:
        if each["values"] is None or each["counts"] < FEWEST:
            continue
        here = np.asarray(pc.equal(values, each["values"]).fill_null(False))
        row: dict[str, Any] = {name: each["values"], "documents": each["counts"]}
        if truth is not None:
            row["share"] = float(truth[here].mean())
            row["auc"] = metrics.roc_auc(truth[here], judged.scores[here])
            if threshold is not None:
                row["f1"] = metrics.at_threshold(truth[here], judged.scores[here], threshold)["f1"]
        else:
            matrix = metrics.confusion(judged.examples.labels[here], judged.found[here], len(task.labels))
            found = metrics.by_label(matrix)
            row |= {"micro_f1": found["micro_f1"], "macro_f1": found["macro_f1"]}
        rows.append(row)
    return rows


def _wrong(judged: Judged, task: Task) -> list[dict[str, Any]]:
    """The documents whose score is farthest from their label."""
    labels = judged.examples.labels
    if task.score == "top":
        error = np.where(labels == judged.found, 0.0, judged.scores)
    elif task.score == "probability":
        error = np.abs((labels == task.labels.index(str(task.positive))) - judged.scores)
    else:
        error = np.nan_to_num(np.abs(judged.examples.targets - judged.scores))
    order = np.argsort(-error, kind="stable")[:WRONG]
    rows = judged.documents.select(["id", "url", "label", "text"]).take(pa.array(order)).to_pylist()
    found = []
    for at, row in zip(order, rows, strict=True):
        if error[at] <= 0:
            break
        start = " ".join(row["text"][: 4 * SHOWN].split())
        said = None if task.regression or judged.found[at] < 0 else task.labels[judged.found[at]]
        found.append(
            {
                "id": row["id"],
                "url": row["url"],
                "label": row["label"],
                "found": said,
                "score": float(judged.scores[at]),
                "text": start if len(start) <= SHOWN else start[: SHOWN - 1] + "…",
            }
        )
    return found


def _plain(value: Any) -> Any:
    """Without NaN, which JSON does not know, and with figures that are read: six digits."""
    if isinstance(value, dict):
        return {name: _plain(each) for name, each in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_plain(each) for each in value]
    if isinstance(value, float | np.floating):
        return float(f"{float(value):.6g}") if np.isfinite(value) else None
    if isinstance(value, np.integer):
        return int(value)
    return value
