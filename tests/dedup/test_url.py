"""What counts as the same URL, and what does not."""

from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dedup.plain_urls import plain
from dedup.url import _CLASSES, _NAMES, _PREFIXES, PASS, hashes_of, normalise
from text.hashing import hash128
from text.strings import Strings

Run = Callable[..., list[dict[str, Any]]]


@pytest.mark.parametrize(
    ("url", "normal"),
    [
        ("", ""),
        (" \t\n", ""),
        ("http://example.com", "//example.com/"),
        ("https://example.com/", "//example.com/"),
        ("  HTTP://EXAMPLE.com./ ", "//example.com/"),
        ("http://www.example.com/", "//example.com/"),
        ("http://www.www.example.com/", "//example.com/"),
        ("http://www.com/", "//www.com/"),
        ("http://www.com./", "//www.com/"),
        ("http://www.www.com/", "//www.com/"),
        ("http://www.www./", "//www.www/"),
        ("http://www..com/", "//www..com/"),
        ("http://www.www..a.com/", "//.a.com/"),
        ("http://www2.example.com/", "//www2.example.com/"),
        ("http://example.com:80/", "//example.com/"),
        ("http://example.com:/", "//example.com/"),
        ("https://example.com:0443/", "//example.com/"),
        ("http://example.com:443/", "//example.com:443/"),
        ("https://user:p@ss@example.com/", "//example.com/"),
        ("http://example.com/a#part", "//example.com/a"),
        ("http://example.com/#!/a", "//example.com/#!/a"),
        ("http://example.com/a/", "//example.com/a"),
        ("http://example.com/a//", "//example.com/a"),
        ("http://example.com//a", "//example.com//a"),
        ("http://example.com/a/./b/../c", "//example.com/a/c"),
        ("http://example.com/../../a", "//example.com/a"),
        ("http://example.com/a/%2e%2E/b", "//example.com/b"),
        ("http://example.com/.well-known/a.", "//example.com/.well-known/a."),
        ("http://example.com\\a\\b", "//example.com/a/b"),
        ("http://example.com/%7euser/%e4%b8%ad", "//example.com/~user/%E4%B8%AD"),
        ("http://example.com/~user/中", "//example.com/~user/%E4%B8%AD"),
        ("http://example.com/a b", "//example.com/a%20b"),
        ("http://example.com/100%", "//example.com/100%25"),
        ("http://example.com/a%2Fb", "//example.com/a%2Fb"),
        ("http://example.com/Case", "//example.com/Case"),
        ("http://exam\nple.com/", "//example.com/"),
        ("http://example.com/?", "//example.com/"),
        ("http://example.com/?b=2&a=1", "//example.com/?a=1&b=2"),
        ("http://example.com/?a=2&a=1&&", "//example.com/?a=2&a=1"),
        ("http://example.com/?q=a/b?c+d", "//example.com/?q=a/b?c+d"),
        ("http://example.com/?utm_source=x&id=1&FBCLID=y", "//example.com/?id=1"),
        ("http://example.com/?utm%5Fsource=x", "//example.com/"),
        ("http://example.com/?gclid=x#top", "//example.com/"),
        ("http://example.com/?CFID=1&CFTOKEN=2&sessionid=3&a=4", "//example.com/?a=4"),
        ("http://example.com/?session=1&sid=2&ref=3", "//example.com/?ref=3&session=1&sid=2"),
        ("http://example.com/?id=utm_source", "//example.com/?id=utm_source"),
        ("http://example.com/a;jsessionid=1A2B?x=1", "//example.com/a?x=1"),
        ("http://Bücher.example/", "//xn--bcher-kva.example/"),
        ("http://xn--bcher-kva.example/", "//xn--bcher-kva.example/"),
        ("http://b%C3%BCcher.example/", "//xn--bcher-kva.example/"),
        ("http://straße.example/", "//xn--strae-oqa.example/"),
        ("http://www。example。com/", "//example.com/"),
        ("http://192.168.0.1:8080/", "//192.168.0.1:8080/"),
        ("http://[2001:DB8:0::1]:80/", "//[2001:db8::1]/"),
        ("//example.com/a", "//example.com/a"),
    ],
)
def test_normal_forms(url: str, normal: str) -> None:
    assert normalise(url) == normal
    assert normalise(normal) == normal


@pytest.mark.parametrize(
    "garbage",
    [
        "n/a",
        "example.com/a",
        "http:",
        "http://",
        "http:///a",
        "http://?a",
        "http://a b/",
        "http://[::1/",
        "http://[zz]/",
        "http://[::1]x/",
        "http://host:port/",
        "http://host:٣/",
        "http://host:99999999999999999999999/",
        "http://%zz/",
        "http://%ff%fe/",
        "http://" + "ü" * 5000 + "/",
        "http://\u200d/",
        "http://.../",
        "http://\ud800/",
        "ftp://example.com/a/",
        "mailto:someone@example.com",
        "javascript:void(0)",
        "\x00",
        "http:/example.com/",
    ],
)
def test_garbage_stays_itself(garbage: str) -> None:
    assert normalise(garbage) == garbage.strip("\x00 ")


