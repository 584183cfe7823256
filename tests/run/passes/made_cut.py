"""A pass for tests: takes a word out of all texts, and tells in a table how often it stood in each unit."""

from functools import partial

import pyarrow as pa
from pydantic import Field

from pipeline.corpus import Corpus, CorpusUnit
from pipeline.stage import Label, Options, Pass, Rule, column
from pipeline.store import ParquetSink, join

TABLE = pa.schema(
    [pa.field("word", pa.string()), pa.field("unit", pa.string()), pa.field("times", pa.int64())]
)


class CutOptions(Options):
    """What is taken out."""

    word: str = Field(default="harbour", description="is taken out wherever it stands")
    crooked: bool = Field(default=False, description="spans that cut a character in two")
    below: int = Field(default=1 << 60, description="only out of texts shorter than this, tokens")


def spans(text: str, word: str) -> list[int]:
    """Bytes at which the word starts and ends, each time that it stands in the text."""
    whole, found = text.encode(), []
    at = whole.find(word.encode())
    while at >= 0:
        found += [at, at + len(word.encode())]
        at = whole.find(word.encode(), at + len(word.encode()))
    return found


def _count(word: str, unit: CorpusUnit) -> int:
    return sum(
        text.count(word) for table in unit.read(("text",)) for text in table.column("text").to_pylist()
    )


def _label(name: str, options: CutOptions, unit: CorpusUnit) -> pa.Table:
    found, alone = [], []
    for table in unit.read(("text", "tokens")):
        for text, tokens in zip(
            *(table.column(each).to_pylist() for each in ("text", "tokens")), strict=True
        ):
            at = spans(text, options.word) if tokens < options.below else []
            found.append([each + options.crooked for each in at])
            alone.append(len(at) // 2)
    return pa.table({f"{name}_spans": pa.array(found, pa.list_(pa.int64())), f"{name}_times": alone})


def _run(name: str, corpus: Corpus, options: CutOptions) -> Label:
    counts = list(corpus.map(partial(_count, options.word), corpus.units, f"{name}: count"))
    with ParquetSink(join(corpus.tables, f"{name}_words", "0.parquet"), TABLE) as sink:
        for unit, count in zip(corpus.units, counts, strict=True):
            sink.write(pa.table([[options.word], [unit.name], [count]], TABLE))
    return partial(_label, name, options)


def cutting(name: str) -> Pass:
    """The pass under that name."""
    return Pass(
        name=name,
        reads=("text", "tokens"),
        adds=pa.schema(
            [
                column(f"{name}_spans", pa.list_(pa.int64()), unit="bytes", about="taken out: start, end …"),
                column(f"{name}_times", pa.int64(), unit="times", about="how often the word stood there"),
            ]
        ),
        run=partial(_run, name),
        rules=(Rule(f"{name}_empty", "bytes = 0"), Rule(f"{name}_short", "tokens < 3")),
        options=CutOptions,
        about="Takes a word out of all texts.",
        cuts=f"{name}_spans",
        tables={f"{name}_words": "How often the word stood in each unit"},
    )


PASS = cutting("made_cut")
