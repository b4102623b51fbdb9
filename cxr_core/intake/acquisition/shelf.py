"""Where received files lie in the vault: a folder a study, a file an instance, whole or not at all.

Takes bytes as they were received and gives which instances of a study are there. An equal file is left as it is, with
its time, so that the catalog does not open it again. What is to be received is left to `fetching`.
"""

import contextlib
import errno
import hashlib
import os
import re
import shutil
import uuid
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from cxr_core.errors import BuildError
from cxr_core.intake.sources.peer import Content
from cxr_core.tables.storage import sync

_UID = re.compile(r"[0-9][0-9.]{0,63}")
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


class NoRoom(BuildError):
    """The vault's disk takes nothing more."""


@dataclass(frozen=True, slots=True)
class Shelf:
    """The folder of received files, and one beside it on the same disk for what is being written.

    Parameters
    ----------
    received : Path
        The source of the build.
    incoming : Path
        Never looked at by a build; emptied by `open`.
    """

    received: Path
    incoming: Path

    def open(self) -> None:
        """Make the folders and sweep away what a killed run left half-written.

        Raises
        ------
        BuildError
            They cannot be written.
        """
        try:
            shutil.rmtree(self.incoming, ignore_errors=True)
            for folder in (self.received, self.incoming):
                folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as error:
            raise _refused(error) from None

    def place(self, study_uid: str) -> Path:
        """The folder of a study; 256 folders above them keep each short enough to list."""
        return self.received / hashlib.sha256(study_uid.encode()).hexdigest()[:2] / _name(study_uid)

    def path(self, study_uid: str, instance_uid: str) -> Path:
        """The file of an instance."""
        return self.place(study_uid) / f"{_name(instance_uid)}.dcm"

    def present(self, study_uid: str) -> frozenset[str]:
        """File names of a study that are there; `path` tells which name an instance has."""
        try:
            return frozenset(entry.name for entry in os.scandir(self.place(study_uid)))
        except FileNotFoundError:
            return frozenset()

    def has(self, study_uid: str, instance_uid: str) -> bool:
        """True where an instance is there."""
        return self.path(study_uid, instance_uid).exists()

    def receive(self, study_uid: str, instance_uid: str, content: Content) -> Callable[[], None] | None:
        """Write one file beside the shelf; gives the call that syncs it and puts it onto the shelf.

        None where an equal file is there already. Before the call has returned the file is not there: a machine that
        loses its power leaves no torn file under the name of a whole one.

        Raises
        ------
        NoRoom
            The disk is full. The call raises it, too.
        BuildError
            The vault cannot be written for another reason.
        """
        target = self.path(study_uid, instance_uid)
        temporary = self.incoming / uuid.uuid4().hex
        with _tidy(temporary):
            if _holds(target, content):
                return None
            with temporary.open("wb", buffering=0) as stream:
                view = memoryview(content)
                while view:
                    view = view[stream.write(view) or 0 :]
        return partial(_shelve, temporary, target)

    def settle(self, study_uid: str) -> None:
        """Wait until the names of a study's files are on the disk, too."""
        place = self.place(study_uid)
        for folder in (place, place.parent, place.parent.parent):
            if folder.is_dir():
                sync(folder)

    def has_others(self, study_uid: str, instance_uids: Iterable[str]) -> bool:
        """Whether files of a study lie here that are not among these instances."""
        return bool(self._others(study_uid, instance_uids))

    def keep_only(self, study_uid: str, instance_uids: Iterable[str]) -> int:
        """Delete the files of a study that are not among these instances; gives how many."""
        doomed = self._others(study_uid, instance_uids)
        for name in doomed:
            (self.place(study_uid) / name).unlink(missing_ok=True)
        return len(doomed)

    def _others(self, study_uid: str, instance_uids: Iterable[str]) -> frozenset[str]:
        return self.present(study_uid) - {self.path(study_uid, uid).name for uid in instance_uids}


def _shelve(temporary: Path, target: Path) -> None:
    """Sync a file and give it its name."""
    with _tidy(temporary):
        with temporary.open("rb+") as stream:
            os.fsync(stream.fileno())
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary.replace(target)


@contextlib.contextmanager
def _tidy(temporary: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise _refused(error) from None


def _name(uid: str) -> str:
    """A UID as a file name; what is no UID came from outside and may be a path, so its digest stands for it."""
    return uid if _UID.fullmatch(uid) else "x" + hashlib.sha256(uid.encode("utf-8", "replace")).hexdigest()


def _holds(target: Path, content: Content) -> bool:
    try:
        return target.stat().st_size == len(content) and target.read_bytes() == content
    except FileNotFoundError:
        return False


def _refused(error: OSError) -> BuildError:
    if error.errno in _FULL:
        return NoRoom("no space left for the vault: free some and run again; what was received is kept")
    return BuildError(
        f"the vault's folder of received files cannot be written ({errno.errorcode.get(error.errno or 0)})"
    )
