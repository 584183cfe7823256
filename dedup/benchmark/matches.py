"""What documents hold of benchmark items: n-grams, shares of items, and stretches of text."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from dedup.benchmark.grams import GramWords, Ints, Owners, Places, distinct, gram_words
from dedup.benchmark.index import BenchmarkIndex
from text.hashing import Hashes
from text.strings import Offsets, Strings

SHOWN_BYTES = 400  # of a match that is told

FOUND = pa.schema(
    [
        ("position", pa.int64()),
        ("items", pa.int32()),
        ("ngrams", pa.int32()),
        ("share", pa.float64()),
        ("benchmark", pa.string()),
    ]
)
TOLD = pa.schema(
    [
        ("id", pa.string()),
        ("benchmark", pa.string()),
        ("file", pa.string()),
        ("item", pa.int64()),
        ("item_id", pa.string()),
        ("share", pa.float64()),
        ("words", pa.int32()),
        ("start", pa.int64()),
        ("end", pa.int64()),
        ("matched", pa.string()),
    ]
)


@dataclass(frozen=True)
class Found:
    """Which n-grams the texts of a batch hold.

    hits        offsets [n + 1], first word and number of each n-gram where it stands
    row, gram   each text with each of its n-grams once, [k], in the order of the texts
    """

    hits: tuple[Ints, Ints, Places]
    row: Ints
    gram: Ints

    @classmethod
    def of(cls, index: BenchmarkIndex, offsets: Offsets, hashes: Hashes) -> "Found":
        """By the words of the texts."""
        hits = index.grams.find(offsets, hashes)
        row = np.repeat(np.arange(len(offsets) - 1), np.diff(hits[0]))
        size = max(len(index), 1)
        return cls(hits, *np.divmod(distinct(row * size + hits[2]), size))


def tell(
    index: BenchmarkIndex, common: NDArray[np.bool_], table: pa.Table, listed: int
) -> tuple[pa.Table, pa.Table]:
    """Labels of documents that each hold an n-gram that is not common, and their matches."""
    words = gram_words(Strings.of(table.column("text")))
    found = Found.of(index, words.offsets, words.hashes)
    n = table.num_rows
    row, item, share = _shares(index, common, found)
    # The best item of each document first; of equal ones, that which comes first in the sets.
    order = np.lexsort((item, -share, row))
    row, item, share = row[order], item[order], share[order]
    first = np.searchsorted(row, np.arange(n + 1))
    best = first[:-1]
    named = index.items.column("benchmark").take(pa.array(item[best]))
    labels = [
        table.column("position"),
        np.diff(first).astype(np.int32),
        np.bincount(found.row[~common[found.gram]], minlength=n).astype(np.int32),
        share[best],
        named,
    ]
    told = np.arange(len(row)) - best[row] < listed
    row, item, share = row[told], item[told], share[told]
    wanted = np.searchsorted(row, np.arange(n + 1)), item
    owners = Owners(index.lengths, index.owner_offsets, index.owners, index.text_item, index.items.num_rows)
    rows, items, firsts, lasts = owners.stretches(found.hits, wanted, listed)
    place = np.lexsort((item, row))
    size = max(index.items.num_rows, 1)
    at = place[np.searchsorted((row * size + item)[place], rows * size + items)]
    matches = _matches(index, table, words, rows, items, share[at], firsts, lasts)
    return pa.table(labels, schema=FOUND), matches


def _shares(
    index: BenchmarkIndex, common: NDArray[np.bool_], found: Found
) -> tuple[Ints, Ints, NDArray[np.float64]]:
    """Document, item and the largest share of a text of it; of items with an n-gram that is not common."""
    count = np.diff(index.owner_offsets)[found.gram]
    starts = np.repeat(index.owner_offsets[found.gram] - (np.cumsum(count) - count), count)
    text = index.owners[starts + np.arange(len(starts))].astype(np.int64)
    texts, items = max(len(index.text_item), 1), max(index.items.num_rows, 1)
    row = np.repeat(found.row, count)
    held, times = np.unique(row * texts + text, return_counts=True)
    part = times / index.text_grams[held % texts]
    owner = held // texts * items + index.text_item[held % texts]
    order = np.lexsort((-part, owner))
    owner, part = owner[order], part[order]
    new = np.ones(len(owner), np.bool_)
    new[1:] = owner[1:] != owner[:-1]
    owner, part = owner[new], part[new]
    telling = ~np.repeat(common[found.gram], count)
    kept = np.isin(owner, distinct((row * items + index.text_item[text])[telling]))
    return owner[kept] // items, owner[kept] % items, part[kept]


def _matches(
    index: BenchmarkIndex,
    table: pa.Table,
    words: GramWords,
    row: Ints,
    item: Ints,
    share: NDArray[np.float64],
    first: Ints,
    last: Ints,
) -> pa.Table:
    """The table of matches, in the order of documents, and in each of where they begin."""
    strings = Strings.of(table.column("text"))
    start, end = words.starts[first], words.ends[last - 1]
    shown = [
        bytes(strings.data[begin : min(stop, begin + SHOWN_BYTES)]).decode("utf-8", "ignore")
        for begin, stop in zip(start.tolist(), end.tolist(), strict=True)
    ]
    about = index.items.take(pa.array(item))
    return pa.table(
        [
            table.column("id").take(pa.array(row)),
            *(about.column(name) for name in index.items.column_names),
            share,
            (last - first).astype(np.int32),
            start - strings.offsets[row],
            end - strings.offsets[row],
            pa.array(shown, pa.string()),
        ],
        schema=TOLD,
    )
