"""Which studies a stage still has to do, and why: what should be against what its ledger says was done.

Takes the wanted fingerprints and the ledger, gives the studies to do with the number of the coming attempt and the
cause. Running them is left to the flows.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

import polars as pl

from cxr_core.vocabulary import Reason

# Reasons that say more of the machine than of the study: worth another try with the same input.
RETRIED = (Reason.E_CRASH, Reason.E_TIMEOUT, Reason.E_OCR)

# What `make_plan` needs of a ledger.
LEDGER_COLUMNS = ("study_id", "source_fingerprint", "stage_fingerprint", "status", "reason", "attempts")


class Cause(StrEnum):
    """Why a study is planned; where several hold, the first."""

    NEW = "new"
    ASKED = "asked for"
    SOURCE = "input changed"
    STAGE = "way of doing it changed"
    AGAIN = "another try"
    FILES = "files are gone"


@dataclass(frozen=True, slots=True)
class Plan:
    """What a stage will do.

    Parameters
    ----------
    todo : frame of study_id, source_fingerprint, attempt, cause
        Studies to run, in the order of their ids.
    reused : int
        Studies that are done and unchanged.
    """

    todo: pl.DataFrame
    reused: int

    def among(self, studies: Sequence[str]) -> "Plan":
        """The part of the plan that speaks of some studies."""
        return Plan(self.todo.filter(_in("study_id", studies)), self.reused)

    def causes(self) -> dict[Cause, int]:
        """How many studies are planned for each cause, in the order of the causes."""
        counts = dict(self.todo.group_by("cause").len().iter_rows())
        return {cause: counts[cause.value] for cause in Cause if cause.value in counts}


NO_STUDIES = pl.DataFrame(
    schema={"study_id": pl.String, "source_fingerprint": pl.String, "attempt": pl.Int64, "cause": pl.String}
)
"""Of a plan without anything to do."""


def make_plan(
    wanted: pl.DataFrame,
    ledger: pl.DataFrame,
    stage_fingerprint: str,
    *,
    attempts: int,
    asked: Iterable[str] = (),
    lost: Iterable[str] = (),
) -> Plan:
    """Compare what should be with what was done.

    Parameters
    ----------
    wanted : frame of study_id, source_fingerprint
        Every study that the stage should hold.
    ledger : LEDGER frame
        What was done: at most one row a study.
    attempts : int
        Tries of a study whose worker crashed, timed out or could not read.
    asked : studies
        To be done whatever the ledger says, with all attempts before them.
    lost : studies
        Whose files are needed and gone, whatever the ledger says.
    """
    done = ledger.select(
        "study_id",
        pl.col("source_fingerprint").alias("done_from"),
        pl.col("stage_fingerprint").alias("done_by"),
        pl.col("reason").cast(pl.String),
        "attempts",
    )
    is_again = pl.col("reason").is_in([reason.value for reason in RETRIED]) & (pl.col("attempts") < attempts)
    cause = (
        pl.when(pl.col("done_from").is_null())
        .then(pl.lit(Cause.NEW.value))
        .when(_in("study_id", asked))
        .then(pl.lit(Cause.ASKED.value))
        .when(pl.col("done_from") != pl.col("source_fingerprint"))
        .then(pl.lit(Cause.SOURCE.value))
        .when(pl.col("done_by") != stage_fingerprint)
        .then(pl.lit(Cause.STAGE.value))
        .when(is_again)
        .then(pl.lit(Cause.AGAIN.value))
        .when(_in("study_id", lost))
        .then(pl.lit(Cause.FILES.value))
    )
    attempt = pl.when(pl.col("cause") == Cause.AGAIN.value).then(pl.col("attempts") + 1).otherwise(pl.lit(1))
    todo = (
        wanted.join(done, on="study_id", how="left")
        .with_columns(cause=cause)
        .filter(pl.col("cause").is_not_null())
        .select("study_id", "source_fingerprint", attempt.cast(pl.Int64).alias("attempt"), "cause")
        .sort("study_id")
    )
    return Plan(todo, wanted.height - todo.height)


def _in(column: str, values: Iterable[str]) -> pl.Expr:
    return pl.col(column).is_in(pl.Series(values=list(values), dtype=pl.String).implode())
