"""Substrings: spans of bytes that stand at several places of the corpus, cut out or reported.

ExactSubstr of Lee et al. 2022 (Deduplicating Training Data Makes Language Models Better, section 4.1,
arXiv:2107.06499): what is repeated is every window of `length` bytes that occurs more than once, and a
document's spans are the union of its windows. Which copy stays is where the two that use it differ: Lee
et al. strike all of them (`keep: none`); Dolma 3's bsade lets the first one of the corpus stay (`keep:
first`, the default, with its 500 bytes). Windows that overlap within one document count in both, and
here: of a text that repeats the same few bytes one period stays.

Both build a suffix array, 8 bytes and more in memory for each byte of text. Here windows find their
equals by hashes of content-defined blocks, in three rounds over files: runs of windows with one anchor,
blocks of about √length windows, single windows (dedup/repeated/rounds.py, text/winnowing.py). Nothing is
sampled: two equal windows have equal anchors at the same distance, so they fall into blocks with the same
core, and a block is dropped only if its core is found nowhere else. That windows are equal is
concluded from two hashes of 61 bits, of the bytes of the block and of its anchor; of windows that differ
around an anchor that they share, each pair is confused with a probability of at most length / 2^60.

The first copy is that of the earliest document: sources in the order of the run file, units in the order
of the plan, documents in the order of their unit. Cutting units otherwise changes nothing as long as the
documents come in the same order. Bytes are compared as they stand. A span is cut inwards to whole
characters, so a window may lose up to three bytes at either end.

A unit's task holds a batch of texts and, of its unit, 8 bytes for each block that has a copy; a partition's
task the hashes of its partition, in all about a third of a byte for each byte of text. There are so many
partitions that each is of half a gigabyte of texts at most.
"""

from collections.abc import Iterator, Sequence
from functools import partial

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pydantic import Field

from dedup import scope
from dedup.living import text_bytes
from dedup.repeated.rounds import (
    Keep,
    Numbers,
    Round,
    Search,
    Spans,
    read_round,
    write_answers,
    write_pieces,
    write_runs,
)
from dedup.scope import SOURCES, WITHIN, Sources, Within
from pipeline.corpus import Corpus, CorpusUnit
from pipeline.exchange import part_of, read_part, schema_of, write_parts
from pipeline.stage import Label, Options, Pass, Rule, column
from pipeline.store import ParquetSink, join, make_folder, parquet_file
from text.hashing import hash128
from text.spans import gather
from text.strings import Strings
from text.winnowing import firsts

_FINER = 8  # pieces of hashes to a partition, at least: they are many more than a document's keys
_PIECE_BYTES = 1 << 29  # of texts whose hashes are a piece, at most
_EXAMPLES = 3  # ids told of a span
_SHOWN = 200  # bytes told of a span
_WORD = 64  # bytes in which a word ends

COLUMNS = pa.schema(
    [
        column("substrings_cuts", pa.list_(pa.int64()), "bytes", "start, end, start … of what is repeated"),
        column("substrings_bytes", pa.int64(), "bytes", "in repeated spans"),
        column("substrings_share", pa.float64(), "share of bytes", "in repeated spans"),
        column("substrings_spans", pa.int64(), "spans", "repeated, each as long as it gets"),
    ]
)

# Nothing is published of documents of which nothing is left.
RULES = (Rule("substrings_empty", "substrings_share = 1"),)

TABLES = {"repeated_substrings": "the spans cut most often, as whole words, and documents that have them"}
_TABLE = pa.schema(
    [
        column("text", pa.string(), about=f"the first {_SHOWN} bytes"),
        column("bytes", pa.int64(), "bytes"),
        column("times", pa.int64(), "spans", "with these bytes; the copy that stays is none"),
        column("documents", pa.int64(), "documents", "that have such a span"),
        column("ids", pa.list_(pa.string()), about=f"of the first {_EXAMPLES} of these"),
    ]
)
_SEEN = schema_of(
    hash=pa.uint64(), check=pa.uint64(), bytes=pa.int64(), times=pa.int64(), documents=pa.int64(),
    text=pa.large_string(), id=pa.large_string(),
)  # fmt: skip
_MOST = pa.schema([*(field for field in _TABLE), *(_SEEN.field(name) for name in ("hash", "check"))])


