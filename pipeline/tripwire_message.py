"""What a run says that stops at its tripwires: counts, twenty documents of each, and how to go on."""

import json
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from heapq import nsmallest
from itertools import chain
from typing import Any

import numpy as np
import pyarrow as pa
import yaml

from pipeline import state, store
from pipeline.corpus import CorpusUnit
from pipeline.nearness import Nearness, nearness
from pipeline.plan import Plan
from pipeline.predicate import parse
from pipeline.segment import DROPPED_BY
from pipeline.state import LayerState, SegmentState
from pipeline.tripped import Tripped, Wire, fails_any
from pipeline.tripwires import KEY, NOTHING, Tripwires, percent

EXAMPLES = 20
WITH_EXAMPLES = 3  # tripwires; of more a line each
UNITS = 20  # that a sample is taken from
TEXT = 60  # characters of a text or a value
ADDRESS = 120  # characters of a URL or a path
SQL = 200
_ADDRESSES = ("url", "path")

Do = Callable[[Callable[[Any], Any], Sequence[Any]], Iterable[Any]]
"""Runs a task over items, results in their order."""


@dataclass(frozen=True)
class Looked:
    """The documents of one unit that a rule was asked about, living and dropped.

    unit      as it stands behind the rule's layer; of a source's rule its documents as they were stored
    verdicts  the layer's labels file; of a source's rule its ledger
    """

    unit: CorpusUnit
    verdicts: str
    layered: bool

    def read(self, columns: Sequence[str]) -> Iterator[tuple[pa.Table, pa.Array]]:
        """Tables of `row` and those of `columns` that are stored, each with the rules that its rows fail."""
        columns = [name for name in dict.fromkeys(["row", *columns]) if name in self.unit.schema.names]
        if self.layered:
            yield from self._layer(columns)
            return
        for table in self.unit.read(columns):
            none = pa.array([[]] * len(table), DROPPED_BY.type)
            yield table, none
        with store.parquet_file(self.verdicts) as file:
            for batch in store.row_batches(file, [*columns, DROPPED_BY.name], 2048):
                table = pa.Table.from_batches([batch])
                yield table.select(columns), batch.column(len(columns))

    def _layer(self, columns: list[str]) -> Iterator[tuple[pa.Table, pa.Array]]:
        with store.parquet_file(self.verdicts) as file:
            labels = file.read(columns=["row", DROPPED_BY.name]).combine_chunks()
        rows = labels.column("row").to_numpy()
        for table in self.unit.read(columns, everything=True):
            here = table.column("row").to_numpy()
            place = np.minimum(np.searchsorted(rows, here), max(0, len(rows) - 1))
            asked = rows[place] == here if len(rows) else np.zeros(len(here), np.bool_)
            verdicts = labels.column(DROPPED_BY.name).take(pa.array(place[asked]))
            yield table.filter(pa.array(asked)).select(columns), verdicts.combine_chunks()


@dataclass(frozen=True)
class Choose:
    """Task over (number, documents): the `EXAMPLES` first by key, as (key, number of the unit, row).

    rules   only documents that one of these drops; none: all
    near    the key is the distance from the rule; none: it is the id, which is a hash
    """

    rules: tuple[str, ...]
    near: Nearness | None

    def __call__(self, item: tuple[int, Looked]) -> list[tuple[float | str, int, int]]:
        number, looked = item
        column = "id" if self.near is None else self.near.column
        found: list[tuple[float | str, int, int]] = []
        for table, verdicts in looked.read([column]):
            keep = fails_any(verdicts, self.rules) if self.rules else np.ones(len(table), np.bool_)
            rows = table.column("row").to_numpy()[keep]
            values = table.column(column).filter(pa.array(keep))
            keys = values.to_pylist() if self.near is None else self.near.distances(values).tolist()
            found = nsmallest(
                EXAMPLES,
                [*found, *((key, number, row) for key, row in zip(keys, rows.tolist(), strict=True))],
            )
        return found


