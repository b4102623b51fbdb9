"""The invented files of `header_leaks.py`: radiographs of nobody, with identifiers in every place a DICOM file has.

Gives files in memory, each with the list of what was planted in it (every identifier stands in one place only, so that
a leak tells its place) and of the attributes that research needs from it. They are written byte by byte, because a
library would refuse half of it. Reading what the engines make of them is left to `header_leaks.py`.

A line of a table is `Path value`: steps parted by `/`, each a keyword or a hexadecimal tag with its VR (`00091001:LO`).
A value plants identifiers: `{name}` an invented name, `{number}` eight digits, `{id7}` seven, `{birth}` and
`{date}` days, `{time}` a clock to the second, `{phone}`, `{uid}`; `«word»` plants the word itself.
"""

import gzip
import io
import random
import re
import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field

import imagecodecs
import numpy as np
from numpy.typing import NDArray
from PIL import Image
from pydicom.datadict import dictionary_VR, tag_for_keyword
from pydicom.encaps import encapsulate
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGLosslessSV1,
    JPEGLSLossless,
)

CR, DX = "1.2.840.10008.5.1.4.1.1.1", "1.2.840.10008.5.1.4.1.1.1.1"
ROWS, COLUMNS = 1024, 832

_NEEDED = """
    SOPClassUID Modality ImageType BodyPartExamined ViewPosition PatientOrientation PatientSex PatientAge
    PerformedProcedureStepDescription ViewCodeSequence.0.CodeValue PatientOrientationCodeSequence.0.CodeValue
    SeriesNumber InstanceNumber KVP ExposureTime XRayTubeCurrent Exposure DistanceSourceToDetector ImagerPixelSpacing
    Rows Columns BitsStored PixelRepresentation PhotometricInterpretation PixelIntensityRelationship WindowCenter
    WindowWidth
"""
NEEDED = tuple(_NEEDED.split())
"""What a loader, a study of bias or one of exposure reads from a chest radiograph: the columns of the MIMIC-CXR-JPG
metadata file (without ids and dates, which must change), patient characteristics, exposure, pixel description.
Manufacturer is not among them: our engine writes the name of the maker's group, which is neither lost nor the same."""

Value = bytes | tuple[str | int | float, ...] | list["Tree"]
Tree = dict[int, tuple[str, Value]]
"""Tag to VR and value: bytes, (struct code, number, ...) or the items of a sequence."""


@dataclass(frozen=True, slots=True)
class Planted:
    """One identifier: its text, the kind of place, and where exactly; `encodings` are further ways to spell it."""

    text: str
    place: str
    where: str
    encodings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class InventedFile:
    """One file, what was planted in it and which of its attributes must survive."""

    name: str
    content: bytes = field(repr=False)
    planted: tuple[Planted, ...]
    needed: tuple[str, ...]


def make_files(seed: int = 20_261_125) -> list[InventedFile]:
    """All files; the same seed gives the same bytes."""
    tokens = _Tokens(seed)
    return [build(tokens) for build in _BUILDERS]


# ---------------------------------------------------------------- identifiers


class _Tokens:
    """Identifiers of nobody, none of which is part of another."""

    _SLOT = re.compile(r"\{(\w+)\}|«([^»]+)»")
    _ONSETS = ("qu", "z", "vr", "th", "kl", "br", "dw", "gl", "sk", "tw", "j", "m", "pr", "r")
    _VOWELS = ("a", "e", "i", "o", "u", "ae", "ou")
    _CODAS = ("lm", "rn", "x", "nd", "th", "ck", "sp", "v", "zz", "mb")

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self._given: set[str] = set()
        self._makers: dict[str, Callable[[], str]] = {
            "name": self._name,
            "number": lambda: str(self._random.randrange(21_000_000, 99_999_999)),
            "id7": lambda: f"{self._random.randrange(210_000, 999_999)}{self._random.randrange(1, 10)}",
            "time": lambda: f"{self._random.randrange(7, 20):02d}{self._sixty()}{self._sixty()}",
            "birth": lambda: self._day(1945, 1984),
            "date": lambda: self._day(2003, 2019),
            "phone": lambda: f"555-{self._random.randrange(100, 999)}-{self._random.randrange(1000, 9999)}",
            "uid": lambda: f"1.3.6.1.4.1.99999.{self._random.randrange(10**9, 10**10)}.{self._random.randrange(10**6)}",
        }

    def fill(self, template: str) -> tuple[str, list[str]]:
        """A template with its identifiers, and these."""
        found: list[str] = []

        def replace(match: re.Match[str]) -> str:
            found.append(match[2] or self._fresh(self._makers[match[1]]))
            return found[-1]

        return self._SLOT.sub(replace, template), found

    def _fresh(self, make: Callable[[], str]) -> str:
        while True:
            text = make()
            if not any(text in other or other in text for other in self._given):
                self._given.add(text)
                return text

    def _name(self) -> str:
        parts = (self._ONSETS, self._VOWELS, self._CODAS) * 2
        return "".join(self._random.choice(part) for part in parts).capitalize()

    def _sixty(self) -> int:
        return self._random.randrange(11, 60)

    def _day(self, first: int, last: int) -> str:
        return f"{self._random.randint(first, last)}{self._random.randint(1, 12):02d}{self._random.randint(1, 28):02d}"


