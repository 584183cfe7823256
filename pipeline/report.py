"""What the command line prints: the plan, the funnel of a finished run, the catalogue of steps."""

import textwrap
import types
import typing
from collections.abc import Iterable, Mapping
from typing import Any

import pyarrow as pa
import yaml
from pydantic import BaseModel
from rich.console import Console
from rich.padding import Padding
from rich.syntax import Syntax
from rich.table import Column, Table
from rich.text import Text

from pipeline import benchmarks, state
from pipeline import steps as table_of_steps
from pipeline.corpus_recipe import CorpusRecipe, corpus_recipe_names, load_corpus_recipe
from pipeline.counted import counted
from pipeline.errors import PlanError
from pipeline.faults import choose
from pipeline.indexing import indexed_passes
from pipeline.plan import Layer, Plan, Segment
from pipeline.planned_step import Step
from pipeline.recipe import load_recipe, recipe_names
from pipeline.source import ADDRESS, is_transient
from pipeline.stage import Pass, Rule, Stage
from pipeline.tripped import summary, tripped
from pipeline.tripwires import describe

UNITS_SHOWN = 8


def outline(plan: Plan, console: Console) -> None:
    """Prints units, segments, passes and what is done; reads manifests only."""
    root = plan.config.output
    console.print(Text(f"{plan.config.corpus} → {root}", style="bold"))
    if plan.config.recipe:
        console.print(f"recipe {plan.config.recipe}", highlight=False)
    if plan.config.left_out:
        without = ", ".join(plan.config.left_out)
        console.print(
            f"  without {without}: not in this file; the others keep their proportions", style="yellow"
        )
    found = [state.segment_state(root, segment) for segment in plan.segments]
    for segment, done in zip(plan.segments, found, strict=True):
        _segment(segment, done, root, console)
    ready = all(not done.todo for done in found)
    units = state.corpus_units(root, plan, found) if ready else []
    digest = state.first_digest(plan, found) if ready else ""
    layers = []
    for layer in plan.layers:
        status = "waits for the sources"
        if ready:
            here = state.layer_state(root, layer, units, digest)
            layers.append(here)
            ready = not here.todo
            status = "done" if ready else f"{len(here.done)} of {counted(len(units), 'unit')} done"
            if ready:
                digest = state.next_digest(digest, layer, here, units)
                units = state.with_layer(root, layer, here, units)
        try:
            _layer(layer, status, console)
        except PlanError as fault:  # of a file that the pass reads
            step = next((each for each in plan.config.across if layer.name.endswith(f"-{each.name}")), None)
            if fault.file is not None or step is None:
                raise
            raise PlanError(fault.message, step.file, step.line) from fault
    if not plan.config.no_benchmarks and not any(
        layer.pass_ is not None and layer.pass_.name == benchmarks.PASS for layer in plan.layers
    ):
        console.print(
            f"\n{benchmarks.WARNING}", highlight=False, markup=False, soft_wrap=True, style="yellow"
        )
    for note in plan.notes:
        console.print(f"\n{note}", highlight=False, markup=False, soft_wrap=True, style="yellow")
    wires = tripped(plan, found, layers).stopping if ready else ()
    console.print(Text("\ntripwires", style="bold") + Text(f"  {_stop(len(wires))}" if wires else ""))
    for line in describe(plan.config.tripwires):
        console.print(f"  {line}", highlight=False, markup=False, soft_wrap=True)
    for wire in wires:
        console.print(f"  {wire.told()}", highlight=False, markup=False, soft_wrap=True, style="red")
    if plan.config.index:
        passes = ", ".join(step.name for step in indexed_passes(plan))
        line = f"  {plan.config.index}: the documents that survive, for later runs, by {passes}"
        console.print(Text("\nindex", style="bold") + Text(line))
    manifest = state.mixture_done(root, plan.mixture_hash, digest) if ready and not wires else None
    console.print(
        Text("\nmixture", style="bold") + Text(f"  {'done' if manifest else 'to do'}", style="cyan")
    )
    for name, value in plan.config.mixture.model_dump(mode="json").items():
        if value is not None:
            told = " ".join(value.split()) if isinstance(value, str) else _written(value)
            console.print(f"  {name}: {told}", highlight=False, markup=False)


def _stop(count: int) -> str:
    return "1 stops the run" if count == 1 else f"{count} stop the run"


