"""The vault's log: who did what, when, with which counts. Never a value of a patient.

Takes one event at a time and appends it as a line of JSON; reading it is left to people.
"""

import datetime as dt
import getpass
import json
import os
from collections.abc import Mapping
from pathlib import Path

from cxr_core.tables.storage import append_line

AUDIT_FILE = "audit.jsonl"


def record(vault: Path, command: str, counts: Mapping[str, int], *, now: dt.datetime, why: str = "") -> None:
    """Append one line to `audit.jsonl` and sync it.

    Parameters
    ----------
    why : str
        A person's reason, in that person's words.
    """
    line: dict[str, object] = {"when": now.isoformat(timespec="seconds"), "who": account()}
    line |= {"command": command, "counts": dict(counts)} | ({"why": why} if why else {})
    append_line(vault / AUDIT_FILE, json.dumps(line, sort_keys=True))


def account() -> str:
    """Name of the account that runs this process; its number where it has no name, as in a container."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return str(os.getuid())
