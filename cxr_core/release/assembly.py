"""Which rows and files are public and which are withheld with the test set.

Takes the stage tables, the release settings and where each JPEG lies; gives the plan of both trees. Version,
documents and writing are left to `publication`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from cxr_core.evaluation.scores import score_labels
from cxr_core.evaluation.table3 import table3
from cxr_core.release.balance import split_balance
from cxr_core.release.contracts import RELEASE_EVIDENCE, RELEASE_IMAGES, RELEASE_SECTIONS
from cxr_core.release.layouts import gzip_bytes, labels_csv, metadata_csv, split_csv
from cxr_core.release.plan import PlannedFile, ReleasePlan, RunFacts, Tree, linked_file, written_file
from cxr_core.release.tables import ReleaseInputs, build_images, derivative_path, parquet_bytes
from cxr_core.release.terms import license_text
from cxr_core.settings.release import ReleaseSettings, TestPolicy
from cxr_core.vocabulary import Label, LabelerName, Split


@dataclass(frozen=True, slots=True)
class Locate:
    """Where files lie in the workspace.

    Parameters
    ----------
    jpeg : callable
        Of (study_id, dicom_id).
    derivative : callable
        Of (study_id, dicom_id, size).
    """

    jpeg: Callable[[str, str], Path]
    derivative: Callable[[str, str, int], Path]


@dataclass(frozen=True, slots=True)
class _Share:
    """What one tree holds: images of these splits, labels of these splits."""

    images: frozenset[Split]
    labels: frozenset[Split]


_BOOTSTRAP_SEED = 0  # equal releases give equal intervals
_TRAINING = frozenset({Split.TRAIN, Split.VALIDATE})
_TEST = frozenset({Split.TEST})
_ALL = frozenset(Split)

_PUBLIC_SHARE = {
    TestPolicy.WITHHELD: _Share(_TRAINING, _TRAINING),
    TestPolicy.IMAGES: _Share(_ALL, _TRAINING),
    TestPolicy.ALL: _Share(_ALL, _ALL),
}
_WITHHELD_SHARE = {
    TestPolicy.WITHHELD: _Share(_TEST, _TEST),
    TestPolicy.IMAGES: _Share(frozenset(), _TEST),
}


def plan_release(inputs: ReleaseInputs, settings: ReleaseSettings, facts: RunFacts, locate: Locate) -> ReleasePlan:
    """Plan both trees of a release.

    Raises
    ------
    GateRefused
        A JPEG without its attributes, study row or split.
    """
    images = build_images(inputs, producer=facts.producer)
    public = _tree(inputs, images, share=_PUBLIC_SHARE[settings.test], locate=locate)
    share = _WITHHELD_SHARE.get(settings.test)
    withheld = _tree(inputs, images, share=share, locate=locate) if share else None
    if withheld is not None and withheld.images.is_empty() and withheld.labels.is_empty():
        withheld = None
    return ReleasePlan(
        name=settings.name,
        version=settings.version,
        test_policy=settings.test.value,
        layout=settings.layout,
        public=public,
        withheld=withheld,
        facts=facts,
        table_3=_table_3(inputs, images),
        balance=split_balance(images),
    )


def _table_3(inputs: ReleaseInputs, images: pl.DataFrame) -> pl.DataFrame | None:
    """Both labelers against the manual labels of released studies, with bootstrap intervals; None without any."""
    names = [label.value for label in Label]
    released = inputs.study_rows if images.is_empty() else images
    reference = inputs.reference.join(released, on="study_id", how="semi").select("study_id", *names)
    if reference.is_empty():
        return None
    scores = []
    for labeler in LabelerName:
        own = inputs.labels.filter(pl.col("labeler") == labeler.value).select("study_id", *names)
        scored = score_labels(own, reference, on="study_id", rng=np.random.default_rng(_BOOTSTRAP_SEED))
        scores.append(scored.with_columns(labeler=pl.lit(labeler.value)))
    return table3(pl.concat(scores))


def _tree(inputs: ReleaseInputs, images: pl.DataFrame, *, share: _Share, locate: Locate) -> Tree:
    shown = _shown_images(images, share)
    studies = _labelled_studies(inputs, images, share)
    labels = inputs.labels.join(studies, on="study_id")
    files = [
        written_file("LICENSE.txt", license_text()),
        *_csv_files(inputs, shown, studies),
        written_file("images.parquet", parquet_bytes(RELEASE_IMAGES, shown)),
        written_file(
            "sections.parquet", parquet_bytes(RELEASE_SECTIONS, _of(inputs.sections, studies, RELEASE_SECTIONS.columns))
        ),
        written_file(
            "evidence.parquet", parquet_bytes(RELEASE_EVIDENCE, _of(inputs.evidence, studies, RELEASE_EVIDENCE.columns))
        ),
    ]
    files += _split_tables(shown)
    files += _picture_files(inputs, shown, locate)
    return Tree(tuple(sorted(files, key=lambda file: file.path)), shown, labels)


def _split_tables(shown: pl.DataFrame) -> list[PlannedFile]:
    """The image rows a file a split, for the splits that a tree has."""
    parts = shown.partition_by("split", as_dict=True)
    return [
        written_file(f"splits/{key[0]}-images.parquet", parquet_bytes(RELEASE_IMAGES, part))
        for key, part in parts.items()
    ]


def _picture_files(inputs: ReleaseInputs, shown: pl.DataFrame, locate: Locate) -> list[PlannedFile]:
    """The JPEG files of the images that a tree shows, in all sizes."""
    full = shown.select("path", "sha256", "study_id", "dicom_id").iter_rows()
    smaller = inputs.derivatives.join(shown.select("dicom_id", "path"), on="dicom_id")
    rows = smaller.select("path", "size", "sha256", "study_id", "dicom_id").iter_rows()
    return [
        *(linked_file(path, sha256, locate.jpeg(study, image)) for path, sha256, study, image in full),
        *(
            linked_file(derivative_path(path, size), sha256, locate.derivative(study, image, size))
            for path, size, sha256, study, image in rows
        ),
    ]


def _shown_images(images: pl.DataFrame, share: _Share) -> pl.DataFrame:
    """The image rows of a tree; labels of splits whose labels stay elsewhere are blanked."""
    label_columns = [name for name in images.columns if name.startswith(tuple(f"{n.value}_" for n in LabelerName))]
    has_labels = pl.col("split").cast(pl.String).is_in(sorted(share.labels))
    shown = images.filter(pl.col("split").cast(pl.String).is_in(sorted(share.images)))
    return shown.with_columns(pl.when(has_labels).then(pl.col(name)).alias(name) for name in label_columns)


def _labelled_studies(inputs: ReleaseInputs, images: pl.DataFrame, share: _Share) -> pl.DataFrame:
    """Ids of the studies whose labels a tree holds.

    Only studies with a published image: a labelled study without one becomes `nan.jpg` in public loaders. A build
    from reports alone has no images at all and keeps every study.
    """
    studies = inputs.study_rows.select("subject_id", "study_id").join(inputs.splits, on="subject_id")
    if not images.is_empty():
        studies = studies.join(images.select("study_id").unique(), on="study_id", how="semi")
    wanted = pl.col("split").cast(pl.String).is_in(sorted(share.labels))
    return studies.filter(wanted).select("subject_id", "study_id", "split")


def _csv_files(inputs: ReleaseInputs, shown: pl.DataFrame, studies: pl.DataFrame) -> list[PlannedFile]:
    attributes = inputs.images.join(shown.select("dicom_id"), on="dicom_id", how="semi")
    files = [
        written_file("metadata.csv.gz", gzip_bytes(metadata_csv(attributes)), is_prefixed=True),
        written_file("split.csv.gz", gzip_bytes(split_csv(shown)), is_prefixed=True),
    ]
    for labeler in LabelerName:
        own = inputs.labels.filter(pl.col("labeler") == labeler.value).join(studies, on="study_id")
        files.append(written_file(f"{labeler.value}.csv.gz", gzip_bytes(labels_csv(own)), is_prefixed=True))
    manual = _manual_labels(inputs, studies)
    if not manual.is_empty():
        files.append(written_file("test-set-labeled.csv", labels_csv(manual), is_prefixed=True))
    return files


def _manual_labels(inputs: ReleaseInputs, studies: pl.DataFrame) -> pl.DataFrame:
    test = studies.filter(pl.col("split") == Split.TEST.value).select("study_id", "subject_id")
    reference = inputs.reference.select("study_id", *(label.value for label in Label))
    return reference.join(test, on="study_id")


def _of(table: pl.DataFrame, studies: pl.DataFrame, columns: object) -> pl.DataFrame:
    return table.join(studies.select("study_id"), on="study_id", how="semi").select(list(columns))  # type: ignore[call-overload]
