"""What each published row says: images with their labels, the sections and the evidence behind the labels.

Takes the stage tables (pseudonyms only); gives validated frames and their Parquet bytes. Which rows are public and
which are withheld is left to `assembly`, CSV files to `layouts`.
"""

import io
from dataclasses import dataclass, field

import polars as pl
import pyarrow.parquet as pq

from cxr_core.errors import GateRefused
from cxr_core.imaging.duplicates import group_duplicates
from cxr_core.release.contracts import RELEASE_IMAGES, label_column
from cxr_core.tables.catalogue import DERIVATIVES
from cxr_core.tables.contract import Contract
from cxr_core.vocabulary import BoxDecision, Label, LabelerName

_WIDTH_STEP_PX = 64  # the width of a blacked name tells its length


@dataclass(frozen=True, slots=True)
class ReleaseInputs:
    """The stage tables that a release is made of, each under its contract in `tables.catalogue`.

    Parameters
    ----------
    reference : LABELS-like frame
        Manual labels, one row per study: `study_id` and the 14 labels; empty where nobody labelled.
    derivatives : frame
        Smaller JPEG files; empty where none were asked for.
    """

    study_rows: pl.DataFrame = field(repr=False)
    images: pl.DataFrame = field(repr=False)
    renditions: pl.DataFrame = field(repr=False)
    text_boxes: pl.DataFrame = field(repr=False)
    sections: pl.DataFrame = field(repr=False)
    labels: pl.DataFrame = field(repr=False)
    evidence: pl.DataFrame = field(repr=False)
    splits: pl.DataFrame = field(repr=False)
    reference: pl.DataFrame = field(repr=False)
    derivatives: pl.DataFrame = field(default_factory=DERIVATIVES.empty, repr=False)


def image_path(subject_id: str, study_id: str, dicom_id: str) -> str:
    """Path of an image in the layouts of MIMIC-CXR-JPG 2."""
    return f"files/p{subject_id[:2]}/p{subject_id}/s{study_id}/{dicom_id}.jpg"


def derivative_path(path: str, size: int) -> str:
    """Path of a smaller JPEG: that of the image, below a folder that tells the size."""
    return f"files-{size}/{path.removeprefix('files/')}"


def build_images(inputs: ReleaseInputs, *, producer: str) -> pl.DataFrame:
    """Make the flat image table: one row per JPEG of the workspace, sorted by subject, study and image.

    Parameters
    ----------
    producer : str
        Program that made the labels, e.g. `hilum 0.1`.

    Raises
    ------
    GateRefused
        A JPEG without its attributes, study row or split.
    """
    rows = inputs.renditions.select("dicom_id", "study_id", "subject_id", "view", "view_source", "sha256")
    joined = (
        rows.with_columns(
            width_px=inputs.renditions["columns"],
            height_px=inputs.renditions["rows"],
            duplicate_group=pl.Series(group_duplicates(inputs.renditions["phash"].to_list())),
        )
        .join(_attributes(inputs.images), on="dicom_id", how="left")
        .join(_study_part(inputs.study_rows), on="study_id", how="left")
        .join(inputs.splits, on="subject_id", how="left")
        .join(_boxes(inputs), on="dicom_id", how="left")
        .join(_flags(inputs), on="dicom_id", how="left")
        .join(_wide_labels(inputs.labels), on="study_id", how="left")
        .sort("subject_id", "study_id", "dicom_id")
    )
    _require_complete(joined)
    return RELEASE_IMAGES.validate(
        joined.with_columns(
            _path(),
            _duplicate_of(),
            pl.col("redaction_boxes").fill_null([]),
            labeler=pl.lit(producer),
        ).drop("duplicate_group")
    )


def parquet_bytes(contract: Contract, frame: pl.DataFrame) -> bytes:
    """Write a validated table, sorted by its key, to bytes; equal frames give equal bytes."""
    valid = contract.validate(frame).sort(contract.key)
    table = valid.to_arrow(compat_level=pl.CompatLevel.oldest())
    meta = {b"hilum.table": contract.name.encode(), b"hilum.contract_version": str(contract.version).encode()}
    sink = io.BytesIO()
    # No statistics: they repeat the smallest and the largest value of each column outside of the table.
    pq.write_table(table.replace_schema_metadata(meta), sink, compression="zstd", write_statistics=False)
    return sink.getvalue()


def _attributes(images: pl.DataFrame) -> pl.DataFrame:
    taken = [name for name in RELEASE_IMAGES.columns if name in images.columns]
    return images.select(name for name in taken if name not in {"study_id", "subject_id", "flags"})


def _study_part(study_rows: pl.DataFrame) -> pl.DataFrame:
    taken = [name for name in RELEASE_IMAGES.columns if name in study_rows.columns]
    return study_rows.select(name for name in taken if name != "subject_id")


def _path() -> pl.Expr:
    subject = pl.col("subject_id")
    return pl.format(
        "files/p{}/p{}/s{}/{}.jpg", subject.str.slice(0, 2), subject, pl.col("study_id"), pl.col("dicom_id")
    ).alias("path")


def _duplicate_of() -> pl.Expr:
    """The first image of the subject in the same group of duplicates; null for that first one itself."""
    first = pl.col("dicom_id").min().over("subject_id", "duplicate_group")
    return pl.when(first != pl.col("dicom_id")).then(first).alias("duplicate_of")


def _boxes(inputs: ReleaseInputs) -> pl.DataFrame:
    widths = inputs.images.select("dicom_id", "columns")
    width = pl.col("right_px") - pl.col("left_px")
    rounded = pl.col("left_px") + ((width + _WIDTH_STEP_PX - 1) // _WIDTH_STEP_PX) * _WIDTH_STEP_PX
    return (
        inputs.text_boxes.filter(pl.col("decision") == BoxDecision.REDACTED.value)
        .join(widths, on="dicom_id")
        .sort("dicom_id", "box")
        .with_columns(right_px=pl.min_horizontal(rounded, pl.col("columns")))
        .group_by("dicom_id", maintain_order=True)
        .agg(redaction_boxes=pl.struct("top_px", "left_px", "bottom_px", "right_px"))
    )


def _flags(inputs: ReleaseInputs) -> pl.DataFrame:
    both = pl.concat([inputs.images.select("dicom_id", "flags"), inputs.renditions.select("dicom_id", "flags")])
    flags = both.group_by("dicom_id").agg(pl.col("flags").list.explode())
    return flags.with_columns(pl.col("flags").list.drop_nulls().list.unique().list.sort())


def _wide_labels(labels: pl.DataFrame) -> pl.DataFrame:
    """One row per study with the columns of every labeler, null where a labeler did not run."""
    wide = labels.select("study_id").unique()
    for labeler in LabelerName:
        names = {label.value: label_column(labeler, label) for label in Label}
        own = labels.filter(pl.col("labeler") == labeler.value).select("study_id", *names).rename(names)
        wide = wide.join(own, on="study_id", how="left")
    return wide


def _require_complete(joined: pl.DataFrame) -> None:
    """Every JPEG must have its attributes, its study and its split: a left join leaves nulls where it has not."""
    missing = {
        "attributes": int(joined["bits_stored"].null_count()),
        "study rows": int(joined["study_order"].null_count()),
        "splits": int(joined["split"].null_count()),
    }
    found = {name: count for name, count in missing.items() if count}
    if found:
        told = ", ".join(f"{count} images without {name}" for name, count in found.items())
        raise GateRefused("integrity", f"{told}; rebuild with --from deidentify")
