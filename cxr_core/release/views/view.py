"""What a view consists of before it is written: files with their digests, and what a reader must know of them.

Gives the records that the layouts fill and `writing` writes; knows no layout.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

from cxr_core.release.layouts import gzip_bytes


@dataclass(frozen=True, slots=True)
class ViewFile:
    """One file of a view: `content`, or a file of the release to link.

    Parameters
    ----------
    sha256 : str
        Of the file that is linked; empty for content.
    """

    path: str
    content: bytes | None = field(default=None, repr=False)
    source: Path | None = None
    sha256: str = ""


@dataclass(frozen=True, slots=True)
class View:
    """Both trees of a view.

    Parameters
    ----------
    withheld : tuple of ViewFile
        The test set, which never lies inside the public root; empty where the release has none here.
    images : mapping of tree to int
        Images of `public` and `withheld`.
    left_out : int
        Images of the release that the layout has no place for.
    """

    public: tuple[ViewFile, ...]
    withheld: tuple[ViewFile, ...]
    images: Mapping[str, int]
    left_out: int = 0


def linked(rows: pl.DataFrame, column: str) -> list[ViewFile]:
    """The JPEG files of rows under the paths of a column."""
    columns = rows.select(column, "file", "digest").iter_rows()
    return [ViewFile(path, source=Path(file), sha256=digest) for path, file, digest in columns]


def csv_file(path: str, rows: pl.DataFrame) -> ViewFile:
    """A CSV file, packed where its name says so; equal rows give equal bytes."""
    content = rows.write_csv(line_terminator="\n").encode()
    return ViewFile(path, gzip_bytes(content) if path.endswith(".gz") else content)
