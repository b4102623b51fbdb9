"""Turns thicknesses of tissue, bone and metal into the stored values of a digital radiograph.

It takes the maps that the phantoms draw and gives unsigned integers of the asked size and depth: attenuation along
the ray, scatter, quantum noise, the processing of the manufacturer (edge enhancement, S-shaped table), collimation.
What lies in the body is left to the phantoms, what is written on the film to `burn_in`.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from cxr_core.demo.canvas import Canvas, Plane

# Linear attenuation near 60 keV (120 kVp), per cm: water 0.20, cortical bone adds 0.55, metal adds 6 (rounded from
# the NIST X-ray mass attenuation tables).
_WATER_PER_CM = 0.20
_BONE_PER_CM = 0.55
_METAL_PER_CM = 6.0


@dataclass(frozen=True, slots=True)
class Thickness:
    """What lies on each ray, in cm: soft tissue (as water), bone, metal."""

    soft: Plane
    bone: Plane
    metal: Plane


@dataclass(frozen=True, slots=True)
class Exposure:
    """How the image was taken.

    Parameters
    ----------
    rows, columns : int
        Size of the stored image.
    bits_stored : int
        Depth of the stored values.
    dose : float
        Share of the usual dose; less is noisier.
    scatter : float
        Scattered over primary radiation behind the thickest parts.
    enhancement : float
        Gain of the manufacturer's unsharp mask.
    collimation : tuple of four floats or None
        Share of the image under the shutter at the top, right, bottom, left.
    tilt_deg : float
        Rotation of the shutter.
    """

    rows: int
    columns: int
    bits_stored: int
    dose: float
    scatter: float
    enhancement: float
    collimation: tuple[float, float, float, float] | None
    tilt_deg: float


def draw_exposure(
    rng: np.random.Generator, *, rows: int, columns: int, bits_stored: int, is_portable: bool
) -> Exposure:
    """Draw how one image was taken; portable ones get less dose, more scatter and wider shutters."""
    shutter = None
    if rng.random() < (0.5 if is_portable else 0.2):
        sides = rng.uniform(0.0, 0.07, 4) * (rng.random(4) < 0.75)
        shutter = (float(sides[0]), float(sides[1]), float(sides[2]), float(sides[3]))
    return Exposure(
        rows=rows,
        columns=columns,
        bits_stored=bits_stored,
        dose=float(rng.uniform(0.4, 0.8) if is_portable else rng.uniform(0.8, 1.3)),
        scatter=float(rng.uniform(0.35, 0.6) if is_portable else rng.uniform(0.15, 0.3)),
        enhancement=float(rng.uniform(0.5, 0.9)),
        collimation=shutter,
        tilt_deg=float(rng.normal(0, 1.2)),
    )


def expose(body: Thickness, canvas: Canvas, how: Exposure, rng: np.random.Generator) -> NDArray[np.uint16]:
    """Take the radiograph of a body.

    Parameters
    ----------
    body : Thickness
        Maps on `canvas`, usually coarser than the image.
    canvas : Canvas
        Grid of the maps.
    how : Exposure
        Size, depth, dose, processing.
    rng : numpy Generator
        Quantum noise.

    Returns
    -------
    (rows, columns) uint16 array
        Dark where the film would be dark, as MONOCHROME2 shows it; at most 2^bits_stored - 1.
    """
    coarse = _s_curve(_display_level(_optical_density(body, canvas, how.scatter), canvas, how.enhancement))
    shown = np.asarray(cv2.resize(coarse, (how.columns, how.rows), interpolation=cv2.INTER_CUBIC), np.float32)
    shown = _shutter(shown + _noise(shown, how, rng), how)
    top = (1 << how.bits_stored) - 1
    return np.asarray(shown * np.float32(top) + np.float32(0.5), np.uint16)


def _optical_density(body: Thickness, canvas: Canvas, scatter: float) -> Plane:
    """Give the logarithm of what reaches the detector, primary and scattered, larger where more was absorbed."""
    absorbed = _WATER_PER_CM * body.soft + _BONE_PER_CM * body.bone + _METAL_PER_CM * body.metal
    primary = np.exp(-absorbed)
    veil = canvas.blur(np.minimum(primary, np.float32(0.3)), 5.0) * np.float32(scatter)
    sharp = canvas.blur(primary, 0.035)
    return np.asarray(-np.log(sharp + veil + np.float32(1e-4)), np.float32)


def _display_level(density: Plane, canvas: Canvas, enhancement: float) -> Plane:
    """Enhance detail against its surroundings, then stretch: air to 0, the spine below the diaphragm to 1."""
    wide, narrow = canvas.blur(density, 2.5), canvas.blur(density, 0.25)
    sharpened = density + np.float32(enhancement) * (density - wide) + np.float32(0.5) * (density - narrow)
    low, high = np.quantile(sharpened[::4, ::4], [0.02, 0.985])
    return np.asarray((sharpened - low) / max(high - low, 1e-3), np.float32)


def _noise(level: Plane, how: Exposure, rng: np.random.Generator) -> Plane:
    """Give quantum noise: more where fewer quanta arrive, slightly correlated by the detector's blur."""
    white = rng.random(level.shape, np.float32) - np.float32(0.5)  # the blur makes a bell of the uniform
    grain = np.asarray(cv2.GaussianBlur(white, (5, 5), 0.7), np.float32)
    grain *= np.float32(0.045 / np.sqrt(how.dose)) * (np.float32(0.35) + level)
    return grain


def _s_curve(level: Plane) -> Plane:
    """Apply the S-shaped table of a film-like display, without clipping hard at either end."""
    steep = np.exp((np.float32(0.5) - level) * np.float32(4.6))
    return np.asarray(np.float32(1.10) / (1 + steep) - np.float32(0.09), np.float32)


def _shutter(shown: Plane, how: Exposure) -> Plane:
    """Blacken what the collimator covers, its edges slightly tilted."""
    shown = np.clip(shown, 0, 1)
    if how.collimation is None:
        return shown
    top, right, bottom, left = how.collimation
    rows, columns = how.rows, how.columns
    corners = np.array(
        [
            [left * columns, top * rows],
            [(1 - right) * columns, top * rows],
            [(1 - right) * columns, (1 - bottom) * rows],
            [left * columns, (1 - bottom) * rows],
        ],
        np.float32,
    )
    turn = cv2.getRotationMatrix2D((columns / 2, rows / 2), how.tilt_deg, 1.0)
    turned = corners @ turn[:, :2].T + turn[:, 2]
    mask = np.zeros((rows, columns), np.uint8)
    cv2.fillConvexPoly(mask, np.round(turned).astype(np.int32), 255, cv2.LINE_AA)
    soft = cv2.GaussianBlur(mask, (0, 0), 1.5).astype(np.float32) / np.float32(255)
    return np.asarray(shown * soft, np.float32)
