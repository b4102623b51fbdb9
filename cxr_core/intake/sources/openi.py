"""Decides what the report files of the Open-I chest collection (ecgen XML) say.

Takes one XML file and gives one REPORTS row, tied to its images by the number of the case.
The images are left to `collections`, which writes them under the same number.
"""

import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import polars as pl

from cxr_core.errors import UsageError
from cxr_core.tables.catalogue import REPORTS
from cxr_core.vocabulary import Reason, ReportStatus

_ROOT = b"<eCitation"
_WANTED = ("FINDINGS", "IMPRESSION")
_LISTS = ("person_names", "staff_names", "identifiers", "phones", "addresses", "places")


def is_openi(head: bytes) -> bool:
    """True for the first kilobyte of an ecgen file."""
    return _ROOT in head


def read_report_openi(path: Path, *, issuer: str = "", name: str = "") -> pl.DataFrame:
    """Read one case.

    Returns
    -------
    REPORTS frame
        One row: sections as headings with their text, the case number as patient and accession number. No dates: the
        collection has none. `E_EMPTY` where neither findings nor impression say anything, `E_REPORT` where the file is
        broken.

    Raises
    ------
    UsageError
        The file cannot be read.
    """
    try:
        content = path.read_bytes()
    except OSError:
        raise UsageError(f"reports: {path.name} cannot be read") from None
    key = f"{name or path.name}#{0:07d}"
    root = _parsed(content)
    case = _case(root) if root is not None else ""
    row: dict[str, Any] = dict.fromkeys(REPORTS.columns)
    row |= {column: [] for column in (*_LISTS, "accession_numbers")}
    row |= {"report_key": key, "report_id": case or key, "issuer": issuer, "status": ReportStatus.FINAL}
    row |= {"exam_description": "", "text": "", "has_addendum": False, "reason": Reason.E_REPORT}
    if root is not None and case:
        sections = _sections(root)
        is_empty = not any(sections.get(label) for label in _WANTED)
        text = "\n\n".join(f"{label}: {said}" for label, said in sections.items() if said)
        row |= {"reason": Reason.E_EMPTY if is_empty else None, "text": text, "patient_id": case}
        row |= {"accession_numbers": [case], "identifiers": [case], "exam_description": "CHEST X-RAY"}
    return REPORTS.frame([row])


def image_names(content: bytes) -> tuple[str, list[str]]:
    """Case number and the names of its images, without folder and extension; both empty where the file is broken."""
    root = _parsed(content)
    if root is None:
        return "", []
    return _case(root), [ident for image in root.iter("parentImage") if (ident := image.get("id", "").strip())]


def _parsed(content: bytes) -> ET.Element | None:
    if b"<!" in content.replace(b"<!--", b"").replace(b"<![CDATA[", b""):
        return None  # a document type may declare entities that grow without bound
    try:
        root = ET.fromstring(content)  # noqa: S314  see above
    except ET.ParseError:
        return None
    return root if root.tag == "eCitation" else None


def _case(root: ET.Element) -> str:
    found = root.find("uId")
    return (found.get("id") or "").strip() if found is not None else ""


def _sections(root: ET.Element) -> dict[str, str]:
    found: dict[str, str] = {}
    for part in root.iter("AbstractText"):
        label, said = (part.get("Label") or "TEXT").strip().upper(), " ".join("".join(part.itertext()).split())
        found[label] = f"{found[label]} {said}" if found.get(label) else said
    return found
