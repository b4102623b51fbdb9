"""The environment of a local run: Prefect without a server, quiet, offline, its home inside the workspace.

Must run before Prefect is imported. Never overrides what the user has set; a deployed run does not pass here.
"""

import os
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


def set_quiet_environment(workspace: Path) -> None:
    """Set the defaults of a local run."""
    for name, value in _DEFAULTS.items():
        os.environ.setdefault(name, value)
    if "PREFECT_API_URL" not in os.environ and "PREFECT_HOME" not in os.environ:
        home = (workspace / ".prefect").absolute()
        home.mkdir(parents=True, exist_ok=True)  # Prefect's database does not make its own folder
        os.environ["PREFECT_HOME"] = str(home)
