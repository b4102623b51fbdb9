from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from cxr_core.deidentify.pixels import judgement
from cxr_core.deidentify.pixels.bench import Bench
from cxr_core.deidentify.pixels.cut_outs import letters_alone, words_apart
from cxr_core.deidentify.pixels.cutting import judge_letter, judge_word, may_be_letter
from cxr_core.deidentify.pixels.judgement import judge
from cxr_core.deidentify.pixels.lines import words_of
from cxr_core.deidentify.pixels.model import Box, Line
from cxr_core.deidentify.pixels.neighbours import initials_of_doubtful
from cxr_core.deidentify.pixels.proposals import prepare_search
from cxr_core.deidentify.pixels.reading import Desk, Memo, Reading
from cxr_core.deidentify.pixels.verdict import Rule, Verdict, may_hold_lead
from cxr_core.deidentify.pixels.wording import Identifiers
from cxr_core.errors import ItemError
from cxr_core.policy.markers import load_marker_policy
from cxr_core.vocabulary import BoxDecision, Photometric, Reason

Draw = Callable[..., NDArray[np.uint16]]


def line(box: Box, *, glyphs: int = 3, probability: float = 0.99, seed: int = 0) -> Line:
    ink = np.random.default_rng(seed).random((box.height, box.width)) > 0.5
    return Line(box, False, float(box.height), glyphs, probability, 1.0, (ink,), (box,))


def bench(*readers: object, identifiers: tuple[str, ...] = (), several: float = 1.0) -> Bench:
    """A bench at which every ink may be any marker; `several` is how likely it is two characters or more."""
    letters = np.array([1.0] * 26 + [several], np.float32)
    looks = (lambda inks: np.ones((len(inks), 2), np.float32)), (lambda inks: np.tile(letters, (len(inks), 1)))
    desk = Desk(tuple(readers), Memo(), *looks)  # type: ignore[arg-type]
    return Bench(desk, load_marker_policy(), Identifiers.of(identifiers))


LINE = Box(100, 100, 120, 200)


def test_allowed_marker_is_kept(fake_reader: Callable[..., object]) -> None:
    verdicts, _ = judge([line(LINE)], bench(fake_reader("PORTABLE")))
    assert [(v.decision, v.rule, v.engine) for v in verdicts] == [(BoxDecision.KEPT, Rule.MARKER, "fake")]


@pytest.mark.parametrize(
    ("text", "score", "stays"),
    [("PORTABLE", 0.99, True), ("L ERECT", 0.99, True), ("PORTABLE", 0.9, False), ("LAT", 0.99, False)],
)
def test_of_what_is_read_in_the_mirror_a_long_word_stays_if_it_is_beyond_doubt(
    fake_reader: Callable[..., object], text: str, score: float, *, stays: bool
) -> None:
    """`LAT` in a mirror is `TAJ`."""
    reading = Reading((text,), (score,), 0, is_mirrored=True)
    court, place = bench(fake_reader(text)), line(Box(100, 100, 120, 100 + 16 * len(text)), glyphs=len(text))
    assert court.keeps(reading, place) is stays
    assert court.keeps(replace(reading, is_mirrored=False, scores=(0.99,)), place)


def test_a_phrase_of_three_words_may_stay_and_a_longer_line_goes_unread(fake_reader: Callable[..., object]) -> None:
    phrase, name = (line(Box(100, 100, 120, 100 + 12 * glyphs), glyphs=glyphs) for glyphs in (27, 29))
    for one, rule in ((phrase, Rule.MARKER), (name, Rule.LONG)):
        verdicts, _ = judge([one], bench(fake_reader("RIGHT LATERAL DECUBITUS")))
        assert [v.rule for v in verdicts] == [rule]


@pytest.mark.parametrize(("height_px", "goes"), [(18, False), (9, True)])
def test_a_stack_of_dots_as_high_as_a_marker_is_one_of_its_letters(height_px: int, *, goes: bool) -> None:
    """Type of dots or bars looks like a column of small letters; what is lower lies beside the letters."""
    stack = Line(Box(101, 140, 101 + height_px, 146), True, 6.0, 4, 0.99)
    marker = replace(line(Box(100, 100, 120, 170), glyphs=7, probability=0.7), line_px=20.0)
    verdicts, _ = judge([stack, marker], bench(ByHeight("UPRIGHT")))
    assert (BoxDecision.REDACTED in [v.decision for v in verdicts]) == goes


@pytest.mark.parametrize("text", ["Ross", "", "12:04"])
def test_whatever_is_no_marker_goes(fake_reader: Callable[..., object], text: str) -> None:
    verdicts, _ = judge([line(LINE)], bench(fake_reader(text)))
    assert [(v.decision, v.rule) for v in verdicts] == [(BoxDecision.REDACTED, Rule.TEXT)]


def test_marker_with_low_score_goes(fake_reader: Callable[..., object]) -> None:
    verdicts, _ = judge([line(LINE)], bench(fake_reader("PORTABLE", 0.6)))
    assert verdicts[0].decision is BoxDecision.REDACTED