# ---------------------------------------------------------------- bytes


_LONG_VRS = frozenset({"OB", "OD", "OF", "OL", "OV", "OW", "SQ", "SV", "UC", "UN", "UR", "UT", "UV"})
_FRAMES = "frames"  # stands for the VR of encapsulated pixel data


def _encode(tree: Tree, *, is_implicit: bool = False, order: str = "<") -> bytes:
    """Elements in the order of their tags; items and sequences with their lengths (PS3.5 section 7)."""
    parts = []
    for tag, (vr, value) in sorted(tree.items()):
        if isinstance(value, list):
            items = [_encode(item, is_implicit=is_implicit, order=order) for item in value]
            body = b"".join(struct.pack(order + "HHI", 0xFFFE, 0xE000, len(item)) + item for item in items)
        elif isinstance(value, tuple):
            body = struct.pack(order + str(value[0]) * (len(value) - 1), *value[1:])
        else:
            body = value
        written, length = ("OB", 0xFFFFFFFF) if vr == _FRAMES else (vr, len(body))
        if is_implicit:
            head = struct.pack(order + "HHI", tag >> 16, tag & 0xFFFF, length)
        elif written in _LONG_VRS:
            head = struct.pack(order + "HH2s2xI", tag >> 16, tag & 0xFFFF, written.encode(), length)
        else:
            head = struct.pack(order + "HH2sH", tag >> 16, tag & 0xFFFF, written.encode(), length)
        parts += [head, body, b"\xfe\xff\xdd\xe0\0\0\0\0" if vr == _FRAMES else b""]
    return b"".join(parts)


def _parse_step(step: str) -> tuple[int, str]:
    """Tag and VR of `Keyword` or `GGGGEEEE:VR`; `Keyword:VR` overrides the VR."""
    name, _, vr = step.partition(":")
    tag = tag_for_keyword(name) or int(name, 16)
    return tag, vr or dictionary_VR(tag)


class _Draft:
    """A chest radiograph that identifiers are planted in."""

    def __init__(self, name: str, tokens: _Tokens, *, sop_class: str = DX, bits: int = 12, order: str = "<") -> None:
        self.name, self.tokens, self.bits, self.order = name, tokens, bits, order
        self.planted: list[Planted] = []
        self.tree: Tree = {}
        self.touched: set[str] = set()
        self.charset = "ascii"
        self.plants("", _CHEST)
        self.put("SOPClassUID", sop_class)
        self.put("Modality", "CR" if sop_class == CR else "DX")
        for keyword, number in (("SamplesPerPixel", 1), ("Rows", ROWS), ("Columns", COLUMNS), ("BitsStored", bits)):
            self.put(keyword, ("H", number))
        self.put("BitsAllocated", ("H", 8 if bits == 8 else 16))
        self.put("HighBit", ("H", bits - 1))
        self.put("PixelRepresentation", ("H", 0))
        self.touched.clear()
        self.plants("UID", "StudyInstanceUID {uid}\nSeriesInstanceUID {uid}\nSOPInstanceUID {uid}")
        self.plants("UID", "FrameOfReferenceUID {uid}")
        self.plants("attribute", "PatientID {number}")

    def text(self, place: str, template: str, where: str = "") -> bytes:
        """Fill a template and note what was planted."""
        text, found = self.tokens.fill(template)
        self.planted += [Planted(one, place, where or self.name, (self.charset,)) for one in found]
        return text.encode(self.charset)

    def plants(self, place: str, table: str, tree: Tree | None = None) -> None:
        """Plant what a table says; without a place, the place is the depth of each line."""
        for line in filter(None, map(str.strip, table.splitlines())):
            path, _, template = line.partition(" ")
            self.put(path, self.text(place or f"sequence, depth {path.count('/')}", template, path), tree)

    def put(self, path: str, value: Value | str, tree: Tree | None = None) -> None:
        """Put a value at a path, text padded to an even length, whatever the VR would permit.

        Sequences on the way are made where they are missing; it is always their first item.
        """
        *outer, last = path.split("/")
        target = self.tree if tree is None else tree
        for step in outer:
            items = target.setdefault(_parse_step(step)[0], ("SQ", [{}]))[1]
            assert isinstance(items, list)
            target = items[0]
        tag, vr = _parse_step(last)
        content = value.encode(self.charset) if isinstance(value, str) else value
        if isinstance(content, bytes):
            content += (b"\0" if vr in {"UI", "OB", "UN"} else b" ") * (len(content) % 2)
        target[tag] = (vr, content)
        if not outer:
            self.touched.add(last)

    def finish(
        self,
        syntax: UID = ExplicitVRLittleEndian,
        pixels: bytes | None = None,
        *,
        preamble: bytes = bytes(128),
        meta: Tree | None = None,
        tail: bytes = b"",
    ) -> InventedFile:
        """Encode the file; `meta` is added to the file meta group, `tail` to the end."""
        stored = pixels if pixels is not None else _stored(chest_pixels(self.bits), self.order)
        vr = _FRAMES if syntax.is_encapsulated else "OB" if self.bits == 8 else "OW"
        self.tree[0x7FE00010] = (vr, stored)
        body = _encode(self.tree, is_implicit=syntax == ImplicitVRLittleEndian, order=self.order)
        if syntax == DeflatedExplicitVRLittleEndian:
            deflater = zlib.compressobj(wbits=-zlib.MAX_WBITS)
            body = deflater.compress(body) + deflater.flush()
        group_2: Tree = {
            0x00020001: ("OB", b"\0\1"),
            0x00020002: self.tree[0x00080016],
            0x00020003: self.tree[0x00080018],
        }
        self.put("TransferSyntaxUID", str(syntax), group_2)
        self.put("ImplementationClassUID", "1.3.6.1.4.1.99999.1", group_2)
        encoded = _encode(group_2 | (meta or {}))
        head = preamble.ljust(128, b"\0")[:128] + b"DICM" + _encode({0x00020000: ("UL", ("I", len(encoded)))})
        needed = tuple(path for path in NEEDED if path.partition(".")[0] not in self.touched)
        return InventedFile(self.name, head + encoded + body + tail, tuple(self.planted), needed)


