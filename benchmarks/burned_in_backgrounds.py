"""Decides what the synthetic radiographs look like before any text is burned into them.

Everything is drawn from a seed: anatomy, devices, clothes, exposure, processing and the faults of films and
detectors. What resembles text or a marker to a detector is drawn often; nothing drawn is a letter or a figure.
Lengths are in millimetres of a patient whose thorax has its middle at the origin (x to the right of the picture,
y down); a film knows where its pixels lie in them. Values are densities (bright = dense) until the exposure turns
them into grey 0 to 255.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.float32]
Points = NDArray[np.float64]

_TILE_PX = 160


class _Stroke(NamedTuple):
    """A line of a width, or a filled area where the width is 0; `value` is its share of the stamp's amount."""

    points: Points
    width_mm: float = 0.0
    value: float = 1.0
    is_closed: bool = False


@dataclass(slots=True)
class _Film:
    """An image being drawn, and how millimetres map to its pixels."""

    rng: np.random.Generator
    image: Image
    matrix: Points  # (2, 3), millimetres to pixels
    is_frontal: bool = False
    magnified: float = 1.0  # devices against anatomy: above 1 for a small patient

    @property
    def px_per_mm(self) -> float:
        return float(np.hypot(self.matrix[0, 0], self.matrix[1, 0]))

    def to_px(self, points: Points) -> Points:
        return points @ self.matrix[:, :2].T + self.matrix[:, 2]

    def spot(self) -> Points:
        """Somewhere on the film, in millimetres."""
        rows, columns = self.image.shape
        at = self.rng.uniform(0.02, 0.98, 2) * (columns, rows)
        return np.asarray(np.linalg.solve(self.matrix[:, :2], at - self.matrix[:, 2]), np.float64)

    def anchor(self, x: float, y: float, spread: float) -> Points:
        """Mostly at a place of the thorax, otherwise anywhere; where there is no thorax, anywhere."""
        if not self.is_frontal or self.rng.random() < 0.2:
            return self.spot()
        return np.array([x, y]) + self.rng.normal(0, spread, 2)

    def mm(self, low: float, high: float) -> float:
        """The length of a device's part."""
        return float(self.rng.uniform(low, high)) * self.magnified

    def stamp(self, strokes: Sequence[_Stroke], amount: float, soft_mm: float = 0.3, onto: Image | None = None) -> None:
        """Add strokes, one drawn over the other in a common mask."""
        self._draw(strokes, soft_mm, lambda part, share: np.add(part, amount * share, out=part), onto)

    def paint(self, strokes: Sequence[_Stroke], level: float, soft_mm: float = 0.3, opacity: float = 1.0) -> None:
        """Replace what lies under the strokes by one level."""

        def blend(part: Image, share: Image) -> None:
            part += opacity * share * (level - part)

        self._draw(strokes, soft_mm, blend, None)

    def _draw(
        self, strokes: Sequence[_Stroke], soft_mm: float, blend: Callable[[Image, Image], object], onto: Image | None
    ) -> None:
        target = self.image if onto is None else onto
        scale, sigma = self.px_per_mm, soft_mm * self.px_per_mm
        halo = int(np.ceil(3 * sigma)) + 2
        lines = [(self.to_px(stroke.points), stroke) for stroke in strokes if len(stroke.points) > 1]
        if not lines:
            return
        reach = halo + max(stroke.width_mm for _, stroke in lines) * scale
        low = np.floor(np.min([px.min(axis=0) for px, _ in lines], axis=0) - reach)
        high = np.ceil(np.max([px.max(axis=0) for px, _ in lines], axis=0) + reach)
        left, top = (int(v) for v in np.maximum(low, 0))
        right, bottom = (int(v) for v in np.minimum(high, target.shape[::-1]))
        if right <= left or bottom <= top:
            return
        mask = np.zeros((bottom - top, right - left), np.uint8)
        for px, stroke in lines:
            _draw_stroke(mask, px - (left, top), stroke, stroke.width_mm * scale)
        _blend_tiles(target[top:bottom, left:right], mask, sigma, halo, blend)


def _draw_stroke(mask: NDArray[np.uint8], px: Points, stroke: _Stroke, width_px: float) -> None:
    fixed = [np.rint(np.clip(px, -20000, 20000) * 16).astype(np.int32)]
    if stroke.width_mm <= 0:
        cv2.fillPoly(mask, fixed, 255 * stroke.value, cv2.LINE_AA, 4)
        return
    value = 255 * stroke.value * min(1.0, max(width_px, 0.3))  # what is thinner than a pixel is fainter
    cv2.polylines(mask, fixed, stroke.is_closed, value, max(1, round(width_px)), cv2.LINE_AA, 4)


def _blend_tiles(
    target: Image, mask: NDArray[np.uint8], sigma: float, halo: int, blend: Callable[[Image, Image], object]
) -> None:
    """Blur and blend only the tiles that hold something: a cable across a film touches few of them."""
    rows, columns = mask.shape
    size = max(_TILE_PX, 3 * halo)
    for top in range(0, rows, size):
        for left in range(0, columns, size):
            first_row, first_column = max(0, top - halo), max(0, left - halo)
            part = mask[first_row : top + size + halo, first_column : left + size + halo]
            if not part.any():
                continue
            share = _f32(part.astype(np.float32) / 255)
            if sigma > 0.25:
                share = _blur(share, sigma)
            inner = share[top - first_row : top - first_row + size, left - first_column : left - first_column + size]
            blend(target[top : top + size, left : left + size], inner)


def _f32(image: object) -> Image:
    return np.asarray(image, np.float32)


def _blur(image: Image, sigma: float) -> Image:
    """Gaussian blur; wide ones on a reduced copy."""
    if sigma < 5 or min(image.shape) < 32:
        return _f32(cv2.GaussianBlur(image, (0, 0), max(sigma, 0.1)))
    factor = min(sigma / 2.5, min(image.shape) / 8)
    rows, columns = image.shape
    small = cv2.resize(image, (max(4, int(columns / factor)), max(4, int(rows / factor))), interpolation=cv2.INTER_AREA)
    small = cv2.GaussianBlur(small, (0, 0), sigma / factor)
    return _f32(cv2.resize(small, (columns, rows), interpolation=cv2.INTER_CUBIC))


# Shapes --------------------------------------------------------------------------------------------------------------


def _p(*pairs: tuple[float, float]) -> Points:
    return np.array(pairs, np.float64)


def _arc(at: Points, radii: tuple[float, float], turn: float = 0.0, start: float = 0.0, stop: float = 360.0) -> Points:
    """An ellipse or a part of it; angles in degrees."""
    t = np.radians(np.linspace(start, stop, max(10, int(abs(stop - start) / 9))))
    return _turned(np.stack([radii[0] * np.cos(t), radii[1] * np.sin(t)], axis=1), turn) + at


def _by(at: Points, x: float, y: float) -> Points:
    return np.asarray(at + np.array([x, y]), np.float64)


def _ring(at: Points, radius: float) -> Points:
    return _arc(at, (radius, radius))


def _box(at: Points, width: float, height: float, turn: float = 0.0) -> Points:
    half = np.array([width, height]) / 2
    return _turned(_p((-1, -1), (1, -1), (1, 1), (-1, 1)) * half, turn) + at


def _rounded(at: Points, size: tuple[float, float], power: float = 3.0, turn: float = 0.0) -> Points:
    """A superellipse: from an ellipse (power 2) to nearly a box."""
    t = np.linspace(0, 2 * np.pi, 60)
    x = np.sign(np.cos(t)) * np.abs(np.cos(t)) ** (2 / power) * size[0] / 2
    y = np.sign(np.sin(t)) * np.abs(np.sin(t)) ** (2 / power) * size[1] / 2
    return _turned(np.stack([x, y], axis=1), turn) + at


def _turned(points: Points, degrees: float) -> Points:
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return np.asarray(points @ np.array([[c, s], [-s, c]]), np.float64)


def _bar(at: Points, length: float, turn: float) -> Points:
    return _turned(_p((-length / 2, 0), (length / 2, 0)), turn) + at


def _curve(points: Points, count: int = 60, *, is_closed: bool = False) -> Points:
    """A smooth line through the points."""
    if is_closed:
        points = np.vstack([points, points[:1]])
    steps = np.maximum(np.hypot(*np.diff(points, axis=0).T), 1e-6) ** 0.5
    at = np.concatenate([[0], np.cumsum(steps)])
    slopes = np.gradient(points, at, axis=0)
    if is_closed:
        slopes[[0, -1]] = (points[1] - points[-2]) / (steps[0] + steps[-1])
    where = np.linspace(0, at[-1], count)
    part = np.clip(np.searchsorted(at, where, side="right") - 1, 0, len(steps) - 1)
    width = steps[part][:, None]
    u = (where[:, None] - at[part][:, None]) / width
    first, second = points[part] * (1 - u) + points[part + 1] * u, u * (1 - u)
    chord = points[part + 1] - points[part]
    bend = (1 - u) * (slopes[part] * width - chord) - u * (slopes[part + 1] * width - chord)
    return np.asarray(first + second * bend, np.float64)


def _wander(rng: np.random.Generator, start: Points, heading: float, length: float, bend: float) -> Points:
    """A line that keeps its direction roughly: `bend` in radians over its length; heading in degrees."""
    count = int(np.clip(length / 3, 8, 160))
    knots = np.cumsum(rng.normal(0, bend / 2.5, 7))
    angle = np.radians(heading) + np.interp(np.linspace(0, 6, count), np.arange(7), knots - knots[0])
    angle = np.convolve(np.pad(angle, 5, mode="edge"), np.ones(11) / 11, mode="valid")
    steps = np.stack([np.cos(angle), np.sin(angle)], axis=1) * length / count
    return np.asarray(start + np.cumsum(steps, axis=0), np.float64)


def _along(line: Points, spacing: float) -> tuple[Points, Points]:
    """Points at equal distances on a line, and the directions there in degrees."""
    steps = np.hypot(*np.diff(line, axis=0).T)
    at = np.concatenate([[0], np.cumsum(steps)])
    where = np.arange(spacing / 2, max(at[-1], spacing), spacing)
    points = np.stack([np.interp(where, at, line[:, 0]), np.interp(where, at, line[:, 1])], axis=1)
    ahead = np.stack([np.interp(where + 0.5, at, line[:, 0]), np.interp(where + 0.5, at, line[:, 1])], axis=1)
    behind = np.stack([np.interp(where - 0.5, at, line[:, 0]), np.interp(where - 0.5, at, line[:, 1])], axis=1)
    return points, np.degrees(np.arctan2(*(ahead - behind).T[::-1]))


def _offset(line: Points, distance: float | Points) -> Points:
    """The line moved sideways."""
    slope = np.gradient(line, axis=0)
    normal = np.stack([-slope[:, 1], slope[:, 0]], axis=1) / np.maximum(np.hypot(*slope.T), 1e-6)[:, None]
    return np.asarray(line + normal * np.reshape(distance, (-1, 1)), np.float64)


def _wave(line: Points, period: float, height: float, phase: float = 0.0) -> Points:
    """A line that swings about another one: springs, braids, meshes."""
    length = float(np.hypot(*np.diff(line, axis=0).T).sum())
    count = int(np.clip(8 * length / period, 20, 1500))
    t = np.linspace(0, len(line) - 1, count)
    dense = np.stack([np.interp(t, np.arange(len(line)), line[:, k]) for k in (0, 1)], axis=1)
    return _offset(dense, height * np.sin(np.linspace(0, 2 * np.pi * length / period, count) + phase))


def _tube(line: Points, width: float, lumen: float = 0.4) -> list[_Stroke]:
    return [_Stroke(line, width), _Stroke(line, width * 0.6, lumen)]


def _ribbon(line: Points, half: Points, cortex: float, inner: float) -> list[_Stroke]:
    """A band of varying half width with a cortex at both edges."""
    core = np.maximum(half - cortex, 0.1)
    outer = np.vstack([_offset(line, half), _offset(line, -half)[::-1]])
    return [_Stroke(outer), _Stroke(np.vstack([_offset(line, core), _offset(line, -core)[::-1]]), 0, inner)]


def _cloud(rng: np.random.Generator, shape: tuple[int, int], sigma: float) -> Image:
    """Smooth noise of unit spread."""
    factor = max(1.0, sigma / 2)
    small = rng.standard_normal((int(shape[0] / factor) + 8, int(shape[1] / factor) + 8), dtype=np.float32)
    small = _f32(cv2.GaussianBlur(small, (0, 0), max(0.3, sigma / factor)))
    small /= max(float(small.std()), 1e-6)
    return _f32(cv2.resize(small, shape[::-1], interpolation=cv2.INTER_CUBIC))


def _blob(rng: np.random.Generator, at: Points, radius: float, rough: float = 0.25) -> Points:
    count = int(rng.integers(6, 11))
    angle = np.linspace(0, 2 * np.pi, count, endpoint=False)
    reach = radius * (1 + rng.uniform(-rough, rough, count))
    stretch = rng.uniform(0.6, 1.4)
    rim = np.stack([reach * np.cos(angle) * stretch, reach * np.sin(angle) / stretch], axis=1)
    return _curve(_turned(rim, rng.uniform(0, 180)) + at, 48, is_closed=True)


# Anatomy -------------------------------------------------------------------------------------------------------------


