"""The figures of a running review: progress, agreement, consensus, what readers find, the bound on what they miss.

Takes the store and the workspace, gives one record; every statistic is that of `cxr_core.review.statistics`, over the
tables that an export would write now. How they look is left to `dashboard`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from cxr_core.evaluation.scores import score_labels
from cxr_core.evaluation.table3 import PAPER_TASKS, table3
from cxr_core.planning.stages import CONVERT, LABEL
from cxr_core.review.export import review_tables
from cxr_core.review.records import Progress
from cxr_core.review.statistics import LabelAgreement, LeakReview, label_agreement, leak_review
from cxr_core.review.store import ReviewStore
from cxr_core.tables.catalogue import LABELS, READER_BOXES, RENDITIONS
from cxr_core.tables.workspace import Workspace
from cxr_core.vocabulary import Label, LabelerName, ReviewKind

_RESAMPLES = 200  # a live look; the release's Table 3 takes a thousand


@dataclass(frozen=True, slots=True)
class Figures:
    """Everything that the dashboard shows.

    Parameters
    ----------
    population : int
        Images of the dataset, of which the bound speaks.
    table_3 : DataFrame or None
        The labeler against the labels settled so far.
    """

    progress: Sequence[Progress]
    images: LeakReview | None
    texts: LeakReview | None
    labels: Sequence[LabelAgreement]
    table_3: pl.DataFrame | None
    population: int


def figures_of(store: ReviewStore, workspace: Workspace) -> Figures:
    """Compute them from what is in the store now."""
    tables = review_tables(store, READER_BOXES.empty())
    return Figures(
        progress=[store.progress(kind) for kind in ReviewKind if store.sample(kind) is not None],
        images=leak_review(tables.image_reviews, "dicom_id") if tables.image_reviews.height else None,
        texts=leak_review(tables.text_reviews, "study_id") if tables.text_reviews.height else None,
        labels=label_agreement(tables.decisions),
        table_3=_table_3(tables.report_labels, workspace),
        population=CONVERT.store(workspace).read(RENDITIONS).height,
    )


def _table_3(settled: pl.DataFrame, workspace: Workspace) -> pl.DataFrame | None:
    """The labelers of the build against the labels that readers settled; None before there are any."""
    if settled.is_empty():
        return None
    labels = LABEL.store(workspace).read(LABELS)
    names = [label.value for label in Label]
    scored = []
    for labeler in LabelerName:
        given = labels.filter(pl.col("labeler").cast(pl.String) == labeler.value)
        if given.join(settled, on="study_id", how="semi").is_empty():
            continue
        rng = np.random.default_rng(0)
        scores = score_labels(
            given.select("study_id", *names),
            settled.select("study_id", *names),
            on="study_id",
            rng=rng,
            resamples=_RESAMPLES,
            tasks=PAPER_TASKS,
        )
        scored.append(scores.with_columns(pl.lit(labeler.value).alias("labeler")))
    return table3(pl.concat(scored)) if scored else None
