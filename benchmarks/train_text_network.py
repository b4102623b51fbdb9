"""Trains the network that tells text from anatomy, on synthetic radiographs, and writes its weights and a report.

    pip install torch onnx
    python benchmarks/train_text_network.py -o cxr_core/deidentify/pixels/text_network.onnx --work DIR
    python benchmarks/train_text_network.py -o NEW.onnx --work DIR --first-image 40000 \
        --start cxr_core/deidentify/pixels/text_network.onnx              (goes on from the weights that are shipped)

Seeds and type faces of training and of validation are disjoint; no real image takes part. `--work` keeps the crops
between runs.
"""

import argparse
import io
import json
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import cv2
import numpy as np
import torch
from burned_in_images import Sample, draw_practice, draw_sample
from burned_in_text import TextKind, test_faces, training_faces
from numpy.typing import NDArray
from torch import nn

from cxr_core.deidentify.pixels.network import CELL_PX, normalise
from cxr_core.deidentify.pixels.proposals import prepare_search, propose_tiles

CROP_PX = 160
_CELLS = CROP_PX // CELL_PX
_BORDER_PX = 16
_CROPS_PER_IMAGE = 36
_NAMES = "contrast", "equal", "target"  # of the arrays that are kept
_VALIDATION_SEED = 1_000_000
_CORE = 0.2  # of the line's height that is left out above and below its core
# Line heights, in pixels of a view, that each map marks; just outside them it is not asked, further out it must not.
_SURE_PX, _UNSURE_PX = (8, 40), (6, 64)
_SMALL_PX, _UNSURE_SMALL_PX = (3.5, 10), (2, 13)
NEGATIVE, POSITIVE, IGNORED = 0, 1, 2
Job, Network = TypeVar("Job", bound=tuple[Any, ...]), TypeVar("Network", bound=nn.Module)
Arrays = dict[str, NDArray[Any]]


def sep(inputs: int, outputs: int, dilation: int = 1, stride: int | tuple[int, int] = 1) -> nn.Sequential:
    """Depthwise 3 x 3, then 1 x 1."""
    depthwise = nn.Conv2d(inputs, inputs, 3, stride, dilation, dilation, groups=inputs, bias=False)
    return nn.Sequential(depthwise, nn.Conv2d(inputs, outputs, 1), nn.BatchNorm2d(outputs), nn.ReLU())


class MapNetwork(nn.Module):
    """Planes to maps at a quarter of their size: what is near, and what an eighth of the size shows around it."""

    stem: nn.Module
    fine: nn.Module
    down: nn.Module
    context: nn.ModuleList
    up: nn.Module
    head: nn.Module

    def forward(self, view: torch.Tensor) -> torch.Tensor:
        fine = self.fine(self.stem(view))
        deep = self.down(fine)
        for layer in self.context:
            deep = deep + layer(deep)
        up = nn.functional.interpolate(self.up(deep), scale_factor=2.0, mode="nearest")
        return self.head(torch.relu(fine + up))


