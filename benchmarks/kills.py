"""`make kills`: builds are killed at random moments and run again; each must end with the bytes of one that was not.

Kills a worker, the flow's process or its temporary Prefect server with SIGKILL, at a moment drawn over the whole build;
every other build has one task run a study, the others one a shard.
Prints a line a kill: what was committed, what the rerun did, how many studies had been worked on in vain.

PYTHONPATH=tests python benchmarks/kills.py                     (twenty kills, ten patients, shards of four studies)
PYTHONPATH=tests python benchmarks/kills.py --kills 3 --seed 7
"""

import argparse
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path

from building import ROOT, Build, Committed, Result, SharedFolder, children, make_hospital, start_prefect, tree

from cxr_core.planning.stages import STAGES
from cxr_core.tables.workspace import Workspace

_WORKERS, _SHARD = 2, 4
_ARGUMENTS = ("--set", f"run.shard_studies={_SHARD}", "--set", "run.wave_shards=3")
_KINDS = ("worker", "flow", "server")
_GRANULARITIES = ("study", "shard")
_PATIENCE_S = 900
_HEAD = (
    f"{'kill':>4} {'of':<8} {'task a':<6} {'at':>7} {'exit':>4} {'committed':>11} {'rerun did':>11} {'in vain':>7}"
    "  release"
)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one kill came to; counts in the order deidentify, convert, label."""

    kind: str
    granularity: str
    moment: str
    code: int
    committed: tuple[int, ...]
    rerun: tuple[int, ...] | None
    in_vain: int
    faults: tuple[str, ...]
    told: str

    def line(self, number: int) -> str:
        told = "/".join(map(str, self.committed))
        rerun = "/".join(map(str, self.rerun)) if self.rerun else "none needed"
        end = "; ".join(self.faults) or "same bytes"
        at = f"{number:>4} {self.kind:<8} {self.granularity:<6} {self.moment:>7}"
        return f"{at} {self.code:>4} {told:>11} {rerun:>11} {self.in_vain:>7}  {end}"


def main() -> int:
    """Build once without a kill, then as often as asked with one; exit code 1 where anything differs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--patients", type=int, default=10)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--scratch", type=Path, help="folder for the builds; default: the system's")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=arguments.scratch) as folder:
        root = Path(folder)
        hospital = make_hospital(root / "hospital", patients=arguments.patients, side_px=300, intermediates="discard")
        sound = Build(root / "sound", hospital, start_prefect(SharedFolder(root)).ready())
        assert sound.server is not None
        shutil.copytree(sound.server.home, root / "prefect-home")
        result = sound.run("--json", "--granularity", "shard", *_ARGUMENTS)
        assert result.code == 0, result.err
        total = tuple(result.json["stages"][stage.value]["done"] for stage in STAGES)
        quarantined = tuple(result.json["stages"][stage.value]["quarantined"] for stage in STAGES)
        total = tuple(done + bad for done, bad in zip(total, quarantined, strict=True))
        print(f"{'/'.join(map(str, total))} studies de-identified/converted/labelled, shards of {_SHARD}", flush=True)
        print(_HEAD, flush=True)
        outcomes = []
        rng = random.Random(arguments.seed)
        for number in range(1, arguments.kills + 1):
            how = _KINDS[number % 3], _GRANULARITIES[number % 2]
            outcome = one_kill(Build(root / "killed", hospital), sound, total, how, rng)
            outcomes.append(outcome)
            print(outcome.line(number), flush=True)
            shutil.rmtree(root / "killed")
    return _verdict(outcomes)


def _verdict(outcomes: list[Outcome]) -> int:
    bad = [outcome for outcome in outcomes if outcome.faults]
    most = max(outcome.in_vain for outcome in outcomes)
    kinds = ", ".join(f"{kind} {count}" for kind, count in sorted(Counter(one.kind for one in outcomes).items()))
    print(f"{len(outcomes)} kills ({kinds}): {len(outcomes) - len(bad)} ended with the bytes of a build without one")
    print(f"studies worked on in vain by one kill: at most {most}; allowed: {_WORKERS * _SHARD}, a shard a worker")
    for kind, told in sorted({(outcome.kind, outcome.told) for outcome in outcomes if outcome.told}):
        print(f"{kind}: {told}")
    return 1 if bad else 0


# ---------------------------------------------------------------- one kill