_CHEST = """
    SpecificCharacterSet ISO_IR 100
    ImageType ORIGINAL\\PRIMARY
    BodyPartExamined CHEST
    ViewPosition AP
    PatientOrientation L\\F
    PatientSex F
    PatientAge 058Y
    PerformedProcedureStepDescription CHEST (PORTABLE AP)
    ViewCodeSequence/CodeValue R-10206
    ViewCodeSequence/CodingSchemeDesignator SRT
    ViewCodeSequence/CodeMeaning antero-posterior
    PatientOrientationCodeSequence/CodeValue F-10440
    PatientOrientationCodeSequence/CodingSchemeDesignator SRT
    PatientOrientationCodeSequence/CodeMeaning Erect
    SeriesNumber 2
    InstanceNumber 1
    KVP 125
    ExposureTime 8
    XRayTubeCurrent 250
    Exposure 2
    DistanceSourceToDetector 1800
    ImagerPixelSpacing 0.143\\0.143
    PhotometricInterpretation MONOCHROME2
    PixelIntensityRelationship LIN
    WindowCenter 2048
    WindowWidth 4096
"""
"""A plain chest radiograph: nothing of it is identifying."""


def chest_pixels(bits: int) -> NDArray[np.unsignedinteger]:
    """Two dark lungs in a bright body with noise, as a detector stores it."""
    y, x = np.mgrid[:ROWS, :COLUMNS].astype(np.float32)
    y, x = y / ROWS, x / COLUMNS
    lungs = sum(np.exp(-(((x - c) / 0.13) ** 2) - ((y - 0.42) / 0.24) ** 2) for c in (0.3, 0.7))
    noise = np.random.default_rng(7).normal(0, 0.004, (ROWS, COLUMNS))
    picture = (0.75 - 0.5 * lungs + noise).clip(0.02, 0.95) * ((1 << bits) - 1)
    stored: NDArray[np.unsignedinteger] = picture.astype(np.uint8 if bits == 8 else np.uint16)
    return stored


def _stored(pixels: NDArray[np.unsignedinteger], order: str = "<") -> bytes:
    return pixels.astype(pixels.dtype.newbyteorder(">" if order == ">" else "<")).tobytes()


def _bit_plane(text: bytes, bit: int) -> NDArray[np.uint16]:
    """Text as an overlay embedded in the pixels: a bit a pixel, the lowest bit of a byte first (PS3.5 section 8.1)."""
    plane = np.zeros(ROWS * COLUMNS, np.uint16)
    bits = np.unpackbits(np.frombuffer(text, np.uint8), bitorder="little")
    plane[: bits.size] = bits
    return np.left_shift(plane, np.uint16(bit)).reshape(ROWS, COLUMNS)


# ---------------------------------------------------------------- the data set


def _attributes(tokens: _Tokens) -> InventedFile:
    draft = _Draft("attributes.dcm", tokens, sop_class=CR)
    draft.plants("attribute", _PEOPLE)
    draft.plants("attribute", _VISIT)
    draft.plants("date or time", _DAYS)
    return draft.finish()


