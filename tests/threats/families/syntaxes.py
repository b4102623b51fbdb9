"""File meta that is missing, damaged or lies about how the data set is written.

Deflate that grows is in `bombs`, codestreams that lie in `geometry`.
"""

import struct
import zlib
from collections.abc import Callable
from functools import partial

from dicom_bytes import (
    BIG_ENDIAN,
    DEFLATED,
    EXPLICIT,
    HTJ2K,
    IMPLICIT,
    JPEG_2000,
    JPEG_BASELINE,
    JPEG_LOSSLESS,
    JPEG_LS,
    PIXEL_DATA,
    RLE,
    ZEROS,
    Element,
    encapsulated,
    encode,
    header,
    meta,
    part10,
    phantom,
    pixels,
    text,
)
from frames import frame
from threat import Beyond, Family, Outcome, Threat, file_threat

from cxr_core.vocabulary import Reason

_MPEG2, _PRIVATE = "1.2.840.10008.1.2.4.100", "1.3.6.1.4.1.99999.77"
_CLEANED_OR_REFUSED: tuple[Outcome, ...] = (
    Beyond.CLEANED,
    Reason.E_NOT_DICOM,
    Reason.E_TYPE1,
    Reason.E_SOP,
    Reason.E_PIXELS,
)

_file = partial(file_threat, Family.SYNTAXES)


def _plain(entry: str, syntax: str) -> list[Element]:
    """Header and native pixels in the byte order of a syntax."""
    order = ">" if syntax == BIG_ENDIAN else "<"
    return [*header(entry), Element(PIXEL_DATA, "OW", phantom().astype(f"{order}u2").tobytes())]


def _said(claimed: str | None, written: str) -> Callable[[str], bytes]:
    """A data set written one way under a file meta that says another."""
    return lambda entry: part10(_plain(entry, written), written, file_meta=meta(claimed))


def _bare(syntax: str) -> Callable[[str], bytes]:
    """A data set alone: neither preamble nor file meta."""
    return lambda entry: encode(_plain(entry, syntax), syntax)


def _native_under(syntax: str) -> Callable[[str], bytes]:
    return lambda entry: part10([*header(entry), pixels()], syntax)


def _frame_under(frame_syntax: str, claimed: str) -> Callable[[str], bytes]:
    return lambda entry: part10([*header(entry), encapsulated(frame(frame_syntax))], claimed)


def _deflated(change: Callable[[bytes], bytes]) -> Callable[[str], bytes]:
    def make(entry: str) -> bytes:
        packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
        content = packer.compress(encode(_plain(entry, EXPLICIT))) + packer.flush()
        return ZEROS + b"DICM" + meta(DEFLATED) + change(content)

    return make


def _meta_of_length(length: int) -> Callable[[str], bytes]:
    return lambda entry: part10([*header(entry), pixels()], file_meta=meta(EXPLICIT, length=length))


def _talking_meta(entry: str) -> bytes:
    """Everything in the file meta that can hold words."""
    more = [
        text(0x00020013, "SH", "QZXMETA VANE"),
        text(0x00020016, "AE", "QZXMETA"),
        text(0x00020017, "AE", "QZXMETA"),
        text(0x00020100, "UI", "1.3.6.1.4.1.99999.9"),
        Element(0x00020102, "OB", b"QZXMETA QZXVANE^ORLAQZ 19610417 "),
    ]
    return part10([*header(entry), pixels()], file_meta=meta(EXPLICIT, *more))


def _two_syntaxes(entry: str) -> bytes:
    """The transfer syntax twice: readers that take the first and readers that take the last disagree."""
    group = encode([text(0x00020010, "UI", EXPLICIT), text(0x00020010, "UI", DEFLATED)])
    claimed = encode([Element(0x00020000, "UL", struct.pack("<I", len(group)))])
    return part10(_plain(entry, EXPLICIT), file_meta=claimed + group)


def _words_swapped(entry: str) -> bytes:
    """Big endian as it should be, which is retired and easily decoded into noise."""
    return part10(_plain(entry, BIG_ENDIAN), BIG_ENDIAN)


