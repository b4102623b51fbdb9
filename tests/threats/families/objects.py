"""Objects that are no single grey radiograph: documents, screenshots, films, colours, floats.

What is wrong within an accepted image is in `picture` and `headers`.
"""

from collections.abc import Callable
from functools import partial

import numpy as np
from dicom_bytes import (
    COLUMNS,
    EIGHT_BITS,
    JPEG_BASELINE,
    PIXEL_DATA,
    ROWS,
    Element,
    compressed,
    encapsulated,
    header,
    image,
    items,
    part10,
    phantom,
    phantom_8,
    pixels,
    text,
    us,
)
from frames import encoded
from threat import Beyond, Family, Shows, Threat, file_threat

from cxr_core.vocabulary import Reason

_CLASS, _MODALITY = 0x00080016, 0x00080060
_STORAGE = "1.2.840.10008.5.1.4.1.1."
_WORDS = b"QZXDOCUMENT QZXVANE^ORLAQZ "
_PICTURE = (0x00280002, 0x00280004, 0x00280010, 0x00280011, 0x00280100, 0x00280101, 0x00280102, 0x00280103)
_OTHER_IMAGE = (Reason.E_SOP, Reason.NOT_CR_DX)  # acquisition policy: an image of another modality is not wanted

_file = partial(file_threat, Family.OBJECTS, canaries=["QZXDOCUMENT"], shows=Shows.ANYTHING)


def _of_class(last: str, modality: str) -> tuple[Element, ...]:
    return (text(_CLASS, "UI", f"{_STORAGE}{last}"), text(_MODALITY, "CS", modality))


def _image_of(last: str, modality: str) -> Callable[[str], bytes]:
    """The plain image under another class."""
    return lambda entry: image(entry, *_of_class(last, modality))


def _report(entry: str) -> bytes:
    """A structured report: the whole text of a finding in its content tree."""
    content = [text(0x0040A040, "CS", "TEXT"), Element(0x0040A160, "UT", _WORDS)]
    return part10([*header(entry, *_of_class("88.11", "SR"), without=_PICTURE), items(0x0040A730, content)])


def _document(last: str, content: bytes) -> Callable[[str], bytes]:
    """An encapsulated document."""
    kind = text(0x00420012, "LO", "application/pdf")
    body = Element(0x00420011, "OB", content)
    return lambda entry: part10(header(entry, *_of_class(last, "DOC"), kind, body, without=_PICTURE))


def _presentation_state(entry: str) -> bytes:
    """Annotations of a reader, as text and as graphics."""
    content = [text(0x00700006, "ST", _WORDS)]
    annotation = [items(0x00700008, content)]
    return part10([*header(entry, *_of_class("11.1", "PR"), without=_PICTURE), items(0x00700001, annotation)])


def _frames(entry: str) -> bytes:
    both = np.stack([phantom(), phantom()[::-1]])
    return part10([*header(entry, text(0x00280008, "IS", "2")), pixels(both)])


def _colour(photometric: str, samples: int, *more: Element) -> Callable[[str], bytes]:
    values = np.repeat(phantom_8()[..., None], samples, axis=2)
    changes = (us(0x00280002, samples), text(0x00280004, "CS", photometric), us(0x00280006, 0), *EIGHT_BITS, *more)
    return lambda entry: part10([*header(entry, *changes), pixels(values)])


def _palette() -> tuple[Element, ...]:
    tables = [Element(0x00281101 + place, "US", b"\x00\x01\x00\x00\x08\x00") for place in range(3)]
    words = (_WORDS * 20)[:256]
    return (*tables, *(Element(0x00281201 + place, "OW", words) for place in range(3)))


def _colour_jpeg(entry: str) -> bytes:
    """A JPEG stream of three components in an image that says it is grey."""
    stream = encoded(np.repeat(phantom_8()[..., None], 3, axis=2), JPEG_BASELINE)
    return compressed(entry, JPEG_BASELINE, encapsulated(stream), *EIGHT_BITS)


def _float(tag: int, vr: str, dtype: str, bits: int) -> Callable[[str], bytes]:
    """FloatPixelData and its double (PS3.3 C.7.6.24)."""
    content = Element(tag, vr, phantom().astype(dtype).tobytes())
    return lambda entry: part10(
        [*header(entry, us(0x00280100, bits), without=[0x00280101, 0x00280102, 0x00280103]), content]
    )


def _both_kinds(entry: str) -> bytes:
    """Float and integer pixels in one object: two pictures, of which one is looked at."""
    floats = Element(0x7FE00008, "OF", phantom().astype("<f4").tobytes())
    return part10([*header(entry), floats, pixels()])


