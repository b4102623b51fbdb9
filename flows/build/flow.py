"""The build: from the sources to a verified release, in the order of the stages.

Composes tasks and sub-flows; what a stage does stands in `cxr_core`, how a study is run in `tasks`. A wave of studies
goes through de-identification, conversion and labelling together, so that at most one wave of DICOM lies on disk.
"""

import datetime as dt
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import polars as pl
from prefect import flow
from prefect.client.schemas.objects import State
from prefect.states import Completed
from prefect.task_runners import ThreadPoolTaskRunner

from cxr_core.accounting.funnel import QuarantineShare
from cxr_core.errors import GateRefused
from cxr_core.planning.plan import Plan
from cxr_core.planning.stages import STAGES
from cxr_core.settings.convert import Intermediates
from cxr_core.tables.workspace import Workspace
from cxr_core.vault.audit import record
from cxr_core.vault.key import VaultKey
from cxr_core.vocabulary import Stage
from flows.build.opening import opened
from flows.build.request import BuildRequest
from flows.build.stages import WAVES
from flows.progress import BuildProgress
from tasks.account import Account, close_books
from tasks.artifacts import write_artifacts
from tasks.catalog import catalog_sources
from tasks.link import link_studies
from tasks.planning import Planner
from tasks.publish import PublishOrder, publish_release
from tasks.register import prepare, register_studies
from tasks.split import split_notes, split_subjects
from tasks.stage_run import set_current
from tasks.summary import BuildSummary, Outcome, StageCounts, write_page, write_summary
from tasks.workers import WorkerPool

_BEFORE_THE_AIRLOCK = (Stage.CATALOG, Stage.LINK, Stage.REGISTER)


@flow(name="build", flow_run_name="build", validate_parameters=False, persist_result=False)
def build(request: BuildRequest) -> "BuildSummary | State[BuildSummary]":
    """Build the dataset that `request` describes.

    Raises
    ------
    UsageError
        A user's mistake: no key, a missing folder, an unreadable table.
    GateRefused
        A gate refused to publish; the last release is untouched.
    """
    progress = BuildProgress(quiet=request.quiet)
    with opened(request, progress) as (filled, workspace, key):
        summary = _Build(filled, workspace, key, progress).run()
    write_artifacts(summary)
    return ended(summary)


def ended(summary: BuildSummary) -> BuildSummary | State[BuildSummary]:
    """How a flow ends that made a build: a state of its own tells that something waits for a person."""
    if not summary.quarantined:
        return summary
    told = f"{summary.quarantined} items wait for a person: cxr quarantine list"
    return Completed(name="CompletedWithQuarantine", message=told, data=summary)


