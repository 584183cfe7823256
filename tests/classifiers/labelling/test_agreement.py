"""Agreement against scikit-learn's kappa, published examples, and what intervals promise."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import cohen_kappa_score, confusion_matrix

from classifiers.labelling.agreement import agreement, alpha, documents_for, kappa, share, squares

GRADES = tuple("012345")


def test_no_documents() -> None:
    found = agreement([], [], ["no", "yes"], ordered=True)
    assert found.documents == 0 and found.counts.tolist() == [[0, 0], [0, 0]]
    assert math.isnan(found.equal.value) and (found.equal.least, found.equal.most) == (0, 1)
    assert found.weighted is not None and math.isnan(found.kappa.value) and math.isnan(found.weighted.value)
    value, documents = alpha([], ["no", "yes"])
    assert math.isnan(value) and documents == 0


def test_always_the_same_label() -> None:
    """No chance of disagreement, so nothing beyond chance can be told."""
    found = agreement(["a"] * 9, ["a"] * 9, ["a", "b"])
    assert found.equal.value == 1 and math.isnan(found.kappa.value)
    assert (found.kappa.least, found.kappa.most) == (-1, 1)
    assert math.isnan(alpha([{"x": "a", "y": "a"}], ["a", "b"])[0])


@settings(max_examples=20, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(GRADES), st.sampled_from(GRADES)), min_size=1, max_size=60))
def test_against_scikit_learn(pairs: list[tuple[str, str]]) -> None:
    first, second = [one for one, _ in pairs], [other for _, other in pairs]
    found = agreement(first, second, GRADES, ordered=True)
    assert found.counts.tolist() == confusion_matrix(first, second, labels=GRADES).tolist()
    assert found.equal.value == pytest.approx(np.mean([one == other for one, other in pairs]))
    assert found.weighted is not None
    for figure, weights in ((found.kappa, None), (found.weighted, "quadratic")):
        if len({*first, *second}) == 1:
            assert math.isnan(figure.value)
        else:
            expected = cohen_kappa_score(first, second, labels=GRADES, weights=weights)
            assert figure.value == pytest.approx(expected, abs=1e-12)
        assert math.isnan(figure.value) or figure.least <= figure.value <= figure.most


def test_swapped_labellers_agree_as_well() -> None:
    first, second = list("0123455012"), list("0124455110")
    one, other = agreement(first, second, GRADES, True), agreement(second, first, GRADES, True)
    assert one.kappa.value == pytest.approx(other.kappa.value)
    assert (other.counts == one.counts.T).all()


def test_unknown_labels() -> None:
    with pytest.raises(ValueError, match="label '6' is none of 0, 1"):
        agreement(["6"], ["0"], GRADES)


@pytest.mark.parametrize(
    ("part", "whole", "least", "most"),
    [
        # Newcombe 1998, Statistics in Medicine 17, table I, method 3.
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
        (20, 20, 0.8389, 1.0),
    ],
)
def test_intervals_of_shares(part: int, whole: int, least: float, most: float) -> None:
    found = share(part, whole)
    assert (found.least, found.most) == pytest.approx((least, most), abs=6e-5)
    assert found.value == part / whole


def test_how_many_documents_it_takes() -> None:
    assert documents_for(0.8, 0.05) == pytest.approx(1.96**2 * 0.16 / 0.0025, rel=0.03)
    for value, half in ((0.5, 0.1), (0.9, 0.03), (1.0, 0.05)):
        enough = documents_for(value, half)
        found = share(round(value * enough), enough)
        assert found.most - found.least <= 2 * half
        assert found.most - found.least > 2 * half * 0.95


def test_intervals_of_kappa() -> None:
    """Near the large-sample error of Fleiss, Cohen and Everitt (1969) for many documents; wide for few."""
    counts = np.array([[90, 30], [20, 60]])
    n, seen = counts.sum(), np.trace(counts) / counts.sum()
    rows, columns = counts.sum(axis=1) / n, counts.sum(axis=0) / n
    chance = float(rows @ columns)
    value = (seen - chance) / (1 - chance)
    p = counts / n
    terms = sum(p[i, i] * (1 - (rows[i] + columns[i]) * (1 - value)) ** 2 for i in range(2))
    terms += (1 - value) ** 2 * sum(
        p[i, j] * (columns[i] + rows[j]) ** 2 for i in range(2) for j in range(2) if i != j
    )
    error = math.sqrt((terms - (value - chance * (1 - value)) ** 2) / (n * (1 - chance) ** 2))
    pairs = [("ab"[i], "ab"[j]) for i in range(2) for j in range(2) for _ in range(counts[i, j])]
    found = agreement([one for one, _ in pairs], [other for _, other in pairs], "ab").kappa
    assert found.value == pytest.approx(value)
    assert (found.least, found.most) == pytest.approx((value - 1.96 * error, value + 1.96 * error), abs=0.02)
    sure = agreement(["a", "b"] * 10, ["a", "b"] * 10, "ab").kappa
    assert sure.value == sure.most == 1 and 0.6 < sure.least < 0.97


def test_intervals_hold_what_they_promise() -> None:
    """Of 60 samples of 60 documents from a known table about 95% have its kappa within."""
    chance = np.random.default_rng(1)
    table = np.array([[0.3, 0.05, 0.0], [0.1, 0.25, 0.05], [0.0, 0.05, 0.2]])
    truth = float(kappa(table, squares(3)))
    held = 0
    for _ in range(60):
        cells = chance.choice(9, 60, p=table.ravel())
        found = agreement([str(c // 3) for c in cells], [str(c % 3) for c in cells], "012", True).weighted
        assert found is not None
        held += found.least <= truth <= found.most
    assert held >= 52


# Krippendorff 2011, "Computing Krippendorff's Alpha-Reliability", section D: four observers, twelve units.


def test_alpha_of_two_labellers_and_of_many() -> None:
    rows = {
        "A": "1 2 3 3 2 1 4 1 2 . . .",
        "B": "1 2 3 3 2 2 4 1 2 5 . 3",
        "C": ". 3 3 3 2 3 4 2 2 5 1 .",
        "D": "1 2 3 3 2 4 4 1 2 5 1 .",
    }
    units = [
        {name: row.split()[at] for name, row in rows.items() if row.split()[at] != "."} for at in range(12)
    ]
    nominal, documents = alpha(units, "12345")
    assert documents == 11
    assert nominal == pytest.approx(0.743, abs=5e-4)
    assert alpha(units, "12345", ordered=True)[0] == pytest.approx(0.849, abs=5e-4)
    same = [{"x": str(at % 3), "y": str(at % 3)} for at in range(9)]
    assert alpha(same, "012")[0] == alpha(same, "012", ordered=True)[0] == 1
