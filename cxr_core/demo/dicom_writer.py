"""Writes one instance as a DICOM file: pixels, overlays, icon, preamble, padding, file meta.

It takes a header, stored values and an image's plan and gives the bytes of a Part 10 file (PS3.10), the planted
faults of single files included. Header values are left to `dicom_header`, folders and copies to `hospital`.
"""

import io
import warnings
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from pydicom import dcmwrite
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.sequence import Sequence
from pydicom.uid import UID

from cxr_core.demo.codecs import encode_frame
from cxr_core.demo.dicom_header import Header, Planted
from cxr_core.demo.faults import Fault, corrupt, truncate
from cxr_core.demo.people import Person
from cxr_core.demo.plan import Extra, ImagePlan, StudyPlan, Syntax
from cxr_core.vocabulary import Photometric

_IMPLEMENTATION_UID = UID("2.25.310214860293418120942357310927461520937")
_BASIC_TEXT_SR = "1.2.840.10008.5.1.4.1.1.88.11"
_OVERLAY_BIT = 15
_ICON_PX = 64


@dataclass(frozen=True, slots=True, repr=False)
class WrittenFile:
    """The bytes of one file and the identifiers that the writer itself added."""

    content: bytes
    planted: tuple[Planted, ...]


def write_image(
    header: Header, shown: NDArray[np.uint16], *, study: StudyPlan, image: ImagePlan, owner: Person,
    rng: np.random.Generator,
) -> WrittenFile:  # fmt: skip
    """Write one image.

    Parameters
    ----------
    header : Header
        Everything but the pixels; its dataset is completed in place.
    shown : (rows, columns) uint16 array
        As MONOCHROME2 shows it; inverted here where the image says MONOCHROME1.
    study, image : StudyPlan, ImagePlan
        Syntax, depth, extras, fault.
    owner : Person
        Whose name stands in overlay and preamble.
    rng : numpy Generator
        Damage.
    """
    dataset = header.dataset
    planted: list[Planted] = []
    stored = stored_values(shown, image)
    _put_pixel_module(dataset, image)
    label = f"{owner.family} {owner.given} {study.mrn}"
    if Extra.ICON in image.extras:
        dataset.IconImageSequence = Sequence([_icon(shown, image.bits_stored)])
    if Extra.OVERLAY in image.extras:
        _put_overlay(dataset, _overlay_mask(label, image), planted=planted, label=label, syntax=image.syntax)
    if Extra.EMBEDDED_OVERLAY in image.extras:
        _put_embedded_overlay(dataset, image)
        stored = np.where(_overlay_mask(label, image), stored | np.uint16(1 << _OVERLAY_BIT), stored)
    if image.fault is not Fault.NO_PIXELS:
        _put_pixels(dataset, stored, image)
    if Extra.TRAILING in image.extras:
        padding = f"cached for {label}".encode("ascii", "replace")
        dataset.add(DataElement(0xFFFCFFFC, "OB", padding + b"\x00" * (len(padding) % 2)))
        planted.append(Planted(study.mrn, "DataSetTrailingPadding"))
    preamble = _preamble(study, planted) if Extra.PREAMBLE in image.extras else bytes(128)
    content = _serialise(dataset, image, preamble=preamble, station=study.station)
    return WrittenFile(_damage(content, image.fault, rng), tuple(planted))


def stored_values(shown: NDArray[np.uint16], image: ImagePlan) -> NDArray[np.uint16]:
    """Give the values as they are stored: inverted for MONOCHROME1, unless that tag is the planted lie."""
    says_inverted = image.photometric is Photometric.MONOCHROME1
    is_lie = image.fault is Fault.WRONG_PHOTOMETRIC
    top = np.uint16((1 << image.bits_stored) - 1)
    return np.asarray(top - shown if says_inverted != is_lie else shown, np.uint16)


def _put_pixel_module(dataset: Dataset, image: ImagePlan) -> None:
    dataset.SamplesPerPixel = 1
    dataset.PhotometricInterpretation = image.photometric.value
    dataset.Rows, dataset.Columns = image.rows, image.columns
    dataset.BitsAllocated = 8 if image.syntax is Syntax.JPEG_BASELINE else 16
    dataset.BitsStored, dataset.HighBit = image.bits_stored, image.bits_stored - 1
    dataset.PixelRepresentation = 0
    half = 1 << (image.bits_stored - 1)
    dataset.WindowCenter, dataset.WindowWidth = str(half), str(2 * half)
    dataset.PresentationLUTShape = "IDENTITY" if image.photometric is Photometric.MONOCHROME2 else "INVERSE"
    dataset.LossyImageCompression = "01" if image.syntax is Syntax.JPEG_BASELINE else "00"


def _put_pixels(dataset: Dataset, stored: NDArray[np.uint16], image: ImagePlan) -> None:
    frame = encode_frame(stored, image.syntax, image.bits_stored)
    vr = "OB" if image.syntax.is_compressed else "OW"
    value = encapsulate([frame]) if image.syntax.is_compressed else frame
    element = DataElement(0x7FE00010, vr, value, is_undefined_length=image.syntax.is_compressed)
    dataset.add(element)


def _icon(shown: NDArray[np.uint16], bits: int) -> Dataset:
    small = cv2.resize(shown, (_ICON_PX, _ICON_PX), interpolation=cv2.INTER_AREA)
    icon = Dataset()
    icon.SamplesPerPixel, icon.PhotometricInterpretation = 1, "MONOCHROME2"
    icon.Rows = icon.Columns = _ICON_PX
    icon.BitsAllocated = icon.BitsStored = 8
    icon.HighBit, icon.PixelRepresentation = 7, 0
    icon.add(
        DataElement(0x7FE00010, "OB", (np.asarray(small, np.uint16) >> max(0, bits - 8)).astype(np.uint8).tobytes())
    )
    return icon


