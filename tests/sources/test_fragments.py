"""HTML fragments to text: each case is HTML and the text expected of it."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.sources.pages import htmltags
from pipeline.sources.pages.fragments import DEPTH, to_text


@pytest.mark.parametrize(
    "html", ["", " \n\t ", "<p></p>", "<ul><li></li></ul>", "<!-- x -->", "<pre>\n</pre>"]
)
def test_nothing_to_read_is_empty(html: str) -> None:
    assert to_text(html) == ""


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("no markup &amp; a\n line", "no markup & a line"),
        ("<p>One\ntwo&nbsp; three</p>\n\n<p>four</p>", "One two three\n\nfour"),
        ("<p>unclosed<p>second", "unclosed\n\nsecond"),
        ("<h2>Head</h2><p>text</p>", "Head\n\ntext"),
        ("<div>a<div>b</div>c</div>", "a\nb\nc"),
        ("a<br>b<br/>c<br /><br>d", "a\nb\nc\n\nd"),
        ("<p>a</p><hr><p>b</p>", "a\n\nb"),
        ("<p>a <b>bold</b>, <a href='x'>link</a>, <code>x  = 1</code></p>", "a bold, link, x = 1"),
        ("<P>A<BR>B</P>", "A\nB"),
        ("<p>he said <q>yes</q></p>", 'he said "yes"'),
        ("<dl><dt>Term<dd>Meaning</dl>after", "Term\nMeaning\n\nafter"),
    ],
)
def test_paragraphs_and_lines(html: str, text: str) -> None:
    assert to_text(html) == text


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<ul><li>a</li><li>b</li></ul>", "- a\n- b"),
        ("<ul><li>a<li>b</ul>c", "- a\n- b\n\nc"),
        ("<ol start='3'><li>a<li value=7>b<li>c</ol>", "3. a\n7. b\n8. c"),
        ("<ul><li><p>a</p><p>b</p></li><li><p>c</p></li></ul>", "- a\n\n  b\n\n- c"),
        ("<p>x</p><ul><li>a<ol><li>b<li>c</ol></li><li>d</ul>", "x\n\n- a\n  1. b\n  2. c\n- d"),
        ("<li>no list", "- no list"),
        ("<ul>text<li>a</ul>", "text\n- a"),
        ("</ul></li></ol>a", "a"),
        ("<blockquote><p>a</p><p>b<br>c</p></blockquote>d", "> a\n>\n> b\n> c\n\nd"),
        ("<blockquote>a<blockquote>b</blockquote></blockquote>", "> a\n>\n> > b"),
        ("<ul><li>a<blockquote>b</blockquote></ul>", "- a\n\n  > b"),
        ("x<blockquote></blockquote>y", "x\n\ny"),
    ],
)
def test_lists_and_quotations(html: str, text: str) -> None:
    assert to_text(html) == text


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<pre><code>if x &lt; 1:\n    y  = 2\n\n</code></pre>", "```\nif x < 1:\n    y  = 2\n```"),
        ("<pre><code>\n  first\n</code></pre>", "```\n  first\n```"),
        ("<pre class='lang-py prettyprint'><code>x</code></pre>", "```py\nx\n```"),
        ("<pre><code class='language-c++'>x</code></pre>", "```c++\nx\n```"),
        ("<pre class='lang-none'><code>x</code></pre>", "```\nx\n```"),
        ("<pre><code>a ``` b</code></pre>", "````\na ``` b\n````"),
        ("<pre><code><span>a</span><br>b<b>c</b></code></pre>", "```\na\nbc\n```"),
        ("<p>a</p><pre><code>b</code></pre>c", "a\n\n```\nb\n```\n\nc"),
        ("<ul><li>a<pre><code>b\n c\n\nd</code></pre></ul>", "- a\n\n  ```\n  b\n   c\n\n  d\n  ```"),
        ("<blockquote><pre><code>b\n\nc</code></pre></blockquote>", "> ```\n> b\n>\n> c\n> ```"),
        ("<pre><code>never closed\r\n  x", "```\nnever closed\n  x\n```"),
    ],
)
def test_code_is_verbatim(html: str, text: str) -> None:
    assert to_text(html) == text


def test_verse_is_not_fenced_where_asked() -> None:
    assert to_text("a<pre>\n  o\n o\n</pre>b", fence_pre=False) == "a\n\n  o\n o\n\nb"
    assert to_text("<pre><code>x</code></pre>", fence_pre=False) == "```\nx\n```"


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<table><tr><th>a</th><th>b</th></tr><tr><td>1</td><td>2</td></tr></table>c", "a | b\n1 | 2\n\nc"),
        ("<table><tr><td><p>a</p><td><p>b</p><tr><td>c<br>d<td></table>", "a | b\nc d |"),
        ("<table><tr><td></td><td> </td></tr></table>a", "a"),
        ("<table><caption>T</caption><tr><td>a<td>b</table>", "T\na | b"),
        ("<table><tr><td><p>a</p><p>b</p></td><td>c</td></tr></table>", "a\n\nb | c"),
        ("a<td>b", "a\nb"),
    ],
)
def test_tables(html: str, text: str) -> None:
    assert to_text(html) == text


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("10<sup>-6</sup>", "10^-6"),
        ("H<sub>2</sub>O", "H_2O"),
        ("x<sup>n+1</sup>", "x^(n+1)"),
        ("the 1<sup>st</sup> of", "the 1st of"),
        ("word<sup>[3]</sup>", "word[3]"),
        ("<sub>small print of a post</sub>", "small print of a post"),
        ("a<sub>many words here</sub>", "amany words here"),
        ("a<sup>2", "a2"),
        ("$a_1 &lt; b$", "$a_1 < b$"),
        ("<p>$$a\n b\\\\\nc$$\nand\nmore</p>", "$$a\nb\\\\\nc$$\nand more"),
        ("<p>so\nthat $$\nx\n$$ and\nmore</p>", "so that $$\nx\n$$ and more"),
        ("<p>see\n\\begin{align}\nx\n\\end{align}</p>", "see\n\\begin{align}\nx\n\\end{align}"),
        ('<math alttext="x&lt;1"><mi>x</mi></math>', "$x<1$"),
        ("<script type='math/tex; mode=display'>a<b</script>", "$$a<b$$"),
        ("<math><mi>a</mi></math>", "a"),
        ('<img class="math" alt="x^2">', "$x^2$"),
        ('<img alt="T">he end', "The end"),
        ('<img alt="enter image description here">', ""),
    ],
)
def test_formulas(html: str, text: str) -> None:
    assert to_text(html) == text


def test_formula_of_a_wiki_is_shown_once() -> None:
    html = (
        '<math><annotation encoding="application/x-tex">{\\displaystyle x}</annotation></math>'
        '<img class="mwe-math-fallback-image-inline" alt="{\\displaystyle x}">'
    )
    assert to_text(html) == "$x$"


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("a<script>if (a<b) x = '<p>'</script>b<style>p{}</style>c", "abc"),
        ("a<!-- <p>x</p> -->b", "ab"),
        ("<!DOCTYPE html><html><head><title>t</title></head><body>b", "b"),
        ("<![CDATA[x]]>b", "b"),
        ("a<script>never closed", "a"),
        ("<head>never closed", "never closed"),
        ("a <!-- never closed <p>x</p>", "a x"),
        ('<a title="x > y <b>">link</a>', "link"),
        ("<a href=x>y>z", "y>z"),
        ('<a href="x>never closed <b>bold</b>', "never closed bold"),
        ("1 < 2, a<3, <>, </>, <4>", "1 < 2, a<3, <>, </>, <4>"),
        ("&lt;p&gt; &eacute; &#233; &#xe9; &xyzzy;", "<p> é é é &xyzzy;"),
        ("&#" + "9" * 5000 + ";x", "\ufffdx"),
    ],
)
def test_what_is_no_text_and_what_is_no_tag(html: str, text: str) -> None:
    assert to_text(html) == text


@given(st.text(max_size=200))
def test_any_text_is_read(html: str) -> None:
    to_text(html)


TAGS = ["p", "ul", "ol", "li", "blockquote", "pre", "code", "table", "tr", "td", "sup", "br", "q", "div", "b"]


@given(
    st.lists(st.sampled_from([*(f"<{tag}>" for tag in TAGS), *(f"</{tag}>" for tag in TAGS), "word ", "\n"]))
)
def test_no_word_is_lost_and_no_tag_is_left(pieces: list[str]) -> None:
    """However tags are nested, all words are there and no angle bracket but the quotations' marks."""
    html = "".join(pieces)
    text = to_text(html)
    assert text.count("word") == html.count("word")
    assert "<" not in text
    assert text == text.strip()


