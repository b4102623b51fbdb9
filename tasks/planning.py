"""What the per-study stages of a build still have to do, and the runs that do it.

Takes the workspace and the configuration, reads the ledgers and the tables upstream, gives plans and `StageRun`s.
The order of stages and waves is left to the flow.
"""

import os
import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import polars as pl

from cxr_core.planning.inputs import (
    IMAGE_COLUMNS,
    REPORT_COLUMNS,
    REQUEST_COLUMNS,
    convert_wanted,
    deidentify_wanted,
    label_wanted,
)
from cxr_core.planning.plan import LEDGER_COLUMNS, NO_STUDIES, Plan, make_plan
from cxr_core.planning.receipts import Step
from cxr_core.planning.requests import answered, asked_for, note_parts, retries_file
from cxr_core.planning.stages import DEIDENTIFY, STAGES, StageDefinition
from cxr_core.settings.build import BuildConfig
from cxr_core.tables.catalogue import DEID_REPORTS, IMAGES, LEDGER, READER_BOXES, REQUESTS
from cxr_core.tables.open_part import OpenPart
from cxr_core.tables.stage_store import StageStore
from cxr_core.tables.storage import DamagedTableError, read_table, write_bytes
from cxr_core.tables.workspace import Workspace
from cxr_core.vocabulary import Stage
from tasks.receipts import receipt_step, table_files
from tasks.stage_run import Arguments, StageRun, todo_of
from tasks.workers import Pool


