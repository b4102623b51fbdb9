"""Decides what a converted collection consists of: DICOM files, reports or given labels, settings for the build.

Takes the folder of a collection and an empty one; gives counts and what could not be converted.
"""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from pydicom import Dataset, dcmread
from pydicom.errors import InvalidDicomError

from cxr_core.errors import ItemError, UsageError
from cxr_core.intake.collections import pictures, readers
from cxr_core.intake.collections.model import CollectionImage, Picture
from cxr_core.intake.collections.writing import GIVEN_LABELS, dicom_of, name_image, save, write_given_labels
from cxr_core.intake.sources.folder import quiet_pydicom
from cxr_core.vocabulary import Reason


class CollectionName(StrEnum):
    OPENI = "openi"
    CHESTXRAY14 = "chestxray14"
    JSRT = "jsrt"


@dataclass(frozen=True, slots=True)
class Converted:
    """What came of a collection: pictures written, names with a reason, names without a partner."""

    written: int
    refused: dict[str, Reason]
    missing: tuple[str, ...]


_READERS: dict[CollectionName, Callable[[Path], readers.Collection]] = {
    CollectionName.OPENI: readers.read_openi,
    CollectionName.CHESTXRAY14: readers.read_chestxray14,
    CollectionName.JSRT: readers.read_jsrt,
}


def convert_collection(name: CollectionName, source: Path, output: Path) -> Converted:
    """Write `dicom/`, `hilum.toml` and `reports/` (Open-I) or `given_labels.csv` (the others).

    Raises
    ------
    UsageError
        Nothing of the collection was found, or the output is not empty.
    """
    if output.exists() and any(output.iterdir()):
        raise UsageError(f"{output} is not empty")
    collection = _READERS[name](source)
    refused: dict[str, Reason] = {}
    written = []
    for image in collection.images:
        try:
            save(_dataset(name, image), output / "dicom" / image.patient / f"{image.name}.dcm")
        except ItemError as error:
            refused[image.name] = error.reason
            continue
        written.append(image)
    for report in collection.reports:
        (output / "reports").mkdir(exist_ok=True)
        shutil.copyfile(report, output / "reports" / report.name)
    if name is not CollectionName.OPENI:
        write_given_labels(output / GIVEN_LABELS, name.value, written)
    (output / "hilum.toml").write_text(_settings(name, output), encoding="utf-8")
    return Converted(len(written), refused, collection.missing)


def _dataset(name: CollectionName, image: CollectionImage) -> Dataset:
    if image.path.suffix.lower() == ".dcm":
        return _renamed(name, image)
    return dicom_of(_picture(name, image), name.value, image)


def _picture(name: CollectionName, image: CollectionImage) -> Picture:
    return pictures.read_jsrt(image.path) if name is CollectionName.JSRT else pictures.read_png(image.path)


def _renamed(name: CollectionName, image: CollectionImage) -> Dataset:
    """The collection's own DICOM file under the names of the collection."""
    with quiet_pydicom():
        try:
            dataset = dcmread(image.path)
            name_image(dataset, name.value, image)
        except (InvalidDicomError, OSError, ValueError, KeyError, AttributeError, NotImplementedError):
            raise ItemError(Reason.E_NOT_DICOM, "no readable DICOM file") from None
    return dataset


def _settings(name: CollectionName, output: Path) -> str:
    """The settings that differ from a hospital's: nobody has encounters, the young count, and two have no reports."""
    reports = f'reports = ["{(output / "reports").resolve()}"]\n' if name is CollectionName.OPENI else ""
    require = "" if name is CollectionName.OPENI else "require_report = false\n"
    return f'[source]\ndicom = "{(output / "dicom").resolve()}"\n{reports}\n[cohort]\nmin_age = 0\n{require}'