_PEOPLE = """
    PatientName {name}^Elda^^Dr
    IssuerOfPatientID {name} Registry
    OtherPatientIDs {number}\\{number}
    OtherPatientNames {name}^Orla
    PatientBirthName {name}^Elda
    PatientMotherBirthName {name}^Ysolde
    PatientAddress 14 {name} Lane^Quornby^{id7}
    PatientTelephoneNumbers {phone}
    MilitaryRank Capt {name}
    BranchOfService {name} Fleet
    CountryOfResidence {name}
    RegionOfResidence {name}
    EthnicGroup {name}
    Occupation pilot at {name}
    PatientReligiousPreference {name}
    PatientState held by {name}
    PatientComments call {name} at {phone}
    AdditionalPatientHistory fell at {name}, seen {date}
    MedicalAlerts {name} card {number}
    Allergies {name}
    SpecialNeeds guide dog {name}
    ResponsiblePerson {name}^Aud
    ResponsibleOrganization {name} Trust
    MedicalRecordLocator {number}
    ReferringPhysicianName {name}^Ulf
    ReferringPhysicianAddress {name} Road 2
    ReferringPhysicianTelephoneNumbers {phone}
    PhysiciansOfRecord {name}^Ida
    PerformingPhysicianName {name}^Eir
    NameOfPhysiciansReadingStudy {name}^Odd
    OperatorsName {name}^Bo
    RequestingPhysician {name}^Tor
    ScheduledPerformingPhysicianName {name}^Liv
    NamesOfIntendedRecipientsOfResults {name}
    ContentCreatorName {name}^Una
    OrderEnteredBy {name}^Tor
    OrderCallbackPhoneNumber {phone}
"""
_VISIT = """
    InstitutionName {name} General
    InstitutionAddress {name} Square 1
    InstitutionalDepartmentName {name} wing
    StationName {name}
    RequestingService {name} clinic
    CurrentPatientLocation {name} ward
    PatientInstitutionResidence {name} home
    PerformedLocation {name}
    PerformedStationName {name}
    PerformedStationAETitle {name}
    AccessionNumber A{number}
    StudyID S{id7}
    AdmissionID {number}
    ServiceEpisodeID {number}
    ServiceEpisodeDescription stay with {name}
    RequestedProcedureID {number}
    RequestedProcedureDescription chest for {name}
    ReasonForTheRequestedProcedure {name} asked
    RequestedProcedureComments see {name}
    PerformedProcedureStepID {number}
    ImageComments shown to {name}
    DerivationDescription copied for {name}
    DetectorID {number}
    DeviceSerialNumber {number}
    PlateID {number}
    CassetteID {number}
    GantryID {number}
    PlacerOrderNumberImagingServiceRequest {number}
    FillerOrderNumberImagingServiceRequest {number}
    AdmittingDiagnosesDescription cough since {name}
    ClinicalTrialSubjectID {number}
    ClinicalTrialSiteName {name}
"""
_DAYS = """
    PatientBirthDate {birth}
    PatientBirthTime {time}
    StudyDate {date}
    StudyTime {time}
    SeriesDate {date}
    AcquisitionDate {date}
    ContentDate {date}
    ContentTime {time}.123456
    AcquisitionDateTime {date}{time}.25+0100
    AdmittingDate {date}
    PerformedProcedureStepStartDate {date}
    LastMenstrualDate {date}
    DateOfLastCalibration {date}
    PatientDeathDateInAlternativeCalendar {date}
"""


def _nested(tokens: _Tokens) -> InventedFile:
    draft = _Draft("nested.dcm", tokens)
    draft.plants("", _NESTED)
    return draft.finish()


