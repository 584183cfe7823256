"""`winnow train`: from labelled texts to the folder of a classifier.

What a trainer is given and must give back stands in `classifiers/training/task.py`. The folder is written
aside and renamed when it is whole.
"""

import importlib
import json
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from pydantic import ValidationError

from classifiers.model import CARD, FILE, REPORT, Answers, Model, digest, digests, save_model
from classifiers.scorer import open_scorer, prepared
from classifiers.training import inputs
from classifiers.training import report as reports
from classifiers.training.aside import aside, restore
from classifiers.training.card import card
from classifiers.training.data import Labelled, examples, gather, make_task
from classifiers.training.split import SIDES, TEST, TRAIN, VALIDATION, fold, leaked, shares, split, unmeasured
from classifiers.training.task import Examples, Task, some
from pipeline import store
from pipeline.counted import counted
from pipeline.errors import PlanError
from pipeline.faults import choose
from pipeline.stage import Options

# kind -> module of its trainer (OPTIONS and fit, see task.py), imported on use: torch takes seconds, and may
# not be there.
TRAINERS: dict[str, str] = {
    "fasttext": "classifiers.training.fasttext",
    "embedding": "classifiers.training.head",
    "transformer": "classifiers.training.transformer",
}

_BATCH = 1024  # texts that are scored at once


@dataclass(frozen=True)
class Asked:
    """What `winnow train` was asked for.

    folder, name   of the model; kind: a key of TRAINERS; options: its own, as text or as YAML has them
    regression, at_least, positive   see `data.make_task` and `data.gather`
    cut            the grade from which a document counts as positive in the report
    group, per_group, fewest, balance   see `data.gather` and `data.examples`
    validation, test                 shares of the groups
    folds          cross-validation besides, 0: none
    overwrite      an older model in the folder is replaced
    command        that it was asked by, for the card; licence: of the training data, as the person states it
    """

    folder: str
    name: str
    kind: str = "fasttext"
    options: dict[str, Any] = field(default_factory=dict)
    regression: bool | None = None
    at_least: float | None = None
    positive: str = ""
    cut: float | None = None
    group: str = "domain"
    per_group: int = 0
    fewest: int = 1
    balance: str = "none"
    validation: float = 0.1
    test: float = 0.1
    lowercase: bool = False
    seed: int = 0
    threads: int = 1
    folds: int = 0
    overwrite: bool = False
    command: str = ""
    licence: str = ""


def trainer(kind: str, options: dict[str, Any]) -> tuple[Any, Options]:
    """The trainer's module and its checked options; PlanError where there is no such kind or option."""
    if kind not in TRAINERS:
        raise PlanError(f"--kind {kind!r}: {choose(kind, list(TRAINERS))}")
    module = importlib.import_module(TRAINERS[kind])
    kinds: type[Options] = module.OPTIONS
    try:
        return module, kinds.model_validate(options)
    except ValidationError as fault:
        first = fault.errors()[0]
        name = ".".join(map(str, first["loc"]))
        if first["type"] == "extra_forbidden":
            owner: Any = kinds
            for part in first["loc"][:-1]:  # the option that is a mapping itself: embed
                owner = owner.model_fields[str(part)].annotation
            said = f"no such option; {choose(str(first['loc'][-1]), list(owner.model_fields))}"
        elif first["type"] in ("missing", "model_type"):
            said = "is missing" if first["type"] == "missing" else f"found {first['input']!r}"
            said += f"; expected {kinds.model_fields[str(first['loc'][0])].description}"
        else:
            said = str(first["msg"]).removeprefix("Value error, ")
        raise PlanError(f"-o {name}: {said}" if name else f"--kind {kind}: {said}") from fault


def check(asked: Asked) -> None:
    """PlanError where what is asked cannot be, as far as that shows before anything is read."""
    trainer(asked.kind, asked.options)
    if not store.is_local(asked.folder):
        raise PlanError(f"{asked.folder}: expected a folder on this machine: copy the model from there")
    place = Path(asked.folder)
    restore(place)
    if place.exists() and not asked.overwrite:
        raise PlanError(f"{asked.folder}: is there; --overwrite replaces a model, or name another folder")
    if place.exists() and not (place / FILE).is_file() and not (place.is_dir() and not any(place.iterdir())):
        raise PlanError(f"{asked.folder}: holds no model ({FILE}) but something else; name another folder")
    if not 0 < asked.validation < 1 or not 0 < asked.test < 1 or asked.validation + asked.test >= 1:
        raise PlanError(
            f"--validation {asked.validation:g}, --test {asked.test:g}: expected shares above 0 that leave "
            "some for training"
        )


