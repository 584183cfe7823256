"""What of a finished plan trips a wire: rules and passes that removed nothing, or nearly all.

Counts come from the manifests of units, so that asking costs nothing and redoes nothing.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from pipeline import steps as table_of_steps
from pipeline import store
from pipeline.config import Config
from pipeline.counted import counted
from pipeline.marks import Mark
from pipeline.plan import Layer, Plan
from pipeline.recipe import RULES, StepConfig
from pipeline.segment import DROPPED_BY
from pipeline.stage import Rule
from pipeline.state import LayerState, SegmentState
from pipeline.tripwires import ANY, NOTHING, Accepted, Tripwires, percent

ENOUGH = 2  # documents: of one alone a rule can drop none or all, and neither tells anything


@dataclass(frozen=True)
class Wire:
    """A rule or a pass, and what it was asked about.

    where      the source, or the name of the layer
    at         its number among the segments, or among the layers
    name       of the rule or of the pass; it is accepted by any of `names`, a pass also by all its rules
    rules      the rule itself, or all rules of the pass; `marks`, where they stand
    documents  that it was asked about, `dropped` of these
    tokens     of those documents before the pass took `cut` of them out of their texts
    written    whether it stands in the run file itself, as a pass always does
    rare       whether nothing is what it is hoped to remove
    """

    kind: Literal["rule", "pass"]
    where: str
    at: int
    layered: bool
    name: str
    names: tuple[str, ...]
    rules: tuple[Rule, ...]
    marks: Mapping[str, Mark]
    documents: int
    dropped: int
    written: bool
    rare: bool = False
    tokens: int = 0
    cut: int = 0

    @property
    def removed(self) -> bool:
        """Whether anything is gone."""
        return self.dropped > 0 or self.cut > 0

    def trips(self, wires: Tripwires) -> Literal["all", "nothing", ""]:
        """Whether it removed too much or nothing; neither where it was hardly asked."""
        if self.documents < ENOUGH:
            return ""
        most = Fraction(str(wires.most))
        if self.dropped > most * self.documents or (self.cut and self.cut > most * self.tokens):
            return "all"
        if self.removed or self.rare:
            return ""
        return "nothing" if self.written or self.documents >= wires.enough_documents else ""

    @property
    def share(self) -> Fraction:
        """What is gone of the documents or, where that is more, of the tokens."""
        cut = Fraction(self.cut, self.tokens) if self.tokens else Fraction(0)
        return max(Fraction(self.dropped, max(1, self.documents)), cut)

    def accepted_by(self, accept: Mapping[str, Accepted]) -> list[str]:
        """The names of `accept` that accept what it has done; none where that is not accepted."""
        direct = [name for name in self.names if self._within(accept.get(name, ()))]
        if direct or self.kind == "rule":
            return direct
        rules = [rule.name for rule in self.rules]
        return rules if all(self._within(accept.get(name, ())) for name in rules) else []

    def _within(self, accepted: Accepted) -> bool:
        if ANY in accepted or (NOTHING in accepted and not self.removed):
            return True
        shares = [Fraction(str(each)) for each in accepted if not isinstance(each, str)]
        return self.removed and self.share <= max(shares, default=Fraction(0))

    def told(self) -> str:
        """What it is and what it did, in a line."""
        where = self.where if self.layered else f"source {self.where}"
        name = f"rule {self.name!r} of {where}" if self.kind == "rule" else f"pass {where}"
        cut = f", and cuts {_of(self.cut, self.tokens, 'token')} out of texts" if self.cut else ""
        if not self.dropped:
            return f"{name} drops none of {counted(self.documents, 'document')}{cut}"
        return f"{name} drops {_of(self.dropped, self.documents, 'document')}{cut}"

    def as_dict(self) -> dict[str, Any]:
        told = {"kind": self.kind, "where": self.where, "name": self.name}
        return {**told, "documents": self.documents, "dropped": self.dropped, "cut_tokens": self.cut}


@dataclass(frozen=True)
class Tripped:
    """What came of all wires.

    stopping   those that stop the run, in the order of the plan
    accepted   those that would, but that the run file accepts, each with the names that accept it; with
               tripwires off all that would, by none
    unused     rules and passes that dropped nothing and may: hardly any document reached them, or they are
               rules of a step or a recipe, of which not every one finds something among a few documents
    """

    wires: Tripwires | None
    stopping: tuple[Wire, ...]
    accepted: tuple[tuple[Wire, tuple[str, ...]], ...]
    unused: tuple[Wire, ...]

    def as_dict(self) -> dict[str, Any]:
        """For the manifest."""
        wires = self.wires
        asked = None if wires is None else {"most": wires.most, "enough_documents": wires.enough_documents}
        return {
            "asked": asked,
            "accepted": [{**wire.as_dict(), "by": list(names)} for wire, names in self.accepted],
            "unused": [wire.as_dict() for wire in self.unused],
        }


def summary(told: Mapping[str, Any]) -> list[str]:
    """Lines about what was accepted and what was never needed, from a manifest's `tripwires`."""
    lines = []
    off = "tripwires are off, and would have stopped this run: "
    for one in told["accepted"]:
        name = f"{one['kind']} {one['name']} ({one['where']})"
        done = f"removed {one['dropped']:,} of {counted(one['documents'], 'document')}"
        lines.append(f"{off if told['asked'] is None else 'accepted: '}{name} {done}")
    places: dict[tuple[str, int], list[str]] = {}
    for one in told["unused"]:
        places.setdefault((one["where"], one["documents"]), []).append(one["name"])
    for (where, documents), names in places.items():
        lines.append(f"note: {where}: none of {counted(documents, 'document')} dropped by {', '.join(names)}")
    return lines


