"""Decides how the bodies of the demo are built: proportions, ribs, spine, vessels.

It takes a random stream and gives a `Body`, from which the frontal and the lateral phantom draw the same patient in
every study; curves are in cm, x towards the patient's left, y down from the chin, z from back to front.
How X-rays see them is left to `phantom_frontal`, `phantom_lateral` and `exposure`.
"""

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from cxr_core.demo.canvas import Points

Curve3 = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Body:
    """Proportions of one patient; 1.0 is a slim adult of 1.70 m.

    Parameters
    ----------
    width, depth, height : float
        Scale of the rib cage from side to side, back to front, top to bottom.
    padding_cm : float
        Soft tissue outside the rib cage.
    breast_cm : float
        Greatest thickness of the breasts, 0 for none.
    heart : float
        Scale of the heart; from about 1.2 on a reader calls it enlarged.
    aorta : float
        Scale of the aortic knob.
    kyphosis_cm, scoliosis_cm : float
        Bend of the spine to the back and to the side.
    bone : float
        Mineral content of the bones.
    vessel_seed : int
        Seed of the branching vessels, so that they stay the same over the years.
    """

    width: float
    depth: float
    height: float
    padding_cm: float
    breast_cm: float
    heart: float
    aorta: float
    kyphosis_cm: float
    scoliosis_cm: float
    bone: float
    vessel_seed: int


@dataclass(frozen=True, slots=True)
class Findings:
    """What a study shows, as far as phantoms draw it and reports speak of it."""

    cardiomegaly: bool = False
    effusion_left: bool = False
    effusion_right: bool = False
    edema: bool = False
    consolidation: bool = False
    atelectasis: bool = False
    nodule: bool = False
    pacemaker: bool = False
    endotracheal_tube: bool = False
    central_line: bool = False
    gastric_tube: bool = False
    sternal_wires: bool = False
    consolidation_side: int = field(default=-1)


def draw_body(rng: np.random.Generator, *, is_female: bool, age_years: int) -> Body:
    """Draw the proportions of one patient.

    Parameters
    ----------
    rng : numpy Generator
        Stream of the patient.
    is_female : bool
        Smaller rib cage, breast shadows.
    age_years : int
        Children are smaller, old patients bent and poor in bone.
    """
    size = min(1.0, 0.55 + age_years / 40) * (0.94 if is_female else 1.0)
    old = max(0.0, (age_years - 50) / 40)
    return Body(
        width=size * rng.uniform(0.95, 1.06),
        depth=size * rng.uniform(0.92, 1.10),
        height=size * rng.uniform(0.93, 1.05),
        padding_cm=size * rng.uniform(1.2, 3.2),
        breast_cm=rng.uniform(1.5, 4.0) if is_female and age_years > 14 else 0.0,
        heart=rng.uniform(0.92, 1.05),
        aorta=rng.uniform(0.85, 1.1) + 0.25 * old,
        kyphosis_cm=1.2 + 2.0 * old * rng.uniform(0.3, 1.0),
        scoliosis_cm=rng.normal(0.0, 0.25 + 0.4 * old),
        bone=rng.uniform(0.9, 1.1) * (1 - 0.3 * old),
        vessel_seed=int(rng.integers(2**31)),
    )


def with_findings(body: Body, findings: Findings) -> Body:
    """Enlarge the heart where the study's findings say so."""
    return replace(body, heart=1.32) if findings.cardiomegaly else body


def spine_offset(body: Body, y: NDArray[np.float64]) -> Points:
    """Give x and z of the spine's axis at heights y (cm), as an (n, 2) array."""
    t = (y - 4.0) / 30.0
    x = body.scoliosis_cm * np.sin(np.pi * t)
    z = -7.2 * body.depth - body.kyphosis_cm * np.sin(np.pi * np.clip(t, 0, 1))
    return np.stack([x, z], axis=1)


def ribs(body: Body, side: int) -> list[Curve3]:
    """Give the eleven ribs of one side (+1 the patient's left) as (n, 3) curves of x, y, z.

    A rib is most of a tilted ellipse: it leaves the spine at the back, swings to the side and comes forward and
    down; its cartilage is not drawn, since X-rays hardly see it.
    """
    return [_rib(body, side, number) for number in range(1, 12)]


def _rib(body: Body, side: int, number: int) -> Curve3:
    reach = [5.6, 8.6, 10.8, 12.2, 13.1, 13.7, 14.0, 14.1, 13.9, 13.2, 12.0][number - 1] * body.width
    front = [0.74, 0.76, 0.78, 0.78, 0.77, 0.75, 0.72, 0.68, 0.63, 0.56, 0.46][number - 1]
    deep = [4.6, 6.4, 7.6, 8.4, 9.0, 9.4, 9.6, 9.7, 9.7, 9.4, 8.8][number - 1] * body.depth
    t = np.linspace(0.045, front, 44) * np.pi
    top = (3.4 + 2.28 * (number - 1)) * body.height
    fall = [3.2, 4.2, 5.2, 6.0, 6.6, 7.2, 7.6, 7.8, 7.8, 7.4, 6.6][number - 1] * body.height
    back = spine_offset(body, np.full_like(t, top))
    x = side * (reach * np.sin(t) ** 0.85) + back[:, 0]
    z = back[:, 1] + deep * (1 - np.cos(t))
    y = top - 0.9 * np.sin(np.minimum(t * 2.4, np.pi)) + fall * ((1 - np.cos(t)) / 2) ** 1.15 * 1.35
    return np.stack([x, y, z], axis=1)


def vertebrae(body: Body) -> list[tuple[float, float, float, float]]:
    """Give (x, y, z, height) in cm of the vertebral bodies from the neck to the first lumbar ones."""
    heights = 1.5 + 0.055 * np.arange(18)
    gaps = heights + 0.38
    y = (-2.0 + np.concatenate([[0.0], np.cumsum(gaps[:-1])])) * body.height
    axis = spine_offset(body, y)
    return [
        (float(x), float(level), float(z), float(height * body.height))
        for (x, z), level, height in zip(axis, y, heights, strict=True)
    ]


def vessel_tree(
    rng: np.random.Generator, start: tuple[float, float], *, spread: tuple[float, float]
) -> list[tuple[float, Points]]:
    """Grow the branching vessels of one hilum, generation by generation.

    Parameters
    ----------
    rng : numpy Generator
        The patient's own, so that the tree stays the same in later studies.
    start : (x, y)
        Where the hilum lies, in cm.
    spread : (least, greatest) angle in radians
        The fan into which the first branches point; 0 is to the right, pi/2 down.

    Returns
    -------
    list of (width in cm, (branches, 5, 2) array of x and y)
        One entry a generation, the widest first.
    """
    angle = np.linspace(*spread, 8) + rng.normal(0, 0.12, 8)
    origin = np.tile(np.asarray(start, np.float64), (8, 1))
    generations = []
    for depth in range(5):
        turns = angle[:, None] + np.cumsum(rng.normal(0, 0.14, (len(angle), 4)), axis=1)
        steps = np.stack([np.cos(turns), np.sin(turns)], axis=2) * 0.72 * 0.88**depth
        path = origin[:, None, :] + np.concatenate([np.zeros((len(angle), 1, 2)), np.cumsum(steps, axis=1)], axis=1)
        generations.append((0.58 * 0.72**depth, path))
        bends = rng.uniform(0.1, 0.55, (len(angle), 2)) * (-1, 1)
        angle = (turns[:, -1:] + bends).ravel()
        origin = np.repeat(path[:, -1], 2, axis=0)
    return generations
