"""What the planner clears away: DICOM that a killed build left, and nothing that `convert` still needs."""

from pathlib import Path

import polars as pl
from ledgers import ledger_row

from cxr_core.planning.inputs import convert_wanted
from cxr_core.planning.stages import CONVERT, DEIDENTIFY
from cxr_core.settings.build import BuildConfig
from cxr_core.tables.catalogue import IMAGES
from cxr_core.tables.workspace import Workspace
from cxr_core.vocabulary import Stage
from tasks.planning import Planner

_DONE, _OPEN = "50000001", "50000002"
_DIGEST = "a" * 64


def _image(study: str) -> dict[str, object]:
    return {
        "dicom_id": "-".join([study] * 5),
        "study_id": study,
        "subject_id": "10000001",
        "rows": 10,
        "columns": 10,
        "bits_stored": 12,
        "photometric": "MONOCHROME2",
        "modality": "DX",
        "redacted_area_share": 0.0,
        "readers": "rapidocr",
        "flags": [],
        "dropped_elements": 0,
        "dicom_sha256": _DIGEST,
    }


def test_dicom_that_a_killed_build_left_goes_where_its_study_is_converted(tmp_path: Path) -> None:
    workspace, config = Workspace(tmp_path), BuildConfig()
    studies = [_DONE, _OPEN]
    requests = pl.DataFrame({"study_id": studies, "source_fingerprint": [_DIGEST] * 2})
    planner = Planner(workspace, config, requests=requests)
    rows = [_image(study) for study in studies]
    ledger = [ledger_row(study, source=_DIGEST, stage=planner.fingerprints[Stage.DEIDENTIFY]) for study in studies]
    DEIDENTIFY.store(workspace).commit({IMAGES.name: rows}, ledger)
    source = convert_wanted(IMAGES.frame(rows)).filter(study_id=_DONE)["source_fingerprint"].item()
    CONVERT.store(workspace).commit({}, [ledger_row(_DONE, source=source, stage=planner.fingerprints[Stage.CONVERT])])
    workspace.jpeg_file(_DONE, "x").parent.mkdir(parents=True)
    for study in studies:
        workspace.dicom_file(study, "x").parent.mkdir(parents=True)

    planner.discard_rest()

    assert [path.name for path in workspace.dicom.glob("*/*")] == [_OPEN]
