"""Small hospitals and builds of them for tests: made once for all of xdist's processes, run as a user runs them.

A build is `python -m flows.build` in a process of its own with an environment of its own; it gives its exit code, what
it printed, and where everything lies.
"""

import contextlib
import fcntl
import hashlib
import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

ROOT = Path(__file__).parents[1]
WAIVERS = ("--allow-quarantine", "--waive", "review=tests: invented people", "--waive", "attestation=tests: invented")
_PATIENCE_S = 900  # for a machine that does other work too; nothing is asserted about time
_CONFIG = """
[deidentify]
readers = ["rapidocr"]  # EasyOCR imports torch: 5 GB and half a minute
[convert]
intermediates = "{intermediates}"
sizes = [64]
[vault]
key_file = "{key}"
[run]
workers = 2
"""


@dataclass(frozen=True, slots=True)
class SharedFolder:
    """A folder that all processes of a test session see."""

    path: Path

    @contextmanager
    def making(self, name: str) -> Iterator[tuple[Path, bool]]:
        """Hold `name`; gives its folder and whether it has to be made now. Half-made things are made again."""
        folder, done = self.path / name, self.path / f"{name}.done"
        with (self.path / f"{name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            is_new = not done.exists()
            if is_new:
                shutil.rmtree(folder, ignore_errors=True)
                folder.mkdir(parents=True)
            yield folder, is_new
            done.touch()


# ---------------------------------------------------------------- the hospital


@dataclass(frozen=True, slots=True)
class Hospital:
    """A generated hospital, its truth, its key and a configuration that names the key."""

    root: Path

    @property
    def export(self) -> Path:
        return self.root / "made" / "export"

    @property
    def dicom(self) -> Path:
        return self.export / "dicom"

    @property
    def truth(self) -> Path:
        return self.root / "made" / "truth"

    @property
    def key(self) -> Path:
        return self.root / "key"

    @property
    def config(self) -> Path:
        return self.root / "hilum.toml"

    @property
    def arguments(self) -> list[str]:
        """The command line that names all of its sources."""
        ris = self.export / "ris"
        return [
            *(str(self.config), "--dicom", str(self.dicom)),
            *("--reports", str(ris / "ris_export.csv"), "--reports", str(self.export / "hl7")),
            *("--encounters", str(ris / "encounters.csv"), "--merges", str(ris / "mrn_merges.csv")),
        ]

    def copied(self, root: Path) -> "Hospital":
        """The same hospital elsewhere, with the same key file and configuration; a test may change its files."""
        shutil.copytree(self.root, root)
        return Hospital(root)


def make_hospital(root: Path, *, patients: int, side_px: int, intermediates: str = "keep") -> Hospital:
    """Generate a hospital and a key, the same ones every time: with them, which ids stand where and who is withheld."""
    from cxr_core.demo import generate_hospital

    generate_hospital(root / "made", patients=patients, seed=11, side_px=side_px)
    made = Hospital(root)
    made.key.touch(mode=0o600)
    made.key.write_text(hashlib.sha256(b"the key of the tests").hexdigest() + "\n")
    made.config.write_text(_CONFIG.format(key=made.key, intermediates=intermediates), encoding="utf-8")
    return made


def hospital_once(shared: SharedFolder, name: str, **options: Any) -> Hospital:
    """A hospital that all processes share."""
    with shared.making(name) as (folder, is_new):
        return make_hospital(folder, **options) if is_new else Hospital(folder)


# ---------------------------------------------------------------- Prefect


@dataclass(frozen=True, slots=True)
class PrefectServer:
    """A server and the folder of its database."""

    url: str
    home: Path

    def ready(self) -> "PrefectServer":
        """Wait until it answers; its first start migrates a database."""
        for _ in range(_PATIENCE_S):
            try:
                with urllib.request.urlopen(f"{self.url}/health", timeout=5):  # noqa: S310  our own, on loopback
                    return self
            except (urllib.error.URLError, OSError):
                time.sleep(1)
        raise TimeoutError(self.url)


# Ends the server with the test session, also where that is killed: no process of ours stays behind.
_WATCH = """
import os, subprocess, sys, time
server = subprocess.Popen(sys.argv[2:], stdin=subprocess.DEVNULL)
try:
    while server.poll() is None:
        os.kill(int(sys.argv[1]), 0)
        time.sleep(0.5)
except ProcessLookupError:
    server.terminate()
    server.wait()
"""


_RUNNING: list[subprocess.Popen[bytes]] = []  # held to the end: what ends them is `_WATCH`


def start_prefect(shared: SharedFolder) -> PrefectServer:
    """Start one server for all processes of the session; it is ready a while later (`PrefectServer.ready`)."""
    with shared.making("prefect") as (home, is_new):
        port_file = home / "port"
        if is_new:
            port_file.write_text(str(free_port()))
        server = PrefectServer(f"http://127.0.0.1:{port_file.read_text()}/api", home)
        if is_new:
            _launch(server, port_file.read_text())
        return server


def children(parent: int) -> list[tuple[int, bytes]]:
    """Processes that another one started, with their command lines, in the order of their numbers."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            ppid = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            command = (folder / "cmdline").read_bytes()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if ppid == parent:
            found.append((int(folder.name), command))
    return sorted(found)


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _launch(server: PrefectServer, port: str) -> None:
    session = os.getppid() if "PYTEST_XDIST_WORKER" in os.environ else os.getpid()
    command = [sys.executable, "-m", "prefect", "server", "start", "--host", "127.0.0.1", "--port", port]
    settings = {"PREFECT_HOME": str(server.home), "PREFECT_SERVER_ANALYTICS_ENABLED": "false"}
    with (server.home / "server.log").open("wb") as log:
        watch = subprocess.Popen(
            [sys.executable, "-c", _WATCH, str(session), *command],
            env=environment(server.home, settings),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    _RUNNING.append(watch)


# ---------------------------------------------------------------- builds


@dataclass(frozen=True, slots=True)
class Result:
    """How a command ended."""

    code: int
    out: str = field(repr=False)
    err: str = field(repr=False)

    @property
    def json(self) -> dict[str, Any]:
        answer: dict[str, Any] = json.loads(self.out)
        return answer


@dataclass(frozen=True, slots=True)
class Build:
    """A workspace and a release folder, with the hospital that fills them."""

    root: Path
    hospital: Hospital
    server: PrefectServer | None = None
    result: Result | None = None

    @property
    def workspace(self) -> Path:
        return self.root / "workspace"

    @property
    def release(self) -> Path:
        return self.root / "release"

    @property
    def home(self) -> Path:
        """HOME and TMPDIR of the process: what it leaves there is looked at, too."""
        return self.root / "home"

    @property
    def public(self) -> Path:
        """The newest release."""
        return (self.release / "current").resolve()

    @property
    def withheld(self) -> Path:
        return self.public.with_name(self.public.name + "-withheld")

    def command(self, *arguments: str) -> list[str]:
        places = ["--workspace", str(self.workspace), "--release", str(self.release)]
        return [sys.executable, "-m", "flows.build", *self.hospital.arguments, *places, *WAIVERS, *arguments]

    def environment(self, more: Mapping[str, str] | None = None) -> dict[str, str]:
        server = {"PREFECT_API_URL": self.server.url} if self.server else {}
        return environment(self.home, {**server, **(more or {})})

    def run(self, *arguments: str, environment: Mapping[str, str] | None = None) -> Result:
        """Build; to the end, whatever the exit code."""
        return run(self.command(*arguments), self.environment(environment))

    def copied(self, root: Path, *, server: PrefectServer | None = None) -> "Build":
        """A copy that may be changed; releases keep their times, as a backup would."""
        shutil.copytree(self.root, root, symlinks=True)
        return replace(self, root=root, server=server, result=None)


@dataclass(frozen=True, slots=True)
class Committed:
    """How many studies a running build has committed; what was folded into the base meanwhile counts on."""

    build: Build
    _seen: dict[Path, int] = field(default_factory=dict, init=False)

    def studies(self, stage: str = "*") -> int:
        """Of one stage, or of all together."""
        stages = self.build.workspace / "stages"
        for ledger in stages.glob(f"{stage}/parts/[0-9]*/ledger.parquet"):
            if ledger not in self._seen:
                with contextlib.suppress(FileNotFoundError):  # folded in between
                    self._seen[ledger] = pq.read_metadata(ledger).num_rows
        mine = (count for ledger, count in self._seen.items() if stage in ("*", ledger.parents[2].name))
        return sum(mine)


def run(command: Sequence[str], environment: Mapping[str, str]) -> Result:
    """Run a command to its end."""
    done = subprocess.run(
        command,
        cwd=ROOT,
        env=dict(environment),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
        timeout=_PATIENCE_S,
    )
    return Result(done.returncode, done.stdout.decode(), done.stderr.decode())


def cxr(build: Build, *arguments: str) -> Result:
    """Run `cxr` on a build's workspace; not the script beside the interpreter, which belongs to another checkout."""
    start = [sys.executable, "-c", "from flows.cli import main; main()"]
    return run([*start, *arguments, "--workspace", str(build.workspace)], build.environment())


def environment(home: Path, more: Mapping[str, str]) -> dict[str, str]:
    """Nothing of the caller's environment but where programs are found."""
    (home / "tmp").mkdir(parents=True, exist_ok=True)
    base = {"PATH": os.environ["PATH"], "HOME": str(home), "TMPDIR": str(home / "tmp"), "LANG": "C.UTF-8"}
    return base | dict(more)


def build_once(
    shared: SharedFolder,
    name: str,
    hospital: Hospital,
    *,
    arguments: Sequence[str] = (),
    environment: Mapping[str, str] | None = None,
    prefect_home_of: Build | None = None,
    server: PrefectServer | None = None,
) -> Build:
    """A build that all processes share; it must succeed."""
    with shared.making(name) as (folder, is_new):
        build, kept = Build(folder, hospital, server), folder / "result.json"
        if is_new:
            if prefect_home_of is not None:
                shutil.copytree(prefect_home_of.workspace / ".prefect", build.workspace / ".prefect")
            result = build.run("--json", *arguments, environment=environment)
            assert result.code == 0, f"exit code {result.code}\n{result.err[-2000:]}"
            kept.write_text(json.dumps([result.code, result.out, result.err]))
        return replace(build, result=Result(*json.loads(kept.read_text())))


# ---------------------------------------------------------------- comparing


def tree(root: Path, *, without: Sequence[str] = ()) -> dict[str, str]:
    """Digest of every file below a folder (of the target's name for links), by path."""
    found: dict[str, str] = {}
    for path in sorted(root.rglob("*")):
        relative = path.relative_to(root)
        if relative.parts[0] in without:
            continue
        if path.is_symlink():
            found[str(relative)] = f"-> {path.readlink()}"
        elif path.is_file():
            found[str(relative)] = hashlib.sha256(path.read_bytes()).hexdigest()
    return found
