"""Decides the order of the stages that free one image of burned-in identifiers.

Takes stored pixels, readers, markers and the patient's identifiers; gives pixels, a row for every box, flags.
Overlay planes and bits above BitsStored are left to the header engine, quarantine to the caller.
"""

from collections.abc import Sequence
from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from cxr_core.deidentify.pixels.blocks import faint_lines
from cxr_core.deidentify.pixels.continuation import belongs_to, carried_on
from cxr_core.deidentify.pixels.contrast import is_ground
from cxr_core.deidentify.pixels.cutting import judge_letter, judge_word, may_be_letter
from cxr_core.deidentify.pixels.ink import Ink
from cxr_core.deidentify.pixels.judgement import (
    LEAD_ASPECT,
    Bench,
    Rule,
    StandsAlone,
    Verdict,
    is_whole_word,
    judge,
    may_hold_lead,
)
from cxr_core.deidentify.pixels.lead import beside_letter, letters_within
from cxr_core.deidentify.pixels.lines import find_lines, letter_apart, measure_lines, tell_rows, words_of
from cxr_core.deidentify.pixels.marks import find_codes, find_marks
from cxr_core.deidentify.pixels.model import Box, Line, PixelResult, TextBox, TextReader
from cxr_core.deidentify.pixels.neighbours import (
    adjoins,
    company,
    hanging_on,
    initials_of,
    is_block,
    is_initial_of,
    rows_of_letters,
)
from cxr_core.deidentify.pixels.network import Maps
from cxr_core.deidentify.pixels.plates import explains_code, is_on_a_plate
from cxr_core.deidentify.pixels.proposals import SearchImage, prepare_search
from cxr_core.deidentify.pixels.reading import Desk, Memo, is_letter
from cxr_core.deidentify.pixels.redaction import (
    area_share,
    black_out,
    boxes_to_redact,
    fill_value,
    mask_flags,
    outermost,
)
from cxr_core.deidentify.pixels.residue import find_residue
from cxr_core.deidentify.pixels.search import look_everywhere
from cxr_core.deidentify.pixels.solid import is_one_sign
from cxr_core.deidentify.pixels.standing import is_place_of_several, stands_by_itself
from cxr_core.deidentify.pixels.wording import Identifiers, count_alphanumerics
from cxr_core.errors import ItemError
from cxr_core.policy.markers import MarkerPolicy
from cxr_core.vocabulary import BoxDecision, Photometric, QualityFlag, Reason

_FAINT_PROBABILITY = 0.2
_READ_SHARE = 0.5
_TEXTURE_GLYPHS = 4
_MOST_PLACES, _MOST_SUSPECTS, _MOST_BESIDE = 8, 16, 2
_MUCH_LESS, _LEAST_OF_INK = 0.8, 0.1
_MUCH_LOWER = 0.62  # of a letter: initials beside it; the T of RT is none
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
    bench = Bench(Desk(tuple(readers), MEMO), markers, Identifiers.of(identifiers))
    search = prepare_search(stored, photometric)
    verdicts, undecided, things = _search(search, bench)
    areas = boxes_to_redact(verdicts, search.shape)
    if areas and (residue := find_residue(search, [box for box, _ in areas], verdicts, things)):
        verdicts += residue
        areas = boxes_to_redact(verdicts, search.shape)
        if find_residue(search, [box for box, _ in areas], verdicts, things):
            raise ItemError(Reason.E_RESIDUAL, "text-like residue after two rounds of redaction")
    verdicts += _beside_suspects(search, verdicts, undecided, bench)
    areas = boxes_to_redact(verdicts, search.shape)
    pixels, mask = black_out(stored, [box for box, _ in areas], fill_value(stored, photometric))
    flags = mask_flags(mask) + _texture_flags(undecided)
    kept = [(verdict.line.box, verdict) for verdict in verdicts if verdict.is_kept]
    rows = sorted((_row(*area) for area in outermost(areas) + kept), key=lambda row: (row.top_px, row.left_px))
    return PixelResult(pixels, tuple(rows), tuple(flags), area_share(mask))