@dataclass(frozen=True)  # no slots: cached properties
class Planner:
    """Plans the per-study stages of one build.

    Parameters
    ----------
    limit : int or None
        Only the first so many studies, in the order of their ids.
    """

    workspace: Workspace
    config: BuildConfig = field(repr=False)
    limit: int | None = None
    requests: pl.DataFrame | None = field(default=None, repr=False)
    """What the airlock would be asked, where nothing was written (a dry run)."""

    @cached_property
    def studies(self) -> pl.Series:
        """The studies of this build; without the vault, those that came through the airlock before."""
        known = DEIDENTIFY.store(self.workspace).read(LEDGER, ["study_id"]) if self._asked is None else self._asked
        return known["study_id"].sort().head(self.limit or known.height)

    @cached_property
    def _asked(self) -> pl.DataFrame | None:
        path = self.workspace.catalog_table(REQUESTS)
        if self.requests is not None or not path.exists():
            return self.requests
        return read_table(REQUESTS, path, REQUEST_COLUMNS)

    @cached_property
    def _reader_boxes(self) -> pl.DataFrame:
        """Where human readers saw PHI left, as the review exported it."""
        return read_table(READER_BOXES, self.workspace.review_table(READER_BOXES))

    @cached_property
    def _keep(self) -> frozenset[str]:
        """The studies of the dataset, whatever part of them this build is about."""
        known = self.studies if self._asked is None else self._asked["study_id"]
        return frozenset(known.to_list())

    @cached_property
    def fingerprints(self) -> dict[Stage, str]:
        """How each stage would do a study now."""
        return {stage: definition.fingerprint(self.config) for stage, definition in STAGES.items()}

    def begin(self, stages: Sequence[Stage]) -> None:
        """Leave beside the ledgers how these stages are about to be done, for `cxr status` to compare with."""
        for stage in stages:
            if (plan := self._whole.get(stage)) is not None and plan.todo.is_empty():
                self._steps[stage].leave({"reused": plan.reused})
        write_bytes(self.workspace.configuration, self.config.model_dump_json(indent=1).encode(), mode=0o600)
        shutil.rmtree(self.workspace.begun_dicom, ignore_errors=True)  # of a build that was killed
        for stage in stages:
            definition = STAGES[stage]
            carried = (
                definition.store(self.workspace)
                .read(LEDGER, ["stage_fingerprint"])["stage_fingerprint"]
                .unique()
                .to_list()
            )
            parts = definition.parts(self.config)
            note_parts(self.workspace.stage(stage), self.fingerprints[stage], parts, still=carried)

    def plan(self, stage: Stage, studies: Sequence[str] | None = None) -> Plan:
        """What one stage has to do, over some studies, or over all of the build: that is found once."""
        if studies is None:
            if stage not in self._whole:
                self._whole[stage] = self._nothing_new(stage) or self._plan(stage, self.studies)
            return self._whole[stage]
        return self._plan(stage, pl.Series("study_id", studies, dtype=pl.String), among=studies)

    @cached_property
    def _whole(self) -> dict[Stage, Plan]:
        return {}

    def _nothing_new(self, stage: Stage) -> Plan | None:
        """The empty plan of the last build, where nothing that it was made of changed; files are looked for anew."""
        said = self._steps[stage].earlier() if self.requests is None else None
        if said is None or self._lost(stage, self._stores[stage].read(LEDGER, ["study_id", "status"])):
            return None
        return Plan(NO_STUDIES, said["reused"])

    @cached_property
    def _steps(self) -> dict[Stage, Step]:
        return {stage: self._step(stage) for stage in STAGES}

    def _step(self, stage: Stage) -> Step:
        """What a plan over all studies is made of, but for the folders of pictures."""
        mine, airlock = self._stores[stage], self._stores[Stage.DEIDENTIFY]
        beside = (self.workspace.catalog_table(REQUESTS), self.workspace.review_table(READER_BOXES))
        upstream = table_files(airlock, *_UPSTREAM[stage], LEDGER)
        return receipt_step(
            f"plan-{stage.value}",
            self.workspace,
            self.config,
            reads=[*beside, *upstream, *table_files(mine, LEDGER), retries_file(self.workspace.stage(stage))],
            leaves=[],
            words=[
                self.fingerprints[stage],
                f"limit {self.limit}, attempts {self.config.run.attempts}",
                *map(str, mine.gaps()),
            ],
        )

    def _plan(self, stage: Stage, studies: pl.Series, among: Sequence[str] | None = None) -> Plan:
        store = self._stores[stage]
        ledger = store.read(LEDGER, LEDGER_COLUMNS, among=among)
        # A table that an older version did not have is no gap: all is stale then, and done again.
        if among is None and (gaps := store.gaps()) and (ledger["stage_fingerprint"] == self.fingerprints[stage]).any():
            raise DamagedTableError(gaps[0])
        return make_plan(
            self._wanted(stage, among).join(studies.to_frame(), on="study_id", how="semi"),
            ledger,
            self.fingerprints[stage],
            attempts=self.config.run.attempts,
            asked=asked_for(self.workspace.stage(stage)),
            lost=self._lost(stage, ledger),
        )

    @cached_property
    def _stores(self) -> dict[Stage, StageStore]:
        return {stage: definition.store(self.workspace) for stage, definition in STAGES.items()}

    def _lost(self, stage: Stage, ledger: pl.DataFrame) -> Sequence[str]:
        """Studies that are not done, whatever the ledger says: files that are needed are not there."""
        if stage is Stage.DEIDENTIFY:  # discarded, and `convert` needs them again
            again = self.plan(Stage.CONVERT).todo["study_id"]
            return _without_folder(self.workspace.dicom, again)
        if stage is Stage.CONVERT:
            return _without_folder(self.workspace.jpeg, ledger.filter(pl.col("status") == "ok")["study_id"])
        return ()

    def run_of(self, stage: Stage, plan: Plan, pool: Pool) -> StageRun:
        """The run that does a plan."""
        return StageRun(
            stage=stage,
            function=f"tasks.study_work:{stage.value}",
            arguments=self._arguments(stage, plan),
            part=OpenPart(self._stores[stage], most=self.config.run.shard_studies, clock=time.monotonic),
            pool=pool,
            config=self.config,
            fingerprint=self.fingerprints[stage],
            todo=todo_of(plan.todo),
        )

    def discard_dicom(self, studies: tuple[str, ...]) -> None:
        """Remove the de-identified DICOM of studies that are converted."""
        for study in studies:
            shutil.rmtree(self._dicom_folder(study), ignore_errors=True)

    def discard_rest(self) -> None:
        """Remove what a build that was killed left there: DICOM of studies that `convert` will not do again."""
        left = sorted(self._keep.intersection(_folders(self.workspace.dicom)))
        if left:
            needed = set(self.plan(Stage.CONVERT, left).todo["study_id"])
            self.discard_dicom(tuple(study for study in left if study not in needed))

    def compact(self, definition: StageDefinition) -> None:
        """Fold a stage's parts into sorted tables; studies that left the dataset go."""
        keep = self._keep
        self._stores[definition.stage].compact(keep)
        folder = self.workspace.stage(definition.stage)
        if asked := asked_for(folder):
            answered(folder, (asked - keep) | set(self.studies.to_list()))
        self._whole.pop(definition.stage, None)
        beside = {
            Stage.CONVERT: [self.workspace.jpeg],
            Stage.DEIDENTIFY: [self.workspace.dicom, self.workspace.vault / "sheets"],
        }
        for files in beside.get(definition.stage, ()):
            for study in set(_folders(files)) - keep:
                shutil.rmtree(files / study[:3] / study)

    def _dicom_folder(self, study: str) -> Path:
        return self.workspace.dicom_file(study, "any").parent

    def _wanted(self, stage: Stage, among: Sequence[str] | None) -> pl.DataFrame:
        if stage is Stage.DEIDENTIFY:
            return deidentify_wanted(REQUESTS.empty() if self._asked is None else self._asked, self._reader_boxes)
        upstream = self._stores[Stage.DEIDENTIFY]
        if stage is Stage.CONVERT:
            return convert_wanted(upstream.read(IMAGES, IMAGE_COLUMNS, among=among))
        return label_wanted(upstream.read(DEID_REPORTS, REPORT_COLUMNS, among=among))

    def _arguments(self, stage: Stage, plan: Plan) -> Arguments:
        """What the worker's function is given for a study: pseudonyms and rows behind the airlock, nothing else."""
        upstream, mine = self._stores[Stage.DEIDENTIFY], plan.todo["study_id"].to_list()
        if stage is Stage.DEIDENTIFY:
            drawn = self._reader_boxes.filter(pl.col("study_id").is_in(mine)).partition_by("study_id", as_dict=True)
            boxes = {str(key[0]): frame.to_dicts() for key, frame in drawn.items()}
            return lambda study: (self.workspace.root, self.config, study, boxes.get(study, []))
        if stage is Stage.CONVERT:
            by_study = upstream.read(IMAGES, among=mine).partition_by("study_id", as_dict=True)
            images = {str(key[0]): frame.to_dicts() for key, frame in by_study.items()}
            return lambda study: (self.workspace.root, self.config, study, images[study])
        texts = dict(upstream.read(DEID_REPORTS, ("study_id", "text"), among=mine).iter_rows())
        return lambda study: (self.config, study, texts[study])


_UPSTREAM = {Stage.DEIDENTIFY: (), Stage.CONVERT: (IMAGES,), Stage.LABEL: (DEID_REPORTS,)}
_FEW = 5000  # a look a study costs less than one at every shelf


def _without_folder(root: Path, studies: pl.Series) -> list[str]:
    """Those of the studies that have no folder below `dicom` or `jpeg`."""
    if len(studies) <= _FEW:
        return [study for study in studies if not (root / study[:3] / study).is_dir()]
    there = pl.Series("study_id", _folders(root), dtype=pl.String)
    return studies.to_frame().join(there.to_frame(), on="study_id", how="anti")["study_id"].to_list()


def _folders(root: Path) -> list[str]:
    """Names of the studies that have a folder below `dicom` or `jpeg`; one look a shelf, not one a study."""
    return [study for shelf in root.glob("*") for study in os.listdir(shelf)]  # noqa: PTH208  names, not paths
