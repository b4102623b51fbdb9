"""Decides what each file of a source is: a radiograph to consider, or a row with the reason why not.

Takes a folder (and the catalog of the last run) and gives the INSTANCES frame, one row per file; a file that has not
changed is not opened again. Which radiographs belong to the dataset is left to `cohort` and `linkage`.
"""

import datetime as dt
import errno
import hashlib
import stat
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any, BinaryIO

import polars as pl

from cxr_core.errors import ItemError, TransientError, UsageError
from cxr_core.intake.identity import collect_identity
from cxr_core.intake.kinds import judge_object, rejected_uids
from cxr_core.intake.moments import parse_day, parse_moment
from cxr_core.intake.sources.elements import Node
from cxr_core.intake.sources.folder import (
    Header,
    items_of,
    quiet_pydicom,
    read_header,
    spell_path,
    text_of,
    value_of,
    walk_entries,
)
from cxr_core.policy.limits import refuse_crowds, refuse_large
from cxr_core.tables.catalogue import INSTANCES
from cxr_core.vocabulary import Reason

# Slots of `description`, in this order and always all five, so that readers can tell them apart.
DESCRIPTION_SLOTS = (
    "StudyDescription",
    "SeriesDescription",
    "RequestedProcedureDescription",
    "PerformedProcedureStepDescription",
    "ProtocolName",
)
DESCRIPTION_BREAK = " | "
_NO_FOLDER = "[source] dicom: a folder of DICOM files that exists and can be listed is needed"
_ACCESSION = 0x00080050
_CHUNK_BYTES = 1 << 22
_ROWS_A_FRAME = 10_000
_OPENED_AGAIN = -1  # no file has this time
_SETTLED_AFTER_NS = 2_000_000_000  # the coarsest clock of a file system in use (FAT)
_NOTHING_READ = hashlib.sha256(b"").hexdigest()
_PLAIN = {
    "sop_instance_uid": "SOPInstanceUID",
    "sop_class_uid": "SOPClassUID",
    "study_instance_uid": "StudyInstanceUID",
    "series_instance_uid": "SeriesInstanceUID",
    "patient_id": "PatientID",
    "modality": "Modality",
    "body_part": "BodyPartExamined",
    "presentation_intent": "PresentationIntentType",
}
_LISTS = ("person_names", "staff_names", "identifiers", "phones", "addresses", "places")


def catalog_folder(
    root: Path,
    previous: pl.DataFrame | None = None,
    *,
    issuer: str = "",
    on_progress: Callable[[int], None] | None = None,
    now_ns: Callable[[], int] | None = None,
) -> pl.DataFrame:
    """List every file below a folder with what cohort and linkage need to know of it.

    Parameters
    ----------
    root : Path
        Folder of the source; any nesting, any file names. Links are not followed: they and pipes are bad files.
    previous : INSTANCES frame, optional
        Catalog of the last run: rows with the same path, size and modification time are taken over unread.
    issuer : str
        Issuer of patient ids where a header names none.
    on_progress : callable, optional
        Called with the number of files done, after each file.
    now_ns : callable, optional
        The clock. A file with a time that is not past could change and keep it: the next run opens it again.

    Returns
    -------
    INSTANCES frame
        One row per file. Bad files are rows with a `reason`. `previous` itself where no file came, went or changed.

    Raises
    ------
    UsageError
        `root` is no folder that can be listed.
    TransientError
        Files vanished while the folder was being read.
    """
    if not root.is_dir():
        raise UsageError(_NO_FOLDER)
    listing = _Listing(INSTANCES.empty() if previous is None else previous)
    try:
        with quiet_pydicom():  # once, because it costs as much as a small file
            for count, path in enumerate(walk_entries(root), 1):
                state = _state(root, path)
                is_settled = now_ns is None or state[2] < now_ns() - _SETTLED_AFTER_NS
                if not (is_settled and listing.take_over(state)):
                    row = listing.known(state) or _catalog_file(path, state, issuer)
                    listing.add(row if is_settled else row | {"mtime_ns": _OPENED_AGAIN})
                if on_progress:
                    on_progress(count)
    except PermissionError:
        raise UsageError(_NO_FOLDER) from None
    except FileNotFoundError:
        raise TransientError("files vanished from the source while it was being read") from None
    return listing.frame()


