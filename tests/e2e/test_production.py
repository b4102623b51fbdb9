"""The installation of docker-compose.yml without its containers: deployed, scheduled, killed, resumed, looked at.

PostgreSQL, Redis, server, services and worker run as processes of their own, with that file's settings.
"""

import contextlib
import http.server
import json
import os
import re
import shutil
import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from building import Build, Hospital, tree
from canary import in_bytes, leaks, needles
from production import Production, needs_servers, prefect, production, wait_until

from cxr_core.planning.stages import STAGES
from cxr_core.tables.workspace import Workspace
from cxr_core.vocabulary import Stage

pytestmark = [pytest.mark.e2e, needs_servers()]

_PUBLISHED = {
    "allow_quarantine": True,
    "waive_review": "tests: invented people",
    "waive_attestation": "tests: invented",
}
"""The decisions of `building.WAIVERS`, as the form of the UI hands them over."""
_UNIT = re.compile(r"(deidentify|convert|label)-(\d{8})")
"""Task run of a study; Prefect's own run of a sub-flow ends in a short number."""
_SOURCE = """
[source]
dicom = "{export}/dicom"
reports = ["{export}/ris/ris_export.csv", "{export}/hl7"]
encounters = "{export}/ris/encounters.csv"
merges = "{export}/ris/mrn_merges.csv"
"""


# ---------------------------------------------------------------- the installation


