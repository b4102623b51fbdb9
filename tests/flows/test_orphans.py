"""The temporary Prefect server of a build that was killed does not run for ever."""

import os
import subprocess
import sys
from pathlib import Path

from flows.quiet import end_orphaned_servers

# Starts a sleeping program that looks like a server, and dies before it.
_LEAVE = """
import subprocess, sys
sleep = [sys.executable, "-c", "import time; time.sleep(600)", "prefect.server"]
left = subprocess.Popen(sleep, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
print(left.pid)
"""


def _leave(workspace: Path) -> int:
    environment = {"PATH": os.environ["PATH"], "PREFECT_HOME": str(workspace / ".prefect")}
    command = [sys.executable, "-c", _LEAVE]
    return int(subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout)


def test_an_orphan_of_this_workspace_is_ended_and_no_other(tmp_path: Path) -> None:
    other = _leave(tmp_path / "other")
    _leave(tmp_path / "mine")
    assert end_orphaned_servers(tmp_path / "mine") == 1
    os.kill(other, 0)
    assert end_orphaned_servers(tmp_path / "other") == 1


def test_the_server_of_a_living_build_is_left_alone(tmp_path: Path) -> None:
    sleep = [sys.executable, "-c", "import time; time.sleep(600)", "prefect.server"]
    with subprocess.Popen(sleep, env={"PREFECT_HOME": str(tmp_path / ".prefect")}) as living:
        assert end_orphaned_servers(tmp_path) == 0
        assert living.poll() is None
        living.kill()
