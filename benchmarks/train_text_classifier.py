"""Trains the classifier of lines of ink on synthetic radiographs and writes its weights.

    python benchmarks/train_text_classifier.py -o cxr_core/deidentify/pixels/weights.json

Seeds and fonts of training and of validation are disjoint; no real image takes part.
"""

import argparse
import json
from pathlib import Path

import cv2
import numpy as np
from burned_in_images import TEST_FONTS, TRAIN_FONTS, Font, Sample, draw_sample, installed
from numpy.typing import NDArray

from cxr_core.deidentify.pixels.classifier import Weights
from cxr_core.deidentify.pixels.features import FEATURES
from cxr_core.deidentify.pixels.glyphs import find_pieces
from cxr_core.deidentify.pixels.proposals import prepare_search, propose_places

_TEXT_SHARE = 0.5  # of the ink of a piece that lies on drawn ink
_INK_SHARE = 0.5  # of the drawn ink in its rectangle that the piece holds
_OTHER_SHARE = 0.05
_VALIDATION_SEED = 1_000_000


def measure_samples(seeds: range, fonts: list[Font]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Features (k, n) and labels (k,) of the pieces; those that hold text badly (its gaps, half of it) are left out."""
    rows, labels = [], []
    for seed in seeds:
        rng = np.random.default_rng(seed)
        sample = draw_sample(seed, fonts, has_text=seed % 4 != 0, long_side=int(rng.choice([500, 800, 1100])))
        ink, area = _truth_maps(sample)
        search = prepare_search(sample.stored, sample.photometric)
        for piece in find_pieces(search, propose_places(search)):
            drawn = ink[piece.box.window]
            is_text = drawn[piece.ink].mean() >= _TEXT_SHARE and (drawn & piece.ink).sum() >= _INK_SHARE * max(
                1, drawn.sum()
            )
            if is_text or area[piece.box.window].mean() <= _OTHER_SHARE:
                rows.append(piece.features)
                labels.append(float(is_text))
    return np.stack(rows), np.array(labels, dtype=np.float32)


def _truth_maps(sample: Sample) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Where drawn ink lies, and the rectangles of the lines."""
    ink, area = np.zeros(sample.stored.shape, np.bool_), np.zeros(sample.stored.shape, np.bool_)
    for drawn in sample.drawn:
        bottom, right = drawn.top_px + drawn.ink.shape[0], drawn.left_px + drawn.ink.shape[1]
        ink[drawn.top_px : bottom, drawn.left_px : right] |= drawn.ink
        area[max(0, drawn.top_px - 4) : bottom + 4, max(0, drawn.left_px - 4) : right + 4] = True
    return ink, area


def train(x: NDArray[np.float32], y: NDArray[np.float32], *, hidden: int, epochs: int) -> Weights:
    """Adam on the cross-entropy; text counts three times, for a lost line is worse than a false one."""
    rng = np.random.default_rng(7)
    mean, scale = x.mean(axis=0), x.std(axis=0) + np.float32(1e-3)
    x = np.clip((x - mean) / scale, -6, 6)
    parts = [rng.normal(0, (2 / x.shape[1]) ** 0.5, (x.shape[1], hidden)), np.zeros(hidden)]
    parts += [rng.normal(0, 0.3, hidden), np.zeros(1)]
    first, second = [np.zeros_like(p) for p in parts], [np.zeros_like(p) for p in parts]
    step = 0
    for epoch in range(epochs):
        rate = 3e-3 * (1 - epoch / epochs) + 1e-5
        order = rng.permutation(len(x))
        for start in range(0, len(x), 256):
            step += 1
            grads = _gradients(parts, x[order[start : start + 256]], y[order[start : start + 256]])
            for index, grad in enumerate(grads):
                first[index] = 0.9 * first[index] + 0.1 * grad
                second[index] = 0.999 * second[index] + 0.001 * grad**2
                corrected = first[index] / (1 - 0.9**step) / (np.sqrt(second[index] / (1 - 0.999**step)) + 1e-8)
                parts[index] -= rate * (corrected + 1e-3 * parts[index])
    arrays = [p.astype(np.float32) for p in parts]
    return Weights(mean, scale, arrays[0], arrays[1], arrays[2], float(arrays[3][0]))


def _gradients(
    parts: list[NDArray[np.float64]], x: NDArray[np.float32], y: NDArray[np.float32]
) -> list[NDArray[np.float64]]:
    layer = np.maximum(x @ parts[0] + parts[1], 0)
    p = 1 / (1 + np.exp(-np.clip(layer @ parts[2] + parts[3], -30, 30)))
    error = (p - y) * np.where(y > 0, 3.0, 1.0) / len(y)
    back = error[:, None] * parts[2] * (layer > 0)
    return [x.T @ back, back.sum(axis=0), layer.T @ error, np.array([error.sum()])]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--images", type=int, default=220)
    parser.add_argument("--validation-images", type=int, default=40)
    parser.add_argument("--hidden", type=int, default=32)
    parser.add_argument("--epochs", type=int, default=80)
    parser.add_argument("--cache", type=Path, help="keep the measured features in this .npz between runs")
    options = parser.parse_args()
    cv2.setNumThreads(1)
    if options.cache and options.cache.exists():
        kept = np.load(options.cache)
        x, y, x_val, y_val = (kept[name] for name in ("x", "y", "x_val", "y_val"))
    else:
        x, y = measure_samples(range(options.images), installed(TRAIN_FONTS))
        seeds = range(_VALIDATION_SEED, _VALIDATION_SEED + options.validation_images)
        x_val, y_val = measure_samples(seeds, installed(TEST_FONTS))
        if options.cache:
            np.savez(options.cache, x=x, y=y, x_val=x_val, y_val=y_val)
    weights = train(x, y, hidden=options.hidden, epochs=options.epochs)
    print(f"training pieces {len(y)}, text {int(y.sum())}; validation pieces {len(y_val)}, text {int(y_val.sum())}")
    p = weights.probability(x_val)
    for cut in (0.005, 0.05, 0.5, 0.9):
        recall, others = float((p[y_val > 0] >= cut).mean()), float((p[y_val == 0] >= cut).sum())
        print(f"p >= {cut}: recall {recall:.4f}, other pieces {others / options.validation_images:.2f} an image")
    record = {
        name: np.round(getattr(weights, name).astype(float), 5).tolist()
        for name in ("mean", "scale", "hidden", "hidden_bias", "out")
    }
    record |= {"features": list(FEATURES), "out_bias": round(weights.out_bias, 5)}
    options.output.write_text(json.dumps(record, sort_keys=True) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
