"""`cxr withdraw`: take a patient out of the dataset, for good. Leaves a line in the vault's audit, never a name."""

import datetime as dt
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cxr_core.errors import UsageError
from cxr_core.tables.workspace import Workspace
from cxr_core.vocabulary import WithdrawalReason
from flows.cli import app
from flows.cli.inspect import workspace_at
from flows.cli.vault import with_vault

if TYPE_CHECKING:
    from collections.abc import Mapping

    import polars as pl

    from cxr_core.vault.subjects import Patient, Subject
    from tasks.withdrawal import Traces

_WORD = "withdraw"


@app.command()
def withdraw(
    subject_id: Annotated[str | None, typer.Argument(help="A published subject.")] = None,
    *,
    mrn_file: Annotated[Path | None, typer.Option(help="Patient ids, one a line, instead.")] = None,
    reason: Annotated[WithdrawalReason, typer.Option(help="Stands in the vault's list.")],
    workspace: Annotated[Path, typer.Option(help="The workspace of the build.")] = Path("workspace"),
    release: Annotated[Path, typer.Option(help="Folder of the releases: which still hold them.")] = Path("release"),
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be removed.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Take patients out for good: blocked in every later build, and all that was made of them is removed."""
    from cxr_core.vault.withdrawal import patients_of_mrns, patients_of_subject, read_mrns

    if (subject_id is None) == (mrn_file is None):
        raise UsageError("withdraw: give a subject id or --mrn-file")
    opened = with_vault(workspace_at(workspace))
    with opened.locked():
        subjects = _subjects(opened)
        if mrn_file is not None:
            patients = patients_of_mrns(read_mrns(mrn_file), subjects, _survivors(opened))
        elif not (patients := patients_of_subject(str(subject_id), subjects)):
            raise UsageError("withdraw: no such subject in this vault")
        found = _look(opened, patients, subjects)
        _tell_releases(opened, release, patients)
        if dry_run:
            typer.echo("dry run: nothing was removed")
            return
        question = f"This cannot be undone. Type {_WORD} to go on"
        if not yes and typer.prompt(question, default="", show_default=False) != _WORD:
            raise UsageError("nothing was removed")
        _carry_out(opened, patients, subjects, reason, found)
    typer.echo(f"list for the holders of earlier releases: {opened.vault / 'withdrawn-subjects.csv'}")
    typer.echo("next: build a release without them, then cxr releases purge, and send the list to the holders")


def _tell_releases(opened: Workspace, release: Path, patients: "list[Patient]") -> None:
    """Nothing is deleted there: a release is taken away whole, once a newer one is out."""
    from flows.cli.releases import tell_held

    if release.is_dir():
        tell_held(opened, release, patients)
    else:
        typer.echo(f"releases were not looked at: {release} is no folder; cxr releases held --release tells")


def _subjects(opened: Workspace) -> "dict[Patient, Subject]":
    from cxr_core.tables.catalogue import PSEUDONYMS, SUBJECT_IDS
    from cxr_core.tables.storage import read_table
    from cxr_core.vault.subjects import current_subjects

    tables = (read_table(item, opened.catalog_table(item)) for item in (PSEUDONYMS, SUBJECT_IDS))
    return current_subjects(*tables)


def _survivors(opened: Workspace) -> "Mapping[str, str]":
    """Merged patient ids and those that are used instead."""
    from cxr_core.intake.linkage import patient_index
    from cxr_core.tables.catalogue import INSTANCES, MERGES, REPORTS
    from cxr_core.tables.storage import read_table

    instances, reports, merges = (read_table(item, opened.catalog_table(item)) for item in (INSTANCES, REPORTS, MERGES))
    index = patient_index(instances, reports, merges)
    old = merges.select("old_issuer", "old_patient_id").iter_rows()
    return {mrn.strip(): found[1] for issuer, mrn in old if (found := index.patient(issuer, mrn))}


def _look(opened: Workspace, patients: "list[Patient]", subjects: "dict[Patient, Subject]") -> "Traces":
    """Find and tell what lies there of the patients; what was typed may be a patient's number and is never repeated."""
    from tasks.withdrawal import traces

    known = _block_list(opened)
    named = frozenset(subjects[patient].pseudonym for patient in patients if patient in subjects)
    blocked = set(known.select("issuer", "patient_id").iter_rows())
    found = traces(opened, named, frozenset(patients))
    unknown = sum(patient not in subjects for patient in patients)
    typer.echo(
        f"{len(named)} subjects, {len(found.studies)} studies, {found.files} files; patient ids: {len(patients)}, "
        f"of these {len(blocked.intersection(patients))} withdrawn before, {unknown} never published"
    )
    return found


def _block_list(opened: Workspace) -> "pl.DataFrame":
    from cxr_core.tables.catalogue import WITHDRAWALS
    from cxr_core.tables.storage import read_table

    return read_table(WITHDRAWALS, opened.catalog_table(WITHDRAWALS))


def _carry_out(
    opened: Workspace,
    patients: "list[Patient]",
    subjects: "dict[Patient, Subject]",
    reason: WithdrawalReason,
    found: "Traces",
) -> None:
    """Audit, block list, list for the holders, removal: in this order, so that a kill leaves nobody half withdrawn."""
    from cxr_core.tables.catalogue import WITHDRAWALS
    from cxr_core.tables.storage import write_table
    from cxr_core.vault.audit import account, record
    from cxr_core.vault.notices import WITHDRAWN_LIST, write_list
    from cxr_core.vault.withdrawal import Withdrawal, withdrawn_subjects
    from cxr_core.vault.withdrawal import withdraw as block
    from tasks.withdrawal import purge

    now = dt.datetime.now(dt.UTC)
    counts = {"patient_ids": len(patients), "studies": len(found.studies), "files": found.files}
    record(opened.vault, f"withdraw, reason {reason.value}", counts, now=now)
    blocked = block(_block_list(opened), patients, subjects, Withdrawal(reason, account(), now))
    write_table(WITHDRAWALS, blocked, opened.catalog_table(WITHDRAWALS))
    write_list(opened.vault / WITHDRAWN_LIST, withdrawn_subjects(blocked))
    purge(opened, found)
    typer.echo(f"withdrawn: {len(found.studies)} studies and {found.files} files removed")
