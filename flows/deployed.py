"""What a Prefect server starts on a schedule: the nightly build, the publication, the weekly check.

Takes places and choices that the UI shows as a form, reads the configuration there, and composes the same build as the
command line. Nothing identified may stand in a parameter: these are paths on the worker's machine and settings.
"""

from pathlib import Path
from typing import Any, cast

from prefect import State, flow
from pydantic import Field
from pydantic.config import JsonDict

from cxr_core.errors import GateRefused, UsageError
from cxr_core.release.gates import Gate
from cxr_core.settings import load_config
from cxr_core.settings.build import BuildConfig
from cxr_core.settings.run import Granularity
from cxr_core.settings.section import Section
from cxr_core.tables.workspace import Workspace
from cxr_core.vault.custody import refuse_sealed
from cxr_core.vocabulary import Stage
from flows.acquisition import AcquireRequest, acquire
from flows.build.flow import build, ended
from flows.build.request import BuildRequest
from tasks.summary import BuildSummary
from tasks.verification import Verifier

_OPTIONS: dict[str, Any] = {"persist_result": False}


def _at(position: int) -> JsonDict:
    """Where a field stands in the UI's form: the database keeps no order of its own."""
    return {"position": position}


class Places(Section):
    """Where a deployed run works."""

    config: Path = Field(description="TOML file of the build, on the worker's machine", json_schema_extra=_at(0))
    workspace: Path = Field(description="Folder of the vault and of all intermediates", json_schema_extra=_at(1))
    release: Path = Field(description="Folder that holds the releases", json_schema_extra=_at(2))


class Choices(Section):
    """How far a deployed build goes, and how it runs."""

    start: Stage = Field(
        Stage.CATALOG, description="Run from this stage on; catalog: all of it", json_schema_extra=_at(0)
    )
    granularity: Granularity = Field(
        Granularity.AUTO, description="One task run a study, or one a shard of studies", json_schema_extra=_at(1)
    )
    limit: int = Field(0, ge=0, description="Only the first so many studies; 0: all of them", json_schema_extra=_at(2))
    dry_run: bool = Field(default=False, description="Say what would be done, and do nothing", json_schema_extra=_at(3))


class Decision(Section):
    """What a person answers for when a release goes out. A waiver stands in the release: write who waives, and why."""

    allow_quarantine: bool = Field(
        default=False, description="Publish whatever the share of quarantined studies", json_schema_extra=_at(0)
    )
    waive_review: str = Field(
        "", description="Publish without the image review: who, and why", json_schema_extra=_at(1)
    )
    waive_counts: str = Field(
        "", description="Publish in spite of implausible counts: who, and why", json_schema_extra=_at(2)
    )
    waive_attestation: str = Field(
        "", description="Publish without an attestation: who, and why", json_schema_extra=_at(3)
    )

    @property
    def waivers(self) -> dict[str, str]:
        """Gate -> who waives it and why."""
        told = {
            Gate.REVIEW: self.waive_review,
            Gate.COUNTS: self.waive_counts,
            Gate.ATTESTATION: self.waive_attestation,
        }
        return {gate.value: reason for gate, reason in told.items() if reason.strip()}


@flow(name="nightly-build", flow_run_name="nightly build", **_OPTIONS)
def nightly_build(places: Places, choices: Choices = Choices()) -> Any:  # noqa: B008  frozen
    """Everything up to the split, done anew where something changed; a person publishes."""
    config = _config(places)
    run = config.run.model_copy(update={"granularity": choices.granularity})
    return _ended_as(
        BuildRequest(
            config=config.model_copy(update={"run": run}),
            workspace=places.workspace,
            release=places.release,
            start=None if choices.start is Stage.CATALOG else choices.start,
            end=Stage.SPLIT,
            limit=choices.limit or None,
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
    return _ended_as(
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


def _ended_as(request: BuildRequest) -> BuildSummary | State[BuildSummary]:
    """Build, and end as the build ends: the list of runs must show that something waits in quarantine."""
    return ended(cast("BuildSummary", build(request)))


def _config(places: Places) -> BuildConfig:
    """The configuration of a real source: the demo is for a first look, not for a schedule."""
    config = load_config(places.config)
    if not config.source.has_images:
        raise UsageError(f"{places.config}: a deployed build needs [source] dicom, or a PACS")
    return config
