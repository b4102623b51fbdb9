"""One letter or two: how probable it is that they make a wanted word."""

from collections.abc import Callable, Iterable

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from cxr_core.deidentify.pixels.few_letters import worth_of_few
from cxr_core.deidentify.pixels.glance import glance, glance_at_letters
from cxr_core.deidentify.pixels.reading import letter_positions

Write = Callable[..., NDArray[np.bool_]]
WANTED = frozenset({"L", "R", "LT", "RT", "AP", "PA"})


def worth(inks: Iterable[NDArray[np.bool_]], *, may_be_two: bool = True, words_matter: bool = False) -> list[float]:
    few = worth_of_few(
        list(inks), glance, glance_at_letters, WANTED.__contains__, may_be_two=may_be_two, words_matter=words_matter
    )
    return few[:, 0].tolist()


def narrowed(ink: NDArray[np.bool_], share: float) -> NDArray[np.bool_]:
    size = max(1, round(ink.shape[1] * share)), ink.shape[0]
    grey = cv2.resize(ink.astype(np.uint8) * np.uint8(255), size, interpolation=cv2.INTER_AREA)
    return np.asarray(grey > 127, dtype=np.bool_)


@pytest.mark.parametrize("share", [0.6, 0.8, 1.0])
@pytest.mark.parametrize("text", ["LT", "RT"])
def test_two_letters_are_worth_reading_however_narrow(text_ink: Write, text: str, share: float) -> None:
    assert worth([narrowed(text_ink(text, 60), share)])[0] >= 0.15


@pytest.mark.parametrize("text", ["KB", "CS", "CF", "42", "JH", "TL", "98"])
def test_two_other_letters_or_digits_are_not(text_ink: Write, text: str) -> None:
    assert max(worth(letter_positions(text_ink(text, 60)))) < 0.15


@pytest.mark.parametrize("text", ["KB", "CS"])
def test_they_are_where_they_go_for_what_they_say(text_ink: Write, text: str) -> None:
    assert worth([text_ink(text, 60)], words_matter=True)[0] >= 0.2


def test_they_are_found_in_the_position_in_which_they_are_upright(text_ink: Write) -> None:
    told = worth(letter_positions(np.rot90(text_ink("RT", 60))))
    assert (int(np.argmax(told)), max(told) >= 0.5) == (6, True)  # three quarter turns, not in the mirror


def test_two_letters_that_touch_are_left_to_the_glance_at_words(text_ink: Write) -> None:
    together = text_ink("RT", 60)
    together[2:8] |= np.arange(together.shape[1]) < together.shape[1] * 0.6
    assert worth([together])[0] == pytest.approx(0.5 * float(glance([together])[0, 0]), abs=1e-6)


def test_where_a_lone_letter_is_wanted_two_are_worth_no_more_than_one(text_ink: Write) -> None:
    assert worth([text_ink("LT", 60)], may_be_two=False)[0] < 0.1


def test_what_stands_above_another_is_no_word(text_ink: Write) -> None:
    first, second = text_ink("L", 40), text_ink("T", 40)
    wide = max(first.shape[1], second.shape[1])
    rows = [np.pad(ink, ((0, 8), (0, wide - ink.shape[1]))) for ink in (first, second)]
    assert worth([np.concatenate(rows)])[0] < 0.06
