"""How well labels agree with a reference: the paper's three tasks.

Takes two tables of labels in the published shape, gives F1 for each label, their macro and micro averages and
bootstrap intervals (MIMIC-CXR-JPG 2019, Table 3). Reading files is left to the caller, agreement between readers to
`agreement`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import polars as pl
from numpy.typing import NDArray

from cxr_core.errors import UsageError
from cxr_core.vocabulary import Label

_ALIASES = {"Airspace Opacity": Label.LUNG_OPACITY.value}
_ABSENT = -9  # stands for null inside the arrays
_INTERVAL = (2.5, 97.5)

Counts = NDArray[np.int64]


class Task(StrEnum):
    """Which values count as a hit."""

    MENTION = "mention"
    NEGATION = "negation"
    UNCERTAINTY = "uncertainty"
    POSITIVE = "positive"


class Average(StrEnum):
    """Rows beside the labels."""

    MACRO = "macro"
    MICRO = "micro"


_HIT: dict[Task, Callable[[NDArray[np.int8]], NDArray[np.bool_]]] = {
    Task.MENTION: lambda values: values != _ABSENT,
    Task.NEGATION: lambda values: values == 0,
    Task.UNCERTAINTY: lambda values: values == -1,
    Task.POSITIVE: lambda values: values == 1,
}


@dataclass(frozen=True, slots=True)
class _Hits:
    """One task over all reports: (reports, labels) booleans for true positives, false positives, false negatives."""

    tp: NDArray[np.bool_]
    fp: NDArray[np.bool_]
    fn: NDArray[np.bool_]

    def counts(self, rows: NDArray[np.int64] | None = None) -> Counts:
        """(3, labels): tp, fp, fn summed over the reports, or over a resample of them."""
        parts = (self.tp, self.fp, self.fn)
        return np.stack([(p if rows is None else p[rows]).sum(axis=0) for p in parts]).astype(np.int64)


def with_published_names(labels: pl.DataFrame) -> pl.DataFrame:
    """The table with "Airspace Opacity" under the name that the published files use."""
    present = {old: new for old, new in _ALIASES.items() if old in labels.columns and new not in labels.columns}
    return labels.rename(present)


def label_values(table: pl.DataFrame, names: Sequence[str], what: str) -> list[pl.Series]:
    """The columns as 1 / 0 / -1 / null (Int8).

    Parameters
    ----------
    table : polars DataFrame
        Numbers, or text that holds them; NaN and blank text are null.
    names : sequence of str
        Columns of the table.
    what : str
        How an error calls the table.

    Raises
    ------
    UsageError
        A cell holds anything else: read as "not mentioned", it would be scored in silence.
    """
    values = []
    for name in names:
        told = table[name].cast(pl.String).str.strip_chars()
        told = told.set(told.is_in(["", "NaN", "nan"]), None)
        numbers = told.cast(pl.Float64, strict=False)
        strange = int((told.is_not_null() & ~numbers.is_in([-1.0, 0.0, 1.0]).fill_null(value=False)).sum())
        if strange:
            raise UsageError(f"{what}: {strange} values of {name} are none of 1, 0, -1, empty")
        values.append(numbers.cast(pl.Int8))
    return values


def score_labels(
    predicted: pl.DataFrame,
    reference: pl.DataFrame,
    *,
    on: str | None = None,
    rng: np.random.Generator | None = None,
    resamples: int = 1000,
    tasks: Sequence[Task] = tuple(Task),
) -> pl.DataFrame:
    """F1 of labels against a reference standard.

    Parameters
    ----------
    predicted, reference : polars DataFrame
        One row a report, columns named as `Label` with 1 / 0 / -1 / null (any number type; NaN is null).
        A label that the reference lacks is not scored.
    on : str, optional
        The id column that joins them; reports of the reference without a prediction count as unlabelled, predictions
        without a reference are not scored. None: row by row, equally long.
    rng : numpy Generator, optional
        Draws the bootstrap over reports; None leaves the intervals null.
    resamples : int
        Bootstrap resamples.
    tasks : sequence of Task
        Source: MIMIC-CXR-JPG, Table 3 has the first three.

    Returns
    -------
    polars DataFrame
        `task`, `category` (a label, macro, micro), `support` (hits in the reference), `true_positive`,
        `false_positive`, `false_negative`, `precision`, `recall`, `f1`, `f1_low`, `f1_high` (95 %). Macro is the mean
        over the categories with support; a score without a denominator is null.

    Raises
    ------
    UsageError
        Missing id column, duplicated ids, no id or no label in common, unequal lengths, or cells that are no label.
    """
    guess, truth, names = _aligned(with_published_names(predicted), with_published_names(reference), on)
    draws = None if rng is None else rng.integers(0, len(truth), size=(resamples, len(truth)))
    return pl.concat([_score_task(task, guess, truth, names, draws) for task in tasks])


def _aligned(
    predicted: pl.DataFrame, reference: pl.DataFrame, on: str | None
) -> tuple[NDArray[np.int8], NDArray[np.int8], list[str]]:
    names: list[str] = [label.value for label in Label if label.value in reference.columns]
    if not names or not any(name in predicted.columns for name in names):
        raise UsageError("the two tables have no label column in common")
    if reference.height == 0:
        raise UsageError("the reference holds no report")
    if on is not None:
        predicted = _joined(predicted, reference, on)
    if predicted.height != reference.height:
        raise UsageError(f"{predicted.height} rows of labels, {reference.height} of the reference: give an id column")
    return _as_array(predicted, names, "labels"), _as_array(reference, names, "reference"), names


def _joined(predicted: pl.DataFrame, reference: pl.DataFrame, on: str) -> pl.DataFrame:
    for name, table in (("labels", predicted), ("reference", reference)):
        if on not in table.columns:
            raise UsageError(f"the {name} lack the id column {on!r}")
        if table[on].n_unique() != table.height:
            raise UsageError(f"ids of the {name} are not unique")
    keys = reference.select(pl.col(on).cast(pl.String))
    told = predicted.with_columns(pl.col(on).cast(pl.String))
    if keys.join(told, on=on, how="semi").is_empty():
        raise UsageError("labels and reference have no id in common: are they spelled alike (zeros in front, 7.0)?")
    return keys.join(told, on=on, how="left", maintain_order="left")


def _as_array(table: pl.DataFrame, names: list[str], what: str) -> NDArray[np.int8]:
    values = {s.name: s for s in label_values(table, [n for n in names if n in table.columns], what)}
    absent = np.full(table.height, _ABSENT, dtype=np.int8)
    columns = [values[n].fill_null(_ABSENT).to_numpy() if n in values else absent for n in names]
    return np.stack(columns, axis=1).astype(np.int8)


def _score_task(
    task: Task, guess: NDArray[np.int8], truth: NDArray[np.int8], names: list[str], draws: NDArray[np.int64] | None
) -> pl.DataFrame:
    is_guess, is_truth = _HIT[task](guess), _HIT[task](truth)
    hits = _Hits(is_guess & is_truth, is_guess & ~is_truth, ~is_guess & is_truth)
    counts = hits.counts()
    f1 = _all_f1(counts)
    table = np.concatenate([counts, counts.sum(axis=1, keepdims=True), counts.sum(axis=1, keepdims=True)], axis=1)
    precision, recall = _averaged(counts, miss=1), _averaged(counts, miss=2)
    low, high = _interval(hits, draws, len(f1))
    return pl.DataFrame(
        {
            "task": [task.value] * len(f1),
            "category": [*names, Average.MACRO.value, Average.MICRO.value],
            "support": table[0] + table[2],
            "true_positive": table[0],
            "false_positive": table[1],
            "false_negative": table[2],
            "precision": precision,
            "recall": recall,
            "f1": f1,
            "f1_low": low,
            "f1_high": high,
        }
    ).with_columns(pl.col(pl.Float64).fill_nan(None))


def _ratio(hit: Counts, miss: Counts) -> NDArray[np.float64]:
    total = hit + miss
    ratio: NDArray[np.float64] = np.divide(hit, total, out=np.full(total.shape, np.nan), where=total > 0)
    return ratio


def _averaged(counts: Counts, *, miss: int) -> NDArray[np.float64]:
    """Precision (`miss` = 1, the false positives) or recall (2, the false negatives): labels, macro, micro."""
    per_label = _ratio(counts[0], counts[miss])
    pooled = counts.sum(axis=1, keepdims=True)
    return np.array([*per_label, _mean_over_support(counts, per_label), _ratio(pooled[0], pooled[miss])[0]])


def _mean_over_support(counts: Counts, per_label: NDArray[np.float64]) -> float:
    supported = (counts[0] + counts[2]) > 0
    return float(np.nan_to_num(per_label[supported]).mean()) if supported.any() else float("nan")


def _all_f1(counts: Counts) -> NDArray[np.float64]:
    """F1 of each label, then macro over the labels with support, then micro."""
    tp, fp, fn = counts
    per_label = _f1(tp, fp, fn)
    micro = _f1(*(c.sum(keepdims=True) for c in counts))[0]
    return np.array([*per_label, _mean_over_support(counts, per_label), micro])


def _f1(tp: Counts, fp: Counts, fn: Counts) -> NDArray[np.float64]:
    total = 2 * tp + fp + fn
    f1: NDArray[np.float64] = np.divide(2 * tp, total, out=np.full(total.shape, np.nan), where=total > 0)
    return f1


def _interval(
    hits: _Hits, draws: NDArray[np.int64] | None, width: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    if draws is None:
        return np.full(width, np.nan), np.full(width, np.nan)
    samples = np.stack([_all_f1(hits.counts(rows)) for rows in draws])
    seen = ~np.isnan(samples).all(axis=0)
    low, high = np.full(width, np.nan), np.full(width, np.nan)
    if not seen.any():
        return low, high
    low[seen], high[seen] = np.nanpercentile(samples[:, seen], _INTERVAL, axis=0)
    return low, high
