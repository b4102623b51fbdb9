"""`cxr status`: what every stage has done, what it would do again, and why."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cxr_core.settings import load_config
from cxr_core.settings.build import BuildConfig
from cxr_core.settings.loading import last_config
from cxr_core.tables.workspace import Workspace
from flows.cli import app
from flows.cli.inspect import workspace_at

if TYPE_CHECKING:
    from tasks.status import StageStatus

_MOST_PARTS = 8


@app.command()
def status(
    config: Annotated[Path | None, typer.Argument(help="TOML file; default: the settings of the last build.")] = None,
    *,
    workspace: Annotated[Path, typer.Option(help="The workspace of the build.")] = Path("workspace"),
    sets: Annotated[list[str] | None, typer.Option("--set", help="section.key=value, as for build.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """What is done, stale and quarantined, and why something would run again. Sources are not looked at."""
    from cxr_core.planning.stages import STAGES
    from tasks.planning import Planner
    from tasks.status import stage_status

    opened = workspace_at(workspace)
    planner = Planner(opened, _settings(opened, config, sets or []))
    stages = [stage_status(planner, stage) for stage in STAGES]
    waits, accepted = _quarantine(opened)
    if as_json:
        found: dict[str, object] = {"stages": {one.stage.value: one.as_json() for one in stages}}
        told = found | {"waiting": waits, "accepted": accepted, "release": _release(opened)}
        typer.echo(json.dumps(told, indent=1))
        return
    _print(stages, waits, accepted)
    typer.echo(f"release     {_release(opened) or 'none'}")


def _settings(opened: Workspace, config: Path | None, sets: list[str]) -> BuildConfig:
    """Those that are named, or those of the last build, each with what `--set` says."""
    return load_config(config, sets=sets, base=last_config(opened.configuration))


def _print(stages: "list[StageStatus]", waits: int, accepted: int) -> None:
    for stage in stages:
        for line in stage.lines(most_parts=_MOST_PARTS):
            typer.echo(line)
    more = ": cxr quarantine list" if waits else ""
    typer.echo(f"quarantine  {waits} items wait for a person, {accepted} accepted{more}")


def _quarantine(opened: Workspace) -> tuple[int, int]:
    """Items that wait, items that were accepted; without a vault, none are known."""
    from cxr_core.accounting.quarantine import waiting
    from cxr_core.tables.catalogue import ACCEPTED, DROPS
    from cxr_core.tables.storage import read_table

    drops, accepted = (read_table(table, opened.catalog_table(table)) for table in (DROPS, ACCEPTED))
    return waiting(drops, accepted).height, accepted.height


def _release(opened: Workspace) -> str | None:
    if not opened.summary.exists():
        return None
    release: str | None = json.loads(opened.summary.read_text(encoding="utf-8"))["release"]
    return release
