"""The server of a local run: there before the flow, there again when it was killed, gone with the run."""

import http.client
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from building import ROOT, environment

from cxr_core.errors import BuildError
from flows.temporary_server import TemporaryServer

_WAIT = """
import os
import sys
from pathlib import Path
from flows.quiet import set_quiet_environment
from flows.temporary_server import TemporaryServer
assert set_quiet_environment(Path(sys.argv[1]))
server = TemporaryServer.start()
assert "prefect" not in sys.modules
server.wait()
print(server.pid, os.environ["PREFECT_API_URL"], flush=True)
for line in sys.stdin:
    server.wait()
    print(server.pid, flush=True)
"""


@pytest.fixture
def run(tmp_path: Path) -> Iterator["subprocess.Popen[str]"]:
    with subprocess.Popen(
        [sys.executable, "-c", _WAIT, str(tmp_path)],
        env={**environment(tmp_path, {}), "PYTHONPATH": str(ROOT)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        yield process
        process.kill()


def _said(run: "subprocess.Popen[str]") -> list[str]:
    assert run.stdout is not None
    return run.stdout.readline().split()


def _is_there(pid: str) -> bool:
    return Path(f"/proc/{pid}").exists()


def _goes(pid: str) -> bool:
    given_up = time.monotonic() + 30
    while _is_there(pid) and time.monotonic() < given_up:
        time.sleep(0.05)
    return not _is_there(pid)


def test_a_server_answers_after_the_wait_and_ends_with_the_run(run: "subprocess.Popen[str]") -> None:
    pid, url = _said(run)
    assert _is_there(pid)
    assert run.communicate() == ("", "")
    assert not _is_there(pid)
    with pytest.raises(ConnectionRefusedError):
        http.client.HTTPConnection(url.removeprefix("http://").removesuffix("/api")).connect()


def test_a_server_that_is_killed_comes_again_and_goes_with_a_killed_run(run: "subprocess.Popen[str]") -> None:
    first, _ = _said(run)
    os.kill(int(first), signal.SIGKILL)
    assert _goes(first)
    assert run.stdin is not None
    run.stdin.write("still there?\n")
    run.stdin.flush()
    (second,) = _said(run)
    assert second != first
    assert _is_there(second)
    run.kill()
    assert _goes(second)


def test_a_server_that_always_ends_at_once_is_one_clear_line() -> None:
    server = TemporaryServer([sys.executable, "-c", "raise SystemExit(3)"], 9)
    with pytest.raises(BuildError, match="temporary server did not start"):
        server.wait()
