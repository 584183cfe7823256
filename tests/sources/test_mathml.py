"""MathML to TeX: the author's TeX where it is kept, else the presentation written anew."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.sources.pages.mathml import to_tex


@pytest.mark.parametrize(
    "element", ["", "<math>", "<math></math>", "<math/>", "no math", "<math><mi></mi></math>"]
)
def test_nothing(element: str) -> None:
    assert to_tex(element) == ""


NOTE = '<annotation encoding="application/x-tex">'


@pytest.mark.parametrize(
    ("inside", "tex"),
    [
        (f"<semantics><mi>x</mi>{NOTE}{{\\displaystyle x &lt; 1}}</annotation></semantics>", "x < 1"),
        (f"<semantics><mi>x</mi>{NOTE}  </annotation></semantics>", "x"),
        ("<mi>x</mi><mo>=</mo><mn>1.5</mn>", "x = 1.5"),
        ("<msup><mi>x</mi><mn>2</mn></msup><mo>&InvisibleTimes;</mo><mi>y</mi>", "x^2 y"),
        ("<msup><mrow><mo>(</mo><mi>a</mi><mo>)</mo></mrow><mn>10</mn></msup>", "{(a)}^{10}"),
        ("<msup><mi>f</mi><mo>′</mo></msup>", "f'"),
        ("<msubsup><mi>x</mi><mi>i</mi><mn>2</mn></msubsup>", "x_i^2"),
        ("<mfrac><mrow><mi>a</mi><mo>+</mo><mi>b</mi></mrow><mi>c</mi></mfrac>", r"\frac{a + b}{c}"),
        ("<mfrac linethickness='0'><mi>n</mi><mi>k</mi></mfrac>", r"{n \atop k}"),
        ("<msqrt><mi>x</mi><mo>+</mo><mn>1</mn></msqrt>", r"\sqrt{x + 1}"),
        ("<mroot><mn>8</mn><mn>3</mn></mroot>", r"\sqrt[3]{8}"),
        ("<munderover><mo>∑</mo><mi>i</mi><mi>n</mi></munderover><mi>x</mi>", r"\sum_i^n x"),
        ("<munder><mi>lim</mi><mi>x</mi></munder><mi>f</mi>", r"\lim_x f"),
        ("<mover><mi>x</mi><mo>^</mo></mover>", r"\hat{x}"),
        ("<mover><mi>AB</mi><mo>¯</mo></mover>", r"\overline{\mathrm{AB}}"),
        ("<munder><mi>x</mi><mtext>why</mtext></munder>", r"\underset{\text{why}}{x}"),
        ("<mi>sin</mi><mo>⁡</mo><mi>θ</mi>", r"\sin\theta"),
        ("<mi>α</mi><mi>x</mi><mi>Ω</mi><mi>Α</mi><mi>λ</mi>", r"\alpha x\Omega A\lambda"),
        ("<mi>&alpha;</mi><mo>&le;</mo><mi>&bogus;b</mi>", r"\alpha \leq b"),
        ("<mi>ℝ</mi><mi mathvariant='bold'>v</mi>", r"\mathbb{R}\mathbf{v}"),
        ("<mi>𝔸</mi><mi>𝑥</mi><mi>𝒜</mi>", r"\mathbb{A}x\mathcal{A}"),
        ("<mfenced open='[' close=')'><mi>a</mi><mi>b</mi></mfenced>", "[a, b)"),
        (
            "<mtable><mtr><mtd><mn>1</mn></mtd><mtd><mn>0</mn></mtd></mtr><mtr><mtd>2</mtd></mtr></mtable>",
            r"\begin{matrix} 1 & 0 \\ 2 \end{matrix}",
        ),
        (
            "<mmultiscripts><mi>C</mi><mi>a</mi><none/><mprescripts/><mn>6</mn><mn>12</mn></mmultiscripts>",
            "{}_6^{12}C_a",
        ),
        ("<mi>a</mi><mspace width='1em'/><mtext>if&nbsp;so</mtext>", r"a \text{if so}"),
        ("<mi>a</mi><mphantom><mi>b</mi></mphantom><mi>c</mi>", "ac"),
        ("<mstyle><mpadded><mi>a</mi></mpadded></mstyle><merror><mi>b</mi></merror>", "ab"),
        ("<mi>{</mi><mi>%</mi><mi>_</mi>", r"\{\%\_"),
        ("<mi>数</mi>", "数"),
        ("<mi>a</mi><mi>b", "ab"),
    ],
)  # fmt: skip
def test_presentation(inside: str, tex: str) -> None:
    assert to_tex(f"<math>{inside}</math>") == tex


def test_the_alternative_text_comes_before_the_presentation() -> None:
    assert to_tex('<math alttext="\\frac{1}{2}"><mi>x</mi></math>') == r"\frac{1}{2}"
    assert to_tex('<m:math xmlns:m="http://www.w3.org/1998/Math/MathML"><m:mi>x</m:mi></m:math>') == "x"


def test_entities_are_not_expanded() -> None:
    bomb = '<!DOCTYPE m [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><math><mi>&b;</mi></math>'
    assert "aaaa" not in to_tex(bomb)


NAMES = (
    "mi",
    "mo",
    "mn",
    "mrow",
    "mfrac",
    "msup",
    "msubsup",
    "munder",
    "mtable",
    "mtr",
    "mtd",
    "mroot",
    "mfenced",
)
PIECES = st.one_of(
    st.sampled_from(
        [f"<{name}>" for name in NAMES] + [f"</{name}>" for name in NAMES] + ["&", "<", "\0", "x:y", "∑"]
    ),
    st.text(max_size=5),
)


@settings(max_examples=300, deadline=None)
@given(st.lists(PIECES, max_size=30).map("".join))
def test_anything_is_taken(inside: str) -> None:
    to_tex(f"<math>{inside}</math>").encode("utf-8", "surrogatepass")


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    "inside", ["<mrow>" * 200_000, "<mfrac>" * 200 + "<mi>x</mi>" * 20_000, "&a" * 200_000, "<a:" * 100_000]
)
def test_hostile_formulas_take_no_time(inside: str) -> None:
    to_tex(f"<math>{inside}</math>")
