"""The Prefect task that closes the books: every catalogued item is in the dataset or in the vault's `drops.parquet`."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import polars as pl
from prefect import task

from cxr_core.accounting.balance import join_stage_drops, reconcile
from cxr_core.accounting.funnel import QuarantineShare, quarantined_share
from cxr_core.accounting.quarantine import waiting
from cxr_core.planning.receipts import Said, Step
from cxr_core.planning.stages import STAGES
from cxr_core.release.plan import DropCount
from cxr_core.settings.build import BuildConfig
from cxr_core.tables.catalogue import (
    ACCEPTED,
    DROPS,
    INSTANCES,
    PSEUDONYMS,
    STAGE_DROPS,
    STUDIES,
    STUDY_INSTANCES,
)
from cxr_core.tables.storage import read_table, write_table
from cxr_core.tables.workspace import Workspace
from cxr_core.vocabulary import ItemKind, Reason, Stage
from tasks._policy import TASK_OPTIONS
from tasks.link import link_drops
from tasks.receipts import receipt_step, store_files
from tasks.split import renditions_to_publish, set_aside


@dataclass(frozen=True, slots=True)
class Account:
    """The books of a build, as counts."""

    drops: Sequence[DropCount]
    quarantine: QuarantineShare
    waiting: int
    """Items that something is wrong with and that nobody accepted."""
    counts: dict[str, int] = field(default_factory=dict)


@task(name="account", task_run_name="account", **TASK_OPTIONS)
def close_books(workspace: Workspace, config: BuildConfig, *, is_whole: bool) -> Account:
    """Gather the drops of all stages under their originals, inside the vault, and hand out counts.

    Parameters
    ----------
    is_whole : bool
        All studies were run, so that everything must add up.

    Raises
    ------
    BuildError
        Something is neither in the dataset nor dropped.
    """
    step = _step(workspace, config, is_whole=is_whole)
    said = step.earlier()
    if said is not None:
        return _account(said)
    account = _closed(workspace, is_whole=is_whole)
    step.leave(_said(account))
    return account


def _step(workspace: Workspace, config: BuildConfig, *, is_whole: bool) -> Step:
    tables = [workspace.catalog_table(one) for one in (INSTANCES, PSEUDONYMS, STUDIES, STUDY_INSTANCES, ACCEPTED)]
    stages = [path for definition in STAGES.values() for path in store_files(definition.store(workspace))]
    return receipt_step(
        "account",
        workspace,
        config,
        reads=[*tables, link_drops(workspace), *stages, workspace.stage_table(Stage.SPLIT, STAGE_DROPS)],
        leaves=[workspace.catalog_table(DROPS)],
        words=["whole" if is_whole else "part"],
    )


def _said(account: Account) -> Said:
    drops = [(drop.stage.value, drop.kind.value, drop.reason.value, drop.count) for drop in account.drops]
    share = account.quarantine
    return {
        "drops": drops,
        "quarantine": [share.quarantined, share.in_cohort, share.reasons],
        "waiting": account.waiting,
        "counts": list(account.counts.items()),  # in this order
    }


def _account(said: Said) -> Account:
    drops = [
        DropCount(Stage(stage), ItemKind(kind), Reason(reason), count) for stage, kind, reason, count in said["drops"]
    ]
    quarantined, in_cohort, reasons = said["quarantine"]
    share = QuarantineShare(quarantined, in_cohort, tuple((reason, count) for reason, count in reasons))
    return Account(drops, share, said["waiting"], dict(said["counts"]))


def _closed(workspace: Workspace, *, is_whole: bool) -> Account:
    tables = (INSTANCES, PSEUDONYMS, STUDIES, STUDY_INSTANCES)
    instances, pseudonyms, studies, files = (read_table(item, workspace.catalog_table(item)) for item in tables)
    by_stage = [definition.store(workspace).read(STAGE_DROPS) for definition in STAGES.values()]
    behind = pl.concat([*by_stage, set_aside(workspace)])
    later = join_stage_drops(behind, pseudonyms, files, studies)
    drops = pl.concat([read_table(DROPS, link_drops(workspace)), later])
    write_table(DROPS, drops, workspace.catalog_table(DROPS))
    accepted = read_table(ACCEPTED, workspace.catalog_table(ACCEPTED))
    images = renditions_to_publish(workspace)
    if is_whole:
        reconcile(instances, drops, images["dicom_id"], pl.Series(dtype=pl.String), pseudonyms)
    return Account(
        drops=_counts(drops),
        quarantine=quarantined_share(studies, drops, accepted),
        waiting=waiting(drops, accepted).height,
        counts={
            "subjects": images["subject_id"].n_unique(),
            "studies": images["study_id"].n_unique(),
            "images": images.height,
        },
    )


def _counts(drops: pl.DataFrame) -> list[DropCount]:
    counted = drops.group_by("stage", "kind", "reason").len().sort("stage", "kind", "reason")
    return [
        DropCount(Stage(stage), ItemKind(kind), Reason(reason), count)
        for stage, kind, reason, count in counted.iter_rows()
    ]
