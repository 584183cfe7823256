"""What a person sees of labelling: how it goes on, and what came of it."""

from collections import Counter
from collections.abc import Mapping, Sequence

import pyarrow as pa
import pyarrow.compute as pc
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from classifiers.labelling.ask import Asked
from classifiers.labelling.cost import Purse
from classifiers.labelling.labels import OK, REFUSED, STATUSES, UNPARSABLE
from classifiers.labelling.prompt import Prompt
from pipeline.counted import counted, duration
from pipeline.printed import printable

_COLUMNS = 8  # labels that have room beside each other; of more, each has a row
_STRATA_SHOWN = 40  # in rows
_STRATA_BESIDE = 4  # in columns
_NAME = 12  # characters that a column of strata has at least
_SHARE = 7  # that a column of shares has at least
_OF_RUN = "of the run, about"
_REMEDIES = {
    REFUSED: "status 'refused' in labels.parquet; another model may answer",
    UNPARSABLE: "status 'unparsable', the answer in column 'raw'",
}


def line_of(asked: Asked, purse: Purse | None) -> Text:
    """How far asking is, in a line."""
    done, spent = asked.answered + asked.failed, max(asked.seconds, 1e-9)
    parts = [f"{done:,}/{counted(asked.total, 'document')}"]
    if done:
        parts.append(f"{done / spent:,.1f}/s")
        parts.append(f"{asked.tokens_in + asked.tokens_out:,} tokens")
    if purse is not None:
        parts.append(f"{purse.spent:,.2f} USD")
    parts += [f"{asked.statuses[each]:,} {each}" for each in STATUSES[1:] if asked.statuses.get(each)]
    parts += [f"{asked.failed:,} failed ({asked.fault})"] if asked.failed else []
    if done and done < asked.total:
        parts.append(f"{duration((asked.total - done) * spent / done)} left")
    pause = asked.pause()
    if asked.signal is not None:
        parts.append("stopping: waits for what is under way, 10 s at most; again: not even that")
    elif pause >= 1:
        parts.append(f"the endpoint wants no question for {duration(pause)}")
    return Text("label: " + ", ".join(parts))


def table_of(prompt: Prompt, labels: pa.Table, width: int) -> Table:
    """The labels of each stratum, and of all: what was found in the sample, and by the documents' weights
    in the run. A row for each stratum where labels have room beside each other, else one for each label.

    width   columns of the terminal; no figure is cut off
    """
    strata = labels.group_by("stratum").aggregate([("weight", "sum")]).sort_by([("weight_sum", "descending")])
    names = strata.column("stratum").to_pylist()
    if len(prompt.labels) <= _COLUMNS:
        table = _stratum_by_stratum(prompt, labels, names)
        if _least(table) <= width:
            return table
    return _label_by_label(prompt, labels, names, width)


def _least(table: Table) -> int:
    """The fewest columns of a terminal in which no figure of a table is cut off."""
    figures = ((column.header, *column.cells) for column in table.columns[1:])
    return _NAME + 1 + sum(1 + max(cell_len(str(cell)) for cell in held) for held in figures)


def _stratum_by_stratum(prompt: Prompt, labels: pa.Table, strata: Sequence[str]) -> Table:
    ok = labels.filter(pc.equal(labels.column("status"), OK))
    shown = list(prompt.labels)
    faults = [each for each in STATUSES[1:] if pc.any(pc.equal(labels.column("status"), each)).as_py()]
    table = Table(box=None, padding=(0, 1, 0, 0))
    table.add_column("stratum", overflow="fold", min_width=_NAME)
    for name in ("documents", *shown, *faults, *(["mean"] if prompt.ordered else [])):
        table.add_column(_plain(name), justify="right", no_wrap=True)
    for name in strata[:_STRATA_SHOWN]:
        part = labels.filter(pc.equal(labels.column("stratum"), name))
        table.add_row(_plain(name), *_counts(prompt, part, shown, faults))
    if len(strata) > _STRATA_SHOWN:
        table.add_row(f"… {len(strata) - _STRATA_SHOWN} more")
    if len(strata) > 1:
        table.add_section()
        table.add_row("all", *_counts(prompt, labels, shown, faults))
    if ok.num_rows:
        shares = _weights(ok, shown)
        mean = [f"{_mean(ok):.2f}"] if prompt.ordered else []
        weighted = [f"{shares[label]:.1%}" for label in shown]
        table.add_row(_OF_RUN, "", *weighted, *([""] * len(faults)), *mean, style="bold")
    return table


