"""White space as browsers show it, with the line breaks of displayed formulas kept."""

import re

_MATHS = re.compile(r"(\$\$|\\(?:begin|end)\{[A-Za-z]+\*?\})")


def has_formula(text: str) -> bool:
    """Whether TeX may stand in it whose line breaks are kept."""
    return "$$" in text or "\\begin{" in text


def collapsed(pieces: list[str]) -> str:
    """The pieces as one text, runs of white space as one space, but for the lines of displayed TeX."""
    text = "".join(pieces)
    if has_formula(text):
        return _collapsed_maths(text)
    return " ".join(text.split())


def _collapsed_maths(text: str) -> str:
    """White space collapsed, but for the line breaks between `$$` and `$$`, `\\begin` and `\\end`, and
    those directly around them."""
    if "\n" not in text.strip():
        return " ".join(text.split())
    kept = []
    depth = 0
    displayed = False
    pieces = _MATHS.split(text)
    for at, piece in enumerate(pieces):
        if displayed or depth:
            kept.append(piece)
        else:
            before = at > 0 and piece.lstrip(" ").startswith("\n")
            behind = at + 1 < len(pieces) and piece.rstrip(" ").endswith("\n")
            kept.append("\n" * before + piece.replace("\n", " ") + "\n" * behind)
        if piece == "$$":
            displayed = not displayed
        elif piece.startswith("\\begin{"):
            depth += 1
        elif piece.startswith("\\end{"):
            depth = max(0, depth - 1)
    lines = (" ".join(line.split()) for line in "".join(kept).split("\n"))
    return "\n".join(line for line in lines if line)
