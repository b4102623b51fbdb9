"""A hospital of any size that was built already, without the days that building it takes.

Writes real sources (small DICOM files with the headers of the demo hospital, a table of reports, one of encounters),
lets the build's own stages catalog, link and register them, and then leaves what the per-study stages would have
left: their tables, their ledgers and a small JPEG an image. Split and release are the build's own again; only the
gates are not asked, for none of these pictures was ever a radiograph.
"""

import csv
import datetime as dt
import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import polars as pl
from pydicom.uid import ExplicitVRLittleEndian
from rebuild import digests, filled
from small_dicom import smallest_file

from cxr_core.demo.dicom_header import DX_STORAGE, build_header
from cxr_core.demo.plan import plan_patient
from cxr_core.demo.reports import dictate
from cxr_core.demo.ris import ENCOUNTER_COLUMNS, REPORT_COLUMNS
from cxr_core.demo.seeds import Purpose, stream
from cxr_core.planning.inputs import convert_wanted, deidentify_wanted, label_wanted
from cxr_core.planning.stages import CONVERT, DEIDENTIFY, LABEL, STAGES
from cxr_core.settings.build import BuildConfig
from cxr_core.settings.source import SourceSettings
from cxr_core.tables.catalogue import (
    DEID_REPORTS,
    EVIDENCE,
    IMAGES,
    LABELS,
    LEDGER,
    READER_BOXES,
    RENDITIONS,
    REQUESTS,
    SECTIONS,
    TEXT_BOXES,
)
from cxr_core.tables.storage import read_table, write_table
from cxr_core.tables.workspace import Workspace
from cxr_core.vocabulary import Label, LabelerName

_TEMPLATE_PATIENTS = 60
_STAFF = 2000
_SUBJECTS_OF_STUDIES = (65_379, 227_943)  # MIMIC-CXR
_FILES_A_FOLDER = 500
_MENTIONS = 4  # a labeler and report
_FIRST_DAY = dt.date(2011, 1, 1)
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"

# Stand in the template where each file says its own: nowhere else in it, and as long as what comes in their place.
_DAY, _BORN, _ACCESSION, _PATIENT, _NAME = b"22220222", b"18880808", b"ACC0000000", b"PAT00000", b"NNNNNN^GGGGGG"
_STUDY, _SERIES, _INSTANCE = (f"1.2.826.0.1.{part}.10000000".encode() for part in (71, 72, 73))


@dataclass(frozen=True, slots=True)
class Exam:
    """One study of the invented hospital."""

    number: int
    subject: int
    day: dt.date
    images: int

    @property
    def patient(self) -> str:
        return f"PAT{self.subject:05d}"

    @property
    def born(self) -> dt.date:
        """One of 20,000 days: whoever shares a birthday is compared by name."""
        return dt.date(1930, 1, 1) + dt.timedelta(days=self.subject * 7919 % 20_000)

    @property
    def accession(self) -> str:
        return f"ACC{self.number:07d}"

    @property
    def name(self) -> tuple[str, str]:
        """Family and given name, of six letters each; many share one of them."""
        return _word(self.subject % 9973 * 31_013), _word(self.subject % 499 * 613_001)