def _search(search: SearchImage, bench: Bench) -> tuple[list[Verdict], list[Line], list[Box]]:
    """Stages 1 to 5: proposals, network, lines, readings, judgement; and the rows of like things, which are no text."""
    maps = look_everywhere(search)
    codes = [_code(box) for box in find_codes(maps, search.shape) if not is_ground(search, maps, box)]
    marks, things = tell_rows(search, find_marks(maps, search.shape))
    lines = [
        line
        for line in measure_lines(search, marks)
        if not _is_inside(line.box, codes) or is_on_a_plate(search, line, [code.line.box for code in codes], bench)
    ]

    def stands_alone(kept: Verdict, read: Sequence[Verdict]) -> bool:
        known = [verdict.as_read.ink_box for verdict in read if verdict is not kept]
        return stands_by_itself(search, kept.as_read, known, is_whole_word=is_whole_word(kept))

    verdicts, undecided = judge(lines, bench, stands_alone)
    verdicts = [one for v in verdicts for one in (_narrowed(search, v, bench) if _is_lead(v) else [v])]
    verdicts = [
        v if _may_stay(search, v) else replace(v, decision=BoxDecision.REDACTED, rule=Rule.TEXT) for v in verdicts
    ]
    verdicts = _out_of_places(verdicts, stands_alone)
    verdicts += _words_apart(verdicts, bench)
    verdicts += _lead_letters(search, [*verdicts, *codes], undecided, bench)
    verdicts = _without_small_letters(verdicts)
    verdicts += _initials(search, maps, verdicts)
    verdicts += _rest(undecided, [*verdicts, *codes])
    rows = rows_of_letters([v.line for v in verdicts if not v.is_kept])
    verdicts += [Verdict(row, BoxDecision.REDACTED, Rule.TEXT) for row in rows]
    kept = [v.line.box for v in verdicts if v.is_kept]
    maps_of_text = [one.within([Box(0, 0, *search.shape)], things) for one in maps]
    faint = faint_lines(maps_of_text, [v.line for v in verdicts if v.is_sure], kept, search.shape)
    verdicts += [Verdict(line, BoxDecision.REDACTED, Rule.ADJOINS) for line in faint]
    gone = [v.line for v in verdicts if not v.is_kept]
    goes_on = [not v.is_kept and not is_block(v.line, gone) for v in verdicts]  # the lines of a block go on themselves
    stay = [v for v in verdicts if v.is_kept]
    whole = [
        one
        for v, more in zip(verdicts, goes_on, strict=True)
        for one in (_carried_on(search, v, stay) if more else [v])
    ]
    codes = [code for code in codes if not any(explains_code(one, code.line.box) for one in stay)]
    read = [v.line.box for v in stay]
    return [code for code in codes if not _is_covered(code.line.box, read)] + whole, undecided, things


def _may_stay(search: SearchImage, verdict: Verdict) -> bool:
    """Lines of type that lie like a letter are read as one, and it is kept with all that it is made of."""
    return not (verdict.is_kept and is_letter(verdict.line)) or is_one_sign(search, verdict.line)


def _out_of_places(verdicts: Sequence[Verdict], stands_alone: StandsAlone) -> list[Verdict]:
    """Kept lines that stand by themselves in removed places of several lines are cut out of those."""
    kept = [v for v in verdicts if v.is_kept]

    def is_cut_out(verdict: Verdict) -> bool:
        ink = verdict.line.ink_box
        over = [v.line for v in verdicts if not v.is_kept and v.line.box.intersection(ink)]
        is_within = bool(over) and all(is_place_of_several(place, verdict.line) for place in over)
        return is_within and stands_alone(verdict, kept)

    return [replace(v, line=v.as_read, ink=0, is_cut_out=True) if v.is_kept and is_cut_out(v) else v for v in verdicts]


def _carried_on(search: SearchImage, verdict: Verdict, kept: Sequence[Verdict]) -> list[Verdict]:
    """A removed line with the letters that follow it; kept ink that is none of them does not go with it."""
    line = carried_on(search, verdict.line)
    reached = [one for one in kept if one.line.ink_box.intersection(line.box)]
    if (
        line is verdict.line
        or not reached
        or any(belongs_to(one.line, line) for one in reached if not is_whole_word(one))
    ):
        return [replace(verdict, line=line)]
    return [verdict, replace(verdict, line=replace(line, inks=(), ink_boxes=()), rule=Rule.ADJOINS)]


