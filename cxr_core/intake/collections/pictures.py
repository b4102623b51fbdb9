"""Decides how the picture files of public collections are read: PNG of any colour type, and the raw images of JSRT.

Takes a path, gives stored pixels, or an `ItemError` with a reason code. What a picture shows is left to its reader.
"""

from pathlib import Path

import numpy as np
from PIL import Image, UnidentifiedImageError

from cxr_core.errors import ItemError
from cxr_core.intake.collections.model import Picture
from cxr_core.vocabulary import Photometric, Reason

_JSRT_SIDE, _JSRT_BITS = 2048, 12
_MOST_PIXELS = 100_000_000
_GREY = ("L", "1", "LA", "P", "RGB", "RGBA")


def read_png(path: Path) -> Picture:
    """A PNG as grey pixels of 8 or 16 bits; colours become their luminance, transparency is ignored.

    Raises
    ------
    ItemError
        `E_PIXELS`.
    """
    try:
        with Image.open(path) as image:
            if image.width * image.height > _MOST_PIXELS:
                raise ItemError(Reason.E_PIXELS, "too many pixels")
            if image.mode.startswith("I"):
                return Picture(np.asarray(image).astype(np.uint16), 16)
            if image.mode not in _GREY:
                raise ItemError(Reason.E_PIXELS, f"a picture of mode {image.mode}")
            colours = image.convert("RGB") if image.mode in ("RGBA", "P") else image
            return Picture(np.asarray(colours.convert("L"), np.uint8), 8)
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError, Image.DecompressionBombError):
        raise ItemError(Reason.E_PIXELS, "no readable picture") from None


def read_jsrt(path: Path) -> Picture:
    """A JSRT image: 2048 x 2048 big-endian words of 12 bits, film density, so that low values are bright.

    Source: Shiraishi et al., AJR 174 (2000), "Development of a digital image database for chest radiographs".

    Raises
    ------
    ItemError
        `E_PIXELS` for another size or values beyond 12 bits.
    """
    try:
        content = path.read_bytes()
    except OSError:
        raise ItemError(Reason.E_PIXELS, "no readable file") from None
    if len(content) != 2 * _JSRT_SIDE**2:
        raise ItemError(Reason.E_PIXELS, "not 2048 x 2048 words")
    pixels = np.frombuffer(content, ">u2").reshape(_JSRT_SIDE, _JSRT_SIDE).astype(np.uint16)
    if int(pixels.max()) >> _JSRT_BITS:
        raise ItemError(Reason.E_PIXELS, "values beyond 12 bits; are the words big endian?")
    return Picture(pixels, _JSRT_BITS, Photometric.MONOCHROME1)
