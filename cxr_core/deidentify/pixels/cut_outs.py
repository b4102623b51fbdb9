"""Decides what stays of a place that holds more than a marker, and what is no marker after all.

Takes verdicts on whole lines, gives verdicts in which listed words and lead letters are cut out of what goes.
Whether one that was cut out stays is left to `cutting`, what goes along with the rest to `followers`.
"""

from collections.abc import Sequence
from dataclasses import replace
from functools import reduce

from cxr_core.deidentify.pixels.bench import Bench
from cxr_core.deidentify.pixels.cutting import judge_lead_word, judge_letter, judge_sighting, judge_word
from cxr_core.deidentify.pixels.ink import part_of
from cxr_core.deidentify.pixels.lead import letters_within, whole_of
from cxr_core.deidentify.pixels.lead_words import LeadWord, words_within
from cxr_core.deidentify.pixels.lines import letter_apart, words_of
from cxr_core.deidentify.pixels.model import TEXT_PROBABILITY, UNBOUNDED, Box, Line
from cxr_core.deidentify.pixels.neighbours import (
    adjoins,
    ink_shared,
    is_block,
    is_initial_of,
    is_of_its_ink,
)
from cxr_core.deidentify.pixels.places import groups_of
from cxr_core.deidentify.pixels.proposals import SearchImage
from cxr_core.deidentify.pixels.sightings import (
    as_line,
    by_preference,
    clear_of,
    is_glimpsed,
    is_seen_as,
    sightings,
)
from cxr_core.deidentify.pixels.signatures import signed
from cxr_core.deidentify.pixels.solid import is_one_sign
from cxr_core.deidentify.pixels.standing import is_place_of_several
from cxr_core.deidentify.pixels.verdict import (
    LEAD_ASPECT,
    WHOLE_WORD,
    Rule,
    StandsAlone,
    Verdict,
    is_lead,
    is_unread,
    may_hold_lead,
    may_show_letter,
)
from cxr_core.deidentify.pixels.wording import are_alike, count_alphanumerics, is_spelled_out, longest_word
from cxr_core.vocabulary import BoxDecision

_MOST_PLACES = 8
_MUCH_LESS = 0.8
_SURELY_A_LINE = 0.88  # lead is blurred, and not alone
_LONGEST_WORD = 14  # glyphs, and aspect: a word and initials
_PIECE, _INSIDE = 0.7, 0.9  # of its rectangle
_AS_READ = 0.5  # of the ink of a part: what was read
_LEAST_OF_A_LETTER, _LEAST_OF_A_WORD = 0.2, 0.5  # of what was read: there may be a ring; small letters beside a word
_TOUCHING, _LONGEST_TOGETHER = 0.6, 8.0  # of the lower of two pieces of a word; of the highest
_SEEN = 0.62  # how surely, at least, a letter is seen
_SHARED, _HALF = 0.4, 0.5  # of the smaller of two letters that are one; of a letter
_REACH = 0.3  # of the height of a line: how far its rectangle grows
_COMPANY = 0.8, 3.0  # of the height of a word of lead: height and length of initials


def letters_alone(search: SearchImage, verdicts: Sequence[Verdict], bench: Bench) -> list[Verdict]:
    """The same verdicts with every kept letter by itself: no initials in its ink, no lines that lie like a letter.

    Parameters
    ----------
    search : SearchImage
    verdicts : sequence of Verdict
    bench : Bench
    """
    alone = [one for v in verdicts for one in _by_itself(search, v, bench)]
    gone = [v.line for v in alone if v.is_sure]
    return [v if _may_stay(search, v, gone) else v.removed_for(Rule.TEXT) for v in alone]


def _may_stay(search: SearchImage, verdict: Verdict, gone: Sequence[Line]) -> bool:
    """Lines of type that lie like a letter are read as one, and so are the plates behind them.

    It would be kept with all that it is made of. Nobody reads two letters of them, and alike.
    """
    if not is_lead(verdict) or _is_agreed_word(verdict):
        return True
    return not is_block(verdict.line, gone) and is_one_sign(search, verdict.as_read)


def _is_agreed_word(kept: Verdict) -> bool:
    return count_alphanumerics(kept.texts[0]) > 1 and are_alike(kept.texts)


def out_of_places(verdicts: Sequence[Verdict], stands_alone: StandsAlone) -> list[Verdict]:
    """Kept lines that stand by themselves in removed places of several lines are cut out of those."""
    kept = [v for v in verdicts if v.is_kept]

    def is_cut_out(verdict: Verdict) -> bool:
        ink = verdict.line.ink_box
        over = [v.line for v in verdicts if not v.is_kept and v.line.box.intersection(ink)]
        is_within = bool(over) and all(is_place_of_several(place, verdict.line) for place in over)
        return is_within and stands_alone(verdict, kept)

    return [replace(v, line=v.as_read, ink=0, is_cut_out=True) if v.is_kept and is_cut_out(v) else v for v in verdicts]


