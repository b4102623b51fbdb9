"""Whether deployments/prefect.yaml names flows that load, with parameters, schedules and limits they accept."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jsonschema
import prefect
import pytest
import yaml
from prefect.client.schemas.objects import ConcurrencyLimitConfig
from prefect.client.schemas.schedules import CronSchedule
from prefect.flows import load_flow_from_entrypoint
from prefect.utilities.callables import parameter_schema

from cxr_core.release.gates import WAIVABLE
from cxr_core.settings import load_config
from cxr_core.settings.build import BuildConfig
from cxr_core.settings.run import Granularity
from cxr_core.vocabulary import Stage
from flows.build.request import BuildRequest
from flows.deployed import Choices, Decision, Places, nightly_build, publish_release

ROOT = Path(__file__).resolve().parents[2]
FILE = yaml.safe_load((ROOT / "deployments" / "prefect.yaml").read_text(encoding="utf-8"))
DOCKER = yaml.safe_load((ROOT / "deployments" / "prefect-docker.yaml").read_text(encoding="utf-8"))
DEPLOYMENTS: dict[str, dict[str, Any]] = {item["name"]: item for item in FILE["deployments"]}


@pytest.mark.parametrize("name", list(DEPLOYMENTS))
def test_every_entrypoint_loads_and_accepts_its_parameters(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    item = DEPLOYMENTS[name]
    flow = load_flow_from_entrypoint(item["entrypoint"], use_placeholder_flow=False)
    assert isinstance(flow.validate_parameters(item["parameters"])["places"], Places)


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
    named = set(re.findall(r"\$(\w+)", str([FILE, DOCKER])))
    told = (ROOT / "docs" / "how-to" / "deploy.md").read_text(encoding="utf-8")
    assert {name for name in named if name not in told} == set()


@pytest.mark.parametrize("model", [Places, Choices, Decision])
def test_the_form_explains_every_field(model: type[Places]) -> None:
    assert [name for name, item in model.model_fields.items() if not item.description] == []


def test_a_build_may_end_before_publishing() -> None:
    request = BuildRequest(end=Stage.SPLIT)
    assert [stage for stage in Stage if not request.runs(stage)] == [Stage.PUBLISH]


# ---------------------------------------------------------------- the form of the UI


def _fields(flow: Any, model: str) -> dict[str, Any]:
    """Properties of a model in the schema from which the UI draws its form."""
    schema = parameter_schema(flow).model_dump_for_openapi()
    properties: dict[str, Any] = schema["definitions"][model]["properties"]
    return properties


def _choices(field: Mapping[str, Any], flow: Any) -> list[str]:
    reference = field.get("$ref") or field["allOf"][0]["$ref"]
    values: list[str] = parameter_schema(flow).model_dump_for_openapi()["definitions"][reference.split("/")[-1]]["enum"]
    return values


def test_enums_become_selects() -> None:
    fields = _fields(nightly_build, "Choices")
    assert _choices(fields["start"], nightly_build) == [stage.value for stage in Stage]
    assert _choices(fields["granularity"], nightly_build) == [choice.value for choice in Granularity]


@pytest.mark.parametrize(
    ("flow", "model"), [(nightly_build, "Places"), (nightly_build, "Choices"), (publish_release, "Decision")]
)
def test_fields_stand_in_our_order_and_are_no_choice_of_types(flow: Any, model: str) -> None:
    """`X | None` would be drawn as a switch between types, which nobody understands."""
    fields = _fields(flow, model)
    assert [field["position"] for field in fields.values()] == list(range(len(fields)))
    assert [name for name, field in fields.items() if "anyOf" in field] == []


def test_every_gate_that_may_be_waived_has_a_field() -> None:
    decision = Decision(waive_review="a: b", waive_counts="c: d", waive_attestation="e: f")
    assert decision.waivers == {"review": "a: b", "counts": "c: d", "attestation": "e: f"}
    assert set(decision.waivers) == {gate.value for gate in WAIVABLE}
    assert Decision(waive_review="  ").waivers == {}


# ---------------------------------------------------------------- the docker work pool


def test_both_files_deploy_the_same() -> None:
    def without_places(file: Mapping[str, Any]) -> list[dict[str, Any]]:
        return [
            {key: item[key] for key in item if key not in ("parameters", "work_pool")} for item in file["deployments"]
        ]

    assert without_places(DOCKER) == without_places(FILE)


def test_the_docker_pool_is_told_nothing_that_its_worker_does_not_know() -> None:
    """Checked against the template that Prefect's server keeps for docker work pools."""
    registry = (
        Path(prefect.__file__).parent
        / "server"
        / "api"
        / "collections_data"
        / "views"
        / "aggregate-worker-metadata.json"
    )
    template = json.loads(registry.read_text(encoding="utf-8"))["prefect-docker"]["docker"]
    variables = template["default_base_job_configuration"]["variables"]
    for item in DOCKER["deployments"]:
        jsonschema.validate(item["work_pool"]["job_variables"], variables)
        assert set(item["work_pool"]["job_variables"]) <= set(variables["properties"])
        assert item["work_pool"]["job_variables"]["image_pull_policy"] == "Never"


# ---------------------------------------------------------------- configurations


@pytest.mark.parametrize("name", ["ci", "full"])
def test_every_configuration_that_is_handed_out_loads(name: str) -> None:
    config = load_config(ROOT / "deployments" / "configs" / f"{name}.toml")
    assert config.source.dicom == Path("/source/dicom")
    assert config.vault.key_file is None  # the worker has HILUM_KEY_FILE


def test_the_full_one_keeps_what_protects_at_its_default() -> None:
    full, default = load_config(ROOT / "deployments" / "configs" / "full.toml"), BuildConfig()
    assert full.deidentify == default.deidentify
    assert full.run.max_quarantined_share == default.run.max_quarantined_share
    assert full.release.test == default.release.test
