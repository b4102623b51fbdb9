"""Measures the removal of burned-in text: PHI removed, markers kept, area blacked, seconds, memory; peers beside.

python benchmarks/burned_in.py --synthetic 400
python benchmarks/burned_in.py --short-names 60                 (images with five short names each, no other text)
python benchmarks/burned_in.py --cases DIR [DIR ...]           (sets drawn by others: NAME.npy, NAME.json, NAME_ink.npz)
python benchmarks/burned_in.py --hospital-sample DIR
python benchmarks/burned_in.py --pictures DIR [DIR ...]        (PNG or JPEG without truth: area blacked, boxes)
python benchmarks/burned_in.py --speed 12                      (images of 7.8 megapixels: one core, two workers)
python benchmarks/burned_in.py --synthetic 5 --long-side 3056 --peers [--presidio PYTHON]

Seeds and type faces are those that training never saw. `--looks DIR` keeps the pictures before and after.
"""

import argparse
import csv
import json
import multiprocessing
import resource
import time
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain, islice
from pathlib import Path

import cv2
import numpy as np
from burned_in_images import Sample, draw_sample, draw_short_names
from burned_in_peers import peers
from burned_in_text import test_faces
from numpy.typing import NDArray

from cxr_core.deidentify.pixels import PixelResult, TextReader, build_readers, cascade, draw_sheet, redact_pixels
from cxr_core.deidentify.pixels.reading import Memo
from cxr_core.errors import ItemError, TransientError
from cxr_core.imaging.decoding import decode
from cxr_core.imaging.reading import read_header
from cxr_core.policy.markers import load_marker_policy
from cxr_core.vocabulary import BoxDecision, Photometric

_GONE, _LEFT, _TOUCHED = 0.95, 0.10, 0.05
_GROWN = 0.25  # of its height: the margin of a line that goes
_TEST_SEED = 5_000_000
_PIXELS = 7.8e6
_KINDS = {
    "overlay": "marker",
    "initials": "phi initials in lead",
    "barcode": "phi code",
    "qr": "phi code",
    "code": "phi code",
}


@dataclass(frozen=True, slots=True, eq=False)
class Truth:
    """One drawn text: its kind, its ink as a mask over a rectangle of the image, what it says."""

    kind: str
    window: tuple[slice, slice]
    ink: NDArray[np.bool_] = field(repr=False)
    text: str = ""

    @property
    def is_phi(self) -> bool:
        return self.kind.startswith("phi")


@dataclass(frozen=True, slots=True, eq=False)
class Case:
    name: str
    stored: NDArray[np.integer] = field(repr=False)
    photometric: Photometric
    identifiers: tuple[str, ...]
    truths: tuple[Truth, ...]
    neutral: tuple[tuple[slice, slice], ...] = ()
    """Rectangles of text that was on the background already: neither right nor wrong to black."""


