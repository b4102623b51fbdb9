"""`cxr publish`: what the builds prepared, through the gates; a finished release elsewhere, or in another layout."""

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from cxr_core.errors import UsageError
from cxr_core.vocabulary import Stage
from flows.cli import app
from flows.cli.build import build
from flows.cli.layouts import publish_layout

_Given = Annotated[Path | None, typer.Argument(help="TOML file of the build; with --to or --layout, a release.")]
_To = Annotated[str | None, typer.Option(help="Copy the newest release there: s3://bucket/folder, file:///...")]
_Layout = Annotated[
    str | None, typer.Option(help="Give a release as mimic-cxr-1, mimic-cxr-2, chexpert-1 or chestxray14: hard links.")
]
_Output = Annotated[Path | None, typer.Option("-o", "--output", help="With --layout: default beside the release.")]
_Release = Annotated[Path, typer.Option(help="Folder of the releases, or one release.")]
_Signoff = Annotated[Path | None, typer.Option(help="For mimic-cxr-2: names that were looked at.")]


@app.command()
def publish(
    given: _Given = None,
    *,
    to: _To = None,
    withheld: Annotated[bool, typer.Option("--withheld", help="With --to: the withheld test set instead.")] = False,
    layout: _Layout = None,
    output: _Output = None,
    signoff: _Signoff = None,
    workspace: Annotated[Path, typer.Option(help="Vault and intermediates.")] = Path("workspace"),
    release: _Release = Path("release"),
    sets: Annotated[list[str] | None, typer.Option("--set", help="section.key=value; repeatable.")] = None,
    allow_quarantine: Annotated[bool, typer.Option("--allow-quarantine", help="As for build.")] = False,
    waive: Annotated[list[str] | None, typer.Option(help="GATE=REASON; as for build.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="Show no progress.")] = False,
) -> None:
    """Publish what is built, as `cxr build --only publish`; or give a finished release with --to or --layout."""
    if to is not None and layout is not None:
        raise UsageError("--to and --layout: first give the layout, then copy the folder that it names")
    if to is not None:
        _copy(_tree(given or release, withheld=withheld), to, as_json=as_json, quiet=quiet)
    elif layout is not None:
        tree = given or _newest(release)
        publish_layout(layout, tree, output=output, workspace=workspace, signoff=signoff, waive=waive or ())
    elif withheld:
        raise UsageError("--withheld says which tree --to copies; the build itself always makes both")
    else:
        build(
            given,
            workspace=workspace,
            release=release,
            sets=sets,
            only=Stage.PUBLISH,
            allow_quarantine=allow_quarantine,
            waive=waive,
            as_json=as_json,
            quiet=quiet,
        )


def _newest(release: Path) -> Path:
    """The newest of a folder of releases; a release itself."""
    newest = release / "current"
    return newest if newest.is_dir() else release


def _tree(release: Path, *, withheld: bool) -> Path:
    """The folder that goes: a release that is named, or the newest; the withheld one only where it was asked for."""
    from cxr_core.release.versions import WITHHELD

    tree = _newest(release).resolve()
    if withheld and not tree.name.endswith(WITHHELD):
        tree = tree.with_name(tree.name + WITHHELD)
    if not withheld and tree.name.endswith(WITHHELD):
        raise UsageError(f"{tree.name} is withheld; --withheld says that it may go")
    if not tree.is_dir():
        raise UsageError(f"{tree} does not exist: nothing was published there")
    return tree


def _copy(tree: Path, url: str, *, as_json: bool, quiet: bool) -> None:
    from cxr_core.release.object_store import copy_release, manifest_files
    from flows.progress import BuildProgress

    with BuildProgress(quiet=quiet or as_json).stage("copy", manifest_files(tree)) as tick:
        copied = copy_release(tree, url, tick)
    if as_json:
        told = {"place": copied.place, "sent": copied.sent, "kept": copied.kept, "sent_bytes": copied.sent_bytes}
        sys.stdout.write(json.dumps(told, indent=1) + "\n")
    elif not quiet:
        typer.echo(
            f"{copied.place}: {copied.sent} files sent ({copied.sent_bytes / 2**20:,.1f} MiB), {copied.kept} there"
        )
