"""Rows of a Posts.xml: their attributes as an XML parser has them."""

from collections import Counter
from xml.etree import ElementTree
from xml.sax.saxutils import quoteattr

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.sources.stackdump import attributes, posts

CHARACTERS = st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"])


def test_no_attributes() -> None:
    assert attributes.attributes(b"") == {}
    assert attributes.attributes(b" ") == {}


@given(st.text(alphabet=CHARACTERS, max_size=60), st.text(alphabet="\t\n\r<>&\"'a;#x1", max_size=20))
def test_attributes_are_those_of_an_xml_parser(value: str, odd: str) -> None:
    kept = {"\t": "&#9;", "\n": "&#xA;", "\r": "&#xD;", '"': "&quot;"}
    written = f' Id="1" Title={quoteattr(value, {chr(34): "&quot;"})} Body="{escaped(odd, kept)}" '
    inside = written.encode()
    expected = ElementTree.fromstring(f"<row{written}/>").attrib
    assert posts.attributes(inside) == expected == {"Id": "1", "Title": value, "Body": odd}
    if "'" not in written.partition(" Body")[0].replace('"', ""):
        assert attributes.attributes(inside) == expected


def escaped(text: str, kept: dict[str, str]) -> str:
    made = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return "".join(kept.get(sign, sign) for sign in made)


@given(st.text(alphabet=" ab='\"&;#x<>é\n", max_size=30))
def test_the_kernel_says_no_or_what_an_xml_parser_says(inside: str) -> None:
    found = attributes.attributes(inside.encode())
    if found is not None:
        assert found == ElementTree.fromstring(f"<row{inside}/>").attrib


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("&lt;&gt;&amp;&quot;&apos;", "<>&\"'"),
        ("&amp;lt;", "&lt;"),
        ("&#x41;&#65;&#xe9;&#x1F600;", "AA\u00e9\U0001f600"),
        ("&#x0;&#xD800;&#x110000;", "\ufffd\ufffd\ufffd"),
    ],
)
def test_references(value: str, text: str) -> None:
    assert posts.attributes(f' A="{value}"'.encode()) == {"A": text}


@pytest.mark.parametrize("value", ["&nbsp;", "&", "&;", "&#;", "&#x;", "&lt", "&#1x;", "a<b"])
def test_what_is_no_xml_is_no_row(value: str) -> None:
    assert posts.attributes(f' A="{value}"'.encode()) is None


@pytest.mark.parametrize("size", [1, 2, 3, 7, 50, 1000])
def test_rows_are_the_same_however_the_bytes_come(size: int) -> None:
    data = (
        b'<posts>\n<row Id="1" PostTypeId="1" T="a" />\n<row Id="2" PostTypeId="2" ParentId="1" />\n</posts>'
    )
    skipped: Counter[str] = Counter()
    found = list(posts.rows([data[at : at + size] for at in range(0, len(data), size)], skipped))
    starts = [data.index(b"<row"), data.rindex(b"<row")]
    assert [(row.id, row.kind, row.question) for row in found] == [(1, 1, 1), (2, 2, 1)]
    assert [row.offset for row in found] == starts
    assert [posts.element(row) for row in found] == data.splitlines()[1:3]
    assert not skipped