def train(asked: Asked, given: Sequence[inputs.Input], say: Callable[[str], None] = print) -> dict[str, Any]:
    """Trains a model, writes its folder, and returns its report; see `Asked`."""
    check(asked)
    module, options = trainer(asked.kind, asked.options)
    labelled = gather(given, asked.group, asked.at_least, asked.per_group, asked.fewest, asked.seed)
    documents = labelled.documents
    task = make_task(
        asked.name,
        labelled.labels,
        asked.kind,
        asked.regression,
        asked.positive,
        lowercase=asked.lowercase,
        seed=asked.seed,
        threads=asked.threads,
    )
    sides = split(documents["group"].combine_chunks(), asked.validation, asked.test, asked.seed)
    repeated = leaked(documents["text"].combine_chunks(), sides)
    told = list(labelled.told)
    if asked.kind == "fasttext" and asked.threads > 1:
        told.append(f"with {asked.threads} threads no two trainings give the same model")
    if repeated.any():
        told.append(
            f"{counted(int(repeated.sum()), 'document')} left out of training or validation: nearly the same "
            "as one of a later side"
        )
    documents, sides = documents.filter(pa.array(~repeated)), sides[~repeated]
    task = _of_train(task, documents.filter(pa.array(sides == TRAIN)), told)
    told += unmeasured(documents, sides, task, asked.cut)
    if task.score in ("expected", "value") and any(each.about.get("kind") == "a table" for each in given):
        told.append(
            f"labels {some(task.labels)} are numbers and count as grades, {task.labels[0]} the least; where "
            "they stand for names, write the names, or give one by --positive-label"
        )
    all_ = examples(documents, task)
    parts = [all_.take(sides == side) for side in range(len(SIDES))]
    learnt = examples(documents.filter(pa.array(sides == TRAIN)), task, asked.balance)
    say(_sizes(documents, sides, task))
    for line in told:
        say(f"note: {line}")
    with aside(Path(asked.folder)) as folder:
        model = module.fit(learnt, parts[VALIDATION], task, options, folder)
        judged = [
            _judged(documents.filter(pa.array(sides == side)), parts[side], task, model, folder)
            for side in (VALIDATION, TEST)
        ]
        threshold = reports.threshold_of(judged[0], task, asked.cut)
        model = model.model_copy(
            update={
                "threshold": threshold,
                "files": digests(folder),
                "trained": {**_from(asked, given, labelled, sides), **model.trained},
            }
        )
        save_model(folder, model)
        report: dict[str, Any] = {
            "model": {**model.model_dump(mode="json", exclude={"trained"}), "trained": model.trained},
            "sha256": digest(folder),
            "command": asked.command,
            "licence": asked.licence,
            "inputs": [_about(each) for each in given],
            "data": {**labelled.facts, "nearly_repeated": int(repeated.sum()), "told": told},
            "split": _split(documents, sides, asked),
            "options": options.model_dump(mode="json"),
            "test": reports.evaluate(judged[1], task, threshold, asked.cut, asked.seed),
        }
        if asked.folds:
            say(f"cross-validation: {asked.folds} folds")
            report["folds"] = _folds(asked, documents, all_, task, options, threshold, model)
        (folder / REPORT).write_text(
            json.dumps(report, indent=1, sort_keys=True, ensure_ascii=False) + "\n", "utf-8"
        )
        (folder / CARD).write_text(card(report, asked.folder), "utf-8")
    return report


def summary(asked: Asked, report: dict[str, Any]) -> list[str]:
    """What a person is told at the end."""
    test = report["test"]
    if "binary" in test:
        found = test["binary"]
        low, high = found["auc_95"]
        said = f"AUC {_figure(found['auc'])} (95%: {_figure(low)} to {_figure(high)})"
        if "chosen" in found:
            chosen = found["chosen"]
            said += (
                f"; at {chosen['threshold']:g}: precision {_figure(chosen['precision'])}, recall "
                f"{_figure(chosen['recall'])}, kept {chosen['kept']:.1%}"
            )
    else:
        said = f"right {test['labels']['micro_f1']:.1%}, macro F1 {_figure(test['labels']['macro_f1'])}"
    if "grades" in test:
        said += f"; Spearman {_figure(test['grades']['spearman'])}"
    return [
        f"test side, {counted(test['documents'], 'document')}: {said}",
        f"{asked.folder}: written, SHA-256 {report['sha256'][:16]}; read {Path(asked.folder) / CARD}, and "
        f"score by the step `- classify: {asked.folder}`",
    ]


