"""Reads what a published release says of itself, so that two releases can be compared.

Takes the folder of a release or a plan that is about to become one; gives the same frames for both. What differs is
left to `difference`.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

from cxr_core.errors import BuildError
from cxr_core.release.layouts import read_csv_gz
from cxr_core.release.manifest import RUN_NAME, read_run
from cxr_core.release.plan import ReleasePlan, Tree
from cxr_core.release.summary import shown_drops
from cxr_core.release.versions import WITHHELD
from cxr_core.vocabulary import Label, LabelerName

LABEL_COLUMNS = ("labeler", "subject_id", "study_id", *(label.value for label in Label))
_SPLIT_COLUMNS = ("subject_id", "split")
_DROPS = {"stage": pl.String, "kind": pl.String, "reason": pl.String, "count": pl.Int64}


@dataclass(frozen=True, slots=True)
class PublishedTables:
    """What one tree of a release holds.

    Parameters
    ----------
    title : str
        Name and version.
    images : frame
        The rows of images.parquet.
    labels : frame of `LABEL_COLUMNS`
        One row a labeler and study; 1, 0, -1 or null.
    splits : frame of `subject_id` and `split`
        One row a subject, those of the other tree of the release too where it can be read.
    drops : frame of `stage`, `kind`, `reason`, `count`
        What was left out; null for counts from 1 to 10.
    """

    title: str
    images: pl.DataFrame = field(repr=False)
    labels: pl.DataFrame = field(repr=False)
    splits: pl.DataFrame = field(repr=False)
    drops: pl.DataFrame = field(repr=False)


def planned_tables(plan: ReleasePlan, tree: Tree, version: str) -> PublishedTables:
    """The tables of a tree that is not written yet."""
    trees = [plan.public, *([plan.withheld] if plan.withheld else [])]
    return PublishedTables(
        title=f"{plan.name} {version}",
        images=tree.images,
        labels=_as_labels(tree.labels),
        splits=_one_a_subject(part.images for part in trees),
        drops=shown_drops(plan.facts.drops),
    )


def read_release(root: Path) -> PublishedTables:
    """Read the tables of a published tree.

    Raises
    ------
    BuildError
        The folder is no release, or it is damaged.
    """
    try:
        run = read_run(root)
        prefix = f"{run['name']}-{run['version']}"
        labels = [_labels(root / f"{prefix}-{labeler.value}.csv.gz", labeler) for labeler in LabelerName]
        return PublishedTables(
            title=f"{run['name']} {run['version']}",
            images=pl.read_parquet(root / "images.parquet"),
            labels=pl.concat(labels),
            splits=_one_a_subject(_splits(folder, prefix) for folder in _trees_of(root)),
            drops=pl.DataFrame(run["drops"], schema=_DROPS),
        )
    except (OSError, EOFError, ValueError, KeyError, TypeError, pl.exceptions.PolarsError):
        raise BuildError(f"{root} is no release, or a damaged one: its tables cannot be read") from None


def _trees_of(root: Path) -> list[Path]:
    """The tree itself and the other one of the same release, where this reader may see it."""
    root = root.resolve()
    name = root.name
    other = root.with_name(name.removesuffix(WITHHELD) if name.endswith(WITHHELD) else name + WITHHELD)
    try:
        return [root, other] if (other / RUN_NAME).is_file() else [root]
    except OSError:
        return [root]


def _labels(path: Path, labeler: LabelerName) -> pl.DataFrame:
    return _as_labels(read_csv_gz(path).with_columns(labeler=pl.lit(labeler.value)))


def _as_labels(frame: pl.DataFrame) -> pl.DataFrame:
    values = [pl.col(label.value).cast(pl.Float64).cast(pl.Int8) for label in Label]
    names = [pl.col(name).cast(pl.String) for name in ("labeler", "subject_id", "study_id")]
    return frame.select(*names, *values)


def _splits(root: Path, prefix: str) -> pl.DataFrame:
    return read_csv_gz(root / f"{prefix}-split.csv.gz")


def _one_a_subject(frames: Iterable[pl.DataFrame]) -> pl.DataFrame:
    parts = [frame.select(pl.col(_SPLIT_COLUMNS).cast(pl.String)) for frame in frames]
    return pl.concat(parts).unique().sort(_SPLIT_COLUMNS)
