"""Mixtures from stored units to shards: how much, which, in what order, and after a kill."""

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mixtures.draw import draw
from mixtures.options import MixtureOptions
from mixtures.sampling import threshold_of

if TYPE_CHECKING:
    from tests.mixtures.conftest import Workshop


def asked(**options: object) -> MixtureOptions:
    return MixtureOptions.model_validate(options)


@pytest.mark.parametrize("units", [0, 2])
def test_nothing_to_draw(workshop: "Workshop", units: int) -> None:
    corpus = workshop.corpus(workshop.units([workshop.documents("web", [])] * units, ["web"] * units))
    for options in (asked(), asked(tokens=100), asked(weights={"web": 1})):
        folder = workshop.shards()
        result = draw(corpus, options, "empty", folder)
        (shard,) = result["shards"]
        assert (shard["name"], shard["rows"], shard["tokens"]) == ("empty-00000-of-00001.parquet", 0, 0)
        table = pq.read_table(Path(folder) / shard["name"])
        assert table.num_rows == 0
        assert table.column_names[-1] == "epoch" and {"id", "source", "text", "tokens"} <= {
            *table.column_names
        }
        assert {source["reason"] for source in result["sources"].values()} <= {"no documents"}


def test_everything_once(workshop: "Workshop") -> None:
    corpus = workshop.random_corpus(web=300, code=40)
    folder = workshop.shards()
    result = draw(corpus, asked(), "mix", folder)
    found = workshop.rows(folder)
    assert Counter(row["id"] for row in found) == Counter(
        [workshop.identity("web", at) for at in range(300)]
        + [workshop.identity("code", at) for at in range(40)]
    )
    assert {row["epoch"] for row in found} == {0}
    assert all(row["text"] == f"document {row['url'].split('/')[-1]} of {row['source']}" for row in found)
    assert [*found[0]] == ["id", "source", "url", "text", "tokens", "bytes", "epoch"]
    (shard,) = result["shards"]
    assert (shard["rows"], shard["tokens"]) == (340, sum(row["tokens"] for row in found))
    assert shard["bytes"] == (Path(folder) / shard["name"]).stat().st_size
    assert result["total"]["tokens"] == result["total"]["asked_tokens"] == shard["tokens"]
    assert result["sources"]["web"] == {
        "weight": round(result["sources"]["web"]["tokens"] / shard["tokens"], 6),
        "asked_tokens": result["sources"]["web"]["tokens"],
        "tokens": sum(row["tokens"] for row in found if row["source"] == "web"),
        "documents": 300,
        "share": round(result["sources"]["web"]["tokens"] / shard["tokens"], 6),
        "epochs": 1.0,
        "available": {"documents": 300, "tokens": result["sources"]["web"]["tokens"]},
        "reason": "",
        "licenses": {"unknown": 300},
    }
    # Shuffled: neither sorted nor source by source.
    places = [int(row["url"].split("/")[-1]) for row in found if row["source"] == "web"]
    assert abs(np.corrcoef(places, range(300))[0, 1]) < 0.2
    half = sum(row["source"] == "code" for row in found[:170])
    assert 10 <= half <= 30


def test_weights_budget_and_epochs(workshop: "Workshop") -> None:
    """Documents of ten tokens: all numbers are exact."""
    tables = [
        workshop.documents("web", [10] * 100),
        workshop.documents("web", [10] * 60, first=100),
        workshop.documents("code", [10] * 20),
    ]
    corpus = workshop.corpus(workshop.units(tables))
    folder = workshop.shards()
    weights = {"web": 0.5, "code": 0.4, "gone": 0.1}
    result = draw(corpus, asked(tokens=1000, weights=weights, max_epochs=1.75), "mix", folder)
    sources = result["sources"]
    assert [(s, e["asked_tokens"], e["tokens"], e["documents"], e["reason"]) for s, e in sources.items()] == [
        ("code", 400, 350, 35, "epoch cap"),
        ("gone", 100, 0, 0, "no documents"),
        ("web", 500, 500, 50, ""),
    ]
    assert (sources["code"]["epochs"], sources["web"]["epochs"]) == (1.75, 0.3125)
    assert (sources["code"]["share"], sources["web"]["share"]) == (round(35 / 85, 6), round(50 / 85, 6))
    found = workshop.rows(folder)
    epochs = Counter((row["source"], row["epoch"]) for row in found)
    assert epochs == {("web", 0): 50, ("code", 0): 20, ("code", 1): 15}
    assert len({(row["id"], row["epoch"]) for row in found}) == 85
    assert result["total"] == {
        "asked_tokens": 1000,
        "tokens": 850,
        "documents": 85,
        "text_bytes": sum(row["bytes"] for row in found),
        "bytes": sum(shard["bytes"] for shard in result["shards"]),
    }


