"""The Prefect task of the stage `register`: pseudonyms for everything new, and what the airlock is asked to do."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import polars as pl
from prefect import task

from cxr_core.deidentify.requests import AirlockInput, Linked, build_airlock_input, originals
from cxr_core.errors import UsageError
from cxr_core.intake.linkage import patient_index
from cxr_core.planning.receipts import Step
from cxr_core.settings.build import BuildConfig
from cxr_core.tables.catalogue import (
    INSTANCES,
    MERGES,
    PSEUDONYMS,
    REPORTS,
    REQUESTS,
    RETIRED_SUBJECTS,
    SITE_WORDS,
    STUDIES,
    STUDY_INSTANCES,
    STUDY_ROWS,
    SUBJECT_IDS,
)
from cxr_core.tables.storage import read_table, write_table
from cxr_core.tables.workspace import Workspace
from cxr_core.vault.key import VaultKey
from cxr_core.vault.ledger import IdMaker, Original, register
from cxr_core.vault.notices import RETIRED_LIST, write_list
from cxr_core.vault.subjects import (
    as_ledger,
    current_subjects,
    retired_subjects,
    settle_subjects,
    with_current_subjects,
)
from cxr_core.vocabulary import IdKind, Stage
from tasks._policy import TASK_OPTIONS
from tasks.link import linked_reports
from tasks.receipts import receipt_step


@task(name="register", task_run_name="register", **TASK_OPTIONS)
def register_studies(workspace: Workspace, config: BuildConfig, key: VaultKey) -> None:
    """Append to the ledger in one write, then write the airlock's requests."""
    step = _step(workspace, config, key)
    if step.earlier() is not None:
        return
    ids, airlock = prepare(workspace, config, key)
    # The changes first: after a kill in between, the ledger gives its new ids around theirs, as it would have.
    write_table(SUBJECT_IDS, ids.changes, workspace.catalog_table(SUBJECT_IDS))
    write_table(PSEUDONYMS, ids.ledger, workspace.catalog_table(PSEUDONYMS))
    retired = retired_subjects(ids.ledger, ids.changes)
    write_table(RETIRED_SUBJECTS, retired, workspace.stage_table(Stage.REGISTER, RETIRED_SUBJECTS))
    write_list(workspace.vault / RETIRED_LIST, retired.sort("place").drop("place"))
    words = [
        {"kind": kind, "word": word}
        for kind, some in (("name", airlock.site.names), ("place", airlock.site.places))
        for word in some
    ]
    write_table(SITE_WORDS, SITE_WORDS.frame(words), workspace.catalog_table(SITE_WORDS))
    write_table(REQUESTS, airlock.requests, workspace.catalog_table(REQUESTS))
    write_table(STUDY_ROWS, airlock.study_rows, workspace.stage_table(Stage.REGISTER, STUDY_ROWS))
    step.leave()


def _step(workspace: Workspace, config: BuildConfig, key: VaultKey) -> Step:
    """The ledgers of ids only grow: the same studies find theirs there and add nothing."""
    read = [workspace.catalog_table(one) for one in (INSTANCES, REPORTS, MERGES, STUDIES, STUDY_INSTANCES)]
    left = [workspace.catalog_table(one) for one in (SUBJECT_IDS, PSEUDONYMS, SITE_WORDS, REQUESTS)]
    behind = [workspace.stage_table(Stage.REGISTER, one) for one in (RETIRED_SUBJECTS, STUDY_ROWS)]
    return receipt_step(
        "register",
        workspace,
        config,
        reads=[*read, linked_reports(workspace)],
        leaves=[*left, *behind, workspace.vault / RETIRED_LIST],
        key=key,
    )


@dataclass(frozen=True, slots=True)
class Ids:
    """The crosswalk with this build's new ids, and the subjects that changed."""

    ledger: pl.DataFrame = field(repr=False)
    changes: pl.DataFrame = field(repr=False)


def prepare(workspace: Workspace, config: BuildConfig, key: VaultKey) -> tuple[Ids, AirlockInput]:
    """The ids of this build, and what the airlock will be asked; nothing is written."""
    linked = Linked(
        instances=read_table(INSTANCES, workspace.catalog_table(INSTANCES)),
        reports=read_table(REPORTS, linked_reports(workspace)),
        studies=read_table(STUDIES, workspace.catalog_table(STUDIES)),
        study_instances=read_table(STUDY_INSTANCES, workspace.catalog_table(STUDY_INSTANCES)),
    )
    mine = key.for_project(config.vault.project)
    wanted = list(originals(linked))
    ledger = read_table(PSEUDONYMS, workspace.catalog_table(PSEUDONYMS))
    maker = IdMaker(mine, config.vault.id_digits, config.dates.keep_weekday)
    changes = _changes(workspace, linked, ledger, wanted, maker)
    known = current_subjects(ledger, changes)
    ledger = register(
        ledger,
        [one for one in wanted if one.kind is not IdKind.PATIENT or (one.issuer, one.original) not in known],
        mine,
        digits=config.vault.id_digits,
        keep_weekday=config.dates.keep_weekday,
        also_taken=as_ledger(changes),
    )
    current = with_current_subjects(ledger, changes)
    return Ids(ledger, changes), build_airlock_input(linked, current, mine, tells_weeks=config.deidentify.tells_weeks)


def _changes(
    workspace: Workspace, linked: Linked, ledger: pl.DataFrame, wanted: Sequence[Original], maker: IdMaker
) -> pl.DataFrame:
    """SUBJECT_IDS with what this build's merges change.

    Raises
    ------
    UsageError
        Merged patients would be parted because no list of merges was given.
    """
    reports, merges = (read_table(table, workspace.catalog_table(table)) for table in (REPORTS, MERGES))
    index = patient_index(linked.instances, reports, merges)
    present = {(one.issuer, one.original): one.first_date for one in wanted if one.kind is IdKind.PATIENT}
    before = read_table(SUBJECT_IDS, workspace.catalog_table(SUBJECT_IDS))
    after = settle_subjects(ledger, before, present, lambda patient: index.patient(*patient) or patient, maker)
    parted = (
        after.filter(pl.col("ordinal").is_not_null()).height - before.filter(pl.col("ordinal").is_not_null()).height
    )
    if parted and merges.is_empty():
        raise UsageError(
            f"{parted} patients would be parted: patients were merged before, and no --merges is given now"
        )
    return after


def study_rows(workspace: Workspace) -> pl.DataFrame:
    """The study rows under pseudonyms, as the register stage left them."""
    return read_table(STUDY_ROWS, workspace.stage_table(Stage.REGISTER, STUDY_ROWS))
