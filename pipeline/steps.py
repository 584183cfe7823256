"""Every name that a run file may use, and the module that stands behind it.

To add a step: write its module, add one line here and one test. Modules are imported on use, so a
run loads only what it names.
"""

import importlib
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

import pyarrow as pa
from pydantic import BaseModel

from pipeline.errors import ContractError
from pipeline.source import Source
from pipeline.stage import Options, Pass, Stage, configured

Step = TypeVar("Step", Source, Stage, Pass)

# `read: NAME` of a source; the module exports SOURCE.
SOURCES: dict[str, str] = {
    "commoncrawl": "pipeline.sources.commoncrawl",
    "warc": "pipeline.sources.warc",
    "wet": "pipeline.sources.wet",
    "parquet": "pipeline.sources.parquet",
    "jsonl": "pipeline.sources.jsonl",
    "files": "pipeline.sources.files",
    "wikipedia": "pipeline.sources.wikipedia",
    "github": "pipeline.sources.github",
    "arxiv": "pipeline.sources.arxiv",
    "stackexchange": "pipeline.sources.stackexchange",
    "c4": "pipeline.sources.c4",
    "gutenberg": "pipeline.sources.gutenberg",
}

# A step of a source, in any order; the module exports STAGE.
STAGES: dict[str, str] = {
    "extract": "pipeline.sources.html",
    "language": "classifiers.language",
    "line_language": "classifiers.line_language",
    "toxicity": "classifiers.toxicity",
    "classify": "classifiers.classify",
    "statistics": "filters.statistics",
    "readability": "filters.readability",
    "scripts": "filters.scripts",
    "leftovers": "filters.leftovers",
    "encoding": "filters.encoding",
    "encoding_repair": "filters.encoding_repair",
    "gopher": "filters.gopher",
    "gopher_repetition": "filters.gopher_repetition",
    "c4_lines": "filters.c4_lines",
    "c4": "filters.c4",
    "c4_paragraphs": "filters.c4_paragraphs",
    "refinedweb": "filters.refinedweb",
    "dclm": "filters.dclm",
    "fineweb": "filters.fineweb",
    "ngram_coverage": "filters.ngram_coverage",
    "ngram_coverage_lines": "filters.ngram_coverage_lines",
    "redpajama2": "filters.redpajama2",
    "stop_words": "filters.stop_words",
    "thresholds": "filters.thresholds",
    "blocklist": "filters.blocklist",
    "dirty_words": "filters.dirty_words",
    "personal_data": "filters.personal_data",
    "mask": "filters.mask",
    "license_header": "filters.license_header",
    "code": "filters.code",
    "the_stack": "filters.the_stack",
    "datatrove": "filters.datatrove",
    "tokens": "mixtures.tokens",
}

# A step of `across`; the module exports PASS.
PASSES: dict[str, str] = {
    "url": "dedup.url",
    "exact": "dedup.exact",
    "minhash": "dedup.minhash",
    "containment": "dedup.containment",
    "substrings": "dedup.substrings",
    "contamination": "dedup.contamination",
    "lines": "dedup.lines",
    "paragraphs": "dedup.paragraphs",
    "semantic": "dedup.semantic",
    "kl_divergence": "filters.kl_divergence",
    "domains": "filters.domains",
    "percentiles": "classifiers.percentiles",
}

# The module that draws the corpus; it exports MixtureOptions, problems() and draw().
MIXTURE = "mixtures.draw"

# The module that writes the dataset card; it exports card().
CARD = "mixtures.card"

# The module that says what `winnow thresholds` derives; it exports SIGNALS and language_names().
THRESHOLDS = "filters.thresholds"

# The module that makes a static embedding of a model; it exports distil().
DISTIL = "embedding.distil"

# The module of `winnow train`; it exports Asked, check(), train(), summary() and `inputs`.
TRAIN = "classifiers.training.train"

# The module that asks a language model for labels; it exports label(), and what that takes.
LABEL = "classifiers.labelling.label"

# The module that shows labels to a person; it exports review().
REVIEW = "classifiers.labelling.review"


def source_reader(name: str) -> Source:
    """The reader of that name; KeyError where there is none."""
    return _load(SOURCES, name, "SOURCE", Source)


def stage(name: str, options: Options | None = None) -> Stage:
    """The stage of that name, as it is with these options; KeyError where there is none."""
    found = _load(STAGES, name, "STAGE", Stage)
    return found if options is None else configured(found, options)


def pass_(name: str, options: Options | None = None) -> Pass:
    """The pass of that name, as it is with these options; KeyError where there is none."""
    found = _load(PASSES, name, "PASS", Pass)
    return found if options is None else configured(found, options)


def mixture_options() -> type[BaseModel]:
    """The options of the mixture: tokens, weights, epochs and shards."""
    options: type[BaseModel] = importlib.import_module(MIXTURE).MixtureOptions
    return options


def mixture_problems(
    options: Any, schema: pa.Schema, sources: Mapping[str, pa.Schema]
) -> Sequence[tuple[tuple[str, ...], str]]:
    """What a mixture asks that the columns cannot answer: where it stands in `mixture`, and what is wrong.

    schema    columns of all sources together; `sources`, those of each
    """
    return list(importlib.import_module(MIXTURE).problems(options, schema, sources))


def adding(column: str) -> list[str]:
    """The steps that add this column (not those that edit it), in the order of the tables. Imports
    all of them."""
    steps: list[Stage | Pass] = [*map(stage, STAGES), *map(pass_, PASSES)]
    return [step.name for step in steps if column in step.adds.names and column not in step.reads]


def _load(table: Mapping[str, str], name: str, attribute: str, kind: type[Step]) -> Step:
    module = importlib.import_module(table[name])
    step = getattr(module, attribute, None)
    if not isinstance(step, kind):
        raise ContractError(f"{table[name]}: expected {attribute}, a {kind.__name__}, found {step!r}")
    if step.name != name:
        raise ContractError(f"{table[name]}: its {attribute} is named {step.name!r}, the table says {name!r}")
    return step
