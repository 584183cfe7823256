"""The JSON lines source."""

import bz2
import gzip
import io
import json
import lzma
from collections import Counter
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from pipeline.source import Reading, Unit
from pipeline.sources.jsonl import SOURCE, JsonlOptions


def test_nothing(read_bytes: Any) -> None:
    for data in (b"", b"\n\n \r\n", gzip.compress(b"")):
        assert read_bytes(SOURCE, data) == ([], {})


def test_a_line(read_bytes: Any) -> None:
    line = b'{"text": "a\\nb", "url": "http://x.org", "date": "2020-01-02T03:04:05Z", "more": 1}'
    rows, skipped = read_bytes(SOURCE, line)
    assert skipped == {}
    assert rows == [
        {
            "address": "folder/file#0",
            "url": "http://x.org",
            "date": datetime(2020, 1, 2, 3, 4, 5),
            "license": None,
            "origin": "folder/file",
            "offset": 0,
            "text": "a\nb",
        }
    ]


@pytest.mark.parametrize("pack", [bytes, gzip.compress, zstandard.compress, bz2.compress, lzma.compress])
@pytest.mark.parametrize("forward", [False, True])
def test_packed(read_bytes: Any, pack: Any, forward: bool) -> None:
    texts = [f"text {number} " * (number % 50) for number in range(2000)]
    lines = b"".join(json.dumps({"text": text}).encode() + b"\r\n" for text in texts)
    rows, skipped = read_bytes(SOURCE, pack(lines), forward=forward)
    assert [row["text"] for row in rows] == texts
    assert [row["offset"] for row in rows] == list(range(2000))
    assert skipped == {}


def test_options(read_bytes: Any) -> None:
    line = {"id": 7, "body": {"content": "t", "a.b": 1}, "meta": {"url": "u", "when": 86400}, "lic": "MIT",
            "score": 0.5, "tags": ["x", "é"], "a.b": "dotted"}  # fmt: skip
    rows, skipped = read_bytes(
        SOURCE,
        json.dumps(line).encode(),
        text="body.content", id="id", url="meta.url", date="meta.when", license="lic",
        keep=["score", "tags", "meta.url", "missing", "a.b"],
    )  # fmt: skip
    assert skipped == {}
    assert rows == [
        {
            "address": "7",
            "url": "u",
            "date": datetime(1970, 1, 2),
            "license": "MIT",
            "origin": "folder/file",
            "offset": 0,
            "text": "t",
            "score": "0.5",
            "tags": '["x", "é"]',
            "meta_url": "u",
            "missing": None,
            "a_b": "dotted",
        }
    ]


@pytest.mark.parametrize("keep", [["text"], ["url", "x"], ["x", "x"], ["a.b", "a_b"], ["id"], ["row"]])
def test_columns_that_cannot_be_kept(keep: list[str]) -> None:
    with pytest.raises(ValidationError, match="keep"):
        JsonlOptions(keep=tuple(keep))


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b'{"text": "abc', "invalid_json"),
        (b"nonsense", "invalid_json"),
        (b"[" * 100_000, "invalid_json"),
        (b'{"text": ' + b"9" * 10_000 + b"}", "invalid_json"),
        (b'{"text": "\xff"}', "invalid_utf8"),
        (b'{"text": "\xed\xa0\x80"}', "invalid_utf8"),
        (b'["text"]', "not_an_object"),
        (b'"text"', "not_an_object"),
        (b"null", "not_an_object"),
        (b"{}", "no_text"),
        (b'{"text": null}', "no_text"),
        (b'{"text": 5}', "no_text"),
        (b'{"text": ["a"]}', "no_text"),
        (b'{"text": "' + b"x" * 2000 + b'"}', "too_large"),
    ],
)
def test_damaged_lines(read_bytes: Any, line: bytes, reason: str) -> None:
    options = {"max_line_bytes": 1000 if reason == "too_large" else 1 << 20}
    good = b'{"text": "good"}'
    for data in (good + b"\n" + line + b"\n" + good, good + b"\n" + good + b"\n" + line):
        rows, skipped = read_bytes(SOURCE, data, **options)
        assert [row["text"] for row in rows] == ["good", "good"]
        assert skipped == {reason: 1}


