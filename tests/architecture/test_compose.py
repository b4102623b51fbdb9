"""Whether docker-compose.yml speaks of settings that the pinned Prefect has, and of exact images."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
# Whatever of ours sets or names one of Prefect's variables.
NAMING = [
    ROOT / "docker-compose.yml",
    *sorted((ROOT / "deployments").glob("*.yaml")),
    ROOT / "deployments" / "Dockerfile",
    *sorted((ROOT / "docs" / "how-to").glob("*.md")),
    ROOT / "flows" / "quiet.py",
    ROOT / "flows" / "automations.py",
]
_ALL_SETTINGS = """
import yaml
from prefect.logging.configuration import DEFAULT_LOGGING_SETTINGS_PATH
from prefect.settings.models.root import Settings
from prefect_redis.client import RedisMessagingSettings


def names(model):
    for name, field in model.model_fields.items():
        if hasattr(field.annotation, "model_fields"):
            yield from names(field.annotation)
            continue
        yield (model.model_config.get("env_prefix", "") + name).upper()
        choices = getattr(field.validation_alias, "choices", ())
        yield from (choice.upper() for choice in choices if isinstance(choice, str))


def keys(tree, above):
    for key, below in tree.items():
        name = f"{above}_{key}".upper()
        yield from keys(below, name) if isinstance(below, dict) else [name.replace(".", "_").replace("-", "_")]


logging = yaml.safe_load(DEFAULT_LOGGING_SETTINGS_PATH.read_text())  # each of its keys has a variable
print(*names(Settings), *names(RedisMessagingSettings), *keys(logging, "PREFECT_LOGGING"))
"""


@pytest.fixture(scope="module")
def known(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """Every environment variable that the pinned Prefect and prefect-redis read."""
    asked = subprocess.run(
        [sys.executable, "-c", _ALL_SETTINGS],
        env={"PREFECT_HOME": str(tmp_path_factory.mktemp("prefect")), "DO_NOT_TRACK": "1", "PATH": ""},
        capture_output=True,
        text=True,
        check=True,
    )
    return set(asked.stdout.split())


@pytest.mark.parametrize("path", NAMING, ids=lambda path: path.name)
def test_every_prefect_variable_is_a_setting_of_the_pinned_prefect(path: Path, known: set[str]) -> None:
    """Prefect says nothing of a variable that it does not know."""
    named = set(re.findall(r"\bPREFECT_[A-Z0-9_]+", path.read_text(encoding="utf-8")))
    assert named - known == set()


def test_it_is_a_compose_file() -> None:
    """Against the schema of the Compose specification, which check-jsonschema brings along."""
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec"]
    checked = subprocess.run([*command, ROOT / "docker-compose.yml"], capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout


def test_an_archive_starts_only_where_it_is_asked_for() -> None:
    services = yaml.safe_load(TEXT)["services"]
    assert {name: item["profiles"] for name, item in services.items() if "profiles" in item} == {"orthanc": ["pacs"]}


def test_server_and_services_are_two_processes_that_meet_in_redis() -> None:
    services = yaml.safe_load(TEXT)["services"]
    assert services["server"]["command"][-1] == "--no-services"
    assert services["services"]["command"] == ["server", "services", "start"]
    assert services["migrate"]["command"] == ["server", "database", "upgrade", "--yes"]
    shared = services["server"]["environment"]
    assert {name for name, value in shared.items() if value.startswith("prefect_redis.")} == {
        "PREFECT_MESSAGING_BROKER",
        "PREFECT_MESSAGING_CACHE",
        "PREFECT_SERVER_EVENTS_CAUSAL_ORDERING",
        "PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE",
    }


def test_no_process_of_it_calls_out() -> None:
    services = yaml.safe_load(TEXT)["services"]
    for name in ("migrate", "server", "services", "deploy", "worker"):
        told = services[name]["environment"]
        assert (told["PREFECT_SERVER_ANALYTICS_ENABLED"], told["DO_NOT_TRACK"]) == ("false", "1")
    assert services["server"]["environment"]["PREFECT_SERVER_UI_V2_ENABLED"] == "false"


def test_every_image_has_an_exact_tag() -> None:
    images = [service["image"] for service in yaml.safe_load(TEXT)["services"].values()]
    assert [image for image in images if not re.search(r":\d+\.\d+", image)] == []


def test_the_image_of_prefect_is_the_version_that_was_tested() -> None:
    tested = re.search(r"^prefect==(\S+)$", (ROOT / "constraints.txt").read_text(encoding="utf-8"), re.MULTILINE)
    assert tested is not None
    assert set(re.findall(r"prefecthq/prefect:([\d.]+)-", TEXT)) == {tested[1]}


def test_no_port_is_open_beyond_this_machine() -> None:
    ports = [port for service in yaml.safe_load(TEXT)["services"].values() for port in service.get("ports", ())]
    assert [port for port in ports if not port.startswith("127.0.0.1:")] == []
