"""A real Orthanc for tests: started on free ports in a folder of its own, filled over REST, stopped by its id.

And a small TCP proxy that cuts or delays, which stands between us and it.
"""

import base64
import contextlib
import json
import shutil
import socket
import subprocess
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from building import free_port

BINARY = shutil.which("Orthanc") or (shutil.which("/usr/sbin/Orthanc"))
PLUGIN = Path("/usr/share/orthanc/plugins/libOrthancDicomWeb.so")
OUR_AE_TITLE = "HILUM"
_PATIENCE_S = 60


def why_not() -> str:
    """Why no Orthanc can be started here; empty where it can."""
    if BINARY is None:
        return "Orthanc is not installed"
    return "" if PLUGIN.exists() else "the DICOMweb plugin of Orthanc is not installed"


@dataclass(frozen=True, slots=True)
class Orthanc:
    """A running server."""

    root: Path
    dicom_port: int
    http_port: int
    our_port: int
    ae_title: str = "ORTHANC"
    user: str = ""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.http_port}"

    @property
    def web(self) -> str:
        """Root of its DICOMweb service."""
        return f"{self.url}/dicom-web"

    def settings(self, **more: Any) -> dict[str, Any]:
        """`[source.pacs]` of a configuration that fetches from here."""
        return {
            "host": "127.0.0.1",
            "port": self.dicom_port,
            "ae_title": self.ae_title,
            "our_ae_title": OUR_AE_TITLE,
            "listen_host": "127.0.0.1",
            "listen_port": self.our_port,
            "url": self.web,
            "start": "2005-01-01",
            "end": "2005-12-31",
            "connect_timeout_s": 10,
            "silence_timeout_s": 60,
            "backoff_s": 0.1,
            **more,
        }

    def push(self, content: bytes) -> str:
        """Store a file; gives Orthanc's word for it, empty where it refuses what is no DICOM to it."""
        try:
            return str(self._ask("/instances", "POST", content)["Status"])
        except urllib.error.HTTPError:
            return ""

    def fill(self, paths: Iterable[Path]) -> list[Path]:
        """Store files; gives those that it took for the first time."""
        return [path for path in paths if self.push(path.read_bytes()) == "Success"]

    def get(self, path: str) -> Any:
        """A resource of its REST interface."""
        return self._ask(path)

    def delete(self, path: str) -> None:
        """Delete a resource."""
        self._ask(path, "DELETE")

    def _ask(self, path: str, method: str = "GET", content: bytes | None = None) -> Any:
        request = urllib.request.Request(self.url + path, data=content, method=method)  # noqa: S310  loopback
        if self.user:
            request.add_header("Authorization", "Basic " + base64.b64encode(self.user.encode()).decode())
        with urllib.request.urlopen(request, timeout=_PATIENCE_S) as response:  # noqa: S310
            return json.load(response)


@contextlib.contextmanager
def running(
    root: Path,
    our_port: int = 0,
    move_port: int = 0,
    *,
    ports: tuple[int, int] | None = None,
    user: str = "",
    **options: Any,
) -> Iterator[Orthanc]:
    """Run an Orthanc while the context is open.

    Parameters
    ----------
    our_port, move_port : int
        Where our storage service listens, and where Orthanc believes it to be (a proxy may stand between).
    ports : (DICOM, HTTP), optional
        Its own, where they must be known beforehand.
    user : str
        `name:password` for its REST interface.
    """
    root.mkdir(parents=True, exist_ok=True)
    dicom_port, http_port = ports or (free_port(), free_port())
    server = Orthanc(root, dicom_port, http_port, our_port or free_port(), user=user)
    configuration = {
        "Name": "test",
        "StorageDirectory": str(root / "db"),
        "IndexDirectory": str(root / "db"),
        "Plugins": [str(PLUGIN)],
        "HttpPort": server.http_port,
        "DicomPort": server.dicom_port,
        "DicomAet": server.ae_title,
        "DicomCheckCalledAet": True,
        "DicomModalities": {"hilum": [OUR_AE_TITLE, "127.0.0.1", move_port or server.our_port]},
        "DicomAlwaysAllowFind": True,
        "DicomAlwaysAllowGet": True,
        "DicomAlwaysAllowMove": True,
        "UnknownSopClassAccepted": True,
        "TranscodeDicomProtocol": False,
        "OverwriteInstances": False,
        "SynchronousCMove": True,
        "RemoteAccessAllowed": False,
        "DicomWeb": {"Enable": True, "Root": "/dicom-web/", "StudiesMetadata": "Full", "SeriesMetadata": "Full"},
        **options,
    }
    (root / "orthanc.json").write_text(json.dumps(configuration))
    with (root / "orthanc.log").open("wb") as log:
        process = subprocess.Popen(
            [str(BINARY), str(root / "orthanc.json")], stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=root
        )
    try:
        _wait_until(lambda: _answers(server), process)
        yield server
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _answers(server: Orthanc) -> bool:
    try:
        server.get("/system")
    except OSError:
        return False
    return True


def _wait_until(is_so: Callable[[], bool], process: "subprocess.Popen[bytes]") -> None:
    for _ in range(_PATIENCE_S * 20):
        if is_so():
            return
        assert process.poll() is None, "Orthanc ended at its start"
        time.sleep(0.05)
    raise TimeoutError("Orthanc")


# ---------------------------------------------------------------- a bad network


@dataclass(slots=True)
class Proxy:
    """Hands bytes on to a port, until told otherwise.

    Parameters
    ----------
    target : int
        Port on loopback.
    cut_after : int or None
        A connection is cut once this many bytes went through it in one direction.
    cuts_left : int
        How often.
    """

    target: int
    cut_after: int | None = None
    cuts_left: int = 0
    is_silent: bool = False
    cuts: int = 0
    port: int = 0
    _listener: socket.socket = field(default_factory=socket.socket)
    _open: list[socket.socket] = field(default_factory=list)

    def __enter__(self) -> "Proxy":
        self._listener.bind(("127.0.0.1", 0))
        self._listener.listen()
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        for one in (self._listener, *self._open):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()

    def _accept(self) -> None:
        while True:
            try:
                caller, _ = self._listener.accept()
            except OSError:
                return
            callee = socket.create_connection(("127.0.0.1", self.target))
            self._open += [caller, callee]
            threading.Thread(target=self._pump, args=(caller, callee), daemon=True).start()
            threading.Thread(target=self._pump, args=(callee, caller), daemon=True).start()

    def _pump(self, source: socket.socket, sink: socket.socket) -> None:
        moved = 0
        try:
            while chunk := source.recv(1 << 16):
                moved += len(chunk)
                while self.is_silent:
                    time.sleep(0.05)
                if self.cut_after is not None and self.cuts_left and moved > self.cut_after:
                    self.cuts_left -= 1
                    self.cuts += 1
                    break
                sink.sendall(chunk)
        except OSError:
            pass
        for one in (source, sink):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
