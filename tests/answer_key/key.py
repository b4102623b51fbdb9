"""The answer key: invented radiographs of five patients, and for each a list of what must have become of it.

Gives files on disk together with their key, which is data only: records of file, action, place and argument, the ten
actions of the MIDI-B challenge. Judging an output by the key is left to `scoring`.
"""

import datetime as dt
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

import cv2
import imagecodecs
import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.filewriter import dcmwrite
from pydicom.sequence import Sequence
from pydicom.uid import UID, ExplicitVRLittleEndian, ImplicitVRLittleEndian, JPEGLSLossless

ROWS, COLUMNS = 384, 320
DX = "1.2.840.10008.5.1.4.1.1.1.1"
_INK = 0.95  # of the range; anatomy ends at 0.8


class Action(StrEnum):
    """What may be asked of an output; the place is an attribute's path or a region, the argument as told here."""

    TAG_RETAINED = "tag retained"
    """The attribute is there, with or without a value."""
    TAG_NOT_NULL = "tag not null"
    """The attribute has a value."""
    TEXT_RETAINED = "text retained"
    """One of its values is the argument."""
    TEXT_REMOVED = "text removed"
    """The argument can be read nowhere in the file; the place only says where it stood."""
    DATE_SHIFTED = "date shifted"
    """The argument, a day, was moved by as many days as the patient's other dates, and not by none."""
    UID_CHANGED = "UID changed"
    """A UID, and not the argument."""
    UID_CONSISTENT = "UID consistent"
    """The argument became the same UID wherever it stood, and no other UID became that."""
    PATIENT_ID_CONSISTENT = "patient id consistent"
    """The argument, issuer and id, became the same id wherever it stood, and no other patient became that."""
    PIXELS_HIDDEN = "pixels hidden"
    """The region has one value only."""
    PIXELS_RETAINED = "pixels retained"
    """The region's values have the argument as their digest."""


@dataclass(frozen=True, slots=True)
class Record:
    """One line of the key."""

    file: str
    action: Action
    where: str
    argument: str = ""


@dataclass(frozen=True, slots=True)
class KeyFile:
    """A source file, and what its output is found by."""

    name: str
    sop_instance_uid: str
    patient: str
    study: str


@dataclass(frozen=True, slots=True)
class AnswerKey:
    """All files and all records."""

    files: tuple[KeyFile, ...]
    records: tuple[Record, ...] = field(repr=False)


def digest(pixels: NDArray[np.integer]) -> str:
    """SHA-256 of values, whatever the width in which they are stored."""
    return hashlib.sha256(np.ascontiguousarray(pixels, "<i4").tobytes()).hexdigest()


# ---------------------------------------------------------------- the invented hospital


@dataclass(frozen=True, slots=True)
class _Patient:
    issuer: str
    mrn: str
    family: str
    given: str
    born: dt.date
    sex: str

    @property
    def identity(self) -> str:
        return f"{self.issuer}|{self.mrn}"

    def age_on(self, day: dt.date) -> int:
        return day.year - self.born.year - ((day.month, day.day) < (self.born.month, self.born.day))


@dataclass(frozen=True, slots=True)
class _Shot:
    """One image: its view, its series, what is burned in, a marker to keep, how it is stored."""

    view: str
    series: int = 1
    burned_in: tuple[str, ...] = ()
    marker: str = ""
    kind: str = "plain"
    scale: float = 0.62


@dataclass(frozen=True, slots=True)
class _Exam:
    patient: _Patient
    begun: dt.datetime
    shots: tuple[_Shot, ...]


_ZORNWICK = _Patient("NORTH", "7741903", "Zornwick", "Eldarine", dt.date(1958, 6, 14), "F")
_QUARNVELD = _Patient("NORTH", "5520817", "Quarnveld", "Istravan", dt.date(1949, 3, 20), "M")
_THRUMBLE = _Patient("NORTH", "4418265", "Thrumbleby", "Oskarinde", dt.date(1971, 11, 2), "M")
_BRAKMOOR = _Patient("SOUTH", "4418265", "Brakmoorsen", "Vesnarine", dt.date(1983, 7, 30), "F")  # the same number
_SKELVANE = _Patient("", "99012784", "Skelvane", "Jorundis", dt.date(1922, 3, 1), "O")

