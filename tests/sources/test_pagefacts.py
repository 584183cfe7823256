"""What a page states of itself: language, date of publication, licence."""

from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.sources.language_tags import language_code
from pipeline.sources.pages.pagefacts import Facts, facts


def test_nothing() -> None:
    assert facts("") == Facts("", None, None, None)
    assert facts("<html><head></head><body>text") == Facts("", None, None, None)


@pytest.mark.parametrize(
    ("tag", "code"),
    [
        ("", None), (None, None), ("en", "en"), ("EN-us", "en"), ("pt_BR", "pt"), ("deu", "de"),
        ("ger", "de"), ("sr-Latn-RS", "sr"), ("zh-Hant", "zh"), ("gsw", "gsw"), ("fil-PH", "fil"),
        ("iw", "he"), ("und", None), ("x-default", None), ("english", None), ("en, fr", None), ("e", None),
        ("{{lang}}", None), ("de_DE.utf8", "de"),
    ],
)  # fmt: skip
def test_language_codes(tag: str | None, code: str | None) -> None:
    assert language_code(tag) == code


@pytest.mark.parametrize(
    ("head", "code"),
    [
        ('<html lang="en-GB">', "en"),
        ("<!doctype html><HTML class=a LANG=de>", "de"),
        ('<html xmlns="x" xml:lang="fr">', "fr"),
        ('<html lang="" xml:lang="fr">', "fr"),
        ('<html><meta http-equiv="Content-Language" content="es">', "es"),
        ('<html><p lang="it">', None),
    ],
)
def test_language(head: str, code: str | None) -> None:
    assert facts(head).language == code


DAY = datetime(2024, 5, 6)


@pytest.mark.parametrize(
    ("page", "date"),
    [
        ('<meta property="article:published_time" content="2024-05-06T10:00:00+02:00">', DAY.replace(hour=8)),
        ('<meta content="2024-05-06" name="DC.date.issued">', DAY),
        ("<meta name=pubdate content=20240506>", DAY),
        ('<meta name="citation_publication_date" content="2024/05/06">', DAY),
        (
            '<meta name="date" content="2020-01-01"><meta property="og:published_time" content="2024-05-06">',
            DAY,
        ),
        ('<meta name="date" content="2020-01-01">{"datePublished": "2024-05-06"}', DAY),
        ('<script type="application/ld+json">{"datePublished" : "2024-05-06T00:00:00Z"}</script>', DAY),
        ('<time itemprop="datePublished" datetime="2024-05-06">May</time>', DAY),
        ('<span itemprop="datePublished" content="2024-05-06"></span>', DAY),
        ('<time class="entry-date published" datetime="2024-05-06">', DAY),
        ('<time pubdate datetime="2024-05-06 00:00">', DAY),
        ('<time datetime="2024-05-06">', None),
        ('<meta property="article:published_time" content="yesterday">', None),
        ('<meta property="article:published_time" content="0001-01-01T00:00:00">', None),
        ('<meta name="date" content="20240231">', None),
        ('<meta property="article:modified_time" content="2024-05-06">', None),
    ],
)
def test_published(page: str, date: datetime | None) -> None:
    assert facts(page).published == date


CC = "https://creativecommons.org/licenses"


@pytest.mark.parametrize(
    ("page", "license_"),
    [
        (f'<a rel="license" href="{CC}/by-sa/4.0/">', "CC-BY-SA-4.0"),
        (f'<a href="{CC}/by/3.0/us/" rel="license">', "CC-BY-3.0-US"),
        (f'<a href="{CC}/by/3.0/hk/" rel="license">', "CC-BY-3.0"),
        (f'<link rel="license" href="{CC}/by-nc-nd/2.5/">', "CC-BY-NC-ND-2.5"),
        ('<a rel="license" href="http://creativecommons.org/publicdomain/zero/1.0/">', "CC0-1.0"),
        ('<a rel="license" href="https://creativecommons.org/publicdomain/mark/1.0/">', "LicenseRef-CC-PDM"),
        (f'<a rel="nofollow license" href="{CC}/by-sa/3.0/deed.de">', "CC-BY-SA-3.0"),
        (f'<p>Text under <a href="{CC}/by/4.0/">this</a>', "CC-BY-4.0"),
        (f'<a href="{CC}/by/4.0/">a</a> photo: <a href="{CC}/by-nc/2.0/">b</a>', None),
        (f'<a href="{CC}/by-nc/2.0/">b</a> <a rel="license" href="{CC}/by/4.0/">a</a>', "CC-BY-4.0"),
        ('<link rel="license" href="https://opensource.org/licenses/MIT">', "MIT"),
        ('<a rel="license" href="https://www.gnu.org/licenses/fdl-1.3.html">', "GFDL-1.3-or-later"),
        ('<a rel="license" href="/terms">terms</a>', None),
        ('<a rel="license">terms</a>', None),
        ("the license is free", None),
    ],
)
def test_license(page: str, license_: str | None) -> None:
    assert facts(page).license == license_


@given(st.text() | st.sampled_from(["<meta ", "<html lang=", 'rel="license"', '"datePublished": "']).flatmap(
    lambda start: st.text(max_size=30).map(lambda rest: start + rest)
))  # fmt: skip
def test_anything_is_taken(page: str) -> None:
    assert facts(page).title == " ".join(facts(page).title.split())


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    "piece",
    [
        "<meta ",
        "<html ",
        "<time ",
        '<a rel="license"',
        "license",
        "<link ",
        '<a itemprop="',
        "<title ",
        "<body",
    ],
)
def test_hostile_pages_take_no_time(piece: str) -> None:
    facts(piece * 200_000)
    facts(piece * 200_000 + ' datePublished creativecommons.org/ "datePublished"')
