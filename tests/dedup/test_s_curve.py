"""The choice of bands and rows beside datasketch's, and chances beside plain sums."""

from math import comb

import pytest
from datasketch.lsh import _optimal_param

from dedup.shingles.s_curve import best_bands, passes, s_curve


def test_chances_are_none_and_all_at_the_ends() -> None:
    assert s_curve(0.0, 14, 8) == 0.0 and s_curve(1.0, 14, 8) == 1.0
    assert passes(0.0, 0.8, 10) == 0.0 and passes(1.0, 0.8, 10) == 1.0
    assert passes(0.79, 0.8, 0) == 0.0 and passes(0.8, 0.8, 0) == 1.0


@pytest.mark.parametrize("functions", [2, 16, 100])
@pytest.mark.parametrize("weights", [(0.5, 0.5), (0.1, 0.9), (0.8, 0.2)])
def test_bands_and_rows_are_those_that_datasketch_chooses(
    functions: int, weights: tuple[float, float]
) -> None:
    for step in (1, 7, 12, 16, 18, 19):
        peer = _optimal_param(step / 20, functions, *weights)  # as `MinHashLSH` calls it
        assert best_bands(step / 20, functions, *weights) == peer


@pytest.mark.parametrize("values", [1, 10, 300])
@pytest.mark.parametrize("jaccard", [0.1, 0.5, 0.8, 0.99])
def test_an_estimate_passes_as_often_as_a_binomial_count(jaccard: float, values: int) -> None:
    terms = [comb(values, k) * jaccard**k * (1 - jaccard) ** (values - k) for k in range(values + 1)]
    expected = sum(term for k, term in enumerate(terms) if k / values >= 0.8)
    assert passes(jaccard, 0.8, values) == pytest.approx(expected, abs=1e-9)
