"""`cxr vault` and `cxr lookup`: what only the keepers of a vault do. Each leaves a line in the vault's audit."""

import datetime as dt
from pathlib import Path
from typing import Annotated

import polars as pl
import typer

from cxr_core.errors import UsageError
from cxr_core.tables.workspace import Workspace
from flows.cli import app

_WORD = "destroy"
_Folder = Annotated[Path, typer.Option(help="The workspace of the build.")]
vault_app = typer.Typer(help="Back the vault up; destroy what leads back to people.", no_args_is_help=True)
app.add_typer(vault_app, name="vault")


@vault_app.command("seal")
def seal(
    workspace: _Folder = Path("workspace"),
    *,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Destroy crosswalk, catalog and report texts for ever. Published ids can then be led back by nobody."""
    from cxr_core.vault.custody import seal as seal_vault

    opened = Workspace(workspace.absolute())
    question = f"This cannot be undone. Type {_WORD} to go on"
    if not yes and typer.prompt(question, default="", show_default=False) != _WORD:
        raise UsageError("nothing was destroyed")
    with opened.locked():
        destroyed = seal_vault(opened.vault, now=_now())
    typer.echo(f"{destroyed} files destroyed; audit and key id stay in {opened.vault}.sealed")
    typer.echo("next: destroy backups of the vault, the key, and the source's own lists if they are not needed")


@vault_app.command("backup")
def backup(
    target: Annotated[Path, typer.Argument(help="Tar file to write, on an encrypted disk.")],
    *,
    workspace: _Folder = Path("workspace"),
) -> None:
    """Copy vault and split ledger into one file: with the key, all that a rebuild needs to give the same ids."""
    from cxr_core.vault.audit import record
    from cxr_core.vault.custody import back_up
    from cxr_core.vocabulary import Stage

    opened = with_vault(Workspace(workspace.absolute()))
    if target.resolve().is_relative_to(opened.root.resolve()):
        raise UsageError("a backup inside the workspace protects nothing; choose another disk")
    with opened.locked():
        record(opened.vault, "vault backup", {}, now=_now())
        files = back_up(opened.root, [opened.vault, opened.stage(Stage.SPLIT)], target)
    typer.echo(f"{files} files in {target}; restore: tar -xf {target.name} -C WORKSPACE, with the same key")


@app.command()
def lookup(
    subject_id: Annotated[str, typer.Argument(help="A published subject.")],
    *,
    workspace: _Folder = Path("workspace"),
) -> None:
    """Lead a subject back to the patient. Prints identifiers, and is written into the audit."""
    from cxr_core.tables.catalogue import PSEUDONYMS, STUDIES, SUBJECT_IDS
    from cxr_core.tables.storage import read_table
    from cxr_core.vault.audit import record
    from cxr_core.vault.subjects import current_subjects, retired_subjects
    from cxr_core.vault.withdrawal import patients_of_subject
    from cxr_core.vocabulary import IdKind

    opened = with_vault(Workspace(workspace.absolute()))
    tables = (read_table(item, opened.catalog_table(item)) for item in (PSEUDONYMS, SUBJECT_IDS, STUDIES))
    ledger, changes, studies = tables
    found = patients_of_subject(subject_id, current_subjects(ledger, changes))
    successors = retired_subjects(ledger, changes).filter(subject_id=subject_id)["successor"].to_list()
    shown = subject_id if found or successors else "an unknown subject"  # what was typed may be a patient's number
    record(opened.vault, f"lookup {shown}", {"found": len(found)}, now=_now())
    if successors:
        typer.echo(f"subject {subject_id} was retired; look up {' and '.join(successors)}")
    elif not found:
        raise UsageError("lookup: no such subject in this vault")
    names = dict(ledger.filter(pl.col("kind") == IdKind.STUDY.value).select("original", "pseudonym").iter_rows())
    for issuer, patient_id in found:
        typer.echo(f"subject {subject_id} is patient {patient_id}" + (f" of {issuer}" if issuer else ""))
        mine = studies.filter((pl.col("issuer") == issuer) & (pl.col("patient_id") == patient_id)).sort("exam_at")
        for uid, exam_at in mine.select("study_instance_uid", "exam_at").iter_rows():
            typer.echo(f"study {names.get(uid, 'without an id')} is {uid} of {exam_at or 'an unknown date'}")


def with_vault(workspace: Workspace) -> Workspace:
    """The same workspace.

    Raises
    ------
    UsageError
        Its vault was sealed, or is not there.
    """
    from cxr_core.vault.custody import refuse_sealed

    workspace.refuse_unreadable()
    refuse_sealed(workspace.vault)
    if not workspace.vault.is_dir():
        raise UsageError(f"{workspace.root} holds no vault: nobody is known to look for")
    return workspace


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)