def _mass(film: _Film, outline: Points, depth: float, falloff_mm: float) -> None:
    """A part of the body whose thickness grows from its edge inwards; overlapping parts do not add up."""
    rows, columns = film.image.shape
    mask = np.zeros((rows // 2 + 1, columns // 2 + 1), np.uint8)
    cv2.fillPoly(mask, [np.rint(film.to_px(outline) / 2).astype(np.int32)], 1)
    padded = cv2.copyMakeBorder(mask, 60, 60, 60, 60, cv2.BORDER_REPLICATE)
    reach = cv2.distanceTransform(padded, cv2.DIST_L2, 5)[60:-60, 60:-60]
    reach = np.minimum(reach, rows + columns) * (2 / film.px_per_mm / falloff_mm)
    thick = depth * (1 - (1 - np.minimum(reach, 1)) ** 2) ** 0.6 + 0.06 * depth * mask
    smooth = cv2.GaussianBlur(thick.astype(np.float32), (0, 0), film.rng.uniform(1.0, 2.5))
    smooth = cv2.resize(smooth, (2 * thick.shape[1], 2 * thick.shape[0]), interpolation=cv2.INTER_CUBIC)
    np.maximum(film.image, smooth[:rows, :columns], out=film.image)


def _bone(film: _Film, line: Points, width: float, amount: float, texture: Image | None = None) -> None:
    """A shaft: cortex at both edges, less in between."""
    inner = film.rng.uniform(0.4, 0.75)
    cortex = width * film.rng.uniform(0.1, 0.2)
    film.stamp([_Stroke(line, width), _Stroke(line, width - 2 * cortex, inner)], amount, film.rng.uniform(0.3, 0.8))
    if texture is not None:
        film.stamp([_Stroke(line, width)], 1.0, 0.6, texture)


def _long_bone(film: _Film, ends: Points, width: float, amount: float, texture: Image) -> None:
    """A shaft with flared ends, as in limbs and fingers."""
    t = (1 - np.cos(np.linspace(0, np.pi, 56))) / 2
    line = ends[0] + (ends[1] - ends[0]) * t[:, None]
    flare = width / 2 * (0.62 + 0.55 * np.abs(2 * t - 1) ** film.rng.uniform(2.5, 5))
    flare *= np.sqrt(np.clip(1 - np.abs(2 * t - 1) ** film.rng.uniform(12, 24), 0.0, 1))
    outer = np.vstack([_offset(line, flare), _offset(line, -flare)[::-1]])
    core = flare * np.interp(np.abs(2 * t - 1), [0, 0.5, 1], [0.5, 0.65, 0.9])
    inner = np.vstack([_offset(line, core), _offset(line, -core)[::-1]])
    film.stamp([_Stroke(outer), _Stroke(inner, 0, film.rng.uniform(0.5, 0.75))], amount, film.rng.uniform(0.2, 0.6))
    film.stamp([_Stroke(outer)], 1.0, 0.4, texture)


_RIM = _p((48, -158), (95, -138), (120, -80), (132, 0), (135, 65), (131, 116))  # where a lung meets the ribs


@dataclass(slots=True)
class _Thorax:
    half_width: float
    tall: float
    drop: float
    spacing: float

    @classmethod
    def of(cls, rng: np.random.Generator) -> "_Thorax":
        return cls(rng.uniform(112, 150), rng.uniform(0.8, 1.15), rng.uniform(60, 125), rng.uniform(20, 26))


def _draw_frontal(film: _Film) -> None:
    """A thorax from the front or from behind."""
    rng, thorax = film.rng, _Thorax.of(film.rng)
    film.is_frontal = True
    _draw_trunk(film, thorax)
    texture = np.zeros_like(film.image)
    depth = rng.uniform(45, 105)
    lungs = np.zeros_like(film.image)
    for side in (-1, 1):
        film.stamp([_Stroke(_lung_outline(rng, thorax, side))], 1.0, rng.uniform(0.8, 2.5), lungs)
    heart = np.zeros_like(film.image)
    film.stamp([_Stroke(_heart_outline(rng, thorax))], 1.0, rng.uniform(0.8, 2.5), heart)
    lungs = _deepened(film, lungs)
    film.image -= depth * lungs * (1 - rng.uniform(0.7, 1.0) * heart)
    film.image += rng.uniform(0, 22) * heart
    _draw_lung_markings(film, thorax, lungs)
    _draw_airway(film)
    for draw, odds in (
        (_draw_shoulders, 0.85),
        (_draw_breasts, 0.45),
        (_draw_upper_gas, 0.6),
        (_draw_jaw, 0.25),
        (_draw_folds, 0.25),
        (_draw_disease, 0.4),
        (_draw_costal_cartilage, 0.3),
    ):
        if rng.random() < odds:
            draw(film)
    _draw_rib_cage(film, thorax, texture)
    _draw_spine(film, (-240, 300), rng.uniform(0, 6), texture)
    for side in (-1, 1):
        _draw_clavicle(film, side, texture)
    _add_trabeculae(film, texture)


def _deepened(film: _Film, lungs: Image) -> Image:
    """Lungs with air that grows from their edges inwards and is nowhere quite even."""
    rng, scale = film.rng, film.px_per_mm
    edge = rng.uniform(0.3, 0.9)
    depth = edge * lungs + (1 - edge) * lungs * _blur(lungs, 14 * scale)
    depth *= 1 + rng.uniform(0, 0.12) * _cloud(rng, lungs.shape, 22 * scale)
    return np.asarray(depth, np.float32)


def _draw_trunk(film: _Film, thorax: _Thorax) -> None:
    rng, wide = film.rng, thorax.half_width / 135 * film.rng.uniform(0.95, 1.25)
    depth = rng.uniform(110, 150)
    neck = rng.uniform(48, 75)
    half = _p((neck, -330), (neck, -200), (neck + 25, -178), (125, -165), (185, -148), (215, -110))
    if rng.random() < 0.6:  # arms down, often with a gap of air beside the trunk
        away = rng.uniform(0, 45)
        arm = _p((120, -160), (200, -148), (238, -105), (255 + away, 60), (265 + away, 330), (205 + away, 330))
        arm = np.vstack([arm, _p((192 + away, 60), (172, -40))]) * (wide, 1)
        for side in (-1, 1):
            _mass(film, _curve(arm * (side, 1), 90, is_closed=True), depth * rng.uniform(0.6, 0.9), rng.uniform(30, 60))
    half = np.vstack([half, _p((200, -70), (170, -20), (165, 60), (170, 160), (182, 330))]) * (wide, 1)
    outline = np.vstack([_curve(half, 70), _curve(half * (-1, 1), 70)[::-1]])
    _mass(film, outline, depth, rng.uniform(40, 110))
    belly = _p((-300, 75), (-80, 70), (0, 85), (80, 78), (300, 75), (300, 400), (-300, 400))
    if rng.random() < 0.8:
        film.stamp([_Stroke(belly)], rng.uniform(5, 40), 18)
    film.stamp([_Stroke(_p((0, -300), (0, 400)), rng.uniform(45, 75))], rng.uniform(10, 45), rng.uniform(5, 16))


def _lung_outline(rng: np.random.Generator, thorax: _Thorax, side: int) -> Points:
    floor = rng.uniform(-14, 10) + (0 if side < 0 else 8)
    rim = _p((18, 0), (22, -90), (32, -138), (60, -160), (95, -138), (120, -80), (132, 0), (135, 65), (131, 116))
    dome = rng.uniform(0.2, 1.3)
    base = _p((112, 100 - 6 * dome), (84, 88 - 14 * dome), (55, 88 - 13 * dome), (32, 98 - 6 * dome), (16, 108))
    rim[:, 1] += rng.normal(0, 3, len(rim))
    base[:, 1] += floor
    wall, bottom = _curve(rim, 70), _curve(np.vstack([rim[-1:], base]), 40)
    return np.vstack([wall, bottom]) * (side * thorax.half_width / 135, thorax.tall)


def _heart_outline(rng: np.random.Generator, thorax: _Thorax) -> Points:
    size = rng.uniform(0.75, 1.35)
    left = _p((18, -150), (24, -85), (38, -62), (36, -38), (40, -15), (58, 15), (82, 55), (88, 88), (60, 125))
    right = _p((-20, 125), (-40, 90), (-42, 50), (-30, 15), (-24, -30), (-24, -90), (-20, -150))
    rim = np.vstack([left, right])
    rim[:, 0] *= np.where(rim[:, 1] > -20, size, 1) * thorax.half_width / 135
    rim[:, 0] += rng.normal(0, 2.5, len(rim))
    return _curve(rim, 110, is_closed=True) * (1, thorax.tall)


def _draw_rib_cage(film: _Film, thorax: _Thorax, texture: Image) -> None:
    """Ribs as slanted rings, so that their front and back parts cross as they do in a projection."""
    rng = film.rng
    amount, front = rng.uniform(10, 42), rng.uniform(0.25, 0.9)
    cortex, inner, soft = rng.uniform(0.8, 1.8), rng.uniform(0.35, 0.75), rng.uniform(0.3, 0.9)
    start, broad, thin = -162 * thorax.tall + rng.uniform(-6, 6), rng.uniform(7, 11), rng.uniform(0.2, 0.6)
    for side in (-1, 1):
        parts: tuple[list[_Stroke], list[_Stroke]] = ([], [])
        for index in range(12):
            y0 = start + index * thorax.spacing * thorax.tall + rng.normal(0, 1.2)
            sink = thorax.drop * (0.55 + 0.045 * index) / 1.2
            rim = np.interp(y0 + sink, _RIM[:, 1] * thorax.tall, _RIM[:, 0])
            reach = thorax.half_width / 135 * float(rim) + rng.uniform(1, 5)
            width = broad * rng.uniform(0.9, 1.1) * (0.8 if index in (0, 11) else 1)
            t = np.linspace(0.0, rng.uniform(2.35, 2.75) if index < 10 else 1.6, 64)
            x = side * (9 + (reach - 9) * np.sin(t))
            y = y0 - 5 * np.sin(2 * t) + sink * (1 - np.cos(t))
            line = np.stack([x, y], axis=1)
            edgewise = 1 - thin * np.exp(-(((t - np.pi / 2) / 0.45) ** 2))  # seen from its edge at the wall
            half = width / 2 * edgewise * np.interp(t, [0, 0.12, 0.35], [0.3, 0.65, 1])
            for strokes, keep, wide in zip(parts, (t < 1.75, t > 1.4), (1.0, 1.2), strict=True):
                if keep.sum() > 2:
                    strokes.extend(_ribbon(line[keep], half[keep] * wide, cortex, inner))
        film.stamp(parts[0], amount, soft)
        film.stamp(parts[1], amount * front, soft + rng.uniform(0, 0.6))
        film.stamp(parts[0] + parts[1], 0.7, soft, texture)


def _draw_clavicle(film: _Film, side: int, texture: Image) -> None:
    rng = film.rng
    y, rise = rng.uniform(-140, -105), rng.uniform(0, 45)
    knots = _p((13, y), (50, y - 6 - rise * 0.2), (95, y - 4 - rise * 0.6), (130, y - 12 - rise * 0.8), (165, y - rise))
    line = _curve(knots * (side, 1))
    wide = rng.uniform(4, 6.5) * np.interp(
        np.linspace(0, 1, len(line)), [0, 0.08, 0.4, 0.75, 1], [1, 1.35, 0.85, 0.9, 1.2]
    )
    cortex, amount = rng.uniform(0.9, 2), rng.uniform(12, 45)
    strokes = _ribbon(line, wide, cortex, rng.uniform(0.35, 0.75))
    film.stamp(strokes, amount, rng.uniform(0.3, 0.9))
    film.stamp(strokes[:1], 1.0, 0.6, texture)


def _draw_shoulders(film: _Film) -> None:
    """Scapulae and the upper ends of the humeri."""
    rng = film.rng
    texture = np.zeros_like(film.image)
    for side in (-1, 1):
        x = rng.uniform(140, 175)
        blade = _p((x - 30, -130), (x + 10, -125), (x + 8, -85), (x - 5, -30), (x - 18, 5), (x - 32, -40)) * (side, 1)
        rim = _curve(blade, 70, is_closed=True)
        amount = rng.uniform(5, 20)
        film.stamp([_Stroke(rim, 0, 0.45), _Stroke(rim, rng.uniform(1.5, 4), 1, is_closed=True)], amount, 0.8)
        spine = _curve(_p((x - 45, -105), (x - 5, -125), (x + 35, -140)) * (side, 1))
        film.stamp(_tube(spine, rng.uniform(7, 12), 0.5), amount * 1.2, 0.7)
        head = np.array([side * (x + 30), -118.0])
        film.stamp([_Stroke(_ring(head, 23)), _Stroke(_ring(head, 21.5), 0, 0.7)], amount * 1.6, 0.8)
        shaft = np.array([_by(head, side * 4, 10), _by(head, side * rng.uniform(10, 40), rng.uniform(150, 260))])
        _bone(film, shaft, rng.uniform(20, 26), amount * 1.8, texture)
        film.stamp([_Stroke(_ring(head, 23))], 1.0, 0.6, texture)
    _add_trabeculae(film, texture)


def _draw_spine(film: _Film, span: tuple[float, float], sway: float, texture: Image) -> None:
    """Vertebrae from the front: end plates, discs, pedicles as rings, spinous processes as drops."""
    rng = film.rng
    amount, soft = rng.uniform(4, 26), rng.uniform(0.4, 1.2)
    phase, y = rng.uniform(0, 6), span[0]
    bodies: list[_Stroke] = []
    details: list[_Stroke] = []
    while y < span[1]:
        grow = float(np.interp(y, [-200, 200], [0.7, 1.25]))
        tall, wide = 19 * grow * rng.uniform(0.92, 1.08), 29 * grow
        at = np.array([sway * np.sin(y / 90 + phase), y])
        waist = _p((-0.5, -0.5), (0.5, -0.5), (0.43, 0), (0.5, 0.5), (-0.5, 0.5), (-0.43, 0)) * (wide, tall) + at
        bodies += [_Stroke(waist, 0, 0.45), _Stroke(waist, 1.3, 1.0, is_closed=True)]
        for side in (-1, 1):
            ring = _arc(_by(at, side * wide * 0.3, -tall * 0.12), (2.6 * grow, 3.8 * grow))
            details += [_Stroke(ring, 1.2, 1.0, is_closed=True)]
            process = _curve(at + _p((0.4, -0.1), (0.75, -0.3), (1.0, -0.2)) * (side * wide, tall), 12)
            details += [_Stroke(process, 5 * grow, 0.5), _Stroke(process, 3 * grow, 0.3)]
        drop = _arc(_by(at, 0, tall * 0.3), (1.8 * grow, 4.5 * grow), rng.normal(0, 8))
        details += [_Stroke(drop, 0, 0.3), _Stroke(drop, 1.1, 0.9, is_closed=True)]
        y += tall + rng.uniform(3, 6) * grow
    film.stamp(bodies, amount, soft)
    film.stamp(details, amount * rng.uniform(0.4, 1.2), soft)
    film.stamp(bodies, 0.8, soft, texture)


def _branches(rng: np.random.Generator, start: Points, heading: float, width: float, reach: float) -> list[_Stroke]:
    """A vessel that thins on its way, with side branches that do the same."""
    strokes: list[_Stroke] = []
    queue = [(start, heading, width, reach)]
    while queue and len(strokes) < 150:
        at, angle, wide, length = queue.pop(0)
        line = _wander(rng, at, angle, length, rng.uniform(0.3, 0.9))
        cuts = np.linspace(0, len(line) - 1, 5).astype(int)
        for part, (first, last) in enumerate(pairwise(cuts)):
            now = wide * (1 - 0.2 * part)
            strokes.append(_Stroke(line[first : last + 1], now, float(np.clip(0.2 + now / 5, 0.25, 1))))
            if now > 0.7 and rng.random() < 0.75:
                turn = rng.uniform(15, 60) * rng.choice([-1, 1])
                share = rng.uniform(0.35, 0.75)
                queue.append((line[last], angle + turn, now * rng.uniform(0.4, 0.8), length * share))
    return strokes


def _draw_lung_markings(film: _Film, thorax: _Thorax, lungs: Image) -> None:
    """Vessels from the hila outwards, vessels and bronchi end-on, fine interstitium."""
    rng = film.rng
    marks = np.zeros_like(film.image)
    strength = rng.uniform(0.35, 1.0)
    for side in (-1, 1):
        hilum = np.array([side * rng.uniform(34, 46), rng.uniform(-28, 2)])
        for angle in rng.permutation(np.linspace(-95, 95, 9))[: int(rng.integers(5, 10))]:
            heading = angle if side > 0 else 180 - angle
            width, reach = rng.uniform(1.4, 5.0), rng.uniform(35, 85)
            film.stamp(_branches(rng, hilum + rng.normal(0, 6, 2), heading, width, reach), strength, 0.4, marks)
        spots = [
            _Stroke(_ring(hilum + rng.normal(0, 26, 2), rng.uniform(0.6, 2.2))) for _ in range(int(rng.integers(14)))
        ]
        rings = []
        for _ in range(int(rng.integers(0, 4))):
            ring = _ring(hilum + rng.normal(0, 20, 2), rng.uniform(1.5, 3.5))
            rings.append(_Stroke(ring, rng.uniform(0.5, 1.3), 1, is_closed=True))
        film.stamp(spots + rings, rng.uniform(0.4, 0.9), 0.4, marks)
    fine = []
    for _ in range(int(rng.integers(60, 260))):
        at = np.array([rng.uniform(-1, 1) * thorax.half_width, rng.uniform(-140, 110)])
        heading = float(np.degrees(np.arctan2(at[1] + 15, at[0]))) + rng.normal(0, 35)
        fine.append(_Stroke(_wander(rng, at, heading, rng.uniform(5, 22), 0.8), rng.uniform(0.4, 1.2), 0.5))
    film.stamp(fine, rng.uniform(0.3, 1.0), 0.35, marks)
    scale = film.px_per_mm
    marks += rng.uniform(0.03, 0.2) * _cloud(rng, lungs.shape, 1.2 * scale)
    marks += rng.uniform(0.0, 0.2) * _cloud(rng, lungs.shape, 4 * scale)
    film.image += rng.uniform(14, 48) * marks * (0.1 + 0.9 * lungs)


def _draw_airway(film: _Film) -> None:
    rng = film.rng
    carina = np.array([rng.normal(2, 4), rng.uniform(-50, -30)])
    trunk = _curve(np.array([[rng.normal(0, 4), -260], [rng.normal(0, 4), -120], carina]))
    strokes = [_Stroke(trunk, rng.uniform(13, 19))]
    for side in (-1, 1):
        end = _by(carina, side * 38, rng.uniform(22, 36))
        strokes.append(_Stroke(np.array([carina, end]), rng.uniform(8, 12), 0.6))
    film.stamp(strokes, -rng.uniform(8, 38), rng.uniform(0.8, 2))


def _draw_breasts(film: _Film) -> None:
    rng = film.rng
    size, y = rng.uniform(55, 95), rng.uniform(30, 90)
    amount = rng.uniform(6, 28)
    for side in (-1, 1):
        at = np.array([side * rng.uniform(70, 105), y + rng.normal(0, 6)])
        film.stamp([_Stroke(_arc(at, (size, size * rng.uniform(0.8, 1.2))))], amount, rng.uniform(0.4, 2.5))
        if rng.random() < 0.4:
            film.stamp([_Stroke(_ring(at + rng.normal(0, 12, 2), rng.uniform(3, 6)))], rng.uniform(3, 14), 0.8)


def _draw_upper_gas(film: _Film) -> None:
    """Air in stomach and colon under the diaphragm, with a level where the patient stands."""
    rng = film.rng
    at = np.array([rng.uniform(50, 90), rng.uniform(100, 125)])
    rim = _arc(at, (rng.uniform(18, 42), rng.uniform(9, 24)), rng.normal(0, 12))
    if rng.random() < 0.5:
        rim[:, 1] = np.minimum(rim[:, 1], at[1] + rng.uniform(0, 6))
    film.stamp([_Stroke(rim)], -rng.uniform(15, 60), rng.uniform(0.4, 1.5))
    _draw_bowel(film, (40, 150), (130, 230), int(rng.integers(0, 9)))


def _draw_bowel(film: _Film, across: tuple[float, float], down: tuple[float, float], count: int) -> None:
    """Gas in loops with folds, and mottled contents."""
    rng = film.rng
    for _ in range(count):
        at = np.array([rng.uniform(*across), rng.uniform(*down)])
        loop = _wander(rng, at, rng.uniform(0, 360), rng.uniform(15, 70), 2.0)
        width = rng.uniform(10, 26)
        strokes = [_Stroke(loop, width)]
        points, angles = _along(loop, rng.uniform(8, 15))
        for point, angle in zip(points, angles, strict=True):  # haustra reach in from one wall or the other
            edge = point + _turned(_p((0, width / 2 * rng.choice([-1, 1]))), angle)[0]
            strokes.append(_Stroke(_bar(edge, width * 0.7, angle + 90), rng.uniform(1, 3), 0.3))
        film.stamp(strokes, -rng.uniform(8, 45), rng.uniform(0.6, 2.0))
        if rng.random() < 0.5:
            pockets = [_Stroke(_blob(rng, at + rng.normal(0, 10, 2), rng.uniform(4, 16))) for _ in range(3)]
            film.stamp(pockets, -rng.uniform(6, 35), rng.uniform(0.6, 1.5))
        if rng.random() < 0.4:
            mottle = [_Stroke(_blob(rng, at + rng.normal(0, 12, 2), rng.uniform(1.5, 5))) for _ in range(14)]
            film.stamp(mottle, -rng.uniform(5, 22), 0.7)


def _draw_jaw(film: _Film) -> None:
    """The chin over the upper edge of the film, at times with teeth and fillings."""
    rng = film.rng
    y = rng.uniform(-205, -160)
    half = rng.uniform(50, 70)
    chin = _p((-half, y - 130), (-half * 0.9, y - 40), (-25, y), (25, y), (half * 0.9, y - 40), (half, y - 130))
    film.stamp([_Stroke(_curve(chin))], rng.uniform(10, 40), 1.2)
    film.stamp([_Stroke(_curve(chin), rng.uniform(4, 10))], rng.uniform(15, 50), 1.2)
    if rng.random() < 0.6:
        _draw_teeth(film, np.array([0, y - rng.uniform(15, 40)]))


def _draw_teeth(film: _Film, at: Points) -> None:
    rng = film.rng
    strokes, fillings = [], []
    arch = _curve(at + _p((-34, -18), (-18, 0), (0, rng.uniform(3, 8)), (18, 0), (34, -18)))
    for row in (0.0, -rng.uniform(11, 16)):
        points, angles = _along(_by(arch, 0, row), rng.uniform(5.5, 8))
        for point, angle in zip(points, angles, strict=True):
            if rng.random() < 0.15:
                continue
            tooth = _rounded(point, (rng.uniform(4, 6.5), rng.uniform(8, 14)), 3, angle + rng.normal(0, 7))
            strokes += [_Stroke(tooth, 0, rng.uniform(0.5, 1)), _Stroke(tooth, 0.7, 0.9, is_closed=True)]
            strokes.append(_Stroke(_bar(point, 6, angle + 90), 1.0, 0.4))
            if rng.random() < 0.3:
                fillings.append(_Stroke(_blob(rng, _by(point, 0, 3), rng.uniform(1, 3), 0.4)))
    film.stamp(strokes, rng.uniform(15, 60), 0.4)
    film.stamp(fillings, rng.uniform(60, 180), 0.3)


def _draw_folds(film: _Film) -> None:
    """Skin folds, blanket folds: a long soft edge with one sharp side."""
    rng = film.rng
    for _ in range(int(rng.integers(1, 7))):
        line = _wander(rng, film.spot(), rng.uniform(0, 360), rng.uniform(60, 320), 0.7)
        wide = rng.uniform(6, 30)
        area = np.vstack([line, _offset(line, np.linspace(wide, wide * 0.4, len(line)))[::-1]])
        amount = rng.uniform(3, 16) * rng.choice([-1, 1])
        film.stamp([_Stroke(area)], amount, rng.uniform(0.4, 3))
        film.stamp([_Stroke(line, rng.uniform(0.8, 3))], -amount * rng.uniform(0, 1), 0.6)


def _draw_disease(film: _Film) -> None:
    """Consolidations, effusions, nodules, masses, plaques, lines and cysts."""
    rng = film.rng
    kind = rng.integers(5)
    places = [np.array([rng.choice([-1, 1]) * rng.uniform(40, 115), rng.uniform(-120, 90)]) for _ in range(18)]
    if kind == 0:
        for at in places[: int(rng.integers(1, 7))]:
            film.stamp([_Stroke(_blob(rng, at, rng.uniform(10, 38), 0.4))], rng.uniform(8, 40), rng.uniform(5, 14))
    elif kind == 1:
        nodules = [_Stroke(_blob(rng, at, rng.uniform(1.5, 13), 0.12)) for at in places[: int(rng.integers(1, 18))]]
        film.stamp(nodules, rng.uniform(8, 45), rng.uniform(0.4, 1.5))
    elif kind == 2:
        side = rng.choice([-1, 1])
        level = rng.uniform(20, 90)
        fluid = _curve(_p((10, level + 25), (70, level + 15), (115, level - 20), (140, level - 70)) * (side, 1))
        fluid = np.vstack([fluid, _p((150, 140), (10, 140)) * (side, 1)])
        film.stamp([_Stroke(fluid)], rng.uniform(20, 70), rng.uniform(3, 10))
    elif kind == 3:  # scars, fissures, linear atelectasis
        for at in places[: int(rng.integers(1, 8))]:
            line = _wander(rng, at, rng.normal(0, 40), rng.uniform(15, 80), 0.4)
            film.stamp([_Stroke(line, rng.uniform(0.5, 3))], rng.uniform(6, 30), rng.uniform(0.3, 1))
    else:  # reticulation and cysts
        rings = []
        centre = places[0]
        for _ in range(int(rng.integers(20, 90))):
            ring = _blob(rng, centre + rng.normal(0, 25, 2), rng.uniform(1.5, 6), 0.3)
            rings.append(_Stroke(ring, rng.uniform(0.5, 1.3), rng.uniform(0.4, 1), is_closed=True))
        film.stamp(rings, rng.uniform(6, 26), 0.4)


def _draw_costal_cartilage(film: _Film) -> None:
    """Calcified cartilage between ribs and sternum: short mottled strips."""
    rng = film.rng
    amount = rng.uniform(8, 40)
    for side in (-1, 1):
        for index in range(int(rng.integers(2, 7))):
            knots = _by(_p((95, 62), (70, 70), (40, 50)), 0, 22 * index - 30)
            line = _curve(knots * (side, 1), 30)
            flecks = []
            for point in line[:: int(rng.integers(1, 4))]:
                flecks.append(_Stroke(_blob(rng, point + rng.normal(0, 2.5, 2), rng.uniform(0.6, 2.4), 0.4)))
            film.stamp(flecks, amount, 0.5)
            edges = [_Stroke(_offset(line, d), 0.9, 0.7) for d in (-5.0, 5.0)]
            film.stamp(edges, amount * rng.uniform(0, 1), 0.5)


def _add_trabeculae(film: _Film, texture: Image) -> None:
    """The mesh inside bones: oriented fine noise."""
    rng = film.rng
    strength = rng.uniform(0, 4)
    noise = rng.standard_normal(film.image.shape, dtype=np.float32)
    along, across = rng.uniform(1.0, 4.0), rng.uniform(0.5, 1.0)
    noise = _f32(cv2.GaussianBlur(noise, (0, 0), sigmaX=across, sigmaY=along))
    noise -= cv2.GaussianBlur(noise, (0, 0), 3)
    film.image += strength * noise / max(float(noise.std()), 1e-6) * np.minimum(texture, 1)


def _draw_lateral(film: _Film) -> None:
    """A thorax from the side."""
    rng = film.rng
    depth = rng.uniform(100, 150)
    back = rng.uniform(95, 125)
    rim = _p((-60, -330), (-70, -200), (-105, -120), (-125, 0), (-118, 120), (-125, 330))
    rear = _p((60, 330), (back - 12, 200), (back + 8, 60), (back + 5, -60), (back - 20, -160), (55, -220), (50, -330))
    _mass(film, np.vstack([_curve(rim), _curve(rear)]), depth, rng.uniform(25, 70))
    if rng.random() < 0.8:  # raised arms
        arm = _p((-140, -330), (-80, -150), (20, -140), (90, -330))
        film.stamp([_Stroke(arm)], rng.uniform(10, 50), 8)
    wall = _p((-30, -175), (-75, -130), (-98, -60), (-104, 20), (-100, 95), (-50, 60), (0, 55), (45, 80), (88, 135))
    wall = np.vstack([wall, _p((92, 60), (86, -60), (60, -140), (10, -180))])
    wall += rng.normal(0, 4, wall.shape)
    lungs = np.zeros_like(film.image)
    film.stamp([_Stroke(_curve(wall, 120, is_closed=True))], 1.0, 1.5, lungs)
    lungs = _deepened(film, lungs)
    film.image -= rng.uniform(45, 100) * lungs
    heart = _curve(_p((-60, -40), (-90, 20), (-95, 95), (-20, 75), (10, 20), (-15, -40)), 60, is_closed=True)
    film.stamp([_Stroke(heart)], rng.uniform(15, 50), rng.uniform(3, 9))
    second = _curve(_p((-100, 90), (-40, 50), (20, 45), (90, 125)))
    film.stamp([_Stroke(np.vstack([second, _p((90, 200), (-100, 200))]))], rng.uniform(5, 30), 1.0)
    marks = np.zeros_like(film.image)
    for angle in rng.uniform(0, 360, 14):
        width = rng.uniform(1.5, 4.5)
        film.stamp(_branches(rng, _by(rng.normal(0, 9, 2), 0, -25), angle, width, rng.uniform(30, 70)), 0.7, 0.4, marks)
    for _ in range(4):
        film.stamp([_Stroke(_ring(_by(rng.normal(0, 14, 2), 0, -25), rng.uniform(3, 7)))], -0.6, 0.7, marks)
    marks += rng.uniform(0.02, 0.12) * _cloud(rng, lungs.shape, 1.5 * film.px_per_mm)
    film.image += rng.uniform(12, 40) * marks * (0.1 + 0.9 * lungs)
    texture = np.zeros_like(film.image)
    _draw_lateral_ribs(film, texture)
    _draw_lateral_spine(film, back - 28, texture)
    sternum = _curve(_p((-72, -135), (-100, -60), (-110, 10)))
    _bone(film, sternum, rng.uniform(8, 13), rng.uniform(10, 35), texture)
    if rng.random() < 0.5:
        _draw_bowel(film, (-80, 30), (90, 200), int(rng.integers(1, 6)))
    _add_trabeculae(film, texture)


def _draw_lateral_ribs(film: _Film, texture: Image) -> None:
    rng = film.rng
    amount = rng.uniform(3, 13)
    for shift in (0.0, rng.uniform(3, 14)):
        strokes = []
        for index in range(10):
            y = -150 + index * 23 + shift
            knots = _p((94, y), (70, y + 2), (20, y + 30), (-40, y + 72), (-80, y + 85)) + rng.normal(0, 2, (5, 2))
            line = _curve(knots, 40)
            strokes += [_Stroke(line, 9), _Stroke(line, 6.5, 0.5)]
        film.stamp(strokes, amount, rng.uniform(0.4, 0.9))
        film.stamp(strokes, 0.5, 0.6, texture)


def _draw_lateral_spine(film: _Film, x: float, texture: Image) -> None:
    """Bodies as bright-edged boxes, dark foramina between their arches."""
    rng = film.rng
    amount, soft = rng.uniform(10, 40), rng.uniform(0.3, 0.9)
    bodies: list[_Stroke] = []
    holes: list[_Stroke] = []
    y = -230.0
    while y < 280:
        grow = float(np.interp(y, [-200, 200], [0.75, 1.25]))
        lean = 14 * np.cos((y + 20) / 110)
        at = np.array([x - 12 + lean, y])
        turn = -7 * np.sin((y + 20) / 110) + rng.normal(0, 1.5)
        box = _turned(_box(np.zeros(2), 25 * grow, 18 * grow), turn) + at
        bodies += [_Stroke(box, 0, 0.4), _Stroke(box, rng.uniform(0.9, 1.8), 1, is_closed=True)]
        holes.append(_Stroke(_arc(_by(at, 17 * grow, 9 * grow), (3.5 * grow, 6 * grow), turn)))
        arch = _curve(at + _p((12, -6), (20, -4), (26, 8), (38, 16)) * grow, 20)
        bodies += [_Stroke(arch, 7 * grow, 0.7), _Stroke(arch, 4.5 * grow, 0.4)]
        y += (18 + rng.uniform(3.5, 6)) * grow
    film.stamp(bodies, amount, soft)
    film.stamp(holes, -amount * rng.uniform(0.3, 0.9), 1.0)
    film.stamp(bodies, 0.8, soft, texture)


def _draw_abdomen(film: _Film) -> None:
    rng = film.rng
    wide = rng.uniform(140, 190)
    half = _p((wide, -300), (wide * 0.93, -60), (wide, 120), (wide * 1.05, 300))
    _mass(film, np.vstack([_curve(half), _curve(half * (-1, 1))[::-1]]), rng.uniform(110, 160), rng.uniform(30, 90))
    for side in (-1, 1):
        psoas = _p((22, -60), (35, 0), (62, 110), (25, 110)) * (side, 1)
        film.stamp([_Stroke(psoas)], rng.uniform(3, 12), 2)
        kidney = _arc(np.array([side * 62.0, -50]), (22, 45), side * 12)
        film.stamp([_Stroke(kidney)], rng.uniform(2, 9), 2.5)
    _draw_bowel(film, (-130, 130), (-110, 190), int(rng.integers(4, 20)))
    texture = np.zeros_like(film.image)
    _draw_spine(film, (-260, 95), rng.uniform(0, 10), texture)
    _draw_pelvis(film, texture)
    if rng.random() < 0.4:
        stones = [
            _Stroke(_blob(rng, np.array([rng.normal(0, 70), rng.normal(60, 70)]), rng.uniform(1, 5))) for _ in "xxxxx"
        ]
        film.stamp(stones, rng.uniform(15, 70), 0.4)
    _add_trabeculae(film, texture)


def _draw_pelvis(film: _Film, texture: Image) -> None:
    rng = film.rng
    amount = rng.uniform(15, 45)
    for side in (-1, 1):
        wing = _p((20, 115), (60, 70), (115, 62), (135, 95), (110, 140), (92, 180), (58, 165), (35, 150)) * (side, 1)
        rim = _curve(wing, 80, is_closed=True)
        film.stamp([_Stroke(rim, 0, 0.5), _Stroke(rim, 2.5, 1, is_closed=True)], amount, 0.8)
        ring = _arc(np.array([side * 38.0, 245]), (20, 15), side * 25)
        film.stamp(_tube(np.vstack([ring, ring[:1]]), 11, 0.6), amount, 0.8)
        head = np.array([side * 92.0, 205])
        film.stamp([_Stroke(_ring(head, 24)), _Stroke(_ring(head, 22), 0, 0.75)], amount, 0.8)
        _bone(film, np.array([head, _by(head, side * 45, 30), _by(head, side * 50, 170)]), 28, amount, texture)
        film.stamp([_Stroke(rim)], 1.0, 0.8, texture)
    sacrum = _p((-48, 100), (48, 100), (30, 160), (0, 205), (-30, 160))
    film.stamp([_Stroke(sacrum)], amount * 0.6, 1.5)
    for row in range(4):
        for side in (-1, 1):
            film.stamp([_Stroke(_ring(np.array([side * (20 - 3 * row), 118 + 20 * row]), 4))], -amount * 0.4, 0.8)


def _draw_limb(film: _Film) -> None:
    """A hand, or the long bones of an arm or leg."""
    rng = film.rng
    texture = np.zeros_like(film.image)
    size = rng.uniform(0.9, 1.5)
    if rng.random() < 0.5:
        _draw_hand(film, np.array([0.0, 40.0]), size * 1.6, rng.uniform(-40, 40), texture)
    else:
        turn = rng.uniform(-30, 30)
        shape = _p((-60, -330), (-45, -60), (-50, 0), (-45, 60), (-38, 330), (38, 330), (48, 40), (52, -20), (62, -330))
        _mass(film, _turned(shape * (size * 0.8, 1), turn), rng.uniform(60, 130), rng.uniform(20, 45))
        amount = rng.uniform(40, 110)
        for x in (-14, 14) if rng.random() < 0.6 else (0,):
            for ends in (_p((x, -330), (x, -4)), _p((x * 1.1, 4), (x * 0.9, 330))):
                _long_bone(film, _turned(ends * (size, 1), turn), rng.uniform(20, 40) * size, amount, texture)
    _add_trabeculae(film, texture)


def _draw_hand(film: _Film, at: Points, size: float, turn: float, texture: Image) -> None:
    rng = film.rng
    amount, flesh = rng.uniform(30, 90), rng.uniform(25, 80)
    bones: list[tuple[Points, float]] = []
    for finger, angle in enumerate(np.linspace(-34, 28, 5) + rng.normal(0, 4, 5)):
        reach = (44, 62, 66, 60, 48)[finger]
        at_mm, lengths = 30.0, (0.62, 0.46, 0.3, 0.2) if finger else (0.7, 0.55, 0.4)
        for part, share in enumerate(lengths):
            ends = _p((0, -at_mm), (0, -at_mm - share * reach)) * size
            bones.append((_turned(ends, angle * (1 + 0.1 * part) + turn) + at, (9 - 1.2 * part) * size))
            at_mm += share * reach + 3
    skin = [_Stroke(ends, width * 2.1, 0.6) for ends, width in bones]
    skin.append(_Stroke(_turned(_arc(np.array([0.0, -40]), (38, 42)) * size, turn) + at, 0, 0.9))
    skin.append(_Stroke(_turned(_p((0, -10), (0, 300)) * size, turn) + at, 50 * size))
    film.stamp(skin, flesh, rng.uniform(1.5, 4))
    for ends, width in bones:
        _long_bone(film, ends, width * 1.3, amount, texture)
    for _ in range(8):
        carpal = _blob(
            rng, _turned(rng.uniform(-1, 1, (1, 2)) * (18, 12) * size - (0, 16 * size), turn)[0] + at, 7 * size
        )
        film.stamp([_Stroke(carpal), _Stroke(carpal, 1.2, 1.0, is_closed=True)], amount * 0.6, 0.5)
    for x, width in ((-10, 20), (13, 13)):
        _long_bone(film, _turned(_p((x, 2), (x, 300)) * size, turn) + at, width * size, amount, texture)


def _draw_head(film: _Film) -> None:
    """Skull and neck, from the front: vault, orbits, sinuses, teeth."""
    rng = film.rng
    skull = _curve(
        _p((0, -170), (75, -130), (85, -50), (60, 40), (30, 95), (-30, 95), (-60, 40), (-85, -50), (-75, -130)),
        90,
        is_closed=True,
    )
    _mass(
        film,
        np.vstack(
            [_p((-65, 60), (65, 60), (70, 200), (200, 260), (200, 400), (-200, 400)), _p((-200, 260), (-70, 200))]
        ),
        90,
        50,
    )
    _mass(film, skull, rng.uniform(90, 130), 60)
    film.stamp([_Stroke(skull, rng.uniform(4, 9), 1, is_closed=True)], rng.uniform(15, 50), 1.0)
    for side in (-1, 1):
        orbit = _arc(np.array([side * 35.0, -30]), (22, 19))
        film.stamp([_Stroke(orbit, 0, 0.6), _Stroke(orbit, 2, 1, is_closed=True)], rng.uniform(-30, 20), 0.8)
        film.stamp([_Stroke(_arc(np.array([side * 32.0, 12]), (14, 17)))], -rng.uniform(8, 35), 1.5)
    film.stamp([_Stroke(_curve(_p((0, -20), (10, 20), (0, 35), (-10, 20)), 40, is_closed=True))], -30, 1.2)
    sutures = [_Stroke(_wave(_curve(_p((-60, -120), (0, -90), (60, -120))), 5, 1.5), 0.6)]
    film.stamp(sutures, -rng.uniform(5, 20), 0.4)
    texture = np.zeros_like(film.image)
    _draw_spine(film, (80, 330), 4, texture)
    _draw_teeth(film, np.array([0.0, 58.0]))
    film.stamp([_Stroke(skull)], 0.6, 1, texture)
    _add_trabeculae(film, texture)


def _draw_blank(film: _Film) -> None:
    """An exposure of nothing: flat, with the heel effect, at times with an edge of something."""
    rng = film.rng
    rows, columns = film.image.shape
    y, x = np.mgrid[0 : 1 : rows * 1j, 0 : 1 : columns * 1j].astype(np.float32)
    film.image += rng.uniform(0, 200) + rng.uniform(-25, 25) * x + rng.uniform(-25, 25) * y
    film.image += rng.uniform(0, 12) * _cloud(rng, film.image.shape, max(rows, columns) / 6)
    if rng.random() < 0.4:
        _draw_folds(film)


def _draw_phantom(film: _Film) -> None:
    """A test object: discs and bars in steps, a mesh, holes; no figures beside them."""
    rng = film.rng
    _draw_blank(film)
    for _ in range(int(rng.integers(1, 4))):
        at, step = film.spot(), film.mm(6, 25)
        size = step * rng.uniform(0.2, 0.8)
        kind = rng.integers(3)
        strokes = []
        for row in range(int(rng.integers(1, 7))):
            for column in range(int(rng.integers(2, 9))):
                place = at + np.array([column, row]) * step
                shapes = (_ring(place, size / 2), _box(place, size, size), _box(place, size * 0.25, step * 0.8))
                strokes.append(_Stroke(shapes[kind], 0, float(np.clip(0.15 + 0.1 * column, 0, 1))))
        film.stamp(strokes, rng.uniform(-80, 120), 0.3)


# Devices and other things on or in the patient -----------------------------------------------------------------------


def _metal(film: _Film) -> float:
    return float(film.rng.uniform(45, 190))


def _bright_metal(film: _Film) -> float:
    return float(film.rng.uniform(60, 220))


def _sternal_wires(film: _Film) -> None:
    """Loops of wire down the sternum, with twisted ends."""
    rng, at = film.rng, film.anchor(0, -85, 12)
    amount, wide, step = _metal(film), film.mm(0.6, 1.3), film.mm(17, 28)
    size, style = film.mm(5, 11), rng.integers(3)
    for _ in range(int(rng.integers(3, 9))):
        turn = rng.normal(0, 16)
        ring = _arc(at, (size * rng.uniform(0.7, 1.2), size * rng.uniform(0.3, 0.7)), turn, 20, 400)
        strokes = [_Stroke(ring, wide)]
        if style == 1:  # crossed in the middle
            strokes = [_Stroke(_wave(_bar(at, size * 2.2, turn), size * 2.2, size * 0.5, p), wide) for p in (0, np.pi)]
        foot = ring[0]
        twist = _wander(rng, foot, rng.uniform(20, 160), size * rng.uniform(0.5, 1.3), 1.0)
        strokes.append(_Stroke(_wave(twist, wide * 3, wide * 0.7), wide))
        if style == 2:
            strokes.append(_Stroke(_wander(rng, foot, rng.uniform(0, 180), size * 0.7, 1.0), wide))
        film.stamp(strokes, amount, 0.2)
        at = _by(at, rng.normal(0, 1.5), step * rng.uniform(0.8, 1.2))


def _clips(film: _Film) -> None:
    """Surgical clips: short bright lines, single, in pairs or opened like a wedge."""
    rng, at = film.rng, film.spot()
    amount, wide, length = _metal(film), film.mm(0.6, 1.5), film.mm(3, 8)
    spread = film.mm(5, 40)
    strokes = []
    for _ in range(int(rng.integers(1, 16))):
        place, turn = at + rng.normal(0, spread, 2), rng.uniform(0, 180)
        strokes.append(_Stroke(_bar(place, length * rng.uniform(0.4, 1.1), turn), wide))
        if rng.random() < 0.4:
            beside = place + _turned(_p((0, wide * rng.uniform(1.5, 2.5))), turn)[0]
            strokes.append(_Stroke(_bar(beside, length * rng.uniform(0.6, 1), turn + rng.normal(0, 8)), wide))
    film.stamp(strokes, amount, 0.15)


def _staples(film: _Film) -> None:
    """A row of skin staples, or the fine suture line of a stapler in the lung."""
    rng, is_fine = film.rng, film.rng.random() < 0.5
    line = _wander(rng, film.spot(), rng.uniform(0, 360), film.mm(25, 120), 0.6)
    points, angles = _along(line, film.mm(1.8, 3) if is_fine else film.mm(5, 10))
    size, wide = (film.mm(0.8, 1.6), film.mm(0.3, 0.5)) if is_fine else (film.mm(4, 7), film.mm(0.5, 0.9))
    strokes = []
    for point, angle in zip(points, angles, strict=True):
        turn = angle + 90 + rng.normal(0, 9)
        legs = _turned(_p((-0.35, 0.3), (-0.5, 0), (0.5, 0), (0.35, 0.3)) * size, turn) + point
        strokes.append(_Stroke(_bar(point, size, turn) if is_fine else legs, wide))
    film.stamp(strokes, _metal(film), 0.15)


def _coils(film: _Film) -> None:
    """Embolisation coils: tangled tight loops."""
    rng, at = film.rng, film.spot()
    for _ in range(int(rng.integers(1, 5))):
        place, size = at + rng.normal(0, film.mm(3, 15), 2), film.mm(2, 7)
        t = np.linspace(0, rng.uniform(12, 50), 300)
        x = size * np.cos(t) * (0.7 + 0.3 * np.sin(t * rng.uniform(0.1, 0.6)))
        y = size * rng.uniform(0.4, 1) * np.sin(t * rng.uniform(0.95, 1.05)) + t * size * rng.uniform(0, 0.06)
        film.stamp(
            [_Stroke(_turned(np.stack([x, y], axis=1), rng.uniform(0, 180)) + place, film.mm(0.3, 0.7))],
            _metal(film),
            0.15,
        )


def _stent(film: _Film) -> None:
    """A tube of woven or zigzag wire."""
    rng = film.rng
    line = _wander(rng, film.spot(), rng.uniform(0, 360), film.mm(15, 90), 0.7)
    radius, wide = film.mm(2, 12), film.mm(0.25, 0.6)
    period = radius * rng.uniform(0.8, 2.2)
    strokes = [
        _Stroke(_wave(line, period, radius, p), wide, 0.8)
        for p in np.linspace(0, 2 * np.pi, int(rng.integers(2, 5)), endpoint=False)
    ]
    if rng.random() < 0.5:  # zigzag rings instead
        points, angles = _along(line, period)
        strokes = []
        for point, angle in zip(points, angles, strict=True):
            strokes.append(_Stroke(_wave(_bar(point, 2 * radius, angle + 90), radius * 0.7, period * 0.4), wide))
    film.stamp(strokes, _metal(film), 0.15)


def _screw(at: Points, length: float, wide: float, turn: float) -> list[_Stroke]:
    """A threaded shaft under a head."""
    shaft = _bar(at, length, turn)
    thread = _wave(shaft, wide * 0.9, wide * 0.45)
    head = shaft[0]
    return [
        _Stroke(shaft, wide * 0.7, 0.8),
        _Stroke(thread, wide * 0.25),
        _Stroke(_bar(head, wide * 1.6, turn + 90), wide * 0.8),
    ]


def _spinal_rods(film: _Film) -> None:
    """Rods beside the spine with screws, hooks and cross links."""
    rng, at = film.rng, film.anchor(0, 0, 25)
    amount, gap, step = _metal(film), film.mm(10, 20), film.mm(22, 40)
    count = int(rng.integers(2, 8))
    strokes = []
    for side in (-1, 1):
        rod = _curve(
            at + _p((side * gap, 0), (side * gap + rng.normal(0, 3), step * count / 2), (side * gap, step * count))
        )
        strokes.append(_Stroke(rod, film.mm(3.5, 6), 0.8))
        for index in range(count):
            place = np.array([at[0] + side * gap * 0.9, at[1] + step * (index + 0.5)])
            if rng.random() < 0.85:
                strokes += _screw(
                    _by(place, -side * gap * 0.3, 0),
                    gap * rng.uniform(0.8, 1.7),
                    film.mm(4, 6),
                    90 - side * 90 + rng.normal(0, 9),
                )
                strokes.append(_Stroke(_rounded(place, (film.mm(7, 11), film.mm(8, 13)), 4), 0, 1))
    for _ in range(int(rng.integers(0, 3))):
        y = at[1] + rng.uniform(0, step * count)
        strokes.append(_Stroke(_p((at[0] - gap, y), (at[0] + gap, y + rng.normal(0, 2))), film.mm(2, 5), 0.9))
    film.stamp(strokes, amount, 0.2)


def _plate(film: _Film) -> None:
    """A plate with holes along a bone, some filled with screws."""
    rng = film.rng
    line = _wander(rng, film.anchor(95, -130, 25), rng.normal(0, 30), film.mm(40, 110), 0.5)
    wide, amount = film.mm(6, 12), _metal(film)
    plate, screws = [_Stroke(line, wide, 0.75)], []
    points, angles = _along(line, wide * rng.uniform(1.1, 1.7))
    for point, angle in zip(points, angles, strict=True):
        if rng.random() < 0.55:
            screws += _screw(_by(point, 0, wide * 0.8), film.mm(10, 24), film.mm(2.5, 4), angle + 90 + rng.normal(0, 6))
        plate.append(_Stroke(_arc(point, (wide * 0.27, wide * 0.2), angle), 0, 0.15))
    film.stamp(plate, amount, 0.2)
    film.stamp(screws, amount * 0.7, 0.2)


def _hole(at: Points, size: float, turn: float, kind: int) -> list[_Stroke]:
    """One hole of a plate: plain, long, of two holes in one, or with a threaded rim."""
    if kind == 1:
        return [_Stroke(_rounded(at, (size * 1.9, size), 2.6, turn), 0, 0.1)]
    if kind == 2:
        pair = (at + _turned(_p((side * size * 0.35, 0)), turn)[0] for side in (-1, 1))
        return [_Stroke(_ring(place, size * 0.42), 0, 0.1) for place in pair]
    rim = [_Stroke(_ring(at, size * 0.62), size * 0.12, 1, is_closed=True)] if kind == 3 else []
    return [_Stroke(_ring(at, size * 0.5), 0, 0.1), *rim]


def _perforated_plate(film: _Film) -> None:
    """A plate whose holes stand close: straight, bent about a bone, waisted between its holes, with a broad end."""
    rng, amount, kind = film.rng, _metal(film), int(film.rng.integers(4))
    line = _wander(rng, film.spot(), rng.uniform(0, 360), film.mm(35, 200), rng.choice([0.1, 0.9]))
    wide = film.mm(4, 14)
    pitch = wide * rng.uniform(0.7, 1.3)
    points, angles = _along(line, pitch)
    plate = [_Stroke(line, wide * rng.uniform(0.5, 1.0), rng.uniform(0.6, 0.9))]
    if rng.random() < 0.6:
        plate += [_Stroke(_ring(point, wide * 0.5), 0, plate[0].value) for point in points]
    if rng.random() < 0.4:
        head = line[0] + rng.normal(0, wide * 0.7, (int(rng.integers(3, 8)), 2))
        plate += [_Stroke(_ring(place, wide * 0.55), 0, plate[0].value) for place in head]
        points, angles = np.vstack([points, head]), np.concatenate([angles, rng.uniform(0, 180, len(head))])
    size, screws = wide * rng.uniform(0.4, 0.75), []
    filled = rng.choice([0.0, 0.3, 0.7])
    for point, angle in zip(points, angles, strict=True):
        plate += _hole(point, size, angle, kind)
        if rng.random() < filled:
            screws += _screw(point, film.mm(6, 26), film.mm(2, 4), angle + 90 + rng.normal(0, 12))
            screws.append(_Stroke(_ring(point, size * 0.45)))
    film.stamp(plate, amount, 0.15)
    film.stamp(screws, amount * rng.uniform(0.5, 1), 0.15)


def _mesh(film: _Film) -> None:
    """A sheet with rows of equal holes: a cage, a mesh of titanium, the grille of a loudspeaker."""
    rng, at, turn = film.rng, film.spot(), film.rng.uniform(0, 180)
    step, amount = film.mm(2, 6), rng.uniform(20, 150)
    rows, columns = int(rng.integers(2, 8)), int(rng.integers(3, 16))
    sheet = _turned(_box(np.zeros(2), columns * step * 1.1, rows * step * 1.1), turn) + at
    strokes = [_Stroke(sheet, 0, rng.uniform(0.3, 1))]
    size, power = step * rng.uniform(0.5, 0.85), rng.choice([1.2, 2.0, 6.0])
    for row in range(rows):
        for column in range(columns):
            place = _p(((column - (columns - 1) / 2 + row % 2 * 0.3) * step, (row - (rows - 1) / 2) * step))
            strokes.append(_Stroke(_rounded(_turned(place, turn)[0] + at, (size, size), power, turn), 0, 0.05))
    film.stamp(strokes, amount, 0.15)


def _spectacles(film: _Film) -> None:
    """Frames of glasses, worn, or in a breast pocket: two rims, a bridge with its pads, temples with hinges."""
    rng, at, turn = film.rng, film.spot(), film.rng.normal(0, 60)
    lens, power = (film.mm(36, 52), film.mm(22, 44)), rng.uniform(2, 4.5)
    amount, wire = _metal(film), film.mm(0.7, 3)
    squeeze = rng.uniform(0.4, 1)
    strokes, half = [], lens[0] * 0.5
    for side in (-1, 1):
        middle = _p((side * (half + film.mm(6, 10)), 0))[0]
        rim = _rounded(middle, lens, power)
        strokes.append(_Stroke(rim, wire, 1, is_closed=True))
        if rng.random() < 0.3:
            strokes.append(_Stroke(rim, 0, 0.15))
        hinge = _by(middle, side * half, -lens[1] * 0.3)
        strokes += [_Stroke(_box(_by(hinge, side * 2, 2 * k), 3.5, 1.4), 0, 1) for k in range(3)]
        temple = _curve(hinge + _p((0, 0), (side * film.mm(2, 40), film.mm(2, 50)), (side * 30, film.mm(60, 130))))
        strokes += [_Stroke(temple, wire * 1.2, 0.9), _Stroke(temple, wire * 0.4, 0.4)]
        strokes.append(_Stroke(_arc(_by(middle, -side * half, 6), (1.8, 4), side * 20), 0, 0.6))
    strokes.append(_Stroke(_arc(np.zeros(2), (film.mm(7, 10), 5), 0, 180, 360), wire))
    placed = [s._replace(points=_turned(s.points * (1, squeeze), turn) + at) for s in strokes]
    film.stamp(placed, amount, 0.15)


def _orthosis(film: _Film) -> None:
    """A brace for trunk, neck or shoulder: upright and cross bars, rows of rivets, buckles, eyelets of laces."""
    rng, at, amount = film.rng, film.spot(), film.rng.uniform(15, 170)
    turn, tall = rng.normal(0, 12), film.mm(80, 260)
    uprights = sorted(rng.uniform(-90, 90, int(rng.integers(1, 5))).tolist())
    strokes = []
    for x in uprights:
        bar = _curve(_p((x, 0), (x + rng.normal(0, 6), tall / 2), (x + rng.normal(0, 4), tall)))
        wide = film.mm(5, 16)
        strokes += [_Stroke(bar, wide, rng.uniform(0.2, 0.7)), _Stroke(bar, wide * 0.75, rng.uniform(0.15, 0.6))]
        spots, _ = _along(bar, film.mm(6, 30))
        ring = rng.random() < 0.5
        for spot in spots:
            strokes.append(_Stroke(_ring(spot, wide * 0.22), 0, 1))
            if ring:
                strokes.append(_Stroke(_ring(spot, wide * 0.1), 0, 0.2))
    for _ in range(int(rng.integers(0, 4))):
        y, ends = rng.uniform(0, tall), (uprights[0], uprights[-1] + film.mm(10, 60))
        strokes.append(
            _Stroke(_p((ends[0], y), (ends[1], y + rng.normal(0, 8))), film.mm(4, 14), rng.uniform(0.2, 0.6))
        )
        buckle = _rounded(_p((rng.uniform(*ends), y))[0], (film.mm(14, 30), film.mm(10, 24)), 6)
        strokes += [_Stroke(buckle, film.mm(1.5, 4), 1, is_closed=True), _Stroke(_bar(buckle.mean(axis=0), 14, 90), 2)]
    if rng.random() < 0.4:
        step = film.mm(7, 16)
        for row in range(int(rng.integers(3, 14))):
            for side in (-1, 1):
                strokes.append(_Stroke(_ring(_p((side * step, row * step * 1.3))[0], step * 0.2), step * 0.09, 1, True))
    film.stamp([s._replace(points=_turned(s.points, turn) + at) for s in strokes], amount, 0.25)


def _spring(film: _Film) -> None:
    """A tight helix: springs of expanders and clamps, reinforced tubes, spirals of wire in line or in a bow."""
    rng = film.rng
    line = _wander(rng, film.spot(), rng.uniform(0, 360), film.mm(8, 160), rng.choice([0.1, 2.0]))
    radius, amount = film.mm(0.8, 5), _metal(film)
    pitch = radius * rng.uniform(0.35, 1.6)
    wire = pitch * rng.uniform(0.25, 0.55)
    film.stamp([_Stroke(_wave(line, pitch, radius), wire)], amount, 0.12)


def _circuit(film: _Film, at: Points, size: tuple[float, float], turn: float) -> list[_Stroke]:
    """What shows inside a closed device: battery, boards, rows of pins, bars and dots."""
    rng = film.rng
    w, h = size
    strokes = []
    battery = _rounded(
        _p((0, h * rng.uniform(0.12, 0.28)))[0], (w * rng.uniform(0.6, 0.9), h * rng.uniform(0.25, 0.5)), 4
    )
    strokes += [_Stroke(battery, 0, rng.uniform(0.5, 1)), _Stroke(battery, 0.5, 1, is_closed=True)]
    for _ in range(int(rng.integers(3, 12))):
        place = rng.uniform(-0.38, 0.38, 2) * size * np.array([1, 0.6]) - (0, h * 0.15)
        kind = rng.integers(4)
        if kind == 0:
            box = _box(place, w * rng.uniform(0.05, 0.3), h * rng.uniform(0.04, 0.15))
            strokes += [_Stroke(box, 0, rng.uniform(0, 0.9)), _Stroke(box, 0.4, rng.uniform(0.3, 1), is_closed=True)]
        elif kind == 1:  # pins
            pitch = film.mm(0.9, 2)
            row = [_by(place, pitch * k, 0) for k in range(int(rng.integers(3, 10)))]
            strokes += [_Stroke(_bar(p, film.mm(1, 3), 90), pitch * 0.45, rng.uniform(0.6, 1)) for p in row]
        elif kind == 2:
            strokes.append(_Stroke(_ring(place, film.mm(0.5, 2.2)), film.mm(0.3, 0.9), 1, is_closed=True))
        else:
            strokes.append(
                _Stroke(
                    _bar(place, w * rng.uniform(0.1, 0.5), rng.choice([0, 90])), film.mm(0.4, 1.2), rng.uniform(0, 1)
                )
            )
    return [stroke._replace(points=_turned(stroke.points, turn) + at) for stroke in strokes]


def _pacemaker(film: _Film) -> None:
    """A can with a header, circuitry, and leads into the heart, at times with shock coils."""
    rng = film.rng
    side = rng.choice([-1, 1])
    at = film.anchor(side * 105, -75, 20)
    size = (film.mm(32, 55), film.mm(32, 60))
    turn, amount = rng.normal(0, 30), rng.uniform(40, 130)
    can = _rounded(at, size, rng.uniform(2, 3.6), turn)
    film.stamp([_Stroke(can, 0, rng.uniform(0.3, 0.8)), _Stroke(can, film.mm(0.8, 2), 1, is_closed=True)], amount, 0.2)
    film.stamp(_circuit(film, at, size, turn), amount * rng.uniform(0.3, 1), 0.15)
    header = at + _turned(_p((0, -size[1] * 0.55)), turn)[0]
    block = _rounded(header, (size[0] * 0.8, size[1] * 0.28), 4, turn)
    film.stamp([_Stroke(block)], amount * rng.uniform(0.1, 0.4), 0.3)
    for index in range(int(rng.integers(1, 4))):
        port = header + _turned(_p((size[0] * 0.1, size[1] * 0.08 * (index - 1))), turn)[0]
        pin = [_Stroke(_bar(port, size[0] * 0.5, turn), film.mm(1.5, 3), 0.7)]
        pin += [
            _Stroke(_bar(port + _turned(_p((k, 0)), turn)[0], film.mm(2, 3.5), turn + 90), film.mm(1, 2))
            for k in (-6, 0, 6)
        ]
        film.stamp(pin, amount, 0.2)
        _lead(film, port, amount)


def _lead(film: _Film, start: Points, amount: float) -> None:
    rng = film.rng
    if film.is_frontal and rng.random() < 0.8:
        end = np.array([rng.uniform(-30, 75), rng.uniform(10, 95)])
        mid = np.array([rng.normal(-12, 8), rng.uniform(-95, -50)])
        loop = start + rng.normal(0, 28, (int(rng.integers(0, 4)), 2))
        line = _curve(np.vstack([start, loop, start * 0.5 + mid * 0.5 - (0, 15), mid, _by(mid, 0, 50), end]), 150)
    else:
        line = _wander(rng, start, rng.uniform(0, 360), film.mm(100, 300), 4)
    wide = film.mm(0.9, 1.9)
    film.stamp([_Stroke(line, wide), _Stroke(line, wide * 0.3, 0.6)], amount * rng.uniform(0.4, 0.9), 0.2)
    tip = [_Stroke(line[-4:], wide * 1.8), _Stroke(line[-10:-8], wide * 1.9)]
    if rng.random() < 0.4:  # shock coils
        for begin in (0.3, 0.72):
            coil = line[int(begin * len(line)) : int((begin + 0.18) * len(line)) + 2]
            tip += [_Stroke(coil, wide * 2.2, 0.7), _Stroke(_wave(coil, wide * 0.9, wide), wide * 0.35)]
    film.stamp(tip, amount, 0.2)


def _port(film: _Film) -> None:
    """A venous port: rings in a body, with its catheter."""
    rng = film.rng
    at = film.anchor(rng.choice([-1, 1]) * 85, -85, 18)
    size, amount, turn = film.mm(18, 32), rng.uniform(30, 140), rng.uniform(0, 360)
    body = _rounded(at, (size, size * rng.uniform(0.8, 1.1)), rng.uniform(2, 3.5), turn)
    if rng.random() < 0.3:
        body = _curve(_turned(_p((0, -0.6), (0.55, 0.4), (-0.55, 0.4)) * size, turn) + at, 50, is_closed=True)
    strokes = [
        _Stroke(body, 0, rng.uniform(0.1, 0.5)),
        _Stroke(body, film.mm(0.8, 2), rng.uniform(0.4, 1), is_closed=True),
    ]
    for radius in (0.32, 0.24):
        strokes.append(
            _Stroke(
                _arc(at, (size * radius, size * radius * rng.uniform(0.7, 1))), film.mm(0.6, 2), 0.9, is_closed=True
            )
        )
    strokes += [
        _Stroke(_ring(at + _turned(_p((size * 0.42, 0)), turn + k * 120)[0], film.mm(0.8, 1.8)), 0, 0.0)
        for k in range(3)
    ]
    film.stamp(strokes, amount, 0.2)
    _catheter(film, at + _turned(_p((size / 2, 0)), turn)[0])


def _catheter(film: _Film, start: Points | None = None) -> None:
    """A thin line into a central vein, with or without a visible lumen, ending in a tip."""
    rng = film.rng
    if start is None:
        start = film.anchor(rng.choice([-1, 1]) * rng.uniform(40, 190), rng.uniform(-190, -60), 15)
    if film.is_frontal and rng.random() < 0.75:
        mid = np.array([rng.normal(-15, 6), rng.uniform(-120, -75)])
        line = _curve(
            np.vstack(
                [
                    start,
                    start * 0.4 + mid * 0.6 - (0, rng.uniform(5, 45)),
                    mid,
                    _by(mid, rng.normal(0, 4), rng.uniform(35, 110)),
                ]
            ),
            110,
        )
    else:
        line = _wander(rng, start, rng.uniform(0, 360), film.mm(60, 320), 2.5)
    wide = film.mm(1.0, 3.2)
    film.stamp(_tube(line, wide, rng.uniform(0.3, 1)), rng.uniform(10, 75), 0.2)
    if rng.random() < 0.4:  # hub and wings
        hub = [
            _Stroke(line[:6], wide * 2.5, 0.7),
            _Stroke(_arc(line[3], (wide * 4, wide * 1.5), rng.uniform(0, 180)), 0, 0.5),
        ]
        film.stamp(hub, rng.uniform(10, 60), 0.3)


def _electrodes(film: _Film) -> None:
    """Electrodes of a monitor: pad, snap with a hole, clip, cable; some only the snap."""
    rng = film.rng
    amount, style = rng.uniform(30, 140), rng.integers(4)
    for _ in range(int(rng.integers(1, 8))):
        at, turn = film.spot(), rng.uniform(0, 360)
        pad = _rounded(at, (film.mm(22, 42), film.mm(22, 42)), rng.uniform(2, 4), turn)
        film.stamp([_Stroke(pad, 0, 0.8), _Stroke(pad, 1, 1, is_closed=True)], rng.uniform(1, 14), 0.4)
        size = film.mm(4, 7.5)
        snap = [_Stroke(_ring(at, size), 0, 0.75), _Stroke(_ring(at, size), size * 0.25, 1, is_closed=True)]
        snap.append(_Stroke(_ring(at, size * rng.uniform(0.2, 0.5)), 0, rng.uniform(0.0, 0.4)))
        if style == 1:  # serrated rim
            snap += [_Stroke(_ring(at + _turned(_p((size, 0)), k * 45)[0], size * 0.22)) for k in range(8)]
        out = at + _turned(_p((size * 2.4, 0)), turn)[0]
        if style >= 2:
            clip = _turned(_p((-1, -0.7), (1.6, -0.45), (2.6, 0), (1.6, 0.45), (-1, 0.7)) * size, turn) + at
            snap = [_Stroke(clip, 0, 0.35), _Stroke(clip, size * 0.2, 0.8, is_closed=True), *snap]
            snap += [_Stroke(_wave(np.array([at, out]), size * 0.4, size * 0.25), size * 0.12)]
        film.stamp(snap, amount, 0.25)
        if rng.random() < 0.8:
            wire = _wander(rng, out, turn + rng.normal(0, 25), film.mm(60, 350), 2.0)
            wide = film.mm(1, 2.6)
            film.stamp(_tube(wire, wide, rng.uniform(0.2, 1.6) % 1), rng.uniform(8, 50), 0.2)
            film.stamp([_Stroke(wire[: max(3, len(wire) // 14)], wide * 2.2)], amount * 0.5, 0.3)


def _feeding_tube(film: _Film) -> None:
    """A tube down the gullet: opaque stripe, side holes, dashes, at times a weighted tip."""
    rng = film.rng
    if film.is_frontal:
        knots = _p((rng.normal(0, 6), -280), (rng.normal(0, 5), -100), (rng.normal(4, 4), 40), (18, 95))
        tail = _p((60, 140), (rng.uniform(20, 110), rng.uniform(130, 200)))
        line = _curve(np.vstack([knots, tail]), 160)
    else:
        line = _wander(rng, film.spot(), rng.uniform(0, 360), film.mm(150, 400), 2)
    wide, amount = film.mm(2.5, 5.5), rng.uniform(10, 55)
    film.stamp([_Stroke(_offset(line, wide * 0.2), wide * 0.3)], amount, 0.2)
    film.stamp(_tube(line, wide, 0.3), amount * 0.35, 0.25)
    points, angles = _along(line[-45:], film.mm(5, 14))
    style = rng.integers(4)
    if style == 0:
        film.stamp(
            [_Stroke(_arc(p, (wide * 0.55, wide * 0.3), a)) for p, a in zip(points, angles, strict=True)], -amount, 0.2
        )
    elif style == 1:
        film.stamp(
            [_Stroke(_bar(p, wide, a), wide * 0.5) for p, a in zip(points, angles, strict=True)], amount * 1.5, 0.2
        )
    elif style == 2:
        near, turns = _along(line[-14:], wide * 1.1)
        film.stamp(
            [_Stroke(_rounded(p, (wide, wide * 1.1), 3, a)) for p, a in zip(near, turns, strict=True)],
            _metal(film),
            0.2,
        )
    else:
        film.stamp(
            [_Stroke(_bar(p, wide * 1.4, a + 90), 0.8) for p, a in zip(points, angles, strict=True)], amount, 0.2
        )


def _dashed_tube(film: _Film) -> None:
    """An endotracheal tube with a dashed stripe and a cuff, or one armoured with a spring."""
    rng = film.rng
    top = film.anchor(0, -210, 6)
    line = _curve(np.array([top, _by(top, rng.normal(0, 4), 60), _by(top, rng.normal(0, 6), film.mm(100, 170))]), 70)
    wide, amount = film.mm(8, 13), rng.uniform(8, 40)
    film.stamp([_Stroke(_offset(line, d), 0.9, 0.7) for d in (-wide / 2, wide / 2)], amount, 0.25)
    if rng.random() < 0.35:
        spring = _wave(line, film.mm(1.6, 2.6), wide / 2)
        film.stamp([_Stroke(spring, film.mm(0.35, 0.7))], amount * 1.6, 0.12)
        return
    points, angles = _along(_offset(line, rng.uniform(-0.3, 0.3) * wide), film.mm(3, 8))
    length = film.mm(1.5, 5)
    film.stamp(
        [_Stroke(_bar(p, length, a), film.mm(0.7, 1.6)) for p, a in zip(points, angles, strict=True)], amount * 1.6, 0.2
    )
    if rng.random() < 0.5:
        film.stamp([_Stroke(_arc(line[-15], (wide * 0.8, wide * 1.5)))], -amount * 0.7, 0.8)


def _drain(film: _Film) -> None:
    """A chest drain: two walls, an opaque stripe broken at the holes."""
    rng = film.rng
    side = rng.choice([-1, 1])
    start = film.anchor(side * 165, 60, 25)
    line = _wander(rng, start, 180 - 35 if side > 0 else 35, film.mm(100, 240), 2)
    wide, amount = film.mm(5, 11), rng.uniform(10, 55)
    film.stamp(_tube(line, wide, rng.uniform(0.1, 0.5)), amount * 0.5, 0.25)
    stripe = [_Stroke(line, film.mm(0.8, 2))]
    points, angles = _along(line[-40:], film.mm(9, 18))
    stripe += [_Stroke(_bar(p, film.mm(3, 6), a), wide, 0.0) for p, a in zip(points, angles, strict=True)]
    film.stamp(stripe, amount, 0.2)


def _valves(film: _Film) -> None:
    """Heart valves: sewing ring, struts, discs or a cage; annuloplasty rings; grafts' marker rings."""
    rng = film.rng
    amount = _metal(film)
    for _ in range(int(rng.integers(1, 4))):
        at, size, turn = film.anchor(20, 35, 25), film.mm(8, 17), rng.uniform(0, 180)
        flat = rng.uniform(0.25, 0.95)
        ring = _arc(at, (size, size * flat), turn, 0, 360)
        strokes = [_Stroke(ring, film.mm(0.8, 2.4))]
        kind = rng.integers(4)
        if kind == 0:
            for k in (-0.2, 0.2):
                strokes.append(
                    _Stroke(
                        _bar(at + _turned(_p((0, size * k)), turn)[0], size * 1.6, turn + rng.normal(0, 12)),
                        film.mm(0.8, 1.6),
                        0.8,
                    )
                )
        elif kind == 1:
            for x in (-0.9, 0, 0.9):
                foot = at + _turned(_p((x * size, 0)), turn)[0]
                strokes.append(_Stroke(np.array([foot, foot + _turned(_p((0, -size)), turn)[0]]), film.mm(0.8, 1.6)))
        elif kind == 2:
            for phase in (0, np.pi):  # a woven frame
                mesh = _wave(_bar(at, size * 2, turn), size * 0.55, size * flat * 0.6, phase)
                strokes.append(_Stroke(mesh, film.mm(0.4, 0.8)))
        film.stamp(strokes, amount, 0.25)


def _prosthesis(film: _Film) -> None:
    """A ball on a stem, with cup: shoulder or hip."""
    rng = film.rng
    at = film.anchor(rng.choice([-1, 1]) * 175, -115, 10)
    size, amount = film.mm(18, 26), rng.uniform(90, 220)
    turn = rng.uniform(60, 120)
    stem = np.array([at, at + _turned(_p((film.mm(90, 150), 0)), turn)[0]])
    edge = np.vstack([_offset(stem, np.array([7.0, 2.5])), _offset(stem, np.array([-7.0, -2.5]))[::-1]])
    cup = _arc(_by(at, rng.normal(0, 6), -4), (size * 1.25, size * 1.25), rng.uniform(0, 360), 180, 360)
    film.stamp([_Stroke(_ring(at, size)), _Stroke(edge), _Stroke(cup, film.mm(2, 4))], amount, 0.3)


def _necklace(film: _Film) -> None:
    """A chain of beads or links hanging about the neck, with a pendant."""
    rng = film.rng
    at, half, hang = film.anchor(0, -175, 12), film.mm(40, 85), film.mm(25, 130)
    line = _curve(
        at
        + _p(
            (-half, -30), (-half * 0.75, hang * 0.4), (rng.normal(0, 6), hang), (half * 0.75, hang * 0.4), (half, -30)
        ),
        120,
    )
    line = line + np.cumsum(rng.normal(0, 0.25, line.shape), axis=0)
    size, amount = film.mm(0.5, 3.5), _metal(film)
    points, angles = _along(line, size * rng.uniform(1.6, 3))
    kind = rng.integers(4)
    strokes = []
    for index, (point, angle) in enumerate(zip(points, angles, strict=True)):
        if kind == 0:
            strokes.append(_Stroke(_ring(point, size * rng.uniform(0.6, 0.8))))
        elif kind == 1:
            flat = 0.35 if index % 2 else 0.8
            strokes.append(_Stroke(_arc(point, (size, size * flat), angle), size * 0.35, 1, is_closed=True))
        elif kind == 2:
            strokes.append(_Stroke(_bar(point, size * 1.4, angle + (35 if index % 2 else -35)), size * 0.5))
    if kind == 3:
        strokes = [_Stroke(_wave(line, size * 2, size * 0.5, p), size * 0.3) for p in (0, np.pi)]
    film.stamp(strokes, amount, 0.15)
    if rng.random() < 0.7:
        _pendant(film, line[60], amount)


def _pendant(film: _Film, at: Points, amount: float) -> None:
    rng, size = film.rng, film.mm(4, 13)
    low = _by(at, 0, size)
    shapes = (
        _ring(low, size * 0.8),
        _curve(at + _p((0, 0), (0.6, 1.2), (0, 1.9), (-0.6, 1.2)) * size, 40, is_closed=True),
        _curve(
            at + _p((0, 0.5), (0.6, 0.1), (0.9, 0.7), (0, 1.9), (-0.9, 0.7), (-0.6, 0.1)) * size, 50, is_closed=True
        ),
        _box(low, size, size * 1.4, 45),
    )
    rim = shapes[int(rng.integers(len(shapes)))]
    film.stamp([_Stroke(rim, 0, rng.uniform(0, 0.9)), _Stroke(rim, film.mm(0.5, 1.5), 1, is_closed=True)], amount, 0.2)
    film.stamp([_Stroke(_ring(at, size * 0.2), film.mm(0.4, 0.8), 1, is_closed=True)], amount, 0.2)


def _earrings(film: _Film) -> None:
    rng, amount = film.rng, _metal(film)
    for side in (-1, 1):
        at = film.anchor(side * 70, -200, 10)
        size = film.mm(3, 20)
        hoop = _Stroke(_arc(at, (size * rng.uniform(0.2, 1), size)), film.mm(0.7, 2), 1, is_closed=True)
        stud = [_Stroke(_ring(at, size * 0.3)), _Stroke(_bar(_by(at, size * 0.4, 0), size, 0), 0.8)]
        drop = [_Stroke(_ring(_by(at, 0, k * size * 0.5), size * 0.2)) for k in range(4)]
        film.stamp(([hoop], stud, drop)[int(rng.integers(3))], amount, 0.2)


def _buttons(film: _Film) -> None:
    """A row of buttons with holes, or of press studs on a gown."""
    rng = film.rng
    line = _wander(rng, film.spot(), rng.choice([0, 90]) + rng.normal(0, 15), film.mm(30, 250), 0.3)
    size, amount, holes = film.mm(4, 9), rng.uniform(10, 120), int(rng.choice([0, 1, 2, 4]))
    for point in _along(line, film.mm(30, 75))[0]:
        turn, flat = rng.uniform(0, 90), rng.uniform(0.5, 1)
        rim = _arc(point, (size, size * flat), turn)
        strokes = [_Stroke(rim, 0, 0.6), _Stroke(rim, size * 0.22, 1, is_closed=True)]
        for k in range(holes):
            off = _turned(_p((size * (0 if holes == 1 else 0.3), 0)), turn + k * 360 / holes)[0]
            strokes.append(_Stroke(_ring(point + off, size * (0.35 if holes == 1 else 0.13)), 0, 0.05))
        film.stamp(strokes, amount, 0.2)


def _zip(film: _Film) -> None:
    """Teeth in two rows that mesh, with a slider."""
    rng = film.rng
    line = _wander(rng, film.spot(), 90 + rng.normal(0, 20), film.mm(60, 260), rng.choice([0.05, 0.5]))
    pitch, amount = film.mm(1.6, 3) if rng.random() < 0.5 else film.mm(2.5, 6), rng.uniform(30, 150)
    length, thickness = rng.uniform(1.2, 2.2) / 2 * 1.6, rng.uniform(0.35, 0.6)
    points, angles = _along(line, pitch)
    gap = pitch * rng.uniform(0.4, 1.2)
    strokes = []
    for index, (point, angle) in enumerate(zip(points, angles, strict=True)):
        centre = point + _turned(_p((0, gap * (1 if index % 2 else -1))), angle)[0]
        strokes.append(_Stroke(_bar(centre, pitch * length, angle + 90), pitch * thickness))
    strokes.append(_Stroke(_rounded(points[0], (pitch * 4, pitch * 6), 3, angles[0] + 90), 0, 1))
    strokes.append(
        _Stroke(
            _rounded(points[0] - (0, pitch * 7), (pitch * 2.5, pitch * 8), 3, rng.normal(0, 15)),
            pitch * 0.8,
            1,
            is_closed=True,
        )
    )
    film.stamp(strokes, amount, 0.15)


def _underwear(film: _Film) -> None:
    """Underwires, strap sliders and rings, rows of hooks and eyes."""
    rng, amount = film.rng, _metal(film)
    y = rng.uniform(40, 90)
    if rng.random() < 0.6:
        for side in (-1, 1):
            at = film.anchor(side * 75, y, 6)
            wire = _arc(at, (film.mm(48, 65), film.mm(45, 60)), rng.normal(0, 10), 5, 175)
            film.stamp([_Stroke(wire, film.mm(1, 2.4))], amount, 0.2)
    for side in (-1, 1):
        at, size = film.anchor(side * 75, -110, 18), film.mm(5, 8)
        turn = rng.normal(0, 25)
        kinds = (
            [
                _Stroke(_rounded(at, (size * 2.2, size * 1.6), 6, turn), film.mm(1, 2), 1, is_closed=True),
                _Stroke(_bar(at, size * 2.2, turn), film.mm(1, 2)),
            ],
            [_Stroke(_ring(at, size), film.mm(1, 2), 1, is_closed=True)],
            [_Stroke(_rounded(at, (size * 2, size * 1.2), 2.4, turn), film.mm(1, 2), 1, is_closed=True)],
        )
        film.stamp(kinds[int(rng.integers(3))], amount, 0.2)
    if rng.random() < 0.6:
        at, step = film.anchor(0, y, 10), film.mm(7, 12)
        strokes = []
        for row in range(int(rng.integers(2, 5))):
            for column in range(int(rng.integers(1, 4))):
                place = at + np.array([column * step * 1.4, row * step]) + rng.normal(0, 0.7, 2)
                strokes.append(_Stroke(_arc(place, (step * 0.4, step * 0.22), rng.normal(0, 10)), film.mm(0.6, 1.1)))
                strokes.append(_Stroke(_bar(_by(place, step * 0.5, 0), step * 0.4, 0), film.mm(0.6, 1.1)))
        film.stamp(strokes, amount, 0.2)


def _closure(film: _Film) -> None:
    """What closes a corset, a brace, a shirt: like things in one column or several, at even steps, hooks and eyes."""
    rng = film.rng
    step, count = film.mm(3, 15), int(rng.integers(4, 26))
    upright = rng.choice([90, 90, 90, 0]) + rng.normal(0, 4)
    line = _wander(rng, film.spot(), upright, step * count, float(rng.choice([0, 0.1])))
    columns = int(rng.choice([1, 2, 3], p=[0.35, 0.55, 0.1]))
    apart, size = step * rng.uniform(0.5, 1.8), step * rng.uniform(0.25, 0.85)
    sign, turn = _fastener(rng, size), rng.choice([0, 90, rng.uniform(0, 360)])
    amount, is_staggered, is_loose = _metal(film), rng.random() < 0.2, 0.02 if rng.random() < 0.7 else 0.08
    for column in range(columns):
        side = column - (columns - 1) / 2
        if column and rng.random() < 0.5:
            sign, turn = (_fastener(rng, size), turn) if rng.random() < 0.5 else (sign, turn + 180)
        points, angles = _along(_offset(line, side * apart), step)
        strokes = []
        for point, angle in zip(points, angles, strict=True):
            shift = _p((step / 2 if is_staggered and column % 2 else 0, 0)) + rng.normal(0, is_loose * step, 2)
            at = point + _turned(shift, angle)[0]
            leans = turn + angle + rng.normal(0, 100 * is_loose)
            strokes += [s._replace(points=_turned(s.points, leans) + at) for s in sign]
        film.stamp(strokes, amount, rng.uniform(0.1, 0.4))
    if rng.random() < 0.15:  # the tape they are sewn to
        film.stamp([_Stroke(line, apart * columns + size)], amount * 0.15, 0.4)


def _fastener(rng: np.random.Generator, size: float) -> list[_Stroke]:
    """One of the like things, about the origin: ring, stud, bar, eyelet, hook, clasp."""
    wide, at = size * rng.uniform(0.08, 0.3), np.zeros(2)
    flat = size * rng.uniform(0.4, 1.0)
    bend = _arc(_p((size * 0.2, 0))[0], (size * 0.3, flat * 0.3), 0, -90, 90)
    kinds = (
        [_Stroke(_arc(at, (size / 2, flat / 2)), wide, 1, is_closed=True)],
        [_Stroke(_arc(at, (size / 2, flat / 2)))],
        [_Stroke(_bar(at, size, 0), wide)],
        [_Stroke(_rounded(at, (size, flat), 6), wide if rng.random() < 0.5 else 0, 1, is_closed=True)],
        [_Stroke(np.vstack([_p((-size / 2, -flat * 0.3)), bend, _p((-size * rng.uniform(0, 0.5), flat * 0.3))]), wide)],
        [_Stroke(_arc(at, (size / 2, flat / 2), 0, 30, rng.uniform(200, 330)), wide)],
        [_Stroke(_bar(at, size, 0), wide), _Stroke(_ring(_p((-size / 2, 0))[0], flat * 0.25), wide, 1, is_closed=True)],
        [_Stroke(_bar(_p((0, y * flat))[0], size, 0), wide) for y in (-0.3, 0.3)],
        [_Stroke(_wave(_bar(at, size, 0), size, flat * 0.35), wide)],
    )
    return kinds[int(rng.integers(len(kinds)))]


def _ruler(film: _Film) -> None:
    """A scale without figures along the film: short, longer and longest ticks, perhaps on a line."""
    rng, step = film.rng, film.mm(0.8, 6)
    count = int(rng.integers(15, 120))
    lengths = step * rng.uniform(0.8, 2.5) * np.array([1, rng.uniform(1, 2), rng.uniform(1.3, 3)])
    middle, wide = rng.random() < 0.25, step * rng.uniform(0.08, 0.3)
    strokes = []
    for index in range(count):
        length = lengths[2 if index % 10 == 0 else 1 if index % 5 == 0 else 0]
        x, y = index * step, -length / 2 if middle else 0
        strokes.append(_Stroke(_p((x, y), (x, y + length)), wide))
    if rng.random() < 0.6:
        strokes.append(_Stroke(_p((0, 0), ((count - 1) * step, 0)), wide))
    turn, at = rng.choice([0, 90, 90, 180, 270]) + rng.normal(0, 2), film.spot()
    film.stamp([s._replace(points=_turned(s.points, turn) + at) for s in strokes], _metal(film), rng.uniform(0.05, 0.3))


def _pin(film: _Film) -> None:
    """A safety pin, closed or open, a needle or a hair grip."""
    rng, at, size = film.rng, film.spot(), film.mm(15, 45)
    kind = rng.integers(3)
    lean = rng.uniform(0, 0.25)
    if kind == 0:
        line = _p((1, -0.12 - lean), (0.02, -0.1), (-0.05, 0), (0.02, 0.1), (1, 0.1))
        strokes = [_Stroke(line, 0.03), _Stroke(_ring(_p((-0.05, 0))[0], 0.07), 0.03, 1, is_closed=True)]
        strokes.append(_Stroke(_rounded(_p((1, 0.02))[0], (0.16, 0.3), 3), 0, 0.9))
    elif kind == 1:
        strokes = [
            _Stroke(_p((0, 0), (1, 0)), 0.025),
            _Stroke(_arc(_p((0.04, 0))[0], (0.06, 0.03)), 0.015, 1, is_closed=True),
        ]
    else:
        grip = _wave(_p((0, 0.06), (1, 0.06)), 0.3, 0.03)
        strokes = [
            _Stroke(_curve(np.vstack([_p((1, -0.06), (0.5, -0.05), (0, -0.05), (-0.06, 0)), grip[::8]]), 80), 0.03)
        ]
    turn = rng.uniform(0, 360)
    placed = [s._replace(points=_turned(s.points * size, turn) + at, width_mm=s.width_mm * size) for s in strokes]
    film.stamp(placed, _metal(film), 0.2)


def _key_or_coin(film: _Film) -> None:
    """What lies in a pocket or was swallowed."""
    rng, at, amount = film.rng, film.spot(), _bright_metal(film)
    if rng.random() < 0.5:
        for _ in range(int(rng.integers(1, 4))):
            rim = _arc(at + rng.normal(0, 12, 2), (film.mm(8, 13), film.mm(3, 13)), rng.uniform(0, 180))
            film.stamp([_Stroke(rim, 0, 0.8), _Stroke(rim, 1.2, 1, is_closed=True)], amount, 0.2)
        return
    size, turn = film.mm(6, 10), rng.uniform(0, 360)
    cuts = rng.uniform(0.25, 0.5, 9)
    blade = np.array([(1 + 0.38 * k, cut) for k, cut in enumerate(cuts)])
    blade = np.vstack([_p((0.8, -0.4)), _p((4.4, -0.4)), blade[::-1]])
    strokes = [
        _Stroke(_rounded(_p((0, 0))[0], (2.2, 2.4), 2.5)),
        _Stroke(blade),
        _Stroke(_ring(_p((-0.6, 0))[0], 0.3), 0, 0.1),
    ]
    film.stamp([s._replace(points=_turned(s.points * size, turn) + at) for s in strokes], amount, 0.2)


def _hair(film: _Film) -> None:
    """Braids and strands over neck and shoulders, tied with a band."""
    rng = film.rng
    for _ in range(int(rng.integers(1, 6))):
        line = _wander(rng, film.anchor(rng.normal(0, 50), -230, 15), 90 + rng.normal(0, 20), film.mm(60, 170), 0.9)
        wide = film.mm(3, 10)
        strokes = [_Stroke(_wave(line, wide * 2.4, wide * 0.5, p), wide * 0.45) for p in (0, 2.1, 4.2)]
        film.stamp(strokes, rng.uniform(6, 30), 0.5)
        if rng.random() < 0.4:
            film.stamp([_Stroke(_box(line[-6], wide * 1.6, wide * 0.6))], rng.uniform(20, 120), 0.3)


def _cables(film: _Film) -> None:
    """Cables and hoses across the film, several side by side, with connectors."""
    rng = film.rng
    base, heading = film.spot(), rng.uniform(0, 360)
    for _ in range(int(rng.integers(1, 8))):
        line = _wander(
            rng, base + rng.normal(0, 18, 2), heading + rng.normal(0, 12), film.mm(150, 500), rng.uniform(0.5, 3)
        )
        wide, amount = film.mm(1, 6), rng.uniform(6, 55)
        film.stamp(_tube(line, wide, rng.uniform(0, 1)), amount, rng.uniform(0.2, 0.5))
        if rng.random() < 0.2:  # a corrugated hose
            film.stamp([_Stroke(_wave(line, wide * 1.2, wide), 0.8)], amount * 0.7, 0.3)
        if rng.random() < 0.35:
            at = len(line) // 2
            plug = [
                _Stroke(line[at : at + 3], wide * 2.6, 0.7),
                _Stroke(line[at + 3 : at + 5], wide * 3.4),
                _Stroke(line[at + 5 : at + 8], wide * 1.8),
            ]
            film.stamp(plug, amount * 1.5, 0.3)


def _bed(film: _Film) -> None:
    """Rails, mattress seams, a frame with holes, a plate's edge."""
    rng = film.rng
    turn = rng.choice([0, 90]) + rng.normal(0, 4)
    at = film.spot()
    for _ in range(int(rng.integers(1, 4))):
        place = at + rng.normal(0, 60, 2)
        wide = film.mm(4, 40)
        bar = _bar(place, 900, turn)
        strokes = _tube(bar, wide, rng.uniform(0.3, 0.9))
        if rng.random() < 0.4:
            strokes += [_Stroke(_ring(p, wide * 0.25), 0, 0.1) for p in _along(bar, wide * rng.uniform(1.2, 4))[0]]
        film.stamp(strokes, rng.uniform(4, 90), 0.5)


def _test_pieces(film: _Film) -> None:
    """A lead ruler without figures, a step wedge, a registration cross."""
    rng, at, turn = film.rng, film.spot(), film.rng.choice([0, 90]) + film.rng.normal(0, 5)
    amount = _metal(film)
    kind = rng.integers(3)
    strokes = []
    if kind == 0:
        step = film.mm(1.5, 6)
        for index in range(int(rng.integers(10, 80))):
            long = step * (2.2 if index % 5 == 0 else 1.2)
            strokes.append(_Stroke(_p((index * step, 0), (index * step, long)), step * 0.2))
    elif kind == 1:
        size = film.mm(6, 14)
        for index in range(int(rng.integers(4, 12))):
            strokes.append(_Stroke(_box(_p((index * size, 0))[0], size, size * 2), 0, min(1, 0.1 + 0.1 * index)))
    else:
        size = film.mm(10, 60)
        strokes = [_Stroke(_bar(np.zeros(2), size, a), film.mm(0.4, 1)) for a in (0, 90)]
        strokes.append(_Stroke(_ring(np.zeros(2), size * 0.3), film.mm(0.4, 1), 1, is_closed=True))
    film.stamp([s._replace(points=_turned(s.points, turn) + at) for s in strokes], amount, 0.2)


def _empty_marker(film: _Film) -> None:
    """The holder of a side marker without its letter: plate, frame, ball, bead ring, strips of tape."""
    rng, at, turn = film.rng, film.spot(), film.rng.normal(0, 25)
    size, amount = film.mm(8, 24), rng.uniform(15, 160)
    kind = rng.integers(5)
    if kind == 0:
        strokes = [_Stroke(_ring(at, size * 0.4))]
    elif kind == 1:
        plate = _rounded(at, (size, size * rng.uniform(0.6, 1.6)), 8, turn)
        strokes = [_Stroke(plate, 0, rng.uniform(0.1, 0.5)), _Stroke(plate, 0.8, 0.7, is_closed=True)]
        strokes.append(_Stroke(_ring(at + rng.normal(0, size * 0.2, 2), size * 0.15)))
    elif kind == 2:  # balls in a cup show which way is up
        strokes = [_Stroke(_ring(at, size * 0.5), 1, 0.6, is_closed=True)]
        strokes += [_Stroke(_ring(at + rng.normal(0, size * 0.12, 2) + (0, size * 0.2), size * 0.07)) for _ in range(4)]
    elif kind == 3:
        strokes = [_Stroke(_box(at, size * rng.uniform(1, 3), size * 0.6, turn), 0, 1)]
    else:
        strokes = [_Stroke(_ring(at, size * 0.5)), _Stroke(_ring(at, size * 0.42), 0, 0.2)]
    film.stamp(strokes, amount, 0.3)


def _calcifications(film: _Film) -> None:
    """Granulomas, calcified nodes and vessels, popcorn nodules, pellets."""
    rng, amount = film.rng, film.rng.uniform(15, 130)
    at, spread = film.spot(), rng.uniform(5, 60)
    strokes: list[_Stroke] = []
    for _ in range(int(rng.integers(1, 25))):
        place = at + rng.normal(0, spread, 2)
        strokes.append(_Stroke(_blob(rng, place, rng.uniform(0.5, 3.5) * film.magnified, 0.35), 0, rng.uniform(0.4, 1)))
        if rng.random() < 0.15:
            shell = _blob(rng, place, rng.uniform(2, 8), 0.2)
            strokes.append(_Stroke(shell, rng.uniform(0.6, 1.4), 0.8, is_closed=True))
    if rng.random() < 0.35:  # a vessel's wall, in flecks on both sides
        line = _wander(rng, at, rng.uniform(0, 360), rng.uniform(30, 120), 1.2)
        for side in (-4.0, 4.0):
            points, angles = _along(_offset(line, side * rng.uniform(0.5, 1.5)), rng.uniform(3, 7))
            for p, a in zip(points, angles, strict=True):
                if rng.random() < 0.7:
                    strokes.append(_Stroke(_bar(p, rng.uniform(1, 5), a), rng.uniform(0.6, 1.4), rng.uniform(0.4, 1)))
    film.stamp(strokes, amount, rng.uniform(0.15, 0.5))


def _shrapnel(film: _Film) -> None:
    rng, at = film.rng, film.spot()
    strokes = [
        _Stroke(_blob(rng, at + rng.normal(0, 35, 2), film.mm(0.4, 4), 0.6)) for _ in range(int(rng.integers(2, 40)))
    ]
    film.stamp(strokes, _bright_metal(film), 0.15)


def _contrast_medium(film: _Film) -> None:
    """Barium or iodine left in the bowel, cement in a vertebra: bright irregular casts."""
    rng, at = film.rng, film.anchor(50, 130, 40)
    amount = rng.uniform(40, 160)
    for _ in range(int(rng.integers(1, 8))):
        line = _wander(rng, at + rng.normal(0, 25, 2), rng.uniform(0, 360), rng.uniform(6, 60), 3)
        lumps = [_Stroke(_blob(rng, p, rng.uniform(2, 7), 0.4), 0, rng.uniform(0.4, 1)) for p in line[::3]]
        film.stamp(lumps, amount, 0.5)


def _stimulator(film: _Film) -> None:
    """Contacts of a nerve stimulator, a loop recorder, a marker clip, a balloon's tip: small bright bars."""
    rng, at, turn = film.rng, film.spot(), film.rng.uniform(0, 180)
    amount = _metal(film)
    if rng.random() < 0.5:
        strokes = []
        for row in range(int(rng.integers(1, 4))):
            for index in range(int(rng.integers(3, 9))):
                place = at + _turned(_p((index * film.mm(5, 5.5), row * film.mm(3, 3.3))), turn)[0]
                strokes.append(_Stroke(_bar(place, film.mm(2.8, 3.2), turn), film.mm(1.2, 1.5)))
        film.stamp(strokes, amount, 0.15)
        wire = _wander(rng, at, turn + 180, film.mm(60, 200), 2)
        film.stamp([_Stroke(wire, film.mm(0.8, 1.3))], amount * 0.5, 0.2)
        return
    size = (film.mm(6, 9), film.mm(35, 60))
    body = _rounded(at, size, 5, turn)
    film.stamp([_Stroke(body, 0, 0.4), _Stroke(body, 0.8, 1, is_closed=True)], amount * 0.7, 0.2)
    film.stamp(_circuit(film, at, size, turn), amount * 0.6, 0.15)


def _mask_and_valves(film: _Film) -> None:
    """A breathing mask, its valves and elbows; syringes and pumps: outlines with ribs and threads."""
    rng, at = film.rng, film.anchor(0, -185, 30)
    amount = rng.uniform(6, 45)
    for _ in range(int(rng.integers(1, 5))):
        turn, w, h = rng.uniform(0, 360), film.mm(8, 40), film.mm(5, 18)
        body = _rounded(at, (w, h), 6, turn)
        strokes = [_Stroke(body, 0, 0.35), _Stroke(body, film.mm(0.8, 1.6), 1, is_closed=True)]
        for k in np.arange(-0.4, 0.45, rng.uniform(0.08, 0.25)):
            strokes.append(
                _Stroke(_bar(at + _turned(_p((w * k, 0)), turn)[0], h * rng.uniform(0.9, 1.1), turn + 90), 0.8, 0.8)
            )
        strokes.append(_Stroke(_bar(at + _turned(_p((w * 0.7, 0)), turn)[0], w * 0.6, turn), h * 0.4, 0.5))
        film.stamp(strokes, amount, 0.3)
        at = at + _turned(_p((w, 0)), turn)[0] + rng.normal(0, 10, 2)


def _gown(film: _Film) -> None:
    """Cloth: seams with stitches, creases, a printed pattern of dots or stripes that shows faintly."""
    rng, amount = film.rng, film.rng.uniform(2, 16)
    if rng.random() < 0.5:
        line = _wander(rng, film.spot(), rng.uniform(0, 360), film.mm(80, 300), 0.8)
        points, angles = _along(line, film.mm(2, 5))
        stitches = [_Stroke(_bar(p, film.mm(1.2, 2), a), 0.7) for p, a in zip(points, angles, strict=True)]
        film.stamp([_Stroke(line, film.mm(3, 8), 0.4), *stitches], amount, 0.4)
    at, step = film.spot(), film.mm(4, 16)
    kind, strokes = rng.integers(3), []
    for row in range(int(rng.integers(3, 14))):
        for column in range(int(rng.integers(3, 14))):
            place = (
                at
                + _turned(_p((column * step + row % 2 * step / 2, row * step)), 10)[0]
                + rng.normal(0, step * 0.05, 2)
            )
            shapes = (
                _ring(place, step * 0.2),
                _box(place, step * 0.3, step * 0.3, 45),
                _box(place, step * 0.6, step * 0.12),
            )
            strokes.append(_Stroke(shapes[kind]))
    film.stamp(strokes, amount * 0.6, 0.4)


def _sponge(film: _Film) -> None:
    """The opaque thread or ribbon of a swab, crumpled; threads in dressings."""
    rng, at = film.rng, film.spot()
    wide, amount = film.mm(0.5, 3), rng.uniform(15, 120)
    for _ in range(int(rng.integers(1, 4))):
        line = _wander(rng, at + rng.normal(0, 12, 2), rng.uniform(0, 360), film.mm(40, 200), rng.uniform(5, 12))
        film.stamp(_tube(line, wide, rng.uniform(0.2, 1)), amount, 0.2)


def _small_hand(film: _Film) -> None:
    """A hand of the patient or of someone holding a child."""
    texture = np.zeros_like(film.image)
    _draw_hand(film, film.spot(), film.rng.uniform(0.5, 1.0) * film.magnified, film.rng.uniform(-180, 180), texture)


_DEVICES: tuple[tuple[Callable[[_Film], None], float], ...] = (
    (_sternal_wires, 2.5),
    (_clips, 3.0),
    (_staples, 1.5),
    (_coils, 1.0),
    (_stent, 0.8),
    (_spinal_rods, 0.8),
    (_plate, 0.9),
    (_perforated_plate, 1.8),
    (_mesh, 0.8),
    (_spectacles, 1.2),
    (_orthosis, 1.2),
    (_spring, 1.0),
    (_pacemaker, 2.2),
    (_port, 1.2),
    (_catheter, 2.0),
    (_electrodes, 3.0),
    (_feeding_tube, 1.6),
    (_dashed_tube, 1.3),
    (_drain, 0.9),
    (_valves, 1.0),
    (_prosthesis, 0.4),
    (_necklace, 1.3),
    (_earrings, 0.6),
    (_buttons, 1.2),
    (_zip, 1.5),
    (_underwear, 0.9),
    (_closure, 3.5),
    (_ruler, 1.8),
    (_pin, 0.9),
    (_key_or_coin, 0.7),
    (_hair, 0.6),
    (_cables, 2.2),
    (_bed, 0.7),
    (_test_pieces, 0.8),
    (_empty_marker, 1.4),
    (_calcifications, 2.2),
    (_shrapnel, 0.5),
    (_contrast_medium, 0.6),
    (_stimulator, 0.9),
    (_mask_and_valves, 0.8),
    (_gown, 0.8),
    (_small_hand, 0.25),
    (_sponge, 0.6),
    (_draw_folds, 0.8),
)

_SCENES: tuple[tuple[Callable[[_Film], None], float], ...] = (
    (_draw_frontal, 0.66),
    (_draw_lateral, 0.12),
    (_draw_abdomen, 0.07),
    (_draw_limb, 0.05),
    (_draw_head, 0.04),
    (_draw_blank, 0.04),
    (_draw_phantom, 0.02),
)


def _pick(
    rng: np.random.Generator, options: Sequence[tuple[Callable[[_Film], None], float]], count: int = 1
) -> list[Callable[[_Film], None]]:
    weights = np.array([weight for _, weight in options])
    return [options[int(index)][0] for index in rng.choice(len(options), count, p=weights / weights.sum())]


def _add_devices(film: _Film) -> None:
    rng = film.rng
    count = int(rng.choice([0, 1, 2, 3, 4, 5, 8, 12], p=[0.14, 0.2, 0.2, 0.16, 0.12, 0.08, 0.07, 0.03]))
    for draw in _pick(rng, _DEVICES, count):
        draw(film)


# Exposure, processing, film and detector -----------------------------------------------------------------------------


def _add_noise(rng: np.random.Generator, image: Image, spread: float) -> None:
    """Quantum noise, more of it where more was absorbed, of any correlation."""
    strength = spread * float(
        rng.choice(
            [0, rng.uniform(0.002, 0.01), rng.uniform(0.01, 0.03), rng.uniform(0.03, 0.08)], p=[0.12, 0.4, 0.36, 0.12]
        )
    )
    if strength == 0:
        return
    fine = rng.standard_normal(image.shape, dtype=np.float32)
    sigma = float(rng.choice([0, rng.uniform(0.4, 0.8), rng.uniform(0.8, 2.2)]))
    if sigma:
        fine = _f32(cv2.GaussianBlur(fine, (0, 0), sigma))
        fine *= 1 / max(float(fine[::7, ::7].std()), 1e-3)
    fine *= strength
    if rng.random() < 0.6:
        fine *= np.clip(0.4 + image * (0.8 / max(spread, 1.0)), 0.3, 2.0)
    image += fine
    image += spread * rng.uniform(0, 0.012) * _cloud(rng, image.shape, rng.uniform(2, 12))


def _process(rng: np.random.Generator, image: Image, spread: float) -> Image:
    """What the modality does to the exposure: denoising, edge enhancement with ringing, local contrast."""
    rows, columns = image.shape
    if rng.random() < 0.15:
        image = _f32(cv2.medianBlur(image, int(rng.choice([3, 5]))))
    if rng.random() < 0.15:
        image = _f32(cv2.GaussianBlur(image, (0, 0), rng.uniform(0.6, 2.0)))
    if rng.random() < 0.45:
        sigma = float(np.exp(rng.uniform(np.log(1.2), np.log(max(rows, columns) / 40))))
        detail = image - _blur(image, sigma)
        limit = spread * rng.uniform(0.1, 0.6)
        image = image + rng.uniform(0.4, 2.5) * np.clip(detail, -limit, limit)
    if rng.random() < 0.25:  # wide-range equalisation: anatomy flattened, edges kept
        image = image - rng.uniform(0.3, 0.75) * _blur(image, max(rows, columns) / rng.uniform(8, 25))
    return image


def _expose(rng: np.random.Generator, image: Image) -> Image:
    """Turn densities into grey: window, curve, saturation."""
    few = image[:: max(1, image.shape[0] // 250), :: max(1, image.shape[1] // 250)]
    low, high = np.percentile(few, [rng.uniform(0.2, 4), rng.uniform(93, 99.5)])
    high = max(high, low + 20)
    _add_noise(rng, image, float(high - low))
    image = _process(rng, image, float(high - low))
    few = image[:: max(1, image.shape[0] // 250), :: max(1, image.shape[1] // 250)]
    low, high = np.percentile(few, [1, 98])
    high = max(high, low + 20)
    windows = (
        (rng.uniform(0, 40), rng.uniform(170, 235)),
        (rng.uniform(60, 100), rng.uniform(115, 160)),  # faint
        (rng.uniform(0, 15), rng.uniform(60, 130)),  # dark
        (rng.uniform(70, 140), rng.uniform(225, 262)),  # bright
        (rng.uniform(-90, -10), rng.uniform(260, 380)),  # saturated at both ends
    )
    black, white = windows[int(rng.choice(5, p=[0.5, 0.12, 0.12, 0.14, 0.12]))]
    grey = (image - low) / (high - low)
    if rng.random() < 0.6:
        bend = float(rng.uniform(0.6, 1.6))
        grey = np.where(grey > 0, np.power(np.maximum(grey, 1e-6), bend), grey).astype(np.float32)
    grey = black + (white - black) * grey
    if rng.random() < 0.14:
        grey = _equalise(rng, grey)
    return _f32(np.clip(grey, rng.choice([0, 0, rng.uniform(0, 20)]), rng.uniform(225, 255)))


def _equalise(rng: np.random.Generator, grey: Image) -> Image:
    """Contrast-limited local histogram equalisation."""
    tiles = int(rng.integers(3, 13))
    local = cv2.createCLAHE(float(rng.uniform(1.5, 6)), (tiles, tiles))
    return _f32(local.apply(np.clip(grey * 256, 0, 65535).astype(np.uint16))) / np.float32(256)


def _add_grid(rng: np.random.Generator, image: Image) -> None:
    """Lines of a grid or their aliasing, fading in and out."""
    count = image.shape[int(rng.integers(2))]
    t = np.arange(count, dtype=np.float32)
    line = np.sin(t * 2 * np.pi / rng.uniform(2.05, 14)) * (0.5 + 0.5 * np.sin(t * 2 * np.pi / rng.uniform(80, 900)))
    line = (rng.uniform(0.5, 5) * line).astype(np.float32)
    image += line[:, None] if count == image.shape[0] and rng.random() < 0.5 else np.resize(line, image.shape[1])


def _add_faults(rng: np.random.Generator, image: Image) -> None:
    """Dead lines and pixels of a detector; its tiles slightly apart in gain."""
    rows, columns = image.shape
    for _ in range(int(rng.integers(0, 4))):
        level, wide = rng.uniform(-40, 40), int(rng.integers(1, 3))
        if rng.random() < 0.5:
            row, start = int(rng.integers(rows)), int(rng.integers(columns))
            image[row : row + wide, start if rng.random() < 0.5 else 0 :] += level
        else:
            image[:, (at := int(rng.integers(columns))) : at + wide] += level
    dots = int(rng.integers(0, 60))
    image[rng.integers(0, rows, dots), rng.integers(0, columns, dots)] = rng.choice([0.0, 255.0], dots)
    if rng.random() < 0.3:
        image[:, int(columns * rng.uniform(0.2, 0.8)) :] += rng.uniform(-6, 6)


def _pixels(rng: np.random.Generator, image: Image) -> _Film:
    """The finished picture as a film of its own, a thousand units long."""
    scale = max(image.shape) / 1000
    return _Film(rng, image, np.array([[scale, 0, 0], [0, scale, 0]], np.float64))


def _add_dirt(rng: np.random.Generator, image: Image) -> None:
    """Scratches, hairs, dust and finger marks of a film that was scanned."""
    film = _pixels(rng, image)
    level = float(rng.choice([0, 30, 255, 255]))
    strokes = []
    for _ in range(int(rng.integers(0, 12))):
        line = _wander(rng, film.spot(), rng.uniform(0, 360), float(np.exp(rng.uniform(1.5, 6))), rng.uniform(0, 1.5))
        strokes.append(_Stroke(line, rng.uniform(0.3, 1.4), rng.uniform(0.2, 1)))
    for _ in range(int(rng.integers(0, 60))):
        strokes.append(
            _Stroke(_blob(rng, film.spot(), float(np.exp(rng.uniform(-1, 1.1))), 0.5), 0, rng.uniform(0.3, 1))
        )
    film.paint(strokes, level, rng.uniform(0.1, 0.8), rng.uniform(0.15, 0.9))
    if rng.random() < 0.2:  # discharges of static electricity
        tree = _branches(rng, film.spot(), rng.uniform(0, 360), rng.uniform(1, 4), rng.uniform(20, 120))
        film.paint(tree, level, 0.4, rng.uniform(0.3, 0.9))


def _add_drawings(rng: np.random.Generator, image: Image) -> None:
    """Marks of a viewer or of a teaching file: arrows, rings, frames, rules, dots, crosses, bars; never a sign."""
    film = _pixels(rng, image)
    level = float(rng.choice([255, 255, 255, 0, 180, 90]))
    soft = float(rng.choice([0.0, 0.25, 0.5]))
    for _ in range(int(rng.integers(1, 5))):
        at = film.spot()
        if rng.random() < 0.4:  # towards the borders, where viewers put theirs
            axis = int(rng.integers(2))
            at[axis] = rng.choice([rng.uniform(10, 60), image.shape[1 - axis] * 1000 / max(image.shape) - 40])
        strokes = _drawing(rng, at, float(np.exp(rng.uniform(np.log(8), np.log(110)))))
        if rng.random() < 0.2:
            film.paint([s._replace(width_mm=s.width_mm + 2.2 if s.width_mm else 0) for s in strokes], 255 - level, soft)
        film.paint(strokes, level, soft, rng.choice([1.0, 1.0, 0.6]))


def _drawing(rng: np.random.Generator, at: Points, size: float) -> list[_Stroke]:
    wide, turn = rng.uniform(0.8, 3.5), float(rng.choice([0, 90, 180, 270, rng.uniform(0, 360)]))
    kind = int(rng.integers(9))
    if kind >= 5:
        return _rules(rng, at, (size, wide, turn), kind)
    if kind == 0:  # an arrow, hollow or solid
        head = _turned(_p((0.5, 0), (0.1, -0.3), (0.1, 0.3)) * size, turn) + at
        return [_Stroke(_turned(_p((-0.6, 0), (0.2, 0)) * size, turn) + at, wide * 1.5), _Stroke(head)]
    if kind == 1:
        block = _p((0.5, 0), (0, -0.45), (0, -0.2), (-0.5, -0.2), (-0.5, 0.2), (0, 0.2), (0, 0.45)) * size
        return [_Stroke(_turned(block, turn) + at, wide, 1, is_closed=True)]
    if kind == 2:
        return [_Stroke(_arc(at, (size, size * rng.uniform(0.3, 1)), turn), wide, 1, is_closed=True)]
    if kind == 3:
        return [_Stroke(_box(at, size * 2, size * rng.uniform(0.4, 2)), wide, 1, is_closed=True)]
    # a dotted or dashed line
    points, angles = _along(_bar(at, size * 6, turn), wide * rng.uniform(2, 5))
    dash = wide * rng.uniform(0.8, 2)
    return [_Stroke(_bar(p, dash, a), wide) for p, a in zip(points, angles, strict=True)]


def _rules(rng: np.random.Generator, at: Points, form: tuple[float, float, float], kind: int) -> list[_Stroke]:
    """Scales without figures, cross-hairs, parallel bars, dots."""
    size, wide, turn = form
    if kind == 5:  # a scale without figures
        step, count = size * rng.uniform(0.1, 0.3), int(rng.integers(5, 40))
        ticks = [
            _Stroke(_p((k * step, 0), (k * step, step * (1.6 if k % 5 == 0 else 0.9))), wide * 0.6)
            for k in range(count)
        ]
        ticks.append(_Stroke(_p((0, 0), ((count - 1) * step, 0)), wide * 0.6))
        return [s._replace(points=_turned(s.points, turn) + at) for s in ticks]
    if kind == 6:  # a crosshair with a gap, or a corner to corner line with end ticks
        arms = [_p((0.2, 0), (1, 0)), _p((-0.2, 0), (-1, 0)), _p((0, 0.2), (0, 1)), _p((0, -0.2), (0, -1))]
        return [_Stroke(arm * size + at, wide) for arm in arms]
    if kind == 7:
        gap = size * rng.uniform(0.08, 0.3)
        return [
            _Stroke(_bar(at + _turned(_p((0, k * gap)), turn)[0], size, turn), max(wide, gap * 0.4))
            for k in range(int(rng.integers(4, 10)))
        ]
    return [
        _Stroke(_ring(at + rng.normal(0, size, 2), wide * rng.uniform(0.6, 2.5)))
        for _ in range(int(rng.integers(1, 6)))
    ]


def _tone(rng: np.random.Generator) -> float:
    return float(rng.choice([0, 0, 0, 6, 255, 245, rng.uniform(20, 235)]))


def _collimate(rng: np.random.Generator, image: Image) -> None:
    """Shutters: a turned box, a polygon, a circle or a rounded box, of any tone, with a hard or soft border."""
    rows, columns = image.shape
    small = 4
    corners = _p((0, 0), (1, 0), (1, 1), (0, 1))
    inset = rng.uniform(0, rng.choice([0.05, 0.12, 0.25]), (4, 2)) * np.where(corners > 0.5, -1, 1)
    inset *= rng.choice([0, 1], (4, 2)) if rng.random() < 0.4 else 1
    kind = rng.random()
    outline = corners + inset
    if kind < 0.5:  # parallel sides
        outline = _p((0, 0), (1, 0), (1, 1), (0, 1)) * (1 - rng.uniform(0, 0.2, 2)) - 0.5 + rng.uniform(0, 0.08, 2)
        outline = _turned(outline, rng.choice([0, 0, rng.normal(0, 3)])) + 0.5
    elif kind < 0.58:
        outline = _rounded(np.array([0.5, 0.5]), (rng.uniform(0.8, 1.1), rng.uniform(0.8, 1.1)), rng.uniform(2, 9))
    elif kind < 0.66:
        cut = rng.uniform(0.03, 0.2)
        outline = _p((cut, 0), (1 - cut, 0), (1, cut), (1, 1 - cut), (1 - cut, 1), (cut, 1), (0, 1 - cut), (0, cut))
    soft_px = float(rng.choice([0, rng.uniform(0.5, 2), rng.uniform(2, 25)]))
    factor = small if soft_px > 8 else 1
    mask = np.zeros((-(-rows // factor), -(-columns // factor)), np.uint8)
    px = outline * (columns / factor, rows / factor)
    cv2.fillPoly(mask, [np.rint(px * 16).astype(np.int32)], 255, cv2.LINE_AA, 4)
    share = _f32(mask) / np.float32(255)
    if soft_px:
        share = _f32(cv2.GaussianBlur(share, (0, 0), soft_px / factor * max(rows, columns) / 1500 + 0.2))
    if factor > 1:
        share = _f32(cv2.resize(share, (columns, rows), interpolation=cv2.INTER_LINEAR))
    through = rng.choice([0, 0, rng.uniform(0.05, 0.4)])  # some radiation passes the shutter
    outside = _tone(rng) * (1 - through) + through * image
    image *= share
    image += (1 - share) * outside
    if rng.random() < 0.12:
        edge = [_Stroke(outline * (columns, rows), rng.uniform(1, 5), 1, is_closed=True)]
        _Film(rng, image, np.array([[1, 0, 0], [0, 1, 0]], np.float64)).paint(edge, _tone(rng), 0.5)


def _frame(rng: np.random.Generator, image: Image) -> None:
    """White or black frames and bars, the borders of a scanned film with its blank identity plate and notches."""
    rows, columns = image.shape
    for side in range(4):
        if rng.random() < 0.5:
            wide = int(
                max(rows, columns) * float(rng.choice([0.003, rng.uniform(0.005, 0.03), rng.uniform(0.03, 0.12)]))
            )
            strip = np.rot90(image, side)[: max(1, wide)]
            strip[:] = _tone(rng)
    film = _pixels(rng, image)
    if rng.random() < 0.35:
        size = (rng.uniform(60, 260), rng.uniform(30, 110))
        film.paint(
            [_Stroke(_box(film.spot(), *size, rng.choice([0, 90])))],
            _tone(rng),
            rng.uniform(0.1, 2),
            rng.uniform(0.4, 1),
        )
    if rng.random() < 0.2:
        along = rng.uniform(0, 900)
        notches = [_Stroke(_arc(np.array([along + 22 * k, 0.0]), (5, 5))) for k in range(int(rng.integers(1, 6)))]
        film.paint(notches, _tone(rng), 0.3)


def _stitch(rng: np.random.Generator, image: Image) -> None:
    """Two exposures joined: a step in tone, a shift, a line at the seam."""
    rows, columns = image.shape
    view = image if rng.random() < 0.5 else image.T
    seam = int(view.shape[0] * rng.uniform(0.25, 0.75))
    view[seam:] = np.roll(view[seam:], int(rng.integers(-columns // 20, columns // 20 + 1)), axis=1)
    view[seam:] = np.clip(view[seam:] * rng.uniform(0.75, 1.25) + rng.uniform(-25, 25), 0, 255)
    if rng.random() < 0.5:
        view[seam : seam + int(rng.integers(1, max(2, rows // 80)))] = _tone(rng)


def _finish(rng: np.random.Generator, image: Image) -> None:
    """What lies over the exposed picture."""
    for add, odds in (
        (_add_grid, 0.08),
        (_stitch, 0.03),
        (_add_dirt, 0.1),
        (_collimate, 0.42),
        (_frame, 0.15),
        (_add_drawings, 0.2),
        (_add_faults, 0.08),
    ):
        if rng.random() < odds:
            add(rng, image)


def _size(rng: np.random.Generator, long_side: int) -> tuple[int, int]:
    ratio = float(rng.choice([1.0, 0.82, 0.85, rng.uniform(0.6, 1.0)], p=[0.3, 0.25, 0.2, 0.25]))
    short = max(16, round(long_side * ratio))
    return (long_side, short) if rng.random() < 0.55 else (short, long_side)


def _view(rng: np.random.Generator, rows: int, columns: int) -> Points:
    """Where the patient lies on the film: field of view, turn, shift, mirroring."""
    field = float(
        rng.choice([rng.uniform(320, 430), rng.uniform(260, 330), rng.uniform(110, 260)], p=[0.6, 0.25, 0.15])
    )
    scale = max(rows, columns) / field
    turn = float(rng.choice([rng.normal(0, 2.5), rng.normal(0, 9), rng.choice([90, 180, 270])], p=[0.8, 0.17, 0.03]))
    c, s = np.cos(np.radians(turn)) * scale, np.sin(np.radians(turn)) * scale
    mirror = rng.choice([-1, 1], p=[0.25, 0.75])
    spread = np.array([20, 25]) if field > 270 else np.array([70, 80])
    away = rng.normal(0, 1, 2) * spread + (0, -10)
    linear = np.array([[c * mirror, -s], [s * mirror, c]])
    shift = np.array([columns, rows]) / 2 - linear @ away
    return np.column_stack([linear, shift])


def draw_background(rng: np.random.Generator, long_side: int) -> Image:
    """A synthetic radiograph without text: (rows, columns), grey 0 to 255, bright where dense."""
    rows, columns = _size(rng, long_side)
    reduced = min(1.0, float(rng.uniform(600, 1000) * max(1.0, (long_side / 1200) ** 0.7)) / long_side)
    small = max(8, round(rows * reduced)), max(8, round(columns * reduced))
    matrix = _view(rng, rows, columns)
    magnified = float(rng.choice([rng.uniform(0.8, 1.3), rng.uniform(1.3, 2.4)], p=[0.8, 0.2]))
    soft = _Film(rng, np.zeros(small, np.float32), matrix * reduced, magnified=magnified)
    _pick(rng, _SCENES)[0](soft)
    soft.image += rng.uniform(0, 4) * _cloud(rng, small, max(small) / 15)
    image = _f32(cv2.resize(soft.image, (columns, rows), interpolation=cv2.INTER_CUBIC))
    film = _Film(rng, image, matrix, soft.is_frontal, magnified)
    _add_devices(film)
    if rng.random() < 0.5:
        film.image = _blur(film.image, rng.uniform(0.3, 0.9) * max(1.0, long_side / 1300))
    grey = _expose(rng, film.image)
    _finish(rng, grey)
    return np.clip(grey, 0, 255).astype(np.float32)
