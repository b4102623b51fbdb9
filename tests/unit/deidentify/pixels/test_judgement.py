from collections.abc import Callable

import numpy as np
import pytest

from cxr_core.deidentify.pixels.features import FEATURES
from cxr_core.deidentify.pixels.judgement import Bench, Rule, Verdict
from cxr_core.deidentify.pixels.judgement import judge as judge_on
from cxr_core.deidentify.pixels.model import Box, Piece
from cxr_core.deidentify.pixels.reading import Memo
from cxr_core.deidentify.pixels.wording import Identifiers
from cxr_core.errors import ItemError
from cxr_core.policy.markers import load_marker_policy
from cxr_core.vocabulary import BoxDecision, Reason


def piece(box: Box, *, glyphs: int = 3, probability: float = 0.99, seed: int = 0) -> Piece:
    ink = np.random.default_rng(seed).random((box.height, box.width)) > 0.5
    features = np.zeros(len(FEATURES), np.float32)
    return Piece(box, False, glyphs, float(box.height), ink, features, 1.0, False, probability)


def bench(*readers: object, identifiers: tuple[str, ...] = ()) -> Bench:
    return Bench(tuple(readers), Memo(), load_marker_policy(), Identifiers.of(identifiers))  # type: ignore[arg-type]


def judge(pieces: list[Piece], court: Bench) -> tuple[list[Verdict], list[Piece]]:
    return judge_on(pieces, court, (500, 500))


LINE = Box(100, 100, 120, 200)


def test_allowed_marker_is_kept(fake_reader: Callable[..., object]) -> None:
    verdicts, _ = judge([piece(LINE)], bench(fake_reader("PORTABLE")))
    assert [(v.decision, v.rule, v.engine) for v in verdicts] == [(BoxDecision.KEPT, Rule.MARKER, "fake")]


@pytest.mark.parametrize("text", ["Ross", "", "12:04"])
def test_whatever_is_no_marker_goes(fake_reader: Callable[..., object], text: str) -> None:
    verdicts, _ = judge([piece(LINE)], bench(fake_reader(text)))
    assert [(v.decision, v.rule) for v in verdicts] == [(BoxDecision.REDACTED, Rule.TEXT)]


def test_marker_with_low_score_goes(fake_reader: Callable[..., object]) -> None:
    verdicts, _ = judge([piece(LINE)], bench(fake_reader("PORTABLE", 0.6)))
    assert verdicts[0].decision is BoxDecision.REDACTED


def test_marker_goes_where_the_second_reader_disagrees(fake_reader: Callable[..., object]) -> None:
    verdicts, _ = judge([piece(LINE)], bench(fake_reader("AP"), fake_reader("APE", name="second")))
    assert verdicts[0].decision is BoxDecision.REDACTED


def test_identifier_overrides_the_allow_list(fake_reader: Callable[..., object]) -> None:
    verdicts, _ = judge([piece(LINE)], bench(fake_reader("LEFT"), identifiers=("Left Ann",)))
    assert [v.rule for v in verdicts] == [Rule.IDENTIFIER]


def test_single_letter_is_no_identifier(fake_reader: Callable[..., object]) -> None:
    verdicts, _ = judge([piece(LINE)], bench(fake_reader("L"), identifiers=("Left Ann L",)))
    assert verdicts[0].decision is BoxDecision.KEPT


def test_long_line_goes_unread(fake_reader: Callable[..., object]) -> None:
    reader = fake_reader("PORTABLE")
    verdicts, _ = judge([piece(LINE, glyphs=30)], bench(reader))
    assert (verdicts[0].rule, verdicts[0].engine, reader.seen) == (Rule.LONG, "none", 0)  # type: ignore[attr-defined]


def test_doubtful_piece_goes_where_two_characters_are_read(fake_reader: Callable[..., object]) -> None:
    verdicts, undecided = judge([piece(LINE, probability=0.1)], bench(fake_reader("7b")))
    assert ([v.rule for v in verdicts], undecided) == ([Rule.READ], [])


def test_doubtful_piece_stays_where_nothing_is_read(fake_reader: Callable[..., object]) -> None:
    verdicts, undecided = judge([piece(LINE, probability=0.1)], bench(fake_reader("")))
    assert (verdicts, len(undecided)) == ([], 1)


def test_unlikely_piece_is_not_read(fake_reader: Callable[..., object]) -> None:
    reader = fake_reader("Ross")
    assert judge([piece(LINE, probability=0.004)], bench(reader)) == ([], [])
    assert reader.seen == 0  # type: ignore[attr-defined]


class ByWidth:
    """Reads "R" in narrow crops, a name in wide ones."""

    name = "by-width"

    def read(self, crops: list[np.ndarray]) -> list[tuple[str, float]]:
        return [("R", 0.99) if crop.shape[1] <= 2 * crop.shape[0] else ("Ross, Ruth", 0.99) for crop in crops]


@pytest.mark.parametrize("probability", [0.99, 0.02])
def test_letter_adjoining_a_removed_line_goes_with_it(probability: float) -> None:
    letter = piece(Box(100, 215, 120, 230), glyphs=1, probability=probability, seed=1)
    verdicts, _ = judge([piece(LINE, glyphs=9), letter], bench(ByWidth()))
    assert {v.rule for v in verdicts} == {Rule.TEXT, Rule.ADJOINS}


def test_letter_far_from_a_removed_line_stays() -> None:
    letter = piece(Box(100, 400, 120, 415), glyphs=1, seed=1)
    verdicts, _ = judge([piece(LINE, glyphs=9), letter], bench(ByWidth()))
    assert {v.rule for v in verdicts} == {Rule.TEXT, Rule.MARKER}


def test_letter_under_a_removed_line_of_its_size_goes_with_it() -> None:
    letter = piece(Box(128, 100, 148, 115), glyphs=1, seed=1)
    verdicts, _ = judge([piece(LINE, glyphs=9), letter], bench(ByWidth()))
    assert {v.rule for v in verdicts} == {Rule.TEXT, Rule.ADJOINS}


def test_name_split_over_two_kept_lines_goes() -> None:
    class TwoWords(ByWidth):
        def read(self, crops: list[np.ndarray]) -> list[tuple[str, float]]:
            return [("L", 0.99) if crop.shape[1] <= 2 * crop.shape[0] else ("PA", 0.99) for crop in crops]

    below = piece(Box(128, 100, 148, 115), glyphs=1, seed=1)
    verdicts, _ = judge([piece(LINE), below], bench(TwoWords(), identifiers=("Pal Ann",)))
    assert {v.rule for v in verdicts} == {Rule.IDENTIFIER}


def test_memo_reads_the_same_ink_once(fake_reader: Callable[..., object]) -> None:
    reader = fake_reader("PORTABLE")
    court = bench(reader)
    judge([piece(LINE)], court)
    verdicts, _ = judge([piece(LINE)], court)
    # The row is the same as at the first reading: what was remembered depends on the order of arrival.
    assert (reader.seen, verdicts[0].engine) == (1, reader.name)  # type: ignore[attr-defined]


def test_failing_reader_is_not_passed_over(fake_reader: Callable[..., object]) -> None:
    with pytest.raises(ItemError) as caught:
        judge([piece(LINE)], bench(fake_reader(ItemError(Reason.E_OCR, "down"))))
    assert caught.value.reason is Reason.E_OCR


def test_verdicts_hide_what_was_read(fake_reader: Callable[..., object]) -> None:
    verdicts, _ = judge([piece(LINE)], bench(fake_reader("PORTABLE")))
    assert "PORTABLE" not in repr(verdicts[0])
