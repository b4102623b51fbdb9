"""What a worker does with one study in one stage: read, call the core, write files, give rows back.

Takes the workspace, the configuration, a study's pseudonym and the upstream rows, so that nothing identified travels
to a worker; gives an outcome whose rows hold pseudonyms only. Never imports Prefect: workers start quickly.
"""

import functools
import hashlib
import json
import shutil
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from cxr_core.errors import BuildError, ItemError
from cxr_core.settings.build import BuildConfig
from cxr_core.tables.catalogue import (
    DEID_REPORTS,
    DERIVATIVES,
    EVIDENCE,
    IMAGES,
    LABELS,
    RENDITIONS,
    REQUESTS,
    SECTIONS,
    SITE_WORDS,
    STAGE_DROPS,
    TEXT_BOXES,
)
from cxr_core.tables.storage import read_table, write_bytes
from cxr_core.tables.workspace import Workspace
from cxr_core.vocabulary import ItemKind, Label, LabelerName, Reason, Stage

if TYPE_CHECKING:
    from cxr_core.deidentify.study import Airlock
    from cxr_core.labeling import Evidence, Labeler

Row = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class StudyOutcome:
    """What one stage made of one study: rows by table, or the reason why there are none."""

    study_id: str
    rows: Mapping[str, Sequence[Row]] = field(default_factory=dict, repr=False)
    reason: Reason | None = None

    @property
    def digest(self) -> str:
        """SHA-256 over the rows: equal results, equal digest."""
        content = json.dumps(
            {name: list(rows) for name, rows in sorted(self.rows.items())}, sort_keys=True, default=str
        )
        return hashlib.sha256(content.encode()).hexdigest()


def failed(stage: Stage, study_id: str, reason: Reason) -> StudyOutcome:
    """The outcome of a study that a stage gave up on: nothing but its drop row."""
    return StudyOutcome(study_id, {STAGE_DROPS.name: [_drop(stage, study_id, ItemKind.STUDY, reason)]}, reason)


def deidentify(
    root: Path, config: BuildConfig, study_id: str, reader_boxes: Sequence[Mapping[str, object]] = ()
) -> StudyOutcome:
    """Stage 4: through the airlock, and out comes de-identified DICOM, boxes and redacted text."""
    from cxr_core.deidentify.study import StudyRequest

    workspace = Workspace(root)
    airlock = _airlock(root, config.model_dump_json())
    request = StudyRequest.from_row(_request_row(workspace, study_id), reader_boxes)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pydicom's warnings print values
        result = airlock.run(request)
    shutil.rmtree(workspace.sheet_file(study_id, "x").parent, ignore_errors=True)
    _write_dicom(workspace, study_id, {image.dicom_id: image.content for image in result.images})
    for image in result.images:
        if image.sheet is not None:
            write_bytes(workspace.sheet_file(study_id, image.dicom_id), image.sheet, mode=0o600)
    drops = [
        _drop(Stage.DEIDENTIFY, study_id, ItemKind.INSTANCE, reason, dicom_id) for dicom_id, reason in result.dropped
    ]
    if not result.images:
        drops.append(_drop(Stage.DEIDENTIFY, study_id, ItemKind.STUDY, Reason.NO_SURVIVING_IMAGE))
    return StudyOutcome(
        study_id,
        {
            IMAGES.name: [image.row for image in result.images],
            TEXT_BOXES.name: [row for image in result.images for row in image.box_rows],
            DEID_REPORTS.name: [result.report_row] if result.report_row and result.images else [],
            STAGE_DROPS.name: drops,
        },
        None if result.images else Reason.NO_SURVIVING_IMAGE,
    )


def convert(root: Path, config: BuildConfig, study_id: str, images: Sequence[Row]) -> StudyOutcome:
    """Stage 5: de-identified DICOM to JPEG."""
    workspace = Workspace(root)
    rows: list[Row] = []
    derivatives: list[Row] = []
    drops: list[Row] = []
    for image in images:
        try:
            row, smaller = _convert_one(workspace, config, study_id, image)
            rows.append(row)
            derivatives.extend(smaller)
        except ItemError as error:
            drops.append(_drop(Stage.CONVERT, study_id, ItemKind.INSTANCE, error.reason, str(image["dicom_id"])))
    wanted = {f"{row['dicom_id']}.jpg" for row in rows} | {
        f"{row['dicom_id']}.{row['size']}.jpg" for row in derivatives
    }
    for left in workspace.jpeg_file(study_id, "x").parent.glob("*"):
        if left.name not in wanted:
            left.unlink()
    if not rows:
        drops.append(_drop(Stage.CONVERT, study_id, ItemKind.STUDY, Reason.NO_SURVIVING_IMAGE))
    return StudyOutcome(
        study_id,
        {RENDITIONS.name: rows, DERIVATIVES.name: derivatives, STAGE_DROPS.name: drops},
        None if rows else Reason.NO_SURVIVING_IMAGE,
    )


