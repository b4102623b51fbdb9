"""What a build would do, found without leaving anything behind: `--dry-run`.

Takes a request, gives a summary of counts and causes. Catalog and link need to write tables; they do so in a folder
inside the vault that goes afterwards, because what they write is identified. Prefect has no part in it.
"""

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import polars as pl

from cxr_core.errors import UsageError
from cxr_core.planning.plan import Plan
from cxr_core.planning.stages import STAGES
from cxr_core.tables.workspace import Workspace
from cxr_core.vault.key import VaultKey
from cxr_core.vocabulary import Stage
from flows.build.opening import filled, preflight
from flows.build.request import BuildRequest
from flows.progress import BuildProgress
from tasks.catalog import catalog_sources, open_all_again
from tasks.link import link_studies
from tasks.planning import Planner
from tasks.register import prepare
from tasks.summary import BuildSummary, StageCounts

_PREFIX = ".dry-run-"


def dry_run(request: BuildRequest, progress: BuildProgress) -> BuildSummary:
    """Count what each stage would do, and why.

    Raises
    ------
    UsageError
        As for a build.
    """
    workspace, key = preflight(request)
    with _untouched(workspace), workspace.locked():
        with _scratch(workspace, request) as scratch:
            request = filled(request, scratch, progress) if scratch is not None else request
            asked = _asked(request, scratch, key, progress) if scratch is not None else None
        stages = _counts(Planner(workspace, request.config, request.limit, asked), request)
    return BuildSummary(
        stages={stage.value: counts for stage, counts in stages.items()},
        drops=(),
        counts={},
        outcome=None,
        workspace=request.workspace,
        is_demo=request.is_demo,
        is_dry_run=True,
        config_digest=request.config.digest(),
    )


def _asked(request: BuildRequest, scratch: Workspace, key: VaultKey, progress: BuildProgress) -> pl.DataFrame:
    """What the airlock would be asked."""
    if request.runs(Stage.CATALOG):
        if request.rehash:
            open_all_again(scratch)
        with progress.stage("catalog", None) as tick:
            catalog_sources.fn(scratch, request.config.source, tick)
    if request.runs(Stage.LINK):
        link_studies.fn(scratch, request.config)
    return prepare(scratch, request.config, key)[1].requests


def _counts(planner: Planner, request: BuildRequest) -> Mapping[Stage, StageCounts]:
    plans: dict[Stage, Plan] = {stage: planner.plan(stage) for stage in STAGES if request.runs(stage)}
    airlock = set(plans[Stage.DEIDENTIFY].todo["study_id"]) if Stage.DEIDENTIFY in plans else set[str]()
    counts = {}
    for stage, plan in plans.items():
        # What passes the airlock anew is done anew behind it, if it comes out changed.
        todo = len(airlock | set(plan.todo["study_id"]))
        reused = max(plan.reused - (todo - plan.todo.height), 0)
        counts[stage] = StageCounts(todo=todo, reused=reused, causes=plan.causes())
    return counts


@contextlib.contextmanager
def _untouched(workspace: Workspace) -> Iterator[None]:
    """Make what is needed to look, and take away what was not there before."""
    lock = workspace.root / ".lock"
    places = [workspace.vault, workspace.root, *workspace.root.parents]
    made = [path for path in (lock, *places) if not path.exists()]
    try:
        workspace.vault.mkdir(parents=True, exist_ok=True, mode=0o700) if workspace.vault in made else None
        yield
    except PermissionError:
        raise UsageError(f"workspace {workspace.root} cannot be written: a dry run, too, needs room there") from None
    finally:
        for path in made:
            path.unlink(missing_ok=True) if path == lock else _remove_empty(path)


def _remove_empty(folder: Path) -> None:
    with contextlib.suppress(OSError):
        folder.rmdir()


@contextlib.contextmanager
def _scratch(workspace: Workspace, request: BuildRequest) -> Iterator[Workspace | None]:
    """A copy of what catalog and link know, inside the vault; None where the vault was moved away."""
    is_behind = request.start is not None or request.only is not None
    if is_behind and not workspace.catalog.is_dir():
        yield None
        return
    for left in workspace.vault.glob(f"{_PREFIX}*"):  # a dry run that was killed
        shutil.rmtree(left)
    root = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=workspace.vault))
    try:
        scratch = Workspace(root)
        scratch.catalog.mkdir(parents=True)
        scratch.stages.mkdir()
        for path in [*workspace.catalog.glob("*.parquet"), *workspace.vault.glob("*.parquet")]:
            _link(path, root / path.relative_to(workspace.root))
        for folder in (workspace.vault / "demo", workspace.received):
            if folder.is_dir():
                (root / folder.relative_to(workspace.root)).symlink_to(folder)
        yield scratch
    finally:
        shutil.rmtree(root)


def _link(source: Path, target: Path) -> None:
    """Tables are replaced, never changed in place: a link is a copy."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)
