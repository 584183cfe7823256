"""`winnow label --review`: a person looks at labelled documents in a terminal and labels them too.

The model's label is hidden until the person has given one (`blind`). A label that stands there is confirmed
far too often: the figures would say how willing people are to agree, not whether the label is right. What the
model said is told right after, and `back` mends a slip; agreement counts the first answer, training the last.
"""

import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TextIO, cast

import pyarrow as pa
from rich.cells import cell_len
from rich.columns import Columns
from rich.console import Console
from rich.rule import Rule
from rich.text import Text

from classifiers.labelling import keys
from classifiers.labelling.keys import Choices, Command, Keys
from classifiers.labelling.labels import FAILED, OK, STATUSES, read_answered
from classifiers.labelling.reviews import Asked, Compared, Reviews, asked_by, login, order, tell
from pipeline import store
from pipeline.counted import counted
from pipeline.errors import PlanError
from pipeline.faults import choose
from pipeline.printed import printable

_MANY = 12  # labels: of more the meanings are told when they are asked for
_LINES = 12  # of a text, at least, that are shown at once
_NAME = re.compile(r"[^\x00-\x1f\x7f]{1,100}")


@dataclass(frozen=True)
class Review:
    """What a reviewer is shown.

    folder    of labels, local
    prompt    that they were asked by: a name, or a YAML file's path; None: as the folder says
    reviewer  name; None: who is logged in
    blind     the model's label is shown after the reviewer's
    only      labels and statuses that the model's answers must have; none: all but `failed`. With a
              label nothing is blind
    count     documents at most; None: all
    """

    folder: str
    prompt: str | None = None
    reviewer: str | None = None
    blind: bool = True
    only: tuple[str, ...] = ()
    count: int | None = None
    seed: int = 0


def review(asked: Review, console: Console, typed: TextIO | None = None) -> list[Compared]:
    """Shows documents until the reviewer quits or none is left, then how labels agree; returns that.

    typed   where commands come from, a terminal or lines; standard input if none is given
    PlanError where the folder holds no labels.
    """
    if not store.is_local(asked.folder):
        raise PlanError(f"--review {asked.folder!r}: expected a local folder")
    answered = read_answered(asked.folder)
    by, warning = asked_by(asked.folder, asked.prompt, answered)
    reviewer = asked.reviewer or login()
    if not _NAME.fullmatch(reviewer) or printable(reviewer) != reviewer or not reviewer.strip():
        raise PlanError(
            f"--reviewer {reviewer!r}: expected a name of 1 to 100 characters, none that steers a terminal"
        )
    if warning:
        _say(console, warning, "yellow")
    documents = _documents(asked, by, answered)
    session = _Session(asked, by, documents, Reviews(asked.folder), reviewer, console)
    try:
        with keys.open_keys(typed or sys.stdin, cast(TextIO, console.file)) as source:
            session.run(source)
    except KeyboardInterrupt:
        console.print()
    _say(console, session.done())
    return tell(asked.folder, by, console)


def _documents(asked: Review, by: Asked, answered: pa.Table) -> list[dict[str, Any]]:
    """The documents to show, in their order, those of other reviewers' and of this one's too."""
    for name in asked.only:
        if name not in (*by.labels, *STATUSES):
            raise PlanError(f"--only {name!r}: {choose(name, [*by.labels, *STATUSES])}")
    wanted = set(asked.only)
    rows = answered.drop_columns(["raw", "text"]).to_pylist()
    texts = answered.column("text")
    found = []
    for row in order(answered, asked.seed):
        document = rows[row]
        if wanted & {document["label"], document["status"]} if wanted else document["status"] != FAILED:
            found.append({**document, "text": texts[row]})
    return found


