"""Decides what the segments of HL7 v2 result messages (ORU, MDM) say: report, patient, accession, status.

Takes files and gives one REPORTS row a report; a broken message is a row with a reason, never an exception.
Character sets and escapes are left to `hl7_text`, the joining of lines to `hl7_body`.
"""

import datetime as dt
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import hl7
import polars as pl

from cxr_core.errors import ItemError, UsageError
from cxr_core.intake.moments import parse_day, parse_moment
from cxr_core.intake.sources.folder import walk_files
from cxr_core.intake.sources.hl7_body import join_body
from cxr_core.intake.sources.hl7_segment import Segment, address, person_name, staff
from cxr_core.intake.sources.hl7_text import decode_message, split_messages
from cxr_core.intake.sources.ris_csv import has_addendum_line, read_status
from cxr_core.tables.catalogue import REPORTS
from cxr_core.vocabulary import Reason, ReportStatus

_STANDARD_SEPARATORS = "|~^&"
_UID = re.compile(r"[0-2](?:\.\d+){2,}")
_STUDY_UID_CODES = ("113014", "110180")  # DCM: DICOM Study, Study Instance UID
_ADDENDUM_EVENTS = ("T05", "T06")
_REPLACEMENT_EVENTS = ("T09", "T10")
_CANCEL_EVENT = "T11"
_LISTS = ("person_names", "staff_names", "identifiers", "phones", "addresses", "places")

# Fields by what they hold. Names: XPN; staff: XCN or NDL; identifiers: first component; phones: XTN.
_PERSON_FIELDS = {"PID": (5, 6, 9), "NK1": (2, 30), "GT1": (3,), "IN1": (16,)}
_STAFF_FIELDS = {
    "PV1": (7, 8, 9, 17, 52),
    "OBR": (10, 16, 28, 32, 33, 34, 35),
    "ORC": (10, 11, 12, 19),
    "OBX": (16,),
    "TXA": (5, 9, 10, 11, 22),
}
_ID_FIELDS = {
    "PID": (2, 3, 4, 18, 19, 20, 21),
    "PV1": (5, 19, 50),
    "NK1": (33, 37),
    "GT1": (2, 12),
    "IN1": (36, 49),
    "ORC": (2, 3, 4),
    "OBR": (2, 3, 18, 19, 20, 21),
    "IPC": (1, 2),
    "TXA": (12, 13, 14, 15),
    "MSH": (10,),
}
_PHONE_FIELDS = {"PID": (13, 14, 40), "NK1": (5, 6, 7, 40), "GT1": (6, 7), "ORC": (14, 23), "OBR": (17,)}
_ADDRESS_FIELDS = {"PID": (11,), "NK1": (4,), "GT1": (5,), "IN1": (19,)}
_PLACE_FIELDS = {"MSH": (4,), "PV1": (3, 6, 39), "PID": (23,), "ORC": (17, 21), "NK1": (13,)}


@dataclass(slots=True)
class _Group:
    """One order of a message: the segments that speak of it, those of its patient included."""

    context: list[Segment] = field(default_factory=list, repr=False)
    own: list[Segment] = field(default_factory=list, repr=False)

    def all(self, name: str) -> list[Segment]:
        return [segment for segment in [*self.context, *self.own] if segment.name == name]

    def first(self, name: str) -> Segment:
        return next(iter(self.all(name)), Segment(name))


def read_reports_hl7(path: Path, *, issuer: str = "", name: str = "") -> pl.DataFrame:
    """Read the reports of an HL7 file or of all files below a folder.

    Parameters
    ----------
    path : Path
        File or folder; single messages or batches, MLLP framing tolerated.
    issuer : str
        Issuer of patient ids where PID-3 names none.
    name : str
        Name of the source in `report_key`; the file's name, or its path below the folder, by default.

    Returns
    -------
    REPORTS frame
        One row a report. Reasons: `E_REPORT` (no result message, or broken), `E_ENCODING` (RTF or PDF instead of
        text), `E_EMPTY`.

    Raises
    ------
    UsageError
        The path cannot be read.
    """
    try:
        files = list(walk_files(path)) if path.is_dir() else [path]
        rows = [row for file in files for row in _file_rows(file.read_bytes(), _source_name(path, file, name), issuer)]
    except OSError:
        raise UsageError(f"reports: {path.name} cannot be read") from None
    return REPORTS.frame(rows)


