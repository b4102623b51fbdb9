"""The data dictionary that goes with a release: every table and column, from the contracts that it is checked against.

Takes nothing, gives the text of data-dictionary.md and its parts. The dictionary of all zones, for those who work on
the program, is made by the project's documentation.
"""

from collections.abc import Iterator, Sequence

import polars as pl

from cxr_core.release.contracts import CSV_COLUMNS, RELEASE_TABLES
from cxr_core.tables.contract import Column, Contract

_TITLE = "# Data dictionary"
_INTRO = (
    "Every file of the release that holds a table, column by column. A column that may be empty says so.",
    "The files below `splits/` hold the rows of `images.parquet`, a file a split.",
    "The CSV files begin with the name and version of the release.",
)
_HEAD = ("column", "type", "may be empty", "unit", "meaning")
_CSV_HEAD = ("column", "type", "meaning")


def data_dictionary() -> str:
    """Text of data-dictionary.md; no value of the data stands in it."""
    return "\n".join(_lines()) + "\n"


def dictionary_lines() -> tuple[str, ...]:
    """Lines and cells of the dictionary, for whoever must know the known text of the documents."""
    cells: dict[str, None] = {}
    for line in _lines():
        parts = line.strip("|").split("|") if line.startswith("|") else [line]
        cells |= dict.fromkeys(part.strip() for part in parts if part.strip())
    return tuple(cells)


def _lines() -> Iterator[str]:
    yield from (_TITLE, "", *_INTRO)
    for name, table in RELEASE_TABLES.items():
        yield from ("", f"## {name}", "", table.description, "")
        yield from _grid(_HEAD, [_row(table, column, kind) for column, kind in table.columns.items()])
    for name, columns in CSV_COLUMNS.items():
        yield from ("", f"## {name}", "")
        rows = [
            (f"`{one.name}`", _type(one.table, one.column), one.table.columns[one.column].description)
            for one in columns
        ]
        yield from _grid(_CSV_HEAD, rows)


def _row(table: Contract, name: str, column: Column) -> tuple[str, ...]:
    return (
        f"`{name}`",
        _type(table, name),
        "yes" if column.kind.nullable else "no",
        column.unit or "",
        column.description,
    )


def _type(table: Contract, name: str) -> str:
    dtype = table.dtypes[name]
    if isinstance(dtype, pl.Enum):
        return ", ".join(dtype.categories.to_list())
    if isinstance(dtype, pl.List):
        return "list of rectangles" if isinstance(dtype.inner, pl.Struct) else "list of text"
    kind = str(dtype).split("(", 1)[0]
    return {"String": "text", "Boolean": "true or false", "Float64": "number", "Date": "date"}.get(kind, "integer")


def _grid(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> Iterator[str]:
    for cells in (head, ("---",) * len(head), *rows):
        yield "| " + " | ".join(cell.replace("|", "/") for cell in cells) + " |"
