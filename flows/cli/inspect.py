"""`cxr verify`, `doctor`, `init`: looking at a release and at this machine."""

import contextlib
import os
import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from cxr_core.errors import GateRefused, UsageError
from cxr_core.tables.workspace import Workspace
from flows.cli import app
from flows.cli.vault import with_vault

_LEAST_FREE_BYTES = 2**30


@app.command()
def verify(
    release: Annotated[Path, typer.Argument(help="A release, or any folder that is to leave the building.")],
    *,
    workspace: Annotated[Path | None, typer.Option(help="With it, identifiers of the source are searched.")] = None,
    signoff: Annotated[Path | None, typer.Option(help="Names that were looked at, one a line.")] = None,
) -> None:
    """Check a release from outside: checksums, structure, and identifiers where the workspace is given."""
    from cxr_core.verification.verify import SUMS_NAME
    from tasks.verification import Verifier

    if not release.is_dir():
        raise UsageError(f"{release} is no folder")
    found = Verifier.of(with_vault(workspace_at(workspace)) if workspace else None, signoff).verify(release.resolve())
    if not found.files:
        raise UsageError(f"{release} holds no file: there is nothing to verify")
    for item in found.findings:
        typer.echo(f"{item.file}: {item.kind.value} {item.count}")
    checked = [*(("identifiers", "pictures") if workspace else ()), "structure"]
    not_checked = [] if workspace else ["no --workspace: nobody is known to look for"]
    if (release / SUMS_NAME).is_file():
        checked.append("checksums")
    else:
        not_checked.append(f"no {SUMS_NAME}: files may be missing or changed")
    told = f" ({'; '.join(not_checked)})" if not_checked else ""
    typer.echo(f"{found.files} files, {found.values} values read; checked: {', '.join(checked)}{told}")
    if not found.is_clean:
        raise GateRefused("privacy", f"{len(found.findings)} findings")


@app.command()
def doctor(
    config: Annotated[Path | None, typer.Argument(help="TOML file of the build; the defaults without it.")] = None,
    *,
    sets: Annotated[list[str] | None, typer.Option("--set", help="section.key=value; repeatable.")] = None,
    workspace: Annotated[Path | None, typer.Option(help="With it, every table of this workspace is read.")] = None,
    set_aside: Annotated[
        bool, typer.Option("--set-aside", help="Move damaged tables away where the next build makes them again.")
    ] = False,
) -> None:
    """Say whether this machine can build: key, readers of text, codecs, disk; and whether a workspace is sound."""
    from cxr_core.settings.loading import load_config
    from cxr_core.vault.key import load_key

    if set_aside and workspace is None:
        raise UsageError("--set-aside: name the --workspace")
    airlock = load_config(config, sets=sets or ()).deidentify
    failed = 0
    place = workspace or Path()
    checks: dict[str, Callable[[], str]] = {
        "key": lambda: f"key {load_key(None).key_id}",
        **{reader: partial(_reader, reader, airlock.easyocr_weights) for reader in airlock.readers},
        "disk": lambda: _room(place, "there" if workspace else "here"),
    }
    for name, check in checks.items():
        try:
            typer.echo(f"ok    {name:<9} {check()}")
        except UsageError as problem:
            failed += 1
            typer.echo(f"look  {name:<9} {problem}")
    if workspace is not None:
        failed += _look_at(workspace_at(workspace), set_aside=set_aside)
    if failed:
        raise typer.Exit(1)


def _room(place: Path, told: str) -> str:
    """How much room a disk has.

    Raises
    ------
    UsageError
        Less than any build needs.
    """
    free = shutil.disk_usage(place).free
    if free < _LEAST_FREE_BYTES:
        raise UsageError(f"only {free // 2**20} MiB free {told}: a build needs more")
    return f"{free // 2**30} GiB free {told}"


def _reader(name: str, weights: Path | None) -> str:
    """Open a reader of burned-in text, as a build would; gives what it calls itself."""
    from cxr_core.deidentify.pixels import build_readers

    return str(build_readers([name], easyocr_weights=weights)[0].name)


def _look_at(opened: Workspace, *, set_aside: bool) -> int:
    """Say what is wrong with a workspace; gives how many things still are."""
    from cxr_core.planning import damage

    left = 0
    with opened.locked() if set_aside else contextlib.nullcontext():
        opened.refuse_in_use() if not set_aside else None
        if not os.access(opened.root, os.W_OK):
            left += 1
            typer.echo(f"look  workspace {opened.root} cannot be written")
        found = damage.find_damage(opened)
        for one in found:
            if set_aside and one.moves:
                place = damage.set_aside(opened, one)
                typer.echo(f"moved {one.name}" + (f" -> {place.relative_to(opened.root)}" if place else ""))
            else:
                left += 1
                typer.echo(f"look  {one.name} is damaged: it {one.advice}")
    if not found:
        typer.echo("ok    tables    all can be read to their end")
    return left


@app.command()
def init(path: Annotated[Path, typer.Argument(help="File to write.")] = Path("hilum.toml")) -> None:
    """Write a commented configuration with every key and its default."""
    from cxr_core.settings.template import commented_toml

    if path.exists():
        raise UsageError(f"{path} exists already")
    try:
        path.write_text(commented_toml(), encoding="utf-8")
    except OSError:
        raise UsageError(f"{path} cannot be written") from None
    typer.echo(f"{path} written; build with `cxr build {path}`")


def workspace_at(path: Path) -> Workspace:
    """The workspace at a path, which must hold one that this user may read."""
    workspace = Workspace(path.absolute())
    workspace.refuse_unreadable()
    if not workspace.stages.is_dir():
        raise UsageError(f"{path} is no workspace of a build")
    return workspace
