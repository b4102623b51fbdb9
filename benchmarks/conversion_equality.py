"""Counts how many JPEG files are byte-equal to the published recipe's, and lists what is refused with which code.

Two kinds of files: invented ones of every transfer syntax x depth x sign x photometric interpretation, whose pixels
are known before they are encoded, and every file below the folders that are given (default: the data beside the
project, where it lies there). With and without boxes blacked. Exits with 1 where a file differs.

python benchmarks/conversion_equality.py [FOLDER ...] [--peers .venv-peers]

With `--peers` the recipe also runs in the interpreter of `conversion.py`'s peer, over pydicom's and pylibjpeg's
decoders. Files may differ there: two decoders of lossy JPEG disagree by a level, which equalisation stretches, and
the published recipe wraps around in signed images that span more than 32,767.
"""

import argparse
import sys
import tempfile
import warnings
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import product
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from conversion import RECIPE, Worker, interpreter_of
from conversion_engines import QUALITY, recipe_gray
from conversion_files import (
    ENCAPSULATED,
    LOSSY_BITS,
    NATIVE,
    Box,
    Pixels,
    file_bytes,
    make_dataset,
    make_picture,
    paint,
)
from pydicom.uid import UID, JPEGLSNearLossless
from rich.console import Console
from rich.table import Table

from cxr_core.errors import ItemError
from cxr_core.imaging.convert import convert_image
from cxr_core.imaging.decoding import StoredImage, decode
from cxr_core.imaging.reading import read_header
from cxr_core.imaging.rendering import encode_jpeg, render

SHAPE = (203, 178)
DEPTHS = (8, 10, 12, 14, 16)
BOXES: tuple[Box, ...] = ((5, 4, 21, 60), (180, 90, 203, 178))
SHARED = Path(__file__).parents[2] / "shared" / "data"
SHARED_FOLDERS = ("cxr/dicom", "hospital-sample/export/dicom")


@dataclass(slots=True)
class Tally:
    """Equal files of all, and the names of those that differ."""

    equal: int = 0
    total: int = 0
    different: list[str] = field(default_factory=list)

    def add(self, name: str, *, is_equal: bool) -> None:
        self.equal += is_equal
        self.total += 1
        if not is_equal:
            self.different.append(name)


def recipe_jpeg(pixels: Pixels, photometric: str) -> bytes:
    """The recipe's file; the subtraction runs in 64 bits: the published one wraps in the type of the pixels."""
    gray = recipe_gray(pixels.astype(np.int64), is_monochrome1=photometric == "MONOCHROME1")
    return bytes(cv2.imencode(".jpg", gray, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])[1].tobytes())


# ---------------------------------------------------------------- invented files


@dataclass(frozen=True, slots=True)
class Case:
    """One invented file."""

    syntax: UID
    bits: int
    is_signed: bool
    photometric: str
    boxes: tuple[Box, ...]

    @property
    def name(self) -> str:
        sign = "signed" if self.is_signed else "unsigned"
        return f"{self.syntax.name}, {self.bits} bits {sign}, {self.photometric}, {len(self.boxes)} boxes"

    @property
    def is_lossy(self) -> bool:
        return self.syntax in LOSSY_BITS or self.syntax == JPEGLSNearLossless

    def pixels(self) -> Pixels:
        """The picture of the case, its boxes blacked as redaction blacks them: with the darkest value."""
        picture = make_picture(*SHAPE, bits=self.bits, seed=self.bits)
        shift = 1 << (self.bits - 1) if self.is_signed else 0
        pixels: Pixels = (picture.astype(np.int64) - shift).astype(picture.dtype if not shift else _signed(self.bits))
        paint(pixels, self.boxes, int(pixels.max() if self.photometric == "MONOCHROME1" else pixels.min()))
        return pixels


def _signed(bits: int) -> Any:
    return np.int8 if bits <= 8 else np.int16


def cases() -> Iterator[Case]:
    for syntax, bits, is_signed, photometric, boxes in product(
        (*NATIVE, *ENCAPSULATED), DEPTHS, (False, True), ("MONOCHROME1", "MONOCHROME2"), ((), BOXES)
    ):
        if bits in LOSSY_BITS.get(syntax, (bits,)):
            yield Case(syntax, bits, is_signed, photometric, boxes)