_EXAMS = (
    _Exam(
        _ZORNWICK,
        dt.datetime(2016, 2, 27, 14, 30, 15),
        (_Shot("PA", burned_in=("ZORNWICK ELDARINE", "MRN 7741903")), _Shot("LATERAL", marker="L")),
    ),
    _Exam(
        _ZORNWICK,
        dt.datetime(2016, 3, 1, 8, 41, 52),
        (_Shot("AP"), _Shot("AP", series=2, burned_in=("ACC A8802431",), kind="implicit")),
    ),
    _Exam(_ZORNWICK, dt.datetime(2017, 3, 1, 9, 17, 33), (_Shot("PA", burned_in=("ZORNWICK E.",), kind="8 bits"),)),
    _Exam(
        _QUARNVELD,
        dt.datetime(2019, 12, 31, 23, 55, 41),  # its images are finished in the next year
        (_Shot("PA", burned_in=("QUARNVELD, ISTRAVAN", "20-MAR-1949")), _Shot("LATERAL", series=2)),
    ),
    _Exam(
        _QUARNVELD,
        dt.datetime(2020, 2, 29, 11, 12, 47),
        (_Shot("AP", burned_in=("DOB: 20.03.1949", "QUARNVELD I."), kind="JPEG-LS", scale=0.45),),
    ),
    _Exam(
        _QUARNVELD,
        dt.datetime(2020, 3, 1, 6, 51, 29),
        (_Shot("AP", burned_in=("MRN 5520817",), kind="inverse", scale=0.9),),
    ),
    _Exam(
        _THRUMBLE,
        dt.datetime(2018, 5, 5, 10, 23, 18),
        (_Shot("PA", burned_in=("VORRENDALE GENERAL",)), _Shot("LATERAL", kind="implicit")),
    ),
    _Exam(
        _BRAKMOOR,
        dt.datetime(2018, 5, 5, 16, 45, 36),
        (_Shot("PA", burned_in=("BRAKMOORSEN", "30-JUL-1983")), _Shot("LATERAL", series=2, marker="R")),
    ),
    _Exam(_BRAKMOOR, dt.datetime(2021, 1, 1, 13, 28, 54), (_Shot("AP", burned_in=("BRAKMOORSEN V",)),)),
    _Exam(
        _SKELVANE,
        dt.datetime(2016, 1, 15, 15, 39, 21),
        (_Shot("PA", marker="L"), _Shot("LATERAL", burned_in=("SKELVANE JORUNDIS",), kind="inverse")),
    ),
)
_VIEW_CODES = {
    "PA": ("R-10214", "postero-anterior"),
    "AP": ("R-10206", "antero-posterior"),
    "LATERAL": ("R-102CD", "lateral"),
}


@dataclass(frozen=True, slots=True)
class _Image:
    """One image of one exam, with every identifier that its header holds."""

    exam: _Exam
    exam_number: int
    number: int
    shot: _Shot

    @property
    def name(self) -> str:
        return f"exam{self.exam_number:02d}/image{self.number}.dcm"

    @property
    def root(self) -> str:
        return f"1.3.6.1.4.1.99999.{self.exam.patient.mrn}.{self.exam_number}"

    @property
    def study_uid(self) -> str:
        return f"{self.root}.1"

    @property
    def series_uid(self) -> str:
        return f"{self.root}.2.{self.shot.series}"

    @property
    def sop_uid(self) -> str:
        return f"{self.root}.3.{self.number}"

    @property
    def frame_uid(self) -> str:
        """Of all images of an exam, whatever their series."""
        return f"{self.root}.4"

    @property
    def accession(self) -> str:
        return f"A88{self.exam_number:02d}431"

    @property
    def order(self) -> str:
        return f"RQ-{self.exam_number:02d}-60217"

    @property
    def locker(self) -> str:
        return f"LKR-{self.exam_number:02d}{self.number}-5508"

    @property
    def phone(self) -> str:
        return f"555-{self.exam_number:02d}{self.number}-7312"

    @property
    def days(self) -> dict[str, dt.datetime]:
        """When each step happened: exposures after the study began, the finished image a while later."""
        begun = self.exam.begun
        acquired = begun + dt.timedelta(minutes=self.number)
        done = begun + dt.timedelta(minutes=10 + self.number)
        steps = {"StudyDate": begun, "SeriesDate": begun, "AcquisitionDate": acquired, "ContentDate": done}
        return steps | {"AcquisitionDateTime": acquired}


def _images() -> Iterator[_Image]:
    for exam_number, exam in enumerate(_EXAMS, start=1):
        for number, shot in enumerate(exam.shots, start=1):
            yield _Image(exam, exam_number, number, shot)


