"""Formulas, kept as TeX: where one ends, and its text."""

from collections.abc import Mapping, Sequence

from pipeline.sources.latex.references import reference
from pipeline.sources.latex.structure import Structure
from pipeline.sources.latex.tokens import environment, is_space, join, paragraph_in
from pipeline.sources.latex.vocabulary import REFERENCES

Labels = Mapping[str, tuple[str, str]]


def formula_end(tokens: Sequence[str], at: int, close: str = "") -> int:
    r"""Where the formula that begins at `at` (`$`, `$$`, `\(`, `\[`) is closed.

    Minus the place where the search ended if it is not, before the next empty line outside braces:
    nothing that begins before there is closed either.
    """
    opened = tokens[at]
    close = close or opened
    depth = 0
    here = at + 1
    for here in range(at + 1, len(tokens)):
        token = tokens[here]
        first = token[0]
        if first == "{":
            depth += 1
        elif first == "}":
            depth -= 1
            if depth < 0:
                return -here
        elif depth == 0:
            if token == close:
                return here
            if "\n" in token and first != "\\" and _empty_line(token):
                return -here
            if first == "\\" and len(token) > 5 and environment(token) == "document":
                return -here
    return -max(here, at + 1)


def _empty_line(token: str) -> bool:
    lines = token.split("\n")
    return any(not line.strip() for line in lines[1:-1])


def formula(tokens: Sequence[str], begin: int, end: int, structure: Structure, labels: Labels) -> str:
    r"""The TeX of the tokens of a formula: labels as `\tag`s, references as what they say, no empty lines."""
    kept: list[str] = []
    at = begin
    while at < end:
        token = tokens[at]
        if token[0] == "\\" and token.__class__ is str:
            if token == r"\label" or token in REFERENCES:
                after = min(end, structure.behind_arguments(at + 1, "*m"))
                name = join(tokens[at + 1 : after]).strip("{}* \n\t")
                if token != r"\label":
                    kept.append(reference(token, name, labels))
                elif labels.get(name, ("", ""))[0] == "equation" and not _tagged(tokens, begin, end):
                    kept.append(rf"\tag{{{labels[name][1]}}}")
                at = after
                continue
        elif is_space(token):
            token = "\n" if "\n" in token else " "
        elif "\n" in token and paragraph_in(token):
            token = "\n".join(line for line in token.split("\n") if line.strip())
        kept.append(token)
        at += 1
    text = join(piece for piece in kept if piece)
    return "\n".join(line for each in text.split("\n") if (line := each.strip()))


def _tagged(tokens: Sequence[str], begin: int, end: int) -> bool:
    return r"\tag" in tokens[begin:end]
