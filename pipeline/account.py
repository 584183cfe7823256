"""What a finished run has decided, as its own manifest tells it: steps and rules by source and layer.

The manifest and the folders that it names are enough: no input is listed or read, and the run file may
have been changed since. A run file is laid beside the account to see which rules it would change.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pyarrow as pa
from pydantic import ValidationError

from pipeline import state, store
from pipeline import steps as table_of_steps
from pipeline.config import Config
from pipeline.counted import counted
from pipeline.errors import PlanError, StoreError
from pipeline.plan import EDITED
from pipeline.recipe import RULES, StepConfig
from pipeline.stage import Options, Pass, Rule, Stage, deciding


@dataclass(frozen=True)
class Step:
    """A step of a finished run. `declared`: its stage or pass as configured; None for rules alone."""

    kind: str
    name: str
    options: Options
    rules: tuple[Rule, ...]
    declared: Stage | Pass | None = None


@dataclass(frozen=True)
class Part:
    """A source's segment or a layer: its steps and the units that are stored in `folder`.

    columns   of its documents, or of its labels without `unit`, `row` and `dropped_by`
    edits     columns of the documents that its labels hold anew, null where they stay as they were
    """

    name: str
    folder: str
    steps: tuple[Step, ...]
    units: tuple[str, ...]
    columns: pa.Schema
    edits: tuple[str, ...] = ()

    @property
    def rules(self) -> dict[str, str]:
        return {rule.name: rule.drop_if for step in self.steps for rule in step.rules}


@dataclass(frozen=True)
class Account:
    """A finished run: its sources, its layers in order, and its manifest."""

    root: str
    sources: tuple[Part, ...]
    layers: tuple[Part, ...]
    manifest: Mapping[str, Any]

    def with_parts(self, parts: Sequence[Part]) -> "Account":
        """The same with these parts, which are all sources and then all layers."""
        cut = len(self.sources)
        return replace(self, sources=tuple(parts[:cut]), layers=tuple(parts[cut:]))

    @property
    def parts(self) -> tuple[Part, ...]:
        return self.sources + self.layers


def account(root: str, file: str | None = None) -> Account:
    """The account of the finished run in the output folder `root`.

    file   the run file, for messages
    Raises PlanError where the run is not finished, StoreError where what it wrote is gone or damaged.
    """
    run = f"winnow run {file or 'FILE'}"
    plan = store.read_json(store.join(root, "plan.json"))
    if plan is None:
        raise PlanError(f"{root}: nothing has been run yet; start with: {run}")
    manifest = store.read_json(store.join(root, state.MANIFEST))
    if manifest is None:
        raise PlanError(
            f"{root}: its run is not finished, so nothing can be compared with it; go on with: {run}"
        )
    try:
        segments = {f"segments/{name}-{told['segment']}": name for name, told in manifest["sources"].items()}
        layers = [f"layers/{told['layer']}-{told['hash']}" for told in manifest["across"]]
        if set(segments) != set(plan["segments"]) or layers != [each["folder"] for each in plan["layers"]]:
            raise PlanError(
                f"{root}: a later run with other steps or rules has begun there and is not finished; "
                f"go on with: {run}"
            )
        sources = [
            _part(
                root, plan, segments[folder], folder, manifest["sources"][segments[folder]], "documents", run
            )
            for folder in plan["segments"]  # in the order of the run file
        ]
        stored = sum(told["units"] for told in manifest["sources"].values())
        across = [
            _part(root, plan, told["layer"], folder, {**told, "units": stored}, "labels", run)
            for told, folder in zip(manifest["across"], layers, strict=True)
        ]
    except (KeyError, TypeError, ValidationError) as fault:
        raise StoreError(
            f"{root}: the manifest is damaged, or another version of winnow wrote it ({_said(fault)}); "
            f"do the run again: {run}"
        ) from fault
    return Account(root, tuple(sources), tuple(across), manifest)


def _said(fault: Exception) -> str:
    if isinstance(fault, ValidationError):
        return ", ".join(".".join(map(str, each["loc"])) for each in fault.errors(include_url=False))
    return f"{fault} is not where it should be"


def _part(
    root: str,
    plan: Mapping[str, Any],
    name: str,
    folder: str,
    told: Mapping[str, Any],
    kind: str,
    run: str,
) -> Part:
    units = tuple(state.finished_units(root, folder, plan))
    if len(units) != told["units"]:
        raise StoreError(
            f"{root}: {folder} holds {counted(len(units), 'unit')}, the finished run had {told['units']}: "
            f"the input is another now, or some are gone; do the run again: {run}"
        )
    steps = tuple(_step(each) for each in told["steps"])
    columns = pa.schema([])
    if units:
        with store.parquet_file(store.join(root, folder, kind, f"{units[0]}.parquet")) as file:
            columns = file.schema_arrow.remove_metadata()
    edits = tuple(name for name in columns.names if kind == "labels" and name in EDITED)
    besides = ("unit", "row", "dropped_by", *edits) if kind == "labels" else ()
    return Part(name, folder, steps, units, pa.schema([f for f in columns if f.name not in besides]), edits)


def _step(told: Mapping[str, Any]) -> Step:
    name = told["name"]
    rules = tuple(Rule(rule, drop_if) for rule, drop_if in told["rules"].items())
    if name == RULES:
        return Step("rules", RULES, Options(), rules)
    found: Stage | Pass
    if name in table_of_steps.STAGES:
        options = table_of_steps.stage(name).options.model_validate(told["options"])
        found = table_of_steps.stage(name, options)
    else:
        options = table_of_steps.pass_(name).options.model_validate(told["options"])
        found = table_of_steps.pass_(name, options)
    return Step("stage" if isinstance(found, Stage) else "pass", name, options, rules, found)


def edited(run: Account, config: Config) -> Account:
    """The account as it would be with the rules of this run file.

    Raises PlanError where the file asks for more than other rules: that only a run can answer.
    """
    names = [part.name for part in run.sources]
    if sorted(names) != sorted(config.sources):
        differ = sorted(set(names) ^ set(config.sources))
        raise _more(config, f"the finished run has not the same sources: {', '.join(differ)}")
    parts = []
    for part in run.sources:
        source = config.sources[part.name]
        told = run.manifest["sources"][part.name]
        if (source.read, deciding(source.options)) != (told["read"], told["options"]):
            raise _more(config, f"source {part.name!r} is read with other options than in the finished run")
        stated = list(source.steps)
        if not any(step.name == "tokens" for step in stated):
            stated.append(_counting(config))
        parts.append(replace(part, steps=_laid(config, f"source {part.name!r}", part.steps, stated)))
    across = _laid(config, "across", [s for layer in run.layers for s in layer.steps], _spread(config.across))
    at = [at for at, step in enumerate(across) if step.kind == "pass" or at == 0]
    ends = [*at[1:], len(across)][: len(at)]
    if len(at) != len(run.layers):
        raise _more(config, "across: the finished run had no rules there")
    for layer, first, last in zip(run.layers, at, ends, strict=True):
        parts.append(replace(layer, steps=across[first:last]))
    return run.with_parts(parts)


def _same(one: Options, other: Options) -> bool:
    """Whether what the options decide is the same."""
    return type(one) is type(other) and deciding(one) == deciding(other)


def _more(config: Config, what: str) -> PlanError:
    return PlanError(
        f"{what}; what-if only answers for other rules: go on with winnow run {config.file}, or ask of the "
        f"output as it is: winnow whatif {config.output}",
        config.file,
    )


def _counting(config: Config) -> StepConfig:
    """The step that the plan adds to every source that does not name it."""
    options = table_of_steps.stage("tokens").options
    given = options.model_validate({"tokenizer": config.mixture.tokenizer})
    return StepConfig("stage", "tokens", given, (), *config.mixture_mark)


def _spread(across: Sequence[StepConfig]) -> list[StepConfig]:
    """The steps as the plan has them: a pass's rules stand behind it, as a step of their own."""
    steps = []
    for step in across:
        if step.kind == "pass":
            steps.append(replace(step, rules=()))
            step = StepConfig("rules", RULES, Options(), step.rules, step.file, step.line)
        steps.append(step)
    return steps


def _laid(config: Config, where: str, run: Sequence[Step], stated: Sequence[StepConfig]) -> tuple[Step, ...]:
    """The stated steps, each with what the finished run had declared for it."""
    measured = [step for step in run if step.kind != "rules"]
    steps = []
    at = 0
    for given in stated:
        if given.kind == "rules":
            steps.append(Step("rules", RULES, Options(), given.rules))
            continue
        same = at < len(measured) and measured[at].name == given.name
        if same and _same(measured[at].options, given.options):
            steps.append(replace(measured[at], rules=given.rules))
            at += 1
        elif given.kind != "stage" or table_of_steps.stage(given.name).unless is None:
            raise _more(
                config, f"{where}: step {given.name!r} was not in the finished run, or had other options"
            )
    if at < len(measured):
        raise _more(config, f"{where}: step {measured[at].name!r} of the finished run is not there")
    return tuple(steps)
