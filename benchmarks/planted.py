"""Made corpora of short documents, each with what one pass looks for, planted at a known rate.

Texts are of words of four letters that the numbers of documents and places alone decide. One document in ten
is a copy of an earlier one, or has something of it; see `CORPORA` for what.
"""

import json
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from dedup.shingles.s_curve import s_curve
from text.hashing import mix_array

BANDS, ROWS = 14, 8
LETTERS = 4
EVERY = 10  # the last of so many documents is a copy
EDITS: tuple[tuple[int, ...], ...] = ((), (79,), (40,), (25, 55))  # places of words that are other ones
SPACE, BREAK = ord(" "), ord("\n")

ITEMS, ITEM_WORDS = 2000, 40  # of the made benchmark
HOLDS = 1000  # one document in so many holds an item
VOCABULARY, TOPICS, SIZE = 4096, 500, 256  # words that have vectors

Numbers = NDArray[np.int64]
Words = NDArray[np.uint64]
Labels = Callable[[str], Mapping[str, Numbers]]
"""Columns of labels by SQL, each [n] in the order of the documents' numbers."""


def origin(documents: Numbers) -> Numbers:
    """The document that each is a copy of, itself where it is none."""
    copy = is_copy(documents)
    drawn = mix_array(documents.astype(np.uint64) + np.uint64(1 << 40))
    # Any document up to the last one of its own file that is no copy.
    tens = (drawn % np.uint64(1 << 40)).astype(np.int64) % (documents // EVERY + 1)
    original = tens * EVERY + (drawn >> np.uint64(40)).astype(np.int64) % (EVERY - 1)
    return np.where(copy, original, documents)


def is_copy(documents: Numbers) -> NDArray[np.bool_]:
    return np.asarray(documents % EVERY == EVERY - 1)


def kind(documents: Numbers) -> Numbers:
    """Which of EDITS a copy has."""
    return documents // EVERY % len(EDITS)


def words(documents: Numbers, count: int) -> Words:
    """What decides each word of these documents, as if none were a copy, [n, count]."""
    places: Words = np.arange(count, dtype=np.uint64)
    return np.asarray(documents.astype(np.uint64)[:, None] * np.uint64(count) + places, np.uint64)


def written(
    source: Words,
    breaks: int | None = None,
    rows: NDArray[np.bool_] | slice = slice(None),
    lengths: Numbers | None = None,
) -> pa.Array:
    """Texts of words, [n, words], of which all or `lengths` are written.

    breaks   a line ends behind so many words, in the texts `rows`
    """
    n, count = source.shape
    data = np.full((n, count, LETTERS + 1), SPACE, np.uint8)
    data[:, :, :LETTERS] = spelled(source.ravel()).reshape(n, count, LETTERS)
    if breaks:
        data[rows, breaks - 1 :: breaks, LETTERS] = BREAK
    sizes = np.full(n, count) if lengths is None else lengths
    if lengths is not None:
        data = data[np.arange(count) < lengths[:, None]]
    offsets = np.append(0, np.cumsum(sizes) * (LETTERS + 1)).astype(np.int32)
    return pa.StringArray.from_buffers(n, pa.py_buffer(offsets), pa.py_buffer(data.ravel()))


def spelled(source: Words) -> NDArray[np.uint8]:
    """The letters of words, [n, LETTERS]."""
    drawn = mix_array(source)
    letters = [(drawn >> np.uint64(8 * letter)).astype(np.int64) % 26 for letter in range(LETTERS)]
    return (ord("a") + np.stack(letters, axis=1)).astype(np.uint8)


@dataclass(frozen=True)
class Corpus:
    """What a pass is tried on.

    words     of a document
    made      the columns of documents by their numbers
    options   of the pass, for the run file; `prepare` writes what they name into a folder before
    judge     what was found of what was planted, in lines
    """

    words: int
    made: Callable[[Numbers], dict[str, pa.Array]]
    options: str
    judge: Callable[[int, Labels], Iterator[str]]
    prepare: Callable[[str], None] | None = None


def _edited(documents: Numbers) -> dict[str, pa.Array]:
    """Copies in turn without a change, with another last word (similarity .974), with another word within
    (.877), and with two (.767)."""
    source = words(origin(documents), 80)
    for number, edit in enumerate(EDITS):
        rows = np.flatnonzero(is_copy(documents) & (kind(documents) == number))
        for place in edit:
            source[rows, place] = documents[rows].astype(np.uint64) * np.uint64(80) + np.uint64(1 << 60)
    return {"text": written(source)}


def _addressed(documents: Numbers) -> dict[str, pa.Array]:
    """Copies have the address of another one, written in four ways; the texts all differ."""
    ways = ("https://{}.example/a/{}", "http://www.{}.EXAMPLE:80/a/{}/", "https://{}.example/a/{}?utm_source=x#top",
            "https://{}.example/b/../a/{}")  # fmt: skip
    urls = []
    for number, first in zip(documents.tolist(), origin(documents).tolist(), strict=True):
        way = ways[0] if number == first else ways[1 + number // EVERY % 3]
        urls.append(way.format(f"site{first % 5000}", first))
    return {"text": written(words(documents, 80)), "url": pa.array(urls)}


def _spaced(documents: Numbers) -> dict[str, pa.Array]:
    """Copies differ in white space."""
    return {"text": written(words(origin(documents), 80), 7, is_copy(documents))}


def _banners(documents: Numbers) -> tuple[Numbers, NDArray[np.bool_]]:
    """The site of each document, of 1,000, and whether it has the site's banner."""
    drawn = mix_array(documents.astype(np.uint64) + np.uint64(1 << 41))
    return (drawn % np.uint64(1000)).astype(np.int64), documents % 2 == 0


def _lined(documents: Numbers) -> dict[str, pa.Array]:
    """Lines of eight words; the first of every second document is one of 1,000 banners."""
    source = words(documents, 80)
    drawn, has = _banners(documents)
    banner = words(drawn + (1 << 50), 8)
    source[has, :8] = banner[has]
    return {"text": written(source, 8)}


def _paragraphed(documents: Numbers) -> dict[str, pa.Array]:
    """The third line of a copy is that of another document."""
    source = words(documents, 80)
    source[:, 16:24] = words(origin(documents), 80)[:, 16:24]
    return {"text": written(source, 8)}


def _spanned(documents: Numbers) -> dict[str, pa.Array]:
    """600 bytes of a copy are another document's."""
    source = words(documents, 240)
    source[:, 60:180] = words(origin(documents), 240)[:, 60:180]
    return {"text": written(source)}


def _excerpted(documents: Numbers) -> dict[str, pa.Array]:
    """A copy is 60 words of another document, of which has 80."""
    lengths = np.where(is_copy(documents), 60, 80)
    return {"text": written(words(origin(documents), 80), lengths=lengths)}


def _tested(documents: Numbers) -> dict[str, pa.Array]:
    """One document in 1,000 holds an item."""
    source = words(documents, 80)
    rows = np.flatnonzero(documents % HOLDS == 0)
    source[rows, 20 : 20 + ITEM_WORDS] = _items(documents[rows] // HOLDS % ITEMS)
    return {"text": written(source)}


def _items(numbers: Numbers) -> Words:
    return words(numbers + (1 << 52), ITEM_WORDS)


def _write_items(folder: str) -> None:
    os.makedirs(os.path.join(folder, "sets"))
    texts = written(_items(np.arange(ITEMS))).to_pylist()
    with open(os.path.join(folder, "sets", "made.jsonl"), "w") as file:
        file.writelines(json.dumps({"question": text}) + "\n" for text in texts)


def _of_topics(documents: Numbers) -> dict[str, pa.Array]:
    """Half the words of a document are its topic's, 64 of these; a copy has the words in another order and
    two of them replaced."""
    first = origin(documents)
    drawn = mix_array(words(first, 80).ravel()).reshape(-1, 80)
    topic = mix_array(first.astype(np.uint64)) % np.uint64(TOPICS)
    own = mix_array((topic[:, None] * np.uint64(64) + drawn[:, :40] % np.uint64(64)).ravel())
    drawn[:, :40] = own.reshape(-1, 40)
    copies = np.flatnonzero(is_copy(documents))
    drawn[copies] = drawn[copies, ::-1]
    drawn[copies, :2] = mix_array(words(documents[copies], 2).ravel() + np.uint64(1 << 60)).reshape(-1, 2)
    return {"text": written(drawn % np.uint64(VOCABULARY))}


def _write_table(folder: str) -> None:
    """A static table of random vectors for the words."""
    from pathlib import Path

    from tokenizers import Tokenizer
    from tokenizers.models import WordPiece
    from tokenizers.normalizers import BertNormalizer
    from tokenizers.pre_tokenizers import BertPreTokenizer

    from embedding.static import TABLE, TOKENIZER, write_tensors

    place = Path(folder) / "table"
    place.mkdir(parents=True)
    letters = spelled(np.arange(VOCABULARY, dtype=np.uint64))
    names = dict.fromkeys(["[UNK]", *(bytes(row).decode() for row in letters)])
    tokenizer = Tokenizer(WordPiece({name: at for at, name in enumerate(names)}, unk_token="[UNK]"))
    tokenizer.normalizer, tokenizer.pre_tokenizer = BertNormalizer(lowercase=True), BertPreTokenizer()
    tokenizer.save(str(place / TOKENIZER))
    vectors = np.random.default_rng(3).normal(size=(len(names), SIZE))
    write_tensors(place / TABLE, {"embeddings": vectors.astype(np.float16)})


def _joined(name: str) -> Callable[[int, Labels], Iterator[str]]:
    """Judges clusters: copies found, and documents joined to a wrong one."""

    def judge(documents: int, labels: Labels) -> Iterator[str]:
        numbers = np.arange(documents)
        keeper = labels(
            f"keeper.number AS keeper FROM labelled JOIN stored AS keeper ON {name}_cluster = keeper.id"
        )
        cluster = keeper["keeper"]
        wrong = int((origin(numbers) != origin(cluster)).sum())
        copies = numbers[is_copy(numbers)]
        together = cluster[copies] == cluster[origin(copies)]
        joined = int((cluster != numbers).sum())
        yield f"{joined:,} documents are joined to another one, {wrong:,} to a wrong one"
        if name != "minhash":
            yield f"{int(together.sum()):,} of {len(copies):,} copies found ({together.mean():.2%})"
            return
        for at, edit in enumerate(EDITS):
            of_kind = kind(copies) == at
            jaccard = _jaccard(edit)
            chance = s_curve(jaccard, BANDS, ROWS) if jaccard >= 0.8 else 0.0
            count = int(of_kind.sum())
            yield (
                f"  similarity {jaccard:.3f}: {int(together[of_kind].sum()):,} of {count:,} found, "
                f"expected {count * chance:,.1f} ± {np.sqrt(count * chance * (1 - chance)):.1f}"
            )

    return judge


def _jaccard(edit: tuple[int, ...]) -> float:
    shingles = 80 - 4
    changed = len(
        {start for place in edit for start in range(max(0, place - 4), min(place, shingles - 1) + 1)}
    )
    return (shingles - changed) / (shingles + changed)


def _counted(
    column: str, planted: Callable[[Numbers], Numbers], least: int = 1
) -> Callable[[int, Labels], Iterator[str]]:
    """Judges counts: documents in which something was found, and how many have what was planted.

    planted   how much each document has, in the unit of the column
    """

    def judge(documents: int, labels: Labels) -> Iterator[str]:
        numbers = np.arange(documents)
        found, wanted = labels(f"{column} AS found FROM labelled")["found"], planted(numbers)
        has = wanted >= least
        right = has & (found >= wanted) & (found <= wanted * 1.02)
        yield (
            f"planted in {int(has.sum()):,} documents, found just so in {int(right.sum()):,} "
            f"({right.sum() / max(1, has.sum()):.2%}); found in {int(((found > 0) & ~has).sum()):,} others"
        )

    return judge


def _banner_lines(numbers: Numbers) -> Numbers:
    drawn, has = _banners(numbers)
    seen = np.bincount(drawn[has], minlength=1000)
    return np.asarray(has & (seen[drawn] > 6), np.int64)


def _copied_lines(numbers: Numbers) -> Numbers:
    first = origin(numbers)
    return np.asarray(np.bincount(first, minlength=len(numbers))[first] > 1, np.int64)


CORPORA: Mapping[str, Corpus] = {
    "minhash": Corpus(80, _edited, f"{{bands: {BANDS}, rows: {ROWS}, ngram: 5}}", _joined("minhash")),
    "url": Corpus(80, _addressed, "{}", _joined("url")),
    "exact": Corpus(80, _spaced, "{}", _joined("exact")),
    "lines": Corpus(80, _lined, "{}", _counted("lines_removed", _banner_lines)),
    "paragraphs": Corpus(80, _paragraphed, "{}", _counted("paragraphs_removed", _copied_lines)),
    "substrings": Corpus(
        240, _spanned, "{}", _counted("substrings_bytes", lambda numbers: 598 * is_copy(numbers))
    ),
    "containment": Corpus(80, _excerpted, "{}", _joined("containment")),
    "contamination": Corpus(
        80, _tested, "{sets: {made: {path: {folder}/sets/made.jsonl, fields: [question]}}}",
        _counted("contamination_items", lambda numbers: np.asarray(numbers % HOLDS == 0, np.int64)),
        _write_items,
    ),
    "semantic": Corpus(
        80, _of_topics, "{embed: {static: {folder}/table}, embeddings: false}", _joined("semantic"),
        _write_table,
    ),
}  # fmt: skip
"""By the name of the pass; `{folder}` in options is the folder that `prepare` wrote into."""
