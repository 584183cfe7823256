"""What holds for every stage that measures texts: odd texts, bad bytes, any batch, any slice of it."""

import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from pipeline import steps
from pipeline.batch import Batch
from pipeline.rules import Rules
from pipeline.stage import Stage

# Stages that need a companion file or another library's class, and those that read pages, not texts.
ELSEWHERE = ("extract", "datatrove", "thresholds", "classify")
LONG = 1_000_000  # bytes

PARAGRAPH = (
    "The committee met on Tuesday, and it decided that the bridge was to be built of stone.\n"
    "Nobody was asked; 12 people wrote to editor@example.org about it.\n\n- a bullet\n- another…\n"
)
ODD = {
    "null": None,
    "empty": "",
    "one character": "a",
    "one emoji": "👩‍👩‍👧",
    "white space": " \t\u00a0\u3000\u2003 ",
    "line breaks": "\r\n\r\n\x0b\x0c\x1c\u2028\u2029\x85",
    "nul and controls": "\x00\x01\x7f\ufeff\u200b\u202e",
    "paragraphs": PARAGRAPH * 3,
    "no line break": "word " * 300,
    "one word": "x" * 5000,
    "emoji": "😀🎉👍🏽🇫🇷" * 200,
    "combining marks": "e\u0301\u0302\u0303" * 200 + "\u0301" * 50,
    "right to left": "שלום עולם, זה משפט. مرحبا بالعالم! " * 30,
    "cjk": "今天天气很好。我们去公园吧！" * 30 + "東京は日本の首都です。" * 10,
    "thai, khmer, lao, burmese": "ภาษาไทยไม่มีช่องว่าง ភាសាខ្មែរ ພາສາລາວ မြန်မာဘာသာ " * 20,
    "digits": "0123456789" * 300,
    "punctuation": "!?.,;:…—«»“”" * 100,
    "brackets": "{[(<" * 500,
    "last planes": "\U0010ffff\ue000𠀀𝔘" * 40,
    "code": "#include <a.h>\nint main(void) {\n  return 0; // nothing\n}\n" * 10,
    "html": "<p class='a'>Text &amp; more</p>\n{{ template }} [[link]] **bold**\n" * 10,
}


def measured_by(stage: Stage) -> bool:
    return stage.name not in ELSEWHERE and not stage.gpus


STAGES = [stage for stage in map(steps.stage, steps.STAGES) if measured_by(stage)]


@pytest.fixture(params=STAGES, ids=lambda stage: stage.name)
def stage(request: pytest.FixtureRequest) -> Stage:
    found: Stage = request.param
    return found


def table_of(texts: Any) -> pa.Table:
    """Texts with the other columns that stages read, filled with what is usual."""
    count = len(texts)
    return pa.table(
        {
            "text": texts,
            "url": pa.array([f"https://www.example.org/page/{row}?q=a" for row in range(count)]),
            "language": pa.array(["en", "de", "zh", "th", "und"] * count)[:count],
            "language_score": pa.array([0.9] * count),
        }
    )


@pytest.fixture(scope="module")
def measures() -> dict[str, Any]:
    """Stages opened once: some load models."""
    return {}


def run(stage: Stage, measures: dict[str, Any], table: pa.Table) -> pa.Table:
    if stage.name not in measures:
        measures[stage.name] = stage.open(stage.options())
    arrays = list(measures[stage.name](Batch(table)))
    return pa.Table.from_arrays(arrays, schema=stage.adds)


def rows(table: pa.Table) -> list[list[Any]]:
    return [list(row.values()) for row in table.to_pylist()]


def test_odd_texts(stage: Stage, measures: dict[str, Any]) -> None:
    """As many values as rows, of the declared types, finite, none missing; every rule can be asked."""
    found = run(stage, measures, table_of(pa.array(ODD.values(), pa.string())))
    found.validate(full=True)
    for field, column in zip(stage.adds, found.columns, strict=True):
        assert field.nullable or column.null_count == 0, field.name
        if pa.types.is_floating(field.type):
            assert all(map(math.isfinite, column.drop_null().to_pylist())), field.name
    table = table_of(pa.array(ODD.values(), pa.string()))
    for field, column in zip(stage.adds, found.columns, strict=True):
        at = table.schema.get_field_index(field.name)
        table = table.append_column(field, column) if at < 0 else table.set_column(at, field, column)
    assert all(mask.null_count == 0 for mask in Rules(stage.rules).failing(table))


def test_a_text_is_measured_by_itself(stage: Stage, measures: dict[str, Any]) -> None:
    """Alone, in a batch, in another order, in a slice: the same values."""
    whole = table_of(pa.array(ODD.values(), pa.string()))
    found = rows(run(stage, measures, whole))
    order = np.random.default_rng(0).permutation(len(ODD))
    assert rows(run(stage, measures, whole.take(order))) == [found[row] for row in order]
    assert rows(run(stage, measures, whole.slice(7, 6))) == found[7:13]
    for row in (0, 1, 7, 13):
        assert rows(run(stage, measures, whole.slice(row, 1))) == [found[row]]
    assert rows(run(stage, measures, whole.slice(0, 0))) == []


def bad_bytes() -> Iterator[bytes]:
    """What is not UTF-8: sequences cut off, bytes that start nothing, surrogates, too large."""
    cut = "日本".encode()
    for tail in (
        b"\xe6",
        cut[:4],
        cut[:5],
        b"\xf0\x9f\x98",
        b"\x80\x80",
        b"\xff\xfe",
        b"\xed\xa0\x80",
        b"\xc0",
    ):
        yield b"A sentence of words, then: " + tail
        yield tail
    yield b"\xf4\x90\x80\x80 too large"


def test_bytes_that_are_no_utf8(stage: Stage, measures: dict[str, Any]) -> None:
    """Every reader drops such rows (`invalid_utf8`); should one come through, nothing is read out of
    bounds. Edits may refuse it."""
    given = list(bad_bytes())
    offsets = np.zeros(len(given) + 1, np.int32)
    np.cumsum([len(each) for each in given], out=offsets[1:])
    buffers = [None, pa.py_buffer(offsets.tobytes()), pa.py_buffer(b"".join(given))]
    texts = pa.Array.from_buffers(pa.string(), len(given), buffers)
    try:
        found = run(stage, measures, table_of(texts))
    except ValueError:
        assert stage.replaces or stage.expensive
        return
    assert found.num_rows == len(given)


def long_texts() -> Sequence[str]:
    return [
        PARAGRAPH * (LONG // len(PARAGRAPH)),
        "a" * LONG,
        "a " * (LONG // 2),
        "😀" * (LONG // 4),
        "\n" * LONG,
        "今" * (LONG // 3),
    ]


@pytest.mark.parametrize("stage", [stage for stage in STAGES if not stage.expensive], ids=lambda s: s.name)
def test_long_texts(stage: Stage, measures: dict[str, Any]) -> None:
    assert run(stage, measures, table_of(pa.array(long_texts(), pa.string()))).num_rows == 6