class _Session:
    """One sitting of one reviewer."""

    def __init__(
        self,
        asked: Review,
        by: Asked,
        documents: Sequence[Mapping[str, Any]],
        reviews: Reviews,
        reviewer: str,
        console: Console,
    ) -> None:
        self._by, self._reviews, self._reviewer, self._console = by, reviews, reviewer, console
        # Who is shown the documents of one label knows it, and they are no sample of all.
        self._blind = asked.blind and not set(asked.only) & set(by.labels)
        self._choices = Choices(by.labels)
        self._given = reviews.by(reviewer)
        self._whole = len(documents)
        self._left = [document for document in documents if document["id"] not in self._given][: asked.count]
        self._seen: set[str] = set(self._given)  # the model's label of these was shown
        self._reviewed: set[str] = set()
        self._rest = ""  # of the text of the document, what is not shown yet

    def run(self, source: Keys) -> None:
        """Shows one document after the other until there is none, or the reviewer quits."""
        if self._left:
            self._begin()
        at = 0
        while at < len(self._left):
            document = self._left[at]
            self._show(document, at)
            command = self._ask(document, source)
            if command.kind == keys.QUIT:
                return
            if command.kind == keys.BACK:
                at = max(0, at - 1)
                continue
            if command.kind == keys.LABEL:
                self._keep(document, command.label)
            at += 1

    def done(self) -> str:
        """What this sitting came to."""
        left = sum(document["id"] not in self._given for document in self._left)
        before = len(self._given) - len(self._reviewed)
        said = f"{self._reviewer}: {counted(len(self._reviewed), 'document')} reviewed"
        said += f", {before:,} before" if before else ""
        return said + (f", {left:,} of these left: the same command goes on" if left else ", none left")

    def _begin(self) -> None:
        console = self._console
        shown = "hidden until you have given yours" if self._blind else "shown; Enter confirms it"
        _say(
            console,
            f"{counted(len(self._left), 'document')} to review as {self._reviewer}; the model's label is "
            f"{shown}",
        )
        self._help(short=len(self._by.labels) > _MANY)

    def _show(self, document: Mapping[str, Any], at: int) -> None:
        console = self._console
        where = document["url"] or document["path"] or document["id"]
        told = " · ".join(
            filter(None, (f"{at + 1:,} of {len(self._left):,}", document["source"], document["language"]))
        )
        console.print(Rule(Text(printable(told)), style="cyan"))
        _say(console, printable(where), "dim")
        self._rest = printable(document["text"].as_py())
        self._text(max(_LINES, console.height - 10))

    def _text(self, lines: int) -> None:
        """Prints at most so many lines of what is left of the text, and how much follows."""
        shown, length = page(self._rest, self._console.width, lines)
        self._rest = self._rest[length:]
        for line in shown:
            _say(self._console, line)
        if self._rest:
            _say(self._console, f"… {len(self._rest):,} characters more: m", "dim")

    def _ask(self, document: Mapping[str, Any], source: Keys) -> Command:
        """The reviewer's answer: a label, skip, back or quit."""
        blind = self._blind and document["id"] not in self._seen
        if not blind:
            self._model(document)
        while True:
            before = self._given.get(document["id"])
            self._console.print(Text(f"label{f' (yours was {before})' if before else ''}: ", "bold"), end="")
            command = source.read(self._choices)
            if command.kind == keys.CONFIRM:
                if before is not None:
                    return Command(keys.LABEL, before)
                if not blind and document["status"] == OK:
                    return Command(keys.LABEL, document["label"])
                why = "the model's label is hidden" if blind else "there is no label of the model's"
                command = Command(keys.HELP, fault=f"{why}; give one, or skip it by s")
            if command.kind == keys.MORE:
                self._text(max(_LINES, self._console.height - 3))
            elif command.kind != keys.HELP:
                return command
            elif command.fault:
                _say(self._console, command.fault, "red")
            else:
                self._help()

    def _keep(self, document: Mapping[str, Any], label: str) -> None:
        name = document["id"]
        blind = self._blind and name not in self._seen
        if self._given.get(name) != label or name not in self._seen:
            self._reviews.add(name, label, self._reviewer, blind)
        self._given[name] = label
        self._reviewed.add(name)
        if blind:
            same = document["label"] == label
            self._model(document, f" (yours: {label}; b goes back)" if not same else " too")
        self._seen.add(name)

    def _model(self, document: Mapping[str, Any], behind: str = "") -> None:
        said = document["label"] if document["status"] == OK else document["status"]
        reason = f": {printable(document['reason'])}" if document["reason"] else ""
        style = "green" if behind == " too" else "yellow" if behind else "cyan"
        _say(self._console, f"model: {said}{behind}{reason}", style)

    def _help(self, short: bool = False) -> None:
        shown = keys.numbered(self._by.labels)
        if short or not self._by.meanings:
            cells = [f"{typed} {label}" if typed != label else label for typed, label in shown]
            self._console.print(Columns([Text(cell) for cell in cells], padding=(0, 3)))
        else:
            for typed, label in shown:
                known = self._by.meanings.get(label)
                name = label if typed == label else f"{typed} {label}"
                _say(self._console, f"{name}: {known}" if known else name)
        enter = "" if self._choices.one_key else " and Enter"
        typed = "number or name" if self._choices.numbered else "label"
        _say(
            self._console,
            f"{typed}{enter}; s skip, b back, m more of the text, ? what labels mean, q quit",
            "dim",
        )


def page(text: str, width: int, lines: int) -> tuple[list[str], int]:
    """The first lines of a text as a terminal of this width has room for, broken between words where they
    can be, and how many characters these are."""
    shown: list[str] = []
    at = 0
    while at < len(text) and len(shown) < lines:
        end, cells, word = at, 0, at
        while end < len(text) and text[end] != "\n":
            cells += cell_len(text[end])
            if cells > width:
                break
            end += 1
            if text[end - 1] == " ":
                word = end
        whole = end == len(text) or text[end] == "\n"
        stop = end if whole else word if word > at else max(end, at + 1)
        shown.append(text[at:stop].rstrip())
        at = stop + (whole and end < len(text))
    return shown, at


def _say(console: Console, line: str, style: str = "") -> None:
    # Labels may be somebody else's too.
    console.print(printable(line), style=style, highlight=False, markup=False, soft_wrap=True)