def _source_name(root: Path, file: Path, name: str) -> str:
    if file == root:
        return name or file.name
    below = file.relative_to(root).as_posix()
    return f"{name}/{below}" if name else below


def _file_rows(content: bytes, source: str, issuer: str) -> Iterator[dict[str, Any]]:
    for place, message in enumerate(split_messages(content) or [b""]):
        key = f"{source}#{place:06d}"
        try:
            segments = _parse(decode_message(message))
            yield from _message_rows(segments, key, issuer)
        except ItemError as error:
            yield _blank_row(key, issuer) | {"reason": error.reason}


def _parse(text: str) -> list[Segment]:
    if not text.startswith("MSH"):
        raise ItemError(Reason.E_REPORT, "no message header")
    try:
        message = hl7.parse(text)
        separators = str(message.separators)[1:]
        swap = str.maketrans(separators, _STANDARD_SEPARATORS) if separators != _STANDARD_SEPARATORS else None
        return [_segment([str(part) for part in parsed], swap) for parsed in message]
    # hl7 has no common root of errors: damaged headers raise IndexError, ValueError or its own exceptions.
    except (hl7.HL7Exception, IndexError, KeyError, ValueError, TypeError, AttributeError):
        raise ItemError(Reason.E_REPORT, "the message cannot be parsed") from None


def _segment(fields: list[str], swap: dict[int, int] | None) -> Segment:
    if swap:
        fields = [text.translate(swap) for text in fields]
    return Segment(fields[0], tuple(fields[1:]))


def _message_rows(segments: list[Segment], key: str, issuer: str) -> Iterator[dict[str, Any]]:
    kind, event = segments[0].part(9, 1), segments[0].part(9, 2)
    if kind not in ("ORU", "MDM"):
        raise ItemError(Reason.E_REPORT, "neither ORU nor MDM")
    groups = _fold_empty(_groups(segments))
    if not groups:
        raise ItemError(Reason.E_REPORT, "neither order nor text")
    for place, group in enumerate(groups):
        suffix = f".{place}" if place else ""
        yield _report(group, key + suffix, issuer, event if kind == "MDM" else "")


def _groups(segments: list[Segment]) -> list[_Group]:
    """Part a message by its OBR segments; each group knows the patient segments that stand above it."""
    groups: list[_Group] = []
    context: list[Segment] = []
    pending: list[Segment] = []
    for segment in segments:
        if segment.name == "PID":
            context = [*(part for part in context if part.name in ("MSH", "EVN", "TXA")), segment]
        elif segment.name == "ORC":
            pending = [segment]
        elif segment.name == "OBR" or (segment.name == "OBX" and not groups):
            groups.append(_Group(context, [*pending, segment]))
            pending = []
        elif segment.name in ("OBX", "ZDS", "IPC", "NTE") and groups:
            groups[-1].own.append(segment)
        elif segment.name in ("ZDS", "IPC"):
            pending.append(segment)
        else:
            context.append(segment)
    if not groups and any(segment.name == "TXA" for segment in context):
        return [_Group(context, pending)]  # a document is cancelled without its text
    return groups


def _fold_empty(groups: list[_Group]) -> list[_Group]:
    """One report may cover several orders: orders without text of their own go to the only report beside them."""
    full = [group for group in groups if group.all("OBX")]
    if len(full) != 1 or len(groups) == 1:
        return groups
    for group in groups:
        if group is not full[0]:
            full[0].own.extend(group.own)
    return full


def _report(group: _Group, key: str, issuer: str, event: str) -> dict[str, Any]:
    obr, pid, txa, msh = (group.first(name) for name in ("OBR", "PID", "TXA", "MSH"))
    body = join_body(group.all("OBX"), is_addendum=event in _ADDENDUM_EVENTS)
    status = _status(group, event)
    reason = body.reason if status is not ReportStatus.VOID else None
    # An addendum (T05, T06) or a replacement (T09, T10) speaks of its parent document (TXA-13).
    parent = txa.part(13, 1) if event in (*_ADDENDUM_EVENTS, *_REPLACEMENT_EVENTS) else ""
    report_id = parent or txa.part(12, 1) or msh.part(10, 1)
    return _blank_row(key, issuer) | {
        "report_id": (report_id + key[key.rindex("#") + 7 :]) if report_id else key,
        "reason": reason,
        "accession_numbers": _accessions(group),
        "study_instance_uid": _study_uid(group),
        "issuer": pid.part(3, 4).split("&")[0] or issuer,
        "patient_id": pid.part(3, 1) or None,
        "birth_date": parse_day(pid.part(7, 1)),
        "exam_at": parse_moment(obr.part(7, 1)) or parse_moment(txa.part(4, 1)),
        "issued_at": _issued_at(group),
        "status": status,
        "exam_description": " ".join(filter(None, (obr.part(4, 1), obr.part(4, 2)))),
        "text": body.text,
        "has_addendum": body.has_addendum or has_addendum_line(body.text),
        **_identity(group),
    }


