"""How alike the splits are, and what people saw who read the images: the sections of the page that judge the making.

Takes the table of standardised differences and the statistics of the image review; gives markup without small counts.
How they are computed is told by `balance` and `review.statistics`.
"""

from collections.abc import Iterator

import polars as pl

from cxr_core.evaluation.agreement import LeakBound, Share
from cxr_core.release.balance import CHARACTERISTICS, LARGE_DIFFERENCE
from cxr_core.release.markup import legend, note, number, table, words
from cxr_core.release.page_dots import Dot, colour_of, dot_chart
from cxr_core.release.summary import SMALLEST_SHOWN, is_shown
from cxr_core.review.statistics import LeakReview
from cxr_core.vocabulary import Split

_COMPARED = (Split.VALIDATE.value, Split.TEST.value)
_MARK = 0.2  # standard deviations from one mark of the axis to the next
_MARKS = ("-0.4", "-0.2", "as train", "0.2", "0.4")
_TOO_FEW = "The splits are too small to be compared."
_NOT_READ = "No image of this release was read by people; who answers for that is told below."
_FIGURES = (
    "images read, drawn at random",
    "images with an identifier: at most, at 95 % confidence",
    "subjects with one: at most, at 95 % confidence",
    "planted identifiers that the readers found",
    "same answer of two blind readers",
    "kappa",
    "positive agreement",
    "read a third time by consensus",
)
_HEAD = ("what people saw", "", "95 % interval")
_RANGE = "{} to {} %"
WORDS = (*CHARACTERISTICS, *_COMPARED, *_MARKS, _TOO_FEW, _NOT_READ, *_FIGURES, *_HEAD)
"""Every text of both sections that is no figure."""


def balance_chart(balance: pl.DataFrame | None) -> str:
    """Standardised differences of validate and test against train, a line a characteristic."""
    told = balance.drop_nulls(["characteristic"]) if balance is not None else pl.DataFrame()
    dots = [
        Dot(row["characteristic"], row[split] / _MARK, place, abs(row[split]) >= LARGE_DIFFERENCE)
        for row in told.iter_rows(named=True)
        for place, split in enumerate(_COMPARED)
        if row[split] is not None
    ]
    if not dots:
        return note(_TOO_FEW)
    shown = [(colour_of(place), split) for place, split in enumerate(_COMPARED)]
    return legend(shown) + dot_chart(told["characteristic"].to_list(), dots, _MARKS)


def review_table(review: LeakReview | None) -> str:
    """What blind readers and a consensus saw; counts from 1 to 10 and what would give them away are left out."""
    if review is None or review.units.units < SMALLEST_SHOWN:
        return note(_NOT_READ)
    return table(_HEAD, list(_rows(review)))


def _rows(review: LeakReview) -> Iterator[tuple[str, str, str]]:
    named = iter(map(words, _FIGURES))
    yield next(named), number(review.units.units), ""
    for bound in (review.units, review.subjects):
        yield next(named), _bound(bound), ""
    yield next(named), *_share(review.sensitivity)
    both = review.agreement
    yield next(named), _percent(both.observed), ""
    yield next(named), _figure(both.kappa), ""
    yield next(named), _percent(both.positive), ""
    yield next(named), number(review.consensus if is_shown(review.consensus) else None), ""


def _bound(bound: LeakBound) -> str:
    return words(f"{100 * bound.bound:.3g} %") if bound.bound < 1 else words("-")


def _share(share: Share) -> tuple[str, str]:
    if share.value is None or not share.trials:
        return words("-"), ""
    return words(f"{100 * share.value:.1f} %"), words(
        _RANGE.format(f"{100 * share.low:.1f}", f"{100 * share.high:.1f}")
    )


def _percent(value: float | None) -> str:
    return words(f"{100 * value:.1f} %") if value is not None else words("-")


def _figure(value: float | None) -> str:
    return words(f"{value:.2f}") if value is not None else words("-")
