"""Decides how a picture of a public collection becomes a DICOM file that a build reads like any hospital's.

Takes records and pixels, gives CR objects with UIDs that follow from the names. What a collection says of its
pictures is left to its reader, what is published of it to the build.
"""

import csv
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset
from pydicom.dataset import FileMetaDataset
from pydicom.uid import ComputedRadiographyImageStorage, ExplicitVRLittleEndian

from cxr_core.intake.collections.model import CollectionImage, Picture, uid_of
from cxr_core.vocabulary import Label

GIVEN_LABELS = "given_labels.csv"
_KEY_COLUMNS = ("file", "study_instance_uid", "sop_instance_uid", "findings")
_MOST_YEARS = 110


def name_image(dataset: Dataset, collection: str, image: CollectionImage) -> None:
    """Set everything that ties an object to its study, its patient and its report."""
    dataset.SOPInstanceUID = uid_of(collection, "image", image.name)
    dataset.SeriesInstanceUID = uid_of(collection, "series", image.name)
    dataset.StudyInstanceUID = uid_of(collection, "study", image.study)
    dataset.PatientID, dataset.IssuerOfPatientID = image.patient, ""
    dataset.PatientName = ""
    dataset.AccessionNumber = image.study
    dataset.BodyPartExamined, dataset.StudyDescription = "CHEST", "XR CHEST"
    if image.view:
        dataset.ViewPosition = image.view


def dicom_of(picture: Picture, collection: str, image: CollectionImage) -> Dataset:
    """One picture as a CR object (PS3.3 A.2), explicit little endian.

    Dates stay empty: the collections have none, and none is invented.
    """
    dataset = Dataset()
    dataset.SOPClassUID = ComputedRadiographyImageStorage
    dataset.Modality, dataset.ImageType = "CR", ["DERIVED", "SECONDARY"]
    dataset.StudyDate = dataset.StudyTime = ""
    name_image(dataset, collection, image)
    dataset.PatientSex = image.sex
    if image.age_years is not None and 0 <= image.age_years <= _MOST_YEARS:
        dataset.PatientAge = f"{image.age_years:03d}Y"
    if image.spacing_mm:
        dataset.ImagerPixelSpacing = [f"{image.spacing_mm:.6g}"] * 2
    _put_pixels(dataset, picture)
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    return dataset


def _put_pixels(dataset: Dataset, picture: Picture) -> None:
    pixels: NDArray[np.generic] = picture.pixels
    dataset.Rows, dataset.Columns = pixels.shape
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, picture.photometric.value
    dataset.BitsAllocated, dataset.BitsStored = 8 * pixels.dtype.itemsize, picture.bits_stored
    dataset.HighBit, dataset.PixelRepresentation = picture.bits_stored - 1, 0
    content = np.ascontiguousarray(pixels, pixels.dtype.newbyteorder("<")).tobytes()
    dataset.PixelData = content + b"\0" * (len(content) % 2)
    dataset["PixelData"].VR = "OW"


def save(dataset: Dataset, path: Path) -> None:
    """Write one object; its media storage ids follow from it."""
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    path.parent.mkdir(parents=True, exist_ok=True)
    dataset.save_as(path, enforce_file_format=True)


def write_given_labels(path: Path, collection: str, images: Iterable[CollectionImage]) -> None:
    """Write what the collection says of each picture: its own words, the 14 labels, and what else it knows."""
    rows = [_given(collection, image) for image in images]
    columns = list(
        dict.fromkeys([*_KEY_COLUMNS, *(label.value for label in Label), *(key for row in rows for key in row)])
    )
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, columns, restval="", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def _given(collection: str, image: CollectionImage) -> Mapping[str, str]:
    uids = (uid_of(collection, "study", image.study), uid_of(collection, "image", image.name))
    row = dict(zip(_KEY_COLUMNS, (image.name, *uids, image.findings), strict=True))
    return row | {label.value: f"{value:.1f}" for label, value in image.labels.items()} | dict(image.details)
