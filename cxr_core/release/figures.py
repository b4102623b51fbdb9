"""What the report page draws: labels that come together, where text was blacked, how images were made.

Takes published image rows; gives counts with those from 1 to 10 blanked. Drawing is left to `page`, the tables of the
paper to `summary`.
"""

from collections.abc import Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

from cxr_core.release.contracts import label_column
from cxr_core.release.summary import is_shown, suppress_small_counts
from cxr_core.vocabulary import Assertion, Label, LabelerName

GRID_CELLS = 24
"""Cells of the redaction map along each side."""

NOT_TOLD = "not told"
OLDEST = "90 and more"
DECADES = (*(f"{start} to {start + 9}" for start in range(0, 90, 10)), OLDEST)


def together(images: pl.DataFrame, labeler: LabelerName = LabelerName.CHEXPERT) -> NDArray[np.int64]:
    """Studies in which two labels are positive; the diagonal counts those of one label.

    Returns
    -------
    (14, 14) int64 array
        In the order of `Label`; not suppressed.
    """
    studies = images.unique("study_id", maintain_order=True)
    values = (studies[label_column(labeler, label)] for label in Label)
    positive = [(column == Assertion.POSITIVE.value).fill_null(value=False).to_numpy() for column in values]
    marks = np.column_stack(positive).astype(np.int64)
    return np.asarray(marks.T @ marks, np.int64)


def redaction_grid(images: pl.DataFrame) -> NDArray[np.int64]:
    """Images that are blacked in each cell of a grid laid over them.

    Parameters
    ----------
    images : RELEASE_IMAGES frame
        Their boxes are half-open, in pixels, origin top left.

    Returns
    -------
    (GRID_CELLS, GRID_CELLS) int64 array
        Rows before columns; not suppressed.
    """
    grid = np.zeros((GRID_CELLS, GRID_CELLS), np.int64)
    for boxes, width, height in images.select("redaction_boxes", "width_px", "height_px").iter_rows():
        covered = np.zeros_like(grid, np.bool_)
        for box in boxes:
            top, bottom = _cells(box["top_px"], box["bottom_px"], height)
            left, right = _cells(box["left_px"], box["right_px"], width)
            covered[top:bottom, left:right] = True
        grid += covered
    return grid


def _cells(start_px: int, end_px: int, side_px: int) -> tuple[int, int]:
    """First cell and the one behind the last that an interval touches."""
    first = start_px * GRID_CELLS // side_px
    return first, max(-(-end_px * GRID_CELLS // side_px), first + 1)


def facet(values: pl.Series) -> pl.DataFrame:
    """How often each value stands, the most frequent first; null is `NOT_TOLD`; counts from 1 to 10 blanked.

    Returns
    -------
    frame of `value` and `count`
    """
    told = values.cast(pl.String).fill_null(NOT_TOLD).alias("value")
    counts = told.value_counts(name="count").with_columns(pl.col("count").cast(pl.Int64))
    return suppress_small_counts(counts.sort(["count", "value"], descending=[True, False]), ["count"])


def flag_counts(images: pl.DataFrame, flags: Sequence[str]) -> pl.DataFrame:
    """Images with each quality flag: `value` and `count`, counts from 1 to 10 blanked, one by one.

    An image may have several flags, so that no total gives a blank away.
    """
    found = images["flags"].explode().drop_nulls().to_list()
    counts = [count if is_shown(count := found.count(flag)) else None for flag in flags]
    return pl.DataFrame({"value": list(flags), "count": counts}, schema={"value": pl.String, "count": pl.Int64})


def decades(ages: pl.Series) -> pl.Series:
    """Ages in years as decades: 61 is `60 to 69`; 90 stands for everybody above 89."""
    start = (ages // 10) * 10
    told = pl.format("{} to {}", pl.col("start"), pl.col("start") + 9)
    frame = pl.DataFrame({"start": start})
    named = pl.when(pl.col("start") >= 90).then(pl.lit(OLDEST)).when(pl.col("start").is_not_null()).then(told)
    return frame.select(age=named)["age"]
