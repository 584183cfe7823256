"""Lines that many documents have: navigation, cookie banners, but also what is often quoted (Llama 3)

Llama 3 removed "lines that appeared more than 6 times in each bucket of 30M documents", in the manner of
CCNet, and within the documents of each language (`within: [language]`). So times are counted, not
documents, and all of them go. The report does not say how documents were put into buckets, nor what of a
line was compared; see `dedup/repeated/copies.py` for the one and the option `normalise` for the other.
"""

from pydantic import Field, model_validator

from dedup import scope
from dedup.repeated import copies as line_copies
from dedup.repeated.counts import Method
from pipeline.corpus import Corpus
from pipeline.stage import Label, Options, Pass

COLUMNS = line_copies.columns("lines")


class LinesOptions(Options):
    """Options of the pass `lines`."""

    more_than: line_copies.MoreThan = 6
    bucket: line_copies.Bucket = 30_000_000
    count: line_copies.Count = "times"
    normalise: line_copies.NormaliseOption = "whitespace"
    unit: line_copies.UnitOption = "line"
    keep: line_copies.Keep = "none"
    once: line_copies.Once = False
    least: line_copies.Least = 0
    listed: line_copies.Listed = 5000
    sources: scope.Sources = Field(default=(), description=scope.SOURCES)
    within: scope.Within = Field(default=(), description=scope.WITHIN)

    @model_validator(mode="after")
    def _columns_of_the_table(self) -> "LinesOptions":
        line_copies.check_within(self.within, "lines_frequent")
        return self


def _method(options: LinesOptions) -> Method:
    return Method("lines", **options.model_dump())


def _run(corpus: Corpus, options: LinesOptions) -> Label:
    return line_copies.run(corpus, _method(options))


PASS: Pass = Pass(
    name="lines",
    reads=("text",),
    adds=COLUMNS,
    run=_run,
    rules=line_copies.rules("lines"),
    options=LinesOptions,
    about="Cuts out lines that are seen too often across documents.",
    paper="Grattafiori et al. 2024, The Llama 3 Herd of Models, section 3.1.1, arXiv:2407.21783",
    describe=lambda options: line_copies.describe(_method(options)),
    fingerprint=line_copies.fingerprint,
    of=lambda options: scope.reading(PASS, options.within),
    cuts="lines_cuts",
    tables={"lines_frequent": "lines that were seen too often, the most frequent first"},
)