@pytest.fixture(scope="module")
def mailbox() -> Iterator["Mailbox"]:
    """What a hospital's chat server would receive."""
    received = list[str]()

    class Receiver(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            received.append(self.rfile.read(int(self.headers["Content-Length"])).decode())
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Nothing on the terminal."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Receiver) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield Mailbox(f"http://127.0.0.1:{server.server_port}/hook", received)
        server.shutdown()


@dataclass(frozen=True, slots=True)
class Mailbox:
    """Where notifications go."""

    url: str
    received: list[str] = field(repr=False)


@pytest.fixture(scope="module")
def places(clinic: Hospital, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The configuration of a deployed build and its folders."""
    root = tmp_path_factory.mktemp("deployed")
    config = root / "hilum.toml"
    config.write_text(clinic.config.read_text(encoding="utf-8") + _SOURCE.format(export=clinic.export))
    return {"config": str(config), "workspace": str(root / "workspace"), "release": str(root / "release")}


@pytest.fixture(scope="module")
def installed(
    places: dict[str, str], mailbox: Mailbox, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Production]:
    """Server, deployments and automations, as docs/how-to/deploy.md says; no worker yet."""
    with production(tmp_path_factory.mktemp("production")) as made:
        made.client = {
            **made.client,
            "HILUM_HOME": str(Path(__file__).parents[2]),
            "HILUM_NOTIFY_URL": mailbox.url,
            **{f"HILUM_{name.upper()}": place for name, place in places.items()},
        }
        made.run(*prefect("work-pool", "create", "hilum", "--type", "process"))
        made.run(*prefect("deploy", "--all", "--prefect-file", "deployments/prefect.yaml"))
        made.run(made.python, "-m", "flows.automations")
        yield made


# ---------------------------------------------------------------- what happens to it


@dataclass(frozen=True, slots=True)
class History:
    """A night that is killed, the next one, a publication without and one with the decisions that it needs."""

    killed: str
    resumed: str
    refused: str
    published: str
    ends: dict[str, str]
    committed: frozenset[str]
    """Studies whose de-identification stood in the ledger when the first night was killed."""


@pytest.fixture(scope="module")
def history(installed: Production, places: dict[str, str], request: pytest.FixtureRequest) -> History:
    workspace = Path(places["workspace"])
    installed.start_worker()
    killed = installed.start_run("nightly-build/nightly", {"places": places, "choices": {"granularity": "study"}})
    store = STAGES[Stage.DEIDENTIFY].store(Workspace(workspace))
    wait_until(lambda: bool(store.parts()), lambda: installed.log("worker")[-3000:])
    installed.kill("worker")
    committed = frozenset(store.ledger()["study_id"])
    request.getfixturevalue("uninterrupted")  # while the server waits for signs of life
    ends = {killed: installed.ended(killed)}
    installed.start_worker()
    runs = {}
    for name, deployment, parameters in (
        ("resumed", "nightly-build/nightly", {"choices": {"granularity": "study"}}),
        ("refused", "publish-release/publish", {}),
        ("published", "publish-release/publish", {"decision": _PUBLISHED}),
    ):
        runs[name] = installed.start_run(deployment, {"places": places, **parameters})
        ends[runs[name]] = installed.ended(runs[name])
    return History(killed, **runs, ends=ends, committed=committed)


# ---------------------------------------------------------------- schedules and automations


def test_the_clock_has_its_next_runs_and_publishes_nothing(installed: Production) -> None:
    def scheduled() -> dict[str, list[str]]:
        found = dict[str, list[str]]()
        states = {"state": {"type": {"any_": ["SCHEDULED"]}}}
        names = {one["id"]: one["name"] for one in installed.ask("/deployments/filter", {})}
        for run in installed.ask("/flow_runs/filter", {"flow_runs": states, "sort": "EXPECTED_START_TIME_ASC"}):
            if run["auto_scheduled"]:
                found.setdefault(names[run["deployment_id"]], []).append(run["expected_start_time"][11:16])
        return found

    wait_until(lambda: set(scheduled()) == {"nightly", "verify"}, lambda: str(scheduled()))
    assert {name: set(times) for name, times in scheduled().items()} == {"nightly": {"01:00"}, "verify": {"06:00"}}


def test_automations_are_the_same_however_often_they_are_applied(installed: Production) -> None:
    before = _automations(installed)
    assert sorted(before) == ["hilum: killed runs are crashed", "hilum: trouble is told"]
    told = installed.run(installed.python, "-m", "flows.automations").splitlines()
    assert [line.split()[0] for line in told] == ["updated", "updated"]
    assert _automations(installed) == before


def test_automations_that_are_not_declared_any_more_go(installed: Production) -> None:
    url = installed.client["HILUM_NOTIFY_URL"]
    installed.client = {**installed.client, "HILUM_NOTIFY_URL": ""}
    told = installed.run(installed.python, "-m", "flows.automations").splitlines()
    assert told[1:] == [
        "removed  hilum: trouble is told",
        "nobody is told of failures: HILUM_NOTIFY_URL is not set",
    ]
    assert sorted(_automations(installed)) == ["hilum: killed runs are crashed"]
    installed.client = {**installed.client, "HILUM_NOTIFY_URL": url}
    installed.run(installed.python, "-m", "flows.automations")


def _automations(installed: Production) -> dict[str, str]:
    return {found["name"]: found["id"] for found in installed.ask("/automations/filter", {})}


# ---------------------------------------------------------------- the kill and the next night


def test_a_killed_run_is_marked_crashed_with_all_of_its_parts(installed: Production, history: History) -> None:
    assert history.ends[history.killed] == "Crashed"
    message = installed.ask(f"/flow_runs/{history.killed}")["state"]["message"]
    assert message == "No sign of life for 90 s: its process was killed."
    still = {"state": {"type": {"any_": ["RUNNING", "PENDING"]}}}
    assert installed.ask("/flow_runs/filter", {"flow_runs": still}) == []


def test_the_next_night_resumes_and_shows_what_waits(installed: Production, history: History) -> None:
    assert history.ends[history.resumed] == "CompletedWithQuarantine"
    message = installed.ask(f"/flow_runs/{history.resumed}")["state"]["message"]
    assert re.fullmatch(r"\d+ items wait for a person: cxr quarantine list", message)


def test_it_did_not_repeat_what_was_committed(installed: Production, history: History, uninterrupted: Build) -> None:
    assert uninterrupted.result is not None
    done = uninterrupted.result.json["stages"]["deidentify"]["done"]
    units = [_UNIT.fullmatch(name) for name in _task_runs(installed)]
    ran = Counter(unit[2] for unit in units if unit and unit[1] == "deidentify")
    assert len(ran) >= done
    assert history.committed
    assert {study for study, times in ran.items() if times > 1}.isdisjoint(history.committed)
    assert max(ran.values()) <= 2  # what was in a worker's hands, or waited for its commit


def test_the_killed_and_resumed_build_publishes_the_same_bytes(
    history: History, uninterrupted: Build, places: dict[str, str]
) -> None:
    assert history.ends[history.published] == "CompletedWithQuarantine"
    assert tree(Path(places["release"])) == tree(uninterrupted.release)
    assert tree(Path(places["workspace"]) / "jpeg") == tree(uninterrupted.workspace / "jpeg")


# ---------------------------------------------------------------- the gate


def test_a_refusal_names_gate_and_remedy(installed: Production, history: History) -> None:
    assert history.ends[history.refused] == "Failed"
    message = installed.ask(f"/flow_runs/{history.refused}")["state"]["message"]
    assert "GateRefused: gate quarantine" in message or "GateRefused: gate review" in message


def test_trouble_is_told_once_a_run_and_by_name_only(installed: Production, history: History, mailbox: Mailbox) -> None:
    def told_of_ends() -> list[str]:
        texts = [json.loads(text)["text"] for text in mailbox.received]
        return [text for text in texts if " is Late." not in text]  # on a busy machine a worker may be

    wait_until(lambda: len(told_of_ends()) >= 2, lambda: str(mailbox.received))
    link = re.escape(installed.url.removesuffix("/api")) + "/runs/flow-run/"
    told = told_of_ends()
    assert len(told) == 2, told
    assert re.fullmatch(rf"Hilum: nightly build is Crashed\. Look at {link}{history.killed}", told[0])
    assert re.fullmatch(rf"Hilum: publish release is Failed\. Look at {link}{history.refused}", told[1])


# ---------------------------------------------------------------- nobody is named


def test_the_server_knows_nobody(installed: Production, history: History, clinic: Hospital) -> None:
    """Parameters, names, states, logs, events, artifacts: everything in PostgreSQL, and what all processes printed."""
    wanted = needles(clinic)
    assert len(wanted) > 200
    dump = installed.dump()
    assert b"nightly build" in dump
    assert _studies_of(installed, "deidentify")  # the search below looks where task names are
    assert in_bytes(dump, wanted) == []
    assert leaks(installed.root, wanted, without=()) == []


def test_task_runs_bear_pseudonyms(installed: Production, history: History, places: dict[str, str]) -> None:
    pseudonyms = pl.read_parquet(Path(places["workspace"]) / "vault" / "pseudonyms.parquet")
    studies = set(pseudonyms.filter(pl.col("kind") == "study")["pseudonym"])
    for stage in ("deidentify", "convert", "label"):
        assert _studies_of(installed, stage)
        assert _studies_of(installed, stage) <= studies


def _task_runs(installed: Production) -> list[str]:
    names, offset = list[str](), 0
    while page := installed.ask("/task_runs/filter", {"limit": 200, "offset": offset}):
        names += [run["name"] for run in page]
        offset += len(page)
    return names


def _studies_of(installed: Production, stage: str) -> set[str]:
    units = [_UNIT.fullmatch(name) for name in _task_runs(installed)]
    return {unit[2] for unit in units if unit and unit[1] == stage}


# ---------------------------------------------------------------- the screen


class Screen:
    """The UI, logged in; every address that it asks for is noted.

    With HILUM_PICTURES naming a folder, what the tests look at is kept there: the pictures of docs/how-to/operate.md.
    """

    def __init__(self, page: Any, installed: Production, root: str) -> None:
        self.page, self.base, self.asked = page, installed.url.removesuffix("/api"), set[str]()
        self._folder = os.environ.get("HILUM_PICTURES")
        page.on("request", lambda request: self.asked.add(request.url.split("/")[2]))
        if self._folder:  # the pictures show the places of the how-to, not those of this session
            page.route(f"{installed.url}/**", lambda route: _answer_with(route, root))
        page.goto(self.base)
        page.locator("input").first.fill(installed.client["PREFECT_API_AUTH_STRING"])
        page.keyboard.press("Enter")
        page.wait_for_url("**/dashboard*")

    def open(self, path: str, *awaited: str) -> None:
        """Go somewhere and wait until some texts stand there."""
        self.page.goto(f"{self.base}/{path}")
        for text in awaited:
            self.page.get_by_text(text).first.wait_for()

    def keep(self, name: str, *, height: int) -> None:
        if self._folder:
            self.page.set_viewport_size({"width": 1180, "height": height})
            self.page.wait_for_timeout(1500)
            self.page.screenshot(path=Path(self._folder) / f"{name}.png")


def _answer_with(route: Any, root: str) -> None:
    from playwright.sync_api import Error

    with contextlib.suppress(Error):  # the page was left before the answer came
        answer = route.fetch()
        route.fulfill(response=answer, body=answer.text().replace(root, "/data"))


@pytest.fixture
def screen(installed: Production, history: History, places: dict[str, str]) -> Iterator[Screen]:
    from playwright.sync_api import sync_playwright

    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("chromium is not installed")
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1180, "height": 1000}, color_scheme="light")
        page.set_default_timeout(120_000)
        yield Screen(page, installed, str(Path(places["config"]).parent))
        browser.close()


def test_the_screen_asks_nobody_but_the_server(screen: Screen, installed: Production) -> None:
    for path in ("dashboard", "runs", "deployments", "automations"):
        screen.open(path, "Switch to V2 UI")
        screen.page.wait_for_timeout(2000)
    assert screen.asked == {installed.url.split("/")[2]}


def test_the_form_of_a_build_offers_choices(screen: Screen, installed: Production) -> None:
    known = installed.ask("/deployments/name/nightly-build/nightly")["id"]
    screen.open(f"deployments/deployment/{known}/run", "One task run a study, or one a shard of studies")
    screen.keep("prefect-form", height=1400)
    shown = screen.page.inner_text("body")
    titles = ("Config", "Workspace", "Release", "Start (Optional)", "Granularity (Optional)", "Limit (Optional)")
    order = [shown.index(f"\n{title}") for title in titles]
    assert order == sorted(order)
    assert "auto" in shown  # a choice with its default; what can be chosen is asserted of the form's schema


def test_a_study_is_a_bar_that_bears_its_pseudonym(screen: Screen, installed: Production) -> None:
    runs = installed.ask("/flow_runs/filter", {"flow_runs": {"name": {"any_": ["deidentify"]}}})
    largest = max(runs, key=lambda run: (run["state"]["type"] == "COMPLETED", run["total_run_time"]))
    screen.open(f"runs/flow-run/{largest['id']}", "Task Runs")
    screen.keep("prefect-run", height=700)
    screen.page.get_by_text("Task Runs", exact=True).first.click()
    screen.page.get_by_text(re.compile(r"^deidentify-\d{8}$")).first.wait_for()


def test_the_page_of_a_build_says_how_it_went_and_what_to_do(
    screen: Screen, installed: Production, history: History
) -> None:
    newest = {one["key"]: one["latest_id"] for one in installed.ask("/artifacts/latest/filter", {})}
    told, progress = ("build", "left-out", "funnel", "table-2", "table-4"), ("deidentify", "convert", "label")
    assert set(newest) == {f"hilum-{name}" for name in (*told, *progress)}
    screen.open(f"artifacts/artifact/{newest['hilum-build']}", "Published cxr-1.0.0", "cxr-1.0.0/report.html")
    screen.open(f"artifacts/artifact/{newest['hilum-left-out']}", "Quarantined", "Policy")
    screen.keep("prefect-left-out", height=760)
    nightly = installed.ask("/artifacts/filter", {"artifacts": {"key": {"any_": ["hilum-build"]}}})
    before = min(nightly, key=lambda one: one["created"])
    screen.open(f"artifacts/artifact/{before['id']}", "to publish, start the deployment")
    screen.keep("prefect-build", height=760)
