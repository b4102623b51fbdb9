"""Draws tubes, lines, pacemakers and wires onto the metal map of a phantom.

It takes the findings of a study and gives the same thickness maps with the devices in them, in either view.
Which patient carries what is left to `plan`, the body to the phantoms.
"""

from dataclasses import dataclass, replace

import numpy as np

from cxr_core.demo.anatomy import Body, Findings
from cxr_core.demo.canvas import Canvas, Plane, smooth_curve
from cxr_core.demo.exposure import Thickness

_Path = tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class _Wire:
    """One line in the frontal and in the lateral picture, in cm; metal is its thickness of steel."""

    frontal: _Path
    lateral: _Path
    width_cm: float
    metal_cm: float


_LEADS = (
    _Wire(
        ((8.6, 10.4), (6.0, 7.6), (1.0, 8.4), (-2.2, 11.0), (-2.9, 20.0), (-1.0, 25.5), (3.6, 27.6)),
        ((-7.0, 9.0), (-2.0, 8.0), (0.5, 11.0), (0.0, 19.0), (-3.0, 25.0), (-7.4, 26.6)),
        0.11,
        0.12,
    ),
    _Wire(
        ((8.8, 10.0), (6.0, 7.2), (1.0, 8.0), (-2.0, 10.8), (-2.6, 18.6), (-3.2, 21.4), (-2.0, 20.2)),
        ((-7.0, 9.4), (-2.0, 8.4), (0.2, 11.4), (-0.5, 20.0), (-3.0, 21.4)),
        0.11,
        0.12,
    ),
)
_CENTRAL_LINE = _Wire(
    ((-4.6, -1.0), (-4.2, 4.0), (-3.0, 8.0), (-2.3, 12.0), (-2.4, 17.2)),
    ((0.0, -1.0), (0.6, 6.0), (0.6, 12.0), (0.2, 17.0)),
    0.2,
    0.045,
)
_TRACHEAL_TUBE = _Wire(
    ((-0.6, -3.0), (-0.4, 4.0), (-0.45, 11.2)),
    ((0.2, -3.0), (1.0, 6.0), (1.6, 11.0)),
    0.14,
    0.06,
)
_GASTRIC_TUBE = _Wire(
    ((0.7, -3.0), (0.6, 10.0), (0.9, 20.0), (1.2, 27.5), (3.4, 31.4), (7.4, 32.8)),
    ((2.6, -3.0), (4.2, 12.0), (4.8, 22.0), (3.2, 29.0), (-2.0, 32.0)),
    0.2,
    0.04,
)


def draw_devices(
    thickness: Thickness, canvas: Canvas, body: Body, *, findings: Findings, is_lateral: bool
) -> Thickness:
    """Add the devices of a study.

    Parameters
    ----------
    thickness : Thickness
        Maps of the body.
    canvas : Canvas
        Grid of the maps.
    body : Body
        For the scale.
    findings : Findings
        Which devices.
    is_lateral : bool
        Which of the two courses to draw.

    Returns
    -------
    Thickness
        The metal map replaced, the others shared with the input.
    """
    scale = (body.depth if is_lateral else body.width, body.height)
    metal = thickness.metal.copy()
    for wire in _wires(findings):
        points = smooth_curve(wire.lateral if is_lateral else wire.frontal, closed=False) * scale
        metal += canvas.blur(canvas.strokes([points], wire.width_cm), 0.03) * np.float32(wire.metal_cm)
    if findings.pacemaker:
        metal += _generator(canvas, scale, is_lateral=is_lateral)
    if findings.sternal_wires:
        metal += _sternal_wires(canvas, scale, is_lateral=is_lateral)
    return replace(thickness, metal=metal)


def _wires(findings: Findings) -> list[_Wire]:
    wires = list(_LEADS) if findings.pacemaker else []
    wires += [_TRACHEAL_TUBE] if findings.endotracheal_tube else []
    wires += [_CENTRAL_LINE] if findings.central_line else []
    return wires + ([_GASTRIC_TUBE] if findings.gastric_tube else [])


def _generator(canvas: Canvas, scale: tuple[float, float], *, is_lateral: bool) -> Plane:
    """Draw the can of a pacemaker: battery dense, header less so."""
    x, y = (-8.4, 10.0) if is_lateral else (10.2, 11.0)
    half = 0.45 if is_lateral else 2.3
    can = smooth_curve(
        [(x - half, y - 1.6), (x + half, y - 1.6), (x + half, y + 1.8), (x - half, y + 1.8)], closed=True
    )
    battery = np.array([(x - half * 0.8, y - 0.2), (x + half * 0.8, y - 0.2), (x + half * 0.8, y + 1.5),
                        (x - half * 0.8, y + 1.5)])  # fmt: skip
    body_part = canvas.blur(canvas.area(can * scale), 0.04) * np.float32(0.14)
    return body_part + canvas.blur(canvas.area(battery * scale), 0.04) * np.float32(0.3)


def _sternal_wires(canvas: Canvas, scale: tuple[float, float], *, is_lateral: bool) -> Plane:
    """Draw the closing loops of a sternotomy, one a rib space."""
    loops = []
    turn = np.linspace(0, 2 * np.pi, 24)
    for number, y in enumerate(np.linspace(11.5, 24.5, 6)):
        x = -7.2 - 0.6 * number if is_lateral else 0.25 * np.sin(number * 2.1)
        half = 0.35 if is_lateral else 1.0
        loops.append(np.stack([x + half * np.cos(turn), y + 0.55 * np.sin(turn)], axis=1) * scale)
    return canvas.blur(canvas.strokes(loops, 0.12), 0.03) * np.float32(0.12)
