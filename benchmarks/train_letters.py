"""Trains the network that foretells whether the first reader will be certain of a lone letter, and writes its weights.

    pip install torch onnx
    python benchmarks/train_letters.py -o cxr_core/deidentify/pixels/letters.onnx --work DIR

It learns from RapidOCR: what that reads of ink in one position is the answer wanted. The ink comes from synthetic
radiographs, as the search cuts it out, and from letters drawn directly. Seeds and type faces of training and of
validation are disjoint; no real image takes part. `--work` keeps the ink between runs.
"""

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import torch
from burned_in_text import Face, as_lead, cropped, render_line, with_ring
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
from train_glance import worn
from train_text_network import begun, run_steps, sep

from cxr_core.deidentify.pixels.glance import LETTER_PX, LETTERS
from cxr_core.deidentify.pixels.lead import letters_within
from cxr_core.deidentify.pixels.lines import find_lines
from cxr_core.deidentify.pixels.proposals import SearchImage
from cxr_core.deidentify.pixels.reading import is_letter, positions
from cxr_core.deidentify.pixels.search import look_everywhere
from cxr_core.deidentify.pixels.verdict import LEAD_ASPECT
from cxr_core.deidentify.pixels.wording import count_alphanumerics, normalise

_DOUBTFUL = 0.1  # of being text: the search looks beside such places
_DRAWN_A_SEED = 60
_READ = 0.08  # of all ink and its positions: a reading takes six milliseconds
_SURE = 0.6
_MORE = len(LETTERS)  # the answer "two characters or more"
_NOTHING = _MORE + 1


class Letters(nn.Module):
    """Ink of one position, `HEIGHT_PX` x `LETTER_PX`, to a logit for each letter and one for more than one."""

    def __init__(self) -> None:
        super().__init__()
        self.strokes = nn.Sequential(
            nn.Conv2d(1, 12, 3, 2, 1), nn.BatchNorm2d(12), nn.ReLU(),
            sep(12, 24), sep(24, 40, stride=2), sep(40, 48), sep(48, 64, stride=2),
        )  # fmt: skip
        self.shape = nn.Sequential(nn.Conv2d(64, 96, (3, 5), groups=16, bias=False), nn.BatchNorm2d(96), nn.ReLU())
        self.answer = nn.Linear(96, len(LETTERS) + 1)

    def forward(self, ink: torch.Tensor) -> torch.Tensor:
        return self.answer(self.shape(self.strokes(ink)).flatten(1))


def answer_of(ink: NDArray[np.bool_]) -> int:
    """What the reader is sure of: the number of a letter, more than one character, or nothing."""
    text, score = what_is_read(ink)
    if score < _SURE:
        return _NOTHING
    plain = normalise(text)
    if count_alphanumerics(text) == 1:
        return LETTERS.index(plain) if plain and plain in LETTERS else _NOTHING
    return _MORE if count_alphanumerics(text) > 1 else _NOTHING


def found_inks(search: SearchImage, rng: np.random.Generator) -> Iterator[NDArray[np.bool_]]:
    """What may be a letter in one image, in some of its positions."""
    for line in find_lines(search, look_everywhere(search), _DOUBTFUL):
        places = letters_within(search, line, in_words=True) if line.box.aspect < LEAD_ASPECT else []
        for letter in [*([line] if is_letter(line) else []), *(one for one in places if is_letter(one))]:
            for ink in letter.inks:
                yield from (one for one in positions(letter, ink) if rng.random() < _READ)


def drawn_inks(seed: int, faces: Sequence[Face]) -> Iterator[NDArray[np.bool_]]:
    """Letters drawn directly, worn as ink is worn on its way through an image; some lie, some are mirrored."""
    rng = np.random.default_rng(seed)
    for _ in range(_DRAWN_A_SEED):
        face = faces[int(rng.integers(len(faces)))]
        text = str(rng.choice(list(LETTERS))) + (str(rng.choice(list(LETTERS))) if rng.random() < 0.2 else "")
        text = "LR"[int(rng.integers(2))] if rng.random() < 0.25 else text
        size = int(rng.integers(9, 60))
        alpha = render_line(text, face, size, is_binary=bool(rng.random() < 0.3), stretch=float(rng.uniform(0.8, 1.25)))
        if rng.random() < 0.6:
            alpha = with_ring(rng, alpha) if rng.random() < 0.15 else alpha
            alpha = cropped(as_lead(rng, alpha, float(rng.uniform(-8, 8))))
        ink = worn(rng, alpha)
        if ink.any():
            ink = ink[:, ::-1] if rng.random() < 0.2 else ink
            yield np.rot90(ink, int(rng.choice([0, 0, 0, 1, 2, 3])))


_INK = InkSource(
    found_inks, drawn_inks, answer_of, LETTER_PX, first_image=80_000, first_validation=1_080_000, free_of_text=4
)


def train(work: Path, minutes: float, threads: int, start: Path | None) -> Letters:
    network, rng = begun(Letters, threads, start)
    parts = [load_answers(work, f"train-{kind}") for kind in ("found", "drawn")]
    rate = 3e-3 if start is None else 1.5e-3

    def loss_of() -> torch.Tensor:
        ink, answer = some_of(parts, 96, rng)
        return loss_of_all(network(ink), nn.functional.one_hot(answer, _NOTHING + 1)[:, :_NOTHING].float())

    run_steps(network, loss_of, rate=rate, decay=1e-3, minutes=minutes, kept_at=work / "letters.pt")
    return network.eval()


def measure(network: Letters, work: Path) -> dict[str, dict[str, float]]:
    """At each threshold: of what the reader is sure of, how much is let through, and how much of the rest."""
    report = {}
    for name in ("found", "drawn"):
        seen, answer = load_answers(work, f"valid-{name}")
        p = probabilities(network, seen)
        for cut in (0.01, 0.03, 0.1, 0.3):
            rows = {"ink": float(len(answer))}
            for label, letter in (("L", LETTERS.index("L")), ("R", LETTERS.index("R")), ("two or more", _MORE)):
                is_it = answer == letter
                rows[f"{label}: let through"] = round(float((p[is_it, letter] >= cut).float().mean()), 4)
                rows[f"{label}: others let through"] = round(float((p[~is_it, letter] >= cut).float().mean()), 4)
            report[f"{name} p >= {cut}"] = rows
    return report


def main() -> None:
    ship_it = partial(export, width_px=LETTER_PX, answer="letters")
    training = InkTraining(_INK, train, measure, ship_it, sheets_of="letters")
    run_training(training, __doc__, kept="ink", minutes=5, images=400, sheets=500)


if __name__ == "__main__":
    main()