def _overlay_mask(label: str, image: ImagePlan) -> NDArray[np.bool_]:
    mask = np.zeros((image.rows, image.columns), np.uint8)
    scale = image.rows / 1400
    at = (image.columns // 20, image.rows - image.rows // 16)
    cv2.putText(mask, label.encode("ascii", "ignore").decode(), at, cv2.FONT_HERSHEY_SIMPLEX, scale, 255, 1)
    return np.asarray(mask > 127, np.bool_)


def _put_overlay(
    dataset: Dataset, mask: NDArray[np.bool_], *, planted: list[Planted], label: str, syntax: Syntax
) -> None:
    """Add a graphics overlay whose bits spell the patient's name (PS3.3 C.9.2)."""
    packed = np.packbits(mask, bitorder="little").tobytes()
    packed += b"\x00" * (len(packed) % 2)
    if syntax is Syntax.BIG_ENDIAN:
        packed = np.frombuffer(packed, "<u2").astype(">u2").tobytes()
    rows, columns = mask.shape
    for tag, vr, value in (
        (0x60000010, "US", rows), (0x60000011, "US", columns), (0x60000022, "LO", label[:64]),
        (0x60000040, "CS", "G"), (0x60000050, "SS", [1, 1]), (0x60000100, "US", 1), (0x60000102, "US", 0),
        (0x60003000, "OW", packed),
    ):  # fmt: skip
        dataset.add_new(tag, vr, value)
    planted.append(Planted(label[:64], "OverlayDescription"))


def _put_embedded_overlay(dataset: Dataset, image: ImagePlan) -> None:
    """Say that bit 15 of the pixels is an overlay, as devices did until the standard retired it (PS3.5 8.1.2)."""
    for tag, vr, value in (
        (0x60020010, "US", image.rows), (0x60020011, "US", image.columns), (0x60020040, "CS", "G"),
        (0x60020050, "SS", [1, 1]), (0x60020100, "US", 16), (0x60020102, "US", _OVERLAY_BIT),
    ):  # fmt: skip
        dataset.add_new(tag, vr, value)


def _preamble(study: StudyPlan, planted: list[Planted]) -> bytes:
    planted.append(Planted(study.accession, "preamble"))
    return f"ACC={study.accession} MRN={study.mrn} {study.when:%Y%m%d}".encode("ascii").ljust(128, b"\x00")


def _serialise(dataset: Dataset, image: ImagePlan, *, preamble: bytes, station: str) -> bytes:
    buffer = io.BytesIO()
    with warnings.catch_warnings():  # pydicom's warnings print values
        warnings.simplefilter("ignore")
        if image.fault is Fault.NO_META:
            dcmwrite(buffer, dataset, implicit_vr=True, little_endian=True, enforce_file_format=False)
            return buffer.getvalue()
        _serialise_part10(buffer, dataset, syntax=image.syntax, preamble=preamble, station=station)
    return buffer.getvalue()


def _serialise_part10(buffer: io.BytesIO, dataset: Dataset, *, syntax: Syntax, preamble: bytes, station: str) -> None:
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = UID(dataset.SOPClassUID)
    meta.MediaStorageSOPInstanceUID = UID(dataset.SOPInstanceUID)
    meta.TransferSyntaxUID = UID(syntax.value)
    meta.ImplementationClassUID = _IMPLEMENTATION_UID
    meta.ImplementationVersionName = "HILUM_DEMO"
    meta.SourceApplicationEntityTitle = station
    dataset.file_meta = meta
    dataset.preamble = preamble
    dcmwrite(buffer, dataset, enforce_file_format=True)


def _damage(content: bytes, fault: Fault | None, rng: np.random.Generator) -> bytes:
    if fault is Fault.TRUNCATED:
        return truncate(content)
    return corrupt(content, rng) if fault is Fault.CORRUPT_STREAM else content


def write_structured_report(study: StudyPlan, person: Person, sop_uid: str) -> bytes:
    """Write a Basic Text SR of a study: an object without pixels that lies among the images."""
    dataset = Dataset()
    dataset.SpecificCharacterSet = "ISO_IR 192"
    dataset.SOPClassUID, dataset.SOPInstanceUID = _BASIC_TEXT_SR, sop_uid
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = study.uid, f"{sop_uid[:-1]}0"
    dataset.PatientName, dataset.PatientID = person.dicom_name, study.mrn
    dataset.PatientBirthDate, dataset.PatientSex = f"{person.birth_date:%Y%m%d}", person.sex
    dataset.StudyDate, dataset.StudyTime = f"{study.when:%Y%m%d}", f"{study.when:%H%M%S}"
    dataset.AccessionNumber, dataset.Modality = study.accession, "SR"
    dataset.ValueType, dataset.ContinuityOfContent = "CONTAINER", "SEPARATE"
    item = Dataset()
    item.RelationshipType, item.ValueType = "CONTAINS", "TEXT"
    item.TextValue = f"Preliminary read for {person.given} {person.family}."
    dataset.ContentSequence = Sequence([item])
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        _serialise_part10(buffer, dataset, syntax=Syntax.EXPLICIT, preamble=bytes(128), station=study.station)
    return buffer.getvalue()
