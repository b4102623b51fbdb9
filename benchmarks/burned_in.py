"""Measures the removal of burned-in text: PHI removed, markers kept, area blacked, images a second.

python benchmarks/burned_in.py --synthetic 60
python benchmarks/burned_in.py --hospital-sample DIR [--looks DIR]
python benchmarks/burned_in.py --pictures DIR [DIR ...]      (report the area blacked; PNG or JPEG)
"""

import argparse
import csv
import time
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
from burned_in_images import TEST_FONTS, TextKind, draw_sample, installed
from numpy.typing import NDArray

from cxr_core.deidentify.pixels import PixelResult, TextReader, build_readers, redact_pixels
from cxr_core.errors import ItemError, TransientError
from cxr_core.imaging.decoding import decode
from cxr_core.imaging.reading import read_header
from cxr_core.policy.markers import load_marker_policy
from cxr_core.vocabulary import BoxDecision, Photometric

_GONE, _LEFT = 0.95, 0.10
_TEST_SEED = 5_000_000


@dataclass(frozen=True, slots=True)
class Truth:
    """One drawn text: its kind, and its ink as a mask over a rectangle of the image."""

    kind: str
    window: tuple[slice, slice]
    ink: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Case:
    name: str
    stored: NDArray[np.integer]
    photometric: Photometric
    identifiers: tuple[str, ...]
    truths: tuple[Truth, ...]


@dataclass(slots=True)
class Tally:
    """Counts over all cases."""

    total: dict[str, int] = field(default_factory=dict)
    good: dict[str, int] = field(default_factory=dict)
    leaking: list[str] = field(default_factory=list)
    missed: list[str] = field(default_factory=list)
    areas: list[float] = field(default_factory=list)
    text_free_areas: list[float] = field(default_factory=list)
    false_boxes: int = 0
    errors: list[str] = field(default_factory=list)
    seconds: float = 0.0
    pixels: int = 0
    flags: dict[str, int] = field(default_factory=dict)

    def add(self, case: Case, result: PixelResult) -> None:
        mask = removed_mask(case.stored.shape, result)
        self.areas.append(float(mask.mean()))
        for flag in result.flags:
            self.flags[flag.value] = self.flags.get(flag.value, 0) + 1
        if not case.truths:
            self.text_free_areas.append(float(mask.mean()))
            self.false_boxes += sum(box.decision is BoxDecision.REDACTED for box in result.boxes)
        for truth in case.truths:
            share = float(mask[truth.window][truth.ink].mean()) if truth.ink.any() else 1.0
            is_phi = truth.kind.startswith("phi")
            self.total[truth.kind] = self.total.get(truth.kind, 0) + 1
            self.good[truth.kind] = self.good.get(truth.kind, 0) + int(share >= _GONE if is_phi else share <= 0.05)
            if (share < _GONE) if is_phi else (share > 0.05):
                self.missed.append(f"{case.name} {truth.kind}: {share:.0%} of the ink blacked")
            if is_phi and 1 - share > _LEFT:
                self.leaking.append(f"{case.name} {truth.kind} ({1 - share:.0%} of the ink left)")

    def print(self) -> None:
        for kind in sorted(self.total):
            verb = "removed" if kind.startswith("phi") else "kept"
            print(f"{kind}: {verb} {self.good[kind]} of {self.total[kind]} ({self.good[kind] / self.total[kind]:.1%})")
        print(f"PHI lines with more than 10 % of their ink left: {len(self.leaking)}", *self.leaking, sep="\n  ")
        print(f"short of the bar: {len(self.missed)}", *self.missed, sep="\n  ")
        print(f"mean area blacked {np.mean(self.areas):.2%}, worst {np.max(self.areas):.2%}")
        if self.text_free_areas:
            areas = np.array(self.text_free_areas)
            print(
                f"text-free images {len(areas)}: mean area {areas.mean():.3%}, worst {areas.max():.2%}, "
                f"over .5 %: {(areas > 0.005).mean():.1%}, false boxes {self.false_boxes / len(areas):.2f} an image"
            )
        count = len(self.areas)
        rate = count / self.seconds
        print(f"{count} images, {rate:.2f} images/s, {self.pixels / count / 1e6:.2f} Mpx each; flags {self.flags}")
        print(f"quarantined: {len(self.errors)}", *self.errors, sep="\n  ")


def removed_mask(shape: tuple[int, ...], result: PixelResult) -> NDArray[np.bool_]:
    mask = np.zeros(shape, np.bool_)
    for box in result.boxes:
        if box.decision is BoxDecision.REDACTED:
            mask[box.top_px : box.bottom_px, box.left_px : box.right_px] = True
    return mask


def synthetic_cases(count: int, long_side: int, first_seed: int) -> Iterator[Case]:
    """Seeds and fonts that the classifier never saw; every fourth image is free of text."""
    fonts = installed(TEST_FONTS)
    for seed in range(first_seed, first_seed + count):
        sample = draw_sample(seed, fonts, has_text=seed % 4 != 0, long_side=long_side)
        truths = []
        for drawn in sample.drawn:
            rows, columns = drawn.ink.shape
            window = slice(drawn.top_px, drawn.top_px + rows), slice(drawn.left_px, drawn.left_px + columns)
            name = {TextKind.PHI: "phi", TextKind.INITIALS: "phi initials in lead"}.get(drawn.kind, drawn.kind.value)
            truths.append(Truth(f"{name} hard" if drawn.is_hard else name, window, drawn.ink))
        yield Case(str(seed), sample.stored, sample.photometric, sample.identifiers, tuple(truths))


