"""Draws a mixture: survivors by weight, token budget and epoch cap, into shuffled Parquet shards.

Everything is decided by hashes of ids (see `sampling`), so the shards are the same bytes for any
number of workers, any order of units and after any number of kills: what a task finished lies
whole in scratch or in the shards' folder and is not done again.
"""

import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa

from mixtures import labels, repeats
from mixtures.allocation import Available, Share, allocate
from mixtures.columns import EMPTY, describe_columns, shard_schema, stored_columns, widen
from mixtures.downsampling import Census, downsample, note, told
from mixtures.options import MixtureOptions
from mixtures.sampling import Border, Quota, Weigher, border_bin, cut_cells, cut_shards, threshold_of
from mixtures.shuffle import Gather, Scatter
from mixtures.survey import Integers, Keys, Stock
from mixtures.tokens import TokensOptions, describe
from pipeline.corpus import Corpus, CorpusUnit
from pipeline.store import TEMPORARY, join, names, remove
from text.hashing import Hashes

RUN_BYTES = 32 << 20  # of text in a run of the shuffle, and in a cell of all runs together, about
SHARE_BYTES = 128 << 10  # of text that a shard has in a run, about: a smaller one costs a read as well
_MADE = 5  # raised when what tasks leave in scratch is made otherwise
LICENCES = 20  # of a source that the manifest tells apart
BINS_PER_SHARD = 64  # of the position key: shards are cut to about a hundredth of their size


__all__ = ["MixtureOptions", "draw", "problems"]  # what the run looks for here

WHOLE = "whole documents come no nearer"  # said from a difference of 1%


def problems(
    options: MixtureOptions, schema: pa.Schema, sources: Mapping[str, pa.Schema]
) -> Iterator[tuple[tuple[str, ...], str]]:
    """What is asked that the columns cannot answer: the key path below `mixture`, and what to say of it.

    schema    the columns of a surviving document of any source; `sources`, those of each
    """
    yield from repeats.problems(options, schema, sources)
    yield from labels.problems(options, sources)


