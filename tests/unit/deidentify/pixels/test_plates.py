"""A plate with a marker on it is no code; a code with a caption is one."""

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from cxr_core.deidentify.pixels.bench import Bench
from cxr_core.deidentify.pixels.model import Box, Line, extent
from cxr_core.deidentify.pixels.plates import explains_code, is_on_a_plate
from cxr_core.deidentify.pixels.proposals import SearchImage, prepare_search
from cxr_core.deidentify.pixels.reading import Desk, Memo
from cxr_core.deidentify.pixels.verdict import Rule, Verdict
from cxr_core.deidentify.pixels.wording import Identifiers
from cxr_core.policy.markers import load_marker_policy
from cxr_core.vocabulary import BoxDecision, Photometric

Draw = Callable[..., NDArray[np.uint16]]
Burn = Callable[..., NDArray[np.bool_]]
Reader = Callable[..., object]


def bench(*readers: object, identifiers: tuple[str, ...] = ()) -> Bench:
    looks = (lambda inks, answers=answers: np.ones((len(inks), answers), np.float32) for answers in (2, 27))
    desk = Desk(tuple(readers), Memo(), *looks)  # type: ignore[arg-type]
    return Bench(desk, load_marker_policy(), Identifiers.of(identifiers))


@pytest.fixture
def plate(noise_image: Draw, burn: Burn) -> tuple[SearchImage, Line]:
    image = noise_image()
    image[190:240, 190:300] = 200
    ink = burn(image, "GRID", (205, 205))
    box = extent(ink)
    line = Line(box, False, float(box.height), 4, 0.6, 1.0, (ink[box.window],), (box,))
    return prepare_search(image, Photometric.MONOCHROME2), line


CODE = Box(196, 194, 234, 280)


@pytest.mark.parametrize(
    ("texts", "names", "codes", "stays"),
    [
        (("GRID", "Grid"), (), [CODE], True),
        (("GRID", "GRIP"), (), [CODE], False),  # the readers differ
        (("UPRIGHT", "UPRICHT"), (), [CODE], True),  # but one letter of a long word may be mistaken
        (("L", "L"), (), [CODE], False),  # a lone letter may be read into any square
        (("GRID", "GRID"), ("Grid Ann",), [CODE], False),
        (("GRID", "GRID"), (), [Box(100, 194, 234, 280)], False),  # bars above their caption
        (("GRID", "GRID"), (), [CODE, Box(196, 100, 234, 280)], False),
    ],
)
def test_a_marker_is_on_a_plate_where_no_room_is_left_for_a_code(
    plate: tuple[SearchImage, Line],
    fake_reader: Reader,
    texts: tuple[str, str],
    names: tuple[str, ...],
    codes: list[Box],
    *,
    stays: bool,
) -> None:
    readers = [fake_reader(text, name=f"reader {index}") for index, text in enumerate(texts)]
    search, line = plate
    assert is_on_a_plate(search, line, codes, bench(*readers, identifiers=names)) is stays


def test_what_reads_like_a_marker_amid_squares_is_on_no_plate(noise_image: Draw, fake_reader: Reader) -> None:
    image = noise_image()
    image[196:234, 194:280] = np.random.default_rng(3).integers(0, 2, (38, 86)) * 4000
    box = Box(200, 200, 224, 270)
    line = Line(box, False, 24.0, 4, 0.9, 1.0, (np.random.default_rng(4).random((24, 70)) > 0.5,), (box,))
    search = prepare_search(image, Photometric.MONOCHROME2)
    assert not is_on_a_plate(search, line, [CODE], bench(fake_reader("GRID")))


def test_a_letter_that_was_cut_out_of_a_code_does_not_explain_it(plate: tuple[SearchImage, Line]) -> None:
    _, line = plate
    kept = Verdict(line, BoxDecision.KEPT, Rule.MARKER, texts=("GRID", "GRID"))
    cut_out = Verdict(line, BoxDecision.KEPT, Rule.MARKER, texts=("GRID", "GRID"), is_cut_out=True)
    assert [explains_code(one, CODE) for one in (kept, cut_out)] == [True, False]
    assert not explains_code(kept, Box(100, 194, 234, 280))


@pytest.mark.parametrize(("margin", "is_explained"), [(8, True), (12, False)])
def test_the_outline_of_a_lone_letter_is_no_code(margin: int, *, is_explained: bool) -> None:
    letter = Line(Box(100, 100, 120, 116), False, 20.0, 1, 0.6)
    kept = Verdict(letter, BoxDecision.KEPT, Rule.MARKER, texts=("R", "R"))
    assert explains_code(kept, Box(100 - margin, 100 - margin, 120 + margin, 116 + margin)) is is_explained