def hospital_cases(folder: Path) -> Iterator[Case]:
    """The images of a hospital sample with `truth/burned.csv` and `truth/images.csv`."""
    with (folder / "truth" / "images.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    with (folder / "truth" / "burned.csv").open(encoding="utf-8") as file:
        burned = [row for row in csv.DictReader(file) if not row["category"].startswith("overlay")]
    with (folder / "truth" / "patients.csv").open(encoding="utf-8") as file:
        names = {row["mrn"]: f"{row['first']} {row['last']}" for row in csv.DictReader(file)}
    for row in rows:
        try:
            image = decode(read_header(folder / "export" / row["path"]))
        except (ItemError, TransientError):
            continue  # planted faults
        mine = [one for one in burned if one["path"] == row["path"]]
        identifiers = (names.get(row["mrn"], ""), row["mrn"], row["accession"])
        truths = tuple(_box_truth(image.pixels, one) for one in mine)
        yield Case(row["path"], image.pixels, image.photometric, identifiers, truths)


def _box_truth(stored: NDArray[np.integer], row: dict[str, str]) -> Truth:
    window = slice(int(row["y0"]), int(row["y1"])), slice(int(row["x0"]), int(row["x1"]))
    crop = cv2.normalize(stored[window].astype(np.float32), None, 0, 255, cv2.NORM_MINMAX).astype(np.uint8)
    ink = cv2.threshold(crop, 0, 1, cv2.THRESH_BINARY | cv2.THRESH_OTSU)[1] > 0
    ink = ~ink if ink.mean() > 0.5 else ink
    is_marker = row["category"] in {"orientation", "position"}
    return Truth("phi" if row["phi"] == "1" else "marker" if is_marker else "technique line", window, ink)


def picture_cases(folders: Sequence[Path]) -> Iterator[Case]:
    for path in sorted(path for folder in folders for path in folder.iterdir() if path.suffix in {".png", ".jpg"}):
        picture = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
        if picture is not None:
            yield Case(path.name, picture, Photometric.MONOCHROME2, (), ())


def run(cases: Iterator[Case], readers: tuple[TextReader, ...], looks: Path | None) -> Tally:
    tally, markers = Tally(), load_marker_policy()
    for case in cases:
        start = time.process_time()
        try:
            result = redact_pixels(
                case.stored,
                photometric=case.photometric,
                identifiers=case.identifiers,
                readers=readers,
                markers=markers,
            )
        except ItemError as error:
            tally.errors.append(f"{case.name} {error}")
            continue
        tally.seconds += time.process_time() - start
        tally.pixels += case.stored.size
        tally.add(case, result)
        if looks is not None:
            cv2.imwrite(str(looks / (case.name.replace("/", "_") + ".jpg")), draw_look(case, result))
    tally.print()
    return tally


def draw_look(case: Case, result: PixelResult) -> NDArray[np.uint8]:
    """Before and after, side by side; redacted boxes red, kept boxes green."""
    panels = []
    for pixels in (case.stored, result.pixels):
        grey = cv2.normalize(pixels.astype(np.float32), None, 0, 255, cv2.NORM_MINMAX).astype(np.uint8)
        if case.photometric is Photometric.MONOCHROME1:
            grey = 255 - grey
        panels.append(cv2.cvtColor(grey, cv2.COLOR_GRAY2BGR))
    for box in result.boxes:
        colour = (0, 0, 255) if box.decision is BoxDecision.REDACTED else (0, 255, 0)
        for panel in panels:
            cv2.rectangle(panel, (box.left_px, box.top_px), (box.right_px, box.bottom_px), colour, 2)
        label = f"{box.rule} {box.probability:.2f}"
        cv2.putText(panels[1], label, (box.left_px, max(10, box.top_px - 2)), 0, 0.4, colour, 1)
    return np.hstack(panels)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--synthetic", type=int, default=0, metavar="IMAGES")
    parser.add_argument("--first-seed", type=int, default=_TEST_SEED, help="seeds that were looked at are used up")
    parser.add_argument("--long-side", type=int, default=1200)
    parser.add_argument("--hospital-sample", type=Path)
    parser.add_argument("--pictures", type=Path, nargs="*", default=[])
    parser.add_argument("--readers", nargs="+", default=["rapidocr", "easyocr"])
    parser.add_argument("--looks", type=Path, help="write before / after pictures here")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    cv2.setNumThreads(1)
    readers = build_readers(options.readers)
    if options.synthetic:
        run(synthetic_cases(options.synthetic, options.long_side, options.first_seed), readers, options.looks)
    if options.hospital_sample:
        run(hospital_cases(options.hospital_sample), readers, options.looks)
    if options.pictures:
        run(picture_cases(options.pictures), readers, options.looks)


if __name__ == "__main__":
    main()
