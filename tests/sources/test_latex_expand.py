r"""Expansion: files followed, definitions gone, macros in their place, circles left alone."""

import time
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.sources.latex import eprint
from pipeline.sources.latex.eprint import Eprint
from pipeline.sources.latex.expand import Document
from pipeline.sources.latex.tokens import join


def document(files: Mapping[str, str | bytes]) -> Document:
    data = {name: text if isinstance(text, bytes) else text.encode() for name, text in files.items()}
    paper = Eprint(data)
    return eprint.read(paper, paper.main())


def body(preamble: str, text: str, **files: str) -> str:
    main = f"\\documentclass{{article}}\n{preamble}\n\\begin{{document}}{text}\\end{{document}} after"
    named = {name.replace("_", "."): content for name, content in files.items()}
    return join(document({"main.tex": main, **named}).tokens)


def test_nothing() -> None:
    assert body("", "") == ""
    assert document({"main.tex": ""}).tokens == []


@pytest.mark.parametrize(
    ("definition", "use", "expected"),
    [
        (r"\newcommand{\R}{\mathbb{R}}", r"$\R^n$", r"$\mathbb{R}^n$"),
        (r"\newcommand\eps{\varepsilon}", r"$\eps x$", r"$\varepsilon x$"),
        (r"\newcommand{\net}{SuperNet}", r"\net{} is", "SuperNet is"),
        (r"\newcommand{\net}{SuperNet}", r"\net\ is", r"SuperNet\ is"),
        (r"\newcommand{\net}{SuperNet\xspace}", r"\net is, and \net, too", "SuperNet is, and SuperNet, too"),
        (r"\newcommand{\pair}[2]{(#1, #2)}", r"\pair{a}b!", "(a, b)!"),
        (r"\newcommand{\p}[2][0]{#1-#2}", r"\p{a} \p[1]{b}", "0-a 1-b"),
        (r"\renewcommand*{\vec}[1]{\mathbf{#1}}", r"$\vec x$", r"$\mathbf{x}$"),
        (r"\providecommand{\a}{A}", r"\a", "A"),
        (r"\def\p(#1,#2){#1 to #2}", r"\p(a,b)", "a to b"),
        (r"\def\p#1.#2;{#1|#2}", r"\p a.bc; d", " a|bc d"),
        (r"\gdef\x{y}", r"{\x}", "{y}"),
        (r"\let\old\alpha \let\same=\old", r"$\same$", r"$\alpha$"),
        (r"\newcommand{\a}{A}\let\b\a\renewcommand{\a}{B}", r"\a\b", "BA"),
        (r"\DeclareMathOperator{\rank}{rank}", r"$\rank A$", r"$\operatorname{rank}A$"),
        (r"\DeclareMathOperator*{\amax}{arg\,max}", r"$\amax_x$", r"$\operatorname*{arg\,max}_x$"),
        (
            r"\DeclarePairedDelimiter{\abs}{\lvert}{\rvert}",
            r"$\abs{x}\abs*{y}$",
            r"$\lvert x \rvert\left\lvert y\right\rvert$",
        ),
        (r"\NewDocumentCommand{\f}{O{0} m}{#1:#2}", r"\f{a}\f[1]{b}", "0:a1:b"),
        (
            r"\NewDocumentCommand{\f}{s m o}{\IfBooleanTF{#1}{star}{no}#2\IfNoValueTF{#3}{!}{#3}}",
            r"\f*{a}\f{b}[c]",
            "stara!nobc",
        ),
        (
            r"\newenvironment{rem}[1]{\par\textbf{#1.} }{\qed}",
            r"\begin{rem}{A}text\end{rem}",
            r"\par\textbf{A.} text\qed",
        ),
        (
            r"\newcommand{\be}{\begin{equation}}\newcommand{\ee}{\end{equation}}",
            r"\be x \ee",
            r"\begin{equation}x \end{equation}",
        ),
        (r"\newcommand{\outer}[1]{\def\inner##1{#1##1}\inner}", r"\outer{a}{b}", "ab"),
        (r"\newcommand{\half}{1/2}", r"$\frac\half x$", r"$\frac{1/2}x$"),
        (r"\newcommand{\N}{\ensuremath{\mathbb{N}}}", r"\N and $\N$", r"$\mathbb{N}$and $\mathbb{N}$"),
        (r"\def\ga{\ifmmode\gtrsim\else$\gtrsim$\fi}", r"\ga{} $\ga$", r"$\gtrsim$ $\gtrsim$"),
        (r"\newcommand{\z}{\ensuremath{z}}", r"$a \text{ with \z}$", r"$a \text{ with $z$}$"),
        (r"\newacronym{llm}{LLM}{language model}", r"\gls{llm}, \glspl{llm}", "language model (LLM), LLMs"),
        (r"\def\ie{i.e.\ }", r"so \ie the one", r"so i.e.\ the one"),
        (r"\def\ie{i.e.~}\def\word{word}", r"\ie the \word two", "i.e.~the word two"),
        (r"\newcommand{\x}{A}", r"{\renewcommand{\x}{B}\x}\x", "{B}A"),
        (r"\makeatletter\newcommand{\x}{\@ifstar{S}{N}}\makeatother", r"\x*\x", "SN"),
    ],
)
def test_macros(definition: str, use: str, expected: str) -> None:
    assert body(definition, use) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (r"a\iffalse b \iffalse c\fi d\fi e", "a e"),
        (r"a\iftrue b\else c\fi d", "a b d"),
        (r"\newif\ifdraft\draftfalse\ifdraft no\else yes\fi", " yes"),
        (r"\newif\ifdraft\drafttrue\ifdraft yes\else no\fi", " yes"),
        (r"\def\v{1}\ifx\v\undefined a\else b\fi", " b"),
        (r"\ifnum 3>2 a\else b\fi", " a"),
        (r"$a \iff b$", r"$a \iff b$"),
        (r"\ifthenelse{\equal{a}{a}}{yes}{no}", "yes"),
        (r"\def\x{}\ifdefempty{\x}{yes}{no}\ifdefempty{\omega}{yes}{no}", "yesno"),
        (r"\ifthenelse{\value{c}>1}{yes}{no}", r"\ifthenelse{\value{c}>1}{yes}{no}"),
    ],
)
def test_conditions(text: str, expected: str) -> None:
    assert body("", text).replace("  ", " ").strip() == expected.strip()


