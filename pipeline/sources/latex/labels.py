r"""Numbers of sections, figures, tables, equations, theorems and items, as LaTeX would count them.

A reference then says what it says in print. Classes have ways of their own (Roman numerals,
numbers by chapter that a package sets up): numbers are right within the document, not always those
of the PDF.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from pipeline.sources.latex.structure import Structure
from pipeline.sources.latex.tokens import environment, join
from pipeline.sources.latex.vocabulary import THEOREMS

LEVELS = (
    r"\part",
    r"\chapter",
    r"\section",
    r"\subsection",
    r"\subsubsection",
    r"\paragraph",
    r"\subparagraph",
)
_NUMBERED = (r"\chapter", r"\section", r"\subsection", r"\subsubsection")
_FLOATS = {
    **dict.fromkeys(
        ("figure", "figure*", "wrapfigure", "SCfigure", "sidewaysfigure", "sidewaysfigure*"), "figure"
    ),
    **dict.fromkeys(("table", "table*", "wraptable", "sidewaystable", "longtable", "deluxetable"), "table"),
    **dict.fromkeys(("deluxetable*", "sidewaystable*", "supertabular", "longtable*", "xltabular"), "table"),
    **dict.fromkeys(("algorithm", "algorithm*", "algorithm2e"), "algorithm"),
}
_ONE = frozenset(("equation", "multline", "dmath"))
_ROWS = frozenset(("align", "gather", "eqnarray", "flalign", "alignat", "IEEEeqnarray", "xalignat"))
_LISTS = ("enumerate", "compactenum", "itemize", "description")
_CAPTIONS = (r"\caption", r"\tablecaption", r"\captionof")

Theorems = Mapping[str, tuple[list[str], str, str]]


@dataclass
class Numbers:
    """label → (kind, number); and the number of the heading, caption or theorem that starts at a token."""

    labels: dict[str, tuple[str, str]] = field(default_factory=dict)
    at: dict[int, str] = field(default_factory=dict)


def numbers(
    tokens: Sequence[str], structure: Structure, theorems: Theorems, within: Mapping[str, str]
) -> Numbers:
    """Counts through a document; `within`: of `\\numberwithin`, counter → the one it starts again with."""
    return _Counting(tokens, structure, theorems, within).run()


class _Counting:
    def __init__(
        self, tokens: Sequence[str], structure: Structure, theorems: Theorems, within: Mapping[str, str]
    ) -> None:
        self._tokens = tokens
        self._structure = structure
        self._theorems = theorems
        self._within = dict(within)
        if r"\chapter" in tokens:
            for name in ("figure", "table", "equation", "algorithm"):
                self._within.setdefault(name, "chapter")
        for name, (_, shared, inside) in theorems.items():
            if inside and not shared:
                self._within.setdefault(name, inside)
        self._count: dict[str, int] = {}
        self._appendix = False
        self._top = "chapter" if r"\chapter" in tokens else "section"
        self._found = Numbers()
        self._current = ("section", "")
        self._open: list[tuple[str, tuple[str, str]]] = []  # each with what \label meant outside
        self._row_numbered = False
        self._items: list[int] = []

    def run(self) -> Numbers:
        for at, token in enumerate(self._tokens):
            if token[0] != "\\" or token.__class__ is not str:
                continue
            if token[-1] == "}" and len(token) > 5:
                self._environment(at, token)
            elif token in LEVELS:
                self._heading(at, token)
            elif token == r"\label":
                self._label(at)
            elif token in _CAPTIONS:
                self._caption(at)
            elif token == r"\appendix" or token == r"\appendices":
                self._start_appendix()
            elif token == "\\\\" and self._open and self._open[-1][0] in _ROWS:
                self._end_row()
            elif token in (r"\nonumber", r"\notag"):
                self._row_numbered = False
            elif token == r"\tag":
                self._tag(at)
            elif token == r"\item" and self._items:
                self._items[-1] += 1
                self._current = ("item", str(self._items[-1]))
        return self._found

    def _step(self, counter: str) -> str:
        self._count[counter] = self._count.get(counter, 0) + 1
        for inner, outer in self._within.items():
            if outer == counter:
                self._count[inner] = 0
        return self._number(counter)

    def _number(self, counter: str, depth: int = 0) -> str:
        value = self._count.get(counter, 0)
        shown = chr(64 + value) if counter == self._top and self._appendix and value < 27 else str(value)
        outer = self._within.get(counter, "")
        if counter in ("subsection", "subsubsection") or (counter == "section" and self._top == "chapter"):
            outer = {"section": "chapter", "subsection": "section", "subsubsection": "subsection"}[counter]
        inside = outer != "" and outer in self._count and depth < 5  # counters may be within each other
        before = self._number(outer, depth + 1) if inside else ""
        return f"{before}.{shown}" if before else shown

    def _heading(self, at: int, token: str) -> None:
        if token not in _NUMBERED or self._starred(at):
            return
        counter = token[1:]
        for inner in _NUMBERED[_NUMBERED.index(token) + 1 :]:
            self._count[inner[1:]] = 0
        number = self._step(counter)
        self._found.at[at] = number
        self._current = ("appendix" if self._appendix and counter == self._top else counter, number)

    def _starred(self, at: int) -> bool:
        following = self._tokens[at + 1] if at + 1 < len(self._tokens) else ""
        return following.lstrip()[:1] == "*"

    def _start_appendix(self) -> None:
        if not self._appendix:
            self._appendix = True
            self._count[self._top] = 0

    def _label(self, at: int) -> None:
        after = self._structure.behind_arguments(at + 1, "m")
        label = join(self._tokens[at + 1 : after]).strip().strip("{}").strip()
        if label and self._current[1]:
            self._found.labels.setdefault(label, self._current)

    def _caption(self, at: int) -> None:
        kind = next((_FLOATS[name] for name, _ in reversed(self._open) if name in _FLOATS), "")
        inner = self._open[-1][0] if self._open else ""
        if kind and not self._starred(at) and not inner.startswith("sub"):
            number = self._step(kind)
            self._found.at[at] = number
            self._current = (kind, number)

    def _tag(self, at: int) -> None:
        after = self._structure.behind_arguments(at + 1, "m")
        number = join(self._tokens[at + 1 : after]).strip().strip("*{}$").strip()
        self._current = ("equation", number)
        self._row_numbered = False

    def _end_row(self) -> None:
        """Counts the row that ends, if it has a number, and starts the next."""
        if self._row_numbered:
            self._count["equation"] = self._count.get("equation", 0) + 1
        self._start_row()

    def _start_row(self) -> None:
        self._row_numbered = True
        self._count["equation"] = self._count.get("equation", 0) + 1
        self._current = ("equation", self._number("equation"))
        self._count["equation"] -= 1

    def _environment(self, at: int, token: str) -> None:
        name = environment(token)
        if token[1] == "e":
            self._leave(name)
            return
        if self._structure.end[at] < 0:
            return
        self._open.append((name, self._current))
        if name in _ONE or name in _ROWS:
            self._start_row()
        elif name in _LISTS:
            self._items.append(0)
        elif name in ("appendix", "appendices"):
            self._start_appendix()
        elif name in self._theorems or name in THEOREMS:
            title, shared, _ = self._theorems.get(name, ([], "", ""))
            if shared != "*":
                number = self._step(shared or name)
                self._found.at[at] = number
                self._current = (join(title) if title else THEOREMS.get(name, name), number)

    def _leave(self, name: str) -> None:
        """The end of an environment, and of those within it that have none of their own."""
        if all(name != other for other, _ in self._open[-50:]):
            return
        while self._open:
            other, outside = self._open.pop()
            if (other in _ONE or other in _ROWS) and self._row_numbered:
                self._count["equation"] = self._count.get("equation", 0) + 1
                self._row_numbered = False
            if other in _LISTS and self._items:
                self._items.pop()
            self._current = outside
            if other == name:
                return
