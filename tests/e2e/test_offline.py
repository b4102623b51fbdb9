"""Whether Hilum can be carried over: gathered with a network, installed and run without one.

The small wheelhouse, without torch: the whole of it is gigabytes. It takes minutes all the same and 2 GB of disk, so it
runs where it is asked for: HILUM_TEST_OFFLINE=1 (`make offline`).
"""

import importlib.util
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
from building import ROOT, Result, environment

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.slow,
    pytest.mark.skipif(os.environ.get("HILUM_TEST_OFFLINE") != "1", reason="HILUM_TEST_OFFLINE is not 1"),
]
_READER = ("--set", 'deidentify.readers=["rapidocr"]')


def _without_network(*command: str, home: Path, more: dict[str, str] | None = None) -> Result:
    """Run where there is nothing but loopback: a network namespace of its own."""
    inside = ["unshare", "--net", "sh", "-c", 'ip link set lo up && exec "$@"', "sh", *command]
    told = {**environment(home, more or {}), "PATH": f"{home.parent / 'venv' / 'bin'}:{os.environ['PATH']}"}
    done = subprocess.run(inside, cwd=home.parent, env=told, stdin=subprocess.DEVNULL, capture_output=True, check=False)
    return Result(done.returncode, done.stdout.decode(), done.stderr.decode())


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder that is removed at once, not with the third session from now: it holds 2 GB."""
    folder = tmp_path_factory.mktemp("offline")
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def house(root: Path) -> Path:
    subprocess.run([sys.executable, ROOT / "scripts" / "wheelhouse.py", "-o", root / "house", "--extras"], check=True)
    return root / "house"


@pytest.fixture(scope="module")
def installed(root: Path, house: Path) -> Path:
    if _without_network("true", home=root / "home").code != 0:
        pytest.skip("no network namespace may be made here")
    script = str(ROOT / "scripts" / "install_offline.sh")
    more = {"PYTHON": sys.executable}
    done = _without_network("sh", script, str(house), str(root / "venv"), home=root / "home", more=more)
    assert done.code == 0, done.err
    assert done.out.splitlines()[-1].startswith("hilum ")
    return root / "venv" / "bin"


def test_there_is_no_way_out(installed: Path, root: Path) -> None:
    """Without this the other tests would pass on a machine that still has one."""
    asked = _without_network(str(installed / "pip"), "download", "--isolated", "six", home=root / "home")
    assert asked.code != 0


def test_the_bill_names_every_wheel_with_its_hash_and_licence(house: Path) -> None:
    bill = json.loads((house / "sbom.cdx.json").read_text(encoding="utf-8"))
    parts = {part["name"]: part for part in bill["components"]}
    lines = (house / "requirements.txt").read_text(encoding="utf-8").splitlines()
    assert (bill["bomFormat"], bill["metadata"]["component"]["name"]) == ("CycloneDX", "hilum")
    assert set(parts) == {line.partition("==")[0] for line in lines}
    assert len(list(house.glob("*.whl"))) == len(lines) > 100
    hashes = {part["externalReferences"][0]["hashes"][0]["content"] for part in parts.values()}
    assert hashes == {line.rpartition(":")[2] for line in lines}
    silent = {name for name, part in parts.items() if not part.get("licenses")}
    assert silent <= {"dataframely"}  # its wheel states none; docs/dependencies.md does
    assert not {"torch", "easyocr"} & set(parts)


def test_a_wheel_that_was_changed_on_the_way_is_refused(installed: Path, house: Path, root: Path) -> None:
    other = shutil.copytree(house, root / "other")
    wheel = next(other.glob("six-*.whl"))
    wheel.write_bytes(wheel.read_bytes() + b"\0")
    script = str(ROOT / "scripts" / "install_offline.sh")
    refused = _without_network("sh", script, str(other), str(root / "venv2"), home=root / "home")
    shutil.rmtree(other)
    assert refused.code != 0
    assert "HASH" in refused.err.upper()


def test_the_doctor_knows_what_is_there_and_what_is_not(installed: Path, root: Path) -> None:
    assert _without_network(str(installed / "cxr"), "key", "new", str(root / "key"), home=root / "home").code == 0
    more = {"HILUM_KEY_FILE": str(root / "key")}
    told = _without_network(str(installed / "cxr"), "doctor", home=root / "home", more=more)
    lines = {line.split()[1]: line.split()[0] for line in told.out.splitlines()}
    assert (lines["key"], lines["rapidocr"], lines["easyocr"]) == ("ok", "ok", "look")
    assert told.err == ""


def test_a_build_runs_and_says_nothing_that_is_not_ours(installed: Path, root: Path) -> None:
    places = ("--workspace", str(root / "workspace"), "--release", str(root / "release"))
    limits = ("--limit", "5", "--waive", "review=tests: invented people", *_READER)
    command = (str(installed / "python"), "-I", "-m", "flows.build", *places, *limits, "--json")
    first = _without_network(*command, home=root / "home")
    second = _without_network(*command, home=root / "home")
    assert (first.code, first.err) == (0, "")
    assert (second.code, second.err) == (0, "")
    assert first.json["counts"]["studies"] > 0
    assert second.json["unchanged"] is True
    assert (Path(first.json["release"]) / "report.html").is_file()


def test_two_wheels_of_a_name_are_refused(tmp_path: Path) -> None:
    script = _script()
    wheels = [script.Wheel(tmp_path / f"{version}.whl", "six", version, None) for version in ("1.0", "2.0")]
    with pytest.raises(SystemExit, match="more than one wheel of six"):
        script.write_requirements(wheels, tmp_path)


def _script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("wheelhouse", ROOT / "scripts" / "wheelhouse.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["wheelhouse"] = module
    spec.loader.exec_module(module)
    return module
