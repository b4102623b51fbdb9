"""Trains the network that glances at a line and foretells what the first reader makes of it, and writes its weights.

    pip install torch onnx
    python benchmarks/train_glance.py -o cxr_core/deidentify/pixels/glance.onnx --work DIR

It learns from RapidOCR: what that reads of ink in one position is the answer wanted. Lines come from synthetic
radiographs, as the search cuts them out, and from type drawn directly. Seeds and type faces of training and of
validation are disjoint; no real image takes part. `--work` keeps the lines between runs.
"""

from collections.abc import Iterator, Sequence
from functools import cache, partial
from pathlib import Path

import cv2
import numpy as np
import torch
from burned_in_text import (
    Face,
    as_lead,
    cropped,
    draw_person,
    initials,
    noise_lines,
    phi_lines,
    render_line,
    with_ring,
)
from ink_networks import (
    InkSource,
    InkTraining,
    export,
    load_answers,
    loss_of_all,
    probabilities,
    run_training,
    some_of,
    what_is_read,
)
from numpy.typing import NDArray
from torch import nn
from train_text_network import begun, run_steps, sep

from cxr_core.deidentify.pixels.glance import WIDEST_PX
from cxr_core.deidentify.pixels.lines import find_lines
from cxr_core.deidentify.pixels.proposals import SearchImage
from cxr_core.deidentify.pixels.reading import is_letter, positions
from cxr_core.deidentify.pixels.search import look_everywhere
from cxr_core.deidentify.pixels.wording import count_alphanumerics, has_company, is_allowed
from cxr_core.policy.markers import MarkerPolicy, load_marker_policy

_DRAWN_A_SEED = 100
_LETTERS = "EEEEAAAAIIIOOORRRNNNTTTLLLSSSUUDDCCMMPPHHGGBBFYWKVXJQZ"  # about as often as names have them
_DOUBTFUL = 0.02  # of being text
_READ, _READ_LETTERS = 0.3, 0.1  # of the positions of a line; of what may be a lone letter, told by another network
_BEYOND_DOUBT, _SURE, _BORNE_OUT = 0.9, 0.6, 0.3  # scores: of any word; of text; of a marker another may bear out
NOTHING, TEXT, WORD = 0, 1, 2


class Glance(nn.Module):
    """Ink of one line, `HEIGHT_PX` high, to two logits: what is read as words without digits, and as text at all."""

    def __init__(self) -> None:
        super().__init__()
        self.strokes = nn.Sequential(
            nn.Conv2d(1, 16, 3, 2, 1), nn.BatchNorm2d(16), nn.ReLU(),
            sep(16, 32), sep(32, 48, stride=(2, 2)), sep(48, 64), sep(64, 64, stride=(2, 1)), sep(64, 64),
        )  # fmt: skip
        self.letters = nn.Sequential(nn.Conv2d(64, 64, (3, 1), groups=64), nn.Conv2d(64, 64, 1), nn.ReLU())
        self.words = nn.ModuleList(
            nn.Sequential(
                nn.Conv2d(64, 64, (1, 5), padding=(0, 2 * step), dilation=(1, step), groups=64, bias=False),
                nn.Conv2d(64, 64, 1), nn.BatchNorm2d(64), nn.ReLU(),
            )
            for step in (1, 2)
        )  # fmt: skip
        self.answer = nn.Sequential(nn.Linear(128, 32), nn.ReLU(), nn.Linear(32, 2))

    def forward(self, ink: torch.Tensor) -> torch.Tensor:
        x = self.letters(self.strokes(ink))
        for layer in self.words:
            x = x + layer(x)
        return self.answer(torch.cat([x.mean((2, 3)), x.amax((2, 3))], dim=1))


def kind_of(ink: NDArray[np.bool_]) -> int:
    """What is surely read as a word may be a marker, whatever it says: the allow-list can grow without training."""
    text, score = what_is_read(ink)
    if score >= (_BORNE_OUT if len(text) > 1 else _SURE) and is_allowed(text, _markers()):
        return WORD
    has_letters = text.isascii() and any(map(str.isalpha, text)) and not any(map(str.isdigit, text))
    if score >= _BEYOND_DOUBT and has_letters and count_alphanumerics(text) > 1:
        return WORD
    return TEXT if score >= _SURE and (count_alphanumerics(text) > 1 or has_company(text)) else NOTHING


