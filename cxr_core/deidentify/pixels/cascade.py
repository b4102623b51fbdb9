"""Decides the order of the stages that free one image of burned-in identifiers.

Takes stored pixels, readers, markers and the patient's identifiers; gives pixels, a row for every box, flags.
Overlay planes and bits above BitsStored are left to the header engine, quarantine to the caller.
"""

from collections.abc import Sequence
from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from cxr_core.deidentify.pixels.continuation import carried_on
from cxr_core.deidentify.pixels.judgement import Bench, Rule, Verdict, judge
from cxr_core.deidentify.pixels.lines import find_codes, find_lines
from cxr_core.deidentify.pixels.model import Box, Line, PixelResult, TextBox, TextReader
from cxr_core.deidentify.pixels.network import REACH_TILES, Maps, look, look_closer
from cxr_core.deidentify.pixels.proposals import (
    TILE_PX,
    SearchImage,
    View,
    prepare_search,
    propose_constant_tiles,
    propose_tiles,
    repainted,
)
from cxr_core.deidentify.pixels.reading import Memo
from cxr_core.deidentify.pixels.redaction import black_out, boxes_to_redact, fill_value, mask_flags, outermost
from cxr_core.deidentify.pixels.wording import Identifiers
from cxr_core.errors import ItemError
from cxr_core.policy.markers import MarkerPolicy
from cxr_core.vocabulary import BoxDecision, Photometric, QualityFlag, Reason

_BORDER_PX = 3
_CLOSED_SHARE = 0.3
_RESIDUE_PROBABILITY = 0.65  # the corners of black boxes look a little like type
_TEXTURE_GLYPHS = 4
MEMO = Memo()  # one a process; what it holds depends on the ink alone, never on the order of arrival


def redact_pixels(
    stored: NDArray[np.integer],
    *,
    photometric: Photometric,
    identifiers: Sequence[str],
    readers: Sequence[TextReader],
    markers: MarkerPolicy,
) -> PixelResult:
    """Black out burned-in text, save orientation and technique markers.

    Source: MIMIC-CXR (2019), section 2, "an ensemble of image preprocessing and optical character recognition".

    Parameters
    ----------
    stored : (rows, columns) integer array
        Stored values of one greyscale frame, bits above BitsStored cleared. Not changed.
    photometric : Photometric
        MONOCHROME1 is flipped for the search and filled with the image's maximum.
    identifiers : sequence of str
        What names the patient (the patient dictionary): a reading near one of them goes, marker or not.
    readers : sequence of TextReader
        A line stays only where all of them read an allowed marker.
    markers : MarkerPolicy

    Returns
    -------
    PixelResult
        Bit-equal to `stored` outside the redacted boxes; the same array values where nothing was found.

    Raises
    ------
    ItemError
        E_OCR where a reader failed or none is given; E_RESIDUAL where text-like residue survives; E_PIXELS where
        `stored` is not one greyscale frame.
    """
    if stored.ndim != 2 or stored.size == 0:
        raise ItemError(Reason.E_PIXELS, f"burned-in text needs one greyscale frame, got {stored.ndim} axes")
    if not readers:
        raise ItemError(Reason.E_OCR, "no reader")
    cv2.setNumThreads(1)
    bench = Bench(tuple(readers), MEMO, markers, Identifiers.of(identifiers))
    value = fill_value(stored, photometric)
    search = prepare_search(stored, photometric)
    verdicts, undecided = _search(search, bench)
    areas = boxes_to_redact(verdicts, search.shape)
    pixels, mask = black_out(stored, [box for box, _ in areas], value)
    if areas and (residue := find_residue(search, mask, verdicts)):
        verdicts += residue
        areas = boxes_to_redact(verdicts, search.shape)
        pixels, mask = black_out(stored, [box for box, _ in areas], value)
        if find_residue(search, mask, verdicts):
            raise ItemError(Reason.E_RESIDUAL, "text-like residue after two rounds of redaction")
    flags = mask_flags(mask) + _texture_flags(undecided)
    kept = [(verdict.line.box, verdict) for verdict in verdicts if verdict.is_kept]
    rows = sorted((_row(*area) for area in outermost(areas) + kept), key=lambda row: (row.top_px, row.left_px))
    return PixelResult(pixels, tuple(rows), tuple(flags), float(mask.mean()) if areas else 0.0)


