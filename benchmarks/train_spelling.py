"""Trains the network that spells a line roughly, and writes its weights.

    pip install torch onnx
    python benchmarks/train_spelling.py -o cxr_core/deidentify/pixels/spelling.onnx --work DIR

It learns from RapidOCR: what that reads of ink in one position is the answer wanted, letters and digits alone. It knows
no words: most lines are letters in any order, so that the allow-list can grow without training. Seeds and type faces of
training and of validation are disjoint; no real image takes part. `--work` keeps the lines between runs.
"""

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import torch
from burned_in_text import Face, as_lead, cropped, draw_person, phi_lines, render_line
from ink_networks import (
    InkSource,
    InkTraining,
    as_input,
    export,
    load_answers,
    run_training,
    some_of,
    what_is_read,
)
from numpy.typing import NDArray
from torch import nn
from train_glance import drawn_marker, drawn_words, worn
from train_text_network import begun, run_steps, sep

from cxr_core.deidentify.pixels.glance import WIDEST_PX
from cxr_core.deidentify.pixels.lines import find_lines
from cxr_core.deidentify.pixels.proposals import SearchImage
from cxr_core.deidentify.pixels.reading import is_letter, positions
from cxr_core.deidentify.pixels.search import look_everywhere
from cxr_core.deidentify.pixels.spelling import SIGNS, letters_of, spelled_in
from cxr_core.deidentify.pixels.wording import edits, normalise

_DRAWN_A_SEED = 100
_DOUBTFUL = 0.3  # of being text
_SURE, _UNREAD, _NOTHINGS = 0.75, 0.3, 0.15  # scores; of what cannot be read, the share that is kept
_LONGEST = 30  # signs of an answer


class Spelling(nn.Module):
    """Ink of one line to logits, (lines, columns, signs): two columns for each four pixels of its width."""

    def __init__(self) -> None:
        super().__init__()
        self.strokes = nn.Sequential(
            nn.Conv2d(1, 16, 3, 2, 1), nn.BatchNorm2d(16), nn.ReLU(),
            sep(16, 40), sep(40, 64, stride=(2, 2)), sep(64, 80), sep(80, 96, stride=(2, 1)), sep(96, 96),
        )  # fmt: skip
        self.letters = nn.Sequential(
            nn.Conv2d(96, 96, (3, 1), groups=96), nn.Conv2d(96, 96, 1), nn.BatchNorm2d(96), nn.ReLU()
        )
        self.words = nn.ModuleList(
            nn.Sequential(
                nn.Conv2d(96, 96, (1, 5), padding=(0, 2), groups=96, bias=False),
                nn.Conv2d(96, 96, 1), nn.BatchNorm2d(96), nn.ReLU(),
            )
            for _ in range(2)
        )  # fmt: skip
        self.answer = nn.Conv2d(96, 2 * (len(SIGNS) + 1), 1)

    def forward(self, ink: torch.Tensor) -> torch.Tensor:
        x = self.letters(self.strokes(ink))
        for layer in self.words:
            x = x + layer(x)
        columns = self.answer(x)[:, :, 0].transpose(1, 2)
        return columns.reshape(len(ink), -1, len(SIGNS) + 1)


def answer_of(ink: NDArray[np.bool_]) -> NDArray[np.uint8] | None:
    """The signs that are surely read, filled up with zeros; none at all where nothing can be; None for the rest."""
    text, score = what_is_read(ink)
    answer = np.zeros(_LONGEST, np.uint8)
    if score < _UNREAD:
        return answer if np.random.default_rng(int(ink.sum())).random() < _NOTHINGS else None
    signs = [SIGNS.index(sign) + 1 for sign in letters_of(normalise(text))]
    if score < _SURE or not text.isascii() or not 0 < len(signs) <= _LONGEST:
        return None
    answer[: len(signs)] = signs
    return answer


