"""What one entry of the threat corpus is: a hostile input, why it exists, and what must become of it.

Takes nothing, gives the record and its vocabulary. How the bytes are made is left to `families`, what the program must
do with them to `test_threats`.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from dicom_bytes import Person

from cxr_core.vocabulary import Reason


class Family(StrEnum):
    """What an entry attacks."""

    BOMBS = "bombs"
    DISGUISES = "disguises"
    ENCODINGS = "encodings"
    HEADERS = "headers"
    NAMES = "names"
    OBJECTS = "objects"
    PIXELS = "pixels"
    STREAMS = "streams"
    SYNTAXES = "syntaxes"
    TRUNCATIONS = "truncations"


class Beyond(StrEnum):
    """What may become of a file besides a reason code."""

    CLEANED = "cleaned"
    NO_FILE = "no_file"  # nothing there that is a file: links, pipes and the like are not followed


class Shows(StrEnum):
    """What the picture of a cleaned file must be: a file is done right or refused, never done in part."""

    PHANTOM = "phantom"  # the 12-bit phantom, bit by bit
    PHANTOM_8 = "phantom_8"  # its upper 8 bits
    ANYTHING = "anything"  # lossy, or the file has a picture of its own


Outcome = Reason | Beyond


@dataclass(frozen=True, slots=True)
class Threat:
    """One entry of the corpus.

    Parameters
    ----------
    name : str
        In kebab-case; also the folder that the entry is built in.
    why : str
        One sentence: what goes wrong in a program that trusts this input.
    build : callable
        Writes the input into the folder it is given.
    expected : frozenset of Outcome
        What may become of each of its files; one, unless the specification leaves it open.
    canaries : tuple of str
        Planted strings that nobody may read outside the vault.
    """

    name: str
    family: Family
    why: str
    build: Callable[[Path], None] = field(repr=False)
    expected: frozenset[Outcome]
    canaries: tuple[str, ...] = field(repr=False)
    shows: Shows = Shows.PHANTOM


def folder_threat(
    family: Family,
    name: str,
    why: str,
    build: Callable[[Path], None],
    expected: Outcome | Collection[Outcome],
    *,
    canaries: Collection[str] = (),
    shows: Shows = Shows.PHANTOM,
) -> Threat:
    """An entry that is more than one file's content; its canaries include the person that every image names."""
    wanted = frozenset([expected]) if isinstance(expected, Reason | Beyond) else frozenset(expected)
    planted = tuple(dict.fromkeys((*Person(name).canaries, *canaries)))
    return Threat(name, family, why, build, wanted, planted, shows)


def file_threat(
    family: Family,
    name: str,
    why: str,
    make: Callable[[str], bytes],
    expected: Outcome | Collection[Outcome],
    *,
    canaries: Collection[str] = (),
    shows: Shows = Shows.PHANTOM,
) -> Threat:
    """An entry of one file, `image.dcm`; `make` gets the entry's name and is called when the corpus is built."""

    def build(folder: Path) -> None:
        (folder / "image.dcm").write_bytes(make(name))

    return folder_threat(family, name, why, build, expected, canaries=canaries, shows=shows)
