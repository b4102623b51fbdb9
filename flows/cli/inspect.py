"""`cxr verify`, `status`, `quarantine`, `lookup`, `explain`, `doctor`, `init`: looking at what a build left."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import polars as pl
import typer
from rich.console import Console
from rich.text import Text

from cxr_core.errors import GateRefused, UsageError
from cxr_core.tables.storage import read_table
from cxr_core.tables.workspace import Workspace
from flows.cli import app
from flows.cli.vault import with_vault

if TYPE_CHECKING:
    from cxr_core.labeling import ReportLabels

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
    found = Verifier.of(with_vault(_opened(workspace)) if workspace else None, signoff).verify(release.resolve())
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

    opened = _opened(workspace)
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

    opened = _opened(workspace)
    drops = read_table(DROPS, opened.catalog_table(DROPS))
    counts = drops.group_by("reason", "kind", "stage").len().sort("reason", "kind", "stage")
    reasons = load_reasons()
    for code, kind, stage, count in counts.iter_rows():
        if everything or Reason(code).is_quarantine:
            typer.echo(f"{code:<20} {kind:<9} {stage:<11} {count:>6}  {reasons[Reason(code)].meaning}")


@app.command()
def explain(
    study_id: Annotated[str | None, typer.Argument(help="A study of the workspace.")] = None,
    *,
    text: Annotated[str | None, typer.Option(help="A text instead of a study.")] = None,
    workspace: _Workspace = Path("workspace"),
) -> None:
    """Show why the labels of a study, or of a text, are what they are."""
    from cxr_core.labeling import Labeler
    from cxr_core.planning.stages import DEIDENTIFY
    from cxr_core.reports.sections import choose_section, split_sections
    from cxr_core.tables.catalogue import DEID_REPORTS

    if (study_id is None) == (text is None):
        raise UsageError("explain: give a study id or --text")
    if text is None:
        reports = DEIDENTIFY.store(_opened(workspace)).read(DEID_REPORTS).filter(pl.col("study_id") == study_id)
        if reports.is_empty():
            raise UsageError(f"study {study_id} has no report in {workspace}")
        text = str(reports["text"][0])
    chosen = choose_section(split_sections(text))
    labels = Labeler().label(text, chosen.spans, addendum_spans=chosen.addendum_spans)
    _print_marked(text, labels)


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


def _print_marked(text: str, labels: "ReportLabels") -> None:
    """The text with phrases and cues coloured, then one line a label."""
    from cxr_core.labeling import MarkRole, explain
    from cxr_core.vocabulary import Assertion, Label

    colours = {Assertion.POSITIVE: "red", Assertion.NEGATIVE: "green", Assertion.UNCERTAIN: "yellow"}
    shown = Text(text)
    for mark in explain(text, labels):
        style = f"bold {colours[mark.assertion]}" if mark.role is MarkRole.PHRASE else "underline"
        shown.stylize(style, mark.start, mark.end)
    console = Console(highlight=False)
    console.print(shown)
    for label, value in zip(Label, labels.values, strict=True):
        if value is not None:
            rules = sorted({item.rule_id for item in labels.evidence if item.label is label})
            cues = sorted({item.cue_id for item in labels.evidence if item.label is label and item.cue_id})
            why = f"{', '.join(rules)}" + (f" under {', '.join(cues)}" if cues else "")
            console.print(f"{label.value:<27} {value:>2}  {why}", soft_wrap=True)


def _opened(path: Path) -> Workspace:
    workspace = Workspace(path.absolute())
    if not workspace.stages.is_dir():
        raise UsageError(f"{path} is no workspace of a build")
    return workspace
