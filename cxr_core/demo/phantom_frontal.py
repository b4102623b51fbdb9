"""Draws the chest from the front: soft tissue, lungs, heart, mediastinum, diaphragm, bones.

It takes a `Body`, the findings of the study and whether the tube stood in front (AP, arms down) and gives thickness
maps, the patient's right at the left of the picture. Devices are left to `devices`, the radiograph to `exposure`.
"""

import cv2
import numpy as np

from cxr_core.demo.anatomy import Body, Findings, vertebrae, vessel_tree
from cxr_core.demo.canvas import Canvas, Plane, Points, smooth_curve
from cxr_core.demo.exposure import Thickness
from cxr_core.demo.skeleton import box_outline, draw_ribs, draw_vessels, tube

_LUNG = (
    (-2.0, 9.0), (-2.6, 6.6), (-4.0, 5.0), (-5.8, 4.6), (-7.8, 5.9), (-9.6, 9.0), (-11.2, 13.5), (-12.3, 19.0),
    (-12.9, 25.0), (-13.1, 30.4), (-12.7, 31.2), (-11.0, 28.6), (-8.6, 27.0), (-6.0, 26.6), (-3.8, 27.4),
    (-2.2, 28.6), (-2.0, 24.0), (-2.0, 18.0), (-1.8, 13.0),
)  # fmt: skip
_HEART = (
    (-1.6, 16.5), (-2.9, 19.0), (-3.9, 22.0), (-4.1, 25.0), (-3.4, 28.0), (-1.0, 29.8), (3.0, 30.0), (6.8, 29.4),
    (8.4, 28.0), (8.3, 25.6), (7.2, 22.8), (5.6, 19.8), (4.2, 17.6), (3.4, 15.8), (1.6, 14.8),
)  # fmt: skip
_MEDIASTINUM = (
    (-1.9, -1.0), (-2.3, 3.5), (-2.5, 8.0), (-2.5, 13.0), (-2.7, 18.0), (-2.4, 30.0), (2.4, 30.0), (3.0, 18.5),
    (3.1, 15.8), (2.5, 11.0), (2.4, 7.5), (2.5, 3.5), (1.9, -1.0),
)  # fmt: skip


def draw_frontal(canvas: Canvas, body: Body, findings: Findings, *, is_ap: bool) -> Thickness:
    """Draw a frontal chest.

    Parameters
    ----------
    canvas : Canvas
        x = 0 on the midline, y = 0 at the chin.
    body : Body
        Whose chest; the heart already scaled to the findings.
    findings : Findings
        What the lungs show.
    is_ap : bool
        Taken from the front: heart larger, scapulae over the lungs, shallower breath.
    """
    breath = 0.93 if is_ap else 1.0
    lungs = [_lung(canvas, body, side, breath=breath) for side in (-1, 1)]
    heart = _heart(canvas, body, scale=1.1 if is_ap else 1.0, breath=breath)
    air = _air(canvas, lungs, heart, body)
    rng = np.random.default_rng(body.vessel_seed)
    air = _with_lung_findings(canvas, air, findings, rng)
    air -= _vessels(canvas, body, lungs, rng, edema=findings.edema)
    soft = _torso(canvas, body, is_ap=is_ap) + _breasts(canvas, body) - np.maximum(air, 0) - _airway(canvas, body)
    soft -= _gas(canvas, body, rng)
    bone = draw_ribs(canvas, body, horizontal=0) + _spine(canvas, body) + _girdle(canvas, body, is_ap=is_ap)
    return Thickness(np.maximum(soft, np.float32(0)), bone, canvas.empty())


def _scaled(points: Points, body: Body, *, breath: float = 1.0, side: int = -1) -> Points:
    return points * (body.width * -side, body.height * breath)


def _lung(canvas: Canvas, body: Body, side: int, *, breath: float) -> Plane:
    outline = smooth_curve(_LUNG, closed=True)
    if side > 0:  # the left half of the diaphragm stands lower, the left lung is a little narrower
        outline = outline + np.where(outline[:, 1:] > 24, [[0.0, 1.0]], 0.0)
    return canvas.blur(canvas.area(_scaled(outline, body, breath=breath, side=side)), 0.08)


def _heart(canvas: Canvas, body: Body, *, scale: float, breath: float) -> Plane:
    outline = smooth_curve(_HEART, closed=True)
    centre = np.array([0.3, 24.0])
    grown = centre + (outline - centre) * (body.heart * scale, 0.55 + 0.45 * body.heart * scale)
    grown = np.minimum(grown, [99.0, 31.0])
    return canvas.blur(canvas.area(grown * (body.width, body.height * breath)), 0.18)


