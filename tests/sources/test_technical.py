"""Formulas and code of a page before extraction: what becomes TeX, what keeps its white space."""

import html
import tarfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.sources.charset import decode
from pipeline.sources.pages import codeblocks, technical
from pipeline.sources.pages.codeblocks import restored

FRACTION = "<mfrac><mi>a</mi><mn>2</mn></mfrac>"
NOTE = "<annotation encoding='application/x-tex'>a / 2</annotation>"
ANNOTATED = f"<math><semantics>{FRACTION}{NOTE}</semantics></math>"


@pytest.mark.parametrize(
    "page", ["", "plain", "<p>a < b", "<p>the math of it</p><img alt='a cat'>", "<code>x</code>"]
)
def test_a_page_without_formulas_and_code_stays_as_it_is(page: str) -> None:
    found, letters = technical.kept(page)
    assert found == page
    assert restored(found, letters) == page


@pytest.mark.parametrize(
    ("element", "tex"),
    [
        (f"<math>{FRACTION}</math>", r"$\frac{a}{2}$"),
        (f"<m:math>{FRACTION.replace('<m', '<m:m').replace('</m', '</m:m')}</m:math>", r"$\frac{a}{2}$"),
        (f'<math display="block">{FRACTION}</math>', r"$$\frac{a}{2}$$"),
        (ANNOTATED, "$a / 2$"),
        ('<script type="math/tex">a<b\n + c</script>', "$a<b + c$"),
        ('<script type="math/tex; mode=display">a</script>', "$$a$$"),
        (
            f'<span class="katex"><span class="katex-mathml">{ANNOTATED}</span>'
            '<span class="katex-html" aria-hidden="true"><span>a2</span></span></span>',
            "$a / 2$",
        ),
        (
            f'<span class="katex-display"><span class="katex">{ANNOTATED}<span>a2</span></span></span>',
            "$$a / 2$$",
        ),
        ('<span data-math="a_1"><span class="katex"><span>a1</span></span></span>', "$a_1$"),
        (
            '<span class="mwe-math-element"><span style="display: none;">'
            f'<math alttext="{{\\displaystyle a}}">{FRACTION}</math></span><img alt="a"></span>',
            "$a$",
        ),
        (
            '<mjx-container class="MathJax" display="true"><mjx-math><mjx-c></mjx-c></mjx-math>'
            f"<mjx-assistive-mml>{ANNOTATED}</mjx-assistive-mml></mjx-container>",
            "$$a / 2$$",
        ),
        (
            '<span class="MathJax_Preview">a</span><span class="MathJax"><span>a</span></span>'
            '<script type="math/tex">a_0</script>',
            "  $a_0$",
        ),
        ('<img class="latex" alt="\\alpha &lt; 1" src="x.png">', r"$\alpha < 1$"),
        ('<img src="https://s0.wp.com/latex.php?latex=%5Cbeta%2B1&bg=fff">', r"$\beta+1$"),
        ('<img src="https://latex.codecogs.com/svg.image?%5Cfrac%7Ba%7D%7Bb%7D">', r"$\frac{a}{b}$"),
        ('<img class="tex" alt="$x^2$" src="/math/a/b/ab.png">', "$x^2$"),
        ('<img alt="\\frac{1}{2}" src="y.svg">', r"$\frac{1}{2}$"),
        (
            '<img class="latex" alt="LaTeX logo" src="x.png">',
            '<img class="latex" alt="LaTeX logo" src="x.png">',
        ),
        (
            "<p>It costs $5 or \\(x\\) or $$y$$ <math></math></p>",
            "<p>It costs $5 or \\(x\\) or $$y$$ <math></math></p>",
        ),
    ],
)
def test_formulas(element: str, tex: str) -> None:
    found, _ = technical.kept(f"<p>Let {element} be.</p>")
    assert html.unescape(found) == html.unescape(f"<p>Let {tex} be.</p>")


def test_a_displayed_formula_between_paragraphs_becomes_one() -> None:
    found, _ = technical.kept('<p>a</p>\n<script type="math/tex; mode=display">x</script><p>b</p>')
    assert found == "<p>a</p>\n<p>$$x$$</p><p>b</p>"


def test_what_stands_in_scripts_and_comments_is_no_markup() -> None:
    page = "<script>w('<pre>')</script><!-- <pre> --><p>a</p></pre><math/>"
    assert technical.kept(page)[0] == page


def code(element: str) -> str:
    """The element's text after a pass through an extractor that takes tags and spare spaces away."""
    found, letters = technical.kept(f"<p>A.</p>{element}<p>B.</p>")
    text = found.replace("</p>", "\n").replace("</pre>", "\n").replace("</code>", "")
    for tag in ("<p>", "<pre>", "<code>", '<pre class="poem">'):
        text = text.replace(tag, "")
    lines = [" ".join(line.split()) for line in html.unescape(text).split("\n")]
    return restored("\n".join(line for line in lines if line), letters)


PYTHON = "def f(x):\n    if x &lt; 3:\n\treturn  x\n\n    return None\n"
FENCED = "```\ndef f(x):\n    if x < 3:\n\treturn  x\n\n    return None\n```"