def _segment(segment: Segment, done: state.SegmentState, root: str, console: Console) -> None:
    size = sum({unit.path: unit.size for unit in segment.units}.values())
    status = f"{len(done.done)} of {counted(len(segment.units), 'unit')} done"
    if done.todo and (donors := state.donors(root, segment, done.todo)):
        status += f"; signals of an earlier run serve {len(donors)}"
    console.print(
        Text(f"\nsource {segment.source}", style="bold")
        + Text(f"  read {segment.reader}: {counted(len(segment.units), 'unit')}, {_size(size)}")
        + Text(f"  {status}", style="cyan")
    )
    for unit in segment.units[:UNITS_SHOWN]:
        mark = "✓" if unit.name in done.done else "·"
        part = "" if unit.part is None else f" part {unit.part[0]:,}–{unit.part[1]:,}"
        line = f"  {mark} {unit.path}{part}  {_size(unit.size)}"
        console.print(line, highlight=False, markup=False, soft_wrap=True)
    if len(segment.units) > UNITS_SHOWN:
        console.print(f"  … and {len(segment.units) - UNITS_SHOWN} more")
    console.print(f"  segment {segment.folder}", highlight=False)
    _steps(segment.steps, console)
    for name in segment.omitted:
        console.print(f"    {name}: left out, the source gives its result already", highlight=False)


def _layer(layer: Layer, status: str, console: Console) -> None:
    kind = "pass" if layer.pass_ is not None else "rules"
    console.print(Text(f"\n{kind} {layer.name}", style="bold") + Text(f"  {status}", style="cyan"))
    console.print(f"  layer {layer.folder}", highlight=False)
    if layer.pass_ is not None:
        _steps([layer.pass_], console)
        declared = table_of_steps.pass_(layer.pass_.name, layer.pass_.options)
        for line in declared.describe(layer.pass_.options):
            _told(line, console)
    _steps(layer.steps, console)


def _told(line: str, console: Console) -> None:
    """A line about a step; what does not fit goes on below, a little to the right of where it begins."""
    indent = " " * (6 + len(line) - len(line.lstrip()))
    parts = textwrap.wrap(
        line.strip(),
        max(console.width, 40),
        initial_indent=indent,
        subsequent_indent=f"{indent}  ",
        break_long_words=False,
        break_on_hyphens=False,
    )
    for part in parts:
        console.print(Text(part, style="dim"), soft_wrap=True)


def _steps(steps: Iterable[Step], console: Console) -> None:
    for step in steps:
        if step.kind != "rules":
            given = step.options.model_dump(mode="json", exclude_defaults=True)
            options = f" {_written(given)}" if given else ""
            console.print(f"    {step.name}{options}", highlight=False, markup=False)
            if step.kind == "stage" and "text" in table_of_steps.stage(step.name, step.options).replaces:
                console.print("      edits the text: steps from here on see the new one", style="yellow")
            if step.cuts is not None:
                console.print("      cuts the text: steps from here on see what is left", style="yellow")
            for name, about in step.tables:
                _told(f"writes the table {name}: {about}", console)
            if step.adds:
                _told("adds " + ", ".join(step.adds), console)
        table = Table.grid(padding=(0, 1))
        for rule in step.rules:
            predicate = Text(rule.drop_if, overflow="fold")
            table.add_row(Text("drop"), Text(rule.name, style="red"), Text("if"), predicate)
        console.print(Padding(table, (0, 0, 0, 6), expand=False))