def _label_by_label(prompt: Prompt, labels: pa.Table, strata: Sequence[str], width: int) -> Table:
    """A row for each label, grades in their order and others most first, then for each status without one;
    beside them the heaviest strata, as many as there is room for."""
    wide = max(cell_len(label) for label in (*prompt.labels, UNPARSABLE))
    wide = max(5, min(wide, width - len("documents") - _SHARE - 3))
    left = width - wide - len("documents") - _SHARE - 3
    beside = list(strata[: min(_STRATA_BESIDE, left // (_NAME + 1))]) if len(strata) > 1 else []
    table = Table(box=None, padding=(0, 1, 0, 0))
    table.add_column("label", overflow="fold", width=wide)
    table.add_column("documents", justify="right", no_wrap=True)
    rooms = [min(left // len(beside) - 1, max(_NAME, cell_len(name))) for name in beside]
    of_run = min(cell_len(_OF_RUN), _SHARE + left - sum(room + 1 for room in rooms))
    table.add_column(_OF_RUN, justify="right", width=of_run)
    for name, room in zip(beside, rooms, strict=True):
        table.add_column(_plain(name), justify="right", overflow="fold", width=room)
    ok = labels.filter(pc.equal(labels.column("status"), OK))
    shares = _weights(ok, ()) if ok.num_rows else {}
    named = pc.coalesce(labels.column("label"), labels.column("status")).to_pylist()
    of_strata = list(zip(labels.column("stratum").to_pylist(), named, strict=True))
    every, cells = Counter(named), Counter(of_strata)
    place = {label: at for at, label in enumerate(prompt.labels)} if prompt.ordered else {}
    for name in sorted(every, key=lambda name: (name not in shares, place.get(name, 0), -every[name], name)):
        share = f"{shares[name]:.1%}" if name in shares else ""
        figures = (f"{cells[each, name]:,}" for each in beside)
        table.add_row(_plain(name), f"{every[name]:,}", share, *figures)
    totals = Counter(labels.column("stratum").to_pylist())
    table.add_section()
    table.add_row("all", f"{labels.num_rows:,}", "", *(f"{totals[each]:,}" for each in beside), style="bold")
    if prompt.ordered and ok.num_rows:
        table.add_row("mean", "", f"{_mean(ok):.2f}", style="bold")
    return table


def _plain(name: str) -> Text:
    """A name as it is: one from a document may look like markup, or steer a terminal."""
    return Text(printable(name))


def _counts(prompt: Prompt, part: pa.Table, shown: Sequence[str], faults: Sequence[str]) -> list[str]:
    labels, statuses = part.column("label").to_pylist(), part.column("status").to_pylist()
    row = [f"{part.num_rows:,}", *(f"{labels.count(label):,}" for label in shown)]
    row += [f"{statuses.count(fault):,}" for fault in faults]
    if prompt.ordered:
        grades = [float(label) for label in labels if label is not None]
        row.append(f"{sum(grades) / len(grades):.2f}" if grades else "")
    return row


def _weights(ok: pa.Table, shown: Sequence[str]) -> Mapping[str, float]:
    weights = dict.fromkeys(shown, 0.0)
    pairs = zip(ok.column("label").to_pylist(), ok.column("weight").to_pylist(), strict=True)
    whole = 0.0
    for label, weight in pairs:
        whole += weight
        weights[label] = weights.get(label, 0.0) + weight
    return {label: weight / whole for label, weight in weights.items()}


def _mean(ok: pa.Table) -> float:
    pairs = list(zip(ok.column("label").to_pylist(), ok.column("weight").to_pylist(), strict=True))
    total: float = sum(float(label) * weight for label, weight in pairs)
    whole: float = sum(weight for _, weight in pairs)
    return total / whole


def tell(console: Console, prompt: Prompt, labels: pa.Table, asked: Asked, dollars: float | None) -> None:
    """Prints the labels, and what this round of questions took (`dollars`)."""
    console.print(table_of(prompt, labels, console.width))
    if asked.answered:
        took = f"asked now: {counted(asked.answered, 'answer')} in {duration(asked.seconds)}"
        took += f", {asked.tokens_in:,} tokens in, {asked.tokens_out:,} out"
        if asked.estimated:
            took += f" (estimated for {asked.estimated:,}: the endpoint does not count)"
        _say(console, took if dollars is None else f"{took}, {dollars:,.4f} USD")
    if asked.cut_off:
        _say(
            console,
            f"{counted(asked.cut_off, 'answer')} cut off at --max-tokens: the same command with more asks "
            "again for these alone",
            "yellow",
        )
    statuses = labels.column("status").to_pylist()
    for status, remedy in _REMEDIES.items():
        count = statuses.count(status)
        if count:
            _say(console, f"{counted(count, 'document')} {status}: {remedy}", "yellow")


def _say(console: Console, line: str, style: str = "") -> None:
    console.print(line, style=style, highlight=False, markup=False, soft_wrap=True)
