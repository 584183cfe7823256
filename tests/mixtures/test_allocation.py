"""Budgets, weights and epoch caps in exact numbers."""

from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mixtures.allocation import Available, Share, allocate
from mixtures.options import MixtureOptions


def shares(stock: dict[str, int], **options: object) -> dict[str, Share]:
    available = {source: Available(10 if tokens else 0, tokens) for source, tokens in stock.items()}
    found = allocate(available, MixtureOptions.model_validate(options))
    assert [share.source for share in found] == sorted(share.source for share in found)
    return {share.source: share for share in found}


def targets(stock: dict[str, int], **options: object) -> dict[str, int]:
    return {source: share.target for source, share in shares(stock, **options).items()}


def test_nothing_there() -> None:
    assert allocate({}, MixtureOptions()) == []
    assert allocate({}, MixtureOptions(tokens=100)) == []
    empty = allocate({}, MixtureOptions(tokens=100, weights={"web": 1}))
    assert empty == [Share("web", Fraction(1), 100, 0, 0, 0, 0, "no documents")]
    assert allocate({}, MixtureOptions(weights={"web": 1}))[0].asked == 0


STOCK = {"books": 1000, "code": 4000, "web": 15000}
WHOLE = {"web": 7, "code": 2, "books": 1}
PARTS = {"web": 0.7, "code": 0.2, "books": 0.1}


@pytest.mark.parametrize(
    ("options", "books", "code", "web"),
    [
        ({}, 1000, 4000, 15000),
        ({"max_epochs": 4}, 1000, 4000, 15000),
        ({"max_epochs": 0.5}, 500, 2000, 7500),
        ({"tokens": 2000}, 100, 400, 1500),
        ({"tokens": "1k"}, 50, 200, 750),
        ({"tokens": 60000, "max_epochs": 2}, 2000, 8000, 30000),
        ({"tokens": 10000, "weights": WHOLE}, 1000, 2000, 7000),
        ({"tokens": 1000, "weights": PARTS}, 100, 200, 700),
        ({"tokens": 1000, "weights": {"web": 1}}, 0, 0, 1000),
        ({"tokens": 1000, "weights": {"web": 1, "code": 0}}, 0, 0, 1000),
        # Books are the first to reach their cap: everything is ten times as much.
        ({"weights": PARTS}, 1000, 2000, 7000),
        ({"weights": WHOLE, "max_epochs": 2}, 2000, 4000, 14000),
        # A source that is not there does not make the budget 0.
        ({"weights": {"web": 1, "code": 1, "absent": 2}}, 0, 4000, 4000),
    ],
)
def test_targets(options: dict[str, object], books: int, code: int, web: int) -> None:
    found = targets(STOCK, **options)
    assert found.pop("absent", 0) == 0
    assert found == {"books": books, "code": code, "web": web}


def test_what_cannot_be_given_is_said_and_given_by_nobody_else() -> None:
    found = shares(
        {"books": 1000, "code": 4000, "web": 15000, "gone": 0},
        tokens=20000,
        weights={"books": 0.5, "code": 0.2, "gone": 0.1, "web": 0.2},
        max_epochs=2.5,
    )
    assert {source: (share.asked, share.target, share.reason) for source, share in found.items()} == {
        "books": (10000, 2500, "epoch cap"),
        "code": (4000, 4000, ""),
        "gone": (2000, 0, "no documents"),
        "web": (4000, 4000, ""),
    }
    assert (found["books"].copies, found["books"].rest) == (2, 500)
    assert (found["code"].copies, found["code"].rest) == (1, 0)
    assert (found["web"].copies, found["web"].rest) == (0, 4000)
    assert shares(STOCK, tokens=10, weights={"web": 1})["code"].reason == "no weight"


def test_documents_without_tokens() -> None:
    available = {"web": Available(3, 0)}
    assert allocate(available, MixtureOptions())[0].copies == 1
    share = allocate(available, MixtureOptions(tokens=10))[0]
    assert (share.asked, share.copies, share.rest, share.reason) == (0, 0, 0, "no tokens")
    share = allocate(available, MixtureOptions(tokens=10, weights={"web": 1}))[0]
    assert (share.asked, share.target, share.reason) == (10, 0, "no tokens")


WEIGHTS = st.dictionaries(
    st.sampled_from("abcd"), st.one_of(st.integers(0, 9), st.floats(0.001, 5)), min_size=1
).filter(lambda weights: any(weights.values()))


@settings(max_examples=200, deadline=None)
@given(
    st.dictionaries(st.sampled_from("abcd"), st.integers(0, 10**13), max_size=4),
    st.one_of(st.just("all"), st.integers(1, 10**13)),
    st.one_of(st.none(), WEIGHTS),
    st.floats(0.01, 50),
)
def test_never_above_what_was_asked_or_the_cap(
    stock: dict[str, int], tokens: object, weights: dict[str, float] | None, max_epochs: float
) -> None:
    found = shares(stock, tokens=tokens, weights=weights, max_epochs=max_epochs)
    exactly = Fraction(str(max_epochs))
    for source, share in found.items():
        available = stock.get(source, 0)
        assert share.target == share.copies * available + share.rest
        assert 0 <= share.rest < max(1, available)
        assert share.target <= share.asked and share.target <= available * exactly
        if share.target < share.asked and available:
            assert share.reason == "epoch cap" and share.target == int(available * exactly)
    if isinstance(tokens, int):
        some = weights is not None or any(stock.values())
        short = tokens - sum(share.asked for share in found.values())
        assert 0 <= short < max(1, len(found)) if some else not any(s.asked for s in found.values())
    elif weights is not None:
        capped = [s for s in found.values() if s.weight and stock.get(s.source)]
        assert not capped or any(s.target == int(stock[s.source] * exactly) for s in capped)
        assert all(share.reason != "epoch cap" for share in found.values())
