"""The layout of ChestX-ray14: one folder of frontal images and one `Data_Entry.csv`.

Takes the rows of a release; gives paths, table and lists. Only positive findings that both label sets have are named.
Source: Wang et al., ChestX-ray8 (2017), `Data_Entry_2017.csv`.
"""

import polars as pl

from cxr_core.release.views.rows import ReleaseTrees
from cxr_core.release.views.view import View, ViewFile, csv_file, linked
from cxr_core.vocabulary import Assertion, Label, Split
from cxr_core.vocabulary import View as Projection

TABLE = "Data_Entry.csv"
_SHARED = {
    Label.ATELECTASIS: "Atelectasis",
    Label.CARDIOMEGALY: "Cardiomegaly",
    Label.CONSOLIDATION: "Consolidation",
    Label.EDEMA: "Edema",
    Label.PLEURAL_EFFUSION: "Effusion",
    Label.PNEUMONIA: "Pneumonia",
    Label.PNEUMOTHORAX: "Pneumothorax",
}
_NOTHING = "No Finding"
COLUMNS = (
    "Image Index",
    "Finding Labels",
    "Follow-up #",
    "Patient ID",
    "Patient Age",
    "Patient Gender",
    "View Position",
    "OriginalImage[Width",
    "Height]",
    "OriginalImagePixelSpacing[x",
    "y]",
)
"""As the header of the original reads, where two names hold a comma each."""


def chestxray14(release: ReleaseTrees) -> View:
    """`images/DICOM_ID.jpg`, `Data_Entry.csv`, `train_val_list.txt`; the test images and their list are withheld."""
    is_front = (pl.col("view") == Projection.FRONTAL.value) & pl.col("view_position").is_in(["AP", "PA"])
    rows = release.images.filter(is_front).with_columns(
        name=pl.format("{}.jpg", "dicom_id"), path=pl.format("images/{}.jpg", "dicom_id")
    )
    is_test = pl.col("split") == Split.TEST.value
    public, test = rows.filter(~is_test), rows.filter(is_test)
    counts = {"public": public.height, "withheld": test.height}
    withheld = _files(test, "test_list.txt") if test.height else ()
    return View(_files(public, "train_val_list.txt"), withheld, counts, release.images.height - rows.height)


def _files(rows: pl.DataFrame, listed: str) -> tuple[ViewFile, ...]:
    names = "".join(f"{name}\n" for name in rows["name"].sort())
    return (csv_file(TABLE, _table(rows)), ViewFile(listed, names.encode()), *linked(rows, "path"))


def _table(rows: pl.DataFrame) -> pl.DataFrame:
    """One row an image, sorted by patient, study and image.

    `No Finding` stands where none of the seven shared labels is positive, as in the original: it does not mean that
    the report says so.
    """
    found = pl.concat_str(
        [
            pl.when(pl.col(label.value) == Assertion.POSITIVE.value).then(pl.lit(name))
            for label, name in _SHARED.items()
        ],
        separator="|",
        ignore_nulls=True,
    )
    spacing = pl.col("imager_pixel_spacing_mm")
    ordered = rows.sort("subject_id", "study_order", "dicom_id").with_columns(found=found)
    values = {
        "Image Index": pl.col("name"),
        "Finding Labels": pl.when(pl.col("found") == "").then(pl.lit(_NOTHING)).otherwise("found"),
        "Follow-up #": pl.col("study_order") - 1,
        "Patient ID": pl.col("subject_id"),
        "Patient Age": pl.col("age_years"),
        "Patient Gender": pl.col("sex"),
        "View Position": pl.col("view_position"),
        "OriginalImage[Width": pl.col("width_px"),
        "Height]": pl.col("height_px"),
        "OriginalImagePixelSpacing[x": spacing,
        "y]": spacing,
    }
    return ordered.select(**values)
