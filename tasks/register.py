"""The Prefect task of the stage `register`: pseudonyms for everything new, and what the airlock is asked to do."""

import polars as pl
from prefect import task

from cxr_core.deidentify.requests import AirlockInput, Linked, build_airlock_input, originals
from cxr_core.settings.build import BuildConfig
from cxr_core.tables.catalogue import (
    INSTANCES,
    PSEUDONYMS,
    REPORTS,
    REQUESTS,
    SITE_WORDS,
    STUDIES,
    STUDY_INSTANCES,
    STUDY_ROWS,
)
from cxr_core.tables.storage import read_table, write_table
from cxr_core.tables.workspace import Workspace
from cxr_core.vault.key import VaultKey
from cxr_core.vault.ledger import register
from cxr_core.vocabulary import Stage
from tasks._policy import TASK_OPTIONS
from tasks.link import linked_reports


@task(name="register", task_run_name="register", **TASK_OPTIONS)
def register_studies(workspace: Workspace, config: BuildConfig, key: VaultKey) -> None:
    """Append to the ledger in one write, then write the airlock's requests."""
    ledger, airlock = prepare(workspace, config, key)
    write_table(PSEUDONYMS, ledger, workspace.catalog_table(PSEUDONYMS))
    words = [
        {"kind": kind, "word": word}
        for kind, some in (("name", airlock.site.names), ("place", airlock.site.places))
        for word in some
    ]
    write_table(SITE_WORDS, SITE_WORDS.frame(words), workspace.catalog_table(SITE_WORDS))
    write_table(REQUESTS, airlock.requests, workspace.catalog_table(REQUESTS))
    write_table(STUDY_ROWS, airlock.study_rows, workspace.stage(Stage.REGISTER) / "study_rows.parquet")


def prepare(workspace: Workspace, config: BuildConfig, key: VaultKey) -> tuple[pl.DataFrame, AirlockInput]:
    """The ledger with this build's new ids, and what the airlock will be asked; nothing is written."""
    linked = Linked(
        instances=read_table(INSTANCES, workspace.catalog_table(INSTANCES)),
        reports=read_table(REPORTS, linked_reports(workspace)),
        studies=read_table(STUDIES, workspace.catalog_table(STUDIES)),
        study_instances=read_table(STUDY_INSTANCES, workspace.catalog_table(STUDY_INSTANCES)),
    )
    mine = key.for_project(config.vault.project)
    ledger = register(
        read_table(PSEUDONYMS, workspace.catalog_table(PSEUDONYMS)),
        originals(linked),
        mine,
        digits=config.vault.id_digits,
        keep_weekday=config.dates.keep_weekday,
    )
    return ledger, build_airlock_input(linked, ledger, mine, tells_weeks=config.deidentify.tells_weeks)


def study_rows(workspace: Workspace) -> pl.DataFrame:
    """The study rows under pseudonyms, as the register stage left them."""
    return read_table(STUDY_ROWS, workspace.stage(Stage.REGISTER) / "study_rows.parquet")