def _is_lead(verdict: Verdict) -> bool:
    """True for a kept lone letter: one that lies like it, or one that is read so, as a thin L."""
    return verdict.is_kept and (is_letter(verdict.line) or count_alphanumerics(verdict.texts[0]) == 1)


def _narrowed(search: SearchImage, verdict: Verdict, bench: Bench) -> list[Verdict]:
    """A kept letter without what else its ink holds: readers overlook initials."""
    line, ink = verdict.line, verdict.line.ink_box
    for letter in letters_within(search, line):
        if _MUCH_LESS * ink.area > letter.box.area >= _LEAST_OF_INK * ink.area and letter.box.intersection(ink):
            return [judge_letter(letter, bench) or verdict]
    is_one = count_alphanumerics(verdict.texts[0]) == 1
    if is_one and line.inks and (parts := letter_apart(verdict.as_read.inks[0])) is not None:
        letter, small = (_part_of(verdict.as_read, mask) for mask in parts)
        gone = Verdict(replace(small, inks=(), ink_boxes=()), BoxDecision.REDACTED, Rule.ADJOINS)
        kept = judge_letter(letter, bench)  # it may lie in a removed line: of that it is not cut out
        return [replace(kept, is_cut_out=False) if kept else verdict.removed_for(Rule.TEXT), gone]
    return [verdict]


def _part_of(line: Line, mask: NDArray[np.bool_]) -> Line:
    """A part of the first ink of a line as a line of its own."""
    ink = Ink(mask, line.ink_box, line.constancy)
    across, _ = sorted((ink.box.height, ink.box.width))
    is_vertical = ink.box.height > ink.box.width
    return replace(
        line, box=ink.box, is_vertical=is_vertical, line_px=float(across), glyphs=1, inks=(ink.cropped,),
        ink_boxes=(ink.box,),
    )  # fmt: skip


def _without_small_letters(verdicts: Sequence[Verdict]) -> list[Verdict]:
    """Of two kept letters side by side the much smaller one is an initial that reads like a side."""
    letters = [v.line for v in verdicts if _is_lead(v) and count_alphanumerics(v.texts[0]) == 1]
    small = [line for line in letters if any(is_initial_of(line, letter) for letter in letters)]
    return [v.removed_for(Rule.ADJOINS) if v.is_kept and v.line in small else v for v in verdicts]


def _words_apart(verdicts: Sequence[Verdict], bench: Bench) -> list[Verdict]:
    """Listed words that one binarisation shows whole, in places that hold more: the rest goes, they stay."""
    removed = [v for v in verdicts if not v.is_kept]
    known = [v.line.ink_box for v in verdicts if v.is_kept]
    found: list[Verdict] = []
    for place in (v for v in removed if v.rule in {Rule.TEXT, Rule.READ}):
        others = [v.line for v in removed if v is not place]
        for word in words_of(place.line):
            if _is_free(word, known, others) and (verdict := judge_word(word, bench)) is not None:
                found.append(verdict)
                known.append(word.box)
                break
    return found


def _is_free(line: Line, known: Sequence[Box], others: Sequence[Line]) -> bool:
    """True for what was not kept already, and neither lies in another removed line nor goes on from one."""
    is_new = not any(line.box.intersection(box) for box in known)
    return is_new and not any(line.box.intersection(one.box) or adjoins(line, one) for one in others)


def _lead_letters(
    search: SearchImage, verdicts: Sequence[Verdict], undecided: Sequence[Line], bench: Bench
) -> list[Verdict]:
    """The letters of lead markers that were not read as a whole: what stands beside them goes, they stay."""
    removed = [v for v in verdicts if not v.is_kept]
    places = [v.line for v in removed if may_hold_lead(v)]
    firm = [v.line for v in removed if not may_hold_lead(v)]
    known = [v.line.ink_box for v in verdicts if v.is_kept]
    found: list[Verdict] = []
    for place in places + [line for line in undecided if line.box.aspect < LEAD_ASPECT][:_MOST_PLACES]:
        for letter in letters_within(search, place):
            others = firm + [line for line in places if not line.box.intersection(letter.box)]
            if _is_free(letter, known, others) and (verdict := judge_letter(letter, bench)) is not None:
                found.append(verdict)
                known.append(letter.box)
                break
    return found