def funnel(manifest: dict[str, Any], console: Console) -> None:
    """Prints what went in, what each rule took and what came out."""
    table = Table(title=f"{manifest['corpus']}: from input to shards", title_justify="left")
    table.add_column("")
    table.add_column("documents", justify="right")
    table.add_column("tokens", justify="right")
    table.add_column("of input", justify="right")
    for name, source in manifest["sources"].items():
        whole = source["documents"]
        table.add_row(f"[bold]{name}[/]: read", f"{whole:,}", f"{source['tokens']:,}", _share(whole, whole))
        for reason, count in source["skipped"].items():
            table.add_row(f"  skipped record: {reason}", f"[dim]{count:,}[/]", "", "")
        _rule_rows(table, source, whole)
        table.add_row(
            "  kept", f"{source['kept']:,}", f"{source['tokens_kept']:,}", _share(source["kept"], whole)
        )
    whole = sum(source["documents"] for source in manifest["sources"].values())
    for layer in manifest["across"]:
        table.add_section()
        table.add_row(f"[bold]{layer['layer']}[/]", f"{layer['documents']:,}", f"{layer['tokens']:,}", "")
        if cut := layer.get("cut"):
            texts = f"  − cut from {counted(cut['documents'], 'text')}"
            table.add_row(texts, "", f"[red]{cut['tokens']:,}[/]", "")
        _rule_rows(table, layer, whole)
        table.add_row(
            "  kept", f"{layer['kept']:,}", f"{layer['tokens_kept']:,}", _share(layer["kept"], whole)
        )
    shards = manifest["mixture"]["shards"]
    rows, tokens = (sum(shard[key] for shard in shards) for key in ("rows", "tokens"))
    table.add_section()
    table.add_row(
        f"[bold]{counted(len(shards), 'shard')}[/]", f"{rows:,}", f"{tokens:,}", _share(rows, whole)
    )
    console.print(table)
    for name, source in manifest["mixture"]["sources"].items():
        if source.get("reason"):
            console.print(
                f"{name}: asked {source['asked_tokens']:,} tokens, "
                f"achieved {source['tokens']:,}: {source['reason']}"
            )
    for line in [*manifest["mixture"].get("notes", ()), *summary(manifest["tripwires"])]:
        console.print(line, highlight=False, markup=False, soft_wrap=True)


def _rule_rows(table: Table, part: dict[str, Any], whole: int) -> None:
    for rule, counts in sorted(part["rules"].items(), key=lambda item: -item[1]["documents"]):
        if counts["documents"]:
            table.add_row(
                f"  − {rule}",
                f"[red]{counts['documents']:,}[/]",
                f"[red]{counts['tokens']:,}[/]",
                _share(counts["documents"], whole),
            )


def _share(part: int, whole: int) -> str:
    return f"{part / whole:.1%}" if whole else "–"


def _size(size: float) -> str:
    if not size:
        return "size unknown"
    for unit in ("B", "kB", "MB", "GB"):
        if size < 1000:
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} TB"


def catalogue(console: Console) -> None:
    """Prints every source, stage, pass and recipe in a line."""
    readers = [(name, table_of_steps.source_reader(name).about) for name in table_of_steps.SOURCES]
    stages = [(name, table_of_steps.stage(name).about) for name in table_of_steps.STAGES]
    passes = [(name, table_of_steps.pass_(name).about) for name in table_of_steps.PASSES]
    recipes = [(name, load_recipe(name).about) for name in recipe_names()]
    corpora = [(name, load_corpus_recipe(name).about) for name in corpus_recipe_names()]
    for title, where, entries in (
        ("sources", "read: NAME", readers),
        ("stages", "in steps", stages),
        ("passes", "in across", passes),
        ("recipes", "in steps, - recipe: NAME", recipes),
        ("recipes of a whole corpus", "recipe: NAME at the top of a run file", corpora),
    ):
        console.print(Text(title, style="bold") + Text(f"  ({where})", style="dim"))
        table = Table.grid(padding=(0, 2))
        for name, about in entries:
            table.add_row(Text(f"  {name}", style="green"), about.strip())
        console.print(table)
    console.print("\nwinnow steps NAME shows columns, units, options, rules and the paper.", style="dim")


def step(name: str, console: Console) -> None:
    """Prints one source, stage, pass or recipe in full."""
    known = [*table_of_steps.SOURCES, *table_of_steps.STAGES, *table_of_steps.PASSES]
    known += [*recipe_names(), *corpus_recipe_names()]
    if name not in known:
        raise PlanError(f"no source, stage, pass or recipe is named {name!r}; {choose(name, known)}")
    if name in table_of_steps.SOURCES:
        reader = table_of_steps.source_reader(name)
        _head("source", name, reader.about, "", console)
        _columns(reader.schema, console)
        _options(reader.options, console)
    if name in table_of_steps.STAGES:
        _described("stage", table_of_steps.stage(name), console)
    if name in table_of_steps.PASSES:
        _described("pass", table_of_steps.pass_(name), console)
    if name in recipe_names():  # a recipe may have the name of its most important stage
        recipe = load_recipe(name)
        _head("recipe", name, recipe.about, recipe.paper, console)
        for part in recipe.steps:
            if part.kind != "rules":
                given = part.options.model_dump(mode="json", exclude_defaults=True)
                options = Text(f" {_written(given)}" if given else "")
                console.print(Text(f"  {part.name}", style="green") + options)
            _rules(part.rules, console)
    if name in corpus_recipe_names():
        _corpus_recipe(load_corpus_recipe(name), console)