# ---------------------------------------------------------------- files


def make_key() -> AnswerKey:
    """The key to the files that `write_sources` writes."""
    files: list[KeyFile] = []
    records: list[Record] = []
    for image in _images():
        files.append(KeyFile(image.name, image.sop_uid, image.exam.patient.identity, image.study_uid))
        records += _header_records(image)
        records += _pixel_records(image.name, *_draw(image))
    return AnswerKey(tuple(files), tuple(records))


def write_sources(folder: Path) -> None:
    """Write every file below a folder; equal bytes every time."""
    for image in _images():
        path = folder / image.name
        path.parent.mkdir(parents=True, exist_ok=True)
        _write(path, _header(image), _draw(image)[0], image.shot.kind)


def _header(image: _Image) -> Dataset:
    patient, begun = image.exam.patient, image.exam.begun
    ds = Dataset()
    ds.SpecificCharacterSet, ds.ImageType = "ISO_IR 100", ["ORIGINAL", "PRIMARY"]
    ds.SOPClassUID, ds.SOPInstanceUID = DX, image.sop_uid
    ds.StudyInstanceUID, ds.SeriesInstanceUID, ds.FrameOfReferenceUID = (
        image.study_uid,
        image.series_uid,
        image.frame_uid,
    )
    for keyword, moment in image.days.items():
        is_date = keyword.endswith("Date")
        setattr(ds, keyword, f"{moment:%Y%m%d}" if is_date else f"{moment:%Y%m%d%H%M%S}.250+0100")
        if is_date:
            setattr(ds, keyword.replace("Date", "Time"), f"{moment:%H%M%S}")
    ds.PatientName, ds.PatientID = f"{patient.family}^{patient.given}", patient.mrn
    if patient.issuer:
        ds.IssuerOfPatientID = patient.issuer
    ds.PatientBirthDate, ds.PatientSex = f"{patient.born:%Y%m%d}", patient.sex
    ds.PatientAge = f"{patient.age_on(begun.date()):03d}Y"
    ds.AccessionNumber, ds.StudyID = image.accession, f"ST{image.exam_number:02d}7755"
    ds.InstitutionName, ds.StationName = "Vorrendale General", "VRDL-ROOM-3"
    ds.ReferringPhysicianName, ds.OperatorsName = "Ulvgardsen^Tove", "Tamsquith^Bo"
    ds.PatientComments = f"Daughter: {image.phone}"
    ds.SeriesDescription = f"CHEST for {patient.family}"
    _describe_exposure(ds, image)
    _hide_deep(ds, image)
    return ds


def _describe_exposure(ds: Dataset, image: _Image) -> None:
    """What research needs."""
    ds.Modality, ds.PresentationIntentType, ds.Manufacturer = "DX", "FOR PRESENTATION", "Philips Medical Systems"
    ds.StudyDescription, ds.BodyPartExamined = "CHEST PA AND LATERAL", "CHEST"
    ds.ViewPosition = image.shot.view
    ds.PatientOrientation = ["A", "F"] if image.shot.view == "LATERAL" else ["L", "F"]
    ds.SeriesNumber, ds.InstanceNumber = str(image.shot.series), str(image.number)
    ds.KVP, ds.ExposureTime, ds.ImagerPixelSpacing = "125", "8", ["0.143", "0.143"]
    code = Dataset()
    code.CodeValue, code.CodeMeaning = _VIEW_CODES[image.shot.view]
    code.CodingSchemeDesignator = "SRT"
    ds.ViewCodeSequence = Sequence([code])


def _hide_deep(ds: Dataset, image: _Image) -> None:
    """Identifiers in sequences, in a private block and in references to an image of the patient's first exam."""
    reference, request, other = Dataset(), Dataset(), Dataset()
    first = next(one for one in _images() if one.exam.patient is image.exam.patient)
    reference.ReferencedSOPClassUID, reference.ReferencedSOPInstanceUID = DX, first.sop_uid
    reference.PurposeOfReferenceCodeSequence = Sequence([])
    ds.SourceImageSequence = Sequence([reference])
    request.RequestedProcedureID = image.order
    ds.RequestAttributesSequence = Sequence([request])
    other.PatientID, other.IssuerOfPatientID = f"OLD{image.exam.patient.mrn}", "Eldhavn Registry"
    ds.OtherPatientIDsSequence = Sequence([other])
    block = ds.private_block(0x0009, "MAKER 1", create=True)
    block.add_new(0x01, "LO", image.locker)