def _by_itself(search: SearchImage, verdict: Verdict, bench: Bench) -> list[Verdict]:
    if not verdict.is_kept:
        return [verdict]
    if count_alphanumerics(verdict.texts[0]) > 1 and (pieces := _in_pieces(search, verdict)):
        return pieces
    return _narrowed(search, verdict, bench) if is_lead(verdict) else _unsigned(verdict)


def _narrowed(search: SearchImage, verdict: Verdict, bench: Bench) -> list[Verdict]:
    """A kept letter without what else its ink holds: readers overlook initials."""
    line, read = verdict.line, verdict.as_read
    for letter in letters_within(search, line):
        is_narrower = letter.box.area < _MUCH_LESS * line.ink_box.area
        if is_narrower and _is_ink_of(letter, read, _LEAST_OF_A_LETTER):
            return [judge_letter(letter, bench) or verdict]
    is_one = count_alphanumerics(verdict.texts[0]) == 1
    if is_one and line.inks and (parts := letter_apart(verdict.as_read.inks[0])) and parts[1].any():
        letter, small = (part_of(verdict.as_read, mask, 1) for mask in parts)
        gone = Verdict(replace(small, inks=(), ink_boxes=()), BoxDecision.REDACTED, Rule.ADJOINS)
        kept = judge_letter(letter, bench)  # it may lie in a removed line: of that it is not cut out
        return [replace(kept, is_cut_out=False) if kept else verdict.removed_for(Rule.TEXT), gone]
    return [verdict]


def _in_pieces(search: SearchImage, verdict: Verdict) -> list[Verdict]:
    """A kept word without what else its ink holds, askew letter by letter; nothing where it is its ink and level."""
    letters, read = count_alphanumerics(verdict.texts[0]), verdict.as_read
    for word in words_within(search, verdict.line):
        is_narrower = word.is_askew or word.place.box.area <= _MUCH_LESS * read.ink_box.area
        is_as_long = len(word.letters) == letters and not word.is_beside_larger
        if is_narrower and is_as_long and _is_ink_of(word.place, read, _LEAST_OF_A_WORD):
            return [replace(verdict, line=piece, ink=0, is_piece=word.is_askew) for piece in word.pieces]
    return []


def _unsigned(verdict: Verdict) -> list[Verdict]:
    """A kept word without the initials in its ink, which go."""
    read = verdict.as_read
    if not read.inks:
        return [verdict]
    word, signs = signed(read, count_alphanumerics(verdict.texts[0]))
    gone = [Verdict(replace(sign, inks=(), ink_boxes=()), BoxDecision.REDACTED, Rule.ADJOINS) for sign in signs]
    return [verdict if word is read else replace(verdict, line=word, ink=0), *gone]


def _is_ink_of(part: Line, read: Line, least: float) -> bool:
    """True for ink that was read, and enough of that: holes, strokes and serifs of bold letters look like letters."""
    return ink_shared(part, read) >= _AS_READ and ink_shared(read, part) >= least


def without_small_letters(verdicts: Sequence[Verdict]) -> list[Verdict]:
    """Of two kept letters side by side the much smaller one is an initial that reads like a side."""
    letters = [v.line for v in verdicts if is_lead(v) and count_alphanumerics(v.texts[0]) == 1]
    small = [line for line in letters if any(is_initial_of(line, letter) for letter in letters)]
    return [v.removed_for(Rule.ADJOINS) if v.is_kept and v.line in small else v for v in verdicts]


def words_apart(verdicts: Sequence[Verdict], bench: Bench, stands_alone: StandsAlone) -> list[Verdict]:
    """Listed words that one binarisation shows whole, in places that hold more: the rest goes, they stay.

    Of a place that was seen still more coarsely with what is around it only a word that stands by itself stays, and so
    does a short one. Of several readings that counts which is spelled out: under another look an end may be missing.
    """
    removed = [v for v in verdicts if not v.is_kept]
    kept = [v for v in verdicts if v.is_kept]
    known = [v.line.ink_box for v in kept]
    found: list[Verdict] = []

    def judged(word: Line, place: Line) -> Verdict | None:
        others = [v.line for v in removed if v.line is not place and not is_of_its_ink(v.line.box, word)]
        around = [one for one in others if is_place_of_several(one, word) and _is_inside_of(place.box, one.box)]
        if not _is_free(word, known, [one for one in others if one not in around]):
            return None
        verdict = judge_word(word, bench)
        if verdict is None:
            return None
        is_plain = not around and longest_word(verdict.texts[0]) >= WHOLE_WORD
        return verdict if is_plain or stands_alone(verdict, kept) else None

    for place in (v.line for v in removed if v.rule in {Rule.TEXT, Rule.READ}):
        words = [verdict for word in words_of(place) if (verdict := judged(word, place))]
        if words:
            found.append(max(words, key=lambda one: is_spelled_out(one.texts[0], bench.policy)))
            known.append(found[-1].line.box)
    return found


