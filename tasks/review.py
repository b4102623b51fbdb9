"""Draws a review's samples from a workspace: reads the stages, plants identifiers, freezes the manifest in the store.

Takes the workspace and its settings, gives the sample; nothing of the vault is opened. Which items are drawn is left to
`cxr_core.review`, what readers do to the review server.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property
from hashlib import sha256
from pathlib import Path

import cv2
import numpy as np
import polars as pl

from cxr_core.errors import ItemError, UsageError
from cxr_core.imaging.rendering import encode_jpeg
from cxr_core.planning.stages import CONVERT, DEIDENTIFY, LABEL
from cxr_core.policy.markers import load_marker_policy
from cxr_core.review.planting import Gray, IsFound, PlantedImage, cells_for, plant_in_text, plant_on_image
from cxr_core.review.records import Draft, MachineBox, Manifest, PixelBox, Sample
from cxr_core.review.report_sampling import ReportTables, report_sample
from cxr_core.review.sampling import (
    PLANTED,
    ImageTables,
    backgrounds,
    first_by_rank,
    image_sample,
    machine_boxes,
    planted_count,
    text_draft,
    text_sample,
)
from cxr_core.review.store import ReviewStore
from cxr_core.review.workload import Workload, workload
from cxr_core.settings.build import BuildConfig
from cxr_core.tables.catalogue import DEID_REPORTS, IMAGES, LABELS, RENDITIONS, TEXT_BOXES
from cxr_core.tables.storage import write_bytes
from cxr_core.tables.workspace import Workspace
from cxr_core.vocabulary import BoxDecision, Photometric, ReviewKind, Split

Tick = Callable[[], None]


@dataclass(frozen=True)  # no slots: cached properties
class Draw:
    """One sample that is about to be drawn.

    Parameters
    ----------
    release : Path
        Folder of the releases: who was published outside a test set gets no manual label.
    """

    workspace: Workspace
    config: BuildConfig = field(repr=False)
    kind: ReviewKind
    seed: int
    release: Path

    @cached_property
    def real(self) -> Sequence[Draft]:
        """The items that stand in the dataset.

        Raises
        ------
        UsageError
            There is nothing to draw from.
        """
        drawn = {ReviewKind.IMAGES: self._images, ReviewKind.TEXT: self._texts, ReviewKind.REPORTS: self._reports}[
            self.kind
        ]()
        if not drawn:
            what = "images" if self.kind is ReviewKind.IMAGES else "reports"
            raise UsageError(f"{self.workspace.root} holds no {what} to draw from: build first")
        return drawn

    @property
    def planted(self) -> int:
        """How many items will be planted."""
        if self.kind is ReviewKind.REPORTS:
            return 0
        return min(planted_count(len(self.real), self.config.review), len(self._every_unit))

    def workload(self) -> Workload:
        """What the plan costs its readers."""
        settings = self.config.review
        return workload(self.kind, len(self.real) + self.planted, settings.readers, settings)

    def freeze(self, store: ReviewStore, at: datetime, tick: Tick = lambda: None) -> Sample:
        """Plant, and put the manifest into the store; what was drawn before is found, not added."""
        drafts = (*self.real, *self._sown(tick))
        return store.add_sample(Manifest(self.kind, self.seed, self.config.review.readers, drafts), at)

    # ------------------------------------------------------------ what there is

    @cached_property
    def _image_tables(self) -> ImageTables:
        airlock = DEIDENTIFY.store(self.workspace)
        return ImageTables(
            airlock.read(IMAGES), CONVERT.store(self.workspace).read(RENDITIONS), airlock.read(TEXT_BOXES)
        )

    @cached_property
    def _deid_reports(self) -> pl.DataFrame:
        return DEIDENTIFY.store(self.workspace).read(DEID_REPORTS)

    @cached_property
    def _every_unit(self) -> list[str]:
        column = self._image_tables.renditions["dicom_id"]
        return (self._deid_reports["study_id"] if self.kind is ReviewKind.TEXT else column).to_list()

    def _images(self) -> list[Draft]:
        return image_sample(self._image_tables, self._source, self.config.review, self.seed)

    def _source(self, study_id: str, dicom_id: str) -> str:
        return self.workspace.jpeg_file(study_id, dicom_id).relative_to(self.workspace.root).as_posix()

    def _texts(self) -> list[Draft]:
        return text_sample(self._deid_reports, self.config.review, self.seed)

    def _reports(self) -> list[Draft]:
        labels = LABEL.store(self.workspace).read(LABELS)
        excluded = published_outside_test(self.release, self.config.release.name)
        return report_sample(ReportTables(labels, self._deid_reports, excluded), self.config.review, self.seed)

    # ------------------------------------------------------------ what is planted

    def _sown(self, tick: Tick) -> Sequence[Draft]:
        if self.planted == 0:
            return ()
        return self._planted_texts(tick) if self.kind is ReviewKind.TEXT else self._planted_images(tick)

    def _planted_images(self, tick: Tick) -> list[Draft]:
        tables = self._image_tables
        order = iter(backgrounds(tables, (draft.unit_id for draft in self.real), self.seed))
        rows = {row["dicom_id"]: row for row in tables.renditions.iter_rows(named=True)}
        boxes = machine_boxes(tables.text_boxes)
        is_found = machine()
        drafts: list[Draft] = []
        for cell in cells_for(self.planted):
            made = None
            while made is None and (unit := next(order, None)) is not None:  # until a picture is not noise throughout
                gray = read_gray(self.workspace.jpeg_file(rows[unit]["study_id"], unit))
                made = plant_on_image(gray, cell, self._rng(unit), is_found)
                if made is not None:
                    drafts.append(self._planted_draft(rows[unit], made, boxes.get(unit, ())))
            tick()
        return drafts

    def _planted_draft(self, row: Mapping[str, str], made: PlantedImage, boxes: tuple[MachineBox, ...]) -> Draft:
        content = encode_jpeg(made.gray)
        digest = sha256(content).hexdigest()
        path = self.workspace.review / PLANTED / row["study_id"] / f"{digest}.jpg"  # goes with its study
        write_bytes(path, content, mode=0o600)
        return Draft(
            unit_id=row["dicom_id"],
            study_id=row["study_id"],
            subject_id=row["subject_id"],
            stratum=f"{PLANTED}:{made.cell}",
            sha256=digest,
            source=path.relative_to(self.workspace.root).as_posix(),
            rows=made.gray.shape[0],
            columns=made.gray.shape[1],
            is_planted=True,
            planted_boxes=(made.box,),
            machine_boxes=boxes,
        )

    def _rng(self, unit: str) -> np.random.Generator:
        """A stream of its own for each planted item: one more or less changes no other."""
        return np.random.default_rng([self.seed, *sha256(unit.encode()).digest()])

    def _planted_texts(self, tick: Tick) -> list[Draft]:
        used = {draft.unit_id for draft in self.real}
        rows = {row["study_id"]: row for row in self._deid_reports.iter_rows(named=True)}
        spare = first_by_rank(self.seed, PLANTED, (study for study in rows if study not in used), self.planted)
        again = first_by_rank(self.seed, PLANTED, used, self.planted - len(spare))
        drafts = []
        for study in (*spare, *again):
            made = plant_in_text(rows[study]["text"], self._rng(study))
            draft = text_draft({**rows[study], "text": made.text}, PLANTED)
            tick()
            drafts.append(replace(draft, is_planted=True, planted_spans=(made.span,)))
        return drafts


def read_gray(path: Path) -> Gray:
    """A JPEG of the workspace as (rows, columns) uint8.

    Raises
    ------
    UsageError
        It is not there or cannot be read.
    """
    found = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
    if found is None:
        raise UsageError("an image of the sample is not in the workspace: build first")
    return found.astype(np.uint8, copy=False)


def machine() -> IsFound:
    """The burned-in text engine, asked whether it would black out most of a place."""
    from cxr_core.deidentify.pixels import build_readers, redact_pixels

    readers, markers = build_readers(["rapidocr"]), load_marker_policy()

    def is_found(gray: Gray, box: PixelBox) -> bool:
        try:
            found = redact_pixels(
                gray, photometric=Photometric.MONOCHROME2, identifiers=(), readers=readers, markers=markers
            )
        except ItemError:
            return True  # such an image would wait for a person
        covered = np.zeros(gray.shape, np.bool_)
        for one in found.boxes:
            if one.decision is BoxDecision.REDACTED:
                covered[one.top_px : one.bottom_px, one.left_px : one.right_px] = True
        return bool(covered[box.top : box.bottom, box.left : box.right].mean() > 0.5)

    return is_found


def published_outside_test(release: Path, name: str) -> frozenset[str]:
    """Subjects of any release so far that stand in train or validate."""
    subjects: set[str] = set()
    for path in sorted(release.glob(f"{name}-*/images.parquet")):
        images = pl.read_parquet(path, columns=["subject_id", "split"])
        subjects.update(images.filter(pl.col("split").cast(pl.String) != Split.TEST.value)["subject_id"].to_list())
    return frozenset(subjects)
