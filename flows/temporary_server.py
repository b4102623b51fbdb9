"""The temporary Prefect server of a local run: begun before anything heavy is imported here, begun again if it dies.

Takes Prefect's home from the environment, leaves the server's address there, ends the server behind everything else.
Prefect would start the same one itself, but not before the flow is called and all of the server is imported here, too,
which costs seconds; and a run whose server died would try for minutes and fail. What is local is left to `quiet`.
"""

import atexit
import http.client
import importlib.util
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

from cxr_core.errors import BuildError
from flows import quiet

_PATIENCE_S = 180  # the first start makes a database, which takes long on a busy machine
_PAUSE_S = 0.05
_FAREWELL_S = 5
_MOST_STARTS = 4
_OF_THE_SERVER = {
    "PREFECT_UI_ENABLED": "0",
    "PREFECT__SERVER_EPHEMERAL": "1",
    # No build stores anything in a block, and telling them to the database imports all of Dask.
    "PREFECT_MEMOIZE_BLOCK_AUTO_REGISTRATION": "0",
    "PREFECT_API_BLOCKS_REGISTER_ON_START": "0",
    "PY_KEY_VALUE_DISABLE_BEARTYPE": "true",  # checks of a library's own calls, compiled at every start
}
_SERVER = """
import ctypes, gc, signal, sys
if sys.platform == "linux":  # a server whose run was killed is of no use
    PR_SET_PDEATHSIG = 1
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
gc.disable()  # what imports make stays
sys.path[0] = sys.argv[1]
import uvicorn
from prefect.server.api.server import create_app
app = create_app()
gc.freeze()
gc.enable()
uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[2]), log_level="error", lifespan="on")
"""


def begin_local_run(workspace: Path) -> Callable[[], None]:
    """Set the defaults of a local run and begin its server, where that is the run's own.

    Returns
    -------
    callable
        Waits for the server; to be called before the first flow is. Raises `BuildError` as `TemporaryServer.wait`.
    """
    return TemporaryServer.start().wait if quiet.set_quiet_environment(workspace) else lambda: None


class TemporaryServer:
    """A server on its way; `wait` before the first flow is called.

    It lies in a session of its own, so that Ctrl-C ends the run first, and goes when this process does.
    """

    def __init__(self, command: list[str], port: int) -> None:
        self._command, self._port = command, port
        self._is_wanted = True
        self._process = self._begin()
        self._keeper = threading.Thread(target=self._keep, name="temporary-server", daemon=True)
        self._keeper.start()

    @classmethod
    def start(cls) -> "TemporaryServer":
        """Begin to start one, and name it to this process's Prefect, which must not be imported yet."""
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = int(free.getsockname()[1])
        server = cls(_command(port), port)
        os.environ["PREFECT_API_URL"] = f"http://127.0.0.1:{port}/api"
        atexit.register(server.stop)  # before Prefect registers anything: the last events still find the server
        return server

    @property
    def pid(self) -> int:
        return self._process.pid

    def _begin(self) -> "subprocess.Popen[bytes]":
        return subprocess.Popen(self._command, env=os.environ | _OF_THE_SERVER, start_new_session=True)

    def _keep(self) -> None:
        for _ in range(_MOST_STARTS - 1):
            self._process.wait()
            if not self._is_wanted:
                return
            self._process = self._begin()
        self._process.wait()

    def wait(self) -> None:
        """Wait until the server answers.

        Raises
        ------
        BuildError
            It ended again and again, or says nothing for three minutes.
        """
        given_up = time.monotonic() + _PATIENCE_S
        while not self._answers():
            if not self._keeper.is_alive() or time.monotonic() > given_up:
                raise BuildError("Prefect's temporary server did not start")
            time.sleep(_PAUSE_S)

    def _answers(self) -> bool:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=_FAREWELL_S)
        try:
            connection.request("GET", "/api/health")
            return connection.getresponse().status == http.HTTPStatus.OK
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    def stop(self) -> None:
        """End it, in good order where it is quick about it."""
        self._is_wanted = False
        self._process.terminate()
        self._keeper.join(_FAREWELL_S)
        if self._keeper.is_alive():
            self._process.kill()
            self._keeper.join()


def _command(port: int) -> list[str]:
    package = importlib.util.find_spec("prefect")
    if package is None or package.origin is None:
        raise BuildError("Prefect is not installed")
    return [sys.executable, "-c", _SERVER, str(Path(package.origin).parents[1]), str(port)]