@pytest.mark.parametrize(
    ("element", "text"),
    [
        (f"<pre>{PYTHON}</pre>", FENCED),
        (f"<pre><code>{PYTHON}</code></pre>", FENCED),
        (f"<pre><code class='lang-py'>{PYTHON}</code></pre>", FENCED.replace("```\n", "```py\n", 1)),
        (f"<div class='highlight-source-c'><pre>{PYTHON}</pre></div>", FENCED.replace("```\n", "```c\n", 1)),
        ("<pre><span>a = 1;</span><br>  <b>b</b> = 2;<br></pre>", "```\na = 1;\n  b = 2;\n```"),
        ("<code>a = 1;<br>b = 2;</code>", "```\na = 1;\nb = 2;\n```"),
        ("<pre><div>a = 1;</div><div>b = 2;</div></pre>", "```\na = 1;\nb = 2;\n```"),
        ("<pre><i class='ln'>1</i>a;\n<span class='ln'>2</span>b;</pre>", "```\n1a;\nb;\n```"),
        ("<pre>1\n2\n3\n</pre><pre>a = 1;\n\nb = 2;</pre>", "```\na = 1;\n\nb = 2;\n```"),
        ("<pre><code>a\n```\nb</code></pre>", "````\na\n```\nb\n````"),
        ('<pre class="poem">The long\n    day, and\n\nslow</pre>', "The long\n    day, and\n\nslow"),
        ("<figure><pre><code>a;\nb;</code></pre></figure>", "```\na;\nb;\n```"),
    ],
)  # fmt: skip
def test_code(element: str, text: str) -> None:
    found = code(element)
    for tag in ("<div class='highlight-source-c'>", "</div>", "</figure>"):
        found = found.replace(tag, "")
    assert found.replace("\n\nB.", "\nB.").split("A.\n")[1].lstrip("\n") == f"{text}\nB."


def test_an_old_page_has_its_tags_in_capitals() -> None:
    found, letters = technical.kept(f"<HTML><BODY><PRE>{PYTHON}</PRE>")
    assert FENCED in html.unescape(restored(found.replace("<code>", ""), letters))


@pytest.mark.parametrize(
    "element", ["<pre><p>a</p><table><tr><td>b</table></pre>", "<pre>never closed", "<pre> </pre>"]
)
def test_what_is_no_block_of_code_stays_as_it_is(element: str) -> None:
    assert technical.kept(element)[0] == element


@pytest.mark.parametrize("attributes", ["class='brush: css hidden'", "hidden", "style='display: none'"])
def test_what_is_hidden_stays_hidden(attributes: str) -> None:
    element = f"<pre {attributes}><code>{PYTHON}</code></pre>"
    assert attributes in technical.kept(element)[0]
    assert technical.kept("<pre class='overflow-hidden'>a;\n b;</pre>")[0].startswith("<pre><code>")


def test_half_a_block_leaves_no_letters() -> None:
    page, letters = technical.kept("<pre><code>a\n  b\n  c</code></pre>")
    assert letters
    for size in range(len(page)):
        for part in (page[:size], page[size:]):
            assert not set(restored(part, letters)) & set(letters)


def test_letters_that_a_page_has_are_not_used() -> None:
    first = codeblocks.letters_for("")
    page = f"<pre><code>a\n  {first}</code></pre>"
    found, letters = technical.kept(page)
    assert letters != first and first in restored(found, letters)


TAGS = st.sampled_from(
    ["<pre>", "</pre>", "<code>", "</code>", "<br>", "<math>", "</math>", "<mi>x</mi>", "<mfrac>", "\n",
     "  ", "$", '<span class="katex">', "</span>", '<script type="math/tex">', "</script>", "<!--", "-->",
     "<figure>", '<img class="latex" alt="\\a"', ">", '<mjx-container class="MathJax">', "&lt;", "&#xD800;"]
)  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(st.lists(st.one_of(TAGS, st.text(max_size=8)), max_size=25).map("".join))
def test_any_page_is_taken(page: str) -> None:
    found, letters = technical.kept(page)
    again = restored(found, letters)
    assert not set(again) & set(letters)


@pytest.mark.timeout(30)
@pytest.mark.parametrize(
    "page",
    [
        "<pre>" * 60_000,
        "<pre><code>" + "<span class='ln'>" * 100_000,
        '<span class="katex">' * 50_000 + "</span>" * 50_000,
        "<math>" * 100_000,
        "<math>" + "<mrow>" * 100_000 + "</math>",
        "<pre>" + "<!--" * 200_000 + "</pre>",
        '<script type="math/tex">' * 50_000,
        '<img class="latex" alt="' * 50_000,
        "<pre>" + "<style>" * 100_000 + "</pre>",
        '<span class="katex"' * 50_000 + "<annotation tex" * 50_000,
        "<figure>" * 100_000 + "<pre>a</pre>",
        "<pre>" + "`" * 1_000_000 + "\n</pre>",
    ],
)
def test_hostile_pages_take_no_time(page: str) -> None:
    found, letters = technical.kept(page)
    restored(found, letters)


NONE_OF_IT = (
    "<pre",
    "<code",
    "math",
    "latex",
    "katex",
    '="tex"',
    '="tex ',
    "imetex",
    "cht=tx",
    'alt="\\',
    'alt="$',
    'alt="{',
)


def test_real_pages_without_formulas_and_code_stay_as_they_are(real_data: Path) -> None:
    same = seen = 0
    with tarfile.open(real_data / "html_gold" / "wcxb-dev" / "html.tar.xz") as tar:
        for member in tar:
            content = tar.extractfile(member)
            if content is None or seen == 150:
                continue
            page = decode(content.read())
            found, letters = technical.kept(page)
            low = page.lower()
            if not any(sign in low for sign in NONE_OF_IT):
                assert found == page, member.name
                same += 1
            assert not set(restored(found, letters)) & set(letters)
            seen += 1
    assert seen == 150 and same > 50
