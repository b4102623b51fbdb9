"""What a withdrawal removes from a workspace: rows, pictures and DICOM of every stage, sheets, review images.

Takes a workspace and subjects; gives what lies there of them, and removes it. Who is withdrawn is left to the vault's
block list, which is written first: whatever a kill leaves behind, no build takes it up again, and the same command
removes the rest.
"""

import datetime as dt
import shutil
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from cxr_core.planning.stages import STAGES
from cxr_core.review.store import ReviewStore
from cxr_core.tables.catalogue import (
    IMAGE_REVIEWS,
    INSTANCES,
    LEDGER,
    PSEUDONYMS,
    READER_BOXES,
    REPORT_LABELS,
    REQUESTS,
    REVIEW_DECISIONS,
    STAGE_DROPS,
    STUDIES,
    STUDY_INSTANCES,
    STUDY_ROWS,
    TEXT_REVIEWS,
)
from cxr_core.tables.contract import Contract
from cxr_core.tables.storage import read_table, write_table
from cxr_core.tables.workspace import Workspace
from cxr_core.vocabulary import IdKind, Stage

_REVIEWED = (REPORT_LABELS, READER_BOXES, IMAGE_REVIEWS, TEXT_REVIEWS, REVIEW_DECISIONS)


@dataclass(frozen=True, slots=True)
class Traces:
    """What a workspace holds of subjects.

    Parameters
    ----------
    studies : frozenset of str
        Published ids.
    folders : tuple of Path
        Folders with pictures or DICOM of these studies.
    files : int
        Files in them.
    """

    studies: frozenset[str]
    folders: tuple[Path, ...]
    files: int


def traces(workspace: Workspace, subjects: frozenset[str], patients: frozenset[tuple[str, str]]) -> Traces:
    """Find everything that was made of subjects.

    Parameters
    ----------
    patients : frozenset of (issuer, patient id)
        Their ids, for studies that were registered but went no further.
    """
    studies = frozenset(_studies(workspace, subjects, patients))
    folders = tuple(sorted(_folders(workspace, studies)))
    files = sum(1 for folder in folders for path in folder.rglob("*") if path.is_file())
    return Traces(studies, folders, files)


def _studies(workspace: Workspace, subjects: frozenset[str], patients: frozenset[tuple[str, str]]) -> Iterator[str]:
    tables = [
        (REQUESTS, workspace.catalog_table(REQUESTS)),
        (STUDY_ROWS, workspace.stage_table(Stage.REGISTER, STUDY_ROWS)),
        (REPORT_LABELS, workspace.review_table(REPORT_LABELS)),
    ]
    frames = [read_table(contract, path, ["study_id", "subject_id"]) for contract, path in tables]
    for definition in STAGES.values():
        store = definition.store(workspace)
        frames += [
            store.read(contract, ["study_id", "subject_id"])
            for contract in definition.contracts
            if "subject_id" in contract.columns
        ]
    for frame in frames:
        yield from frame.filter(pl.col("subject_id").is_in(list(subjects)))["study_id"]
    yield from _registered(workspace, patients)


def _registered(workspace: Workspace, patients: frozenset[tuple[str, str]]) -> Iterator[str]:
    """Ids of the patients' studies by the crosswalk, also where no table speaks of them any more."""
    seen = read_table(INSTANCES, workspace.catalog_table(INSTANCES), ["study_instance_uid", "issuer", "patient_id"])
    rows = seen.unique().drop_nulls().iter_rows()
    uids = {uid for uid, issuer, patient_id in rows if {(issuer, patient_id), ("", patient_id)} & patients}
    ledger = read_table(PSEUDONYMS, workspace.catalog_table(PSEUDONYMS), ["kind", "original", "pseudonym"])
    mine = ledger.filter(pl.col("kind") == IdKind.STUDY.value, pl.col("original").is_in(list(uids)))
    yield from mine["pseudonym"]


def _folders(workspace: Workspace, studies: frozenset[str]) -> Iterator[Path]:
    for study in studies:
        files = (
            workspace.dicom_file(study, "any"),
            workspace.jpeg_file(study, "any"),
            workspace.sheet_file(study, "any"),
        )
        yield from (path.parent for path in files if path.parent.is_dir())
    if workspace.review.is_dir():  # whatever the review keeps of a study lies in a folder of its name
        yield from (path for path in workspace.review.rglob("5*") if path.is_dir() and path.name in studies)


def purge(workspace: Workspace, found: Traces) -> None:
    """Remove what was found; safe to be called again after a kill."""
    for folder in found.folders:
        shutil.rmtree(folder, ignore_errors=True)
    for definition in STAGES.values():
        store = definition.store(workspace)
        store.compact(frozenset(store.read(LEDGER, ["study_id"])["study_id"]) - found.studies)
    for contract, path in _whole_tables(workspace):
        _without(contract, path, found.studies)
    if workspace.review_store.is_file():
        with closing(ReviewStore.open(workspace.review_store)) as readings:
            readings.remove_studies(found.studies, dt.datetime.now(dt.UTC))
    _without_originals(workspace, found.studies)
    workspace.page.unlink(missing_ok=True)  # it shows pictures


def _whole_tables(workspace: Workspace) -> list[tuple[Contract, Path]]:
    return [
        (REQUESTS, workspace.catalog_table(REQUESTS)),
        (STUDY_ROWS, workspace.stage_table(Stage.REGISTER, STUDY_ROWS)),
        (STAGE_DROPS, workspace.stage_table(Stage.SPLIT, STAGE_DROPS)),
        *((contract, workspace.review_table(contract)) for contract in _REVIEWED),
    ]


def _without(contract: Contract, path: Path, studies: frozenset[str]) -> None:
    if not path.exists():
        return
    rows = read_table(contract, path)
    kept = rows.filter(~pl.col("study_id").is_in(list(studies)))
    if kept.height < rows.height:
        write_table(contract, kept, path)


def _without_originals(workspace: Workspace, studies: frozenset[str]) -> None:
    """The link tables hold UIDs; the crosswalk tells which."""
    ledger = read_table(PSEUDONYMS, workspace.catalog_table(PSEUDONYMS))
    mine = ledger.filter(pl.col("kind") == IdKind.STUDY.value, pl.col("pseudonym").is_in(list(studies)))
    for contract in (STUDIES, STUDY_INSTANCES):
        path = workspace.catalog_table(contract)
        rows = read_table(contract, path)
        kept = rows.join(mine.select(study_instance_uid="original"), on="study_instance_uid", how="anti")
        if kept.height < rows.height:
            write_table(contract, kept, path)
