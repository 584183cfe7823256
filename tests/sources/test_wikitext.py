"""Wikitext to prose: what of each piece of markup is left, and what hostile wikitext does."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.sources.wikitext import names, prose
from pipeline.sources.wikitext.gaps import closed
from pipeline.sources.wikitext.names import Site

SITE = names.site({6: "Bilde", 14: "Klasse"})


def text(wikitext: str, **options: bool) -> str:
    return prose.to_text(wikitext, "The page", SITE, **options)


def test_no_wikitext_is_no_text() -> None:
    assert text("") == ""
    assert text(" \n\n ") == ""
    assert text("{{Infobox|a=b}}\n[[Category:Rivers]]\n") == ""


@pytest.mark.parametrize(
    ("wikitext", "expected"),
    [
        # Bold, italic, and the apostrophe of "l'" before italic.
        ("'''Oak''' is ''a'' '''''tree'''''.", "Oak is a tree."),
        ("L'''Oak'' and the elm", "L'Oak and the elm"),
        ("the '90s", "the '90s"),
        # Links.
        ("[[oak]]s, [[Oak (tree)|oaks]], [[Oak (tree)|]], [[:Category:Oaks|oaks]]", "oaks, oaks, Oak, oaks"),
        ("[[#Leaves|below]] [[Oak#Leaves]] [[:de:Eiche]]", "below Oak#Leaves de:Eiche"),
        ("An oak[[de:Eiche]][[fr:Chêne]][[Category:Trees]][[Klasse:Tre]].", "An oak."),
        ("[[wikt:oak|oak]] and [[w:Elm]]", "oak and Elm"),
        (
            "[http://a.example/x the site] [https://b.example] http://c.example/d",
            "the site http://c.example/d",
        ),
        ("[[Oak|a [nice] tree]]", "a [nice] tree"),
        ("[[Oak is not closed", "Oak is not closed"),
        # Files, with links in the caption, by their namespace or their ending.
        ("[[File:Oak.jpg|thumb|An [[oak]] in [[File:x.png]] [[May]].]]Text", "Text"),
        ("[[Bilde:Oak|left]]One [[Kuva:Oak.svg|20px]]two", "One two"),
        ("[[File:Oak.jpg|thumb|never [[closed]]\nText", "Text"),
        ("[[:File:Oak.jpg|the picture]]", "the picture"),
        # Comments, references.
        ("A<!-- hidden\n\n [[ {{ --> tree", "A tree"),
        ("One<!-- never closed", "One"),
        ('A.<ref>Book, [[page]] 3</ref> B.<ref name="x" /> C<ref group=n>{{cite|x}}</ref>.', "A. B. C."),
        ("A<ref>one<ref>two</ref>three</ref> B", "A B"),
        ("A<ref>never closed\nB<ref>x</ref> C", "A B C"),
        ("A<ref>never closed\n\n== More ==\nB<ref>x</ref> C", "A\n\nMore\n\nB C"),
        # Templates: gone, with the brackets and commas that only they filled.
        ("Foo ({{IPA-en|x}}; born 1950) is", "Foo (born 1950) is"),
        ("Foo ({{lb|a}}, {{lb|b}}) is", "Foo is"),
        ("Foo (born 1950; {{lb|a}}), bar", "Foo (born 1950), bar"),
        ("f() is {{x}} called, {{y}}, and () stays", "f() is called, and () stays"),
        ("A {{a|{{b|[[c|d]]|{{e}}}}}} tree", "A tree"),
        ("A {{not closed tree", "A"),
        ("A {{x|y} tree", "A tree"),
        ("A {{{parameter|default}}} tree", "A tree"),
        ("Of {{PAGENAME}} and {{lc:OAK}}", "Of The page and oak"),
        # Templates that hold prose.
        ("{{lang|fr|chêne}}, {{lang-de|Eiche}}, {{nowrap|[[Oak|an oak]] tree}}", "chêne, Eiche, an oak tree"),
        ("{{convert|5|km|mi}}, {{convert|5|to|10|C}}, {{cvt|1200|m2|0}}", "5 km, 5 to 10 °C, 1,200 m²"),
        ("{{convert|6|ft|2|in|m}} {{frac|1|2|3}} {{val|5|0.2|u=km}}", "6 ft 2 in 1 2⁄3 5±0.2 km"),
        ("{{nihongo|Oak|樫|kashi}} {{circa|1900}} {{abbr|e.g.|for example}}", "Oak (樫, kashi) c. 1900 e.g."),
        ("1{{ndash}}2{{nbsp}}m{{spaced ndash}}x{{'}}s {{as of|2010|5}}", "1–2 m – x's As of May 2010"),
        ("{{ill|Oak|de|Eiche}} {{USS|Oak|1}} {{s|XIX|e}}", "Oak USS Oak XIXe siècle"),
        ("Said:\n{{quote|text=Oaks are [[tree]]s.|source=x}}\nand", "Said:\n\nOaks are trees.\n\nand"),
        ("{{lang|fr|{{nowrap|a {{unknown}} b}}}}", "a b"),
        # Tables, nested, within text, not closed, in HTML.
        ("One\n{| class=x\n! a\n|-\n| b\n{|\n| c\n|}\n|}\nTwo", "One\n\nTwo"),
        ("One\n{|\n| lost\n\n== More ==\nTwo", "One\n\nMore\n\nTwo"),
        ("One <table><tr><td>a<table></table></td></tr></table> two", "One\n\ntwo"),
        # Formulas and code, untouched.
        (r"Let <math>a_{i}''  {{b}} < c</math> be", r"Let $a_{i}'' {{b}} < c$ be"),
        (r'A<math display="block">x</math>B', "A\n\n$$x$$\n\nB"),
        ("<chem>H2O</chem>", r"$\ce{H2O}$"),
        ("Use <nowiki>''[[this]]'' &amp; that</nowiki>.", "Use ''[[this]]'' & that."),
        (
            "So:\n<syntaxhighlight lang='Python'>\nif x:\n    y = [[1]]  # ''\n</syntaxhighlight>\nend",
            "So:\n\n```python\nif x:\n    y = [[1]]  # ''\n```\n\nend",
        ),
        ("<pre>\na  {{b}} &lt;\n</pre>", "```\na  {{b}} <\n```"),
        ("Call <code>f(&lt;x&gt;)</code> or <source inline>a  b</source>", "Call f(<x>) or a  b"),
        ("x<sup>2</sup> m<sup>-1</sup> 19<sup>th</sup> H<sub>2</sub>O", "x^2 m^-1 19th H_2O"),
        ("x<sup>n + 1</sup> Ca<sup>2+</sup> HCl<sub>(g)</sub>", "x^(n + 1) Ca^2+ HCl_(g)"),
        # HTML, entities, line breaks.
        ("a<br/>b<br>c <span style='x'>d</span><unknown>", "a\nb\nc d<unknown>"),
        ("A &amp; B&nbsp;C &lt;i&gt; &#233; &eacute; &bogus; &#0;", "A & B C <i> é é &bogus;"),
        ("<div>a</div><p>b</p>", "a\n\nb"),
        ("<gallery>\nOak.jpg|An oak\n</gallery>End <score>x</score><timeline>y</timeline>", "End"),
        ("<poem>\nOne\n  two\n</poem>", "One\ntwo"),
        ("A<includeonly>b</includeonly><noinclude>c</noinclude>", "Ac"),
        # Switches and language variants.
        ("__NOTOC__A __БЕЗОГЛ__ tree __init__", "A tree __init__"),
        ("-{zh-hans:树; zh-hant:樹}-A -{T|x}--{b}--{R|c}-", "树A bc"),
        # Lists.
        ("* a\n** b\n* c\n\n# d\n## e\n## f\n# g", "- a\n  - b\n- c\n\n1. d\n  1. e\n  2. f\n2. g"),
        ("; oak : a tree\n; elm\n: a tree too", "oak: a tree\nelm\na tree too"),
        ("* a\n*: more\n* {{cite}}\n* b: {{flag}}", "- a\n  more"),
        ("<ul><li>a</li><li>b</li></ul>", "- a\n- b"),
        # Paragraphs: lines are joined, but not ideographs by a space.
        ("One\ntwo\n\nthree", "One two\n\nthree"),
        ("一\n二", "一二"),
        (" x = 1\n   y = 2", "x = 1\n  y = 2"),
        ("one----two\n----\nthree", "one----two\n\nthree"),
        ("| left of a table\n|}\nText", "Text"),
    ],
)
def test_markup(wikitext: str, expected: str) -> None:
    assert text(wikitext) == expected


def test_headings_stand_alone_and_empty_ones_are_gone() -> None:
    wikitext = (
        "Lead.\n== ''Life'' ==\n=== Youth ===\nShort.\n=== Age ===\n{{table}}\n== Empty ==\n== Work=x ==\n* a"
    )
    assert text(wikitext) == "Lead.\n\nLife\n\nYouth\n\nShort.\n\nWork=x\n\n- a"


def test_sections_of_links_are_dropped_by_their_heading_with_those_below() -> None:
    wikitext = (
        "Lead.\n== See also ==\nSome prose.\n=== More ===\nProse.\n== '''Notes''' ==\nx\n== Life ==\nEnd."
    )
    assert text(wikitext) == "Lead.\n\nLife\n\nEnd."
    assert text(wikitext, keep_links=True).count("\n\n") == 8


def test_sections_of_links_are_dropped_by_what_stands_in_them() -> None:
    links = "== Neighbours ==\n* [[Oak]]\n* ''[[Elm]]'', [[Ash|ashes]]\n* [http://a.example Site]\n"
    links += "[[Category:x]]\n"
    assert text(f"Lead.\n{links}") == "Lead."
    assert text(f"Lead.\n{links}* [[Fir]], a tree") == (
        "Lead.\n\nNeighbours\n\n- Oak\n- Elm, ashes\n- Site\n\n- Fir, a tree"
    )
    assert text("* [[Oak]]\n* [[Elm]]") == "- Oak\n- Elm"


def test_a_link_section_goes_but_not_what_stands_below_it() -> None:
    wikitext = "== Trees ==\n* [[Oak]]\n=== Elms ===\nElms are trees."
    assert text(wikitext) == "Trees\n\nElms\n\nElms are trees."


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("", ""),
        ("R", ""),
        ("end.R Next", "end. Next"),
        ("end.R.", "end."),
        ("U.S.R, and", "U.S., and"),
        ("a, R, b", "a, b"),
        ("foo (R).", "foo."),
        ("Foo ((R, R)) is", "Foo is"),
        ("foo (– R) bar", "foo bar"),
        ("(R) (R) x", "x"),
        ("f(x)R", "f(x)"),
    ],
)
def test_gaps_are_closed(line: str, expected: str) -> None:
    assert closed(line.replace("R", "\x03")) == expected


def test_redirects_are_known_by_their_word_in_each_language() -> None:
    assert names.redirect_target("") == ""
    assert names.redirect_target("#REDIRECT [[Oak (tree)|x]]") == "Oak (tree)"
    assert names.redirect_target(" #Weiterleitung: [[Eiche]]") == "Eiche"
    assert names.redirect_target("#перенаправление [[Дуб]]") == "Дуб"
    assert names.redirect_target("#ПЕРЕНАПРАВЛЕНИЕ[[Дуб]]") == "Дуб"
    assert names.redirect_target("# [[Oak]]") == ""
    assert names.redirect_target("#1 is [[Oak]]") == ""


@pytest.mark.parametrize(
    ("wikitext", "title", "expected"),
    [
        ("", "", False),
        ("{{disambiguation}}", "Oak", True),
        ("* [[Oak]]\n{{Hndis|name=x}}", "Oak", True),
        ("{{Begriffsklärung}}", "Eiche", True),
        ("{{ неоднозначность }}", "Дуб", True),
        ("__DISAMBIG__", "Oak", True),
        ("An oak.", "Oak (disambiguation)", True),
        ("An oak{{disambiguation needed}}.", "Oak", False),
        ("{{other uses|Oak (disambiguation)}}", "Oak (tree)", False),
    ],
)
def test_disambiguation(wikitext: str, title: str, expected: bool) -> None:
    assert names.is_disambiguation(wikitext, title) is expected


PIECES = (
    "{{", "}}", "{{{", "}}}", "[[", "]]", "[", "]", "|", "{|", "|}", "\n", "== a ==", "'''", "''", "<ref>",
    "</ref>", "<ref/>", "<!--", "-->", "<math>", "</math>", "<pre>", "<table>", "</table>", "-{", "}-",
    "*", "#", ":", ";", " ", "a", "é", "(", ")", ",", ".", "File:", "http://x", "&amp;", "&#1;", "__A__",
    "<br>", "<sup>", "</sup>", "{{lang|x|", "{{convert|", "\x00", "\x03", "\x06", "\ud800", "\u3000",
    "<poem>", "</poem>", "<nowiki>", "</nowiki>", "=",
)  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from(PIECES), max_size=60).map("".join))
def test_any_markup_is_converted_without_a_trace_of_our_own_marks(wikitext: str) -> None:
    for keep in (False, True):
        shown = text(wikitext, keep_links=keep)
        assert not set(shown) & set("\x00\x01\x02\x03\x04\x05\x06\x07")
        assert shown == shown.strip("\n")
        assert "\n\n\n" not in shown
    names.is_disambiguation(wikitext, wikitext)


@settings(max_examples=100, deadline=None)
@given(st.text(st.characters(categories=("L", "Nd"), include_characters=" .,"), max_size=200))
def test_plain_text_stays(plain: str) -> None:
    assert text(plain) == " ".join(plain.split()) or plain.startswith(" ") or "  " in plain


@pytest.mark.parametrize(
    "piece",
    [
        "{{",
        "[[",
        "[[a|",
        "<ref>",
        "<math",
        "<pre>",
        "{|\n",
        "<table>",
        "-{",
        "({{x}}",
        "'''a",
        "{{lang|x|",
        "=",
        "[//",
    ],
)
def test_deep_and_unclosed_markup_neither_raises_nor_hangs(piece: str) -> None:
    # A quadratic algorithm takes minutes for 1 MB.
    text(piece * (1_000_000 // len(piece)))


def test_names_of_the_dump_count_beside_those_of_all_languages() -> None:
    assert {"bilde", "datei", "file", "файл"} <= SITE.files
    assert {"klasse", "kategorie", "category"} <= SITE.categories
    assert Site().files < SITE.files
