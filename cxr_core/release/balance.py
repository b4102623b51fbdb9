"""How alike the splits are: standardised differences of age, sex, views, equipment and labels against train.

Takes image rows of the whole release, withheld ones too; gives one small table with what could single people out
blanked. How subjects come into splits is left to `splitting`.
"""

import math
from collections.abc import Callable, Iterator

import polars as pl

from cxr_core.release.contracts import label_column
from cxr_core.release.summary import SMALLEST_SHOWN, is_shown
from cxr_core.vocabulary import Assertion, Label, LabelerName, Split, View

_COMPARED = (Split.VALIDATE, Split.TEST)
_SCHEMA = {"characteristic": pl.String, **{split.value: pl.Float64 for split in _COMPARED}}
LARGE_DIFFERENCE = 0.1
"""From here on a difference is commonly called an imbalance (Austin, Stat Med 2009, 28:3083)."""

AGE, FEMALE, FRONTAL, PORTABLE = "age", "female", "frontal view", "portable"

CHARACTERISTICS = ("characteristic", AGE, FEMALE, FRONTAL, PORTABLE, *(label.value for label in Label))
"""Every word of the table, for whoever must know the known text of the documents."""


def split_balance(images: pl.DataFrame, labeler: LabelerName = LabelerName.CHEXPERT) -> pl.DataFrame:
    """Standardised differences of validate and test against train.

    The difference of means, or of shares, over the pooled standard deviation. Age and labels count by study, sex by
    subject, view and portable by image; unknown values are left out. Null where a split has fewer than 11 items that
    tell, or where a share stands on 1 to 10 of them: from it the count could be computed.

    Parameters
    ----------
    images : RELEASE_IMAGES frame
        Of both trees, with all labels.

    Returns
    -------
    frame of `characteristic`, `validate`, `test`
    """
    rows = [
        {"characteristic": name, **{split.value: _difference(values, split, is_share=share) for split in _COMPARED}}
        for name, values, share in _characteristics(images, labeler)
    ]
    return pl.DataFrame(rows, schema=_SCHEMA)


def _characteristics(images: pl.DataFrame, labeler: LabelerName) -> Iterator[tuple[str, pl.DataFrame, bool]]:
    """Name, `split` and `value` of every item, and whether the values are 0 and 1."""
    subjects = images.unique("subject_id", maintain_order=True)
    studies = images.unique("study_id", maintain_order=True)

    def told(frame: pl.DataFrame, value: pl.Expr) -> pl.DataFrame:
        return frame.select(pl.col("split").cast(pl.String), value=value.cast(pl.Float64)).drop_nulls()

    yield AGE, told(studies, pl.col("age_years")), False
    yield FEMALE, told(subjects, pl.col("sex") == "F"), True
    yield FRONTAL, told(images, pl.col("view") == View.FRONTAL.value), True
    yield PORTABLE, told(images, pl.col("is_portable")), True
    labelled = studies.filter(pl.any_horizontal(pl.col(label_column(labeler, one)).is_not_null() for one in Label))
    for label in Label:
        is_positive = (pl.col(label_column(labeler, label)) == Assertion.POSITIVE.value).fill_null(value=False)
        yield label.value, told(labelled, is_positive), True


def _difference(values: pl.DataFrame, split: Split, *, is_share: bool) -> float | None:
    here, train = (values.filter(pl.col("split") == one.value)["value"] for one in (split, Split.TRAIN))
    may_be_told: Callable[[pl.Series], bool] = _is_share_told if is_share else _is_mean_told
    if not (may_be_told(here) and may_be_told(train)):
        return None
    (mean, spread), (mean_of_train, spread_of_train) = _moments(here), _moments(train)
    pooled = math.sqrt((spread + spread_of_train) / 2)
    return (mean - mean_of_train) / pooled if pooled else (0.0 if mean == mean_of_train else None)


def _moments(values: pl.Series) -> tuple[float, float]:
    mean = math.fsum(values) / len(values)
    return mean, math.fsum((value - mean) ** 2 for value in values) / len(values)


def _is_mean_told(values: pl.Series) -> bool:
    return len(values) >= SMALLEST_SHOWN


def _is_share_told(values: pl.Series) -> bool:
    """Neither those that have it nor those that have not are few."""
    having = int(values.sum())
    return _is_mean_told(values) and is_shown(having) and is_shown(len(values) - having)