def draw(corpus: Corpus, options: MixtureOptions, name: str, folder: str) -> dict[str, Any]:
    """Writes `{name}-00000-of-00042.parquet` and so on into `folder`, which is this mixture's own.

    Returns what was asked and what was achieved, ready for JSON. With nothing to draw there is one
    shard without rows, so that readers find the columns.
    """
    seed = corpus.seed if options.seed is None else options.seed
    schema = _schema(corpus.units)
    scratch = join(corpus.scratch, _fingerprint(corpus.units, options, name, folder, seed))
    keys = _keys(corpus.units, options, join(scratch, "keys"), seed)
    stocks, sizes = _stocks(corpus, keys)
    keys, censuses = downsample(corpus, keys, options)
    if censuses:
        stocks, sizes = _stocks(corpus, keys)  # of what is kept
    available = {source: Available(stock.living, stock.tokens) for source, stock in stocks.items()}
    shares = allocate(available, options)
    quotas = _quotas(corpus, keys, stocks, shares)
    bits = _bits(stocks, quotas, options.shard_bytes)
    units = [unit for unit in corpus.units if quotas[unit.source]]
    drawn, weights = _weigh(corpus, Weigher(keys, quotas, bits), units)
    first = cut_shards(weights, options.shard_bytes)

    size = sum(sums.size for sums in drawn.values())
    cells, shard_cells = cut_cells(weights, first, -(-size // RUN_BYTES))
    held = max(RUN_BYTES, SHARE_BYTES * len(first))
    scatter = Scatter(join(scratch, "runs"), keys, widen(schema), quotas, cells, bits, held)
    groups = list(enumerate(_groups(units, sizes, held)))
    runs = [path for paths in corpus.map(scatter, groups, "mixture: scatter") for path in paths]
    gather = Gather(folder, join(scratch, "shards"), name, seed, schema, tuple(runs), shard_cells)
    shards = list(corpus.map(gather, range(len(first)), "mixture: gather"))
    licences = _licences(shard.pop("licenses") for shard in shards)
    _remove_leftovers(folder, {shard["name"] for shard in shards})
    asked = sum(share.asked for share in shares) if options.budget is None else options.budget
    sources = _achieved(shares, stocks, keys, drawn, licences, censuses)
    return {
        "name": name,
        "tokenizer": describe(TokensOptions(tokenizer=options.tokenizer)),
        "seed": seed,
        "asked": options.model_dump(mode="json", exclude={"seed", "tokenizer"}),
        "sources": sources,
        "total": {
            "asked_tokens": asked,
            "tokens": sum(sums.tokens for sums in drawn.values()),
            "documents": sum(sums.documents for sums in drawn.values()),
            "text_bytes": size,
            "bytes": sum(shard["bytes"] for shard in shards),
        },
        "columns": describe_columns(schema),
        "shards": shards,
        "notes": [note(name, each["downsample"]) for name, each in sources.items() if "downsample" in each],
    }


def _keys(units: Iterable[CorpusUnit], options: MixtureOptions, folder: str, seed: int) -> Keys:
    repeated, labelled = {}, {}
    for source in {unit.source for unit in units}:
        if sql := options.repeat_of(source):
            repeated[source] = sql
        if options.downsample is not None and options.downsampled(source):
            labelled[source] = options.downsample
    return Keys(folder, seed, repeated, labelled)


def _fingerprint(
    units: Sequence[CorpusUnit], options: MixtureOptions, name: str, folder: str, seed: int
) -> str:
    """Names the scratch of this very draw, so that another one never takes up its files."""
    inputs = [[unit.name, unit.source, unit.documents, unit.stored, unit.alive] for unit in units]
    layers = [[layer.path for layer in unit.layers] for unit in units]
    content = json.dumps([_MADE, inputs, layers, options.model_dump(mode="json"), name, folder, seed])
    return f"draw-{hashlib.sha256(content.encode()).hexdigest()[:16]}"


@dataclass
class _Drawn:
    """Copies drawn of one source: their number, tokens and bytes of text; by label number and tokens."""

    documents: int = 0
    tokens: int = 0
    size: int = 0
    labels: Integers = field(default_factory=lambda: np.zeros((2, 0), np.int64))

    def add_labels(self, found: Integers) -> None:
        more = found.shape[1] - self.labels.shape[1]
        self.labels = np.pad(self.labels, ((0, 0), (0, max(0, more))))
        self.labels[:, : found.shape[1]] += found


def _stocks(corpus: Corpus, keys: Keys) -> tuple[dict[str, Stock], dict[int, int]]:
    """What every source holds, and the bytes of text of every unit by its index."""
    stocks: dict[str, Stock] = {}
    sizes = {}
    surveyed = corpus.map(keys.survey, corpus.units, "mixture: survey")
    for unit, stock in zip(corpus.units, surveyed, strict=True):
        stocks[unit.source] = stocks[unit.source] + stock if unit.source in stocks else stock
        sizes[unit.index] = stock.size
    return stocks, sizes


def _quotas(
    corpus: Corpus, keys: Keys, stocks: Mapping[str, Stock], shares: Sequence[Share]
) -> dict[str, Quota]:
    """The shares as rules that a task can apply to a hash, for every source that has units."""
    borders = {s.source: border_bin(stocks[s.source].histogram, s.rest) for s in shares if s.rest}
    thresholds = _thresholds(corpus, keys, borders, {share.source: share.slack for share in shares})
    quotas = {}
    for share in shares:
        if share.source in stocks:
            stock = stocks[share.source]
            quotas[share.source] = Quota(
                copies=share.copies,
                threshold=thresholds.get(share.source, 0),
                ratio=(stock.text_packed << 20) // max(1, stock.text_raw),
                row_bytes=max(1, stock.rest_packed // max(1, stock.stored)),
            )
    return quotas


def _thresholds(
    corpus: Corpus, keys: Keys, borders: Mapping[str, tuple[int, int]], slacks: Mapping[str, int]
) -> dict[str, int]:
    """The exact selection hash at which each source's budget runs out."""
    units = [unit for unit in corpus.units if unit.source in borders]
    border = Border(keys, {source: number for source, (number, _) in borders.items()})
    found: dict[str, list[tuple[Hashes, Integers]]] = defaultdict(list)
    for unit, inside in zip(units, corpus.map(border, units, "mixture: draw"), strict=True):
        found[unit.source].append(inside)
    thresholds = {}
    for source, parts in found.items():
        selection = np.concatenate([hashes for hashes, _ in parts])
        tokens = np.concatenate([tokens for _, tokens in parts])
        thresholds[source] = threshold_of(selection, tokens, borders[source][1], slacks[source])
    return thresholds


def _bits(stocks: Mapping[str, Stock], quotas: Mapping[str, Quota], shard_bytes: int) -> int:
    """How many of a position key's highest bits name its bin: enough for `BINS_PER_SHARD`."""
    most = 0
    for source, stock in stocks.items():
        quota = quotas[source]
        once = (stock.size * quota.ratio >> 20) + stock.documents * quota.row_bytes
        most += once * (quota.copies + (quota.threshold > 0))
    return min(24, max(12, (BINS_PER_SHARD * most // shard_bytes).bit_length()))


def _weigh(
    corpus: Corpus, weigher: Weigher, units: Sequence[CorpusUnit]
) -> tuple[dict[str, _Drawn], Integers]:
    """What is drawn of every source, and the bytes on disk per bin of the position key."""
    drawn: dict[str, _Drawn] = defaultdict(_Drawn)
    weights = np.zeros(1 << weigher.bits, np.int64)
    for unit, weighing in zip(units, corpus.map(weigher, units, "mixture: weigh"), strict=True):
        sums = drawn[unit.source]
        sums.documents += weighing.documents
        sums.tokens += weighing.tokens
        sums.size += weighing.size
        sums.add_labels(weighing.labels)
        weights[weighing.bins] += weighing.weights
    return drawn, weights


def _schema(units: Iterable[CorpusUnit]) -> pa.Schema:
    distinct = {(unit.source, stored_columns(unit).serialize().to_pybytes()) for unit in units}
    stored = [(source, pa.ipc.read_schema(pa.py_buffer(schema))) for source, schema in distinct]
    return shard_schema(stored or [("", EMPTY)])


def _groups(
    units: Iterable[CorpusUnit], sizes: Mapping[int, int], most: int
) -> Iterator[tuple[CorpusUnit, ...]]:
    """Units in a row with about `most` bytes of text: small ones share a task, and so a run."""
    group: list[CorpusUnit] = []
    weight = 0
    for unit in units:
        if group and weight + sizes[unit.index] > most:
            yield tuple(group)
            group, weight = [], 0
        group.append(unit)
        weight += sizes[unit.index]
    if group:
        yield tuple(group)


def _remove_leftovers(folder: str, kept: set[str]) -> None:
    """Removes what a killed run left half written; only once all shards are there."""
    for found in names(folder):
        if found not in kept and found.endswith((".parquet", TEMPORARY)):
            remove(join(folder, found))


def _licences(shards: Iterable[Mapping[str, Mapping[str, int]]]) -> dict[str, dict[str, int]]:
    """Documents by source and licence; beyond `LICENCES` of a source, together as `other`."""
    sums: dict[str, Counter[str]] = defaultdict(Counter)
    for shard in shards:
        for source, counts in shard.items():
            sums[source].update(counts)
    kept = {}
    for source, counts in sums.items():
        ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
        kept[source] = dict(ranked[:LICENCES])
        if len(ranked) > LICENCES:
            rest = sum(documents for _, documents in ranked[LICENCES:])
            kept[source]["other"] = kept[source].get("other", 0) + rest
    return kept


def _achieved(
    shares: Iterable[Share],
    stocks: Mapping[str, Stock],
    keys: Keys,
    drawn: Mapping[str, _Drawn],
    licences: Mapping[str, Mapping[str, int]],
    censuses: Mapping[str, Census],
) -> dict[str, dict[str, Any]]:
    total = sum(sums.tokens for sums in drawn.values())
    entries = {}
    for share in shares:
        stock = stocks.get(share.source)
        tokens = stock.tokens if stock else 0
        sums = drawn.get(share.source, _Drawn())
        entries[share.source] = {
            "weight": round(float(share.weight), 6),
            "asked_tokens": share.asked,
            "tokens": sums.tokens,
            "documents": sums.documents,
            "share": round(sums.tokens / total, 6) if total else 0.0,
            "epochs": round(sums.tokens / tokens, 6) if tokens else float(share.copies),
            "available": {
                "documents": stock.living if stock else 0,
                "tokens": stock.living_tokens if stock else 0,
            },
            "reason": share.reason or (WHOLE if 100 * abs(sums.tokens - share.target) > share.target else ""),
            "licenses": dict(licences.get(share.source, {})),
        }
        if stock and (share.source in keys.repeats or share.source in censuses):
            entries[share.source]["epoch"] = {"documents": stock.documents, "tokens": stock.tokens}
        if stock and share.source in keys.repeats:
            entries[share.source]["repeat"] = keys.repeats[share.source]
        if stock and share.source in censuses:
            asked, census = keys.labels[share.source], censuses[share.source]
            sums.add_labels(np.zeros((2, len(census.documents)), np.int64))
            entries[share.source]["downsample"] = told(asked, census, *sums.labels)
    return entries
