"""Headers of accepted images that hold what must not leave, in elements that are written as they should be.

How elements are missing, doubled or written wrongly is in `structure`, other kinds of object in `objects`.
"""

from collections.abc import Callable
from functools import partial

from dicom_bytes import (
    DX,
    IMPLICIT,
    PIXEL_DATA,
    SEQUENCE_END,
    UNDEFINED,
    Element,
    encode,
    image,
    inserted,
    items,
    text,
    us,
)
from threat import Beyond, Family, Threat, file_threat

from cxr_core.vocabulary import Reason

_STUDY_DATE, _PATIENT_ID = 0x00080020, 0x00100020
_WORDS = b"QZXHIDDEN QZXVANE^ORLAQZ"

_file = partial(file_threat, Family.HEADERS, canaries=["QZXHIDDEN"])


def _with(*changes: Element) -> Callable[[str], bytes]:
    return lambda entry: image(entry, *changes)


def _overlay() -> tuple[Element, ...]:
    """A plane of its own with words in its bits, and words beside it (PS3.3 C.9.2)."""
    bits = (_WORDS * 12)[: 40 * 56 // 8]
    return (
        us(0x60000010, 40),
        us(0x60000011, 56),
        text(0x60000022, "LO", _WORDS),
        text(0x60000040, "CS", "G"),
        Element(0x60000050, "SS", b"\1\0\1\0"),
        us(0x60000100, 1),
        us(0x60000102, 0),
        text(0x60001500, "LO", _WORDS),
        Element(0x60003000, "OW", bits),
    )


def _curve() -> tuple[Element, ...]:
    return (
        us(0x50000005, 2),
        us(0x50000010, 4),
        text(0x50000020, "CS", "HIDDEN"),
        text(0x50000022, "LO", _WORDS),
        Element(0x50003000, "OW", _WORDS),
    )


def _implicit_in_unknown() -> bytes:
    """UN that holds a sequence in implicit VR (PS3.5 section 6.2.2, note 3)."""
    inner = encode([text(0x00100010, "PN", _WORDS)], IMPLICIT)
    item = b"\xfe\xff\x00\xe0" + len(inner).to_bytes(4, "little") + inner
    return encode([Element(0x00081199, "UN", b"", UNDEFINED), item, Element(SEQUENCE_END, "")])


def _icon() -> bytes:
    """A small picture of the patient's picture, text and all, with its own header."""
    content = [text(0x00081030, "LO", _WORDS), us(0x00280010, 4), us(0x00280011, 6), Element(PIXEL_DATA, "OB", _WORDS)]
    return items(0x00880200, content)


def _codes() -> bytes:
    """A listed code whose meaning is the site's own, with elements that no code has."""
    content = [
        text(0x00080100, "SH", "R-10206"),
        text(0x00080102, "SH", "SRT"),
        text(0x00080104, "LO", _WORDS),
        text(0x00100010, "PN", _WORDS),
        text(0x00091001, "LO", _WORDS),
    ]
    unlisted = [text(0x00080100, "SH", "QZXHIDDEN"), text(0x00080102, "SH", "99QZX"), text(0x00080104, "LO", _WORDS)]
    return items(0x00540220, content, unlisted)


def _dates(value: str) -> tuple[Element, ...]:
    return (
        *(text(tag, "DA", value) for tag in (_STUDY_DATE, 0x00080021, 0x00080022, 0x00080023)),
        text(0x0008002A, "DT", value),
    )


def _odd(tag: int, vr: str, value: bytes) -> Element:
    return Element(tag, vr, value)  # `text` would pad it


_KEPT_WORDS = (
    text(0x00080070, "LO", "QZXHIDDEN MEDICAL SYSTEMS"),
    text(0x00081030, "LO", "CHEST QZXHIDDEN"),
    text(0x0008103E, "LO", "PA QZXVANE"),
    text(0x00180015, "CS", "QZXHIDDEN"),
    text(0x00181160, "SH", "QZXHIDDEN"),
    text(0x00185101, "CS", "QZXHIDDEN"),
    text(0x00100040, "CS", "QZXHIDDEN"),
    text(0x00080008, "CS", "ORIGINAL\\PRIMARY\\QZXHIDDEN"),
    text(0x00080060, "CS", "QZXHIDDEN"),
    text(0x00080068, "CS", "QZXHIDDEN"),
    text(0x00281054, "LO", "QZXHIDDEN"),
    text(0x00200020, "CS", "QZXHIDDEN\\QZXVANE"),
)
_NO_NUMBERS = (
    text(0x00180060, "DS", "QZXHIDDEN"),
    text(0x00181150, "IS", "NaN"),
    text(0x00181151, "IS", "8841207663"),
    text(0x00181152, "IS", "1e99"),
    text(0x00181110, "DS", "1e400"),
    text(0x00181164, "DS", "nan\\inf"),
    text(0x00281050, "DS", "-inf"),
    text(0x00281051, "DS", "4096"),
    text(0x00200011, "IS", "8841207663"),
    text(0x00181411, "DS", "8841207663"),
)

THREATS: list[Threat] = [
    _file(
        "words-where-words-are-listed",
        "Every kept attribute of words holds a word that is not listed.",
        _with(*_KEPT_WORDS),
        (Beyond.CLEANED, Reason.E_SOP),
    ),
    _file(
        "words-where-numbers-belong",
        "Every kind of kept number is a name, infinite, or a record number.",
        _with(*_NO_NUMBERS),
        Beyond.CLEANED,
        canaries=["QZXHIDDEN", "8841207663"],
    ),
    _file("an-overlay", "Text drawn into a plane of its own, group 60xx.", _with(*_overlay()), Beyond.CLEANED),
    _file(
        "overlays-in-every-group",
        "Groups 6000 to 60FE, the odd ones private.",
        _with(*(text(group << 16 | 0x0022, "LO", _WORDS) for group in range(0x6000, 0x6100))),
        Beyond.CLEANED,
    ),
    _file("a-curve", "Retired group 50xx, still found in old archives.", _with(*_curve()), Beyond.CLEANED),
    _file(
        "group-lengths",
        "Retired group lengths that lie.",
        _with(*(Element(group << 16, "UL", b"\xff\xff\xff\x7f") for group in (0x0008, 0x0010, 0x0020, 0x0028))),
        Beyond.CLEANED,
    ),
    _file(
        "private-blocks",
        "Elements of the maker, with and without a creator, nested ones too.",
        inserted(
            0x00090000,
            text(0x00090010, "LO", "QZXHIDDEN"),
            text(0x00091001, "PN", _WORDS),
            text(0x00093001, "LO", _WORDS),
            items(0x00091002, [text(0x00100010, "PN", _WORDS)]),
        ),
        Beyond.CLEANED,
    ),
    _file(
        "unknown-elements",
        "Public groups with numbers that no edition has.",
        _with(text(0x00080777, "LO", _WORDS), text(0x00100777, "PN", _WORDS), Element(0x00187777, "UN", _WORDS)),
        Beyond.CLEANED,
    ),
    _file(
        "a-name-in-another-representation",
        "The name as a number, a date, a sequence, a UID.",
        inserted(
            0x00101000,
            Element(0x00101000, "FD", _WORDS),
            Element(0x00101001, "DA", _WORDS),
            Element(0x00101005, "SQ", _WORDS),
            Element(0x00101060, "UI", _WORDS),
        ),
        Beyond.CLEANED,
    ),
    _file(
        "implicit-within-unknown",
        "UN of undefined length holds implicit VR, whatever is around it.",
        inserted(0x00081199, _implicit_in_unknown()),
        Beyond.CLEANED,
    ),
    _file(
        "an-icon", "A thumbnail, with what was burned into the picture.", inserted(0x00880200, _icon()), Beyond.CLEANED
    ),
    _file(
        "codes-with-more-than-a-code",
        "A kept sequence whose items say more than they may.",
        inserted(0x00540220, _codes()),
        Beyond.CLEANED,
    ),
    _file(
        "a-kept-sequence-of-text",
        "A kept sequence that is no sequence.",
        _with(text(0x00540220, "LO", _WORDS)),
        Beyond.CLEANED,
    ),
    *(
        _file(
            f"a-patient-id-of-{name}",
            "An id that says nothing would make one person of many.",
            _with(Element(_PATIENT_ID, "LO", value)),
            Reason.E_TYPE1,
        )
        for name, value in (
            ("nothing", b""),
            ("blanks", b"    "),
            ("zero-bytes", b"\0\0\0\0"),
            ("separators", b"\\\\\\ "),
        )
    ),
    *(
        _file(
            f"the-date-{name}",
            "A date that is none must not be kept as it is, nor stop the others.",
            _with(*_dates(value)),
            Beyond.CLEANED,
            canaries=[value] if len(value) > 6 else [],
        )
        for name, value in (
            ("before-christ", "-0130509"),
            ("of-zeros", "00000000"),
            ("of-nines", "99999999"),
            ("thirtieth-of-february", "20130230"),
            ("of-acr-nema", "2013.05.09"),
            ("of-the-year-one", "00010101"),
            ("of-the-last-day", "99991231"),
            ("in-words", "QZXVANE MAY 9"),
            ("in-other-digits", "２０１３０５０９"),
            ("as-a-range", "20130508-20130510"),
        )
    ),
    _file(
        "ages-that-are-none",
        "An age may not be negative, nor above 89.",
        _with(text(0x00101010, "AS", "-12Y"), text(0x00100030, "DA", "18610417")),
        Beyond.CLEANED,
        canaries=["18610417", "-12Y"],
    ),
    _file(
        "odd-lengths",
        "Values are padded to even lengths, except where they are not.",
        _with(
            _odd(0x00100010, "PN", b"QZXHIDDEN^"[:9]),
            _odd(0x00081030, "LO", b"CHEST"),
            _odd(0x00180060, "DS", b"125"),
            _odd(0x00080016, "UI", DX.encode()),
        ),
        Beyond.CLEANED,
    ),
    _file(
        "words-in-every-representation",
        "Free text in all kinds of elements that are not kept.",
        _with(
            *(
                Element(0x00187000 + place, vr, _WORDS)
                for place, vr in enumerate(
                    ("LT", "ST", "UT", "UC", "UR", "AE", "SH", "OB", "OF", "OD", "OL", "OV", "UN", "AT", "SV", "UV")
                )
            )
        ),
        Beyond.CLEANED,
    ),
    _file(
        "comments-and-labels-of-trials",
        "Clinical trial attributes, comments and free descriptions.",
        _with(
            text(0x00120010, "LO", _WORDS),
            text(0x00104000, "LT", _WORDS),
            text(0x00204000, "LT", _WORDS),
            text(0x00324000, "LT", _WORDS),
            text(0x00400280, "ST", _WORDS),
            text(0x00081048, "PN", _WORDS),
            text(0x00102154, "SH", "QZXHIDDEN 55512345"),
        ),
        Beyond.CLEANED,
        canaries=["QZXHIDDEN", "55512345"],
    ),
]
