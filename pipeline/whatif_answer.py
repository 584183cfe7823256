"""The answer to a what-if: figures by source and language with their bounds, examples, and why."""

import dataclasses
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from pipeline.account import Account, Part
from pipeline.predicate import bracket, parse
from pipeline.whatif import Change, Question
from pipeline.whatif_count import Counting, Outcome, Passing
from pipeline.whatif_tables import ABOUT, Tables, listed, text
from pipeline.whatif_unknown import quote

EXAMPLES = 10
_WORDS = 200  # characters of an example's text


@dataclass
class Line:
    """Documents and tokens of a group before, and after: about, at least and at most.

    Where least and most are the same, that is the figure; else `about` takes it that a document which
    a pass has never seen stays as often as the others of its source, and that copies stay copies.
    """

    documents: int = 0
    tokens: int = 0
    documents_about: float = 0
    tokens_about: float = 0
    documents_least: int = 0
    tokens_least: int = 0
    documents_most: int = 0
    tokens_most: int = 0

    @property
    def changed(self) -> bool:
        least, most = (self.documents_least, self.tokens_least), (self.documents_most, self.tokens_most)
        return not least == most == (self.documents, self.tokens)


@dataclass
class Stand:
    """What is left at a place of the run, in all and by groups.

    goes, comes   documents and tokens that newly go, for sure; that newly come, at most
    lost, won     documents of today that, in the worst case, go and come besides through passes: the bounds
                  hold with these, `named` is the total without
    """

    total: Line = field(default_factory=Line)
    sources: dict[str, Line] = field(default_factory=dict)
    languages: dict[str, Line] = field(default_factory=dict)
    goes: tuple[int, int] = (0, 0)
    comes: tuple[int, int] = (0, 0)
    lost: int = 0
    won: int = 0
    named: Line = field(default_factory=Line)


@dataclass(frozen=True)
class Example:
    """A document that another fate awaits.

    becomes   goes, comes back, or could come back
    values    of the columns that the rules read
    dropped_by   rules that drop it today
    """

    id: str
    source: str
    where: str
    becomes: str
    values: dict[str, Any]
    dropped_by: list[str]
    text: str


@dataclass(frozen=True)
class Answer:
    """What other rules would do.

    at_sources   what the sources' rules leave, where some of them change and layers stand behind them
    left         what is left in the end, before the mixture is drawn
    exact        the figures are those that a run would give; else `reasons` says why not
    bounded      least and most of the figures are sure
    passings     what the layers do with the documents concerned
    queries      SQL for `winnow sql` that lists documents concerned, by what becomes of them
    """

    output: str
    changes: tuple[Change, ...]
    exact: bool
    bounded: bool
    reasons: list[str]
    notes: list[str]
    at_sources: Stand | None
    left: Stand
    passings: list[Passing]
    examples: list[Example]
    queries: dict[str, str]


def answer(asked: Question) -> Answer:
    """Answers from the stored signals. PlanError where a rule has no answer for a row, StoreError where
    the files are gone or damaged."""
    tables = Tables(asked.run)
    changed: dict[str, set[str]] = {}
    for change in asked.changes:
        changed.setdefault(change.part, set()).add(change.rule)
    last = len(asked.run.layers)
    stored = _groups(tables, tables.stored())
    dropped = [_dropped(tables, at) for at in range(last)]
    outcome = Counting(tables, asked.other, changed, _shares(stored, dropped))()
    at_sources = None
    if last and any(part.name in changed for part in asked.run.sources):
        at_sources = _stand(tables, _groups(tables, tables.stored(edited=False)), [], 0, Outcome())
    left = _stand(tables, stored, dropped, last, outcome)
    return Answer(
        output=asked.run.root,
        changes=asked.changes,
        exact=not outcome.reasons,
        bounded=outcome.bounded,
        reasons=outcome.reasons,
        notes=[*asked.notes, *_edits(asked), _mixture(asked.run, left.total)],
        at_sources=at_sources,
        left=left,
        passings=outcome.passings,
        examples=_examples(tables, asked, changed),
        queries=_queries(asked),
    )


Groups = dict[tuple[str, str | None], tuple[int, int, int]]
"""By source and language: documents, tokens, and the most tokens of a document."""


def _dropped(tables: Tables, at: int) -> Groups:
    labels = f"(SELECT unit, row FROM labels_{at} WHERE len(dropped_by) > 0)"
    return _groups(tables, f"(SELECT * FROM {tables.stored()} SEMI JOIN {labels} USING (unit, row))")


def _shares(stored: Groups, dropped: Sequence[Groups]) -> list[dict[str, float]]:
    """Of each layer, by source the share of documents that it keeps."""
    alive: dict[str, int] = {}
    for (source, _), (documents, *_) in stored.items():
        alive[source] = alive.get(source, 0) + documents
    shares = []
    for groups in dropped:
        before = dict(alive)
        for (source, _), (documents, *_) in groups.items():
            alive[source] -= documents
        shares.append({source: alive[source] / count for source, count in before.items() if count})
    return shares


