"""How far a review is and what it proves so far, as text and as JSON: for the terminal and the dashboard alike.

Takes the store and the workspace, gives one record; all figures come from `cxr_core.review.statistics` over the same
frames that the export writes.
"""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass

import numpy as np
import polars as pl

from cxr_core.evaluation.agreement import Agreement, LeakBound, Share
from cxr_core.evaluation.scores import Average, score_labels
from cxr_core.planning.stages import LABEL
from cxr_core.review.export import review_tables
from cxr_core.review.records import Progress
from cxr_core.review.statistics import LeakReview, ReviewStatistics, label_agreement, leak_review
from cxr_core.review.store import ReviewStore
from cxr_core.settings.review import ReviewSettings
from cxr_core.tables.catalogue import LABELS, READER_BOXES
from cxr_core.tables.workspace import Workspace
from cxr_core.vocabulary import ReviewKind
from tasks.reviewed import current_dataset

_RESAMPLES = 200  # enough for a live look; the release draws more


@dataclass(frozen=True, slots=True)
class LiveStatus:
    """A review as it stands.

    Parameters
    ----------
    table_3 : frame
        `labeler`, `task`, `category`, `support`, `f1`, `f1_low`, `f1_high`: labelers against the labels settled so
        far; empty without any.
    required_bound : float
        What the gate wants.
    population : int
        Images of the dataset now.
    """

    progress: Sequence[Progress]
    statistics: ReviewStatistics
    table_3: pl.DataFrame
    required_bound: float
    population: int

    def as_json(self) -> dict[str, object]:
        """One object of plain values."""
        return {
            "progress": [
                {
                    "kind": one.sample.kind.value,
                    "sample": one.sample.sample_id,
                    "items": one.sample.items,
                    "complete": one.complete,
                    "consensus_waiting": one.consensus_waiting,
                    "consensus_done": one.consensus_done,
                    "final": one.final,
                    "readers": {reader.reader: reader.answered for reader in one.readers},
                }
                for one in self.progress
            ],
            "statistics": asdict(self.statistics),
            "table_3": self.table_3.to_dicts(),
            "required_bound": self.required_bound,
            "population": self.population,
        }

    def lines(self) -> Iterator[str]:
        """Lines for the terminal."""
        for one in self.progress:
            yield from _progress_lines(one)
        for name, review in (("images", self.statistics.images), ("texts", self.statistics.texts)):
            if review is not None and review.settled + review.sensitivity.trials:
                yield from _leak_lines(name, review, self.population if name == "images" else 0)
        if self.statistics.images is not None:
            bound = self.statistics.images.units.bound
            met = "met" if bound <= self.required_bound else "not met"
            yield f"required     {_percent(self.required_bound)} per image: {met}"
        for label in self.statistics.labels:
            yield f"labels       {label.label.value:<28} {_agreement(label.positive)}"
        for row in self.table_3.filter(pl.col("category") == Average.MICRO.value).iter_rows(named=True):
            yield f"table 3      {row['labeler']:<9} {row['task']:<12} micro F1 {_interval(row)}"


def live_status(store: ReviewStore, workspace: Workspace, settings: ReviewSettings) -> LiveStatus:
    """Everything that the answers so far say."""
    tables = review_tables(store, READER_BOXES.empty())
    current = current_dataset(workspace)
    images, texts = tables.image_reviews, tables.text_reviews
    return LiveStatus(
        progress=[store.progress(kind) for kind in ReviewKind if store.sample(kind) is not None],
        statistics=ReviewStatistics(
            images=leak_review(images, "dicom_id", current.images) if images.height else None,
            texts=leak_review(texts, "study_id", current.texts) if texts.height else None,
            labels=label_agreement(tables.decisions),
        ),
        table_3=live_table_3(workspace, tables.report_labels),
        required_bound=settings.required_bound,
        population=len(current.images),
    )


def live_table_3(workspace: Workspace, reference: pl.DataFrame) -> pl.DataFrame:
    """The labelers against the labels settled so far, in the long form of `score_labels`."""
    wanted = ["labeler", "task", "category", "support", "f1", "f1_low", "f1_high"]
    if reference.is_empty():
        return pl.DataFrame(schema={name: pl.String if name in wanted[:3] else pl.Float64 for name in wanted})
    labels = LABEL.store(workspace).read(LABELS)
    scores = []
    for labeler in sorted(labels["labeler"].cast(pl.String).unique().to_list()):
        predicted = labels.filter(pl.col("labeler").cast(pl.String) == labeler).drop("labeler")
        rng = np.random.default_rng(0)  # the same answers give the same intervals
        scored = score_labels(predicted, reference, on="study_id", rng=rng, resamples=_RESAMPLES)
        scores.append(scored.with_columns(pl.lit(labeler).alias("labeler")).select(wanted))
    return pl.concat(scores)


def _progress_lines(one: Progress) -> Iterator[str]:
    sample = one.sample
    waits = f"; {one.consensus_waiting:,} wait for the consensus" if one.consensus_waiting else ""
    yield f"{sample.kind.value:<12} {one.final:,} of {sample.items:,} settled{waits} ({sample.sample_id})"
    for reader in one.readers:
        if reader.answered:
            pace = f", {reader.median_s:.1f} s an item" if reader.median_s is not None else ""
            yield f"  {reader.reader:<20} {reader.role.value:<10} {reader.answered:,} answered{pace}"


def _leak_lines(name: str, review: LeakReview, population: int) -> Iterator[str]:
    yield f"{name:<12} {_bound(review.units, 'image' if name == 'images' else 'text', population)}"
    yield f"{'':<12} {_bound(review.subjects, 'subject', 0)}"
    yield f"sensitivity  {_share(review.sensitivity)} of planted {name} found by readers and consensus"
    for reader, share in review.sensitivity_of.items():
        yield f"  {reader:<20} {_share(share)}"
    yield f"agreement    {_agreement(review.agreement)}"
    for stratum in review.strata:
        counts = f"{stratum.settled:,} of {stratum.items:,} settled, {stratum.phi.events:,} with PHI"
        yield f"  {stratum.stratum:<36} {counts}"
    for count, what in ((review.stale, "changed since they were read"), (review.remaining, "with PHI still there")):
        if count:
            yield f"look         {count:,} {name} {what}"


def _bound(bound: LeakBound, unit: str, population: int) -> str:
    at_most = f", at most {bound.at_most(population):,} of {population:,}" if population else ""
    return (
        f"{bound.leaks:,} of {bound.units:,} {unit}s of the random part leak: below {_percent(bound.limit)}, "
        f"below {_percent(bound.bound)} with what readers overlook{at_most}"
    )


def _agreement(found: Agreement) -> str:
    table = found.table
    kappa = "-" if found.kappa is None else f"{found.kappa:.2f} ({found.kappa_low:.2f} to {found.kappa_high:.2f})"
    return (
        f"{_number(found.observed)}, kappa {kappa}, positive {_number(found.positive)}, PABAK {_number(found.pabak)}; "
        f"both {table.both:,}, one {table.first_only:,} + {table.second_only:,}, neither {table.neither:,}"
    )


def _share(share: Share) -> str:
    told = "-" if share.value is None else f"{share.value:.1%} ({share.low:.1%} to {share.high:.1%})"
    return f"{share.events:,} of {share.trials:,}, {told}"


def _interval(row: dict[str, float | None]) -> str:
    if row["f1"] is None:
        return "-"
    return f"{row['f1']:.3f} ({row['f1_low']:.3f} to {row['f1_high']:.3f})"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def _percent(value: float) -> str:
    return f"{100 * value:.4g} %"
