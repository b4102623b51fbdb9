"""How far a stage is, for those who watch it in Prefect's UI: one progress artifact a stage.

Takes counts of studies, tells the server now and then. An artifact is an observation: what is done stands in the
ledgers, and a server that does not answer stops no build.
"""

import contextlib
import threading
import time
from uuid import UUID

from prefect.artifacts import create_progress_artifact, update_progress_artifact

_EVERY_S = 5.0


class WatchedStage:
    """The artifact of one stage; safe to call from many threads.

    Parameters
    ----------
    most : int
        Studies that the stage may come to do.
    """

    def __init__(self, stage: str, most: int) -> None:
        self._most, self._done, self._told_s = most, 0, time.monotonic()
        self._lock = threading.Lock()
        self._artifact: UUID | None = None
        with contextlib.suppress(Exception):
            told = create_progress_artifact(0.0, key=f"hilum-{stage}", description=f"{stage}: at most {most} studies")
            self._artifact = told if isinstance(told, UUID) else None

    def tick(self, count: int) -> None:
        """So many studies more."""
        with self._lock:
            self._done += count
            if time.monotonic() - self._told_s < _EVERY_S:
                return
            self._told_s = time.monotonic()
        self._tell(100.0 * min(self._done / self._most, 1.0))

    def finish(self) -> None:
        """Nothing more comes."""
        self._tell(100.0)

    def _tell(self, percent: float) -> None:
        if self._artifact is not None:
            with contextlib.suppress(Exception):
                update_progress_artifact(self._artifact, progress=percent)
