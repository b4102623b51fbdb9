"""Trains the network that sees strokes of type at a marked place, and writes its weights and a report.

    pip install torch onnx
    python benchmarks/train_strokes.py -o cxr_core/deidentify/pixels/strokes.onnx --work DIR

It learns from places on sheets of type, as the search might mark them. Seeds and type faces of training and of
validation are disjoint; no real image takes part. `--work` keeps the places between runs.
"""

import argparse
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import torch
from burned_in_text import test_faces, training_faces
from ink_networks import ship
from numpy.typing import NDArray
from stroke_scenes import Sheet, draw_sheet
from torch import nn
from train_text_network import (
    Arrays,
    begun,
    carry_out,
    files_of,
    load_parts,
    make_files,
    quickly,
    run_steps,
    sep,
    training_options,
)

from cxr_core.deidentify.pixels.ink import INK_PX, PLANES, at_height
from cxr_core.deidentify.pixels.marks import CORE_SHARE, Mark, best_scale
from cxr_core.deidentify.pixels.model import Box
from cxr_core.deidentify.pixels.proposals import prepare_search
from cxr_core.deidentify.pixels.stroke_sight import as_planes

_TRAINING_SEED, _VALIDATION_SEED = 6_000_000, 7_000_000
_NAMES = "seen", "size"  # of the arrays that are kept
_A_FILE = 20  # sheets
_PLACE_PX = 64, 224
_LOWEST_PX, _HIGHEST_PX = 24, 96  # of a place; what is higher than a window is cut
_LEAST_INK = 0.005
_RESIZED, _SHIFTED, _LONGER = 0.18, 0.07, 0.15  # of the height: as the search is mistaken
_A_BATCH = 32
_OVERLAP = 0.5  # how much it counts that strokes are told as a whole
_HALF = 0.5
_EVEN = 20.0  # pixels: so that a few of them count little


def _conv(inputs: int, outputs: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU()
    )  # fmt: skip


