"""Draws the chest from the side: one lung field over the other, heart in front, spine behind.

It takes a `Body` and the findings of the study and gives thickness maps with the front of the patient to the left of
the picture (z runs to the left). Devices are left to `devices`, the radiograph to `exposure`.
"""

import cv2
import numpy as np

from cxr_core.demo.anatomy import Body, Findings, vertebrae, vessel_tree
from cxr_core.demo.canvas import Canvas, Plane, Points, smooth_curve
from cxr_core.demo.exposure import Thickness
from cxr_core.demo.skeleton import box_outline, draw_ribs, draw_vessels, tube

# Outlines in cm with the front of the body at negative x; the spine lies near x = +7.
_LUNG = (
    (3.6, 4.4), (1.2, 5.4), (-1.4, 7.8), (-4.6, 10.0), (-7.4, 13.2), (-9.0, 17.5), (-9.6, 22.5), (-9.5, 27.2),
    (-7.0, 26.6), (-3.0, 25.6), (1.0, 26.0), (4.6, 28.0), (7.4, 31.0), (9.6, 33.6), (10.4, 31.5), (10.8, 26.0),
    (10.7, 20.0), (9.8, 13.0), (8.0, 7.4), (6.2, 4.8),
)  # fmt: skip
_HEART = (
    (-2.2, 16.6), (-5.2, 17.8), (-7.6, 20.4), (-9.0, 23.6), (-9.2, 27.0), (-6.0, 28.2), (-1.5, 28.0), (1.9, 27.2),
    (3.2, 24.6), (3.0, 21.4), (1.8, 18.4), (0.0, 16.6),
)  # fmt: skip
_ARCH = ((-3.4, 17.0), (-3.6, 14.4), (-2.2, 12.0), (0.4, 11.2), (3.0, 12.4), (4.6, 15.0), (5.6, 20.0), (6.0, 30.0))


def draw_lateral(canvas: Canvas, body: Body, findings: Findings) -> Thickness:
    """Draw a lateral chest, front to the left.

    Parameters
    ----------
    canvas : Canvas
        x = 0 midway between sternum and spine, y = 0 at the chin.
    body : Body
        Whose chest; the heart already scaled to the findings.
    findings : Findings
        What the lungs show.
    """
    rng = np.random.default_rng(body.vessel_seed + 1)
    lung = canvas.blur(canvas.area(_scaled(smooth_curve(_LUNG, closed=True), body)), 0.1)
    air = _air(canvas, body, lung)
    air = _with_findings(canvas, air, findings)
    tree = vessel_tree(rng, (1.0 * body.depth, 17.8 * body.height), spread=(-0.9, 4.2))
    hilum = 2.2 * canvas.ball(0.4 * body.depth, 18.0 * body.height, 2.0, 2.3)
    air -= (draw_vessels(canvas, tree) * np.float32(2.0) + canvas.blur(hilum, 0.4)) * lung
    soft = _torso(canvas, body) - np.maximum(air, 0) - _trachea(canvas, body)
    soft += _behind(canvas, body)
    bone = draw_ribs(canvas, body, horizontal=2) * np.float32(0.7) + _spine(canvas, body) + _sternum(canvas, body)
    return Thickness(np.maximum(soft, np.float32(0)), bone, canvas.empty())


def _scaled(points: Points, body: Body) -> Points:
    bent = points + np.stack([_bend(body, points[:, 1]) * (points[:, 0] > 4), np.zeros(len(points))], axis=1)
    return np.asarray(bent * (body.depth, body.height), np.float64)


def _bend(body: Body, y: Points) -> Points:
    """Give how far the spine bends back at heights y."""
    return np.asarray((body.kyphosis_cm - 1.5) * np.sin(np.pi * np.clip((y - 4) / 30, 0, 1)) * 0.8, np.float64)


def _air(canvas: Canvas, body: Body, lung: Plane) -> Plane:
    inside = cv2.distanceTransform((lung > 0.5).astype(np.uint8), cv2.DIST_L2, 5) / np.float32(canvas.px_per_cm)
    air = lung * (np.float32(3.0) + np.float32(14.0) * (1 - np.exp(-inside / np.float32(3.2))))
    centre = np.array([-3.0, 25.0])
    grown = centre + (smooth_curve(_HEART, closed=True) - centre) * (body.heart, 0.5 + 0.5 * body.heart)
    heart = canvas.blur(canvas.area(np.minimum(grown, [99.0, 28.4]) * (body.depth, body.height)), 0.3)
    arch = canvas.blur(canvas.strokes([smooth_curve(_ARCH, closed=False) * (body.depth, body.height)], 2.3), 0.25)
    upper = np.clip((11.5 * body.height - canvas.y_cm()) / 6, 0, 1)  # shoulders hide the apices
    return np.asarray(air * (1 - 0.5 * heart) * (1 - 0.2 * arch) * (1 - 0.6 * upper) * body.width, np.float32)


