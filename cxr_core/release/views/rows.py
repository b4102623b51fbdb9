"""What a view is made of: the image rows of a release, each with its file and the labels that the release tells.

Takes the trees of one release; gives one frame over both. Names and columns of a layout are left to its module,
linking to `writing`.
"""

from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, Self

import polars as pl

from cxr_core.errors import UsageError
from cxr_core.release.layouts import read_csv_gz
from cxr_core.release.manifest import RUN_NAME, SUMS_NAME, parse_sums, read_run
from cxr_core.release.versions import WITHHELD
from cxr_core.vocabulary import Label, LabelerName, Split


class Layout(StrEnum):
    """The layouts that a release can also be had in."""

    MIMIC_CXR_1 = "mimic-cxr-1"
    MIMIC_CXR_2 = "mimic-cxr-2"
    CHEXPERT_1 = "chexpert-1"
    CHESTXRAY14 = "chestxray14"


@dataclass(frozen=True, slots=True)
class ReleaseTrees:
    """A finished release.

    Parameters
    ----------
    images : frame
        Rows of images.parquet of both trees, with `file` (where the JPEG lies), `digest` (as SHA256SUMS.txt tells),
        `image_number` (place within its study, from 1) and the 14 labels of the chexpert rules by their names.
    run : mapping
        The public run.json.
    """

    public: Path
    run: dict[str, Any] = field(repr=False)
    images: pl.DataFrame = field(repr=False)

    @property
    def title(self) -> str:
        """Name and version."""
        return f"{self.run['name']} {self.run['version']}"

    @classmethod
    def read(cls, public: Path) -> Self:
        """Read the public tree, and the withheld one beside it where it lies there.

        Raises
        ------
        UsageError
            The folder is no release of the layout mimic-cxr-jpg-2, or a damaged one.
        """
        public = public.resolve()
        try:
            run = read_run(public)
            prefix = f"{run['name']}-{run['version']}"
            withheld = public.with_name(public.name + WITHHELD)
            roots = [public, *([withheld] if (withheld / RUN_NAME).is_file() else [])]
            labels = pl.concat([_labels(root / f"{prefix}-{LabelerName.CHEXPERT.value}.csv.gz") for root in roots])
            rows = pl.concat([_rows(root) for root in roots])
        except (OSError, EOFError, ValueError, KeyError, TypeError, pl.exceptions.PolarsError):
            raise UsageError(f"{public} is no release of layout mimic-cxr-jpg-2, or a damaged one") from None
        if public.name.endswith(WITHHELD):
            raise UsageError(f"{public} is the withheld tree; name the public one, the other is found beside it")
        numbered = rows.sort("subject_id", "study_id", "dicom_id").with_columns(
            image_number=pl.int_range(1, pl.len() + 1).over("study_id")
        )
        return cls(public, run, numbered.join(labels, on="study_id", how="left", maintain_order="left"))

    def of_split(self, split: Split) -> pl.DataFrame:
        """The rows of one split."""
        return self.images.filter(pl.col("split") == split.value)


def _rows(root: Path) -> pl.DataFrame:
    frame = pl.read_parquet(root / "images.parquet").with_columns(pl.col(pl.Categorical, pl.Enum).cast(pl.String))
    sums = parse_sums((root / SUMS_NAME).read_bytes())
    paths = frame["path"].to_list()
    return frame.with_columns(
        file=pl.Series([str(root / path) for path in paths], dtype=pl.String),
        digest=pl.Series([sums[path] for path in paths], dtype=pl.String),
    )


def _labels(path: Path) -> pl.DataFrame:
    frame = read_csv_gz(path)
    values = [pl.col(label.value).cast(pl.Float64) for label in Label]
    return frame.select("study_id", *values)