def count_invented(folder: Path) -> tuple[dict[str, Tally], Counter[str]]:
    """Tally by transfer syntax, and refusals by name and code.

    What is expected of a lossless syntax follows from the pixels before encoding, of a lossy one from our decoder.
    """
    tallies: dict[str, Tally] = defaultdict(Tally)
    refused: Counter[str] = Counter()
    path = folder / "in.dcm"
    for case in cases():
        pixels = case.pixels()
        dataset = make_dataset(pixels, case.syntax, bits=case.bits, photometric=case.photometric)
        path.write_bytes(file_bytes(dataset))
        try:
            jpeg = convert_image(path).encoded
            truth = decode(read_header(path)).pixels if case.is_lossy else pixels
        except ItemError as error:
            refused[f"{case.syntax.name}, {case.bits} bits: {error.reason.value}"] += 1
            continue
        tallies[case.syntax.name].add(case.name, is_equal=jpeg == recipe_jpeg(truth, case.photometric))
    return tallies, refused


# ---------------------------------------------------------------- files that lie there


def count_files(paths: list[Path], peer: Worker | None, folder: Path) -> tuple[dict[str, Tally], list[tuple[str, str]]]:
    """Tallies (as it is, with boxes, against the peer's decoders) and the refused files with their codes."""
    tallies: dict[str, Tally] = defaultdict(Tally)
    refused: list[tuple[str, str]] = []
    for path in paths:
        try:
            stored = decode(read_header(path))
        except ItemError as error:
            refused.append((path.name, error.reason.value))
            continue
        jpeg = convert_image(path).encoded
        tallies["as it is"].add(path.name, is_equal=jpeg == recipe_jpeg(stored.pixels, stored.photometric))
        boxed = _boxed(stored)
        is_equal = encode_jpeg(render(boxed)) == recipe_jpeg(boxed.pixels, boxed.photometric)
        tallies["with boxes"].add(path.name, is_equal=is_equal)
        if peer is not None:
            target = folder / "peer.jpg"
            target.unlink(missing_ok=True)
            peer.ask(path, target, ())
            if target.exists():
                tallies["over the peer's decoders"].add(path.name, is_equal=target.read_bytes() == jpeg)
    return tallies, refused


def _boxed(stored: StoredImage) -> StoredImage:
    """The image with a black box in two corners, an eighth of each side long."""
    rows, columns = stored.pixels.shape
    down, along = max(rows // 8, 1), max(columns // 8, 1)
    pixels = stored.pixels.copy()
    darkest = int(pixels.max() if stored.photometric == "MONOCHROME1" else pixels.min())
    paint(pixels, ((0, 0, down, along), (rows - down, columns - along, rows, columns)), darkest)
    return replace(stored, pixels=pixels)


# ---------------------------------------------------------------- the report


def tally_table(title: str, tallies: dict[str, Tally]) -> Table:
    table = Table(title=title)
    table.add_column("")
    table.add_column("equal", justify="right")
    for name, tally in tallies.items():
        table.add_row(name, f"{tally.equal} of {tally.total}")
    return table


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="*", type=Path, default=[SHARED / name for name in SHARED_FOLDERS])
    parser.add_argument("--peers", type=Path, metavar="DIR", help="virtual environments of conversion.py")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    console = Console(width=None if sys.stdout.isatty() else 120)
    paths = sorted(path for folder in options.folders for path in folder.rglob("*") if path.is_file())
    interpreter = interpreter_of(RECIPE, options.peers)
    with tempfile.TemporaryDirectory() as name:
        invented, refused_cases = count_invented(Path(name))
        peer = Worker(RECIPE, interpreter) if interpreter else None
        found, refused = count_files(paths, peer, Path(name))
        if peer is not None:
            peer.stop()
    console.print(tally_table("Invented files, equal to the recipe's", invented))
    for case, count in refused_cases.items():
        console.print(f"refused: {case} ({count})")
    console.print(tally_table(f"{len(paths)} files below the folders", found))
    for code, count in sorted(Counter(code for _, code in refused).items()):
        names = ", ".join(name for name, its in refused if its == code)
        console.print(f"refused, {code}: {count}: {names}", markup=False)
    different = [line for tallies in (invented, found) for tally in tallies.values() for line in tally.different]
    for line in different:
        console.print(f"differs: {line}", markup=False)
    ours = [*invented.values(), *(tally for key, tally in found.items() if key != "over the peer's decoders")]
    sys.exit(any(tally.different for tally in ours))


if __name__ == "__main__":
    main()
