"""What the networks over ink share in training: ink with what the first reader makes of it, batches of it, and export.

They learn from RapidOCR: what that reads of ink in one position is the answer wanted. What ink that is, and which
answers there are, is left to `train_glance`, `train_letters` and `train_spelling`.
"""

import argparse
import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Generic

import cv2
import numpy as np
import onnx
import torch
from burned_in_images import draw_practice, draw_sample
from burned_in_text import Face, test_faces, training_faces
from numpy.typing import NDArray
from onnx import helper, numpy_helper
from torch import nn
from train_text_network import Arrays, Network, carry_out, load_parts, make_files, training_options

from cxr_core.deidentify.pixels.glance import HEIGHT_PX, as_seen
from cxr_core.deidentify.pixels.proposals import SearchImage, prepare_search
from cxr_core.deidentify.pixels.readers.rapidocr import RapidOcrReader
from cxr_core.deidentify.pixels.reading import draw_ink

_A_FILE = 20  # seeds
_WORTH_HALVING = 256  # bytes


@dataclass(frozen=True, slots=True)
class InkSource:
    """Where a network's ink comes from, how wide it is seen, and what the answer to it is.

    `found` takes one image prepared for the search and a generator of its own, `drawn` a seed and type faces.
    Ink without an answer is left out. Every `free_of_text`-th plain image holds no text.
    """

    found: Callable[[SearchImage, np.random.Generator], Iterator[NDArray[np.bool_]]]
    drawn: Callable[[int, Sequence[Face]], Iterator[NDArray[np.bool_]]]
    answer_of: Callable[[NDArray[np.bool_]], int | NDArray[np.uint8] | None]
    width_px: int
    first_image: int
    first_validation: int
    free_of_text: int


@cache
def _reader() -> RapidOcrReader:
    return RapidOcrReader()


def what_is_read(ink: NDArray[np.bool_]) -> tuple[str, float]:
    """What the first reader makes of ink as it is shown to it."""
    return _reader().read([draw_ink(ink)])[0]


