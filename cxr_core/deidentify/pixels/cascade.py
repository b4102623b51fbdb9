"""Decides the order of the stages that free one image of burned-in identifiers.

Takes stored pixels, readers, markers and the patient's identifiers; gives pixels, a row for every box, flags.
Overlay planes and bits above BitsStored are left to the header engine, quarantine to the caller.
"""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from cxr_core.deidentify.pixels.barcodes import find_barcodes
from cxr_core.deidentify.pixels.classifier import classify
from cxr_core.deidentify.pixels.glyphs import find_pieces
from cxr_core.deidentify.pixels.judgement import TEXT_PROBABILITY, Bench, Rule, Verdict, judge
from cxr_core.deidentify.pixels.model import Box, Piece, PixelResult, TextBox, TextReader
from cxr_core.deidentify.pixels.proposals import prepare_search, propose_places
from cxr_core.deidentify.pixels.reading import Memo
from cxr_core.deidentify.pixels.redaction import black_out, boxes_to_redact, fill_value, mask_flags, outermost
from cxr_core.deidentify.pixels.wording import Identifiers
from cxr_core.errors import ItemError
from cxr_core.policy.markers import MarkerPolicy
from cxr_core.vocabulary import BoxDecision, Photometric, QualityFlag, Reason

_BORDER_PX = 3
_VERIFY_REACH_PX = 124  # half the window of the local threshold: beyond it the search would only repeat itself
_TEXTURE_PROBABILITY = 0.1
_TEXTURE_GLYPHS = 4
_MEMO = Memo()  # one a process; what it holds depends on the ink alone, never on the order of arrival


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
        A piece stays only where all of them read an allowed marker.
    markers : MarkerPolicy

    Returns
    -------
    PixelResult
        Bit-equal to `stored` outside the redacted boxes; the same array values where nothing was found.

    Raises
    ------
    ItemError
        E_OCR where a reader failed or none is given; E_RESIDUAL where text-like residue survives, or all looks like
        ink; E_PIXELS where `stored` is not one greyscale frame.
    """
    if stored.ndim != 2 or stored.size == 0:
        raise ItemError(Reason.E_PIXELS, f"burned-in text needs one greyscale frame, got {stored.ndim} axes")
    if not readers:
        raise ItemError(Reason.E_OCR, "no reader")
    cv2.setNumThreads(1)
    bench = Bench(tuple(readers), _MEMO, markers, Identifiers.of(identifiers))
    value = fill_value(stored, photometric)
    verdicts, undecided = _search(stored, photometric, bench, None)
    areas = boxes_to_redact(verdicts, stored.shape)
    pixels, mask = black_out(stored, [box for box, _ in areas], value)
    if mask.any() and (residue := _residue(pixels, photometric, mask, verdicts)):
        verdicts += residue
        areas = boxes_to_redact(verdicts, stored.shape)
        pixels, mask = black_out(stored, [box for box, _ in areas], value)
        if _residue(pixels, photometric, mask, verdicts):
            raise ItemError(Reason.E_RESIDUAL, "text-like residue after two rounds of redaction")
    flags = mask_flags(mask) + _texture_flags(undecided)
    kept = [(verdict.box, verdict) for verdict in verdicts if verdict.decision is BoxDecision.KEPT]
    rows = sorted((_row(*area) for area in outermost(areas) + kept), key=lambda row: (row.top_px, row.left_px))
    return PixelResult(pixels, tuple(rows), tuple(flags), float(mask.mean()))


def _search(
    stored: NDArray[np.integer], photometric: Photometric, bench: Bench, exclude: NDArray[np.bool_] | None
) -> tuple[list[Verdict], list[Piece]]:
    search = prepare_search(stored, photometric)
    codes = [_barcode(box) for box in find_barcodes(search)]
    pieces = classify(find_pieces(search, propose_places(search, exclude)))
    verdicts, undecided = judge([p for p in pieces if not _is_inside(p.box, codes)], bench, search.shape)
    return codes + verdicts, undecided


def _residue(
    pixels: NDArray[np.integer], photometric: Photometric, mask: NDArray[np.bool_], verdicts: Sequence[Verdict]
) -> list[Verdict]:
    """Likely text outside the boxes that were judged: stages 1 to 3 over the result, where it can have changed."""
    closed = _closed(mask, verdicts)
    search = prepare_search(pixels, photometric)
    places = propose_places(search, closed)
    reach = 2 * _VERIFY_REACH_PX + 1
    places &= cv2.boxFilter(mask.astype(np.float32), -1, (reach, reach), normalize=False) > 0.5
    pieces = classify(find_pieces(search, places))
    likely = [piece for piece in pieces if _is_residue(piece) and closed[piece.box.window].mean() < 0.3]
    return [_residue_verdict(piece) for piece in likely]


def _is_residue(piece: Piece) -> bool:
    """Likely enough to go unread. A lone glyph is no identifier, and anatomy is full of lone glyphs."""
    return piece.glyphs > 1 and piece.probability >= TEXT_PROBABILITY


def _closed(mask: NDArray[np.bool_], verdicts: Sequence[Verdict]) -> NDArray[np.bool_]:
    """What verification does not look at: redacted boxes with their borders, kept markers."""
    closed = cv2.dilate(mask.astype(np.uint8), np.ones((2 * _BORDER_PX + 1, 2 * _BORDER_PX + 1), np.uint8)) > 0
    for verdict in verdicts:
        if verdict.decision is BoxDecision.KEPT:
            closed[verdict.box.grown(_BORDER_PX, mask.shape).window] = True
    return np.asarray(closed, dtype=np.bool_)


def _barcode(box: Box) -> Verdict:
    return Verdict(box, 16.0, False, BoxDecision.REDACTED, Rule.BARCODE, 1.0, 0.0, "none", 0)


def _residue_verdict(piece: Piece) -> Verdict:
    return Verdict(
        piece.box,
        piece.glyph_px,
        piece.is_vertical,
        BoxDecision.REDACTED,
        Rule.RESIDUE,
        piece.probability,
        piece.constancy,
        "none",
        piece.glyphs,
    )


def _is_inside(box: Box, codes: Sequence[Verdict]) -> bool:
    """Wholly inside: of a line that only touches a code, the rest must still be judged."""
    return any(code.box.intersection(box) == box.area for code in codes)


def _texture_flags(undecided: Sequence[Piece]) -> list[QualityFlag]:
    """Handwriting, embossed strips, film labels: rows of glyphs that no reader can read."""
    is_texture = any(
        piece.probability >= _TEXTURE_PROBABILITY and piece.glyphs >= _TEXTURE_GLYPHS for piece in undecided
    )
    return [QualityFlag.TEXTURE] if is_texture else []


def _row(box: Box, verdict: Verdict) -> TextBox:
    return TextBox(
        top_px=box.top,
        left_px=box.left,
        bottom_px=box.bottom,
        right_px=box.right,
        decision=verdict.decision,
        probability=round(verdict.probability, 4),
        constancy=round(verdict.constancy, 4),
        engine=verdict.engine,
        rule=verdict.rule.value,
    )