def test_a_larger_budget_keeps_what_a_smaller_one_drew(workshop: "Workshop") -> None:
    corpus = workshop.random_corpus(web=400)
    before: Counter[str] = Counter()
    for tokens in (200, 1000, 4000, 8000, 12000, 20000):
        folder = workshop.shards()
        draw(corpus, asked(tokens=tokens, max_epochs=3), "mix", folder)
        now = Counter(row["id"] for row in workshop.rows(folder))
        assert before <= now and before != now
        before = now


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.dictionaries(st.sampled_from("abc"), st.lists(st.integers(0, 50), max_size=12), min_size=1),
    st.one_of(st.just("all"), st.integers(1, 2000)),
    st.one_of(st.none(), st.fixed_dictionaries({"a": st.integers(1, 5), "b": st.integers(0, 5)})),
    st.sampled_from([0.3, 1.0, 2.5]),
)
def test_achieved_is_within_one_document_of_the_target(
    workshop: "Workshop",
    stock: dict[str, list[int]],
    tokens: object,
    weights: dict[str, int] | None,
    max_epochs: float,
) -> None:
    tables = [workshop.documents(source, numbers) for source, numbers in stock.items()]
    corpus = workshop.corpus(workshop.units(tables, list(stock)))
    folder = workshop.shards()
    result = draw(corpus, asked(tokens=tokens, weights=weights, max_epochs=max_epochs), "mix", folder)
    found = workshop.rows(folder)
    for source, entry in result["sources"].items():
        mine = [row for row in found if row["source"] == source]
        numbers = stock.get(source, [])
        assert entry["documents"] == len(mine)
        assert entry["tokens"] == sum(row["tokens"] for row in mine)
        assert entry["available"] == {"documents": len(numbers), "tokens": sum(numbers)}
        target = min(entry["asked_tokens"], int(sum(numbers) * max_epochs))
        # Whole documents: no further off than half of the longest, and never above the cap.
        assert 2 * abs(entry["tokens"] - target) <= max(numbers, default=0) or entry["tokens"] < target
        assert target - max(numbers, default=0) < entry["tokens"] or entry["tokens"] == target
        assert entry["tokens"] <= int(sum(numbers) * max_epochs)
        copies = Counter(row["id"] for row in mine)
        assert max(copies.values(), default=0) <= np.ceil(max_epochs)
        if len(copies) == len(numbers):
            assert max(copies.values(), default=0) - min(copies.values(), default=0) <= 1


def test_licences_by_source(workshop: "Workshop") -> None:
    stated = ["MIT"] * 5 + ["CC0-1.0"] * 3 + ["", None] + [f"rare {at:02d}" for at in range(25)]
    tables = [
        workshop.documents("code", [1] * 35, extra={"license": pa.array(stated, pa.string())}),
        workshop.documents("web", [1] * 4),
    ]
    result = draw(workshop.corpus(workshop.units(tables)), asked(shard_size=1000), "mix", workshop.shards())
    assert len(result["shards"]) > 1 and not any("licenses" in shard for shard in result["shards"])
    assert [*result["sources"]["code"]["licenses"].items()] == [
        ("MIT", 5),
        ("CC0-1.0", 3),
        ("unknown", 2),
        *((f"rare {at:02d}", 1) for at in range(17)),
        ("other", 8),
    ]
    assert result["sources"]["web"]["licenses"] == {"unknown": 4}


@pytest.mark.parametrize(
    ("rest", "slack", "drawn"),
    [
        (0, 0, 0),
        (14, 100, 1),  # 10 is 4 off, 20 would be 6 off
        (16, 100, 2),  # 20 is 4 off, 10 would be 6 off
        (16, 3, 1),  # but it would be above the cap
        (29, 1, 3),  # to the bin's last document
    ],
)
def test_a_budget_ends_at_the_nearest_document(rest: int, slack: int, drawn: int) -> None:
    hashes = np.array([30, 10, 20], np.uint64)
    threshold = threshold_of(hashes, np.array([10, 10, 10]), rest, slack)
    assert int((hashes < np.uint64(threshold)).sum()) == drawn