def _write(path: Path, ds: Dataset, pixels: NDArray[np.unsignedinteger], kind: str) -> None:
    bits = 8 if kind == "8 bits" else 12
    syntax = {"implicit": ImplicitVRLittleEndian, "JPEG-LS": JPEGLSLossless}.get(kind, ExplicitVRLittleEndian)
    ds.SamplesPerPixel, ds.PhotometricInterpretation = 1, "MONOCHROME1" if kind == "inverse" else "MONOCHROME2"
    ds.Rows, ds.Columns = pixels.shape
    ds.BitsAllocated, ds.BitsStored, ds.HighBit, ds.PixelRepresentation = 8 if bits == 8 else 16, bits, bits - 1, 0
    ds.WindowCenter, ds.WindowWidth = str(1 << (bits - 1)), str(1 << bits)
    content = encapsulate([bytes(imagecodecs.jpegls_encode(pixels))]) if kind == "JPEG-LS" else pixels.tobytes()
    ds.PixelData = content
    ds["PixelData"].VR = "OB" if bits == 8 or syntax.is_encapsulated else "OW"
    ds["PixelData"].is_undefined_length = syntax.is_encapsulated
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = UID(syntax)
    dcmwrite(path, ds, implicit_vr=syntax.is_implicit_VR, little_endian=True, enforce_file_format=True)


# ---------------------------------------------------------------- pixels


@dataclass(frozen=True, slots=True)
class _Regions:
    hidden: tuple[str, ...]
    retained: tuple[str, ...]


def region(top: int, bottom: int, left: int, right: int) -> str:
    """A half-open rectangle as the key writes it."""
    return f"{top}:{bottom},{left}:{right}"


def window(where: str) -> tuple[slice, slice]:
    """A rectangle of the key as slices."""
    rows, columns = ([int(edge) for edge in part.split(":")] for part in where.split(","))
    return slice(*rows), slice(*columns)


def _draw(image: _Image) -> tuple[NDArray[np.unsignedinteger], _Regions]:
    """A chest with the texts of one shot; their places, and those that must stay as they are."""
    rng = np.random.default_rng(1000 * image.exam_number + image.number)
    y, x = np.mgrid[:ROWS, :COLUMNS].astype(np.float32)
    y, x = y / ROWS, x / COLUMNS
    lungs = sum(np.exp(-(((x - c) / 0.13) ** 2) - ((y - 0.55) / 0.24) ** 2) for c in (0.3, 0.7))
    grey = (0.45 + 0.15 * y - 0.35 * lungs + rng.normal(0, 0.004, (ROWS, COLUMNS))).clip(0.03, 0.8)
    hidden, retained = [], [region(*edges) for edges in ((130, 300, 30, 290), (310, 380, 4, 316))]
    for line, text in enumerate(image.shot.burned_in):
        hidden.append(_burn(grey, text, (12, 34 + 34 * line), image.shot.scale))
    if image.shot.marker:
        place = _burn(grey, image.shot.marker, (270, 48), 1.2)
        rows, columns = window(place)
        retained.append(region(*(edge for side in (rows, columns) for edge in (side.start - 6, side.stop + 6))))
    if not image.shot.burned_in:
        retained.append(region(0, ROWS, 0, COLUMNS))
    if image.shot.kind == "inverse":
        grey = 1 - grey
    top = 255 if image.shot.kind == "8 bits" else 4095
    stored = (grey * top).round().astype(np.uint8 if top == 255 else np.uint16)
    return stored, _Regions(tuple(hidden), tuple(retained))


def _burn(grey: NDArray[np.float32], text: str, origin: tuple[int, int], scale: float) -> str:
    """Write a text into the picture; the rectangle around its ink."""
    ink = np.zeros(grey.shape, np.uint8)
    cv2.putText(ink, text, origin, cv2.FONT_HERSHEY_SIMPLEX, scale, 255, 1 if scale < 0.5 else 2)
    grey[ink > 127] = _INK
    rows, columns = np.nonzero(ink > 127)
    return region(int(rows.min()), int(rows.max()) + 1, int(columns.min()), int(columns.max()) + 1)


# ---------------------------------------------------------------- records


def _pixel_records(name: str, pixels: NDArray[np.unsignedinteger], regions: _Regions) -> Iterator[Record]:
    for where in regions.hidden:
        yield Record(name, Action.PIXELS_HIDDEN, where)
    for where in regions.retained:
        yield Record(name, Action.PIXELS_RETAINED, where, digest(pixels[window(where)]))


