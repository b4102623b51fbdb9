"""`cxr diff`: what differs between two releases, on the terminal or as one JSON object."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from cxr_core.errors import UsageError
from flows.cli import app

if TYPE_CHECKING:
    import polars as pl

    from cxr_core.release.difference import Difference
    from cxr_core.release.published import PublishedTables

_SHORT = {"to_positive": "to pos", "to_negative": "to neg", "to_uncertain": "to unc", "to_not_mentioned": "to none"}


@app.command()
def diff(
    before: Annotated[Path, typer.Argument(help="The older release.")],
    after: Annotated[Path, typer.Argument(help="The newer release.")],
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Compare two releases: items, labels, splits, reasons of exclusion. Exit code 1 where a split moved."""
    from cxr_core.release.difference import compare

    found = compare(_read(before), _read(after))
    if as_json:
        sys.stdout.write(json.dumps(found.as_json(), indent=1) + "\n")
    else:
        _print(found)
    if found.forbidden_moves:
        raise typer.Exit(1)


def _read(root: Path) -> "PublishedTables":
    from cxr_core.errors import BuildError
    from cxr_core.release.published import read_release

    try:
        return read_release(root)
    except BuildError as error:
        raise UsageError(str(error)) from None


def _print(found: "Difference") -> None:
    console = Console(highlight=False)
    console.print(f"{found.before} -> {found.after}")
    if found.is_empty:
        console.print("no difference")
        return
    items = _table("", "items", "added", "removed", "changed")
    for name, item in (("subjects", found.subjects), ("studies", found.studies), ("images", found.images)):
        items.add_row(name, str(item.added), str(item.removed), str(item.changed))
    console.print(items)
    if found.redrawn:
        console.print(f"pixels changed in {found.redrawn} images")
    _print_frame(console, "labels changed (studies)", found.labels, ("labeler", "label"))
    _print_frame(console, "split moves (subjects)", found.moves, ("before", "after"))
    _print_frame(console, "left out (empty: 1 to 10)", found.drops, ("stage", "kind", "reason"))
    console.print(_verdict(found), soft_wrap=True)


def _verdict(found: "Difference") -> str:
    if found.forbidden_moves:
        return f"{found.forbidden_moves} subjects moved between splits: models trained on one release know the other"
    if found.moves.is_empty():
        return "no subject moved between splits"
    merged = f"; {found.merged_moves} took over the split of a subject that was merged" if found.merged_moves else ""
    return f"subjects moved into test only{merged}"


def _print_frame(console: Console, title: str, frame: "pl.DataFrame", names: tuple[str, ...]) -> None:
    if frame.is_empty():
        return
    left = len(names)
    table = _table(title, *(_SHORT.get(name, name) for name in frame.columns), left=left)
    for row in frame.iter_rows():
        table.add_row(*("" if cell is None else str(cell) for cell in row))
    console.print(table)


def _table(title: str, *columns: str, left: int = 1) -> Table:
    table = Table(box=None, pad_edge=False, title=title or None, title_justify="left", title_style="bold")
    for place, name in enumerate(columns):
        table.add_column(name, justify="left" if place < left else "right", no_wrap=place < left)
    return table
