"""What in a book's file is Project Gutenberg's and not the book's: header and licence.

Only what is recognised goes. Where the lines that mark begin and end are missing, the text is kept
whole on that side, and `markers` says so.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from pipeline.sources.books.phrases import END as END_MARK
from pipeline.sources.books.phrases import GUTENBERG, LAST_LINE, SMALL_PRINT, SMALL_PRINT_END
from pipeline.sources.books.phrases import START as START_MARK

BOTH, START, END, NONE = "both", "start", "end", "none"

_HEAD_LINES = 1000  # where the begin of the text may be marked
_TAIL_LINES = 600  # where a file without a mark at its end may have its licence
_MARK_LINES = 5  # a mark may run over so many lines
_UNKNOWN_HEAD = 60  # lines at the begin that are searched for a header where no mark ends it
_LAST_LINES = 12  # lines above the mark at the end where "End of Project Gutenberg's …" may stand


@dataclass(frozen=True)
class Cut:
    """The lines of a file in front of the text, and the text's."""

    header: list[str]
    body: list[str]
    markers: str
    recognised: bool  # whether the file speaks of Project Gutenberg where its header or licence is
    licence: list[str]


def cut(lines: Sequence[str]) -> Cut:
    """Takes header and licence off; `markers` says which of their borders were found."""
    first = _begin(lines)
    last = _finish(lines, first or 0)
    found = {(True, True): BOTH, (True, False): START, (False, True): END}
    markers = found.get((first is not None, last is not None), NONE)
    body = list(lines[first or 0 : len(lines) if last is None else last])
    header = list(lines[: first or _UNKNOWN_HEAD])
    licence = [] if last is None else list(lines[last:])
    head = any(map(GUTENBERG.search, header[:400])) and (
        first is not None or bool(GUTENBERG.search("\n".join(header[:5])))
    )
    return Cut(header, _without_inner(body), markers, head or last is not None, licence)


def _begin(lines: Sequence[str]) -> int | None:
    """The line behind the mark where the text begins; None where there is none."""
    found = None
    for at, line in enumerate(lines[:_HEAD_LINES]):
        if "*" not in line:
            continue
        if START_MARK.match(line):
            return _behind_mark(lines, at)
        if END_MARK.match(line):
            break
        if SMALL_PRINT_END.match(line):
            found = _behind_mark(lines, at)
    return found


def _behind_mark(lines: Sequence[str], at: int) -> int:
    """The line behind a mark, which may go on over some lines until its closing stars."""
    for last in range(at, min(at + _MARK_LINES, len(lines))):
        line = lines[last].rstrip()
        if not line:
            break
        if line.endswith("*") and (last > at or line.strip("* ") != ""):
            return last + 1
    return at + 1


def _finish(lines: Sequence[str], first: int) -> int | None:
    """The line where what follows the text begins; None where nothing says so."""
    end = None
    for at in range(len(lines) - 1, first - 1, -1):
        if "*" in lines[at] and END_MARK.match(lines[at]):
            end = at
            break
    if end is None:
        for at in range(max(first, len(lines) - _TAIL_LINES), len(lines)):
            line = lines[at]
            if line and (LAST_LINE.match(line) or ("*" in line and SMALL_PRINT.match(line))):
                end = at
                break
        if end is None:
            return None
        if SMALL_PRINT.match(lines[end]):
            return _above_last_line(lines, first, end)
        return end
    return _above_last_line(lines, first, end)


def _above_last_line(lines: Sequence[str], first: int, end: int) -> int:
    """Goes up over "End of Project Gutenberg's …", which stands a few lines above the mark."""
    for at in range(end - 1, max(first, end - _LAST_LINES) - 1, -1):
        if LAST_LINE.match(lines[at]):
            return at
    return end


def _without_inner(body: list[str]) -> list[str]:
    """Takes out what stands between an end mark and the next begin: volumes joined in one file."""
    marks = [
        at for at, line in enumerate(body) if "*" in line and (END_MARK.match(line) or START_MARK.match(line))
    ]
    kept: list[str] = []
    since = 0
    for mark, following in pairwise(marks):
        if mark >= since and END_MARK.match(body[mark]) and START_MARK.match(body[following]):
            kept += body[since : _above_last_line(body, since, mark)]
            kept += ["", ""]
            since = _behind_mark(body, following)
    return kept + body[since:] if since else body
