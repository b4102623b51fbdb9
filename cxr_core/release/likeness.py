"""Which subjects share a picture, from the perceptual hashes of all converted images.

Takes the RENDITIONS table; gives the subjects to keep in one split and the images that somebody must look at. What
follows, a quarantine or a note, is left to the split.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import polars as pl

from cxr_core.imaging.duplicates import group_duplicates
from cxr_core.tables.catalogue import STAGE_DROPS
from cxr_core.vocabulary import ItemKind, QualityFlag, Reason, Stage


@dataclass(frozen=True, slots=True)
class Likeness:
    """Pictures that stand under several subjects.

    Parameters
    ----------
    kin : mapping of subject_id to subject_id
        The smallest subject of those that share pictures, directly or through others; subjects that share none are
        absent.
    images : frame of `dicom_id`, `study_id`, `subject_id`
        Every image of such a picture, sorted.
    """

    kin: Mapping[str, str]
    images: pl.DataFrame = field(repr=False)


def shared_pictures(renditions: pl.DataFrame) -> Likeness:
    """Find near-duplicates across subjects.

    Two radiographs of two people are never this alike (`imaging.duplicates`), so that such a picture means one person
    under two ids, or an image under the wrong one. Flat images are passed over: all of them look the same.

    Parameters
    ----------
    renditions : RENDITIONS frame
    """
    telling = renditions.filter(~pl.col("flags").list.contains(QualityFlag.LOW_CONTRAST.value))
    groups = pl.Series("picture", group_duplicates(telling["phash"].to_list()))
    rows = telling.select("dicom_id", "study_id", "subject_id").with_columns(groups)
    shared = rows.filter(pl.col("subject_id").n_unique().over("picture") > 1)
    return Likeness(_kin(shared), shared.drop("picture").sort("dicom_id"))


def _kin(shared: pl.DataFrame) -> dict[str, str]:
    """Join the subjects of each picture; the root of each is the smallest subject."""
    parents: dict[str, str] = {}

    def root(subject: str) -> str:
        while (above := parents.setdefault(subject, subject)) != subject:
            subject = above
        return subject

    for subjects in shared.group_by("picture").agg(pl.col("subject_id").unique())["subject_id"].to_list():
        for other in subjects[1:]:
            low, high = sorted((root(subjects[0]), root(other)))
            parents[high] = low
    return {subject: root(subject) for subject in sorted(parents)}


def shared_drops(likeness: Likeness, renditions: pl.DataFrame) -> pl.DataFrame:
    """STAGE_DROPS rows that put shared pictures into quarantine: which of the subjects is wrong, nobody can tell.

    A study that loses all of its images goes with them.
    """
    stamp = {"stage": Stage.SPLIT.value}
    images = [
        {**row, **stamp, "kind": ItemKind.INSTANCE.value, "reason": Reason.E_SHARED.value}
        for row in likeness.images.select("study_id", "dicom_id").iter_rows(named=True)
    ]
    left = renditions.join(likeness.images, on="dicom_id", how="anti")["study_id"]
    emptied = sorted(set(likeness.images["study_id"]) - set(left))
    nothing = {**stamp, "dicom_id": "", "kind": ItemKind.STUDY.value, "reason": Reason.NO_SURVIVING_IMAGE.value}
    return STAGE_DROPS.frame([*images, *({"study_id": study, **nothing} for study in emptied)])
