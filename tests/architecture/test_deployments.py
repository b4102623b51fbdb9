"""Whether deployments/prefect.yaml names flows that load, with parameters, schedules and limits they accept."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from prefect.client.schemas.objects import ConcurrencyLimitConfig
from prefect.client.schemas.schedules import CronSchedule
from prefect.flows import load_flow_from_entrypoint

from cxr_core.vocabulary import Stage
from flows.build.request import BuildRequest
from flows.deployed import Choices, Decision, Places

ROOT = Path(__file__).resolve().parents[2]
FILE = yaml.safe_load((ROOT / "deployments" / "prefect.yaml").read_text(encoding="utf-8"))
DEPLOYMENTS: dict[str, dict[str, Any]] = {item["name"]: item for item in FILE["deployments"]}


@pytest.mark.parametrize("name", list(DEPLOYMENTS))
def test_every_entrypoint_loads_and_accepts_its_parameters(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    item = DEPLOYMENTS[name]
    flow = load_flow_from_entrypoint(item["entrypoint"])
    # Loaded from its file, the flow brings classes of its own: their names and fields are compared, not they.
    checked = flow.validate_parameters(item["parameters"])
    assert type(checked["places"]).__name__ == "Places"


@pytest.mark.parametrize("name", list(DEPLOYMENTS))
def test_every_schedule_and_limit_is_one_that_prefect_accepts(name: str) -> None:
    item = DEPLOYMENTS[name]
    for schedule in item["schedules"]:
        asked = {key: value for key, value in schedule.items() if key != "active"}
        assert CronSchedule(**asked).timezone == "UTC"
    limit = ConcurrencyLimitConfig(**item["concurrency_limit"])
    assert (limit.limit, limit.collision_strategy.value) == (1, "CANCEL_NEW")


def test_builds_run_nightly_checks_weekly_and_no_clock_publishes() -> None:
    schedules = {name: [one["cron"] for one in item["schedules"]] for name, item in DEPLOYMENTS.items()}
    assert schedules == {
        "nightly": ["0 1 * * *"],
        "acquire": ["0 20 * * *"],
        "publish": [],
        "verify": ["0 6 * * 0"],
    }


def test_only_a_site_that_has_a_pacs_switches_its_acquisition_on() -> None:
    assert [one.get("active", True) for one in DEPLOYMENTS["acquire"]["schedules"]] == [False]


def test_all_deployments_share_one_pool_and_name_their_places() -> None:
    assert {item["work_pool"]["name"] for item in DEPLOYMENTS.values()} == {"hilum"}
    assert {tuple(item["parameters"]["places"]) for item in DEPLOYMENTS.values()} == {tuple(Places.model_fields)}


def test_nothing_is_pulled_from_anywhere() -> None:
    assert [list(step) for step in FILE["pull"]] == [["prefect.deployments.steps.set_working_directory"]]


def test_every_variable_is_told_in_the_how_to() -> None:
    named = set(re.findall(r"\$(\w+)", str(FILE)))
    told = (ROOT / "docs" / "how-to" / "deploy.md").read_text(encoding="utf-8")
    assert {name for name in named if name not in told} == set()


@pytest.mark.parametrize("model", [Places, Choices, Decision])
def test_the_form_explains_every_field(model: type[Places]) -> None:
    assert [name for name, item in model.model_fields.items() if not item.description] == []


def test_a_build_may_end_before_publishing() -> None:
    request = BuildRequest(end=Stage.SPLIT)
    assert [stage for stage in Stage if not request.runs(stage)] == [Stage.PUBLISH]
