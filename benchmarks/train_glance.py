"""Trains the network that glances at a line and says whether it is worth reading, and writes its weights.

    pip install torch onnx
    python benchmarks/train_glance.py -o cxr_core/deidentify/pixels/glance.onnx --work DIR

Lines come from synthetic radiographs, as the search cuts them out, and from type drawn directly. Seeds and type faces
of training and of validation are disjoint; no real image takes part. `--work` keeps the lines between runs.
"""

import argparse
import io
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import onnx
import torch
from burned_in_images import DrawnText, Sample, draw_practice, draw_sample
from burned_in_text import (
    Face,
    TextKind,
    as_lead,
    cropped,
    draw_person,
    initials,
    noise_lines,
    phi_lines,
    render_line,
    test_faces,
    training_faces,
    with_ring,
)
from numpy.typing import NDArray
from onnx import helper, numpy_helper
from torch import nn
from train_text_network import run_steps, sep, write_report

from cxr_core.deidentify.pixels.glance import HEIGHT_PX, WIDEST_PX, as_seen
from cxr_core.deidentify.pixels.lines import find_lines
from cxr_core.deidentify.pixels.model import Box, Line
from cxr_core.deidentify.pixels.proposals import prepare_search
from cxr_core.deidentify.pixels.reading import is_letter, upright
from cxr_core.deidentify.pixels.search import look_everywhere
from cxr_core.deidentify.pixels.wording import count_alphanumerics
from cxr_core.policy.markers import load_marker_policy

_FIRST_IMAGE, _FIRST_VALIDATION = 60_000, 1_060_000
_SAME = 0.5  # of the smaller rectangle: a found line is a drawn one
_ALIKE = 0.45  # of all their ink: the ink that was found is the one that was drawn
_DRAWN_A_SEED = 400
_WORTH_HALVING = 256  # bytes
_LETTERS = "EEEEAAAAIIIOOORRRNNNTTTLLLSSSUUDDCCMMPPHHGGBBFYWKVXJQZ"  # about as often as names have them
NOTHING, TEXT, WORD = 0, 1, 2
_TURN_AS_WELL = ("I", "O", "l", "o", "i")  # sticks and rings


class Glance(nn.Module):
    """Ink of one line, `HEIGHT_PX` high, to two logits: words that stand upright, without digits; text of any kind."""

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


