"""What a PACS named but did not send is in the catalog with a reason, and in the drops of the link stage."""

import datetime as dt
from pathlib import Path

from cxr_core.intake.linkage import link
from cxr_core.settings.cohort import CohortSettings
from cxr_core.settings.link import LinkSettings
from cxr_core.tables.catalogue import ACQUIRED, ENCOUNTERS, MERGES, REPORTS
from cxr_core.tables.storage import write_table
from cxr_core.tables.workspace import Workspace
from tasks.acquire import unfetched_instances


def test_it_is_dropped_as_not_fetched_and_counted(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    row = {
        "day": dt.date(2014, 3, 1),
        "described": "x",
        "received": 0,
        "attempts": 4,
        "asked_at": dt.datetime(2024, 1, 1),
    }
    rows = [
        row | {"study_instance_uid": "1.1", "expected": 2, "missing_uids": ["1.1.2"], "status": "partial"},
        row | {"study_instance_uid": "1.2", "expected": None, "missing_uids": [], "status": "failed"},
        row | {"study_instance_uid": "1.3", "expected": 1, "missing_uids": [], "status": "complete"},
    ]
    write_table(ACQUIRED, ACQUIRED.frame(rows), workspace.catalog_table(ACQUIRED))
    catalog = unfetched_instances(workspace)
    tables = (catalog, REPORTS.empty(), ENCOUNTERS.empty(), MERGES.empty())
    linked = link(*tables, cohort=CohortSettings(), link=LinkSettings(), pixels_equal=lambda *_: False)
    found = sorted(linked.drops.select("kind", "stage", "reason").iter_rows())
    assert found == [
        ("file", "catalog", "E_FETCH"),
        ("instance", "catalog", "E_FETCH"),
        ("study", "link", "no_surviving_image"),
        ("study", "link", "no_surviving_image"),
    ]