def _air(canvas: Canvas, lungs: list[Plane], heart: Plane, body: Body) -> Plane:
    """Give the tissue that the lungs replace, in cm: deep in the middle, nothing at the edge or before the heart."""
    knob = canvas.ball(2.5 * body.width * body.aorta**0.5, 13.4 * body.height, 1.7 * body.aorta, 1.9 * body.aorta)
    middle = canvas.blur(canvas.area(smooth_curve(_MEDIASTINUM, closed=True) * (body.width, body.height)), 0.25)
    hidden = 1 - (1 - 0.62 * heart) * (1 - 0.45 * knob) * (1 - 0.7 * middle)
    air = canvas.empty()
    for lung in lungs:
        inside = cv2.distanceTransform((lung > 0.5).astype(np.uint8), cv2.DIST_L2, 5) / np.float32(canvas.px_per_cm)
        air += lung * (np.float32(2.2) + np.float32(11.3) * (1 - np.exp(-inside / np.float32(2.2))))
    taper = np.clip(0.66 + (canvas.y_cm() / body.height - 4.5) / 34, 0.5, 1.12)
    return np.asarray(canvas.blur(air, 0.05) * (1 - hidden) * taper * body.depth, np.float32)


def _with_lung_findings(canvas: Canvas, air: Plane, findings: Findings, rng: np.random.Generator) -> Plane:
    side = findings.consolidation_side
    filled = canvas.empty()
    texture = canvas.blur(rng.standard_normal((canvas.rows, canvas.columns)).astype(np.float32), 0.35)
    texture = np.clip(1 + texture / max(float(texture.std()), 1e-6) * 0.22, 0.3, 1.7)
    if findings.consolidation:
        filled += 0.75 * canvas.ball(side * 7.2, 22.5, 4.6, 4.0) ** 1.5 * texture
    if findings.edema:
        filled += 0.42 * (canvas.ball(-5.5, 19, 6.5, 9) + canvas.ball(5.5, 19, 6.5, 9)) * texture**0.8
    if findings.atelectasis:
        bands = [np.array([[side * 4.5, 26.0], [side * 8.0, 24.9], [side * 11.5, 25.3]])]
        filled += 0.3 * canvas.blur(canvas.strokes(bands, 0.4), 0.12)
        filled += 0.35 * canvas.ball(side * 6.5, 27.0, 5, 2.2)
    if findings.nodule:
        filled += 0.16 * canvas.ball(side * -7.6, 12.6, 1.1, 1.0)
    for has, x in ((findings.effusion_right, -1), (findings.effusion_left, 1)):
        if has:
            filled += _fluid(canvas, x)
    return np.asarray(air * (1 - np.clip(filled, 0, 0.96)), np.float32)


def _fluid(canvas: Canvas, side: int) -> Plane:
    """Give the share of lung replaced by an effusion: it climbs along the chest wall."""
    lateral = np.clip(side * canvas.x_cm() / 13.0, 0, 1.1)
    level = 27.8 - 5.2 * lateral**3
    return np.asarray(1 / (1 + np.exp(-(canvas.y_cm() - level) / 0.45)) * (side * canvas.x_cm() > 0), np.float32)


def _vessels(canvas: Canvas, body: Body, lungs: list[Plane], rng: np.random.Generator, *, edema: bool) -> Plane:
    right = vessel_tree(rng, (-3.0 * body.width, 17.6 * body.height), spread=(1.75, 4.3))
    left = vessel_tree(rng, (3.2 * body.width, 16.8 * body.height), spread=(-1.15, 1.4))
    hila = 1.5 * canvas.ball(-3.6 * body.width, 18.2 * body.height, 1.5, 2.4)
    hila += 1.5 * canvas.ball(3.9 * body.width, 17.0 * body.height, 1.4, 2.1)
    within = np.maximum(lungs[0], lungs[1])
    blood = draw_vessels(canvas, right + left) + canvas.blur(hila, 0.3)
    return np.asarray(blood * within * (2.0 if edema else 1.45), np.float32)


def _torso(canvas: Canvas, body: Body, *, is_ap: bool) -> Plane:
    """Give the thickness of the body without its lungs: trunk, shoulders and arms, neck."""
    x, y = np.abs(canvas.x_cm()), canvas.y_cm() / np.float32(body.height)
    flank = np.interp(y, [0, 6, 12, 22, 32, 45], [10, 13.5, 14.6, 14.9, 14.9, 15.0]) * body.width + body.padding_cm
    trunk = np.sqrt(np.clip(1 - (x / flank) ** 4, 0, 1)) * np.interp(y, [-2, 3, 10, 20, 40], [9, 12, 18, 21, 22])
    trunk = trunk * body.depth + 0.8 * body.padding_cm * (trunk > 0)
    edge = np.interp(x, [0, 3.8, 5.6, 8, 13, 17, 20.5, 23], [-9, -6, 0.6, 2.6, 4.2, 5.4, 8.2, 14]) * body.width
    shoulders = 12.5 * np.clip((y - edge) / 5.0, 0, 1) ** 0.5 * np.clip((24 * body.width - x) / 3, 0, 1) ** 0.5
    arm_x = (17.6 if is_ap else 21.5) * body.width + body.padding_cm
    arm = 8.5 * np.sqrt(np.clip(1 - ((x - arm_x - 0.09 * y) / 4.6) ** 2, 0, 1)) * np.clip((y - edge) / 3, 0, 1)
    below = np.clip((y - 7) / 9, 0, 1)
    upper = np.maximum(trunk * np.clip((y - edge) / 1.5, 0, 1), shoulders * (1 - below))
    neck = 10.5 * np.sqrt(np.clip(1 - (x / (5.4 * body.width)) ** 2, 0, 1)) * np.clip((9 - y) / 4, 0, 1)
    whole = np.maximum(np.maximum(upper, neck), arm)
    return canvas.blur(np.asarray(whole, np.float32), 0.25)


