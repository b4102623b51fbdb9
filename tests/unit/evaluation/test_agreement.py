"""Bounds and kappa against exact values, and against other ways of computing them."""

from math import comb, isclose

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from cxr_core.evaluation.agreement import (
    TwoByTwo,
    agreement,
    kappa_of,
    leak_bound,
    lower_rate,
    share,
    square,
    two_by_two,
    upper_rate,
)


def tail(events: int, trials: int, rate: float) -> float:
    """P(X <= events) by the sum of the binomial distribution itself."""
    return sum(comb(trials, k) * rate**k * (1 - rate) ** (trials - k) for k in range(events + 1))


def test_nothing_in_6900_images_allows_161_of_371920() -> None:
    bound = leak_bound(0, 6900, found=0, planted=0)
    assert bound.limit == pytest.approx(1 - 0.05 ** (1 / 6900), abs=1e-12)
    assert round(100 * bound.limit, 4) == 0.0434
    assert int(bound.limit * 371920) == 161


def test_what_readers_overlook_raises_the_bound() -> None:
    bound = leak_bound(0, 6900, found=130, planted=138)
    assert bound.sensitivity == pytest.approx(lower_rate(130, 138))
    assert bound.bound == pytest.approx(bound.limit / bound.sensitivity)
    assert bound.at_most(371920) == int(371920 * bound.bound)
    assert bound.bound > bound.limit


@pytest.mark.parametrize(("found", "planted"), [(0, 0), (0, 60)])
def test_without_a_measured_sensitivity_nothing_is_bounded(found: int, planted: int) -> None:
    assert leak_bound(0, 6900, found=found, planted=planted).bound == 1


@given(st.integers(1, 60).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_the_limits_are_where_the_binomial_tails_are_five_percent(counted: tuple[int, int]) -> None:
    events, trials = counted
    if events < trials:
        assert isclose(tail(events, trials, upper_rate(events, trials)), 0.05, rel_tol=1e-6)
    if events:
        assert isclose(1 - tail(events - 1, trials, lower_rate(events, trials)), 0.05, rel_tol=1e-6)


@pytest.mark.parametrize(("events", "trials"), [(0, 10), (3, 10), (10, 10), (57, 60)])
def test_a_share_has_the_exact_two_sided_interval(events: int, trials: int) -> None:
    exact = binomtest(events, trials).proportion_ci(method="exact")
    found = share(events, trials)
    assert (found.low, found.high) == (pytest.approx(exact.low), pytest.approx(exact.high))


def test_a_limit_of_nothing_is_everything() -> None:
    assert (upper_rate(0, 0), lower_rate(0, 0)) == (1, 0)
    with pytest.raises(ValueError, match="3 events in 2 trials"):
        upper_rate(3, 2)


def test_kappa_collapses_where_positives_are_rare_and_the_others_tell_why() -> None:
    found = agreement(TwoByTwo(20, 80, 80, 6720))
    assert found.observed == pytest.approx(6740 / 6900)
    assert round(6740 / 6900, 3) == 0.977
    assert found.kappa is not None
    assert round(found.kappa, 2) == 0.19
    assert found.positive == pytest.approx(0.2)
    assert found.negative == pytest.approx(13440 / 13600)
    assert found.pabak == pytest.approx(2 * 6740 / 6900 - 1)


def test_kappa_of_a_textbook_table() -> None:
    # Fleiss, Levin and Paik (2003), section 18.1: two raters, three diagnoses, 100 subjects; kappa .676.
    counts = np.array([[75, 1, 4], [5, 4, 1], [0, 0, 10]], dtype=float)
    kappa, low, high = kappa_of(counts)
    assert kappa is not None
    assert low is not None
    assert high is not None
    assert round(kappa, 3) == 0.676
    assert (high - low) / 2 / 1.959964 == pytest.approx(_delta_method(counts), rel=1e-4)


def _delta_method(counts: np.ndarray) -> float:
    """Standard error of kappa from numerical derivatives over the multinomial's covariance."""
    items = counts.sum()
    shares = (counts / items).ravel()

    def kappa(p: np.ndarray) -> float:
        table = p.reshape(counts.shape)
        expected = table.sum(axis=1) @ table.sum(axis=0)
        return float((np.trace(table) - expected) / (1 - expected))

    step = 1e-6
    slope = np.array([(kappa(shares + step * e) - kappa(shares - step * e)) / (2 * step) for e in np.eye(shares.size)])
    variance = slope @ (np.diag(shares) - np.outer(shares, shares)) @ slope / items
    return float(np.sqrt(max(variance, 0.0)))  # of the order of rounding, it may come out below zero


@given(st.lists(st.integers(0, 40), min_size=4, max_size=4).filter(lambda c: sum(c) > 0))
def test_the_interval_of_any_table_is_that_of_the_delta_method(counts: list[int]) -> None:
    table = np.array(counts, dtype=float).reshape(2, 2)
    kappa, low, high = kappa_of(table)
    if kappa is None or low is None or high is None:
        assert (table.sum(axis=1) @ table.sum(axis=0)) == pytest.approx(table.sum() ** 2)
        return
    margin = 1.959964 * _delta_method(table)
    assert low == pytest.approx(max(-1, kappa - margin), abs=1e-4)
    assert high == pytest.approx(min(1, kappa + margin), abs=1e-4)


def test_kappa_of_whole_numbers_is_exact_to_the_last_bit() -> None:
    assert kappa_of(np.array([[0.0, 1.0], [1.0, 15.0]]))[0] == -1 / 16  # shown as -0.062, not as -0.063


def test_one_answer_throughout_has_no_kappa() -> None:
    found = agreement(TwoByTwo(0, 0, 0, 50))
    assert (found.kappa, found.observed, found.positive, found.negative) == (None, 1, None, 1)
    assert agreement(TwoByTwo(0, 0, 0, 0)).observed is None


def test_pairs_are_counted_into_tables() -> None:
    pairs = [(True, True), (True, False), (False, False), (False, False)]
    assert two_by_two(pairs) == TwoByTwo(1, 1, 0, 2)
    assert square([(1, 1), (1, None), (None, None)], [1, 0, -1, None]).tolist() == [
        [1, 0, 0, 1],
        [0, 0, 0, 0],
        [0, 0, 0, 0],
        [0, 0, 0, 1],
    ]
