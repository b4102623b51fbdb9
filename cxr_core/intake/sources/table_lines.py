"""Decides how the bytes of a table become lines of text: encoding and delimiter of CSV, types of Parquet.

Takes the content of a file and gives its lines, the header first, every value as text.
Which column is meant is left to `source_table`.
"""

import csv
import io
import math
from collections.abc import Iterable, Iterator

import polars as pl

_DELIMITERS = (",", ";", "\t", "|")
_PARQUET = b"PAR1"


class UnreadableTable(Exception):
    """The content is no table; the text says why and quotes nothing."""


def is_parquet(head: bytes) -> bool:
    """True for the first bytes of a Parquet file."""
    return head.startswith(_PARQUET)


def table_lines(content: bytes) -> Iterator[list[str]]:
    """The lines of a CSV or Parquet file, the header first.

    Raises
    ------
    UnreadableTable
    """
    yield from _parquet_lines(content) if is_parquet(content) else _csv_lines(content)


def decode(content: bytes) -> str:
    """Bytes to text: UTF-16 by its byte order mark, UTF-8, else Windows-1252 with its gaps as Latin-1."""
    if content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return content.decode("utf-16", "replace")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("cp1252", "replace")


def guess_delimiter(text: str) -> str:
    """The delimiter that parts the header line into most columns."""
    header = text.lstrip().split("\n", 1)[0]
    return max(_DELIMITERS, key=header.count)


def _csv_lines(content: bytes) -> Iterator[list[str]]:
    """The records of a CSV file, the last one only if nothing shows that it is cut off."""
    text = decode(content)
    delimiter = guess_delimiter(text)
    taken: list[str] = []
    reader = csv.reader(_noting(io.StringIO(text, newline=""), taken), delimiter=delimiter)
    last, lines, shortest = list[str](), list[str](), math.inf
    try:
        for record in reader:
            if lines:
                yield last
                shortest = min(shortest, len(last) or math.inf)
            last, lines = record, taken.copy()
            taken.clear()
    except csv.Error:
        raise UnreadableTable("is no readable CSV (is a quotation mark left open?)") from None
    if lines:
        if told := _cut_off(lines, delimiter, last, shortest):
            raise UnreadableTable(f"is cut off: {told} (line {reader.line_num - len(lines) + 1})")
        yield last


def _noting(text: Iterable[str], taken: list[str]) -> Iterator[str]:
    """The lines of a text; those of the record in hand are noted."""
    for line in text:
        taken.append(line)
        yield line


def _cut_off(lines: list[str], delimiter: str, record: list[str], shortest: float) -> str | None:
    """How the last record shows that the end of a file is missing; None where it does not."""
    if len(list(csv.reader([*lines, "\n", "x"], delimiter=delimiter))) == 1:
        return "a quotation mark is left open"
    if not lines[-1].endswith(("\n", "\r")) and len(record) < shortest < math.inf:
        return "the last line has fewer columns than any other"
    return None


def _parquet_lines(content: bytes) -> Iterator[list[str]]:
    try:
        frame = pl.read_parquet(io.BytesIO(content))
        texts = frame.select(_as_text(frame[name]) for name in frame.columns)
    except (pl.exceptions.PolarsError, OSError):
        raise UnreadableTable("is no readable Parquet file") from None
    yield list(frame.columns)
    for row in texts.iter_rows():
        yield [value or "" for value in row]


def _as_text(column: pl.Series) -> pl.Series:
    """A column as text, the way a person would write it.

    Times lose their zone, not their hour; whole numbers that became fractions because some are absent are whole again;
    lists are joined; what has no plain text is blank.
    """
    kind = column.dtype
    if isinstance(kind, pl.Datetime):
        return column.dt.strftime("%Y-%m-%d %H:%M:%S")
    if isinstance(kind, pl.List):
        return pl.Series(column.name, [_join(values) for values in column], dtype=pl.String)
    if kind.is_float() and (column.drop_nulls().drop_nans() % 1 == 0).all():
        return column.fill_nan(None).cast(pl.Int64, strict=False).cast(pl.String)
    if kind.is_nested() or kind in (pl.Binary, pl.Object):
        return pl.Series(column.name, [""] * len(column))
    return column.cast(pl.String, strict=False)


def _join(values: pl.Series | None) -> str:
    return "; ".join(text for text in _as_text(values) if text) if values is not None else ""
