"""The stage `extract`: text and title of pages, failures as reasons, the same for any order."""

import tarfile
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import trafilatura
from trafilatura.deduplication import LRU_TEST

from pipeline.batch import Batch
from pipeline.sources.charset import decode
from pipeline.sources.html import STAGE, ExtractOptions
from pipeline.sources.pages import extractors

HEAD = "<html><head><title> A &amp; B\n title </title></head>"
ARTICLE = HEAD + "<body><article><h1>Head</h1>{}</article></body></html>"
SENTENCES = "".join(
    f"<p>This is sentence number {n} of a page that is long enough to be text.</p>" for n in range(20)
)
PAGE = ARTICLE.format(SENTENCES)


def extract(pages: Sequence[str | None], **options: Any) -> list[dict[str, Any]]:
    table = pa.table({"html": pa.array(pages, pa.string())})
    arrays = STAGE.open(ExtractOptions(**options))(Batch(table))
    assert [array.type for array in arrays] == [field.type for field in STAGE.adds]
    assert all(
        array.null_count == 0 or field.nullable for array, field in zip(arrays, STAGE.adds, strict=True)
    )
    return list(pa.table(list(arrays), names=STAGE.adds.names).to_pylist())


NOTHING = {
    "text": "",
    "title": "",
    "stated_language": None,
    "published": None,
    "license": None,
    "extract_error": "",
}


@pytest.mark.parametrize("engine", ["trafilatura", "resiliparse"])
def test_nothing(engine: str) -> None:
    assert extract([], engine=engine) == []
    assert extract(["", None, " ", "\0", "<html>"], engine=engine) == [NOTHING] * 5


@pytest.mark.parametrize("engine", ["trafilatura", "resiliparse"])
def test_a_page(engine: str) -> None:
    (row,) = extract([PAGE], engine=engine)
    assert row["title"] == "A & B title"
    assert row["extract_error"] == ""
    assert "This is sentence number 7 of a page" in row["text"]
    assert "<p>" not in row["text"]


@pytest.mark.parametrize("engine", ["trafilatura", "resiliparse"])
@pytest.mark.parametrize(
    "inside", ["&#xD800;", "&#0;", "\0", "&#x10FFFF; \U0010ffff", "&nbsp;\u200b", "&bogus;", "\ufffe"]
)
def test_odd_characters_stay_valid(engine: str, inside: str) -> None:
    page = PAGE.replace("sentence", inside).replace("title ", f"title {inside}")
    (row,) = extract([page], engine=engine)
    assert row["extract_error"] == ""
    row["text"].encode()
    row["title"].encode()


def test_a_page_that_takes_too_long() -> None:
    # Trafilatura takes time quadratic in the number of paragraphs: twelve seconds for this page.
    paragraph = '<p>This is a <a href="x">link</a> in <b>some</b> sentence of a page, and so on.</p>'
    rows = extract([PAGE, ARTICLE.format(paragraph * 20_000), PAGE], seconds=0.4)
    assert rows[0]["extract_error"] == rows[2]["extract_error"] == ""
    assert rows[0]["text"] == rows[2]["text"] != ""
    assert (rows[1]["text"], rows[1]["extract_error"]) == ("", "timeout after 0.4 s of CPU")


def test_text_does_not_depend_on_earlier_pages() -> None:
    notice = f"<p>{'The same long notice stands on every page of this site, word for word. ' * 3}</p>"
    pages = [ARTICLE.format(SENTENCES.replace("number", f"{n}") + notice) for n in range(6)]
    alone = [extract([page])[0]["text"] for page in pages]
    assert [row["text"] for row in extract(pages)] == alone
    assert all("word for word" in text for text in alone)
    # Without the new start for each page the notice would be gone from the later ones.
    LRU_TEST.clear()
    shared = [trafilatura.extract(page, favor_precision=True, deduplicate=True) for page in pages]
    assert not all("word for word" in (text or "") for text in shared)