_NESTED = """
    OtherPatientIDsSequence/PatientID {number}
    OtherPatientIDsSequence/IssuerOfPatientID {name}
    OtherPatientIDsSequence/IssuerOfPatientIDQualifiersSequence/UniversalEntityID {name}.example
    RequestAttributesSequence/RequestedProcedureID {number}
    RequestAttributesSequence/ScheduledProcedureStepDescription chest for {name}
    RequestAttributesSequence/ScheduledProcedureStepID {number}
    RequestAttributesSequence/ReasonForTheRequestedProcedure {name} insists
    RequestAttributesSequence/AccessionNumber {number}
    RequestAttributesSequence/RequestedProcedureCodeSequence/CodeMeaning chest of {name}
    ReferencedStudySequence/ReferencedSOPInstanceUID {uid}
    ReferencedPerformedProcedureStepSequence/ReferencedSOPInstanceUID {uid}
    SourceImageSequence/ReferencedSOPInstanceUID {uid}
    SourceImageSequence/PurposeOfReferenceCodeSequence/CodeMeaning copy of {name}
    ReferencedPatientPhotoSequence/StudyInstanceUID {uid}
    PerformingPhysicianIdentificationSequence/InstitutionName {name}
    PerformingPhysicianIdentificationSequence/PersonTelephoneNumbers {phone}
    PerformingPhysicianIdentificationSequence/PersonIdentificationCodeSequence/CodeMeaning {name}^Eir
    PerformingPhysicianIdentificationSequence/PersonIdentificationCodeSequence/CodeValue {number}
    OperatorIdentificationSequence/PersonIdentificationCodeSequence/EquivalentCodeSequence/CodeMeaning {name}
    OperatorIdentificationSequence/PersonIdentificationCodeSequence/EquivalentCodeSequence/LongCodeValue {number}
    InstitutionCodeSequence/CodeMeaning {name} General
    OriginalAttributesSequence/SourceOfPreviousValues {name}
    OriginalAttributesSequence/ModifyingSystem {name}
    OriginalAttributesSequence/ModifiedAttributesSequence/PatientName {name}^Elda
    OriginalAttributesSequence/ModifiedAttributesSequence/PatientID {number}
    OriginalAttributesSequence/ModifiedAttributesSequence/PatientBirthDate {birth}
    OriginalAttributesSequence/ModifiedAttributesSequence/OtherPatientIDsSequence/PatientID {number}
    StudiesContainingOtherReferencedInstancesSequence/ReferencedSeriesSequence/SeriesInstanceUID {uid}
    ReferencedSeriesSequence/ReferencedInstanceSequence/PurposeOfReferenceCodeSequence/CodeMeaning prior of {name}
    ReferencedSeriesSequence/ReferencedInstanceSequence/PurposeOfReferenceCodeSequence/CodeValue {number}
    ContentSequence/TextValue seen by {name}
    ContentSequence/PersonName {name}^Ulf
    ContentSequence/UID {uid}
    ContentSequence/DateTime {date}{time}
    ContentSequence/ContentSequence/ContentSequence/TextValue {name} again
    ContentSequence/ContentSequence/ContentSequence/ContentSequence/Date {date}
    AcquisitionContextSequence/TextValue {name}
    ViewCodeSequence/CodeMeaning AP of {name}
    ViewCodeSequence/00290010:LO MAKER 7
    ViewCodeSequence/00291001:LO {name}
    ViewCodeSequence/ViewModifierCodeSequence/CodeMeaning leaning on {name}
    PatientOrientationCodeSequence/PatientOrientationModifierCodeSequence/CodeMeaning held by {name}
    ProcedureCodeSequence/CodeValue {id7}
    ProcedureCodeSequence/CodingSchemeDesignator C4
    ProcedureCodeSequence/CodeMeaning {name}
    AnatomicRegionSequence/CodeValue T-D3000
    AnatomicRegionSequence/CodingSchemeDesignator SRT
    AnatomicRegionSequence/CodeMeaning chest of {name}
    AnatomicRegionSequence/AnatomicRegionModifierSequence/CodeMeaning {name}
    DeidentificationMethodCodeSequence/CodeMeaning done by {name}
    EncryptedAttributesSequence/EncryptedContent {name}
    PatientInsurancePlanCodeSequence/CodeMeaning {name} Mutual {number}
"""


def _private(tokens: _Tokens) -> InventedFile:
    draft = _Draft("private.dcm", tokens)
    draft.plants("private block", _BLOCK)
    draft.plants("private creator", "00110010:LO {name} SYSTEMS\n00130010:LO WARD OF {name}")
    draft.plants("private, no creator", "00191001:LO {name}\n00291010:SH {number}")
    draft.plants("private sequence", "00091030:SQ/PatientName {name}\n00091030:SQ/PatientID {number}")
    draft.plants("private sequence", "00091031:SQ/ContentSequence/00091032:SQ/PersonName {name}")
    xml = draft.text("private, gzip", "<patient><name>{name}</name><id>{number}</id></patient>")
    draft.put("00091040:OB", gzip.compress(xml, mtime=0))
    draft.put("00091041:UN", zlib.compress(draft.text("private, zlib", "order of {name}, {phone}")))
    draft.charset = "utf-16-le"
    draft.plants("private, UTF-16", "00091042:OB {name}")
    draft.charset = "utf-16-be"
    draft.plants("private, UTF-16", "00091043:UN {name} {number}")
    draft.charset = "ascii"
    return draft.finish()


_BLOCK = """
    00090010:LO MAKER 1
    00091001:LO {name}
    00091002:PN {name}^Elda
    00091003:SH {number}
    00091004:ST seen by {name}
    00091005:DA {date}
    00091006:UI {uid}
    00091007:CS {name}
    00091008:IS {number}
    00091009:DS {number}
    0009100A:UT note of {name}, {phone}
    0009100B:OB bytes of {name}
    0009100C:UN unknown {name}
    0009100D:OW words of {name}
    0009100E:UC {name}
    0009100F:UR http://{name}.example/{number}
    00091010:AE {name}
"""


def _unknown(tokens: _Tokens) -> InventedFile:
    """Implicit VR, where a reader has to guess; unknown and retired tags, odd groups without a creator."""
    draft = _Draft("unknown.dcm", tokens, sop_class=CR)
    for place, tags in _UNKNOWN.items():
        for number, tag in enumerate(tags.split()):
            draft.plants(place, f"{tag}:UN " + ("{number}" if number % 3 == 2 else "{name}"))
    return draft.finish(ImplicitVRLittleEndian)


_UNKNOWN = {
    "unknown tag": "00080F01 0010F0F0 0012F001 00189999 0020EEEE 00280FFF 0040F001 0042FF01 00880F00 1234ABCD 20100F01 "
    "30060F02 54000F00 7FE0F001 88880001 FFFA0001",
    "retired tag": "00084000 00104000 00184000 00204000 00284000 00324000 00384000 40000010 40004000 40080115 40080300 "
    "40080102 00203401 00203404 00101050",
    "private, no creator": "00151001 00211010 00510010 7FE11001",
}


