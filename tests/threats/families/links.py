"""What only looks like a file or is one twice: links, pipes, sockets, one image under two ids, two under one.

Names are in `names`.
"""

import os
import socket
from collections.abc import Callable
from functools import partial
from pathlib import Path

from dicom_bytes import header, image, part10, phantom, pixels, text
from threat import Beyond, Family, Outcome, Shows, Threat, file_threat, folder_threat

from cxr_core.vocabulary import Reason

_PATIENT_ID, _SOP, _STUDY, _SERIES = 0x00100020, 0x00080018, 0x0020000D, 0x0020000E
_FOLLOWED_BY_NOBODY: tuple[Outcome, ...] = (Beyond.NO_FILE, Reason.E_NOT_DICOM)

_file, _folder = partial(file_threat, Family.NAMES), partial(folder_threat, Family.NAMES)


def _linked(target: str) -> Callable[[Path], None]:
    return lambda folder: (folder / "image.dcm").symlink_to(target)


def _linked_outside(folder: Path) -> None:
    """An image that lies outside the source and is only linked into it."""
    outside = folder.parent.with_name(f"{folder.parent.name}-outside")
    outside.mkdir(exist_ok=True)
    (outside / "image.dcm").write_bytes(image(folder.name))
    (folder / "folder").symlink_to(outside, target_is_directory=True)
    (folder / "image.dcm").symlink_to(outside / "image.dcm")


def _loop(folder: Path) -> None:
    (folder / "one").symlink_to("two")
    (folder / "two").symlink_to("one")
    (folder / "self").symlink_to(".", target_is_directory=True)
    (folder / "up").symlink_to("../..", target_is_directory=True)


def _hard_links(folder: Path) -> None:
    (folder / "image.dcm").write_bytes(image(folder.name))
    os.link(folder / "image.dcm", folder / "same.dcm")


def _socket(folder: Path) -> None:
    """Bound by a short path: the name of a socket has at most 107 bytes."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(f"/proc/self/fd/{handle}/image.dcm")
    os.close(handle)


def _unreadable(folder: Path) -> None:
    (folder / "image.dcm").write_bytes(image(folder.name))
    (folder / "image.dcm").chmod(0)


def _two_patients(folder: Path) -> None:
    """One study, two patients: whose dates and names would be taken?"""
    for number, patient in ((3, "QZXONE"), (4, "QZXTWO")):
        content = part10([*header(folder.name, text(_PATIENT_ID, "LO", patient), number=number), pixels()])
        (folder / f"{number}.dcm").write_bytes(content)


def _other_pixels(folder: Path) -> None:
    """One SOP instance UID, two pictures."""
    (folder / "one.dcm").write_bytes(image(folder.name))
    (folder / "two.dcm").write_bytes(part10([*header(folder.name), pixels(phantom()[::-1])]))


def _folder_called_like_a_file(folder: Path) -> None:
    (folder / "image.dcm").mkdir()
    (folder / "image.dcm" / "inner.dcm").write_bytes(image(folder.name))


THREATS: list[Threat] = [
    _folder("a-folder-called-like-a-file", "A suffix makes no file.", _folder_called_like_a_file, Beyond.CLEANED),
    _folder(
        "a-link-to-the-passwords",
        "Whoever follows it reads a file that is not in the source.",
        _linked("/etc/passwd"),
        _FOLLOWED_BY_NOBODY,
    ),
    _folder(
        "a-link-to-an-endless-file",
        "Whoever follows it never stops reading.",
        _linked("/dev/zero"),
        _FOLLOWED_BY_NOBODY,
    ),
    _folder("a-link-to-nothing", "Whoever follows it finds nothing.", _linked("nowhere.dcm"), _FOLLOWED_BY_NOBODY),
    _folder(
        "links-to-an-image-outside",
        "A file and a folder outside the source, linked into it.",
        _linked_outside,
        _FOLLOWED_BY_NOBODY,
    ),
    _folder("links-in-a-circle", "Whoever follows them never comes back.", _loop, _FOLLOWED_BY_NOBODY),
    _folder("a-hard-link", "One file under two names is one image.", _hard_links, (Beyond.CLEANED, Reason.DUPLICATE)),
    _folder(
        "a-pipe",
        "Whoever opens it waits for a writer that never comes.",
        lambda folder: os.mkfifo(folder / "image.dcm"),
        _FOLLOWED_BY_NOBODY,
    ),
    _folder("a-socket", "It has a name like a file, and cannot be opened.", _socket, _FOLLOWED_BY_NOBODY),
    _folder(
        "a-file-that-may-not-be-read",
        "Mode 000, as archives and mounts leave it.",
        _unreadable,
        (Reason.E_NOT_DICOM, Beyond.CLEANED),
    ),
    _folder(
        "two-patients-in-a-study",
        "Names and date shift would be those of one for both.",
        _two_patients,
        Reason.E_LINK,
        canaries=["QZXONE", "QZXTWO"],
    ),
    _folder(
        "one-instance-with-two-pictures",
        "Nothing tells which one is right.",
        _other_pixels,
        Reason.E_DUP,
        shows=Shows.ANYTHING,
    ),
]
