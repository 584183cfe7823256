r"""Algorithms as indented lines, in the manner of algorithm2e and of algorithmic."""

import pytest

from pipeline.sources.latex import clean, eprint
from pipeline.sources.latex.markdown import markdown


def written(body: str, before: str = "") -> str:
    text = f"\\documentclass{{article}}{before}\\begin{{document}}{body}\\end{{document}}"
    files = eprint.Eprint({"a.tex": text.encode()})
    document = eprint.read(files, "a.tex")
    kept = clean.kept(document.tokens, "document", bibliography=False, appendix=True)
    return markdown(document, kept, "keys", title=False)


def test_nothing() -> None:
    assert written(r"\begin{algorithm}\end{algorithm}") == ""


def test_lines_as_arguments() -> None:
    body = r"""\begin{algorithm}
      \SetKwInOut{Given}{Given}
      \KwIn{a heap $H$} \Given{a bound $b$}
      \While{$H$ has more}{
        take $x$\;

        \eIf{$x < b$}{keep $x$\;}{drop $x$\; \lIf{all gone}{stop}}
      }
      \Repeat{$b = 0$}{lower $b$\;}
      \Return{$H$}
      \caption{Sieve}
    \end{algorithm}"""
    assert written(body) == "\n".join(
        [
            "Input: a heap $H$",
            "Given: a bound $b$",
            "while $H$ has more",
            "  take $x$",
            "  if $x < b$",
            "    keep $x$",
            "  else",
            "    drop $x$",
            "    if all gone: stop",
            "repeat",
            "  lower $b$",
            "until $b = 0$",
            "return $H$",
            "",
            "**Algorithm 1:** Sieve",
        ]
    )


def test_lines_between_commands() -> None:
    body = r"""\begin{algorithmic}[1]
      \Require $n > 0$
      \Procedure{Count}{$n$}
        \For{$i \in 1..n$}
          \If{$i$ is odd}
            \State add $i$
          \ElsIf{$i = 4$} \State stop
          \Else
            \State go on
          \EndIf
        \EndFor
        \Repeat \State wait \Until{done}
      \EndProcedure
    \end{algorithmic}"""
    assert written(body).split("\n") == [
        "Require: $n > 0$",
        "procedure Count ($n$)",
        "  for $i \\in 1..n$",
        "    if $i$ is odd",
        "      add $i$",
        "    else if $i = 4$",
        "      stop",
        "    else",
        "      go on",
        "    end if",
        "  end for",
        "  repeat",
        "    wait",
        "  until done",
        "end procedure",
    ]


def test_text_behind_an_algorithm_is_not_indented() -> None:
    text = written(r"\begin{algorithmic}\If{open} \State x \end{algorithmic} Then \If{this}{that}.")
    assert text.startswith("if open\n  x\n\nThen")


@pytest.mark.parametrize("piece", [r"\If{x}{", r"\If{x}{y}", r"\Repeat", r"\Else{", r"\EndIf ", r"\For{i} "])
def test_deep_algorithms_end(piece: str) -> None:
    text = written(r"\begin{algorithm}" + piece * 20_000 + r"\end{algorithm}")
    assert len(text) < 3_000_000


def test_formulas_that_touch_become_one() -> None:
    text = written(r"So $x=$\best{} and \$5.", r"\newcommand{\best}{$0.4^{+1}$}")
    assert text == "So $x= 0.4^{+1}$ and $5."