@dataclass(slots=True)
class Tally:
    """Counts over all cases."""

    total: Counter[str] = field(default_factory=Counter)
    good: Counter[str] = field(default_factory=Counter)
    missed: list[str] = field(default_factory=list)
    phi_images: int = 0
    leaking_images: Counter[str] = field(default_factory=Counter)
    areas: list[float] = field(default_factory=list)
    needed_areas: list[float] = field(default_factory=list)
    free_areas: list[float] = field(default_factory=list)
    free_boxes: list[int] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    pixels: int = 0
    flags: Counter[str] = field(default_factory=Counter)

    def add(self, case: Case, mask: NDArray[np.bool_]) -> None:
        """Score what was blacked in one image."""
        counted = mask.copy()
        for window in case.neutral:
            counted[window] = False
        self.areas.append(float(counted.mean()))
        self.needed_areas.append(needed_area(case))
        if not case.truths:
            self.free_areas.append(float(counted.mean()))
            self.free_boxes.append(cv2.connectedComponents(counted.view(np.uint8))[0] - 1)
        leaks = set()
        for truth in case.truths:
            share = float(mask[truth.window][truth.ink].mean()) if truth.ink.any() else float(truth.is_phi)
            is_good = share >= _GONE if truth.is_phi else share <= _TOUCHED
            self.total[truth.kind] += 1
            self.good[truth.kind] += is_good
            if not is_good:
                self.missed.append(f"{case.name} {truth.kind} {truth.text!r}: {share:.0%} of the ink blacked")
            if truth.is_phi and 1 - share > _LEFT:
                leaks.add("hard or in lead" if "hard" in truth.kind or "lead" in truth.kind else "not hard")
        self.phi_images += any(truth.is_phi for truth in case.truths)
        self.leaking_images.update(leaks)

    def print(self) -> None:
        for kind in sorted(self.total):
            verb = "removed" if kind.startswith("phi") else "kept"
            print(f"{kind}: {verb} {self.good[kind]} of {self.total[kind]} ({self.good[kind] / self.total[kind]:.1%})")
        for stratum in ("not hard", "hard or in lead"):
            leaking = self.leaking_images[stratum]
            bound = upper_bound(leaking, self.phi_images)
            print(f"images with PHI left ({stratum}): {leaking} of {self.phi_images}, at most {bound:.2%} (95 %)")
        print(
            f"mean area blacked {np.mean(self.areas):.2%}, worst {np.max(self.areas):.2%}; "
            f"what must go, grown by a quarter of its height, is {np.mean(self.needed_areas):.2%}"
        )
        if self.free_areas:
            areas = np.array(self.free_areas)
            print(
                f"text-free images {len(areas)}: mean area {areas.mean():.3%}, worst {areas.max():.2%}, "
                f"over .5 %: {(areas > 0.005).sum()}, false boxes {np.mean(self.free_boxes):.2f} an image"
            )
        if self.seconds:
            mean, count = float(np.mean(self.seconds)), len(self.seconds)
            print(
                f"{count} images of {self.pixels / count / 1e6:.1f} Mpx: {mean:.3f} CPU s each, {1 / mean:.1f} a second"
            )
        print(f"flags {dict(self.flags)}; quarantined {len(self.errors)}", *self.errors, sep="\n  ")
        print(f"short of the bar: {len(self.missed)}", *self.missed, sep="\n  ")


def upper_bound(found: int, total: int) -> float:
    """One-sided 95 % bound of a share (Clopper and Pearson), by bisection."""
    low, high = found / max(1, total), 1.0
    for _ in range(60):
        middle = (low + high) / 2
        log_terms = [_log_binomial(total, k, middle) for k in range(found + 1)]
        low, high = (middle, high) if np.exp(log_terms).sum() > 0.05 else (low, middle)
    return high


def _log_binomial(n: int, k: int, p: float) -> float:
    ways = float(np.log(np.arange(n - k + 1, n + 1)).sum() - np.log(np.arange(1, k + 1)).sum())
    return ways + k * float(np.log(max(p, 1e-300))) + (n - k) * float(np.log(max(1 - p, 1e-300)))


def removed_mask(shape: tuple[int, ...], result: PixelResult) -> NDArray[np.bool_]:
    mask = np.zeros(shape, np.bool_)
    for box in result.boxes:
        if box.decision is BoxDecision.REDACTED:
            mask[box.top_px : box.bottom_px, box.left_px : box.right_px] = True
    return mask


def needed_area(case: Case) -> float:
    """Share of an image under the rectangles of what must go, grown as the specification asks: the least to black."""
    needed = np.zeros(case.stored.shape, np.bool_)
    for truth in case.truths:
        if truth.is_phi:
            rows, columns = truth.window
            margin = round(_GROWN * min(rows.stop - rows.start, columns.stop - columns.start))
            needed[_window((rows.start, columns.start, rows.stop, columns.stop), margin)] = True
    return float(needed.mean())


def synthetic_cases(count: int, long_side: int, first_seed: int) -> Iterator[Case]:
    """Seeds and type faces that training never saw; every fourth image is free of text."""
    for seed in range(first_seed, first_seed + count):
        yield _case(seed, draw_sample(seed, test_faces(), has_text=seed % 4 != 0, long_side=long_side))


def short_name_cases(count: int, first_seed: int) -> Iterator[Case]:
    """Names like "Wu, R", each alone: what would be left of them is a marker."""
    for seed in range(first_seed, first_seed + count):
        yield _case(seed, draw_short_names(seed, test_faces()))