def test_marker_goes_where_the_second_reader_disagrees(fake_reader: Callable[..., object]) -> None:
    verdicts, _ = judge([line(LINE)], bench(fake_reader("AP"), fake_reader("APE", name="second")))
    assert verdicts[0].decision is BoxDecision.REDACTED


def test_identifier_overrides_the_allow_list(fake_reader: Callable[..., object]) -> None:
    verdicts, _ = judge([line(LINE)], bench(fake_reader("LEFT"), identifiers=("Left Ann",)))
    assert [v.rule for v in verdicts] == [Rule.IDENTIFIER]


def test_single_letter_is_no_identifier(fake_reader: Callable[..., object]) -> None:
    letter = line(Box(100, 100, 120, 114), glyphs=1)
    verdicts, _ = judge([letter], bench(fake_reader("L"), identifiers=("Left Ann L",)))
    assert verdicts[0].decision is BoxDecision.KEPT


def test_long_line_goes_unread(fake_reader: Callable[..., object]) -> None:
    reader = fake_reader("PORTABLE")
    verdicts, _ = judge([line(LINE, glyphs=30)], bench(reader))
    assert (verdicts[0].rule, verdicts[0].engine, reader.seen) == (Rule.LONG, "none", 0)  # type: ignore[attr-defined]


def test_doubtful_line_goes_where_two_characters_are_read(fake_reader: Callable[..., object]) -> None:
    verdicts, undecided = judge([line(LINE, probability=0.1)], bench(fake_reader("7b")))
    assert ([v.rule for v in verdicts], undecided) == ([Rule.READ], [])


@pytest.mark.parametrize(("text", "score", "goes"), [("TFT", 0.75, False), ("TFT", 0.85, True), ("TFTE", 0.75, True)])
def test_three_characters_of_what_is_hardly_text_must_be_surer(
    fake_reader: Callable[..., object], text: str, score: float, *, goes: bool
) -> None:
    verdicts, _ = judge([line(LINE, probability=0.49)], bench(fake_reader(text, score)))
    assert [v.rule for v in verdicts] == [Rule.READ] * goes


def test_doubtful_line_stays_where_nothing_is_read(fake_reader: Callable[..., object]) -> None:
    verdicts, undecided = judge([line(LINE, probability=0.1)], bench(fake_reader("")))
    assert (verdicts, len(undecided)) == ([], 1)


def test_no_more_than_eight_doubtful_lines_are_read(fake_reader: Callable[..., object]) -> None:
    reader = fake_reader("")
    doubtful = [line(Box(40 * i, 100, 40 * i + 20, 200), probability=0.3, seed=i) for i in range(11)]
    verdicts, undecided = judge(doubtful, bench(reader))
    assert (verdicts, len(undecided), reader.seen) == ([], 11, 16)  # type: ignore[attr-defined]


def test_a_line_seen_at_two_scales_is_judged_once(fake_reader: Callable[..., object]) -> None:
    reader = fake_reader("PORTABLE")
    verdicts, _ = judge([line(LINE), line(Box(98, 96, 122, 204), seed=1)], bench(reader))
    assert ([v.rule for v in verdicts], reader.seen) == ([Rule.MARKER], 1)  # type: ignore[attr-defined]


def test_a_removed_line_that_reaches_further_at_another_scale_is_removed_as_far(
    fake_reader: Callable[..., object],
) -> None:
    wider = line(Box(98, 96, 122, 216), seed=1)
    verdicts, _ = judge([line(LINE), wider], bench(fake_reader("Ross, Ruth")))
    assert [v.line.box for v in verdicts] == [wider.box, LINE]


@pytest.mark.parametrize(("second", "decision"), [("SUP INE", "kept"), ("SVPlNE", "kept"), ("BOWEN", "redacted")])
def test_the_second_reader_need_only_bear_a_certain_marker_out(
    fake_reader: Callable[..., object], second: str, decision: str
) -> None:
    court = bench(fake_reader("SUPINE", 0.99), fake_reader(second, 0.4, name="second"))
    assert judge([line(LINE)], court)[0][0].decision.value == decision


@pytest.mark.parametrize(("second", "decision"), [("J", "kept"), ("", "kept"), ("Li", "redacted")])
def test_of_a_lone_letter_the_second_reader_must_see_one_character(
    fake_reader: Callable[..., object], second: str, decision: str
) -> None:
    court = bench(fake_reader("L", 0.99), fake_reader(second, 0.4, name="second"))
    letter = line(Box(100, 100, 120, 114), glyphs=1)
    assert judge([letter], court)[0][0].decision.value == decision


def test_a_marker_must_explain_the_whole_line(fake_reader: Callable[..., object]) -> None:
    verdicts, _ = judge([line(Box(100, 100, 120, 260))], bench(fake_reader("L.")))
    assert verdicts[0].decision is BoxDecision.REDACTED


def test_an_unreadable_letter_stays_below_three_quarters(fake_reader: Callable[..., object]) -> None:
    places = [line(Box(100, 100, 120, 114), glyphs=1, probability=p, seed=1) for p in (0.7, 0.8)]
    assert [len(judge([place], bench(fake_reader(""), several=0.1))[0]) for place in places] == [0, 1]


