"""Only what is new, changed or worth another try is planned."""

import polars as pl
import pytest

from cxr_core.planning.inputs import WANTED
from cxr_core.planning.plan import make_plan
from cxr_core.tables.catalogue import LEDGER
from cxr_core.vocabulary import Reason

STAGE, OLD_STAGE = "a" * 64, "b" * 64
SOURCE, OLD_SOURCE = "c" * 64, "d" * 64
STUDY = "50000001"


def plan(*, stage: str = STAGE, source: str = SOURCE, reason: str | None = None, attempts: int = 1) -> list[int]:
    """The attempts that are planned for one study with this ledger row."""
    row = {
        "study_id": STUDY,
        "source_fingerprint": source,
        "stage_fingerprint": stage,
        "status": "quarantined" if reason else "ok",
        "reason": reason,
        "attempts": attempts,
        "output_sha256": "0" * 64,
    }
    wanted = pl.DataFrame([(STUDY, SOURCE)], schema=WANTED, orient="row")
    return make_plan(wanted, LEDGER.frame([row]), STAGE, attempts=3).todo["attempt"].to_list()


def test_a_new_study_is_planned() -> None:
    wanted = pl.DataFrame([(STUDY, SOURCE)], schema=WANTED, orient="row")
    made = make_plan(wanted, LEDGER.empty(), STAGE, attempts=3)
    assert made.todo.rows() == [(STUDY, SOURCE, 1)]
    assert made.reused == 0


def test_an_unchanged_study_is_reused() -> None:
    assert plan() == []


def test_a_changed_source_or_a_changed_stage_is_planned_anew() -> None:
    assert plan(source=OLD_SOURCE) == [1]
    assert plan(stage=OLD_STAGE) == [1]


@pytest.mark.parametrize("reason", [Reason.E_CRASH, Reason.E_TIMEOUT, Reason.E_OCR])
def test_a_fault_of_the_machine_is_tried_again_up_to_the_limit(reason: Reason) -> None:
    assert plan(reason=reason.value, attempts=2) == [3]
    assert plan(reason=reason.value, attempts=3) == []


def test_a_fault_of_the_study_waits_for_another_source() -> None:
    assert plan(reason=Reason.E_PIXELS.value) == []
    assert plan(reason=Reason.E_PIXELS.value, source=OLD_SOURCE) == [1]
