"""The labels of clusters, and the plain-Python answer that every pass is held against."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest

from pipeline.stage import Pass

Document = Mapping[str, Any]
RunPass = Callable[..., list[dict[str, Any]]]


@pytest.fixture
def run_pass(make_corpus: Callable[..., Any]) -> RunPass:
    """run_pass(PASS, units, partitions=3, **options): id, cluster, rank and size of the living, in order."""

    def run(
        step: Pass, units: Sequence[Sequence[Document]], partitions: int = 3, **options: Any
    ) -> list[dict[str, Any]]:
        labels = make_corpus(units, partitions).label(step, **options)
        return [
            {"id": row["id"], **{name: row[f"{step.name}_{name}"] for name in ("cluster", "rank", "size")}}
            for row in labels
        ]

    return run


ExpectedLabels = Callable[..., list[dict[str, Any]]]


@pytest.fixture(scope="session")
def expected_labels() -> ExpectedLabels:
    """expected_labels(units, key_of, keep): what the labels must be, one document at a time."""

    def expect(
        units: Sequence[Sequence[Document]],
        key_of: Callable[[int, Document], Any],
        keep: Sequence[str] = ("newest", "longest"),
    ) -> list[dict[str, Any]]:
        numbered = list(enumerate(document for unit in units for document in unit))
        living = [(number, document) for number, document in numbered if not document.get("dropped")]
        clusters: dict[Any, list[tuple[Any, ...]]] = {}
        for number, document in living:
            key = key_of(number, document)
            key = ("alone", number) if key is None else ("key", key)
            places: list[Any] = []
            size = document.get("bytes", len((document.get("text") or "").encode()))
            for order in keep:
                if order in ("longest", "shortest"):
                    places.append(size if order == "shortest" else -size)
                elif document.get("date") is None:
                    places.append((1, 0))
                else:
                    places.append((0, document["date"] if order == "oldest" else -document["date"]))
            name = document.get("id", f"id{number:05d}")
            clusters.setdefault(key, []).append((*places, name, number))
        labels = {}
        for members in clusters.values():
            members.sort()
            for place, (*_, name, number) in enumerate(members):
                labels[number] = {"id": name, "cluster": members[0][-2], "rank": place, "size": len(members)}
        return [labels[number] for number, _ in living]

    return expect
