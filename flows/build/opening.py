"""What happens before the first stage: the demo hospital, the key, the workspace, its lock.

Takes a request, gives the request with its sources filled in, the workspace and the key. Every mistake that can be
seen before the work begins is refused here, in one line. What only some builds need is imported where they do.
"""

import contextlib
import datetime as dt
import shutil
from collections.abc import Iterator
from pathlib import Path

from cxr_core.errors import UsageError
from cxr_core.intake.acquisition.days import asked_days
from cxr_core.release.gates import check_waivers
from cxr_core.settings.build import BuildConfig
from cxr_core.tables.storage import write_bytes
from cxr_core.tables.workspace import Workspace
from cxr_core.vault.custody import claim, refuse_sealed
from cxr_core.vault.key import VaultKey, demo_key, load_key
from cxr_core.vocabulary import Stage
from flows.build.request import BuildRequest
from flows.build.runners import check_runner
from flows.progress import BuildProgress

DEMO_PATIENTS = 25


@contextlib.contextmanager
def opened(request: BuildRequest, progress: BuildProgress) -> Iterator[tuple[BuildRequest, Workspace, VaultKey]]:
    """Hold an open workspace.

    Raises
    ------
    UsageError
        A missing source, no usable key, a workspace that cannot be written, is in use, or belongs to another key.
    """
    workspace, key = preflight(request)
    with workspace.locked():
        yield filled(request, workspace, progress), workspace, key


def filled(request: BuildRequest, workspace: Workspace, progress: BuildProgress) -> BuildRequest:
    """The request with a folder to read: the demo hospital where no source is named, what a PACS sent where one is."""
    if not request.has_source:
        return _with_demo(request, workspace, progress)
    if not request.config.source.is_remote:
        return request
    if request.runs(Stage.CATALOG):  # what runs behind the airlock must find no vault that it made itself
        workspace.received.mkdir(exist_ok=True, mode=0o700)
    return request.model_copy(update={"config": with_received(request.config, workspace)})


def preflight(request: BuildRequest) -> tuple[Workspace, VaultKey]:
    """Refuse what can be refused before anything heavy is started.

    Raises
    ------
    UsageError
        As `opened`.
    """
    _check_sources(request)
    check_waivers(request.waivers)
    key = load_key(request.config.vault.key_file) if request.has_source else demo_key()
    workspace = Workspace(request.workspace.absolute())
    if request.start is None and request.only is None:
        refuse_sealed(workspace.vault)
        if not request.dry_run:
            workspace.create()
    elif not workspace.stages.is_dir():
        raise UsageError(f"workspace {request.workspace} holds no build yet: run one without --only and --from")
    if workspace.vault.is_dir():
        claim(workspace.vault, key)
    workspace.refuse_in_use()
    if request.runs(Stage.PUBLISH) and not request.dry_run:
        _check_release(request.release)
    return workspace, key


def _check_release(folder: Path) -> None:
    """Better now than after the night's work."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        raise UsageError(f"release folder {folder} cannot be written") from None


def _check_sources(request: BuildRequest) -> None:
    config = request.config
    check_runner(config.run)
    if config.source.is_remote:
        from cxr_core.intake.sources.pacs import check_pacs

        check_pacs(config.source)
        if request.runs(Stage.CATALOG):
            asked_days(config, dt.datetime.now(dt.UTC).date())
    if config.source.reports and not config.source.has_images:
        raise UsageError("reports without images: a build needs --dicom; reports alone are labelled by `cxr label`")
    named = [config.source.dicom, *config.source.reports, config.source.encounters, config.source.merges]
    for path in [*named, config.source.exclusions]:
        if path is not None and not path.exists():
            raise UsageError(f"source {path} does not exist")
    if config.source.dicom is not None and config.source.is_remote:
        raise UsageError(f"source.dicom and source.way {config.source.way.value}: images come from one of them")
    if config.source.dicom is not None and not config.source.dicom.is_dir():
        raise UsageError(f"source {config.source.dicom} is no folder")
    if request.runs(Stage.CATALOG):
        _check_fullness(config)


def _check_fullness(config: BuildConfig) -> None:
    """Sources that hold nothing, such as a share that is not mounted, must not empty the dataset."""
    from cxr_core.intake.sources.folder import holds_nothing

    for path in (config.source.dicom, *config.source.reports):
        if path is not None and path.is_dir() and holds_nothing(path):
            raise UsageError(f"source {path} holds no file: is it mounted?")
    if config.source.has_images and config.cohort.require_report and not config.source.reports:
        raise UsageError(
            "no source of reports, and studies without one are left out: name it with --reports, or say "
            "--set cohort.require_report=false"
        )


def with_received(config: BuildConfig, workspace: Workspace) -> BuildConfig:
    """The configuration with the vault's folder of received files as its source of images."""
    return config.model_copy(update={"source": config.source.model_copy(update={"dicom": workspace.received})})


def _with_demo(request: BuildRequest, workspace: Workspace, progress: BuildProgress) -> BuildRequest:
    """Generate the demo hospital once, in the identified zone, and make it the source."""
    target = workspace.vault / "demo"
    settings = request.config.run
    complete = target / "complete"
    if request.runs(Stage.CATALOG) and not complete.exists():
        from cxr_core.demo import generate_hospital

        shutil.rmtree(target, ignore_errors=True)  # a killed run's half
        with progress.stage("demo", 1) as tick:
            generate_hospital(target, patients=DEMO_PATIENTS, workers=settings.workers)
            write_bytes(complete, b"")
            tick(1)
    export = target / "export"
    source = request.config.source.model_copy(
        update={
            "dicom": export / "dicom",
            "reports": (export / "ris" / "ris_export.csv", export / "hl7"),
            "encounters": export / "ris" / "encounters.csv",
            "merges": export / "ris" / "mrn_merges.csv",
        }
    )
    run = settings.model_copy(update={"max_quarantined_share": 1.0})  # the demo plants a fault of every kind
    config = request.config.model_copy(update={"source": source, "run": run})
    return request.model_copy(update={"config": config, "is_demo": True})
