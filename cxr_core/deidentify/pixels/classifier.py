"""Decides how probable it is that a line of ink is text.

Takes pieces with features, gives the same pieces with a probability, from a small network whose weights
(`weights.json`) are trained by `benchmarks/train_text_classifier.py` on synthetic images only.
What follows from a probability is left to `judgement`.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from importlib.resources import files

import numpy as np
from numpy.typing import NDArray

from cxr_core.deidentify.pixels.features import FEATURES
from cxr_core.deidentify.pixels.model import Piece
from cxr_core.errors import BuildError


@dataclass(frozen=True, slots=True, eq=False)
class Weights:
    """One hidden layer of rectified units over standardised features.

    Parameters
    ----------
    mean, scale : (n,) float32 arrays
    hidden, hidden_bias : (n, h) and (h,) float32 arrays
    out : (h,) float32 array
    out_bias : float
    """

    mean: NDArray[np.float32] = field(repr=False)
    scale: NDArray[np.float32] = field(repr=False)
    hidden: NDArray[np.float32] = field(repr=False)
    hidden_bias: NDArray[np.float32] = field(repr=False)
    out: NDArray[np.float32] = field(repr=False)
    out_bias: float

    def probability(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """Probability of text for (k, n) features: (k,) float32 in [0, 1]."""
        standard = np.clip((features - self.mean) / self.scale, -6, 6)
        layer = np.maximum(standard @ self.hidden + self.hidden_bias, 0)
        return np.asarray(1 / (1 + np.exp(-np.clip(layer @ self.out + self.out_bias, -30, 30))), dtype=np.float32)


@cache
def load_weights() -> Weights:
    """The weights that come with the package.

    Raises
    ------
    BuildError
        The weights were trained for other features than this version measures.
    """
    text = files("cxr_core.deidentify.pixels").joinpath("weights.json").read_text(encoding="utf-8")
    raw = json.loads(text)
    if tuple(raw["features"]) != FEATURES:
        raise BuildError("text classifier: weights.json was trained for other features; train it again")
    arrays = {name: np.array(raw[name], dtype=np.float32) for name in ("mean", "scale", "hidden", "hidden_bias", "out")}
    return Weights(**arrays, out_bias=float(raw["out_bias"]))


def classify(pieces: Sequence[Piece]) -> list[Piece]:
    """The same pieces, each with its probability of being text."""
    if not pieces:
        return []
    probability = load_weights().probability(np.stack([piece.features for piece in pieces]))
    return [replace(piece, probability=float(p)) for piece, p in zip(pieces, probability, strict=True)]
