"""Decides which received file belongs to which study that we asked for, and refuses what nobody asked for.

Takes files as a peer delivers them, from several threads; hands them to the shelf and remembers what went wrong there,
because the thread that receives is not the one that waits: for a file to come, and for the disk to have it. Protocol
and disk are left to others.
"""

import io
import threading
from collections import Counter
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from enum import Enum

from cxr_core.errors import BuildError, ItemError
from cxr_core.intake.sources.folder import read_header, text_of
from cxr_core.intake.sources.peer import Content, Deposit

_HEADER_BYTES = 1 << 17  # where the study of a file stands
_AT_A_TIME = 2


class Receipt(Enum):
    """What a sender is told."""

    KEPT = "kept"
    NOT_ASKED_FOR = "not asked for"
    CANNOT_KEEP = "cannot keep"


@dataclass(frozen=True, slots=True)
class Came:
    """What came of one study."""

    uids: frozenset[str] = field(repr=False)
    size_bytes: int


@dataclass(slots=True)
class Arrivals:
    """What is expected at the moment, and what came.

    Parameters
    ----------
    deposit : callable
        Keeps one file. Waiting for the disk, where that is left to do, goes on while the next file comes; a file has
        come once that is done, and only then.
    """

    deposit: Deposit = field(repr=False)
    refused: int = 0
    _studies: dict[str, str] = field(default_factory=dict, repr=False)
    _open: set[str] = field(default_factory=set, repr=False)
    _came: dict[str, set[str]] = field(default_factory=dict, repr=False)
    _bytes: Counter[str] = field(default_factory=Counter, repr=False)
    _fault: BuildError | None = None
    _unsafe: Counter[str] = field(default_factory=Counter, repr=False)
    _waiting: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(_AT_A_TIME), repr=False)
    _changed: threading.Condition = field(default_factory=threading.Condition, repr=False)

    def expect(self, study_uid: str, instance_uids: Iterable[str]) -> None:
        """From now on files of a study are taken."""
        with self._changed:
            self._open.add(study_uid)
            self._studies.update(dict.fromkeys(instance_uids, study_uid))
            self._came[study_uid] = set()
            self._bytes[study_uid] = 0

    def close(self, study_uid: str) -> Came:
        """No more of a study is taken; waits until what came is safe, and gives it."""
        with self._changed:
            self._open.discard(study_uid)
            self._changed.wait_for(lambda: not self._unsafe[study_uid])
            self._studies = {uid: study for uid, study in self._studies.items() if study != study_uid}
            return Came(frozenset(self._came.pop(study_uid, ())), self._bytes.pop(study_uid, 0))

    def take(self, instance_uid: str, content: Content) -> Receipt:
        """Keep one file, if its study was asked for."""
        study_uid = self._study(instance_uid, content)
        if study_uid is None:
            with self._changed:
                self.refused += 1
            return Receipt.NOT_ASKED_FOR
        try:
            wait = self.deposit(study_uid, instance_uid, content)
        except BuildError as error:
            with self._changed:
                self._fault = error
            return Receipt.CANNOT_KEEP
        if wait is None:
            self._note(study_uid, instance_uid, len(content))
            return Receipt.KEPT
        with self._changed:
            self._unsafe[study_uid] += 1
        self._waiting.submit(self._secure, wait, study_uid, instance_uid, len(content))
        return Receipt.KEPT

    def _secure(self, wait: Callable[[], None], study_uid: str, instance_uid: str, size: int) -> None:
        """Wait for the disk; only then has a file come."""
        try:
            wait()
            self._note(study_uid, instance_uid, size)
        except BuildError as error:
            with self._changed:
                self._fault = error
        finally:
            with self._changed:
                self._unsafe[study_uid] -= 1
                self._changed.notify_all()

    def _note(self, study_uid: str, instance_uid: str, size: int) -> None:
        with self._changed:
            self._came.setdefault(study_uid, set()).add(instance_uid)
            self._bytes[study_uid] += size
            self._changed.notify_all()

    def wait_for(self, study_uid: str, count: int, silence_s: float) -> None:
        """Wait until so many files of a study came, or none came for a while: some PACS say done too early."""
        with self._changed:
            before = -1
            while before < (now := len(self._came.get(study_uid, ()))) < count and self._fault is None:
                before = now
                self._changed.wait_for(lambda: len(self._came.get(study_uid, ())) > now, silence_s)

    def check(self) -> None:
        """Raise what kept a file from being kept."""
        if self._fault is not None:
            raise self._fault

    def _study(self, instance_uid: str, content: Content) -> str | None:
        """The study of a file: as listed, else as its header says, if that study was asked for."""
        with self._changed:
            study_uid = self._studies.get(instance_uid)
        if study_uid is None:
            study_uid = _told_study(content[:_HEADER_BYTES]) or _told_study(content)
        with self._changed:
            return study_uid if study_uid in self._open else None


def _told_study(content: Content) -> str:
    """The study that a header names; empty where it cannot be read."""
    try:
        return text_of(read_header(io.BytesIO(content), len(content)).node, "StudyInstanceUID")
    except ItemError:
        return ""
