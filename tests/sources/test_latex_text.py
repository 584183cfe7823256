r"""What of a document is kept, and how it is written: as LaTeX and as Markdown."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.sources.latex import clean, eprint
from pipeline.sources.latex.authors import author, title
from pipeline.sources.latex.eprint import Eprint
from pipeline.sources.latex.markdown import markdown


def paper(text: str, preamble: str = "") -> str:
    return f"\\documentclass{{article}}{preamble}\\begin{{document}}{text}\\end{{document}}"


def latex(
    text: str, start: clean.Start = "section", bibliography: bool = False, appendix: bool = True
) -> str:
    document = eprint.read(Eprint({"main.tex": paper(text).encode()}), "main.tex")
    return clean.latex(clean.kept(document.tokens, start, bibliography, appendix))


def written(text: str, preamble: str = "", start: clean.Start = "document", drop: bool = False) -> str:
    document = eprint.read(Eprint({"main.tex": paper(text, preamble).encode()}), "main.tex")
    kept = clean.kept(document.tokens, start, False, True)
    return markdown(document, kept, "drop" if drop else "keys", title=start != "section")


FRONT = r"\title{T}\maketitle\begin{abstract}Short.\end{abstract}"
WHOLE = FRONT + r"\section{One}a\bibliographystyle{x}\bibliography{y}\appendix\section{Two}b"


def test_nothing() -> None:
    assert latex("") == ""
    assert written("") == ""


@pytest.mark.parametrize(
    ("start", "begins"),
    [("section", r"\section{One}"), ("abstract", r"\begin{abstract}"), ("document", r"\title{T}")],
)
def test_where_the_text_begins(start: clean.Start, begins: str) -> None:
    assert latex(WHOLE, start).startswith(begins)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (FRONT + "Text.", "Text."),
        (r"\maketitle Text.", "Text."),
        (FRONT + r"\subsection{A}Text.", r"\subsection{A}Text."),
        ("Only text.", "Only text."),
        (r"\chapter{A}a\section{B}b", r"\chapter{A}a\section{B}b"),
    ],
)
def test_without_a_section(text: str, expected: str) -> None:
    assert latex(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (r"\section{A}a \bibliography{b}", r"\section{A}a"),
        (r"\section{A}a\begin{thebibliography}{9}\bibitem{x} X.\end{thebibliography} b", r"\section{A}a b"),
        (r"\section{A}a \section*{References} \bibliography{x}", r"\section{A}a"),
        (
            r"\section{A}a\section{References of ours}b\bibliography{x}",
            r"\section{A}a\section{References of ours}b",
        ),
        (r"\section{A}a\begin{thebibliography}{9} X \section{B}b", r"\section{A}a\section{B}b"),
        (r"\section{A}a \nocite{*}b\printbibliography[title=R]", r"\section{A}a b"),
    ],
)
def test_the_bibliography_goes(text: str, expected: str) -> None:
    assert latex(text) == expected


def test_bibliography_and_appendix_as_asked() -> None:
    assert r"\section{Two}b" in latex(WHOLE)
    assert "Two" not in latex(WHOLE, appendix=False)
    assert r"\bibliography{y}" in latex(WHOLE, bibliography=True)


def test_what_bibtex_made_stands_in() -> None:
    bbl = r"\begin{thebibliography}{1}\bibitem{k} Some Book.\end{thebibliography}"
    paper_of = Eprint({"ms.tex": paper(r"\section{A}a\bibliography{x}").encode(), "ms.bbl": bbl.encode()})
    document = eprint.read(paper_of, "ms.tex", bibliography=True)
    assert clean.latex(clean.kept(document.tokens, "section", True, True, document.references)).endswith(bbl)


def test_white_space_outside_of_verbatim() -> None:
    code = "\\begin{verbatim}\na  \n\n\n\nb\n\\end{verbatim}"
    assert latex(f"\\section{{A}}x  \n\n\n\n\ny\n\n{code}") == f"\\section{{A}}x\n\ny\n\n{code}"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("One\ntwo  three.\n\n\nFour.", "One two three.\n\nFour."),
        (r"\section{A}\subsection{B}\subsubsection*{C}x", "# 1 A\n\n## 1.1 B\n\n### C\n\nx"),
        (r"\chapter{A}\section[short]{B}x", "# 1 A\n\n## 1.1 B\n\nx"),
        (r"\textbf{a} \emph{b } {\it c} \texttt{d} {\bf e f}", "**a** *b* *c* `d` **e f**"),
        (r'''\'e \'{e} \v{s} \c c \"o \~n \'\i \aa''', "é é š ç ö ñ í å"),
        ("``a'' `b' c--d e---f~g", "“a” ‘b’ c–d e—f g"),
        (r"50\% \& \$5 \#1 a\_b \S 3\ldots", "50% & $5 #1 a_b § 3…"),
        (r"a\footnote{See \emph{b}.} c", "a^[See *b*.] c"),
        (r"\href{http://a.org/\#x}{here} \url{http://b.org/%7E}", "[here](http://a.org/#x) http://b.org/%7E"),
        (r"$a_{1}$ and \(b\) and \[c\]", "$a_{1}$ and $b$ and\n$$\nc\n$$"),
        (r"$$x^2$$", "$$\nx^2\n$$"),
        (r"$a \text{ if $b$}$", r"$a \text{ if $b$}$"),
        (r"\begin{align}a&=b\\c&=d\end{align}", "$$\n\\begin{align}\na&=b\\\\c&=d\n\\end{align}\n$$"),
        (r"\begin{itemize}\item a\item b \begin{enumerate}\item c\end{enumerate}\end{itemize}",
         "- a\n\n- b\n\n  1. c"),
        (r"\begin{description}\item[T] x\end{description}", "- **T** x"),
        (r"\begin{enumerate}\item[(i)] x\item y\end{enumerate}", "- (i) x\n2. y"),
        (r"\begin{quote}a\\b\end{quote}", "> a\n> b"),
        (r"\begin{tabular}{lc}\toprule a & b\\\midrule $|x|$ & d|e \\\end{tabular}",
         "| a | b |\n| --- | --- |\n| $\\vert x\\vert $ | d\\|e |"),
        (r"\begin{tabular}{c}one\\two\end{tabular}", "one\ntwo"),
        (r"\cite{a,b} \citep[see][p.~3]{a} \citet{a}", "[@a; @b] [see @a, p. 3] @a"),
        (r"\unknown[x]{a} \vspace{2cm}b\label{l} \textcolor{red}{c}", "a b c"),
        ("\\begin{verbatim}\na  # b\n\\end{verbatim}", "```\na  # b\n```"),
        ("\\begin{lstlisting}[language=Python]\nx = 1\n\\end{lstlisting}", "```python\nx = 1\n```"),
        ("\\begin{minted}{c}\nint x;\n\\end{minted}", "```c\nint x;\n```"),
        (r"\verb|a_b|", "`a_b`"),
        (r"\begin{tikzpicture}\draw (0,0);\end{tikzpicture}x", "x"),
        (r"\begin{center}a\end{center}", "a"),
        (r"\begin{proof}x\end{proof}y", "*Proof.* x\n\ny"),
        (r"\begin{theorem}[Name]x\end{theorem}", "**Theorem 1** (Name). x"),
        (r"a { b $ c", "a b $ c"),
        (r"a \vskip 5pt plus 1fil b \hsize=6.5truein c\kern-.1em d", "a\n\nb cd"),
        (r"\font\big=cmr10 scaled 1200 \headline={no}text", "text"),
    ],
)  # fmt: skip
def test_markdown(text: str, expected: str) -> None:
    assert written(text) == expected


def test_references_say_their_numbers() -> None:
    text = r"""\section{A}\label{s}See \ref{s}, \cref{f,t}, \eqref{e}, Theorem~\ref{th}, \ref{gone}.
    \begin{equation}x\label{e}\end{equation}
    \begin{figure}\includegraphics{x}\caption{C.}\label{f}\end{figure}
    \begin{table}\caption{D.}\label{t}\end{table}
    \begin{thm}\label{th}y\end{thm}"""
    found = written(text, r"\newtheorem{thm}{Theorem}[section]")
    assert "See 1, Figure 1 and Table 1, (1), Theorem 1.1, [gone]." in found
    assert "x\\tag{1}" in found
    assert "**Figure 1:** C." in found
    assert "**Theorem 1.1**. y" in found


def test_numbers_of_rows_and_appendices() -> None:
    text = r"""\section{A}\begin{align}a\label{a}\\b\nonumber\\c\label{c}\end{align}
    \appendix\section{B}\label{b}
    \ref{a} \ref{c} \ref{b}"""
    assert written(text).endswith("1 2 A")


def test_figures_wait_for_the_end_of_the_paragraph() -> None:
    text = "One\n\\begin{figure}\\caption{C.}\\end{figure}\nsentence.\n\nTwo."
    assert written(text) == "One sentence.\n\n**Figure 1:** C.\n\nTwo."


def test_the_caption_of_a_table_over_pages_stands_below_it() -> None:
    text = "\\begin{longtable}{ll}\\caption{C.}\\\\ \n\n a & b\\\\ c & d\\end{longtable}\n\nAfter."
    assert written(text) == "| a | b |\n| --- | --- |\n| c | d |\n\n**Table 1:** C.\n\nAfter."


def test_title_on_top() -> None:
    assert written(FRONT + r"\section{A}x", start="abstract") == "# T\n\n# Abstract\n\nShort.\n\n# 1 A\n\nx"
    assert written(FRONT + r"\section{A}x", start="section") == "# 1 A\n\nx"


def test_citations_dropped() -> None:
    assert written(r"Known~\cite{a}. And \citep{b}, too.", drop=True) == "Known. And, too."


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (r"\author{A. One \and B. Two\thanks{x}}", "A. One, B. Two"),
        (r"\author{A. One$^{1}$, B. Two\\Some University}", "A. One, B. Two"),
        (r'\author{J. M\"uller}\author[0000]{K. L}\affiliation{X}', "J. Müller, K. L"),
        ("", ""),
    ],
)  # fmt: skip
def test_authors(given: str, expected: str) -> None:
    document = eprint.read(Eprint({"m.tex": paper(r"\title{A\\ \emph{B} $x$}" + given).encode()}), "m.tex")
    assert author(document) == expected
    assert title(document) == "A B $x$"


PIECES = st.lists(
    st.sampled_from(
        [*"{}[]$&~ ", "\n\n", "a", "$$", r"\(", r"\)", r"\[", r"\]", r"\section", r"\textbf", r"\bf",
         r"\begin{itemize}", r"\end{itemize}", r"\begin{tabular}{c}", r"\end{tabular}", r"\\", r"\cite",
         r"\label", r"\begin{align}", r"\end{align}", r"\footnote", r"\'", r"\begin{figure}", r"\ref",
         r"\end{figure}", r"\href", r"\verb|x|", r"\begin{verbatim}", r"\end{verbatim}", r"\begin{thm}",
         r"\end{thm}", r"\begin{proof}", r"\end{proof}", r"\multicolumn", r"\State", r"\;", r"\appendix",
         r"\begin{theorem}", r"\end{theorem}", r"\numberwithin{section}{equation}", r"\bibitem",
         r"\caption", r"\item", r"\bibliography", r"\vskip 1pt", r"\hsize", r"\font"]
    ),
    max_size=40,
)  # fmt: skip


@given(PIECES)
def test_any_document_can_be_written(pieces: list[str]) -> None:
    text = "".join(pieces)
    assert not set(written(text)) & set(map(chr, range(0xE000, 0xE010)))
    latex(text)


@pytest.mark.parametrize(
    "piece",
    [r"\textbf{", "{", r"\begin{itemize}\item ", r"\begin{tabular}{c}", "$", r"${", r"\[", r"\begin{align}",
     r"\footnote{", r"\cite[", r"\begin{figure}", r"\section{", r"\item[", r"\begin{thm}[", r"\vspace{", "&",
     r"\label{", r"\bf ", r"{\bf ", " ", "\n", r"\begin{equation}\label{a}", r"\multicolumn{", r"\'"],
)  # fmt: skip
def test_hostile_text_takes_linear_time(piece: str) -> None:
    started = time.process_time()
    text = piece * 10_000
    written(text)
    latex(text)
    assert time.process_time() - started < 10
