"""How tables lie on disk: Parquet, written whole or not at all, checked against their contract on the way in and out.

Takes validated frames and paths; gives frames back. What the columns mean is left to `catalogue`, who may read which
file to the zones of the workspace.
"""

import contextlib
import os
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import cast

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from cxr_core.errors import BuildError
from cxr_core.tables.contract import Contract, ContractError

_META_TABLE = b"hilum.table"
_META_VERSION = b"hilum.contract_version"
_META_DIGEST = b"hilum.stage_digest"
_ZONES = ("stages", "vault")
_LARGE_ROWS = 50_000


class DamagedTableError(BuildError):
    """A table whose file is damaged; the line names it by its place in the workspace."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.path = path

    def __str__(self) -> str:
        zone = next((place for place, name in enumerate(self.path.parts) if name in _ZONES), -1)
        told = "/".join(self.path.parts[zone:])
        return f"{told} is damaged or gone; `cxr doctor --workspace DIR` looks at all tables and says what to do"


@contextlib.contextmanager
def atomic_path(path: Path, mode: int = 0o644) -> Iterator[Path]:
    """Give a temporary path beside `path`; on a clean exit it is synced and renamed to `path`.

    Nothing half-written is ever visible under the final name; on an exception the temporary file is removed.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".tmp", dir=path.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        temporary.chmod(mode)
        sync(temporary)
        temporary.replace(path)
        sync(path.parent)
    finally:
        temporary.unlink(missing_ok=True)


def sync(path: Path) -> None:
    """Wait until a file's (or a folder's) content is on the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_bytes(path: Path, content: bytes, mode: int = 0o644) -> None:
    """Write a file whole or not at all."""
    with atomic_path(path, mode) as temporary:
        temporary.write_bytes(content)


def append_line(path: Path, line: str) -> None:
    """Append a line to a log that its owner alone may read; on the disk when this returns."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    with os.fdopen(handle, "ab") as stream:
        stream.write(f"{line}\n".encode())
        stream.flush()
        os.fsync(stream.fileno())


def write_table(contract: Contract, frame: pl.DataFrame, path: Path, *, digest: str = "") -> None:
    """Validate a frame, sort it by its key and write it atomically.

    Equal frames give equal bytes: rows are sorted by the primary key and the file carries no time stamp.

    Parameters
    ----------
    digest : str
        Digest of the stage that made the table; stands in the Parquet metadata.

    Raises
    ------
    ContractError
        The frame breaks its contract; nothing is written.
    """
    valid = contract.validate(frame)
    with atomic_path(path) as temporary:
        _write(contract, valid, temporary, digest)


def write_unseen(contract: Contract, valid: pl.DataFrame, path: Path) -> None:
    """Write a table into a folder that gets its name later: synced, with the bytes that `write_table` gives.

    Parameters
    ----------
    valid : frame
        Checked already, as `Contract.frame` gives it.
    """
    _write(contract, valid, path, "")
    sync(path)


def _write(contract: Contract, valid: pl.DataFrame, path: Path, digest: str) -> None:
    ordered = valid.sort(contract.key) if contract.key else valid
    table = ordered.to_arrow(compat_level=pl.CompatLevel.oldest())
    meta = {
        _META_TABLE: contract.name.encode(),
        _META_VERSION: str(contract.version).encode(),
        _META_DIGEST: digest.encode(),
    }
    pq.write_table(table.replace_schema_metadata(meta), path, compression="zstd", write_page_checksum=True)


def read_table(contract: Contract, path: Path, columns: Sequence[str] | None = None) -> pl.DataFrame:
    """Read a table, or some of its columns; an absent file is an empty table.

    Raises
    ------
    ContractError
        The file holds another table, another contract version or other columns.
    DamagedTableError
        The file cannot be read as Parquet, or its checksums do not hold.
    """
    wanted = list(contract.columns if columns is None else columns)
    if not path.exists():
        return contract.empty().select(wanted)
    try:
        with pq.ParquetFile(path, page_checksum_verification=True) as file:
            schema = file.schema_arrow
            # Threads double the CPU time of small tables, and a build reads hundreds of small parts.
            is_large = file.metadata.num_rows >= _LARGE_ROWS
            table = file.read(columns=[name for name in wanted if name in schema.names], use_threads=is_large)
    except (pa.ArrowException, OSError):
        raise DamagedTableError(path) from None
    meta = schema.metadata or {}
    if meta.get(_META_TABLE) != contract.name.encode() or meta.get(_META_VERSION) != str(contract.version).encode():
        raise ContractError(f"table {contract.name}: the file was written under another name or contract version")
    if set(schema.names) != set(contract.columns):
        raise ContractError(f"table {contract.name}: the file holds other columns than the contract")
    try:
        # Enumerations come back from Parquet as dictionaries: give them their declared type again.
        return _frame(table).select(pl.col(name).cast(contract.dtypes[name]) for name in wanted)
    except (pl.exceptions.PanicException, pl.exceptions.PolarsError):  # the footer, which has no checksum
        raise DamagedTableError(path) from None


def _frame(table: pa.Table) -> pl.DataFrame:
    """Not by `DataFrame(...)`, which looks for pandas and imports it."""
    return cast("pl.DataFrame", pl.from_arrow(table, rechunk=False))
