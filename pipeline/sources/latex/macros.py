r"""Definitions of macros: `\newcommand`, `\def`, `\let` and their kin, read into `Macro`s.

Every reader takes the definition from the feed and returns what it defines; None, with nothing
taken but the command, where it makes no sense.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from pipeline.sources.latex.feed import Feed
from pipeline.sources.latex.tokens import environment, is_space

NO_VALUE = "-NoValue-"
TRUE, FALSE = r"\BooleanTrue", r"\BooleanFalse"

# Bodies that hold these are programs that winnow does not run: their macros stay as they are.
PROGRAM = frozenset(
    rf"\{name}"
    for name in (
        *("expandafter", "csname", "futurelet", "catcode", "afterassignment", "@nextchar", "aftergroup"),
        *("@dblarg", "@testopt", "everypar", "everymath", "uppercase", "lowercase", "advance", "loop"),
        *("write", "immediate", "read", "openin", "openout", "count", "numexpr", "the", "ifdim", "ifvmode"),
        *("halign", "valign", "output", "insert", "mathchardef", "chardef", "newtoks", "toks", "scantokens"),
        *("refstepcounter", "stepcounter", "@for", "@tfor", "foreach", "forloop", "whiledo", "pgfmathparse"),
        *("lccode", "uccode", "string", "meaning", "savebox", "usebox", "sbox", "setbox", "box", "wd", "ht"),
        *("ExplSyntaxOn", "tl_set", "getvalue", "@currenvir", "AtBeginDocument", "write18", "special"),
    )
)

# What gives a document its structure keeps its name, whatever a paper makes of its looks.
KEPT = frozenset(
    rf"\{name}"
    for name in (
        *("part", "chapter", "section", "subsection", "subsubsection", "paragraph", "subparagraph"),
        *("title", "author", "date", "abstract", "maketitle", "appendix", "caption", "footnote", "label"),
        *("ref", "eqref", "pageref", "cref", "Cref", "autoref", "cite", "citet", "citep", "citealt"),
        *("citealp", "citeauthor", "citeyear", "item", "begin", "end", "emph", "textbf", "textit", "texttt"),
        *("bibliography", "bibliographystyle", "bibitem", "input", "include", "documentclass", "usepackage"),
        *("includegraphics", "href", "url", "text", "mbox", "frac", "sqrt", "left", "right", "par", "hline"),
        *("textsc", "textrm", "textsf", "underline", "multicolumn", "footnotetext", "footnotemark"),
        *("thanks", "tableofcontents", "newline", "newpage", "clearpage", "quad", "qquad", "ldots", "dots"),
        *("keywords", "affiliation", "address", "email", "institute", "ensuremath", "mathrm", "mathbf"),
    )
) | {"\\\\", r"\ ", r"\,", r"\;", r"\%", r"\&", r"\_", r"\#", r"\$", r"\{", r"\}", r"\(", r"\)", r"\[", r"\]"}
KEPT_ENVIRONMENTS = frozenset(
    (
        *("document", "abstract", "figure", "figure*", "table", "table*", "equation", "equation*", "align"),
        *("align*", "itemize", "enumerate", "description", "thebibliography", "proof", "tabular", "verbatim"),
        *("quote", "quotation", "appendix", "appendices", "longtable", "tabular*", "eqnarray", "eqnarray*"),
    )
)


@dataclass(frozen=True, slots=True)
class Macro:
    """What a control sequence stands for.

    body        tokens, and the number (from 0) of the argument that goes there
    arguments   how each is taken: `m` an argument, `o` an optional one, `s` a star, `+` whatever
                stands before `delimiters` of the same place
    defaults    of optional arguments
    prefix      tokens of a `\\def` that stand before the first parameter
    space       whether white space behind the call is kept: the body ended in `\\xspace`
    runs        whether the body is text and commands rather than a program
    ends_in_space  whether the body ends in a space: `\\ ` or `~`
    is_word     whether the body has letters to read, two at least, rather than an accent or a sign
    """

    body: tuple[str | int, ...]
    arguments: str = ""
    defaults: tuple[tuple[str, ...], ...] = ()
    delimiters: tuple[tuple[str, ...], ...] = ()
    prefix: tuple[str, ...] = ()
    space: bool = False
    runs: bool = field(init=False)
    is_word: bool = field(init=False)
    ends_in_space: bool = field(init=False)

    def __post_init__(self) -> None:
        text = "".join(token for token in self.body[:50] if isinstance(token, str) and token[0] != "\\")
        object.__setattr__(self, "runs", PROGRAM.isdisjoint(self.body))
        last = self.body[-1] if self.body else ""
        object.__setattr__(self, "ends_in_space", isinstance(last, str) and last[-1:] in (" ", "\n", "~"))
        object.__setattr__(self, "is_word", sum(map(str.isalpha, text)) > 1)


Defined = tuple[str, Macro] | None


def macro(
    body: Sequence[str],
    arguments: str = "",
    defaults: Sequence[Sequence[str]] = (),
    delimiters: Sequence[Sequence[str]] = (),
    prefix: Sequence[str] = (),
) -> Macro:
    """A macro of the tokens between its braces."""
    pieces: list[str | int] = []
    for token in body:
        if token[0] == "#" and token.__class__ is str:
            if len(token) == 2 and token[1].isdigit() and int(token[1]) <= len(arguments):
                pieces.append(int(token[1]) - 1)
            elif len(token) > 2:
                pieces.append(token[1:])  # a parameter of a definition within: ##1
            continue
        pieces.append(token)
    while pieces and isinstance(pieces[-1], str) and is_space(pieces[-1]) and r"\xspace" in pieces[-3:]:
        pieces.pop()
    space = bool(pieces) and pieces[-1] == r"\xspace"
    if space:
        pieces.pop()
    return Macro(
        tuple(pieces),
        arguments,
        tuple(map(tuple, defaults)),
        tuple(map(tuple, delimiters)),
        tuple(prefix),
        space,
    )


def _name(feed: Feed) -> str:
    r"""The name that is defined: `{\name}` or `\name`; "" if there is none."""
    feed.star()
    given = feed.argument()
    name = [token for token in given or () if not is_space(token)]
    if len(name) == 1 and name[0][0] == "\\" and name[0].__class__ is str and len(name[0]) > 1:
        return name[0]
    if given is not None:
        feed.push(["{", *given, "}"])
    return ""


def _counts(feed: Feed) -> tuple[str, list[list[str]]]:
    r"""Arguments and defaults of `[2][default]`."""
    given = "".join(feed.optional() or ()).strip()
    count = int(given) if given.isascii() and given.isdigit() and int(given) < 10 else 0
    default = feed.optional() if count else None
    if default is None:
        return "m" * count, []
    return "o" + "m" * (count - 1), [default]


def new_command(feed: Feed) -> Defined:
    name = _name(feed)
    if not name:
        return None
    arguments, defaults = _counts(feed)
    body = feed.argument()
    return None if body is None else (name, macro(body, arguments, defaults))


def define(feed: Feed) -> Defined:
    r"""`\def\name#1#2;{…}`"""
    feed.skip_space()
    name = feed.take()
    if name is None or name[0] != "\\" or environment(name):
        if name is not None:
            feed.push([name])
        return None
    prefix: list[str] = []
    delimiters: list[list[str]] = []
    while (token := feed.take()) is not None and token != "{":
        if token[0] == "#" and len(token) == 2 and len(delimiters) < 9:
            delimiters.append([])
        elif token == "#":
            break  # #{ : delimited by a brace
        else:
            (delimiters[-1] if delimiters else prefix).append(token)
        if len(prefix) > 20 or (delimiters and len(delimiters[-1]) > 20):
            return None
    if token is None:
        return None
    body = feed.until("}")
    if body is None:
        feed.push(["{"])
        return None
    if not delimiters:
        prefix = [each for each in prefix if not is_space(each)]
    return name, macro(body, "".join("+" if each else "m" for each in delimiters), (), delimiters, prefix)


def let(feed: Feed) -> tuple[str, str] | None:
    r"""`\let\name=\other`: the two names."""
    feed.skip_space()
    name = feed.take()
    if name is None:
        return None
    feed.skip_space()
    if feed.matches(["="]):
        feed.skip_space()
    other = feed.argument()
    return (name, other[0]) if name[0] == "\\" and other and len(other) == 1 else None


def operator(feed: Feed) -> Defined:
    r"""`\DeclareMathOperator{\name}{text}`"""
    star = feed.star()
    name, body = _name(feed), feed.argument()
    if not name or body is None:
        return None
    return name, macro([r"\operatorname", *("*" * star), "{", *body, "}"])


def paired(feed: Feed) -> Defined:
    r"""`\DeclarePairedDelimiter{\name}{left}{right}`: called with `*`, or with `[\big]`."""
    name, left, right = _name(feed), feed.argument(), feed.argument()
    if not name or left is None or right is None:
        return None
    body = [r"\IfBooleanTF", "{", "#1", "}", "{", r"\left", *left, "#3", r"\right", *right, "}", "{"]
    return name, macro([*body, "#2", *left, " ", "#3", " ", "#2", *right, "}"], "som", [(), ()])


def document_command(feed: Feed) -> Defined:
    r"""`\NewDocumentCommand{\name}{s o O{default} m}{…}`; None for other kinds of arguments."""
    name, given, body = _name(feed), feed.argument(), feed.argument()
    if not name or given is None or body is None:
        return None
    arguments = ""
    defaults: list[list[str]] = []
    inner = Feed()
    inner.push([token for token in given if not is_space(token)])
    while token := inner.take():
        for at, kind in enumerate(token):
            if kind in "+! \n\t":
                continue
            if kind not in "msoO" or (kind == "O" and at + 1 < len(token)):
                return None
            default = inner.argument() if kind == "O" else [NO_VALUE]
            defaults += [default or []] if kind in "oO" else [[]] * (kind == "s")
            arguments += kind.lower()
    return (name, macro(body, arguments, defaults)) if len(arguments) < 10 else None


def keyword(feed: Feed) -> Defined:
    r"""`\SetKw{Name}{text}` of algorithms: `\Name` says it."""
    name, text = feed.argument(), feed.argument()
    if not name or text is None or not "".join(name).strip().isalpha():
        return None
    return "\\" + "".join(name).strip(), macro([*text, " "])


def field_of_algorithm(feed: Feed) -> Defined:
    r"""`\SetKwInOut{Name}{text}` and `\SetKwInput` of algorithms: `\Name{x}` says `text: x` on a line."""
    defined = keyword(feed)
    if defined is None:
        return None
    title = [str(each) for each in defined[1].body[:-1]]
    return defined[0], macro([*title, ": ", "{", "#1", "}", "\\\\"], "m")


def function(feed: Feed) -> Defined:
    r"""`\SetKwFunction{Name}{text}` of algorithms: `\Name{x}` says `text(x)`."""
    defined = keyword(feed)
    if defined is None:
        return None
    return defined[0], macro([*(str(each) for each in defined[1].body[:-1]), "(", "#1", ")"], "m")


def new_environment(feed: Feed) -> tuple[str, Macro, Macro] | None:
    r"""`\newenvironment{name}[2][default]{begin}{end}`: the name and what the two ends stand for."""
    feed.star()
    name = feed.argument()
    arguments, defaults = _counts(feed)
    begin, end = feed.argument(), feed.argument()
    if not name or begin is None or end is None:
        return None
    return "".join(name).strip(), macro(begin, arguments, defaults), macro(end)


DEFINERS: dict[str, Callable[[Feed], Defined]] = {
    **{
        rf"\{name}": new_command
        for name in ("newcommand", "renewcommand", "providecommand", "DeclareRobustCommand", "newrobustcmd")
    },
    **{rf"\{name}": define for name in ("def", "gdef", "edef", "xdef")},
    **{rf"\DeclareMathOperator{star}": operator for star in ("", "s")},
    r"\DeclarePairedDelimiter": paired,
    r"\SetKw": keyword,
    r"\SetKwData": keyword,
    r"\SetKwFunction": function,
    r"\SetKwInOut": field_of_algorithm,
    r"\SetKwInput": field_of_algorithm,
    **{
        rf"\{name}DocumentCommand": document_command
        for name in ("New", "Renew", "Provide", "Declare", "NewExpandable")
    },
}


@dataclass(frozen=True)
class Package:
    """What a package or class of the paper's own gives its text: macros, and kinds of theorems."""

    macros: dict[str, Macro]
    theorems: dict[str, tuple[list[str], str, str]]


