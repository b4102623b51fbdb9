"""Lists of subject ids for those who hold earlier releases: what they must delete, what was renamed.

Takes frames of published ids, gives CSV files in the vault; sending them is left to people.
"""

from pathlib import Path

import polars as pl

from cxr_core.tables.storage import write_bytes

WITHDRAWN_LIST = "withdrawn-subjects.csv"
"""`subject_id,withdrawn_on`: every holder of an earlier release must delete these."""

RETIRED_LIST = "retired-subjects.csv"
"""`subject_id,successor`: ids that are used no more because patients were merged or parted."""


def write_list(path: Path, rows: pl.DataFrame) -> None:
    """Write the whole list anew, readable by its owner alone; the same rows give the same bytes."""
    write_bytes(path, rows.write_csv(line_terminator="\n").encode(), mode=0o600)