class StrokeNetwork(nn.Module):
    """Three planes of a place (`stroke_sight.as_planes`) to a logit for each pixel: a stroke of type."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.fine = _conv(12, 20), _conv(20, 20)
        self.halved, self.middle = _conv(20, 32, 2), _conv(32, 32)
        self.quartered = _conv(32, 48, 2)
        self.context = nn.ModuleList([sep(48, 48, dilation) for dilation in (1, 2, 4, 2, 1)])
        self.to_middle, self.at_middle = nn.Conv2d(48, 32, 1, bias=False), _conv(32, 32)
        self.to_fine, self.at_fine = nn.Conv2d(32, 20, 1, bias=False), _conv(20, 20)
        self.answer = nn.Conv2d(20, 4, 1)

    def forward(self, place: torch.Tensor) -> torch.Tensor:
        fine = self.stem(nn.functional.pixel_unshuffle(place, 2))
        fine = fine + self.fine(fine)
        middle = self.halved(fine)
        middle = middle + self.middle(middle)
        x = self.quartered(middle)
        for layer in self.context:
            x = x + layer(x)
        x = middle + nn.functional.interpolate(self.to_middle(x), scale_factor=2.0, mode="nearest")
        x = x + self.at_middle(x)
        x = fine + nn.functional.interpolate(self.to_fine(x), scale_factor=2.0, mode="nearest")
        x = x + self.at_fine(x)
        return nn.functional.pixel_shuffle(self.answer(x), 2)


def places_of(seed: int, *, is_validation: bool) -> Iterator[tuple[NDArray[np.int8], tuple[int, int]]]:
    """The places of one sheet: three planes as they are seen, one of strokes, in a window; their size."""
    cv2.setNumThreads(1)
    rng = np.random.default_rng(seed + 77)
    faces = test_faces() if is_validation else training_faces()
    sheet = draw_sheet(seed, faces, int(rng.choice([900, 1300, 1800, 2400], p=[0.4, 0.35, 0.15, 0.1])))
    search = prepare_search(sheet.stored, sheet.photometric)
    for mark in _marks_on(sheet, rng):
        reach = mark.reach(search.shape)
        grey, equal = (at_height(search, reach, mark.line_px, INK_PX, plane) for plane in PLANES)
        size = grey.shape[1], grey.shape[0]
        whole = np.ascontiguousarray(sheet.strokes[reach.window]).view(np.uint8) * np.uint8(255)
        strokes = np.asarray(cv2.resize(whole, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)
        if mark.is_vertical:
            grey, equal, strokes = (np.ascontiguousarray(plane.T) for plane in (grey, equal, strokes))
        if _LOWEST_PX <= grey.shape[0] <= _HIGHEST_PX and float((strokes > 127).mean()) >= _LEAST_INK:
            planes = np.concatenate([as_planes(grey, equal), (strokes >> 1).astype(np.int8)[None]])
            yield _in_window(planes, rng)


def _marks_on(sheet: Sheet, rng: np.random.Generator) -> Iterator[Mark]:
    """The lines of a sheet as the search might mark them."""
    for box, is_vertical in sheet.lines:
        own = box.transposed if is_vertical else box
        line_px = max(8.0, own.height * float(np.exp(rng.normal(0, _RESIZED))))
        middle = (own.top + own.bottom) / 2 + float(rng.normal(0, _SHIFTED)) * own.height
        half, longer = CORE_SHARE * line_px / 2, round(float(rng.normal(0, _LONGER)) * own.height)
        core = Box(round(middle - half), own.left - longer, round(middle + half), own.right + longer)
        core = (core.transposed if is_vertical else core).grown(0, sheet.strokes.shape)
        if min(core.height, core.width) >= 4:
            yield Mark(core, best_scale(line_px), 0.9, is_vertical)


def _in_window(planes: NDArray[np.int8], rng: np.random.Generator) -> tuple[NDArray[np.int8], tuple[int, int]]:
    rows, columns = _PLACE_PX
    top, left = (
        int(rng.integers(max(0, planes.shape[1] - rows) + 1)),
        int(rng.integers(max(0, planes.shape[2] - columns) + 1)),
    )
    part = planes[:, top : top + rows, left : left + columns]
    size = part.shape[1], part.shape[2]
    return np.pad(part, ((0, 0), (0, rows - size[0]), (0, columns - size[1]))), size


def _shard(job: tuple[Path, range, bool]) -> Arrays:
    _, seeds, is_validation = job
    told = [one for seed in seeds for one in places_of(seed, is_validation=is_validation)]
    return {"seen": np.stack([seen for seen, _ in told]), "size": np.array([size for _, size in told])}


def make_places(work: Path, images: int, workers: int) -> None:
    """Draw the sheets and keep the places of their lines, twenty sheets a file; a twentieth for validation."""
    training = range(_TRAINING_SEED, _TRAINING_SEED + images)
    validation = range(_VALIDATION_SEED, _VALIDATION_SEED + images // 20)
    jobs = files_of(work, training=training, validation=validation, a_file=_A_FILE)
    make_files(_shard, jobs, workers, "places", is_compressed=True)


def _in_place(size: torch.Tensor) -> torch.Tensor:
    """Which pixels of a window are of the place."""
    rows, columns = (torch.arange(side) for side in _PLACE_PX)
    is_in = (rows[None, :, None] < size[:, 0, None, None]) & (columns[None, None, :] < size[:, 1, None, None])
    return is_in.float()


def _turned(
    view: torch.Tensor, inside: torch.Tensor, rng: np.random.Generator
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """The same places in another light: on their heads, mirrored, dark for bright, fainter, after compression."""
    seen, strokes = view[:, :3].clone(), view[:, 3]
    for axis in (-1, -2):
        if rng.random() < 0.5:
            seen, strokes, inside = seen.flip(axis), strokes.flip(axis), inside.flip(axis)
    if rng.random() < 0.5:
        seen[:, :2] = -seen[:, :2]
    if rng.random() < 0.4:
        seen[:, 2] *= float(rng.choice([0.0, rng.uniform()]))
    if rng.random() < 0.4:
        noise = torch.randn_like(seen[:, :2]) * float(rng.uniform(0, 0.12))
        seen[:, :2] = (seen[:, :2] * float(rng.uniform(0.6, 1.4)) + noise).clamp(-1, 1)
    return seen * inside[:, None], strokes, inside


def _loss(logits: torch.Tensor, strokes: torch.Tensor, inside: torch.Tensor) -> torch.Tensor:
    """Cross-entropy of each pixel, and how little strokes and answer overlap."""
    raw = nn.functional.binary_cross_entropy_with_logits(logits, strokes, reduction="none")
    p = torch.sigmoid(logits) * inside
    common, both = (p * strokes).sum((1, 2)), (p + strokes * inside).sum((1, 2))
    apart = 1 - (2 * common + _EVEN) / (both + _EVEN)
    return (raw * inside).sum() / inside.sum() + _OVERLAP * apart.mean()


def train(work: Path, minutes: float, threads: int, start: Path | None) -> StrokeNetwork:
    network, rng = begun(StrokeNetwork, threads, start)
    network = network.to(memory_format=torch.channels_last)
    seen, size = load_parts(work, "train", _NAMES)

    def loss_of() -> torch.Tensor:
        index = torch.from_numpy(rng.integers(0, len(seen), _A_BATCH))
        view, strokes, inside = _turned(seen[index].float() / 127, _in_place(size[index]), rng)
        return _loss(quickly(network, view)[:, 0], strokes, inside)

    rate = 4e-3 if start is None else 2e-3
    steps = run_steps(network, loss_of, rate=rate, decay=1e-3, minutes=minutes, kept_at=work / "strokes.pt")
    print(f"{steps} steps over {len(seen)} places")
    return network.to(memory_format=torch.contiguous_format).eval()


@torch.no_grad()
def measure(network: StrokeNetwork, work: Path) -> dict[str, dict[str, float]]:
    """How much of strokes and answer they have in common, and of how many places hardly half of it."""
    seen, size = load_parts(work, "valid", _NAMES)
    shares = []
    for part, sides in zip(seen.split(64), size.split(64), strict=True):
        view = part.float() / 127
        inside = _in_place(sides) > 0
        said, strokes = (network(view[:, :3])[:, 0] > 0) & inside, (view[:, 3] > 0.5) & inside
        shares.append((said & strokes).sum((1, 2)) / (said | strokes).sum((1, 2)).clamp(min=1))
    share = torch.cat(shares)
    under = float((share < _HALF).float().mean())
    return {"strokes": {"in common": round(float(share.mean()), 4), "places under half": round(under, 4)}}


def main() -> None:
    parser = training_options(__doc__, kept="places", minutes=40)
    parser.add_argument("--images", type=int, default=2000)
    ship_it = partial(ship, shape=(3, *_PLACE_PX), sees="place", says="strokes", any_size=True)
    carry_out(parser, draw=_draw, train=train, ship_it=ship_it, measure=measure)


def _draw(options: argparse.Namespace) -> dict[str, int]:
    make_places(options.work, options.images, options.workers)
    return {"sheets": options.images}


if __name__ == "__main__":
    main()
