"""The WET source."""

from typing import Any

from pipeline.sources.wet import SOURCE


def test_nothing(read_bytes: Any) -> None:
    assert read_bytes(SOURCE, b"") == ([], {})


def test_texts(read_bytes: Any, make: Any) -> None:
    info = make.record(b"x: y\r\n", kind="warcinfo")
    text = "Grüße,\nzwei Zeilen \U0001f600"
    page = make.record(
        text.encode(), kind="conversion", WARC_Record_ID="<urn:uuid:7>", Content_Type="text/plain"
    )
    damaged = make.record(b"ab\xffcd", kind="conversion", WARC_Record_ID="<urn:uuid:8>")
    empty = make.record(b"", kind="conversion", WARC_Record_ID="<urn:uuid:9>")
    rows, skipped = read_bytes(SOURCE, make.packed([info, page, damaged, empty]))
    assert [(row["address"], row["text"]) for row in rows] == [
        ("<urn:uuid:7>", text),
        ("<urn:uuid:8>", "ab\ufffdcd"),
        ("<urn:uuid:9>", ""),
    ]
    assert rows[0]["url"] == "http://example.org/"
    assert skipped == {"warcinfo": 1}


def test_pages_are_not_texts(read_bytes: Any, make: Any) -> None:
    assert read_bytes(SOURCE, make.record(make.http(b"<p>"))) == ([], {"response": 1})


def test_too_large(read_bytes: Any, make: Any) -> None:
    data = make.record(b"x" * 5000, kind="conversion") + make.record(b"y", kind="conversion")
    rows, skipped = read_bytes(SOURCE, data, max_record_bytes=1000)
    assert ([row["text"] for row in rows], skipped) == (["y"], {"too_large": 1})