def _groups(tables: Tables, rows: str) -> Groups:
    found = tables.query(
        f"SELECT {ABOUT}.source, {ABOUT}.language, count(*), sum({ABOUT}.tokens)::BIGINT, "
        f"max({ABOUT}.tokens) FROM {rows} GROUP BY ALL"
    )
    return {(source, language): tuple(counts) for source, language, *counts in found}


def _stand(tables: Tables, stored: Groups, dropped: Sequence[Groups], at: int, outcome: Outcome) -> Stand:
    """The figures behind layer `at` (0: behind the sources)."""
    counts: dict[tuple[str, str | None], list[float]] = {}  # as `Line` has them
    most: dict[tuple[str, str | None], list[int]] = {}  # tokens of a document, documents and tokens dropped
    for key, (documents, tokens, largest) in stored.items():
        counts[key] = [documents, tokens] * 4
        most[key] = [largest, 0, 0]
    for groups in dropped:
        for key, (documents, tokens, _) in groups.items():
            lost = [documents, tokens] * 4
            counts[key] = [each - less for each, less in zip(counts[key], lost, strict=True)]
            most[key] = [most[key][0], most[key][1] + documents, most[key][2] + tokens]
    each = ("sum(odds)", "count(*) FILTER (lo)", "count(*) FILTER (hi)")
    weighed = ("sum(tokens * odds)", "sum(tokens) FILTER (lo)", "sum(tokens) FILTER (hi)")
    after = ", ".join(
        f"{documents} - count(*) FILTER (was), coalesce({tokens}, 0) - coalesce(sum(tokens) FILTER (was), 0)"
        for documents, tokens in zip(each, weighed, strict=True)
    )
    for source, language, *differences in tables.query(
        f"SELECT source, language, {after} FROM delta_{at} GROUP BY ALL"
    ):
        key = (source, language)
        most.setdefault(key, [0, 0, 0])
        counts[key] = [
            a + (round(b, 3) if isinstance(b, float) else int(b))
            for a, b in zip(counts.get(key, [0] * 8), [0, 0, *differences], strict=True)
        ]
    stand = Stand(sources={part.name: Line() for part in tables.run.sources})
    for key in sorted(counts, key=lambda key: (key[0], key[1] or "")):
        _add(stand.total, counts[key])
        _add(stand.sources[key[0]], counts[key])
        _add(stand.languages.setdefault(key[1] or "", Line()), counts[key])
    stand.lost, stand.won, stand.named = outcome.lost, outcome.won, dataclasses.replace(stand.total)
    if outcome.lost or outcome.won:
        _loosen(stand.total, most.values(), outcome)
        for name, line in stand.sources.items():
            _loosen(line, [held for key, held in most.items() if key[0] == name], outcome)
        for name, line in stand.languages.items():
            _loosen(line, [held for key, held in most.items() if (key[1] or "") == name], outcome)
    if set(stand.languages) == {""}:
        stand.languages = {}
    [(*figures,)] = tables.query(f"""
        SELECT count(*) FILTER (was AND NOT hi), coalesce(sum(tokens) FILTER (was AND NOT hi), 0)::BIGINT,
               count(*) FILTER (hi AND NOT was), coalesce(sum(tokens) FILTER (hi AND NOT was), 0)::BIGINT
        FROM delta_{at}""")
    stand.goes, stand.comes = (figures[0], figures[1]), (figures[2], figures[3])
    return stand


def _add(line: Line, counts: Sequence[float]) -> None:
    for known, count in zip(dataclasses.fields(line), counts, strict=True):
        setattr(line, known.name, getattr(line, known.name) + count)


def _loosen(line: Line, most: Iterable[Sequence[int]], outcome: Outcome) -> None:
    """Widens the bounds by documents that nobody can name: any of the group, as large as the largest."""
    held = list(most)
    largest = max((each[0] for each in held), default=0)
    lost = min(outcome.lost, line.documents_least)
    won = min(outcome.won, sum(each[1] for each in held))
    line.documents_least -= lost
    line.documents_most += won
    line.tokens_least = max(0, line.tokens_least - lost * largest)
    line.tokens_most += min(won * largest, sum(each[2] for each in held))


def _edits(asked: Question) -> list[str]:
    """That the queries see texts as they are in the end, where the rules see them before a pass cuts them."""
    notes = []
    cutting = [at for at, layer in enumerate(asked.run.layers) if layer.edits]
    for change in asked.changes:
        at = [part.name for part in asked.run.parts].index(change.part) - len(asked.run.sources)
        stated = [each for each in (change.before, change.after) if each is not None]
        read = {name for each in stated for name in parse(each).columns}
        later = [asked.run.layers[number].name for number in cutting if number > at]
        if later and read & set(asked.run.layers[cutting[-1]].edits):
            notes.append(
                f"{change.rule} reads what {', '.join(later)} cuts behind it: `documents` and `dropped` in "
                "winnow sql, and the queries of --sql, show what is left"
            )
    return notes


