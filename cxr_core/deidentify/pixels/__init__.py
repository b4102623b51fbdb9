"""Decides which burned-in text leaves an image: everything but orientation and technique markers.

Takes stored pixels and the patient's identifiers, gives redacted pixels and a row for every text box.
Header, overlay planes and quarantine are left to the header engine and the caller.
"""

from cxr_core.deidentify.pixels.cascade import redact_pixels
from cxr_core.deidentify.pixels.model import Box, PixelResult, TextBox, TextReader
from cxr_core.deidentify.pixels.reader_boxes import black_reader_boxes
from cxr_core.deidentify.pixels.readers import build_readers
from cxr_core.deidentify.pixels.sheet import draw_sheet

__all__ = [
    "Box",
    "PixelResult",
    "TextBox",
    "TextReader",
    "black_reader_boxes",
    "build_readers",
    "draw_sheet",
    "redact_pixels",
]
