"""Which texts count as the same, against a reference that compares the texts themselves."""

import string
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dedup.exact import PASS

Run = Callable[..., list[dict[str, Any]]]

_TEXT = st.lists(st.sampled_from(["a", "B", "b", " ", "\n", "\u00a0", "\u3000", ".", "!"]), max_size=4)


def _whitespace(text: str) -> str:
    return " ".join(text.split())


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.translate(str.maketrans("", "", string.punctuation)).lower().split())


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.lists(st.one_of(st.none(), _TEXT.map("".join)), max_size=8), max_size=3),
    st.sampled_from(["none", "whitespace"]),
    st.sampled_from([1, 3, 16]),
)
def test_labels_are_those_of_the_plain_reference(
    run_pass: Run, expected_labels: Run, units: list[list[str | None]], mode: str, partitions: int
) -> None:
    documents = [[{"text": text} for text in unit] for unit in units]

    def key_of(_: int, document: dict[str, Any]) -> str | None:
        text = document["text"] or ""
        return (_whitespace(text) if mode == "whitespace" else text) or None

    expected = expected_labels(documents, key_of)
    assert run_pass(PASS, documents, partitions, normalise=mode) == expected


def test_no_text(run_pass: Run) -> None:
    assert run_pass(PASS, []) == []
    for mode in ("none", "whitespace", "words"):
        labels = run_pass(PASS, [[{"text": ""}, {"text": ""}], [{"text": None}]], normalise=mode)
        assert [label["size"] for label in labels] == [1, 1, 1]


@pytest.mark.parametrize(
    ("mode", "clusters"),
    [
        ("none", [0, 1, 2, 3, 4, 5, 6]),
        ("whitespace", [0, 0, 2, 2, 4, 5, 6]),
        ("words", [0, 0, 0, 0, 0, 5, 6]),
    ],
)
def test_what_each_mode_ignores(run_pass: Run, mode: str, clusters: list[int]) -> None:
    texts = [
        "The café is  open",
        " The café\nis open\u3000",
        "the cafe is open",
        "the cafe\u2003is open",
        "The café is: open!",
        "The café is not open",
        "...",
    ]
    labels = run_pass(PASS, [[{"text": text, "bytes": 1} for text in texts]], normalise=mode)
    assert [label["cluster"] for label in labels] == [f"id{cluster:05d}" for cluster in clusters]


def test_all_identical(run_pass: Run) -> None:
    units = [[{"text": "same  text" if row % 2 else "same text"} for row in range(20)] for _ in range(3)]
    labels = run_pass(PASS, units)
    assert {label["cluster"] for label in labels} == {"id00001"}  # the longer of the two, and the first
    assert sorted(label["rank"] for label in labels) == list(range(60))
