"""Takes one radiograph of one patient: the front door of everything that is drawn.

It takes a body, the findings of the study, a projection and a size, and gives stored values as a MONOCHROME2 image
shows them. Anatomy, devices and physics are left to the modules of those names; text in the pixels to `burn_in`.
"""

import numpy as np
from numpy.typing import NDArray

from cxr_core.demo.anatomy import Body, Findings, with_findings
from cxr_core.demo.canvas import Canvas
from cxr_core.demo.devices import draw_devices
from cxr_core.demo.exposure import Thickness, draw_exposure, expose
from cxr_core.demo.phantom_frontal import draw_frontal
from cxr_core.demo.phantom_hand import draw_hand
from cxr_core.demo.phantom_lateral import draw_lateral
from cxr_core.demo.plan import ImagePlan, Projection

# Shapes are drawn on a coarse grid and enlarged: the detector's own blur and noise come afterwards.
_GRID_PX_PER_CM = 11.0
_FIELD_CM = {Projection.PA: 37.0, Projection.AP: 38.0, Projection.LATERAL: 37.0, Projection.HAND: 24.0}


def radiograph(body: Body, findings: Findings, image: ImagePlan, rng: np.random.Generator) -> NDArray[np.uint16]:
    """Take one radiograph.

    Parameters
    ----------
    body : Body
        Proportions of the patient.
    findings : Findings
        What the study shows.
    image : ImagePlan
        Projection, rows, columns, bits stored.
    rng : numpy Generator
        Positioning, exposure and noise of this image.

    Returns
    -------
    (rows, columns) uint16 array
        At most 2^bits_stored - 1; air dark.
    """
    shaped = with_findings(body, findings)
    canvas = _field(body, image, rng)
    thickness = _thickness(shaped, findings, canvas, image.projection)
    how = draw_exposure(
        rng,
        rows=image.rows,
        columns=image.columns,
        bits_stored=image.bits_stored,
        is_portable=image.projection is Projection.AP,
    )
    return expose(thickness, canvas, how, rng)


def _field(body: Body, image: ImagePlan, rng: np.random.Generator) -> Canvas:
    """Lay the cassette over the patient, a little off centre; children get a smaller one."""
    is_chest = image.projection is not Projection.HAND
    size = max(body.height, body.width) if is_chest else 1.0
    shorter = _FIELD_CM[image.projection] * size * (0.97 if is_chest else 1.0)
    down = shorter if image.rows >= image.columns else shorter * 0.93
    px_per_cm = min(_GRID_PX_PER_CM, image.rows / down)
    rows = int(down * px_per_cm)
    columns = int(rows * image.columns / image.rows)
    across = columns / px_per_cm
    shift_x, shift_y = rng.normal(0, 0.5, 2)
    top = (-0.6 if is_chest else -3.0) + float(shift_y) * 0.6
    centre = 1.2 if image.projection is Projection.LATERAL else 0.0
    return Canvas(rows, columns, px_per_cm, centre - across / 2 + float(shift_x), top)


def _thickness(body: Body, findings: Findings, canvas: Canvas, projection: Projection) -> Thickness:
    if projection is Projection.HAND:
        return draw_hand(canvas)
    is_lateral = projection is Projection.LATERAL
    if is_lateral:
        bare = draw_lateral(canvas, body, findings)
    else:
        bare = draw_frontal(canvas, body, findings, is_ap=projection is Projection.AP)
    return draw_devices(bare, canvas, body, findings=findings, is_lateral=is_lateral)
