"""One per-study stage over studies that do nothing but burn a given time, run as a build runs it, and what that costs.

Prefect (a temporary server), waves, shards, workers, commits are those of a build; the study is not. CPU seconds are
those of this process and of its workers, from the first wave on: start-up, imports and Prefect's server are left out.
Each measurement wants a process of its own (`in_a_process`), because peaks of memory only grow.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from cxr_core.planning.stages import LABEL
from cxr_core.settings.build import BuildConfig
from cxr_core.settings.run import Granularity, RunSettings
from cxr_core.tables.catalogue import SECTIONS
from cxr_core.vocabulary import Stage
from tasks.study_work import StudyOutcome

_WAVE_STUDIES = 2000
_PREFECT_HOME = tempfile.TemporaryDirectory()  # its database is made once for all measurements


@dataclass(frozen=True, slots=True)
class Cost:
    """What a run took."""

    studies: int
    wall_s: float
    client_s: float
    workers_s: float
    grown_mb: float

    @property
    def cpu_s(self) -> float:
        return self.client_s + self.workers_s


def study(study_id: str, cpu_ms: float) -> StudyOutcome:
    """Burn CPU time, then give one row, as a stage does."""
    burn(cpu_ms)
    row = {"study_id": study_id, "section": "impression", "start": 0, "end": 9, "fallback": None}
    return StudyOutcome(study_id, {SECTIONS.name: [row]})


def burn(cpu_ms: float) -> None:
    """Work for so many milliseconds of CPU time, whoever else works on the machine."""
    end = time.thread_time() + cpu_ms / 1000
    while time.thread_time() < end:
        sum(range(100))


def in_a_process(studies: int, *, cpu_ms: float, workers: int, granularity: Granularity) -> Cost:
    """Measure in a process of its own."""
    arguments = [str(studies), str(cpu_ms), str(workers), granularity.value]
    environment = {**os.environ, "PREFECT_HOME": _PREFECT_HOME.name}
    command = [sys.executable, __file__, *arguments]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return Cost(**json.loads(done.stdout.splitlines()[-1]))


# ---------------------------------------------------------------- in that process


def _run(studies: int, cpu_ms: float, workers: int, granularity: Granularity, home: Path) -> Cost:
    from flows.quiet import set_quiet_environment

    set_quiet_environment(home)
    from prefect import flow

    from tasks.workers import WorkerPool

    settings = RunSettings(workers=workers, granularity=granularity)
    names = [f"{number:08d}" for number in range(50_000_000, 50_000_000 + studies)]

    with WorkerPool(workers, deadline_s=3600, log=home / "workers.log") as pool:

        @flow(name="benchmark", validate_parameters=False)
        def benchmark() -> Cost:
            _waves(names[:workers], 0.0, settings, pool, home / "warm")  # every worker and every import is there
            before, wall = _cpu_s(), time.perf_counter()
            peak_kb = _peak_kb()
            _waves(names, cpu_ms, settings, pool, home / "stage")
            after = _cpu_s()
            grown_mb = (_peak_kb() - peak_kb) / 1024
            spent = [end - start for end, start in zip(after, before, strict=True)]
            return Cost(studies, time.perf_counter() - wall, *spent, grown_mb)

        return benchmark()


def _waves(names: Sequence[str], cpu_ms: float, settings: RunSettings, pool: Any, root: Path) -> None:
    """As the build's flow: wave by wave, each a sub-flow on threads that hand studies to workers."""
    from prefect.task_runners import ThreadPoolTaskRunner

    from cxr_core.tables.open_part import OpenPart
    from cxr_core.tables.stage_store import StageStore
    from flows.build.stages import label_wave
    from tasks.stage_run import StageRun, set_current

    store = StageStore(root, LABEL.contracts)
    for start in range(0, len(names), _WAVE_STUDIES):
        wave = names[start : start + _WAVE_STUDIES]
        run = StageRun(
            stage=Stage.LABEL,
            function="synthetic_stage:study",
            arguments=lambda name: (name, cpu_ms),
            part=OpenPart(store, most=settings.shard_studies, clock=time.monotonic),
            pool=pool,
            config=BuildConfig(run=settings),
            fingerprint="b" * 64,
            todo=dict.fromkeys(wave, ("a" * 64, 1)),
        )
        set_current(run)
        runner: Any = ThreadPoolTaskRunner(max_workers=settings.workers)
        label_wave.with_options(task_runner=runner)(wave, settings, len(names), lambda _: None)


def _cpu_s() -> tuple[float, float]:
    """CPU seconds of this process's threads, and of its workers."""
    return time.process_time(), sum(_on_cpu_s(pid) for pid in _workers())


def _workers() -> list[str]:
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            ppid = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            if ppid == os.getpid() and b"spawn_main" in (folder / "cmdline").read_bytes():
                found.append(folder.name)
        except (FileNotFoundError, ProcessLookupError):
            continue
    return found


def _on_cpu_s(pid: str) -> float:
    return sum(int(path.read_text().split()[0]) for path in Path("/proc", pid, "task").glob("*/schedstat")) / 1e9


def _peak_kb() -> int:
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM"))


def main() -> int:
    """Print the cost of one run as JSON: studies, milliseconds a study, workers, granularity."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("studies", type=int)
    parser.add_argument("cpu_ms", type=float)
    parser.add_argument("workers", type=int)
    parser.add_argument("granularity", type=Granularity)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        cost = _run(asked.studies, asked.cpu_ms, asked.workers, asked.granularity, Path(folder))
    print(json.dumps(asdict(cost)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
