"""What the planner clears away, and when it need not plan: nothing to do is remembered until something changes."""

import shutil
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
from ledgers import ledger_row

from cxr_core.planning.inputs import convert_wanted
from cxr_core.planning.plan import Cause
from cxr_core.planning.requests import ask_for
from cxr_core.planning.stages import CONVERT, DEIDENTIFY, STAGES
from cxr_core.settings.build import BuildConfig
from cxr_core.settings.dates import DateSettings
from cxr_core.tables.catalogue import IMAGES, REQUESTS
from cxr_core.tables.storage import write_table
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


def _request(study: str, source: str = _DIGEST) -> dict[str, object]:
    lists = ("paths", "dicom_ids", "original_uids", "published_uids", "names", "identifiers")
    empty: dict[str, object] = {name: [] for name in (*lists, "birth_dates", "phones", "address_parts")}
    told = {"study_id": study, "subject_id": "10000001", "date_shift_days": 1, "hide_age": False}
    return {**empty, **told, "source_fingerprint": source}


@pytest.fixture
def done(tmp_path: Path) -> Workspace:
    """Two studies that are done, and a build that began and found nothing to do."""
    workspace, config = Workspace(tmp_path), BuildConfig()
    workspace.create()
    studies = [_DONE, _OPEN]
    write_table(REQUESTS, REQUESTS.frame(map(_request, studies)), workspace.catalog_table(REQUESTS))
    planner = Planner(workspace, config)
    rows = [_image(study) for study in studies]
    ledger = [ledger_row(study, source=_DIGEST, stage=planner.fingerprints[Stage.DEIDENTIFY]) for study in studies]
    DEIDENTIFY.store(workspace).commit({IMAGES.name: rows}, ledger)
    wanted = convert_wanted(IMAGES.frame(rows)).iter_rows()
    way = planner.fingerprints[Stage.CONVERT]
    CONVERT.store(workspace).commit({}, [ledger_row(study, source=source, stage=way) for study, source in wanted])
    for study in studies:
        workspace.jpeg_file(study, "x").parent.mkdir(parents=True)
    assert _plans(planner) == {stage: (0, 0 if stage is Stage.LABEL else 2, {}) for stage in STAGES}
    planner.begin(list(STAGES))
    return workspace


def _plans(planner: Planner) -> dict[Stage, tuple[int, int, dict[Cause, int]]]:
    plans = {stage: planner.plan(stage) for stage in STAGES}
    return {stage: (plan.todo.height, plan.reused, plan.causes()) for stage, plan in plans.items()}


def test_nothing_to_do_is_remembered(done: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Planner, "_plan", None)  # not called
    assert _plans(Planner(done, BuildConfig())) == {
        stage: (0, 0 if stage is Stage.LABEL else 2, {}) for stage in STAGES
    }


def _remove_picture(workspace: Workspace) -> None:
    shutil.rmtree(workspace.jpeg_file(_DONE, "x").parent)


def _change_source(workspace: Workspace) -> None:
    rows = [_request(_DONE, "b" * 64), _request(_OPEN)]
    write_table(REQUESTS, REQUESTS.frame(rows), workspace.catalog_table(REQUESTS))


def _change_images(workspace: Workspace) -> None:
    rows = [_image(_DONE) | {"dicom_sha256": "c" * 64}]
    way = Planner(workspace, BuildConfig()).fingerprints[Stage.DEIDENTIFY]
    DEIDENTIFY.store(workspace).commit({IMAGES.name: rows}, [ledger_row(_DONE, source=_DIGEST, stage=way)])


@pytest.mark.parametrize(
    ("change", "causes"),
    [
        (_remove_picture, {Stage.DEIDENTIFY: {Cause.FILES: 1}, Stage.CONVERT: {Cause.FILES: 1}}),
        (_change_source, {Stage.DEIDENTIFY: {Cause.SOURCE: 1}}),
        (_change_images, {Stage.DEIDENTIFY: {Cause.FILES: 1}, Stage.CONVERT: {Cause.SOURCE: 1}}),
        (lambda workspace: ask_for(workspace.stage(Stage.CONVERT), [_OPEN]), {
            Stage.DEIDENTIFY: {Cause.FILES: 1}, Stage.CONVERT: {Cause.ASKED: 1}
        }),
    ],
)  # fmt: skip
def test_whatever_changes_is_planned(
    done: Workspace, change: Callable[[Workspace], None], causes: dict[Stage, dict[Cause, int]]
) -> None:
    change(done)
    found = {stage: told for stage, (_, _, told) in _plans(Planner(done, BuildConfig())).items() if told}
    assert found == causes


def test_another_setting_plans_its_stage(done: Workspace) -> None:
    config = BuildConfig(dates=DateSettings(keep_weekday=True))
    assert _plans(Planner(done, config))[Stage.DEIDENTIFY] == (2, 0, {Cause.STAGE: 2})
    assert _plans(Planner(done, BuildConfig(), limit=1))[Stage.DEIDENTIFY] == (0, 1, {})
