"""The log of the review's door: who came in, who was refused, who exported. Never a token, a text or an answer.

Takes events, appends one JSON line each to a file that its owner alone can read. Decisions have an audit trail of their
own in the store.
"""

import json
import threading
from datetime import datetime
from pathlib import Path

from cxr_core.tables.storage import append_line


class DoorLog:
    """An append-only file of lines."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()

    def note(self, event: str, at: datetime, *, reader: str = "", address: str = "") -> None:
        """Append one event; on the disk when this returns."""
        line = {"at": at.isoformat(timespec="seconds"), "event": event, "reader": reader, "address": address}
        with self._lock:
            append_line(self._path, json.dumps(line))
