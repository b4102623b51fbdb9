"""What changed between two labellings of the same reports, for whoever edits a rule.

Takes two tables in the published shape, gives one row a kind of change with its count and some ids. Whether a change
is an improvement is left to `scores`.
"""

import polars as pl

from cxr_core.errors import UsageError
from cxr_core.evaluation.scores import label_values, with_published_names
from cxr_core.vocabulary import Label


def label_changes(before: pl.DataFrame, after: pl.DataFrame, *, on: str, examples: int = 5) -> pl.DataFrame:
    """Count the cells that differ, by label and by what they were and are.

    Parameters
    ----------
    before, after : polars DataFrame
        Columns named as `Label` with 1 / 0 / -1 / null (numbers, or text that holds them).
    on : str
        The id column of both; reports that only one table has are left out.
    examples : int
        Ids given for each kind of change, at most.

    Returns
    -------
    polars DataFrame
        `label`, `before`, `after` (Int8), `reports` (count), `examples` (list of ids), the commonest first.

    Raises
    ------
    UsageError
        The id column is missing, ids are not unique, or a cell is no label.
    """
    old, new = (_long(with_published_names(table), on) for table in (before, after))
    both = old.join(new, on=["id", "label"], suffix="_after", maintain_order="left")
    changed = both.filter(pl.col("value").ne_missing(pl.col("value_after")))
    return (
        changed.group_by("label", before="value", after="value_after", maintain_order=True)
        .agg(reports=pl.len(), examples=pl.col("id").head(examples))
        .sort("reports", descending=True, maintain_order=True)
    )


def _long(table: pl.DataFrame, on: str) -> pl.DataFrame:
    if on not in table.columns:
        raise UsageError(f"no id column {on!r} to compare by")
    if table[on].n_unique() != table.height:
        raise UsageError(f"ids in {on!r} are not unique")
    names = [label.value for label in Label if label.value in table.columns]
    values = label_values(table, names, "earlier or later labels")
    return table.select(pl.col(on).cast(pl.String).alias("id"), *values).unpivot(
        on=names, index="id", variable_name="label", value_name="value"
    )
