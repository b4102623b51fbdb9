"""The Prefect task of the stage `split`: every subject's split, from the split ledger and a keyed draw."""

import json
from pathlib import Path

import polars as pl
from prefect import task

from cxr_core.planning.receipts import Step
from cxr_core.planning.stages import CONVERT
from cxr_core.release.likeness import Likeness, shared_drops, shared_pictures
from cxr_core.release.splitting import Ties, assign_splits
from cxr_core.settings.build import BuildConfig
from cxr_core.settings.split import SharedPictures
from cxr_core.tables.catalogue import RENDITIONS, REPORT_LABELS, RETIRED_SUBJECTS, SPLITS, STAGE_DROPS, STUDY_ROWS
from cxr_core.tables.storage import read_table, write_bytes, write_table
from cxr_core.tables.workspace import Workspace
from cxr_core.vault.key import VaultKey
from cxr_core.vocabulary import Stage
from tasks._policy import TASK_OPTIONS
from tasks.receipts import receipt_step, store_files
from tasks.register import study_rows


@task(name="split", task_run_name="split", **TASK_OPTIONS)
def split_subjects(workspace: Workspace, config: BuildConfig, key: VaultKey) -> tuple[str, ...]:
    """Assign the subjects that have something to publish; the ledger lies in `stages/`, under pseudonyms.

    Pictures that stand under several subjects are set aside first, unless the settings keep them.

    Returns
    -------
    tuple of str
        What a person should know of it, for the datasheet.
    """
    step = _step(workspace, config, key)
    if step.earlier() is not None:
        return split_notes(workspace)
    path = workspace.stage_table(Stage.SPLIT, SPLITS)
    likeness = _set_aside(workspace, config)
    rows = study_rows(workspace)
    published = CONVERT.store(workspace).read(RENDITIONS)["subject_id"]
    subjects = published if published.len() else rows["subject_id"]
    manual = read_table(REPORT_LABELS, workspace.review_table(REPORT_LABELS))
    retired = read_table(RETIRED_SUBJECTS, workspace.stage_table(Stage.REGISTER, RETIRED_SUBJECTS)).sort("place")
    assignment = assign_splits(
        subjects.unique().to_list(),
        read_table(SPLITS, path),
        # By study: the subject of a report that was labelled long ago may have been merged since.
        labelled_subjects=frozenset(rows.join(manual, on="study_id", how="semi")["subject_id"]),
        settings=config.split,
        seed=key.subkey("split"),
        ties=Ties(likeness.kin, retired.select("subject_id", "successor").rows()),
    )
    write_table(SPLITS, assignment.splits, path)
    write_bytes(_notes_file(workspace), json.dumps(assignment.notes).encode())
    step.leave()
    return assignment.notes


def _step(workspace: Workspace, config: BuildConfig, key: VaultKey) -> Step:
    """The split ledger only grows: the same subjects find theirs there and stay."""
    registered = [workspace.stage_table(Stage.REGISTER, table) for table in (STUDY_ROWS, RETIRED_SUBJECTS)]
    left = [workspace.stage_table(Stage.SPLIT, table) for table in (SPLITS, STAGE_DROPS)]
    return receipt_step(
        "split",
        workspace,
        config,
        reads=[*registered, workspace.review_table(REPORT_LABELS), *store_files(CONVERT.store(workspace))],
        leaves=[*left, _notes_file(workspace)],
        key=key,
    )


def split_notes(workspace: Workspace) -> tuple[str, ...]:
    """What the last split had to say: it may have run in another build than the one that publishes."""
    path = _notes_file(workspace)
    return tuple(json.loads(path.read_bytes())) if path.exists() else ()


def _notes_file(workspace: Workspace) -> Path:
    return workspace.stage(Stage.SPLIT) / "notes.json"


def _set_aside(workspace: Workspace, config: BuildConfig) -> Likeness:
    renditions = CONVERT.store(workspace).read(RENDITIONS)
    likeness = shared_pictures(renditions)
    is_kept = config.split.shared_pictures is SharedPictures.KEEP
    drops = STAGE_DROPS.empty() if is_kept else shared_drops(likeness, renditions)
    write_table(STAGE_DROPS, drops, workspace.stage_table(Stage.SPLIT, STAGE_DROPS))
    return likeness


def set_aside(workspace: Workspace) -> pl.DataFrame:
    """What the stage left out: STAGE_DROPS rows."""
    return read_table(STAGE_DROPS, workspace.stage_table(Stage.SPLIT, STAGE_DROPS))


def renditions_to_publish(workspace: Workspace) -> pl.DataFrame:
    """The images of the dataset: all that were converted but those that the split set aside."""
    return CONVERT.store(workspace).read(RENDITIONS).join(set_aside(workspace), on="dicom_id", how="anti")
