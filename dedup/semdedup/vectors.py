"""Cosines that come out the same however rows are cut: vectors on a grid of integers; clusters of them.

A sum of floats depends on its order, and so on how many rows a product has and who computes it. Here a
vector is brought to the length `GRID` and rounded to integers: all products and partial sums are then
integers below 2^24, which 32-bit floats hold exactly, in any order. A cosine is right within 0.0004.

That holds for what is compared. The centroids come from a library that adds up floats: over the same sample,
in the same order, by one thread, they are the same wherever processor and library are.
"""

import contextlib
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import PlanError
from text.hashing import random_words

Grid = NDArray[np.float32]
Numbers = NDArray[np.int64]
Floats = NDArray[np.float64]
Method = Literal["scikit-learn", "faiss"]

GRID = 4000.0  # (GRID + sqrt(d) / 2)^2 < 2^24 for all d below 36,000
DECIMALS = 4

_BLOCK = 1024  # rows at a time: brought to the grid, compared with as many
_SCORES = 1 << 24  # products of rows and centroids at a time
_ROUNDS = 20


def on_grid(vectors: NDArray[Any]) -> Grid:
    """Integers as floats, [n, d], of rows of length `GRID`; a row of zeros stays one."""
    grid = np.empty(vectors.shape, np.float32)
    for first in range(0, len(vectors), _BLOCK):
        wide = np.asarray(vectors[first : first + _BLOCK], np.float64)
        lengths = np.sqrt((wide * wide).sum(axis=1, keepdims=True))
        scaled = np.divide(wide * GRID, lengths, out=np.zeros_like(wide), where=lengths > 0)
        np.rint(scaled, out=grid[first : first + _BLOCK], casting="same_kind")
    return grid


def lengths_of(grid: Grid) -> Floats:
    """The length of each row, [n]; 1 of a row of zeros."""
    squares = np.einsum("ij,ij->i", grid, grid).astype(np.float64)
    return np.sqrt(np.where(squares > 0, squares, 1.0))


def centroids_of(sample: Grid, count: int, method: Method, seed: int) -> Grid:
    """The centroids of spherical k-means over a sample, on the grid, [k, d], k <= count.

    Dhillon and Modha 2001; scikit-learn's mini-batch k-means over unit vectors, or faiss's, in one thread.
    """
    unit = np.empty_like(sample)
    np.divide(sample, lengths_of(sample)[:, None], out=unit, casting="same_kind")
    count = min(count, len(_distinct(sample)[0]))
    if count <= 1:
        return on_grid(unit.sum(axis=0, dtype=np.float64)[None, :])
    found = _faiss(unit, count, seed) if method == "faiss" else _scikit_learn(unit, count, seed)
    grid = on_grid(found)
    return grid[grid.any(axis=1)]


def _scikit_learn(unit: Grid, count: int, seed: int) -> NDArray[Any]:
    from sklearn.cluster import MiniBatchKMeans
    from threadpoolctl import threadpool_limits

    with threadpool_limits(limits=1):
        means = MiniBatchKMeans(
            n_clusters=count, random_state=seed, n_init=1, batch_size=max(1024, 2 * count), max_iter=_ROUNDS
        ).fit(unit)
    found: NDArray[Any] = means.cluster_centers_
    return found


def version_of(method: Method) -> str:
    """The version of what finds the centroids; "" where nobody knows it."""
    for package in ("faiss-cpu", "faiss-gpu") if method == "faiss" else (method,):
        with contextlib.suppress(PackageNotFoundError):
            return f"{package} {version(package)}"
    return ""


def _faiss(unit: Grid, count: int, seed: int) -> NDArray[Any]:
    try:
        import faiss
    except ImportError as fault:
        raise PlanError(
            "kmeans: faiss is not installed: pip install faiss-cpu, or leave kmeans out"
        ) from fault
    threads = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(1)
    try:
        means = faiss.Kmeans(
            unit.shape[1], count, niter=_ROUNDS, spherical=True, seed=seed, min_points_per_centroid=1,
            max_points_per_centroid=len(unit),
        )  # fmt: skip
        means.train(np.ascontiguousarray(unit))
    finally:
        faiss.omp_set_num_threads(threads)
    found: NDArray[Any] = means.centroids
    return found


