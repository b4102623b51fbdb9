"""`cxr quarantine`: what waits for a person, and what that person decides.

Cases go by pseudonyms and keyed digests. `show --identified` alone prints identifiers, and the audit tells of it.
"""

import datetime as dt
from pathlib import Path
from typing import Annotated

import polars as pl
import typer

from cxr_core.errors import UsageError
from cxr_core.tables.workspace import Workspace
from cxr_core.vocabulary import Reason, Stage
from flows.cli import app
from flows.cli.inspect import workspace_at
from flows.cli.vault import with_vault

_Workspace = Annotated[Path, typer.Option(help="The workspace of the build.")]
_Cases = Annotated[list[str] | None, typer.Argument(help="Cases, as `list --cases` names them.")]
_Reason = Annotated[Reason | None, typer.Option(help="Only what was dropped for this reason.")]
quarantine_app = typer.Typer(help="What waits for a person.", no_args_is_help=True)
app.add_typer(quarantine_app, name="quarantine")


@quarantine_app.command("list")
def list_quarantine(
    workspace: _Workspace = Path("workspace"),
    *,
    everything: Annotated[bool, typer.Option("--all", help="Policy exclusions and what was accepted, too.")] = False,
    by_case: Annotated[bool, typer.Option("--cases", help="One line a case instead of a line a reason.")] = False,
) -> None:
    """Count what waits, by reason, with what each reason means."""
    from cxr_core.accounting.quarantine import waiting
    from cxr_core.policy.reasons import load_reasons
    from cxr_core.tables.catalogue import ACCEPTED, DROPS
    from cxr_core.tables.storage import read_table

    opened = workspace_at(workspace)
    if by_case:
        for case, rows in _named(with_vault(opened)).group_by("case", maintain_order=True):
            told = rows.group_by("stage", "reason", "kind", maintain_order=True).len().iter_rows()
            typer.echo(f"{case[0]:<13} " + ", ".join(f"{stage} {code} {kind} {n}" for stage, code, kind, n in told))
        return
    drops, accepted = (read_table(table, opened.catalog_table(table)) for table in (DROPS, ACCEPTED))
    shown = drops if everything else waiting(drops, accepted)
    reasons = load_reasons()
    for code, kind, stage, count in shown.group_by("reason", "kind", "stage").len().sort(pl.all()).iter_rows():
        typer.echo(f"{code:<20} {kind:<9} {stage:<11} {count:>6}  {reasons[Reason(code)].meaning}")
    if accepted.height:
        typer.echo(f"{accepted.height} items were accepted as dropped; who and why: audit.jsonl of the vault")


@quarantine_app.command("show")
def show(
    case: Annotated[str, typer.Argument(help="A case, as `list --cases` names it.")],
    *,
    workspace: _Workspace = Path("workspace"),
    identified: Annotated[
        bool, typer.Option("--identified", help="Print UIDs and paths of the source; written into the audit.")
    ] = False,
) -> None:
    """Say what is wrong with one study or file, and what can be done."""
    from cxr_core.policy.reasons import load_reasons
    from cxr_core.vault.audit import record

    opened = with_vault(workspace_at(workspace))
    rows = _chosen(_named(opened), [case], None)
    if identified:
        record(opened.vault, f"quarantine show {case}", {"items": rows.height}, now=_now())
    for row in rows.iter_rows(named=True):
        place = f"  {row['original']} {row['path']}".rstrip() if identified else ""
        typer.echo(f"{row['kind']:<9} {row['item']:<44} {row['stage']:<11} {row['reason']}{place}")
    for code in rows["reason"].unique(maintain_order=True):
        text = load_reasons()[Reason(code)]
        typer.echo(f"{code}: {text.meaning} ({text.source})")
    typer.echo("next: repair the source and build again; or cxr quarantine retry, or cxr quarantine accept --why TEXT")


