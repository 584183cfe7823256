"""What people said of labelled documents: in which order they are asked, how it is kept, what it tells."""

import contextlib
import fcntl
import hashlib
import itertools
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NamedTuple

import pyarrow as pa
from rich.console import Console
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from classifiers.labelling.agreement import Agreement, Figure, agreement, alpha
from classifiers.labelling.labels import (
    OK,
    REVIEWS,
    REVIEWS_FILE,
    read_answered,
    read_asked,
    read_reviews,
)
from classifiers.labelling.prompt import load_prompt
from pipeline import store
from pipeline.counted import counted
from pipeline.errors import PlanError
from pipeline.printed import printable

MODEL = "the model"
PRECISE = 0.05  # half an interval that will do for a share of equal labels
_CONFUSIONS = 12  # labels, at most, for which a table of who said what is shown
_PAIRS = 8  # of labels that were mixed up, at most, where there are more labels
_WIDEST = 10_000  # columns: more than any table has
_LOCK = ".reviews.lock"


class Asked(NamedTuple):
    """What a folder's labels were asked by.

    labels    in the prompt's order
    ordered   they are grades
    meanings  of labels, as far as they are known
    """

    labels: tuple[str, ...]
    ordered: bool
    meanings: Mapping[str, str]


def asked_by(folder: str, prompt: str | None, answered: pa.Table) -> tuple[Asked, str]:
    """What the labels were asked by, and a word of warning, "" for none.

    prompt   a name or the path of a YAML file; None: as the folder says
    PlanError where `prompt` cannot be read, and where nothing says that there are two labels.
    """
    told = read_asked(folder) or {}
    meanings, ordered, warning = dict(told.get("labels", {})), bool(told.get("ordered")), ""
    if prompt is not None:
        found = load_prompt(prompt)
        meanings, ordered = {label: str(each) for label, each in found.labels.items()}, found.ordered
        if told.get("prompt_hash") not in (None, found.hash):
            warning = (
                f"prompt {found.name!r} is not the one that the model was asked by, or has changed since"
            )
    given = {label for label in answered.column("label").to_pylist() if label is not None}
    given |= set(read_reviews(folder).column("label").to_pylist())
    labels = (*meanings, *sorted(given - set(meanings)))
    if len(labels) < 2:
        raise PlanError(
            f"labels {folder!r}: {counted(len(labels), 'label')} found, and no prompt that names more; give "
            "its file by --prompt"
        )
    return Asked(labels, ordered and given <= set(meanings), meanings), warning


def order(answered: pa.Table, seed: int) -> list[int]:
    """The rows in the order in which they are reviewed: any beginning of it is a fair sample.

    Documents of each stratum and label, in the order of a hash of their ids and the seed, are laid out evenly
    over the whole: of a stratum with a tenth of the documents every tenth one is. The same for all
    reviewers, so that those who stop early have the same documents.
    """
    groups: dict[tuple[str, str], list[tuple[int, int]]] = {}
    names = zip(*(answered.column(name).to_pylist() for name in ("id", "stratum", "label")), strict=True)
    for row, (identity, stratum, label) in enumerate(names):
        groups.setdefault((stratum, label or ""), []).append((_hash(f"{seed} {identity}"), row))
    placed = []
    for (stratum, label), rows in groups.items():
        start = _hash(f"{seed} {stratum}\0{label}") / 2**64
        for place, (key, row) in enumerate(sorted(rows)):
            placed.append(((place + start) / len(rows), key, row))
    return [row for _, _, row in sorted(placed)]


def _hash(text: str) -> int:
    return int.from_bytes(
        hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "big"
    )