def test_values_written_by_machine() -> None:
    # A table of results as workflows write it: one command whose options pick the value.
    macros = (
        r"\makeatletter\newcommand\values[1][all]{\ifnum\pdfstrcmp{#1}{all}=0\def\values@out{all}\else"
        r"\ifnum\pdfstrcmp{#1}{mass}=0\def\values@out{35.2}\else??\fi\fi\values@out}\makeatother"
    )
    text = body(r"\input{values}", r"a mass of $\values[mass]$", values_tex=macros)
    assert text == "a mass of $35.2$"


def test_files() -> None:
    files = {
        "main.tex": r"\documentclass{article}\begin{document}\input{a}\include{sub/b}\input c.tex x"
        r"\end{document}",
        "a.tex": "A ",
        "sub/b.tex": "B \\input{sub/d}\\endinput never",
        "sub/d.tex": "D ",
        "c.tex": r"\documentclass{standalone}\begin{document}C\end{document}",
    }
    assert join(document(files).tokens) == "A \n\nB D C x"


def test_files_in_a_circle_and_missing_ones() -> None:
    files = {
        "main.tex": r"\documentclass{article}\begin{document}\input{a}.\input{nowhere}\end{document}",
        "a.tex": r"a\input{main}\input{a}",
    }
    assert join(document(files).tokens) == "a."


def test_import_and_packages() -> None:
    files = {
        "main.tex": r"\documentclass{article}\usepackage{own}\begin{document}\import{parts/}{a}\x"
        r"\end{document}",
        "parts/a.tex": "A",
        "own.sty": r"\newcommand{\x}{X}\newcommand{\internal}{\@x}\newtheorem{thm}{Theorem}[section]",
    }
    found = document(files)
    assert join(found.tokens) == "AX"
    assert found.theorems == {"thm": (["Theorem"], "", "section")}


def test_macros_stay_out_of_verbatim() -> None:
    text = "\\begin{verbatim}\n\\x\n\\end{verbatim}\\verb|\\x|"
    assert body(r"\newcommand{\x}{X}", text) == text


@pytest.mark.parametrize(
    "definitions",
    [
        r"\def\a{\a}",
        r"\def\a{\a\a}",
        r"\def\a{\b}\def\b{\a}",
        r"\def\a{\b\b}\def\b{\a\a}",
        r"\def\a#1{\a{#1#1}}",
        r"\newenvironment{a}{\begin{a}}{\end{a}}\def\a{\begin{a}}",
    ],
)
def test_circles_are_left(definitions: str) -> None:
    text = body(definitions, r"x \a{y} z")
    assert text.startswith("x ")
    assert text.endswith(" z")
    assert "a" in text
    assert len(text) < 10_000


def test_growth_is_bounded() -> None:
    doubling = "".join(rf"\def\m{chr(98 + n)}{{\m{chr(97 + n)}\m{chr(97 + n)}}}" for n in range(25))
    text = body(rf"\def\ma{{xx}}{doubling}", r"begin \mz end")
    assert text.startswith("begin ")
    assert text.endswith("end")
    assert len(text) < 5_000_000


@pytest.mark.parametrize(
    "piece",
    [
        r"\f{",
        "{",
        "}",
        r"\f{}",
        r"\begin{x}",
        r"\if",
        r"\fi",
        "$",
        r"\def\a",
        r"\input",
        "[",
        r"\ensuremath{",
    ],
)
def test_hostile_text_takes_linear_time(piece: str) -> None:
    started = time.process_time()
    body(r"\newcommand{\f}[2][x]{(#2)}", piece * 20_000)
    assert time.process_time() - started < 10


@given(
    st.lists(
        st.sampled_from(
            [
                r"\def\a",
                r"\newcommand{\a}",
                "[1]",
                "{",
                "}",
                "#1",
                r"\a",
                r"\b",
                "$",
                "x",
                " ",
                "\n\n",
                r"\let\b\a",
                r"\iffalse",
                r"\else",
                r"\fi",
                r"\begin{document}",
                r"\end{document}",
                r"\newif\ifx",
                r"\ensuremath",
                r"\ifthenelse",
                r"\newenvironment{e}",
                r"\begin{e}",
                r"\end{e}",
                r"\gls",
                r"\frac",
                r"\ifx",
                "[",
                "]",
                r"\makeatletter",
                r"\@ifnextchar",
                r"\NewDocumentCommand",
                r"\mathchoice",
                r"\input{main}",
            ]
        ),
        max_size=40,
    )
)
def test_any_document_can_be_read(pieces: list[str]) -> None:
    document({"main.tex": "".join(pieces)})
