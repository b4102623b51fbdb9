"""Decides which strings of a DICOM header identify somebody, and what kind of identifier each is.

Takes a data set, walks it to the bottom (sequences and private blocks too) and gives an `Identity`.
How the strings are folded and looked for is left to `cxr_core.vault.dictionary`.
"""

import re
from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache

from pydicom import DataElement
from pydicom._dicom_dict import DicomDictionary
from pydicom.valuerep import PersonName

from cxr_core.intake.sources.elements import Node, ParsedNode
from cxr_core.intake.sources.folder import plain_values


class Bucket(StrEnum):
    """What kind of identifier a string is; the members are the fields of `Identity`."""

    PERSON = "person_names"
    STAFF = "staff_names"
    IDENTIFIER = "identifiers"
    PHONE = "phones"
    ADDRESS = "addresses"
    PLACE = "places"


_KEYWORDS = {
    Bucket.PERSON: "PatientName OtherPatientNames PatientBirthName PatientMotherBirthName ResponsiblePerson",
    Bucket.IDENTIFIER: (
        "PatientID OtherPatientIDs AccessionNumber StudyID AdmissionID RequestedProcedureID ServiceEpisodeID "
        "FillerOrderNumberImagingServiceRequest PlacerOrderNumberImagingServiceRequest "
        "FillerOrderNumberProcedure PlacerOrderNumberProcedure FillerOrderNumberImagingServiceRequestRetired "
        "PlacerOrderNumberImagingServiceRequestRetired MedicalRecordLocator InsurancePlanIdentification "
        "DeviceSerialNumber DetectorID PlateID CassetteID GantryID DeviceID XRaySourceID UniqueDeviceIdentifier "
        "PerformedProcedureStepID ScheduledProcedureStepID SpecimenAccessionNumber EntityLabel "
        "ClinicalTrialSubjectID ClinicalTrialSubjectReadingID PatientTelecomInformation"
    ),
    Bucket.ADDRESS: "PatientAddress",
    Bucket.PLACE: (
        "InstitutionName InstitutionAddress InstitutionalDepartmentName StationName ScheduledStationName "
        "PerformedStationName ScheduledStationAETitle PerformedStationAETitle StationAETitle RequestingService "
        "ScheduledProcedureStepLocation PerformedLocation CurrentPatientLocation PatientInstitutionResidence "
        "RegionOfResidence CountryOfResidence"
    ),
}
_NAMES = (Bucket.PERSON, Bucket.STAFF)
_CODE_MEANING = 0x00080104
_PERSON_CODES = 0x00401101
_ALWAYS = frozenset(["SQ", "PN"])
_PRIVATE_TEXT_VRS = frozenset(["AE", "CS", "LO", "PN", "SH"])
_PRIVATE_VRS = frozenset(["AE", "CS", "LO", "SH", "ST", "IS", "DS", "UN", "PN", "SQ"])

_CARET_NAME = re.compile(r"[^\W\d_][^\d^|;:]*(?:\^[^\d^|;:]*){1,4}")
_HAS_FOUR_DIGITS = re.compile(r"(?:\d\D?){4}")
# A date, a decimal number or a UID, bare or behind a name ("FP=0.1000"): settings of a device, not of a person.
_DATE_OR_NUMBER = re.compile(
    r"(?:\w{1,12}\s*[=:]\s*)?"
    r"(?:(?:19|20)\d{6}(?:\d{2,6})?(?:\.\d+)?|[+-]?\d*\.\d+(?:[eE][+-]?\d+)?|[012]\.[\d.]+)"
)
_MAX_PRIVATE_CHARS = 32
_MAX_DEPTH = 30


@dataclass(slots=True)
class Identity:
    """Raw strings that identify somebody, in the order found, each once; every field is PHI."""

    person_names: dict[str, None] = field(default_factory=dict, repr=False)
    staff_names: dict[str, None] = field(default_factory=dict, repr=False)
    identifiers: dict[str, None] = field(default_factory=dict, repr=False)
    phones: dict[str, None] = field(default_factory=dict, repr=False)
    addresses: dict[str, None] = field(default_factory=dict, repr=False)
    places: dict[str, None] = field(default_factory=dict, repr=False)


def collect_identity(header: Node) -> Identity:
    """Gather all that identifies a person or a site in a header.

    Names of the patient and relatives are told from those of staff by their attribute; a person name in a private
    block counts as the patient's, because redacting too much is the smaller harm.

    Source: PS3.15 table E.1-1 (attributes that identify), PS3.6 (keywords).
    """
    identity = Identity()
    found: dict[Bucket | None, dict[str, None]] = {bucket: getattr(identity, bucket) for bucket in Bucket}
    _gather(header, 0, 0, identity, found)
    return identity


@lru_cache(maxsize=1)
def _buckets() -> dict[int, Bucket]:
    """Bucket by tag, for every public attribute that identifies."""
    by_keyword = {keyword: bucket for bucket, keywords in _KEYWORDS.items() for keyword in keywords.split()}
    found: dict[int, Bucket] = {}
    for tag, (vr, _, _, _, keyword) in DicomDictionary.items():
        if keyword in by_keyword:
            found[tag] = by_keyword[keyword]
        elif vr == "PN":
            found[tag] = Bucket.STAFF
        elif "Telephone" in keyword:
            found[tag] = Bucket.PHONE
    return found


