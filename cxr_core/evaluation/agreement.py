"""How far two readers agree, and how many leaks a review that found few still allows.

Takes counts and pairs of answers; gives exact binomial bounds, kappa with what kappa hides, and the leak bound. Which
items and answers are counted is left to `review`.
"""

from collections import Counter
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from math import sqrt
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

CONFIDENCE = 0.95


def _beta_quantile(a: int, b: int, share: float) -> float:
    from scipy.special import betaincinv  # a quarter of a second, which a build without a review does not need

    return float(betaincinv(a, b, share))


def upper_rate(events: int, trials: int, confidence: float = CONFIDENCE) -> float:
    """One-sided upper Clopper-Pearson limit of a rate: the largest rate that is not refuted.

    Source: Clopper and Pearson, Biometrika 26 (1934). 0 of 6,900 gives 0.0434 %.

    Returns
    -------
    float in [0, 1]
        1 without trials: nothing was looked at, nothing is excluded.
    """
    _check(events, trials)
    return 1.0 if events == trials else _beta_quantile(events + 1, trials - events, confidence)


def lower_rate(events: int, trials: int, confidence: float = CONFIDENCE) -> float:
    """One-sided lower Clopper-Pearson limit of a rate; 0 without trials."""
    _check(events, trials)
    return 0.0 if events == 0 else _beta_quantile(events, trials - events + 1, 1 - confidence)


def _check(events: int, trials: int) -> None:
    if not 0 <= events <= trials:
        raise ValueError(f"{events} events in {trials} trials")


@dataclass(frozen=True, slots=True)
class Share:
    """A share with its two-sided 95 % interval (Clopper-Pearson).

    Parameters
    ----------
    value : float or None
        None without trials.
    """

    events: int
    trials: int
    value: float | None
    low: float
    high: float


def share(events: int, trials: int) -> Share:
    """A share with its exact interval."""
    half = 1 - (1 - CONFIDENCE) / 2
    value = events / trials if trials else None
    return Share(events, trials, value, lower_rate(events, trials, half), upper_rate(events, trials, half))


@dataclass(frozen=True, slots=True)
class LeakBound:
    """How many units may still show PHI.

    Parameters
    ----------
    units, leaks : int
        Units of the random sample (images or patients), and those on which PHI was confirmed.
    limit : float
        One-sided 95 % upper limit of the leak rate, if readers missed nothing.
    sensitivity : float
        One-sided 95 % lower limit of the readers' sensitivity, measured on planted units.
    bound : float
        `limit / sensitivity`, at most 1: what the gate compares. Both limits are at 95 %; their quotient errs on the
        safe side at no less than 90 % jointly.
    """

    units: int
    leaks: int
    planted: int
    found: int
    limit: float
    sensitivity: float
    bound: float

    def at_most(self, population: int) -> int:
        """How many units of a population that is: 0 of 6,900 allows 161 of 371,920 before sensitivity."""
        return int(self.bound * population)


def leak_bound(leaks: int, units: int, *, found: int, planted: int) -> LeakBound:
    """The upper limit of the leak rate, given what the readers overlook.

    Parameters
    ----------
    leaks, units : int
        Confirmed in the random sample, of how many settled units.
    found, planted : int
        Planted units that the readers found, of how many settled ones. None planted: nothing is known of what they
        overlook, and the bound is 1.
    """
    limit, sensitivity = upper_rate(leaks, units), lower_rate(found, planted)
    bound = 1.0 if sensitivity == 0 else min(1.0, limit / sensitivity)
    return LeakBound(units, leaks, planted, found, limit, sensitivity, bound)


@dataclass(frozen=True, slots=True)
class TwoByTwo:
    """Yes or no of two readers on the same items."""

    both: int
    first_only: int
    second_only: int
    neither: int

    @property
    def items(self) -> int:
        return self.both + self.first_only + self.second_only + self.neither


