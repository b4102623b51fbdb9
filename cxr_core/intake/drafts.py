"""The records that linkage reasons over: images, reports and studies as plain values rather than table rows.

Takes the catalog's frames and gives one draft a study, with every file that names it.
What becomes of a draft is left to `matching`, `cohort` and `linkage`.
"""

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import polars as pl

from cxr_core.intake.patients import Patient, PatientIndex
from cxr_core.vocabulary import Reason, ReportStatus

# A time of midnight is a date without a time: that is how the catalog writes it.
_MIDNIGHT = dt.time()
_DAY_HOURS = 24.0


@dataclass(frozen=True, slots=True)
class Image:
    """One catalogued file."""

    path: str = field(repr=False)
    reason: Reason | None
    sop_uid: str | None = field(repr=False)
    sop_class: str = field(repr=False)
    study_uid: str | None = field(repr=False)
    patient: Patient | None = field(repr=False)
    accession: str = field(repr=False)
    written_accession: str = field(repr=False)
    modality: str
    exam_at: dt.datetime | None = field(repr=False)
    birth_date: dt.date | None = field(repr=False)
    body_part: str
    description: str = field(repr=False)
    content_at: dt.datetime | None = field(repr=False)
    mtime_ns: int = field(repr=False)
    fingerprint: str = field(repr=False)
    is_for_processing: bool
    rejected_uids: tuple[str, ...] = field(repr=False)
    person_names: tuple[str, ...] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Report:
    """One catalogued report or version of a report."""

    key: str = field(repr=False)
    report_id: str = field(repr=False)
    reason: Reason | None
    accessions: tuple[str, ...] = field(repr=False)
    written_accessions: tuple[str, ...] = field(repr=False)
    study_uid: str | None = field(repr=False)
    patient: Patient | None = field(repr=False)
    birth_date: dt.date | None = field(repr=False)
    exam_at: dt.datetime | None = field(repr=False)
    issued_at: dt.datetime | None = field(repr=False)
    status: ReportStatus
    exam_description: str = field(repr=False)
    text: str = field(repr=False)
    has_addendum: bool
    facts: int
    person_names: tuple[str, ...] = field(repr=False)


@dataclass(slots=True, eq=False)
class StudyDraft:
    """One study UID with every file that names it; `usable` are those that may be published."""

    uid: str = field(repr=False)
    images: list[Image] = field(default_factory=list, repr=False)
    usable: list[Image] = field(default_factory=list, repr=False)
    patients: frozenset[Patient] = field(default_factory=frozenset, repr=False)

    @property
    def accessions(self) -> frozenset[str]:
        """Accession numbers, ready to compare."""
        return frozenset(image.accession for image in self.images if image.accession)

    @property
    def written_accessions(self) -> frozenset[str]:
        """Accession numbers as written, but for case and the space around them."""
        return frozenset(image.written_accession for image in self.images if image.accession)

    @property
    def exam_at(self) -> dt.datetime | None:
        """The earliest exam time that a usable image names (any image, where none is usable)."""
        moments = [image.exam_at for image in self.usable or self.images if image.exam_at]
        return min(moments, default=None)

    @property
    def birth_date(self) -> dt.date | None:
        """The earliest birth date: of two, the one under which the patient is older."""
        return min((image.birth_date for image in self.images if image.birth_date), default=None)

    @property
    def person_names(self) -> tuple[str, ...]:
        """Names of the patient in any file."""
        return tuple(name for image in self.images for name in image.person_names)


def fold_accession(text: str | None, suffixes: Iterable[str] = ()) -> str:
    """An accession number ready to compare: without spaces around, leading zeros and the site's suffixes."""
    folded = write_accession(text)
    for suffix in suffixes:
        if suffix and folded.endswith(suffix.upper()) and folded != suffix.upper():
            folded = folded.removesuffix(suffix.upper()).strip()
            break
    return folded.lstrip("0")


def write_accession(text: str | None) -> str:
    """An accession number as written, but for case and the space around it: tells what folding makes equal."""
    return (text or "").replace("\x00", "").strip().upper()


def hours_apart(first: dt.datetime | None, second: dt.datetime | None) -> float | None:
    """Distance of two exam times in hours; by whole days where one of them has no time; None where one is unknown."""
    if first is None or second is None:
        return None
    if _MIDNIGHT in (first.time(), second.time()):
        return abs((first.date() - second.date()).days) * _DAY_HOURS
    return abs((first - second).total_seconds()) / 3600.0


