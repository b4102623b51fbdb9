"""Draws shapes given in centimetres of body onto arrays of pixels.

It takes points, widths and radii in cm, in a frame with x to the right and y down, and gives float32 masks in [0, 1]
with soft edges. What the shapes are made of and how X-rays see them is left to the callers.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Plane = NDArray[np.float32]
Points = NDArray[np.float64]

_SUBPIXEL_BITS = 4


@dataclass(frozen=True, slots=True)
class Canvas:
    """A pixel grid laid over the body.

    Parameters
    ----------
    rows, columns : int
        Size in pixels.
    px_per_cm : float
        Scale, the same in both directions.
    left_cm, top_cm : float
        Where the upper left corner of the grid lies in the body's frame.
    """

    rows: int
    columns: int
    px_per_cm: float
    left_cm: float
    top_cm: float

    def empty(self) -> Plane:
        """Give a plane of zeros."""
        return np.zeros((self.rows, self.columns), np.float32)

    def x_cm(self) -> Plane:
        """Give the x coordinate of every column as a (1, columns) array."""
        return (self.left_cm + np.arange(self.columns, dtype=np.float32)[None, :] / self.px_per_cm).astype(np.float32)

    def y_cm(self) -> Plane:
        """Give the y coordinate of every row as a (rows, 1) array."""
        return (self.top_cm + np.arange(self.rows, dtype=np.float32)[:, None] / self.px_per_cm).astype(np.float32)

    def _to_pixels(self, points: Points) -> NDArray[np.int32]:
        shifted = (np.asarray(points, np.float64) - (self.left_cm, self.top_cm)) * self.px_per_cm
        return np.round(shifted * (1 << _SUBPIXEL_BITS)).astype(np.int32)

    def area(self, *outlines: Points) -> Plane:
        """Fill closed polygons; where they overlap, the mask stays at 1."""
        mask = np.zeros((self.rows, self.columns), np.uint8)
        for outline in outlines:
            cv2.fillPoly(mask, [self._to_pixels(outline)], 255, cv2.LINE_AA, _SUBPIXEL_BITS)
        return mask.astype(np.float32) / np.float32(255)

    def strokes(self, paths: Sequence[Points] | Points, width_cm: float) -> Plane:
        """Draw open lines of one width; where they cross, the mask stays at 1."""
        mask = np.zeros((self.rows, self.columns), np.uint8)
        width_px = max(1, round(width_cm * self.px_per_cm))
        if isinstance(paths, np.ndarray):  # paths of one length are converted at once
            pixels = list(self._to_pixels(paths))
        else:
            pixels = [self._to_pixels(path) for path in paths]
        cv2.polylines(mask, pixels, False, 255, width_px, cv2.LINE_AA, _SUBPIXEL_BITS)
        return mask.astype(np.float32) / np.float32(255)

    def ball(self, x: float, y: float, rx: float, ry: float) -> Plane:
        """Draw a soft ellipse round (x, y): 1 in the middle, falling to 0 at its edge as a sphere's thickness does."""
        squared = ((self.x_cm() - x) / rx) ** 2 + ((self.y_cm() - y) / ry) ** 2
        return np.asarray(np.sqrt(np.clip(1 - squared, 0, 1)), np.float32)

    def blur(self, plane: Plane, sigma_cm: float) -> Plane:
        """Blur by a Gaussian; wide ones work on a smaller copy, which looks the same and takes a tenth of the time."""
        sigma_px = sigma_cm * self.px_per_cm
        if sigma_px < 5:
            return np.asarray(cv2.GaussianBlur(plane, (0, 0), sigma_px), np.float32)
        step = int(sigma_px // 2.5)
        size = (max(1, self.columns // step), max(1, self.rows // step))
        small = cv2.GaussianBlur(cv2.resize(plane, size, interpolation=cv2.INTER_AREA), (0, 0), sigma_px / step)
        return np.asarray(cv2.resize(small, (self.columns, self.rows), interpolation=cv2.INTER_CUBIC), np.float32)


def smooth_curve(points: Sequence[tuple[float, float]], *, closed: bool, steps: int = 12) -> Points:
    """Run a Catmull-Rom spline through control points.

    Parameters
    ----------
    points : sequence of (x, y) in cm
        At least three.
    closed : bool
        Whether the last point joins the first.
    steps : int
        Points per piece of the result.
    """
    knots = np.asarray(points, np.float64)
    ends = (knots[-1:], knots[:2]) if closed else (knots[:1], knots[-1:])
    knots = np.vstack([ends[0], knots, ends[1]])
    before, start, end, after = knots[:-3, None], knots[1:-2, None], knots[2:-1, None], knots[3:, None]
    t = np.linspace(0.0, 1.0, steps, endpoint=False)[None, :, None]
    square = 2 * before - 5 * start + 4 * end - after
    cube = 3 * start - before - 3 * end + after
    curve = 0.5 * (2 * start + (end - before) * t + square * t**2 + cube * t**3)
    return np.vstack([curve.reshape(-1, 2), knots[-2:-1]])