def _is_free(line: Line, known: Sequence[Box], others: Sequence[Line]) -> bool:
    """True for what was not kept already, and neither lies in another removed line nor goes on from one."""
    is_new = not any(line.box.intersection(box) for box in known)
    return is_new and not any(line.box.intersection(one.box) or adjoins(line, one) for one in others)


def lead_words(
    search: SearchImage, verdicts: Sequence[Verdict], undecided: Sequence[Line], bench: Bench
) -> list[Verdict]:
    """The words of lead markers that were not read as a whole: they lie askew, or smaller things stand beside them."""
    removed = [v.line for v in verdicts if _may_hold_word(v)]
    places = sorted(removed, key=lambda line: line.probability)  # lead looks less like type than type does
    likely = [line for line in undecided if line.probability >= TEXT_PROBABILITY]  # others stay as they are
    return _words_in(search, places[:_MOST_PLACES] + likely[:_MOST_PLACES], verdicts, bench)


def _together(places: Sequence[Line]) -> list[Line]:
    """Places that touch, as one: a word that lies askew is seen in pieces."""
    found = []
    for group in groups_of(places, _touch):
        whole = reduce(Box.union, (line.box for line in group))
        if len(group) > 1 and max(whole.height, whole.width) <= _LONGEST_TOGETHER * max(one.line_px for one in group):
            likeliest = max(group, key=lambda line: line.probability)
            found.append(replace(likeliest, box=whole, inks=(), ink_boxes=()))
    return found


def _touch(one: Line, other: Line) -> bool:
    reach = round(_TOUCHING * min(one.line_px, other.line_px))
    return one.box.grown(reach, UNBOUNDED).intersection(other.box) > 0


def _words_in(search: SearchImage, places: Sequence[Line], verdicts: Sequence[Verdict], bench: Bench) -> list[Verdict]:
    removed = [v.line for v in verdicts if not v.is_kept]
    kept = [v for v in verdicts if v.is_kept]
    found: list[Verdict] = []
    for place in [*_together(places), *places]:
        for word in words_within(search, place):
            others = [line for line in removed if not (_is_inside(line, place) or _is_with(line, word.place))]
            # the rectangle around one askew may reach into what stays beside it, its letters may not
            known = [v.line.ink_box for v in kept + found if not _is_piece_of(v, word)]
            is_free = _is_free(word.place, (), others) and all(_is_free(one, known, ()) for one in word.pieces)
            if is_free and (pieces := judge_lead_word(word, bench)):
                found += pieces
                break
    return found


def _is_piece_of(kept: Verdict, word: LeadWord) -> bool:
    """True for a shorter marker that was read of a word: `UP` of `UPRIGHT`."""
    is_shorter = count_alphanumerics(kept.texts[0]) < len(word.letters)
    return is_shorter and _is_inside_of(kept.line.ink_box, word.place.box)


def _may_hold_word(verdict: Verdict) -> bool:
    line = verdict.line
    is_short = line.glyphs <= _LONGEST_WORD and line.box.aspect <= _LONGEST_WORD
    return is_unread(verdict) and line.probability < _SURELY_A_LINE and is_short


def _is_inside(line: Line, place: Line) -> bool:
    """True for the place itself and what was found in it as well: it was looked at when the word was taken out."""
    return _is_inside_of(line.box, place.box)


def _is_inside_of(part: Box, whole: Box) -> bool:
    return part.intersection(whole) >= _INSIDE * part.area


def _is_with(line: Line, word: Line) -> bool:
    """True for what may be initials beside a word of lead, and for a piece of it that was found by itself."""
    shorter, longer = sorted((line.box.height, line.box.width))
    is_small = shorter <= _COMPANY[0] * word.line_px and longer <= _COMPANY[1] * word.line_px
    return is_small or line.box.intersection(word.box) >= _PIECE * line.box.area


