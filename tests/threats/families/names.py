"""Names of files and folders, and ids that somebody might make names of.

What only looks like a file is in `links`, what stands in the other attributes in `headers`.
"""

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path

from dicom_bytes import Person, header, image, part10, pixels, text
from threat import Beyond, Family, Outcome, Threat, file_threat, folder_threat

from cxr_core.vocabulary import Reason

_PATIENT_ID, _SOP, _STUDY, _SERIES = 0x00100020, 0x00080018, 0x0020000D, 0x0020000E
_FOLLOWED_BY_NOBODY: tuple[Outcome, ...] = (Beyond.NO_FILE, Reason.E_NOT_DICOM)

_file, _folder = partial(file_threat, Family.NAMES), partial(folder_threat, Family.NAMES)


def _with(tag: int, vr: str, value: str | Callable[[str], str]) -> Callable[[str], bytes]:
    """The plain image with one id that is somebody's path."""
    return lambda entry: image(entry, text(tag, vr, value if isinstance(value, str) else value(entry)))


def _climbing(tag: int, last: int) -> Callable[[str], bytes]:
    return _with(tag, "UI", lambda entry: f"../../../../{Person(entry).root}{last}")


def _absolute_patient(folder: Path) -> None:
    """The id is a path beside the input, where the test looks for what should not be there."""
    name = f"{folder.parent.parent}/QZXESCAPED"
    (folder / "image.dcm").write_bytes(image(folder.name, text(_PATIENT_ID, "LO", name)))


def _named(*names: str | bytes) -> Callable[[Path], None]:
    """Images under the given names, one instance each."""

    def build(folder: Path) -> None:
        for number, name in enumerate(names, start=3):
            path = os.fsencode(folder) + b"/" + os.fsencode(name)
            with open(path, "wb") as stream:  # noqa: PTH123  a name that is no text
                stream.write(part10([*header(folder.name, number=number), pixels()]))

    return build


def _in_folder(name: str | bytes) -> Callable[[Path], None]:
    def build(folder: Path) -> None:
        path = os.fsencode(folder) + b"/" + os.fsencode(name)
        os.mkdir(path)  # noqa: PTH102  a name that is no text
        with open(path + b"/image.dcm", "wb") as stream:  # noqa: PTH123
            stream.write(image(folder.name))

    return build


def _nested(name: str, depth: int, *, has_image: bool) -> Callable[[Path], None]:
    """Folders within folders, made one by one: the whole path may be longer than a path can be."""

    def build(folder: Path) -> None:
        place = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        for _ in range(depth):
            os.mkdir(name, dir_fd=place)
            below = os.open(name, os.O_RDONLY | os.O_DIRECTORY, dir_fd=place)
            os.close(place)
            place = below
        if has_image:
            handle = os.open("image.dcm", os.O_WRONLY | os.O_CREAT, 0o644, dir_fd=place)
            with os.fdopen(handle, "wb") as stream:
                stream.write(image(folder.name))
        os.close(place)

    return build


