"""What a public collection gives: pictures with the little that is known of each, and the labels that came with them.

The readers of the collections make these records; `writing` turns them into a DICOM folder that a build reads.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cxr_core.vocabulary import Label, Photometric


@dataclass(frozen=True, slots=True)
class Picture:
    """Stored pixels, (rows, columns), and how they are meant."""

    pixels: NDArray[np.uint8] | NDArray[np.uint16]
    bits_stored: int
    photometric: Photometric = Photometric.MONOCHROME2


@dataclass(frozen=True, slots=True)
class CollectionImage:
    """One picture of a collection.

    Parameters
    ----------
    path : Path
        PNG, IMG or DICOM file.
    name : str
        Its name in the collection, which no other has.
    study, patient : str
        What it belongs to, in the collection's own numbers.
    view : str
        ViewPosition; empty where it is not known.
    age_years : int, optional
    sex : str
        M, F or empty.
    spacing_mm : float, optional
        Of the pixels as they lie in the file.
    findings : str
        What the collection says of it, in its own words.
    labels : mapping
        The same as far as the 14 labels have a word for it.
    details : mapping
        Further columns for the table of given labels.
    """

    path: Path
    name: str
    study: str
    patient: str
    view: str = ""
    age_years: int | None = None
    sex: str = ""
    spacing_mm: float | None = None
    findings: str = ""
    labels: Mapping[Label, int] = field(default_factory=dict)
    details: Mapping[str, str] = field(default_factory=dict)


def uid_of(collection: str, kind: str, name: str) -> str:
    """A UID that follows from a name: the same whenever and wherever a collection is converted (PS3.5 annex B.2)."""
    digest = hashlib.sha256(f"{collection}/{kind}/{name}".encode()).digest()
    return f"2.25.{int.from_bytes(digest[:16], 'big')}"
