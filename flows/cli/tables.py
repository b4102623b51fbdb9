"""Reading the tables that people bring: CSV or Parquet files with an id and a text, or with labels.

Takes a path and, where the file is unusual, the names of its columns; a user's mistake is one clear line.
"""

from pathlib import Path

import polars as pl

from cxr_core.errors import UsageError

_ID_NAMES = ("study_id", "report_id", "id", "accession", "accession_number", "uid")
_TEXT_NAMES = ("report_text", "text", "report", "impression")


def read_texts(path: Path, id_column: str | None, text_column: str | None) -> tuple[pl.Series, pl.Series]:
    """Read ids and texts of a CSV or Parquet file; an empty cell is an empty text.

    Raises
    ------
    UsageError
        The file cannot be read, or a column is missing.
    """
    frame = read_frame(path)
    identity = frame[id_name(frame, id_column, path)]
    texts = frame[_pick(frame, text_column, _TEXT_NAMES, "text", path)].cast(pl.String).fill_null("")
    return identity, texts


def read_frame(path: Path) -> pl.DataFrame:
    """Read a CSV (every column as text) or Parquet file."""
    try:
        if path.suffix == ".parquet":
            return pl.read_parquet(path)
        return pl.read_csv(path, infer_schema=False)
    except (OSError, pl.exceptions.PolarsError):
        raise UsageError(f"{path} cannot be read as {'Parquet' if path.suffix == '.parquet' else 'CSV'}") from None


def id_name(frame: pl.DataFrame, named: str | None, path: Path) -> str:
    """The id column: the one that was named, or the first of the usual names."""
    return _pick(frame, named, _ID_NAMES, "id", path)


def _pick(frame: pl.DataFrame, named: str | None, usual: tuple[str, ...], what: str, path: Path) -> str:
    by_lower = {column.strip().lower(): column for column in frame.columns}
    for candidate in (named,) if named else usual:
        if candidate and candidate.lower() in by_lower:
            return by_lower[candidate.lower()]
    looked = named or ", ".join(usual)
    raise UsageError(f"{path} has no {what} column (looked for {looked}); name it with --{what}-column")


def write_csv(frame: pl.DataFrame, path: Path, precision: int = 1) -> None:
    """Write a table; numbers with so many digits behind the point."""
    try:
        frame.write_csv(path, float_precision=precision)
    except OSError:
        raise UsageError(f"{path} cannot be written") from None


def write_text(text: str, path: Path) -> None:
    """Write a page or picture."""
    try:
        path.write_text(text, encoding="utf-8")
    except OSError:
        raise UsageError(f"{path} cannot be written") from None