def test_real_pages_as_datatrove_extracts_them(real_data: Path) -> None:
    pages = []
    with tarfile.open(real_data / "html_gold" / "wcxb-dev" / "html.tar.xz") as tar:
        for member in tar:
            content = tar.extractfile(member)
            if content is not None:
                pages.append(decode(content.read()))
            if len(pages) == 25:
                break
    rows = extract(list(pages), structure=False)
    assert sum(bool(row["text"]) for row in rows) >= 20
    for page, row in zip(pages, rows, strict=True):
        LRU_TEST.clear()
        # The call of datatrove's extractor, on a process that has seen no page yet.
        expected = trafilatura.extract(page, favor_precision=True, include_comments=False, deduplicate=True)
        assert (row["text"], row["extract_error"]) == (expected or "", "")


@pytest.mark.timeout(20)
def test_hostile_titles_take_no_time() -> None:
    for page in (b"<title " * 100_000, b"<title>" + b"&amp;" * 100_000, b"<title>" * 100_000):
        assert len(extractors.unpacked(extractors._packed(page.decode(), 255, "")).title) <= 500


def test_fingerprint_names_the_version() -> None:
    prints = {STAGE.fingerprint(ExtractOptions(engine=name)) for name in ("trafilatura", "resiliparse")}
    assert len(prints) == 2 and all(any(map(str.isdigit, each)) for each in prints)


def test_answers_are_read_back() -> None:
    page = "<html lang=de><title>a\0b</title><meta name=date content=2024-05-06><p>text"
    answer = extractors.unpacked(extractors.resiliparse(b"\xff" + page.encode()))
    assert answer == ("a b", "de", datetime(2024, 5, 6), None, "text")
    assert extractors.unpacked(b"title\0\0\0CC0-1.0\0text\0more") == (
        "title",
        None,
        None,
        "CC0-1.0",
        "text\0more",
    )


def test_what_the_source_says_counts_where_the_page_says_nothing() -> None:
    pages = ['<html lang="en-GB"><p>a', "<p>b"]
    table = pa.table({"html": pages, "stated_language": ["fr", "fr"], "license": [None, "CC0-1.0"]})
    arrays = STAGE.open(ExtractOptions(engine="resiliparse"))(Batch(table))
    found = dict(zip(STAGE.adds.names, arrays, strict=True))
    assert found["stated_language"].to_pylist() == ["en", "fr"]
    assert found["license"].to_pylist() == [None, "CC0-1.0"]


CODE = "def f(x):\n    if x &lt; 3:\n\treturn  x\n\n    return <b>None</b>\n"
PLAIN = "def f(x):\n    if x < 3:\n\treturn  x\n\n    return None"


@pytest.mark.parametrize("engine", ["trafilatura", "resiliparse"])
def test_code_and_formulas_come_through(engine: str) -> None:
    formula = '<p>Let <script type="math/tex">a_1 &lt; b</script> be so.</p>'.replace("&lt;", "<")
    block = f'<pre><code class="language-python">{CODE}</code></pre>'
    (row,) = extract(
        [ARTICLE.format(SENTENCES + formula + block + "<p>And on it goes, to the end.</p>")], engine=engine
    )
    assert "Let $a_1 < b$ be so." in row["text"]
    assert f"```python\n{PLAIN}\n```\n" in row["text"]
    assert row["text"].endswith("And on it goes, to the end.")
    (bare,) = extract([ARTICLE.format(SENTENCES + formula + block)], engine=engine, structure=False)
    assert "a_1" not in bare["text"] and "```" not in bare["text"]


@pytest.mark.parametrize("engine", ["trafilatura", "resiliparse"])
def test_a_page_without_either_is_left_as_it_is(engine: str) -> None:
    page = PAGE.replace("sentence", "<code>sentence</code>")
    assert extract([page], engine=engine) == extract([page], engine=engine, structure=False)
