r"""Where in a document the reading is: in how many groups, and whether in a formula."""

MATH = frozenset(
    (
        *("math", "displaymath", "equation", "equation*", "align", "align*", "gather", "gather*", "multline"),
        *("multline*", "eqnarray", "eqnarray*", "flalign", "flalign*", "alignat", "alignat*", "dmath"),
        *("dmath*", "IEEEeqnarray", "IEEEeqnarray*", "xalignat", "xalignat*", "numcases", "empheq"),
    )
)
_TEXT = frozenset(
    rf"\{name}"
    for name in (
        *("text", "mbox", "hbox", "textrm", "textnormal", "textbf", "textit", "textsf", "texttt", "emph"),
        *("intertext", "shortintertext", "tag", "textup", "textsc", "fbox", "parbox"),
    )
)
_CONDITIONAL = frozenset((r"\else", r"\fi", r"\or"))
_HEEDED = _TEXT | {r"\(", r"\[", r"\)", r"\]", r"\begingroup", r"\bgroup", r"\endgroup", r"\egroup"}


class Modes:
    """Groups and formulas, told token by token.

    depth     groups and environments that are open
    formula   what the current formula began with: `$`, `$$`, `\\[`, `\\(` or an environment's name;
              "" in text
    """

    def __init__(self) -> None:
        self.depth = 0
        self.formula = ""
        self._begun = 0  # depth at which the formula began
        self._outer: list[tuple[int, str, int]] = []  # formulas that go on behind the group of that depth
        self._text_next = False

    def reset(self) -> None:
        self.depth = 0
        self.formula = ""
        self._begun = 0
        self._outer.clear()
        self._text_next = False

    @property
    def math(self) -> bool:
        return self.formula != ""

    @property
    def display(self) -> bool:
        return self.formula not in ("", "$", r"\(")

    def command(self, token: str) -> bool:
        """A command that is no macro; whether it never means anything here."""
        if token not in _HEEDED:
            return token not in _CONDITIONAL and token[1:3] not in ("if", "If")
        if token in _TEXT:
            self._text_next = True
        elif token in (r"\(", r"\["):
            self.formula = self.formula or token
        elif token in (r"\)", r"\]") and self.formula in (r"\(", r"\["):
            self.formula = ""
        elif token in (r"\begingroup", r"\bgroup"):
            self.depth += 1
        elif token in (r"\endgroup", r"\egroup"):
            self.leave()
        return False

    def seen(self, token: str) -> None:
        """A brace or a dollar."""
        if token == "{":
            self.depth += 1
            if self._text_next and self.formula:
                self._outer.append((self.depth, self.formula, self._begun))
                self.formula = ""
            self._text_next = False
        elif token == "}":
            self.leave()
        elif not self.formula:
            self.formula, self._begun = token, self.depth
        elif self.depth <= self._begun and (token == self.formula or self.formula in ("$", "$$")):
            # A double dollar within single ones closes the formula and begins the next.
            self.formula = self.formula if token == "$$" != self.formula else ""

    def line(self, token: str) -> None:
        """The text of a formula between single dollars: an empty line ends it, as TeX would have it."""
        if "\n\n" in token or not all(line.strip() for line in token.split("\n")[1:-1]):
            self.formula = ""

    def enter(self, environment: str) -> None:
        """The beginning of an environment."""
        self.depth += 1
        if environment in MATH and not self.formula:
            self._outer.append((self.depth, "", 0))
            self.formula, self._begun = environment, self.depth

    def leave(self) -> None:
        """The end of a group or an environment."""
        while self._outer and self._outer[-1][0] >= self.depth:
            _, self.formula, self._begun = self._outer.pop()
        self.depth = max(0, self.depth - 1)
