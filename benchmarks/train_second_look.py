"""Trains the network that looks again at doubtful places, and writes its weights and a report.

    pip install torch onnx
    python benchmarks/train_second_look.py -o cxr_core/deidentify/pixels/second_look.onnx --work DIR

It learns from what the search finds in synthetic radiographs: places with text and places without. Seeds and type
faces of training and of validation are disjoint; no real image takes part. `--work` keeps the places between runs.
"""

import argparse
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import torch
from burned_in_images import DrawnText, Sample, draw_practice, draw_sample
from burned_in_text import test_faces, training_faces
from ink_networks import ship
from numpy.typing import NDArray
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

from cxr_core.deidentify.pixels.lines import find_lines
from cxr_core.deidentify.pixels.model import Box, Line
from cxr_core.deidentify.pixels.proposals import prepare_search
from cxr_core.deidentify.pixels.search import look_everywhere
from cxr_core.deidentify.pixels.second_look import SEEN_PX, windows_on

_TRAINING_SEED, _VALIDATION_SEED = 4_000_000, 5_000_000
_NAMES = "seen", "text", "held"  # of the arrays that are kept
_A_FILE = 20  # images
_DOUBTFUL = 0.75  # probability; of what is surer some are enough
_OF_SURE = 0.3
_MOST_WITHOUT = 40  # places of one image
_OF_PLACE, _OF_TEXT, _APART = 0.25, 0.5, 0.02  # shares of rectangles in common
_A_BATCH = 24, 12, 36  # doubtful text, sure text, none
_SHIFTED, _RESIZED = 0.12, 0.18  # of the height: as the search is mistaken


class SecondLook(nn.Module):
    """Four planes of a place (`windows_on`) to one logit: text."""

    def __init__(self) -> None:
        super().__init__()
        self.strokes = nn.Sequential(
            nn.Conv2d(4, 16, 3, 2, 1, bias=False), nn.BatchNorm2d(16), nn.ReLU(),
            nn.Conv2d(16, 32, 3, 2, 1, bias=False), nn.BatchNorm2d(32), nn.ReLU(),
            sep(32, 48), sep(48, 80, stride=2),
        )  # fmt: skip
        self.letters = nn.ModuleList([sep(80, 80, dilation) for dilation in (1, 2, 4, 1)])
        self.answer = nn.Sequential(nn.Linear(240, 48), nn.ReLU(), nn.Linear(48, 1))

    def forward(self, place: torch.Tensor) -> torch.Tensor:
        x = self.strokes(place)
        for layer in self.letters:
            x = x + layer(x)
        inside = nn.functional.avg_pool2d(place[:, 3:], 8)
        share = inside.sum((2, 3)).clamp(min=1e-3)
        mean = (x * inside).sum((2, 3)) / share
        most = (x * (inside > 0.1)).amax((2, 3))
        return self.answer(torch.cat([mean, most, x.mean((2, 3))], dim=1))[:, 0]


def places_of(seed: int, *, is_validation: bool) -> Iterator[tuple[NDArray[np.int8], bool, float]]:
    """The windows on what the search finds in one image, whether each is text, how probable the search held it."""
    cv2.setNumThreads(1)
    rng = np.random.default_rng(seed + 55)
    faces = test_faces() if is_validation else training_faces()
    long_side = int(rng.choice([900, 1300, 1800, 2400], p=[0.35, 0.3, 0.2, 0.15]))
    if seed % 5 in {0, 1}:
        sample = draw_sample(seed, faces, has_text=False, long_side=long_side)
    elif seed % 5 == 2 or is_validation:
        sample = draw_sample(seed, faces, long_side=long_side)
    else:
        sample = draw_practice(seed, faces, long_side=long_side)
    search = prepare_search(sample.stored, sample.photometric)
    without = 0
    for line in find_lines(search, look_everywhere(search)):
        is_text = _holds_text(line, sample)
        if is_text is None or (is_text and line.probability > _DOUBTFUL and rng.random() > _OF_SURE):
            continue
        without += not is_text
        if not is_text and without > _MOST_WITHOUT:
            continue
        for looked_at in (line,) if is_validation else (_mistaken(line, rng, search.shape) for _ in range(2)):
            windows = windows_on(search, looked_at.box, is_vertical=looked_at.is_vertical)
            yield windows[int(rng.integers(len(windows)))], is_text, line.probability


def _holds_text(line: Line, sample: Sample) -> bool | None:
    """None where a place touches text, but is none of it."""
    shared = [(line.box.intersection(box), box.area) for box in map(_box, sample.drawn)]
    if any(common >= min(_OF_PLACE * line.box.area, _OF_TEXT * area) and common for common, area in shared):
        return True
    return None if any(common > _APART * line.box.area for common, _ in shared) else False


def _box(drawn: DrawnText) -> Box:
    height, width = drawn.ink.shape
    return Box(drawn.top_px, drawn.left_px, drawn.top_px + height, drawn.left_px + width)


