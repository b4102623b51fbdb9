"""Gathers what `cxr explain` tells of a study's way: tables of the vault and of the stages, nothing of Prefect.

Takes a workspace, gives the tables, and finds studies by their pseudonym, accession number or UID.
"""

import polars as pl

from cxr_core.accounting.trail import TrailTables
from cxr_core.intake.drafts import fold_accession
from cxr_core.planning.stages import STAGES
from cxr_core.tables.catalogue import DROPS, INSTANCES, LEDGER, PSEUDONYMS, REPORTS, SPLITS, STUDIES
from cxr_core.tables.storage import read_table
from cxr_core.tables.workspace import Workspace
from cxr_core.vocabulary import IdKind, ItemKind, Stage


def trail_tables(workspace: Workspace) -> TrailTables:
    """Everything that the trail of a study needs, as far as it exists."""
    closed = workspace.catalog_table(DROPS)
    drops = closed if closed.exists() else workspace.catalog / "link_drops.parquet"  # the books were never closed
    return TrailTables(
        instances=read_table(INSTANCES, workspace.catalog_table(INSTANCES)),
        studies=read_table(STUDIES, workspace.catalog_table(STUDIES)),
        drops=read_table(DROPS, drops),
        pseudonyms=read_table(PSEUDONYMS, workspace.catalog_table(PSEUDONYMS)),
        ledgers={stage: read_table(LEDGER, workspace.stage(stage) / "ledger.parquet") for stage in STAGES},
        splits=read_table(SPLITS, workspace.stage(Stage.SPLIT) / "splits.parquet"),
    )


def studies_of_pseudonym(tables: TrailTables, study_id: str) -> list[str]:
    """Original UIDs of a published study."""
    ids = tables.pseudonyms.filter((pl.col("kind") == IdKind.STUDY.value) & (pl.col("pseudonym") == study_id))
    return ids["original"].to_list()


def studies_of_number(tables: TrailTables, written: str) -> list[str]:
    """Original UIDs of the studies that a study UID or an accession number names, in the order of the UIDs."""
    number, folded = written.strip(), fold_accession(written)
    rows = tables.instances.select("study_instance_uid", "accession_number").drop_nulls("study_instance_uid").unique()
    return sorted(
        {
            uid
            for uid, accession in rows.iter_rows()
            if uid == number or (folded and fold_accession(accession) == folded)
        }
    )


def report_fates(workspace: Workspace, tables: TrailTables, written: str) -> list[str]:
    """What became of each report that names an accession number: `used`, or the reason why it is not."""
    reports = read_table(REPORTS, workspace.catalog_table(REPORTS))
    folded = fold_accession(written)
    if not folded:
        return []
    keys = [
        key
        for key, numbers in reports.select("report_key", "accession_numbers").iter_rows()
        if folded in {fold_accession(number) for number in numbers}
    ]
    drops = tables.drops.filter(pl.col("kind").cast(pl.String) == ItemKind.REPORT.value)
    reasons = dict(drops.select("original", pl.col("reason").cast(pl.String)).rows())
    used = set(tables.studies["report_key"].drop_nulls())
    return [reasons.get(key) or ("used" if key in used else "open") for key in keys]