@pytest.mark.parametrize(("probability", "several", "gone"), [(0.56, 0.35, 1), (0.56, 0.25, 0), (0.52, 0.9, 0)])
def test_what_looks_like_two_letters_goes_also_where_nobody_can_read_it(
    fake_reader: Callable[..., object], probability: float, several: float, gone: int
) -> None:
    place = line(Box(100, 100, 120, 132), glyphs=2, probability=probability)
    assert len(judge([place], bench(fake_reader(""), several=several))[0]) == gone


@pytest.mark.parametrize(
    ("text", "score", "gone"),
    [("KB", 0.99, 1), ("51", 0.99, 1), ("KB", 0.9, 0), ("PA", 0.99, 0), ("K", 0.99, 0), ("K-", 0.99, 0)],
)
def test_a_doubtful_place_that_says_initials_beyond_doubt_goes(
    fake_reader: Callable[..., object], text: str, score: float, gone: int
) -> None:
    place = line(Box(100, 100, 130, 140), glyphs=2, probability=0.45)
    verdicts, undecided = judge([place], bench(fake_reader(text, score)))
    assert (len(verdicts), len(undecided)) == (gone, 1 - gone)


@pytest.mark.parametrize(
    ("width_px", "glyphs", "is_legible", "may_hold"),
    [(110, 4, True, False), (110, 4, False, True), (110, 3, True, True), (80, 4, True, True), (170, 3, False, False)],
)
def test_a_line_that_was_read_holds_no_letter_of_lead(
    width_px: int, glyphs: int, *, is_legible: bool, may_hold: bool
) -> None:
    place = line(Box(100, 100, 140, 100 + width_px), glyphs=glyphs, probability=0.7)
    assert may_hold_lead(Verdict(place, BoxDecision.REDACTED, Rule.TEXT, is_legible=is_legible)) is may_hold


def test_initials_beside_a_kept_letter_go_also_when_doubtful() -> None:
    letter = line(Box(100, 100, 140, 128), glyphs=1, seed=1)
    initials = line(Box(150, 100, 166, 130), glyphs=2, probability=0.45, seed=2)
    verdicts, _ = judge([letter, initials], bench(ByWidth()))
    assert [v.rule for v in verdicts] == [Rule.MARKER, Rule.ADJOINS]


@pytest.mark.parametrize(
    ("first", "score", "second_score", "decision"),
    [
        ("PORTABLE", 0.97, 0.06, BoxDecision.KEPT),
        ("PORTABLE", 0.97, 0.3, BoxDecision.KEPT),  # what it says with so little certainty is a guess
        ("PORTABLE", 0.97, 0.45, BoxDecision.REDACTED),
        ("PORTABLE", 0.9, 0.06, BoxDecision.REDACTED),
        ("PORTABLC", 0.97, 0.06, BoxDecision.REDACTED),
        ("LAT", 0.97, 0.06, BoxDecision.REDACTED),
    ],
)
def test_a_long_marker_beyond_doubt_stays_where_the_other_reader_could_not_read(
    fake_reader: Callable[..., object], first: str, score: float, second_score: float, decision: BoxDecision
) -> None:
    readers = fake_reader(first, score), fake_reader("wpin:ii#", second_score, name="second")
    verdicts, _ = judge([line(LINE)], bench(*readers))
    assert verdicts[0].decision is decision


def test_an_uncertain_marker_needs_the_second_reader_to_read_one_too(fake_reader: Callable[..., object]) -> None:
    court = bench(fake_reader("SUPINE", 0.7), fake_reader("SUP1NF", 0.7, name="second"))
    assert judge([line(LINE)], court)[0][0].decision is BoxDecision.REDACTED


@pytest.mark.parametrize(
    ("first", "then", "score", "decision"),
    [
        ("AP SEMI-UPRIC", "AP SEMI-UPRIGHT", 0.96, BoxDecision.KEPT),
        ("AP SEMI-UPRIC", "AP SEMI-UPRIGHT", 0.9, BoxDecision.REDACTED),
        ("PORTALES", "PORTABLE", 0.9, BoxDecision.REDACTED),
        ("ROSS, RUTH", "PORTABLE", 0.99, BoxDecision.REDACTED),
    ],
)
def test_what_is_close_to_a_marker_is_read_under_another_look_and_stays_if_that_is_surer(
    first: str, then: str, score: float, decision: BoxDecision
) -> None:
    class Twice:
        name = "twice"

        def __init__(self) -> None:
            self.left = [(first, 0.98), (then, score)]

        def read(self, crops: list[np.ndarray]) -> list[tuple[str, float]]:
            return [self.left.pop(0) for _ in crops]

    torn, whole = line(LINE, glyphs=8), line(LINE, glyphs=8, seed=1)
    both = replace(torn, inks=torn.inks + whole.inks, ink_boxes=torn.ink_boxes + whole.ink_boxes)
    verdicts, _ = judge([both], bench(Twice()))
    assert [v.decision for v in verdicts] == [decision]