def tripped(plan: Plan, segments: Sequence[SegmentState], layers: Sequence[LayerState]) -> Tripped:
    """Asks all wires; every unit of every segment and layer must be done."""
    asked = plan.config.tripwires
    wires = asked or Tripwires()
    stopping: list[Wire] = []
    accepted: list[tuple[Wire, tuple[str, ...]]] = []
    unused: list[Wire] = []
    for group in (*_segments(plan, segments), *_layers(plan, layers)):
        over: Wire | None = None  # the pass whose rules these are
        for wire in group:
            trips = wire.trips(wires)
            if wire.kind == "pass":
                over = wire
            elif over is not None and (not over.removed or (trips and trips == over.trips(wires))):
                continue  # the pass says it
            elif over is not None and over.cut and trips == "nothing" and not wire.written:
                trips = ""  # what the pass is for, it did
            if trips and asked is None:
                accepted.append((wire, ()))
            elif trips and (names := wire.accepted_by(wires.accept)):
                accepted.append((wire, tuple(names)))
            elif trips:
                stopping.append(wire)
            elif not wire.removed:
                unused.append(wire)
    return Tripped(asked, tuple(stopping), tuple(accepted), tuple(unused))


def _segments(plan: Plan, states: Sequence[SegmentState]) -> Iterator[list[Wire]]:
    for at, (segment, state) in enumerate(zip(plan.segments, states, strict=True)):
        units = [state.done[unit.name] for unit in segment.units]
        here = _stated(plan.config.sources[segment.source].steps, plan.config)
        for step in segment.steps:
            yield [
                _rule(segment.source, at, False, rule, step.name, step.rule_lines, units, here)
                for rule in step.rules
            ]


def _layers(plan: Plan, states: Sequence[LayerState]) -> Iterator[list[Wire]]:
    here = _stated(plan.config.across, plan.config)
    for at, (layer, state) in enumerate(zip(plan.layers, states, strict=True)):
        units = list(state.done.values())
        of_pass = layer.steps[0] if layer.pass_ is not None else None
        for step in layer.steps:
            name = layer.pass_.name if layer.pass_ is not None and step is of_pass else step.name
            group = [
                _rule(layer.name, at, True, rule, name, step.rule_lines, units, here) for rule in step.rules
            ]
            if step is of_pass and (group or layer.cuts):
                group = [_pass(plan, layer, at, units, group), *group]
            yield group


def _stated(steps: Iterable[StepConfig], config: Config) -> set[str]:
    return {name for step in steps for name in step.stands_in(config.file)}


def _rule(
    where: str,
    at: int,
    layered: bool,
    rule: Rule,
    step: str,
    marks: Mapping[str, Mark],
    units: Sequence[Mapping[str, Any]],
    here: set[str],
) -> Wire:
    return Wire(
        kind="rule",
        where=where,
        at=at,
        layered=layered,
        name=rule.name,
        names=(rule.name,) if step == RULES else (rule.name, step),
        rules=(rule,),
        marks=marks,
        documents=sum(unit["documents"] for unit in units),
        dropped=sum(unit["rules"].get(rule.name, {"documents": 0})["documents"] for unit in units),
        written=rule.name in here,
    )


def _pass(
    plan: Plan, layer: Layer, at: int, units: Sequence[Mapping[str, Any]], rules: Sequence[Wire]
) -> Wire:
    assert layer.pass_ is not None
    name = layer.pass_.name
    return Wire(
        kind="pass",
        where=layer.name,
        at=at,
        layered=True,
        name=name,
        names=(name,),
        rules=layer.steps[0].rules,
        marks=layer.steps[0].rule_lines,
        documents=sum(unit["documents"] for unit in units),
        dropped=_together(plan, layer, units, rules),
        written=True,
        rare=table_of_steps.pass_(name, layer.pass_.options).rare,
        tokens=sum(unit["tokens"] for unit in units),
        cut=sum(unit.get("cut", {"tokens": 0})["tokens"] for unit in units),
    )


def _together(plan: Plan, layer: Layer, units: Sequence[Mapping[str, Any]], rules: Sequence[Wire]) -> int:
    """Documents that at least one of these rules drops, or, where that cannot trip a wire, at least as many.

    Manifests count for each rule. Where their sum is too much, the verdicts are read again.
    """
    most = sum(rule.dropped for rule in rules)
    bound = (plan.config.tripwires or Tripwires()).most
    if len(rules) < 2 or most <= bound * rules[0].documents:
        return most
    names = [rule.name for rule in rules]
    total = 0
    for unit in units:
        path = store.join(plan.config.output, layer.folder, "labels", f"{unit['unit']}.parquet")
        with store.parquet_file(path) as file:
            for batch in store.row_batches(file, [DROPPED_BY.name], 1 << 16):
                total += int(fails_any(batch.column(0), names).sum())
    return total


def fails_any(dropped_by: pa.Array | pa.ChunkedArray, names: Sequence[str]) -> NDArray[np.bool_]:
    """Of rows with the rules that each fails (list<string>) those that fail one of these, [n]."""
    failing = np.zeros(len(dropped_by), np.bool_)
    hit = pc.is_in(pc.list_flatten(dropped_by), pa.array(names, pa.string()))
    failing[pc.list_parent_indices(dropped_by).filter(hit).to_numpy()] = True
    return failing


def _of(part: int, whole: int, what: str) -> str:
    return f"{part:,} of {counted(whole, what)} ({percent(part / whole)})"
