"""A list of steps as YAML has it, read into typed steps, with named recipes put in their place."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any, Literal

from pydantic import ValidationError

from pipeline import marks, steps
from pipeline.errors import PlanError
from pipeline.faults import Faults, choose, explain, show
from pipeline.marks import KeyPath, Mark, Marked
from pipeline.stage import Options, Pass, Rule, Stage

# Beside this package, in a checkout and in an installation alike; not looked up by import, so that
# a folder of the same name where winnow is started cannot stand in its place.
RECIPES = Path(__file__).resolve().parents[1] / "recipes"
RULES = "rules"
RECIPE = "recipe"
RECIPE_KEYS = ("recipe", "paper", "about", "steps")


@dataclass(frozen=True)
class StepConfig:
    """One step of a run file, checked against what its module declares.

    kind         stage (`steps.stage(name)`), pass (`steps.pass_(name)`) or rules alone
    name         the step's name; "rules" for rules alone
    rules        what to drop by once the step's columns are there, in the order of the file
    file, line   where the step stands: the run file or a recipe's
    recipe       name of the recipe that it came from, "" for none
    asked        where the file that was opened first asks for that recipe
    rule_lines   file and line of each rule, by name
    written      names of the rules that are written out in YAML; the others are the published ones
    """

    kind: Literal["stage", "pass", "rules"]
    name: str
    options: Options
    rules: tuple[Rule, ...]
    file: str
    line: int
    recipe: str = ""
    asked: Mark | None = field(default=None, compare=False)
    rule_lines: Mapping[str, Mark] = field(default_factory=dict)
    written: frozenset[str] = frozenset()

    @property
    def listed(self) -> Mark:
        """The line, of the step or of the recipe that brings it, before which another can be put."""
        return self.asked or Mark(self.file, self.line)

    def stands_in(self, file: str) -> frozenset[str]:
        """Names of the rules that are written out in this file."""
        return frozenset(name for name in self.written if self.rule_lines[name].file == file)


@dataclass(frozen=True)
class Recipe:
    """A published method as a list of steps."""

    name: str
    paper: str
    about: str
    steps: tuple[StepConfig, ...]
    file: str


@cache
def recipe_names() -> tuple[str, ...]:
    """The recipes for one source that come with winnow, sorted (`corpus_recipe` has the others)."""
    return tuple(
        # Not parsed: of all that would take a fifth of a second.
        sorted(file.stem for file in RECIPES.glob("*.yaml") if "\nsteps:" in "\n" + file.read_text("utf-8"))
    )


def resolve_recipe(name_or_path: str, beside: str = ".") -> str:
    """The file of a recipe: a name of `recipes/`, or a path, taken from the folder `beside`.

    Raises PlanError with the nearest names.
    """
    if "/" in name_or_path or name_or_path.endswith((".yaml", ".yml")):
        path = os.path.normpath(os.path.join(beside, name_or_path))
        if os.path.isfile(path):
            return path
        raise PlanError(f"recipe {name_or_path!r}: there is no file {path}")
    known = recipe_names()
    if name_or_path not in known:
        if (RECIPES / f"{name_or_path}.yaml").is_file():
            raise PlanError(
                f"recipe {name_or_path!r} is for a whole corpus: write `recipe: {name_or_path}` at the top "
                "of the run file, beside `sources`"
            )
        raise PlanError(f"unknown recipe {name_or_path!r}; {choose(name_or_path, known)}")
    return str(RECIPES / f"{name_or_path}.yaml")


def load_recipe(name_or_path: str) -> Recipe:
    """Reads one recipe, passes too. Raises a PlanError that names every fault found."""
    faults = Faults()
    recipe = _read_recipe(resolve_recipe(name_or_path), faults, (), across=True)
    faults.stop()
    return recipe


def read_steps(
    marked: Marked,
    at: KeyPath,
    value: Any,
    faults: Faults,
    across: bool = False,
    inside: tuple[str, ...] = (),
) -> list[StepConfig]:
    """The steps of the list `value` at key path `at`; faults are added to `faults`.

    across   the list may hold passes (and stages and rules); without it, passes are refused
    inside   files of the recipes that this list is read for, outermost first
    """
    if value is None:
        return []
    if not isinstance(value, list):
        faults.add(f"{at[-1]}: expected a list of steps ('- name'), found {show(value)}", marked.mark(at))
        return []
    read: list[StepConfig] = []
    for number, item in enumerate(value):
        here = (*at, number)
        name, arguments = _name_and_arguments(marked, here, item, faults)
        if name is None:
            continue
        where = (*here, name) if isinstance(item, dict) else here
        mark = marked.mark(where)
        if name == RECIPE:
            read += _expand(marked, where, arguments, faults, across, inside)
        elif name == RULES:
            rules, rule_lines = _read_rules(marked, where, arguments, faults)
            written = frozenset(rule_lines)
            read.append(
                StepConfig("rules", RULES, Options(), rules, *mark, rule_lines=rule_lines, written=written)
            )
        elif name in steps.STAGES:
            read += _read_step(marked, where, "stage", steps.stage(name), arguments, faults)
        elif name in steps.PASSES and across:
            read += _read_step(marked, where, "pass", steps.pass_(name), arguments, faults)
        elif name in steps.PASSES:
            faults.add(
                f"step {name} is a pass: it must see the whole corpus; put it under 'across', "
                "beside 'sources'",
                mark,
            )
        else:
            known = [RECIPE, RULES, *steps.STAGES, *(steps.PASSES if across else ())]
            faults.add(f"unknown step {name!r}; {choose(name, known)}", mark)
    return read


def check_rule_names(read: list[StepConfig], faults: Faults) -> None:
    """Rule names tell the ledger's entries apart: each may stand once in a document's way.

    A stage that is left out where its result is there already (`Stage.unless`) is left out with its
    rules when it comes a second time: `extract` before a recipe takes the place of the recipe's own.
    """
    first: dict[str, Mark] = {}
    given: set[str] = set()
    for step in read:
        if step.kind == "stage" and steps.stage(step.name).unless is not None:
            if step.name in given:
                continue
            given.add(step.name)
        for rule in step.rules:
            mark = step.rule_lines[rule.name]
            if rule.name in first:
                faults.add(f"rule {rule.name!r} stands twice, first in {first[rule.name]}; rename one", mark)
            first.setdefault(rule.name, mark)


def _name_and_arguments(marked: Marked, here: KeyPath, item: Any, faults: Faults) -> tuple[str | None, Any]:
    if isinstance(item, str):
        return item, None
    if isinstance(item, dict) and len(item) == 1:
        return next(iter(item.items()))
    if isinstance(item, dict) and item:
        first, *others = item
        faults.add(
            f"a step has one name, found {', '.join(map(repr, item))}; "
            f"indent {', '.join(map(repr, others))} below {first!r}, or begin it with '- '",
            marked.mark((*here, others[0])),
        )
    else:
        faults.add(f"expected the name of a step, found {show(item)}", marked.mark(here))
    return None, None


def _read_step(
    marked: Marked,
    at: KeyPath,
    kind: Literal["stage", "pass"],
    step: Stage | Pass,
    value: Any,
    faults: Faults,
) -> list[StepConfig]:
    mark = marked.mark(at)
    if value is None:
        value = {}
    if isinstance(value, str) and step.options.short:
        value = {step.options.short: value}
    if not isinstance(value, dict):
        faults.add(f"step {step.name}: expected a mapping of its options, found {show(value)}", mark)
        return []
    given = dict(value)
    stated = None
    if RULES in given:
        stated = _read_rules(marked, (*at, RULES), given.pop(RULES), faults)
    try:
        options = step.options.model_validate(given)
        published = (step if step.of is None else step.of(options)).rules
    except ValidationError as error:
        explain(faults, error, step.options, marked, at, f"step {step.name}", (RULES,))
        return []
    except PlanError as fault:
        faults.add(fault.message, mark if fault.file is None else Mark(fault.file, fault.line or 1))
        return []
    rules, rule_lines = stated or (published, {rule.name: mark for rule in published})
    written = frozenset(rule_lines if stated else ())
    return [StepConfig(kind, step.name, options, rules, *mark, rule_lines=rule_lines, written=written)]


def _read_rules(
    marked: Marked, at: KeyPath, value: Any, faults: Faults
) -> tuple[tuple[Rule, ...], dict[str, Mark]]:
    if not isinstance(value, dict):
        faults.add(
            f"rules: expected a mapping of names to SQL predicates ({{}} for none), found {show(value)}",
            marked.mark(at),
        )
        return (), {}
    rules: dict[str, Rule] = {}
    for name, drop_if in value.items():
        if not isinstance(drop_if, str):
            faults.add(
                f"rule {name}: expected an SQL predicate, found {show(drop_if)}", marked.mark((*at, name))
            )
            continue
        rules[name] = Rule(name, drop_if)
    return tuple(rules.values()), {name: marked.mark((*at, name)) for name in rules}


def _expand(
    marked: Marked, at: KeyPath, value: Any, faults: Faults, across: bool, inside: tuple[str, ...]
) -> list[StepConfig]:
    """The steps of the recipe named at `at`, with its overrides in place."""
    mark = marked.mark(at)
    given = {"name": value} if isinstance(value, str) else value
    if not isinstance(given, dict) or not isinstance(given.get("name"), str):
        faults.add(f"recipe: expected a name, or a mapping with 'name', found {show(value)}", mark)
        return []
    for key in given:
        if key not in ("name", "override"):
            faults.add(
                f"recipe: unknown key {key!r}; {choose(key, ['name', 'override'])}", marked.mark((*at, key))
            )
    try:
        path = resolve_recipe(given["name"], os.path.dirname(mark.file) or ".")
    except PlanError as fault:
        faults.add(fault.message, mark)
        return []
    if path in inside:
        faults.add("recipe that contains itself: " + " → ".join((*inside, path)), mark)
        return []
    try:
        recipe = _read_recipe(path, faults, (*inside, path), across)
    except PlanError as fault:
        faults.absorb(fault)
        return []
    found = _override(marked, (*at, "override"), given.get("override"), recipe, faults)
    return [replace(step, asked=mark) for step in found]


def _override(marked: Marked, at: KeyPath, value: Any, recipe: Recipe, faults: Faults) -> list[StepConfig]:
    if value is None:
        return list(recipe.steps)
    if not isinstance(value, dict):
        faults.add(
            f"override: expected a mapping of rule names to SQL predicates (null removes a rule), "
            f"found {show(value)}",
            marked.mark(at),
        )
        return list(recipe.steps)
    known = [rule.name for step in recipe.steps for rule in step.rules]
    for name, drop_if in value.items():
        if name not in known:
            faults.add(
                f"recipe {recipe.name}: unknown rule {name!r}; {choose(name, known)}",
                marked.mark((*at, name)),
            )
        elif not isinstance(drop_if, str | None):
            faults.add(
                f"rule {name}: expected an SQL predicate, or null to remove it, found {show(drop_if)}",
                marked.mark((*at, name)),
            )
    overridden = []
    for step in recipe.steps:
        rules = tuple(
            Rule(rule.name, value.get(rule.name, rule.drop_if))
            for rule in step.rules
            if value.get(rule.name, rule.drop_if) is not None
        )
        rule_lines = {
            rule.name: marked.mark((*at, rule.name)) if rule.name in value else step.rule_lines[rule.name]
            for rule in rules
        }
        written = frozenset(name for name in rule_lines if name in value or name in step.written)
        overridden.append(replace(step, rules=rules, rule_lines=rule_lines, written=written))
    return overridden


def _read_recipe(path: str, faults: Faults, inside: tuple[str, ...], across: bool = False) -> Recipe:
    marked = marks.load(path)
    data = marked.data
    if not isinstance(data, dict):
        raise PlanError(f"a recipe is a mapping of {', '.join(RECIPE_KEYS)}; found {show(data)}", path, 1)
    for key in data:
        if key not in RECIPE_KEYS:
            faults.add(f"recipe: unknown key {key!r}; {choose(key, RECIPE_KEYS)}", marked.mark((key,)))
    for key in ("recipe", "steps"):
        if key not in data:
            faults.add(f"recipe: key {key!r} is missing", marked.mark())
    for key in ("recipe", "paper", "about"):
        if not isinstance(data.get(key, ""), str):
            faults.add(f"recipe: {key} is {show(data[key])}; expected text", marked.mark((key,)))
    name = str(data.get("recipe", path))
    found = read_steps(marked, ("steps",), data.get("steps"), faults, across, inside or (path,))
    named = tuple(replace(step, recipe=step.recipe or name) for step in found)
    return Recipe(name, str(data.get("paper", "")), str(data.get("about", "")), named, path)
