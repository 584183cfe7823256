"""From inputs to examples."""

from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from classifiers.training.data import content_hashes, examples, gather, make_task
from classifiers.training.inputs import DOCUMENTS, Input
from pipeline.errors import PlanError


def given(*rows: tuple[str, str], **columns: list[Any]) -> Input:
    """An input of texts and labels."""
    documents = [
        {"id": f"id{at}", "text": text, "label": label, "weight": 1.0}
        | {name: values[at] for name, values in columns.items()}
        for at, (text, label) in enumerate(rows)
    ]
    return Input("made", "", pa.Table.from_pylist(documents, schema=DOCUMENTS))


def pairs(table: pa.Table) -> list[tuple[str, str]]:
    return sorted(zip(table["text"].to_pylist(), table["label"].to_pylist(), strict=True))


def test_no_documents_of_two_labels() -> None:
    with pytest.raises(PlanError, match="documents none is left: a classifier needs some of two labels"):
        gather([given()])
    with pytest.raises(PlanError, match="all 2 have the label 'a'"):
        gather([given(("one", "a"), ("two", "a"))])
    with pytest.raises(PlanError, match="a label is empty"):
        gather([given(("one", " "), ("two", "a"))])


def test_labels_are_one_word_and_in_their_order() -> None:
    found = gather([given(("one", "not safe"), ("two", "safe"))])
    assert found.labels == ("not_safe", "safe")
    found = gather([given(("one", "10"), ("two", "9.0"), ("three", "2.5"))])
    assert found.labels == ("2.5", "9", "10")
    found = gather([given(("one", "a b"), ("two", "a_b"), ("three", "c"))])
    assert found.labels == ("a_b", "c") and "labels 'a b', 'a_b' are one, 'a_b'" in found.told


def test_grades_become_yes_and_no() -> None:
    found = gather([given(("one", "2"), ("two", "3"), ("three", "5"))], at_least=3)
    assert pairs(found.documents) == [("one", "no"), ("three", "yes"), ("two", "yes")]
    with pytest.raises(PlanError, match=r"--at-least 3: label 'x' is no number"):
        gather([given(("one", "x"), ("two", "3"))], at_least=3)


def test_equal_texts_are_one_example() -> None:
    found = gather(
        [
            given(
                *[("Good day!", "a"), ("good  DAY", "a"), ("Good day?", "b")],  # most say a
                *[("Same words", "a"), ("same words.", "b")],  # nobody knows
                *[("other", "b"), ("...", "a"), ("", "a")],
            )
        ]
    )
    assert pairs(found.documents) == [("Good day!", "a"), ("other", "b")]
    assert found.facts["without_words"] == 2
    assert found.facts["copies"] == 3
    assert found.facts["with_two_labels"] == 2

    told = "2 texts came with two labels: 1 have the one of most copies, 1 without such are left out"
    assert told in found.told


def test_order_of_inputs_decides_nothing() -> None:
    rows = [("text" + "y" * at, "ab"[at % 2]) for at in range(50)]
    ids = [f"id{at}" for at in range(50)]
    one = gather([given(*rows, id=ids)], seed=4)
    other = gather([given(*rows[::-1], id=ids[::-1])], seed=4)
    assert one.documents.equals(other.documents)
    assert not one.documents.equals(gather([given(*rows, id=ids)], seed=5).documents)


def test_a_site_is_capped_and_rare_labels_left_out() -> None:
    rows = [("text" + "y" * at, "ab"[at % 2]) for at in range(30)] + [("rare one", "c")]
    urls = ["http://big.org/1"] * 30 + ["http://small.org"]
    found = gather([given(*rows, url=urls)], per_group=5, fewest=2)
    assert found.documents.num_rows == 5
    assert set(found.labels) <= {"a", "b"}
    assert "1 document of labels with fewer than 2 left out: c" in found.told
    assert any(line.startswith("one group holds 100% of the documents") for line in found.told)


def test_documents_without_a_site_are_told() -> None:
    rows = [("one", "a"), ("two", "b"), ("three", "a")]
    (said,) = (x for x in gather([given(*rows, url=[None, "http://a.org", None])]).told if "URL" in x)
    assert said.startswith("2 documents without a URL, so that each is a group of its own")
    (said,) = (x for x in gather([given(*rows)]).told if "URL" in x)
    assert said.startswith("no document has a URL")


def test_content_is_words_alone() -> None:
    same = content_hashes(pa.array(["Ünder the Sea!", "under  the\nsea", "", "!?"], pa.large_string()))
    assert same[0] == same[1] != 0
    assert same[2] == same[3] == 0
    assert len(content_hashes(pa.array([], pa.large_string()))) == 0


@pytest.mark.parametrize(
    ("labels", "kind", "asked", "score", "positive", "range_"),
    [
        (("no", "yes"), "fasttext", {}, "probability", "yes", None),
        (("0", "1"), "embedding", {}, "probability", "1", (0, 1)),
        (("negative", "positive"), "fasttext", {}, "probability", "positive", None),
        (("ham", "spam"), "fasttext", {"positive": "ham"}, "probability", "ham", None),
        (("0", "1", "2"), "fasttext", {}, "expected", None, (0, 2)),
        (("0", "1", "2"), "embedding", {}, "value", None, (0, 2)),
        (("0", "1", "2"), "embedding", {"regression": False}, "expected", None, (0, 2)),
        (("0", "1"), "embedding", {"regression": True}, "value", None, (0, 1)),
        (("a", "b", "c"), "transformer", {}, "top", None, None),
        (("a", "b", "c"), "fasttext", {"positive": "b"}, "probability", "b", None),
    ],
)
def test_what_is_learnt(
    labels: tuple[str, ...],
    kind: str,
    asked: dict[str, Any],
    score: str,
    positive: str | None,
    range_: tuple[float, float] | None,
) -> None:
    task = make_task("x", labels, kind, **asked)
    assert (task.score, task.positive, task.range) == (score, positive, range_)
    assert task.model(kind).score == score  # type: ignore[arg-type]


def test_what_cannot_be_learnt() -> None:
    with pytest.raises(PlanError, match="--regression: labels are a, b; expected numbers"):
        make_task("x", ("a", "b"), "embedding", regression=True)
    with pytest.raises(PlanError, match="fastText model answers with labels"):
        make_task("x", ("1", "2"), "fasttext", regression=True)
    with pytest.raises(PlanError, match="--positive-label 'Yes': no document has it; did you mean 'yes'"):
        make_task("x", ("no", "yes"), "fasttext", positive="Yes")


def test_examples_and_their_weights() -> None:
    table = given(("one", "1"), ("two", "3"), ("three", "3"), ("four", "2")).documents
    task = make_task("x", ("1", "3"), "fasttext")
    found = examples(table, task, "weights")
    assert found.labels.tolist() == [0, 1, 1, -1], "2 is not learnt"
    assert np.nan_to_num(found.targets, nan=-1).tolist() == [1, 3, 3, -1]
    assert found.weights.tolist() == [2, 1, 1, 1]
    assert examples(table, task).weights.tolist() == [1, 1, 1, 1]
    some = found.take(np.array([True, False, False, True]))
    assert (some.texts.to_pylist(), some.labels.tolist()) == (["one", "four"], [0, -1])
    assert len(examples(given().documents, task, "weights")) == 0
