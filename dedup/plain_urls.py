"""Normal forms of the many URLs that are nearly in theirs, straight over their bytes.

What these kernels do not take is left to `dedup.url.normalise`, which says what a normal form is: they
take a URL only where the two agree.
"""

import numpy as np
from numpy.typing import NDArray

from text.hashing import MULTIPLIER, SEED, Hashes
from text.jit import kernel
from text.strings import Bytes, Offsets

HOST, PATH, QUERY = 1, 2, 4  # what a byte may stand in and stays as it is

_SLASH, _DOT, _COLON, _PERCENT = 47, 46, 58, 37
_QUESTION, _AND, _EQUALS = 63, 38, 61
_H, _T, _P, _S, _W = 104, 116, 112, 115, 119


def name_hashes(names: frozenset[str] | tuple[str, ...]) -> Hashes:
    """The hashes by which `plain` knows names of parameters, all in small letters."""
    hashes = np.empty(len(names), np.uint64)
    for at, name in enumerate(sorted(names)):
        code = int(SEED)
        for byte in name.encode():
            code = ((code ^ byte) * int(MULTIPLIER)) & 0xFFFFFFFFFFFFFFFF
        hashes[at] = code
    return hashes


@kernel
def _unchanged(data: Bytes, first: int, last: int, classes: Bytes, where: int) -> bool:
    """Whether all of these bytes may stand there, or are escapes of what is not ASCII, in capitals."""
    at = first
    while at < last:
        if data[at] == _PERCENT:
            if at + 2 >= last:
                return False
            high, low = data[at + 1], data[at + 2]
            if not (56 <= high <= 57 or 65 <= high <= 70) or not (48 <= low <= 57 or 65 <= low <= 70):
                return False
            at += 3
        elif classes[data[at]] & where:
            at += 1
        else:
            return False
    return True


@kernel
def _in_order(data: Bytes, first: int, last: int, names: Hashes, prefixes: Hashes) -> bool:
    """Whether a query has its parameters in the order of their names, none empty or one of `names`."""
    before, before_end = first, first  # the name of the parameter before
    at = first
    while True:
        code = SEED
        name = at
        while at < last and data[at] != _AND and data[at] != _EQUALS:
            byte = data[at]
            if 65 <= byte <= 90:
                byte += np.uint8(32)
            code = (code ^ np.uint64(byte)) * MULTIPLIER
            for known in prefixes:
                if code == known:
                    return False
            at += 1
        for known in names:
            if code == known:
                return False
        end = at
        while at < last and data[at] != _AND:
            at += 1
        if at == name:
            return False
        shorter = min(end - name, before_end - before)
        differ = 0
        while differ < shorter and data[name + differ] == data[before + differ]:
            differ += 1
        if differ < shorter:
            if data[name + differ] < data[before + differ]:
                return False
        elif end - name < before_end - before:
            return False
        if at == last:
            return True
        before, before_end = name, end
        at += 1


@kernel
def _is_www(data: Bytes, at: int) -> bool:
    found: bool = data[at] == _W and data[at + 1] == _W and data[at + 2] == _W and data[at + 3] == _DOT
    return found


@kernel
def plain(
    data: Bytes, offsets: Offsets, classes: Bytes, names: Hashes, prefixes: Hashes
) -> tuple[Bytes, Offsets, NDArray[np.bool_]]:
    """Normal forms, one behind the other, empty for URLs that are not taken, and which are, [n].

    classes   [256] uint8, of each byte where it may stand: `HOST`, `PATH`, `QUERY`
    names, prefixes   `name_hashes` of parameters that say nothing of the page, and of what they begin with
    """
    n = len(offsets) - 1
    out = np.empty(offsets[n] - offsets[0], np.uint8)
    cut = np.zeros(n + 1, np.int64)
    taken = np.zeros(n, np.bool_)
    end = 0
    for row in range(n):
        cut[row + 1] = end
        at, last = offsets[row], offsets[row + 1]
        if last - at < 8 or data[at] != _H or data[at + 1] != _T or data[at + 2] != _T or data[at + 3] != _P:
            continue
        at += 5 if data[at + 4] == _S else 4
        if last - at < 4 or data[at] != _COLON or data[at + 1] != _SLASH or data[at + 2] != _SLASH:
            continue
        host = path = at + 3
        while path < last and classes[data[path]] & HOST:
            path += 1
        if path == host or data[host] == _DOT or data[path - 1] == _DOT:
            continue
        if path < last and data[path] != _SLASH:
            continue
        if path - host > 4 and _is_www(data, host):
            if data[host + 4] == _DOT or (path - host > 8 and _is_www(data, host + 4)):
                continue
            for at in range(host + 4, path):
                if data[at] == _DOT:  # a name of two parts and more behind it
                    host += 4
                    break
        query = path
        while query < last and data[query] != _QUESTION:
            query += 1
        stop = query
        while stop > path and data[stop - 1] == _SLASH:
            stop -= 1
        if not _unchanged(data, path, stop, classes, PATH):
            continue
        dotted = False
        for at in range(path + 1, stop):
            dotted |= data[at] == _DOT and data[at - 1] == _SLASH
        if dotted:
            continue
        if query + 1 < last:
            first = query + 1
            if not _unchanged(data, first, last, classes, QUERY) or not _in_order(
                data, first, last, names, prefixes
            ):
                continue
        taken[row] = True
        out[end] = out[end + 1] = _SLASH
        end += 2
        for at in range(host, stop):
            out[end] = data[at]
            end += 1
        if stop == path:
            out[end] = _SLASH
            end += 1
        if query + 1 < last:
            for at in range(query, last):
                out[end] = data[at]
                end += 1
        cut[row + 1] = end
    return out[:end], cut, taken