class ByWidth:
    """Reads "R" in narrow crops, a name in wide ones."""

    name = "by-width"

    def read(self, crops: list[np.ndarray]) -> list[tuple[str, float]]:
        return [("R", 0.99) if crop.shape[1] <= 2 * crop.shape[0] else ("Ross, Ruth", 0.99) for crop in crops]


@pytest.mark.parametrize("probability", [0.99, 0.02])
def test_letter_adjoining_a_removed_line_goes_with_it(probability: float) -> None:
    letter = line(Box(100, 215, 120, 230), glyphs=1, probability=probability, seed=1)
    verdicts, _ = judge([line(LINE, glyphs=9), letter], bench(ByWidth()))
    assert {v.rule for v in verdicts} == {Rule.TEXT, Rule.ADJOINS}


def test_a_letter_in_a_place_that_holds_some_of_the_next_line_goes_with_its_own() -> None:
    read = line(Box(100, 215, 120, 230), glyphs=1, seed=1)
    place = replace(read, box=Box(82, 215, 120, 230), line_px=38.0)
    verdicts, _ = judge([line(LINE, glyphs=9), place], bench(ByWidth()))
    assert [v.rule for v in verdicts if v.line is place] == [Rule.ADJOINS]


def test_letter_far_from_a_removed_line_stays() -> None:
    letter = line(Box(100, 400, 120, 415), glyphs=1, seed=1)
    verdicts, _ = judge([line(LINE, glyphs=9), letter], bench(ByWidth()))
    assert {v.rule for v in verdicts} == {Rule.TEXT, Rule.MARKER}


def test_letter_under_a_removed_line_of_its_size_goes_with_it() -> None:
    letter = line(Box(128, 100, 148, 115), glyphs=1, seed=1)
    verdicts, _ = judge([line(LINE, glyphs=9), letter], bench(ByWidth()))
    assert {v.rule for v in verdicts} == {Rule.TEXT, Rule.ADJOINS}


def test_name_split_over_two_kept_lines_goes() -> None:
    class TwoWords(ByWidth):
        def read(self, crops: list[np.ndarray]) -> list[tuple[str, float]]:
            return [("L", 0.99) if crop.shape[1] <= 2 * crop.shape[0] else ("PA", 0.99) for crop in crops]

    below = line(Box(128, 100, 148, 115), glyphs=1, seed=1)
    above = line(Box(100, 100, 120, 159))
    verdicts, _ = judge([above, below], bench(TwoWords(), identifiers=("Pal Ann",)))
    assert {v.rule for v in verdicts} == {Rule.IDENTIFIER}


def test_memo_reads_the_same_ink_once(fake_reader: Callable[..., object]) -> None:
    reader = fake_reader("PORTABLE")
    court = bench(reader)
    judge([line(LINE)], court)
    verdicts, _ = judge([line(LINE)], court)
    # The row is the same as at the first reading: what was remembered depends on the order of arrival.
    assert (reader.seen, verdicts[0].engine) == (1, reader.name)  # type: ignore[attr-defined]


def test_failing_reader_is_not_passed_over(fake_reader: Callable[..., object]) -> None:
    with pytest.raises(ItemError) as caught:
        judge([line(LINE)], bench(fake_reader(ItemError(Reason.E_OCR, "down"))))
    assert caught.value.reason is Reason.E_OCR


def test_verdicts_hide_what_was_read(fake_reader: Callable[..., object]) -> None:
    verdicts, _ = judge([line(LINE)], bench(fake_reader("PORTABLE")))
    assert "PORTABLE" not in repr(verdicts[0])


def test_two_kept_lines_seen_as_one_before_are_kept(fake_reader: Callable[..., object]) -> None:
    upper, lower = line(Box(100, 100, 120, 200), seed=1), line(Box(130, 100, 150, 200), seed=2)
    ink = np.zeros((50, 100), np.bool_)
    ink[:20], ink[30:] = True, True
    both = Line(Box(100, 100, 150, 200), False, 50.0, 4, 0.99, 1.0, (ink,), (Box(100, 100, 150, 200),))

    class ByHeight:
        name = "by height"

        def read(self, crops: list[np.ndarray]) -> list[tuple[str, float]]:
            return [("ERECT PA" if crop.shape[1] > 200 else "?", 0.99) for crop in crops]

    verdicts, _ = judge([both, upper, lower], bench(ByHeight()))
    assert [(v.rule, v.line.box.top) for v in verdicts] == [(Rule.MARKER, 100), (Rule.MARKER, 130)]


def test_a_letter_read_with_other_signs_is_not_kept(fake_reader: Callable[..., object]) -> None:
    verdicts, _ = judge([line(Box(100, 100, 120, 120), glyphs=1)], bench(fake_reader("L :")))
    assert [v.decision for v in verdicts] == [BoxDecision.REDACTED]


@pytest.mark.parametrize(("height", "readings"), [(52, 1), (54, 0)])
def test_a_stick_is_not_read_as_a_letter(fake_reader: Callable[..., object], height: int, readings: int) -> None:
    reader = fake_reader("L")
    verdict = judge_letter(line(Box(100, 100, 100 + height, 120), glyphs=1), bench(reader))
    assert (verdict is not None, reader.seen) == (bool(readings), readings)  # type: ignore[attr-defined]


