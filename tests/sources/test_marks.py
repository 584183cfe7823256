"""Marks of pages: what is not marked need not be looked for, and the result is the same."""

import tarfile
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.sources.charset import decode, well_formed
from pipeline.sources.pages import pagefacts, signs, technical
from pipeline.sources.pages.marks import marks


def test_nothing() -> None:
    assert marks(pa.array([], pa.string())).tolist() == []
    assert marks(pa.array(["", None, "<p>a", "math"], pa.string())).tolist() == [0, 0, 0, 0]


@pytest.mark.parametrize(
    ("part", "mark"),
    [
        ("<pre>", signs.PRE),
        ("<PRE>", signs.PRE),
        ("<code>", signs.CODE),
        ("<math>", signs.MATH),
        ("<m:math>", signs.MATH),
        ('<script type="math/tex">', signs.MATH),
        ('<i class="mwe-math-a">', signs.MATH),
        ("<i data-math='x'>", signs.MATH),
        ("mathtex.cgi", signs.MATH),
        ("MathJax", signs.MATHJAX),
        ("katex", signs.TEX),
        ('alt="$x$"', signs.IMAGE),
        ('alt="\\x"', signs.IMAGE),
        ('class="tex "', signs.IMAGE),
        ("mimetex.cgi", signs.IMAGE),
        ("?cht=tx&", signs.IMAGE),
        ("<time >", signs.TIME),
        ('"datePublished"', signs.STATED),
        ("rel='license'", signs.STATED),
    ],
)
def test_each_mark_anywhere_in_a_page(part: str, mark: int) -> None:
    for before in ("", "é" * 7, "x" * 4093, "y" * 4090 + "é" * 30):
        assert marks(pa.array(["a", before + part + " end", "b"])).tolist() == [0, mark, 0]


PARTS = st.sampled_from(
    ["<pre>", "</pre>", "a;\n b;", "<code>", "</code>", "<br>", "<math>", "</math>", "<mi>x</mi>", "<img ",
     'class="katex"', 'alt="$a$"', 'src="/math/x"', "mimetex.cgi?a", "cht=tx", ">", "<span ", "</span>",
     '<script type="math/tex">', "</script>", '<time pubdate datetime="2020-01-02">', "<html lang=de>",
     '{"datePublished": "2020-01-02"}', '<a rel="license" href="https://creativecommons.org/licenses/by/4.0/">']
)  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(st.lists(st.one_of(PARTS, st.text(max_size=5)), max_size=15).map("".join))
def test_marks_change_no_result(page: str) -> None:
    page = well_formed(page)
    (marked,) = marks(pa.array([page])).tolist()
    assert technical.kept(page, marked)[0] == technical.kept(page)[0]
    assert pagefacts.facts(page, marked) == pagefacts.facts(page)


def test_marks_change_no_result_of_real_pages(real_data: Path) -> None:
    pages = []
    with tarfile.open(real_data / "html_gold" / "defuddle" / "html.tar.xz") as tar:
        for member in tar:
            content = tar.extractfile(member)
            if content is not None:
                pages.append(well_formed(decode(content.read())))
    found = marks(pa.array(pages, pa.large_string())).tolist()
    for page, marked in zip(pages, found, strict=True):
        assert technical.kept(page, marked)[0] == technical.kept(page)[0]
        assert pagefacts.facts(page, marked) == pagefacts.facts(page)
    assert len(pages) > 200 and 0 in found
