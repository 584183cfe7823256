"""MinHash deduplication: documents that share most of their word or character n-grams.

Signatures are cut into bands; documents that agree in a whole band are candidates. Each pair of
candidates is checked: the Jaccard similarity of their n-grams, exact or by a sketch with a stated error,
must reach `jaccard`. What is left joins documents to clusters (connected components), in which `ranking`
orders them. The steps, each out of core: every unit writes its band keys (candidates.py), every partition
turns equal ones into pairs, the units send sketches of what is in a pair to the partition that compares it
(verify.py), one task unites clusters from the most similar pair on (linkage.py).

`minhash_jaccard` says for each document up to which similarity it is joined to one that stands before it,
directly or through others: `minhash_jaccard >= t` drops just those that are not kept where the threshold
is t, for any t from the option `jaccard` on. So a stricter threshold needs no new run.

The union-find is one task over a mapped file of 8 bytes a document: meant for up to some billions of
documents in one corpus. All else is cut into units and partitions.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial

import numpy as np
import pyarrow as pa
from pydantic import Field, model_validator

from dedup import scope
from dedup.keep import DEFAULT_KEEP, KEEP, Keep, keep_columns
from dedup.ranking import Earlier, Keys, Labels, label_columns, rank
from dedup.scope import SOURCES, WITHIN, Sources, Within, compared, reading
from dedup.shingles.candidates import Keyed, write_keys, write_pairs
from dedup.shingles.linkage import root_keys, root_of, write_clusters, write_levels
from dedup.shingles.s_curve import best_bands, passes, s_curve
from dedup.shingles.shingled import Indexed, Shingled, Unit
from dedup.shingles.verify import Asked, Sent, write_asked, write_similar, write_sketches
from pipeline import index
from pipeline.corpus import Corpus, CorpusUnit
from pipeline.counted import counted
from pipeline.exchange import read_documents
from pipeline.index import AGAINST, Against, index_files, partitions
from pipeline.stage import Clusters, Index, Label, Options, Pass, Rule, column
from pipeline.store import is_local, join, make_folder

_KEYS_A_DOCUMENT = 4  # that a task of a partition holds, and not all of its bands
_BLOCK_VALUES = 1 << 24  # of sketches that a task holds, about; 4 bytes each


class MinhashOptions(Options):
    """Options of the pass `minhash`.

    The seed is the pass's own, not the run's: drawing another sample from a corpus must not change
    what counts as a copy.
    """

    bands: int = Field(default=14, ge=1, le=1000, description="candidates agree in all rows of one of these")
    rows: int = Field(default=8, ge=1, le=1000, description="MinHash values in a band")
    threshold: float | None = Field(
        default=None,
        gt=0,
        lt=1,
        description="instead of bands and rows: those of `functions` values that suit this similarity best",
    )
    functions: int = Field(default=128, ge=2, le=2000, description="MinHash values that `threshold` may use")
    weights: tuple[float, float] = Field(
        default=(0.5, 0.5),
        description="what candidates below `threshold` and misses above it weigh in that choice",
    )
    ngram: int = Field(default=5, ge=1, le=1000, description="words or characters in a shingle")
    unit: Unit = Field(default="words", description="what shingles are made of: words or characters")
    verify: bool = Field(default=True, description="whether candidates are checked, or taken at their word")
    jaccard: float = Field(
        default=0.8, gt=0, le=1, description="least similarity of their shingles that joins two candidates"
    )
    hashes: int = Field(
        default=1024,
        ge=0,
        le=1 << 20,
        description="shingles by which two texts are compared, 0 for all; exact for texts of no more",
    )
    most: int = Field(
        default=16, ge=1, le=1000, description="texts of a bucket that each other one of it is compared with"
    )
    seed: int = Field(default=1, ge=0, lt=1 << 64, description="of the hash functions")
    keep: Keep = Field(default=DEFAULT_KEEP, description=KEEP)
    sources: Sources = Field(default=(), description=SOURCES)
    within: Within = Field(default=(), description=WITHIN)
    against: Against = Field(default=(), description=AGAINST)

    @model_validator(mode="after")
    def _one_shape(self) -> "MinhashOptions":
        given = self.model_fields_set
        if self.threshold is None:
            for name in ("functions", "weights"):
                if name in given and getattr(self, name) != type(self).model_fields[name].default:
                    raise ValueError(
                        f"{name}: chooses bands and rows for a `threshold`; give that, or leave it out"
                    )
            return self
        if min(self.weights) < 0 or not np.isclose(sum(self.weights), 1):
            raise ValueError(
                f"weights: expected two shares that make 1; found {self.weights[0]}, {self.weights[1]}"
            )
        chosen = best_bands(self.threshold, self.functions, *self.weights)
        for name, value in zip(("bands", "rows"), chosen, strict=True):
            if name in given and getattr(self, name) != value:
                raise ValueError(
                    f"{name}: {getattr(self, name)} beside threshold: {self.threshold}, for which "
                    f"{chosen[0]} bands of {chosen[1]} rows are best; give one or the other"
                )
            object.__setattr__(self, name, value)
        return self

    @property
    def shingled(self) -> Shingled:
        return Shingled(
            self.unit, self.ngram, self.bands, self.rows, self.seed, self.hashes, self.within, self.verify
        )


def describe(options: MinhashOptions) -> list[str]:
    """What the options catch, for the plan: the chances of a pair by its Jaccard similarity."""
    steps = _steep(options.bands, options.rows)
    chances = [s_curve(step, options.bands, options.rows) for step in steps]
    what = f"{options.unit.removesuffix('s')} {options.ngram}-grams"
    best = "" if options.threshold is None else f", the best for a similarity of {options.threshold:g}"
    lines = [
        *scope.describe(options.sources, options.within),
        *index.describe("minhash", options.against),
        f"{counted(options.bands, 'band')} of {counted(options.rows, 'row')} over {what}{best}",
        _row("Jaccard", [f"{step:.2f}" for step in steps]),
        _row("candidates", map(_chance, chances)),
    ]
    if not options.verify:
        return [*lines, "candidates are taken at their word, however similar they are (verify: false)"]
    linked = [
        chance * passes(step, options.jaccard, options.hashes)
        for step, chance in zip(steps, chances, strict=True)
    ]
    lines.append(_row("joined", map(_chance, linked)))
    if options.hashes:
        error = np.sqrt(options.jaccard * (1 - options.jaccard) / options.hashes)
        lines.append(
            f"similarity is exact for texts of up to {options.hashes:,} different {what}; of longer ones "
            f"{options.jaccard:g} is right within ±{2 * error:.3f} (two standard errors)"
        )
    return [
        *lines,
        f"no pair below {options.jaccard:g} is joined: a rule may be stricter than that without a new run of "
        "the pass, but a looser one finds no more; lower `jaccard` for that",
    ]


def _steep(bands: int, rows: int) -> list[float]:
    """Ten similarities between which the S-curve rises."""
    if s_curve(0.5, bands, rows) > 0.5:
        return [step / 100 for step in range(5, 100, 10)]
    if s_curve(0.95, bands, rows) < 0.5:
        return [step / 100 for step in range(90, 100)]
    return [step / 100 for step in range(50, 100, 5)]


def _row(head: str, values: Iterable[str]) -> str:
    """A row of the S-curve, narrow enough for a terminal of 80 characters."""
    return f"{head:10}" + "".join(f"{value:>6}" for value in values)


def _chance(chance: float) -> str:
    told = f"{chance:.1%}"
    return "100%" if told == "100.0%" else told


def _write_keys(folder: str, shingled: Shingled, parts: int, item: tuple[int, CorpusUnit | Indexed]) -> Keyed:
    number, of = item
    return write_keys(folder, f"{number:06d}", shingled.banded(of), parts)


def _write_sketches(
    folder: str, shingled: Shingled, asked: Sequence[Asked], item: tuple[int, CorpusUnit | Indexed]
) -> Sent:
    number, of = item
    return write_sketches(folder, asked, number, partial(shingled.sketched, of))


def _root_keys(folder: str, unit: CorpusUnit, table: pa.Table) -> Keys:
    """The least document of its cluster as the key; a document that nothing joins has none."""
    root, known = root_of(folder, unit.first + table.column("position").to_numpy())
    return Keys(root_keys(root), root.astype(np.uint64), known)


def _earlier(folder: str, item: Indexed) -> Iterator[pa.Table]:
    """The documents of an index that are in a cluster."""
    document = item.first
    for table in item.file.read(("id",)):
        root, known = root_of(folder, np.arange(document, document + table.num_rows))
        document += table.num_rows
        place = pa.array([item.file.index] * table.num_rows, pa.int64())
        arrays = [root_keys(root), root.astype(np.uint64), table.column("id"), place]
        yield pa.table(arrays, names=["high", "low", "id", "place"]).filter(pa.array(known))


def _run(corpus: Corpus, options: MinhashOptions) -> Label:
    folder = partial(join, corpus.scratch)
    for name in ("bands", "pairs", "asked", "sketches", "similar", "levels"):
        make_folder(folder(name))
    units = compared(corpus.units, options.sources)
    old = index_files("minhash", options.against)
    new = max((unit.first + unit.stored for unit in corpus.units), default=0)
    items: list[CorpusUnit | Indexed] = [*units, *(Indexed(file, new + file.first) for file in old)]
    count = new + sum(file.rows for file in old)
    parts = partitions(corpus, old)
    numbered = list(enumerate(items))

    cut = parts * -(-options.bands // _KEYS_A_DOCUMENT)
    sign = partial(_write_keys, folder("bands"), options.shingled, cut)
    keyed = list(corpus.map(sign, numbered, "minhash: signatures"))
    blocks = max(parts, -(-sum(each.values for each in keyed) // _BLOCK_VALUES)) if options.verify else 1
    most = options.most if options.verify else 1
    pair = partial(write_pairs, folder("pairs"), most, [each.keys for each in keyed], blocks)
    paired = list(corpus.map(pair, range(cut), "minhash: candidates"))
    alike = [*(each.copies for each in keyed), *(each.copies for each in paired)]
    similar: list[str] = []
    if options.verify:
        ask = partial(
            write_asked, folder("asked"), [each.pairs for each in paired], [item.first for item in items]
        )
        asked = list(corpus.map(ask, range(blocks), "minhash: distinct pairs"))
        send = partial(_write_sketches, folder("sketches"), options.shingled, asked)
        sent = list(corpus.map(send, numbered, "minhash: sketches"))
        check = partial(write_similar, folder("similar"), options.hashes, options.jaccard, asked, sent)
        similar += corpus.map(check, range(blocks), "minhash: similarities")
    else:
        alike += [each.pairs for each in paired]
    temporary = corpus.scratch if is_local(corpus.scratch) else None
    clusters = folder("clusters")
    unite = partial(write_clusters, clusters, count, parts, temporary)
    [forest] = corpus.map(unite, [(alike, similar)], "minhash: clusters")
    labels = rank(
        corpus,
        "minhash",
        (),
        partial(_root_keys, clusters),
        options.keep,
        batch_rows=1 << 16,
        units=units,
        earlier=Earlier(items[len(units) :], partial(_earlier, clusters)) if old else None,
        parts=parts,
    )
    if not options.verify:
        return labels
    level = partial(write_levels, folder("levels"), forest, labels.files)
    return partial(_label, labels, list(corpus.map(level, range(parts), "minhash: thresholds")))


def _label(labels: Labels, level_files: Sequence[str], unit: CorpusUnit) -> pa.Table:
    table = labels(unit)
    last = unit.first + unit.stored
    found = pa.concat_tables([read_documents(path, unit.first, last) for path in level_files])
    # Those in a cluster, in order: the same documents as have levels.
    document, jaccard = found.column("document").to_numpy(), found.column("jaccard").to_numpy()
    told = np.zeros(table.num_rows, np.float64)
    told[table.column("minhash_size").to_numpy() > 1] = jaccard[np.argsort(document)]
    return pa.table([*table.columns, told], schema=PASS.adds)


_LABELS = label_columns("minhash")
_ABOUT_JACCARD = "up to which similarity it is joined to a document of its cluster that stands before it"


def _of(options: MinhashOptions) -> Pass:
    """Unverified candidates have no similarity; a rule that says what is linked otherwise."""
    if not options.verify:
        rules = (Rule("minhash_duplicate", "minhash_rank > 0"),)
        chosen = replace(PASS, adds=_LABELS, rules=rules)
    else:
        chosen = replace(PASS, rules=(Rule("minhash_duplicate", f"minhash_jaccard >= {options.jaccard}"),))
    return reading(chosen, (*options.within, *keep_columns(options.keep)))


def _clusters(options: MinhashOptions) -> Clusters:
    """Unverified, a bucket's documents are all of one cluster. Verified, which texts are compared hangs on
    what else is in a bucket, and an index holds documents that nobody knows here."""
    return Clusters(None if options.verify or options.against else options.bands, options.sources)


def _index_rows(options: MinhashOptions, unit: CorpusUnit) -> Iterator[pa.Table]:
    if compared([unit], options.sources):
        yield from options.shingled.index_rows(unit)


PASS = Pass(
    name="minhash",
    reads=("text",),
    adds=pa.schema([*_LABELS, column("minhash_jaccard", pa.float64(), "similarity", _ABOUT_JACCARD)]),
    run=_run,
    rules=(Rule("minhash_duplicate", "minhash_jaccard >= 0.8"),),
    options=MinhashOptions,
    clusters=_clusters,
    about="Labels documents that share most of their word or character n-grams, found by MinHash.",
    paper="Broder 1997, On the resemblance and containment of documents; Penedo et al. 2024, FineWeb",
    describe=describe,
    fingerprint=lambda options: index.fingerprint("minhash", options.against, options.shingled.same()),
    of=_of,
    index=Index(
        schema=lambda options: options.shingled.schema(),
        rows=_index_rows,
        same=lambda options: options.shingled.same(),
    ),
)