def nearest_centroids(grid: Grid, centroids: Grid) -> tuple[Numbers, Floats]:
    """The centroid with the largest cosine, of equal ones the first, and that cosine, [n] each."""
    scale = (1.0 / lengths_of(centroids)).astype(np.float32)
    nearest, cosine = np.empty(len(grid), np.int64), np.empty(len(grid))
    own = lengths_of(grid)
    step = max(1, _SCORES // len(centroids))
    for first in range(0, len(grid), step):
        rows = slice(first, first + step)
        scores = grid[rows] @ centroids.T
        scores *= scale
        best = scores.argmax(axis=1)
        nearest[rows] = best
        cosine[rows] = scores[np.arange(len(best)), best].astype(np.float64) / own[rows]
    return nearest, cosine


def planes(count: int, size: int, seed: int) -> Grid:
    """Random directions of +1 and -1, [count, size]: on which side a vector lies of each cuts a cluster."""
    words = random_words(count * size, np.uint64(seed))
    return np.where(words >> np.uint64(63), 1.0, -1.0).astype(np.float32).reshape(count, size)


def sides(grid: Grid, centre: Grid, directions: Grid) -> Numbers:
    """Which side of the directions through `centre` each row lies on, as the bits of a number, [n]."""
    # Integers beyond what 32-bit floats hold: the differences of rows are long.
    over = (grid - centre).astype(np.float64) @ directions.T.astype(np.float64) > 0
    return over.astype(np.int64) @ (1 << np.arange(len(directions)))


def best_before(grid: Grid, most: int) -> tuple[Floats, Numbers]:
    """For each row the largest cosine with a row above it, and which: 0 and -1 where none is above 0.

    most   distinct rows that are compared with one another; more are cut in two, again and again, half
           way along a line between two that lie far apart, and pairs across a cut are not seen
    Of rows that are equally near the first counts. Equal rows count as one, whatever their number.
    """
    kept, which = _distinct(grid)
    similarity, before = np.zeros(len(kept)), np.full(len(kept), -1)
    for members in _cut(grid[kept], most):
        found, place = _compared(grid[kept[members]])
        similarity[members] = found
        before[members] = np.where(place >= 0, members[place], -1)
    again = kept[which] != np.arange(len(grid))
    of_rows = np.where(again, 1.0, np.minimum(similarity[which], 1.0))
    at = np.where(again, kept[which], np.where(before[which] >= 0, kept[before[which]], -1))
    return of_rows, at


def _distinct(grid: Grid) -> tuple[Numbers, Numbers]:
    """The place of each distinct row, ascending, and which of these each row is, [n]."""
    rows = np.ascontiguousarray(grid.astype(np.int16)).view(np.dtype((np.void, 2 * grid.shape[1]))).ravel()
    _, first, which = np.unique(rows, return_index=True, return_inverse=True)
    order = np.argsort(first)
    place = np.empty(len(order), np.int64)
    place[order] = np.arange(len(order))
    return first[order], place[which.ravel()]


def _cut(grid: Grid, most: int) -> list[Numbers]:
    """Rows in pieces of at most `most`, each ascending."""
    done, todo = [], [np.arange(len(grid))]
    while todo:
        members = todo.pop()
        if len(members) <= most:
            done.append(members)
            continue
        rows = grid[members]
        one = (rows @ rows[0]).argmin()
        other = (rows @ rows[one]).argmin()
        along = (rows @ rows[one]).astype(np.float64) - (rows @ rows[other])
        order = np.argsort(along, kind="stable")
        half = len(order) // 2
        todo += [members[np.sort(order[:half])], members[np.sort(order[half:])]]
    return done


def _compared(grid: Grid) -> tuple[Floats, Numbers]:
    """`best_before` of rows that are all compared."""
    scale = (1.0 / lengths_of(grid)).astype(np.float32)
    best, place = np.zeros(len(grid), np.float32), np.full(len(grid), -1)
    for first in range(0, len(grid), _BLOCK):
        rows = slice(first, min(first + _BLOCK, len(grid)))
        for other in range(0, rows.stop, _BLOCK):
            columns = slice(other, min(other + _BLOCK, rows.stop))
            cosines = grid[rows] @ grid[columns].T
            cosines *= scale[columns]
            cosines *= scale[rows, None]
            if other == first:
                cosines[np.triu_indices(len(cosines))] = 0
            at = cosines.argmax(axis=1)
            value = cosines[np.arange(len(at)), at]
            better = value > best[rows]
            best[rows] = np.where(better, value, best[rows])
            place[rows] = np.where(better, at + other, place[rows])
    return best.astype(np.float64), place


def keepers(before: Numbers, dropped: NDArray[np.bool_]) -> Numbers:
    """The row that each one leads to from one to the row before it, as long as these are dropped, [n]."""
    root = np.where(dropped, before, np.arange(len(before)))
    while True:
        further = root[root]
        if np.array_equal(further, root):
            return root
        root = further


def ranked(keeper: Numbers) -> tuple[Numbers, Numbers]:
    """The place of each row among those with its keeper, in their order, and how many these are, [n] each."""
    order = np.argsort(keeper, kind="stable")
    sizes = np.bincount(keeper, minlength=len(keeper))
    starts = np.cumsum(sizes) - sizes
    rank = np.empty(len(keeper), np.int64)
    rank[order] = np.arange(len(keeper)) - starts[keeper[order]]
    return rank, sizes[keeper]