def _search(search: SearchImage, bench: Bench) -> tuple[list[Verdict], list[Line]]:
    """Stages 1 to 5: proposals, network, lines, readings, judgement."""
    maps = look_everywhere(search, None)
    codes = [_code(box) for box in find_codes(search, maps)]
    lines = [line for line in find_lines(search, maps) if not _is_inside(line.box, codes)]
    verdicts, undecided = judge(lines, bench)
    whole = [v if v.is_kept else replace(v, line=carried_on(search, v.line)) for v in verdicts]
    return codes + whole, undecided


def find_residue(search: SearchImage, mask: NDArray[np.bool_], verdicts: Sequence[Verdict]) -> list[Verdict]:
    """Likely text outside the boxes that were judged: stages 1 to 3 over the result, where it can have changed.

    Parameters
    ----------
    search : SearchImage
        Of the image before redaction.
    mask : (rows, columns) bool array
        What was redacted.
    verdicts : sequence of Verdict
        What was judged; kept lines are no residue.
    """
    closed = _closed(mask, verdicts)
    after = repainted(search, mask)
    maps = look_everywhere(after, mask)
    return [
        Verdict(line, BoxDecision.REDACTED, Rule.RESIDUE)
        for line in find_lines(after, maps)
        if _is_residue(line) and closed[line.box.window].mean() < _CLOSED_SHARE
    ]


def look_everywhere(search: SearchImage, near: NDArray[np.bool_] | None) -> list[Maps]:
    """Stages 1 to 3: the network over all views, the finest only where the next hints at small type.

    Parameters
    ----------
    search : SearchImage
    near : (rows, columns) bool array, optional
        Look only where a change of these pixels can show.
    """
    fine, middle, coarse = search.views
    wanted = {view.scale: _near_tiles(view, near) for view in search.views}
    maps = [look(view, propose_tiles(view) & wanted[view.scale]) for view in (coarse, middle)]
    constant = propose_constant_tiles(fine)
    return [look(fine, (look_closer(maps[1], constant.shape) | constant) & wanted[fine.scale]), *reversed(maps)]


def _near_tiles(view: View, near: NDArray[np.bool_] | None) -> NDArray[np.bool_]:
    rows, columns = (-(-side // TILE_PX) for side in view.grey.shape)
    if near is None:
        return np.ones((rows, columns), np.bool_)
    touched = cv2.resize(near.view(np.uint8) * np.uint8(255), (columns, rows), interpolation=cv2.INTER_AREA) > 0
    return np.asarray(cv2.dilate(touched.astype(np.uint8), np.ones((REACH_TILES, REACH_TILES), np.uint8)) > 0, np.bool_)


def _is_residue(line: Line) -> bool:
    """Likely enough to go unread. A lone glyph is no identifier, and anatomy is full of lone glyphs."""
    return line.glyphs > 1 and line.probability >= _RESIDUE_PROBABILITY


def _closed(mask: NDArray[np.bool_], verdicts: Sequence[Verdict]) -> NDArray[np.bool_]:
    """What verification does not look at: redacted boxes with their borders, kept markers."""
    closed = cv2.dilate(mask.view(np.uint8), np.ones((2 * _BORDER_PX + 1, 2 * _BORDER_PX + 1), np.uint8)) > 0
    for verdict in verdicts:
        if verdict.is_kept:
            closed[verdict.line.box.grown(_BORDER_PX, mask.shape).window] = True
    return np.asarray(closed, dtype=np.bool_)


def _code(box: Box) -> Verdict:
    return Verdict(Line(box, False, 16.0, 0, 1.0), BoxDecision.REDACTED, Rule.CODE)


def _is_inside(box: Box, codes: Sequence[Verdict]) -> bool:
    """Wholly inside: of a line that only touches a code, the rest must still be judged."""
    return any(code.line.box.intersection(box) == box.area for code in codes)


def _texture_flags(undecided: Sequence[Line]) -> list[QualityFlag]:
    """Handwriting, embossed strips, film labels: rows of glyphs that no reader can read."""
    return [QualityFlag.TEXTURE] if any(line.glyphs >= _TEXTURE_GLYPHS for line in undecided) else []


def _row(box: Box, verdict: Verdict) -> TextBox:
    return TextBox(
        top_px=box.top,
        left_px=box.left,
        bottom_px=box.bottom,
        right_px=box.right,
        decision=verdict.decision,
        probability=round(verdict.line.probability, 4),
        constancy=round(verdict.line.constancy, 4),
        engine=verdict.engine,
        rule=verdict.rule.value,
    )