def _with_findings(canvas: Canvas, air: Plane, findings: Findings) -> Plane:
    filled = canvas.empty()
    if findings.effusion_left or findings.effusion_right:
        level = 29.2 - 3.0 * np.clip((canvas.x_cm() - 4) / 6, 0, 1) ** 2
        filled += 0.8 / (1 + np.exp(-(canvas.y_cm() - level) / 0.4))
    if findings.consolidation:
        filled += 0.5 * canvas.ball(5.0, 23.5, 3.6, 3.6)
    if findings.edema:
        filled += 0.3 * canvas.ball(1.0, 19.0, 7.0, 8.0)
    if findings.nodule:
        filled += 0.2 * canvas.ball(3.4, 12.6, 1.1, 1.1)
    return np.asarray(air * (1 - np.clip(filled, 0, 0.95)), np.float32)


def _torso(canvas: Canvas, body: Body) -> Plane:
    """Give the thickness of the body from side to side: trunk, raised arms, neck."""
    x, y = canvas.x_cm() / np.float32(body.depth), canvas.y_cm() / np.float32(body.height)
    pad = np.float32(body.padding_cm / 2)
    heights = [-4, 0, 5, 10, 16, 22, 28, 36, 45]
    front = np.interp(y, heights, [-3.0, -3.6, -5.6, -8.6, -10.6, -11.6, -11.8, -11.6, -11.5]) - pad
    front -= body.breast_cm * 1.3 * np.exp(-(((y - 22) / 5) ** 2))
    back = np.interp(y, heights, [8.0, 9.0, 11.0, 12.6, 13.4, 13.6, 13.2, 12.2, 12.0]) + pad
    back += _bend(body, np.asarray(y, np.float64)) * 0.9
    middle, half = (front + back) / 2, (back - front) / 2
    across = np.sqrt(np.clip(1 - (np.abs(x - middle) / half) ** 3.2, 0, 1))
    trunk = across * np.interp(y, heights, [10, 12, 20, 27, 29.5, 30, 30, 30, 30]) * body.width
    arm = 7.0 * np.sqrt(np.clip(1 - ((x + 1.0 - 0.45 * (6 - y)) / 5.0) ** 2, 0, 1)) * np.clip((13 - y) / 5, 0, 1)
    return canvas.blur(np.asarray(trunk + arm, np.float32), 0.2)


def _trachea(canvas: Canvas, body: Body) -> Plane:
    column = np.array([[0.4, -4.0], [1.2, 7.0], [2.2, 16.0]]) * (body.depth, body.height)
    rings = canvas.ball(2.4 * body.depth, 17.2 * body.height, 0.8, 0.8)
    return canvas.blur(canvas.strokes([column], 1.7 * body.depth) * np.float32(2.6) + rings, 0.15)


def _behind(canvas: Canvas, body: Body) -> Plane:
    """Give the second half of the diaphragm, a little lower, as a faint further edge."""
    dome = [(-9.4, 28.4), (-6.0, 27.4), (-2.0, 27.0), (2.0, 27.8), (5.4, 30.0), (8.6, 33.8), (8.6, 44.0), (-9.4, 44.0)]
    return canvas.blur(canvas.area(smooth_curve(dome, closed=True) * (body.depth, body.height)), 0.1) * np.float32(1.5)


def _spine(canvas: Canvas, body: Body) -> Plane:
    blocks, arches = [], []
    for _, y, _, height in vertebrae(body):
        level = y / body.height
        bend = float(_bend(body, np.array([level]))[0])
        x = (7.0 + 1.0 * np.sin(np.pi * np.clip((level - 2) / 30, 0, 1)) + bend) * body.depth
        width = (2.1 + 0.035 * max(y, 0)) * body.depth
        blocks.append(box_outline(x, y, width=width, height=height, waist=0.88))
        back = x + width * 0.5
        arches.append(np.array([[back, y - 0.3], [back + 1.0, y + 0.2], [back + 2.9, y + 1.6]]))
    area = canvas.area(*blocks)
    bone = canvas.blur(area, 0.06) * np.float32(0.45)
    bone += np.clip(canvas.blur(area, 0.05) - canvas.blur(area, 0.3), 0, 1) * np.float32(0.7)
    return (bone + tube(canvas, arches, 0.8) * np.float32(0.8)) * np.float32(body.bone)


def _sternum(canvas: Canvas, body: Body) -> Plane:
    scale = (body.depth, body.height)
    plate = smooth_curve([(-5.4, 9.0), (-7.4, 12.0), (-9.4, 17.0), (-10.5, 23.0), (-10.6, 26.0)], closed=False)
    scapula = [smooth_curve([(8.0, 3.0), (10.6, 8.0), (11.6, 13.0), (11.0, 17.0)], closed=False) * scale]
    head = canvas.ball(1.6 * body.depth, 3.2 * body.height, 2.3, 2.3) * np.float32(0.5)
    return tube(canvas, [plate * scale], 1.0) * np.float32(1.5) + tube(canvas, scapula, 0.7) + head