def _blank_row(key: str, issuer: str) -> dict[str, Any]:
    row: dict[str, Any] = dict.fromkeys(REPORTS.columns)
    row |= {name: [] for name in (*_LISTS, "accession_numbers")}
    row |= {"report_key": key, "report_id": key, "issuer": issuer, "status": ReportStatus.PRELIMINARY}
    return row | {"exam_description": "", "text": "", "has_addendum": False}


def _status(group: _Group, event: str) -> ReportStatus:
    """Status by TXA-17 and TXA-19 (MDM), OBR-25, else OBX-11; a cancelled document is void."""
    txa = group.first("TXA")
    lines = [segment.part(11, 1) for segment in group.all("OBX") if segment.part(11, 1)]
    spoken = txa.part(17, 1) or group.first("OBR").part(25, 1) or (lines[0] if lines else "")
    if event == _CANCEL_EVENT or txa.part(19, 1) in ("CA", "OB"):
        return ReportStatus.VOID
    return read_status(spoken)[0]


def _issued_at(group: _Group) -> dt.datetime | None:
    found = [parse_moment(segment.part(22, 1)) for segment in group.all("OBR")]
    known = [moment for moment in found if moment]
    return max(known) if known else parse_moment(group.first("MSH").part(7, 1))


def _accessions(group: _Group) -> list[str]:
    """Accession numbers, the most trusted field first: OBR-18, IPC-1, OBR-3, ORC-3, OBR-2, then TXA-15 and TXA-14."""
    fields = (("OBR", 18), ("IPC", 1), ("OBR", 3), ("ORC", 3), ("OBR", 2), ("TXA", 15), ("TXA", 14))
    found = [text for name, place in fields for segment in group.all(name) for text in segment.parts(place, 1)]
    return list(dict.fromkeys(filter(None, found)))


def _study_uid(group: _Group) -> str | None:
    """Study UID by ZDS-1, IPC-3, or an observation that carries it."""
    named = [segment.part(1, 1) for segment in group.all("ZDS")] + [segment.part(3, 1) for segment in group.all("IPC")]
    named += [segment.part(5, 1) for segment in group.all("OBX") if segment.part(3, 1) in _STUDY_UID_CODES]
    return next((text for text in named if _UID.fullmatch(text)), None)


def _identity(group: _Group) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {name: [] for name in _LISTS}
    for segment in [*group.context, *group.own]:
        for place in _PERSON_FIELDS.get(segment.name, ()):
            found["person_names"] += map(person_name, segment.repetitions(place))
        for place in _STAFF_FIELDS.get(segment.name, ()):
            for name, ident in map(staff, segment.repetitions(place)):
                found["staff_names"].append(name)
                found["identifiers"].append(ident)
        for place in _ID_FIELDS.get(segment.name, ()):
            found["identifiers"] += segment.parts(place, 1)
        for place in _PHONE_FIELDS.get(segment.name, ()):
            found["phones"] += [part for one in segment.repetitions(place) for part in one if _is_phone(part)]
        for place in _ADDRESS_FIELDS.get(segment.name, ()):
            for whole, towns in map(address, segment.repetitions(place)):
                found["addresses"].append(whole)
                found["places"] += towns
        for place in _PLACE_FIELDS.get(segment.name, ()):
            found["places"] += segment.parts(place, 1) + (segment.parts(place, 4) if segment.name == "PV1" else [])
    return {name: list(dict.fromkeys(text for text in texts if text)) for name, texts in found.items()}


def _is_phone(part: str) -> bool:
    """True for a component of XTN that is a number or a mail address, not its use or equipment code."""
    return "@" in part or sum(sign.isdigit() for sign in part) >= 6
