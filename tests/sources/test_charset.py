"""From bytes to characters: what was declared, what is in the bytes, and nonsense."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.sources import charset

RUSSIAN = "Съешь же ещё этих мягких французских булок, да выпей чаю. " * 5
JAPANESE = "いろはにほへと ちりぬるを わかよたれそ つねならむ。漢字かな交じり文①" * 3
KOREAN = "키스의 고유조건은 입술끼리 만나야 하고 특별한 기술은 필요치 않다. " * 3


def test_nothing() -> None:
    assert charset.decode(b"") == ""
    assert charset.decode(b"", "windows-1251") == ""
    assert charset.of_meta(b"") is None
    assert charset.codec_of("") is None


@pytest.mark.parametrize(
    ("data", "declared", "text"),
    [
        (RUSSIAN.encode("cp1251"), "windows-1251", RUSSIAN),
        (RUSSIAN.encode("koi8-r"), '"KOI8-R"', RUSSIAN),
        (JAPANESE.encode("cp932"), "Shift_JIS", JAPANESE),
        (JAPANESE.encode("cp932"), "x-sjis", JAPANESE),
        (KOREAN.encode("cp949"), "ks_c_5601-1987", KOREAN),
        ("“smart” – €".encode("cp1252"), "iso-8859-1", "“smart” – €"),
        ("鎔樹".encode("gb18030"), "gb2312", "鎔樹"),
        # Declared wrongly.
        (RUSSIAN.encode("cp1251"), "utf-8", RUSSIAN),
        (RUSSIAN.encode(), "windows-1251", RUSSIAN),
        (RUSSIAN.encode(), "iso-8859-1", RUSSIAN),
        (RUSSIAN.encode(), "utf-16", RUSSIAN),
        (JAPANESE.encode("cp932"), "utf-8", JAPANESE),
        # Not declared, or by a name that means nothing.
        (RUSSIAN.encode("cp1251"), None, RUSSIAN),
        (RUSSIAN.encode(), None, RUSSIAN),
        (RUSSIAN.encode(), "bogus", RUSSIAN),
        (b"abc", "utf-7", "abc"),
        # Byte order marks win.
        (RUSSIAN.encode("utf-16"), "windows-1251", RUSSIAN),
        (b"\xfe\xff" + RUSSIAN.encode("utf-16-be"), None, RUSSIAN),
        (RUSSIAN.encode("utf-8-sig"), "iso-8859-1", RUSSIAN),
        (("<p>" + RUSSIAN).encode("utf-16-le"), None, "<p>" + RUSSIAN),
        (("<p>" + RUSSIAN).encode("utf-16-be"), "utf-8", "<p>" + RUSSIAN),
        ("日本語".encode("iso2022_jp"), "ISO-2022-JP", "日本語"),
    ],
)
def test_decode(data: bytes, declared: str | None, text: str) -> None:
    assert charset.decode(data, declared) == text


@pytest.mark.parametrize(
    ("head", "label"),
    [
        (b"<meta charset=shift_jis>", "shift_jis"),
        (b'<META  CHARSET = "EUC-JP" />', "EUC-JP"),
        (
            b"<html><head><meta name=x><meta http-equiv=Content-Type content='text/html; charset=big5'>",
            "big5",
        ),
        (b"<!-- <meta charset=koi8-r> --><meta charset=utf-8>", "utf-8"),
        (b'<?xml version="1.0" encoding="iso-8859-2"?><html>', "iso-8859-2"),
        (b"<metadata charset=no>", None),
        (b" " * 1024 + b"<meta charset=late>", None),
        (b"<!-- <meta charset=koi8-r>", None),
    ],
)
def test_meta(head: bytes, label: str | None) -> None:
    assert charset.of_meta(head) == label


def test_meta_decides_after_the_header() -> None:
    page = b"<meta charset=shift_jis>" + JAPANESE.encode("cp932")
    assert charset.decode(page).endswith(JAPANESE)
    assert charset.decode(page, "nonsense").endswith(JAPANESE)
    page = b"<meta charset=euc-jp>" + RUSSIAN.encode("cp1251")
    assert charset.decode(page, "windows-1251").endswith(RUSSIAN)


def test_a_few_bad_bytes_do_not_change_the_encoding() -> None:
    text = charset.decode(JAPANESE.encode() * 5 + b"\xff" + b"ok", "utf-8")
    assert text == JAPANESE * 5 + "\ufffdok"
    cut = charset.decode(JAPANESE.encode()[:-1], "utf-8")
    assert cut == JAPANESE[:-1] + "\ufffd"


def test_content_type() -> None:
    assert charset.of_content_type("text/html; charset=utf-8") == "utf-8"
    assert charset.of_content_type('text/html;CHARSET="x y"; a=b') == "x"
    assert charset.of_content_type("text/html") is None


@settings(max_examples=150, deadline=None)
@given(
    st.binary(max_size=300),
    st.one_of(st.none(), st.text(max_size=12), st.sampled_from(["utf-16", "gbk", "big5"])),
)
def test_any_bytes_and_any_label(data: bytes, declared: str | None) -> None:
    charset.decode(data, declared).encode()


@given(st.text(max_size=50))
def test_well_formed_leaves_text_alone(text: str) -> None:
    if not any("\ud800" <= character <= "\udfff" for character in text):
        assert charset.well_formed(text) == text


def test_well_formed() -> None:
    assert charset.well_formed("a\ud800b\udc00") == "a\ufffdb\ufffd"
    assert charset.well_formed("\ud83d\ude00") == "😀"