_THEOREM = re.compile(
    r"\\newtheorem(\*?)[ ]?\{([A-Za-z]{1,40})\}(?:\[([A-Za-z]{1,40})\])?"
    r"\{([A-Za-z ]{1,40})\}(?:\[([a-z]{1,40})\])?"
)


def package(text: str, tokens: Sequence[str]) -> Package:
    """What is of use in the text of a package or class."""
    theorems = {
        name: ([title], "*" if star else shared, within)
        for star, name, shared, title, within in _THEOREM.findall(text)
    }
    return Package(_harvest(tokens), theorems)


def _harvest(tokens: Sequence[str]) -> dict[str, Macro]:
    """The macros that a text may use as they stand: short, and no programs."""
    feed = Feed()
    feed.add_input(tokens)
    found: dict[str, Macro] = {}
    while (token := feed.take()) is not None:
        reader = DEFINERS.get(token)
        defined = reader(feed) if reader else None
        if defined is not None and _fit(*defined):
            found[defined[0]] = defined[1]
    return found


_LAYOUT = frozenset(
    rf"\{name}"
    for name in (
        *("vskip", "hskip", "kern", "penalty", "vbox", "vtop", "global", "def", "gdef", "let", "setlength"),
        *("parindent", "parskip", "hfil", "hfill", "vfill", "relax", "ifx", "if", "ifnum", "fi", "section"),
        *("par", "noindent", "centering", "vspace", "hspace", "addvspace", "fontsize", "selectfont"),
        *("begingroup", "endgroup", "bgroup", "egroup", "trivlist", "list", "endlist", "endtrivlist"),
        *("typeout", "PackageWarning", "ClassWarning", "message", "errmessage", "newcommand", "renewcommand"),
        *("rule", "hrule", "vrule", "baselineskip", "normalfont", "hbox", "raise", "lower", "noexpand"),
    )
)


def _fit(name: str, defined: Macro) -> bool:
    body = defined.body
    if "@" in name or name.startswith((r"\the", r"\end")) or not 0 < len(body) <= 40 or not defined.runs:
        return False
    return not any(
        isinstance(token, str) and (token in _LAYOUT or ("@" in token and token[0] == "\\")) for token in body
    )