THREATS: list[Threat] = [
    _file(
        "a-patient-id-that-climbs",
        "Folders named after the patient would be made elsewhere.",
        _with(_PATIENT_ID, "LO", "../../../../QZXESCAPED"),
        Beyond.CLEANED,
        canaries=["QZXESCAPED"],
    ),
    _folder(
        "a-patient-id-from-the-root",
        "A path that begins at the root replaces whatever it is joined to.",
        _absolute_patient,
        Beyond.CLEANED,
        canaries=["QZXESCAPED"],
    ),
    _file(
        "a-patient-id-with-control-signs",
        "Signs that end lines, strings and terminals.",
        _with(_PATIENT_ID, "LO", "QZX\x1b[2J\r\nERROR\x07\x00QZXEND"),
        (Beyond.CLEANED, Reason.E_TYPE1),
        canaries=["QZXEND"],
    ),
    _file(
        "a-patient-id-of-formulas",
        "Spreadsheets run what begins with an equals sign.",
        _with(_PATIENT_ID, "LO", "=cmd|'/c QZXRUN'!A1"),
        Beyond.CLEANED,
        canaries=["QZXRUN"],
    ),
    _file(
        "an-instance-uid-that-climbs",
        "Files named after the instance would be written elsewhere.",
        _climbing(_SOP, 3),
        Reason.E_TYPE1,
    ),
    _file(
        "a-study-uid-that-climbs",
        "Folders named after the study would be made elsewhere.",
        _climbing(_STUDY, 1),
        Reason.E_TYPE1,
    ),
    _file(
        "a-series-uid-that-climbs",
        "Folders named after the series would be made elsewhere.",
        _climbing(_SERIES, 2),
        Reason.E_TYPE1,
    ),
    _file(
        "a-uid-that-is-a-name",
        "What must be dotted digits is a person.",
        _with(_SOP, "UI", "QZXVANE.ORLAQZ"),
        Reason.E_TYPE1,
    ),
    _file(
        "a-uid-of-a-thousand-digits",
        "Longer than any name of a file may be.",
        _with(_SOP, "UI", lambda entry: Person(entry).root + "7" * 1000),
        Reason.E_TYPE1,
    ),
    _file(
        "a-uid-with-a-tail-behind-a-zero",
        "C programs see the UID, others see the name behind it.",
        _with(_SOP, "UI", lambda entry: f"{Person(entry).root}3\0QZXTAIL"),
        Reason.E_TYPE1,
        canaries=["QZXTAIL"],
    ),
    _file(
        "two-uids-for-one",
        "Readers that take the first value and readers that take all disagree.",
        _with(_SOP, "UI", lambda entry: f"{Person(entry).root}3\\{Person(entry).root}4"),
        Reason.E_TYPE1,
    ),
    _file(
        "a-uid-of-dots", "The parent folder, spelled with what a UID may hold.", _with(_SOP, "UI", ".."), Reason.E_TYPE1
    ),
    _folder(
        "a-name-with-a-line-break",
        "One name becomes two lines of a list.",
        _named("image\nQZXVANE: E_OK.dcm"),
        Beyond.CLEANED,
    ),
    _folder(
        "a-name-that-clears-the-screen",
        "Terminals obey what they print.",
        _named("\x1b[2J\x1b]0;QZXVANE\x07.dcm"),
        Beyond.CLEANED,
    ),
    _folder("a-name-of-255-bytes", "No suffix and no temporary name fits any more.", _named("Q" * 255), Beyond.CLEANED),
    _folder(
        "a-name-that-is-no-text",
        "Names are bytes; these are no UTF-8.",
        _named(b"QZXVANE-\xff\xfe\xe9.dcm"),
        Beyond.CLEANED,
    ),
    _folder(
        "two-names-that-are-told-alike",
        "One name holds the byte, the other the escape that tells of it.",
        _named(b"image-\xff.dcm", rb"image-\xff.dcm"),
        Beyond.CLEANED,
    ),
    _folder("a-folder-that-is-no-text", "The same for folders.", _in_folder(b"QZXVANE-\xff\xfe"), Beyond.CLEANED),
    _folder(
        "a-name-of-the-patient",
        "Exports are named after people.",
        _named("QZXVANE_ORLAQZ_19610417.dcm"),
        Beyond.CLEANED,
    ),
    _folder("a-folder-of-the-patient", "Folders are, too.", _in_folder("QZXVANE, ORLAQZ 1961-04-17"), Beyond.CLEANED),
    _folder(
        "a-name-like-an-option",
        "Read as an option by whatever is run with it.",
        _named("--help", "-rf", "$(touch QZXRUN)", "`touch QZXRUN`"),
        Beyond.CLEANED,
        canaries=["QZXRUN"],
    ),
    _folder(
        "names-that-differ-in-form",
        "Composed and decomposed letters, capitals, a trailing blank, a right-to-left mark.",
        _named("QZXVANÉ.dcm", "QZXVANE\u0301.dcm", "qzxvane.dcm", "QZXVANE.dcm ", "QZXVANE\u202e.dcm"),
        Beyond.CLEANED,
    ),
    _folder(
        "a-hidden-name",
        "A leading dot hides a file from people, not from programs.",
        _named(".image.dcm", "..image"),
        Beyond.CLEANED,
    ),
    _folder(
        "folders-1100-deep",
        "A walk that calls itself runs out of stack.",
        _nested("d", 1100, has_image=True),
        (Beyond.CLEANED, Reason.E_NOT_DICOM),
    ),
    _folder(
        "folders-beyond-the-longest-path",
        "Each folder has a short name, and the path to the last cannot be told to the system.",
        _nested("QZXVANE-" + "d" * 200, 22, has_image=False),
        (Beyond.NO_FILE, Reason.E_NOT_DICOM),
    ),
]
