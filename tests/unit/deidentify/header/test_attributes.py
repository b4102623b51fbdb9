"""The columns that come from the header."""

from collections.abc import Callable
from dataclasses import fields

import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from cxr_core.deidentify.header.attributes import ImageMetadata, metadata
from cxr_core.deidentify.header.engine import deidentify_header
from cxr_core.deidentify.header.identity import ImageIdentity
from cxr_core.policy.profile import Profile
from cxr_core.tables.catalogue import IMAGES


def test_every_field_is_a_column_of_the_images_table() -> None:
    assert {field.name for field in fields(ImageMetadata)} <= set(IMAGES.columns)


def test_columns_are_read_from_the_deidentified_header(
    source: Dataset, identity: ImageIdentity, mimic: Profile, make_item: Callable[[str, str, str], Dataset]
) -> None:
    source.PatientOrientationCodeSequence = Sequence([make_item("SRT", "F-10440", "x")])
    source.ProcedureCodeSequence = Sequence([make_item("CPT4", "71045", "x")])
    source.PerformedProcedureStepDescription = "CHEST (PORTABLE AP)"
    assert metadata(deidentify_header(source, identity, mimic).dataset) == ImageMetadata(
        modality="DX",
        study_date="21120506",
        study_time="120000",
        view_position="AP",
        procedure_description="CHEST (PORTABLE AP)",
        procedure_code="Chest, 1 view",
        view_code="antero-posterior",
        orientation_code="Erect",
        age_years=52,
        sex="F",
        is_portable=True,
        manufacturer_group="Philips",
        imager_pixel_spacing_mm=0.143,
    )


def test_what_the_header_lacks_is_none(source: Dataset, identity: ImageIdentity, mimic: Profile) -> None:
    kept = {"SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID", "PatientID", "SamplesPerPixel"}
    kept |= {"PhotometricInterpretation", "Rows", "Columns", "BitsAllocated", "BitsStored", "PixelRepresentation"}
    for element in list(source):
        if element.keyword not in kept:
            del source[element.tag]
    found = metadata(deidentify_header(source, identity, mimic).dataset)
    assert found.modality == "DX"
    assert {getattr(found, field.name) for field in fields(found) if field.name != "modality"} == {None}


@pytest.mark.parametrize(
    ("description", "expected"), [("CHEST PORT AP", True), ("CHEST BEDSIDE", True), ("CHEST PA AND LAT", False)]
)
def test_portable_is_a_word_of_a_kept_description(
    source: Dataset, identity: ImageIdentity, mimic: Profile, description: str, expected: bool
) -> None:
    source.StudyDescription = description
    assert metadata(deidentify_header(source, identity, mimic).dataset).is_portable is expected


def test_a_short_time_is_padded(source: Dataset, identity: ImageIdentity, mimic: Profile) -> None:
    source.StudyTime = "1234"
    assert metadata(deidentify_header(source, identity, mimic).dataset).study_time == "120000"
