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

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.states import Completed
from prefect.task_runners import ThreadPoolTaskRunner

from cxr_core.accounting.funnel import QuarantineShare
from cxr_core.errors import BuildError, GateRefused
from cxr_core.planning.plan import Plan
from cxr_core.planning.stages import STAGES
from cxr_core.settings.convert import Intermediates
from cxr_core.tables.workspace import Workspace
from cxr_core.vault.audit import record
from cxr_core.vault.key import VaultKey
from cxr_core.vocabulary import Stage
from flows.build.dry_run import dry_run
from flows.build.opening import opened
from flows.build.request import BuildRequest
from flows.build.runners import open_pool
from flows.build.stages import WAVES
from flows.build.watching import WatchedStage
from flows.progress import BuildProgress, Tick
from tasks.account import Account, close_books
from tasks.acquire import acquire_studies
from tasks.artifacts import write_artifacts
from tasks.catalog import catalog_sources, open_all_again
from tasks.link import link_studies
from tasks.planning import Planner
from tasks.publish import PublishOrder, publish_release
from tasks.register import register_studies
from tasks.split import split_notes, split_subjects
from tasks.stage_run import StageRun, set_current
from tasks.summary import BuildSummary, Outcome, StageCounts, write_page, write_summary

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
    if request.dry_run:
        return dry_run(request, progress)
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
            if request.rehash:
                open_all_again(self.workspace)
            self._acquire()
            with self._timed(Stage.CATALOG), self.progress.stage("catalog", None) as tick:
                catalog_sources(self.workspace, config.source, tick)
        if request.runs(Stage.LINK):
            with self._timed(Stage.LINK):
                link_studies(self.workspace, config)
        if request.runs(Stage.REGISTER):
            with self._timed(Stage.REGISTER):
                register_studies(self.workspace, config, self.key)

    def _acquire(self) -> None:
        """What the PACS has and the vault has not. Half a cohort is no dataset: the build waits for the rest."""
        config = self.request.config
        if not (config.source.is_remote and config.source.pacs.acquire):
            return
        with self.progress.stage("acquire", None) as tick:
            acquired = acquire_studies(self.workspace, config, tick)
        if acquired.days_left:
            raise BuildError(
                f"the PACS may not be asked any more now, and {acquired.days_left} days are left: run again within "
                "source.pacs.window, or build from what is here with --set source.pacs.acquire=false"
            )

    def _split(self) -> tuple[str, ...]:
        if not self.request.runs(Stage.SPLIT):
            return split_notes(self.workspace)
        with self._timed(Stage.SPLIT):
            return split_subjects(self.workspace, self.request.config, self.key)

    def _account(self) -> Account | None:
        """The books are kept in the vault; without it, the stages behind the airlock run all the same."""
        only = self.request.only
        if not self.workspace.vault.is_dir() or only in _BEFORE_THE_AIRLOCK:
            return None
        is_whole = self.request.limit is None and only in (None, Stage.SPLIT, Stage.PUBLISH)
        return close_books(self.workspace, self.request.config, is_whole=is_whole)

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
            is_dry_run=False,
            config_digest=self.request.config.digest(),
            quarantined=account.waiting if account else 0,
        )

    def _studies(self) -> None:
        """Plan the per-study stages and run them, wave by wave."""
        mine = [stage for stage in STAGES if self.request.runs(stage)]
        if not mine:
            return
        planner = Planner(self.workspace, self.request.config, self.request.limit)
        plans = {stage: planner.plan(stage) for stage in mine}
        for stage, plan in plans.items():
            self.stages[stage] = StageCounts(todo=plan.todo.height, reused=plan.reused, causes=plan.causes())
        planner.begin(mine)
        self._waves(planner, mine, plans)
        if self._discards(mine):
            planner.discard_rest()
        for stage in mine:
            planner.compact(STAGES[stage])

    def _waves(self, planner: Planner, mine: list[Stage], plans: dict[Stage, Plan]) -> None:
        settings = self.request.config.run
        todo = sorted({study for plan in plans.values() for study in plan.todo["study_id"]})
        if not todo:
            return
        size = settings.shard_studies * settings.wave_shards
        log = self.workspace.vault / "workers.log"
        names = [stage.value for stage in mine]
        with (
            open_pool(self.request.config, log, planner.fingerprints) as pool,
            self.progress.stages(names, len(todo)) as ticks,
        ):
            watched = {stage: WatchedStage(stage.value, len(todo)) for stage in mine}
            for start in range(0, len(todo), size):
                wave = tuple(todo[start : start + size])
                for stage in mine:
                    plan = plans[stage] if stage is Stage.DEIDENTIFY else planner.plan(stage, wave)
                    if (part := plan.among(wave)).todo.height:
                        tick = _both(ticks[stage.value], watched[stage].tick)
                        self._wave(planner.run_of(stage, part, pool), len(todo), tick)
                if self._discards(mine):
                    planner.discard_dicom(wave)
            for one in watched.values():
                one.finish()

    def _discards(self, mine: list[Stage]) -> bool:
        return Stage.CONVERT in mine and self.request.config.convert.intermediates is Intermediates.DISCARD

    def _wave(self, run: StageRun, planned: int, tick: Tick) -> None:
        set_current(run)
        runner: Any = ThreadPoolTaskRunner(max_workers=run.pool.width)  # Prefect's own types disagree here
        wave_flow = WAVES[run.stage].with_options(task_runner=runner)
        with self._timed(run.stage):
            counts = wave_flow(list(run.todo), self.request.config.run, planned, tick)
        self.stages[run.stage].add(counts)

    @contextmanager
    def _timed(self, stage: Stage) -> Iterator[None]:
        started = time.monotonic()
        yield
        self.stages.setdefault(stage, StageCounts()).seconds += time.monotonic() - started


def _both(one: Tick, other: Tick) -> Tick:
    def tick(count: int) -> None:
        one(count)
        other(count)

    return tick


def _check_quarantine(found: QuarantineShare, limit: float) -> None:
    if found.share > limit:
        told = ", ".join(f"{reason} {count}" for reason, count in found.reasons)
        raise GateRefused(
            "quarantine",
            f"{found.quarantined} of {found.in_cohort} studies are quarantined ({told}), more than {limit:.1%}; "
            "look at `cxr quarantine list`, then rerun or use --allow-quarantine",
        )