def _keep_answers(source: InkSource, work: Path, images: int, sheets: int, workers: int) -> None:
    """Draw the images and the sheets of type, and keep their ink with what the reader said."""
    jobs = [
        (work / f"{what}-{kind}-{first}.npz", range(first, first + _A_FILE), what == "valid", kind == "drawn")
        for kind, count in (("drawn", sheets), ("found", images))
        for what, start, part in (
            ("valid", source.first_validation, count // 10), ("train", source.first_image, count)
        )
        for first in range(start, start + part, _A_FILE)
    ]  # fmt: skip
    make_files(partial(_answers_of, source), jobs, workers, "ink", is_compressed=True)


def _answers_of(source: InkSource, job: tuple[Path, range, bool, bool]) -> Arrays:
    _, seeds, is_validation, is_drawn = job
    cv2.setNumThreads(1)
    faces = test_faces() if is_validation else training_faces()
    inks = (
        ink
        for seed in seeds
        for ink in (source.drawn(seed, faces) if is_drawn else _found(source, seed, faces, is_validation=is_validation))
    )
    told = [(as_seen(ink, source.width_px), answer) for ink in inks if (answer := source.answer_of(ink)) is not None]
    return {
        "seen": np.stack([np.pad(seen, ((0, 0), (0, source.width_px - seen.shape[1]))) for seen, _ in told]),
        "answer": np.array([answer for _, answer in told], np.uint8),
    }


def _found(source: InkSource, seed: int, faces: Sequence[Face], *, is_validation: bool) -> Iterator[NDArray[np.bool_]]:
    """The ink of one image; three of four images of training are sheets of practice."""
    rng = np.random.default_rng(seed)
    long_side = int(rng.choice([1000, 1600, 2400]))
    sample = (
        draw_practice(seed, faces, long_side=long_side)
        if not is_validation and seed % 4 != 0
        else draw_sample(seed, faces, has_text=seed % source.free_of_text != 0, long_side=long_side)
    )
    yield from source.found(prepare_search(sample.stored, sample.photometric), rng)


def load_answers(work: Path, what: str) -> tuple[torch.Tensor, torch.Tensor]:
    """Ink and answers of one kind: `train-found`, `train-drawn`, `valid-found` or `valid-drawn`."""
    seen, answers = load_parts(work, what, ("seen", "answer"))
    return seen, answers.long()


def some_of(
    parts: Sequence[tuple[torch.Tensor, torch.Tensor]], count: int, rng: np.random.Generator
) -> tuple[torch.Tensor, torch.Tensor]:
    """So many at random of each part: what a network sees, and the answers."""
    picks = [torch.from_numpy(rng.integers(0, len(part[0]), count)) for part in parts]
    seen, answer = (torch.cat([part[k][pick] for part, pick in zip(parts, picks, strict=True)]) for k in (0, 1))
    return as_input(seen), answer


def as_input(seen: torch.Tensor) -> torch.Tensor:
    return seen[:, None].float() / 255


def loss_of_all(logits: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """Cross-entropy of each answer by itself; what is so counts twice as much as what is not."""
    weight = torch.where(target > 0, 2.0, 1.0)
    return nn.functional.binary_cross_entropy_with_logits(logits, target, weight=weight)


@torch.no_grad()
def probabilities(network: nn.Module, seen: torch.Tensor) -> torch.Tensor:
    return torch.cat([torch.sigmoid(network(as_input(part))) for part in seen.split(256)])


@dataclass(frozen=True, slots=True)
class InkTraining(Generic[Network]):
    """What a training over ink does: by which ink, how, what the network is worth, how it is shipped."""

    source: InkSource
    train: Callable[[Path, float, int, Path | None], Network]
    measure: Callable[[Network, Path], dict[str, dict[str, float]]]
    ship_it: Callable[[Network, Path], None]
    sheets_of: str = "type"


def run_training(
    training: InkTraining[Network], about: str | None, *, kept: str, minutes: float, images: int, sheets: int
) -> None:
    """The whole of a training over ink: its options, its ink, the network, its weights and its report."""
    parser = training_options(about, kept=kept, minutes=minutes)
    parser.add_argument("--images", type=int, default=images)
    parser.add_argument("--sheets", type=int, default=sheets)

    def draw(options: argparse.Namespace) -> dict[str, int]:
        _keep_answers(training.source, options.work, options.images, options.sheets, options.workers)
        return {"images": options.images, f"sheets of {training.sheets_of}": options.sheets}

    carry_out(parser, draw=draw, train=training.train, ship_it=training.ship_it, measure=training.measure)


class _WithProbabilities(nn.Module):
    """The network with its last step: probabilities, each by itself or of one answer among many."""

    def __init__(self, network: nn.Module, *, one_of_many: bool) -> None:
        super().__init__()
        self.network, self.one_of_many = network, one_of_many

    def forward(self, ink: torch.Tensor) -> torch.Tensor:
        logits = self.network(ink)
        return torch.softmax(logits, dim=-1) if self.one_of_many else torch.sigmoid(logits)


def export(network: nn.Module, target: Path, *, width_px: int, answer: str, one_of_many: bool = False) -> None:
    """Ships a network over ink, so wide, whose answer has a name."""
    ship(network, target, shape=(1, HEIGHT_PX, width_px), sees="ink", says=answer, one_of_many=one_of_many)


def ship(
    network: nn.Module,
    target: Path,
    *,
    shape: tuple[int, int, int],
    sees: str,
    says: str,
    any_size: bool = False,
    one_of_many: bool = False,
) -> None:
    """Writes a network that gives logits as one that gives probabilities, with weights of 16 bits.

    It sees any number of what has a shape (planes, rows, columns); of any size where it gives maps.
    """
    buffer = io.BytesIO()
    axes = {0: "n", 2: "rows", 3: "columns"} if any_size else {0: "n"}
    shipped = _WithProbabilities(network, one_of_many=one_of_many).eval()
    torch.onnx.export(
        shipped, torch.zeros(1, *shape), buffer, dynamo=False, input_names=[sees], output_names=[says],
        dynamic_axes={sees: axes, says: axes}, opset_version=17,
    )  # fmt: skip
    target.write_bytes(_at_half_precision(buffer.getvalue()))


def _at_half_precision(model: bytes) -> bytes:
    """The same network with its weights kept in 16 bits; they are widened when it is loaded."""
    graph = onnx.load_from_string(model)
    casts = []
    for weights in graph.graph.initializer:
        if weights.data_type != onnx.TensorProto.FLOAT or len(weights.raw_data) < _WORTH_HALVING:
            continue
        values = numpy_helper.to_array(weights).astype(np.float16)
        name = weights.name
        weights.CopyFrom(numpy_helper.from_array(values, f"{name}_half"))
        casts.append(helper.make_node("Cast", [f"{name}_half"], [name], to=onnx.TensorProto.FLOAT))
    nodes = [*casts, *graph.graph.node]
    del graph.graph.node[:]
    graph.graph.node.extend(nodes)
    onnx.checker.check_model(graph)
    return bytes(graph.SerializeToString())
