"""Main text from HTML, by Trafilatura or Resiliparse, each page where it can do no harm.

Formulas are kept as TeX and code with its white space. What the page states of its language, its date
of publication and its licence goes into columns.

A page on which the extractor raises, hangs, crashes or takes too much memory gets the reason in
`extract_error` and an empty text; the run goes on.
"""

import importlib.metadata
from collections.abc import Callable, Sequence
from typing import Literal

import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field

from pipeline.batch import Batch
from pipeline.isolate import Failure, Isolated
from pipeline.source import STATED_LANGUAGE
from pipeline.sources.pages import extractors
from pipeline.sources.pages.marks import marks
from pipeline.stage import Options, Rule, Stage, column

COLUMNS = [
    column("text", pa.string(), about="main text of the page; empty where there is none"),
    column("title", pa.string(), about="what stands in <title>; empty where there is none"),
    column(
        "stated_language",
        pa.string(),
        about=str(STATED_LANGUAGE.metadata[b"about"], "ascii"),
        nullable=True,
    ),
    column("published", pa.timestamp("us"), "UTC", "date of publication that the page states", nullable=True),
    column(
        "license", pa.string(), about="SPDX identifier of the licence that the page states", nullable=True
    ),
    column("extract_error", pa.string(), about="why there is no text from this page; empty if all went well"),
]

RULES = (
    Rule("extract_error", "extract_error <> ''"),
    Rule("extract_empty", "extract_error = '' AND trim(text) = ''"),
)


class ExtractOptions(Options):
    """Options of the stage `extract`."""

    engine: Literal["trafilatura", "resiliparse"] = Field(
        default="trafilatura",
        description="trafilatura: FineWeb's choice and settings; resiliparse: ten times as fast, coarser",
    )
    structure: bool = Field(
        default=True,
        description="keep formulas as TeX, and code with its line breaks and indentation, between fences",
    )
    seconds: float = Field(default=10.0, gt=0, description="CPU seconds that one page may take")
    memory_mb: int = Field(default=1536, ge=64, description="MB of memory that one page may take")


def open_extract(options: ExtractOptions) -> Callable[[Batch], Sequence[pa.Array]]:
    """Starts no process yet: the first page does."""
    extract = Isolated(
        f"{extractors.__name__}:{options.engine}",
        {"structure": options.structure},
        options.seconds,
        options.memory_mb * 1_000_000,
    )

    def measure(batch: Batch) -> list[pa.Array]:
        answers, errors = [], []
        pages = batch.column("html").cast(pa.large_string())
        for page, marked in zip(pages.cast(pa.large_binary()), marks(pages).tolist(), strict=True):
            outcome = extract(bytes((marked,)) + (page.as_py() or b""))
            if isinstance(outcome, Failure):
                answers.append(_NOTHING)
                errors.append(outcome.reason)
            else:
                answers.append(extractors.unpacked(outcome))
                errors.append("")
        known = [_before(batch, name) for name in ("stated_language", "license")]
        return [
            pa.array([answer.text for answer in answers], pa.string()),
            pa.array([answer.title for answer in answers], pa.string()),
            pc.coalesce(pa.array([answer.language for answer in answers], pa.string()), known[0]),
            pa.array([answer.published for answer in answers], pa.timestamp("us")),
            pc.coalesce(pa.array([answer.license for answer in answers], pa.string()), known[1]),
            pa.array(errors, pa.string()),
        ]

    return measure


_NOTHING = extractors.Answer("", None, None, None, "")


def _before(batch: Batch, name: str) -> pa.Array:
    """What the source says itself, of HTTP's header fields for one: it counts where the page says nothing."""
    if name in batch.table.column_names:
        return batch.column(name)
    return pa.nulls(len(batch), pa.string())


def fingerprint(options: ExtractOptions) -> str:
    """The extractor's version: another one finds other text."""
    return f"{options.engine} {importlib.metadata.version(options.engine)}"


STAGE = Stage(
    "extract",
    reads=("html",),
    adds=pa.schema(COLUMNS),
    open=open_extract,
    rules=RULES,
    options=ExtractOptions,
    about="main text of an HTML page, title, and what it states of language, date and licence; in a process "
    "of its own with limits",
    paper="Barbaresi 2021 (Trafilatura); Bevendorff et al. 2018 (Resiliparse)",
    replaces=("stated_language", "license"),
    unless="text",
    expensive=True,
    fingerprint=fingerprint,
)