@quarantine_app.command("retry")
def retry(
    names: _Cases = None,
    *,
    reason: _Reason = None,
    everything: Annotated[bool, typer.Option("--all", help="Every case.")] = False,
    workspace: _Workspace = Path("workspace"),
) -> None:
    """Let the next build do these again, with all attempts before them, although nothing about them changed."""
    from cxr_core.vault.audit import record

    opened = with_vault(workspace_at(workspace))
    with opened.locked():
        rows = _chosen(_named(opened), names or (), reason, everything=everything)
        counts = _ask(opened, rows)
        record(opened.vault, "quarantine retry", counts, now=_now())
    told = ", ".join(f"{stage} {count}" for stage, count in counts.items()) or "nothing"
    typer.echo(f"the next build does again: {told}")
    if rows.filter(pl.col("stage").cast(pl.String).is_in([Stage.LINK.value, Stage.SPLIT.value])).height:
        typer.echo("what the stages link and split dropped is decided anew by every build: repair the source")


def _ask(opened: Workspace, rows: pl.DataFrame) -> dict[str, int]:
    """Leave the request for each stage; gives studies (files for the catalog) by stage."""
    from cxr_core.intake.catalog import read_again
    from cxr_core.planning.requests import ask_for
    from cxr_core.planning.stages import STAGES
    from cxr_core.tables.catalogue import INSTANCES
    from cxr_core.tables.storage import read_table, write_table

    counts = {}
    by_stage = rows.with_columns(pl.col("stage").cast(pl.String))
    if paths := set(by_stage.filter(pl.col("path") != "", stage=Stage.CATALOG.value)["path"]):
        path = opened.catalog_table(INSTANCES)
        write_table(INSTANCES, read_again(read_table(INSTANCES, path), paths), path)
        counts[Stage.CATALOG.value] = len(paths)
    for stage in STAGES:
        if studies := set(by_stage.filter(stage=stage.value)["study_id"].drop_nulls()):
            ask_for(opened.stage(stage), studies)
            counts[stage.value] = len(studies)
    return counts


@quarantine_app.command("accept")
def accept_cases(
    names: _Cases = None,
    *,
    why: Annotated[str, typer.Option(help="The reason, for whoever asks later; it stays in the vault.")],
    reason: _Reason = None,
    everything: Annotated[bool, typer.Option("--all", help="Every case.")] = False,
    workspace: _Workspace = Path("workspace"),
) -> None:
    """Let these count as dropped: they wait no longer and refuse no release. Who and why go into the audit."""
    from cxr_core.accounting.quarantine import Acceptance, accept
    from cxr_core.tables.catalogue import ACCEPTED
    from cxr_core.tables.storage import read_table, write_table
    from cxr_core.vault.audit import account, record

    if not why.strip():
        raise UsageError("quarantine accept: --why must say why")
    opened = with_vault(workspace_at(workspace))
    path = opened.catalog_table(ACCEPTED)
    with opened.locked():
        rows = _chosen(_named(opened), names or (), reason, everything=everything)
        how = Acceptance(account(), why.strip(), _now())
        counts = {"cases": rows["case"].n_unique(), "items": rows.height}
        record(opened.vault, "quarantine accept", counts, now=how.at, why=how.why)
        write_table(ACCEPTED, accept(rows, read_table(ACCEPTED, path), how), path)
    typer.echo(f"{counts['cases']} cases with {counts['items']} items accepted as dropped by {how.who}")


def _named(opened: Workspace) -> pl.DataFrame:
    """What waits in a workspace, with its cases."""
    from cxr_core.accounting.quarantine import cases, waiting
    from cxr_core.tables.catalogue import ACCEPTED, DROPS, INSTANCES, PSEUDONYMS, STUDIES
    from cxr_core.tables.storage import read_table
    from cxr_core.vault.custody import case_salt

    drops, accepted, *tables = (
        read_table(table, opened.catalog_table(table)) for table in (DROPS, ACCEPTED, INSTANCES, STUDIES, PSEUDONYMS)
    )
    return cases(waiting(drops, accepted), *tables, salt=case_salt(opened.vault))


def _chosen(
    named: pl.DataFrame, names: list[str] | tuple[str, ...], reason: Reason | None, *, everything: bool = False
) -> pl.DataFrame:
    """The rows that a command speaks of; what was typed may be a patient's number and is never repeated."""
    from cxr_core.accounting.quarantine import choose

    if not (names or reason or everything):
        raise UsageError("quarantine: name cases, or a --reason, or --all")
    if set(names) - set(named["case"]):
        raise UsageError("quarantine: no such case waits; `cxr quarantine list --cases` names them")
    rows = choose(named, names, reason)
    if rows.is_empty():
        raise UsageError("quarantine: nothing of that kind waits")
    return rows


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)
