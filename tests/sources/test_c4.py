"""C4 and mC4: shards of JSON lines as published."""

import datetime
import gzip
import io
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from pipeline.inputs import expand
from pipeline.source import Reading, Unit
from pipeline.sources.c4 import SOURCE, stated_language
from pipeline.store import open_input


def shard(*lines: Any) -> bytes:
    return gzip.compress("".join(json.dumps(line) + "\n" for line in lines).encode())


def reading(data: bytes, name: str = "en/c4-train.00000-of-01024.json.gz", **options: Any) -> Reading:
    unit = Unit("c4", "c4-unit", name, name, len(data), "1")
    return Reading(unit, SOURCE.options(**options), lambda: io.BytesIO(data), Counter())


def rows(read: Reading) -> list[dict[str, Any]]:
    found = []
    for table in SOURCE.read(read):
        assert table.schema.equals(SOURCE.schema)
        found += table.to_pylist()
    return found


def test_empty_shard_has_no_documents() -> None:
    assert rows(reading(b"")) == []
    assert rows(reading(gzip.compress(b""))) == []


def test_a_line_is_a_document() -> None:
    line = {"text": "A text.", "url": "http://a.example/", "timestamp": "2019-04-25T12:57:54Z"}
    assert rows(reading(shard(line))) == [
        {
            "address": "http://a.example/ 2019-04-25T12:57:54Z",
            "url": "http://a.example/",
            "date": datetime.datetime(2019, 4, 25, 12, 57, 54),
            "license": "ODC-By-1.0",
            "origin": "en/c4-train.00000-of-01024.json.gz",
            "offset": 0,
            "text": "A text.",
            "stated_language": "en",
        }
    ]


def test_without_url_the_place_is_the_address_and_date_may_be_called_date() -> None:
    (row,) = rows(reading(shard({"text": "x", "date": "2019-04-25"}), license=None))
    assert row["address"] == "en/c4-train.00000-of-01024.json.gz#0"
    assert row["date"] == datetime.datetime(2019, 4, 25)
    assert row["license"] is None


def test_bad_lines_are_counted_and_passed_over() -> None:
    read = reading(gzip.compress(b'{"text": 3}\nno json\n\n[]\n{"text": "kept"}\n'))
    assert [(row["text"], row["offset"]) for row in rows(read)] == [("kept", 4)]
    assert read.skipped == {"no_text": 1, "invalid_json": 1, "not_an_object": 1}


def test_a_cut_shard_keeps_what_is_there() -> None:
    whole = shard(
        *({"text": f"text {number} " * 50, "url": f"http://a.example/{number}"} for number in range(2000))
    )
    read = reading(whole[: len(whole) // 2])
    assert 0 < len(rows(read)) < 2000
    assert read.skipped == {"truncated": 1}


@pytest.mark.parametrize(
    ("name", "language"),
    [
        ("c4-train.00000-of-01024.json.gz", "en"),
        ("en/c4-validation.00000-of-00008.json.gz", "en"),
        ("multilingual/c4-de.tfrecord-00000-of-02048.json.gz", "de"),
        ("c4-zh-Latn.tfrecord-00000-of-00008.json.gz", "zh"),
        ("c4-iw.tfrecord-00000-of-00008.json.gz", "he"),
        ("c4-fil-validation.tfrecord-00000-of-00001.json.gz", "fil"),
        ("c4-und.tfrecord-00000-of-03072.json.gz", None),
        ("web.json.gz", None),
    ],
)
def test_the_language_is_in_the_name(name: str, language: str | None) -> None:
    assert stated_language(name) == language


def test_the_original_is_the_line() -> None:
    read = reading(shard({"text": "a"}, {"text": "b", "url": "u"}))
    second = rows(read)[1]
    assert SOURCE.original is not None
    assert json.loads(SOURCE.original(read, second)) == {"text": "b", "url": "u"}


def test_a_real_sample_is_read_to_its_end(real_data: Path) -> None:
    (file,) = expand([str(real_data / "jsonl" / "c4-en-sample.json.gz")])
    unit = Unit("c4", "c4-unit", file.path, file.logical, file.size, file.version)
    read = Reading(unit, SOURCE.options(), lambda: open_input(file.path), Counter())
    found = rows(read)
    assert len(found) == 600
    assert not read.skipped
    assert {row["stated_language"] for row in found} == {"en"}
    assert all(row["date"] and row["url"] for row in found)