@dataclass(frozen=True, slots=True)
class Agreement:
    """Agreement of two readers on a yes-or-no question; None where a denominator is 0.

    Kappa collapses where yes is rare: 20, 80, 80, 6720 agree in .977 with a kappa of .19. Hence the others beside it.

    Parameters
    ----------
    observed : float or None
        Share of items with the same answer.
    kappa, kappa_low, kappa_high : float or None
        Cohen's kappa and its 95 % interval (Fleiss, Cohen and Everitt 1969).
    positive, negative : float or None
        Specific agreement: 2a / (2a + b + c), and the same for no (Cicchetti and Feinstein 1990).
    pabak : float or None
        Prevalence- and bias-adjusted kappa, 2 * observed - 1 (Byrt, Bishop and Carlin 1993).
    """

    table: TwoByTwo
    observed: float | None
    kappa: float | None
    kappa_low: float | None
    kappa_high: float | None
    positive: float | None
    negative: float | None
    pabak: float | None


def agreement(table: TwoByTwo) -> Agreement:
    """Everything that a 2x2 table says of agreement."""
    apart = table.first_only + table.second_only
    observed = _ratio(table.both + table.neither, table.items)
    counts = np.array([[table.both, table.first_only], [table.second_only, table.neither]], dtype=np.float64)
    kappa, low, high = kappa_of(counts)
    return Agreement(
        table=table,
        observed=observed,
        kappa=kappa,
        kappa_low=low,
        kappa_high=high,
        positive=_ratio(2 * table.both, 2 * table.both + apart),
        negative=_ratio(2 * table.neither, 2 * table.neither + apart),
        pabak=None if observed is None else 2 * observed - 1,
    )


def two_by_two(pairs: Sequence[tuple[bool, bool]]) -> TwoByTwo:
    """Count pairs of yes (True) and no."""
    counted = Counter(pairs)
    return TwoByTwo(counted[True, True], counted[True, False], counted[False, True], counted[False, False])


def square(pairs: Sequence[tuple[Hashable, Hashable]], categories: Sequence[Hashable]) -> NDArray[np.float64]:
    """(categories, categories) counts of the first reader's answers against the second's."""
    counted = Counter(pairs)
    return np.array([[counted[a, b] for b in categories] for a in categories], dtype=np.float64)


def kappa_of(counts: NDArray[np.float64]) -> tuple[float | None, float | None, float | None]:
    """Cohen's kappa of a square table with its 95 % interval.

    Source: Fleiss, Cohen and Everitt, Psychological Bulletin 72 (1969), formula 13: the large-sample variance for
    unweighted kappa that is not taken to be 0.

    Parameters
    ----------
    counts : (k, k) float64 array
        First reader by rows, second by columns.

    Returns
    -------
    kappa, low, high : float or None
        None without items, or where both readers gave one and the same answer throughout: chance agreement is 1.
        The interval is cut at -1 and 1.
    """
    items = counts.sum()
    if items == 0:
        return None, None, None
    shares = counts / items
    rows, columns = shares.sum(axis=1), shares.sum(axis=0)
    expected = float(rows @ columns)
    if expected >= 1 - 1e-12:
        return None, None, None
    by_chance = float(counts.sum(axis=1) @ counts.sum(axis=0))  # whole numbers: -1/16 is that, to the last bit
    kappa = float((items * np.trace(counts) - by_chance) / (items**2 - by_chance))
    diagonal = np.diag(shares)
    agree = float((diagonal * (1 - (rows + columns) * (1 - kappa)) ** 2).sum())
    weights = (columns[:, None] + rows[None, :]) ** 2
    apart = float((shares * weights).sum() - (diagonal * np.diag(weights)).sum()) * (1 - kappa) ** 2
    variance = (agree + apart - (kappa - expected * (1 - kappa)) ** 2) / ((1 - expected) ** 2 * items)
    margin = NormalDist().inv_cdf(1 - (1 - CONFIDENCE) / 2) * sqrt(max(0.0, variance))
    return kappa, max(-1.0, kappa - margin), min(1.0, kappa + margin)


def _ratio(part: int, whole: int) -> float | None:
    return part / whole if whole else None
