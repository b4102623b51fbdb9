"""The Prefect task that fetches images from a PACS into the vault, and what the catalog is told of those that failed.

One task for the whole range: which studies are there is known from the shelf and its ledger in the vault, never from
Prefect, and a study's UID stands in no name, parameter or log line.
"""

import contextlib
import datetime as dt
from collections.abc import Callable

import polars as pl
from prefect import task

from cxr_core.intake.acquisition.acquire import Acquired, Acquisition, unfetched
from cxr_core.intake.acquisition.days import asked_days
from cxr_core.intake.acquisition.shelf import Shelf
from cxr_core.intake.catalog import absent_file
from cxr_core.intake.sources.pacs import open_pacs
from cxr_core.settings.build import BuildConfig
from cxr_core.tables.catalogue import ACQUIRED, INSTANCES
from cxr_core.tables.storage import read_table
from cxr_core.tables.workspace import Workspace
from cxr_core.vault.audit import record
from cxr_core.vocabulary import Reason
from tasks._policy import TASK_OPTIONS

Tick = Callable[[int], None]


def shelf_of(workspace: Workspace) -> Shelf:
    """Where the received files of a workspace lie."""
    return Shelf(workspace.received, workspace.vault / "incoming")


@task(name="acquire", task_run_name="acquire", **TASK_OPTIONS)
def acquire_studies(
    workspace: Workspace, config: BuildConfig, on_progress: Tick, *, list_again: bool = False
) -> Acquired:
    """Fetch what the vault does not have yet, and say so in the audit.

    Raises
    ------
    BuildError
        The disk is full, or the PACS is away or refuses: what came is kept, and the next run goes on there.
    """
    shelf = shelf_of(workspace)
    days = asked_days(config, dt.datetime.now(dt.UTC).date())
    shelf.open()
    with open_pacs(config.source, shelf.receive) as pacs:
        ledger = workspace.catalog_table(ACQUIRED)
        run = Acquisition(pacs, shelf, ledger, config.source.pacs, list_again=list_again, on_progress=on_progress)
        try:
            run.run(days)
        except BaseException:
            with contextlib.suppress(OSError):  # a full disk takes no line either; what is raised says so
                _record(workspace, "acquire, stopped", run.done)
            raise
        _record(workspace, "acquire", run.done)
        return run.done


def _record(workspace: Workspace, what: str, done: Acquired) -> None:
    record(workspace.vault, what, done.as_counts(), now=dt.datetime.now(dt.UTC))


def unfetched_instances(workspace: Workspace) -> pl.DataFrame:
    """Catalog rows of what the PACS named but did not send: in = out + dropped holds for these, too."""
    rows = read_table(ACQUIRED, workspace.catalog_table(ACQUIRED)).iter_rows(named=True)
    missing = unfetched(rows, shelf_of(workspace))
    return INSTANCES.frame(
        absent_file(path, Reason.E_FETCH) | {"study_instance_uid": study, "sop_instance_uid": instance}
        for path, study, instance in missing
    )
