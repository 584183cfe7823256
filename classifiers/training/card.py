"""The model card: what people should know of a classifier before they let it decide, from its report."""

import json
import re
from collections.abc import Sequence
from typing import Any

from classifiers.training.task import some

_ODD = re.compile(r"[^\w./-]|^[^\w./]")  # in a path: what YAML might read another way
_MOST_LABELS = 30  # of a table of confusions
_MOST_ROWS = 100  # labels of the table of labels: those with the most documents
_LIMITS = (
    "Its labels are what its inputs say they are: it learns their mistakes and their taste too.",
    "It has seen the languages, sites and times of its training texts; of others it may say anything, and as "
    "confidently.",
    "Figures are of documents like those it was trained on. Where a corpus has a smaller share of positive "
    "documents, precision at the same threshold is lower.",
)


def card(report: dict[str, Any], folder: str) -> str:
    """CARD.md of a report, as `classifiers.training.train` makes it; `folder`: the model's."""
    model, test = report["model"], report["test"]
    parts = [
        f"# {model['name']}",
        _what(model, test),
        *_use(model, folder),
        "## Trained from",
        _inputs(report["inputs"]),
        _licence(report["licence"], model["kind"]),
        _split(report["split"], report["data"]),
    ]
    if "binary" in test:
        parts += _binary(test["binary"], test["documents"])
    if "grades" in test:
        parts += _grades(test["grades"])
    parts += _labels(test["labels"], ordered=model["score"] != "top")
    for name in ("language", "source"):
        if f"by_{name}" in test:
            parts += [f"## By {name}", _rows(test[f"by_{name}"])]
    if "folds" in report:
        parts += _folds(report["folds"])
    parts += ["## Most wrong", _wrong(test["wrong"])]
    parts += ["## Again", _again(report)]
    parts += ["## Limits", _limits(report)]
    return "\n\n".join(part for part in parts if part) + "\n"


_KINDS = {
    "fasttext": "a fastText classifier",
    "embedding": "a head over frozen sentence embeddings",
    "transformer": "a fine-tuned transformer",
}


def _what(model: dict[str, Any], test: dict[str, Any]) -> str:
    labels = some(model["labels"])
    scores = {
        "probability": f"the probability of `{model['positive']}`",
        "expected": "the expected grade: each label times its probability",
        "top": "the probability of the likeliest label",
        "value": "a grade"
        + (f" from {model['range'][0]:g} to {model['range'][1]:g}" if model["range"] else ""),
    }
    kind = _KINDS[model["kind"]]
    said = f"{kind[0].upper()}{kind[1:]}; its score is {scores[model['score']]}."
    if labels:
        said += f" Labels: {labels}."
    if model["languages"]:
        said += f" Languages of its training texts: {', '.join(model['languages'])}."
    binary = test.get("binary", {})
    if binary:
        said += (
            f" On {test['documents']:,} documents of groups it has not seen, area under the ROC curve "
            f"{_number(binary['auc'])} (95%: {_span(binary['auc_95'])})."
        )
    else:
        labels_ = test["labels"]
        said += (
            f" On {test['documents']:,} documents of groups it has not seen, {_percent(labels_['micro_f1'])} "
            f"are given the right label (95%: {_span(labels_.get('micro_f1_95'))}); macro F1 "
            f"{_number(labels_['macro_f1'])}."
        )
    return said


def _use(model: dict[str, Any], folder: str) -> list[str]:
    name, threshold = model["name"], model["threshold"]
    place = json.dumps(folder, ensure_ascii=False) if _ODD.search(folder) else folder  # YAML reads JSON
    lines = [f"- classify: {place}"]
    if threshold is not None:
        lines = [
            "- classify:",
            f"    model: {place}",
            f"    rules: {{{name}_low: {name}_score < {threshold:g}}}",
        ]
    return ["```yaml\n" + "\n".join(lines) + "\n```"]


