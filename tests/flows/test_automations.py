"""What is declared to the Prefect server; that it does what it says is shown by the tests of the production."""

from typing import Any
from uuid import uuid4

import pytest
from prefect.automations import Posture

from cxr_core.errors import UsageError
from flows.automations import killed_runs, main, trouble_is_told


def test_a_killed_run_has_three_signs_of_life_to_miss() -> None:
    trigger: Any = killed_runs().trigger
    assert (trigger.posture, trigger.within.total_seconds()) == (Posture.Proactive, 90.0)
    assert trigger.after == {"prefect.flow-run.heartbeat"}
    assert killed_runs().actions[0].model_dump()["state"] == "CRASHED"


def test_states_of_our_own_names_are_signs_of_life_too() -> None:
    """CompletedWithQuarantine is told by an event of that name: a list of Prefect's own states would miss it."""
    trigger: Any = killed_runs().trigger
    assert trigger.expect == {"prefect.flow-run.*"}


def test_what_is_told_is_name_state_and_address() -> None:
    action: Any = trouble_is_told(uuid4()).actions[0]
    assert "message" not in action.subject + action.body
    assert "parameters" not in action.subject + action.body


def test_without_a_server_it_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    with pytest.raises(UsageError, match="PREFECT_API_URL is not set"):
        main()
