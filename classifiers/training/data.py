"""From inputs to examples: labels made canonical, equal texts once, sites capped, classes balanced."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from classifiers.training.inputs import DOCUMENTS, Input
from classifiers.training.split import groups_of
from classifiers.training.task import Examples, Score, Task, ordered, some
from pipeline.counted import counted
from pipeline.errors import PlanError
from pipeline.faults import choose
from text.hashing import random_words
from text.minhash import sequence_hashes, shingles
from text.strings import Strings
from text.words import cut_words

RARE = 20  # documents of a label, below which its figures say little
_YES = ("yes", "true", "1", "positive", "high", "good", "toxic", "keep")
_PIECE = 4096


@dataclass(frozen=True)
class Labelled:
    """Documents that are ready to be split.

    documents   `DOCUMENTS`, `group` filled, in an order that a hash of text and seed decides
    labels      that occur, in their order
    told        what the person should know, a sentence each
    facts       the same in numbers, for the report
    """

    documents: pa.Table
    labels: tuple[str, ...]
    told: list[str]
    facts: dict[str, Any]


def gather(
    inputs: Sequence[Input],
    by: str = "domain",
    at_least: float | None = None,
    per_group: int = 0,
    fewest: int = 1,
    seed: int = 0,
) -> Labelled:
    """The documents of all inputs, cleaned.

    by          what a group is, see `split.groups_of`
    at_least    makes two labels of numbers: `yes` from it on, else `no`
    per_group   the most documents of one group, drawn by a hash; 0: all
    fewest      documents that a label needs: those of a rarer one are left out
    PlanError where no two labels are left.
    """
    told: list[str] = []
    table = pa.concat_tables([each.documents for each in inputs]).combine_chunks()
    facts: dict[str, Any] = {"read": table.num_rows}
    without = sum(each.without for each in inputs)
    if without:
        told.append(f"{counted(without, 'row')} without a text or a label left out")
    table = _with(table, "label", _canonical(table["label"].combine_chunks(), at_least, told))
    content = content_hashes(table["text"].combine_chunks())
    blank = content == 0
    if blank.any():
        told.append(f"{counted(int(blank.sum()), 'text')} without a word left out")
    table, content = table.filter(pa.array(~blank)), content[~blank]
    facts["without_words"] = int(blank.sum())
    table, content = _each_once(table, content, told, facts)
    table = table.take(pa.array(np.argsort(_mixed(content, seed), kind="stable")))
    lone = int(pc.sum(pc.and_(pc.is_null(table["url"]), pc.is_null(table["group"]))).as_py() or 0)
    if by != "id" and lone:
        none = "no document has" if lone == table.num_rows else f"{counted(lone, 'document')} without"
        told.append(f"{none} a URL, so that each is a group of its own; --group names a column")
    table = _with(table, "group", groups_of(table, by))
    if per_group:
        kept = _first_of_each(table["group"].combine_chunks(), per_group)
        facts["beyond_cap"] = int(len(kept) - kept.sum())
        told.append(
            f"{counted(facts['beyond_cap'], 'document')} left out: more than {per_group} of one group"
        )
        table = table.filter(pa.array(kept))
    table, counts = _common(table, fewest, told)
    sizes = pc.value_counts(table["group"]).field("counts").to_numpy()
    if sizes.max() > 0.2 * table.num_rows:
        told.append(
            f"one group holds {sizes.max() / table.num_rows:.0%} of the documents, all on one side: think of "
            "--per-group or --group"
        )
    facts |= {"documents": table.num_rows, "groups": len(sizes), "labels": counts}
    return Labelled(table, tuple(counts), told, facts)


def _with(table: pa.Table, name: str, values: pa.Array) -> pa.Table:
    return table.set_column(DOCUMENTS.get_field_index(name), DOCUMENTS.field(name), values)


def _common(table: pa.Table, fewest: int, told: list[str]) -> tuple[pa.Table, dict[str, int]]:
    """The documents of labels that are frequent enough, and how many there are of each, in their order."""
    found = {row["values"]: row["counts"] for row in pc.value_counts(table["label"]).to_pylist()}
    counts = {label: found[label] for label in ordered(list(found))}
    lacking = [label for label, count in counts.items() if count < fewest]
    if lacking:
        lost = sum(counts.pop(label) for label in lacking)
        told.append(
            f"{counted(lost, 'document')} of labels with fewer than {fewest} left out: {some(lacking)}"
        )
        table = table.filter(pc.is_in(table["label"], pa.array(list(counts), pa.string())))
    if len(counts) < 2:
        all_ = f"all {table.num_rows:,} have the label {next(iter(counts))!r}" if counts else "none is left"
        raise PlanError(f"of the documents {all_}: a classifier needs some of two labels at least")
    rare = [f"{label} ({count})" for label, count in counts.items() if count < RARE]
    if rare:
        told.append(f"expect little of labels that are rare: {some(rare)}")
    return table, counts


def content_hashes(texts: pa.Array) -> NDArray[np.uint64]:
    """A hash of the words of each text in their order, [n]: without case, marks, punctuation and white space,
    all digits alike; 0 where there is no word."""
    parts = [np.zeros(0, np.uint64)]
    for first in range(0, len(texts), _PIECE):
        offsets, folded = cut_words(Strings.of(texts.slice(first, _PIECE))).folded_words()
        cut, hashes = shingles(offsets, folded, 1)
        parts.append(np.where(np.diff(cut) == 0, np.uint64(0), sequence_hashes(cut, hashes) | np.uint64(1)))
    return np.concatenate(parts)


def make_task(
    name: str,
    labels: tuple[str, ...],
    kind: str,
    regression: bool | None = None,
    positive: str = "",
    **more: Any,
) -> Task:
    """What is to be learnt of these labels.

    regression   to the labels as numbers; None: of an embedding or transformer with three or more of them
    positive     the label whose probability is the score; "": of two, the one that says yes or the greater
    PlanError where that cannot be.
    """
    numbers = _numbers(labels)
    if regression and numbers is None:
        raise PlanError(f"--regression: labels are {', '.join(labels[:8])}; expected numbers")
    if regression and kind == "fasttext":
        raise PlanError(
            "--regression: a fastText model answers with labels; leave it out (the score is then the "
            "expected grade), or choose --kind embedding"
        )
    if positive and positive not in labels:
        raise PlanError(f"--positive-label {positive!r}: no document has it; {choose(positive, labels)}")
    span = (min(numbers), max(numbers)) if numbers else None
    score: Score
    if positive and not regression:
        score = "probability"
    elif regression or (regression is None and kind != "fasttext" and numbers and len(labels) > 2):
        score = "value"
    elif len(labels) == 2:
        score, positive = "probability", _positive(labels)
    else:
        score = "expected" if numbers else "top"
    return Task(name, labels, score, positive if score == "probability" else None, span, **more)


def examples(documents: pa.Table, task: Task, balance: str = "none") -> Examples:
    """The documents as a trainer takes them.

    balance   "none", or "weights": each label weighs as much as any other, documents 1 on average
    """
    labels = documents["label"].combine_chunks()
    index = pc.index_in(labels, pa.array(task.labels, pa.string())).fill_null(-1).to_numpy().astype(np.int64)
    try:
        targets = np.array([float(label) for label in task.labels])[index]
        targets = np.where(index < 0, np.nan, targets)
    except ValueError:
        targets = np.full(len(index), np.nan)
    weights = np.ones(len(index))
    if balance == "weights":
        counts = np.bincount(index[index >= 0], minlength=len(task.labels))
        there = max(1, int((counts > 0).sum()))
        weights = np.where(index < 0, 1.0, len(index) / (there * np.maximum(counts[index], 1)))
    texts, groups = documents["text"].combine_chunks(), documents["group"].combine_chunks()
    return Examples(texts, index, targets, weights, groups)


def _canonical(labels: pa.Array, at_least: float | None, told: list[str]) -> pa.Array:
    """Labels as one word each: fastText knows no others. Whole numbers are written alike: 3.0 is 3."""
    encoded = pc.dictionary_encode(labels)
    words = []
    spelt: dict[str, list[str]] = {}  # how a label that is no number was written
    for label in encoded.dictionary.to_pylist():
        word = "_".join(label.replace("\0", " ").split())
        if not word:
            raise PlanError("a label is empty; expected a word or a number")
        try:
            number = float(word)
        except ValueError:
            number = float("nan")
        if np.isinf(number):
            raise PlanError(f"label {word!r}: expected a word or a finite number")
        if at_least is not None:
            if not np.isfinite(number):
                raise PlanError(f"--at-least {at_least:g}: label {word!r} is no number")
            word = "yes" if number >= at_least else "no"
        elif np.isfinite(number):
            word = str(int(number)) if number == int(number) else repr(number)
        else:
            spelt.setdefault(word, []).append(label)
        words.append(word)
    for word, forms in spelt.items():
        if len(forms) > 1:
            told.append(f"labels {', '.join(map(repr, sorted(forms)))} are one, {word!r}")
    return pa.array(words, pa.string()).take(encoded.indices)


def _each_once(
    table: pa.Table, content: NDArray[np.uint64], told: list[str], facts: dict[str, Any]
) -> tuple[pa.Table, NDArray[np.uint64]]:
    """Each content once, of the document with the least id; the label that most copies have. A content whose
    copies have different labels equally often teaches nothing, and is left out."""
    labels = np.asarray(pc.dictionary_encode(table["label"].combine_chunks()).indices)
    ids = np.asarray(pc.rank(table["id"].combine_chunks(), tiebreaker="dense"))
    order = np.lexsort((ids, content))
    sorted_content = content[order]
    first = (
        np.concatenate([[True], sorted_content[1:] != sorted_content[:-1]])
        if len(order)
        else np.zeros(0, bool)
    )
    starts = np.flatnonzero(first)
    sizes = np.diff(np.append(starts, len(order)))
    keep = order[starts].copy()
    good = np.ones(len(starts), np.bool_)
    changed = conflicting = 0
    for at in np.flatnonzero(sizes > 1):
        rows = order[starts[at] : starts[at] + sizes[at]]
        values, counts = np.unique(labels[rows], return_counts=True)
        if len(values) == 1:
            continue
        conflicting += 1
        best = np.sort(counts)[::-1]
        if best[0] == best[1]:
            good[at] = False
            continue
        changed += 1
        keep[at] = rows[labels[rows] == values[counts.argmax()]][0]
    copies = len(order) - len(starts)
    if copies:
        told.append(f"{counted(copies, 'copy', 'copies')} of texts left out")
    if conflicting:
        told.append(
            f"{counted(conflicting, 'text')} came with two labels: {changed} have the one of most copies, "
            f"{int((~good).sum())} without such are left out"
        )
    facts |= {"copies": copies, "with_two_labels": conflicting}
    kept = np.sort(keep[good])
    return table.take(pa.array(kept)), content[kept]


def _mixed(content: NDArray[np.uint64], seed: int) -> NDArray[np.uint64]:
    from text.hashing import mix_array

    return mix_array(content ^ random_words(1, np.uint64(seed))[0])


def _first_of_each(groups: pa.Array, most: int) -> NDArray[np.bool_]:
    """True for the first `most` of each group, [n]."""
    at = np.asarray(groups.dictionary_encode().indices)
    order = np.argsort(at, kind="stable")
    starts = (
        np.concatenate([[0], np.flatnonzero(np.diff(at[order])) + 1]) if len(at) else np.zeros(0, np.int64)
    )
    place = np.arange(len(at)) - np.repeat(starts, np.diff(np.append(starts, len(at))))
    kept = np.zeros(len(at), np.bool_)
    kept[order[place < most]] = True
    return kept


def _numbers(labels: Sequence[str]) -> list[float] | None:
    try:
        return [float(label) for label in labels]
    except ValueError:
        return None


def _positive(labels: tuple[str, ...]) -> str:
    said = [label for label in labels if label.casefold() in _YES]
    return said[0] if len(said) == 1 else labels[-1]
