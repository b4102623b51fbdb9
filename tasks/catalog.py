"""The Prefect task of the stage `catalog`: what the sources hold, written into the vault."""

import time
from collections.abc import Callable

import polars as pl
from prefect import task

from cxr_core.intake.catalog import catalog_folder, read_again
from cxr_core.intake.sources.reports import read_reports, report_files
from cxr_core.intake.sources.ris_csv import read_encounters_csv, read_merges_csv
from cxr_core.planning.receipts import Step
from cxr_core.settings.build import BuildConfig
from cxr_core.settings.source import SourceSettings
from cxr_core.tables.catalogue import ENCOUNTERS, INSTANCES, MERGES, REPORTS
from cxr_core.tables.storage import read_table, write_table
from cxr_core.tables.workspace import Workspace
from tasks._policy import TASK_OPTIONS
from tasks.acquire import unfetched_instances
from tasks.receipts import receipt_step


@task(name="catalog", task_run_name="catalog", **TASK_OPTIONS)
def catalog_sources(workspace: Workspace, source: SourceSettings, on_progress: Callable[[int], None]) -> None:
    """Read every source; files that are known and unchanged are not opened again.

    Parameters
    ----------
    on_progress : callable
        Called with 1 for each file that was looked at.
    """
    path = workspace.catalog_table(INSTANCES)
    if source.dicom is not None:
        previous = read_table(INSTANCES, path)
        instances = catalog_folder(
            source.dicom, previous, issuer=source.issuer, on_progress=lambda _: on_progress(1), now_ns=time.time_ns
        )
        if source.is_remote:
            missing = unfetched_instances(workspace).join(instances, on="path", how="anti")
            instances = pl.concat([instances, missing])
        if instances is not previous:
            write_table(INSTANCES, instances, path)
    _catalog_tables(workspace, source)


def _catalog_tables(workspace: Workspace, source: SourceSettings) -> None:
    """Reports, encounters and merges; files of the same content are not read again."""
    step = _tables_step(workspace, source)
    if step.earlier() is not None:
        return
    reports = read_reports(source.reports, columns=source.columns, issuer=source.issuer)
    write_table(REPORTS, reports, workspace.catalog_table(REPORTS))
    encounters = (
        read_encounters_csv(source.encounters, issuer=source.issuer) if source.encounters else ENCOUNTERS.empty()
    )
    write_table(ENCOUNTERS, encounters, workspace.catalog_table(ENCOUNTERS))
    merges = read_merges_csv(source.merges) if source.merges else MERGES.empty()
    write_table(MERGES, merges, workspace.catalog_table(MERGES))
    step.leave()


def _tables_step(workspace: Workspace, source: SourceSettings) -> Step:
    side = [path for path in (source.encounters, source.merges) if path is not None]
    return receipt_step(
        "tables",
        workspace,
        BuildConfig(source=source),
        reads=[*report_files(source.reports), *side],
        leaves=[workspace.catalog_table(contract) for contract in (REPORTS, ENCOUNTERS, MERGES)],
    )


def open_all_again(workspace: Workspace) -> None:
    """Let the next catalog open every file, whatever its size and time (`--rehash`)."""
    path = workspace.catalog_table(INSTANCES)
    known = read_table(INSTANCES, path)
    if known.height:
        write_table(INSTANCES, read_again(known, known["path"].to_list()), path)
