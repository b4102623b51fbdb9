"""Decides which reader a source of reports needs, by content rather than by name.

Takes paths of files and folders and gives one REPORTS frame.
The formats are left to `ris_csv`, `hl7_oru`, `fhir` and `openi`.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import polars as pl

from cxr_core.errors import UsageError
from cxr_core.intake.sources.fhir import read_reports_fhir
from cxr_core.intake.sources.fhir_resources import is_fhir
from cxr_core.intake.sources.folder import walk_files
from cxr_core.intake.sources.hl7_oru import read_reports_hl7
from cxr_core.intake.sources.openi import is_openi, read_report_openi
from cxr_core.intake.sources.ris_csv import read_plain_text, read_reports_csv
from cxr_core.intake.sources.source_table import SourceTable
from cxr_core.intake.sources.table_lines import is_parquet
from cxr_core.tables.catalogue import REPORTS

_HL7_STARTS = (b"MSH", b"FHS", b"BHS")
_HEAD_BYTES = 1024


def read_reports(paths: Sequence[Path], columns: Mapping[str, str] | None = None, *, issuer: str = "") -> pl.DataFrame:
    """Read reports from any mix of tables, HL7 messages, FHIR resources, Open-I cases, texts and folders of them.

    Parameters
    ----------
    paths : sequence of Path
        Files or folders; what a file is, is told by its content.
    columns : mapping
        Our name -> the CSV's column, where the usual names do not fit.
    issuer : str
        Issuer of patient ids where a source names none.

    Returns
    -------
    REPORTS frame
        `report_key` names the source below its path, so that moving a folder changes no key.

    Raises
    ------
    UsageError
        A path does not exist, or a CSV cannot be read or lacks a column.
    """
    files = _named_files(paths)
    resources = [(file, name) for file, name in files if is_fhir(_head(file))]
    frames = [_read_file(file, name, columns or {}, issuer) for file, name in files if (file, name) not in resources]
    if resources:
        frames.append(read_reports_fhir(resources, issuer=issuer))
    return REPORTS.validate(pl.concat([REPORTS.empty(), *frames]))


def report_files(paths: Sequence[Path]) -> list[Path]:
    """The files that `read_reports` reads, in its order.

    Raises
    ------
    UsageError
        A path does not exist.
    """
    return [file for file, _ in _named_files(paths)]


def _named_files(paths: Sequence[Path]) -> list[tuple[Path, str]]:
    """Every file with its name below the path that leads to it."""
    return [
        (file, name)
        for root, prefix in zip(paths, _prefixes(paths), strict=True)
        for file, name in _files(root, prefix)
    ]


def _prefixes(paths: Sequence[Path]) -> list[str]:
    """What tells two given paths of the same name apart: their place in the list, only where it is needed."""
    names = Counter(path.name for path in paths if not path.is_dir())
    many_folders = sum(path.is_dir() for path in paths) > 1 or (len(paths) > 1 and any(p.is_dir() for p in paths))
    return [
        f"{place}/" if (path.is_dir() and many_folders) or names[path.name] > 1 else ""
        for place, path in enumerate(paths)
    ]


def _files(root: Path, prefix: str) -> list[tuple[Path, str]]:
    if root.is_dir():
        return [(file, prefix + file.relative_to(root).as_posix()) for file in walk_files(root)]
    if not root.is_file():
        raise UsageError(f"reports: {root.name} does not exist")
    return [(root, prefix + root.name)]


def _read_file(path: Path, name: str, columns: Mapping[str, str], issuer: str) -> pl.DataFrame:
    head, suffix = _head(path), path.suffix.lower()
    if _is_hl7(head):
        return read_reports_hl7(path, issuer=issuer, name=name)
    if is_openi(head):
        return read_report_openi(path, issuer=issuer, name=name)
    if is_parquet(head) or suffix in (".csv", ".tsv"):
        return read_reports_csv(path, columns, issuer=issuer, name=name)
    if suffix == ".txt":
        if SourceTable(path, "reports", {}).has("text", "findings", "impression"):
            return read_reports_csv(path, columns, issuer=issuer, name=name)
        return read_plain_text(path, issuer=issuer, name=name)
    return read_reports_hl7(path, issuer=issuer, name=name)


def _is_hl7(head: bytes) -> bool:
    return head.removeprefix(b"\xef\xbb\xbf").lstrip(b"\x0b\r\n\t ").startswith(_HL7_STARTS)


def _head(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(_HEAD_BYTES)
    except OSError:
        raise UsageError(f"reports: {path.name} cannot be read") from None