# fmt: off
_PIECES = st.sampled_from([
    "http", "https", ":", "/", "//", "\\", "?", "#", "#!", "&", "=", ";", "@", "[", "]", "%", "%2e", "%2F",
    "%zz", "%41", ".", "..", "./", "www.", "WWW.", "a", "B", "ü", "中", "ß", "xn--a", "utm_x=", "gclid", "80",
    "443", "8080", ";jsessionid=1", "::1", "\t", "\x00", "\u200b", "\u3002", "\ud800", "+", "~", "|", "^",
])
# fmt: on


@settings(max_examples=200, deadline=None)
@given(st.one_of(st.text(), st.lists(_PIECES, max_size=14).map(lambda pieces: "http://" + "".join(pieces))))
def test_never_raises_and_changes_nothing_twice(url: str) -> None:
    once = normalise(url)
    assert normalise(once) == once


# fmt: off
_PLAIN = st.sampled_from([
    "a", "b", "A", "www.", "www", ".", "..", "/", "//", "/.", "?", "&", "=", "&a=1", "&b", "a=2", "&=",
    "%C3%BC", "%c3", "%41", "%", "%C", "utm_x=1", "&UTM_a", "gclid=2", "gcli", "utm", "aspsessionidX=1", ";",
    "-", "_", ";jsessionid=1", ":", "@", "#", "#!x", "~", "!", "ü", " ", "\\", "1", "com", ".com",
])
# fmt: on


@settings(max_examples=300)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["http://", "https://", "http:", "HTTP://", "//", "httpx://", "ftp://"]),
            st.sampled_from(["", "a.example", "www.a.example", "www.example", "www.www.a"]),
            st.lists(_PLAIN, max_size=8).map("".join),
        ).map("".join)
        | st.none(),
        max_size=6,
    )
)
def test_kernels_take_urls_only_where_they_agree(urls: list[str | None]) -> None:
    normal = [normalise(url or "") for url in urls]
    hashes, known = hashes_of(pa.chunked_array([pa.array(urls, pa.string())]))
    assert known.tolist() == [bool(form) for form in normal]
    expected = hash128(Strings.of(pa.array(normal, pa.string())))
    assert hashes[known].tolist() == expected[known].tolist()


@pytest.mark.parametrize(
    ("url", "taken"),
    [
        ("http://a.example", True),
        ("https://www.a.example/news/2024/01/a-title_(b).html/", True),
        ("https://example.com/index.php?a=1&b=2&b=1&c", True),
        ("https://zh.example.org/wiki/%E4%B8%AD?title=%E4%B8%AD", True),
        ("http://a.example/?", True),
        ("http://a.example/?b=1&a=2", False),
        ("http://a.example/?utm_medium=1", False),
        ("http://a.example/?a=1&GCLID=x", False),
        ("http://A.example/", False),
        ("http://a.example:80/", False),
        ("http://a.example/../b", False),
        ("http://a.example/%7e", False),
        ("http://a.example/#b", False),
        ("http://bücher.example/", False),
        ("http://a..", False),
        ("http:///", False),
        ("n/a", False),
        ("", False),
    ],
)
def test_which_urls_kernels_take(url: str, taken: bool) -> None:
    strings = Strings.of(pa.array([url]))
    data, offsets, found = plain(strings.data, strings.offsets, _CLASSES, _NAMES, _PREFIXES)
    assert found.tolist() == [taken]
    assert bytes(data).decode() == (normalise(url) if taken else "")
    assert offsets.tolist() == [0, len(data)]


def test_hostile_urls_take_no_longer_than_their_length() -> None:
    """Each is of some hundred kilobytes, and would take minutes in the square of that."""
    size = 1 << 18
    for url in (
        "http://" + "www." * (size // 4) + "com/",
        "http://" + "ü" * size + ".example/",
        "http://" + "." * size,
        "http://a.example" + "/." * size,
        "http://a.example" + "/.." * size,
        "http://a.example/?" + "&a" * size,
        "http://a.example/" + "%" * size,
        "http://a.example/" + ";jsessionid=" * (size // 12),
    ):
        assert normalise(normalise(url)) == normalise(url)
        hashes_of(pa.chunked_array([[url]]))


def test_pass(run_pass: Run) -> None:
    units: list[list[dict[str, Any]]] = [
        [
            {"url": "http://example.com/a?utm_source=feed", "date": 1},
            {"url": None, "date": 9},
            {"url": "  ", "date": 9},
            {"url": "n/a", "date": 3},
        ],
        [
            {"url": "https://www.example.com/a/", "date": 2},
            {"url": None, "date": 9},
            {"url": "http://example.com/a", "date": None},
            {"url": "n/a", "date": 4},
            {"url": "N/A", "date": 4},
        ],
    ]
    labels = run_pass(PASS, units)
    assert [label["rank"] for label in labels] == [1, 0, 0, 1, 0, 0, 2, 0, 0]
    assert [label["size"] for label in labels] == [3, 1, 1, 2, 3, 1, 3, 2, 1]
    assert labels[0]["cluster"] == labels[6]["cluster"] == "id00004"
    assert labels[1]["cluster"] == "id00001"
    assert [label["rank"] for label in run_pass(PASS, units, keep="oldest")][:5] == [0, 0, 0, 0, 1]
