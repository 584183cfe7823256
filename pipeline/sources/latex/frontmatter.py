r"""Title, authors and acronyms: what a document states once, and says again elsewhere."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pipeline.sources.latex.tokens import join

if TYPE_CHECKING:
    from pipeline.sources.latex.expand import Expander


@dataclass
class Acronyms:
    """Of `\\newacronym` and `\\DeclareAcronym`: key → (short form, long form); those that were said."""

    forms: dict[str, tuple[list[str], list[str]]] = field(default_factory=dict)
    said: set[str] = field(default_factory=set)


def _title(expander: "Expander", token: str) -> None:
    _noted(expander, token, expander.document.title)


def _author(expander: "Expander", token: str) -> None:
    author: list[str] = []
    _noted(expander, token, author)
    if author:
        expander.document.authors.append(author)


def _noted(expander: "Expander", token: str, into: list[str]) -> None:
    """Notes the argument and leaves it where it stands."""
    option = expander.feed.optional()
    given = expander.feed.argument()
    if given and not into:
        into += given
    expander.out.append(token)
    group = [] if given is None else ["{", *given, "}"]
    expander.feed.push(group if option is None else ["[", *option, "]", *group])


def _new_acronym(expander: "Expander", token: str) -> None:
    feed = expander.feed
    if token == r"\newacronym":
        feed.optional()
        key = join(feed.argument() or ()).strip()
        expander.acronyms.forms[key] = (feed.argument() or [], feed.argument() or [])
        return
    key = join(feed.argument() or ()).strip()
    given = {"short": "", "long": ""}
    for setting in join(feed.argument() or ()).split(","):
        name, _, value = setting.partition("=")
        if name.strip() in given:
            given[name.strip()] = value.strip().strip("{}").strip()
    if key and given["short"]:
        expander.acronyms.forms[key] = ([given["short"]], [given["long"]] if given["long"] else [])


def _acronym(expander: "Expander", token: str) -> None:
    """An acronym said: in full the first time, `large language models (LLMs)`, then short."""
    feed = expander.feed
    star = feed.star()
    option = feed.optional()
    argument = feed.argument()
    key = join(argument or ()).strip()
    forms = expander.acronyms.forms.get(key)
    if forms is None:
        if argument is not None:
            feed.push(["{", *argument, "}"])
        feed.push([] if option is None else ["[", *option, "]"])
        expander.out += [token, "*"] if star else [token]
        return
    kind = _ACRONYMS[token]
    plural = ["s"] * ("p" in kind)
    short, long = [*forms[0], *plural], [*forms[1], *plural]
    if "c" in kind and forms[1] and long[0][:1].islower():
        long[0] = long[0][0].upper() + long[0][1:]
    full = [*long, " (", *short, ")"] if forms[1] else short
    if "s" in kind:
        said = short
    elif "l" in kind:
        said = long if forms[1] else short
    elif "f" in kind or key not in expander.acronyms.said:
        said = full
    else:
        said = short
    if not set("sl") & set(kind):
        expander.acronyms.said.add(key)
    feed.push([piece for piece in said if piece])


# p: plural, c: with a capital, s: short, l: long, f: in full.
_ACRONYMS = {
    r"\gls": "", r"\glspl": "p", r"\Gls": "c", r"\Glspl": "cp", r"\acrshort": "s", r"\acrlong": "l",
    r"\acrfull": "f", r"\glsxtrshort": "s", r"\glsxtrlong": "l", r"\acrshortpl": "sp", r"\acrlongpl": "lp",
    r"\acrfullpl": "fp", r"\ac": "", r"\acp": "p", r"\acs": "s", r"\acl": "l", r"\acf": "f", r"\Ac": "c",
    r"\acsp": "sp", r"\aclp": "lp", r"\acfp": "fp", r"\Acp": "cp",
}  # fmt: skip

COMMANDS: dict[str, Callable[["Expander", str], None]] = {
    **dict.fromkeys((r"\title", r"\Title", r"\icmltitle"), _title),
    **dict.fromkeys((r"\author", r"\icmlauthor", r"\Author"), _author),
    **dict.fromkeys((r"\newacronym", r"\DeclareAcronym"), _new_acronym),
    **dict.fromkeys(_ACRONYMS, _acronym),
}