def _figure(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def cross_validate(
    examples: Examples,
    groups: pa.Array,
    task: Task,
    kind: str,
    options: Options | dict[str, Any] | None = None,
    folds: int = 5,
    validation: float = 0.1,
) -> Answers:
    """Answers to each text by a model that has seen none of its group, nor a near copy: [n, labels], or
    [n, 1] of a regression.

    groups       [n] string; no group is in two folds
    validation   share of the other groups that the trainer has to choose by
    """
    examples = replace(examples, groups=groups)
    module, checked = trainer(kind, options if isinstance(options, dict) else {})
    if isinstance(options, Options):
        checked = options
    at = fold(groups, folds, task.seed)
    found = np.full((len(examples), 1 if task.regression else len(task.labels)), np.nan, np.float32)
    for number in range(folds):
        mine = at == number
        rest = ~mine & ~leaked(examples.texts, mine.astype(np.int8))
        inner = np.flatnonzero(rest)
        sides = _within(groups.take(pa.array(inner)), validation, task.seed + number)
        with tempfile.TemporaryDirectory(prefix="winnow-fold-") as place:
            learnt, checked_by = examples.take(inner[~sides]), examples.take(inner[sides])
            there = sorted(set(learnt.labels[learnt.labels >= 0].tolist()))
            seen = task if task.regression else replace(task, labels=tuple(task.labels[k] for k in there))
            if len(there) < 2 or (task.positive is not None and task.positive not in seen.labels):
                raise PlanError(
                    f"fold {number + 1} of {folds} has not all labels to learn from; give fewer --folds"
                )
            new = np.full(len(task.labels) + 1, -1)
            new[there] = np.arange(len(there))
            learnt, checked_by = (
                each if task.regression else replace(each, labels=new[each.labels])
                for each in (learnt, checked_by)
            )
            model = module.fit(learnt, checked_by, seen, checked, Path(place))
            answers = _answers(examples.texts.filter(pa.array(mine)), model, Path(place))
        columns = [0] if task.regression else there
        part = np.where(np.isnan(answers).all(axis=1, keepdims=True), np.nan, np.zeros((1, found.shape[1])))
        part[:, columns] = answers
        found[mine] = part
    return found


def _within(groups: pa.Array, share: float, seed: int) -> NDArray[np.bool_]:
    """Which documents are for validation: about that share, one at least, by group."""
    draw = shares(groups, seed)
    return np.asarray(draw <= max(share, draw.min(initial=1.0)))


def _of_train(task: Task, documents: pa.Table, told: list[str]) -> Task:
    """The task with the labels that the training side has, and its languages. PlanError where there are not
    two."""
    there = set(pc.unique(documents["label"]).to_pylist())
    labels = tuple(label for label in task.labels if label in there)
    languages = sorted(
        pc.value_counts(documents["language"].drop_null()).to_pylist(),
        key=lambda row: (-row["counts"], row["values"]),
    )
    spoken = tuple(row["values"] for row in languages if row["counts"] * 100 >= documents.num_rows)
    lacking = [label for label in task.labels if label not in there]
    if len(labels) < 2 or (task.positive is not None and task.positive not in labels):
        raise PlanError(
            f"the training side has no document of label {some(lacking)}: there are too few, or all are "
            "of one group; give more, or another --seed"
        )
    if lacking and not task.regression:
        told.append(f"no document of label {some(lacking)} is on the training side: it is not learnt")
        task = replace(task, labels=labels)
    return replace(task, languages=spoken)


def _judged(documents: pa.Table, part: Examples, task: Task, model: Model, folder: Path) -> reports.Judged:
    return reports.judge(documents, part, task, model, _answers(part.texts, model, folder))


def _answers(texts: pa.Array, model: Model, folder: Path) -> Answers:
    scorer = open_scorer(folder, model)
    parts = [
        scorer(prepared(texts.slice(first, _BATCH), model.lowercase))
        for first in range(0, len(texts), _BATCH)
    ]
    return np.concatenate(parts) if parts else np.zeros((0, max(1, len(model.labels))), np.float32)


def _folds(
    asked: Asked,
    documents: pa.Table,
    all_: Examples,
    task: Task,
    options: Options,
    threshold: float | None,
    model: Model,
) -> dict[str, Any]:
    groups = documents["group"].combine_chunks()
    answers = cross_validate(all_, groups, task, asked.kind, options, asked.folds)
    judged = reports.judge(documents, all_, task, model, answers)
    found = reports.evaluate(judged, task, threshold, asked.cut, asked.seed)
    return {"folds": asked.folds, **{name: value for name, value in found.items() if name != "wrong"}}


def _sizes(documents: pa.Table, sides: NDArray[np.int8], task: Task) -> str:
    parts = []
    for side, name in enumerate(SIDES):
        of_side = documents.filter(pa.array(sides == side))
        parts.append(f"{name} {of_side.num_rows:,} of {counted(len(pc.unique(of_side['group'])), 'group')}")
    return f"{', '.join(parts)}; labels {some(task.labels)}"


def _split(documents: pa.Table, sides: NDArray[np.int8], asked: Asked) -> dict[str, Any]:
    found: dict[str, Any] = {"group": asked.group, "seed": asked.seed}
    for side, name in enumerate(SIDES):
        of_side = documents.filter(pa.array(sides == side))
        labels = {row["values"]: row["counts"] for row in pc.value_counts(of_side["label"]).to_pylist()}
        found[name] = {
            "documents": of_side.num_rows,
            "groups": len(pc.unique(of_side["group"])),
            "labels": dict(sorted(labels.items())),
        }
    return found


def _from(
    asked: Asked, given: Sequence[inputs.Input], labelled: Labelled, sides: NDArray[np.int8]
) -> dict[str, Any]:
    """What model.yaml says of its origin."""
    return {
        "from": [{"name": each.name, "sha256": each.sha256} for each in given],
        "documents": int((sides == TRAIN).sum()),
        "labels": labelled.facts["labels"],
        "seed": asked.seed,
    }


def _about(each: inputs.Input) -> dict[str, Any]:
    return {"name": each.name, "sha256": each.sha256, "documents": each.documents.num_rows, **each.about}
