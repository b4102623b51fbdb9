"""Generated headers: a plain DX image of an invented patient, and the identity it gets."""

import hashlib
from collections.abc import Callable

import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from cxr_core.deidentify.header.dates import DateShift
from cxr_core.deidentify.header.identity import ImageIdentity
from cxr_core.policy.profile import Profile, load_profile
from cxr_core.settings.deidentify import ProfileName

SHIFT_DAYS = 36_524  # 2012-05-06 becomes 2112-05-06 minus a day


def published(original: str) -> str:
    """A stand-in for the vault's mapping: same UID, same result."""
    return f"2.25.{int.from_bytes(hashlib.sha256(original.encode()).digest()[:16], 'big')}"


def code_item(scheme: str, value: str, meaning: str) -> Dataset:
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, scheme, meaning
    return item


def plain_image() -> Dataset:
    """A DX header as a modality writes it: needed attributes, identifiers, a code sequence."""
    ds = Dataset()
    ds.SpecificCharacterSet = "ISO_IR 100"
    ds.ImageType = ["ORIGINAL", "PRIMARY", "", "VENDOR_X"]
    ds.SOPClassUID = "1.2.840.10008.5.1.4.1.1.1.1"
    ds.SOPInstanceUID = "1.2.3.4.5"
    ds.StudyInstanceUID = "1.2.3.4"
    ds.SeriesInstanceUID = "1.2.3.4.1"
    ds.StudyDate, ds.StudyTime = "20120506", "123456"
    ds.AcquisitionDateTime = "20120506123456.789+0100"
    ds.AccessionNumber = "ACC0815"
    ds.Modality = "DX"
    ds.PresentationIntentType = "FOR PRESENTATION"
    ds.Manufacturer = "Philips Medical Systems"
    ds.InstitutionName = "Example General"
    ds.ReferringPhysicianName = "Quux^Anna^^Dr."
    ds.StudyDescription = "CHEST (PORTABLE AP)"
    ds.PatientName = "Zyxwut^Corge^M"
    ds.PatientID = "7654321"
    ds.PatientBirthDate = "19600203"
    ds.PatientSex, ds.PatientAge = "F", "052Y"
    ds.BodyPartExamined, ds.ViewPosition = "CHEST", "AP"
    ds.KVP, ds.ExposureTime = "125.0", "8"
    ds.ImagerPixelSpacing = ["0.1430", "0.1430"]
    ds.PatientOrientation = ["L", "F"]
    ds.SeriesNumber, ds.InstanceNumber = "1", "2"
    ds.ViewCodeSequence = Sequence([code_item("SRT", "R-10206", "AP for Zyxwut")])
    ds.SamplesPerPixel, ds.PhotometricInterpretation = 1, "MONOCHROME2"
    ds.Rows, ds.Columns = 5, 3
    ds.BitsAllocated, ds.BitsStored, ds.HighBit, ds.PixelRepresentation = 16, 12, 11, 0
    ds.WindowCenter, ds.WindowWidth = ["2048", "1024"], ["4096", "2048"]
    ds.BurnedInAnnotation = "YES"
    ds.add_new(0x00091001, "LO", "Zyxwut private")
    return ds


@pytest.fixture
def source() -> Dataset:
    return plain_image()


@pytest.fixture
def identity() -> ImageIdentity:
    return ImageIdentity(
        subject_id="10000032",
        study_id="50414267",
        dicom_id="02aa804e-bde0afdd-112c0b34-7bc16630-4e384014",
        uids=published,
        date_shift=DateShift(SHIFT_DAYS),
    )


@pytest.fixture(scope="session")
def mimic() -> Profile:
    return load_profile(ProfileName.MIMIC)


@pytest.fixture
def make_item() -> Callable[[str, str, str], Dataset]:
    return code_item


@pytest.fixture
def make_image() -> Callable[[], Dataset]:
    return plain_image
