"""Counts what other rules do to the rows of a finished run, and works out how exact that is.

The rows whose fate changes are few beside the rows that there are. They go from part to part in a table
of their own, each with three truths: whether it was alive behind that part (`was`), whether it would be
for sure (`lo`) and whether it could be (`hi`), and with the `odds` that it is. What they do to others,
through a pass, is exact where the pass's labels tell it: a cluster of equal keys that loses its kept
document keeps the next in rank. Where labels cannot tell, because a pass has never seen a document, numbers
stand for rows that nobody can name: at most `lost` would go besides, and at most `won` would come.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from pipeline.account import Account, Part
from pipeline.counted import counted
from pipeline.predicate import parse
from pipeline.stage import Clusters, Pass, Rule
from pipeline.whatif_tables import (
    ABOUT,
    DELTA,
    OF_ABOUT,
    UNHEARD,
    Tables,
    any_of,
    beside,
    listed,
    text,
)
from pipeline.whatif_unknown import NEVER, Conditions, Unknown, quote, sql, unknown


@dataclass
class Passing:
    """What a layer does with the documents whose fate has changed before it.

    anyhow     documents and tokens that go now and that this layer drops already
    instead    documents and tokens that would be kept here in the place of others that go before
    unseen     documents that come now and that this layer has no labels of
    """

    name: str
    anyhow: tuple[int, int] = (0, 0)
    instead: tuple[int, int] = (0, 0)
    unseen: int = 0


@dataclass
class Outcome:
    """What is known once all parts are counted.

    lost, won   documents that could go, and come, besides those of the tables
    bounded     whether the bounds hold
    reasons     why the answer is not exact; none if it is
    """

    lost: int = 0
    won: int = 0
    bounded: bool = True
    reasons: list[str] = field(default_factory=list)
    passings: list[Passing] = field(default_factory=list)


class Counting:
    """Goes through the parts in order. The tables `delta_0` (behind the sources), `delta_1` … hold the rows
    whose fate is, or could be, another behind each layer."""

    def __init__(
        self,
        tables: Tables,
        other: Account,
        changed: Mapping[str, set[str]],
        shares: Sequence[Mapping[str, float]],
    ) -> None:
        """`shares`: of each layer, by source the share of documents that it keeps."""
        self._tables = tables
        self._other = other
        self._changed = changed
        self._shares = shares
        self._outcome = Outcome()
        self._others: dict[str, str] = {}  # columns of which documents would have other values: the layer
        self._strange: dict[str, int] = {}  # by pass, documents that it has not seen

    def __call__(self) -> Outcome:
        for at in range(len(self._other.layers) + 1):
            self._tables.query(f"CREATE TEMP TABLE delta_{at} ({DELTA})")
        for at, part in enumerate(self._other.sources):
            if part.name in self._changed:
                self._source(at, part)
        for at, part in enumerate(self._other.layers):
            self._layer(at, part)
        if self._strange:
            most = documents(max(self._strange.values()))
            self._because(
                f"{', '.join(self._strange)}: {most} that would come there have not been seen, so these may "
                "be dropped, or be kept and documents of today dropped as their copies"
            )
        return self._outcome

    def _insert(self, at: int, part: Part, rules: Sequence[Rule], query: str) -> None:
        self._tables.evaluate(f"INSERT INTO delta_{at} {query}", part.name, rules)

    def _count(self, query: str) -> tuple[int, ...]:
        [row] = self._tables.query(query)
        return tuple(int(each or 0) for each in row)

    def _source(self, at: int, part: Part) -> None:
        changed = self._changed[part.name]
        rules = [rule for step in part.steps for rule in step.rules if rule.name in changed]
        before = [name for name in self._tables.run.sources[at].rules if name in changed]
        about = unknown(part, layered=False)
        rows = self._tables.rows
        if rules:
            taken = f"SELECT {rows(at)}, true, false, false, 0 FROM kept_{at} WHERE {any_of(rules)}"
            self._insert(0, part, rules, taken)
        if before:
            uncounted = sql(about.columns.get("tokens", NEVER))
            unheard = sql(about.columns.get(self._tables.language(at), NEVER))
            sure = f"NOT {sql(NEVER.union(*about.rules.values()))}"
            odds = self._odds(at, about) if sure != "NOT false" else 1.0
            back = (
                f"SELECT {rows(at, uncounted, unheard)}, false, {sure}, true, "
                f"CASE WHEN {sure} THEN 1 ELSE {odds} END FROM lost_{at} "
                f"WHERE list_has_all({listed(before)}, dropped_by) AND NOT {any_of(rules, about.rules)}"
            )
            self._insert(0, part, rules, back)
        maybe, wordless, unspoken = self._count(
            "SELECT count(*) FILTER (lo <> hi), count(*) FILTER (NOT counted), "
            f"count(*) FILTER (language = {text(UNHEARD)}) FROM delta_0 WHERE source = {text(part.name)}"
        )
        stages = [step.name for step in part.steps if getattr(step.declared, "expensive", False)]
        left_out = f"{' and '.join(stages)} left them out, as they failed already"
        if maybe:
            self._because(
                f"{documents(maybe)} of {part.name} could come back, or not: {left_out}, and what would be "
                "measured of them could drop them yet"
            )
        elif unspoken:
            self._because(f"the language of {documents(unspoken)} of {part.name} is not known: {left_out}")
        if wordless:
            self._outcome.bounded = False
            self._because(f"the tokens of {documents(wordless)} of {part.name} are not counted: {left_out}")

    def _odds(self, at: int, about: Unknown) -> float:
        """Of the documents of a source that fail no rule but those on what was left out, the share that
        fails none of them."""
        names = listed(name for name, conditions in about.rules.items() if conditions)
        kept, lost = self._count(
            f"SELECT (SELECT count(*) FROM kept_{at}), "
            f"(SELECT count(*) FROM lost_{at} WHERE list_has_all({names}, dropped_by))"
        )
        return kept / max(1, kept + lost)

    def _because(self, reason: str) -> None:
        if reason not in self._outcome.reasons:
            self._outcome.reasons.append(reason)

    def _unbounded(self, reason: str) -> None:
        self._outcome.bounded = False
        self._because(reason)

    def _layer(self, at: int, part: Part) -> None:
        gone, shaky, come = self._count(
            "SELECT count(*) FILTER (was AND NOT hi), count(*) FILTER (was AND hi), "
            f"count(*) FILTER (NOT was) FROM delta_{at}"
        )
        changed = self._changed.get(part.name, set())
        outcome = self._outcome
        rules = [rule for step in part.steps for rule in step.rules]
        self._labels_before(part, rules)
        if not (gone or shaky or come or outcome.lost or outcome.won or changed):
            return
        passing = Passing(part.name, unseen=come if rules else 0)
        outcome.passings.append(passing)
        if gone or shaky:
            self._seen(at, passing)
        if come:
            self._unseen(at, part, rules)
        members = False
        for step in part.steps:
            if isinstance(step.declared, Pass):
                clusters = step.declared.clusters(step.options)
                members = self._pass(at, part, step.declared, clusters, passing)
        if changed:
            self._changed_rules(at, part, [rule for rule in rules if rule.name in changed], members)

    def _labels_before(self, part: Part, rules: Sequence[Rule]) -> None:
        """Documents whose fate is the same may have other labels of a pass before, or of what reads those."""
        for step in part.steps:
            found = step.declared
            before = [name for name in found.reads if name in self._others] if found is not None else []
            if found is not None and before:
                self._others |= dict.fromkeys(found.adds.names, self._others[before[0]])
        for rule in rules:
            for name in parse(rule.drop_if).columns:
                if name in self._others:
                    layer = self._others[name]
                    self._unbounded(f"rule {rule.name} reads labels of {layer}, which would be others")

    def _seen(self, at: int, passing: Passing) -> None:
        """Documents that came to this layer and would not, or perhaps not."""
        edits = self._other.layers[at].edits
        counted = ", coalesce(l.tokens, d.tokens) AS tokens" if "tokens" in edits else ""
        self._tables.query(f"""
            INSERT INTO delta_{at + 1}
            SELECT d.* REPLACE (len(l.dropped_by) = 0 AS was, false AS lo{counted})
            FROM delta_{at} d JOIN labels_{at} l USING (unit, row)
            WHERE d.was AND (d.hi OR len(l.dropped_by) = 0)""")
        count, tokens = self._count(f"""
            SELECT count(*), sum(d.tokens)
            FROM delta_{at} d JOIN labels_{at} l USING (unit, row)
            WHERE d.was AND NOT d.hi AND len(l.dropped_by) > 0""")
        passing.anyhow = count, tokens

    def _unseen(self, at: int, part: Part, rules: Sequence[Rule]) -> None:
        """Documents that did not come to this layer and would: judged by what does not hang on its labels."""
        labels = {name for layer in self._other.layers for name in layer.columns.names}
        labels |= {name for layer in self._other.layers[: at + 1] for name in layer.edits}
        plain = [rule for rule in rules if not labels & set(parse(rule.drop_if).columns)]
        sure = "true" if len(plain) == len(rules) else "false"
        each = [f"WHEN {text(name)} THEN {share}" for name, share in self._shares[at].items()]
        odds = f"(CASE source {' '.join(each)} ELSE 1 END)" if each and plain != list(rules) else "1"
        columns = dict.fromkeys(name for rule in plain for name in parse(rule.drop_if).columns)
        if not plain:
            self._tables.query(f"""
                INSERT INTO delta_{at + 1}
                SELECT * REPLACE (lo AND {sure} AS lo, odds * {odds} AS odds)
                FROM delta_{at} WHERE NOT was""")
            return
        for number, source in enumerate(self._other.sources):
            about = unknown(source, layered=False)
            conditions = {rule.name: about.of(parse(rule.drop_if).columns) for rule in plain}
            lacking = [f"NULL::{self._tables.types[name]} AS {quote(name)}" for name in columns
                       if name not in source.columns.names]  # fmt: skip
            stored = ", ".join(["*", *lacking])
            self._insert(
                at + 1,
                part,
                plain,
                f"""
                SELECT d.* REPLACE (d.lo AND {sure} AND NOT s.open AS lo, odds * {odds} AS odds)
                FROM delta_{at} d JOIN (
                    SELECT unit, row, {any_of(plain, conditions)} AS hit,
                           {sql(NEVER.union(*conditions.values()))} AS open
                    FROM (SELECT {stored} FROM kept_{number}
                          UNION ALL BY NAME SELECT {stored} FROM lost_{number})
                ) s USING (unit, row)
                WHERE NOT d.was AND d.source = {text(source.name)} AND NOT s.hit""",
            )

    def _pass(self, at: int, part: Part, declared: Pass, clusters: Clusters, passing: Passing) -> bool:
        """What a pass makes of the others, now that some go or come. Whether `members_{at}` is there:
        the documents of clusters that lose some, with rank and size as they would be where that is known."""
        gone, shaky, come = self._count(
            "SELECT count(*) FILTER (was AND NOT hi), count(*) FILTER (was AND hi), "
            f"count(*) FILTER (NOT was) FROM delta_{at}{_among(clusters)}"
        )
        outcome = self._outcome
        lost, won = outcome.lost, outcome.won
        if not (gone or shaky or come or lost or won):
            return False
        derived = _derived(part, declared)
        self._others |= dict.fromkeys(derived, part.name)
        name = declared.name
        if declared.cuts is not None:
            self._unbounded(
                f"{name} would see {_others(gone + shaky + lost, come + won)}, and its labels and what it "
                "cuts out of the texts be others"
            )
        rules = [rule for step in part.steps for rule in step.rules]
        reading = [rule for rule in rules if derived & set(parse(rule.drop_if).columns)]
        if not reading:
            return False
        if clusters.joins is None:
            if declared.cuts is None:
                self._unbounded(f"{name} would see {_others(gone, come)}, and its labels be others")
            return False
        if shaky or come or lost or won:
            if all(_keeps_the_first(rule, name) for rule in reading):
                outcome.lost = lost + clusters.joins * (come + won)
                if lost + shaky:
                    [dropped] = self._count(f"SELECT count(*) FROM labels_{at} WHERE len(dropped_by) > 0")
                    outcome.won = min(dropped, won + lost + shaky) if clusters.joins == 1 else won + dropped
                self._strange[name] = come + won
            else:
                self._unbounded(f"{name} has not seen {documents(come + won)} that would come to it")
        if gone:
            self._members(at, part, declared, clusters.joins == 1, reading, passing)
        return bool(gone)

    def _members(
        self, at: int, part: Part, declared: Pass, keyed: bool, reading: Sequence[Rule], passing: Passing
    ) -> None:
        """Judges again the documents of clusters that lose some, by their new rank and size."""
        name = declared.name
        cluster, rank, size = (f"{name}_{label}" for label in ("cluster", "rank", "size"))
        self._tables.query(f"""
            CREATE TEMP TABLE members_{at} AS
            SELECT l.* REPLACE (
                (row_number() OVER (PARTITION BY l.{cluster} ORDER BY l.{rank}) - 1)::INTEGER AS {rank},
                (count(*) OVER (PARTITION BY l.{cluster}))::INTEGER AS {size})
            FROM labels_{at} l ANTI JOIN (SELECT * FROM delta_{at} WHERE was AND NOT hi) g USING (unit, row)
            WHERE l.{cluster} IN (
                SELECT l.{cluster} FROM labels_{at} l JOIN delta_{at} d USING (unit, row)
                WHERE d.was AND NOT d.hi AND l.{size} > 1)""")
        changed = self._changed.get(part.name, set())
        rules = [rule for step in part.steps for rule in step.rules]
        judged = [rule for rule in rules if rule in reading or rule.name in changed]
        fixed = [rule.name for rule in rules if rule not in judged]
        about = unknown(part, layered=True)
        conditions: dict[str, Conditions] = {}
        for rule in judged:
            read = set(parse(rule.drop_if).columns)
            conditions[rule.name] = about.rules[rule.name]
            if rule in reading and read & _derived(part, declared) - {rank, size}:
                conditions[rule.name] |= {"true"}
            elif rule in reading and not keyed:
                # Without the documents that go, what they held together may fall apart: only the first
                # in rank is sure to stay the first, and only who is alone to be alone.
                conditions[rule.name] |= {f"({size} > 1" + (")" if size in read else f" AND {rank} > 0)")}
        open_ = sql(NEVER.union(*conditions.values()))
        members = beside(self._tables, self._other.layers, at, f"members_{at}", judged)
        self._insert(
            at + 1,
            part,
            judged,
            f"""
            SELECT {OF_ABOUT}, was, hi AND NOT open, hi, (hi AND (was OR NOT open))::INTEGER FROM (
                SELECT unit, row, {ABOUT}, len(dropped_by) = 0 AS was, {open_} AS open,
                       NOT list_has_any(dropped_by, {listed(fixed)})
                       AND NOT {any_of(judged, conditions)} AS hi
                FROM {members} ANTI JOIN delta_{at + 1} USING (unit, row))
            WHERE was <> hi OR (hi AND open)""",
        )
        count, tokens = self._count(f"""
            SELECT count(*), sum(d.tokens) FROM delta_{at + 1} d SEMI JOIN members_{at} USING (unit, row)
            WHERE NOT d.was AND d.hi""")
        passing.instead = count, tokens
        [open_count] = self._count(f"""
            SELECT count(*) FROM delta_{at + 1} d SEMI JOIN members_{at} USING (unit, row)
            WHERE d.lo <> d.hi""")
        if open_count:
            self._because(
                f"{name} would find clusters without some of their documents: {documents(open_count)} "
                "of these may stay copies of others, or not"
            )

    def _changed_rules(self, at: int, part: Part, rules: Sequence[Rule], members: bool) -> None:
        """Other rules of this layer, over the labels as they are."""
        before = [name for name in self._tables.run.layers[at].rules if name in self._changed[part.name]]
        about = unknown(part, layered=True)
        rest = f"ANTI JOIN members_{at} USING (unit, row)" if members else ""
        open_ = sql(NEVER.union(*about.rules.values()))
        self._insert(
            at + 1,
            part,
            rules,
            f"""
            SELECT {OF_ABOUT}, was, hi AND (was OR NOT open), hi, hi::INTEGER FROM (
                SELECT unit, row, {ABOUT}, len(dropped_by) = 0 AS was, {open_} AS open,
                       NOT {any_of(rules, about.rules)} AS hi
                FROM {beside(self._tables, self._other.layers, at, f"labels_{at}", rules)}
                ANTI JOIN (SELECT * FROM delta_{at} WHERE was) USING (unit, row) {rest}
                WHERE list_has_all({listed(before)}, dropped_by))
            WHERE was <> hi""",
        )
        [maybe] = self._count(f"SELECT count(*) FROM delta_{at + 1} WHERE NOT was AND lo <> hi")
        if maybe and any(about.rules.values()):
            self._because(
                f"{documents(maybe)} could come back to {part.name}, which has not measured all of them"
            )


def _among(clusters: Clusters) -> str:
    """The documents that a pass compares, SQL."""
    return f" WHERE source IN ({', '.join(map(text, clusters.sources))})" if clusters.sources else ""


def _derived(part: Part, declared: Pass) -> set[str]:
    """The labels of a pass, and what stages of its layer measure of them."""
    found = {*declared.adds.names, *(part.edits if declared.cuts is not None else ())}
    for step in part.steps:
        if step.kind == "stage" and step.declared is not None and found & set(step.declared.reads):
            found |= set(step.declared.adds.names)
    return found


def _keeps_the_first(rule: Rule, name: str) -> bool:
    """Whether the rule drops all of a cluster but its first, and nothing else."""
    sql = " ".join(rule.drop_if.split()).replace('"', "")
    return re.fullmatch(rf"{re.escape(name)}_rank ?(> ?0|>= ?1|<> ?0|!= ?0)", sql) is not None


def _others(fewer: int, more: int) -> str:
    told = [f"{documents(fewer)} fewer"] if fewer or not more else []
    return " and ".join([*told, *([f"up to {more:,} more"] if more else [])])


def documents(count: int) -> str:
    return counted(count, "document")
