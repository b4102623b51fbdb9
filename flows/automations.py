"""What the Prefect server does of its own accord: marks killed runs as crashed, tells somebody that a run failed.

Takes the address of a webhook from HILUM_NOTIFY_URL, gives automations that are the same however often this is run:
`python -m flows.automations`, after `prefect deploy`. A run's name and state are told, never more.
"""

import os
import sys
from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Final, cast
from uuid import UUID

import httpx
from prefect.automations import AutomationCore, ChangeFlowRunState, EventTrigger, Posture, SendNotification
from prefect.blocks.notifications import CustomWebhookNotificationBlock
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.objects import StateType

from cxr_core.errors import BuildError, UsageError

PREFIX: Final = "hilum: "
"""Automations under this prefix are ours: what bears it and is not declared here is removed."""
BLOCK: Final = "hilum-failures"
NOTIFY: Final = "HILUM_NOTIFY_URL"
SILENCE_S: Final = 90
"""Three signs of life, which a run gives every 30 s (PREFECT_FLOWS_HEARTBEAT_FREQUENCY); Prefect allows no fewer."""

_RUNS: Final[dict[str, Any]] = {"prefect.resource.id": ["prefect.flow-run.*"]}
_DEPLOYED: Final[dict[str, Any]] = {"prefect.resource.role": "work-pool", "prefect.resource.name": "hilum"}
_TROUBLE: Final = frozenset(f"prefect.flow-run.{state}" for state in ("Failed", "Crashed", "TimedOut", "Late"))


def killed_runs() -> AutomationCore:
    """A run that gave signs of life and went silent is Crashed.

    A process that is killed cannot say so; without this it would be Running for ever, and its deployment, which runs
    once at a time, would never start again. Any event of the run counts as a sign of life: events of final states bear
    the state's name, and ours are not only Prefect's (CompletedWithQuarantine).
    """
    return AutomationCore(
        name=f"{PREFIX}killed runs are crashed",
        description=f"A run without a sign of life for {SILENCE_S} s is marked Crashed; the next run resumes.",
        trigger=EventTrigger(
            after={"prefect.flow-run.heartbeat"},
            expect={"prefect.flow-run.*"},
            match=_RUNS,
            for_each={"prefect.resource.id"},
            posture=Posture.Proactive,
            threshold=1,
            within=timedelta(seconds=SILENCE_S),
        ),
        actions=[
            ChangeFlowRunState(
                state=StateType.CRASHED, message=f"No sign of life for {SILENCE_S} s: its process was killed."
            )
        ],
    )


def trouble_is_told(block: UUID) -> AutomationCore:
    """A deployed run that failed, crashed or did not start goes to a webhook: one message a run, none for sub-flows."""
    return AutomationCore(
        name=f"{PREFIX}trouble is told",
        description="Failed, crashed, timed out, or late: name and state of the run, and where to look.",
        trigger=EventTrigger(
            expect=set(_TROUBLE),
            match=_RUNS,
            match_related=_DEPLOYED,
            for_each={"prefect.resource.id"},
            posture=Posture.Reactive,
            threshold=1,
        ),
        actions=[
            SendNotification(
                block_document_id=block,
                subject="Hilum: {{ flow_run.name }} is {{ flow_run.state.name }}",
                body="Look at {{ flow_run|ui_url }}",
            )
        ],
    )


def apply(declared: Sequence[AutomationCore], client: SyncPrefectClient) -> list[str]:
    """Make the server's automations of our prefix those that are declared: by name, so that nothing doubles.

    Returns
    -------
    list of str
        One line an automation: what was done.
    """
    present = [found for found in client.read_automations() if found.name.startswith(PREFIX)]
    told = []
    for automation in declared:
        same = [found for found in present if found.name == automation.name]
        if same:
            client.update_automation(same[0].id, automation)
        else:
            client.create_automation(automation)
        told.append(f"{'updated' if same else 'created'}  {automation.name}")
    for spare in _spare(declared, [(found.name, found.id) for found in present]):
        client.delete_automation(spare[1])
        told.append(f"removed  {spare[0]}")
    return told


def _spare(declared: Sequence[AutomationCore], present: Sequence[tuple[str, UUID]]) -> list[tuple[str, UUID]]:
    """What is not declared, and every second one of a name."""
    wanted = {automation.name for automation in declared}
    spare = []
    for name, found in present:
        if name not in wanted:
            spare.append((name, found))
        wanted.discard(name)
    return spare


def save_webhook(url: str) -> UUID:
    """Keep the webhook's address in a block of the server.

    The message's form is the one that Mattermost, Rocket.Chat, Slack and their like understand.
    """
    block = CustomWebhookNotificationBlock(name="hilum", url=url, json_data={"text": "{{subject}}. {{body}}"})
    return cast("UUID", block.save(BLOCK, overwrite=True))


def main() -> int:
    """Bring the server's automations up to date."""
    if not os.environ.get("PREFECT_API_URL"):
        raise UsageError("PREFECT_API_URL is not set: name the server's address")
    url = os.environ.get(NOTIFY, "")
    try:
        declared = [killed_runs(), *([trouble_is_told(save_webhook(url))] if url else [])]
        with get_client(sync_client=True) as client:
            told = apply(declared, client)
    except httpx.HTTPStatusError as error:
        code = error.response.status_code
        raise BuildError(f"the server refused with {code}; is PREFECT_API_AUTH_STRING right?") from None
    except httpx.HTTPError:
        raise BuildError("no server answers at PREFECT_API_URL") from None
    for line in told:
        sys.stdout.write(line + "\n")
    if not url:
        sys.stdout.write(f"nobody is told of failures: {NOTIFY} is not set\n")
    return 0


if __name__ == "__main__":
    from flows.cli import run

    sys.exit(run(main))
