"""Builds the demo hospital: an export as a PACS and a RIS would leave it, and the truth beside it.

It takes a folder, a number of patients and a seed, and writes DICOM files, CSV tables, HL7 messages and truth tables
whose bytes depend on the seed alone. Each patient is the work of `write_patient`, whichever process does it; what a
patient, an image or a report is like is left to the other modules of this room.
"""

import multiprocessing
import signal
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from cxr_core.demo.anatomy import draw_body
from cxr_core.demo.burn_in import BurnedText, burn_in
from cxr_core.demo.dicom_header import build_header
from cxr_core.demo.dicom_writer import stored_values, write_image, write_structured_report
from cxr_core.demo.faults import STRAY_TEXT, STRAY_THUMBS, Fault
from cxr_core.demo.hl7_writer import write_batch, write_message
from cxr_core.demo.people import Person, load_names, mrn_of
from cxr_core.demo.phantom import radiograph
from cxr_core.demo.plan import ImagePlan, PatientPlan, StudyPlan, plan_patient, random_uid
from cxr_core.demo.ris import (
    ENCOUNTER_COLUMNS,
    MERGE_COLUMNS,
    REPORT_COLUMNS,
    Report,
    Route,
    Row,
    encounter_rows,
    file_reports,
    merge_rows,
    report_row,
)
from cxr_core.demo.seeds import Purpose, stream
from cxr_core.demo.truth import TRUTH_COLUMNS, Truth, write_csv
from cxr_core.errors import UsageError

_SIDE_PX = 1200
_OTHER_PIXELS = 50  # ordinal of a second picture of the same instance, beyond those of any study


@dataclass(frozen=True, slots=True)
class DemoHospital:
    """Where the parts of a generated hospital lie, under the names of the build's sources.

    Parameters
    ----------
    dicom : Path
        Folder of the PACS export.
    reports : tuple of Path
        The RIS CSV and the folder of HL7 messages.
    encounters, merges : Path
        Side tables of the RIS.
    truth : Path
        Folder of the truth tables.
    patients, studies, images : int
        How many of each; images counts DICOM images with copies, not the strays.
    """

    dicom: Path
    reports: tuple[Path, ...]
    encounters: Path
    merges: Path
    truth: Path
    patients: int
    studies: int
    images: int


@dataclass(frozen=True, slots=True, repr=False)
class PatientOutput:
    """What one patient adds to the tables of the hospital."""

    truth: Truth
    reports: list[Row]
    encounters: list[Row]
    merges: list[Row]
    batch: list[str]
    images: int


@dataclass(frozen=True, slots=True, repr=False)
class _Place:
    """Where the files of one patient go, and the book that is kept of them."""

    out: Path
    seed: int
    plan: PatientPlan
    truth: Truth


def generate_hospital(
    out: Path, *, patients: int = 25, seed: int = 1, workers: int = 1, side_px: int = _SIDE_PX
) -> DemoHospital:
    """Write a hospital.

    Parameters
    ----------
    out : Path
        Gets `export/` and `truth/`; must not hold an earlier hospital.
    patients : int
        How many, at least 1; with 12 and more each fault is planted once.
    seed : int
        Another seed, another hospital. A patient is the same in small and in large hospitals.
    workers : int
        Processes; changes no byte.
    side_px : int
        Longer side of the largest images, at least 128.

    Returns
    -------
    DemoHospital
        Paths and counts.

    Raises
    ------
    UsageError
        For a count below 1, images that are too small, or a folder that already holds an export.
    """
    _check(out, patients=patients, workers=workers, side_px=side_px)
    for folder in ("export/dicom/misc", "export/dicom/reimport", "export/ris", "export/hl7", "truth"):
        (out / folder).mkdir(parents=True, exist_ok=True)
    total = PatientOutput(Truth(), [], [], [], [], 0)
    for one in _outputs(out, patients=patients, seed=seed, workers=workers, side_px=side_px):
        total = _joined(total, one)
    _write_strays(out, total.truth, seed)
    _write_tables(out, total)
    return DemoHospital(
        dicom=out / "export/dicom",
        reports=(out / "export/ris/ris_export.csv", out / "export/hl7"),
        encounters=out / "export/ris/encounters.csv",
        merges=out / "export/ris/mrn_merges.csv",
        truth=out / "truth",
        patients=patients,
        studies=len(total.truth.rows["studies"]),
        images=total.images,
    )