def test_two_lines_of_which_one_is_read_are_not_kept(fake_reader: Callable[..., object]) -> None:
    verdicts, _ = judge([line(Box(100, 100, 150, 214), glyphs=9)], bench(fake_reader("DECUBITUS")))
    assert [v.decision for v in verdicts] == [BoxDecision.REDACTED]


def test_a_line_whose_ink_fills_half_of_its_place_is_not_kept(fake_reader: Callable[..., object]) -> None:
    whole = line(Box(100, 100, 150, 300), glyphs=9)
    half = Line(whole.box, False, 50.0, 9, 0.99, 1.0, (whole.inks[0][:25],), (Box(100, 100, 125, 300),))
    verdicts, _ = judge([half], bench(fake_reader("DECUBITUS")))
    assert [v.decision for v in verdicts] == [BoxDecision.REDACTED]


class ByHeight:
    """Reads a listed word in lines of 20 pixels, a name in higher ones."""

    name = "by-height"

    def __init__(self, word: str) -> None:
        self._word = word

    def read(self, crops: list[np.ndarray]) -> list[tuple[str, float]]:
        return [(self._word if crop.shape[1] < 5 * crop.shape[0] else "Ross, Ruth", 0.99) for crop in crops]


@pytest.mark.parametrize(
    ("word", "gap_px", "stays"),
    [
        ("UPRIGHT", 12, True),
        ("AP MOBILE", 12, True),
        ("UPRIGHT", 3, False),  # as close as the letters of one name
        ("RIGHT", 3, False),  # WRIGHT
        ("LAT", 12, False),  # too short to be no remainder of a name
        ("L LAT", 12, False),
    ],
)
def test_a_long_listed_word_stays_where_a_gap_divides_it_from_a_name(word: str, gap_px: int, stays: bool) -> None:
    name = line(Box(100, 100, 120, 260), glyphs=9)
    marker = line(Box(100, 260 + gap_px, 120, 330 + gap_px), glyphs=7, seed=1)
    verdicts, _ = judge([name, marker], bench(ByHeight(word)))
    assert {v.rule for v in verdicts} == {Rule.TEXT, Rule.MARKER if stays else Rule.ADJOINS}


def test_a_line_within_a_block_that_was_removed_is_read() -> None:
    block = line(Box(100, 100, 160, 700), glyphs=9)
    within = line(Box(140, 110, 160, 180), glyphs=7, probability=0.9, seed=1)
    verdicts, _ = judge([block, within], bench(ByHeight("UPRIGHT")))
    assert [v.rule for v in verdicts if v.line is within] == [Rule.MARKER]


def in_a_block() -> tuple[Line, Line]:
    """A removed place of three lines, and one of these lines."""
    return line(Box(100, 100, 148, 700), glyphs=9), line(Box(126, 110, 146, 180), glyphs=3, probability=0.9, seed=1)


def test_a_marker_that_stands_by_itself_does_not_adjoin_the_block_around_it() -> None:
    block, marker = in_a_block()
    for alone, rule in ((True, Rule.MARKER), (False, Rule.ADJOINS)):
        verdicts, _ = judge([block, marker], bench(ByHeight("RPO")), lambda *_, alone=alone: alone)
        assert [v.rule for v in verdicts if v.line is marker] == [rule]


def test_a_marker_that_stands_by_itself_still_adjoins_a_line_of_its_size() -> None:
    name, marker = line(Box(100, 100, 124, 260), glyphs=9), line(Box(101, 268, 121, 300), glyphs=2, seed=1)
    verdicts, _ = judge([name, marker], bench(ByHeight("RT")), lambda *_: True)
    assert {v.rule for v in verdicts} == {Rule.TEXT, Rule.ADJOINS}


def test_of_a_kept_line_the_ink_that_was_read_is_known() -> None:
    place = amid_ribs()
    kept = Verdict(place, BoxDecision.KEPT, Rule.MARKER, ink=1)
    assert [kept.as_read.ink_box, place.ink_box] == [Box(140, 150, 170, 320), Box(100, 100, 220, 400)]
    assert len(kept.as_read.inks) == 1


def test_small_type_within_the_place_of_a_large_kept_word_is_judged() -> None:
    word = line(Box(100, 100, 160, 300), glyphs=5)
    within = line(Box(104, 110, 124, 290), glyphs=9, probability=0.9, seed=1)
    verdicts, _ = judge([word, within], bench(ByHeight("RIGHT")))
    assert [(v.rule, v.is_kept) for v in verdicts if v.line is within] == [(Rule.TEXT, False)]


