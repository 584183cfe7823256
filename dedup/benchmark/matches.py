"""What documents hold of benchmark items: n-grams, shares of items, and stretches of text."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from dedup.benchmark.grams import GramWords, Ints, Owners, Places, distinct, gram_words
from dedup.benchmark.index import BenchmarkIndex
from text.hashing import Hashes
from text.jit import kernel
from text.strings import Offsets, Strings

SHOWN_BYTES = 400  # of a match that is told
_ROOM = 1 << 20  # items of documents that are held before all but the listed ones go

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
    counts, row, item, share = _shares(index, common, found, listed)
    best = np.searchsorted(row, np.arange(n))
    named = index.items.column("benchmark").take(pa.array(item[best]))
    labels = [
        table.column("position"),
        counts.astype(np.int32),
        np.bincount(found.row[~common[found.gram]], minlength=n).astype(np.int32),
        share[best],
        named,
    ]
    wanted = np.searchsorted(row, np.arange(n + 1)), item
    owners = Owners(
        index.lengths, index.owner_offsets, index.owners, index.alike, index.text_item, index.items.num_rows
    )
    rows, items, firsts, lasts = owners.stretches(found.hits, wanted, listed)
    place = np.lexsort((item, row))
    size = max(index.items.num_rows, 1)
    at = place[np.searchsorted((row * size + item)[place], rows * size + items)]
    matches = _matches(index, table, words, rows, items, share[at], firsts, lasts)
    return pa.table(labels, schema=FOUND), matches


def _shares(
    index: BenchmarkIndex, common: NDArray[np.bool_], found: Found, listed: int
) -> tuple[Ints, Ints, Ints, NDArray[np.float64]]:
    """How many items each document holds, of which it has an n-gram that is not common, [n]; and the `listed`
    best of these: document, item, the largest share of a text of it; the best first, of equal ones that which
    comes first in the sets."""
    n = len(found.hits[0]) - 1
    cut = np.searchsorted(found.row, np.arange(n + 1))
    room = max(_ROOM, index.items.num_rows)
    told = np.empty(room, np.int64), np.empty(room, np.int64), np.empty(room, np.float64)
    held = np.zeros(len(index.text_item), np.int64), np.zeros(index.items.num_rows, np.float64)
    times = np.zeros(len(index), np.int64)
    counts = np.zeros(n, np.int64)
    pieces = []
    row = 0
    while row < n:
        written, row = _items(
            cut, found.gram, common, index.owner_offsets, index.owners, index.alike, index.text_item,
            index.text_grams, times, *held, row, told,
        )  # fmt: skip
        rows, items, shares = (values[:written] for values in told)
        counts += np.bincount(rows, minlength=n)
        order = np.lexsort((items, -shares, rows))
        before = np.searchsorted(rows[order], rows[order])
        order = order[np.arange(written) - before < listed]
        pieces.append((rows[order], items[order], shares[order]))
    nothing = (np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0))
    rows, items, shares = (np.concatenate(columns) for columns in zip(nothing, *pieces, strict=True))
    return counts, rows, items, shares


@kernel
def _items(
    cut: Ints,
    grams: Ints,
    common: NDArray[np.bool_],
    offsets: Ints,
    owners: Places,
    alike: Places,
    item: Places,
    sizes: Places,
    times: Ints,
    counts: Ints,
    best: NDArray[np.float64],
    first: int,
    told: tuple[Ints, Ints, NDArray[np.float64]],
) -> tuple[int, int]:
    """Row, item and share of the items of rows from `first` on, until there may be no room for the next: how
    many, and which comes next. `times` of n-grams, `counts` of texts and `best` of items are 0 before and
    after. The owners of n-grams that have the same are gone through once."""
    texts, items = np.empty(len(counts), np.int64), np.empty(len(best), np.int64)
    telling = np.zeros(len(best), np.bool_)
    written = 0
    for row in range(first, len(cut) - 1):
        if written and written + len(best) > len(told[0]):
            return written, row
        several = 0
        for at in range(cut[row], cut[row + 1]):
            # The lowest bit says whether one of them is not common.
            times[alike[grams[at]]] += 2
            if not common[grams[at]]:
                times[alike[grams[at]]] |= 1
        for at in range(cut[row], cut[row + 1]):
            gram = alike[grams[at]]
            if times[gram] == 0:
                continue
            for owner in range(offsets[gram], offsets[gram + 1]):
                text = owners[owner]
                if counts[text] == 0:
                    texts[several] = text
                    several += 1
                counts[text] += times[gram] >> 1
                telling[item[text]] |= times[gram] & 1 > 0
            times[gram] = 0
        held = 0
        for each in range(several):
            text = texts[each]
            if best[item[text]] == 0:
                items[held] = item[text]
                held += 1
            best[item[text]] = max(best[item[text]], counts[text] / sizes[text])
            counts[text] = 0
        for each in range(held):
            if telling[items[each]]:
                told[0][written], told[1][written], told[2][written] = row, items[each], best[items[each]]
                written += 1
            best[items[each]] = 0
            telling[items[each]] = False
    return written, len(cut) - 1


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
