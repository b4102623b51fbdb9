"""Scores in the form of the paper's Table 3: a row a category, labelers side by side, as table and as picture.

Takes the long scores of `scores` with a labeler column, gives a wide table of texts and an SVG; reading and writing
files is left to the caller.
"""

from collections.abc import Iterator, Sequence
from html import escape

import polars as pl

from cxr_core.evaluation.scores import Average, Task

_ROW_PX, _LEFT_PX, _PANEL_PX, _TOP_PX, _GAP_PX = 26, 210, 200, 64, 24
_COLOURS = ("#1f4e79", "#c55a11", "#548235", "#7030a0")
PAPER_TASKS = (Task.MENTION, Task.NEGATION, Task.UNCERTAINTY)
_AVERAGES = (Average.MACRO.value, Average.MICRO.value)


def table3(scores: pl.DataFrame, tasks: Sequence[Task] = PAPER_TASKS) -> pl.DataFrame:
    """One row a category, one column a task and labeler: `F1 (low-high)`, `-` where nothing can be scored.

    Parameters
    ----------
    scores : polars DataFrame
        As from `score_labels`, with a column `labeler`.
    tasks : sequence of Task
        Source: MIMIC-CXR-JPG (2019), Table 3 has mention, negation, uncertainty.

    Returns
    -------
    polars DataFrame
        `category`, `n` (mentions in the reference), then `TASK LABELER` for each task and labeler.
    """
    first = scores.filter(pl.col("task") == Task.MENTION.value, pl.col("labeler") == scores["labeler"][0])
    table = first.select("category", n="support")
    for task in tasks:
        for labeler in scores["labeler"].unique(maintain_order=True):
            cells = scores.filter(pl.col("task") == task.value, pl.col("labeler") == labeler)
            told = [_told(*row) for row in cells.select("f1", "f1_low", "f1_high").iter_rows()]
            column = cells.select("category").with_columns(pl.Series(f"{task.value} {labeler}", told, dtype=pl.String))
            table = table.join(column, on="category", how="left", maintain_order="left")
    return table


def _told(f1: float | None, low: float | None, high: float | None) -> str:
    if f1 is None:
        return "-"
    return f"{f1:.3f}" if low is None or high is None else f"{f1:.3f} ({low:.3f}-{high:.3f})"


def figure3(scores: pl.DataFrame, tasks: Sequence[Task] = PAPER_TASKS) -> str:
    """The same scores as an SVG: a panel a task, a dot and its interval a labeler.

    Parameters
    ----------
    scores, tasks : as for `table3`

    Returns
    -------
    str
        A self-contained SVG document.
    """
    labelers = scores["labeler"].unique(maintain_order=True).to_list()
    categories = scores["category"].unique(maintain_order=True).to_list()
    width = _LEFT_PX + len(tasks) * (_PANEL_PX + _GAP_PX)
    height = _TOP_PX + len(categories) * _ROW_PX + 16
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" font-family="sans-serif" '
        'font-size="13">',
        f'<rect width="{width}" height="{height}" fill="white"/>',
        *_legend(labelers),
        *_row_names(categories),
    ]
    for k, task in enumerate(tasks):
        parts.extend(_panel(scores.filter(pl.col("task") == task.value), categories, labelers, k))
    return "\n".join([*parts, "</svg>"]) + "\n"


def _legend(labelers: Sequence[str]) -> Iterator[str]:
    for k, labeler in enumerate(labelers):
        left = _LEFT_PX + k * 220
        yield f'<circle cx="{left}" cy="16" r="5" fill="{_COLOURS[k % len(_COLOURS)]}"/>'
        yield f'<text x="{left + 10}" y="20">{escape(labeler)}</text>'


def _row_names(categories: Sequence[str]) -> Iterator[str]:
    for row, category in enumerate(categories):
        weight = "bold" if category in _AVERAGES else "normal"
        y = _TOP_PX + row * _ROW_PX + 17
        yield f'<text x="{_LEFT_PX - 12}" y="{y}" text-anchor="end" font-weight="{weight}">{escape(category)}</text>'


def _panel(cells: pl.DataFrame, categories: Sequence[str], labelers: Sequence[str], place: int) -> Iterator[str]:
    left = _LEFT_PX + place * (_PANEL_PX + _GAP_PX)
    bottom = _TOP_PX + len(categories) * _ROW_PX
    yield f'<text x="{left}" y="{_TOP_PX - 22}" font-weight="bold">{cells["task"][0]} F1</text>'
    for tick in (0.0, 0.5, 1.0):
        x = left + tick * _PANEL_PX
        yield f'<line x1="{x}" y1="{_TOP_PX}" x2="{x}" y2="{bottom}" stroke="#ddd"/>'
        yield f'<text x="{x}" y="{_TOP_PX - 6}" font-size="10" text-anchor="middle" fill="#666">{tick}</text>'
    for category, labeler, f1, low, high in cells.select("category", "labeler", "f1", "f1_low", "f1_high").iter_rows():
        k = labelers.index(labeler)
        y = _TOP_PX + categories.index(category) * _ROW_PX + 13 + (k - (len(labelers) - 1) / 2) * 8
        colour = _COLOURS[k % len(_COLOURS)]
        if low is not None and high is not None:
            x1, x2 = left + low * _PANEL_PX, left + high * _PANEL_PX
            yield f'<line x1="{x1:.1f}" y1="{y}" x2="{x2:.1f}" y2="{y}" stroke="{colour}" stroke-width="2"/>'
        if f1 is not None:
            yield f'<circle cx="{left + f1 * _PANEL_PX:.1f}" cy="{y}" r="3.5" fill="{colour}"/>'
