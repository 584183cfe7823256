r"""Cuts LaTeX into tokens, and joins tokens to LaTeX again.

A token is a string: a control sequence (`\alpha`, `\%`), `\begin{name}` or `\end{name}` whole, one of
`{ } [ ] & $ $$`, a parameter (`#1`, `##1`), or a run of other characters, white space included.
Comments are gone, and so are `comment` environments. What TeX reads character by character
(`verbatim` and its kin, `\verb`, addresses) is one `Verbatim`.

The source is read in two layers: one expression finds what changes how the text behind it is to be
read (a comment, a verbatim environment); another cuts what stands between. Both go forwards only.
"""

import re
from collections.abc import Iterable

RUN = 4096  # characters of a run of text at most: an argument is split off it, and that copies it

VERBATIM = frozenset(
    (
        *("verbatim", "verbatim*", "Verbatim", "Verbatim*", "BVerbatim", "LVerbatim", "lstlisting", "minted"),
        *("alltt", "code", "Code", "CodeInput", "CodeOutput", "Sinput", "Soutput", "Schunk", "pythoncode"),
        *("tcblisting", "semiverbatim"),
    )
)
DROPPED = frozenset(("comment", "filecontents", "filecontents*"))

_PLAIN = re.compile(
    r"\\(?:begin|end)[ \t]*\n?[ \t]*\{[^\\{}%$#\n]{0,80}\}|\\[A-Za-z]+|\\.|\\|\$\$?|[{}\[\]&]|#+[1-9]?"
    rf"|[^\\{{}}\[\]&$#]{{1,{RUN}}}",
    re.DOTALL,
)
_WITH_AT = re.compile(_PLAIN.pattern.replace(r"\\[A-Za-z]+", r"\\[A-Za-z@]+"), re.DOTALL)
_SPECIAL_COMMAND = (
    r"\\(?:verb\*?(?![A-Za-z])|lstinline(?![A-Za-z])|mintinline(?![A-Za-z])|makeat(?:letter|other)(?![A-Za-z])"
    r"|(?:url|path|nolinkurl|href)[ \t]*\{[^{}\n\\]*\}"
    r"|begin[ \t]*\{[A-Za-z]{1,40}\*?\})"
)
# What is passed over before it: other characters, and commands with the character behind the backslash.
_SPECIAL = re.compile(
    rf"(?:[^%\\]++|\\[^vlmupnhb]|(?!{_SPECIAL_COMMAND})\\.)*+(%|{_SPECIAL_COMMAND})", re.DOTALL
)
# A comment goes with the end of its line and the indent of the next, unless that is an empty line.
_COMMENT = re.compile(r"[^\n]*(?:\n(?![ \t]*\n)[ \t]*)?")
_NEW_VERBATIM = re.compile(
    r"\\(?:DefineVerbatimEnvironment|lstnewenvironment|newtcblisting|newminted)(?:\[[^\]\n]{0,40}\])?"
    r"[ \t]*\{([A-Za-z]{1,40})\}"
)
_NEW_COMMENT = re.compile(r"\\excludecomment[ \t]*\{([A-Za-z]{1,40})\}")
_WORD = re.compile(r"\\[A-Za-z@]+")
_BRACKETS = re.compile(r"(?:\[[^\]\n]{0,200}\])?(\{[A-Za-z0-9+# -]{0,40}\})?")


class Verbatim(str):
    r"""Text that stands for itself: a whole `\begin{verbatim}…\end{verbatim}`, `\verb|…|`, an address."""

    __slots__ = ()


