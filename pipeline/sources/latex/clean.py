r"""What of a document is kept, and as LaTeX how it is written: without front matter and bibliography."""

import re
from collections.abc import Sequence
from typing import Literal

from pipeline.sources.latex.structure import Structure
from pipeline.sources.latex.tokens import Verbatim, join

Start = Literal["section", "abstract", "document"]

_SECTIONS = (
    (r"\part", r"\chapter", r"\section"),
    (r"\heading", r"\beginsection", r"\head", r"\sect", r"\subsection", r"\subsubsection", r"\paragraph"),
)
_FRONT = (r"\end{abstract}", r"\endabstract", r"\end{frontmatter}", r"\maketitle", r"\end{titlepage}")
_ABSTRACT = (r"\begin{abstract}", r"\abstract", r"\abst", r"\Abstract")
_BIBLIOGRAPHIES = ("thebibliography", "references", "REFERENCES", "biblist", "mcbibliography")
_COMMANDS = frozenset(
    rf"\{name}"
    for name in (
        *("bibliography", "bibliographystyle", "printbibliography", "nocite", "bibdata", "bibstyle"),
        *("addbibresource", "putbib", "nobibliography", "bibliographyunit", "refname"),
    )
)
_OF_BIBLIOGRAPHIES = _COMMANDS | {rf"\begin{{{name}}}" for name in _BIBLIOGRAPHIES}
_APPENDIX = frozenset((r"\appendix", r"\begin{appendix}", r"\begin{appendices}", r"\appendices"))
_REFERENCES = re.compile(
    r"(?:references|bibliography|literature( cited)?|works cited|références|bibliographie|literatur"
    r"|literaturverzeichnis|referencias|bibliografía|bibliografia|riferimenti bibliografici)[.:]?",
    re.IGNORECASE,
)
_BACK = 40  # tokens before a bibliography that are looked at for its heading


def kept(
    tokens: Sequence[str], start: Start, bibliography: bool, appendix: bool, references: Sequence[str] = ()
) -> list[str]:
    """The tokens of the document's body that are asked for.

    start        `section`: from the first section on, or where the front matter ends if there is none
    references   the bibliography that BibTeX made, to stand in for `\\bibliography`
    """
    found = list(tokens[_start(tokens, start) :])
    if not appendix:
        first = next((at for at, token in enumerate(found) if token in _APPENDIX), len(found))
        del found[first:]
    return _with_references(found, references) if bibliography else _without_bibliography(found)


def _start(tokens: Sequence[str], start: Start) -> int:
    if start == "document":
        return 0
    if start == "abstract":
        at = _first(tokens, _ABSTRACT)
        if at is not None:
            return at
    for wanted in _SECTIONS:
        at = _first(tokens, wanted)
        if at is not None:
            return at
    ends = [at for at, token in enumerate(tokens) if token in _FRONT]
    return ends[-1] + 1 if ends else 0


def _first(tokens: Sequence[str], wanted: Sequence[str]) -> int | None:
    return next((at for at, token in enumerate(tokens) if token in wanted), None)


def _without_bibliography(tokens: list[str]) -> list[str]:
    places = [at for at, token in enumerate(tokens) if token in _OF_BIBLIOGRAPHIES]
    if not places:
        return tokens
    structure = Structure(tokens)
    found: list[str] = []
    done = 0
    for at in places:
        if at < done:
            continue
        token = tokens[at]
        found += tokens[done:at]
        if token in _COMMANDS:
            if token in (r"\bibliography", r"\printbibliography"):
                _drop_heading(found)
            done = structure.behind_arguments(at + 1, "om")
        else:
            _drop_heading(found)
            done = _behind_bibliography(tokens, structure, at)
    found += tokens[done:]
    return found


def _behind_bibliography(tokens: Sequence[str], structure: Structure, at: int) -> int:
    """Behind its end; where that is missing, the next heading."""
    end = structure.end[at]
    if end >= 0:
        return end + 1
    after = range(at + 1, len(tokens))
    return next((i for i in after if tokens[i] in _SECTIONS[0] or tokens[i] in _APPENDIX), len(tokens))


def _drop_heading(found: list[str]) -> None:
    """Takes off `\\section*{References}` where nothing has come behind it."""
    first = max(0, len(found) - _BACK)
    for at in range(len(found) - 1, first - 1, -1):
        if found[at] in (r"\section", r"\chapter", r"\subsection"):
            tail = join(found[at + 1 :])
            title = re.match(r"\*?\s*(?:\[[^\]]*\])?\s*\{([^{}]*)\}", tail)
            if title and _REFERENCES.fullmatch(title.group(1).strip()):
                del found[at:]
            return


def _with_references(tokens: list[str], references: Sequence[str]) -> list[str]:
    if not references or any(token == r"\begin{thebibliography}" for token in tokens):
        return tokens
    for at, token in enumerate(tokens):
        if token in (r"\bibliography", r"\printbibliography"):
            return [*tokens[:at], *references, *tokens[Structure(tokens).behind_arguments(at + 1, "om") :]]
    return [*tokens, "\n\n", *references]


_EMPTY_LINES = re.compile(r"\n{3,}")


def latex(tokens: Sequence[str]) -> str:
    """The tokens as LaTeX: no space at the end of lines, one empty line at most; verbatim text as it is."""
    parts: list[str] = []
    held: list[str] = []
    for token in tokens:
        if token.__class__ is Verbatim and "\n" in token:
            parts += (_tidy(join(held)), token)
            held = []
        else:
            held.append(token)
    parts.append(_tidy(join(held)))
    return "".join(parts).strip()


def _tidy(text: str) -> str:
    *lines, last = text.split("\n")
    return _EMPTY_LINES.sub("\n\n", "\n".join([*(line.rstrip(" \t") for line in lines), last]))