def test_where_everything_looks_a_little_like_type_the_doubtful_stays() -> None:
    def places(count: int) -> list[Line]:
        rows = [Box(100 * index, 100, 100 * index + 20, 200) for index in range(count)]
        return [line(box, glyphs=9, probability=0.6, seed=index) for index, box in enumerate(rows)]

    beside = line(Box(100, 215, 120, 230), glyphs=1, probability=0.45, seed=99)
    for count, rules in ((3, {Rule.TEXT, Rule.ADJOINS}), (12, {Rule.TEXT})):
        verdicts, _ = judge([*places(count), beside], bench(Silent()))
        assert {v.rule for v in verdicts} == rules


def amid_ribs(seed: int = 0) -> Line:
    """A place with two binarisations: one runs over all of it, one shows a word in its middle."""
    place, word = Box(100, 100, 220, 400), Box(140, 150, 170, 320)
    inks = [np.random.default_rng(seed).random((box.height, box.width)) > 0.5 for box in (place, word)]
    return Line(place, False, 120.0, 2, 0.9, 0.5, tuple(inks), (place, word))


def test_a_binarisation_that_shows_a_part_of_its_place_is_a_line_of_its_own() -> None:
    assert [(word.box, word.line_px, word.glyphs) for word in words_of(amid_ribs())] == [
        (Box(140, 150, 170, 320), 30.0, 9)
    ]


@pytest.mark.parametrize(
    ("text", "score", "may_be"), [("L", 0.99, True), ("L", 0.7, False), ("I", 0.99, False), ("LT", 0.99, False)]
)
def test_a_letter_of_which_one_reader_is_certain_may_have_initials_beside_it(
    fake_reader: Callable[..., object], text: str, score: float, *, may_be: bool
) -> None:
    readers = fake_reader(text, score), fake_reader("J", 0.1, name="second")
    letter = line(Box(100, 100, 160, 120), glyphs=1)  # too thin for a letter that stays
    assert may_be_letter(letter, bench(*readers)) is may_be
    assert judge_letter(letter, bench(*readers)) is None


@pytest.mark.parametrize(
    ("texts", "names", "stays"),
    [
        (("SUPINE", "Supine"), (), True),
        (("CROSS TABLE", "Cross Table"), (), True),  # listed as a phrase
        (("TABLE CROSS", "TABLE CROSS"), (), False),
        (("SUPINE", "SUPNE"), (), True),  # spelled out by one who is certain, borne out by the other
        (("SUPNE", "SUPINE"), (), False),
        (("SUPINE", "Suarez"), (), False),
        (("SUPINF", "SUPINF"), (), True),  # a letter taken for one that looks like it, by both
        (("SUPINA", "SUPINA"), (), False),
        (("APSUPINE", "AP SUPINE"), (), True),  # a space overlooked
        (("AP", "AP"), (), False),  # too short to be told from a part of a name
        (("SUPINE", "SUPINE"), ("Supine Ann",), False),
        (("SUPINE Ross", "SUPINE Ross"), (), False),
    ],
)
def test_a_word_is_cut_out_of_a_place_where_all_read_it(
    fake_reader: Callable[..., object], texts: tuple[str, str], names: tuple[str, ...], *, stays: bool
) -> None:
    readers = [fake_reader(text, name=f"reader {index}") for index, text in enumerate(texts)]
    verdict = judge_word(next(words_of(amid_ribs())), bench(*readers, identifiers=names))
    assert (verdict is not None and verdict.is_kept and verdict.is_cut_out) is stays


class Silent:
    """Reads nothing."""

    name = "silent"

    def read(self, crops: list[np.ndarray]) -> list[tuple[str, float]]:
        return [("", 0.0) for _ in crops]


class ByTurn:
    """Reads one thing after another."""

    name = "by turn"

    def __init__(self, *answers: tuple[str, float]) -> None:
        self._answers = list(answers)

    def read(self, crops: Sequence[NDArray[np.uint8]]) -> list[tuple[str, float]]:
        return [self._answers.pop(0) if len(self._answers) > 1 else self._answers[0] for _ in crops]


def test_what_spells_two_letters_in_another_position_is_no_lone_letter() -> None:
    reader = ByTurn(("R", 0.7), ("RR", 0.99))
    verdicts, _ = judge([line(Box(100, 100, 128, 148), glyphs=2, probability=0.6)], bench(reader))
    assert [(v.decision, v.rule) for v in verdicts] == [(BoxDecision.REDACTED, Rule.READ)]


def test_a_kept_letter_does_not_explain_a_much_lower_line_that_was_read(fake_reader: Callable[..., object]) -> None:
    name = line(Box(180, 100, 200, 160), glyphs=3, probability=0.64)
    letter = line(Box(100, 100, 200, 160), glyphs=1, probability=0.55, seed=2)
    verdicts, _ = judge([name, letter], bench(ByTurn(("L Xu", 0.99), ("L", 0.99))))
    assert BoxDecision.REDACTED in [v.decision for v in verdicts if v.line is name]


@pytest.mark.parametrize(("score", "kept"), [(0.45, False), (0.55, True)])
def test_each_reader_must_be_half_sure_of_a_lone_letter(
    fake_reader: Callable[..., object], score: float, *, kept: bool
) -> None:
    readers = fake_reader("L", score), fake_reader("L", 0.96, name="second")
    verdicts, _ = judge([line(Box(100, 100, 140, 128), glyphs=1)], bench(*readers))
    assert [v.decision is BoxDecision.KEPT for v in verdicts] == [kept]


