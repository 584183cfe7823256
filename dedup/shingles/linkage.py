"""Clusters of MinHash: connected components of similar documents, and at what similarity they join.

One task takes the similar pairs from the most similar on and unites their components; the pairs that
unite two are kept, a maximum spanning forest. Of two documents of a cluster the least similarity on
their way through it is the highest threshold at which they are still together (single linkage; Gower
and Ross 1969, Minimum spanning trees and single linkage cluster analysis). So for each document it is
known up to which threshold one stands before it: any stricter one can be applied without a new run.
"""

from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from dedup.blocks import Numbers, Rows, pieces_of, read_block, write_blocks
from dedup.order import RANKED
from dedup.shingles.candidates import EDGES
from dedup.shingles.verify import SIMILAR, descending
from dedup.unionfind import CHUNK, flatten, mapped, roots, unite
from pipeline.exchange import among, part_of, schema_of, write_by_document
from pipeline.store import join, make_folder, parquet_file
from text.hashing import mix_array
from text.jit import kernel

LEVELS = schema_of(document=pa.int64(), jaccard=pa.float64())
Jaccards = NDArray[np.float64]

_ROOTS = np.dtype([("document", "<i8"), ("root", "<i8")])
_BLOCKS = 64  # that a file of roots is cut into
_SPAN = CHUNK // _BLOCKS


def all_alike(edge_files: Sequence[str]) -> Iterator[Rows]:
    """Pairs that are taken at their word, as rows of SIMILAR of similarity 1."""
    for path in edge_files:
        for piece in pieces_of(path, 0, EDGES):
            rows = np.empty(len(piece), SIMILAR)
            rows["left"], rows["right"], rows["jaccard"] = piece["left"], piece["right"], 1.0
            yield rows


def write_clusters(
    folder: str,
    count: int,
    parts: int,
    temporary: str | None,
    edges: tuple[Sequence[str], Sequence[str]],
) -> str:
    """Joins documents to clusters; leaves their roots for `root_of` and the forest, by the block of the root.

    edges   files of EDGES, taken at their word, and of SIMILAR
    """
    make_folder(folder)
    alike, similar = edges
    forest = join(folder, "forest.all")
    with mapped(count, temporary) as parents:

        def united() -> Iterator[tuple[Rows, Numbers]]:
            for source in (all_alike(alike), descending(similar)):
                for rows in source:
                    ends = (np.ascontiguousarray(rows[name]) for name in ("left", "right"))
                    rows = rows[unite(parents, *ends)]
                    yield rows, np.zeros(len(rows), np.int64)

        write_blocks(forest, SIMILAR, united(), 1)
        flatten(parents)
        for number, (documents, root) in enumerate(roots(parents)):
            rows = np.empty(len(documents), _ROOTS)
            rows["document"], rows["root"] = documents, root
            path = join(folder, f"{number:06d}.roots")
            write_blocks(path, _ROOTS, [(rows, documents // _SPAN % _BLOCKS)], _BLOCKS)

        def cut() -> Iterator[tuple[Rows, Numbers]]:
            for rows in pieces_of(forest, 0, SIMILAR):
                root = parents[rows["left"]]
                yield rows, part_of(root_keys(np.where(root < 0, ~root, root)), parts)

        return write_blocks(join(folder, "forest"), SIMILAR, cut(), parts)


def root_keys(root: Numbers) -> NDArray[np.uint64]:
    """The key of each root, [n]: well mixed, different for each."""
    return mix_array(root.astype(np.uint64))


def root_of(folder: str, documents: Numbers) -> tuple[Numbers, NDArray[np.bool_]]:
    """The least document of the cluster of each of `documents`, ascending, and whether it has others."""
    root, known = documents.copy(), np.zeros(len(documents), np.bool_)
    if not len(documents):
        return root, known
    first, last = int(documents[0]) // _SPAN, int(documents[-1]) // _SPAN
    for span in range(first, last + 1):
        path = join(folder, f"{span // _BLOCKS:06d}.roots")
        rows = read_block([path], span % _BLOCKS, _ROOTS)
        at = np.searchsorted(documents, rows["document"])
        here = at < len(documents)
        here[here] = documents[at[here]] == rows["document"][here]
        root[at[here]] = rows["root"][here]
        known[at[here]] = True
    return root, known


def write_levels(folder: str, forest: str, rank_files: Sequence[Sequence[str]], part: int) -> str:
    """Up to which similarity each document of the partition stands behind another one, by document.

    rank_files   as `Labels.files`
    """
    tables = [RANKED.empty_table().select(["document", "rank"])]
    for path in rank_files[part]:
        with parquet_file(path) as file:
            tables.append(file.read(columns=["document", "rank"]))
    table = pa.concat_tables(tables)
    table = table.take(pc.sort_indices(table, sort_keys=[("document", "ascending")]))
    document, rank = table.column("document").to_numpy(), table.column("rank").to_numpy().astype(np.int64)
    del table, tables  # a cluster may be of millions
    rows = read_block([forest], part, SIMILAR)
    descent = np.argsort(-rows["jaccard"], kind="stable")
    left, right, jaccard = (rows[name][descent] for name in ("left", "right", "jaccard"))
    del rows, descent
    # Documents of an index are not among those ranked here: they stand before all that are.
    others = np.unique(np.concatenate([ends[~among(ends, document)] for ends in (left, right)]))
    every = document
    if len(others):
        every = np.concatenate([document, others])
        order = np.argsort(every)
        every, rank = every[order], np.concatenate([rank, np.full(len(others), -1)])[order]
    left, right = np.searchsorted(every, left), np.searchsorted(every, right)
    found = _levels(rank, left, right, jaccard)
    path = join(folder, f"{part:06d}.parquet")
    told = {"document": document, "jaccard": found[np.searchsorted(every, document)]}
    write_by_document(path, LEVELS, [pa.table(told, schema=LEVELS)])
    return path


@kernel
def _levels(rank: Numbers, left: Numbers, right: Numbers, jaccard: Jaccards) -> Jaccards:
    """For each document the similarity at which it meets one with a lower rank, 0 where it never does.

    left, right, jaccard   the edges of a forest, from the most similar on
    """
    parents = np.arange(len(rank))  # a root is the document of the lowest rank
    found = np.zeros(len(rank), np.float64)
    for i in range(len(left)):
        a, b = left[i], right[i]
        while parents[a] != a:
            parents[a] = parents[parents[a]]
            a = parents[a]
        while parents[b] != b:
            parents[b] = parents[parents[b]]
            b = parents[b]
        if rank[b] < rank[a]:
            a, b = b, a
        parents[b] = a
        found[b] = jaccard[i]
    return found