def _breasts(canvas: Canvas, body: Body) -> Plane:
    both = canvas.empty()
    for side in (-1, 1):
        shape = canvas.ball(side * 7.6 * body.width, 24.0 * body.height, 6.2, 6.4)
        lower = np.clip((canvas.y_cm() - 14 * body.height) / 7, 0, 1)
        both += shape**0.8 * lower
    return canvas.blur(both * np.float32(body.breast_cm), 0.2)


def _airway(canvas: Canvas, body: Body) -> Plane:
    """Give the air of trachea and main bronchi."""
    w, h = body.width, body.height
    trachea = canvas.strokes([np.array([[0.1, -4.0], [0.15 * w, 8 * h], [-0.25 * w, 15.0 * h]])], 1.75 * w)
    bronchi = canvas.strokes(
        [
            np.array([[-0.25, 14.6], [-2.9, 17.4]]) * (w, h),
            np.array([[-0.2, 14.6], [3.6, 17.3]]) * (w, h),
        ],
        1.15 * w,
    )
    return canvas.blur(trachea * np.float32(2.3) + bronchi * np.float32(1.0), 0.16)


def _gas(canvas: Canvas, body: Body, rng: np.random.Generator) -> Plane:
    """Give the gas in the stomach and colon below the left diaphragm."""
    gas = canvas.empty()
    for x, y, rx, ry in ((6.2, 31.8, 2.8, 1.5), (10.2, 33.6, 1.8, 2.0), (4.0, 36.5, 3.6, 1.6)):
        shift = rng.uniform(-0.6, 0.6, 2)
        gas += 3.6 * canvas.ball(x * body.width + shift[0], y * body.height + shift[1], rx, ry)
    return canvas.blur(gas, 0.2)


def _spine(canvas: Canvas, body: Body) -> Plane:
    blocks, pedicles, spines, wings = [], [], [], []
    for x, y, _, height in vertebrae(body):
        width = (2.5 + 0.045 * y) * body.width
        blocks.append(box_outline(x, y, width=width, height=height, waist=0.9))
        spines.append(np.array([[x, y + 0.6], [x, y + 1.3]]))
        for s in (-1, 1):
            pedicles.append(np.array([[x + s * width * 0.33, y - 0.25], [x + s * width * 0.33, y + 0.15]]))
            wings.append(np.array([[x + s * width * 0.4, y], [x + s * (width * 0.5 + 1.6), y - 0.5]]))
    bone = canvas.blur(canvas.area(*blocks), 0.07) * np.float32(0.5)
    bone += tube(canvas, pedicles, 0.65) * np.float32(0.8)
    bone += tube(canvas, spines, 0.55) * np.float32(1.1) + tube(canvas, wings, 0.9) * np.float32(0.5)
    return bone * np.float32(body.bone)


def _girdle(canvas: Canvas, body: Body, *, is_ap: bool) -> Plane:
    """Give clavicles, scapulae and the heads of the humeri."""
    lift = -1.2 if is_ap else 0.0
    edge = 11.2 if is_ap else 13.4
    clavicle = smooth_curve(
        [(1.6, 8.4), (3.0, 8.1), (5.6, 7.5), (9.0, 6.0), (12.0, 4.9), (15.6, 4.8)], closed=False
    ) + np.array([0.0, lift])
    blade = smooth_curve(
        [(edge + 3.2, 4.2), (edge + 1.0, 6.5), (edge, 11), (edge + 0.8, 16), (edge + 2.2, 19.5),
         (edge + 3.6, 14), (edge + 4.8, 8.5), (edge + 5.2, 5.4)], closed=True,
    )  # fmt: skip
    shaft = np.array([[18.7, 6.8 + lift], [20.3, 20.0], [21.2, 40.0]])
    sides = [np.array([side * body.width, body.height]) for side in (-1, 1)]
    bone = tube(canvas, [clavicle * side for side in sides], 1.3 * body.width) * np.float32(2.4)
    bone += canvas.blur(canvas.area(*(blade * side for side in sides)), 0.1) * np.float32(0.16)
    bone += tube(canvas, [blade * side for side in sides], 0.5) * np.float32(0.8)
    bone += tube(canvas, [shaft * side for side in sides], 2.2) * np.float32(2.4)
    for side in sides:
        bone += canvas.ball(18.2 * side[0], (7.0 + lift) * body.height, 2.5, 2.5) * np.float32(0.7)
    return bone * np.float32(body.bone)
