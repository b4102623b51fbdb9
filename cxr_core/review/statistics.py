"""What a review proves: leak bounds, the readers' own sensitivity, their agreement, and what each stratum showed.

Takes the exported tables (or the same frames made from the live store), gives small typed records for the gate, the
dashboard, the datasheet and the page. The formulas stand in `evaluation.agreement`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations

import polars as pl

from cxr_core.evaluation.agreement import (
    Agreement,
    LeakBound,
    Share,
    agreement,
    kappa_of,
    leak_bound,
    share,
    square,
    two_by_two,
)
from cxr_core.tables.catalogue import IMAGE_REVIEWS, REVIEW_DECISIONS, TEXT_REVIEWS
from cxr_core.tables.storage import read_table
from cxr_core.tables.workspace import Workspace
from cxr_core.vocabulary import Label, ReviewAnswer, ReviewKind, ReviewRound

RANDOM = "random"
_CLEAN, _PHI, _UNSURE = (answer.value for answer in (ReviewAnswer.CLEAN, ReviewAnswer.PHI, ReviewAnswer.UNSURE))
_LABEL_VALUES = (1, 0, -1, None)


@dataclass(frozen=True, slots=True)
class StratumResult:
    """One stratum of real items: how many were drawn, settled, and showed PHI."""

    stratum: str
    items: int
    settled: int
    phi: Share


@dataclass(frozen=True, slots=True)
class LeakReview:
    """What a review of images (or of report texts) says.

    Parameters
    ----------
    items, settled : int
        Real items of the sample, and those with an outcome.
    consensus : int
        Real items that went to the consensus round.
    units, subjects : LeakBound
        Per image (or text) and per subject, over the simple random part alone.
    sensitivity : Share
        Planted items that the whole procedure (two readers and consensus) found.
    sensitivity_of : mapping of reader to Share
        The same of each reader alone: anything but `clean`.
    sensitivity_by : mapping of stratum to Share
        By contrast and size of what was planted.
    agreement : Agreement
        Of two blind readers on real items: anything but `clean` against `clean`.
    strata : sequence of StratumResult
        Every stratum apart, the random part first.
    stale : int
        Items that were found clean, but whose file has changed or gone since: they prove nothing of the dataset as it
        is and are counted nowhere.
    remaining : int
        Items on which PHI was confirmed, or could not be excluded, and which still stand in the dataset: unchanged,
        or without a reader's box that told where.
    open : int
        Items of the sample, planted ones too, that have no outcome yet: a bound over the others would be one over
        the easy ones.
    """

    items: int
    settled: int
    consensus: int
    units: LeakBound
    subjects: LeakBound
    sensitivity: Share
    sensitivity_of: Mapping[str, Share]
    sensitivity_by: Mapping[str, Share]
    agreement: Agreement
    strata: Sequence[StratumResult]
    stale: int
    remaining: int
    open: int


@dataclass(frozen=True, slots=True)
class LabelAgreement:
    """Agreement of two blind readers on one label of the reports.

    Parameters
    ----------
    positive : Agreement
        On positive against anything else.
    kappa, kappa_low, kappa_high : float or None
        Over all four values (positive, negative, uncertain, not mentioned).
    """

    label: Label
    reports: int
    positive: Agreement
    kappa: float | None
    kappa_low: float | None
    kappa_high: float | None


@dataclass(frozen=True, slots=True)
class ReviewStatistics:
    """Everything that was reviewed; None where no sample of a kind was drawn."""

    images: LeakReview | None
    texts: LeakReview | None
    labels: Sequence[LabelAgreement]


@dataclass(frozen=True, slots=True)
class Current:
    """The dataset as it is now: what was reviewed may have changed since.

    Parameters
    ----------
    images : mapping of dicom_id to SHA-256 of its JPEG
    texts : mapping of study_id to SHA-256 of its redacted report
    """

    images: Mapping[str, str] = field(repr=False)
    texts: Mapping[str, str] = field(repr=False)


def workspace_statistics(workspace: Workspace, current: Current | None = None) -> ReviewStatistics:
    """Statistics of what `cxr review export` wrote.

    Parameters
    ----------
    current : Current, optional
        None: everything is as it was reviewed.
    """
    images = read_table(IMAGE_REVIEWS, workspace.review_table(IMAGE_REVIEWS))
    texts = read_table(TEXT_REVIEWS, workspace.review_table(TEXT_REVIEWS))
    decisions = read_table(REVIEW_DECISIONS, workspace.review_table(REVIEW_DECISIONS))
    return ReviewStatistics(
        images=leak_review(images, "dicom_id", current.images if current else None) if images.height else None,
        texts=leak_review(texts, "study_id", current.texts if current else None) if texts.height else None,
        labels=label_agreement(decisions),
    )


def leak_review(reviews: pl.DataFrame, unit: str, current: Mapping[str, str] | None = None) -> LeakReview:
    """Statistics of the newest sample; only `remaining` looks at all of them.

    Parameters
    ----------
    reviews : IMAGE_REVIEWS or TEXT_REVIEWS frame
    unit : str
        `dicom_id` or `study_id`.
    current : mapping of unit to sha256, optional
        The files as they are now.
    """
    newest = reviews.filter(pl.col("draw") == pl.col("draw").max())
    real = newest.filter(~pl.col("is_planted"))
    sown = newest.filter(pl.col("is_planted"))
    planted = sown.filter(pl.col("final").is_not_null())
    standing, stale = _standing(real, unit, current)
    random = standing.filter((pl.col("stratum") == RANDOM) & pl.col("final").is_not_null())
    found, trials = int(planted.select(_found().sum()).item() or 0), planted.height
    by_subject = random.group_by("subject_id").agg(_leaks().any().alias("leaks"))
    return LeakReview(
        items=standing.height,
        settled=standing["final"].count(),
        consensus=int(standing["needs_consensus"].sum()),
        units=leak_bound(int(random.select(_leaks().sum()).item() or 0), random.height, found=found, planted=trials),
        subjects=leak_bound(int(by_subject["leaks"].sum()), by_subject.height, found=found, planted=trials),
        sensitivity=share(found, trials),
        sensitivity_of=_by_reader(sown),
        sensitivity_by=_by_stratum(planted),
        agreement=agreement(two_by_two(_answer_pairs(standing))),
        strata=_strata(standing),
        stale=stale,
        remaining=_remaining(reviews.filter(~pl.col("is_planted")), unit, current),
        open=standing["final"].null_count() + sown["final"].null_count(),
    )


def _leaks() -> pl.Expr:
    """PHI was confirmed, or the consensus could not exclude it."""
    return pl.col("final").cast(pl.String).is_in([_PHI, _UNSURE])


def _found() -> pl.Expr:
    return (pl.col("final").cast(pl.String) == _PHI) & pl.col("is_located")


def _standing(real: pl.DataFrame, unit: str, current: Mapping[str, str] | None) -> tuple[pl.DataFrame, int]:
    """Items that still speak of the dataset: unchanged ones, and those that leaked, whatever became of them."""
    if current is None:
        return real, 0
    now = real[unit].replace_strict(dict(current), default=None, return_dtype=pl.String)
    is_same = (now == real["sha256"]).fill_null(value=False)
    leaked = real.select(_leaks().fill_null(value=False)).to_series()
    standing = real.filter(is_same | leaked)
    return standing, real.height - standing.height


def _remaining(real: pl.DataFrame, unit: str, current: Mapping[str, str] | None) -> int:
    """Items with PHI that are still what was reviewed, or that changed without a reader's box telling where.

    An item that was read again as it is now, and found clean, remains no longer.
    """
    leaked = real.filter(_leaks())
    if current is None:
        return int(leaked[unit].n_unique())
    now = leaked[unit].replace_strict(dict(current), default=None, return_dtype=pl.String)
    is_there = now.is_not_null() & ((now == leaked["sha256"]) | (leaked["marks"] == 0))
    is_clean = (pl.col("final").cast(pl.String) == _CLEAN) & (
        pl.col("sha256") == pl.col(unit).replace_strict(dict(current), default=None, return_dtype=pl.String)
    )
    read_again = real.filter(is_clean)[unit].implode()
    return int(leaked.filter(is_there & ~leaked[unit].is_in(read_again))[unit].n_unique())


def _by_reader(planted: pl.DataFrame) -> dict[str, Share]:
    answers = planted.select("readers", "answers").explode("readers", "answers").drop_nulls()
    counted = answers.group_by("readers").agg((pl.col("answers") != _CLEAN).sum(), pl.len())
    return {reader: share(found, trials) for reader, found, trials in counted.sort("readers").iter_rows()}


def _by_stratum(planted: pl.DataFrame) -> dict[str, Share]:
    counted = planted.group_by("stratum").agg(_found().sum().alias("found"), pl.len())
    return {stratum: share(found, trials) for stratum, found, trials in counted.sort("stratum").iter_rows()}


def _strata(standing: pl.DataFrame) -> list[StratumResult]:
    counted = standing.group_by("stratum").agg(
        pl.len(), pl.col("final").count().alias("settled"), _leaks().sum().alias("phi")
    )
    first = (pl.col("stratum") != RANDOM, pl.col("stratum"))
    return [
        StratumResult(stratum, items, settled, share(phi, settled))
        for stratum, items, settled, phi in counted.sort(first).iter_rows()
    ]


def _answer_pairs(standing: pl.DataFrame) -> list[tuple[bool, bool]]:
    """Every pair of blind answers on an item, in the order of the readers' numbers: flagged or not."""
    pairs: list[tuple[bool, bool]] = []
    for answers in standing["answers"].to_list():
        flagged = [answer != _CLEAN for answer in answers]
        pairs.extend(combinations(flagged, 2))
    return pairs


def label_agreement(decisions: pl.DataFrame) -> list[LabelAgreement]:
    """Agreement of blind readers, label by label; empty where no report has two blind readings.

    Parameters
    ----------
    decisions : REVIEW_DECISIONS frame
    """
    blind = decisions.filter(
        pl.col("is_current")
        & (pl.col("kind").cast(pl.String) == ReviewKind.REPORTS.value)
        & (pl.col("round").cast(pl.String) == ReviewRound.PRIMARY.value)
        & (pl.col("answer").cast(pl.String) == ReviewAnswer.LABELLED.value)
    ).sort("item", pl.col("reader").str.extract(r"(\d+)$").cast(pl.Int64))
    read = blind.group_by("item", maintain_order=True).agg(*(label.value for label in Label))
    found = []
    for label in Label:
        pairs = [pair for values in read[label.value].to_list() for pair in combinations(values, 2)]
        if pairs:
            kappa, low, high = kappa_of(square(pairs, _LABEL_VALUES))
            positive = agreement(two_by_two([(a == 1, b == 1) for a, b in pairs]))
            found.append(LabelAgreement(label, len(pairs), positive, kappa, low, high))
    return found
