"""Decides what FHIR DiagnosticReports say: report, patient, accession numbers, study, status.

Takes files of bundles or bulk data, which may speak of each other, and gives one REPORTS row a report.
The words are left to `fhir_text`, persons to `fhir_people`, JSON and its validation to `fhir_resources`.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import polars as pl

from cxr_core.errors import UsageError
from cxr_core.intake.moments import parse_day, parse_moment
from cxr_core.intake.sources.fhir_people import Body, People, codes, identifiers, objects, record_number, string
from cxr_core.intake.sources.fhir_resources import Resource, is_valid_report, read_resources
from cxr_core.intake.sources.fhir_text import report_text
from cxr_core.intake.sources.ris_csv import has_addendum_line
from cxr_core.tables.catalogue import REPORTS
from cxr_core.vocabulary import Reason, ReportStatus

_DICOM_UID = "urn:dicom:uid"
_OID = "urn:oid:"
_TRUST = ("ACSN", "FILL", "PLAC")  # HL7 table 0203, the most trusted first
_AROUND = frozenset(
    {
        "Patient",
        "ServiceRequest",
        "ProcedureRequest",
        "ReferralRequest",
        "ImagingStudy",
        "Practitioner",
        "PractitionerRole",
        "Organization",
        "Observation",
        "Encounter",
    }
)
_STATUSES = {
    "final": ReportStatus.FINAL,
    "amended": ReportStatus.CORRECTED,
    "corrected": ReportStatus.CORRECTED,
    "appended": ReportStatus.CORRECTED,
    "cancelled": ReportStatus.VOID,
    "entered-in-error": ReportStatus.VOID,
}


@dataclass(frozen=True, slots=True)
class _Surroundings:
    """The resources that reports refer to, by the names that references use."""

    known: Mapping[str, Resource] = field(repr=False)

    def within(self, report: Body) -> "_Surroundings":
        """The same, with what the report contains."""
        held = {f"#{string(one, 'id')}": Resource(string(one, "resourceType"), "", one)
                for one in objects(report.get("contained"))}  # fmt: skip
        return _Surroundings({**self.known, **held}) if held else self

    def of(self, references: object) -> list[Body]:
        """The resources behind references, as far as they are known; versions in references are ignored."""
        found = []
        for one in objects(references):
            name = string(one, "reference").split("/_history/")[0]
            resource = self.known.get(name) or self.known.get("/".join(name.split("/")[-2:]))
            if resource:
                found.append(resource.body)
        return found


def read_reports_fhir(files: Sequence[tuple[Path, str]], *, issuer: str = "") -> pl.DataFrame:
    """Read DiagnosticReports.

    Parameters
    ----------
    files : sequence of (path, name of the source in `report_key`)
        Read together: in bulk data, patients and orders lie in files of their own.
    issuer : str
        Issuer of patient ids where the resources name none.

    Returns
    -------
    REPORTS frame
        One row a report. Reasons: `E_REPORT` (no valid resource), `E_ENCODING` (RTF or PDF without text beside it),
        `E_EMPTY`.

    Raises
    ------
    UsageError
        A file cannot be read, or `fhir.resources` is not installed.
    """
    around = _Surroundings(_known(files))
    rows = []
    for path, name in files:
        place = 0
        for resource in _resources(path):
            if resource is not None and not resource.is_report:
                continue
            key = f"{name}#{place:07d}"
            place += 1
            is_usable = resource is not None and is_valid_report(resource)
            rows.append(_report(resource.body, key, issuer, around) if resource and is_usable else _broken(key, issuer))
    return REPORTS.frame(rows)


def _known(files: Sequence[tuple[Path, str]]) -> dict[str, Resource]:
    found = {}
    for path, _ in files:
        for resource in _resources(path):
            if resource is not None and resource.kind in _AROUND:
                found.update(dict.fromkeys(resource.names, resource))
    return found


def _resources(path: Path) -> Iterator[Resource | None]:
    try:
        content = path.read_bytes()
    except OSError:
        raise UsageError(f"reports: {path.name} cannot be read") from None
    return read_resources(content)


def _broken(key: str, issuer: str) -> dict[str, Any]:
    row: dict[str, Any] = dict.fromkeys(REPORTS.columns)
    row |= {name: [] for name in (*_lists(), "accession_numbers")}
    row |= {"report_key": key, "report_id": key, "issuer": issuer, "status": ReportStatus.PRELIMINARY}
    return row | {"exam_description": "", "text": "", "has_addendum": False, "reason": Reason.E_REPORT}


def _lists() -> list[str]:
    return [one.name for one in fields(People)]


def _report(report: Body, key: str, issuer: str, everything: _Surroundings) -> dict[str, Any]:
    around = everything.within(report)
    subject = objects(report.get("subject"))
    patients = around.of(subject)
    orders, studies = around.of(report.get("basedOn")), around.of(report.get("imagingStudy") or report.get("study"))
    own_issuer, patient_id = _patient(subject, patients)
    told = report_text(report, around.of(report.get("result")))
    status = _STATUSES.get(string(report, "status"), ReportStatus.PRELIMINARY)
    exam = next((string(study, "started") for study in studies if string(study, "started")), "")
    exam = exam or string(report, "effectiveDateTime") or string(report, "effectivePeriod", "start")
    return _broken(key, issuer) | {
        "report_id": next(iter(identifiers(report)), "") or string(report, "id") or key,
        "reason": told.reason if status is not ReportStatus.VOID else None,
        "accession_numbers": _accessions(report, orders, studies),
        "study_instance_uid": _study_uid(report, studies),
        "issuer": own_issuer or issuer,
        "patient_id": patient_id or None,
        "birth_date": next((parse_day(string(one, "birthDate")) for one in patients), None),
        "exam_at": parse_moment(exam),
        "issued_at": parse_moment(string(report, "issued")),
        "status": status,
        "exam_description": _description(report),
        "text": told.text,
        "has_addendum": has_addendum_line(told.text),
        **_people(report, around, patients, orders),
    }


def _patient(subject: list[Body], patients: list[Body]) -> tuple[str, str]:
    """Issuer and patient id, by the patient or by what the reference says of it; never the id of a resource."""
    given = [{"identifier": one.get("identifier")} for one in subject]
    return next((found for one in [*patients, *given] if (found := record_number(one))[1]), ("", ""))


def _accessions(report: Body, orders: list[Body], studies: list[Body]) -> list[str]:
    """Accession numbers, the most trusted first: those that say so, then filler and placer numbers, then others."""
    based_on = [{"identifier": one.get("identifier")} for one in objects(report.get("basedOn"))]
    imaging = [{"identifier": one.get("identifier")} for one in objects(report.get("imagingStudy"))]
    sources = [*studies, *imaging, *orders, *based_on, report]
    found = [
        one for source in sources for one in objects(source.get("identifier")) if string(one, "system") != _DICOM_UID
    ]
    ranked = sorted(found, key=_distrust)
    return list(
        dict.fromkeys(value for one in ranked if (value := string(one, "value")) and not value.startswith("urn:"))
    )


def _distrust(identifier: Body) -> int:
    kinds = codes(identifier)
    if "accession" in string(identifier, "system").casefold():
        return 0
    return next((rank for rank, code in enumerate(_TRUST) if code in kinds), len(_TRUST))


def _study_uid(report: Body, studies: list[Body]) -> str | None:
    imaging = [{"identifier": one.get("identifier")} for one in objects(report.get("imagingStudy"))]
    for source in [*studies, *imaging]:
        for one in objects(source.get("identifier")):
            value = string(one, "value")
            if string(one, "system") == _DICOM_UID or value.startswith(_OID):
                return value.removeprefix(_OID) or None
        if uid := string(source, "uid").removeprefix(_OID):  # STU3
            return uid
    return None


def _description(report: Body) -> str:
    code = report.get("code")
    coding = [part for one in objects(code) for part in objects(one.get("coding"))]
    parts = [text for one in coding for text in (string(one, "code"), string(one, "display")) if text]
    return " ".join(dict.fromkeys([*parts, *(string(one, "text") for one in objects(code) if string(one, "text"))]))


def _people(report: Body, around: _Surroundings, patients: list[Body], orders: list[Body]) -> dict[str, list[str]]:
    people = People()
    for patient in patients:
        people.add_patient(patient)
    people.person_names += [text for one in objects(report.get("subject")) if (text := string(one, "display"))]
    people.identifiers += [string(one, "value") for one in _inline(report)]
    staff = [one.get("actor", one) for one in objects(report.get("performer"))]  # `actor` is STU3
    staff += objects(report.get("resultsInterpreter"))
    for order in orders:
        staff += [*objects(order.get("requester")), *objects(order.get("performer"))]
        people.identifiers += identifiers(order)
    for encounter in around.of(report.get("encounter") or report.get("context")):
        people.identifiers += identifiers(encounter)
    people.add_displays(objects(staff))
    for person in around.of(staff):
        people.add_staff(person)
        people.add_displays([*objects(person.get("practitioner")), *objects(person.get("organization"))])
        for behind in [*around.of(person.get("practitioner")), *around.of(person.get("organization"))]:
            people.add_staff(behind)
    people.identifiers += identifiers(report)
    return {name: list(dict.fromkeys(filter(None, getattr(people, name)))) for name in _lists()}


def _inline(report: Body) -> list[Body]:
    """Identifiers that references carry along."""
    references = [one for name in ("subject", "basedOn", "encounter") for one in objects(report.get(name))]
    return [one for reference in references for one in objects(reference.get("identifier"))]