def test_loops_in_a_row_are_no_initials_of_one_another() -> None:
    loops = [line(Box(100 + 130 * n, 100, 180 + 130 * n, 164), glyphs=1, seed=n) for n in range(4)]
    assert initials_of_doubtful(loops[:2], loops) == []
    small = line(Box(200, 100, 230, 160), glyphs=2, probability=0.45, seed=9)
    assert initials_of_doubtful(loops[:1], [small]) == [small]


@pytest.mark.parametrize(("lines", "stays"), [(1, True), (2, False)])
def test_what_is_read_as_a_letter_and_holds_lines_of_type_is_their_plate(
    noise_image: Draw, fake_reader: Callable[..., object], lines: int, *, stays: bool
) -> None:
    whole = Box(100, 100, 146, 146)
    letter = Verdict(Line(whole, False, 46.0, 1, 0.6), BoxDecision.KEPT, Rule.MARKER, "one", ("L",))
    within = [Line(Box(top, 102, top + 12, 142), False, 12.0, 6, 0.95) for top in (104, 124)][:lines]
    gone = [Verdict(line, BoxDecision.REDACTED, Rule.TEXT, is_legible=True) for line in within]
    search = prepare_search(noise_image(), Photometric.MONOCHROME2)
    verdicts = letters_alone(search, [letter, *gone], bench(fake_reader("L")))
    assert [v.is_kept for v in verdicts if v.line.box == whole] == [stays]


def two_rows(*, gap: int = 8) -> Line:
    """A place with two rows of three blocks, as letters would be."""
    row = np.zeros((20, 60), np.bool_)
    for left in (0, 22, 44):
        row[:, left : left + 14] = True
    ink = np.concatenate([row, np.zeros((gap, 60), np.bool_), row])
    box = Box(100, 100, 100 + ink.shape[0], 160)
    return Line(box, False, float(box.height), 3, 0.8, 1.0, (ink,), (box,))


@pytest.mark.parametrize(("text", "kept"), [("PA", 2), ("Wu", 0)])
def test_a_stack_stays_where_every_row_is_a_marker(
    monkeypatch: pytest.MonkeyPatch, fake_reader: Callable[..., object], text: str, kept: int
) -> None:
    place = two_rows()
    whole = judgement.judge_line

    def judge_line(line: Line, court: Bench) -> Verdict | None:
        return Verdict(line, BoxDecision.REDACTED, Rule.TEXT) if line is place else whole(line, court)

    monkeypatch.setattr(judgement, "judge_line", judge_line)
    verdicts, _ = judge([place], bench(fake_reader(text)))
    assert sum(v.is_kept for v in verdicts) == kept
    assert all(v.is_kept for v in verdicts) is bool(kept)


@pytest.mark.parametrize(("text", "rules"), [("LEFT", []), ("LEFF", [Rule.READ]), ("ROSS", [Rule.READ])])
def test_a_doubtful_place_that_says_a_listed_word_does_not_go_for_what_it_says(
    fake_reader: Callable[..., object], text: str, rules: list[Rule]
) -> None:
    """It may hold the word with its ring: what is kept of it was seen at another scale."""
    place = line(Box(100, 100, 160, 300), glyphs=6, probability=0.45)
    verdicts, _ = judge([place], bench(fake_reader(text, 0.99), fake_reader("ZZZZ", 0.2, "other")))
    assert [v.rule for v in verdicts] == rules


@pytest.mark.parametrize(("stick", "stays"), [(Box(152, 190, 196, 196), True), (Box(152, 236, 196, 242), False)])
def test_a_stroke_of_a_word_that_was_found_by_itself_does_not_take_the_word_along(
    fake_reader: Callable[..., object], stick: Box, *, stays: bool
) -> None:
    """What stands right behind the word does."""
    word, place = Box(150, 100, 198, 240), Box(100, 80, 260, 330)
    seen = replace(line(place, glyphs=8), inks=(np.ones((48, 140), np.bool_),), ink_boxes=(word,))
    alone = replace(line(stick, glyphs=2), inks=(np.ones((stick.height, stick.width), np.bool_),))
    gone = [Verdict(one, BoxDecision.REDACTED, Rule.TEXT) for one in (seen, alone)]
    assert bool(words_apart(gone, bench(fake_reader("SUPINE")), lambda *_: False)) is stays


@pytest.mark.parametrize("stands", [True, False])
def test_of_a_place_seen_more_coarsely_a_word_stays_that_stands_by_itself(
    fake_reader: Callable[..., object], *, stands: bool
) -> None:
    word, place, around = Box(150, 100, 170, 200), Box(140, 90, 185, 210), Box(90, 40, 230, 300)
    seen = replace(line(place, glyphs=8), inks=(np.ones((20, 100), np.bool_),), ink_boxes=(word,))
    gone = [Verdict(one, BoxDecision.REDACTED, Rule.TEXT) for one in (seen, line(around, glyphs=4))]
    assert bool(words_apart(gone, bench(fake_reader("SUPINE")), lambda *_: stands)) is stands


