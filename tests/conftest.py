"""What every test shares: the data beside the project, small builds made once, hypothesis, and which skips are allowed.

Under HILUM_NO_SKIP=1 (`.ci/run`) a skip that no rule here allows is a failure: a check that silently stopped running is
worse than none.
"""

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import settings

sys.path.insert(0, str(Path(__file__).parent))  # `building` and `canary` are imported by several folders

from building import (
    Build,
    Hospital,
    PrefectServer,
    SharedFolder,
    build_once,
    hospital_once,
    start_prefect,
)

SHARED = Path(__file__).parents[2] / "shared"

settings.register_profile("hilum", deadline=None, max_examples=50)
settings.register_profile("ci", deadline=None, max_examples=50, derandomize=True)
settings.load_profile("ci" if os.environ.get("HILUM_NO_SKIP") else "hilum")

# ---------------------------------------------------------------- skips

# Part of a skip's reason -> whether it may be skipped on this machine. What is installed by `make` has no rule.
ALLOWED_SKIPS: dict[str, Callable[[], bool]] = {
    "pydicom does not open it": lambda: True,  # fuzzed files: pydicom is the reference there
    "no disk can be mounted here": lambda: True,  # containers without that right; `/dev/full` stands in everywhere
    "HILUM_TEST_OFFLINE is not 1": lambda: True,  # minutes and 2 GB: `make offline`
}


def may_skip(item_markers: set[str], reason: str) -> bool:
    """True where a skip is no gap: the data beside the project is absent, or a rule above allows it."""
    if "shared" in item_markers and not SHARED.is_dir():
        return True
    return any(part in reason and is_allowed() for part, is_allowed in ALLOWED_SKIPS.items())


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    report: pytest.TestReport = yield
    if report.skipped and not hasattr(report, "wasxfail"):
        _refuse_skip(report, {marker.name for marker in item.iter_markers()})
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Iterator[None]:
    report: pytest.CollectReport = yield
    if report.skipped:
        _refuse_skip(report, set())
    return report


def _refuse_skip(report: pytest.TestReport | pytest.CollectReport, markers: set[str]) -> None:
    reason = str(report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr)
    if os.environ.get("HILUM_NO_SKIP") == "1" and not may_skip(markers, reason):
        report.outcome = "failed"
        report.longrepr = f"HILUM_NO_SKIP=1 and no rule of tests/conftest.py allows this skip: {reason}"


# ---------------------------------------------------------------- data and builds


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder beside the project; tests that want it carry `@pytest.mark.shared`."""
    if not SHARED.is_dir():
        pytest.skip("../shared is absent")
    return SHARED


@pytest.fixture(scope="session")
def session_folder(tmp_path_factory: pytest.TempPathFactory) -> SharedFolder:
    """One folder for all of xdist's processes, so that what is slow is made once."""
    base = tmp_path_factory.getbasetemp()
    return SharedFolder(base.parent if "PYTEST_XDIST_WORKER" in os.environ else base)


@pytest.fixture(scope="session")
def shared_folder(session_folder: SharedFolder) -> SharedFolder:
    """Where builds lie. HILUM_TEST_BUILDS keeps them from run to run, for whoever works on the tests themselves."""
    kept = os.environ.get("HILUM_TEST_BUILDS")
    return SharedFolder(Path(kept)) if kept else session_folder


@pytest.fixture(scope="session")
def hospital(shared_folder: SharedFolder) -> Hospital:
    """A hospital with one fault of each kind, as a real source: it has a key of its own."""
    return hospital_once(shared_folder, "hospital", patients=12, side_px=400)


@pytest.fixture(scope="session")
def base_build(shared_folder: SharedFolder, hospital: Hospital, starting_server: PrefectServer) -> Build:
    """The build that most tests look at or copy; nothing may change it. Its Prefect starts from nothing.

    The server of the later builds starts beside it, to be ready when they are.
    """
    return build_once(shared_folder, "base", hospital)


@pytest.fixture(scope="session")
def other_build(shared_folder: SharedFolder, hospital: Hospital, base_build: Build) -> Build:
    """The same build another way: one worker, shards, and Prefect telling everything it knows.

    It starts from the base build's Prefect home, because making that database takes as long as the build.
    """
    return build_once(
        shared_folder,
        "other",
        hospital,
        arguments=("--workers", "1", "--granularity", "shard"),
        environment={"PREFECT_LOGGING_LEVEL": "DEBUG"},
        prefect_home_of=base_build,
    )


@pytest.fixture(scope="session")
def starting_server(session_folder: SharedFolder) -> PrefectServer:
    return start_prefect(session_folder)


@pytest.fixture(scope="session")
def prefect_server(starting_server: PrefectServer) -> PrefectServer:
    """A Prefect server for the builds that are not about Prefect: each saves the start of its own."""
    return starting_server.ready()


@pytest.fixture
def rebuild(base_build: Build, prefect_server: PrefectServer, tmp_path: Path) -> Build:
    """A copy of the base build that a test may run again and change."""
    return base_build.copied(tmp_path / "build", server=prefect_server)