def _initials(search: SearchImage, maps: Sequence[Maps], verdicts: Sequence[Verdict]) -> list[Verdict]:
    """What faintly looks like letters beside a kept letter: lead is blurred, and technologists add their initials."""
    letters = [v.line for v in verdicts if _is_lead(v)]
    if not letters:
        return []
    around = [company(letter).grown(0, search.shape) for letter in letters]
    faint = initials_of(letters, find_lines(search, [one.within(around) for one in maps], _FAINT_PROBABILITY))
    small = [line for letter in letters for line in beside_letter(search, letter)]
    seen = [v.line.box for v in verdicts]
    read = [v.line.ink_box for v in verdicts if v.is_kept]
    faint = [line for line in faint if not any(box.intersection(line.box) for box in seen)]
    small = [line for line in small if not any(box.intersection(line.box) for box in read)]
    return [Verdict(line, BoxDecision.REDACTED, Rule.ADJOINS) for line in faint + small]


def _rest(undecided: Sequence[Line], verdicts: Sequence[Verdict]) -> list[Verdict]:
    """What looks like type, reads like nothing, and hangs on something that is surely removed: it goes with it."""
    kept = [v.line.ink_box for v in verdicts if v.is_kept]
    free = [line for line in undecided if not any(box.intersection(line.box) for box in kept)]
    gone = [v.line for v in verdicts if v.is_sure]
    return [Verdict(line, BoxDecision.REDACTED, Rule.ADJOINS) for line in hanging_on(free, gone)]


def _short_of(line: Line, letter: Line) -> Line:
    """The line as if so low that its rectangle does not grow over a letter which is not known to be one."""
    gap = max(1, *line.box.gaps(letter.ink_box))
    return replace(line, line_px=min(line.line_px, float(gap)))


def _beside_suspects(
    search: SearchImage, verdicts: Sequence[Verdict], undecided: Sequence[Line], bench: Bench
) -> list[Verdict]:
    """Small letters beside what is hardly seen, but read as a letter; it comes last and only adds to what goes."""
    read = [v.line.ink_box for v in verdicts if v.is_kept]
    beside = [(one, beside_letter(search, one)) for one in _suspects(search, verdicts, undecided, bench)]
    return [
        Verdict(_short_of(line, letter), BoxDecision.REDACTED, Rule.ADJOINS)
        for letter, lines in beside
        for line in lines
        if len(lines) <= _MOST_BESIDE  # more is texture
        and line.line_px <= _MUCH_LOWER * max(letter.box.height, letter.box.width)
        and not any(box.intersection(line.box) for box in read)
    ]


def _suspects(search: SearchImage, verdicts: Sequence[Verdict], undecided: Sequence[Line], bench: Bench) -> list[Line]:
    """Letters in places that look a little like text, of which the first reader is certain."""
    known = [v.line.ink_box for v in verdicts if v.is_kept]
    found: list[Line] = []
    for place in [line for line in undecided if line.box.aspect < LEAD_ASPECT][:_MOST_SUSPECTS]:
        for letter in letters_within(search, place, in_words=True):
            is_new = not any(letter.box.intersection(box) for box in known)
            if is_new and may_be_letter(letter, bench):
                found.append(letter)
                known.append(letter.box)
                break
    return found


def _code(box: Box) -> Verdict:
    return Verdict(Line(box, False, 16.0, 0, 1.0), BoxDecision.REDACTED, Rule.CODE)


def _is_inside(box: Box, codes: Sequence[Verdict]) -> bool:
    """Wholly inside: of a line that only touches a code, the rest must still be judged."""
    return any(code.line.box.intersection(box) == box.area for code in codes)


def _is_covered(box: Box, read: Sequence[Box]) -> bool:
    """Outlined type has the edges of a code; where it is read as a marker it is none."""
    return sum(one.intersection(box) for one in read) >= _READ_SHARE * box.area


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
