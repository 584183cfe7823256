"""A recipe for a whole corpus: sources with their steps, what goes across them, and the mixture.

A run file that names one at its top says only what is its own, where the input is and where the
output goes; every key that it gives takes the place of the recipe's:

    recipe: llama1
    corpus: my-llama
    output: out/my-llama
    sources:
      wikipedia: {paths: ["dumps/*-pages-articles.xml.bz2"]}
      github: {paths: ["repos/*.tar.gz"]}

A source of the recipe that the run file does not name is left out; the weights of the others keep
their proportions.
"""

import os
from dataclasses import dataclass
from functools import cache
from typing import Any

from pipeline import marks
from pipeline.errors import PlanError
from pipeline.faults import Faults, choose, show
from pipeline.marks import KeyPath, Mark, Marked
from pipeline.recipe import RECIPE, RECIPES, recipe_names

KEYS = ("recipe", "paper", "about", "sources", "across", "mixture")


@dataclass(frozen=True)
class CorpusRecipe:
    """A published corpus; `marked` is its file, checked no further than its keys."""

    name: str
    paper: str
    about: str
    marked: Marked


@cache
def corpus_recipe_names() -> tuple[str, ...]:
    """The recipes of whole corpora that come with winnow, sorted."""
    steps = set(recipe_names())
    return tuple(sorted(file.stem for file in RECIPES.glob("*.yaml") if file.stem not in steps))


def load_corpus_recipe(name_or_path: str, beside: str = ".") -> CorpusRecipe:
    """Reads a recipe by name, or by path from the folder `beside`. Raises PlanError."""
    marked = marks.load(_resolve(name_or_path, beside))
    data = marked.data
    if not isinstance(data, dict) or not isinstance(data.get("sources"), dict):
        raise PlanError(
            f"{name_or_path!r} is no recipe of a whole corpus: it has no `sources`. The steps of one source "
            "are named in its `steps`: `- recipe: NAME`",
            marked.file,
            1,
        )
    for key in data:
        if key not in KEYS:
            raise PlanError(f"recipe: unknown key {key!r}; {choose(key, KEYS)}", *marked.mark((key,)))
    texts = [data.get(key, "") for key in ("recipe", "paper", "about")]
    if not all(isinstance(text, str) for text in texts):
        raise PlanError("recipe, paper and about are texts", marked.file, 1)
    name, paper, about = texts
    return CorpusRecipe(name, paper, about, marked)


def completed(marked: Marked, faults: Faults) -> tuple[Marked, tuple[str, ...]]:
    """The run file with what it leaves to its `recipe`, and the recipe's sources that it leaves out.

    Every value keeps the mark of the file that it stands in. A source that is neither the recipe's nor
    has a reader is a fault, and not in what is returned.
    """
    run = marked.data
    named = run.get(RECIPE)
    if named is None:
        return marked, ()
    try:
        if not isinstance(named, str):
            raise PlanError(f"recipe: expected a name or a path, found {show(named)}")
        recipe = load_corpus_recipe(named, os.path.dirname(marked.file) or ".").marked
    except PlanError as fault:
        mark = marked.mark((RECIPE,))
        faults.absorb(fault if fault.file else PlanError(fault.message, mark.file, mark.line))
        return marked, ()
    data = dict(run)
    lines = dict(marked.lines)
    given = run.get("sources")
    if isinstance(given, dict):
        data["sources"] = {
            name: _over(source, ("sources", name), recipe, lines) for name, source in given.items()
        }
        known = list(recipe.data["sources"])
        for name, source in given.items():
            if name not in known and isinstance(source, dict) and "read" not in source:
                del data["sources"][name]  # the one fault says it all: not that it lacks a weight besides
                faults.add(
                    f"source {name!r} is not one of recipe {named}; {choose(name, known)} "
                    "A source of your own needs `read`",
                    marked.mark(("sources", name)),
                )
    left_out = tuple(name for name in recipe.data["sources"] if name not in (given or {}))
    if recipe.data.get("across") is not None and "across" not in run:
        data["across"] = recipe.data["across"]
        _graft(recipe, ("across",), lines)
    mixture = _over(run.get("mixture") or {}, ("mixture",), recipe, lines)
    if isinstance(mixture, dict) and "mixture" in recipe.data:
        own = (run.get("mixture") or {}).get("weights") if isinstance(run.get("mixture"), dict) else None
        if own is None and isinstance(mixture.get("weights"), dict):
            kept = {name: weight for name, weight in mixture["weights"].items() if name not in left_out}
            mixture = {**mixture, "weights": kept}
        repeat = mixture.get("repeat")
        if isinstance(repeat, dict) and "repeat" not in (run.get("mixture") or {}):
            kept = {name: each for name, each in repeat.items() if name not in left_out}
            mixture = {**mixture, "repeat": kept}
        held = mixture.get("downsample")
        if isinstance(held, dict) and held.get("sources") and "downsample" not in (run.get("mixture") or {}):
            chosen = [held["sources"]] if isinstance(held["sources"], str) else held["sources"]
            there = [name for name in chosen if name not in left_out]
            mixture = {**mixture, "downsample": {**held, "sources": there} if there else None}
        data["mixture"] = mixture
    return Marked(marked.file, data, lines), left_out


def _resolve(name_or_path: str, beside: str) -> str:
    if "/" in name_or_path or name_or_path.endswith((".yaml", ".yml")):
        path = os.path.normpath(os.path.join(beside, name_or_path))
        if os.path.isfile(path):
            return path
        raise PlanError(f"recipe {name_or_path!r}: there is no file {path}")
    if name_or_path in recipe_names():
        raise PlanError(
            f"recipe {name_or_path!r} is for one source: write `- recipe: {name_or_path}` in its `steps`"
        )
    known = corpus_recipe_names()
    if name_or_path not in known:
        raise PlanError(f"unknown recipe {name_or_path!r}; {choose(name_or_path, known)}")
    return str(RECIPES / f"{name_or_path}.yaml")


def _over(given: Any, at: KeyPath, recipe: Marked, lines: dict[KeyPath, Mark]) -> Any:
    """The mapping `given` laid over the recipe's at the same place, key by key."""
    base: Any = recipe.data
    for part in at:
        base = base.get(part) if isinstance(base, dict) else None
    if not isinstance(given, dict) or not isinstance(base, dict):
        return given
    for key in base:
        if key not in given:
            _graft(recipe, (*at, key), lines)
    return {**base, **given}


def _graft(recipe: Marked, at: KeyPath, lines: dict[KeyPath, Mark]) -> None:
    for path, mark in recipe.lines.items():
        if path[: len(at)] == at:
            lines[path] = mark