def _mixture(run: Account, total: Line) -> str:
    asked = run.manifest["mixture"]["asked"]
    if not total.changed:
        return "the mixture has the same documents to draw from"
    once = not asked.get("repeat") and not asked.get("downsample") and asked["max_epochs"] == 1
    if (asked["tokens"], asked["weights"]) == ("all", None) and once:
        return "the mixture draws every document once: the shards would hold what is left here"
    shaping = [name for name in ("tokens", "max_epochs", "repeat", "downsample") if asked.get(name)]
    given = ", ".join(f"{name}: {_stated(asked[name])}" for name in shaping)
    return f"the mixture ({given}) would be drawn anew from what is left; its draw is not counted here"


def _stated(option: Any) -> str:
    """An option of the mixture in few words: of a downsampling its SQL."""
    return f"by {option['by']}" if isinstance(option, dict) and "by" in option else str(option)


def _examples(tables: Tables, asked: Question, changed: dict[str, set[str]]) -> list[Example]:
    """Documents that the rules themselves concern, each source's in turn, in the order of their ids, which
    are hashes."""
    places = [0] if any(part.name in changed for part in asked.run.sources) else []
    places += [at + 1 for at, layer in enumerate(asked.run.layers) if layer.name in changed]
    rows = " UNION ALL ".join(
        f"SELECT *, {at} AS place FROM delta_{at} WHERE was <> lo OR was <> hi" for at in places
    )
    chosen = tables.query(f"""
        SELECT source, unit, row, was, lo, hi FROM ({rows})
        QUALIFY row_number() OVER (PARTITION BY unit, row ORDER BY place) = 1
        ORDER BY row_number() OVER (PARTITION BY source, was ORDER BY id, unit, row), source, was
        LIMIT {EXAMPLES}""")
    read = dict.fromkeys(
        name
        for change in asked.changes
        for predicate in (change.after, change.before)
        if predicate is not None
        for name in parse(predicate).columns
    )
    found = []
    for source, unit, row, was, lo, hi in chosen:
        part = next(part for part in asked.run.sources if part.name == source)
        becomes = ("could go" if hi else "goes") if was else ("comes back" if lo else "could come back")
        found.append(_example(tables, part, unit, row, becomes, list(read)))
    return found


def _example(
    tables: Tables, part: Part, unit: str, row: int, becomes: str, columns: Sequence[str]
) -> Example:
    names = ["id", "url", "origin", "text", *(name for name in columns if name in part.columns.names)]
    picked = ", ".join(f"{quote(name)}" for name in dict.fromkeys(names))
    found: dict[str, Any] = {}
    failed: list[str] = []
    for folder in ("documents", "dropped"):
        besides = ", dropped_by" if folder == "dropped" else ""
        files = tables.files(part, folder, [unit])
        rows = _dicts(tables, f"SELECT {picked}{besides} FROM {files} WHERE row = {row}")
        if rows:
            found = rows[0]
            failed = list(found.pop("dropped_by", None) or [])
    for layer in tables.run.layers:
        asked = [name for name in columns if name in layer.columns.names]
        edits = [name for name in ("text", *columns) if name in layer.edits]
        picked = ", ".join(dict.fromkeys(["dropped_by", *map(quote, asked), *map(quote, edits)]))
        files = tables.files(layer, "labels", [unit])
        for label in _dicts(tables, f"SELECT {picked} FROM {files} WHERE row = {row}"):
            failed += label.pop("dropped_by")
            found |= {name: value for name, value in label.items() if value is not None or name in asked}
    words = " ".join((found.get("text") or "").split())
    return Example(
        id=found["id"],
        source=part.name,
        where=found["url"] or found["origin"] or "",
        becomes=becomes,
        values={name: found.get(name) for name in columns if name != "text"},
        dropped_by=failed,
        text=words[:_WORDS],
    )


def _dicts(tables: Tables, query: str) -> list[dict[str, Any]]:
    rows = tables.query(query)
    assert tables.connection.description is not None  # it is a query
    names = [column[0] for column in tables.connection.description]
    return [dict(zip(names, row, strict=True)) for row in rows]


def _queries(asked: Question) -> dict[str, str]:
    """Lists of all documents concerned, for `winnow sql`."""
    queries: dict[str, str] = {}
    for before in asked.run.parts:
        changes = [change for change in asked.changes if change.part == before.name]
        among = f"source = {text(before.name)} AND " if before in asked.run.sources else ""
        stated = [
            f"coalesce({_plain(change.after)}, false)" for change in changes if change.after is not None
        ]
        failed = " OR ".join(stated) or "false"
        if stated:
            queries[f"{before.name}: go"] = f"SELECT id, url, tokens FROM documents WHERE {among}({failed})"
        gone = [change.rule for change in changes if change.before is not None]
        if gone:
            queries[f"{before.name}: come back, or could"] = (
                f"SELECT id, url, tokens FROM dropped WHERE {among}list_has_all({listed(gone)}, dropped_by) "
                f"AND NOT ({failed})"
            )
    return queries


def _plain(predicate: str) -> str:
    """The predicate in brackets, in a line where it has no comment that the line's end must close."""
    return bracket(predicate) if "--" in predicate else f"({' '.join(predicate.splitlines())})"
