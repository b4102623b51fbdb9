"""`cxr verify`, `status`, `quarantine`, `lookup`, `doctor`, `init`: looking at what a build left."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from cxr_core.errors import GateRefused, UsageError
from cxr_core.tables.storage import read_table
from cxr_core.tables.workspace import Workspace
from flows.cli import app
from flows.cli.vault import with_vault

_Workspace = Annotated[Path, typer.Option(help="The workspace of the build.")]
quarantine_app = typer.Typer(help="What waits for a person.", no_args_is_help=True)
app.add_typer(quarantine_app, name="quarantine")


@app.command()
def verify(
    release: Annotated[Path, typer.Argument(help="A release, or any folder that is to leave the building.")],
    *,
    workspace: Annotated[Path | None, typer.Option(help="With it, identifiers of the source are searched.")] = None,
    signoff: Annotated[Path | None, typer.Option(help="Names that were looked at, one a line.")] = None,
) -> None:
    """Check a release from outside: checksums, structure, and identifiers where the workspace is given."""
    from tasks.verification import Verifier

    if not release.is_dir():
        raise UsageError(f"{release} is no folder")
    found = Verifier.of(with_vault(workspace_at(workspace)) if workspace else None, signoff).verify(release.resolve())
    for item in found.findings:
        typer.echo(f"{item.file}: {item.kind.value} {item.count}")
    told = "identifiers, pictures, structure, checksums"
    searched = told if workspace else "structure, checksums (no --workspace: nobody is known to look for)"
    typer.echo(f"{found.files} files, {found.values} values read; checked: {searched}")
    if not found.is_clean:
        raise GateRefused("privacy", f"{len(found.findings)} findings")


@app.command()
def status(workspace: _Workspace = Path("workspace")) -> None:
    """What every stage has done, and what is quarantined."""
    from cxr_core.planning.stages import STAGES

    opened = workspace_at(workspace)
    for stage, definition in STAGES.items():
        ledger = definition.store(opened).ledger()
        counts = ledger["status"].value_counts().sort("status").iter_rows()
        told = ", ".join(f"{name} {count}" for name, count in counts) or "nothing done"
        typer.echo(f"{stage.value:<11} {told}")
    if opened.summary.exists():
        summary = json.loads(opened.summary.read_text(encoding="utf-8"))
        typer.echo(f"release     {summary['release'] or 'none'}")


@quarantine_app.command("list")
def quarantine_list(
    workspace: _Workspace = Path("workspace"),
    *,
    everything: Annotated[bool, typer.Option("--all", help="Policy exclusions too.")] = False,
) -> None:
    """Count what is left out, by reason, with what each reason means."""
    from cxr_core.policy.reasons import load_reasons
    from cxr_core.tables.catalogue import DROPS
    from cxr_core.vocabulary import Reason

    opened = workspace_at(workspace)
    drops = read_table(DROPS, opened.catalog_table(DROPS))
    counts = drops.group_by("reason", "kind", "stage").len().sort("reason", "kind", "stage")
    reasons = load_reasons()
    for code, kind, stage, count in counts.iter_rows():
        if everything or Reason(code).is_quarantine:
            typer.echo(f"{code:<20} {kind:<9} {stage:<11} {count:>6}  {reasons[Reason(code)].meaning}")


@app.command()
def doctor() -> None:
    """Say whether this machine can build: key, readers of text, codecs, disk."""
    import shutil

    from cxr_core.deidentify.pixels import build_readers
    from cxr_core.vault.key import load_key

    failed = 0
    checks: dict[str, Callable[[], str]] = {
        "key": lambda: f"key {load_key(None).key_id}",
        "rapidocr": lambda: str(build_readers(["rapidocr"])[0].name),
        "easyocr": lambda: str(build_readers(["easyocr"])[0].name),
        "disk": lambda: f"{shutil.disk_usage('.').free // 2**30} GiB free here",
    }
    for name, check in checks.items():
        try:
            typer.echo(f"ok    {name:<9} {check()}")
        except UsageError as problem:
            failed += 1
            typer.echo(f"look  {name:<9} {problem}")
    if failed:
        raise typer.Exit(1)


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
    """The workspace at a path, which must hold one."""
    workspace = Workspace(path.absolute())
    if not workspace.stages.is_dir():
        raise UsageError(f"{path} is no workspace of a build")
    return workspace