def one_kill(build: Build, sound: Build, total: tuple[int, ...], how: tuple[str, str], rng: random.Random) -> Outcome:
    """Start, wait for the moment, kill, wait for the end, run again, compare."""
    kind, granularity = how
    arguments = "--granularity", granularity, *_ARGUMENTS
    served = replace(build, server=sound.server)  # whose start is saved where the server is not what is killed
    if kind == "server":
        shutil.copytree(sound.root.with_name("prefect-home"), build.workspace / ".prefect")  # its database is made once
    else:
        build = served
    target = rng.randint(0, sum(total) + _SHARD)
    process = _start(build, arguments)
    try:
        moment = _wait_for(build, target, sum(total), process)
        time.sleep(rng.uniform(0, 0.5))
        killed = _kill(process, kind)
        code = process.wait(_PATIENCE_S)
        assert process.stderr is not None
        told = process.stderr.read().decode()
    finally:
        _end_group(process)
    kind = kind if killed else f"({kind})"
    committed, in_vain = _committed(build), _in_vain(build) + _tries_more(build)
    faults = _faults_of_the_end(code, told, kind)
    rerun = None if code == 0 else served.run("--json", *arguments)
    done = _done(rerun) if rerun else None
    faults += _faults_of_the_rerun(rerun, total, committed, done) if rerun else []
    if in_vain > _WORKERS * _SHARD:
        faults.append(f"{in_vain} studies in vain")
    # A study whose worker was killed has another number of tries in its ledger, and nothing else of its own.
    passed_over = ("ledger.parquet",) if kind == "worker" else ()
    places = ("release", "workspace/jpeg", "workspace/stages")
    faults += [name for name in places if _files(build, name, passed_over) != _files(sound, name, passed_over)]
    return Outcome(kind, granularity, moment, code, committed, done, in_vain, tuple(faults), told.strip())


def _start(build: Build, arguments: tuple[str, ...]) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        build.command("--quiet", *arguments),
        cwd=ROOT,
        env=build.environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )


def _wait_for(build: Build, target: int, total: int, process: "subprocess.Popen[bytes]") -> str:
    """Until so many studies are committed; the first moment is behind link, the last one while it publishes."""
    requests = build.workspace / "vault" / "catalog" / "requests.parquet"
    so_far = Committed(build)
    while process.poll() is None:
        is_publishing = any(build.release.glob(".building-*"))
        committed = so_far.studies()
        if is_publishing or (target <= total and requests.exists() and committed >= target):
            return "publish" if is_publishing else f"{committed}/{total}"
        time.sleep(0.005)
    return "end"


def _kill(process: "subprocess.Popen[bytes]", kind: str) -> bool:
    """False where there was nothing of the kind, at the end or the beginning."""
    if kind == "flow":
        process.kill()
        return True
    word = b"spawn_main" if kind == "worker" else b"prefect.server"
    found = [pid for pid, command in children(process.pid) if word in command]
    for pid in found[:1]:
        os.kill(pid, signal.SIGKILL)
    return bool(found)


def _end_group(process: "subprocess.Popen[bytes]") -> None:
    """What a killed parent left behind ends, too; a build that hangs is ended here."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        return
    process.wait()


# ---------------------------------------------------------------- what it came to


def _ledgers(build: Build) -> list[set[str]]:
    workspace = Workspace(build.workspace)
    return [set(definition.store(workspace).ledger()["study_id"]) for definition in STAGES.values()]


def _committed(build: Build) -> tuple[int, ...]:
    return tuple(len(ledger) for ledger in _ledgers(build))


def _in_vain(build: Build) -> int:
    """Studies whose files were written, whole or in part, and that no ledger knows."""
    deidentified, converted, _ = _ledgers(build)
    dicom, jpeg = ({path.name for path in (build.workspace / zone).glob("*/*")} for zone in ("dicom", "jpeg"))
    return len(dicom - deidentified) + len(jpeg - converted)


def _faults_of_the_end(code: int, told: str, kind: str) -> list[str]:
    """A worker costs nothing; a server costs at most one line; the flow's own end says nothing."""
    if kind == "worker" and code != 0:
        return [f"exit {code} after a worker's end"]
    if told.count("\n") > 1 or "Traceback" in told:
        return [f"{told.count(chr(10))} lines on the terminal"]
    return []


def _done(rerun: Result) -> tuple[int, ...] | None:
    if rerun.code:
        return None
    stages = rerun.json["stages"]
    return tuple(sum(stages.get(stage.value, {}).get(word, 0) for word in ("done", "quarantined")) for stage in STAGES)


def _faults_of_the_rerun(
    rerun: Result, total: tuple[int, ...], committed: tuple[int, ...], done: tuple[int, ...] | None
) -> list[str]:
    if done is None:
        return [f"rerun: exit {rerun.code}"]
    again = sum(did - (all_of - had) for did, all_of, had in zip(done, total, committed, strict=True))
    return [f"{again} committed studies done again"] if again else []


def _tries_more(build: Build) -> int:
    """Tries beyond the first: studies that were in the hands of a worker that was killed."""
    workspace = Workspace(build.workspace)
    ledgers = [definition.store(workspace).ledger() for definition in STAGES.values()]
    return int(sum(ledger["attempts"].sum() - ledger.height for ledger in ledgers))


def _files(build: Build, name: str, passed_over: tuple[str, ...]) -> dict[str, str]:
    found = tree(build.root / name)
    return {path: digest for path, digest in found.items() if Path(path).name not in passed_over}


if __name__ == "__main__":
    sys.exit(main())
