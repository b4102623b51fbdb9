"""What a whole build costs where nothing changed: every step of the flow, by the clock, in CPU seconds and in memory.

Makes a hospital of the paper's size that is built already (`whole_hospital`), lets one build go over it that finds
nothing to do for any study, and measures the next one: `build` as `cxr build` runs it, in a process of its own, with
Prefect and its temporary server.

python benchmarks/unchanged.py --dir /scratch/hospital           (227,943 studies; 8 GB, kept for another run)
python benchmarks/unchanged.py --studies 20000                   (in a folder that goes again)
"""

import argparse
import functools
import json
import resource
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from whole_hospital import write_ledgers, write_sources, write_stages

from cxr_core.settings.build import BuildConfig
from cxr_core.settings.run import RunSettings
from cxr_core.tables.workspace import Workspace
from cxr_core.vault.key import load_key

_SETTLED_S = 3  # a catalog trusts no file of its own moment
_WAIVERS = {"review": "benchmark: no picture", "attestation": "benchmark: nobody's data"}
_NOTE = """Steps are those of the flow's process; `start` is what comes before the flow: imports and Prefect's temporary
server, whose own CPU seconds are in `processes`. task runs: those of studies and shards, of all."""


# ---------------------------------------------------------------- the hospital


def _config(root: Path, studies: int) -> BuildConfig:
    key = root / "key"
    if not key.exists():
        root.mkdir(parents=True, exist_ok=True)
        key.write_text("ab" * 32)
        key.chmod(0o600)
    config = BuildConfig(source=write_sources(root / "export", studies), run=RunSettings(workers=1))
    return config.model_copy(update={"vault": config.vault.model_copy(update={"key_file": key})})


def prepare(root: Path, studies: int) -> None:
    """Everything up to the release; what is there already stays."""
    config, workspace = _config(root, studies), Workspace(root / "workspace")
    if not (root / "built").exists():
        _register(workspace, config)
        write_stages(workspace, config)
        (root / "built").touch()
    write_ledgers(workspace, config)  # the code may have changed since
    from flows.temporary_server import begin_local_run

    begin_local_run(root / "workspace")()
    import tasks.publish
    from cxr_core.release import publication

    tasks.publish._Gates.check = lambda *_: None  # type: ignore[method-assign]  # noqa: SLF001  pictures of nothing
    publication.sync = lambda _: None  # 300,000 folders, none of which must outlive a power cut
    steps = _flow_steps()
    _build(root, config)
    steps.show()


def _register(workspace: Workspace, config: BuildConfig) -> None:
    """The stages before the airlock."""
    from tasks.catalog import catalog_sources
    from tasks.link import link_studies
    from tasks.register import register_studies

    workspace.create()
    time.sleep(_SETTLED_S)
    steps, key = _Steps(), load_key(config.vault.key_file)
    steps.timed("catalog_sources", catalog_sources.fn)(workspace, config.source, lambda _: None)
    steps.timed("link_studies", link_studies.fn)(workspace, config)
    steps.timed("register_studies", register_studies.fn)(workspace, config, key)
    steps.show()


def _build(root: Path, config: BuildConfig, **limits: Any) -> Any:
    from flows.build.flow import build
    from flows.build.request import BuildRequest

    request = BuildRequest(
        config=config,
        workspace=root / "workspace",
        release=root / "release",
        waivers=_WAIVERS,
        quiet=True,
        **limits,
    )
    return build(request)


# ---------------------------------------------------------------- the measured build