def letters_seen(
    search: SearchImage, verdicts: Sequence[Verdict], codes: Sequence[Verdict], undecided: Sequence[Line], bench: Bench
) -> tuple[list[Verdict], list[Line]]:
    """The same verdicts with the lone letters that the network sees, where they are read as it sees them.

    It looks at places that go or may go, and at letters over which such a place would go. A letter that was kept with
    less or more than its ink is replaced. Given beside the verdicts: the small type next to these letters.
    """
    removed = [v for v in verdicts if not v.is_kept]
    places = sorted((v.line for v in removed if may_show_letter(v)), key=lambda line: -line.box.area)
    firm = [v.line for v in [*removed, *codes] if not may_show_letter(v)]
    reached = [line.box.grown(round(_REACH * line.line_px), UNBOUNDED) for line in places]

    def is_in_danger(line: Line) -> bool:
        return line.box.aspect < LEAD_ASPECT and any(box.intersection(line.box) for box in reached)

    doubtful = [line for line in undecided if is_in_danger(line) or _may_have_initials(line)]
    letters = [v.as_read for v in verdicts if _is_lone(v) and is_in_danger(v.line)]
    looked_at = places[:_MOST_PLACES] + (letters + doubtful)[:_MOST_PLACES]
    seen = {one: place for place in looked_at for one in sightings(search, place.box) if one.certainty >= _SEEN}
    known = [v.as_read.ink_box for v in verdicts if v.is_kept]
    confirmed = [line.ink_box for line in letters if is_seen_as(line, list(seen))]
    found: list[Verdict] = []
    beside: list[Line] = []
    for sighting in by_preference(list(seen)):
        is_known = any(sighting.box.intersection(box) for box in confirmed + [v.line.ink_box for v in found])
        is_part = sighting.is_of_a_row(known) or any(_is_half_of(sighting.box, line.ink_box) for line in letters)
        if is_known or is_part:
            continue
        letter = as_line(search, sighting, seen[sighting])
        others = firm + [line for line in places if letter and not line.box.intersection(letter.box)]
        if letter and _is_free(letter, (), others) and (verdict := judge_sighting(letter, sighting, bench)):
            verdict = replace(verdict, line=clear_of(verdict.line, sighting.company))
            found.append(_as_a_whole(search, verdict, firm, bench))
            beside += [letter.beside(box, glyphs=2) for box in sighting.company]
    return [v for v in verdicts if not any(_is_replaced(v, one) for one in found)] + found, beside


def _may_have_initials(line: Line) -> bool:
    return line.box.aspect < LEAD_ASPECT and line.probability >= TEXT_PROBABILITY


def _is_replaced(verdict: Verdict, seen: Verdict) -> bool:
    return _is_lone(verdict) and _is_same(verdict.as_read.ink_box, seen.line.box)


def _is_half_of(part: Box, letter: Box) -> bool:
    """True for what is seen of a letter that was read as a whole."""
    return part.area <= _HALF * letter.area and _is_inside_of(part, letter)


def _is_lone(verdict: Verdict) -> bool:
    return is_lead(verdict) and count_alphanumerics(verdict.texts[0]) == 1


def _is_same(one: Box, other: Box) -> bool:
    """True where two rectangles share much of the smaller one: the corner of a word askew may lie in another's."""
    return one.intersection(other) > _SHARED * min(one.area, other.area)


def lead_letters(
    search: SearchImage, verdicts: Sequence[Verdict], undecided: Sequence[Line], bench: Bench
) -> list[Verdict]:
    """The letters of lead markers that were not read as a whole: what stands beside them goes, they stay."""
    removed = [v for v in verdicts if not v.is_kept]
    places = sorted((v.line for v in removed if may_hold_lead(v)), key=lambda line: -line.box.area)
    firm = [v.line for v in removed if not may_hold_lead(v)]
    known = [v.line.ink_box for v in verdicts if v.is_kept]
    found: list[Verdict] = []
    for place in places + [line for line in undecided if line.box.aspect < LEAD_ASPECT][:_MOST_PLACES]:
        for letter in letters_within(search, place, known):
            others = firm + [line for line in places if not line.box.intersection(letter.box)]
            verdict = judge_letter(letter, bench) if _is_free(letter, known, others) else None
            if verdict is not None and is_glimpsed(search, letter):
                verdict = _as_a_whole(search, verdict, firm, bench)
                found.append(verdict)
                known.append(verdict.line.box)
                break
    return found


def _as_a_whole(search: SearchImage, verdict: Verdict, firm: Sequence[Line], bench: Bench) -> Verdict:
    """A kept letter with the rest of itself, where a piece of it was read and the whole reads as well."""
    whole = whole_of(search, verdict.line)
    if whole is None or not _is_free(whole, (), firm):
        return verdict
    return judge_letter(whole, bench) or verdict