def test_what_json_allows_and_arrow_does_not(read_bytes: Any) -> None:
    lines = [
        b'\xef\xbb\xbf{"text": "mark"}',
        b'{"text": "\\ud800 half"}',
        b'{"text": "\\u0000"}',
        b'{"text": "\\ud83d\\ude00"}',
        b'{"text": "n", "date": NaN, "url": {"a": "\\udc00"}}',
    ]
    rows, skipped = read_bytes(SOURCE, b"\n".join(lines))
    assert [row["text"] for row in rows] == ["mark", "\ufffd half", "\0", "😀", "n"]
    assert skipped == {}


def test_a_huge_line_is_not_held(read_bytes: Any) -> None:
    data = gzip.compress(
        b'{"text": "' + b"x" * (30 << 20) + b'"}\n{"text": "good"}\n{"text": "' + b"y" * 9999
    )
    rows, skipped = read_bytes(SOURCE, data, max_line_bytes=5000)
    assert ([row["text"] for row in rows], [row["offset"] for row in rows]) == (["good"], [1])
    assert skipped == {"too_large": 2}


def test_cut_at_every_byte(read_bytes: Any) -> None:
    texts = [f"line {number} äöü" for number in range(8)]
    data = gzip.compress("".join(json.dumps({"text": text}) + "\n" for text in texts).encode(), mtime=0)
    counts = []
    for size in range(1, len(data)):
        rows, skipped = read_bytes(SOURCE, data[:size])
        assert [row["text"] for row in rows] == texts[: len(rows)]
        assert sum(skipped.values()) == 1
        assert "truncated" in skipped or size < 3  # too short to be seen as gzip
        counts.append(len(rows))
    assert counts == sorted(counts) and counts[-1] == 8


def test_a_damaged_member_costs_no_other(read_bytes: Any) -> None:
    members = [gzip.compress(json.dumps({"text": f"{n}" * 500}).encode() + b"\n") for n in range(5)]
    data = bytearray(b"".join(members))
    data[len(members[0]) + len(members[1]) + 20] ^= 0xFF
    rows, skipped = read_bytes(SOURCE, bytes(data))
    assert [row["text"][0] for row in rows] == ["0", "1", "3", "4"]
    assert skipped == {"corrupt": 1}


@settings(max_examples=100, deadline=None)
@given(
    st.lists(
        st.one_of(st.binary(max_size=20), st.sampled_from([b'{"text":"a"}', b"\n", b"{", b'"'])), max_size=9
    )
)
def test_any_bytes(parts: list[bytes]) -> None:
    data = b"".join(parts)
    unit = Unit("s", "u", "f", "f", len(data), "")
    reading = Reading(unit, JsonlOptions(), lambda: io.BytesIO(data), Counter())
    rows = sum(len(table) for table in SOURCE.read(reading))
    if not data.startswith((b"\x1f\x8b\x08", b"BZh")):
        assert rows + sum(reading.skipped.values()) == sum(bool(line.strip()) for line in data.split(b"\n"))


def test_schema_is_stable() -> None:
    assert SOURCE.schema_of is not None
    schema = SOURCE.schema_of([], JsonlOptions(keep=("x",)))
    assert schema.names[:-1] == SOURCE.schema.names
    assert schema.field("x").type == pa.string()


def test_real_files(read_bytes: Any, real_data: Path) -> None:
    known = {"c4-en-sample.json.gz": 600}
    for path in sorted((real_data / "jsonl").glob("*.json*.gz")):
        rows, skipped = read_bytes(SOURCE, path.read_bytes())
        lines = sum(bool(line.strip()) for line in gzip.decompress(path.read_bytes()).split(b"\n"))
        assert (len(rows), skipped) == (lines, {}), path.name
        assert len(rows) == known.get(path.name, len(rows))
