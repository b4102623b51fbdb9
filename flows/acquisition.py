"""The acquisition flow: what a PACS has and the vault has not. `python -m flows.acquire` and a Prefect deployment.

Composes the one task; a build of a remote source runs the same task before its catalog.
"""

import datetime as dt
from pathlib import Path

from prefect import flow
from pydantic import Field

from cxr_core.errors import UsageError
from cxr_core.intake.acquisition.acquire import Acquired
from cxr_core.intake.acquisition.days import asked_days
from cxr_core.intake.sources.pacs import check_pacs
from cxr_core.settings.build import BuildConfig
from cxr_core.settings.section import Section
from cxr_core.tables.workspace import Workspace
from cxr_core.vault.custody import claim, refuse_sealed
from cxr_core.vault.key import load_key
from flows.progress import BuildProgress
from tasks.acquire import acquire_studies


class AcquireRequest(Section):
    """One acquisition."""

    config: BuildConfig = Field(description="Every setting of the build")
    workspace: Path = Field(description="Folder of the vault and of all intermediates")
    list_again: bool = Field(default=False, description="List the instances of every study again")
    quiet: bool = Field(default=False, description="Show no progress")


def preflight(request: AcquireRequest) -> Workspace:
    """Refuse what can be refused before anything heavy is started.

    Raises
    ------
    UsageError
        No PACS is named, a setting is missing, there is no key, or the workspace belongs to another one.
    """
    config = request.config
    if not config.source.is_remote:
        raise UsageError("source.way is folder: nothing is to be fetched; name pacs-move, pacs-get or dicomweb")
    check_pacs(config.source)
    asked_days(config, dt.datetime.now(dt.UTC).date())
    key = load_key(config.vault.key_file)
    workspace = Workspace(request.workspace.absolute())
    refuse_sealed(workspace.vault)
    workspace.create()
    claim(workspace.vault, key)
    return workspace


@flow(name="acquire", flow_run_name="acquire", validate_parameters=False, persist_result=False)
def acquire(request: AcquireRequest) -> Acquired:
    """Fetch into the vault what `request` asks for."""
    workspace = preflight(request)
    progress = BuildProgress(quiet=request.quiet)
    with workspace.locked(), progress.stage("acquire", None) as tick:
        return acquire_studies(workspace, request.config, tick, list_again=request.list_again)