def _inputs(inputs: Sequence[dict[str, Any]]) -> str:
    lines = []
    for each in inputs:
        known = [f"{each['documents']:,} documents"]
        if "label" in each:
            known.append(f"label {each['label']}")
        if each.get("where"):
            known.append(f"where `{each['where']}`")
        if "prompt" in each:
            prompts = " and ".join(each["prompt"])
            hashes = ", ".join(text[:12] for text in each["prompt_hash"])
            known.append(f"labelled by {' and '.join(each['model'])} with prompt {prompts} ({hashes})")
            statuses = ", ".join(f"{name} {count:,}" for name, count in each["statuses"].items())
            known.append(f"answers: {statuses}")
            known.append(_agreement(each))
        known.append(f"SHA-256 {each['sha256'][:16]}")
        lines.append(f"- `{each['name']}`: {each.get('kind', 'documents')}, {'; '.join(known)}")
    return "\n".join(lines)


def _agreement(each: dict[str, Any]) -> str:
    found = each.get("agreement")
    if not found:
        return "no person has reviewed them"
    return (
        f"a person has looked at {found['documents']:,}: {_percent(found['same'])} left as they were, kappa "
        f"{_number(found['kappa'])}"
    )


def _licence(licence: str, kind: str) -> str:
    if licence:
        return f"Licence of the training data, as stated by who trained it: {licence}."
    held = " The model holds words of those texts." if kind == "fasttext" else ""
    return f"Licence of the training data: not stated.{held}"


def _split(split: dict[str, Any], data: dict[str, Any]) -> str:
    labels = list(data["labels"])
    head = ["side", "documents", "groups", *labels[:_MOST_LABELS]]
    rows = [
        [
            side,
            f"{split[side]['documents']:,}",
            f"{split[side]['groups']:,}",
            *(f"{split[side]['labels'].get(label, 0):,}" for label in labels[:_MOST_LABELS]),
        ]
        for side in ("train", "validation", "test")
    ]
    groups = {"domain": "registered domain", "host": "host name", "id": "document"}
    by = groups.get(split["group"], split["group"])
    said = [f"No group ({by}) is on two sides; the side is a hash of the group and seed {split['seed']}."]
    said += [f"{line[0].upper()}{line[1:]}." for line in data["told"]]
    return _table(head, rows) + "\n\n" + " ".join(said)


def _binary(found: dict[str, Any], documents: int) -> list[str]:
    with_run = "run" in found["thresholds"][0]
    head = ["score ≥", "precision", "recall", "F1", "kept"]
    if with_run:
        head += ["precision in the run", "recall in the run", "kept of the run"]
    chosen = found.get("chosen")
    rows = [_at(row, with_run) for row in found["thresholds"]]
    if chosen:
        rows.append([f"**{cell}**" for cell in _at(chosen, with_run)])
        rows.sort(key=lambda row: float(row[0].strip("*")))
    text = (
        f"Positive: {found['positive']}, {_percent(found['share'])} of {documents:,} documents. Average "
        f"precision {_number(found['average_precision'])}."
    )
    if chosen:
        text += " In bold: the best F1 on the validation side, `threshold` of model.yaml."
    if with_run:
        text += " In the run: each document stands for as many as its weight says."
    parts = ["## Thresholds", text, _table(head, rows)]
    return parts + (_calibration(found["calibration"]) if "calibration" in found else [])


def _at(row: dict[str, Any], with_run: bool) -> list[str]:
    cells = [f"{row['threshold']:g}", *(_number(row[name]) for name in ("precision", "recall", "f1"))]
    cells.append(_percent(row["kept"]))
    if with_run:
        of_run = row["run"]
        cells += [_number(of_run["precision"]), _number(of_run["recall"]), _percent(of_run["kept"])]
    return cells


def _calibration(found: dict[str, Any]) -> list[str]:
    rows = [
        [f"from {row['from']:g}", f"{row['documents']:,}", _number(row["mean"]), _number(row["share"])]
        for row in found["bins"]
    ]
    text = f"Expected calibration error {_number(found['ece'])}, Brier score {_number(found['brier'])}."
    return ["## Calibration", text, _table(["probability", "documents", "mean", "share that is so"], rows)]


def _grades(found: dict[str, Any]) -> list[str]:
    return [
        "## Grades",
        f"Mean absolute error {_number(found['mean_absolute_error'])} (95%: "
        f"{_span(found['mean_absolute_error_95'])}; the mean grade for all would have "
        f"{_number(found['of_the_mean'])}), Spearman's rank correlation {_number(found['spearman'])}, "
        f"quadratic kappa {_number(found['quadratic_kappa'])}.",
    ]