def _word(number: int) -> str:
    return "".join(_LETTERS[number // 26**place % 26] for place in range(6))


def exams(studies: int) -> Iterator[Exam]:
    """Five images for three studies, and as many studies a subject as in MIMIC-CXR."""
    for number in range(studies):
        subject = number * _SUBJECTS_OF_STUDIES[0] // _SUBJECTS_OF_STUDIES[1]
        day = _FIRST_DAY + dt.timedelta(days=number % 7 * 211 + subject % 200)
        yield Exam(number, subject, day, 1 + (number * 144_000 // 228_000 != (number + 1) * 144_000 // 228_000))


# ---------------------------------------------------------------- sources


def write_sources(root: Path, studies: int) -> SourceSettings:
    """DICOM files, reports and encounters."""
    source = SourceSettings(
        dicom=root / "dicom", reports=(root / "ris_export.csv",), encounters=root / "encounters.csv"
    )
    done = root / "complete"
    if not done.exists():
        root.mkdir(parents=True)
        _write_dicom(root / "dicom", studies)
        _write_csv(root / "ris_export.csv", REPORT_COLUMNS, _report_rows(studies))
        _write_csv(root / "encounters.csv", ENCOUNTER_COLUMNS, _encounter_rows(studies))
        done.touch()
    return source


def _write_dicom(root: Path, studies: int) -> None:
    made, place = [_template(index) for index in range(_TEMPLATE_PATIENTS)], 0
    for exam in exams(studies):
        own = {
            _DAY: f"{exam.day:%Y%m%d}".encode(),
            _BORN: f"{exam.born:%Y%m%d}".encode(),
            _ACCESSION: exam.accession.encode(),
            _PATIENT: exam.patient.encode(),
            _NAME: "^".join(exam.name).encode(),
            _STUDY: _numbered(_STUDY, exam.number),
            _SERIES: _numbered(_SERIES, exam.number),
        }
        content = made[exam.number % len(made)]
        for marker, value in own.items():
            content = content.replace(marker, value)
        for _ in range(exam.images):
            folder = root / f"{place // _FILES_A_FOLDER:05d}"
            if place % _FILES_A_FOLDER == 0:
                folder.mkdir(parents=True)
            (folder / f"IM{place:07d}").write_bytes(content.replace(_INSTANCE, _numbered(_INSTANCE, place)))
            place += 1


def _numbered(marker: bytes, number: int) -> bytes:
    return marker[:-8] + f"{20_000_000 + number}".encode()


def _template(index: int) -> bytes:
    plan = plan_patient(1, index, side_px=1200)
    study = plan.studies[0]
    rng = stream(1, Purpose.HEADER, index, 0, 0)
    dataset = build_header(study, study.images[0], owner=plan.person, requester=plan.person, rng=rng).dataset
    dataset.SOPClassUID, dataset.Modality, dataset.BodyPartExamined = DX_STORAGE, "DX", "CHEST"
    dataset.PresentationIntentType = "FOR PRESENTATION"
    dataset.StudyDescription, dataset.SeriesDescription = "XR CHEST 2 VIEWS", "PA"
    dataset.StudyDate, dataset.AccessionNumber, dataset.PatientID = (
        _DAY.decode(),
        _ACCESSION.decode(),
        _PATIENT.decode(),
    )
    dataset.PatientName, dataset.PatientBirthDate = _NAME.decode(), _BORN.decode()
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = _STUDY.decode(), _SERIES.decode()
    dataset.SOPInstanceUID = _INSTANCE.decode()
    return smallest_file(dataset, ExplicitVRLittleEndian)


def _report_rows(studies: int) -> Iterator[Sequence[str]]:
    texts = []
    for index in range(_TEMPLATE_PATIENTS):
        plan = plan_patient(1, index, side_px=1200)
        rng = stream(1, Purpose.REPORT, index, 0)
        texts.append(dictate(plan.studies[0], plan.person, previous=None, rng=rng).text)
    for exam in exams(studies):
        staff = [
            f"{_word(number % _STAFF * 71_993)}, {_word(number % 97)}" for number in (exam.number, exam.number * 7)
        ]
        moment = f"{exam.day} 10:00"
        whose = (exam.accession, exam.patient, ", ".join(exam.name), str(exam.born), "F")
        told = ("CHEST2", "XR CHEST 2 VIEWS", moment, "FINAL", *staff)
        yield (f"R{exam.number:09d}", *whose, *told, texts[exam.number % len(texts)])


def _encounter_rows(studies: int) -> Iterator[Sequence[str]]:
    for exam in exams(studies):
        yield (exam.patient, f"V{exam.number:08d}", "E", f"{exam.day} 00:10", f"{exam.day} 23:50", "General")


def _write_csv(path: Path, columns: Sequence[str], rows: Iterator[Sequence[str]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        writer.writerows(rows)


# ---------------------------------------------------------------- what the per-study stages leave


def write_stages(workspace: Workspace, config: BuildConfig) -> None:
    """Tables and pictures of everything that the register asks for, all done."""
    requests = read_table(REQUESTS, workspace.catalog_table(REQUESTS))
    listed = requests.select("study_id", "subject_id", dicom_id="dicom_ids").explode("dicom_id")
    pictures = _write_pictures(workspace, listed)
    studies = requests.select("study_id", "subject_id").sort("study_id")
    tables = {
        IMAGES.name: _images(listed),
        TEXT_BOXES.name: _boxes(listed),
        DEID_REPORTS.name: _reports(studies),
        RENDITIONS.name: _renditions(listed, pictures),
        SECTIONS.name: _sections(studies),
        LABELS.name: _labels(studies),
        EVIDENCE.name: _evidence(studies),
    }
    for definition in STAGES.values():
        for contract in definition.contracts:
            frame = tables.get(contract.name, contract.empty())
            write_table(contract, frame, workspace.stage(definition.stage) / f"{contract.name}.parquet")
    write_ledgers(workspace, config)


def write_ledgers(workspace: Workspace, config: BuildConfig) -> None:
    """All of it done the way in which this program does it now: also after its code changed."""
    requests = read_table(REQUESTS, workspace.catalog_table(REQUESTS))
    boxes = read_table(READER_BOXES, workspace.review_table(READER_BOXES))
    airlock = DEIDENTIFY.store(workspace)
    wanted = (
        (DEIDENTIFY, deidentify_wanted(requests, boxes)),
        (CONVERT, convert_wanted(airlock.read(IMAGES))),
        (LABEL, label_wanted(airlock.read(DEID_REPORTS))),
    )
    for definition, frame in wanted:
        done: dict[str, Any] = {"status": "ok", "attempts": 1, "output_sha256": "0" * 64}
        rows = filled(LEDGER, frame, stage_fingerprint=definition.fingerprint(config), **done)
        write_table(LEDGER, rows, workspace.stage(definition.stage) / "ledger.parquet")


def _write_pictures(workspace: Workspace, listed: pl.DataFrame) -> pl.DataFrame:
    """A small JPEG an image, each with its own name inside; their digests and sizes."""
    plain, rows = imagecodecs.jpeg8_encode(np.zeros((8, 8), np.uint8)), []
    for study, image in listed.select("study_id", "dicom_id").iter_rows():
        path = workspace.jpeg_file(study, image)
        comment = image.encode()
        content = plain[:2] + b"\xff\xfe" + (len(comment) + 2).to_bytes(2, "big") + comment + plain[2:]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        rows.append((image, hashlib.sha256(content).hexdigest(), len(content)))
    return pl.DataFrame(rows, schema={"dicom_id": pl.String, "sha256": pl.String, "jpeg_bytes": pl.Int64}, orient="row")


def _images(listed: pl.DataFrame) -> pl.DataFrame:
    told: dict[str, Any] = {"rows": 2544, "columns": 3056, "bits_stored": 12, "photometric": "MONOCHROME2"}
    told |= {"modality": "DX", "study_date": "21500101", "study_time": "100000", "view_position": "PA"}
    told |= {"procedure_description": "CHEST (PA AND LAT)", "age_years": 61, "sex": "F", "is_portable": False}
    told |= {"redacted_area_share": 0.01, "readers": "rapidocr", "flags": [], "dropped_elements": 40}
    return filled(IMAGES, listed.with_columns(dicom_sha256=digests("image", listed["dicom_id"])), **told)


def _boxes(listed: pl.DataFrame) -> pl.DataFrame:
    frame = listed.join(pl.DataFrame({"box": [0, 1], "decision": ["kept", "redacted"]}), how="cross")
    told: dict[str, Any] = {"top_px": 40, "left_px": 60, "bottom_px": 90, "right_px": 300, "probability": 0.9}
    return filled(TEXT_BOXES, frame, **told, constancy=0.5, engine="rapidocr", rule="unknown words")


def _reports(studies: pl.DataFrame) -> pl.DataFrame:
    text = pl.format(
        "FINAL REPORT\nFINDINGS: Heart size is normal, lungs are clear. No effusion.\nIMPRESSION: {}. Nothing acute.\n",
        pl.col("study_id"),
    )
    frame = studies.with_columns(text=text, text_sha256=digests("text", studies["study_id"]))
    return filled(DEID_REPORTS, frame, spans=3, has_demographics=True)


def _renditions(listed: pl.DataFrame, pictures: pl.DataFrame) -> pl.DataFrame:
    frame = listed.with_columns(phash=digests("phash!", listed["dicom_id"])).join(pictures, on="dicom_id")
    told: dict[str, Any] = {
        "rows": 2544,
        "columns": 3056,
        "view": "frontal",
        "view_source": "ViewPosition",
        "flags": [],
    }
    return filled(RENDITIONS, frame, **told)


def _sections(studies: pl.DataFrame) -> pl.DataFrame:
    return filled(SECTIONS, studies, section="impression", start=40, end=90)


def _labels(studies: pl.DataFrame) -> pl.DataFrame:
    both = studies.join(_labelers(), how="cross")
    drawn = pl.col("study_id").hash(seed=7)
    marks = {label.value: _mark(drawn, place) for place, label in enumerate(Label)}
    return filled(LABELS, both.with_columns(**marks))


def _mark(drawn: pl.Expr, place: int) -> pl.Expr:
    digit = (drawn // 10**place % 10).cast(pl.Int64)
    return pl.when(digit < 2).then(1).when(digit < 4).then(0).when(digit == 4).then(-1)


def _evidence(studies: pl.DataFrame) -> pl.DataFrame:
    mentions = pl.DataFrame({"mention": range(_MENTIONS)})
    frame = studies.join(_labelers(), how="cross").join(mentions, how="cross")
    told: dict[str, Any] = {"label": Label.EDEMA.value, "assertion": 1, "sentence_start": 40, "sentence_end": 90}
    return filled(EVIDENCE, frame, **told, phrase_start=44, phrase_end=50, rule_id="edema.edema", cue_id="no")


def _labelers() -> pl.DataFrame:
    return pl.DataFrame({"labeler": [one.value for one in LabelerName]})
