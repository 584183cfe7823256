"""What a person sees of labelling: how it goes on, and what came of it."""

import threading
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from types import TracebackType

import pyarrow as pa
import pyarrow.compute as pc
from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from classifiers.labelling.ask import Asked
from classifiers.labelling.cost import Purse
from classifiers.labelling.labels import OK, REFUSED, STATUSES, UNPARSABLE
from classifiers.labelling.prompt import Prompt
from pipeline.counted import counted

LINES_EVERY = 10.0  # seconds between lines where there is no terminal
_COLUMNS = 8  # labels that have room beside each other; of more, each has a row
_STRATA_SHOWN = 40  # in rows
_STRATA_BESIDE = 4  # in columns
_REMEDIES = {
    REFUSED: "status 'refused' in labels.parquet; another model may answer",
    UNPARSABLE: "status 'unparsable', the answer in column 'raw'",
}


class Ticker:
    """A line that tells how far asking is: in a terminal always the last, in a log one every 10 s."""

    def __init__(self, console: Console, asked: Asked, purse: Purse | None) -> None:
        self._console, self._asked, self._purse = console, asked, purse
        self._live: Live | None = None
        self._last = time.monotonic()
        self._lock = threading.Lock()

    def __enter__(self) -> "Ticker":
        if self._console.is_terminal:
            self._live = Live(
                console=self._console, get_renderable=self._line, refresh_per_second=4, transient=True
            )
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live is not None:
            self._live.stop()

    def __call__(self) -> None:
        with self._lock:
            if self._live is None and time.monotonic() - self._last >= LINES_EVERY:
                self._last = time.monotonic()
                self._console.print(self._line(), soft_wrap=True)

    def _line(self) -> Text:
        asked = self._asked
        done, spent = asked.answered + asked.failed, max(asked.seconds, 1e-9)
        parts = [f"{done:,}/{counted(asked.total, 'document')}"]
        if done:
            parts.append(f"{done / spent:,.1f}/s")
            parts.append(f"{asked.tokens_in + asked.tokens_out:,} tokens")
        if self._purse is not None:
            parts.append(f"{self._purse.spent:,.2f} USD")
        parts += [f"{asked.statuses[each]:,} {each}" for each in STATUSES[1:] if asked.statuses.get(each)]
        parts += [f"{asked.failed:,} failed ({asked.fault})"] if asked.failed else []
        if done and done < asked.total:
            parts.append(f"{_duration((asked.total - done) * spent / done)} left")
        pause = asked.pause()
        if asked.signal is not None:
            parts.append("stopping: waits for what is under way, 10 s at most; again: not even that")
        elif pause >= 1:
            parts.append(f"the endpoint wants no question for {_duration(pause)}")
        return Text("label: " + ", ".join(parts))


def table_of(prompt: Prompt, labels: pa.Table) -> Table:
    """The labels of each stratum, and of all: what was found in the sample, and by the documents' weights
    in the run."""
    strata = labels.group_by("stratum").aggregate([("weight", "sum")]).sort_by([("weight_sum", "descending")])
    names = strata.column("stratum").to_pylist()
    if len(prompt.labels) > _COLUMNS:
        return _label_by_label(labels, names)
    ok = labels.filter(pc.equal(labels.column("status"), OK))
    shown = list(prompt.labels)
    table = Table("stratum", box=None, padding=(0, 1, 0, 0))
    faults = [each for each in STATUSES[1:] if pc.any(pc.equal(labels.column("status"), each)).as_py()]
    for name in ("documents", *shown, *faults, *(["mean"] if prompt.ordered else [])):
        table.add_column(name, justify="right")
    for name in names[:_STRATA_SHOWN]:
        part = labels.filter(pc.equal(labels.column("stratum"), name))
        table.add_row(name, *_counts(prompt, part, shown, faults))
    if len(names) > _STRATA_SHOWN:
        table.add_row(f"… {len(names) - _STRATA_SHOWN} more")
    if len(names) > 1:
        table.add_section()
        table.add_row("all", *_counts(prompt, labels, shown, faults))
    if ok.num_rows:
        shares = _weights(ok, shown)
        mean = [f"{_mean(ok):.2f}"] if prompt.ordered else []
        weighted = [f"{shares[label]:.1%}" for label in shown]
        table.add_row("of the run, about", "", *weighted, *([""] * len(faults)), *mean, style="bold")
    return table


def _label_by_label(labels: pa.Table, strata: Sequence[str]) -> Table:
    """A row for each label, most first, then for each status without one; the heaviest strata beside."""
    beside = list(strata[:_STRATA_BESIDE]) if len(strata) > 1 else []
    table = Table("label", box=None, padding=(0, 1, 0, 0))
    for name in ("documents", "of the run, about", *beside):
        table.add_column(name, justify="right", overflow="fold")
    ok = labels.filter(pc.equal(labels.column("status"), OK))
    shares = _weights(ok, ()) if ok.num_rows else {}
    named = pc.coalesce(labels.column("label"), labels.column("status")).to_pylist()
    of_strata = list(zip(labels.column("stratum").to_pylist(), named, strict=True))
    every, cells = Counter(named), Counter(of_strata)
    for name in sorted(every, key=lambda name: (name not in shares, -every[name], name)):
        share = f"{shares[name]:.1%}" if name in shares else ""
        table.add_row(name, f"{every[name]:,}", share, *(f"{cells[each, name]:,}" for each in beside))
    totals = Counter(labels.column("stratum").to_pylist())
    table.add_section()
    table.add_row("all", f"{labels.num_rows:,}", "", *(f"{totals[each]:,}" for each in beside), style="bold")
    return table


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
    console.print(table_of(prompt, labels))
    if asked.answered:
        took = f"asked now: {counted(asked.answered, 'answer')} in {_duration(asked.seconds)}"
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


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60:02d} min"
