"""Which objects are images of this project."""

import pytest
from pydicom import config
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset

from cxr_core.deidentify.header.acceptance import ACCEPTED_SOP_CLASSES, check_accepted
from cxr_core.errors import ItemError
from cxr_core.vocabulary import Reason


@pytest.mark.parametrize("sop_class", sorted(ACCEPTED_SOP_CLASSES))
def test_cr_and_both_kinds_of_dx_are_accepted(source: Dataset, sop_class: str) -> None:
    source.SOPClassUID = sop_class
    check_accepted(source)


@pytest.mark.parametrize(
    ("keyword", "value"),
    [
        ("SOPClassUID", "1.2.840.10008.5.1.4.1.1.7"),
        ("SOPClassUID", "1.2.840.10008.5.1.4.1.1.88.11"),
        ("SOPClassUID", "1.2.840.10008.5.1.4.1.1.104.1"),
        ("SOPClassUID", "1.2.840.10008.5.1.4.1.1.2"),
        ("NumberOfFrames", 2),
        ("SamplesPerPixel", 3),
        ("PhotometricInterpretation", "RGB"),
        ("PhotometricInterpretation", "PALETTE COLOR"),
        ("BitsAllocated", 32),
        ("BitsStored", 7),
        ("BitsStored", 17),
        ("PixelRepresentation", 2),
    ],
)
def test_another_kind_of_object_is_refused(source: Dataset, keyword: str, value: str | int) -> None:
    setattr(source, keyword, value)
    with pytest.raises(ItemError) as caught:
        check_accepted(source)
    assert caught.value.reason is Reason.E_SOP


@pytest.mark.parametrize(
    "keyword",
    [
        "SOPClassUID",
        "SOPInstanceUID",
        "StudyInstanceUID",
        "SeriesInstanceUID",
        "PatientID",
        "Rows",
        "Columns",
        "BitsStored",
    ],
)
@pytest.mark.parametrize("how", ["missing", "empty"])
def test_a_missing_identifier_or_pixel_attribute_is_refused(source: Dataset, keyword: str, how: str) -> None:
    if how == "missing":
        delattr(source, keyword)
    else:
        source[keyword].value = None
    with pytest.raises(ItemError) as caught:
        check_accepted(source)
    assert caught.value.reason is Reason.E_TYPE1


def test_zero_rows_are_refused(source: Dataset) -> None:
    source.Rows = 0
    with pytest.raises(ItemError, match=r"E_TYPE1: \(0028,0010\)"):
        check_accepted(source)


def test_the_message_names_the_tag_and_never_the_value(source: Dataset) -> None:
    source.add(DataElement(0x00080018, "UI", "ZYXWUT^CORGE", validation_mode=config.IGNORE))
    with pytest.raises(ItemError) as caught:
        check_accepted(source)
    assert str(caught.value) == "E_TYPE1: (0008,0018) is no UID"
    assert caught.value.__cause__ is None


def test_one_frame_spelled_out_is_accepted(source: Dataset) -> None:
    source.NumberOfFrames = 1
    check_accepted(source)


def test_the_source_is_left_alone(source: Dataset) -> None:
    before = source.to_json()
    check_accepted(source)
    assert source.to_json() == before