@cache
def _markers() -> MarkerPolicy:
    return load_marker_policy()


def found_lines(search: SearchImage, rng: np.random.Generator) -> Iterator[NDArray[np.bool_]]:
    """The ink of the lines that the search finds in one image, in some of the positions in which they would be read."""
    for line in find_lines(search, look_everywhere(search), _DOUBTFUL):
        share = _READ_LETTERS if is_letter(line) else _READ
        for ink in line.inks:
            yield from (one for one in positions(line, ink) if rng.random() < share)


def drawn_lines(seed: int, faces: Sequence[Face]) -> Iterator[NDArray[np.bool_]]:
    """Type and its like drawn directly, worn as ink is worn on its way through an image; some is mirrored or turned."""
    rng = np.random.default_rng(seed)
    who = draw_person(rng)
    for _ in range(_DRAWN_A_SEED):
        face = faces[int(rng.integers(len(faces)))]
        pick = rng.random()
        if pick < 0.25:
            text = drawn_marker(rng)
        elif pick < 0.5:
            text = drawn_words(rng)
        elif pick < 0.75:
            text = str(rng.choice(phi_lines(rng, who)))
        else:
            text = noise_lines(rng)[0] if rng.random() < 0.6 else initials(rng)
        size = int(rng.integers(9, 60))
        alpha = render_line(text, face, size, is_binary=bool(rng.random() < 0.3), stretch=float(rng.uniform(0.8, 1.25)))
        if rng.random() < (0.6 if len(text) <= 2 else 0.2):
            alpha = with_ring(rng, alpha) if len(text) <= 2 and rng.random() < 0.15 else alpha
            alpha = cropped(as_lead(rng, alpha, float(rng.uniform(-6, 6))))
        ink = worn(rng, alpha)
        ink = ink[:, ::-1] if rng.random() < 0.1 else ink
        if ink.any():
            yield np.rot90(ink, 2 if rng.random() < 0.2 else 0)
    for _ in range(_DRAWN_A_SEED // 5):
        ink = _scribble(rng)
        if ink.any():
            yield ink


def drawn_marker(rng: np.random.Generator) -> str:
    """One to three words of the allow-list, in capitals, as in a title, or small."""
    words = [str(word) for word in rng.choice(sorted(load_marker_policy().words), int(rng.choice([1, 1, 1, 2, 2, 3])))]
    return _cased(rng, " ".join(words))


def drawn_words(rng: np.random.Generator) -> str:
    """One to three strings of letters: names of any origin, words of any language."""
    lengths = rng.integers(1, 11, int(rng.choice([1, 1, 2, 3])))
    return _cased(rng, " ".join("".join(rng.choice(list(_LETTERS), int(length))) for length in lengths))


def _cased(rng: np.random.Generator, text: str) -> str:
    pick = rng.random()
    return text.upper() if pick < 0.6 else text.title() if pick < 0.85 else text.lower()


def worn(rng: np.random.Generator, alpha: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Blurred, noisy, thresholded too high or too low, thicker or thinner, with dirt beside it or an end cut off."""
    pad = int(rng.integers(0, 5))
    grey = cv2.copyMakeBorder(np.ascontiguousarray(alpha), *[pad] * 4, cv2.BORDER_CONSTANT, value=0)
    if rng.random() < 0.5:
        grey = cv2.GaussianBlur(grey, (0, 0), float(rng.uniform(0.4, 1.2)))
    grey = grey + rng.normal(0, float(rng.uniform(0, 0.18)), grey.shape).astype(np.float32)
    zoom = float(rng.uniform(0.8, 2.5))
    grey = cv2.resize(grey, None, fx=zoom, fy=zoom, interpolation=cv2.INTER_CUBIC)
    ink = grey > float(rng.uniform(0.3, 0.65))
    if rng.random() < 0.3:
        kernel = np.ones((2, 2), np.uint8)
        ink = (cv2.dilate if rng.random() < 0.6 else cv2.erode)(ink.astype(np.uint8), kernel) > 0
    rows, columns = np.flatnonzero(ink.any(axis=1)), np.flatnonzero(ink.any(axis=0))
    if not rows.size:
        return np.zeros((1, 1), np.bool_)
    return np.ascontiguousarray(ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1])


def _scribble(rng: np.random.Generator) -> NDArray[np.bool_]:
    """Rings, sticks, speckle, wires and steps."""
    rows, columns = int(rng.integers(12, 48)), int(rng.integers(12, 200))
    canvas = np.zeros((rows, columns), np.float32)
    pick = int(rng.integers(5))
    if pick == 0:
        canvas = rng.random((rows, columns)).astype(np.float32)
        canvas = cv2.GaussianBlur(canvas, (0, 0), float(rng.uniform(0.3, 2.5)))
        canvas = (canvas - canvas.min()) / max(float(np.ptp(canvas)), 1e-6)
    elif pick == 1:
        canvas = np.zeros((rows, rows), np.float32)
        radius = max(3, rows // 2 - 4)
        cv2.circle(canvas, (rows // 2, rows // 2), radius, 1.0, int(rng.integers(1, max(2, radius))), cv2.LINE_AA)
    elif pick == 2:
        points = np.cumsum(rng.normal(0, 1, (int(rng.integers(2, 9)), 2)), axis=0)
        points = (points - points.min(0)) / (np.ptp(points, axis=0) + 1e-6) * np.array([columns - 3, rows - 3]) + 1
        cv2.polylines(canvas, [points.astype(np.int32)], bool(rng.random() < 0.3), 1.0, int(rng.integers(1, 6)))
    elif pick == 3:
        canvas = np.add.outer(np.linspace(0, rng.uniform(-1, 1), rows), np.linspace(0, rng.uniform(-1, 1), columns))
        canvas = (canvas - canvas.min()) / max(float(np.ptp(canvas)), 1e-6)
    else:
        for _ in range(int(rng.integers(1, 6))):
            left, top = int(rng.integers(columns)), int(rng.integers(rows))
            cv2.ellipse(
                canvas, (left, top), (int(rng.integers(2, 14)), int(rng.integers(2, 14))), float(rng.uniform(0, 180)),
                0, float(rng.choice([180, 360])), 1.0, int(rng.choice([-1, 2, 4])),
            )  # fmt: skip
    return worn(rng, canvas.astype(np.float32))


_INK = InkSource(
    found_lines, drawn_lines, kind_of, WIDEST_PX, first_image=100_000, first_validation=1_100_000, free_of_text=8
)


def train(work: Path, minutes: float, threads: int, start: Path | None) -> Glance:
    network, rng = begun(Glance, threads, start)
    parts = [load_answers(work, f"train-{kind}") for kind in ("found", "drawn")]
    rate = 3e-3 if start is None else 1.5e-3

    def loss_of() -> torch.Tensor:
        ink, kind = some_of(parts, 48, rng)
        return loss_of_all(network(ink), torch.stack([kind == WORD, kind != NOTHING], dim=1).float())

    run_steps(network, loss_of, rate=rate, decay=1e-3, minutes=minutes, kept_at=work / "glance.pt")
    return network.eval()


def measure(network: Glance, work: Path) -> dict[str, dict[str, float]]:
    """At each threshold: of what is read as words, as other text, as nothing, how much is let through."""
    report = {}
    for name in ("found", "drawn"):
        seen, kind = load_answers(work, f"valid-{name}")
        p = probabilities(network, seen)
        for cut in (0.01, 0.03, 0.1, 0.3):
            report[f"{name} p >= {cut}"] = {
                label: round(float((p[kind == value, 0] >= cut).float().mean()), 4)
                for label, value in (("words", WORD), ("other text", TEXT), ("nothing", NOTHING))
            } | {
                "text as text": round(float((p[kind != NOTHING, 1] >= cut).float().mean()), 4),
                "nothing as text": round(float((p[kind == NOTHING, 1] >= cut).float().mean()), 4),
            }
    return report


def main() -> None:
    training = InkTraining(_INK, train, measure, partial(export, width_px=WIDEST_PX, answer="worth"))
    run_training(training, __doc__, kept="lines", minutes=10, images=360, sheets=260)


if __name__ == "__main__":
    main()
