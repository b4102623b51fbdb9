"""Decides nothing: runs one image through decoding, rendering, view and quality, the pure step of the convert stage.

Takes a path or a data set and gives a Rendition: the encoded picture and the facts worth a column. Leaves writing
files, ids and drop tables to the caller.
"""

import hashlib
from dataclasses import dataclass, field
from pathlib import Path

from pydicom.dataset import Dataset

from cxr_core.imaging.appearance import judge_appearance
from cxr_core.imaging.decoding import MAX_PIXELS, decode
from cxr_core.imaging.histogram import count_values
from cxr_core.imaging.quality import QualityFacts, assess
from cxr_core.imaging.reading import read_header
from cxr_core.imaging.rendering import RenderProfile, encode_jpeg, encode_png16, render, render_intensities
from cxr_core.imaging.view import ViewDecision, classify_view, view_tags
from cxr_core.vocabulary import Photometric, View


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
    """

    encoded: bytes = field(repr=False)
    sha256: str
    rows: int
    columns: int
    bits_stored: int
    photometric: Photometric
    view: ViewDecision
    quality: QualityFacts

    @property
    def jpeg(self) -> bytes:
        """`encoded`, by the name of the default format."""
        return self.encoded


def convert_image(
    source: Dataset | Path, profile: RenderProfile = RenderProfile.PAPER, *, max_pixels: int = MAX_PIXELS
) -> Rendition:
    """Convert one grey DICOM image of any SOP class.

    Parameters
    ----------
    source : Dataset or Path
        A file, or what `read_header` made of it.
    profile : RenderProfile
        PAPER and NONE give a JPEG, PNG16 a PNG.
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
    encoded = encode_png16(render_intensities(stored)) if is_png else encode_jpeg(gray)
    rows, columns = gray.shape
    appearance = judge_appearance(gray)
    view = classify_view(view_tags(dataset), appearance.view)
    turn_degrees = appearance.reading.turn_degrees if view.view is View.FRONTAL else 0
    return Rendition(
        encoded=encoded,
        sha256=hashlib.sha256(encoded).hexdigest(),
        rows=rows,
        columns=columns,
        bits_stored=stored.bits_stored,
        photometric=stored.photometric,
        view=view,
        quality=assess(stored, gray, counts=counts, turn_degrees=turn_degrees),
    )
