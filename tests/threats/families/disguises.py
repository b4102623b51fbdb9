"""Files that are two things at once, or not what they are called.

What the file meta says of the data set is in `syntaxes`, cut files in `truncations`.
"""

import gzip
import io
import zipfile
import zlib
from collections.abc import Callable
from functools import partial
from pathlib import Path

from dicom_bytes import (
    ZEROS,
    Element,
    header,
    image,
    items,
    meta,
    part10,
    pixels,
    text,
)
from threat import Beyond, Family, Outcome, Shows, Threat, file_threat, folder_threat

from cxr_core.vocabulary import Reason

_DIRECTORY = "1.2.840.10008.1.3.10"
_CLEANED_OR_REFUSED: tuple[Outcome, ...] = (Beyond.CLEANED, Reason.E_PIXELS, Reason.E_NOT_DICOM)

_PREAMBLES = {
    "a-windows-program": b"MZ\x90\0QZXPREAMBLE This program cannot be run in DOS mode.".ljust(60, b"\0")
    + b"\x80\0\0\0",
    "an-elf-program": b"\x7fELF\x02\x01\x01\0" + b"QZXPREAMBLE",
    "a-tiff": b"II*\0\x08\0\0\0" + b"QZXPREAMBLE",
    "a-web-page": b"<html><script>alert('QZXPREAMBLE')</script><!--",
    "a-shell-script": b"#!/bin/sh\necho QZXPREAMBLE > /tmp/QZXPREAMBLE; exit\n",
    "a-pdf": b"%PDF-1.7\n% QZXPREAMBLE\n",
    "a-name": b"QZXPREAMBLE^PATIENT 19610417",
}

_file, _folder = partial(file_threat, Family.DISGUISES), partial(folder_threat, Family.DISGUISES)


def _with_preamble(preamble: bytes) -> Callable[[str], bytes]:
    return lambda entry: part10([*header(entry), pixels()], preamble=preamble.ljust(128, b"\0"))


def _with_tail(tail: bytes) -> Callable[[str], bytes]:
    return lambda entry: image(entry) + tail


def _archive(_: str) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        archive.writestr("QZXTAIL.txt", "QZXTAIL QZXVANE")
    return target.getvalue()


def _png(_: str) -> bytes:
    comment = b"tEXtComment\0QZXVANE ORLAQZ"
    chunk = len(comment[4:]).to_bytes(4, "big") + comment + zlib.crc32(comment).to_bytes(4, "big")
    return b"\x89PNG\r\n\x1a\n" + chunk


def _directory(entry: str) -> bytes:
    """A DICOMDIR that names the patient in its records."""
    record = [text(0x00041430, "CS", "PATIENT"), text(0x00100010, "PN", "QZXVANE^ORLAQZ")]
    elements: list[Element | bytes] = [text(0x00041130, "CS", "QZXHOLM"), items(0x00041220, record)]
    return part10(elements, file_meta=meta("1.2.840.10008.1.2.1", sop_class=_DIRECTORY))


def _as(name: str, make: Callable[[str], bytes]) -> Callable[[Path], None]:
    def build(folder: Path) -> None:
        (folder / name).write_bytes(make(folder.name))

    return build


THREATS: list[Threat] = [
    *(
        _file(
            f"{name}-in-the-preamble",
            "The first 128 bytes belong to nobody: a file can be an image here and something else elsewhere.",
            _with_preamble(preamble),
            Beyond.CLEANED,
            canaries=["QZXPREAMBLE"],
        )
        for name, preamble in _PREAMBLES.items()
    ),
    _file(
        "an-archive-behind-the-pixels",
        "ZIP is read from its end, so that an image with an archive behind it is both.",
        lambda entry: image(entry) + _archive(entry),
        _CLEANED_OR_REFUSED,
        canaries=["QZXTAIL"],
    ),
    _file(
        "words-behind-the-pixels",
        "Scanners append notes of their own behind the last element.",
        _with_tail(b"QZXTAIL QZXVANE 19610417"),
        _CLEANED_OR_REFUSED,
        canaries=["QZXTAIL"],
    ),
    _file(
        "padding-behind-the-pixels",
        "Data Set Trailing Padding is allowed and may hold anything.",
        lambda entry: part10([*header(entry), pixels(), Element(0xFFFCFFFC, "OB", b"QZXTAIL QZXVANE.")]),
        Beyond.CLEANED,
        canaries=["QZXTAIL"],
    ),
    _file(
        "a-second-file-behind-the-pixels",
        "Two files written into one: the second names another patient.",
        lambda entry: image(entry) + image(f"{entry}-2", text(0x00100010, "PN", "QZXTAIL^OTHER")),
        _CLEANED_OR_REFUSED,
        canaries=["QZXTAIL"],
    ),
    _file(
        "a-pdf-by-another-name",
        "A report with the name of an image.",
        lambda _: b"%PDF-1.7\nQZXVANE ORLAQZ",
        Reason.E_NOT_DICOM,
    ),
    _file("a-png-by-another-name", "A screenshot with the name of an image.", _png, Reason.E_NOT_DICOM),
    _file("an-archive-by-another-name", "An archive with the name of an image.", _archive, Reason.E_NOT_DICOM),
    _file(
        "a-compressed-image-by-another-name",
        "An honest image within gzip: whoever opens it by its content finds a patient.",
        lambda entry: gzip.compress(image(entry), mtime=0),
        Reason.E_NOT_DICOM,
    ),
    _file(
        "a-letter-that-begins-like-an-image",
        "Text that starts with the bytes of group 0008.",
        lambda _: b"\x08\0\x05\0CS\x04\0QZXVANE ORLAQZ, seen on 20130509 at QZXHOLM",
        Reason.E_NOT_DICOM,
    ),
    _file("an-empty-file", "Nothing at all.", lambda _: b"", Reason.E_NOT_DICOM),
    _file("one-byte", "Less than any header.", lambda _: b"\x08", Reason.E_NOT_DICOM),
    _file(
        "a-prefix-at-the-start",
        "The four letters stand where the preamble should.",
        lambda entry: image(entry)[128:],
        (Reason.E_NOT_DICOM, Beyond.CLEANED),
    ),
    _file(
        "a-prefix-and-then-words",
        "The prefix is there, and what follows is no data set.",
        lambda _: ZEROS + b"DICM" + b"QZXVANE ORLAQZ " * 40,
        (Reason.E_NOT_DICOM, Reason.E_SOP),  # words can be read as elements, which name no class of object
    ),
    _folder(
        "a-directory-of-a-medium",
        "DICOMDIR repeats the names of all patients of the disc.",
        _as("DICOMDIR", _directory),
        Reason.E_DICOMDIR,
    ),
    _file(
        "a-directory-by-another-name",
        "A DICOMDIR that was renamed like an image.",
        _directory,
        Reason.E_DICOMDIR,
    ),
    _folder(
        "an-image-called-dicomdir",
        "A name must not decide what a file is.",
        _as("DICOMDIR", image),
        Beyond.CLEANED,
    ),
    _folder(
        "an-image-called-like-a-program",
        "Neither must a suffix.",
        _as("image.exe", image),
        Beyond.CLEANED,
        shows=Shows.PHANTOM,
    ),
]