@dataclass(slots=True)
class _Build:
    """One run over an opened workspace."""

    request: BuildRequest
    workspace: Workspace
    key: VaultKey = field(repr=False)
    progress: BuildProgress = field(repr=False)
    stages: dict[Stage, StageCounts] = field(default_factory=dict)

    def run(self) -> BuildSummary:
        self._prepare()
        self._studies()
        if self.request.dry_run:
            return self._summary()
        notes = self._split()
        account = self._account()
        outcome = self._published(account, notes) if self.request.runs(Stage.PUBLISH) else None
        summary = self._summary(account, outcome)
        write_summary(summary, self.workspace.summary)
        write_page(summary, self.workspace.page)
        if account is not None:
            record(self.workspace.vault, "build", summary.counts, now=dt.datetime.now(dt.UTC))
        return summary

    def _prepare(self) -> None:
        """Stages 1-3, inside the vault."""
        request, config = self.request, self.request.config
        if request.runs(Stage.CATALOG):
            with self._timed(Stage.CATALOG), self.progress.stage("catalog", None) as tick:
                catalog_sources(self.workspace, config.source, tick)
        if request.runs(Stage.LINK):
            with self._timed(Stage.LINK):
                link_studies(self.workspace, config)
        if request.runs(Stage.REGISTER) and not request.dry_run:
            with self._timed(Stage.REGISTER):
                register_studies(self.workspace, config, self.key)

    def _split(self) -> tuple[str, ...]:
        if not self.request.runs(Stage.SPLIT):
            return split_notes(self.workspace)
        with self._timed(Stage.SPLIT):
            return split_subjects(self.workspace, self.request.config, self.key).notes

    def _account(self) -> Account | None:
        """The books are kept in the vault; without it, the stages behind the airlock run all the same."""
        only = self.request.only
        if not self.workspace.vault.is_dir() or only in _BEFORE_THE_AIRLOCK:
            return None
        is_whole = self.request.limit is None and only in (None, Stage.SPLIT, Stage.PUBLISH)
        return close_books(self.workspace, is_whole=is_whole)

    def _published(self, account: Account | None, notes: tuple[str, ...]) -> Outcome:
        """Publish; the audit tells of refusals, too."""
        try:
            return self._publish(account, notes)
        except GateRefused as refusal:
            if account is not None:
                told = f"build, refused by gate {refusal.gate}"
                record(self.workspace.vault, told, account.counts, now=dt.datetime.now(dt.UTC))
            raise

    def _publish(self, account: Account | None, notes: tuple[str, ...]) -> Outcome:
        request = self.request
        if account is not None and not request.allow_quarantine:
            _check_quarantine(account.quarantine, request.config.run.max_quarantined_share)
        order = PublishOrder(
            request.release,
            waivers=request.waivers,
            is_demo=request.is_demo,
            drops=account.drops if account else (),
            notes=notes,
        )
        with self._timed(Stage.PUBLISH), self.progress.stage("publish", 1) as tick:
            outcome = publish_release(self.workspace, request.config, self.key, order)
            tick(1)
        return outcome

    def _summary(self, account: Account | None = None, outcome: Outcome | None = None) -> BuildSummary:
        return BuildSummary(
            stages={stage.value: counts for stage, counts in self.stages.items()},
            drops=account.drops if account else (),
            counts=account.counts if account else {},
            outcome=outcome,
            workspace=self.request.workspace,
            is_demo=self.request.is_demo,
            is_dry_run=self.request.dry_run,
            config_digest=self.request.config.digest(),
            quarantined=account.waiting if account else 0,
        )

    def _studies(self) -> None:
        """Plan the per-study stages and run them, wave by wave."""
        mine = [stage for stage in STAGES if self.request.runs(stage)]
        if not mine:
            return
        planner = Planner(self.workspace, self.request.config, self.request.limit, self._asked())
        plans = {stage: planner.plan(stage) for stage in mine}
        airlock = set(plans[Stage.DEIDENTIFY].todo["study_id"]) if Stage.DEIDENTIFY in plans else set[str]()
        for stage, plan in plans.items():
            # What passes the airlock anew is done anew behind it, if it comes out changed.
            todo = len(airlock | set(plan.todo["study_id"])) if self.request.dry_run else plan.todo.height
            reused = max(plan.reused - (todo - plan.todo.height), 0)
            self.stages[stage] = StageCounts(todo=todo, reused=reused, causes=plan.causes())
        if self.request.dry_run:
            return
        planner.begin(mine)
        self._waves(planner, mine, plans)
        for stage in mine:
            planner.compact(STAGES[stage])

    def _asked(self) -> pl.DataFrame | None:
        """In a dry run, the requests that would be written."""
        if not (self.request.dry_run and self.workspace.vault.is_dir()):
            return None
        return prepare(self.workspace, self.request.config, self.key)[1].requests

    def _waves(self, planner: Planner, mine: list[Stage], plans: dict[Stage, Plan]) -> None:
        settings = self.request.config.run
        todo = sorted({study for plan in plans.values() for study in plan.todo["study_id"]})
        size = settings.shard_studies * settings.wave_shards
        log = self.workspace.vault / "workers.log"
        with WorkerPool(settings.workers, deadline_s=settings.study_deadline_s, log=log) as pool:
            for start in range(0, len(todo), size):
                wave = tuple(todo[start : start + size])
                for stage in mine:
                    plan = plans[stage] if stage is Stage.DEIDENTIFY else planner.plan(stage, wave)
                    self._wave(planner, stage, plan.among(wave), pool, len(todo))
                if Stage.CONVERT in mine and self.request.config.convert.intermediates is Intermediates.DISCARD:
                    planner.discard_dicom(wave)

    def _wave(self, planner: Planner, stage: Stage, plan: Plan, pool: WorkerPool, planned: int) -> None:
        if not plan.todo.height:
            return
        settings = self.request.config.run
        set_current(planner.run_of(stage, plan, pool))
        runner: Any = ThreadPoolTaskRunner(max_workers=settings.workers)  # Prefect's own types disagree here
        wave_flow = WAVES[stage].with_options(task_runner=runner)
        with self._timed(stage), self.progress.stage(stage.value, plan.todo.height) as tick:
            counts = wave_flow(plan.todo["study_id"].to_list(), settings, planned, tick)
        self.stages[stage].add(counts)

    @contextmanager
    def _timed(self, stage: Stage) -> Iterator[None]:
        started = time.monotonic()
        yield
        self.stages.setdefault(stage, StageCounts()).seconds += time.monotonic() - started


def _check_quarantine(found: QuarantineShare, limit: float) -> None:
    if found.share > limit:
        raise GateRefused(
            "quarantine",
            f"{found.quarantined} of {found.in_cohort} studies are quarantined, more than {limit:.1%}; look at "
            "`cxr quarantine list`, then rerun or use --allow-quarantine",
        )
