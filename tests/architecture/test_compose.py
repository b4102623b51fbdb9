"""Whether docker-compose.yml speaks of settings that the pinned Prefect has, and of exact images."""

import re
import subprocess
import sys
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
# Settings of prefect-redis, which is part of the server's image and not of our environment.
_OF_THE_IMAGE = "PREFECT_REDIS_MESSAGING_"
_ALL_SETTINGS = """
from prefect.settings.models.root import Settings


def names(model):
    for name, field in model.model_fields.items():
        if hasattr(field.annotation, "model_fields"):
            yield from names(field.annotation)
            continue
        yield (model.model_config.get("env_prefix", "") + name).upper()
        choices = getattr(field.validation_alias, "choices", ())
        yield from (choice.upper() for choice in choices if isinstance(choice, str))


print(*names(Settings))
"""


def test_every_prefect_variable_is_a_setting_of_the_pinned_prefect(tmp_path: Path) -> None:
    known = subprocess.run(
        [sys.executable, "-c", _ALL_SETTINGS],
        env={"PREFECT_HOME": str(tmp_path), "DO_NOT_TRACK": "1", "PATH": ""},
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    named = {name for name in re.findall(r"PREFECT_[A-Z_]+", TEXT) if not name.startswith(_OF_THE_IMAGE)}
    assert named - set(known) == set()


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