class SubstringsOptions(Options):
    """Options of the pass `substrings`."""

    length: int = Field(default=500, ge=4, le=1 << 20, description="bytes of the shortest span that counts")
    keep: Keep = Field(
        default="first",
        description="first: the first copy of the corpus stays, as in Dolma 3; none: no copy does, as in "
        "Lee et al.",
    )
    cut: bool = Field(default=True, description="take the spans out of the texts; false: only report them")
    listed: int = Field(
        default=1000, ge=0, le=1_000_000, description="rows of the table of the spans cut most often"
    )
    sources: Sources = Field(default=(), description=SOURCES)
    within: Within = Field(default=(), description=WITHIN)


def describe(options: SubstringsOptions) -> list[str]:
    """What is taken out, for the plan."""
    copies = "all copies" if options.keep == "none" else "all copies but the first of the corpus"
    done = "are taken out of the texts" if options.cut else "are reported, and stay in the texts"
    return [
        *scope.describe(options.sources, options.within),
        f"spans of {options.length:,} bytes or more that are repeated: {copies} {done}",
    ]


def _inwards(strings: Strings, spans: Spans) -> Spans:
    """The spans without the parts of characters at their ends; those of which nothing is left go."""
    base, upto = strings.offsets[spans.text], strings.offsets[spans.text + 1]
    start, end = base + spans.start, base + spans.end
    for _ in range(3):
        start = start + (_follows(strings, np.minimum(start, upto - 1)) & (start < end))
        end = end - ((end < upto) & _follows(strings, np.minimum(end, upto - 1)) & (start < end))
    kept = start < end
    return Spans(spans.text[kept], (start - base)[kept], (end - base)[kept])


def _follows(strings: Strings, at: Numbers) -> NDArray[np.bool_]:
    """Whether each byte is the second or a later one of a character."""
    return np.asarray(strings.data[at] & 0xC0 == 0x80, np.bool_)


def _write_spans(search: Search, folder: str, answers: Sequence[str], before: Round) -> str:
    """Writes a unit's labels, and its spans cut by the hash of their bytes."""
    seen = join(folder, "seen", f"{before.unit.index:06d}.parquet")
    with ParquetSink(_labels_of(folder, before.unit), COLUMNS) as sink:

        def pieces() -> Iterator[tuple[pa.Table, NDArray[np.int64]]]:
            for table, _, found, _ in read_round(search, answers, before):
                strings = Strings.of(table.column("text"))
                spans = _inwards(strings, found)
                sink.write(_labels(strings, spans))
                rows = _seen(strings, table.column("id"), spans)
                yield rows, part_of(rows.column("hash").to_numpy(), search.parts)

        write_parts(seen, _SEEN, pieces(), search.parts)
    return seen


def _labels_of(folder: str, unit: CorpusUnit) -> str:
    """The file of a unit's labels. Found by name: a list of all would go to each task that labels."""
    return join(folder, "labels", f"{unit.index:06d}.parquet")


