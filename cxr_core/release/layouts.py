"""How the CSV files of the `mimic-cxr-jpg-2` layout read, byte for byte.

Takes stage tables and the studies or images that belong into a file; gives CSV and gzip bytes in the column orders of
MIMIC-CXR-JPG 2.0.0. Parquet tables are left to `tables`, which rows are public to `assembly`.
"""

import gzip
import io
from pathlib import Path

import polars as pl

from cxr_core.release.contracts import CSV_COLUMNS
from cxr_core.vocabulary import Label


def metadata_csv(images: pl.DataFrame) -> bytes:
    """Attributes of each image, sorted by subject, study and image.

    StudyDate is an integer yyyymmdd (shifted), StudyTime a float hhmmss.fff, both empty where unknown.

    Parameters
    ----------
    images : IMAGES frame
        The images of this file.
    """
    rows = images.sort("subject_id", "study_id", "dicom_id").with_columns(
        study_date=pl.col("study_date").cast(pl.Int64, strict=False),
        study_time=_time_as_float(pl.col("study_time")),
    )
    return _csv("metadata.csv.gz", rows)


def split_csv(images: pl.DataFrame) -> bytes:
    """Split of each image: `dicom_id, study_id, subject_id, split`."""
    return _csv("split.csv.gz", images.sort("subject_id", "study_id", "dicom_id"))


def labels_csv(labels: pl.DataFrame) -> bytes:
    """The 14 labels of each study as `1.0`, `0.0`, `-1.0` or empty, sorted by subject and study.

    Parameters
    ----------
    labels : frame
        `subject_id`, `study_id` and the 14 labels, one row per study.
    """
    values = [pl.col(label.value).cast(pl.Float64) for label in Label]
    return _csv("chexpert.csv.gz", labels.sort("subject_id", "study_id").with_columns(values))


def gzip_bytes(content: bytes) -> bytes:
    """Compress without name or time stamp, so that equal content gives equal bytes."""
    sink = io.BytesIO()
    with gzip.GzipFile(filename="", mode="wb", compresslevel=9, fileobj=sink, mtime=0) as stream:
        stream.write(content)
    return sink.getvalue()


def read_csv_gz(path: Path) -> pl.DataFrame:
    """A file of the layout as it stands, every value a string."""
    return pl.read_csv(gzip.decompress(path.read_bytes()), infer_schema=False)


def _csv(layout_file: str, rows: pl.DataFrame) -> bytes:
    columns = CSV_COLUMNS[layout_file]
    frame = rows.select(pl.col(column.column).alias(column.name) for column in columns)
    return frame.write_csv(line_terminator="\n").encode()


def _time_as_float(time: pl.Expr) -> pl.Expr:
    """`hhmmss[.ffffff]` as text `hhmmss.fff`; shorter times are padded to seconds, leading zeros go (PS3.5, TM)."""
    whole = time.str.extract(r"^(\d{2,6})").str.pad_end(6, "0").cast(pl.Int64, strict=False)
    thousandths = time.str.extract(r"\.(\d{1,6})$").fill_null("0").str.pad_end(3, "0").str.slice(0, 3)
    return pl.when(whole.is_not_null()).then(pl.format("{}.{}", whole, thousandths))
