"""Trains the network that sees lone letters of lead in whatever company, and writes its weights and a report.

    pip install torch onnx
    python benchmarks/train_lead.py -o cxr_core/deidentify/pixels/lead.onnx --work DIR

Seeds, grounds and type faces of training and of validation are disjoint; no real image takes part. `--work` keeps the
scenes between runs.
"""

import argparse
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import torch
from burned_in_backgrounds import draw_background
from burned_in_text import test_faces, training_faces
from ink_networks import ship
from lead_scenes import SCENE_PX, Scene, draw_scene
from numpy.typing import NDArray
from torch import nn
from train_text_network import (
    IGNORED,
    NEGATIVE,
    POSITIVE,
    Arrays,
    MapNetwork,
    begun,
    carry_out,
    load_parts,
    make_files,
    quickly,
    run_steps,
    sep,
    training_options,
)

from cxr_core.deidentify.pixels.lead_sight import CELL_PX, LETTER_PX, as_seen

_CELLS = SCENE_PX // CELL_PX
_VALIDATION_SEED = 3_000_000
_TRAINING_SEED = 2_000_000
_A_FILE = 1_000
_GROUNDS = 12  # a file
_UNSURE_PX = 15, 54  # just outside the heights that it tells it is not asked
_INK = 0.4, 0.1  # coverage: surely, perhaps
_BETWEEN = 0.55  # of the height: what lies between the strokes of a letter


def _conv(inputs: int, outputs: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU()
    )  # fmt: skip


