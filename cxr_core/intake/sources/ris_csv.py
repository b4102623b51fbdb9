"""Decides what the columns of RIS exports mean: reports, encounters, merged patient ids, excluded patients.

Takes CSV files and gives frames that keep their contracts; a missing column ends in one clear line.
Which report belongs to which study is left to `cxr_core.intake.linkage`.
"""

import datetime as dt
import logging
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import polars as pl

from cxr_core.errors import UsageError
from cxr_core.intake.identity import address_towns
from cxr_core.intake.moments import parse_day, parse_moment
from cxr_core.intake.sources.source_table import SourceTable, lookup
from cxr_core.intake.sources.table_lines import decode
from cxr_core.tables.catalogue import ENCOUNTERS, MERGES, REPORTS
from cxr_core.vocabulary import Reason, ReportStatus

EXCLUSIONS_SCHEMA = pl.Schema({"issuer": pl.String, "patient_id": pl.String, "cause": pl.String})
_BEFORE_ALL = dt.datetime(1, 1, 1)  # noqa: DTZ001  local by contract
_log = logging.getLogger(__name__)
_SEVERAL = re.compile(r"\s*[;,|~]\s*")
_ADDENDUM_LINE = re.compile(r"^\s*\W*ADDEND(?:UM|A)\b", re.IGNORECASE | re.MULTILINE)


def read_reports_csv(
    path: Path, columns: Mapping[str, str] | None = None, *, issuer: str = "", name: str = ""
) -> pl.DataFrame:
    """Read the reports of a RIS export.

    Parameters
    ----------
    path : Path
        CSV, TSV or semicolon file with a header line.
    columns : mapping
        Our name -> the file's column, where the usual names (`columns.toml`) do not fit.
    issuer : str
        Issuer of patient ids where the file names none.
    name : str
        Name of the source in `report_key`; the file's name by default.

    Returns
    -------
    REPORTS frame
        One row per line; a line without report text has the reason `E_EMPTY`.

    Raises
    ------
    UsageError
        The file cannot be read or lacks a column; the line says which, and how to map it.
    """
    table = SourceTable(path, "reports", columns)
    table.require("text", "findings", "impression")
    table.require("accession", "patient_id", "study_instance_uid")
    source = name or path.name
    rows = [_report(row, f"{source}#{place:07d}", issuer) for place, row in enumerate(table.rows())]
    return REPORTS.frame(rows)


def _report(row: Mapping[str, str], key: str, issuer: str) -> dict[str, Any]:
    text = _text(row)
    status, is_addendum = read_status(row.get("status", ""))
    accessions = split_accessions(row.get("accession", ""))
    return {
        "report_key": key,
        "report_id": row.get("report_id") or key,
        "reason": None if text.strip() else Reason.E_EMPTY,
        "accession_numbers": accessions,
        "study_instance_uid": row.get("study_instance_uid") or None,
        "issuer": row.get("issuer") or issuer,
        "patient_id": row.get("patient_id") or None,
        "birth_date": parse_day(row.get("birth_date", "")),
        "exam_at": parse_moment(row.get("exam_at", ""), row.get("exam_time", "")),
        "issued_at": parse_moment(row.get("issued_at", "")),
        "status": status,
        "exam_description": _present(row, "exam_code", "exam_description", joiner=" "),
        "text": text,
        "has_addendum": is_addendum or bool(_ADDENDUM_LINE.search(text)),
        "person_names": _person_names(row),
        "staff_names": _values(row, "radiologist", "resident", "ordering"),
        "identifiers": list(dict.fromkeys([*_values(row, "patient_id", "visit", "ssn", "report_id"), *accessions])),
        "phones": _values(row, "phone"),
        "addresses": _values(row, "address"),
        "places": _values(row, "place") + address_towns(row.get("address", "")),
    }


def read_plain_text(path: Path, *, issuer: str = "", name: str = "") -> pl.DataFrame:
    """Read a text file as one report whose name is its id and its accession number (`s50414267.txt`).

    Raises
    ------
    UsageError
        The file cannot be read.
    """
    try:
        text = decode(path.read_bytes())
    except OSError:
        raise UsageError(f"reports: {path.name} cannot be read") from None
    row = {"text": text, "accession": path.stem, "report_id": path.stem}
    return REPORTS.frame([_report(row, f"{name or path.name}#{0:07d}", issuer)])


def split_accessions(text: str) -> list[str]:
    """The accession numbers of one field, in order: `A1; A2` gives both; spaces within one are kept."""
    return [part for part in dict.fromkeys(_SEVERAL.split(text.strip())) if part]


def read_status(text: str) -> tuple[ReportStatus, bool]:
    """Status of a report and whether the row is an addendum.

    A status that no list knows is not known to be final: preliminary. No status at all is final, because exports
    without such a column hold signed reports.
    """
    if not text.strip():
        return ReportStatus.FINAL, False
    found = lookup("statuses", text)
    if found == "addendum":
        return ReportStatus.FINAL, True
    return ReportStatus(found) if found else ReportStatus.PRELIMINARY, False