def _case(seed: int, sample: Sample) -> Case:
    truths = []
    for drawn in sample.drawn:
        rows, columns = drawn.ink.shape
        window = slice(drawn.top_px, drawn.top_px + rows), slice(drawn.left_px, drawn.left_px + columns)
        truths.append(Truth(_kind(drawn.kind.value, is_hard=drawn.is_hard), window, drawn.ink, drawn.text))
    return Case(str(seed), sample.stored, sample.photometric, sample.identifiers, tuple(truths))


def folder_cases(folder: Path) -> Iterator[Case]:
    """A set drawn by somebody else."""
    for path in sorted(folder.glob("*.json")):
        told = json.loads(path.read_text(encoding="utf-8"))
        inks = np.load(path.with_name(f"{path.stem}_ink.npz")) if told["texts"] else {}
        truths = tuple(
            Truth(_kind(text["kind"], is_hard=text["hard"]), _window(text["box"]), inks[str(index)], text["text"])
            for index, text in enumerate(told["texts"])
        )
        neutral = tuple(_window(one["box"], margin=12) for one in told.get("natural", []))
        stored, photometric = np.load(path.with_suffix(".npy")), Photometric(told["photometric"])
        name = f"{folder.name}/{path.stem}"
        yield Case(name, stored, photometric, tuple(told["identifiers"]), truths, neutral)


def _window(box: Sequence[int], margin: int = 0) -> tuple[slice, slice]:
    top, left, bottom, right = box
    return slice(max(0, top - margin), bottom + margin), slice(max(0, left - margin), right + margin)


def _kind(kind: str, *, is_hard: bool) -> str:
    return _KINDS.get(kind, kind) + (" hard" if is_hard else "")


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
    kind = "phi" if row["phi"] == "1" else "marker" if is_marker else "technique line"
    return Truth(kind, window, ink, row.get("text", ""))


def picture_cases(folders: Sequence[Path]) -> Iterator[Case]:
    for path in sorted(path for folder in folders for path in folder.iterdir() if path.suffix in {".png", ".jpg"}):
        picture = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
        if picture is not None:
            yield Case(path.name, picture, Photometric.MONOCHROME2, (), ())


def redact(case: Case, readers: tuple[TextReader, ...]) -> PixelResult:
    return redact_pixels(
        case.stored,
        photometric=case.photometric,
        identifiers=case.identifiers,
        readers=readers,
        markers=load_marker_policy(),
    )


def run(cases: Iterator[Case], readers: tuple[TextReader, ...], looks: Path | None) -> Tally:
    tally = Tally()
    for case in cases:
        start = time.process_time()
        try:
            result = redact(case, readers)
        except ItemError as error:
            tally.errors.append(f"{case.name} {error}")
            continue
        tally.seconds.append(time.process_time() - start)
        tally.pixels += case.stored.size
        tally.flags.update(flag.value for flag in result.flags)
        tally.add(case, removed_mask(case.stored.shape, result))
        if looks is not None:
            name = case.name.replace("/", "_") + ".jpg"
            (looks / name).write_bytes(draw_sheet(case.stored, result, case.photometric))
    return tally


def compare(cases: Sequence[Case], readers: tuple[TextReader, ...], presidio: Path | None) -> None:
    """Ours and the peers over the same images, one after the other; the slow ones see these images only."""
    ours = run(iter(cases), readers, None)
    print("\nours", f"({'+'.join(reader.name for reader in readers)})")
    ours.print()
    own = float(np.mean(ours.seconds))
    for name, remove in peers(presidio):
        tally = Tally()
        for case in cases:
            mask, seconds = remove(as_shown(case), case.identifiers)
            tally.seconds.append(seconds)
            tally.pixels += case.stored.size
            tally.add(case, mask)
        print(f"\n{name}: {np.mean(tally.seconds) / own:.0f} times our CPU time")
        tally.print()


def as_shown(case: Case) -> NDArray[np.uint8]:
    """Eight bits, bright = white, as the peers want it."""
    low, high = np.percentile(case.stored[::4, ::4], (0.05, 99.95))
    scaled = (case.stored.astype(np.float32) - np.float32(low)) * np.float32(255 / max(high - low, 1))
    grey = np.clip(scaled, 0, 255).astype(np.uint8)
    return 255 - grey if case.photometric is Photometric.MONOCHROME1 else grey