def _corpus_recipe(recipe: CorpusRecipe, console: Console) -> None:
    """Prints a whole corpus's recipe as it is written: it reads like the paper's table."""
    _head("recipe of a whole corpus", recipe.name, recipe.about, recipe.paper, console)
    with open(recipe.marked.file, encoding="utf-8") as file:
        console.print(Syntax(file.read(), "yaml", background_color="default", word_wrap=True))


def _described(kind: str, declared: Stage | Pass, console: Console) -> None:
    _head(kind, declared.name, declared.about, declared.paper, console)
    if declared.reads:
        console.print(f"reads {', '.join(declared.reads)}", highlight=False)
    _columns(declared.adds, console)
    _options(declared.options, console)
    if isinstance(declared, Pass):
        if declared.cuts is not None:
            console.print("cuts the text: steps behind it see what is left", style="yellow")
        for table, about in declared.tables.items():
            console.print(f"writes the table {table}: {about}", highlight=False)
    if declared.rules:
        console.print("published rules", style="bold")
        _rules(declared.rules, console)


def _head(kind: str, name: str, about: str, paper: str, console: Console) -> None:
    console.print(Text(f"{kind} ", style="dim") + Text(name, style="bold green"))
    for line in (about, paper):
        if line:
            console.print(line.strip(), highlight=False, markup=False)


def _columns(schema: pa.Schema, console: Console) -> None:
    name = Column("column", no_wrap=True)
    table = Table(name, "type", "unit", "", title="columns", title_justify="left", box=None)
    if not len(schema):
        console.print("columns depend on the options: winnow plan shows those of a run file", style="dim")
        return
    for field in schema:
        if field.name == ADDRESS.name:  # the worker makes the id of it
            continue
        told = field.metadata or {}
        about = told.get(b"about", b"").decode()
        if is_transient(field):
            about = f"{about} (not stored)".strip()
        table.add_row(field.name, str(field.type), told.get(b"unit", b"").decode(), about)
    console.print(table)


def _options(model: type[BaseModel], console: Console) -> None:
    if not model.model_fields:
        console.print("no options", style="dim")
        return
    name_column = Column("option", no_wrap=True)
    table = Table(name_column, "type", "default", "", title="options", title_justify="left", box=None)
    for name, known in model.model_fields.items():
        kind = _kind(known.annotation)
        default = (
            "required" if known.is_required() else _written(known.get_default(call_default_factory=True))
        )
        table.add_row(Text(name), Text(kind), Text(default), Text(known.description or ""))
    console.print(table)


def _written(value: Any) -> str:
    """A value of an option as it stands in a run file, on one line."""
    if isinstance(value, BaseModel):
        value = value.model_dump(mode="json")
    line = yaml.safe_dump(
        _plain(value), default_flow_style=True, allow_unicode=True, sort_keys=False, width=float("inf")
    )
    return line.removesuffix("\n").removesuffix("\n...")


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _plain(inside) for key, inside in value.items()}
    if isinstance(value, tuple | list | set | frozenset):
        return [_plain(inside) for inside in value]
    return value if isinstance(value, str | int | float | bool | None) else str(value)


def _kind(annotation: Any) -> str:
    """A type as a person writes it: alternatives with bars, literals as they are."""
    origin, inside = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Annotated:
        return _kind(inside[0])
    if origin is typing.Literal:
        return " | ".join(map(str, inside))
    if origin in (typing.Union, types.UnionType):
        return " | ".join(_kind(each) for each in inside if each is not type(None))
    if origin in (tuple, list):
        return f"list of {_kind(inside[0])}"
    if origin in (dict, Mapping):
        return f"mapping of {_kind(inside[0])} to {_kind(inside[1])}"
    if annotation is Any:
        return "several"
    if issubclass(annotation, BaseModel):
        fields = annotation.model_fields.items()
        return "{" + ", ".join(f"{name}: {_kind(known.annotation)}" for name, known in fields) + "}"
    return {"str": "text"}.get(annotation.__name__, str(annotation.__name__))


def _rules(rules: Iterable[Rule], console: Console) -> None:
    table = Table.grid(padding=(0, 2))
    for rule in rules:
        table.add_row("   ", Text(rule.name), Text(f"drop if {rule.drop_if}", overflow="fold"))
    if table.rows:
        console.print(table)
