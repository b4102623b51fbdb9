"""A Prefect server as a hospital runs it: PostgreSQL, Redis, server and services as processes of their own, a worker.

Takes a folder, gives a running installation with the settings of docker-compose.yml, on free ports of this machine;
only names of hosts and places of secrets are replaced. Everything ends with the test, also where that is killed.
"""

import base64
import contextlib
import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml
from building import ROOT, environment, free_port

PATIENCE_S = 300  # for a machine that does other work too; nothing is asserted about time
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))


def postgres_folder() -> Path | None:
    """Where PostgreSQL's programs lie; Debian keeps them off the path."""
    found = [Path(path).parent for path in [shutil.which("initdb")] if path]
    found += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    return next((folder.resolve() for folder in found if (folder / "pg_dump").exists()), None)


def needs_servers() -> pytest.MarkDecorator:
    """Skip where PostgreSQL or Redis is not installed."""
    missing = postgres_folder() is None or shutil.which("redis-server") is None
    return pytest.mark.skipif(missing, reason="postgresql or redis-server is not installed")


@dataclass(slots=True)
class Production:
    """A running installation.

    Parameters
    ----------
    settings : mapping
        Environment of the server's processes.
    client : mapping
        Environment of whoever speaks with the server: the worker, the operator.
    """

    root: Path
    url: str
    database: str = field(repr=False)
    settings: Mapping[str, str] = field(repr=False)
    client: Mapping[str, str] = field(repr=False)
    running: dict[str, "subprocess.Popen[bytes]"] = field(default_factory=dict)
    python: str = sys.executable

    def start(self, name: str, command: list[str], more: Mapping[str, str], *, owner: str | None = None) -> None:
        """Start a process that ends when we do; what it prints goes to `NAME.log`."""
        who = ["--reuid", owner, "--regid", owner, "--clear-groups"] if owner else []
        stop = "INT" if name == "postgres" else "TERM"
        with (self.root / f"{name}.log").open("ab") as log:
            self.running[name] = subprocess.Popen(
                ["setpriv", "--pdeathsig", stop, *who, *command],
                cwd=ROOT if owner is None else "/",
                env=dict(more),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def start_worker(self) -> None:
        """A worker of the pool `hilum`."""
        self.start("worker", prefect("worker", "start", "--pool", "hilum", "--name", "test"), self.client)

    def run(self, *command: str) -> str:
        """An operator's command; it must succeed."""
        done = subprocess.run(
            command, cwd=ROOT, env=dict(self.client), stdin=subprocess.DEVNULL, capture_output=True, check=False
        )
        told = (done.stdout + done.stderr).decode()
        assert done.returncode == 0, told[-3000:]
        return told

    def ask(self, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """Ask the server's API as an operator: POST where there is a body, else GET."""
        secret = base64.b64encode(self.client["PREFECT_API_AUTH_STRING"].encode()).decode()
        headers = {"Authorization": f"Basic {secret}", "Content-Type": "application/json"}
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data=data, headers=headers)  # noqa: S310  our own, on loopback
        with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310
            return json.load(answer)

    def start_run(self, deployment: str, parameters: Mapping[str, Any]) -> str:
        """Start a deployment (`flow/name`) as the UI's form does; gives the run's id."""
        known = self.ask(f"/deployments/name/{deployment}")["id"]
        body = {"parameters": parameters, "state": {"type": "SCHEDULED"}}
        return str(self.ask(f"/deployments/{known}/create_flow_run", body)["id"])

    def state(self, run: str) -> str:
        """Name of a run's state."""
        return str(self.ask(f"/flow_runs/{run}")["state"]["name"])

    def ended(self, run: str) -> str:
        """Wait for the end of a run; gives the name of its state."""
        wait_until(lambda: self._is_over(run), lambda: f"{self.state(run)}\n{self.log('worker')[-3000:]}")
        return self.state(run)

    def _is_over(self, run: str) -> bool:
        return self.ask(f"/flow_runs/{run}")["state"]["type"] in {"COMPLETED", "FAILED", "CRASHED", "CANCELLED"}

    def kill(self, name: str) -> None:
        """SIGKILL to a process and to everything below it, as the kernel does when memory runs out."""
        process = self.running.pop(name)
        for pid in [process.pid, *descendants(process.pid)]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        process.wait()

    def stop(self, name: str) -> None:
        """End one process in good order; after a while, at once."""
        process = self.running.pop(name)
        below = descendants(process.pid)
        process.send_signal(signal.SIGINT if name == "postgres" else signal.SIGTERM)
        try:
            process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        for pid in below:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def dump(self) -> bytes:
        """Everything that the server's database holds, as SQL."""
        folder = postgres_folder()
        assert folder is not None
        done = subprocess.run([folder / "pg_dump", "--inserts", self.database], capture_output=True, check=True)
        return done.stdout

    def log(self, name: str) -> str:
        return (self.root / f"{name}.log").read_text(encoding="utf-8", errors="replace")


def prefect(*arguments: str) -> list[str]:
    """Prefect's command line, of this environment."""
    return [sys.executable, "-m", "prefect", "--no-prompt", *arguments]


def descendants(parent: int) -> list[int]:
    """Processes below a process, at this moment."""
    children: dict[int, list[int]] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError, ValueError, IndexError):
            above = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            children.setdefault(above, []).append(int(folder.name))
    found, todo = list[int](), [parent]
    while todo:
        below = children.get(todo.pop(), [])
        found += below
        todo += below
    return found


