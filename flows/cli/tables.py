"""The tables that people bring and take away: CSV or Parquet files with an id and a text, or with labels.

Takes a path and, where the file is unusual, the names of its columns; writes whole files or none. A user's mistake is
one clear line, and never quotes the file.
"""

import contextlib
import gzip
import os
import zlib
from collections.abc import Iterator
from pathlib import Path

import polars as pl

from cxr_core.errors import UsageError
from cxr_core.tables.storage import atomic_path

_ID_NAMES = ("study_id", "report_id", "id", "accession", "accession_number", "uid")
_TEXT_NAMES = ("report_text", "text", "report", "impression")
_HEADER_BYTES = 1 << 16
_GZIP = b"\x1f\x8b"
_UTF16 = (b"\xff\xfe", b"\xfe\xff")


def read_texts(path: Path, id_column: str | None, text_column: str | None) -> tuple[pl.Series, pl.Series]:
    """Read ids and texts of a CSV or Parquet file; an empty cell is an empty text.

    Raises
    ------
    UsageError
        The file cannot be read, or a column is missing or holds lists.
    """
    frame = read_frame(path)
    identity = frame[id_name(frame, id_column, path)]
    texts = frame[_pick(frame, text_column, _TEXT_NAMES, "text", path)]
    if identity.dtype.is_nested() or texts.dtype.is_nested():
        raise UsageError(f"{path}: id and text must be plain columns, not lists or structures")
    return identity, texts.cast(pl.String).fill_null("")


def read_frame(path: Path) -> pl.DataFrame:
    """Read a Parquet file or, every column as text, a delimited file as the build reads those of a RIS.

    Raises
    ------
    UsageError
        It is not there, or cannot be read.
    """
    is_parquet = path.suffix.lower() == ".parquet"
    try:
        if not path.exists() or path.is_dir():
            raise UsageError(f"{path} {'is a folder, not a file' if path.is_dir() else 'does not exist'}")
        return pl.read_parquet(path) if is_parquet else _read_delimited(path.read_bytes())
    except PermissionError:
        raise UsageError(f"{path} may not be read by this user") from None
    except pl.exceptions.NoDataError:
        raise UsageError(f"{path} is empty") from None
    except (OSError, EOFError, zlib.error, pl.exceptions.PolarsError):
        why = "Parquet" if is_parquet else "CSV (is a quotation mark left open, or a line longer than the header?)"
        raise UsageError(f"{path} cannot be read as {why}") from None


def _read_delimited(content: bytes) -> pl.DataFrame:
    """Rows of comma, semicolon, tab or bar; in UTF-8, in UTF-16 with its mark, else in Windows-1252."""
    from cxr_core.intake.sources.table_lines import decode, guess_delimiter

    if content.startswith(_GZIP):
        content = gzip.decompress(content)
    separator = guess_delimiter(decode(content[:_HEADER_BYTES]))
    if not content.startswith(_UTF16):
        with contextlib.suppress(pl.exceptions.ComputeError):  # no UTF-8, or no table at all
            return pl.read_csv(content, separator=separator, infer_schema=False)
    return pl.read_csv(decode(content).encode(), separator=separator, infer_schema=False)


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


def refuse_outputs(inputs: list[Path], outputs: list[Path]) -> None:
    """Refuse, before any work, outputs that cannot be written or would replace what is read.

    Raises
    ------
    UsageError
        An output is an input, a folder, or lies in a folder that is not there.
    """
    for place, path in enumerate(outputs):
        if os.path.isdir(path) or not path.parent.is_dir():  # noqa: PTH112  Path.is_dir raises in a closed folder
            why = "it is a folder" if path.parent.is_dir() else "its folder is not there"
            raise UsageError(f"{path} cannot be written: {why}")
        if path.resolve() in [one.resolve() for one in inputs]:
            raise UsageError(f"{path} is the input: give the output another name")
        if path.resolve() in [one.resolve() for one in outputs[:place]]:
            raise UsageError(f"{path} is named for two outputs")


def write_frame(frame: pl.DataFrame, path: Path, *, usual: str = ".csv", precision: int = 1) -> None:
    """Write a table as the suffix says, CSV or Parquet; `usual` where it says neither.

    Parameters
    ----------
    precision : int
        Digits behind the point in a CSV.
    """
    suffix = path.suffix.lower() if path.suffix.lower() in {".csv", ".parquet"} else usual
    with _whole(path) as temporary:
        if suffix == ".parquet":
            frame.write_parquet(temporary)
        else:
            frame.write_csv(temporary, float_precision=precision)


def write_text(text: str, path: Path) -> None:
    """Write a page or picture."""
    with _whole(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


@contextlib.contextmanager
def _whole(path: Path) -> Iterator[Path]:
    """Give a path to write, which becomes the file at once; pipes and devices are written themselves."""
    try:
        if path.exists() and not path.is_file():
            yield path
            return
        if not path.parent.is_dir():
            raise UsageError(f"{path} cannot be written: its folder is not there")
        with atomic_path(path.resolve(), _mode(path)) as temporary:
            yield temporary
    except (OSError, pl.exceptions.PolarsError):
        raise UsageError(f"{path} cannot be written") from None


def _mode(path: Path) -> int:
    """The rights that the file has, or that a plain new file would get."""
    if path.exists():
        return path.stat().st_mode & 0o777
    mask = os.umask(0o077)
    os.umask(mask)
    return 0o666 & ~mask