def label(config: BuildConfig, study_id: str, text: str) -> StudyOutcome:
    """Stage 6: the redacted report's section, its labels and their evidence."""
    from cxr_core.reports.sections import SectionPolicy, choose_section, split_sections

    chosen = choose_section(split_sections(text), SectionPolicy(config.labels.section))
    labels: list[Row] = []
    evidence: list[Row] = []
    for name in config.labels.labelers:
        result = _labeler(name).label(text, chosen.spans, addendum_spans=chosen.addendum_spans)
        values = dict(zip((member.value for member in Label), result.values, strict=True))
        labels.append({"study_id": study_id, "labeler": name.value, **values})
        evidence.extend(_evidence_row(study_id, name, place, item) for place, item in enumerate(result.evidence))
    return StudyOutcome(
        study_id,
        {
            SECTIONS.name: [
                {
                    "study_id": study_id,
                    "section": chosen.name.value,
                    "start": chosen.start,
                    "end": chosen.end,
                    "fallback": chosen.fallback.value if chosen.fallback else None,
                }
            ],
            LABELS.name: labels,
            EVIDENCE.name: evidence,
        },
    )


def fingerprints(config: BuildConfig) -> dict[Stage, str]:
    """How this machine would do the stages: its code, its rules, its libraries."""
    from cxr_core.planning.stages import STAGES

    return {stage: definition.fingerprint(config) for stage, definition in STAGES.items()}


def _drop(stage: Stage, study_id: str, kind: ItemKind, reason: Reason, dicom_id: str = "") -> Row:
    return {
        "study_id": study_id,
        "dicom_id": dicom_id,
        "kind": kind.value,
        "stage": stage.value,
        "reason": reason.value,
    }


def _request_row(workspace: Workspace, study_id: str) -> Row:
    """One row of the vault's requests; Parquet's statistics keep the rest of the file unread."""
    path = workspace.catalog_table(REQUESTS)
    return pl.scan_parquet(path).filter(pl.col("study_id") == study_id).collect().row(0, named=True)


def _write_dicom(workspace: Workspace, study_id: str, images: Mapping[str, bytes]) -> None:
    """The study's folder, whole or not at all: the plan takes a folder that is there for what `convert` needs."""
    folder = workspace.dicom_file(study_id, "x").parent
    begun = workspace.begun_dicom / study_id
    shutil.rmtree(begun, ignore_errors=True)
    for dicom_id, content in images.items():
        write_bytes(begun / workspace.dicom_file(study_id, dicom_id).name, content)
    shutil.rmtree(folder, ignore_errors=True)
    if images:
        folder.parent.mkdir(parents=True, exist_ok=True)
        begun.rename(folder)


@functools.lru_cache(maxsize=1)
def _airlock(root: Path, configuration: str) -> "Airlock":
    """Readers and rules, loaded once a worker; the configuration is JSON, because that can be a cache's key."""
    config = BuildConfig.model_validate_json(configuration)
    from cxr_core.deidentify.study import Airlock
    from cxr_core.vault.dictionary import SiteDictionary

    words = read_table(SITE_WORDS, Workspace(root).catalog_table(SITE_WORDS))
    by_kind = {kind: frozenset(words.filter(pl.col("kind") == kind)["word"]) for kind in ("name", "place")}
    source = config.source.dicom
    if source is None:
        raise BuildError("no image source")
    return Airlock.open(config, source, SiteDictionary(names=by_kind["name"], places=by_kind["place"]))


@functools.lru_cache(maxsize=2)
def _labeler(name: LabelerName) -> "Labeler":
    from cxr_core.labeling import Labeler

    return Labeler(name)


def _convert_one(workspace: Workspace, config: BuildConfig, study_id: str, image: Row) -> tuple[Row, list[Row]]:
    """Write the JPEG files of one image; gives its row and those of the smaller files."""
    from cxr_core.imaging.convert import convert_image
    from cxr_core.imaging.rendering import RenderProfile

    dicom_id = str(image["dicom_id"])
    source = workspace.dicom_file(study_id, dicom_id)
    result = convert_image(source, RenderProfile(config.convert.profile), sizes=config.convert.sizes)
    write_bytes(workspace.jpeg_file(study_id, dicom_id), result.jpeg)
    ids = {"dicom_id": dicom_id, "study_id": study_id}
    smaller: list[Row] = []
    for one in result.derivatives:
        write_bytes(workspace.derivative_file(study_id, dicom_id, one.shorter_side_px), one.encoded)
        smaller.append({**ids, "size": one.shorter_side_px, "sha256": one.sha256})
    row = {
        **ids,
        "subject_id": image["subject_id"],
        "rows": result.rows,
        "columns": result.columns,
        "view": result.view.view.value if result.view.view else None,
        "view_source": result.view.source.value if result.view.source else None,
        "flags": sorted(flag.value for flag in result.quality.flags),
        "phash": f"{result.quality.perceptual_hash:064x}",
        "jpeg_bytes": len(result.jpeg),
        "sha256": result.sha256,
    }
    return row, smaller


def _evidence_row(study_id: str, labeler: LabelerName, place: int, item: "Evidence") -> Row:
    return {
        "study_id": study_id,
        "labeler": labeler.value,
        "mention": place,
        "label": item.label.value if item.label else None,
        "assertion": int(item.assertion),
        "sentence_start": item.sentence_start,
        "sentence_end": item.sentence_end,
        "phrase_start": item.phrase_start,
        "phrase_end": item.phrase_end,
        "rule_id": item.rule_id,
        "cue_id": item.cue_id,
    }