@lru_cache(maxsize=1)
def _sequences() -> frozenset[int]:
    return frozenset(tag for tag, entry in DicomDictionary.items() if entry[0] == "SQ")


def _gather(
    node: Node, parent: int, depth: int, identity: Identity, found: dict[Bucket | None, dict[str, None]]
) -> None:
    """Sort the strings of a data set into the buckets of an identity, those of its items included."""
    if depth >= _MAX_DEPTH:
        return
    buckets, sequences = _buckets(), _sequences()
    for tag, (vr, raw) in node.entries():
        is_private = bool(tag & 0x10000)
        bucket = Bucket.STAFF if parent == _PERSON_CODES and tag == _CODE_MEANING else buckets.get(tag)
        if bucket is None and not is_private and tag not in sequences and vr not in _ALWAYS:
            continue
        if is_private and (vr or "UN") not in _PRIVATE_VRS:  # no VR in implicit coding
            continue
        items = node.items(tag) if vr == "SQ" or tag in sequences else None
        if items is None:
            strings = _strings_quickly(node, tag, vr, raw, bucket)
            items = _converted_items(node, tag) if strings is None else []
            if strings is None and items is None:
                strings = _strings_converted(node, tag)
            if strings is not None:
                _sort(strings, bucket if is_private or bucket else Bucket.STAFF, identity, found)
                continue
        for item in items or ():
            _gather(item, tag, depth + 1, identity, found)


def _sort(
    strings: tuple[str | None, list[str]],
    bucket: Bucket | None,
    identity: Identity,
    found: dict[Bucket | None, dict[str, None]],
) -> None:
    """Put the strings of one element where they belong; no bucket for private elements."""
    vr, values = strings
    if bucket is None:
        for value in values:
            _sort_in_private(identity, value, is_name=vr == "PN")
        return
    target = found[bucket]
    for value in values:
        target[value] = None
    if bucket is Bucket.ADDRESS:
        found[Bucket.PLACE].update(dict.fromkeys(town for value in values for town in address_towns(value)))


def _strings_quickly(
    node: Node, tag: int, vr: str | None, raw: object, bucket: Bucket | None
) -> tuple[str | None, list[str]] | None:
    """VR and strings of an element that needs no conversion; None where it does."""
    is_private = bool(tag >> 16 & 1)
    if bucket is not None or vr in _PRIVATE_TEXT_VRS or (is_private and tag & 0xFF00 == 0):
        plain = plain_values(raw, tag, vr, node.encoding)
        if plain is not None:
            return vr, _name_groups(plain) if vr == "PN" or bucket in _NAMES else plain
    unknown = node.unknown_bytes(tag) if is_private else None
    return None if unknown is None else (vr, _printable(unknown))


def _converted_items(node: Node, tag: int) -> list[Node] | None:
    """The items of a sequence that pydicom must convert; none where that fails; None where it is no sequence."""
    try:
        element = node.converted(tag)
        return [ParsedNode(item) for item in element.value or ()] if element.VR == "SQ" else None
    # pydicom converts on access and raises whatever a damaged value meets; such a value cannot be looked for.
    except Exception:  # noqa: BLE001
        return []


def _strings_converted(node: Node, tag: int) -> tuple[str | None, list[str]]:
    element = node.converted(tag)  # converted once already: what it raises was met there
    return element.VR, _strings(element)


def _sort_in_private(identity: Identity, value: str, *, is_name: bool) -> None:
    if is_name or _CARET_NAME.fullmatch(value):
        identity.person_names.setdefault(value)
    elif len(value) <= _MAX_PRIVATE_CHARS and _HAS_FOUR_DIGITS.search(value) and not _DATE_OR_NUMBER.fullmatch(value):
        identity.identifiers.setdefault(value)


def address_towns(address: str) -> list[str]:
    """Give the parts of an address behind the street: `1 Elm St, Quincy MA` gives `Quincy MA`."""
    parts = [part.strip() for part in re.split(r"[,^\n]", address)]
    return [part for part in parts[1:] if re.search(r"[^\W\d_]{2}", part)]


def _strings(element: DataElement) -> list[str]:
    """The values of a text element, stripped; person names with several character groups give one string a group."""
    value = element.value
    if value is None:
        return []
    if isinstance(value, bytes):
        return _printable(value)
    many = [value] if isinstance(value, str | PersonName) or not hasattr(value, "__iter__") else list(value)
    found = [str(part).replace("\x00", "").strip() for part in many]
    return [text for text in (_name_groups(found) if element.VR == "PN" else found) if text]


def _name_groups(names: list[str]) -> list[str]:
    """Person names parted into their alphabetic, ideographic and phonetic groups (PS3.5 section 6.2)."""
    return [text for name in names for group in name.split("=") if (text := group.strip("^ "))]


def _printable(content: bytes) -> list[str]:
    """Bytes of unknown VR as text, if all of them print; else nothing (the bytes are a blob)."""
    text = content[:1024].rstrip(b"\x00 ").decode("latin-1").strip()
    if len(content) > 1024 or not text.isprintable():
        return []
    return [part.strip() for part in text.split("\\") if part.strip()]