THREATS: list[Threat] = [
    _file(
        "big-endian",
        "Explicit big endian is retired, and its pixels turn to noise if they are not swapped.",
        _words_swapped,
        Beyond.CLEANED,
    ),
    _file(
        "implicit",
        "The default of DICOM, where no element tells its representation.",
        _said(IMPLICIT, IMPLICIT),
        Beyond.CLEANED,
    ),
    _file(
        "implicit-under-explicit",
        "The meta says explicit; the first length is then read as a representation.",
        _said(EXPLICIT, IMPLICIT),
        _CLEANED_OR_REFUSED,
    ),
    _file(
        "explicit-under-implicit",
        "The meta says implicit; representations are then read as lengths.",
        _said(IMPLICIT, EXPLICIT),
        _CLEANED_OR_REFUSED,
    ),
    _file(
        "little-under-big-endian",
        "The meta says big endian; every number is then another.",
        _said(BIG_ENDIAN, EXPLICIT),
        _CLEANED_OR_REFUSED,
    ),
    _file(
        "big-under-little-endian",
        "The meta says little endian; every number is then another.",
        _said(EXPLICIT, BIG_ENDIAN),
        _CLEANED_OR_REFUSED,
    ),
    _file(
        "plain-under-deflated",
        "The meta says deflated; the data set is then no deflate stream.",
        _said(DEFLATED, EXPLICIT),
        (Reason.E_NOT_DICOM, Reason.E_PIXELS),
    ),
    _file(
        "no-transfer-syntax",
        "The meta is there and does not say how the data set is written.",
        _said(None, EXPLICIT),
        (Beyond.CLEANED, Reason.E_NOT_DICOM, Reason.E_TS),
    ),
    _file(
        "no-file-meta",
        "Preamble and prefix, and then the data set at once.",
        lambda entry: part10(_plain(entry, EXPLICIT), file_meta=b""),
        (Beyond.CLEANED, Reason.E_NOT_DICOM),
    ),
    _file(
        "a-data-set-alone-implicit",
        "Old archives store data sets without preamble and file meta.",
        _bare(IMPLICIT),
        (Beyond.CLEANED, Reason.E_NOT_DICOM),
    ),
    _file(
        "a-data-set-alone-explicit",
        "The same in explicit VR, where the reader has to guess.",
        _bare(EXPLICIT),
        (Beyond.CLEANED, Reason.E_NOT_DICOM),
    ),
    _file(
        "a-data-set-alone-big-endian",
        "The same in big endian: group 0008 looks like group 0800.",
        _bare(BIG_ENDIAN),
        (Beyond.CLEANED, Reason.E_NOT_DICOM),
    ),
    _file(
        "a-talking-file-meta",
        "The file meta has elements of its own for words, and most tools copy it.",
        _talking_meta,
        Beyond.CLEANED,
        canaries=["QZXMETA"],
    ),
    _file(
        "two-transfer-syntaxes",
        "The element stands twice, and two readers take different ones.",
        _two_syntaxes,
        _CLEANED_OR_REFUSED,
    ),
    _file(
        "a-group-length-of-nothing",
        "The group length says that the meta is empty.",
        _meta_of_length(0),
        (Beyond.CLEANED, Reason.E_NOT_DICOM),
    ),
    _file(
        "a-group-length-into-the-data-set",
        "The group length says that half of the data set is meta.",
        _meta_of_length(400),
        (Beyond.CLEANED, Reason.E_NOT_DICOM),
    ),
    _file(
        "a-group-length-of-four-gigabytes",
        "The group length goes far beyond the file.",
        _meta_of_length(0xFFFFFFFF),
        (Beyond.CLEANED, Reason.E_NOT_DICOM),
    ),
    *(
        _file(
            f"native-pixels-under-{name}",
            "The meta promises a codestream, and there are plain pixels.",
            _native_under(syntax),
            (Reason.E_PIXELS, Reason.E_TS),
        )
        for name, syntax in (("jpeg", JPEG_BASELINE), ("rle", RLE), ("jpeg-2000", JPEG_2000))
    ),
    _file(
        "a-codestream-under-a-native-syntax",
        "The meta promises plain pixels, and there is a codestream.",
        _frame_under(JPEG_LOSSLESS, EXPLICIT),
        (Reason.E_PIXELS, Reason.E_TS),
    ),
    _file(
        "jpeg-ls-under-jpeg-2000",
        "Meta and codestream name different formats, and a decoder could still tell.",
        _frame_under(JPEG_LS, JPEG_2000),
        (Beyond.CLEANED, Reason.E_PIXELS, Reason.E_TS),
    ),
    _file(
        "rle-under-jpeg", "Runs are no JPEG stream.", _frame_under(RLE, JPEG_LOSSLESS), (Reason.E_PIXELS, Reason.E_TS)
    ),
    _file(
        "jpeg-under-rle",
        "A JPEG stream read as a table of offsets.",
        _frame_under(JPEG_LOSSLESS, RLE),
        (Reason.E_PIXELS, Reason.E_TS),
    ),
    _file(
        "a-film-format",
        "MPEG-2 is a transfer syntax of DICOM, and not of radiographs.",
        _frame_under(HTJ2K, _MPEG2),
        Reason.E_TS,
    ),
    _file(
        "a-syntax-that-nobody-knows",
        "A private transfer syntax may mean anything.",
        _native_under(_PRIVATE),
        (Reason.E_TS, Reason.E_PIXELS),
    ),
    _file(
        "a-name-for-a-syntax",
        "Where a UID should stand, a name stands.",
        _native_under("QZXVANE"),
        (Reason.E_TS, Reason.E_NOT_DICOM, Reason.E_PIXELS),
    ),
    _file(
        "deflated",
        "An honest deflated file must still pass all guards.",
        _deflated(lambda content: content),
        Beyond.CLEANED,
    ),
    _file(
        "deflated-and-cut",
        "The deflate stream ends in the middle of the pixels.",
        _deflated(lambda content: content[: len(content) // 2]),
        (Reason.E_PIXELS, Reason.E_NOT_DICOM),
    ),
    _file(
        "deflated-and-damaged",
        "Bytes in the middle of the deflate stream are wrong.",
        _deflated(lambda content: content[:400] + b"\xff" * 40 + content[440:]),
        (Reason.E_PIXELS, Reason.E_NOT_DICOM, Reason.E_TYPE1, Reason.E_SOP),
    ),
    _file(
        "deflated-with-words-behind",
        "Bytes behind the end of the deflate stream belong to nobody.",
        _deflated(lambda content: content + b"QZXTAIL QZXVANE"),
        (Beyond.CLEANED, Reason.E_PIXELS, Reason.E_NOT_DICOM),
        canaries=["QZXTAIL"],
    ),
    _file(
        "zlib-under-deflated",
        "The stream has the header of zlib, which DICOM leaves out.",
        lambda entry: ZEROS + b"DICM" + meta(DEFLATED) + zlib.compress(encode(_plain(entry, EXPLICIT))),
        (Reason.E_PIXELS, Reason.E_NOT_DICOM),
    ),
]