def measure_speed(count: int, names: Sequence[str]) -> None:
    """Images of 7.8 megapixels: memo cold and warm, two workers against one, memory, where the time goes."""
    print(f"peak memory of a worker: {_alone(_peak_of, count, names):.0f} MB ({'+'.join(names)})")
    cold, warm = _alone(_rates, count, names)
    print(f"one core, memo cold {cold:.1f} images/s, warm {warm:.1f} images/s")
    seconds = []
    for workers in (1, 2):
        with multiprocessing.get_context("spawn").Pool(workers) as pool:
            pool.starmap(_rate_of, [(1, names)] * workers, chunksize=1)  # models loaded
            start = time.perf_counter()
            pool.starmap(_rate_of, [(count, names)] * 2, chunksize=1)
            seconds.append(time.perf_counter() - start)
    print(f"two workers are {seconds[0] / seconds[1]:.2f} times one (wall time, {2 * count} images)")


def _alone(function: Callable[[int, Sequence[str]], object], count: int, names: Sequence[str]) -> object:
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(function, (count, names))


def _speed_cases(count: int) -> list[Case]:
    return [replace(case, truths=()) for case in synthetic_cases(count, 3056, _TEST_SEED)]


def _rates(count: int, names: Sequence[str]) -> tuple[float, float]:
    readers, cases = build_readers(names), _speed_cases(count)
    redact(cases[0], readers)
    cascade.MEMO = Memo()
    return _rate(cases, readers), _rate(cases, readers)


def _rate(cases: Sequence[Case], readers: tuple[TextReader, ...]) -> float:
    """Images of `_PIXELS` a second. Not brought to that size: it would seam them with lines of equal values."""
    start = time.process_time()
    for case in cases:
        redact(case, readers)
    return sum(case.stored.size for case in cases) / _PIXELS / (time.process_time() - start)


_KEPT: dict[str, tuple[tuple[TextReader, ...], list[Case]]] = {}


def _rate_of(count: int, names: Sequence[str]) -> None:
    key = "+".join(names)
    if key not in _KEPT or len(_KEPT[key][1]) < count:
        _KEPT[key] = build_readers(names), _speed_cases(12)
    readers, cases = _KEPT[key]
    cascade.MEMO = Memo()
    _rate(cases[:count], readers)


def _peak_of(count: int, names: Sequence[str]) -> float:
    readers, cases = build_readers(names), _speed_cases(min(count, 4))
    for case in cases:
        redact(case, readers)
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--synthetic", type=int, default=0, metavar="IMAGES")
    parser.add_argument("--short-names", type=int, default=0, metavar="IMAGES")
    parser.add_argument("--first-seed", type=int, default=_TEST_SEED, help="seeds that were looked at are used up")
    parser.add_argument("--long-side", type=int, default=1600)
    parser.add_argument("--cases", type=Path, nargs="*", default=[])
    parser.add_argument("--skip", type=int, default=0, help="cases of each folder that were used up in tuning")
    parser.add_argument("--limit", type=int, default=10**9)
    parser.add_argument("--hospital-sample", type=Path)
    parser.add_argument("--pictures", type=Path, nargs="*", default=[])
    parser.add_argument("--readers", nargs="+", default=["rapidocr", "easyocr"])
    parser.add_argument("--peers", action="store_true")
    parser.add_argument("--presidio", type=Path, help="python of an environment that has Presidio")
    parser.add_argument("--speed", type=int, default=0, metavar="IMAGES")
    parser.add_argument("--looks", type=Path, help="write before / after pictures here")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    cv2.setNumThreads(1)
    if options.looks:
        options.looks.mkdir(parents=True, exist_ok=True)
    readers = build_readers(options.readers)
    sources: list[Iterator[Case]] = []
    if options.synthetic:
        sources.append(synthetic_cases(options.synthetic, options.long_side, options.first_seed))
    if options.short_names:
        sources.append(short_name_cases(options.short_names, options.first_seed))
    sources += [islice(folder_cases(folder), options.skip, options.skip + options.limit) for folder in options.cases]
    if options.hospital_sample:
        sources.append(hospital_cases(options.hospital_sample))
    if options.pictures:
        sources.append(picture_cases(options.pictures))
    cases = chain.from_iterable(sources)
    if options.peers:
        compare(list(cases), readers, options.presidio)
    elif sources:
        run(cases, readers, options.looks).print()
    if options.speed:
        measure_speed(options.speed, options.readers)


if __name__ == "__main__":
    main()
