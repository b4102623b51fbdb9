"""The environment of a local run: Prefect without a server, quiet, offline, its home inside the workspace.

Must run before Prefect is imported. Never overrides what the user has set; a deployed run does not pass here.
"""

import contextlib
import os
import signal
from pathlib import Path

_DEFAULTS = {
    # Hospitals are air-gapped: nothing calls out.
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "DO_NOT_TRACK": "1",
    # The temporary server ends with 150-200 lines of harmless tracebacks that a newcomer takes for a crash.
    "PREFECT_SERVER_LOGGING_LEVEL": "CRITICAL",
    "PREFECT_LOGGING_INTERNAL_LEVEL": "CRITICAL",
    "PREFECT_LOGGING_LEVEL": "CRITICAL",
    "PREFECT_LOGGING_ROOT_LEVEL": "CRITICAL",  # its event workers log under names of their own
    # The first start migrates a database, which takes longer than the default allows on a busy machine.
    "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "180",
}


def set_quiet_environment(workspace: Path) -> bool:
    """Set the defaults of a local run.

    Returns
    -------
    bool
        True where the user names neither a server nor a home of Prefect: both are the run's own.
    """
    for name, value in _DEFAULTS.items():
        os.environ.setdefault(name, value)
    if "PREFECT_API_URL" in os.environ or "PREFECT_HOME" in os.environ:
        return False
    home = (workspace / ".prefect").absolute()
    home.mkdir(parents=True, exist_ok=True)  # Prefect's database does not make its own folder
    os.environ["PREFECT_HOME"] = str(home)
    return True


def end_orphaned_servers(workspace: Path) -> int:
    """End temporary servers of builds on this workspace that were killed before the kernel knew to end them, too.

    Only where no build holds the workspace. A server is known by its Prefect home, an orphan by its lost parent.

    Returns
    -------
    int
        Servers that were ended.
    """
    home = f"PREFECT_HOME={(workspace / '.prefect').absolute()}".encode()
    ended = 0
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # gone meanwhile, or another user's
            is_server = b"prefect.server" in (folder / "cmdline").read_bytes()
            is_orphan = (folder / "stat").read_text().rpartition(")")[2].split()[1] == "1"
            if is_server and is_orphan and home in (folder / "environ").read_bytes().split(b"\0"):
                os.kill(int(folder.name), signal.SIGTERM)
                ended += 1
    return ended
