r"""A paper's title and authors as its own commands give them."""

from collections.abc import Sequence

from pipeline.sources.latex.expand import Document
from pipeline.sources.latex.markdown import fragment
from pipeline.sources.latex.structure import Structure
from pipeline.sources.latex.tokens import environment, is_space

_LONGEST = 2000  # tokens: more is no name
_MARKS = frozenset(
    rf"\{name}"
    for name in (
        *("inst", "thanks", "footnote", "textsuperscript", "affil", "email", "orcidlink", "orcid", "fnref"),
        *("corref", "cortext", "altaffilmark", "affiliation", "tnoteref", "corauthref", "thanksref", "ead"),
        *("IEEEauthorrefmark", "IEEEauthorblockA", "authormark", "texttt", "href", "url", "label", "hspace"),
        *("footnotemark", "tnotemark", "vspace", "fnmark", "affilnum", "authororcid", "ORCIDiD", "phantom"),
    )
)
_BETWEEN = frozenset((r"\and", r"\And", r"\AND", r"\qquad", r"\quad"))


def title(document: Document) -> str:
    """The title on one line; "" where there is none."""
    return fragment(document.title[:_LONGEST])


def author(document: Document) -> str:
    """The authors' names, with commas between; "" where there are none."""
    names: list[str] = []
    for given in document.authors:
        for part in _parts(given[:_LONGEST]):
            name = fragment(part).strip(" ,;*")
            if name and any(map(str.isalpha, name)) and len(name) <= 400 and name not in names:
                names.append(name)
    return ", ".join(names)


def _parts(tokens: Sequence[str]) -> list[list[str]]:
    r"""The names between `\and`s: each up to its first line break, without formulas (marks) and notes."""
    structure = Structure(tokens)
    parts: list[list[str]] = [[]]
    at = 0
    first_line = True
    while at < len(tokens):
        token = tokens[at]
        at += 1
        if token in _BETWEEN:
            parts.append([])
            first_line = True
        elif token == "\\\\" or environment(token):
            first_line = first_line and not any(each.strip() for each in parts[-1] if not is_space(each))
            at = structure.behind_arguments(at, "o") if token == "\\\\" else at
        elif token in _MARKS:
            at = structure.behind_arguments(at, "omm" if token == r"\href" else "om")
        elif token == "$":
            end = next((i for i in range(at, len(tokens)) if tokens[i] == "$"), len(tokens) - 1)
            at = end + 1
        elif first_line:
            parts[-1].append(token)
    return parts
