"""Burned-in text alone: one file through the pixel engine, its header kept as it is.

Takes a DICOM file, gives the same file with blacked pixels, without overlay planes and thumbnails, and a row for every
text box. This is no de-identification: the header still names the patient, whose own identifiers are what the engine
looks for.
"""

import io
import struct
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.filewriter import dcmwrite
from pydicom.multival import MultiValue
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian

from cxr_core.deidentify.pixels import TextReader, draw_sheet, redact_pixels
from cxr_core.deidentify.study import box_rows
from cxr_core.errors import ItemError
from cxr_core.imaging.decoding import decode
from cxr_core.imaging.reading import read_header
from cxr_core.policy.markers import MarkerPolicy
from cxr_core.vault.dictionary import IdentityFacts, build_dictionaries
from cxr_core.vocabulary import QualityFlag, Reason

_OVERLAY_GROUPS = range(0x6000, 0x6100)
_ICON = 0x00880200
_IDENTIFYING = ("PatientID", "OtherPatientIDs", "AccessionNumber", "StudyID")


@dataclass(frozen=True, slots=True)
class RedactedFile:
    """A file with blacked pixels, where they are, and the picture for the operator (see `draw_sheet`)."""

    content: bytes = field(repr=False)
    box_rows: Sequence[Mapping[str, object]] = field(repr=False)
    flags: tuple[QualityFlag, ...]
    sheet: bytes | None = field(repr=False)


def redact_file(
    path: Path, *, readers: Sequence[TextReader], markers: MarkerPolicy, has_sheet: bool = False
) -> RedactedFile:
    """Black out the burned-in text of one file, and take out what else may show it: overlay planes, thumbnails.

    Returns
    -------
    RedactedFile
        Explicit VR, uncompressed, in the byte order of the source; every other element as found.

    Raises
    ------
    ItemError
        As `read_header`, `decode` and `redact_pixels` raise it; E_NOT_DICOM where the header cannot be written.
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
    sheet = draw_sheet(stored.pixels, result, stored.photometric) if has_sheet else None
    _drop_other_pictures(dataset)
    return RedactedFile(_with_pixels(dataset, result.pixels), box_rows("", "", result.boxes), result.flags, sheet)


def _drop_other_pictures(dataset: Dataset) -> None:
    """Overlay planes (groups 6000-60FF; PS3.3 C.9) and the icon image: drawn text that is not in the pixels."""
    tags = list(dataset.keys())  # not the elements: pydicom would look into each
    for tag in tags:
        if tag.group in _OVERLAY_GROUPS or tag == _ICON:
            del dataset[tag]


def _with_pixels(dataset: Dataset, pixels: NDArray[np.integer]) -> bytes:
    """The same file with other pixels, uncompressed.

    The byte order stays: binary elements that pydicom does not look into (overlays, look-up tables) are in it too.
    """
    is_little = dataset.original_encoding[1] is not False
    content = pixels.astype(pixels.dtype.newbyteorder("<" if is_little else ">"), copy=False).tobytes()
    wide = pixels.dtype.itemsize > 1
    element = DataElement(0x7FE00010, "OW" if wide else "OB", content + b"\0" * (len(content) % 2))
    dataset.add(element)
    dataset.BitsAllocated = 8 * pixels.dtype.itemsize
    dataset.ensure_file_meta()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian if is_little else ExplicitVRBigEndian
    target = io.BytesIO()
    try:
        dcmwrite(target, dataset, implicit_vr=False, little_endian=is_little, enforce_file_format=True)
    except (ValueError, TypeError, AttributeError, KeyError, NotImplementedError, OverflowError, struct.error):
        # pydicom looks into an element only when it writes it, and its messages quote the value.
        raise ItemError(Reason.E_NOT_DICOM, "an element of the header cannot be written") from None
    return target.getvalue()


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
