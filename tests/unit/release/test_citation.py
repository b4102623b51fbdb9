"""CITATION.cff of a release and of the program: valid under the schema of the Citation File Format 1.2.0, and true."""

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml
from release_factory import make_plan

from cxr_core.release.publication import publish

ROOT = Path(__file__).parents[3]
_CHECK = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.citation-file-format"]


def problems(path: Path) -> str:
    """What the schema says of a file; empty where it is valid. check-jsonschema brings the schema along."""
    checked = subprocess.run([*_CHECK, path], capture_output=True, text=True, check=False)
    return "" if checked.returncode == 0 else checked.stdout + checked.stderr


@pytest.fixture(scope="module")
def released(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("citation")
    published = publish(make_plan(folder / "workspace"), folder / "release", lambda *_: None)
    return published.path / "CITATION.cff"


def test_the_citation_of_a_release_is_valid_and_names_it(released: Path) -> None:
    assert problems(released) == ""
    said = yaml.safe_load(released.read_text())
    assert (said["type"], said["title"], said["version"]) == ("dataset", "cxr 1.0.0", "1.0.0")


def test_the_citation_of_the_program_is_valid_and_has_its_version() -> None:
    assert problems(ROOT / "CITATION.cff") == ""
    said = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert (said["version"], said["license"]) == (project["version"], project["license"])


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("message:", "massage:"),
        ("type: dataset", "type: data"),
        ("- name: The data provider", "- The data provider"),
        ("cff-version: 1.2.0", "cff-version: 1.3.0"),
        ("abstract:", "license-url: LICENSE.txt\nabstract:"),
    ],
)
def test_the_schema_refuses_what_the_format_does_not_know(released: Path, tmp_path: Path, old: str, new: str) -> None:
    text = released.read_text()
    assert old in text
    changed = tmp_path / "CITATION.cff"
    changed.write_text(text.replace(old, new))
    assert problems(changed) != ""