@dataclass
class Reviews:
    """The reviews in a folder, those of all reviewers. One is on the disk when `add` returns."""

    folder: str

    def add(self, identity: str, label: str, reviewer: str, blind: bool) -> None:
        """Keeps a review, behind those that are there. StoreError where it cannot be written."""
        row = {
            "id": identity,
            "label": label,
            "reviewer": reviewer,
            "reviewed_at": datetime.now(UTC),
            "blind": blind,
        }
        path = store.join(self.folder, REVIEWS_FILE)
        with self._alone():  # others may review the same folder
            table = pa.concat_tables([read_reviews(self.folder), pa.Table.from_pylist([row], REVIEWS)])
            with store.ParquetSink(path, REVIEWS) as sink:
                sink.write(table)

    def by(self, reviewer: str) -> dict[str, str]:
        """The last label that a reviewer gave each document, by its id."""
        rows = read_reviews(self.folder).sort_by("reviewed_at").to_pylist()
        return {row["id"]: row["label"] for row in rows if row["reviewer"] == reviewer}

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        path = store.join(self.folder, _LOCK)
        with store.errors(path), open(path, "w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield


class Compared(NamedTuple):
    """Two labellers, and how they agree.

    blind   whether all first labels were given without a look at the model's
    """

    first: str
    second: str
    blind: bool
    agreement: Agreement


def compare(folder: str, asked: Asked) -> list[Compared]:
    """Each reviewer against the model, those with and those without a look at its label apart; then the
    reviewers against each other. Of several labels that one gave a document the first counts: before the
    later ones the model's could be seen."""
    answered = read_answered(folder)
    answers = zip(*(answered.column(name).to_pylist() for name in ("id", "label", "status")), strict=True)
    model = {name: label for name, label, status in answers if status == OK}
    first: dict[str, dict[str, tuple[str, bool]]] = {}
    for row in read_reviews(folder).sort_by("reviewed_at").to_pylist():
        first.setdefault(row["reviewer"], {}).setdefault(row["id"], (row["label"], bool(row["blind"])))
    found = []
    for reviewer, given in sorted(first.items()):
        for blind in (True, False):
            labels = {name: label for name, (label, was) in given.items() if was == blind and name in model}
            if labels:
                found.append(_compared(reviewer, MODEL, blind, labels, model, asked))
    for one, other in itertools.combinations(sorted(first), 2):
        both = sorted(set(first[one]) & set(first[other]))
        if both:
            blind = all(first[who][name][1] for who in (one, other) for name in both)
            mine, theirs = ({name: first[who][name][0] for name in both} for who in (one, other))
            found.append(_compared(one, other, blind, mine, theirs, asked))
    return found


def _compared(
    first: str, second: str, blind: bool, mine: Mapping[str, str], theirs: Mapping[str, str], asked: Asked
) -> Compared:
    names = sorted(mine)
    pairs = [mine[name] for name in names], [theirs[name] for name in names]
    return Compared(first, second, blind, agreement(*pairs, asked.labels, asked.ordered))


def tell(folder: str, asked: Asked, console: Console) -> list[Compared]:
    """Prints how reviewers and model agree, and how many more reviews would tell it well."""
    found = compare(folder, asked)
    if not found:
        seen = len(set(read_reviews(folder).column("id").to_pylist()))
        several = (
            f"{counted(seen, 'document')} reviewed, but none that another has labelled: nothing to compare"
        )
        console.print(several if seen else "no document is reviewed yet", highlight=False)
        return found
    title = "agreement (with 95% intervals)"
    table = Table(title=title, title_justify="left", title_style="bold")
    names = ("documents", "equal", "kappa", *(["weighted kappa"] if asked.ordered else []))
    rows = [_row(each) for each in found]
    for name in ("", *names):
        table.add_column(name, justify="right" if name else "left")
    for who, *figures in rows:
        table.add_row(Text(who), *figures)
    if _fits(table, console):
        console.print(table)
    else:
        _say(console, title, "bold")
        for who, *figures in rows:
            _say(console, who)
            for name, figure in zip(names, figures, strict=True):
                _say(console, f"  {name:<{max(map(len, names))}}  {figure}")
    for each in found:
        _mixed_up(each, asked, console)
    for line in [*_several(folder, asked), *_enough(found)]:
        _say(console, line)
    return found


def _row(each: Compared) -> list[str]:
    """Who is compared, and the figures."""
    was = each.agreement
    who = f"{each.first} and {each.second}" + ("" if each.blind else ", label shown")
    figures = [was.kappa] if was.weighted is None else [was.kappa, was.weighted]
    return [who, f"{was.documents:,}", _percent(was.equal), *map(_figure, figures)]


def _mixed_up(each: Compared, asked: Asked, console: Console) -> None:
    """Who said what: as a table, or the commonest pairs where there are too many labels for one."""
    counts = each.agreement.counts
    used = [at for at in range(len(asked.labels)) if asked.ordered or counts[at].any() or counts[:, at].any()]
    if len(used) <= _CONFUSIONS:
        table = Table()
        for name in (f"{each.first} ↓  {each.second} →", *(asked.labels[at] for at in used)):
            table.add_column(Text(name))
        for at in used:
            cells = [f"{counts[at, to]:,}" if counts[at, to] else "·" for to in used]
            table.add_row(Text(asked.labels[at]), *cells)
        if _fits(table, console):
            console.print(table)
            return
    pairs = sorted((-int(counts[a, b]), a, b) for a in used for b in used if a != b and counts[a, b])
    told = [f"{asked.labels[a]} / {asked.labels[b]} {-count:,}" for count, a, b in pairs[:_PAIRS]]
    if told:
        _say(console, f"{each.first} / {each.second}, most often: {', '.join(told)}")


def _fits(table: Table, console: Console) -> bool:
    """Whether a table has room without a word of it broken or cut off."""
    wide = console.options.update(max_width=_WIDEST)
    return Measurement.get(console, wide, table).maximum <= console.width


def _several(folder: str, asked: Asked) -> Iterator[str]:
    given: dict[str, dict[str, str]] = {}
    for row in read_reviews(folder).sort_by("reviewed_at").to_pylist():
        given.setdefault(row["id"], {}).setdefault(row["reviewer"], row["label"])
    if len({who for each in given.values() for who in each}) > 2:
        value, documents = alpha(list(given.values()), asked.labels, asked.ordered)
        if documents:
            yield f"Krippendorff's alpha of all reviewers: {value:.2f} over {counted(documents, 'document')}"


def _enough(found: Sequence[Compared]) -> Iterator[str]:
    """How sure the shares are, by the comparisons with the model."""
    for each in found:
        equal = each.agreement.equal
        if each.second != MODEL:
            continue
        half, needed = (equal.most - equal.least) / 2, each.agreement.documents_for(PRECISE)
        more = needed - each.agreement.documents
        who = each.first + ("" if each.blind else ", label shown")
        said = f"{who}: the share of equal labels is known to ±{100 * half:.0f} points"
        if half > PRECISE and more > 0:
            said += f"; ±{100 * PRECISE:.0f} take about {counted(more, 'document')} more"
        yield said
        if not each.blind:
            yield "  labels that are seen first are confirmed too often: kappa is told too high"


def _percent(figure: Figure) -> str:
    return f"{figure.value:.0%} ({100 * figure.least:.0f}–{100 * figure.most:.0f}%)"


def _figure(figure: Figure) -> str:
    if figure.value != figure.value:
        return "– (all alike)"
    return f"{figure.value:.2f} ({figure.least:.2f} … {figure.most:.2f})"


def _say(console: Console, line: str, style: str = "") -> None:
    console.print(printable(line), style=style, highlight=False, markup=False, soft_wrap=True)


def login() -> str:
    """The name of who is logged in, as reviews are signed where no other is given."""
    return os.environ.get("USER") or os.environ.get("LOGNAME") or f"user {os.getuid()}"