def _labels(found: dict[str, Any], ordered: bool) -> list[str]:
    names = found["names"]
    rows = [
        [
            names[k],
            f"{found['documents'][k]:,}",
            *(_number(found[what][k]) for what in ("precision", "recall", "f1")),
        ]
        for k in sorted(range(len(names)), key=lambda k: -found["documents"][k])[:_MOST_ROWS]
    ]
    if len(names) <= _MOST_ROWS:
        rows.sort(key=lambda row: names.index(row[0]))
    text = f"Right: {_percent(found['micro_f1'])}; macro F1 {_number(found['macro_f1'])}."
    if ordered and len(names) > 2:
        text += " A grade counts as the nearest or likeliest label."
    parts = ["## Labels", text, _table(["label", "documents", "precision", "recall", "F1"], rows)]
    if len(names) <= _MOST_LABELS:
        confused = [[names[k], *(f"{count:,}" for count in row)] for k, row in enumerate(found["confusion"])]
        parts += ["Label in the row, taken for the one of the column:", _table(["", *names], confused)]
    if "calibration" in found:
        parts += _calibration(found["calibration"])
    return parts


def _rows(rows: Sequence[dict[str, Any]]) -> str:
    head = list(rows[0])
    return _table(head, [[_cell(row.get(name)) for name in head] for row in rows])


def _folds(found: dict[str, Any]) -> list[str]:
    said = f"{found['folds']} folds by group, each scored by a model that has seen none of it: "
    if "binary" in found:
        said += (
            f"area under the ROC curve {_number(found['binary']['auc'])} (95%: "
            f"{_span(found['binary']['auc_95'])}), average precision "
            f"{_number(found['binary']['average_precision'])}"
        )
    else:
        said += (
            f"right {_percent(found['labels']['micro_f1'])}, macro F1 {_number(found['labels']['macro_f1'])}"
        )
    if "grades" in found:
        said += f", Spearman {_number(found['grades']['spearman'])}"
    return ["## Cross-validation", f"{said}; {found['documents']:,} documents."]


def _wrong(rows: Sequence[dict[str, Any]]) -> str:
    if not rows:
        return "None of the test side."
    lines = []
    for row in rows:
        said = "" if row["found"] in (None, row["label"]) else f", taken for {row['found']}"
        where = f" {row['url']}" if row["url"] else f" {row['id']}"
        lines.append(f"- label {row['label']}{said}, score {row['score']:.3f},{where}: {_plain(row['text'])}")
    return "\n".join(lines)


def _again(report: dict[str, Any]) -> str:
    command = report["command"] or "(trained from Python)"
    trained = report["model"]["trained"]
    kept = {
        name: value for name, value in trained.items() if name not in ("from", "labels", "documents", "seed")
    }
    facts = "; ".join(f"{name}: {_cell(value)}" for name, value in kept.items())
    return (
        f"```\n{command}\n```\n\nThe files that decide its answers have SHA-256 {report['sha256'][:16]}; "
        f"runs that use it have this in their manifests. {facts[:1].upper()}{facts[1:]}."
    )


def _limits(report: dict[str, Any]) -> str:
    limits = list(_LIMITS)
    if any("prompt" in each for each in report["inputs"]):
        limits.insert(
            0, "Labels by a language model are noisy, and carry the views of that model and prompt."
        )
    if report["test"]["documents"] < 500:
        limits.append(
            f"It was examined on {report['test']['documents']:,} documents: see how wide the intervals are."
        )
    return "\n".join(f"- {limit}" for limit in limits)


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = ["| " + " | ".join(head) + " |", "|" + " --- |" * len(head)]
    return "\n".join([*lines, *("| " + " | ".join(map(_plain, row)) + " |" for row in rows)])


def _plain(text: str) -> str:
    """Text of a document, without what Markdown would make something of."""
    return text.replace("|", "¦").replace("<", "‹").replace("`", "'").replace("[", "(").replace("]", ")")


def _cell(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {_cell(each)}" for name, each in value.items())
    if isinstance(value, float):
        return f"{value:.3g}"
    return "–" if value is None else f"{value:,}" if isinstance(value, int) else str(value)


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def _percent(value: float | None) -> str:
    return "–" if value is None else f"{value:.1%}"


def _span(values: Sequence[float | None] | None) -> str:
    return "–" if not values or None in values else " to ".join(f"{value:.3f}" for value in values)