def _check(out: Path, *, patients: int, workers: int, side_px: int) -> None:
    if patients < 1 or workers < 1 or side_px < 128:
        msg = f"demo: needs patients >= 1, workers >= 1, side_px >= 128; got {patients}, {workers}, {side_px}"
        raise UsageError(msg)
    if (out / "export").exists():
        msg = "demo: the folder already holds an export; give an empty one"
        raise UsageError(msg)


def _outputs(out: Path, *, patients: int, seed: int, workers: int, side_px: int) -> Iterator[PatientOutput]:
    """Yield the patients in order, whoever finishes first."""
    work = partial(write_patient, out, seed, side_px=side_px)
    if workers == 1 or patients == 1:
        yield from map(work, range(patients))
        return
    spawned = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(min(workers, patients), spawned, _leave_interrupts_to_the_parent)
    try:
        yield from pool.map(work, range(patients))
    finally:
        pool.shutdown(cancel_futures=True)


def _leave_interrupts_to_the_parent() -> None:
    """Ctrl-C reaches every process of a terminal: a worker that it ends takes a patient with it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _joined(total: PatientOutput, one: PatientOutput) -> PatientOutput:
    total.truth.extend(one.truth)
    total.reports.extend(one.reports)
    total.encounters.extend(one.encounters)
    total.merges.extend(one.merges)
    total.batch.extend(one.batch)
    return replace(total, images=total.images + one.images)


def write_patient(out: Path, seed: int, index: int, *, side_px: int) -> PatientOutput:
    """Write the files of one patient and give its rows.

    Parameters
    ----------
    out : Path
        Folder of the hospital.
    seed, index : int
        Decide every byte.
    side_px : int
        Longer side of the largest images.
    """
    plan = plan_patient(seed, index, side_px=side_px)
    truth, reports = Truth(), file_reports(seed, plan)
    truth.add_patient(plan)
    place = _Place(out, seed, plan, truth)
    images = sum(_write_study(place, study) for study in plan.studies)
    for study in plan.studies:
        truth.add_study(study, index, n_reports=sum(report.study is study for report in reports))
    batch = _write_messages(out, plan.person, reports)
    for report in reports:
        truth.add_report(report)
    rows = [report_row(report, plan.person) for report in reports if report.route is Route.CSV]
    return PatientOutput(truth, rows, encounter_rows(seed, plan), merge_rows(plan), batch, images)


def _write_messages(out: Path, person: Person, reports: list[Report]) -> list[str]:
    batch = []
    for report in reports:
        if report.route is Route.HL7:
            path = out / f"export/hl7/{report.report_id}.hl7"
            path.write_bytes(write_message(report, person).encode("utf-8"))
        elif report.route is Route.BATCH:
            batch.append(write_message(report, person))
    return batch


def _write_study(place: _Place, study: StudyPlan) -> int:
    """Write the images of a study and what its fault adds to them; give the number of images."""
    for image in study.images:
        _write_image(place, study, image)
    last = study.images[-1] if study.images else None
    if study.fault:
        place.truth.add_fault(study.fault, path=last.path if last else "", study=study, note=study.accession)
    if last is None:
        return 0
    rng = stream(place.seed, Purpose.FAULT, place.plan.person.index, study.ordinal)
    if study.fault is Fault.SR_OBJECT:
        sr_path = place.out / "export" / Path(last.path).parent / "SR00001.dcm"
        sr_path.write_bytes(write_structured_report(study, place.plan.person, random_uid(rng)))
    if study.fault is Fault.DUP_IDENTICAL or study.fault is Fault.DUP_DIFFERENT:
        _write_copy(place, study, last, fault=study.fault, name=f"{rng.integers(16**8):08X}")
        return len(study.images) + 1
    return len(study.images)


def _write_copy(place: _Place, study: StudyPlan, image: ImagePlan, *, fault: Fault, name: str) -> None:
    """Write the same instance again, as a second import leaves it: the same bytes, or other pixels."""
    path = f"dicom/reimport/{name}.dcm"
    if fault is Fault.DUP_IDENTICAL:
        (place.out / "export" / path).write_bytes((place.out / "export" / image.path).read_bytes())
    else:
        _write_image(place, study, replace(image, path=path, ordinal=image.ordinal + _OTHER_PIXELS))
    place.truth.add_fault(fault, path=path, study=study, note=image.path)


def _write_image(place: _Place, study: StudyPlan, image: ImagePlan) -> None:
    person, seed = place.plan.person, place.seed
    where = (person.index, study.ordinal, image.ordinal)
    shown, burned = _picture(seed, person, study, image)
    owner = _owner(seed, person, image)
    header = build_header(study, image, owner=owner, requester=person, rng=stream(seed, Purpose.HEADER, *where))
    damage = stream(seed, Purpose.FAULT, *where)
    written = write_image(header, shown, study=study, image=image, owner=owner, rng=damage)
    path = place.out / "export" / image.path
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(written.content)
    pid_tag = str(header.dataset.PatientID)
    place.truth.add_image(study, image, pid_tag=pid_tag, stored=stored_values(shown, image), burned=burned)
    place.truth.add_planted(image.path, header.planted + written.planted)


def _picture(
    seed: int, person: Person, study: StudyPlan, image: ImagePlan
) -> tuple[NDArray[np.uint16], list[BurnedText]]:
    where = (person.index, study.ordinal, image.ordinal)
    exposure = stream(seed, Purpose.EXPOSURE, *where)
    if image.fault is Fault.BLANK_IMAGE:
        middle = 1 << (image.bits_stored - 1)
        flat = exposure.integers(middle - 1, middle + 2, (image.rows, image.columns))
        return flat.astype(np.uint16), []
    age = person.age_at(study.when.date())
    body = draw_body(stream(seed, Purpose.BODY, person.index), is_female=person.sex == "F", age_years=age)
    shown = radiograph(body, study.findings, image, exposure)
    burned = burn_in(
        shown,
        study=study,
        person=person,
        projection=image.projection,
        burn=image.burn,
        bits=image.bits_stored,
        rng=stream(seed, Purpose.BURN_IN, *where),
    )
    return shown, burned


def _owner(seed: int, person: Person, image: ImagePlan) -> Person:
    """Give the patient whom the header names: a neighbour where two patients were mixed up."""
    if image.fault is not Fault.MIXED_PATIENT:
        return person
    family = next(name for name in load_names().family if name != person.family)
    return replace(person, family=family, ideographic="", mrn=mrn_of(seed, person.index + 1))


def _write_strays(out: Path, truth: Truth, seed: int) -> None:
    """Write what is no DICOM at all."""
    rng = stream(seed, Purpose.STRAY)
    snapshot = cv2.GaussianBlur(rng.integers(0, 255, (48, 64, 3), np.uint8), (0, 0), 6)
    encoded = cv2.imencode(".jpg", snapshot, [cv2.IMWRITE_JPEG_QUALITY, 80])[1].tobytes()
    strays = {"notes.dcm": STRAY_TEXT, "empty.dcm": b"", "snapshot.jpg": encoded, "Thumbs.db": STRAY_THUMBS}
    for name, content in strays.items():
        (out / "export/dicom/misc" / name).write_bytes(content)
        truth.add_fault(Fault.NON_DICOM_FILE, path=f"dicom/misc/{name}")


def _write_tables(out: Path, total: PatientOutput) -> None:
    write_csv(out / "export/ris/ris_export.csv", REPORT_COLUMNS, total.reports, has_bom=True)
    write_csv(out / "export/ris/encounters.csv", ENCOUNTER_COLUMNS, total.encounters)
    write_csv(out / "export/ris/mrn_merges.csv", MERGE_COLUMNS, total.merges)
    if total.batch:
        (out / "export/hl7/batch_001.hl7").write_bytes(write_batch(total.batch).encode("utf-8"))
    for name, columns in TRUTH_COLUMNS.items():
        write_csv(out / f"truth/{name}.csv", columns, total.truth.rows[name])
