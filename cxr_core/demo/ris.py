"""Keeps the radiology information system of the demo: which reports exist, encounters, merged record numbers.

It takes the plan of a patient and gives the reports, planted faults included, and the rows of the three CSV files.
The words of a report are left to `reports`, messages to `hl7_writer`.
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum

import numpy as np

from cxr_core.demo.faults import Fault
from cxr_core.demo.people import Person, mrn_of
from cxr_core.demo.plan import PatientPlan, StudyPlan
from cxr_core.demo.reports import Dictation, dictate, dictate_addendum
from cxr_core.demo.seeds import Purpose, scatter, stream

Row = tuple[str, ...]

REPORT_COLUMNS = (
    "report_id", "accession", "mrn", "patient_name", "birth_date", "sex", "exam_code", "exam_desc", "exam_datetime",
    "status", "radiologist", "ordering", "report_text",
)  # fmt: skip
ENCOUNTER_COLUMNS = ("mrn", "visit", "patient_class", "arrive", "depart", "hospital")
MERGE_COLUMNS = ("old_mrn", "new_mrn", "date")
MERGE_DAY = "2016-01-15"
_VERSIONS_A_STUDY = 4
_REPORTS_A_PATIENT = 16 * _VERSIONS_A_STUDY


class Route(StrEnum):
    """How a report leaves the RIS."""

    CSV = "csv"
    HL7 = "hl7"
    BATCH = "hl7_batch"


class RisStatus(StrEnum):
    """Status as the CSV export spells it; HL7 table 0123 has a letter for each."""

    FINAL = "FINAL"
    CORRECTED = "CORRECTED"
    ADDENDUM = "ADDENDUM"


@dataclass(frozen=True, slots=True, repr=False)
class Report:
    """One report as the RIS files it."""

    report_id: str
    study: StudyPlan
    mrn: str
    status: RisStatus
    route: Route
    reported: datetime
    dictation: Dictation


def file_reports(seed: int, plan: PatientPlan) -> list[Report]:
    """File the reports of all studies of a patient, in the order of the studies."""
    filed: list[Report] = []
    previous: date | None = None
    for study in plan.studies:
        rng = stream(seed, Purpose.REPORT, plan.person.index, study.ordinal)
        for version, (status, dictation) in enumerate(_versions(plan.person, study, previous=previous, rng=rng)):
            number = plan.person.index * _REPORTS_A_PATIENT + study.ordinal * _VERSIONS_A_STUDY + version
            is_misfiled = study.fault is Fault.WRONG_MRN_REPORT
            filed.append(
                Report(
                    report_id=f"R{scatter(number, seed=seed, digits=10)}",
                    study=study,
                    mrn=mrn_of(seed, plan.person.index + 1) if is_misfiled else study.mrn,
                    status=status,
                    route=_route(plan.person.index, study),
                    reported=study.when + timedelta(minutes=47 + 260 * version),
                    dictation=dictation,
                )
            )
        previous = study.when.date()
    return filed


def _versions(
    person: Person, study: StudyPlan, *, previous: date | None, rng: np.random.Generator
) -> list[tuple[RisStatus, Dictation]]:
    if study.fault is Fault.NO_REPORT:
        return []
    first = dictate(study, person, previous=previous, rng=rng)
    if study.fault is Fault.EMPTY_REPORT:
        return [(RisStatus.FINAL, Dictation("", first.style, (), {}))]
    if study.fault is Fault.TWO_REPORTS:
        second = dictate(study, person, previous=previous, rng=rng)
        return [(RisStatus.FINAL, first), (RisStatus.CORRECTED, second)]
    if study.fault is Fault.ADDENDUM:
        later = dictate_addendum(study, study.when + timedelta(minutes=307))
        return [(RisStatus.FINAL, first), (RisStatus.ADDENDUM, later)]
    return [(RisStatus.FINAL, first)]


def _route(index: int, study: StudyPlan) -> Route:
    """Send half of the reports as messages; where order or emptiness matters, the route that can tell."""
    if study.fault is Fault.TWO_REPORTS:  # only messages say when a report was made
        return Route.HL7
    if study.fault in {Fault.EMPTY_REPORT, Fault.NO_ACCESSION}:
        return Route.CSV
    if (index + study.ordinal) % 2 == 0:
        return Route.CSV
    return Route.BATCH if index % 3 == 1 else Route.HL7


def report_row(report: Report, person: Person) -> Row:
    """Give the row of a report in `ris_export.csv`."""
    study = report.study
    return (
        report.report_id, study.accession, report.mrn, person.listed, person.birth_date.isoformat(), person.sex,
        study.exam.code, study.exam.description, f"{study.when:%Y-%m-%d %H:%M}", report.status.value,
        f"{study.reading.family}, {study.reading.given}", f"{study.referring.family}, {study.referring.given}",
        report.dictation.text,
    )  # fmt: skip


def encounter_rows(seed: int, plan: PatientPlan) -> list[Row]:
    """Give the visits of a patient: one around each study, except where the study was taken between visits."""
    rng = stream(seed, Purpose.FAULT, plan.person.index)
    rows: list[Row] = []
    for study in plan.studies:
        before, after = rng.integers(20, 180), rng.integers(180, 900)
        if study.in_encounter:
            arrive = study.when - timedelta(minutes=int(before))
            depart = study.when + timedelta(minutes=int(after))
            when = (f"{arrive:%Y-%m-%d %H:%M}", f"{depart:%Y-%m-%d %H:%M}")
            rows.append((study.mrn, study.visit, study.patient_class, *when, plan.person.hospital.name))
    return rows


def merge_rows(plan: PatientPlan) -> list[Row]:
    """Give the merges of a patient's record numbers."""
    return [(plan.person.former_mrn, plan.person.mrn, MERGE_DAY)] if plan.role.merged_studies else []
