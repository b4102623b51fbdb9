"""Studies that are finished and not yet committed: they wait for one another, so that many share one commit.

Takes the rows of finished studies from many threads and commits those of a second or a little more as one part.
A study counts as done from that commit on; how parts are written is left to `stage_store`.
"""

import threading
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from cxr_core.tables.stage_store import Rows, StageStore

_EVERY_S = 1.0
_TIMES_AS_LONG = 20  # of the time, a twentieth goes into commits: slow disks and busy machines commit less often


@dataclass(frozen=True, slots=True)
class FinishedStudy:
    """What a stage made of one study: its row in the ledger, and its rows by table."""

    ledger: Mapping[str, object] = field(repr=False)
    rows: Rows = field(repr=False)


class OpenPart:
    """The next part of a stage, still in memory; safe to call from many threads.

    A commit costs the same for one study and for hundreds: a validated, synced file a table. So a study that ends soon
    after a commit (within a second, or twenty times what that took) waits for others; one that ends later does not.

    Parameters
    ----------
    most : int
        Studies that wait at most: what a kill may cost.
    clock : callable
        Seconds of a clock that never goes back.
    """

    def __init__(self, store: StageStore, *, most: int, clock: Callable[[], float]) -> None:
        self._store, self._most, self._clock = store, most, clock
        self._lock = threading.Lock()
        self._waiting: dict[str, FinishedStudy] = {}
        self._due_s = clock()

    @property
    def is_empty(self) -> bool:
        """True where nothing waits."""
        return not self._waiting

    def add(self, studies: Sequence[FinishedStudy]) -> None:
        """Take in studies; commit everything that waits where that is due.

        Raises
        ------
        ContractError, OSError
            As `commit`.
        """
        with self._lock:
            self._waiting |= {str(study.ledger["study_id"]): study for study in studies}
            if len(self._waiting) < self._most and self._clock() < self._due_s:
                return
        self.commit()

    def commit(self) -> None:
        """Commit everything that waits; other threads go on adding meanwhile.

        Raises
        ------
        ContractError
            The rows break a contract; nothing is written.
        OSError
            The disk did not take them: they wait for the next commit.
        """
        begun_s = self._clock()
        with self._lock:
            part, self._waiting = self._waiting, {}
            self._due_s = begun_s + _EVERY_S
        if not part:
            return
        rows: dict[str, list[Mapping[str, object]]] = defaultdict(list)
        for study in part.values():
            for table, some in study.rows.items():
                rows[table].extend(some)
        try:
            self._store.commit(rows, [study.ledger for study in part.values()])
        except OSError:
            with self._lock:
                self._waiting = part | self._waiting
                self._due_s = begun_s
            raise
        with self._lock:
            self._due_s = begun_s + max(_EVERY_S, _TIMES_AS_LONG * (self._clock() - begun_s))
