"""Draws a review's samples from a workspace: reads the stages, plants identifiers, freezes the manifest in the store.

Takes the workspace and its settings, gives the sample; what only the vault knows comes from `review_vault` under
pseudonyms. Which items are drawn is left to `cxr_core.review`, what readers do to the review server.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property
from pathlib import Path

import polars as pl

from cxr_core.errors import UsageError
from cxr_core.planning.stages import CONVERT, DEIDENTIFY, LABEL
from cxr_core.review.planting import plant_in_text
from cxr_core.review.records import Draft, Manifest, Sample
from cxr_core.review.report_sampling import ReportTables, report_sample
from cxr_core.review.sampling import (
    PLANTED,
    ImageFiles,
    ImageTables,
    backgrounds,
    first_by_rank,
    image_sample,
    planted_count,
    text_draft,
    text_sample,
)
from cxr_core.review.store import ReviewStore
from cxr_core.review.workload import Workload, workload
from cxr_core.settings.build import BuildConfig
from cxr_core.settings.convert import Intermediates
from cxr_core.tables.catalogue import DEID_REPORTS, IMAGES, LABELS, RENDITIONS, TEXT_BOXES
from cxr_core.tables.workspace import Workspace
from cxr_core.vocabulary import ReviewKind, Split
from tasks.review_planting import Field, plant_images, stream
from tasks.review_vault import device_numbers, has_vault, named_like_words

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
        has_windows = any(draft.windows for draft in self.real)
        return workload(self.kind, len(self.real) + self.planted, settings.readers, settings, has_windows=has_windows)

    def freeze(self, store: ReviewStore, at: datetime, tick: Tick = lambda: None) -> Sample:
        """Plant, and put the manifest into the store; what was drawn before is found, not added."""
        drafts = (*self.real, *self._sown(tick))
        return store.add_sample(Manifest(self.kind, self.seed, self.config.review.readers, drafts), at)

    # ------------------------------------------------------------ what there is

    @cached_property
    def _image_tables(self) -> ImageTables:
        airlock = DEIDENTIFY.store(self.workspace)
        tables = (airlock.read(IMAGES), CONVERT.store(self.workspace).read(RENDITIONS), airlock.read(TEXT_BOXES))
        return ImageTables(*tables, device_numbers(self.workspace) if has_vault(self.workspace) else {})

    @cached_property
    def _deid_reports(self) -> pl.DataFrame:
        return DEIDENTIFY.store(self.workspace).read(DEID_REPORTS)

    @cached_property
    def _every_unit(self) -> list[str]:
        if self.kind is ReviewKind.TEXT:
            return self._deid_reports["study_id"].to_list()
        return self._image_tables.renditions["dicom_id"].to_list()

    def _images(self) -> list[Draft]:
        return image_sample(self._image_tables, self._files, self.config.review, self.seed)

    @property
    def _files(self) -> ImageFiles:
        return ImageFiles(self._picture, self._original)

    def _picture(self, study_id: str, dicom_id: str) -> str:
        return self.workspace.jpeg_file(study_id, dicom_id).relative_to(self.workspace.root).as_posix()

    def _original(self, study_id: str, dicom_id: str) -> str:
        """Where DICOM is kept it may be released (`cxr publish --layout mimic-cxr-2`): then it is read, too."""
        path = self.workspace.dicom_file(study_id, dicom_id)
        is_kept = self.config.convert.intermediates is Intermediates.KEEP and path.is_file()
        return path.relative_to(self.workspace.root).as_posix() if is_kept else ""

    def _texts(self) -> list[Draft]:
        named = named_like_words(self.workspace) if has_vault(self.workspace) else None
        return text_sample(self._deid_reports, self.config.review, self.seed, named)

    def _reports(self) -> list[Draft]:
        labels = LABEL.store(self.workspace).read(LABELS)
        excluded = published_outside_test(self.release, self.config.release.name)
        return report_sample(ReportTables(labels, self._deid_reports, excluded), self.config.review, self.seed)

    # ------------------------------------------------------------ what is planted

    def _sown(self, tick: Tick) -> Sequence[Draft]:
        if self.planted == 0:
            return ()
        if self.kind is ReviewKind.TEXT:
            return self._planted_texts(tick)
        order = backgrounds(self._image_tables, (draft.unit_id for draft in self.real), self.seed)
        return plant_images(
            Field(self.workspace, self.config, self._files, self._image_tables, self.seed), order, self.planted, tick
        )

    def _planted_texts(self, tick: Tick) -> list[Draft]:
        used = {draft.unit_id for draft in self.real}
        rows = {row["study_id"]: row for row in self._deid_reports.iter_rows(named=True)}
        spare = first_by_rank(self.seed, PLANTED, (study for study in rows if study not in used), self.planted)
        again = first_by_rank(self.seed, PLANTED, used, self.planted - len(spare))
        drafts = []
        for study in (*spare, *again):
            made = plant_in_text(rows[study]["text"], stream(self.seed, study))
            draft = text_draft({**rows[study], "text": made.text}, PLANTED)
            tick()
            drafts.append(replace(draft, is_planted=True, planted_spans=(made.span,)))
        return drafts


def published_outside_test(release: Path, name: str) -> frozenset[str]:
    """Subjects of any release so far that stand in train or validate."""
    subjects: set[str] = set()
    for path in sorted(release.glob(f"{name}-*/images.parquet")):
        images = pl.read_parquet(path, columns=["subject_id", "split"])
        subjects.update(images.filter(pl.col("split").cast(pl.String) != Split.TEST.value)["subject_id"].to_list())
    return frozenset(subjects)
