"""Decides what goes along with what goes: initials, rows, fainter lines, ends, and what hangs on a removed place.

Takes verdicts, gives the verdicts of what follows from them; nothing here frees anything.
Where the removed rectangles end is left to `redaction`.
"""

from collections.abc import Sequence
from dataclasses import replace

from cxr_core.deidentify.pixels.bench import Bench
from cxr_core.deidentify.pixels.blocks import faint_lines
from cxr_core.deidentify.pixels.continuation import belongs_to, carried_on
from cxr_core.deidentify.pixels.cutting import may_be_letter
from cxr_core.deidentify.pixels.lead import beside_letter, letters_within
from cxr_core.deidentify.pixels.lines import find_lines
from cxr_core.deidentify.pixels.model import Box, Line, lies_on
from cxr_core.deidentify.pixels.neighbours import company, hanging_on, initials_of, is_block, rows_of_letters
from cxr_core.deidentify.pixels.network import Maps
from cxr_core.deidentify.pixels.proposals import SearchImage
from cxr_core.deidentify.pixels.sightings import letter_signed
from cxr_core.deidentify.pixels.verdict import LEAD_ASPECT, Rule, Verdict, is_lead, is_whole_word
from cxr_core.vocabulary import BoxDecision

_FAINT_PROBABILITY = 0.2
_MOST_SUSPECTS, _MOST_BESIDE, _TEXTURE = 4, 2, 5
_READ = 0.2  # of what was seen beside a letter: it was read as a word
_ASKEW = 0.5, 0.2  # of what may be initials, and of the letter: what lies in the rectangle of both
_OF_A_WORD = 3  # glyphs
_MOST_SIGNS, _LONGEST_SIGNED, _LEAST_SIGNED_PX = 4, 3.5, 12  # of initials: glyphs, aspect, height
_MUCH_LOWER = 0.62  # of a letter: initials beside it; the T of RT is none


def blocks_and_rows(
    search: SearchImage, maps: Sequence[Maps], verdicts: Sequence[Verdict], things: Sequence[Box]
) -> list[Verdict]:
    """Letters of one row as a line, and lines of a block that are too faint to go by themselves.

    Parameters
    ----------
    search : SearchImage
    maps : sequence of Maps
    verdicts : sequence of Verdict
    things : sequence of Box
        Rows of like things, which are no text.
    """
    rows = [
        Verdict(row, BoxDecision.REDACTED, Rule.TEXT)
        for row in rows_of_letters([v.line for v in verdicts if not v.is_kept])
    ]
    kept = [v.line.box for v in verdicts if v.is_kept]
    maps_of_text = [one.within([Box(0, 0, *search.shape)], things) for one in maps]
    faint = faint_lines(maps_of_text, [v.line for v in [*verdicts, *rows] if v.is_sure], kept, search.shape)
    return rows + [Verdict(line, BoxDecision.REDACTED, Rule.ADJOINS) for line in faint]


def followed_to_their_ends(search: SearchImage, verdicts: Sequence[Verdict], things: Sequence[Box]) -> list[Verdict]:
    """The same verdicts, removed lines with the letters of their size and tone that follow them.

    The lines of a block go on themselves; on a row of like things more of them follow, and no letters of what lies
    upon it, unless it could be read.
    """
    gone = [v.line for v in verdicts if not v.is_kept]
    kept = [v for v in verdicts if v.is_kept]

    def goes_on(verdict: Verdict) -> bool:
        is_upon = not verdict.is_legible and lies_on(verdict.line.box, things)
        return not (verdict.is_kept or is_upon or is_block(verdict.line, gone))

    return [one for v in verdicts for one in (_carried_on(search, v, kept) if goes_on(v) else [v])]


def initials(
    search: SearchImage, maps: Sequence[Maps], verdicts: Sequence[Verdict], beside: Sequence[Line]
) -> list[Verdict]:
    """What faintly looks like letters beside a kept letter: lead is blurred, and technologists add their initials.

    Beside a kept word, or a letter that a device has drawn, it is only what has its tone. What was seen beside a letter
    goes, unless it was read.
    """
    letters = [v.as_large_as_ink for v in verdicts if is_lead(v)]
    words = [_as_of_a_word(v.as_read) for v in verdicts if v.is_kept and not is_lead(v)]
    of_lead = [letter for letter in letters if not letter.is_drawn]
    around = [company(letter).grown(0, search.shape) for letter in of_lead]
    near = find_lines(search, [one.within(around) for one in maps], _FAINT_PROBABILITY) if of_lead else []
    faint = initials_of(of_lead, near)
    small = [line for letter in letters + words for line in _plain_beside(search, letter)]
    seen = [v.line.box for v in verdicts if not is_lead(v)]
    own = [v.line.box for v in verdicts if is_lead(v)]
    read = [v.as_read.ink_box for v in verdicts if v.is_kept]
    faint = [line for line in faint if not any(box.intersection(line.box) for box in seen)]
    faint = [line for line in faint if all(_lies_beside(line.box, box) for box in own)]
    small = [line for line in small if not any(box.intersection(line.box) for box in read)]
    unread = [line for line in beside if all(box.intersection(line.box) <= _READ * line.box.area for box in read)]
    return [Verdict(line, BoxDecision.REDACTED, Rule.ADJOINS) for line in faint + small + unread]