def _labels(strings: Strings, spans: Spans) -> pa.Table:
    n = len(strings)
    counts = np.bincount(spans.text, minlength=n)
    cuts = np.stack([spans.start, spans.end], axis=1).ravel()
    offsets = np.append(0, np.cumsum(2 * counts)).astype(np.int32)
    upto = np.append(0, np.cumsum(spans.end - spans.start))
    size = upto[offsets[1:] // 2] - upto[offsets[:-1] // 2]
    share = size / np.maximum(np.diff(strings.offsets), 1)
    return pa.table([pa.ListArray.from_arrays(offsets, cuts), size, share, counts], schema=COLUMNS)


def _words(strings: Strings, spans: Spans) -> Spans:
    """The spans without parts of words and white space at their ends, where these are short.

    By chance a copy has the same letter or full stop before it as the first one has; with that it would
    be another span in the table.
    """
    if len(spans.text) == 0:
        return spans
    first, upto = strings.offsets[spans.text], strings.offsets[spans.text + 1]
    start, end = first + spans.start, first + spans.end
    steps = np.arange(_WORD)
    black = strings.data > ord(" ")
    taken = []
    for edge, outside, has_outside, places in (
        (start, start - 1, start > first, start[:, None] + steps),
        (end - 1, end, end < upto, end[:, None] - 1 - steps),
    ):
        cut = has_outside & black[np.where(has_outside, outside, edge)] & black[edge]
        seen = black[np.clip(places, start[:, None], end[:, None] - 1)]
        word = np.where(cut, np.argmin(seen, axis=1), 0)[:, None]
        taken.append(np.argmax(seen & (steps >= word), axis=1))
    whole = taken[0] + taken[1] < end - start
    before, behind = (count * whole for count in taken)
    return Spans(spans.text, spans.start + before, spans.end - behind)


def _seen(strings: Strings, ids: pa.ChunkedArray, spans: Spans) -> pa.Table:
    """One row for each different span of a batch and document, of no more documents than are told; the
    first of each carries its text and all counts."""
    spans = _words(strings, spans)
    base = strings.offsets[spans.text]
    start, end = base + spans.start, base + spans.end
    hashes = hash128(gather(strings, start, end))
    first = firsts(hashes[:, 0], hashes[:, 1])
    # Sorted by span, and for each by document.
    both, at, times = np.unique(first * len(strings) + spans.text, return_index=True, return_counts=True)
    span = both // max(1, len(strings))
    rank, starts = _ranks(span)
    count = np.diff(np.append(starts, len(span)))
    total = np.add.reduceat(times, starts) if len(starts) else times
    leads = rank == 0
    shown = Spans(spans.text, spans.start, np.minimum(spans.end, spans.start + _SHOWN))
    shown_end = base[at] + _inwards(strings, shown).end[at]  # as many as before: they begin with a character
    texts = gather(strings, start[at], np.where(leads, shown_end, start[at]))
    columns = (
        hashes[at, 0],
        hashes[at, 1],
        (end - start)[at],
        np.where(leads, np.repeat(total, count), 0),
        np.where(leads, np.repeat(count, count), 0),
        pa.LargeStringArray.from_buffers(len(at), pa.py_buffer(texts.offsets), pa.py_buffer(texts.data)),
        ids.combine_chunks().cast(pa.large_string()).take(pa.array(spans.text[at])),
    )
    return pa.table(list(columns), schema=_SEEN).filter(pa.array(rank < _EXAMPLES))


def _ranks(values: Numbers) -> tuple[Numbers, Numbers]:
    """The place of each value among its equals, which stand side by side, and where these begin."""
    new = np.ones(len(values), np.bool_)
    new[1:] = values[1:] != values[:-1]
    starts = np.flatnonzero(new)
    return np.arange(len(values)) - starts[np.cumsum(new) - 1], starts


def _most_often(parts: int, listed: int, files: Sequence[str], part: int) -> pa.Table:
    """The spans of a partition of hashes that were cut most often."""
    table = read_part(files, part, parts, _SEEN)
    first = firsts(table.column("hash").to_numpy(), table.column("check").to_numpy())
    order = np.argsort(first, kind="stable")
    rank, starts = _ranks(first[order])
    counts = np.diff(np.append(starts, len(order)))
    totals = {
        name: np.add.reduceat(table.column(name).to_numpy()[order], starts) if len(starts) else starts
        for name in ("times", "documents")
    }
    own = table.take(pa.array(order[starts]))
    told = order[rank < _EXAMPLES]
    offsets = np.append(0, np.cumsum(np.minimum(counts, _EXAMPLES))).astype(np.int32)
    ids = table.column("id").combine_chunks().take(pa.array(told)).cast(pa.string())
    found = pa.table(
        [
            own.column("text").cast(pa.string()),
            own.column("bytes"),
            totals["times"],
            totals["documents"],
            pa.ListArray.from_arrays(offsets, ids),
            own.column("hash"),
            own.column("check"),
        ],
        schema=_MOST,
    )
    return _first_ones(found, listed)


def _first_ones(table: pa.Table, listed: int) -> pa.Table:
    """The spans cut most often, of as many the longest, in an order that is the same for any partitions."""
    order = [("times", "descending"), ("bytes", "descending"), ("hash", "ascending"), ("check", "ascending")]
    return table.sort_by(order).slice(0, listed)


def _label(folder: str, sources: Sequence[str], unit: CorpusUnit) -> pa.Table:
    if scope.compared([unit], sources):
        with parquet_file(_labels_of(folder, unit)) as file:
            return file.read().cast(COLUMNS)  # Parquet names the items of lists its own way
    none = np.zeros(unit.alive, np.int64)
    no_cuts = pa.ListArray.from_arrays(np.zeros(unit.alive + 1, np.int32), none[:0])
    return pa.table([no_cuts, none, none.astype(np.float64), none], schema=COLUMNS)


def _run(corpus: Corpus, options: SubstringsOptions) -> Label:
    units = scope.compared(corpus.units, options.sources)
    size = sum(corpus.map(text_bytes, units, "substrings: sizes"))
    parts = max(corpus.partitions * _FINER, -(-size // _PIECE_BYTES))
    search = Search(options.length, options.within, options.keep, parts)

    def folder(name: str, *kinds: str) -> str:
        path = join(corpus.scratch, name)
        for kind in kinds:
            make_folder(join(path, kind))
        return path

    def answered(name: str, rounds: Sequence[Round]) -> list[str]:
        files = [done.rows for done in rounds]
        answer = partial(write_answers, search, folder(name, "answers") + "/answers", files)
        return list(corpus.map(answer, range(search.parts), f"substrings: {name} found again"))

    write = partial(write_runs, search, folder("runs", "blocks", "rows"))
    rounds = list(corpus.map(write, units, "substrings: runs"))
    answers = answered("runs", rounds)
    for size in search.sizes:
        name = "windows" if size == 1 else "blocks"
        cut = partial(write_pieces, search, size, folder(name, "blocks", "rows"), answers)
        rounds = list(corpus.map(cut, rounds, f"substrings: {name}"))
        answers = answered(name, rounds)
    spans = partial(_write_spans, search, folder("spans", "labels", "seen"), answers)
    written = list(corpus.map(spans, rounds, "substrings: spans"))
    most = partial(_most_often, search.parts, options.listed, written)
    found = _MOST.empty_table()
    for table in corpus.map(most, range(search.parts), "substrings: table"):
        found = _first_ones(pa.concat_tables([found, table]), options.listed)
    with ParquetSink(join(corpus.tables, "repeated_substrings", "part-000000.parquet"), _TABLE) as sink:
        sink.write(found.select(_TABLE.names))
    return partial(_label, join(corpus.scratch, "spans"), options.sources)


def _of(options: SubstringsOptions) -> Pass:
    return scope.reading(_pass(options.cut), options.within)


def _pass(cut: bool) -> Pass:
    return Pass(
        name="substrings",
        reads=("text",),
        adds=COLUMNS,
        run=_run,
        rules=RULES if cut else (),
        options=SubstringsOptions,
        about="Cuts spans of 500 bytes or more that stand at several places of the corpus, but for one copy.",
        paper="Lee et al. 2022, Deduplicating Training Data Makes Language Models Better, section 4.1, "
        "arXiv:2107.06499",
        describe=describe,
        of=_of,
        cuts="substrings_cuts" if cut else None,
        tables=TABLES,
    )


PASS = _pass(True)
