r"""What `\ref`, `\cite` and their kin say in running text."""

from collections.abc import Mapping, Sequence

from pipeline.sources.latex.blocks import JOIN
from pipeline.sources.latex.vocabulary import CITES_IN_TEXT, KINDS

_NAMED = frozenset((r"\autoref", r"\cref", r"\Cref", r"\fref", r"\Fref", r"\vref", r"\Vref", r"\Autoref"))
_KIND_OF = {r"\secref": "Section", r"\figref": "Figure", r"\tabref": "Table", r"\thmref": "Theorem",
            r"\lemref": "Lemma"}  # fmt: skip


def reference(token: str, names: str, labels: Mapping[str, tuple[str, str]]) -> str:
    r"""The number of a label, with its kind where the command names it (`\cref`); the label itself, in
    brackets, where nothing bears it."""
    if token in (r"\pageref", r"\cpageref"):
        return ""
    told = [
        _one(token, name.strip(), labels)
        for name in (names.split(",") if token in _NAMED else (names,))
        if name.strip()
    ]
    if len(told) < 2:
        return "".join(told)
    return f"{', '.join(told[:-1])} and {told[-1]}"


def _one(token: str, name: str, labels: Mapping[str, tuple[str, str]]) -> str:
    kind, number = labels.get(name, ("", ""))
    if not number:
        return f"[{name}]"
    if token == r"\eqref" or (token in _NAMED and kind == "equation"):
        number = f"({number})"
    if token in _NAMED:
        return f"{KINDS.get(kind, kind)} {number}"
    if token in _KIND_OF:
        return f"{_KIND_OF[token]} {number}"
    return number


def citation(token: str, notes: Sequence[str], keys: str, kept: bool) -> str:
    """Pandoc's form of a citation, `[see @key, p. 3]`, or `@key` where it is part of the sentence."""
    names = [name.strip() for name in keys.split(",") if name.strip()]
    if not kept or not names:
        return JOIN
    cited = [f"@{name}" for name in names]
    before, after = (notes[0], notes[1]) if len(notes) > 1 else ("", notes[0] if notes else "")
    if token in CITES_IN_TEXT:
        last = f" [{after}]" if after else ""
        return " and ".join(filter(None, (", ".join(cited[:-1]), cited[-1]))) + last
    inside = "; ".join(cited)
    return f"[{before}{' ' if before else ''}{inside}{', ' if after else ''}{after}]"
