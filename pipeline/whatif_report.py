"""What `winnow whatif` prints: the rules that change, before and after, examples, and whether it is exact."""

import dataclasses
import json
from collections.abc import Mapping

from rich.console import Console
from rich.table import Table
from rich.text import Text

from pipeline.counted import counted
from pipeline.whatif_answer import Answer, Example, Line, Stand
from pipeline.whatif_count import documents

LANGUAGES = 10  # told apart; the others together
_AS_THEY_ARE = "the figures take labels, texts and counts as they are; no bound is known"
_DIRECTION = {"goes": "red", "could go": "yellow", "comes back": "green", "could come back": "yellow"}


def print_json(answer: Answer) -> None:
    """The answer as one JSON object, for programs."""
    print(json.dumps(dataclasses.asdict(answer), default=str, ensure_ascii=False))


def print_queries(answer: Answer) -> None:
    """The commands that list all documents concerned."""
    for what, query in answer.queries.items():
        print(f"-- {what}\n{query};")


def print_answer(answer: Answer, console: Console) -> None:
    """The answer for a person."""
    for change in answer.changes:
        rule = Text(f"{change.rule}", style="bold") + Text(f" ({change.part})  ")
        before = Text("no such rule" if change.before is None else change.before, style="dim")
        after = Text("no such rule" if change.after is None else change.after)
        console.print(rule + before + Text(" → ") + after, soft_wrap=True)
    if answer.at_sources is not None:
        console.print(_table("left by the rules of the sources", answer.at_sources))
    console.print(_table("left in the end", answer.left))
    direct = answer.at_sources or answer.left
    console.print(
        f"{_both(direct.goes)} go that stay today, "
        f"{_both(direct.comes)} {'come' if answer.exact else 'could come'} back",
        highlight=False,
    )
    for passing in answer.passings:
        said = []
        if passing.anyhow[0]:
            said.append(f"drops {documents(passing.anyhow[0])} of those that go already today")
        if passing.instead[0]:
            said.append(f"would keep {documents(passing.instead[0])} in their place")
        if said:
            console.print(f"  {passing.name} {', '.join(said)}", highlight=False)
    if answer.examples:
        console.print()
    for example in answer.examples:
        _example(example, console)
    console.print()
    for note in answer.notes:
        console.print(f"note: {note}", style="dim", highlight=False, markup=False)
    if answer.exact:
        console.print("exact: a run with these rules gives these figures", style="bold green")
        return
    console.print("not exact:", style="bold yellow")
    for reason in answer.reasons:
        console.print(f"  {reason}", highlight=False, markup=False)
    told = _bounds(answer.left) if answer.bounded else _AS_THEY_ARE
    console.print(told, highlight=False)


def _both(figures: tuple[int, int]) -> str:
    return f"{documents(figures[0])} ({counted(figures[1], 'token')})"


def _bounds(stand: Stand) -> str:
    """The figures in the end between which the truth lies, and what could come of it for others."""
    line = stand.named
    told = (
        f"≈ is between {line.documents_least:,} and {line.documents_most:,} documents, "
        f"{line.tokens_least:,} and {line.tokens_most:,} tokens"
    )
    if stand.lost or stand.won:
        told += (
            f"; in the worst case {stand.lost:,} of today go besides, as their copies, and {stand.won:,} come"
        )
    return told


def _table(title: str, stand: Stand) -> Table:
    table = Table(title=title, title_justify="left")
    table.add_column("")
    for name in ("documents", "after", "change", "%", "tokens", "after", "%"):
        table.add_column(name, justify="right", no_wrap=True)
    _row(table, "all", stand.total)
    if len(stand.sources) > 1:
        table.add_section()
        for name, line in stand.sources.items():
            _row(table, name, line)
    if stand.languages:
        table.add_section()
        for name, line in _most(stand.languages).items():
            _row(table, name, line)
    return table


def _most(languages: Mapping[str, Line]) -> dict[str, Line]:
    """The languages with the most documents, and the others together."""
    ordered = sorted(
        languages.items(), key=lambda item: (-item[1].documents, -item[1].documents_most, item[0])
    )
    shown = {name or "no language": line for name, line in ordered[:LANGUAGES]}
    rest = [line for _, line in ordered[LANGUAGES:]]
    if rest:
        sums = (sum(values) for values in zip(*map(dataclasses.astuple, rest), strict=True))
        shown[f"{len(rest)} others"] = Line(*sums)
    return shown


def _row(table: Table, name: str, line: Line) -> None:
    documents = _After(line.documents, line.documents_about, line.documents_least, line.documents_most)
    tokens = _After(line.tokens, line.tokens_about, line.tokens_least, line.tokens_most)
    table.add_row(
        Text(name),
        f"{line.documents:,}",
        Text(documents.figure, documents.style),
        Text(documents.change, documents.style),
        Text(documents.percent, documents.style),
        f"{line.tokens:,}",
        Text(tokens.figure, tokens.style),
        Text(tokens.percent, tokens.style),
    )


@dataclasses.dataclass(frozen=True)
class _After:
    """A figure after the change, in cells: `≈` where it is not sure."""

    before: int
    about: float
    least: int
    most: int

    @property
    def sign(self) -> str:
        return "" if self.least == self.most else "≈ "

    @property
    def style(self) -> str:
        if self.sign:
            return "yellow"
        return "red" if self.about < self.before else "green" if self.about > self.before else ""

    @property
    def figure(self) -> str:
        return f"{self.sign}{round(self.about):,}"

    @property
    def change(self) -> str:
        difference = round(self.about) - self.before
        return f"{difference:+,}" if difference else ""

    @property
    def percent(self) -> str:
        difference = round(self.about) - self.before
        return f"{difference / self.before:+.1%}" if difference and self.before else ""


def _example(example: Example, console: Console) -> None:
    head = Text(f"{example.becomes:16}", style=_DIRECTION[example.becomes]) + Text(
        f"{example.id[:12]}  {example.source}  {example.where}"
    )
    values = ", ".join(f"{name} {_value(value)}" for name, value in example.values.items())
    besides = f"; dropped by {', '.join(example.dropped_by)} today" if example.dropped_by else ""
    console.print(head, soft_wrap=True)
    console.print(Text(f"    {values}{besides}", style="cyan"), soft_wrap=True)
    console.print(Text(f"    {example.text[:100]}", style="dim"), soft_wrap=True)


def _value(value: object) -> str:
    return "null" if value is None else f"{value:.4g}" if isinstance(value, float) else str(value)