@given(st.text(alphabet=st.characters(exclude_characters="<&"), max_size=100))
def test_text_without_markup_is_its_words(text: str) -> None:
    if "$$" not in text and "\\begin{" not in text:
        assert to_text(text) == " ".join(text.split())


PIECES = [
    "<a b='x > y'>",
    '<c d="e\'f" g = "">',
    "<b>",
    "</b >",
    "<br/>",
    "text",
    " = ",
    "'",
    '"',
    ">",
    "< ",
    "\n",
]


@given(st.lists(st.sampled_from(PIECES)))
def test_both_ways_of_cutting_tags_agree(pieces: list[str]) -> None:
    """The careful way, for values with `<` in them, finds in other HTML what the fast one finds."""
    html = "".join(pieces)
    careful = list(htmltags._slowly(html))
    first, found = htmltags.split(html)
    assert careful == [first, *found]
    assert len(found) // 4 == sum(piece[:1] == "<" and piece != "< " for piece in pieces)


@pytest.mark.parametrize(
    "piece",
    [
        *(
            "<",
            '<a ="',
            "<ul><li>a",
            "<blockquote>a",
            "<p>",
            "<!--",
            "<script>",
            "<sup>a",
            "&",
            "&#1",
            "<pre>a",
        ),
        *(
            "<table><tr><td>a",
            "<br>",
            '"<a b="c',
            "<math ",
            "<x ",
            "<![",
            "$$\n",
            "<li></ul>",
            "</script ",
            "```",
        ),
        *(
            "\\begin{a}\n",
            "<img alt=a class=math>",
            "&#9",
            "<a =   '",
            "<math><annotation tex",
            "<q>",
            "\n\n",
        ),
    ],
)
def test_hostile_repetition_takes_linear_time(piece: str) -> None:
    """Four times the input takes nowhere near sixteen times as long (0.2 s of slack for a busy machine)."""
    to_text(piece)
    seconds = []
    for length in (50_000, 200_000):
        start = time.process_time()
        to_text(piece * (length // len(piece)))
        seconds.append(time.process_time() - start)
    assert seconds[1] < 8 * seconds[0] + 0.2


def test_deep_nesting_is_shown_to_a_depth() -> None:
    text = to_text("<ul><li>a" * 10_000)
    assert text.count("a") == 10_000
    assert max(map(len, text.split("\n"))) <= 2 * DEPTH + 1
