"""The vault's log: who did what, when, with which counts. Never a value of a patient.

Takes one event at a time and appends it as a line of JSON; reading it is left to people.
"""

import datetime as dt
import getpass
import json
import os
from collections.abc import Mapping
from pathlib import Path

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
    handle = os.open(vault / AUDIT_FILE, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    with os.fdopen(handle, "a") as stream:
        stream.write(json.dumps(line, sort_keys=True) + "\n")
        stream.flush()
        os.fsync(stream.fileno())


def account() -> str:
    """Name of the account that runs this process; its number where it has no name, as in a container."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return str(os.getuid())
