"""Everything that was seen of the corpus in one session: made once for all of xdist's processes, kept as JSON.

Takes a folder, builds the corpus, probes every entry, runs the command; gives an `Evidence`. What it must show is left
to `test_threats`.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from corpus import CORPUS, HONEST, build_corpus
from search import found_in
from threat_command import Run, run_in_parts, without_overrides
from threat_probe import Probed
from walking import entries_below, files_below, remove

_HERE = Path(__file__).parent
_ROOT = _HERE.parents[1]
_HANG_S = 1_800
_LARGEST_READ = 1 << 24


@dataclass(frozen=True, slots=True)
class Input:
    """What an entry was when it was built.

    Parameters
    ----------
    files : int
        Regular files.
    others : int
        What is neither a file nor a folder.
    planted : tuple of str
        The canaries that a search of names and contents finds in it.
    """

    files: int
    others: int
    planted: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Evidence:
    """What was seen.

    Parameters
    ----------
    probes : mapping
        (probe, entry) to what it came to.
    runs : mapping
        Entry to the run of the command that decides on it: the smallest. Entries that hang are in none.
    said : bytes
        What the probes' process wrote on standard error.
    """

    inputs: Mapping[str, Input] = field(repr=False)
    probes: Mapping[tuple[str, str], Probed] = field(repr=False)
    runs: Mapping[str, Run] = field(repr=False)
    said: bytes = field(repr=False)

    @property
    def all_runs(self) -> list[Run]:
        """Each run once."""
        return list({run.root: run for run in self.runs.values()}.values())


def gather(folder: Path) -> None:
    """Build, probe and run the corpus; write `evidence.json` and what the command wrote into a folder.

    The corpus itself lies elsewhere and is taken away: pipes, links and folders too deep to be walked are no guests for
    the folders that pytest keeps.
    """
    place = Path(tempfile.mkdtemp(prefix="hilum-threats-"))
    try:
        source = place / "in"
        build_corpus(source)
        inputs = {name: _input(source / name, name) for name in CORPUS}
        probes, said = _probe(source)
        uids = {uid: entry for probed in probes for uid in probed.uids.values() for entry in [probed.entry]}
        runs = run_in_parts(source, folder, _parts(probes), uids)
    finally:
        remove(place)
    document = {
        "inputs": {name: asdict(found) for name, found in inputs.items()},
        "probes": [asdict(probed) for probed in probes],
        "runs": [_as_json(run) for run in runs],
        "said": said.decode("latin-1"),
    }
    (folder / "evidence.json").write_text(json.dumps(document), encoding="utf-8")


def load(folder: Path) -> Evidence:
    """Read what `gather` wrote."""
    document = json.loads((folder / "evidence.json").read_text(encoding="utf-8"))
    runs: dict[str, Run] = {}
    for told in document["runs"]:  # the later are the smaller
        run = _from_json(told)
        runs |= dict.fromkeys(run.entries, run)
        if run.code == 0:
            runs.setdefault(HONEST, run)
    probes = {(told["probe"], told["entry"]): Probed(**told) for told in document["probes"]}
    inputs = {
        name: Input(told["files"], told["others"], tuple(told["planted"])) for name, told in document["inputs"].items()
    }
    return Evidence(inputs, probes, runs, document["said"].encode("latin-1"))


def _input(folder: Path, name: str) -> Input:
    everything = list(entries_below(folder))
    files = files_below(folder)
    names = " ".join(os.path.relpath(entry.path, folder) for entry in everything)
    contents = [_start_of(path) for path in files]
    planted = found_in([os.fsencode(names), *contents], CORPUS[name].canaries)
    folders = sum(entry.is_dir(follow_symlinks=False) for entry in everything)
    return Input(len(files), len(everything) - folders - len(files), tuple(planted))


def _start_of(path: Path) -> bytes:
    with path.open("rb") as stream:
        return stream.read(_LARGEST_READ)


def _probe(source: Path) -> tuple[list[Probed], bytes]:
    path = os.pathsep.join((str(_HERE), str(_ROOT)))
    one_thread = {"POLARS_MAX_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, _HERE / "threat_probe.py", source],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": path, **one_thread},
        capture_output=True,
        preexec_fn=without_overrides,
        timeout=_HANG_S,
        check=True,
    )
    return [Probed(**json.loads(line)) for line in done.stdout.splitlines()], done.stderr


def _parts(probes: list[Probed]) -> list[list[str]]:
    """All entries at once, but for those that already did what they should not: each of these alone.

    What a probe had to end is not put before the command at all: it would end in the deadline of a study, or in none.
    """
    ended = {probed.entry for probed in probes if probed.signal}
    suspect = {probed.entry for probed in probes if not (probed.is_within_bounds and probed.is_orderly)} - ended
    return [[name] for name in sorted(suspect)] + [[name for name in CORPUS if name not in ended | suspect]]


def _as_json(run: Run) -> dict[str, Any]:
    told = asdict(run)
    return told | {"root": str(run.root), "out": run.out.decode("latin-1"), "err": run.err.decode("latin-1")}


def _from_json(told: dict[str, Any]) -> Run:
    return Run(
        Path(told["root"]),
        tuple(told["entries"]),
        told["code"],
        told["out"].encode("latin-1"),
        told["err"].encode("latin-1"),
        tuple(told["changed"]),
        told["fates"],
        told["written"],
    )
