"""Which pages may hold formulas, code, dates or licences, told from a few bytes of what they need.

A search by Python takes a fortieth of the time of an extraction, and one would be needed for each of these;
the kernel looks for all of them at once, many bytes at a time, and takes less than one search. What is
marked is looked at closely; what is not marked surely has none of it. Imported by the stage, not in the
isolated process, which is to start fast.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.sources.pages.signs import CODE, IMAGE, MATH, MATHJAX, PRE, STATED, TEX, TIME
from text.jit import kernel
from text.strings import Bytes, Offsets, Strings

_MORE = 4  # bytes behind the first of a mark
_BLOCK = 4096  # bytes looked at before the marks are written down


def marks(pages: Any) -> NDArray[np.uint8]:
    """[n] for an Arrow array of n pages: what each may hold (`signs`); a null has none."""
    strings = Strings.of(pages)
    return _marks(strings.data, strings.offsets)


@kernel
def _marks(data: Bytes, offsets: Offsets) -> NDArray[np.uint8]:
    found = np.zeros(len(offsets) - 1, np.uint8)
    for page in range(len(found)):
        for begin in range(offsets[page], offsets[page + 1], _BLOCK):
            size = min(_BLOCK, offsets[page + 1] - _MORE - begin)
            if size > 0:
                found[page] |= _of_block(data[begin : begin + size + _MORE], size)
    return found


@kernel
def _of_block(data: Bytes, size: int) -> int:
    """Marks that begin in the first `size` bytes; free of branches, so that it is compiled to SIMD."""
    first, second, third = data[:size], data[1 : size + 1], data[2 : size + 2]
    fourth, fifth = data[3 : size + 3], data[4 : size + 4]
    pre = code = math = mathjax = tex = image = time = stated = False
    for i in range(size):
        a, b, c, d, e = first[i], second[i], third[i], fourth[i], fifth[i]
        tag = a == ord("<")
        pre |= tag & ((b | 32) == ord("p")) & ((c | 32) == ord("r")) & ((d | 32) == ord("e"))
        code |= tag & (b == ord("c")) & (c == ord("o")) & (d == ord("d"))
        time |= tag & (b == ord("t")) & (c == ord("i")) & (d == ord("m"))
        math |= ((a == ord("<")) | (a == ord(":"))) & (b == ord("m")) & (c == ord("a")) & (d == ord("t"))
        math |= (
            ((a == ord("a")) | (a == ord("e")))
            & (b == ord("-"))
            & (c == ord("m"))
            & (d == ord("a"))
            & (e == ord("t"))
        )
        math |= (a == ord("m")) & (b == ord("a")) & (c == ord("t")) & (d == ord("h")) & (e == ord("/"))
        math |= (a == ord("t")) & (b == ord("h")) & (c == ord("t")) & (d == ord("e")) & (e == ord("x"))
        mathjax |= (a == ord("t")) & (b == ord("h")) & (c == ord("J")) & (d == ord("a"))
        quoted = (a == ord("l")) & (b == ord("t")) & (c == ord("=")) & (d == ord('"'))
        image |= quoted & ((e == ord("\\")) | (e == ord("$")) | (e == ord("{")))
        word = (b == ord("t")) & (c == ord("e")) & (d == ord("x"))
        image |= word & (a == ord('"')) & ((e == ord('"')) | (e == ord(" ")))
        spelt = (b == ord("e")) & (c == ord("t")) & (d == ord("e")) & (e == ord("x"))
        image |= spelt & (a == ord("m"))
        tex |= word & (a == ord("a"))
        image |= (a == ord("t")) & (b == ord("=")) & (c == ord("t")) & (d == ord("x"))
        stated |= (a == ord("e")) & (b == ord("P")) & (c == ord("u")) & (d == ord("b"))
        stated |= (a == ord("c")) & (b == ord("e")) & (c == ord("n")) & (d == ord("s"))
    return (
        pre * PRE | code * CODE | math * MATH | mathjax * MATHJAX | tex * TEX
        | image * IMAGE | time * TIME | stated * STATED
    )  # fmt: skip
