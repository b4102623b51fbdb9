"""Decides what the smallest picture is that a benchmark of headers puts under one: four pixels.

Takes a data set without pixels, gives the bytes of a file.
"""

import io

from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import UID


def smallest_file(dataset: Dataset, syntax: UID) -> bytes:
    """The data set with a picture of 2 x 2 pixels of 16 bits, as a file in a transfer syntax without compression."""
    dataset.Rows = dataset.Columns = 2
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.BitsAllocated = dataset.BitsStored = 16
    dataset.HighBit, dataset.PixelRepresentation = 15, 0
    dataset.PixelData = b"\1\0\2\0\3\0\4\0"
    dataset["PixelData"].VR = "OW"
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = syntax
    buffer = io.BytesIO()
    dataset.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()
