"""Bracketed remarks in a book's text, found in one pass however they are nested."""

import re
from collections.abc import Iterator

_BRACKET = re.compile(r"[\[\]]")
_LONGEST = 6000  # characters; what is longer is a bracket that somebody forgot to close


def spans(text: str, starts: "re.Pattern[str]") -> Iterator[tuple[int, int]]:
    """Where the bracketed remarks of `text` stand whose first characters match `starts`.

    First and last + 1 of each, brackets included, in the order of their ends; outermost only is
    left to the caller. A bracket that is never closed has no span.
    """
    if not starts.search(text):
        return
    opened: list[int] = []
    for found in _BRACKET.finditer(text):
        if found.group() == "[":
            opened.append(found.start())
        elif opened:
            first = opened.pop()
            if found.end() - first <= _LONGEST and starts.match(text, first):
                yield first, found.end()
