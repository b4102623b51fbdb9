"""`cxr publish --layout`: a finished release in another layout, by hard link."""

from pathlib import Path

import typer

from cxr_core.errors import UsageError
from flows.cli.build import parse_waivers
from flows.cli.inspect import workspace_at
from flows.cli.vault import with_vault


def publish_layout(
    layout: str,
    release: Path,
    *,
    output: Path | None,
    workspace: Path,
    signoff: Path | None,
    waive: list[str] | tuple[str, ...],
) -> None:
    """Give a finished release in another layout: the same files, hard-linked.

    Raises
    ------
    UsageError
        No such layout, no release, a place that is taken.
    GateRefused
        A gate refused; nothing is visible.
    """
    from cxr_core.release.views.rows import Layout
    from tasks.view import ViewOrder, make_view

    known = [one.value for one in Layout]
    if layout not in known:
        raise UsageError(
            f"layout {layout!r} is not known; these are: {', '.join(known)} (a build makes mimic-cxr-jpg-2)"
        )
    # DICOM and reports lie in the workspace; the other layouts need nothing but the release.
    opened = with_vault(workspace_at(workspace)) if layout == Layout.MIMIC_CXR_2.value else None
    done = make_view(ViewOrder(Layout(layout), release, output, opened, parse_waivers(waive), signoff))
    typer.echo(f"{layout} {'written' if done.is_new else 'unchanged'}: {done.path}")
    told = ", ".join(f"{count} images {tree}" for tree, count in done.images.items())
    typer.echo(f"{told}, {done.left_out} without a place in this layout")