def read_again(instances: pl.DataFrame, paths: Collection[str]) -> pl.DataFrame:
    """The catalog with some files marked as changed, so that the next run opens them again.

    Parameters
    ----------
    instances : INSTANCES frame
    paths : collection of str
        As in the catalog.
    """
    is_meant = pl.col("path").is_in(list(paths))
    return instances.with_columns(mtime_ns=pl.when(is_meant).then(_OPENED_AGAIN).otherwise("mtime_ns").cast(pl.Int64))


_State = tuple[str, int, int]


class _Listing:
    """A catalog in the making: rows of the last run by their number, new ones in frames of many.

    As Python's own objects the rows of 371,920 files take gigabytes.
    """

    def __init__(self, previous: pl.DataFrame) -> None:
        self._previous = previous
        # A file that could not be read is worth another try.
        states = previous.with_row_index("number").filter(pl.col("fingerprint") != _NOTHING_READ)
        self._numbers: dict[_State, int] = {
            (path, size, mtime): number
            for path, size, mtime, number in states.select("path", "size_bytes", "mtime_ns", "number").iter_rows()
        }
        self._order: list[int] = []
        self._frames: list[pl.DataFrame] = []
        self._rows: list[dict[str, Any]] = []
        self._new = 0

    def take_over(self, state: _State) -> bool:
        """List a file as the last run did; False where that did not know it like this."""
        number = self._numbers.get(state)
        if number is None:
            return False
        self._order.append(number)
        return True

    def known(self, state: _State) -> dict[str, Any] | None:
        """What the last run knew of a file."""
        number = self._numbers.get(state)
        return None if number is None else self._previous.row(number, named=True)

    def add(self, row: dict[str, Any]) -> None:
        """List a file anew."""
        self._order.append(self._previous.height + self._new)
        self._rows.append(row)
        self._new += 1
        if len(self._rows) == _ROWS_A_FRAME:
            self._pack()

    def _pack(self) -> None:
        self._frames.append(pl.DataFrame(self._rows, schema=INSTANCES.dtypes, orient="row"))
        self._rows = []

    def frame(self) -> pl.DataFrame:
        """The catalog, in the order of listing; that of the last run as it is where nothing changed."""
        if not self._new and len(self._order) == self._previous.height:
            return self._previous
        self._pack()
        everything = pl.concat([self._previous.select(list(INSTANCES.columns)), *self._frames])
        return INSTANCES.validate(everything[pl.Series(self._order, dtype=pl.Int64)])


def _state(root: Path, path: Path) -> _State:
    try:
        entry = path.lstat()
    except OSError as error:
        if error.errno != errno.ENAMETOOLONG:
            raise
        return _spelled(root, path), 0, 0
    return _spelled(root, path), entry.st_size, entry.st_mtime_ns


def _spelled(root: Path, path: Path) -> str:
    """The place below the root; the short way for plain names, which nearly all are: 371,920 of them take seconds."""
    start, text = f"{root}/", str(path)
    below = text.removeprefix(start)
    is_plain = len(below) < len(text) and below.isascii() and "\\" not in below
    return below if is_plain else spell_path(path.relative_to(root))


def absent_file(path: str, reason: Reason) -> dict[str, Any]:
    """Row of a file that is known to exist elsewhere, and is not here."""
    return _blank((path, 0, 0), "") | {"reason": reason}


def _blank(state: _State, issuer: str) -> dict[str, Any]:
    row: dict[str, Any] = dict.fromkeys(INSTANCES.columns)
    row |= {name: [] for name in _LISTS} | {"rejected_uids": []}
    row |= {"issuer": issuer, "description": "", "fingerprint": _NOTHING_READ}
    return row | dict(zip(("path", "size_bytes", "mtime_ns"), state, strict=True))