class _Shipped(nn.Module):
    """The network with its last step: probabilities."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, ink: torch.Tensor) -> torch.Tensor:
        return torch.sigmoid(self.network(ink))


def kind_of(text: str) -> int:
    """Words without digits may be markers, whatever they say: the allow-list can grow without another training."""
    is_word = any(character.isalpha() for character in text) and not any(character.isdigit() for character in text)
    return WORD if is_word and text not in _TURN_AS_WELL else _kind_of_no_word(text)


def kind_upside_down(text: str, kind: int) -> int:
    """A word is none when it stands on its head, but still text."""
    return kind if kind != WORD else _kind_of_no_word(text)


def _kind_of_no_word(text: str) -> int:
    return TEXT if count_alphanumerics(text) >= 2 else NOTHING


def found_lines(seed: int, faces: Sequence[Face], *, is_validation: bool) -> Iterator[tuple[NDArray[np.uint8], int]]:
    """The lines that the search finds in one image, as the network sees them, and what they are."""
    long_side = int(np.random.default_rng(seed).choice([1000, 1600, 2400]))
    if is_validation or seed % 4 == 0:
        sample = draw_sample(seed, faces, has_text=seed % 8 != 0, long_side=long_side)
    else:
        sample = draw_practice(seed, faces, long_side=long_side)
    search = prepare_search(sample.stored, sample.photometric)
    for line in find_lines(search, look_everywhere(search)):
        drawn = _drawn_at(sample, line)
        if drawn is not None and drawn.kind is TextKind.CODE:
            continue
        for ink in line.inks:
            shown = upright(ink) if is_letter(line) else ink
            if drawn is None:
                yield as_seen(np.rot90(shown, int(line.is_vertical))), NOTHING
            elif _is_like(drawn, ink):
                kind = kind_of("initials" if drawn.kind is TextKind.INITIALS else drawn.text)
                right = np.rot90(shown, -drawn.turn)
                yield as_seen(right), kind
                yield as_seen(np.rot90(right, 2)), kind_upside_down(drawn.text, kind)


def _drawn_at(sample: Sample, line: Line) -> DrawnText | None:
    for drawn in sample.drawn:
        box = Box(drawn.top_px, drawn.left_px, drawn.top_px + drawn.ink.shape[0], drawn.left_px + drawn.ink.shape[1])
        if box.intersection(line.box) > _SAME * min(box.area, line.box.area):
            return drawn
    return None


def _is_like(drawn: DrawnText, ink: NDArray[np.bool_]) -> bool:
    """True where the ink that was found is the one that was drawn."""
    size = (16, 64) if drawn.is_vertical else (64, 16)
    want, have = (
        cv2.resize(np.ascontiguousarray(one).view(np.uint8) * np.uint8(255), size, interpolation=cv2.INTER_AREA) > 100
        for one in (drawn.ink, ink)
    )
    return bool((want & have).sum() > _ALIKE * max(1, int((want | have).sum())))


def drawn_lines(seed: int, faces: Sequence[Face]) -> Iterator[tuple[NDArray[np.uint8], int]]:
    """Type and its like drawn directly, worn as ink is worn on its way through an image."""
    rng = np.random.default_rng(seed)
    who = draw_person(rng)
    for _ in range(_DRAWN_A_SEED):
        face = faces[int(rng.integers(len(faces)))]
        pick = rng.random()
        if pick < 0.25:
            text = _marker(rng)
        elif pick < 0.5:
            text = _words(rng)
        elif pick < 0.75:
            text = str(rng.choice(phi_lines(rng, who)))
        else:
            text = noise_lines(rng)[0] if rng.random() < 0.6 else initials(rng)
        size = int(rng.integers(9, 60))
        alpha = render_line(text, face, size, is_binary=bool(rng.random() < 0.3), stretch=float(rng.uniform(0.8, 1.25)))
        turn = 0
        if len(text) <= 2 and rng.random() < 0.6:
            alpha = with_ring(rng, alpha) if rng.random() < 0.15 else alpha
            turn = int(rng.choice([0, 0, 0, 1, 2, 3]))
            alpha = cropped(as_lead(rng, alpha, float(rng.uniform(-6, 6))))
        elif rng.random() < 0.12:
            turn = 2
        ink = worn(rng, alpha)
        if ink.any():
            yield as_seen(np.rot90(ink, turn)), kind_upside_down(text, kind_of(text)) if turn else kind_of(text)
    for _ in range(_DRAWN_A_SEED // 5):
        ink = _scribble(rng)
        if ink.any():
            yield as_seen(ink), NOTHING


def _marker(rng: np.random.Generator) -> str:
    """One to three words of the allow-list, in capitals, as in a title, or small."""
    words = [str(word) for word in rng.choice(sorted(load_marker_policy().words), int(rng.choice([1, 1, 1, 2, 2, 3])))]
    return _cased(rng, " ".join(words))


def _words(rng: np.random.Generator) -> str:
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


def _shard(job: tuple[Path, range, bool, bool]) -> None:
    path, seeds, is_validation, is_drawn = job
    if path.exists():
        return
    cv2.setNumThreads(1)
    faces = test_faces() if is_validation else training_faces()
    source = drawn_lines if is_drawn else partial(found_lines, is_validation=is_validation)
    lines = [(_padded(seen), kind) for seed in seeds for seen, kind in source(seed, faces)]
    partial_path = path.with_suffix(".part.npz")
    np.savez_compressed(
        partial_path, seen=np.stack([seen for seen, _ in lines]), kind=np.array([kind for _, kind in lines], np.uint8)
    )
    partial_path.replace(path)


def _padded(seen: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.pad(seen, ((0, 0), (0, WIDEST_PX - seen.shape[1])))


def make_lines(work: Path, images: int, sheets: int, workers: int) -> None:
    """Draw the images and the sheets of type, and keep their lines."""
    jobs = [(work / "valid-found.npz", range(_FIRST_VALIDATION, _FIRST_VALIDATION + images // 8), True, False)]
    jobs += [(work / "valid-drawn.npz", range(_FIRST_VALIDATION, _FIRST_VALIDATION + max(1, sheets // 10)), True, True)]
    jobs += [
        (work / f"train-found-{first}.npz", range(first, first + 40), False, False)
        for first in range(_FIRST_IMAGE, _FIRST_IMAGE + images, 40)
    ]
    jobs += [
        (work / f"train-drawn-{first}.npz", range(first, first + 20), False, True)
        for first in range(_FIRST_IMAGE, _FIRST_IMAGE + sheets, 20)
    ]
    with ProcessPoolExecutor(workers) as pool:
        for done, _ in enumerate(pool.map(_shard, jobs), 1):
            print(f"lines: {done} of {len(jobs)} files", flush=True)


def load_lines(paths: Sequence[Path]) -> tuple[torch.Tensor, torch.Tensor]:
    parts = [np.load(path) for path in paths]
    return (
        torch.from_numpy(np.concatenate([part["seen"] for part in parts])),
        torch.from_numpy(np.concatenate([part["kind"] for part in parts])),
    )


def train(work: Path, minutes: float, threads: int, start: Path | None) -> Glance:
    torch.manual_seed(7)
    torch.set_num_threads(threads)
    rng = np.random.default_rng(7)
    found, drawn = (load_lines(sorted(work.glob(f"train-{kind}-*.npz"))) for kind in ("found", "drawn"))
    network = Glance().train()
    if start is not None:
        network.load_state_dict(torch.load(start))
    rate = 3e-3 if start is None else 1.5e-3

    def loss_of() -> torch.Tensor:
        picks = [torch.from_numpy(rng.integers(0, len(part[0]), 48)) for part in (found, drawn)]
        seen = torch.cat([part[0][pick] for part, pick in zip((found, drawn), picks, strict=True)])
        kind = torch.cat([part[1][pick] for part, pick in zip((found, drawn), picks, strict=True)])
        logits = network(seen[:, None].float() / 255)
        target = torch.stack([kind == WORD, kind != NOTHING], dim=1).float()
        weight = torch.where(target > 0, 2.0, 1.0)
        return nn.functional.binary_cross_entropy_with_logits(logits, target, weight=weight)

    run_steps(network, loss_of, rate=rate, decay=1e-3, minutes=minutes, kept_at=work / "glance.pt")
    return network.eval()


@torch.no_grad()
def measure(network: Glance, work: Path) -> dict[str, dict[str, float]]:
    """At each threshold: words let through, other text and nothing let through, on faces that training never saw."""
    report = {}
    for name in ("found", "drawn"):
        seen, kind = load_lines([work / f"valid-{name}.npz"])
        p = torch.cat([torch.sigmoid(network(part[:, None].float() / 255)) for part in seen.split(256)])
        for cut in (0.01, 0.03, 0.1, 0.3):
            report[f"{name} p >= {cut}"] = {
                label: round(float((p[kind == value, 0] >= cut).float().mean()), 4)
                for label, value in (("words", WORD), ("other text", TEXT), ("nothing", NOTHING))
            } | {
                "text as text": round(float((p[kind != NOTHING, 1] >= cut).float().mean()), 4),
                "nothing as text": round(float((p[kind == NOTHING, 1] >= cut).float().mean()), 4),
            }
    return report


def export(network: nn.Module, target: Path, *, width_px: int, answer: str) -> None:
    """Ships a network over ink, so wide, that gives logits: probabilities, under a name, with weights of 16 bits."""
    buffer = io.BytesIO()
    torch.onnx.export(
        _Shipped(network).eval(), torch.zeros(1, 1, HEIGHT_PX, width_px), buffer, dynamo=False,
        input_names=["ink"], output_names=[answer], dynamic_axes={"ink": {0: "n"}, answer: {0: "n"}},
        opset_version=17,
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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True, help="folder for lines and checkpoints")
    parser.add_argument("--images", type=int, default=480)
    parser.add_argument("--sheets", type=int, default=120)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--start", type=Path, help="a checkpoint to go on from")
    parser.add_argument("--only-lines", action="store_true")
    options = parser.parse_args()
    options.work.mkdir(parents=True, exist_ok=True)
    make_lines(options.work, options.images, options.sheets, options.workers)
    if options.only_lines:
        return
    network = train(options.work, options.minutes, options.workers, options.start)
    export(network, options.output, width_px=WIDEST_PX, answer="worth")
    drawn = {"images": options.images, "sheets of type": options.sheets}
    write_report(network, options.output, drawn, measure(network, options.work))


if __name__ == "__main__":
    main()
