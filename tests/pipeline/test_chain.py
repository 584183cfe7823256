"""What a segment does with its stages: which rows are measured, and what a stage may not return."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from pipeline import steps
from pipeline.batch import Batch
from pipeline.errors import ContractError
from pipeline.planned_step import Step
from pipeline.segment import Chain, Tally, dropped_by
from pipeline.source import document_id
from pipeline.stage import Options, Rule, Stage, column

LENGTH = column("length_chars", pa.int64())


class Lengths:
    """A stage that counts characters and remembers how many rows it was given."""

    def __init__(self, **about: Any) -> None:
        self.rows: list[int] = []
        self.stage = Stage("length", ("text",), pa.schema([LENGTH]), open=lambda _: self.measure, **about)

    def measure(self, batch: Batch) -> list[pa.Array]:
        self.rows.append(len(batch))
        return [pa.array([len(text) for text in batch.column("text").to_pylist()], pa.int64())]


def chain(monkeypatch: pytest.MonkeyPatch, *parts: Stage | Rule) -> Chain:
    """A chain of stages and rules, in that order."""
    stages = {part.name: part for part in parts if isinstance(part, Stage)}
    monkeypatch.setattr(steps, "stage", lambda name, _: stages[name])
    made = []
    for part in parts:
        kind = "stage" if isinstance(part, Stage) else "rules"
        rules = (part,) if isinstance(part, Rule) else ()
        name = part.name if isinstance(part, Stage) else "rules"
        made.append(Step(kind, name, Options(), rules, "", "", (), (), True, False, {}))
    return Chain(made)


def texts(*values: str | None) -> Batch:
    return Batch(pa.table({"text": pa.array(values, pa.string())}))


def test_no_row(monkeypatch: pytest.MonkeyPatch) -> None:
    batch = texts()
    failing = chain(monkeypatch, Lengths().stage, Rule("short", "length_chars < 3")).apply(batch)
    assert failing.shape == (1, 0)
    assert batch.column("length_chars").to_pylist() == []


def test_every_rule_sees_every_row(monkeypatch: pytest.MonkeyPatch) -> None:
    batch = texts("", "ab", "abcd")
    rules = (Rule("short", "length_chars < 3"), Rule("empty", "length_chars = 0"))
    failing = chain(monkeypatch, Lengths().stage, *rules).apply(batch)
    assert dropped_by(["short", "empty"], failing).to_pylist() == [["short", "empty"], ["short"], []]


def test_an_expensive_stage_leaves_out_rows_that_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    lengths = Lengths(expensive=True)
    batch = texts("ab", "x", "cd")
    failing = chain(
        monkeypatch, Rule("x", "text = 'x'"), lengths.stage, Rule("two", "length_chars = 2")
    ).apply(batch)
    assert lengths.rows == [2]
    assert batch.column("length_chars").to_pylist() == [2, None, 2]
    assert failing.tolist() == [[False, True, False], [True, False, True]]


def test_what_was_not_measured_is_not_measured_further(monkeypatch: pytest.MonkeyPatch) -> None:
    lengths = Lengths()
    batch = texts("ab", None)
    chain(monkeypatch, lengths.stage).apply(batch)
    assert batch.column("length_chars").to_pylist() == [2, None]


def test_signals_that_are_there_are_used_again(monkeypatch: pytest.MonkeyPatch) -> None:
    lengths = Lengths()
    batch = Batch(pa.table({"text": ["ab", "cde", "f"], "length_chars": pa.array([2, None, 1], pa.int64())}))
    chain(monkeypatch, lengths.stage).apply(batch)
    assert lengths.rows == [1]
    assert batch.column("length_chars").to_pylist() == [2, 3, 1]


def test_an_earlier_value_goes_where_a_fresh_run_would_have_none(monkeypatch: pytest.MonkeyPatch) -> None:
    lengths = Lengths(expensive=True)
    batch = Batch(pa.table({"text": ["ab", "x"], "length_chars": pa.array([2, 1], pa.int64())}))
    chain(monkeypatch, Rule("x", "text = 'x'"), lengths.stage).apply(batch)
    assert lengths.rows == [] and batch.column("length_chars").to_pylist() == [2, None]


def test_an_edit_replaces_the_text_for_the_stages_behind_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def upper(batch: Batch) -> list[pa.Array]:
        values = batch.column("text").to_pylist()
        return [pa.array([text.upper() * 2 for text in values]), pa.array([1] * len(values), pa.int64())]

    adds = pa.schema([column("text", pa.string()), column("edit_lines", pa.int64())])
    edit = Stage("edit", ("text",), adds, open=lambda _: upper, replaces=("text",), expensive=True)
    batch = texts("ab", "x")
    _ = batch.words
    chain(monkeypatch, Rule("x", "text = 'x'"), edit, Lengths().stage).apply(batch)
    assert batch.column("text").to_pylist() == ["ABAB", "x"]
    assert batch.column("length_chars").to_pylist() == [4, 1]
    assert np.diff(batch.strings.offsets).tolist() == [4, 1]


@pytest.mark.parametrize(
    ("returned", "words"),
    [
        (lambda _: [], "0 columns returned, 1 declared: length_chars"),
        (lambda n: [pa.array([1] * (n + 1), pa.int64())], "length_chars has 3 values, 2 expected"),
        (lambda n: [pa.array([1] * n, pa.int32())], "length_chars is int32, int64 declared"),
        (lambda n: [pa.array([1] + [None] * (n - 1), pa.int64())], "length_chars has 1 nulls"),
    ],
)
def test_a_stage_that_breaks_its_word_is_named(
    monkeypatch: pytest.MonkeyPatch, returned: Callable[[int], list[pa.Array]], words: str
) -> None:
    stage = Stage("length", ("text",), pa.schema([LENGTH]), open=lambda _: lambda batch: returned(len(batch)))
    with pytest.raises(ContractError, match=f"stage length: {words}"):
        chain(monkeypatch, stage).apply(texts("a", "b"))


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_signal_is_finite(monkeypatch: pytest.MonkeyPatch, value: float) -> None:
    share = pa.schema([column("share_x", pa.float64())])
    stage = Stage("share", ("text",), share, open=lambda _: lambda batch: [pa.array([value] * len(batch))])
    with pytest.raises(ContractError, match="stage share: share_x holds NaN or infinity"):
        chain(monkeypatch, stage).apply(texts("a"))


def test_tally_counts_documents_and_tokens_per_rule() -> None:
    tally = Tally()
    tally.add(["a", "b"], np.array([[True, False, False], [True, True, False]]), np.array([5, 7, 11]))
    tally.add(["a", "b"], np.zeros((2, 0), np.bool_), np.array([], np.int64))
    assert tally.as_dict() == {
        "documents": 3,
        "kept": 1,
        "tokens": 23,
        "tokens_kept": 11,
        "rules": {"a": {"documents": 1, "tokens": 5}, "b": {"documents": 2, "tokens": 12}},
    }


def test_ids_depend_on_source_and_address_alone() -> None:
    assert document_id("web", "<urn:uuid:1>") == document_id("web", "<urn:uuid:1>")
    assert len({document_id("web", "1"), document_id("web", "2"), document_id("notes", "1")}) == 3
    assert len(document_id("web", "\udcff")) == 32