def columns_of_rows(columns: Sequence[str], item: tuple[Looked, Sequence[int]]) -> dict[int, dict[str, Any]]:
    """Task: `columns` of these rows of a unit, by row; long values are cut."""
    looked, wanted = item
    found: dict[int, dict[str, Any]] = {}
    for table, _ in looked.read(columns):
        keep = np.isin(table.column("row").to_numpy(), wanted)
        for row in table.filter(pa.array(keep)).to_pylist():
            found[row["row"]] = {
                name: _cut(value, ADDRESS if name in _ADDRESSES else TEXT) for name, value in row.items()
            }
    return found


def _cut(value: Any, most: int) -> Any:
    if isinstance(value, str):
        line = " ".join(value[: 4 * most].split())
        return line if len(line) <= most else line[: most - 1] + "…"
    return value


@dataclass(frozen=True)
class Message:
    """Puts the message together from the finished segments and layers of a plan."""

    plan: Plan
    segments: Sequence[SegmentState]
    layers: Sequence[LayerState]
    do: Do

    def __call__(self, found: Tripped) -> str:
        wires = found.stopping
        many = "a tripwire stops" if len(wires) == 1 else f"{len(wires)} tripwires stop"
        lines = [
            f"{many} the run before the mixture. Nothing was drawn; what was measured and labelled stays."
        ]
        for wire in wires[:WITH_EXAMPLES]:
            lines += ["", *self._told(wire), *self._examples(wire)]
        rest = wires[WITH_EXAMPLES:]
        if rest:
            lines += ["", f"and {len(rest)} more, without examples:", *(f"  {wire.told()}" for wire in rest)]
        return "\n".join([*lines, "", *self._remedy(found)])

    def _told(self, wire: Wire) -> list[str]:
        wires = self.plan.config.tripwires or Tripwires()
        accepted = [
            each
            for name in wire.names
            for each in wires.accept.get(name, ())
            if isinstance(each, int | float) and each > wires.most
        ]
        most = f"the accepted {percent(max(accepted))}" if accepted else percent(wires.most)
        lines = [f"{wire.told()}{f': more than {most}' if wire.removed else ''}"]
        for rule in wire.rules:
            sql = " ".join(rule.drop_if.split())
            sql = sql if len(sql) <= SQL else sql[: SQL - 1] + "…"
            lines.append(f"    {rule.name}: {sql}    ({wire.marks[rule.name]})")
        return lines

    def _examples(self, wire: Wire) -> list[str]:
        looked, dropping = self._looked(wire)
        read = list(dict.fromkeys(name for rule in wire.rules for name in parse(rule.drop_if).columns))
        rules: tuple[str, ...] = ()
        near = None
        if wire.dropped:
            rules = tuple(rule.name for rule in wire.rules)
            looked = [each for each, count in zip(looked, dropping, strict=True) if count]
        elif len(wire.rules) == 1:
            near = self._near(wire)
        chosen = self._choose(Choose(rules, near), looked) if near is not None else []
        if chosen:
            one, several = (
                "the document that came nearest:",
                f"the {len(chosen)} documents that came nearest:",
            )
            head = one if len(chosen) == 1 else several
        else:
            chosen = self._choose(Choose(rules, None), _spread(looked))
            head = f"{len(chosen)} of those {'that it drops' if rules else 'that it looked at'}:"
        lines = []
        for row in self._rows(chosen, read):
            address = next((row[name] for name in _ADDRESSES if row.get(name)), "")
            values = [f"{name} {_value(row[name])}" for name in read if name in row and name != "text"]
            lines.append(f"    {row['id'][:12]}  {address}".rstrip())
            lines.append("        " + "  ".join([*values, json.dumps(row["text"] or "", ensure_ascii=False)]))
        return [f"  {head}", *lines]

    def _looked(self, wire: Wire) -> tuple[list[Looked], list[int]]:
        """The units of the wire's source or layer, and how often each drops by one of its rules."""
        root = self.plan.config.output
        names = [rule.name for rule in wire.rules]
        if wire.layered:
            folder, done = self.plan.layers[wire.at].folder, self.layers[wire.at].done
            units = self._behind(wire.at)
        else:
            folder, done = self.plan.segments[wire.at].folder, self.segments[wire.at].done
            units = [unit for unit in self._behind(-1) if unit.source == wire.where]
        kind = "labels" if wire.layered else "dropped"
        looked = [
            Looked(unit, store.join(root, folder, kind, f"{unit.name}.parquet"), wire.layered)
            for unit in units
            if done[unit.name]["documents"]
        ]
        told = [done[each.unit.name]["rules"] for each in looked]
        return looked, [sum(rules[name]["documents"] for name in names if name in rules) for rules in told]

    def _behind(self, layer: int) -> list[CorpusUnit]:
        """All units as they stand behind a layer, -1 for before the first."""
        root = self.plan.config.output
        units = state.corpus_units(root, self.plan, self.segments)
        for at in range(layer + 1):
            units = state.with_layer(root, self.plan.layers[at], self.layers[at], units)
        return units

    def _near(self, wire: Wire) -> Nearness | None:
        near = nearness(wire.rules[0].drop_if)
        schema = self.plan.schema
        if near is None or near.column not in schema.names:
            return None
        kind = schema.field(near.column).type
        number = pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)
        return near if number else None

    def _choose(self, task: Choose, looked: Sequence[Looked]) -> list[tuple[Looked, int]]:
        found = chain.from_iterable(self.do(task, list(enumerate(looked))))
        return [(looked[number], row) for key, number, row in nsmallest(EXAMPLES, found) if key != math.inf]

    def _rows(self, chosen: Sequence[tuple[Looked, int]], read: Sequence[str]) -> Iterator[dict[str, Any]]:
        """The chosen documents' columns, in their order."""
        rows: dict[str, list[int]] = {}
        places = {looked.unit.name: looked for looked, _ in chosen}
        for looked, row in chosen:
            rows.setdefault(looked.unit.name, []).append(row)
        columns = ["id", *_ADDRESSES, "text", *read]
        items = [(places[name], wanted) for name, wanted in rows.items()]
        told = dict(zip(rows, self.do(partial(columns_of_rows, columns), items), strict=True))
        for looked, row in chosen:
            yield told[looked.unit.name][row]

    def _remedy(self, found: Tripped) -> list[str]:
        config = self.plan.config
        asked = config.tripwires or Tripwires()
        accept: dict[str, list[str | float]] = {name: [*what] for name, what in asked.accept.items()}
        for wire in found.stopping:
            accept[wire.name] = _accepting(wire, accept.get(wire.name, []))
        shown = {name: what[0] if len(what) == 1 else what for name, what in accept.items()}
        given = asked.model_dump(exclude_defaults=True) | {"accept": shown}
        lines = yaml.safe_dump({KEY: given}, default_flow_style=None, sort_keys=False, allow_unicode=True)
        place = (
            ""
            if config.tripwires_line is None
            else f" in place of its `{KEY}` (line {config.tripwires_line})"
        )
        kinds = sorted({wire.kind for wire in found.stopping}, reverse=True)
        what = " or ".join("options of the pass" if kind == "pass" else kind for kind in kinds)
        return [
            f"Where that is not meant, mend the {what}. Where it is, write into {config.file}{place}:",
            "",
            *lines.splitlines(),
            "",
            "and give the same command again: only the mixture is left to do.",
        ]


def _accepting(wire: Wire, accepted: Sequence[str | float]) -> list[str | float]:
    """What is accepted of a name already, and what this one has done: nothing, or a share rounded up."""
    if not wire.removed:
        return [NOTHING, *(each for each in accepted if each != NOTHING)]
    digits = 2
    while wire.share < 1 <= _up(wire.share, digits):
        digits += 1
    more = [each for each in accepted if not isinstance(each, str)]
    return [*(each for each in accepted if isinstance(each, str)), max([_up(wire.share, digits), *more])]


def _up(share: Fraction, digits: int) -> float:
    return float(Fraction(math.ceil(share * 10**digits), 10**digits))


def _spread(looked: Sequence[Looked]) -> list[Looked]:
    """At most `UNITS` of them, evenly spread."""
    count = min(UNITS, len(looked))
    return [looked[at * len(looked) // count] for at in range(count)]


def _value(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, float):
        return f"{value:.4g}"
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str) else str(value)
