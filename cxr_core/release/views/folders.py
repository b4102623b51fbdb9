"""The layouts that sort images into folders of splits: mimic-cxr-1 and chexpert-1.

Takes the rows of a release; gives paths and CSV files, column by column as the originals have them. Train and
validate are public, test goes to a root of its own. Sources: MIMIC-CXR (2019), CheXpert (Irvin et al., 2019).
"""

import polars as pl

from cxr_core.release.views.rows import ReleaseTrees
from cxr_core.release.views.view import View, ViewFile, csv_file, linked
from cxr_core.vocabulary import Label, Split
from cxr_core.vocabulary import View as Projection

_FOLDERS = {Split.TRAIN: "train", Split.VALIDATE: "valid", Split.TEST: "test"}
_IN_BOTH = (Projection.FRONTAL.value, Projection.LATERAL.value)

# The order of the paper's Table 2, with its spelling of Lung Opacity.
_MIMIC_LABELS = (
    Label.NO_FINDING,
    Label.ENLARGED_CARDIOMEDIASTINUM,
    Label.CARDIOMEGALY,
    Label.LUNG_OPACITY,
    Label.LUNG_LESION,
    Label.EDEMA,
    Label.CONSOLIDATION,
    Label.PNEUMONIA,
    Label.ATELECTASIS,
    Label.PNEUMOTHORAX,
    Label.PLEURAL_EFFUSION,
    Label.PLEURAL_OTHER,
    Label.FRACTURE,
    Label.SUPPORT_DEVICES,
)
_SPELT = {Label.LUNG_OPACITY: "Airspace Opacity"}
MIMIC_COLUMNS = ("path", "view", *(_SPELT.get(label, label.value) for label in _MIMIC_LABELS))
CHEXPERT_COLUMNS = ("Path", "Sex", "Age", "Frontal/Lateral", "AP/PA", *(label.value for label in _MIMIC_LABELS))
_CHEXPERT_ROOT = "CheXpert-v1.0"
_SEX = {"M": "Male", "F": "Female"}


def mimic_cxr_1(release: ReleaseTrees) -> View:
    """`train/p10000032/s01/view1_frontal.jpg` and `train.csv.gz`; images of another view or none are `other`."""
    place = pl.format(
        "{}/p{}/s{}/view{}_{}.jpg",
        "folder",
        "subject_id",
        pl.col("study_order").cast(pl.String).str.zfill(2),
        "image_number",
        "view",
    )
    rows = release.images.with_columns(_folder(), view=pl.col("view").fill_null(Projection.OTHER.value)).with_columns(
        path=place
    )
    labels = [pl.col(label.value).alias(_SPELT.get(label, label.value)) for label in _MIMIC_LABELS]
    table = rows.with_columns(labels).select("split", *MIMIC_COLUMNS)
    return _view(rows, table, "{}.csv.gz", left_out=0)


def chexpert_1(release: ReleaseTrees) -> View:
    """`CheXpert-v1.0/train/patient10000032/study1/view1_frontal.jpg`; only frontal and lateral images have a place."""
    place = pl.format(
        _CHEXPERT_ROOT + "/{}/patient{}/study{}/view{}_{}.jpg",
        "folder",
        "subject_id",
        "study_order",
        "image_number",
        "view",
    )
    rows = release.images.filter(pl.col("view").is_in(_IN_BOTH)).with_columns(_folder()).with_columns(path=place)
    is_frontal = pl.col("view") == Projection.FRONTAL.value
    table = rows.select(
        "split",
        Path="path",
        Sex=pl.col("sex").replace_strict(_SEX, default="Unknown", return_dtype=pl.String),
        Age="age_years",
        **{
            "Frontal/Lateral": pl.col("view").str.to_titlecase(),
            "AP/PA": pl.when(is_frontal & pl.col("view_position").is_in(["AP", "PA"])).then("view_position"),
        },
        **{label.value: pl.col(label.value) for label in _MIMIC_LABELS},
    )
    return _view(rows, table, _CHEXPERT_ROOT + "/{}.csv", left_out=release.images.height - rows.height)


def _folder() -> pl.Expr:
    names = {split.value: name for split, name in _FOLDERS.items()}
    return pl.col("split").replace_strict(names, return_dtype=pl.String).alias("folder")


def _view(rows: pl.DataFrame, table: pl.DataFrame, csv_name: str, *, left_out: int) -> View:
    """Files by tree: a CSV file a split, sorted by path, and its images."""

    def files(*splits: Split) -> list[ViewFile]:
        found: list[ViewFile] = []
        for split in splits:
            mine = table.filter(split=split.value).drop("split")
            found.append(csv_file(csv_name.format(_FOLDERS[split]), mine.sort(mine.columns[0])))
            found += linked(rows.filter(split=split.value), "path")
        return found

    in_test = rows.filter(split=Split.TEST.value).height
    withheld = files(Split.TEST) if in_test else []
    counts = {"public": rows.height - in_test, "withheld": in_test}
    return View(tuple(files(Split.TRAIN, Split.VALIDATE)), tuple(withheld), counts, left_out)
