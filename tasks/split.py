"""The Prefect task of the stage `split`: every subject's split, from the split ledger and a keyed draw."""

import json

from prefect import task

from cxr_core.planning.stages import CONVERT
from cxr_core.release.splitting import Assignment, assign_splits
from cxr_core.settings.build import BuildConfig
from cxr_core.tables.catalogue import RENDITIONS, SPLITS
from cxr_core.tables.storage import read_table, write_bytes, write_table
from cxr_core.tables.workspace import Workspace
from cxr_core.vault.key import VaultKey
from cxr_core.vocabulary import Stage
from tasks._policy import TASK_OPTIONS
from tasks.register import study_rows

_NOTES = "notes.json"


@task(name="split", task_run_name="split", **TASK_OPTIONS)
def split_subjects(workspace: Workspace, config: BuildConfig, key: VaultKey) -> Assignment:
    """Assign the subjects that have something to publish; the ledger lies in `stages/`, under pseudonyms."""
    path = workspace.stage(Stage.SPLIT) / "splits.parquet"
    published = CONVERT.store(workspace).read(RENDITIONS)["subject_id"]
    subjects = published if published.len() else study_rows(workspace)["subject_id"]
    assignment = assign_splits(
        subjects.unique().to_list(),
        read_table(SPLITS, path),
        labelled_subjects=frozenset(),
        settings=config.split,
        seed=key.subkey("split"),
    )
    write_table(SPLITS, assignment.splits, path)
    write_bytes(path.with_name(_NOTES), json.dumps(assignment.notes, indent=1).encode() + b"\n")
    return assignment


def split_notes(workspace: Workspace) -> tuple[str, ...]:
    """What the last split had to say, for the datasheet of a build that publishes without splitting anew."""
    path = workspace.stage(Stage.SPLIT) / _NOTES
    return tuple(json.loads(path.read_bytes())) if path.is_file() else ()
