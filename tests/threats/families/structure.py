"""Headers whose elements are missing, doubled, out of order or written in no way that the standard knows.

What well-written elements say is in `headers`, where a file ends in `truncations`.
"""

from collections.abc import Callable, Iterable
from functools import partial

from dicom_bytes import (
    SEQUENCE_END,
    Element,
    Person,
    header,
    image,
    inserted,
    part10,
    pixels,
    text,
    us,
)
from threat import Beyond, Family, Outcome, Threat, file_threat

from cxr_core.vocabulary import Reason

_STUDY_DATE, _SOP, _STUDY, _SERIES, _PATIENT_ID = 0x00080020, 0x00080018, 0x0020000D, 0x0020000E, 0x00100020
_WORDS = b"QZXHIDDEN QZXVANE^ORLAQZ"
_READ_OR_REFUSED: tuple[Outcome, ...] = (Beyond.CLEANED, Reason.E_NOT_DICOM, Reason.E_TYPE1, Reason.E_PIXELS)

_file = partial(file_threat, Family.HEADERS, canaries=["QZXHIDDEN"])


def _unordered(entry: str) -> bytes:
    return part10([*reversed(header(entry)), pixels()])


def _pixels_first(entry: str) -> bytes:
    return part10([pixels(), *header(entry)])


def _again(*later: Callable[[str], Element], before: bool = False) -> Callable[[str], bytes]:
    """Elements a second time: behind the pixels, where a reader that stops at them never looks, or before them."""

    def make(entry: str) -> bytes:
        more = [make_one(entry) for make_one in later]
        return part10([*header(entry), *more, pixels()] if before else [*header(entry), pixels(), *more])

    return make


def _missing(name: str, tags: Iterable[int], expected: Outcome | tuple[Outcome, ...]) -> Threat:
    return _file(
        f"without-{name}",
        "An image that lacks it cannot be named, tied to a patient, or drawn.",
        lambda entry: image(entry, without=tags),
        expected,
    )


THREATS: list[Threat] = [
    _file(
        "a-representation-that-does-not-exist",
        "Two letters that no edition has: readers guess how long the length is.",
        inserted(0x00080777, Element(0x00080777, "QZ", _WORDS)),
        _READ_OR_REFUSED,
    ),
    _file(
        "a-representation-of-small-letters",
        "Two bytes that are no letters: readers switch to implicit VR.",
        inserted(0x00080777, Element(0x00080777, "q\x01", _WORDS)),
        _READ_OR_REFUSED,
    ),
    _file(
        "stray-delimiters",
        "Ends of items and sequences that nobody opened.",
        inserted(0x00180000, Element(0xFFFEE00D, ""), Element(SEQUENCE_END, "")),
        (*_READ_OR_REFUSED, Reason.E_SOP),
    ),
    _file("tags-out-of-order", "The header from its end to its beginning, pixels last.", _unordered, _READ_OR_REFUSED),
    _file(
        "pixels-before-the-header",
        "A reader that stops at the pixels sees no header.",
        _pixels_first,
        (*_READ_OR_REFUSED, Reason.E_SOP),
    ),
    _file(
        "two-names",
        "The name twice, next to each other.",
        _again(lambda _: text(0x00100010, "PN", "QZXHIDDEN^OTHER"), before=True),
        _READ_OR_REFUSED,
    ),
    _file(
        "a-second-patient-behind-the-pixels",
        "One stage reads the first patient, another the last.",
        _again(lambda _: text(0x00100010, "PN", "QZXHIDDEN^OTHER"), lambda _: text(_PATIENT_ID, "LO", "QZXHIDDEN7")),
        (*_READ_OR_REFUSED, Reason.E_LINK),
    ),
    _file(
        "a-second-instance-uid-behind-the-pixels",
        "The id that was registered is not the id that is looked up.",
        _again(lambda entry: text(_SOP, "UI", f"{Person(entry).root}99")),
        (*_READ_OR_REFUSED, Reason.E_LINK),
    ),
    _file(
        "a-second-study-uid-behind-the-pixels",
        "The same for the study.",
        _again(lambda entry: text(_STUDY, "UI", f"{Person(entry).root}98")),
        (*_READ_OR_REFUSED, Reason.E_LINK),
    ),
    _file(
        "a-second-series-uid-behind-the-pixels",
        "The same for the series.",
        _again(lambda entry: text(_SERIES, "UI", f"{Person(entry).root}97")),
        (*_READ_OR_REFUSED, Reason.E_LINK),
    ),
    _file(
        "a-second-size-behind-the-pixels",
        "The size that was checked is not the size that is decoded.",
        _again(lambda _: us(0x00280010, 65535), lambda _: us(0x00280011, 65535)),
        (*_READ_OR_REFUSED, Reason.E_BOMB),
    ),
    _file(
        "another-class-behind-the-pixels",
        "The kind that was checked is not the kind that is written.",
        _again(lambda _: text(0x00080016, "UI", "1.2.840.10008.5.1.4.1.1.7")),
        (*_READ_OR_REFUSED, Reason.E_SOP),
    ),
    _missing("a-class", [0x00080016], (Reason.E_TYPE1, Reason.E_SOP)),
    _missing("an-instance-uid", [_SOP], Reason.E_TYPE1),
    _missing("a-study-uid", [_STUDY], Reason.E_TYPE1),
    _missing("a-series-uid", [_SERIES], Reason.E_TYPE1),
    _missing("a-patient-id", [_PATIENT_ID], Reason.E_TYPE1),
    _missing("rows", [0x00280010], (Reason.E_TYPE1, Reason.E_PIXELS)),
    _missing("bits", [0x00280100, 0x00280101], (Reason.E_TYPE1, Reason.E_PIXELS)),
    _missing("a-photometric-interpretation", [0x00280004], (Reason.E_TYPE1, Reason.E_SOP)),
    _missing(
        "anything-but-ids-and-pixels",
        [
            0x00080008,
            _STUDY_DATE,
            0x00080030,
            0x00080050,
            0x00080060,
            0x00080068,
            0x00080070,
            0x00081030,
            0x00100010,
            0x00100030,
            0x00100040,
            0x00180015,
            0x00180060,
            0x00185101,
            0x00200013,
        ],
        Beyond.CLEANED,
    ),
    _file(
        "a-length-of-seven",
        "An odd length in the middle of a value of even length shifts all that follows.",
        inserted(0x00101080, Element(0x00101080, "LO", b"QZXHIDDEN!", 7)),
        (*_READ_OR_REFUSED, Reason.E_SOP),
    ),
    _file(
        "commands-before-the-header",
        "Group 0000 belongs to the network, and pydicom reads it from files.",
        lambda entry: part10(
            [text(0x00000600, "AE", _WORDS), text(0x00001000, "UI", "1.2.3"), *header(entry), pixels()]
        ),
        (*_READ_OR_REFUSED, Reason.E_SOP),
    ),
]
