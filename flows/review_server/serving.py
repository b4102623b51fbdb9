"""The running server: one process, one socket, a log without addresses of pages.

Takes an application and where to listen; ends on an interrupt. Access lines are off: an item's opaque id is nobody's
business, and the door has a log of its own.
"""

import logging
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import uvicorn

from cxr_core.errors import UsageError
from cxr_core.tables.workspace import Workspace
from flows.review_server.app import create_app
from flows.review_server.assets import load_assets
from flows.review_server.desk import Desk, open_desk

LOOPBACK = ("127.0.0.1", "localhost", "[::1]")


@dataclass(frozen=True, slots=True)
class Listening:
    """Where and how the server listens.

    Parameters
    ----------
    names : tuple of str
        More names under which browsers reach it.
    certificate, certificate_key : Path, optional
        PEM files; with them the server speaks TLS.
    is_behind_proxy : bool
        A proxy adds TLS: cookies go over TLS only, though this process does not speak it.
    """

    host: str = "127.0.0.1"
    port: int = 8765
    names: tuple[str, ...] = ()
    certificate: Path | None = None
    certificate_key: Path | None = None
    is_behind_proxy: bool = False

    @property
    def is_loopback(self) -> bool:
        """True where nobody else can reach it."""
        return self.host in {"127.0.0.1", "::1", "localhost"}

    @property
    def is_encrypted(self) -> bool:
        """True where browsers speak TLS."""
        return self.certificate is not None or self.is_behind_proxy

    @property
    def url(self) -> str:
        """What a reader types on this machine."""
        scheme = "https" if self.certificate else "http"
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{scheme}://{host}:{self.port}/"


def check_listening(listening: Listening) -> None:
    """Refuse what would send tokens and reports over a network in the clear.

    Raises
    ------
    UsageError
    """
    if (listening.certificate is None) != (listening.certificate_key is None):
        raise UsageError("a certificate needs its key: give --certificate and --certificate-key")
    for path in (listening.certificate, listening.certificate_key):
        if path is not None and not path.is_file():
            raise UsageError(f"{path} is no file")
    if not listening.is_loopback and not listening.is_encrypted:
        raise UsageError(
            f"others can reach {listening.host}: give --certificate and --certificate-key, "
            "or --behind-proxy where a proxy adds TLS"
        )


def open_server(workspace: Workspace, listening: Listening) -> tuple[uvicorn.Server, Desk]:
    """A server that is ready to run, and the desk to close after it.

    Raises
    ------
    UsageError
        No sample was drawn, or others could read along.
    """
    check_listening(listening)
    desk = open_desk(workspace, _now, load_assets(), is_encrypted=listening.is_encrypted)
    hosts = {*LOOPBACK, listening.host, f"[{listening.host}]", *listening.names}
    config = uvicorn.Config(
        create_app(desk, hosts),
        host=listening.host,
        port=listening.port,
        ssl_certfile=listening.certificate,
        ssl_keyfile=listening.certificate_key,
        log_config=None,
        log_level="warning",
        access_log=False,
        server_header=False,
        date_header=False,
        proxy_headers=False,
        lifespan="off",
        ws="none",
        timeout_keep_alive=75,
        timeout_graceful_shutdown=3,
    )
    return uvicorn.Server(config), desk


def serve(workspace: Workspace, listening: Listening) -> None:
    """Serve the review of a workspace until interrupted.

    Raises
    ------
    UsageError
        No sample was drawn, others could read along, or the port is taken.
    """
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(message)s")
    server, desk = open_server(workspace, listening)
    try:
        server.run()
    except SystemExit:
        raise UsageError(f"port {listening.port} of {listening.host} is taken: choose another with --port") from None
    finally:
        desk.store.close()


def _now() -> datetime:
    return datetime.now(UTC)