def _plain_beside(search: SearchImage, letter: Line) -> list[Line]:
    """What may be initials of a kept letter. Where there is much of it, most is ribs: only what is much lower.

    Where there is still more, only what of that is nearest.
    """
    lines, size = beside_letter(search, letter), max(letter.box.height, letter.box.width)
    if len(lines) <= _MOST_BESIDE:
        return lines
    lower = [line for line in lines if line.line_px <= _MUCH_LOWER * size]
    nearest = sorted(lower, key=lambda line: max(line.box.gaps(letter.ink_box)))
    return nearest[: _MOST_BESIDE if len(lines) > _TEXTURE else None]


def _lies_beside(box: Box, letter: Box) -> bool:
    """True for what lies no more than with a corner in the rectangle of a letter askew: it is not the letter again."""
    return box.intersection(letter) <= min(_ASKEW[0] * box.area, _ASKEW[1] * letter.area)


def _as_of_a_word(line: Line) -> Line:
    """A word, or a letter of one, as what it is: beside it stands what is low for its height, not for its length."""
    return replace(line, glyphs=max(_OF_A_WORD, line.glyphs))


def rest(undecided: Sequence[Line], verdicts: Sequence[Verdict]) -> list[Verdict]:
    """What looks like type, reads like nothing, and hangs on something that is surely removed: it goes with it."""
    kept = [v.line.ink_box for v in verdicts if v.is_kept]
    free = [line for line in undecided if not any(box.intersection(line.box) for box in kept)]
    gone = [v.line for v in verdicts if v.is_sure]
    return [Verdict(line, BoxDecision.REDACTED, Rule.ADJOINS) for line in hanging_on(free, gone)]


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


def beside_suspects(
    search: SearchImage, verdicts: Sequence[Verdict], undecided: Sequence[Line], bench: Bench
) -> list[Verdict]:
    """Small letters beside what is hardly seen, but read as a letter; it comes last and only adds to what goes.

    In places that look a little like text; to read takes longest, and most letters there have nothing beside them.
    """
    kept = [v.line.ink_box for v in verdicts if v.is_kept]
    known, found = list(kept), list[Line]()
    for place in [line for line in undecided if line.box.aspect < LEAD_ASPECT][:_MOST_SUSPECTS]:
        for letter in letters_within(search, place, in_words=True):
            is_new = not any(letter.box.intersection(box) for box in known)
            small = _small_beside(search, letter, kept) if is_new else []
            if small and may_be_letter(letter, bench):
                found += small
                known.append(letter.box)
                break
    return [Verdict(line, BoxDecision.REDACTED, Rule.ADJOINS) for line in found]


def _small_beside(search: SearchImage, letter: Line, kept: Sequence[Box]) -> list[Line]:
    """What may be initials of a letter that is hardly seen."""
    lines, size = beside_letter(search, letter), max(letter.box.height, letter.box.width)
    return [
        _short_of(line, letter.ink_box)
        for line in lines
        if len(lines) <= _MOST_BESIDE  # more is texture
        and line.line_px <= _MUCH_LOWER * size
        and not any(box.intersection(line.box) for box in kept)
    ]


def _short_of(line: Line, letter: Box) -> Line:
    """The line as if so low that its rectangle does not grow over a letter which is not known to be one."""
    gap = max(1, *line.box.gaps(letter))
    return replace(line, line_px=min(line.line_px, float(gap)))


def signing_what_is_seen(search: SearchImage, verdicts: Sequence[Verdict], undecided: Sequence[Line]) -> list[Verdict]:
    """What may be initials by its size, beside a letter that nobody read, but which is surely seen: that stays."""
    kept = [v.line.ink_box for v in verdicts if v.is_kept]
    judged = kept + [v.line.box for v in verdicts if not v.is_kept]
    found = []
    for line in [line for line in undecided if _may_sign(line)][:_MOST_SUSPECTS]:
        letter = None if lies_on(line.box, judged) else letter_signed(search, line.box)
        if letter is not None and not any(box.intersection(letter) for box in kept):
            found.append(Verdict(_short_of(line, letter), BoxDecision.REDACTED, Rule.ADJOINS))
    return found


def _may_sign(line: Line) -> bool:
    return line.glyphs <= _MOST_SIGNS and line.box.aspect <= _LONGEST_SIGNED and line.line_px >= _LEAST_SIGNED_PX