class LeadNetwork(MapNetwork):
    """Two planes of contrast to three maps (lone L, lone R, other type) at a quarter of the size."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(_conv(2, 12, 2), _conv(12, 24, 2))
        self.fine = _conv(24, 32)
        self.down = sep(32, 64, stride=2)
        self.context = nn.ModuleList([sep(64, 64, dilation) for dilation in (1, 2, 4, 2, 1)])
        self.up = nn.Conv2d(64, 32, 1)
        self.head = nn.Sequential(_conv(32, 32), nn.Conv2d(32, 3, 1))


def target_of(scene: Scene) -> NDArray[np.uint8]:
    """What the network should say of a scene: (3, 32, 32) of NEGATIVE, POSITIVE, IGNORED."""
    height = scene.height_px
    core, about = (np.stack([_region(ink, height, level) for ink in scene.ink]) for level in _INK)
    is_other = core[2] >= 0.5  # initials in the crook of an L
    target = np.where(core >= 0.5, POSITIVE, np.where(about > 0, IGNORED, NEGATIVE)).astype(np.uint8)
    sides, other = target[:2], target[2]
    sides[:, is_other] = np.where(sides[:, is_other] == POSITIVE, IGNORED, sides[:, is_other])
    is_letter = (sides != NEGATIVE).any(axis=0)
    if height < _UNSURE_PX[0]:
        other[is_letter] = np.maximum(other[is_letter], np.where((sides[:, is_letter] == POSITIVE).any(axis=0), 1, 2))
        sides[:] = NEGATIVE
    elif not LETTER_PX[0] <= height <= LETTER_PX[1] or _touches_rim(is_letter):
        sides[:, is_letter] = IGNORED
        other[is_letter] = IGNORED
    return target


def _region(ink: NDArray[np.float32], height: float, level: float) -> NDArray[np.float32]:
    """How much of each cell a letter or a line takes, with what lies between its strokes."""
    reach = max(3, round(_BETWEEN * height)) | 1
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (reach, reach))
    mask = cv2.copyMakeBorder((ink >= level).astype(np.float32), *[reach] * 4, cv2.BORDER_CONSTANT, value=0)
    closed = cv2.morphologyEx(mask, cv2.MORPH_CLOSE, kernel)[reach:-reach, reach:-reach]
    return np.asarray(cv2.resize(closed, (_CELLS, _CELLS), interpolation=cv2.INTER_AREA), dtype=np.float32)


def _touches_rim(mask: NDArray[np.bool_]) -> bool:
    return bool(mask[0].any() or mask[-1].any() or mask[:, 0].any() or mask[:, -1].any())


def _shard(job: tuple[Path, int, bool]) -> Arrays:
    _, seed, is_validation = job
    cv2.setNumThreads(1)
    rng = np.random.default_rng(seed)
    grounds = [draw_background(rng, int(rng.choice([500, 800, 1100]))).astype(np.uint8) for _ in range(_GROUNDS)]
    faces = test_faces() if is_validation else training_faces()
    scenes = [draw_scene(rng, _piece(rng, grounds), faces) for _ in range(_A_FILE)]
    return {
        "seen": np.stack([as_seen(scene.grey) for scene in scenes]),
        "target": np.stack([target_of(scene) for scene in scenes]),
    }


def _piece(rng: np.random.Generator, grounds: list[NDArray[np.uint8]]) -> NDArray[np.uint8]:
    ground = grounds[int(rng.integers(len(grounds)))]
    zoom = max(SCENE_PX / min(ground.shape) * 1.05, float(rng.uniform(0.4, 1.3)))
    ground = np.asarray(cv2.resize(ground, None, fx=zoom, fy=zoom, interpolation=cv2.INTER_AREA), dtype=np.uint8)
    top, left = (int(rng.integers(0, side - SCENE_PX + 1)) for side in ground.shape)
    return ground[top : top + SCENE_PX, left : left + SCENE_PX]


def make_scenes(work: Path, files: int, workers: int) -> None:
    """Draw the scenes and keep them, a thousand a file; a twentieth for validation."""
    jobs = [(work / f"valid-{i:03d}.npz", _VALIDATION_SEED + i, True) for i in range(max(1, files // 20))]
    jobs += [(work / f"train-{i:03d}.npz", _TRAINING_SEED + i, False) for i in range(files)]
    make_files(_shard, jobs, workers, "scenes")


def _loss(logits: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """Cross-entropy where asked; what is still wrong counts more."""
    asked, truth = (target != IGNORED).float(), (target == POSITIVE).float()
    raw = nn.functional.binary_cross_entropy_with_logits(logits, truth, reduction="none")
    p = torch.sigmoid(logits).detach()
    wrong = torch.where(truth > 0, 1 - p, p)
    weight = asked * torch.where(truth > 0, 2.0, 1.0) * (0.2 + wrong)
    return (raw * weight).sum() / (asked * truth).sum().clamp(min=50)


def train(work: Path, minutes: float, threads: int, start: Path | None) -> LeadNetwork:
    network, rng = begun(LeadNetwork, threads, start)
    network = network.to(memory_format=torch.channels_last)
    seen, target = load_parts(work, "train", ("seen", "target"))

    def loss_of() -> torch.Tensor:
        index = torch.from_numpy(rng.integers(0, len(seen), 48))
        view = seen[index].float() / 127
        if rng.random() < 0.3:
            view = -view
        return _loss(quickly(network, view), target[index])

    rate = 4e-3 if start is None else 1.5e-3
    steps = run_steps(network, loss_of, rate=rate, decay=1e-4, minutes=minutes, kept_at=work / "lead.pt")
    print(f"{steps} steps over {len(seen)} scenes")
    return network.to(memory_format=torch.contiguous_format).eval()


@torch.no_grad()
def measure(network: LeadNetwork, work: Path) -> dict[str, dict[str, float]]:
    """Of each map at each threshold: how much ink is told, and how much of what it tells is none."""
    seen, target = load_parts(work, "valid", ("seen", "target"))
    p = torch.cat([torch.sigmoid(network(part.float() / 127)) for part in seen.split(64)])
    report = {}
    for index, name in enumerate(("L", "R", "other type")):
        for cut in (0.3, 0.5, 0.9):
            said, is_ink, is_not = (
                p[:, index] >= cut, target[:, index] == POSITIVE, target[:, index] == NEGATIVE,
            )  # fmt: skip
            true, false = float((said & is_ink).sum()), float((said & is_not).sum())
            report[f"{name} p >= {cut}"] = {
                "ink told": round(true / max(1.0, float(is_ink.sum())), 4),
                "told and none": round(false / max(1.0, true + false), 4),
            }
    return report


def main() -> None:
    parser = training_options(__doc__, kept="scenes", minutes=15)
    parser.add_argument("--files", type=int, default=60, help="of a thousand scenes")
    ship_it = partial(ship, shape=(2, 96, 96), sees="view", says="ink", any_size=True)
    carry_out(parser, draw=_draw, train=train, ship_it=ship_it, measure=measure)


def _draw(options: argparse.Namespace) -> dict[str, int]:
    make_scenes(options.work, options.files, options.workers)
    return {"scenes": options.files * _A_FILE}


if __name__ == "__main__":
    main()