def _header_records(image: _Image) -> Iterator[Record]:
    name = image.name
    for keyword in _RETAINED:
        yield Record(name, Action.TAG_RETAINED, keyword)
    for keyword in _NOT_NULL:
        yield Record(name, Action.TAG_NOT_NULL, keyword)
    for path, text in _texts_retained(image):
        yield Record(name, Action.TEXT_RETAINED, path, text)
    for path, text in _texts_removed(image):
        yield Record(name, Action.TEXT_REMOVED, path, text)
    for keyword, moment in image.days.items():
        yield Record(name, Action.DATE_SHIFTED, keyword, f"{moment:%Y%m%d}")
    for path, uid in (
        ("StudyInstanceUID", image.study_uid),
        ("SeriesInstanceUID", image.series_uid),
        ("SOPInstanceUID", image.sop_uid),
        ("file_meta.MediaStorageSOPInstanceUID", image.sop_uid),
    ):
        yield Record(name, Action.UID_CHANGED, path, uid)
        yield Record(name, Action.UID_CONSISTENT, path, uid)
    yield Record(name, Action.PATIENT_ID_CONSISTENT, "PatientID", image.exam.patient.identity)


_RETAINED = (
    "PatientName",
    "PatientBirthDate",
    "AccessionNumber",
    "ReferringPhysicianName",
    "SpecificCharacterSet",
    "ViewCodeSequence",
)
_NOT_NULL = (
    "SOPClassUID",
    "PatientID",
    "StudyID",
    "StudyDate",
    "StudyTime",
    "Manufacturer",
    "WindowCenter",
    "PatientIdentityRemoved",
    "file_meta.TransferSyntaxUID",
)


def _texts_retained(image: _Image) -> Iterator[tuple[str, str]]:
    patient, begun, view = image.exam.patient, image.exam.begun, image.shot.view
    yield "Modality", "DX"
    yield "BodyPartExamined", "CHEST"
    yield "ViewPosition", view
    yield "ViewCodeSequence.0.CodeValue", _VIEW_CODES[view][0]
    yield "ViewCodeSequence.0.CodeMeaning", _VIEW_CODES[view][1]
    yield "PatientOrientation", "A" if view == "LATERAL" else "L"
    yield "StudyDescription", "CHEST PA AND LATERAL"
    yield "PatientSex", patient.sex
    yield "PatientAge", f"{min(patient.age_on(begun.date()), 90):03d}Y"  # 45 CFR 164.514(b)(2)(i)(C)
    for keyword in ("StudyDate", "AcquisitionDate", "ContentDate"):
        yield keyword.replace("Date", "Time"), f"{image.days[keyword]:%H}0000"
    yield "SeriesNumber", str(image.shot.series)
    yield "KVP", "125"
    yield "ImagerPixelSpacing", "0.143"
    yield "PhotometricInterpretation", "MONOCHROME1" if image.shot.kind == "inverse" else "MONOCHROME2"


def _texts_removed(image: _Image) -> Iterator[tuple[str, str]]:
    patient, begun = image.exam.patient, image.exam.begun
    yield "PatientName", patient.family
    yield "PatientName", patient.given
    yield "PatientID", patient.mrn
    yield "PatientBirthDate", f"{patient.born:%Y%m%d}"
    yield "AccessionNumber", image.accession
    yield "StudyID", f"ST{image.exam_number:02d}7755"
    yield "InstitutionName", "Vorrendale"
    yield "StationName", "VRDL-ROOM-3"
    yield "ReferringPhysicianName", "Ulvgardsen"
    yield "OperatorsName", "Tamsquith"
    yield "PatientComments", image.phone
    yield "SeriesDescription", f"CHEST for {patient.family}"
    yield "RequestAttributesSequence.0.RequestedProcedureID", image.order
    yield "OtherPatientIDsSequence.0.IssuerOfPatientID", "Eldhavn"
    yield "(0009,1001)", image.locker
    yield "FrameOfReferenceUID", image.frame_uid
    yield "SourceImageSequence.0.ReferencedSOPInstanceUID", f"1.3.6.1.4.1.99999.{patient.mrn}."
    for keyword in ("StudyDate", "ContentDate"):
        yield keyword, f"{image.days[keyword]:%Y%m%d}"
    if (age := patient.age_on(begun.date())) > 90:
        yield "PatientAge", f"{age:03d}Y"
