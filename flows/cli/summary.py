"""What a build prints at its end: where the release is, what went in and out, what to look at next."""

import json
import sys
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    import polars as pl

    from tasks.summary import BuildSummary


def print_summary(summary: "BuildSummary", *, as_json: bool, quiet: bool) -> None:
    """Print a build's summary on standard output: for people, or one JSON object."""
    if as_json:
        sys.stdout.write(json.dumps(summary.as_json(), indent=1) + "\n")
        return
    if quiet:
        return
    console = Console(highlight=False)
    console.print()
    console.print(_stage_table(summary))
    if summary.drops:
        console.print(_drop_table(summary))
    for title, frame in (summary.outcome.tables if summary.outcome else {}).items():
        if title != "Funnel":  # what was left out stands above
            console.print(_frame_table(title, frame))
    for line in summary.lines():
        console.print(line, soft_wrap=True)


def _stage_table(summary: "BuildSummary") -> Table:
    table = Table(box=None, pad_edge=False)
    for name in ("stage", "done", "reused", "quarantined", "seconds"):
        table.add_column(name, justify="left" if name == "stage" else "right")
    for name, counts in summary.stages.items():
        table.add_row(name, str(counts.done), str(counts.reused), str(counts.quarantined), f"{counts.seconds:.1f}")
    return table


def _frame_table(title: str, frame: "pl.DataFrame") -> Table:
    """A table of the paper, as it stands in the Prefect artifacts too."""
    table = Table(box=None, pad_edge=False, title=title, title_justify="left", title_style="bold")
    for place, name in enumerate(frame.columns):
        short = name.replace("positive", "pos").replace("negative", "neg").replace("uncertain", "unc")  # 80 columns
        table.add_column(short.replace("_", " "), justify="right" if place else "left", no_wrap=not place)
    for row in frame.iter_rows():
        table.add_row(
            *(f"{cell:.3f}" if isinstance(cell, float) else "" if cell is None else str(cell) for cell in row)
        )
    return table


def _drop_table(summary: "BuildSummary") -> Table:
    table = Table(box=None, pad_edge=False, title="left out", title_justify="left", title_style="bold")
    for name in ("stage", "reason", "kind", "items"):
        table.add_column(name, justify="right" if name == "items" else "left")
    for drop in summary.drops:
        table.add_row(drop.stage.value, drop.reason.value, drop.kind.value, str(drop.count))
    return table
