"""Punctuation and brackets around what was taken out of a line.

`Foo (REMOVED; born 1950)` becomes `Foo (born 1950)`, `Foo (REMOVED, REMOVED) is` becomes `Foo is`.
Brackets and commas elsewhere stay as they are.
"""

from pipeline.sources.wikitext.templates import REMOVED

_OPEN = frozenset("([（「")
_CLOSE = frozenset(")]）」")
_SIGNS = ",;:،؛、，；：·/"
_PAD = _SIGNS + " "
_DASHES = _PAD + "–—-"
_CLINGING = frozenset(".!?。！？%")  # no space before them


def closed(line: str) -> str:
    """`line` with its gaps closed; each piece between two gaps is looked at once or twice."""
    first, *others = line.split(REMOVED)
    kept = [first] if first else []
    spaced = False  # a space was seen since the last piece that was kept
    for piece in others:
        if not piece.strip(_PAD):
            spaced = spaced or bool(piece)
            continue
        _join(kept, piece, spaced)
        spaced = False
    if kept and others and spaced:
        kept[-1] = kept[-1].rstrip(" ")
    return "".join(kept)


def _join(kept: list[str], right: str, spaced: bool) -> None:
    """Adds the piece behind a gap to the pieces before it."""
    while True:
        left = kept.pop() if kept else ""
        before = left.rstrip(_PAD)
        behind = right.lstrip(_PAD)
        while not before and kept:
            left = kept.pop()
            before = left.rstrip(_PAD)
        if behind[:1] in _CLOSE and behind:
            bare = before.rstrip(_DASHES)
            if bare[-1:] in _OPEN and bare:  # nothing is left between these brackets
                if bare[:-1]:
                    kept.append(bare[:-1])
                right = behind[1:]
                if not right:
                    if kept:
                        kept[-1] = kept[-1].rstrip(" ")
                    return
                spaced = spaced or right[0] == " "
                continue
            kept += [before, behind]
            return
        break
    if not before:
        kept.append(behind if not left.strip() else left + behind)
    elif before[-1] in _OPEN:
        kept += [before, behind]
    else:
        _bridge(kept, before, left[len(before) :], right[: len(right) - len(behind)], behind, spaced)


def _bridge(kept: list[str], before: str, left: str, right: str, behind: str, spaced: bool) -> None:
    """Puts one sign and one space, where there were some, between what stands before and behind."""
    signs_left, signs_right = left.strip(" "), right.strip(" ")
    if behind[0] in _CLINGING and not signs_right and not behind.startswith(".."):
        kept.append(before + (signs_left if behind[0] not in ".。" else ""))
        kept.append(behind[1:] if before[-1] == behind[0] == "." else behind)
        return
    sign = signs_right or signs_left
    space = " " if spaced or " " in left or " " in right else ""
    kept += [before + sign + space, behind]