def _catalog_file(path: Path, state: _State, issuer: str) -> dict[str, Any]:
    row = _blank(state, issuer)
    try:
        _refuse_special(path)
        refuse_large(state[1])
        with path.open("rb") as file:
            row["fingerprint"] = _digest(file)
            file.seek(0)
            header = read_header(file, state[1])
        with quiet_pydicom():
            row |= {name: _encodable(value) for name, value in _describe(header, issuer).items()}
    except ItemError as error:
        row["reason"] = error.reason
    except OSError:
        row["reason"] = Reason.E_NOT_DICOM
    return row


def _refuse_special(path: Path) -> None:
    """A pipe would be waited for, and a link leads elsewhere."""
    if not stat.S_ISREG(path.lstat().st_mode):
        raise ItemError(Reason.E_NOT_DICOM, "no regular file")


def _digest(file: BinaryIO) -> str:
    """SHA-256 of a file; on the way, its items are counted."""
    digest = hashlib.sha256()
    while chunk := file.read(_CHUNK_BYTES):
        digest.update(chunk)
        refuse_crowds(chunk)
    return digest.hexdigest()


def _encodable(value: object) -> object:
    """A value without lone surrogates, which some declared character sets decode to and no table can hold."""
    if isinstance(value, str):
        return value if value.isascii() else value.encode("utf-8", "replace").decode()
    if isinstance(value, list) and not "".join(value).isascii():
        return [_encodable(item) for item in value]
    return value


def _describe(header: Header, issuer: str) -> dict[str, Any]:
    node = header.node
    identity = collect_identity(node)
    row: dict[str, Any] = {name: list(getattr(identity, name)) for name in _LISTS}
    row |= {name: text_of(node, keyword) or None for name, keyword in _PLAIN.items()}
    return row | {
        "reason": judge_object(header),
        "issuer": text_of(node, "IssuerOfPatientID") or issuer,
        "accession_number": _accession(node),
        "exam_at": _moment(node, "Study"),
        "birth_date": parse_day(text_of(node, "PatientBirthDate")),
        "description": _descriptions(node),
        "content_at": _content_at(node),
        "rejected_uids": rejected_uids(node),
    }


def _accession(node: Node) -> str | None:
    """The accession number as found, spaces included; where the study has none, the one that all requests agree on."""
    plain = text_of(node, "AccessionNumber")
    if plain:
        found = None if _is_bare(node, plain) else value_of(node, "AccessionNumber")
        return found if isinstance(found, str) else plain
    items = items_of(node, "RequestAttributesSequence")
    requests = {text for item in items if (text := text_of(item, "AccessionNumber"))}
    return requests.pop() if len(requests) == 1 else None


def _is_bare(node: Node, plain: str) -> bool:
    """True where an accession number has no space around it but the padding to even length."""
    _, raw = node.raw(_ACCESSION) or (None, None)
    return raw in (plain.encode("utf-8", "replace"), plain.encode("utf-8", "replace") + b" ")


def _descriptions(node: Node) -> str:
    slots = [text_of(node, keyword) for keyword in DESCRIPTION_SLOTS]
    if not slots[2]:
        items = items_of(node, "RequestAttributesSequence")
        slots[2] = next(filter(None, (text_of(item, DESCRIPTION_SLOTS[2]) for item in items)), "")
    return DESCRIPTION_BREAK.join(slot.replace("|", "/") for slot in slots) if any(slots) else ""


def _moment(node: Node, name: str) -> dt.datetime | None:
    return parse_moment(text_of(node, f"{name}Date"), text_of(node, f"{name}Time"))


def _content_at(node: Node) -> dt.datetime | None:
    moments = (_moment(node, "InstanceCreation"), _moment(node, "Content"))
    return max((moment for moment in moments if moment), default=None)
