"""Only what is new, changed or worth another try is planned."""

from typing import Any

import polars as pl
import pytest
from ledgers import ledger_row

from cxr_core.planning.inputs import WANTED
from cxr_core.planning.plan import Cause, Plan, make_plan
from cxr_core.tables.catalogue import LEDGER
from cxr_core.vocabulary import Reason

STAGE, OLD_STAGE = "a" * 64, "b" * 64
SOURCE, OLD_SOURCE = "c" * 64, "d" * 64
STUDY = "50000001"


def made(
    *, stage: str = STAGE, source: str = SOURCE, reason: str | None = None, attempts: int = 1, **more: Any
) -> Plan:
    """The plan for one study with this ledger row."""
    row = ledger_row(STUDY, source=source, stage=stage, attempts=attempts, reason=reason)
    wanted = pl.DataFrame([(STUDY, SOURCE)], schema=WANTED, orient="row")
    return make_plan(wanted, LEDGER.frame([row]), STAGE, attempts=3, **more)


def plan(**row: Any) -> list[int]:
    """The attempts that are planned for it."""
    return made(**row).todo["attempt"].to_list()


def test_a_new_study_is_planned() -> None:
    wanted = pl.DataFrame([(STUDY, SOURCE)], schema=WANTED, orient="row")
    planned = make_plan(wanted, LEDGER.empty(), STAGE, attempts=3)
    assert planned.todo.rows() == [(STUDY, SOURCE, 1, "new")]
    assert planned.reused == 0


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


@pytest.mark.parametrize(
    ("row", "causes"),
    [
        ({}, {}),
        ({"source": OLD_SOURCE}, {Cause.SOURCE: 1}),
        ({"stage": OLD_STAGE}, {Cause.STAGE: 1}),
        ({"source": OLD_SOURCE, "stage": OLD_STAGE}, {Cause.SOURCE: 1}),
        ({"reason": "E_CRASH"}, {Cause.AGAIN: 1}),
        ({"lost": [STUDY]}, {Cause.FILES: 1}),
        ({"asked": [STUDY], "reason": "E_PIXELS"}, {Cause.ASKED: 1}),
        ({"asked": ["50000002"]}, {}),
    ],
)
def test_a_plan_says_why(row: dict[str, Any], causes: dict[Cause, int]) -> None:
    assert made(**row).causes() == causes


def test_what_was_asked_for_has_all_attempts_before_it() -> None:
    assert plan(reason="E_CRASH", attempts=3) == []
    assert plan(reason="E_CRASH", attempts=3, asked=[STUDY]) == [1]