@pytest.mark.parametrize(
    ("text", "stands", "stays"), [("PORT", True, True), ("PORT", False, False), ("LAT", True, False)]
)
def test_a_short_word_stays_in_a_place_that_holds_more_where_it_stands_by_itself(
    fake_reader: Callable[..., object], text: str, *, stands: bool, stays: bool
) -> None:
    word, place = Box(150, 100, 198, 220), Box(100, 80, 260, 330)
    seen = replace(line(place, glyphs=8), inks=(np.ones((48, 120), np.bool_),), ink_boxes=(word,))
    gone = [Verdict(seen, BoxDecision.REDACTED, Rule.TEXT)]
    assert bool(words_apart(gone, bench(fake_reader(text)), lambda *_: stands)) is stays


class ToItsEnd:
    """Reads the wider of two inks to its end."""

    name = "width"

    def read(self, crops: Sequence[NDArray[np.uint8]]) -> list[tuple[str, float]]:
        return [("PORTABLE" if crop.shape[1] > 180 else "PORTABL", 0.99) for crop in crops]


def test_of_two_looks_at_a_word_that_counts_which_spells_it_out() -> None:
    torn, word, place = Box(150, 100, 180, 190), Box(150, 100, 180, 230), Box(100, 80, 260, 330)
    inks = tuple(np.ones((box.height, box.width), np.bool_) for box in (torn, word))
    seen = replace(line(place, glyphs=8), inks=inks, ink_boxes=(torn, word))
    kept = words_apart([Verdict(seen, BoxDecision.REDACTED, Rule.TEXT)], bench(ToItsEnd()), lambda *_: False)
    assert [one.line.box for one in kept] == [word]


@pytest.mark.parametrize(("seed", "rules"), [(0, []), (1, [Rule.TEXT])])
def test_dots_of_the_letters_of_a_kept_word_are_no_type_by_themselves(seed: int, rules: list[Rule]) -> None:
    word = line(Box(100, 100, 160, 300), glyphs=5)
    within = line(Box(104, 110, 124, 290), glyphs=9, probability=0.9, seed=1)
    if not seed:
        within = replace(within, inks=(word.inks[0][4:24, 10:190],))
    verdicts, _ = judge([within, word], bench(ByHeight("RIGHT")))
    assert [v.rule for v in verdicts if not v.is_kept] == rules


def by_sight(court: Bench, seen: Line | None) -> tuple[Bench, list[Line]]:
    """The bench that is shown a line when it asks for the look of strokes, and for which lines it asked."""
    asked: list[Line] = []

    def show(one: Line) -> Line | None:
        asked.append(one)
        return seen

    return replace(court, by_sight=show), asked


class Turncoat:
    """Answers one thing for each crop that it is shown, in order."""

    name = "fake"

    def __init__(self, *answers: tuple[str, float]) -> None:
        self._answers = iter(answers)

    def read(self, crops: Sequence[NDArray[np.uint8]]) -> list[tuple[str, float]]:
        return [next(self._answers) for _ in crops]


UNCLEAR = [("PO7T4BL", 0.7)] * 2


def test_a_marker_that_only_the_look_of_its_strokes_shows_stays_as_it_was_seen() -> None:
    first, seen = line(LINE, glyphs=8), line(LINE, glyphs=8, seed=1)
    court, asked = by_sight(bench(Turncoat(*UNCLEAR, ("PORTABLE", 0.99))), seen)
    verdicts, _ = judge([first], court)
    assert [(v.decision, v.line is seen) for v in verdicts] == [(BoxDecision.KEPT, True)]
    assert asked == [first]


def test_no_lone_letter_is_made_by_the_look_of_its_strokes() -> None:
    place = Box(100, 100, 124, 120)
    court, asked = by_sight(bench(Turncoat(*[("Q7", 0.7)] * 3, ("L", 0.99))), line(place, glyphs=1, seed=1))
    verdicts, _ = judge([line(place, glyphs=1)], court)
    assert ([v.decision for v in verdicts], len(asked)) == ([BoxDecision.REDACTED], 1)


def test_what_the_look_of_strokes_shows_goes_where_it_names_the_patient() -> None:
    court, _ = by_sight(bench(Turncoat(*UNCLEAR, ("PORTABLE", 0.99)), identifiers=("PORTABLE",)), line(LINE, seed=1))
    assert [v.decision for v in judge([line(LINE, glyphs=8)], court)[0]] == [BoxDecision.REDACTED]


@pytest.mark.parametrize(("text", "score", "is_asked"), [("ABERNATHY", 0.99, False), ("ABERNATHY", 0.9, True)])
def test_what_surely_says_something_else_is_not_looked_at_again(text: str, score: float, *, is_asked: bool) -> None:
    court, asked = by_sight(bench(Turncoat(*[(text, score)] * 4)), None)
    verdicts, _ = judge([line(LINE, glyphs=8)], court)
    assert ([v.decision for v in verdicts], bool(asked)) == ([BoxDecision.REDACTED], is_asked)