def tokens(text: str, at_is_letter: bool = False, also: "Names | None" = None) -> list[str]:
    r"""The tokens of a file. `at_is_letter` as in packages; `also`: the document's own environments."""
    found: list[str] = []
    verbatim, dropped = (VERBATIM, DROPPED) if also is None else also
    cut = _WITH_AT if at_is_letter else _PLAIN
    missing: set[str] = set()  # environments whose end does not come any more
    position = done = 0
    while special := _SPECIAL.match(text, position):
        start, position = special.span(1)
        what = special[1]
        if what == "%":
            _cut(cut, text, done, start, found)
            comment = _COMMENT.match(text, position)
            position = done = comment.end() if comment else position
        elif what[1] == "m" and what[2] == "a":  # \makeat…, \mintinline is not
            _cut(cut, text, done, start, found)
            cut = _WITH_AT if what == r"\makeatletter" else _PLAIN
            done = position
        elif what[1] == "b":
            name = what[what.index("{") + 1 : -1]
            if name in missing or not (name in verbatim or name in dropped):
                continue
            end = text.find(rf"\end{{{name}}}", position)
            if end < 0:
                missing.add(name)
                continue
            _cut(cut, text, done, start, found)
            position = done = end + len(name) + 6
            if name in verbatim:
                found.append(Verbatim(rf"\begin{{{name}}}" + text[special.end(1) : position]))
        elif what[-1] == "}":  # an address, in which % stands for itself
            _cut(cut, text, done, start, found)
            command, address = what[:-1].split("{", 1)
            found += (command.rstrip(), "{", *((Verbatim(address),) if address else ()), "}")
            done = position
        else:
            end = _end_of_verb(text, position)
            if end > position:
                _cut(cut, text, done, start, found)
                found.append(Verbatim(text[start:end]))
                position = done = end
    _cut(cut, text, done, len(text), found)
    return found


Names = tuple[frozenset[str], frozenset[str]]


def names(texts: Iterable[str]) -> Names | None:
    """The verbatim and the comment environments of a document that defines its own; None if it does not."""
    verbatim: set[str] = set()
    dropped: set[str] = set()
    for text in texts:
        if any(word in text for word in (r"\DefineVerb", r"\lstnew", r"\newtcb", r"\newminted")):
            verbatim.update(_NEW_VERBATIM.findall(text))
        if r"\excludecomment" in text:
            dropped.update(_NEW_COMMENT.findall(text))
    if not verbatim and not dropped:
        return None
    return VERBATIM | verbatim, DROPPED | dropped


def join(pieces: Iterable[str]) -> str:
    """The LaTeX of tokens: a space between a control word and the letter of another token."""
    out = list(pieces)
    words = [
        at
        for at, piece in enumerate(out)
        if piece[0] == "\\" and piece[-1].isalpha() and piece.__class__ is str
    ]
    if words and words[-1] == len(out) - 1:
        words.pop()
    for at in words:
        first = out[at + 1][0]
        if first.isalpha() or first == "@":
            out[at] += " "
    return "".join(out)


def is_word(token: str) -> bool:
    r"""Whether a token is a control word (`\alpha`), which a letter behind it would lengthen."""
    return token[0] == "\\" and token[-1].isalpha() and token.__class__ is str


def is_space(token: str) -> bool:
    return token.isspace() and token.__class__ is str


def paragraph_in(token: str) -> bool:
    """Whether white space holds an empty line."""
    return token.count("\n") > 1


def environment(token: str) -> str:
    r"""The name in `\begin{name}` or `\end{name}`; "" for any other token."""
    if token[-1] != "}" or len(token) < 6 or token.__class__ is not str:
        return ""
    return token[token.index("{") + 1 : -1].strip()


def _cut(cut: re.Pattern[str], text: str, begin: int, end: int, found: list[str]) -> None:
    if begin < end:
        found += cut.findall(text, begin, end)


def _end_of_verb(text: str, position: int) -> int:
    r"""Where a `\verb` ends whose delimiter stands at `position`; `position` where it does not."""
    options = _BRACKETS.match(text, position)  # of \lstinline[…] and \mintinline[…]{language}
    if options and text[options.end() : options.end() + 1].strip():
        position, before = options.end(), position
    else:
        before = position
    mark = text[position : position + 1]
    if not mark.strip() or mark.isalnum():
        return before
    line = text.find("\n", position)
    end = text.find("}" if mark == "{" else mark, position + 1, len(text) if line < 0 else line)
    return before if end < 0 else end + 1
