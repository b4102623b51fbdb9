"""Decides nothing: runs one image through decoding, rendering, view and quality, the pure step of the convert stage.

Takes a path or a data set and gives a Rendition: the encoded picture, smaller ones where asked, and the facts worth a
column. Leaves writing files, ids and drop tables to the caller.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from cxr_core.imaging.appearance import judge_appearance
from cxr_core.imaging.decoding import MAX_PIXELS, StoredImage, decode
from cxr_core.imaging.histogram import count_values
from cxr_core.imaging.quality import QualityFacts, assess
from cxr_core.imaging.reading import read_header
from cxr_core.imaging.rendering import Picture, RenderProfile, encode, render, render_intensities, scale_down
from cxr_core.imaging.view import ViewDecision, ViewTags, classify_view, view_tags
from cxr_core.vocabulary import Photometric, View


@dataclass(frozen=True, slots=True)
class Derivative:
    """A smaller picture of the same rendering.

    Parameters
    ----------
    shorter_side_px : int
        The size that was asked for; see `scale_down`.
    encoded : bytes
        JPEG, or PNG under the profile PNG16.
    sha256 : str
        Of `encoded`, hexadecimal.
    """

    shorter_side_px: int
    encoded: bytes = field(repr=False)
    sha256: str


@dataclass(frozen=True, slots=True)
class Rendition:
    """One converted image.

    Parameters
    ----------
    encoded : bytes
        JPEG, or PNG under the profile PNG16.
    sha256 : str
        Of `encoded`, hexadecimal.
    rows, columns : int
        Size in pixels.
    bits_stored : int
        BitsStored (0028,0101).
    photometric : Photometric
        As declared in the source; the picture always grows from dark to bright.
    view : ViewDecision
        View and where it was read.
    quality : QualityFacts
        Measured facts and flags.
    derivatives : tuple of Derivative
        In the order of the sizes that were asked for.
    """

    encoded: bytes = field(repr=False)
    sha256: str
    rows: int
    columns: int
    bits_stored: int
    photometric: Photometric
    view: ViewDecision
    quality: QualityFacts
    derivatives: tuple[Derivative, ...] = ()

    @property
    def jpeg(self) -> bytes:
        """`encoded`, by the name of the default format."""
        return self.encoded


def convert_image(
    source: Dataset | Path,
    profile: RenderProfile = RenderProfile.PAPER,
    *,
    sizes: Sequence[int] = (),
    max_pixels: int = MAX_PIXELS,
) -> Rendition:
    """Convert one grey DICOM image of any SOP class.

    Parameters
    ----------
    source : Dataset or Path
        A file, or what `read_header` made of it.
    profile : RenderProfile
        PAPER and NONE give a JPEG, PNG16 a PNG.
    sizes : sequence of int
        Shorter sides, in pixels, of smaller pictures to make from the same rendering.
    max_pixels : int
        Cap on the declared size.

    Raises
    ------
    ItemError
        As `read_header` and `decode` raise it.
    TransientError
        The file cannot be read from disk.
    """
    dataset = read_header(source) if isinstance(source, Path) else source
    stored = decode(dataset, max_pixels=max_pixels)
    counts = count_values(stored)
    is_png = profile is RenderProfile.PNG16
    gray = render(stored, RenderProfile.NONE if is_png else profile, counts=counts)
    picture = render_intensities(stored) if is_png else gray
    encoded = encode(picture)
    view, quality = describe_picture(stored, gray, view_tags(dataset), counts=counts)
    rows, columns = gray.shape
    return Rendition(
        encoded=encoded,
        sha256=hashlib.sha256(encoded).hexdigest(),
        rows=rows,
        columns=columns,
        bits_stored=stored.bits_stored,
        photometric=stored.photometric,
        view=view,
        quality=quality,
        derivatives=tuple(_derive(picture, size) for size in sizes),
    )


def describe_picture(
    stored: StoredImage, gray: NDArray[np.uint8], tags: ViewTags, *, counts: NDArray[np.int64] | None = None
) -> tuple[ViewDecision, QualityFacts]:
    """View and quality of one rendered image: what the tables say of it.

    Parameters
    ----------
    stored : StoredImage
        The decoded image.
    gray : (rows, columns) uint8 array
        Its rendering in any 8-bit profile.
    tags : ViewTags
        What the header says of the view.
    counts : (256,) or (65536,) int64 array, optional
        `count_values(stored)` where the caller has it already.
    """
    appearance = judge_appearance(gray)
    view = classify_view(tags, appearance.view)
    turn_degrees = appearance.reading.turn_degrees if view.view is View.FRONTAL else 0
    return view, assess(stored, gray, counts=counts, turn_degrees=turn_degrees)


def _derive(picture: Picture, size: int) -> Derivative:
    encoded = encode(scale_down(picture, size))
    return Derivative(size, encoded, hashlib.sha256(encoded).hexdigest())
