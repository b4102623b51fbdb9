"""The Prefect task of the stage `link`: which studies belong to the dataset, and whose report is whose."""

import warnings
from pathlib import Path

import numpy as np
from prefect import task

from cxr_core.errors import ItemError
from cxr_core.imaging.decoding import decode
from cxr_core.imaging.reading import read_header
from cxr_core.intake.linkage import link
from cxr_core.intake.sources.folder import read_path
from cxr_core.intake.sources.ris_csv import read_exclusions_csv
from cxr_core.planning.receipts import Step
from cxr_core.settings.build import BuildConfig
from cxr_core.tables.catalogue import (
    DROPS,
    ENCOUNTERS,
    INSTANCES,
    MERGES,
    REPORTS,
    STUDIES,
    STUDY_INSTANCES,
    WITHDRAWALS,
)
from cxr_core.tables.storage import read_table, write_table
from cxr_core.tables.workspace import Workspace
from cxr_core.vault.withdrawal import as_exclusions
from tasks._policy import TASK_OPTIONS
from tasks.receipts import receipt_step

_INPUT = (INSTANCES, REPORTS, ENCOUNTERS, MERGES)


@task(name="link", task_run_name="link", **TASK_OPTIONS)
def link_studies(workspace: Workspace, config: BuildConfig) -> None:
    """Decide on every study, instance and report; the drops of this stage lie beside the studies."""
    source = config.source
    step = _step(workspace, config)
    if step.earlier() is not None:
        return
    tables = (read_table(contract, workspace.catalog_table(contract)) for contract in _INPUT)
    listed = read_exclusions_csv(source.exclusions, issuer=source.issuer) if source.exclusions else None
    linked = link(
        *tables,
        exclusions=as_exclusions(read_table(WITHDRAWALS, workspace.catalog_table(WITHDRAWALS)), listed),
        cohort=config.cohort,
        link=config.link,
        pixels_equal=lambda one, other: _same_pixels(source.dicom, one, other),
    )
    write_table(STUDIES, linked.studies, workspace.catalog_table(STUDIES))
    write_table(STUDY_INSTANCES, linked.instances, workspace.catalog_table(STUDY_INSTANCES))
    write_table(REPORTS, linked.reports, linked_reports(workspace))
    write_table(DROPS, linked.drops, link_drops(workspace))
    step.leave()


def _step(workspace: Workspace, config: BuildConfig) -> Step:
    """Files with equal ids are compared by their pixels: the catalog tells every file's digest."""
    tables = [workspace.catalog_table(contract) for contract in (*_INPUT, WITHDRAWALS)]
    exclusions = [config.source.exclusions] if config.source.exclusions else []
    left = [workspace.catalog_table(contract) for contract in (STUDIES, STUDY_INSTANCES)]
    return receipt_step(
        "link",
        workspace,
        config,
        reads=[*tables, *exclusions],
        leaves=[*left, linked_reports(workspace), link_drops(workspace)],
    )


def linked_reports(workspace: Workspace) -> Path:
    """The catalog's reports with loose addenda put above their text: what the airlock reads."""
    return workspace.catalog / "linked_reports.parquet"


def link_drops(workspace: Workspace) -> Path:
    """What catalog and link left out; with the drops of the later stages it becomes the vault's `drops.parquet`."""
    return workspace.catalog / "link_drops.parquet"


def _same_pixels(source: Path | None, one: str, other: str) -> bool:
    """True where two files decode to equal pixels; files that cannot be decoded are never called equal."""
    if source is None:
        return False
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # pydicom's warnings print values
            first, second = (decode(read_header(source / read_path(path))) for path in (one, other))
    except ItemError:
        return False
    return first.photometric is second.photometric and np.array_equal(first.pixels, second.pixels)
