"""Compares the whole path (read, decode, render, encode) with the naive recipe, interleaved, on generated files.

Takes no input and prints a table: ratio of CPU times per transfer syntax, and how many JPEG files are byte-equal.
The recipe is pydicom + numpy + cv2; where pydicom has no decoder, it is given the fastest one, so that the ratio
there says only what the rest of the path gains. Run: `python benchmarks/conversion.py [--runs N] [--images N]`.
"""

import argparse
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import cv2
import imagecodecs
import numpy as np
from numpy.typing import NDArray
from pydicom import dcmread
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.encaps import encapsulate, get_frame
from pydicom.uid import (
    UID,
    ComputedRadiographyImageStorage,
    ExplicitVRLittleEndian,
    HTJ2KLossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
)

from cxr_core.imaging.convert import convert_image
from cxr_core.imaging.decoding import StoredImage
from cxr_core.imaging.rendering import encode_jpeg, render
from cxr_core.vocabulary import Photometric

ENCODERS: dict[UID, Callable[[NDArray[np.uint16]], bytes]] = {
    JPEGLosslessSV1: lambda p: bytes(imagecodecs.jpeg8_encode(p, lossless=True, predictor=1, bitspersample=12)),
    JPEGLSLossless: lambda p: bytes(imagecodecs.jpegls_encode(p)),
    HTJ2KLossless: lambda p: bytes(imagecodecs.htj2k_encode(p, reversible=True)),
}
DECODERS: dict[UID, Callable[[bytes], NDArray[np.uint16]]] = {
    JPEGLosslessSV1: imagecodecs.jpeg8_decode,
    JPEGLSLossless: imagecodecs.jpegls_decode,
    HTJ2KLossless: imagecodecs.htj2k_decode,
}


def make_pixels(seed: int, rows: int = 2800, columns: int = 2800) -> NDArray[np.uint16]:
    """A 7.8-megapixel chest of 12 bits: smooth anatomy, quantum noise, black air."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:rows, :columns].astype(np.float32)
    y, x = y / rows, x / columns
    body = 1 / (1 + np.exp((np.abs(x - 0.5) - 0.27 - 0.2 * np.minimum(y * 3, 1)) * 60))
    lungs = sum(np.exp(-(((x - c) / 0.11) ** 2) - ((y - 0.42) / 0.22) ** 2) for c in (0.3, 0.7))
    picture = body * (1800 + 1400 * y - 1500 * lungs) + rng.normal(0, 5, (rows, columns)).astype(np.float32)
    pixels: NDArray[np.uint16] = picture.clip(0, 4095).astype(np.uint16)
    return pixels


def write_file(path: Path, pixels: NDArray[np.uint16], syntax: UID) -> None:
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = syntax
    dataset = FileDataset("", {}, file_meta=meta, preamble=b"\0" * 128)
    dataset.SOPClassUID, dataset.SOPInstanceUID = ComputedRadiographyImageStorage, UID("2.25.1")
    dataset.Rows, dataset.Columns = pixels.shape
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 16, 12, 11
    dataset.SamplesPerPixel, dataset.PixelRepresentation = 1, 0
    dataset.PhotometricInterpretation = "MONOCHROME2"
    dataset.PixelData = encapsulate([ENCODERS[syntax](pixels)]) if syntax in ENCODERS else pixels.tobytes()
    dataset["PixelData"].VR = "OW"
    dataset["PixelData"].is_undefined_length = syntax in ENCODERS
    dataset.save_as(path, enforce_file_format=True)


def run_recipe(source: Path, target: Path) -> None:
    """The published recipe (MIT-LCP/mimic-cxr#16) on one file."""
    dataset = dcmread(source)
    syntax = dataset.file_meta.TransferSyntaxUID
    if syntax in DECODERS:
        pixels = DECODERS[syntax](get_frame(dataset.PixelData, 0, number_of_frames=1))
    else:
        pixels = dataset.pixel_array
    cv2.imwrite(str(target), recipe_gray(pixels), [cv2.IMWRITE_JPEG_QUALITY, 95])


def recipe_gray(pixels: NDArray[np.uint16]) -> NDArray[np.uint8]:
    image = pixels - np.min(pixels)
    image = image / np.max(image)
    return np.asarray(cv2.equalizeHist((image * 255).astype(np.uint8)), dtype=np.uint8)


def run_ours(source: Path, target: Path) -> None:
    target.write_bytes(convert_image(source).jpeg)


def cpu_ms(action: Callable[[], object]) -> float:
    start = time.process_time()
    action()
    return (time.process_time() - start) * 1000


def compare(name: str, recipe: Callable[[], object], ours: Callable[[], object], runs: int) -> None:
    """Interleave both, keep each one's minimum: the only figure that a shared machine does not blur."""
    pairs = [(cpu_ms(recipe), cpu_ms(ours)) for _ in range(runs)]
    slow, quick = (min(column) for column in zip(*pairs, strict=True))
    print(f"{name:<28}{slow:9.1f} ms{quick:9.1f} ms{slow / quick:8.2f} x")


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--runs", type=int, default=5)
    arguments.add_argument("--images", type=int, default=2)
    options = arguments.parse_args()
    cv2.setNumThreads(1)
    warnings.simplefilter("ignore")
    print(f"{'':<28}{'recipe':>12}{'hilum':>12}{'ratio':>9}   (minimum CPU of {options.runs}, 7.8 MP)")
    equal = total = 0
    with tempfile.TemporaryDirectory() as folder:
        source, theirs, ours = (Path(folder) / name for name in ("in.dcm", "recipe.jpg", "hilum.jpg"))
        for syntax in (ExplicitVRLittleEndian, *ENCODERS):
            for seed in range(options.images):
                write_file(source, make_pixels(seed), syntax)
                name = f"{syntax.name[:24]} {seed}"
                compare(name, lambda: run_recipe(source, theirs), lambda: run_ours(source, ours), options.runs)
                equal += theirs.read_bytes() == ours.read_bytes()
                total += 1
    pixels = make_pixels(0)
    stored = StoredImage(pixels, 12, False, Photometric.MONOCHROME2, False)
    gray = render(stored)
    compare("conversion step", lambda: recipe_gray(pixels), lambda: render(stored), options.runs)
    compare("JPEG encoding alone", lambda: encode_jpeg(gray), lambda: encode_jpeg(gray), options.runs)
    print(f"byte-equal: {equal} of {total}")


if __name__ == "__main__":
    main()
