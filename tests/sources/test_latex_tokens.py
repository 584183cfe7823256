"""Tokens of LaTeX: comments go, verbatim text stays as it is, and joining gives the source again."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.sources.latex.tokens import Verbatim, join, names, tokens

PIECES = st.text(alphabet="ab \n\\{}[]$%&#~@*|", max_size=60)


def read(text: str) -> str:
    return join(tokens(text))


def test_nothing() -> None:
    assert tokens("") == []
    assert join([]) == ""


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("one % two\nthree", "one three"),
        ("one%\ntwo", "onetwo"),
        ("one%\n   two", "onetwo"),
        ("one % two\n\nthree", "one \n\nthree"),
        ("% all\n% comment\ntext", "text"),
        (r"50\% of it", r"50\% of it"),
        (r"line\\% break", r"line\\"),
        (r"line\\\% kept", r"line\\\% kept"),
        ("text % no end", "text "),
        (r"\alpha%" + "\nx", r"\alpha x"),
    ],
)
def test_comments(source: str, expected: str) -> None:
    assert read(source) == expected


@pytest.mark.parametrize(
    "kept",
    [
        "\\begin{verbatim}\n% kept {\n\\end{verbatim}",
        '\\begin{lstlisting}[language=C]\nprintf("%d");\n\\end{lstlisting}',
        r"\verb|%$\x|",
        r"\verb*+a%b+",
        r"\lstinline[language=C]!a%b!",
        r"\url{http://example.org/a%20b}",
        r"\href{http://example.org/%7Ea#b}{text}",
    ],
)
def test_verbatim(kept: str) -> None:
    assert read(f"a {kept} b % gone") == f"a {kept} b "


def test_verbatim_is_one_token() -> None:
    found = tokens("\\begin{verbatim}$x$\\end{verbatim}")
    assert [type(token) for token in found] == [Verbatim]


def test_an_environment_without_an_end_is_text() -> None:
    assert read("\\begin{verbatim} a % b\n c") == "\\begin{verbatim} a c"
    assert read(r"\verb|a" + "\nb|") == r"\verb|a" + "\nb|"


def test_comment_environments() -> None:
    assert read("a\\begin{comment}\nb\n\\end{comment}c") == "ac"
    assert read("a\\begin{comment} b") == "a\\begin{comment} b"


def test_environments_that_the_document_defines() -> None:
    preamble = r"\DefineVerbatimEnvironment{sh}{Verbatim}{} \excludecomment{draft}"
    also = names([preamble])
    text = "\\begin{sh}%x\\end{sh}\\begin{draft}no\\end{draft}"
    assert join(tokens(text, also=also)) == "\\begin{sh}%x\\end{sh}"
    assert names(["nothing"]) is None


def test_at_is_a_letter_where_it_is_said() -> None:
    assert tokens(r"\a@b") == [r"\a", "@b"]
    assert tokens(r"\a@b", at_is_letter=True) == [r"\a@b"]
    assert tokens(r"\makeatletter\a@b\makeatother\a@b") == [r"\a@b", r"\a", "@b"]


def test_environments_are_one_token() -> None:
    assert tokens("\\begin {align*}x\\end\n{align*}") == ["\\begin {align*}", "x", "\\end\n{align*}"]


@given(PIECES)
def test_any_text_can_be_cut(text: str) -> None:
    assert all(tokens(text))


@given(st.text(alphabet="ab \n\\{}[]$&#~*|", max_size=60))
def test_without_comments_nothing_is_lost(text: str) -> None:
    joined = "".join(tokens(text))
    assert joined == text


@pytest.mark.parametrize(
    "piece", ["%\n", "\\begin{verbatim}", "\\verb|", "{", "\\", "\\begin{comment}", "%   \n  "]
)
def test_hostile_text_takes_linear_time(piece: str) -> None:
    started = time.process_time()
    tokens(piece * 100_000)
    assert time.process_time() - started < 5
