"""Formulas that MathJax has drawn without MathML: their TeX, read from the drawing."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.sources.pages import technical
from pipeline.sources.pages.chtml import to_mathml


def sign(code: str, kind: str = "mi") -> str:
    return f'<mjx-{kind} class="mjx-n"><mjx-c class="mjx-c{code} TEX-I"></mjx-c></mjx-{kind}>'


A, B, N, EQUALS = sign("1D44E"), sign("1D44F"), sign("32", "mn"), sign("3D", "mo")


def drawn(inner: str, attributes: str = "") -> str:
    return (
        f'<mjx-container class="MathJax" jax="CHTML"{attributes}>'
        f'<mjx-math class="MJX-TEX" aria-hidden="true">{inner}</mjx-math></mjx-container>'
    )


@pytest.mark.parametrize("element", ["", "<p>a", "<mjx-math></mjx-math>", "<mjx-math><mjx-mi></mjx-mi>"])
def test_nothing(element: str) -> None:
    assert to_mathml(element) == ""


@pytest.mark.parametrize(
    ("inner", "tex"),
    [
        (A, "a"),
        (A + EQUALS + N, "a = 2"),
        (f"<mjx-msup>{A}<mjx-script style='x'>{N}</mjx-script></mjx-msup>", "a^2"),
        (f"<mjx-msub>{A}<mjx-script>{N}</mjx-script></mjx-msub>", "a_2"),
        (
            f"<mjx-msubsup>{A}<mjx-script>{N}<mjx-spacer></mjx-spacer>{B}</mjx-script></mjx-msubsup>",
            "a_b^2",
        ),
        (
            f"<mjx-mfrac><mjx-frac><mjx-num><mjx-nstrut></mjx-nstrut>{A}</mjx-num><mjx-dbox><mjx-dtable>"
            f"<mjx-line></mjx-line><mjx-row><mjx-den><mjx-dstrut></mjx-dstrut>{B}</mjx-den></mjx-row>"
            "</mjx-dtable></mjx-dbox></mjx-frac></mjx-mfrac>",
            r"\frac{a}{b}",
        ),
        (
            f"<mjx-msqrt><mjx-sqrt><mjx-surd>{sign('221A', 'mo')}</mjx-surd><mjx-box>{A}</mjx-box></mjx-sqrt>"
            "</mjx-msqrt>",
            r"\sqrt{a}",
        ),
        (
            f"<mjx-munderover><mjx-over>{N}</mjx-over><mjx-box><mjx-munder><mjx-row><mjx-base>"
            f"{sign('2211', 'mo')}</mjx-base></mjx-row><mjx-row><mjx-under>{A}</mjx-under></mjx-row>"
            "</mjx-munder></mjx-box></mjx-munderover>",
            r"\sum_a^2",
        ),
        (
            f"<mjx-mtable><mjx-table><mjx-itable><mjx-mtr><mjx-mtd>{A}<mjx-tstrut></mjx-tstrut></mjx-mtd>"
            f"<mjx-mtd>{B}</mjx-mtd></mjx-mtr></mjx-itable></mjx-table></mjx-mtable>",
            r"\begin{matrix} a & b \end{matrix}",
        ),
        (
            '<mjx-mo><mjx-stretchy-v class="mjx-c28"><mjx-beg><mjx-c class="mjx-c239B"></mjx-c></mjx-beg>'
            f"</mjx-stretchy-v></mjx-mo>{A}",
            "(a",
        ),
    ],
)
def test_drawings(inner: str, tex: str) -> None:
    assert technical.kept(f"<p>Let {drawn(inner)} be.</p>")[0] == f"<p>Let ${tex}$ be.</p>".replace(
        "&", "&amp;"
    )


def test_what_is_stated_comes_first() -> None:
    assert technical.kept(drawn(A).replace("aria-hidden", "data-latex='a_0' aria-hidden"))[0] == "$a_0$"
    assert technical.kept(drawn(A, ' display="true"'))[0] == "$$a$$"


PIECES = st.sampled_from(
    [A, N, "<mjx-mfrac>", "</mjx-mfrac>", "<mjx-msubsup>", "<mjx-box>", "<mjx-munder>", "<mjx-mtr>",
     '<mjx-c class="mjx-cD800">', "&", "<"]
)  # fmt: skip


@settings(max_examples=200, deadline=None)
@given(st.lists(st.one_of(PIECES, st.text(max_size=4)), max_size=12).map("".join))
def test_any_drawing_is_taken(inner: str) -> None:
    technical.kept(drawn(inner))


@pytest.mark.timeout(20)
@pytest.mark.parametrize("inner", ["<mjx-mrow>" * 20_000 + A, "<mjx-mfrac>" * 200 + A, A * 5000])
def test_hostile_drawings_take_no_time(inner: str) -> None:
    technical.kept(drawn(inner))
