"""The run file: YAML in, one checked and typed Config out, or a PlanError that names every fault.

corpus: cc-sample
output: out/cc-sample
sources:
  web:
    read: warc
    paths: ["crawl/*.warc.gz"]
    steps: [{recipe: fineweb}]
across: [exact, minhash]
mixture: {tokens: all}
"""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from pipeline import benchmarks, marks, steps
from pipeline.corpus_recipe import completed
from pipeline.errors import PlanError
from pipeline.faults import Faults, choose, explain, show
from pipeline.marks import KeyPath, Mark, Marked
from pipeline.recipe import StepConfig, check_rule_names, read_steps
from pipeline.stage import Options
from pipeline.tripwires import KEY as TRIPWIRES
from pipeline.tripwires import Tripwires, read_tripwires

NAME = re.compile(r"[A-Za-z0-9_.-]{1,100}")
SOURCE_KEYS = ("read", "paths", "steps")


class RunFile(BaseModel):
    """The keys of a run file, before its steps are looked up."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    recipe: str | None = Field(
        default=None, description="a recipe of a whole corpus, for all that this file does not say"
    )
    corpus: str = Field(description="name of the corpus: letters, digits, '_', '.' and '-'")
    output: str = Field(
        min_length=1, description="folder that the run writes to, local or s3://, gs://, hf://"
    )
    seed: int = Field(default=0, ge=0, lt=1 << 63, description="seed of every draw and shuffle")
    sources: dict[str, dict[str, Any]] = Field(description="what is read, by a name of your choice")
    across: Any = Field(default=None, description="steps over all sources together: passes, stages and rules")
    benchmarks: Any = Field(
        default=None,
        description="what the corpus must not hold: a folder or file of benchmarks, a list of them, or names "
        "with their paths; none: nothing is looked for",
    )
    mixture: dict[str, Any] | None = Field(default=None, description="what is drawn from what survives")
    tripwires: Any = Field(
        default=None,
        description="when a pass or rule that removes nothing, or nearly all, stops the run before the "
        "mixture; off: never",
    )
    index: str = Field(
        default="",
        description="folder that gets an index of what survives, which the passes of later runs are given as "
        "`against`",
    )
    storage: dict[str, dict[str, Any]] | None = Field(
        default=None, description="arguments of file systems by protocol; they never change the result"
    )


@dataclass(frozen=True)
class SourceConfig:
    """One source: `options` are those that its reader declares, checked.

    paths   empty where the reader finds its files by its options
    """

    name: str
    read: str
    paths: tuple[str, ...]
    options: Options
    steps: tuple[StepConfig, ...]
    file: str
    line: int
    paths_line: int


@dataclass(frozen=True)
class Config:
    """A run file whose every name and option is known to be good; columns are checked by the plan.

    mixture    the options that mixtures/ declares (`steps.mixture_options()`); `mixture_marks`, where each
               key below `mixture` stands
    tripwires  None where they are off; `tripwires_line`, where they stand, None where nothing is said
    index      folder for the index of what survives, "" for none; `index_line`, where it stands
    recipe     the recipe of a whole corpus that the file is based on, "" for none
    left_out   sources of that recipe that the file does not name
    no_benchmarks  whether the file says that nothing is to be decontaminated
    """

    corpus: str
    output: str
    seed: int
    sources: Mapping[str, SourceConfig]
    across: tuple[StepConfig, ...]
    mixture: Any
    storage: Mapping[str, Mapping[str, Any]]
    file: str
    mixture_mark: Mark
    mixture_marks: Mapping[KeyPath, Mark]
    recipe: str = ""
    left_out: tuple[str, ...] = ()
    tripwires: Tripwires | None = None
    tripwires_line: int | None = None
    index: str = ""
    index_line: int | None = None
    no_benchmarks: bool = False


def load(path: str) -> Config:
    """Reads and checks a run file. Raises PlanError: all faults found, each with file and line."""
    return read(marks.load(path))


def read(marked: Marked) -> Config:
    """Checks the content of a run file."""
    faults = Faults()
    if not isinstance(marked.data, dict):
        found = "an empty file" if marked.data is None else show(marked.data)
        needed = ", ".join(name for name, known in RunFile.model_fields.items() if known.is_required())
        raise PlanError(f"expected a run file with the keys {needed}; found {found}", marked.file, 1)
    try:
        run = RunFile.model_validate(marked.data)
    except ValidationError as error:
        explain(faults, error, RunFile, marked, (), "run file")
        run = None
    stated = marked.data.get("sources")
    marked, left_out = completed(marked, faults)
    marked = benchmarks.with_benchmarks(marked, faults)
    data = marked.data
    output = data.get("output")
    if isinstance(output, str) and re.fullmatch(r"\w+:/*", output):
        faults.add(f"output {output!r}: expected a folder or bucket behind it", marked.mark(("output",)))
    _check_name("corpus", data.get("corpus"), marked.mark(("corpus",)), faults)
    named = data["sources"] if isinstance(data.get("sources"), dict) else {}
    faulty = [name for name in stated if name not in named] if isinstance(stated, dict) else []
    sources = {} if faulty and not named else _read_sources(marked, data.get("sources"), faults)
    across = tuple(read_steps(marked, ("across",), data.get("across"), faults, across=True))
    for source in sources.values():
        check_rule_names([*source.steps, *across], faults)
    if not sources:
        check_rule_names(list(across), faults)
    mixture = _read_mixture(marked, data.get("mixture"), list(named), faulty, faults)
    steps_read = [step for source in sources.values() for step in source.steps]
    tripwires = read_tripwires(marked, data.get(TRIPWIRES), [*steps_read, *across], faults)
    faults.stop()
    assert run is not None and mixture is not None  # each leaves a fault where it is missing
    return Config(
        run.corpus,
        os.path.expanduser(run.output.removeprefix("file://")),
        run.seed,
        sources,
        across,
        mixture,
        run.storage or {},
        marked.file,
        marked.mark(("mixture",)),
        {path[1:]: mark for path, mark in marked.lines.items() if path[:1] == ("mixture",)},
        run.recipe or "",
        left_out,
        tripwires,
        marked.mark((TRIPWIRES,)).line if TRIPWIRES in data else None,
        os.path.expanduser(run.index.removeprefix("file://")),
        marked.mark(("index",)).line,
        benchmarks.refused(data),
    )


def _check_name(what: str, name: Any, mark: Mark, faults: Faults) -> None:
    if isinstance(name, str) and (not NAME.fullmatch(name) or name.startswith(".")):
        faults.add(
            f"{what} {name!r}: a name becomes part of file names; expected at most 100 "
            "letters, digits, '_', '-' and '.', not starting with '.'",
            mark,
        )


def _read_sources(marked: Marked, value: Any, faults: Faults) -> dict[str, SourceConfig]:
    if not isinstance(value, dict):
        return {}  # reported with the run file's own keys
    if not value:
        faults.add("sources: there is none; name at least one", marked.mark(("sources",)))
    sources = {}
    for name, given in value.items():
        _check_name("source", name, marked.mark(("sources", name)), faults)
        if isinstance(given, dict):
            source = _read_source(marked, name, given, faults)
            if source is not None:
                sources[name] = source
    return sources


def _read_source(marked: Marked, name: str, given: dict[str, Any], faults: Faults) -> SourceConfig | None:
    at = ("sources", name)
    found = read_steps(marked, (*at, "steps"), given.get("steps"), faults)
    reader = given.get("read")
    paths = given.get("paths")
    if isinstance(paths, str):
        paths = [paths]
    if paths is None and "paths" not in given and _finds_inputs(reader):
        paths = []
    elif (
        not isinstance(paths, list) or not paths or not all(isinstance(each, str) and each for each in paths)
    ):
        faults.add(
            f"source {name}: expected paths, a list of files or patterns ('crawl/*.warc.gz'), "
            f"found {show(paths)}",
            marked.mark((*at, "paths")),
        )
        paths = None
    if not isinstance(reader, str) or reader not in steps.SOURCES:
        known = list(steps.SOURCES)
        problem = (
            f"read is {show(reader)}; {choose(reader if isinstance(reader, str) else '', known)}"
            if "read" in given
            else f"key 'read' is missing; expected one of {', '.join(known)}"
        )
        faults.add(f"source {name}: {problem}", marked.mark((*at, "read")))
        return None
    model = steps.source_reader(reader).options
    try:
        options = model.model_validate({key: each for key, each in given.items() if key not in SOURCE_KEYS})
    except ValidationError as error:
        explain(faults, error, model, marked, at, f"source {name} ({reader})", SOURCE_KEYS)
        return None
    if paths is None:
        return None
    return SourceConfig(
        name, reader, tuple(paths), options, tuple(found), *marked.mark(at), marked.mark((*at, "paths")).line
    )


def _finds_inputs(reader: Any) -> bool:
    """Whether this reader can do without paths: it finds its files by its options."""
    return isinstance(reader, str) and reader in steps.SOURCES and bool(steps.source_reader(reader).inputs)


def _read_mixture(
    marked: Marked, value: Any, sources: list[str], faulty: list[str], faults: Faults
) -> BaseModel | None:
    at = ("mixture",)
    if value is not None and not isinstance(value, dict):
        return None  # reported with the run file's own keys
    given = value or {}
    weights = given.get("weights")
    if isinstance(weights, dict) and weights:
        weighed = [name for name in weights if name not in faulty]  # these have their fault already
        _check_weights(marked, (*at, "weights"), weighed, sources, faults)
    repeat = given.get("repeat")
    for name in repeat if isinstance(repeat, dict) else ():
        if name not in sources and name not in faulty:
            faults.add(
                f"mixture: repeat for {name!r}, which is not a source; {choose(name, sources)}",
                marked.mark((*at, "repeat", name)),
            )
    held = given.get("downsample")
    chosen = held.get("sources") if isinstance(held, dict) else None
    for name in chosen if isinstance(chosen, list) else [chosen] if isinstance(chosen, str) else ():
        if name not in sources and name not in faulty:
            faults.add(
                f"mixture: downsample of {name!r}, which is not a source; {choose(str(name), sources)}",
                marked.mark((*at, "downsample", "sources")),
            )
    model = steps.mixture_options()
    try:
        return model.model_validate(given)
    except ValidationError as error:
        explain(faults, error, model, marked, at, "mixture")
        return None


def _check_weights(
    marked: Marked, at: KeyPath, weighed: list[str], sources: list[str], faults: Faults
) -> None:
    for name in weighed:
        if name not in sources:
            faults.add(
                f"mixture: weight for {name!r}, which is not a source; {choose(name, sources)}",
                marked.mark((*at, name)),
            )
    for name in sources:
        if name not in weighed:
            faults.add(
                f"mixture: source {name!r} has no weight; add '{name}: 0' to leave it out", marked.mark(at)
            )
