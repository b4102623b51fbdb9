"""Draws bones and vessels, which the frontal and the lateral phantom share, onto thickness maps.

It takes a `Body` and a projection (which of x and z runs to the right) and gives bone in cm of cortical bone and
vessels in cm of blood. Where they lie is decided by `anatomy`, the rest of the picture by the phantoms.
"""

from collections.abc import Sequence

import numpy as np

from cxr_core.demo.anatomy import Body, Curve3, ribs
from cxr_core.demo.canvas import Canvas, Plane, Points, smooth_curve

_CORTEX_CM = 0.16
_SPONGE_CM = 0.10


def tube(canvas: Canvas, paths: Sequence[Points], width_cm: float) -> Plane:
    """Draw hollow bones: cortex bright along both edges, sponge between them."""
    outer = canvas.strokes(paths, width_cm)
    inner = canvas.blur(canvas.strokes(paths, width_cm * 0.68), 0.07)
    return np.asarray(outer * (_CORTEX_CM + _SPONGE_CM) - inner * _CORTEX_CM * 0.75, np.float32)


def draw_ribs(canvas: Canvas, body: Body, *, horizontal: int) -> Plane:
    """Draw all ribs, projected along x or z.

    Parameters
    ----------
    canvas : Canvas
        Grid of the map.
    body : Body
        Whose ribs.
    horizontal : int
        Column of the curves that runs across the picture: 0 (x, frontal) or 2 (z, lateral, front to the left).
    """
    bone = canvas.empty()
    width = 1.2 * body.height
    for side in (-1, 1):
        curves = ribs(body, side)
        split = 26 if horizontal == 0 else 44  # from the front, the rear half lies flat and shows more
        bone += tube(canvas, [_flat(curve[:split], horizontal) for curve in curves], width) * np.float32(1.7)
        if horizontal == 0:
            bone += tube(canvas, [_flat(curve[split - 1 :], horizontal) for curve in curves], width * 1.1)
    return bone * np.float32(body.bone)


def _flat(curve: Curve3, horizontal: int) -> Points:
    mirrored = -1 if horizontal == 2 else 1  # the front of a lateral looks to the left
    return np.asarray(curve[:, [horizontal, 1]] * (mirrored, 1), np.float64)


def draw_vessels(canvas: Canvas, generations: Sequence[tuple[float, Points]]) -> Plane:
    """Draw vessel trees (see `anatomy.vessel_tree`); a vessel is as thick as it is wide."""
    blood = canvas.empty()
    for width, paths in generations:
        blood += canvas.blur(canvas.strokes(paths, width), max(0.05, width / 4)) * np.float32(width * 1.5)
    return blood


def box_outline(x: float, y: float, *, width: float, height: float, waist: float) -> Points:
    """Give the outline of a vertebral body: a box with a waist, centred on (x, y)."""
    w, h = width / 2, height / 2
    corners = [(-w, -h), (0, -h * 0.93), (w, -h), (w * waist, 0), (w, h), (0, h * 0.93), (-w, h), (-w * waist, 0)]
    return smooth_curve([(x + dx, y + dy) for dx, dy in corners], closed=True, steps=5)