def has_addendum_line(text: str) -> bool:
    """True where a line of a report opens an addendum."""
    return bool(_ADDENDUM_LINE.search(text))


def _text(row: Mapping[str, str]) -> str:
    whole = row.get("text", "")
    if whole.strip():
        return whole.replace("\r\n", "\n").replace("\r", "\n")
    parts = [f"{name.upper()}: {row[name]}" for name in ("findings", "impression") if row.get(name)]
    return "\n\n".join(parts)


def _person_names(row: Mapping[str, str]) -> list[str]:
    parted = "^".join(part for part in (row.get("last_name", ""), row.get("first_name", "")) if part)
    return _values(row, "patient_name", "mother_name") + ([parted] if parted else [])


def _values(row: Mapping[str, str], *names: str) -> list[str]:
    return [row[name] for name in names if row.get(name)]


def _present(row: Mapping[str, str], *names: str, joiner: str) -> str:
    return joiner.join(_values(row, *names))


def read_encounters_csv(path: Path, *, issuer: str = "") -> pl.DataFrame:
    """Read hospital encounters; lines without patient, class or readable arrival can qualify nobody and are left out.

    Raises
    ------
    UsageError
        The file cannot be read or lacks a column.
    """
    table = SourceTable(path, "encounters")
    for column in ("patient_id", "patient_class", "arrived_at"):
        table.require(column)
    rows: dict[str, dict[str, Any]] = {}
    left_out = 0
    for place, row in enumerate(table.rows()):
        arrived = parse_moment(row["arrived_at"])
        if arrived is None or not row["patient_id"] or not row["patient_class"]:
            left_out += 1
            continue
        visit = row.get("visit") or f"#{place:07d}"
        rows[visit if visit not in rows else f"{visit}#{place:07d}"] = {
            "issuer": row.get("issuer") or issuer,
            "patient_id": row["patient_id"],
            "patient_class": lookup("patient_classes", row["patient_class"]) or row["patient_class"].upper(),
            "arrived_at": arrived,
            "departed_at": parse_moment(row.get("departed_at", "")),
        }
    if left_out:
        _log.warning("encounters: %d lines without patient, class or readable arrival were left out", left_out)
    return ENCOUNTERS.frame({"visit": visit} | row for visit, row in rows.items())


def read_merges_csv(path: Path) -> pl.DataFrame:
    """Read merged patient ids; where an old id stands twice, the latest merge counts.

    Raises
    ------
    UsageError
        The file cannot be read, lacks a column, or merges ids in a circle; the line says which lines do.
    """
    table = SourceTable(path, "merges")
    table.require("old_patient_id")
    table.require("new_patient_id")
    rows = [
        (line, row) for line, row in enumerate(table.rows(), start=2) if row["old_patient_id"] and row["new_patient_id"]
    ]
    rows.sort(key=lambda one: parse_moment(one[1].get("merged_at", "")) or _BEFORE_ALL)  # the sort is stable
    newest: dict[tuple[str, str], tuple[tuple[str, str], int]] = {}
    for line, row in rows:
        issuer = row.get("issuer", "")
        old = (row.get("old_issuer") or issuer, row["old_patient_id"])
        new = (row.get("new_issuer") or issuer, row["new_patient_id"])
        if old != new:
            newest[old] = (new, line)
    _refuse_circles(newest)
    columns = ("old_issuer", "old_patient_id", "new_issuer", "new_patient_id")
    return MERGES.frame(dict(zip(columns, (*old, *new), strict=True)) for old, (new, _) in newest.items())


def _refuse_circles(merges: Mapping[tuple[str, str], tuple[tuple[str, str], int]]) -> None:
    """Refuse ids that are merged into each other: which one survives is not guessed."""
    for start in merges:
        lines: dict[tuple[str, str], int] = {}
        old = start
        while old in merges and old not in lines:
            after, lines[old] = merges[old]
            old = after
        if old == start and old in lines:
            told = ", ".join(map(str, sorted(lines.values())))
            raise UsageError(f"merges: lines {told} merge ids in a circle; leave out the merge that was taken back")


def read_exclusions_csv(path: Path, *, issuer: str = "") -> pl.DataFrame:
    """Read the patients who must not be in the dataset: issuer, patient_id, cause (opt_out, restricted, ...).

    Raises
    ------
    UsageError
        The file cannot be read or lacks the patient column.
    """
    table = SourceTable(path, "exclusions")
    table.require("patient_id")
    rows = [
        {"issuer": row.get("issuer") or issuer, "patient_id": row["patient_id"], "cause": row.get("cause", "")}
        for row in table.rows()
        if row["patient_id"]
    ]
    return pl.DataFrame(rows, schema=EXCLUSIONS_SCHEMA, orient="row")
