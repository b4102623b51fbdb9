"""`cxr releases`: which releases on disk still hold withdrawn patients, and removing those once a newer one is out."""

import datetime as dt
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cxr_core.errors import UsageError
from flows.cli import app
from flows.cli.inspect import workspace_at
from flows.cli.vault import with_vault

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from cxr_core.release.held import HeldTree
    from cxr_core.tables.workspace import Workspace
    from cxr_core.vault.subjects import Patient

_WORD = "purge"
_Workspace = Annotated[Path, typer.Option(help="The workspace whose vault knows who was withdrawn.")]
_Release = Annotated[Path, typer.Option(help="Folder of the releases.")]
releases_app = typer.Typer(help="Releases that still hold withdrawn patients.", no_args_is_help=True)
app.add_typer(releases_app, name="releases")


@releases_app.command("held")
def held(workspace: _Workspace = Path("workspace"), release: _Release = Path("release")) -> None:
    """Say which releases and views in a folder still hold withdrawn patients."""
    trees = _held(with_vault(workspace_at(workspace)), release)
    if not trees:
        typer.echo(f"no release in {release} holds a withdrawn patient")
    elif any(tree.is_current for tree in trees):
        typer.echo("next: build a release without them, then cxr releases purge")
    else:
        typer.echo("next: cxr releases purge")


@releases_app.command("purge")
def purge(
    workspace: _Workspace = Path("workspace"),
    release: _Release = Path("release"),
    *,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Delete releases that hold withdrawn patients, whole, with their withheld parts and views. Never the newest."""
    from cxr_core.release.held import remove_trees
    from cxr_core.vault.audit import record

    opened = with_vault(workspace_at(workspace))
    with opened.locked():
        trees = _held(opened, release)
        if any(tree.is_current for tree in trees):
            raise UsageError("the newest release holds withdrawn patients: build one without them first")
        if not trees:
            remove_trees(release, ())  # what a kill left
            typer.echo("nothing to delete")
            return
        question = f"This cannot be undone. Type {_WORD} to go on"
        if not yes and typer.prompt(question, default="", show_default=False) != _WORD:
            raise UsageError("nothing was deleted")
        record(opened.vault, "releases purge", {"trees": len(trees)}, now=dt.datetime.now(dt.UTC))
        remove_trees(release, trees)
    typer.echo(f"deleted: {len(trees)} trees; copies elsewhere and with holders are not reached from here")


def _held(opened: "Workspace", release: Path) -> "Sequence[HeldTree]":
    """Find and tell them: one line each, no subject named."""
    from cxr_core.tables.catalogue import WITHDRAWALS
    from cxr_core.tables.storage import read_table

    if not release.is_dir():
        raise UsageError(f"{release} is no folder of releases: name it with --release")
    withdrawn = read_table(WITHDRAWALS, opened.catalog_table(WITHDRAWALS), ["issuer", "patient_id"])
    return tell_held(opened, release, withdrawn.iter_rows())


def tell_held(opened: "Workspace", release: Path, patients: "Iterable[Patient]") -> "Sequence[HeldTree]":
    """One line for each tree that holds the patients under any id they ever had, one for each that cannot be read."""
    from cxr_core.release.held import trees_holding
    from cxr_core.tables.catalogue import PSEUDONYMS, SUBJECT_IDS
    from cxr_core.tables.storage import read_table
    from cxr_core.vault.withdrawal import ids_ever

    ledgers = (read_table(item, opened.catalog_table(item)) for item in (PSEUDONYMS, SUBJECT_IDS))
    trees, unread = trees_holding(release, ids_ever(patients, *ledgers))
    for tree in trees:
        what = f"a view of {tree.release}, " if tree.is_view else ""
        state = ", the newest" if tree.is_current else ""
        typer.echo(f"still in {tree.path}: {what}{tree.subjects} subjects, {tree.images} images{state}")
    for path in unread:
        typer.echo(f"{path} cannot be read: look there yourself", err=True)
    return trees
