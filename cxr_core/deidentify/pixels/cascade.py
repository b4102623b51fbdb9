"""Decides the order of the stages that free one image of burned-in identifiers.

Takes stored pixels, readers, markers and the patient's identifiers; gives pixels, a row for every box, flags.
Overlay planes and bits above BitsStored are left to the header engine, quarantine to the caller.
"""

from collections.abc import Sequence
from functools import partial

import cv2
import numpy as np
from numpy.typing import NDArray

from cxr_core.deidentify.pixels.bench import Bench
from cxr_core.deidentify.pixels.bystanders import with_bystanders
from cxr_core.deidentify.pixels.contrast import is_ground
from cxr_core.deidentify.pixels.cut_outs import (
    lead_letters,
    lead_words,
    letters_alone,
    letters_seen,
    out_of_places,
    without_small_letters,
    words_apart,
)
from cxr_core.deidentify.pixels.followers import (
    beside_suspects,
    blocks_and_rows,
    followed_to_their_ends,
    initials,
    rest,
    signing_what_is_seen,
)
from cxr_core.deidentify.pixels.judgement import judge, without_explained
from cxr_core.deidentify.pixels.lines import measure_lines
from cxr_core.deidentify.pixels.marks import find_codes
from cxr_core.deidentify.pixels.model import Box, Line, PixelResult, TextBox, TextReader, lies_on
from cxr_core.deidentify.pixels.network import Maps
from cxr_core.deidentify.pixels.plates import explains_code, is_on_a_plate
from cxr_core.deidentify.pixels.proposals import SearchImage, prepare_search
from cxr_core.deidentify.pixels.reading import Desk, Memo
from cxr_core.deidentify.pixels.redaction import (
    area_share,
    black_out,
    boxes_to_redact,
    fill_value,
    mask_flags,
    outermost,
)
from cxr_core.deidentify.pixels.residue import find_residue
from cxr_core.deidentify.pixels.rulers import without_rulers
from cxr_core.deidentify.pixels.search import look_everywhere
from cxr_core.deidentify.pixels.second_look import looked_at_again
from cxr_core.deidentify.pixels.series import tell_rows
from cxr_core.deidentify.pixels.standing import stands_by_itself
from cxr_core.deidentify.pixels.stroke_sight import by_sight
from cxr_core.deidentify.pixels.verdict import Rule, Verdict, is_whole_word
from cxr_core.deidentify.pixels.wording import Identifiers
from cxr_core.errors import ItemError
from cxr_core.policy.markers import MarkerPolicy
from cxr_core.vocabulary import BoxDecision, Photometric, QualityFlag, Reason

_READ_SHARE = 0.5
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
    search = prepare_search(stored, photometric)
    bench = Bench(Desk(tuple(readers), MEMO), markers, Identifiers.of(identifiers), partial(by_sight, search))
    verdicts, undecided, things = _search(search, bench)
    areas = boxes_to_redact(verdicts, search.shape)
    if areas and (residue := find_residue(search, [box for box, _ in areas], verdicts, things)):
        verdicts += residue
        areas = boxes_to_redact(verdicts, search.shape)
        if find_residue(search, [box for box, _ in areas], verdicts, things):
            raise ItemError(Reason.E_RESIDUAL, "text-like residue after two rounds of redaction")
    late = beside_suspects(search, verdicts, undecided, bench)
    late += signing_what_is_seen(search, verdicts + late, undecided)
    if late:
        verdicts += late
        areas = boxes_to_redact(verdicts, search.shape)
    pixels, mask = black_out(stored, [box for box, _ in areas], fill_value(stored, photometric))
    flags = mask_flags(mask) + _texture_flags(undecided)
    kept = [(verdict.line.box, verdict) for verdict in verdicts if verdict.is_kept]
    rows = sorted((_row(*area) for area in outermost(areas) + kept), key=lambda row: (row.top_px, row.left_px))
    return PixelResult(pixels, tuple(rows), tuple(flags), area_share(mask))


def _search(search: SearchImage, bench: Bench) -> tuple[list[Verdict], list[Line], list[Box]]:
    """Stages 1 to 5: proposals, network, lines, readings, judgement; and the rows of like things, which are no text."""
    maps = look_everywhere(search)
    marks, things = tell_rows(search, maps)
    codes = [_code(box) for box in find_codes(maps, search.shape) if not _is_no_code(search, maps, box, things)]
    lines = [
        looked_at_again(search, line)
        for line in measure_lines(search, marks)
        if not _is_inside(line.box, codes) or is_on_a_plate(search, line, [code.line.box for code in codes], bench)
    ]

    def stands_alone(kept: Verdict, read: Sequence[Verdict]) -> bool:
        known = [verdict.as_read.ink_box for verdict in read if verdict is not kept]
        return stands_by_itself(search, kept.as_read, known, is_whole_word=is_whole_word(kept))

    verdicts, undecided = judge(lines, bench, stands_alone)
    verdicts = out_of_places(letters_alone(search, verdicts, bench), stands_alone)
    verdicts += words_apart(verdicts, bench, stands_alone)
    verdicts += lead_words(search, [*verdicts, *codes], undecided, bench)
    verdicts += lead_letters(search, [*verdicts, *codes], undecided, bench)
    verdicts, beside = letters_seen(search, verdicts, codes, undecided, bench)
    verdicts = without_explained(without_small_letters(verdicts))
    verdicts += initials(search, maps, verdicts, beside)
    verdicts += rest(undecided, [*verdicts, *codes])
    verdicts += blocks_and_rows(search, maps, verdicts, things)
    verdicts = without_rulers(search, followed_to_their_ends(search, verdicts, things))
    verdicts = with_bystanders(search, verdicts)
    return [code for code in codes if not _is_marker(code, verdicts)] + verdicts, undecided, things


def _code(box: Box) -> Verdict:
    return Verdict(Line(box, False, 16.0, 0, 1.0), BoxDecision.REDACTED, Rule.CODE)


def _is_no_code(search: SearchImage, maps: Sequence[Maps], box: Box, things: Sequence[Box]) -> bool:
    """True for what has the edges of a code and is smooth ground, or a piece of a ruler or a spring."""
    return lies_on(box, things) or is_ground(search, maps, box)


def _is_inside(box: Box, codes: Sequence[Verdict]) -> bool:
    """Wholly inside: of a line that only touches a code, the rest must still be judged."""
    return any(code.line.box.intersection(box) == box.area for code in codes)


def _is_marker(code: Verdict, verdicts: Sequence[Verdict]) -> bool:
    """Outlined type and plates have the edges of a code; where they are read as a marker they are none."""
    box, kept = code.line.box, [v for v in verdicts if v.is_kept]
    is_covered = sum(one.line.box.intersection(box) for one in kept) >= _READ_SHARE * box.area
    return is_covered or any(explains_code(one, box) for one in kept)


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