def _mistaken(line: Line, rng: np.random.Generator, shape: tuple[int, int]) -> Line:
    """The place as the search might have found it as well: a little beside, larger or smaller."""
    reach = line.line_px * rng.normal(0, (_SHIFTED, _SHIFTED, _RESIZED / 2, _RESIZED / 2)).clip(-0.3, 0.3)
    down, right, higher, longer = (round(float(value)) for value in reach)
    box = Box(
        line.box.top + down - higher,
        line.box.left + right - longer,
        line.box.bottom + down + higher,
        line.box.right + right + longer,
    ).grown(0, shape)
    return replace(line, box=box) if min(box.height, box.width) >= 4 else line


def _shard(job: tuple[Path, range, bool]) -> Arrays:
    _, seeds, is_validation = job
    told = [one for seed in seeds for one in places_of(seed, is_validation=is_validation)]
    return {
        "seen": np.stack([seen for seen, _, _ in told]),
        "text": np.array([is_text for _, is_text, _ in told]),
        "held": np.array([held for _, _, held in told], np.float32),
    }


def make_places(work: Path, images: int, workers: int) -> None:
    """Draw the images and keep what the search finds in them, twenty images a file; a tenth for validation."""
    training = range(_TRAINING_SEED, _TRAINING_SEED + images)
    validation = range(_VALIDATION_SEED, _VALIDATION_SEED + images // 10)
    jobs = files_of(work, training=training, validation=validation, a_file=_A_FILE)
    make_files(_shard, jobs, workers, "places")


def _turned(seen: torch.Tensor, rng: np.random.Generator) -> torch.Tensor:
    """The same places in another light: on their heads, mirrored, dark for bright, fainter, after compression."""
    view = seen.float() / 127
    for axis in (-1, -2):
        if rng.random() < 0.4:
            view = view.flip(axis)
    if rng.random() < 0.4:
        view[:, :2] = -view[:, :2]
    if rng.random() < 0.3:
        view[:, 2] *= float(rng.choice([0.0, rng.uniform(0, 1)]))
    if rng.random() < 0.4:
        noise = torch.randn_like(view[:, :2]) * float(rng.uniform(0, 0.1))
        view[:, :2] = (view[:, :2] * float(rng.uniform(0.7, 1.3)) + noise).clamp(-1, 1)
    return view


def train(work: Path, minutes: float, threads: int, start: Path | None) -> SecondLook:
    network, rng = begun(SecondLook, threads, start)
    network = network.to(memory_format=torch.channels_last)
    seen, text, held = load_parts(work, "train", _NAMES)
    pools = [torch.nonzero(which)[:, 0] for which in (text & (held < _DOUBTFUL), text & (held >= _DOUBTFUL), ~text)]
    print(f"{len(seen)} places: {', '.join(str(len(pool)) for pool in pools)} doubtful text, sure text, none")

    def loss_of() -> torch.Tensor:
        picks = [pool[torch.from_numpy(rng.integers(0, len(pool), n))] for pool, n in zip(pools, _A_BATCH, strict=True)]
        index = torch.cat(picks)
        view, truth = _turned(seen[index], rng), text[index].float()
        logits = quickly(network, view)
        raw = nn.functional.binary_cross_entropy_with_logits(logits, truth, reduction="none")
        p = torch.sigmoid(logits).detach()
        return (raw * (0.2 + torch.where(truth > 0, 1 - p, p))).mean()

    rate = 4e-3 if start is None else 1.5e-3
    steps = run_steps(network, loss_of, rate=rate, decay=1e-3, minutes=minutes, kept_at=work / "second_look.pt")
    print(f"{steps} steps")
    return network.to(memory_format=torch.contiguous_format).eval()


@torch.no_grad()
def measure(network: SecondLook, work: Path) -> dict[str, dict[str, float]]:
    """Of doubtful places with and without text, by how the search held them: how many are held text now."""
    seen, text, held = load_parts(work, "valid", _NAMES)
    p = torch.cat([torch.sigmoid(network(part.float() / 127)) for part in seen.split(64)])
    report = {}
    for low, high in ((0.4, 0.5), (0.5, 0.65), (0.65, 1.01)):
        within = (held >= low) & (held < high)
        for cut in (0.02, 0.05, 0.1, 0.3, 0.5, 0.9, 0.98):
            report[f"held {low} to {min(high, 1)}, p >= {cut}"] = {
                "text": round(float((p[within & text] >= cut).float().mean()), 4),
                "none": round(float((p[within & ~text] >= cut).float().mean()), 4),
            }
    return report


def main() -> None:
    parser = training_options(__doc__, kept="places", minutes=15)
    parser.add_argument("--images", type=int, default=2400)
    ship_it = partial(ship, shape=(4, *SEEN_PX), sees="place", says="text")
    carry_out(parser, draw=_draw, train=train, ship_it=ship_it, measure=measure)


def _draw(options: argparse.Namespace) -> dict[str, int]:
    make_places(options.work, options.images, options.workers)
    return {"images": options.images}


if __name__ == "__main__":
    main()
