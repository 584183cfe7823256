"""Figures against scikit-learn's, ties, weights and empty sides included."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.stats import spearmanr
from sklearn import metrics as reference

from classifiers.training import metrics

Scored = list[tuple[bool, float, float]]

scored = st.lists(
    st.tuples(st.booleans(), st.integers(0, 6).map(lambda n: n / 6), st.integers(1, 4).map(float)),
    min_size=1,
    max_size=30,
)


def columns(rows: Scored) -> tuple[NDArray[np.bool_], NDArray[np.float64], NDArray[np.float64]]:
    truth, scores, weights = zip(*rows, strict=True)
    return np.array(truth), np.array(scores), np.array(weights)


NOTHING = np.zeros(0, np.bool_), np.zeros(0)


def test_of_nothing() -> None:
    assert np.isnan(metrics.roc_auc(*NOTHING))
    assert np.isnan(metrics.average_precision(*NOTHING))
    assert np.isnan(metrics.best_threshold(*NOTHING))
    assert np.isnan(metrics.at_threshold(*NOTHING, 0.5)["f1"])
    assert metrics.calibration(*NOTHING)["bins"] == []
    assert np.isnan(metrics.spearman(np.zeros(0), np.zeros(0)))
    assert metrics.confusion(np.zeros(0, int), np.zeros(0, int), 2).tolist() == [[0, 0], [0, 0]]
    assert metrics.interval([], np.mean) == pytest.approx((np.nan, np.nan), nan_ok=True)


def test_area_of_one_class_is_not_a_number() -> None:
    assert np.isnan(metrics.roc_auc(np.array([True, True]), np.array([0.1, 0.2])))
    assert metrics.roc_auc(np.array([True, False]), np.array([0.1, 0.2])) == 0
    assert metrics.roc_auc(np.array([True, False]), np.array([0.2, 0.2])) == 0.5


@given(scored)
def test_area_and_average_precision(rows: Scored) -> None:
    truth, scores, weights = columns(rows)
    if truth.any() and not truth.all():
        expected = reference.roc_auc_score(truth, scores, sample_weight=weights)
        assert metrics.roc_auc(truth, scores, weights) == pytest.approx(expected)
    if truth.any():
        expected = reference.average_precision_score(truth, scores, sample_weight=weights)
        assert metrics.average_precision(truth, scores, weights) == pytest.approx(expected)


@given(scored, st.integers(0, 6).map(lambda n: n / 6))
def test_at_a_threshold(rows: Scored, threshold: float) -> None:
    truth, scores, weights = columns(rows)
    found = metrics.at_threshold(truth, scores, threshold, weights)
    kept = scores >= threshold
    if truth.any() and kept.any():
        precision, recall, f1, _ = reference.precision_recall_fscore_support(
            truth, kept, sample_weight=weights, average="binary", zero_division=0
        )
        assert (found["precision"], found["recall"], found["f1"]) == pytest.approx((precision, recall, f1))
    assert found["kept"] == pytest.approx(weights[kept].sum() / weights.sum())


@given(scored)
def test_no_threshold_has_a_better_f1(rows: Scored) -> None:
    truth, scores, weights = columns(rows)
    if not truth.any():
        return
    best = metrics.best_threshold(truth, scores, weights)
    found = metrics.at_threshold(truth, scores, best, weights)["f1"]
    assert found == pytest.approx(
        max(metrics.at_threshold(truth, scores, at, weights)["f1"] for at in scores)
    )


def test_threshold_lies_between_two_scores() -> None:
    assert metrics.best_threshold(np.array([True, True, False]), np.array([0.9, 0.7, 0.5])) == pytest.approx(
        0.6
    )


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=40))
def test_labels_and_grades(pairs: list[tuple[int, int]]) -> None:
    truth, found = (np.array(column, np.int64) for column in zip(*pairs, strict=True))
    matrix = metrics.confusion(truth, found, 4)
    assert matrix.tolist() == reference.confusion_matrix(truth, found, labels=range(4)).tolist()
    told = metrics.by_label(matrix)
    assert told["f1"] == pytest.approx(
        reference.f1_score(truth, found, labels=range(4), average=None, zero_division=np.nan).tolist(),
        nan_ok=True,
    )
    for name, of_label in (("precision", reference.precision_score), ("recall", reference.recall_score)):
        expected = of_label(truth, found, labels=range(4), average=None, zero_division=np.nan).tolist()
        assert told[name] == pytest.approx(expected, nan_ok=True)
    assert told["macro_f1"] == pytest.approx(reference.f1_score(truth, found, average="macro"))
    assert told["micro_f1"] == pytest.approx(reference.accuracy_score(truth, found))
    if len(set(truth.tolist()) | set(found.tolist())) > 1:
        expected = reference.cohen_kappa_score(truth, found, labels=range(4), weights="quadratic")
        assert metrics.quadratic_kappa(truth, found, 4) == pytest.approx(expected)
    if len(set(truth.tolist())) > 1 and len(set(found.tolist())) > 1:
        expected = spearmanr(truth, found).statistic
        assert metrics.spearman(truth.astype(float), found.astype(float)) == pytest.approx(expected)


def test_what_has_no_label_is_left_out() -> None:
    truth, found = np.array([-1, 0, 1]), np.array([0, -1, 1])
    assert metrics.confusion(truth, found, 2).tolist() == [[0, 0], [0, 1]]


@given(scored)
def test_calibration(rows: Scored) -> None:
    truth, scores, _ = columns(rows)
    found = metrics.calibration(truth, scores)
    assert found["brier"] == pytest.approx(reference.brier_score_loss(truth, scores, labels=[False, True]))
    assert sum(row["documents"] for row in found["bins"]) == len(rows)
    error = sum(row["documents"] * abs(row["mean"] - row["share"]) for row in found["bins"]) / len(rows)
    assert found["ece"] == pytest.approx(error)


def test_interval_is_over_groups() -> None:
    truth = np.tile([True, False], 200)
    scores = np.where(truth, 0.8, 0.4) + np.linspace(-0.3, 0.3, 400)
    alone = metrics.auc_interval(np.arange(400), truth, scores, rounds=200)
    few = metrics.auc_interval(np.repeat(np.arange(8), 50), truth, scores, rounds=200)
    area = metrics.roc_auc(truth, scores)
    assert alone[0] < area < alone[1]
    assert few[1] - few[0] > alone[1] - alone[0], "documents of one site are no independent draws"
    assert metrics.auc_interval(np.arange(400), truth, scores, rounds=200) == alone


def test_few_groups_without_an_error_leave_doubt() -> None:
    truth, groups = np.array([True] * 8 + [False] * 8), np.arange(16) // 2
    low, high = metrics.auc_interval(groups, truth, np.where(truth, 1.0, 0.0))
    assert (low, high) == pytest.approx((0.582, 1), abs=0.001), (
        "4 and 4 groups: the bootstrap alone says 1 to 1"
    )
    flipped = metrics.auc_interval(groups, truth, np.where(truth, 0.0, 1.0))
    assert flipped == pytest.approx((0, 0.418), abs=0.001)
    assert metrics.share_interval(groups, np.ones(16, bool)) == pytest.approx((0.676, 1), abs=0.001)
    many = np.arange(400)
    assert metrics.auc_interval(many, many < 200, many.astype(np.float64)) == (0, 0), (
        "as the bootstrap has it"
    )
    assert metrics.share_interval([], np.zeros(0, bool)) == pytest.approx((np.nan, np.nan), nan_ok=True)
