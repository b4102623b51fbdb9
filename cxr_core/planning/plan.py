"""Which studies a stage still has to do: an anti-join of what should be against what its ledger says was done.

Takes the wanted fingerprints and the ledger, gives the studies to do with the number of the coming attempt. Running
them is left to the flows.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from cxr_core.vocabulary import Reason

# Reasons that say more of the machine than of the study: worth another try with the same input.
RETRIED = (Reason.E_CRASH, Reason.E_TIMEOUT, Reason.E_OCR)


@dataclass(frozen=True, slots=True)
class Plan:
    """What a stage will do.

    Parameters
    ----------
    todo : frame of study_id, source_fingerprint, attempt
        Studies to run, in the order of their ids.
    reused : int
        Studies that are done and unchanged.
    """

    todo: pl.DataFrame
    reused: int

    def among(self, studies: Sequence[str]) -> "Plan":
        """The part of the plan that speaks of some studies."""
        return Plan(self.todo.filter(pl.col("study_id").is_in(list(studies))), self.reused)


def make_plan(wanted: pl.DataFrame, ledger: pl.DataFrame, stage_fingerprint: str, *, attempts: int) -> Plan:
    """Compare what should be with what was done.

    Parameters
    ----------
    wanted : frame of study_id, source_fingerprint
        Every study that the stage should hold.
    ledger : LEDGER frame
        What was done.
    attempts : int
        Tries of a study whose worker crashed, timed out or could not read.
    """
    again = pl.col("reason").cast(pl.String).is_in([reason.value for reason in RETRIED]) & (
        pl.col("attempts") < attempts
    )
    done = ledger.filter(pl.col("stage_fingerprint") == stage_fingerprint)
    settled = done.filter(~again.fill_null(value=False))
    todo = (
        wanted.join(settled, on=["study_id", "source_fingerprint"], how="anti")
        .join(
            done.select("study_id", "source_fingerprint", "attempts"),
            on=["study_id", "source_fingerprint"],
            how="left",
        )
        .select("study_id", "source_fingerprint", (pl.col("attempts").fill_null(0) + 1).alias("attempt"))
        .sort("study_id")
    )
    return Plan(todo, wanted.height - todo.height)
