"""Burned-in text alone: one file through the pixel engine, its header kept as it is.

Takes a DICOM file, gives the same file with blacked pixels and a row for every text box. This is no de-identification:
the header still names the patient, whose own identifiers are what the engine looks for.
"""

import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pydicom.dataset import Dataset
from pydicom.multival import MultiValue
from pydicom.uid import ExplicitVRLittleEndian

from cxr_core.deidentify.pixels import TextReader, redact_pixels
from cxr_core.deidentify.study import box_rows
from cxr_core.imaging.decoding import decode
from cxr_core.imaging.reading import read_header
from cxr_core.policy.markers import MarkerPolicy
from cxr_core.vault.dictionary import IdentityFacts, build_dictionaries

_IDENTIFYING = ("PatientID", "OtherPatientIDs", "AccessionNumber", "StudyID")


@dataclass(frozen=True, slots=True)
class RedactedFile:
    """A file with blacked pixels, and where they are."""

    content: bytes = field(repr=False)
    box_rows: Sequence[Mapping[str, object]] = field(repr=False)


def redact_file(path: Path, *, readers: Sequence[TextReader], markers: MarkerPolicy) -> RedactedFile:
    """Black out the burned-in text of one file.

    Returns
    -------
    RedactedFile
        Explicit VR Little Endian, uncompressed; every other element as found.

    Raises
    ------
    ItemError
        As `read_header`, `decode` and `redact_pixels` raise it.
    """
    dataset = read_header(path)
    stored = decode(dataset)
    result = redact_pixels(
        stored.pixels,
        photometric=stored.photometric,
        identifiers=_identifiers(dataset),
        readers=readers,
        markers=markers,
    )
    dataset.PixelData = _padded(result.pixels.tobytes())
    dataset["PixelData"].VR = "OB" if result.pixels.dtype.itemsize == 1 else "OW"
    dataset["PixelData"].is_undefined_length = False
    dataset.BitsAllocated = result.pixels.dtype.itemsize * 8
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    target = io.BytesIO()
    dataset.save_as(target, enforce_file_format=True, little_endian=True, implicit_vr=False)
    return RedactedFile(target.getvalue(), box_rows("", "", result.boxes))


def _padded(content: bytes) -> bytes:
    return content + b"\0" * (len(content) % 2)


def _identifiers(dataset: Dataset) -> tuple[str, ...]:
    """What the header itself knows of the patient."""
    patient = ("", str(dataset.get("PatientID", "")))
    facts = IdentityFacts(
        patient,
        names=tuple(_values(dataset, ["PatientName", "OtherPatientNames", "PatientBirthName"])),
        identifiers=tuple(_values(dataset, _IDENTIFYING)),
    )
    dictionaries, _ = build_dictionaries([facts])
    return dictionaries[patient].burned_in_strings()


def _values(dataset: Dataset, keywords: Iterable[str]) -> Iterator[str]:
    for keyword in keywords:
        value = dataset.get(keyword)
        for item in value if isinstance(value, MultiValue) else [value]:
            if item:
                yield str(item)
