"""`cxr publish --layout`: a finished release in another layout, by hard link."""

from pathlib import Path
from typing import Annotated

import typer

from cxr_core.tables.workspace import Workspace
from flows.cli import app
from flows.cli.build import parse_waivers
from flows.cli.inspect import workspace_at
from flows.cli.vault import with_vault


@app.command()
def publish(
    release: Annotated[Path, typer.Argument(help="A release.")] = Path("release/current"),
    *,
    layout: Annotated[str, typer.Option(help="mimic-cxr-1, mimic-cxr-2, chexpert-1 or chestxray14.")],
    output: Annotated[Path | None, typer.Option("-o", "--output", help="Folder; default: beside the release.")] = None,
    workspace: Annotated[Path | None, typer.Option(help="For mimic-cxr-2: where DICOM and reports lie.")] = None,
    signoff: Annotated[Path | None, typer.Option(help="For mimic-cxr-2: names that were looked at.")] = None,
    waive: Annotated[list[str] | None, typer.Option(help="For mimic-cxr-2: GATE=REASON.")] = None,
) -> None:
    """Give a finished release in another layout: the same files, hard-linked."""
    publish_layout(layout, release, output=output, workspace=workspace, signoff=signoff, waive=waive or ())


def publish_layout(
    layout: str,
    release: Path,
    *,
    output: Path | None,
    workspace: Path | None,
    signoff: Path | None,
    waive: list[str] | tuple[str, ...],
) -> None:
    """What the command does, for whoever has the options.

    Raises
    ------
    UsageError
        No such layout, no release, a place that is taken.
    GateRefused
        A gate refused; nothing is visible.
    """
    from cxr_core.errors import UsageError
    from cxr_core.release.views.rows import Layout
    from tasks.view import ViewOrder, make_view

    known = [one.value for one in Layout]
    if layout not in known:
        raise UsageError(
            f"layout {layout!r} is not known; these are: {', '.join(known)} (a build makes mimic-cxr-jpg-2)"
        )
    opened: Workspace | None = with_vault(workspace_at(workspace)) if workspace else None
    done = make_view(ViewOrder(Layout(layout), release, output, opened, parse_waivers(waive), signoff))
    typer.echo(f"{layout} {'written' if done.is_new else 'unchanged'}: {done.path}")
    told = ", ".join(f"{count} images {tree}" for tree, count in done.images.items())
    typer.echo(f"{told}, {done.left_out} without a place in this layout")