def _strip_of_bits(entry: str) -> bytes:
    bits = (us(0x00280100, 1), us(0x00280101, 1), us(0x00280102, 0))
    return part10([*header(entry, *bits), Element(PIXEL_DATA, "OB", bytes(ROWS * COLUMNS // 8))])


THREATS: list[Threat] = [
    _file(
        "a-secondary-capture", "A screenshot: all that was on somebody's screen.", _image_of("7", "OT"), Reason.E_SOP
    ),
    _file(
        "a-secondary-capture-that-says-dx",
        "A screenshot that claims the modality of a radiograph.",
        _image_of("7", "DX"),
        Reason.E_SOP,
    ),
    _file("a-multi-frame-capture", "Scanned paper, page by page.", _image_of("7.2", "DX"), Reason.E_SOP),
    _file("a-structured-report", "A report is text about the patient, in the form of a tree.", _report, Reason.E_SOP),
    _file(
        "an-encapsulated-pdf",
        "A letter within an image archive.",
        _document("104.1", b"%PDF-1.7 " + _WORDS),
        Reason.E_SOP,
    ),
    _file(
        "an-encapsulated-document",
        "The same as CDA, which is XML.",
        _document("104.2", b"<ClinicalDocument>" + _WORDS),
        Reason.E_SOP,
    ),
    _file(
        "a-presentation-state", "Text that a reader drew over an image, by itself.", _presentation_state, Reason.E_SOP
    ),
    _file(
        "a-waveform",
        "An electrocardiogram has no pixels.",
        lambda entry: part10(header(entry, *_of_class("9.1.1", "ECG"), without=_PICTURE)),
        Reason.E_SOP,
    ),
    _file("a-ct-slice", "An image, and not a radiograph.", _image_of("2", "CT"), _OTHER_IMAGE),
    _file("a-mammogram", "A radiograph of another kind.", _image_of("1.2", "MG"), _OTHER_IMAGE),
    _file("an-enhanced-angiogram", "Frames and functional groups.", _image_of("12.1.1", "XA"), _OTHER_IMAGE),
    _file(
        "a-class-of-nobody",
        "A private class may mean anything.",
        lambda entry: image(entry, text(_CLASS, "UI", "1.3.6.1.4.1.99999.4")),
        _OTHER_IMAGE,
    ),
    _file(
        "a-class-that-is-a-name",
        "Where the class should stand, a name stands.",
        lambda entry: image(entry, text(_CLASS, "UI", "QZXDOCUMENT")),
        (*_OTHER_IMAGE, Reason.E_TYPE1),
    ),
    _file("two-frames", "The second frame would leave unseen, or be lost unseen.", _frames, Reason.E_SOP),
    _file(
        "one-frame-in-words",
        "A number of frames that is no number.",
        lambda entry: image(entry, text(0x00280008, "IS", "QZXDOCUMENT")),
        (Reason.E_SOP, Reason.E_TYPE1),
    ),
    _file("red-green-blue", "Colour: text in one channel is grey in the others.", _colour("RGB", 3), Reason.E_SOP),
    _file("luminance-and-colour", "The same in YBR.", _colour("YBR_FULL", 3), Reason.E_SOP),
    _file(
        "a-palette",
        "Colours from a table; the table can hold words.",
        _colour("PALETTE COLOR", 1, *_palette()),
        Reason.E_SOP,
    ),
    _file("four-samples", "A retired kind of colour with an alpha channel.", _colour("ARGB", 4), Reason.E_SOP),
    _file(
        "three-samples-that-say-grey",
        "Three samples a pixel under MONOCHROME2.",
        _colour("MONOCHROME2", 3),
        Reason.E_SOP,
    ),
    _file(
        "a-colour-jpeg-that-says-grey",
        "The header says one sample, and the codestream three.",
        _colour_jpeg,
        (Reason.E_PIXELS, Reason.E_SOP),
    ),
    _file(
        "a-photometric-name",
        "The interpretation is a patient.",
        lambda entry: image(entry, text(0x00280004, "CS", "QZXDOCUMENT")),
        Reason.E_SOP,
    ),
    _file(
        "float-pixels",
        "Pixels as 32-bit floats, in an element of their own.",
        _float(0x7FE00008, "OF", "<f4", 32),
        (Reason.E_SOP, Reason.E_PIXELS, Reason.E_TYPE1),
    ),
    _file(
        "double-pixels",
        "Pixels as 64-bit floats.",
        _float(0x7FE00009, "OD", "<f8", 64),
        (Reason.E_SOP, Reason.E_PIXELS, Reason.E_TYPE1),
    ),
    _file(
        "floats-beside-integers",
        "Two pictures in one object.",
        _both_kinds,
        (Beyond.CLEANED, Reason.E_SOP, Reason.E_PIXELS),
        shows=Shows.PHANTOM,
    ),
    _file("one-bit-a-pixel", "Eight pixels a byte.", _strip_of_bits, (Reason.E_SOP, Reason.E_PIXELS)),
]
