"""Small invented releases for the tests of `release`: frames under the contracts and JPEG files of a few pixels."""

import hashlib
import io
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from PIL import Image

from cxr_core.release.assembly import Locate, plan_release
from cxr_core.release.plan import DropCount, ReleasePlan, RunFacts
from cxr_core.release.tables import ReleaseInputs
from cxr_core.settings.release import ReleaseSettings
from cxr_core.tables.catalogue import (
    DERIVATIVES,
    EVIDENCE,
    IMAGES,
    LABELS,
    RENDITIONS,
    SECTIONS,
    SPLITS,
    STUDY_ROWS,
    TEXT_BOXES,
)
from cxr_core.tables.storage import write_bytes
from cxr_core.vocabulary import ItemKind, LabelerName, Reason, Split, Stage

FACTS = RunFacts(
    producer="hilum 0.1",
    versions=(("hilum", "0.1.0"), ("polars", "2.1.0")),
    config_digest="c" * 64,
    key_id="0a1b2c3d",
    drops=(
        DropCount(Stage.CATALOG, ItemKind.FILE, Reason.E_NOT_DICOM, 3),
        DropCount(Stage.LINK, ItemKind.STUDY, Reason.NO_REPORT, 40),
        DropCount(Stage.DEIDENTIFY, ItemKind.INSTANCE, Reason.E_PIXELS, 25),
    ),
    readers=("rapidocr",),
    is_demo=True,
)


def subject(number: int) -> str:
    return f"1{number:07d}"


def study(number: int) -> str:
    return f"5{number:07d}"


def dicom(number: int) -> str:
    digest = hashlib.sha256(str(number).encode()).hexdigest()
    return "-".join(digest[i : i + 8] for i in range(0, 40, 8))


def jpeg(number: int, *, side: int = 16) -> bytes:
    pixels = np.random.default_rng(number).integers(0, 256, (side, side), dtype=np.uint8)
    sink = io.BytesIO()
    Image.fromarray(pixels).save(sink, "JPEG", quality=95)
    return sink.getvalue()


def jpeg_file(folder: Path, number: int) -> Path:
    return folder / "jpeg" / f"{dicom(number)}.jpg"


def make_inputs(workspace: Path, *, subjects: int = 4, side: int = 16) -> ReleaseInputs:
    """One study with one image per subject; subject 1 is test, 2 validate, the others train."""
    (workspace / "jpeg").mkdir(parents=True, exist_ok=True)
    numbers = range(1, subjects + 1)
    for number in numbers:
        write_bytes(jpeg_file(workspace, number), jpeg(number, side=side))  # whole or not at all, as convert does
    return ReleaseInputs(
        study_rows=STUDY_ROWS.frame(map(_study_row, numbers)),
        images=IMAGES.frame(_image_row(number, side) for number in numbers),
        renditions=RENDITIONS.frame(_rendition_row(number, side) for number in numbers),
        text_boxes=TEXT_BOXES.frame([_box_row(1)]),
        sections=SECTIONS.frame(_section_row(number) for number in numbers),
        labels=LABELS.frame(_label_row(number, labeler) for number in numbers for labeler in LabelerName),
        evidence=EVIDENCE.frame(map(_evidence_row, numbers)),
        splits=SPLITS.frame({"subject_id": subject(n), "split": _split(n)} for n in numbers),
        reference=LABELS.empty(),
    )


def with_smaller_pictures(workspace: Path, inputs: ReleaseInputs, size: int = 64) -> ReleaseInputs:
    """The same with a smaller picture of every image."""
    rows = []
    for number in range(1, inputs.images.height + 1):
        content = jpeg(100 + number, side=8)
        write_bytes(workspace / "jpeg" / f"{dicom(number)}.{size}.jpg", content)
        sha256 = hashlib.sha256(content).hexdigest()
        rows.append({"dicom_id": dicom(number), "size": size, "study_id": study(number), "sha256": sha256})
    return replace(inputs, derivatives=DERIVATIVES.frame(rows))


def make_plan(workspace: Path, *, inputs: ReleaseInputs | None = None, **settings: Any) -> ReleasePlan:
    locate = Locate(
        lambda _, dicom_id: workspace / "jpeg" / f"{dicom_id}.jpg",
        lambda _, dicom_id, size: workspace / "jpeg" / f"{dicom_id}.{size}.jpg",
    )
    given = inputs or make_inputs(workspace)
    return plan_release(given, ReleaseSettings(**settings), FACTS, locate)


def with_label(inputs: ReleaseInputs, label: str, value: int) -> ReleaseInputs:
    """Other content: one label of every study changed."""
    labels = inputs.labels.with_columns(pl.lit(value, dtype=pl.Int8).alias(label))
    return replace(inputs, labels=labels)


def _split(number: int) -> str:
    return {1: Split.TEST, 2: Split.VALIDATE}.get(number, Split.TRAIN).value


def _ids(number: int) -> dict[str, str]:
    return {"dicom_id": dicom(number), "study_id": study(number), "subject_id": subject(number)}


def _study_row(number: int) -> dict[str, Any]:
    return {
        "study_id": study(number),
        "subject_id": subject(number),
        "study_order": 1,
        "days_since_first": 0,
        "has_report": True,
        "has_addendum": False,
        "shared_report": False,
        "date_mismatch": False,
    }


def _image_row(number: int, side: int) -> dict[str, Any]:
    return {
        **_ids(number),
        "rows": side,
        "columns": side,
        "bits_stored": 12,
        "photometric": "MONOCHROME2",
        "modality": "DX",
        "study_date": f"2145{number:02d}07",
        "study_time": "090000",
        "view_position": "PA",
        "procedure_description": "CHEST (PA AND LAT)",
        "view_code": "postero-anterior",
        "orientation_code": "Erect",
        "age_years": 61,
        "sex": "F",
        "redacted_area_share": 0.01,
        "readers": "rapidocr",
        "flags": ["strip"],
        "dropped_elements": 3,
        "dicom_sha256": "d" * 64,
    }


def _rendition_row(number: int, side: int) -> dict[str, Any]:
    content = jpeg(number, side=side)
    return {
        **_ids(number),
        "rows": side,
        "columns": side,
        "view": "frontal",
        "view_source": "ViewPosition",
        "flags": ["low_contrast"],
        "phash": hashlib.sha256(str(number).encode()).hexdigest(),
        "jpeg_bytes": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
    }


def _box_row(number: int) -> dict[str, Any]:
    return {
        "dicom_id": dicom(number),
        "study_id": study(number),
        "box": 0,
        "top_px": 1,
        "left_px": 2,
        "bottom_px": 5,
        "right_px": 9,
        "decision": "redacted",
        "probability": 0.9,
        "constancy": 0.8,
        "engine": "rapidocr",
        "rule": "name",
    }


def _section_row(number: int) -> dict[str, Any]:
    return {"study_id": study(number), "section": "impression", "start": 10, "end": 90, "fallback": None}


def _label_row(number: int, labeler: LabelerName) -> dict[str, Any]:
    labels = {"Pleural Effusion": 1, "Pneumonia": -1, "Edema": 0} if number % 2 else {"No Finding": 1}
    return {"study_id": study(number), "labeler": labeler.value, **labels}


def _evidence_row(number: int) -> dict[str, Any]:
    return {
        "study_id": study(number),
        "labeler": "chexpert",
        "mention": 0,
        "label": "Pleural Effusion",
        "assertion": 1,
        "sentence_start": 10,
        "sentence_end": 60,
        "phrase_start": 20,
        "phrase_end": 28,
        "rule_id": "pleural_effusion.effusion",
        "cue_id": None,
    }