class TextNetwork(MapNetwork):
    """Two planes (local contrast, exact equality) to three maps (text, code, small text) at a quarter of the size."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv2d(2, 10, 3, 2, 1), nn.BatchNorm2d(10), nn.ReLU(),
            nn.Conv2d(10, 24, 3, 2, 1), nn.BatchNorm2d(24), nn.ReLU(),
        )  # fmt: skip
        self.fine = sep(24, 32)
        self.down = sep(32, 56, stride=2)
        self.context = nn.ModuleList([sep(56, 56, dilation) for dilation in (1, 2, 4, 2, 1)])
        self.up = nn.Conv2d(56, 32, 1)
        self.head = nn.Sequential(sep(32, 32), nn.Conv2d(32, 3, 1))


class _Shipped(nn.Module):
    """The network with its last steps: probabilities as bytes."""

    def __init__(self, network: TextNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(self, view: torch.Tensor) -> torch.Tensor:
        return torch.round(torch.sigmoid(self.network(view)) * 255).to(torch.uint8)


def target_maps(sample: Sample, scale: int, shape: tuple[int, int]) -> NDArray[np.uint8]:
    """What the network should say of one view: (3, cell rows, cell columns) of NEGATIVE, POSITIVE, IGNORED."""
    cell = CELL_PX * scale
    text, code, small = maps = np.zeros((3, -(-shape[0] // CELL_PX), -(-shape[1] // CELL_PX)), np.uint8)
    for drawn in sample.drawn:
        height, width = drawn.ink.shape
        box = top, left, bottom, right = drawn.top_px, drawn.left_px, drawn.top_px + height, drawn.left_px + width
        around = top - cell, left - cell, bottom + cell, right + cell
        if drawn.kind is TextKind.CODE:
            _fill(code, box, cell, POSITIVE if min(height, width) / scale >= 20 else IGNORED)
            _fill(text, box, cell, IGNORED)
            _fill(small, box, cell, IGNORED)
            continue
        line = drawn.line_px / scale
        if _SMALL_PX[0] <= line <= _SMALL_PX[1]:
            _fill(small, box, cell, POSITIVE)
        elif _UNSURE_SMALL_PX[0] <= line <= _UNSURE_SMALL_PX[1]:
            _fill(small, around, cell, IGNORED)
        if _SURE_PX[0] <= line <= _SURE_PX[1]:
            rim, cut = int(0.12 * drawn.line_px), int(_CORE * drawn.line_px)
            _fill(text, (top + rim, left, bottom - rim, right), cell, IGNORED, outward=True)
            core = (
                (top, left + cut, bottom, right - cut) if drawn.is_vertical else (top + cut, left, bottom - cut, right)
            )
            _fill(text, core, cell, POSITIVE)
        elif _UNSURE_PX[0] <= line <= _UNSURE_PX[1]:
            _fill(text, around, cell, IGNORED)
    return maps


def _fill(
    plane: NDArray[np.uint8], box: tuple[int, int, int, int], cell: int, value: int, *, outward: bool = False
) -> None:
    """Set the cells whose centre lies in a box (or that touch it), at least one."""
    top, left, bottom, right = box
    if outward:
        rows, columns = (top // cell, -(-bottom // cell)), (left // cell, -(-right // cell))
    else:
        rows, columns = (round(top / cell), round(bottom / cell)), (round(left / cell), round(right / cell))
    rows, columns = (max(0, rows[0]), max(rows[1], rows[0] + 1)), (max(0, columns[0]), max(columns[1], columns[0] + 1))
    plane[rows[0] : rows[1], columns[0] : columns[1]] = value


def cut_crops(seed: int, *, is_validation: bool) -> tuple[NDArray[np.int8], NDArray[np.uint8], NDArray[np.uint8]]:
    """Crops of one image: contrast (int8), equality and targets; half of them about text, half wherever edges are."""
    cv2.setNumThreads(1)
    rng = np.random.default_rng(seed + 77)
    long_side = int(rng.choice([800, 1200, 1700, 2400]))
    if is_validation:
        sample = draw_sample(seed, test_faces(), has_text=seed % 3 != 0, long_side=long_side)
    elif seed % 3 == 0:
        sample = draw_sample(seed, training_faces(), has_text=False, long_side=long_side)
    else:
        sample = draw_practice(seed, training_faces(), long_side=long_side)
    search = prepare_search(sample.stored, sample.photometric)
    shares = {1: 0.3, 2: 0.4, 4: 0.3}
    contrasts, equals, targets = [], [], []
    for view in search.views:
        target = target_maps(sample, view.scale, view.grey.shape)
        contrast = normalise(cv2.copyMakeBorder(view.grey, *[_BORDER_PX] * 4, cv2.BORDER_REPLICATE))
        for top, left in _corners(rng, target, propose_tiles(view), round(_CROPS_PER_IMAGE * shares[view.scale])):
            window = slice(top, top + CROP_PX), slice(left, left + CROP_PX)
            cells = (slice(top // CELL_PX, top // CELL_PX + _CELLS), slice(left // CELL_PX, left // CELL_PX + _CELLS))
            contrasts.append(_filled(np.rint(contrast[window] * 127).astype(np.int8), CROP_PX, 0))
            equals.append(_filled(view.equal[window], CROP_PX, 255))
            targets.append(np.stack([_filled(plane[cells], _CELLS, IGNORED) for plane in target]))
    return np.stack(contrasts), np.stack(equals), np.stack(targets)


def _corners(
    rng: np.random.Generator, target: NDArray[np.uint8], tiles: NDArray[np.bool_], count: int
) -> Iterator[tuple[int, int]]:
    """Top left corners, multiples of a cell; tiles are two cells wide."""
    text = np.argwhere((target == POSITIVE).any(axis=0)) * CELL_PX
    edges = np.argwhere(tiles) * 2 * CELL_PX
    limits = [max(0, (side - _CELLS)) * CELL_PX for side in target.shape[1:]]
    for index in range(count):
        pool = text if index % 2 == 0 and len(text) else edges
        centre = pool[rng.integers(len(pool))] if len(pool) else rng.integers(0, 400, 2)
        corner = centre - rng.integers(20, CROP_PX - 20, 2)
        top, left = (int(np.clip(c, 0, limit)) // CELL_PX * CELL_PX for c, limit in zip(corner, limits, strict=True))
        yield top, left


def _filled(values: NDArray[np.generic], side: int, value: int) -> NDArray[np.generic]:
    out = np.full((side, side), value, values.dtype)
    out[: values.shape[0], : values.shape[1]] = values
    return out


def _shard(job: tuple[Path, range, bool]) -> Arrays:
    _, seeds, is_validation = job
    parts = [cut_crops(seed, is_validation=is_validation) for seed in seeds]
    arrays = [np.concatenate(group) for group in zip(*parts, strict=True)]
    return dict(zip(("contrast", "equal", "target"), arrays, strict=True))


def make_crops(work: Path, seeds: range, validation_images: int, workers: int) -> None:
    """Draw the images and keep their crops, fifty images a file."""
    jobs = [
        (work / f"valid-{s:07d}.npz", range(s, s + 50), True)
        for s in range(_VALIDATION_SEED, _VALIDATION_SEED + validation_images, 50)
    ]
    jobs += [(work / f"train-{s:07d}.npz", range(s, s + 50), False) for s in seeds[::50]]
    make_files(_shard, jobs, workers, "crops")


def _batch(
    crops: tuple[torch.Tensor, ...], index: torch.Tensor, rng: np.random.Generator | None
) -> tuple[torch.Tensor, torch.Tensor]:
    contrast, equal, target = (part[index] for part in crops)
    view = torch.stack([contrast.float() / 127, equal.float() / 255], dim=1)
    if rng is not None:
        if rng.random() < 0.5:
            view, target = view.flip(-1), target.flip(-1)
        turn = int(rng.integers(4)) if rng.random() < 0.4 else 0
        view, target = torch.rot90(view, turn, (-2, -1)), torch.rot90(target, turn, (-2, -1))
        if rng.random() < 0.5:
            view[:, 0] = -view[:, 0]
        if rng.random() < 0.3:  # as after lossy compression: nothing is equal, or what is equal says nothing
            view[:, 1] = float(rng.choice([0.0, 1.0])) if rng.random() < 0.3 else view[:, 1] * float(rng.uniform(0, 1))
        if rng.random() < 0.4:
            view[:, 0] = (
                view[:, 0] * float(rng.uniform(0.6, 1.4)) + torch.randn_like(view[:, 0]) * float(rng.uniform(0, 0.12))
            ).clamp(-1, 1)
    return view, target.long()


def _loss(logits: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """Cross-entropy where asked; text counts more, and so does what is still wrong."""
    asked = (target != IGNORED).float()
    truth = (target == POSITIVE).float()
    raw = nn.functional.binary_cross_entropy_with_logits(logits, truth, reduction="none")
    p = torch.sigmoid(logits).detach()
    hard = (torch.where(truth > 0, 1 - p, p)).pow(1.5)
    weight = asked * torch.where(truth > 0, 1.5, 1.0) * (0.1 + hard)
    return (raw * weight).sum() / (asked * truth).sum().clamp(min=50)


def files_of(work: Path, *, training: range, validation: range, a_file: int) -> list[tuple[Path, range, bool]]:
    """A job for each file of so many seeds: where it goes, which seeds, whether it is for validation."""
    return [
        (work / f"{what}-{first}.npz", range(first, first + a_file), what == "valid")
        for what, seeds in (("valid", validation), ("train", training))
        for first in seeds[::a_file]
    ]


def load_parts(work: Path, what: str, names: Sequence[str]) -> tuple[torch.Tensor, ...]:
    """Arrays of all finished files of one kind (`train` or `valid`), joined."""
    parts = [np.load(path) for path in sorted(work.glob(f"{what}-*.npz")) if ".part" not in path.name]
    return tuple(torch.from_numpy(np.concatenate([part[name] for part in parts])) for name in names)


def make_files(
    make: Callable[[Job], Arrays], jobs: Sequence[Job], workers: int, what: str, *, is_compressed: bool = False
) -> None:
    """Make the file that each job names first, whole or not at all, and tell how far it is; those that exist stay."""
    keep = partial(_keep_file, make, np.savez_compressed if is_compressed else np.savez)
    with ProcessPoolExecutor(workers) as pool:
        for done, _ in enumerate(pool.map(keep, jobs), 1):
            print(f"{what}: {done} of {len(jobs)} files", flush=True)


def _keep_file(make: Callable[[Job], Arrays], save: Callable[..., None], job: Job) -> None:
    path: Path = job[0]
    if path.exists():
        return
    unfinished = path.with_suffix(".part.npz")
    save(unfinished, **make(job))
    unfinished.replace(path)


def training_options(about: str | None, *, kept: str, minutes: float) -> argparse.ArgumentParser:
    """What every training is told: where to write, where to keep what it draws, for how long, with how many workers."""
    parser = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True, help=f"folder for {kept} and checkpoints")
    parser.add_argument("--minutes", type=float, default=minutes)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument(f"--only-{kept}", action="store_true", dest="only_draw", help="draw, and do not train")
    parser.add_argument("--start", type=Path, help="a checkpoint to go on from; of the search also exported weights")
    return parser


def carry_out(
    parser: argparse.ArgumentParser,
    *,
    draw: Callable[[argparse.Namespace], dict[str, int]],
    train: Callable[[Path, float, int, Path | None], Network],
    ship_it: Callable[[Network, Path], None],
    measure: Callable[[Network, Path], dict[str, dict[str, float]]],
) -> None:
    """The whole of a training: what it draws (and how much that is), the network, its weights and its report."""
    options = parser.parse_args()
    options.work.mkdir(parents=True, exist_ok=True)
    drawn = draw(options)
    if options.only_draw:
        return
    network = train(options.work, options.minutes, options.workers, options.start)
    ship_it(network, options.output)
    write_report(network, options.output, drawn, measure(network, options.work))


def unfolded(shipped: Path, network: Network) -> Network:
    """The network with the weights of an exported one, in which each normalisation has become a part of a layer."""
    import onnx

    graph = onnx.load(shipped).graph
    known = {one.name: torch.from_numpy(onnx.numpy_helper.to_array(one).copy()) for one in graph.initializer}
    for module in list(network.modules()):
        for name, child in module.named_children():
            if isinstance(child, nn.BatchNorm2d):
                setattr(module, name, nn.Identity())
    layers = [module for module in network.modules() if isinstance(module, nn.Conv2d)]
    nodes = [node for node in graph.node if node.op_type == "Conv"]
    with torch.no_grad():
        for layer, node in zip(layers, nodes, strict=True):
            for parameter, name in zip((layer.weight, layer.bias), node.input[1:], strict=False):
                parameter.copy_(known[name])
    return network


def begun(make: Callable[[], Network], threads: int, start: Path | None) -> tuple[Network, np.random.Generator]:
    """A network to train, new or from earlier weights, and the chance of its batches; the same ones in every run."""
    torch.manual_seed(7)
    torch.set_num_threads(threads)
    network = make()
    if start is not None and start.suffix == ".onnx":
        network = unfolded(start, network)
    elif start is not None:
        network.load_state_dict(torch.load(start))
    return network, np.random.default_rng(7)


def quickly(network: nn.Module, view: torch.Tensor) -> torch.Tensor:
    """The logits of a network that sees images, half as precise and twice as quick."""
    with torch.autocast("cpu", dtype=torch.bfloat16):
        logits: torch.Tensor = network(view.contiguous(memory_format=torch.channels_last))
    return logits.float()


def run_steps(
    network: nn.Module, loss_of: Callable[[], torch.Tensor], *, rate: float, decay: float, minutes: float, kept_at: Path
) -> int:
    """Steps of AdamW for some minutes, the rate rising and falling with the time; gives how many, keeps the weights."""
    optimiser = torch.optim.AdamW(network.parameters(), lr=rate, weight_decay=decay)
    began, step, running = time.monotonic(), 0, 0.0
    network.train()
    while (share := (time.monotonic() - began) / (60 * minutes)) < 1:
        for group in optimiser.param_groups:
            group["lr"] = rate * min(1, (step + 1) / 200) * (0.5 + 0.5 * float(np.cos(np.pi * share))) + 1e-5
        loss = loss_of()
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(network.parameters(), 5.0)
        optimiser.step()
        running += (loss.item() - running) * (0.02 if step else 1)
        step += 1
        if step % 200 == 0:
            print(f"step {step}, {share:.0%} of the time, loss {running:.4f}", flush=True)
            torch.save(network.state_dict(), kept_at)
    torch.save(network.state_dict(), kept_at)
    return step


def train(work: Path, minutes: float, threads: int, start: Path | None) -> TextNetwork:
    network, rng = begun(TextNetwork, threads, start)
    network = network.to(memory_format=torch.channels_last)
    crops = load_parts(work, "train", _NAMES)
    rate = 4e-3 if start is None else 5e-4 if start.suffix == ".onnx" else 1.5e-3  # without normalisation, small steps

    def loss_of() -> torch.Tensor:
        index = torch.from_numpy(rng.integers(0, len(crops[0]), 32))
        view, target = _batch(crops, index, rng)
        return _loss(quickly(network, view), target)

    steps = run_steps(network, loss_of, rate=rate, decay=1e-4, minutes=minutes, kept_at=work / "network.pt")
    print(f"{steps} steps over {len(crops[0])} crops")
    return network.to(memory_format=torch.contiguous_format).eval()


@torch.no_grad()
def measure(network: TextNetwork, work: Path) -> dict[str, dict[str, float]]:
    """Recall of text cells and false cells a megapixel, for each map and threshold, on the validation crops."""
    crops = load_parts(work, "valid", _NAMES)
    p, target = [], []
    for start in range(0, len(crops[0]), 64):
        view, truth = _batch(crops, torch.arange(start, min(start + 64, len(crops[0]))), None)
        p.append(torch.sigmoid(network(view)))
        target.append(truth)
    probability, truth = torch.cat(p), torch.cat(target)
    megapixels = len(crops[0]) * CROP_PX**2 / 1e6
    report = {}
    for index, name in enumerate(("text", "code", "small")):
        for cut in (0.03, 0.1, 0.3, 0.5, 0.8):
            said = probability[:, index] >= cut
            is_text, is_not = truth[:, index] == POSITIVE, truth[:, index] == NEGATIVE
            recall = float((said & is_text).sum() / is_text.sum().clamp(min=1))
            report[f"{name} p >= {cut}"] = {
                "recall of cells": round(recall, 4),
                "false cells a megapixel": round(float((said & is_not).sum()) / megapixels, 2),
            }
    return report


def export(network: TextNetwork, target: Path) -> None:
    buffer = io.BytesIO()
    axes = {"view": {0: "n", 2: "rows", 3: "columns"}, "maps": {0: "n", 2: "rows", 3: "columns"}}
    shipped = _Shipped(network).eval()
    torch.onnx.export(
        shipped, torch.zeros(1, 2, 192, 192), buffer, dynamo=False, input_names=["view"], output_names=["maps"],
        dynamic_axes=axes, opset_version=17,
    )  # fmt: skip
    target.write_bytes(buffer.getvalue())


def write_report(
    network: nn.Module, weights: Path, drawn: dict[str, int], validation: dict[str, dict[str, float]]
) -> None:
    """What was trained, on how much, and what it is worth: beside the weights, and on the terminal."""
    report = {
        "weights": sum(p.numel() for p in network.parameters()),
        "bytes": weights.stat().st_size,
        **drawn,
        "training faces": len(training_faces()),
        "validation faces": len(test_faces()),
        "validation": validation,
    }
    text = json.dumps(report, indent=1)
    weights.with_suffix(".json").write_text(text + "\n", encoding="utf-8")
    print(text)


def main() -> None:
    parser = training_options(__doc__, kept="crops", minutes=25)
    parser.add_argument("--images", type=int, default=2000)
    parser.add_argument("--first-image", type=int, default=0, help="seed of the first image of training")
    parser.add_argument("--validation-images", type=int, default=100)
    carry_out(parser, draw=_draw, train=train, ship_it=export, measure=measure)


def _draw(options: argparse.Namespace) -> dict[str, int]:
    seeds = range(options.first_image, options.first_image + options.images)
    make_crops(options.work, seeds, options.validation_images, options.workers)
    return {"images": options.images, "validation images": options.validation_images}


if __name__ == "__main__":
    main()
