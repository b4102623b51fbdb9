"""What a Prefect server starts on a schedule: the nightly build, the publication, the weekly check.

Takes places and choices that the UI shows as a form, reads the configuration there, and composes the same build as the
command line. Nothing identified may stand in a parameter: these are paths on the worker's machine and settings.
"""

from pathlib import Path
from typing import Any

from prefect import flow
from pydantic import Field

from cxr_core.errors import GateRefused, UsageError
from cxr_core.settings import load_config
from cxr_core.settings.build import BuildConfig
from cxr_core.settings.run import Granularity
from cxr_core.settings.section import Section
from cxr_core.tables.workspace import Workspace
from cxr_core.vault.custody import refuse_sealed
from cxr_core.vocabulary import Stage
from flows.acquisition import AcquireRequest, acquire
from flows.build.flow import build
from flows.build.request import BuildRequest
from tasks.verification import Verifier

_OPTIONS: dict[str, Any] = {"persist_result": False}


class Places(Section):
    """Where a deployed run works."""

    config: Path = Field(description="TOML file of the build, on the worker's machine")
    workspace: Path = Field(description="Folder of the vault and of all intermediates")
    release: Path = Field(description="Folder that holds the releases")


class Choices(Section):
    """How far a deployed build goes, and how it runs."""

    start: Stage | None = Field(None, description="Run from this stage on")
    granularity: Granularity = Field(Granularity.AUTO, description="One task run a study, or one a shard of studies")
    limit: int | None = Field(None, ge=1, description="Only the first so many studies")
    dry_run: bool = Field(default=False, description="Say what would be done")


class Decision(Section):
    """What a person answers for when a release goes out."""

    allow_quarantine: bool = Field(default=False, description="Publish whatever the share of quarantined studies")
    waivers: dict[str, str] = Field(default_factory=dict, description="Gate -> who waives it and why")


@flow(name="nightly-build", flow_run_name="nightly build", **_OPTIONS)
def nightly_build(places: Places, choices: Choices = Choices()) -> Any:  # noqa: B008  frozen
    """Everything up to the split, done anew where something changed; a person publishes."""
    config = _config(places)
    run = config.run.model_copy(update={"granularity": choices.granularity})
    return build(
        BuildRequest(
            config=config.model_copy(update={"run": run}),
            workspace=places.workspace,
            release=places.release,
            start=choices.start,
            end=Stage.SPLIT,
            limit=choices.limit,
            dry_run=choices.dry_run,
        )
    )


@flow(name="acquire-images", flow_run_name="acquire images", **_OPTIONS)
def acquire_images(places: Places) -> dict[str, int]:
    """What the PACS has and the vault has not, within the hours that the configuration allows; gives counts."""
    return acquire(AcquireRequest(config=_config(places), workspace=places.workspace)).as_counts()


@flow(name="publish-release", flow_run_name="publish release", **_OPTIONS)
def publish_release(places: Places, decision: Decision = Decision()) -> Any:  # noqa: B008  frozen
    """What the nightly builds prepared, through the gates."""
    return build(
        BuildRequest(
            config=_config(places),
            workspace=places.workspace,
            release=places.release,
            only=Stage.PUBLISH,
            allow_quarantine=decision.allow_quarantine,
            waivers=decision.waivers,
        )
    )


@flow(name="verify-release", flow_run_name="verify release", **_OPTIONS)
def verify_release(places: Places) -> int:
    """Read the newest release and its withheld part again, as the gate did when they went out.

    Returns
    -------
    int
        Files that were read.

    Raises
    ------
    UsageError
        There is no release, or no vault to know from whom to look for.
    GateRefused
        Something was found; kinds and files are told by `cxr verify`.
    """
    workspace, current = Workspace(places.workspace.absolute()), places.release / "current"
    refuse_sealed(workspace.vault)
    if not (workspace.vault.is_dir() and current.is_dir()):
        raise UsageError("verify: a vault and a published release are needed")
    newest = current.resolve()
    trees = [tree for tree in (newest, newest.with_name(f"{newest.name}-withheld")) if tree.is_dir()]
    verifier = Verifier.of(workspace, _config(places).release.signoff)
    found = [verifier.verify(tree) for tree in trees]
    if findings := sum(len(one.findings) for one in found):
        raise GateRefused("privacy", f"{findings} findings in {newest.name}; look at them with `cxr verify`")
    return sum(one.files for one in found)


def _config(places: Places) -> BuildConfig:
    """The configuration of a real source: the demo is for a first look, not for a schedule."""
    config = load_config(places.config)
    if not config.source.has_images:
        raise UsageError(f"{places.config}: a deployed build needs [source] dicom, or a PACS")
    return config