def wait_until(is_so: Callable[[], bool], why: Callable[[], str], *, patience_s: float = PATIENCE_S) -> None:
    """Look again and again."""
    end = time.monotonic() + patience_s
    while not is_so():
        assert time.monotonic() < end, why()
        time.sleep(0.25)


@contextlib.contextmanager
def production(root: Path) -> Iterator[Production]:
    """Start everything but the worker, in the order of docker-compose.yml."""
    root.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="hilum-postgres-") as data:  # its owner may not enter ours
        made = _configured(root)
        try:
            _start_postgres(made, Path(data))
            _start_redis(made)
            made.start("migrate", prefect("server", "database", "upgrade", "--yes"), made.settings)
            assert made.running.pop("migrate").wait(timeout=PATIENCE_S) == 0, made.log("migrate")[-3000:]
            port = made.url.split(":")[2].split("/")[0]
            serve = ("server", "start", "--host", "127.0.0.1", "--port", port, "--no-services")
            made.start("server", prefect(*serve), made.settings)
            made.start("services", prefect("server", "services", "start"), made.settings)
            wait_until(lambda: _answers(f"{made.url}/health"), lambda: made.log("server")[-3000:])
            yield made
        finally:
            for name in reversed(list(made.running)):
                made.stop(name)


def _configured(root: Path) -> Production:
    port, database_port, redis_port = free_port(), free_port(), free_port()
    password, auth = secrets.token_hex(12), f"hilum:{secrets.token_hex(12)}"
    url = f"http://127.0.0.1:{port}/api"
    where = f"prefect:{password}@127.0.0.1:{database_port}/prefect"
    common = environment(root / "home", {"PREFECT_HOME": str(root / "prefect")})
    told: dict[str, str] = COMPOSE["x-prefect"]["environment"]
    settings = common | told | {
        "PREFECT_REDIS_MESSAGING_HOST": "127.0.0.1",
        "PREFECT_REDIS_MESSAGING_PORT": str(redis_port),
        "PREFECT_SERVER_DOCKET_URL": told["PREFECT_SERVER_DOCKET_URL"].replace("redis:6379", f"127.0.0.1:{redis_port}"),
        "PREFECT_SERVER_DATABASE_CONNECTION_URL": f"postgresql+asyncpg://{where}",
        "PREFECT_SERVER_API_AUTH_STRING": auth,
        "PREFECT_SERVER_UI_API_URL": url,
        "PREFECT_UI_URL": url.removesuffix("/api"),
    }  # fmt: skip
    worker: dict[str, str] = COMPOSE["services"]["worker"]["environment"]
    settings_of_worker = {name: value for name, value in worker.items() if name.startswith(("PREFECT_", "DO_NOT"))}
    client = settings_of_worker | common | {
        "PREFECT_API_URL": url,
        "PREFECT_API_AUTH_STRING": auth,
        "PYTHONPATH": str(ROOT),
    }  # fmt: skip
    return Production(root, url, f"postgresql://{where}", settings, client)


def _start_postgres(made: Production, data: Path) -> None:
    folder, owner = postgres_folder(), "postgres" if os.geteuid() == 0 else None
    assert folder is not None
    address, _, _ = made.database.removeprefix("postgresql://prefect:").rpartition("/")
    password, _, port = address.replace("@127.0.0.1", "").rpartition(":")
    secret = data / "password"
    secret.write_text(password)
    if owner:
        shutil.chown(data, owner, owner)
        shutil.chown(secret, owner, owner)
    target = str(data / "data")
    options = ("--auth", "scram-sha-256", "--username", "prefect", "--encoding", "UTF8", "--locale", "C.UTF-8")
    made.start(
        "postgres",
        [str(folder / "initdb"), "--pgdata", target, "--pwfile", str(secret), *options, "--no-sync"],
        environment(made.root / "home", {}),
        owner=owner,
    )
    assert made.running.pop("postgres").wait(timeout=PATIENCE_S) == 0, made.log("postgres")
    serve = [str(folder / "postgres"), "-D", target, "-p", port, "-k", str(data), "-h", "127.0.0.1"]
    # What is lost with the machine is lost with the test; a server of its own keeps the default.
    made.start("postgres", [*serve, "-c", "fsync=off"], environment(made.root / "home", {}), owner=owner)
    ready = [str(folder / "pg_isready"), "--host", "127.0.0.1", "--port", port]
    wait_until(
        lambda: subprocess.run(ready, capture_output=True, check=False).returncode == 0, lambda: made.log("postgres")
    )
    create = [folder / "psql", made.database.rpartition("/")[0] + "/postgres", "-c", "create database prefect"]
    subprocess.run(create, capture_output=True, check=True)


def _start_redis(made: Production) -> None:
    port = made.settings["PREFECT_REDIS_MESSAGING_PORT"]
    quiet = ("--save", "", "--appendonly", "no", "--bind", "127.0.0.1", "--dir", str(made.root))
    made.start("redis", ["redis-server", "--port", port, *quiet], environment(made.root / "home", {}))
    ping = ["redis-cli", "-p", port, "ping"]
    wait_until(
        lambda: subprocess.run(ping, capture_output=True, check=False).stdout.strip() == b"PONG",
        lambda: made.log("redis"),
    )


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5):  # noqa: S310  our own, on loopback
            return True
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False
