"""Decides how the way from the source to the release is counted: one row a step, with what fell out and why.

Takes the catalog and the drop table and gives aggregates only, fit for the release page.
Whether the numbers add up is left to `balance`.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import polars as pl

from cxr_core.accounting.quarantine import waiting
from cxr_core.tables.catalogue import ACCEPTED
from cxr_core.vocabulary import ItemKind, Reason, Stage

FUNNEL_SCHEMA = pl.Schema(
    {
        "unit": pl.String,  # image, study or report
        "stage": pl.String,  # null for the first and the last row of a unit
        "reason": pl.String,  # null for the first and the last row of a unit
        "dropped": pl.Int64,
        "remaining": pl.Int64,
    }
)
_STAGES = [stage.value for stage in Stage]
_REASONS = [reason.value for reason in Reason]


@dataclass(frozen=True, slots=True)
class QuarantineShare:
    """How many studies of the cohort wait for a person."""

    quarantined: int
    in_cohort: int
    reasons: tuple[tuple[str, int], ...] = ()
    """Reason and number of studies; one with two reasons counts under both."""

    @property
    def share(self) -> float:
        """Quarantined studies over studies in the cohort; 0 for an empty cohort."""
        return self.quarantined / self.in_cohort if self.in_cohort else 0.0


def funnel(instances: pl.DataFrame, reports: pl.DataFrame, drops: pl.DataFrame) -> pl.DataFrame:
    """Count what each stage dropped, for images, studies and reports.

    Parameters
    ----------
    instances, reports : INSTANCES and REPORTS frames
    drops : DROPS frame
        Of all stages.

    Returns
    -------
    frame of `FUNNEL_SCHEMA`
        Per unit: a row for the start, one for each stage and reason in the order of the flow, and one for the end.
        Holds counts only.
    """
    studies = instances["study_instance_uid"].drop_nulls().n_unique()
    units = (
        ("image", instances.height, (ItemKind.FILE, ItemKind.INSTANCE)),
        ("study", studies, (ItemKind.STUDY,)),
        ("report", reports.height, (ItemKind.REPORT,)),
    )
    rows = [row for unit, start, kinds in units for row in _steps(unit, start, drops, kinds)]
    return pl.DataFrame(rows, schema=FUNNEL_SCHEMA, orient="row")


_Row = tuple[str, str | None, str | None, int, int]


def _steps(unit: str, start: int, drops: pl.DataFrame, kinds: tuple[ItemKind, ...]) -> Iterator[_Row]:
    yield unit, None, None, 0, start
    names = [kind.value for kind in kinds]
    counts = (
        drops.with_columns(pl.col("kind", "stage", "reason").cast(pl.String))
        .filter(pl.col("kind").is_in(names))
        .group_by("stage", "reason")
        .len()
        .rows()
    )
    remaining = start
    for stage, reason, dropped in sorted(counts, key=lambda row: (_STAGES.index(row[0]), _REASONS.index(row[1]))):
        remaining -= dropped
        yield unit, stage, reason, dropped, remaining
    yield unit, None, None, 0, remaining


def quarantined_share(
    studies: pl.DataFrame, drops: pl.DataFrame, accepted: pl.DataFrame | None = None
) -> QuarantineShare:
    """Studies with a quarantine code over studies in the cohort.

    A study is in the cohort if linkage kept it or if only a quarantine code stands against it; it counts as quarantined
    if it was lost to a quarantine code, or if no image of it survived, and nobody accepted that.

    Parameters
    ----------
    studies : STUDIES frame
    drops : DROPS frame
        Of all stages.
    accepted : ACCEPTED frame, optional
        What people accepted as dropped.
    """
    nothing = ACCEPTED.empty()
    lost, still = (_studies(waiting(drops, some)) for some in (nothing, nothing if accepted is None else accepted))
    reasons = still.group_by(pl.col("reason").cast(pl.String)).agg(pl.col("original").n_unique()).sort("reason").rows()
    in_cohort = pl.concat([studies["study_instance_uid"], lost["original"]]).n_unique()
    return QuarantineShare(still["original"].n_unique(), in_cohort, tuple(reasons))


def _studies(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.filter(pl.col("kind").cast(pl.String) == ItemKind.STUDY.value)
