"""Main text from HTML, by Trafilatura or Resiliparse, each page where it can do no harm.

A page on which the extractor raises, hangs, crashes or takes too much memory gets the reason in
`extract_error` and an empty text; the run goes on.
"""

import importlib.metadata
from collections.abc import Callable, Sequence
from typing import Literal

import pyarrow as pa
from pydantic import Field

from pipeline.batch import Batch
from pipeline.isolate import Failure, Isolated
from pipeline.sources import extractors
from pipeline.stage import Options, Rule, Stage, column

COLUMNS = [
    column("text", pa.string(), about="main text of the page; empty where there is none"),
    column("title", pa.string(), about="what stands in <title>; empty where there is none"),
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
    seconds: float = Field(default=10.0, gt=0, description="CPU seconds that one page may take")
    memory_mb: int = Field(default=1536, ge=64, description="MB of memory that one page may take")


def open_extract(options: ExtractOptions) -> Callable[[Batch], Sequence[pa.Array]]:
    """Starts no process yet: the first page does."""
    extract = Isolated(
        f"{extractors.__name__}:{options.engine}", {}, options.seconds, options.memory_mb * 1_000_000
    )

    def measure(batch: Batch) -> list[pa.Array]:
        texts, titles, errors = [], [], []
        for page in batch.column("html").cast(pa.large_binary()):
            outcome = extract(page.as_py() or b"")
            if isinstance(outcome, Failure):
                title, text, error = "", "", outcome.reason
            else:
                title, text = extractors.unpacked(outcome)
                error = ""
            texts.append(text)
            titles.append(title)
            errors.append(error)
        return [pa.array(values, pa.string()) for values in (texts, titles, errors)]

    return measure


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
    about="main text and title of an HTML page, in a process of its own with limits",
    paper="Barbaresi 2021 (Trafilatura); Bevendorff et al. 2018 (Resiliparse)",
    unless="text",
    expensive=True,
    fingerprint=fingerprint,
)