def found_lines(search: SearchImage, rng: np.random.Generator) -> Iterator[NDArray[np.bool_]]:
    """The ink of the lines that the search finds in one image, one or two binarisations of each, either way up."""
    for line in find_lines(search, look_everywhere(search), _DOUBTFUL):
        if is_letter(line):
            continue
        for index in rng.permutation(len(line.inks))[:2]:
            yield from positions(line, line.inks[int(index)])


def drawn_lines(seed: int, faces: Sequence[Face]) -> Iterator[NDArray[np.bool_]]:
    """Type drawn directly, worn as ink is worn on its way through an image; most of it letters in any order."""
    rng = np.random.default_rng(seed)
    who = draw_person(rng)
    for _ in range(_DRAWN_A_SEED):
        face = faces[int(rng.integers(len(faces)))]
        pick = rng.random()
        if pick < 0.2:
            text = drawn_marker(rng)
        else:
            text = drawn_words(rng) if pick < 0.8 else str(rng.choice(phi_lines(rng, who)))
        size = int(rng.integers(9, 60))
        alpha = render_line(text, face, size, is_binary=bool(rng.random() < 0.3), stretch=float(rng.uniform(0.7, 1.4)))
        if rng.random() < 0.2:
            alpha = cropped(as_lead(rng, alpha, float(rng.uniform(-6, 6))))
        ink = worn(rng, alpha)
        if ink.any():
            yield ink


_INK = InkSource(
    found_lines, drawn_lines, answer_of, WIDEST_PX, first_image=200_000, first_validation=1_200_000, free_of_text=1000
)


def train(work: Path, minutes: float, threads: int, start: Path | None) -> Spelling:
    network, rng = begun(Spelling, threads, start)
    parts = [load_answers(work, f"train-{kind}") for kind in ("drawn", "drawn", "found")]
    rate = 4e-3 if start is None else 1.5e-3
    ctc = nn.CTCLoss(zero_infinity=True)

    def loss_of() -> torch.Tensor:
        ink, signs = some_of(parts, 32, rng)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            logits = network(ink)
        logits = logits.float().log_softmax(2).transpose(0, 1)
        columns = torch.full((len(ink),), len(logits))
        return ctc(logits, signs, columns, (signs > 0).sum(1))

    run_steps(network, loss_of, rate=rate, decay=1e-3, minutes=minutes, kept_at=work / "spelling.pt")
    return network.eval()


@torch.no_grad()
def measure(network: Spelling, work: Path) -> dict[str, dict[str, float]]:
    """Of what is read, how much is spelled alike, and how wrongly; of what is not, how much is spelled at all."""
    report = {}
    for name in ("found", "drawn"):
        seen, answers = load_answers(work, f"valid-{name}")
        told = torch.cat([network(as_input(part)).softmax(2) for part in seen.split(256)]).numpy()
        spelled = [spelled_in(one)[0] for one in told]
        meant = ["".join(SIGNS[sign - 1] for sign in answer if sign) for answer in answers.tolist()]
        pairs = [(s, m) for s, m in zip(spelled, meant, strict=True) if m]
        nothing = [s for s, m in zip(spelled, meant, strict=True) if not m]
        wrong = [edits(s, m, most=len(m)) / len(m) for s, m in pairs]
        report[name] = {
            "lines": len(pairs),
            "spelled alike": round(float(np.mean([w == 0 for w in wrong])), 4),
            "a third wrong or more": round(float(np.mean([w >= 1 / 3 for w in wrong])), 4),
            "signs wrong": round(float(np.mean(wrong)), 4),
            "nothing spelled as two signs or more": round(float(np.mean([len(s) > 1 for s in nothing])), 4),
        }
    return report


def main() -> None:
    ship_it = partial(export, width_px=WIDEST_PX, answer="signs", one_of_many=True)
    run_training(InkTraining(_INK, train, measure, ship_it), __doc__, kept="lines", minutes=30, images=300, sheets=600)


if __name__ == "__main__":
    main()
