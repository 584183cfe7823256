"""Paragraphs that other documents have too (CCNet)

CCNet's paragraphs are lines of the text. cc_net removes one from all documents when more than one of a
group of 50 shards has it ("this is what is done in the paper", its code says of removing the first too);
of one that a document repeats, the first stays. A shard holds about 1.6 million documents, so a bucket of
80 million stands for 50 shards. Languages are not told apart: CCNet removes the paragraphs first, and
English banners from pages in other languages with them.

Where paper and code differ the code is followed: it leaves accents and ASCII punctuation as they are;
`normalise: words` is nearer to the paper. It drops a document of which no line is left (the rule).
Two things differ here: blank lines do not count as copies of each other, and the 64 bits by which
paragraphs are compared are not SHA-1's. `unit: paragraph` takes lines between blank lines together.
"""

from pydantic import Field, model_validator

from dedup import scope
from dedup.repeated import copies as line_copies
from dedup.repeated.counts import Method
from pipeline.corpus import Corpus
from pipeline.stage import Label, Options, Pass

COLUMNS = line_copies.columns("paragraphs")


class ParagraphsOptions(Options):
    """Options of the pass `paragraphs`."""

    more_than: line_copies.MoreThan = 1
    bucket: line_copies.Bucket = 80_000_000
    count: line_copies.Count = "documents"
    normalise: line_copies.NormaliseOption = "ccnet"
    unit: line_copies.UnitOption = "line"
    keep: line_copies.Keep = "none"
    once: line_copies.Once = True
    least: line_copies.Least = 0
    listed: line_copies.Listed = 5000
    sources: scope.Sources = Field(default=(), description=scope.SOURCES)
    within: scope.Within = Field(default=(), description=scope.WITHIN)

    @model_validator(mode="after")
    def _columns_of_the_table(self) -> "ParagraphsOptions":
        line_copies.check_within(self.within, "paragraphs_frequent")
        return self


def _method(options: ParagraphsOptions) -> Method:
    return Method("paragraphs", **options.model_dump())


def _run(corpus: Corpus, options: ParagraphsOptions) -> Label:
    return line_copies.run(corpus, _method(options))


PASS: Pass = Pass(
    name="paragraphs",
    reads=("text",),
    adds=COLUMNS,
    run=_run,
    rules=line_copies.rules("paragraphs"),
    options=ParagraphsOptions,
    about="Cuts out paragraphs (lines of a text, to CCNet) that other documents have too.",
    paper="Wenzek et al. 2020, CCNet, sections 3.2 and 4, arXiv:1911.00359",
    describe=lambda options: line_copies.describe(_method(options)),
    fingerprint=line_copies.fingerprint,
    of=lambda options: scope.reading(PASS, options.within),
    cuts="paragraphs_cuts",
    tables={"paragraphs_frequent": "paragraphs that were seen too often, the most frequent first"},
)