def _overlays(tokens: _Tokens) -> InventedFile:
    draft = _Draft("overlays.dcm", tokens, sop_class=CR)
    for group in ("6000", "6002", "601E"):
        for element, number in (("0010", ROWS), ("0011", COLUMNS), ("0050", 1), ("0100", 1), ("0102", 0)):
            draft.put(f"{group}{element}:US", ("H", number))
        draft.plants("overlay", f"{group}0022:LO outline by {{name}}\n{group}1500:LO {{name}} {{number}}")
        draft.plants("overlay", f"{group}4000:LT {{name}}")
        draft.put(f"{group}3000:OW", draft.text("overlay data", "{name} {number}").ljust(ROWS * COLUMNS // 8, b"\0"))
    draft.put("60100100:US", ("H", 16))
    draft.put("60100102:US", ("H", 12))
    draft.plants("curve", _CURVE)
    for keyword, number in (("Rows", 8), ("Columns", 8), ("SamplesPerPixel", 1), ("BitsAllocated", 8)):
        draft.put(f"IconImageSequence/{keyword}", ("H", number))
    draft.plants("icon", "IconImageSequence/PatientName {name}\nIconImageSequence/ImageComments {name}")
    draft.put("IconImageSequence/7FE00010:OB", draft.text("icon", "{name}").ljust(64, b"\0"))
    for sequence in ("ModalityLUTSequence", "VOILUTSequence"):
        draft.put(f"{sequence}/LUTDescriptor:US", ("H", 16, 0, 16))
        draft.plants("look-up table", f"{sequence}/LUTExplanation made by {{name}}\n{sequence}/LUTData:OW {{name}}")
    draft.plants("look-up table", "RedPaletteColorLookupTableData:OW {name}")
    draft.plants("graphic", "GraphicAnnotationSequence/TextObjectSequence/UnformattedTextValue {name}")
    pixels = chest_pixels(12).astype(np.uint16)
    for bit in (12, 13, 15):
        pixels |= _bit_plane(draft.text("bits above BitsStored", "{name} {number}"), bit)
    return draft.finish(pixels=_stored(pixels))


_CURVE = """
    50000022:LO curve of {name}
    50000030:SH {name}
    5000200C:OW spoken {name}
    50002500:LO {name}
    50003000:OW points of {name}
"""


def _descriptions(tokens: _Tokens) -> InventedFile:
    """Attributes that research wants, with somebody in them; people whose names are words of radiology."""
    draft = _Draft("descriptions.dcm", tokens)
    draft.plants("description", _DESCRIBED)
    return draft.finish()


_DESCRIBED = """
    PatientName «Apex^Cross»
    StudyDescription «CHEST APEX CROSS»
    OperatorsName Hand^Ivy
    AcquisitionDeviceProcessingDescription «chest hand view»
    SeriesDescription CHEST PA for {name}
    ProtocolName chest {number}
    PerformedProcedureStepDescription CHEST AP (DR. {name})
    Manufacturer {name} Imaging
    ManufacturerModelName of {name}
    ImageType ORIGINAL\\PRIMARY\\\\{name}
    BodyPartExamined CHEST {name}
    ViewPosition AP {name}
    PatientOrientation L\\{name}
    ImageLaterality {name}
    PatientSex F {name}
    PatientAge «093Y»
    FilterType {name}
    FilterMaterial COPPER\\{name}
    Grid {name}
    DetectorType {name}
    DetectorDescription {name}
    CassetteSize {name}
    RescaleType {name}
    PresentationLUTShape {name}
    QualityControlImage {name}
    LossyImageCompressionMethod {name}
    PixelSpacingCalibrationDescription {name}
"""


def _numbers(tokens: _Tokens) -> InventedFile:
    """Record numbers that ended up in numeric attributes, as text and as binary numbers."""
    draft = _Draft("numbers.dcm", tokens, sop_class=CR)
    draft.plants("number", _NUMBERED)
    draft.put("00090010:LO", "MAKER 5")
    for path, code in (
        ("ReferencePixelX0", "i"),
        ("RegionFlags", "I"),
        ("SelectorFDValue", "d"),
        ("SelectorULValue", "I"),
        ("00091001:UL", "I"),
        ("00091002:FD", "d"),
    ):
        draft.put(path, (code, int(draft.text("binary number", "{number}", path))))
    return draft.finish()


_NUMBERED = """
    SeriesNumber {number}
    InstanceNumber {number}
    AcquisitionNumber {number}
    KVP {number}
    ExposureTime {number}
    XRayTubeCurrent {id7}
    Exposure {number}
    ExposureInuAs {id7}
    ExposureIndex {number}
    DeviationIndex 1.{number}
    EntranceDoseInmGy 0.{number}
    DistanceSourceToDetector 180.{id7}
    DistanceSourceToPatient {number}
    RelativeXRayExposure {number}
    Sensitivity {number}
    WindowCenter {number}
    WindowWidth {number}
    RescaleIntercept {number}
    RescaleSlope 1
    PixelAspectRatio {number}\\1
    CollimatorLeftVerticalEdge {number}
    FieldOfViewDimensions {number}
    LossyImageCompressionRatio {number}
    NumberOfTemporalPositions {number}
    StudyTime {time}.{id7}
    ImagesInAcquisition {number}
"""


def _malformed(tokens: _Tokens) -> InventedFile:
    """Text where numbers and dates belong, and a VR that does not exist."""
    draft = _Draft("malformed.dcm", tokens)
    draft.plants("malformed", _MALFORMED)
    return draft.finish()


_MALFORMED = """
    KVP {name}
    PatientBirthDate {name}
    StudyTime {name}
    SeriesNumber {name}
    PatientSize {name}
    LengthToEnd {number}
    FrameIncrementPointer {name}
    00090010:LO MAKER 4
    00091001:XX {name}
"""


# ---------------------------------------------------------------- compressed


def _jpeg(tokens: _Tokens) -> InventedFile:
    draft = _Draft("jpeg.dcm", tokens, sop_class=CR, bits=8)
    exif = Image.Exif()
    for tag, template in ((0x010E, "chest of {name}"), (0x013B, "{name}"), (0x8298, "{name} Ltd"), (0x0132, "{date}")):
        exif[tag] = draft.text("JPEG EXIF", template).decode()
    buffer = io.BytesIO()
    Image.fromarray(chest_pixels(8)).save(buffer, "JPEG", quality=92, exif=exif)
    segments = [
        (0xFE, "{name} {number}"),
        (0xFE, "acc {number}, {phone}"),
        (0xE1, "http://ns.adobe.com/xap/1.0/\0<creator>{name}"),
        (0xED, "Photoshop 3.0\0 8BIM {name}"),
        (0xEF, "ward of {name}"),
    ]
    stream = _with_segments(buffer.getvalue(), draft, segments)
    stream += draft.text("behind the end of a JPEG", "{name} {number}")
    return draft.finish(JPEGBaseline8Bit, encapsulate([stream]))


def _with_segments(stream: bytes, draft: _Draft, segments: list[tuple[int, str]], at: int = 2) -> bytes:
    """Marker segments put into a stream, by default behind its first marker."""
    inserted = b""
    for marker, template in segments:
        text = draft.text("JPEG COM" if marker in {0xFE, 0x64} else "JPEG APP", template)
        inserted += bytes((0xFF, marker)) + struct.pack(">H", len(text) + 2) + text
    return stream[:at] + inserted + stream[at:]


def _jpeg_lossless(tokens: _Tokens) -> InventedFile:
    draft = _Draft("jpeg-lossless.dcm", tokens)
    stream = bytes(imagecodecs.jpeg8_encode(chest_pixels(12), lossless=True, predictor=1, bitspersample=12))
    stream = _with_segments(stream, draft, [(0xFE, "{name}^Elda {birth}"), (0xE3, "{name}")])
    return draft.finish(JPEGLosslessSV1, encapsulate([stream]))


def _jpeg_ls(tokens: _Tokens) -> InventedFile:
    draft = _Draft("jpeg-ls.dcm", tokens)
    stream = bytes(imagecodecs.jpegls_encode(chest_pixels(12)))
    stream = _with_segments(stream, draft, [(0xFE, "{name} {number}"), (0xE8, "{name}")])
    return draft.finish(JPEGLSLossless, encapsulate([stream]))


def _jpeg2000(tokens: _Tokens) -> InventedFile:
    """A whole JP2 file in the frame, as some encoders write it, with a box of XML before the codestream."""
    draft = _Draft("jpeg2000.dcm", tokens)
    stream = bytes(imagecodecs.jpeg2k_encode(chest_pixels(12), level=0, reversible=True, codecformat="jp2"))
    start = stream.index(b"\xff\x4f\xff\x51")
    boxes, codestream = stream[: start - 8], stream[start:]
    behind_size = 4 + int.from_bytes(codestream[4:6], "big")
    segments = [(0x64, "\0\1{name} {number}"), (0x64, "\0\1{phone}")]
    codestream = _with_segments(codestream, draft, segments, at=behind_size)
    xml = draft.text("JPEG 2000 box", "<patient>{name}, {birth}")
    boxes += struct.pack(">I4s", len(xml) + 8, b"xml ") + xml + struct.pack(">I4s", 0, b"jp2c")
    return draft.finish(JPEG2000Lossless, encapsulate([boxes + codestream]))


def _deflated(tokens: _Tokens) -> InventedFile:
    draft = _Draft("deflated.dcm", tokens, sop_class=CR)
    draft.plants("deflated", _MIXED)
    return draft.finish(DeflatedExplicitVRLittleEndian)


def _big_endian(tokens: _Tokens) -> InventedFile:
    draft = _Draft("big-endian.dcm", tokens, sop_class=CR, order=">")
    draft.plants("big endian", _MIXED)
    return draft.finish(ExplicitVRBigEndian)


_MIXED = """
    PatientName {name}^Elda
    PatientAddress {name} Lane 3
    InstitutionName {name} General
    ReferringPhysicianName {name}^Ulf
    OperatorsName {name}^Bo
    AccessionNumber {number}
    StudyDescription CHEST of {name}
    SeriesDescription {name} AP
    PatientComments {phone}
    StudyDate {date}
    PatientBirthDate {birth}
    ImageComments seen by {name}
    00090010:LO MAKER 9
    00091001:LO {name}
    ReferencedPatientSequence/PatientName {name}
"""


# ---------------------------------------------------------------- other writings, and around the data set


def _utf8(tokens: _Tokens) -> InventedFile:
    draft = _Draft("utf-8.dcm", tokens)
    draft.charset = "utf-8"
    draft.plants("character set", _UTF8)
    return draft.finish()


_UTF8 = """
    SpecificCharacterSet ISO_IR 192
    PatientName «Зорнвиков»^Эльда
    OtherPatientNames «Brþólfsdøttir»^Ýr
    ReferringPhysicianName «Quørnbäck»^Åse
    OperatorsName «윤달별»
    InstitutionName «مشفى زرنويك»
    PatientAddress «ул. Зимородков» 4
    PatientComments call «Łukwędrzyński»
    StudyDescription CHEST «Ñuñezqüel»
    SeriesDescription «胸片给霁岚»
    StationName «Τμήμα Ζορν»
    ContentSequence/PersonName «Ξανθίδρου»^Αυγή
    00090010:LO MAKER 3
    00091001:UT «Ґалвинчук»
"""


def _latin1(tokens: _Tokens) -> InventedFile:
    draft = _Draft("latin-1.dcm", tokens)
    draft.charset = "latin-1"
    draft.plants("character set", _LATIN1)
    return draft.finish()


_LATIN1 = """
    PatientName «Grünzwölf»^Ådne
    PatientMotherBirthName «Çelvérane»
    InstitutionAddress «Straße am Öhrlein» 9
    PatientComments señora «Ibáñequol»
    ProtocolName CHEST «Völkerwünsch»
    ReferringPhysicianName «Sjöqvärn»^Bo
    ImageComments «Üzgälmez» {number}
    InstitutionCodeSequence/CodeMeaning chef «Mâchevrel»
"""


def _japanese(tokens: _Tokens) -> InventedFile:
    """ISO 2022: names in Latin, ideographic and phonetic groups with escape sequences (PS3.5 annex H)."""
    draft = _Draft("japanese.dcm", tokens, sop_class=CR)
    draft.charset = "iso2022_jp"
    draft.plants("character set", _JAPANESE)
    return draft.finish()


_JAPANESE = """
    SpecificCharacterSet \\ISO 2022 IR 87
    PatientName {name}^Elda=«霧岬»^«澪子»=«きりみさきの»^«みおこのみ»
    ReferringPhysicianName {name}=«蛍沢原»
    InstitutionName «霞ヶ灘病院»
    PatientComments «雫石橋»へ連絡 {phone}
    ContentSequence/PersonName «露草路»
"""


def _around(tokens: _Tokens) -> InventedFile:
    """What lies outside of an image's attributes: preamble, file meta, a signature, everything behind the pixels."""
    draft = _Draft("around.dcm", tokens)
    meta: Tree = {}
    draft.plants("file meta", _META, meta)
    draft.plants("signature", _SIGNATURE)
    draft.plants("behind the pixels", "7FE10010:LO {name}\n7FE11001:UT {name} {number}\nFFFCFFFC:OB {name} {number}")
    preamble = b"II*\0\x08\0\0\0" + draft.text("preamble", "{name} {number} {phone}")
    too_long = _stored(chest_pixels(12)) + draft.text("pixel data, too long", "{name}, {number}.")
    too_long += b"\0" * (len(too_long) % 2)
    tail = draft.text("behind the data set", "\nexported by {name} for {name}, {phone}\n")
    return draft.finish(pixels=too_long, preamble=preamble, meta=meta, tail=tail)


_META = """
    ImplementationVersionName {name}
    SourceApplicationEntityTitle {name}
    SendingApplicationEntityTitle {name}
    ReceivingApplicationEntityTitle {name}
    SourcePresentationAddress http://{name}.example
    SendingPresentationAddress {name}:104
    ReceivingPresentationAddress {name}
    PrivateInformationCreatorUID {uid}
    PrivateInformation sent by {name} {number}
    00020F01:LO {name}
"""
_SIGNATURE = """
    FFFAFFFA:SQ/CertificateOfSigner CN={name}
    FFFAFFFA:SQ/DigitalSignatureUID {uid}
    FFFAFFFA:SQ/Signature {name}
"""

_BUILDERS: tuple[Callable[[_Tokens], InventedFile], ...] = (
    _attributes,
    _nested,
    _private,
    _unknown,
    _overlays,
    _descriptions,
    _numbers,
    _malformed,
    _jpeg,
    _jpeg_lossless,
    _jpeg_ls,
    _jpeg2000,
    _deflated,
    _big_endian,
    _utf8,
    _latin1,
    _japanese,
    _around,
)
