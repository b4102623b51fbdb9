"""Draws a hand, the exam of another body part that strays into an export of chests.

It takes a canvas and gives thickness maps; one hand serves all patients.
"""

import numpy as np

from cxr_core.demo.canvas import Canvas, Points
from cxr_core.demo.exposure import Thickness
from cxr_core.demo.skeleton import tube

_WRIST = (0.0, 15.5)
# Knuckle and tip of each finger in cm, thumb first.
_FINGERS = (
    ((-3.4, 11.0), (-7.4, 7.2)),
    ((-2.6, 8.2), (-4.0, 0.4)),
    ((-0.6, 7.6), (-0.8, -1.2)),
    ((1.3, 8.0), (2.2, -0.2)),
    ((2.9, 9.0), (5.0, 2.4)),
)


def draw_hand(canvas: Canvas) -> Thickness:
    """Draw a hand, palm down, fingers up, with its wrist.

    Parameters
    ----------
    canvas : Canvas
        x = 0 on the middle finger, y = 0 near its tip.
    """
    flesh, bones = canvas.empty(), canvas.empty()
    for knuckle, tip in _FINGERS:
        path = np.array([_WRIST, knuckle, tip])
        flesh = np.maximum(flesh, canvas.blur(canvas.strokes([path], 2.0), 0.3) * np.float32(1.7))
        bones += tube(canvas, _phalanges(path), 0.8) * np.float32(2.4)
    palm = canvas.area(np.array([(-3.6, 9.5), (3.6, 9.0), (3.2, 16.0), (-3.2, 16.0)]))
    forearm = canvas.area(np.array([(-2.9, 15.0), (2.9, 15.0), (3.2, 30.0), (-3.2, 30.0)]))
    flesh = np.maximum(flesh, canvas.blur(np.maximum(palm, forearm), 0.5) * np.float32(2.6))
    carpals = [np.array([[x, y], [x + 0.5, y + 0.3]]) for y in (14.2, 15.6) for x in (-1.8, -0.6, 0.6, 1.7)]
    radius = [np.array([[-1.3, 17.4], [-1.2, 30.0]]), np.array([[1.5, 17.6], [1.3, 30.0]])]
    bones += tube(canvas, carpals, 1.1) * np.float32(2.4) + tube(canvas, radius, 1.5) * np.float32(2.4)
    return Thickness(flesh, bones, canvas.empty())


def _phalanges(path: Points) -> list[Points]:
    """Cut a finger into metacarpal and three phalanges with gaps for the joints."""
    wrist, knuckle, tip = path
    pieces = [wrist + (knuckle - wrist) * np.array([[0.3], [0.94]])]
    for start, end in ((0.06, 0.44), (0.52, 0.74), (0.81, 0.97)):
        pieces.append(knuckle + (tip - knuckle) * np.array([[start], [end]]))
    return pieces
