"""What `cxr explain` prints of a study's way through the build: a line a stage, without any identifier.

Takes an open workspace and what the user named. A number of the hospital is looked for in the vault only, leaves a
line in its audit, and is printed nowhere.
"""

import datetime as dt
from typing import TYPE_CHECKING

import typer

from cxr_core.errors import UsageError
from cxr_core.tables.workspace import Workspace
from flows.cli.vault import with_vault

if TYPE_CHECKING:
    from cxr_core.accounting.trail import TrailTables


def tell_study(workspace: Workspace, study_id: str) -> None:
    """Print the way of a published study; nothing where the vault is away."""
    from tasks.trail import studies_of_pseudonym, trail_tables

    if workspace.vault.is_dir():
        tables = trail_tables(workspace)
        for uid in studies_of_pseudonym(tables, study_id):
            _print(uid, tables)


def tell_number(workspace: Workspace, number: str) -> None:
    """Print the way of every study that an accession number or a study UID names, and of its reports.

    Raises
    ------
    UsageError
        There is no vault, or nothing in it has the number.
    """
    from cxr_core.vault.audit import record
    from tasks.trail import report_fates, studies_of_number, trail_tables

    opened = with_vault(workspace)
    written = typer.prompt("Accession number or study UID", hide_input=True) if number == "-" else number
    tables = trail_tables(opened)
    studies, reports = studies_of_number(tables, written), report_fates(opened, tables, written)
    counts = {"studies": len(studies), "reports": len(reports)}
    record(opened.vault, "explain a number", counts, now=dt.datetime.now(dt.UTC))
    if not studies and not reports:
        raise UsageError("explain: nothing in this vault has that number")
    for place, uid in enumerate(studies, 1):
        typer.echo(f"study {place} of {len(studies)}")
        _print(uid, tables)
    for place, fate in enumerate(reports, 1):
        typer.echo(f"report {place} of {len(reports)}: {fate}")


def _print(uid: str, tables: "TrailTables") -> None:
    from cxr_core.accounting.trail import trail

    for step in trail(uid, tables):
        typer.echo(f"  {step.stage.value:<11} {step.outcome:<22} {step.detail}".rstrip())