class _Steps:
    """Seconds of each step of the flow."""

    def __init__(self) -> None:
        self.rows: dict[str, tuple[float, float, float]] = {}

    def timed(self, name: str, work: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(work)
        def run(*given: Any, **named: Any) -> Any:
            wall, cpu = time.perf_counter(), time.process_time()
            try:
                return work(*given, **named)
            finally:
                before = self.rows.get(name, (0.0, 0.0, 0.0))
                spent = (before[0] + time.perf_counter() - wall, before[1] + time.process_time() - cpu)
                self.rows[name] = (*spent, _peak_mb())

        return run

    def show(self) -> None:
        """The table."""
        print(f"{'step':<22}{'wall s':>9}{'CPU s':>9}{'peak MB':>9}")
        for name, (wall_s, cpu_s, peak_mb) in self.rows.items():
            print(f"{name:<22}{wall_s:>9.2f}{cpu_s:>9.2f}{peak_mb:>9.0f}", flush=True)


def _flow_steps() -> _Steps:
    """Times what the flow calls, from now on."""
    from flows.build import flow

    steps = _Steps()
    stages = ("catalog_sources", "link_studies", "register_studies", "split_subjects", "close_books", "publish_release")
    for name in (*stages, "write_artifacts", "write_summary", "write_page", "record"):
        setattr(flow, name, steps.timed(name, getattr(flow, name)))
    for name in ("plan", "begin", "discard_rest", "compact"):
        setattr(flow.Planner, name, steps.timed(f"planner: {name}", getattr(flow.Planner, name)))
    return steps


def measure(root: Path, studies: int) -> dict[str, Any]:
    """One build in this process, step by step."""
    began, config = time.perf_counter(), _config(root, studies)
    from flows.temporary_server import begin_local_run

    ready = begin_local_run(root / "workspace")
    steps = _flow_steps()
    ready()
    steps.rows["start"] = (time.perf_counter() - began, time.process_time(), _peak_mb())
    summary = steps.timed("flow", _build)(root, config)
    if isinstance(summary, object) and hasattr(summary, "result"):
        summary = summary.result()
    return {
        "steps": steps.rows,
        "todo": {stage: counts.todo for stage, counts in summary.stages.items() if counts.reused or counts.todo},
        "reused": {stage: counts.reused for stage, counts in summary.stages.items() if counts.reused or counts.todo},
        "is_unchanged": summary.outcome.is_unchanged,
        "images": summary.outcome.published + summary.outcome.withheld,
    }


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _task_runs(root: Path, since: int) -> tuple[int, int]:
    """Task runs of studies and shards, and all: of the last flow run, from Prefect's own record."""
    with sqlite3.connect(root / "workspace" / ".prefect" / "prefect.db") as record:
        names = [
            row[0] for row in record.execute("select name from task_run order by rowid limit -1 offset ?", [since])
        ]
    whole = {"catalog", "link", "register", "split", "account", "publish"}
    return sum(name not in whole for name in names), len(names)


def _known_runs(root: Path) -> int:
    with sqlite3.connect(root / "workspace" / ".prefect" / "prefect.db") as record:
        return int(record.execute("select count(*) from task_run").fetchone()[0])


def main() -> int:
    """Prepare where needed, measure, print."""
    given = _arguments()
    if given.step == "prepare":
        prepare(given.dir, given.studies)
    elif given.step == "measure":
        print(json.dumps(measure(given.dir, given.studies)))
    elif given.dir is not None:
        _report(given.dir, given.studies)
    else:
        with tempfile.TemporaryDirectory() as folder:
            _report(Path(folder), given.studies)
    return 0


def _report(root: Path, studies: int) -> None:
    print(_in_a_process(root, studies, "prepare"))
    known = _known_runs(root)
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    found = json.loads(_in_a_process(root, studies, "measure").splitlines()[-1])
    wall, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    steps = _Steps()
    steps.rows = found["steps"] | {"processes": (wall, cpu, 0.0)}
    steps.show()
    of_studies, of_all = _task_runs(root, known)
    print(f"to do {found['todo']}, unchanged {found['reused']}, images {found['images']:,}")
    print(f"release unchanged: {found['is_unchanged']}; task runs {of_studies} of {of_all}")
    print(_NOTE)


def _in_a_process(root: Path, studies: int, step: str) -> str:
    command = [sys.executable, __file__, "--dir", str(root), "--studies", str(studies), "--step", step]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        sys.exit(f"{step} failed")
    return done.stdout


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dir", type=Path, help="folder of all, kept; default: one that goes")
    parser.add_argument("--studies", type=int, default=227_943)
    parser.add_argument("--step", choices=("prepare", "measure"), help=argparse.SUPPRESS)
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