def read_images(instances: pl.DataFrame, index: PatientIndex, suffixes: tuple[str, ...]) -> list[Image]:
    """INSTANCES rows as records, in the order of their paths."""
    return [
        Image(
            path=row["path"],
            reason=Reason(row["reason"]) if row["reason"] else _missing_uid(row["sop_instance_uid"], row),
            sop_uid=row["sop_instance_uid"],
            sop_class=row["sop_class_uid"] or "",
            study_uid=row["study_instance_uid"],
            patient=index.patient(row["issuer"], row["patient_id"]),
            accession=fold_accession(row["accession_number"], suffixes),
            written_accession=write_accession(row["accession_number"]),
            modality=(row["modality"] or "").upper(),
            exam_at=row["exam_at"],
            birth_date=row["birth_date"],
            body_part=row["body_part"] or "",
            description=row["description"],
            content_at=row["content_at"],
            mtime_ns=row["mtime_ns"],
            fingerprint=row["fingerprint"],
            is_for_processing="PROCESSING" in (row["presentation_intent"] or "").upper(),
            rejected_uids=tuple(row["rejected_uids"]),
            person_names=tuple(row["person_names"]),
        )
        for row in instances.sort("path").iter_rows(named=True)
    ]


def _missing_uid(sop_uid: str | None, row: dict[str, object]) -> Reason | None:
    return None if sop_uid and row["study_instance_uid"] and row["patient_id"] else Reason.E_TYPE1


def read_reports(reports: pl.DataFrame, index: PatientIndex, suffixes: tuple[str, ...]) -> list[Report]:
    """REPORTS rows as records, in the order of their keys.

    A row that names neither accession number nor study (a cancelled or replaced document often names its document
    only) takes both from the rows of its patient with the same report id.
    """
    records = [_read_report(row, index, suffixes) for row in reports.sort("report_key").iter_rows(named=True)]
    named = {(one.patient, one.report_id): one for one in records if one.accessions or one.study_uid}
    return [
        one if one.accessions or one.study_uid else _with_numbers(one, named.get((one.patient, one.report_id)))
        for one in records
    ]


def _with_numbers(report: Report, sibling: Report | None) -> Report:
    if sibling is None or report.patient is None:
        return report
    return replace(
        report,
        accessions=sibling.accessions,
        written_accessions=sibling.written_accessions,
        study_uid=sibling.study_uid,
    )


def _read_report(row: Mapping[str, Any], index: PatientIndex, suffixes: tuple[str, ...]) -> Report:
    numbers = [(folded, text) for text in row["accession_numbers"] if (folded := fold_accession(text, suffixes))]
    return Report(
        key=row["report_key"],
        report_id=row["report_id"],
        reason=Reason(row["reason"]) if row["reason"] else None,
        accessions=tuple(folded for folded, _ in numbers),
        written_accessions=tuple(write_accession(text) for _, text in numbers),
        study_uid=row["study_instance_uid"],
        patient=index.patient(row["issuer"], row["patient_id"]),
        birth_date=row["birth_date"],
        exam_at=row["exam_at"],
        issued_at=row["issued_at"],
        status=ReportStatus(row["status"]),
        exam_description=row["exam_description"],
        text=row["text"],
        has_addendum=row["has_addendum"],
        facts=len(row["identifiers"]) + len(row["phones"]) + len(row["addresses"]),
        person_names=tuple(row["person_names"]),
    )


def draft_studies(images: Iterable[Image], dropped: dict[str, Reason]) -> dict[str, StudyDraft]:
    """One draft for every study UID that any file names.

    Patients are those of all files but superfluous copies: an object of another patient within the study, whatever its
    kind, says that the study is mixed up.
    """
    drafts: dict[str, StudyDraft] = {}
    patients: defaultdict[str, set[Patient]] = defaultdict(set)
    for image in images:
        if not image.study_uid:
            continue
        draft = drafts.setdefault(image.study_uid, StudyDraft(image.study_uid))
        reason = image.reason or dropped.get(image.path)
        draft.images.append(image)
        if reason is None:
            draft.usable.append(image)
        if image.patient and reason not in (Reason.DUPLICATE, Reason.REHEADERED):
            patients[image.study_uid].add(image.patient)
    for uid, draft in drafts.items():
        draft.patients = frozenset(patients[uid])
    return drafts
