"""What the Markdown writer holds while it reads: the tokens, the groups that are open, what is written."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from pipeline.sources.latex import blocks
from pipeline.sources.latex.blocks import CELL
from pipeline.sources.latex.expand import Document
from pipeline.sources.latex.formulas import formula, formula_end
from pipeline.sources.latex.labels import LEVELS, numbers
from pipeline.sources.latex.structure import Structure
from pipeline.sources.latex.tokens import Verbatim, environment, join
from pipeline.sources.latex.vocabulary import ALGORITHMS, SIGNS, TABLES

Citations = Literal["keys", "drop"]

DEPTH = 60  # groups within groups that have a form of their own; deeper ones are read on as text
_SHORT = 400  # tokens of an argument that is written by itself at most


@dataclass
class Open:
    """A group or environment that is open.

    end     the environment's name, or `}`
    outer   what was written before it, where it is written apart; then `form` is what it becomes
    """

    end: str
    outer: list[str] | None = None
    form: Callable[[str], str] | None = None


class Writer:
    """Reads `tokens` from `at` on and writes; `notes`: footnotes and emphasis too."""

    def __init__(
        self, document: Document, tokens: Sequence[str], citations: Citations, notes: bool = True
    ) -> None:
        self.tokens = tokens
        self.at = 0
        self.structure = Structure(tokens)
        self.theorems = document.theorems
        self.numbers = numbers(tokens, self.structure, document.theorems, document.within)
        self.citations = citations
        self.notes = notes
        self.out: list[str] = []
        self.open: list[Open] = []
        self.floats: list[str] = []  # wait for the end of the paragraph that they stand in
        self.code: list[str] = []
        levels = [level for level in LEVELS if level in tokens]
        self.top = LEVELS.index(levels[0]) if levels else 2
        self.bodies: dict[int, Callable[[str], str]] = {}  # groups by the place of their brace: their forms
        self.steps = 0  # how far in the lines of the algorithm are
        self._brackets: list[int] = []  # where the optional arguments that are being read end
        self._apart = 0  # of the open ones, how many are written apart
        self._tables = 0
        self._algorithms = 0
        self._no_formula_before = 0

    def finished(self) -> str:
        while self.open:
            self.close()
        self.block()
        return blocks.shaped("".join(self.out), self.code)

    # Text and blocks.

    def text(self, token: str) -> None:
        text = blocks.plain(token)
        if self.floats and "\n\n" in text and not self.in_table:
            before, _, text = text.partition("\n\n")
            self.out.append(before)
            self.block()
        self.out.append(text)

    def block(self, text: str = "") -> None:
        """The end of the paragraph: floats that waited for it, and then `text`, a block of its own."""
        if not self.in_table:
            self.out += [f"\n\n{each}" for each in self.floats]
            self.floats = []
        self.out.append("\n\n")
        if text:
            self.out.append(f"{text}\n\n")

    def aside(self, text: str) -> str:
        """Has a block wait for the end of the paragraph; returns what stands in its place: nothing."""
        text = text.strip()
        if any(map(str.isalnum, text)):
            self.floats.append(text)
        return ""

    @property
    def in_table(self) -> bool:
        return self._tables > 0

    @property
    def in_algorithm(self) -> bool:
        return self._algorithms > 0

    # Groups.

    def group(self, end: str, form: Callable[[str], str] | None = None) -> None:
        """Opens a group or environment; what is written in it becomes what `form` makes of it."""
        self._tables += end in TABLES
        self._algorithms += end in ALGORITHMS
        if form is None or self._apart >= DEPTH:
            self.open.append(Open(end))
            return
        self.open.append(Open(end, self.out, form))
        self.out = []
        self._apart += 1

    def close(self) -> None:
        closed = self.open.pop()
        self._tables -= closed.end in TABLES
        if closed.end in ALGORITHMS:
            self._algorithms -= 1
            self.steps = 0
        if closed.outer is None or closed.form is None:
            return
        text = "".join(self.out)
        self.out = closed.outer
        self._apart -= 1
        self.out.append(closed.form(text))

    def sign(self, at: int, token: str) -> None:
        """A brace, a dollar or an ampersand."""
        if token == "{":
            if at and self.tokens[at - 1] == "}" and not self.in_table:
                self.out.append(" ")  # arguments of a command that is not known
            self.group("}", self.bodies.pop(at, None))
        elif token == "}":
            if self.open and self.open[-1].end == "}":
                self.close()
        elif token == "&":
            self.out.append(CELL if self.in_table else " ")
        elif not self.formula(at, token, display=token == "$$"):
            self.out.append(token)

    # Formulas.

    def formula(self, at: int, close: str, display: bool) -> bool:
        """Writes the formula that begins at `at`; False where it is not closed."""
        end = -1 if at < self._no_formula_before else formula_end(self.tokens, at, close)
        if end < 0:
            self._no_formula_before = max(self._no_formula_before, -end)
            return False
        self.at = end + 1
        self.formula_between(at + 1, end, display)
        return True

    def formula_between(self, begin: int, end: int, display: bool, around: str = "") -> None:
        text = formula(self.tokens, begin, end, self.structure, self.numbers.labels)
        if text and around:
            text = rf"\begin{{{around}}}{'' if text[0] in '{[' else chr(10)}{text}{chr(10)}\end{{{around}}}"
        if text and display and not self.in_table:
            self.out.append(f"\n$$\n{text}\n$$\n")
        elif text:
            text = text.replace("\n", " ")
            before = self.out[-1] if self.out else ""
            if len(before) > 2 and before[0] == before[-1] == "$" and before[1] != "$":
                self.out[-1] = f"{before[:-1]} {text}$"  # two dollars in a row would begin a display
            else:
                self.out.append(f"${text}$")

    # Arguments.

    def argument(self, form: Callable[[str], str]) -> None:
        """Reads the next argument and writes what `form` makes of its text."""
        self.at = self.structure.behind_space(self.at)
        token = self.tokens[self.at] if self.at < len(self.tokens) else ""
        if token == "{" and self.structure.close[self.at] >= 0:
            self.at += 1
            self.group("}", form)
        elif token.__class__ is Verbatim or (token[:1] == "\\" and not environment(token)):
            self.at += 1
            self.out.append(form(SIGNS.get(token, "") if token.__class__ is str else token))
        elif token and token[0] not in "{}$&[]" and not environment(token):
            self.at += 1
            text = token.lstrip()
            self.out.append(form(text[:1]))
            self.text(text[1:])

    def raw(self) -> str:
        """The next argument as it stands, passed over."""
        begin = self.structure.behind_space(self.at)
        self.at = self.structure.behind_arguments(begin, "m")
        inner = self.tokens[begin : self.at]
        return join(inner[1:-1] if inner and inner[0] == "{" else inner).strip()

    def option(self) -> Sequence[str] | None:
        """The tokens of the optional argument that follows, passed over; None if there is none."""
        begin = self.structure.behind_space(self.at)
        if begin >= len(self.tokens) or self.tokens[begin] != "[":
            return None
        end = self.structure.bracket(begin)
        if end < 0:
            return None
        self.at = end + 1
        return self.tokens[begin + 1 : end]

    def optional(self, form: Callable[[str], str]) -> bool:
        """Reads the optional argument that follows and writes what `form` makes of its text; False where
        there is none."""
        begin = self.structure.behind_space(self.at)
        end = -1
        if begin < len(self.tokens) and self.tokens[begin] == "[":
            end = self.structure.bracket(begin)
        if end < 0:
            return False
        self.at = begin + 1
        self._brackets.append(end)
        self.group("]", form)
        return True

    def closes(self, at: int) -> bool:
        """Closes an optional argument if it ends at `at`."""
        if not self._brackets or self._brackets[-1] != at:
            return False
        self._brackets.pop()
        if any(each.end == "]" for each in self.open[-DEPTH:]):
            while self.open[-1].end != "]":
                self.close()
            self.close()
        return True

    def skip(self, kinds: str) -> None:
        """Passes over arguments; see `Structure.behind_arguments`."""
        self.at = self.structure.behind_arguments(self.at, kinds)


def short(tokens: Sequence[str]) -> str:
    """The text of a short argument as it stands, for the mark of an item or a note of a citation."""
    tokens = tokens[:_SHORT]
    if "$" not in tokens:
        tokens = [SIGNS.get(token, token) for token in tokens if token[0] not in "\\{}" or token in SIGNS]
    return blocks.line(blocks.plain(join([token for token in tokens if token])))
