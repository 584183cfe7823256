"""Spans are cut out of texts, and what is left is counted anew, as plain Python does it."""

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline import steps
from pipeline.cutting import Cutter
from pipeline.errors import ContractError
from pipeline.planned_step import Step
from pipeline.segment import Chain
from text.strings import Strings
from text.tokens import count_tokens

EDITS = pa.schema(
    [pa.field("text", pa.string()), pa.field("tokens", pa.int64()), pa.field("bytes", pa.int64())]
)


def cutter() -> Cutter:
    stage = steps.stage("tokens")
    options = stage.options()
    step = Step(
        "stage", "tokens", options, (), "", "", (), (), True, False, {}, besides=stage.fingerprint(options)
    )
    return Cutter("lines", "unit-0", "spans", EDITS, Chain([step]))


def table(texts: list[str | None], spans: list[list[int] | None]) -> pa.Table:
    held = pa.array(texts, pa.string())
    tokens = count_tokens(Strings.of(held))
    sizes = [len((text or "").encode()) for text in texts]
    ids = [f"id{at}" for at in range(len(texts))]
    columns = [ids, held, tokens, pa.array(sizes, pa.int64()), pa.array(spans, pa.list_(pa.int64()))]
    return pa.table(columns, ["id", "text", "tokens", "bytes", "spans"])


def without(text: str, spans: list[int]) -> str:
    whole = text.encode()
    edges = [0, *spans, len(whole)]
    return b"".join(whole[edges[at] : edges[at + 1]] for at in range(0, len(edges), 2)).decode()


def test_no_document() -> None:
    held = cutter()
    cut, new = held(table([], []))
    assert cut.num_rows == 0 and {name: len(values) for name, values in new.items()} == dict.fromkeys(
        EDITS.names, 0
    )
    assert held.cut.as_dict() == {"documents": 0, "bytes": 0, "tokens": 0}


@st.composite
def cut_texts(draw: st.DrawFn) -> list[tuple[str, list[int]]]:
    """Texts with spans of whole characters, some empty, some that touch."""
    found = []
    for text in draw(st.lists(st.text(max_size=12), max_size=6)):
        ends = [len(text[:at].encode()) for at in range(len(text) + 1)]
        edges = sorted(draw(st.lists(st.sampled_from(ends), max_size=6)))
        found.append((text, edges[: len(edges) // 2 * 2]))
    return found


@given(cut_texts())
def test_texts_and_lengths_are_those_of_plain_python(texts: list[tuple[str, list[int]]]) -> None:
    held = cutter()
    before = table([text for text, _ in texts], [spans for _, spans in texts])
    cut, new = held(before)
    want = [without(text, spans) for text, spans in texts]
    counted = count_tokens(Strings.of(pa.array(want, pa.string()))).tolist()
    assert cut.column("text").to_pylist() == want
    assert cut.column("tokens").to_pylist() == counted
    assert cut.column("bytes").to_pylist() == [len(text.encode()) for text in want]
    changed = [left != text for left, (text, _) in zip(want, texts, strict=True)]
    for name in EDITS.names:
        values = [
            value if at else None for value, at in zip(cut.column(name).to_pylist(), changed, strict=True)
        ]
        assert new[name].to_pylist() == values
    sizes = [sum(cut.column("bytes").to_pylist()), sum(cut.column("tokens").to_pylist())]
    wholes = [sum(before.column(name).to_pylist()) for name in ("bytes", "tokens")]
    assert held.cut.as_dict() == {
        "documents": sum(changed),
        "bytes": wholes[0] - sizes[0],
        "tokens": wholes[1] - sizes[1],
    }


def test_a_part_of_a_larger_table_and_texts_that_are_null() -> None:
    whole = table(["abc", None, "defg", "xyz"], [[0, 3], None, [1, 2], []])
    cut, new = cutter()(whole.slice(1, 2))
    assert cut.column("text").to_pylist() == [None, "dfg"]
    assert new["text"].to_pylist() == [None, "dfg"]


@pytest.mark.parametrize(
    ("text", "spans", "told"),
    [
        ("abc", [0, 4], "bytes 0 to 4 of a text of 3"),
        ("abc", [-1, 2], "bytes -1 to 2 of a text of 3"),
        ("abc", [2, 1], "bytes 2 to 1"),
        ("abcdef", [2, 4, 1, 2], "bytes 1 to 2"),
        ("abcdef", [2, 4, 3, 5], "bytes 3 to 5"),
        ("aäb", [0, 2], "bytes 0 to 2"),
        ("aäb", [2, 3], "bytes 2 to 3"),
        ("abc", [1], "an odd number of offsets"),
        ("abc", [0, None], "a null among the offsets"),
        (None, [0, 1], "bytes 0 to 1 of a text of 0"),
    ],
)
def test_spans_that_cannot_be_are_refused(text: str | None, spans: list[int], told: str) -> None:
    with pytest.raises(
        ContractError, match=f"pass lines: cannot cut document id1 of unit unit-0: {told}.*; expected whole"
    ):
        cutter()(table(["fine", text, "fine"], [[0, 1], spans, [0, 4]]))
