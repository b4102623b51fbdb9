"""The windows of a 16-bit original in a real browser: text that the picture hides is seen, and clean waits for it."""

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import cv2
import numpy as np
import pytest
from browsing import CHROMIUM, Person
from playwright.sync_api import Browser, expect
from reviewing import Review, make_review, serving

from cxr_core.vocabulary import ReviewAnswer, ReviewKind, ReviewWindow

pytestmark = [pytest.mark.e2e, pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")]
ROWS, COLUMNS = 2000, 1600


@pytest.fixture
def review(tmp_path: Path) -> Review:
    return make_review(tmp_path / "workspace", images=3, size=(ROWS, COLUMNS), reports=(), hidden="DOE JANE 4411")


@pytest.fixture
def url(review: Review) -> Iterator[str]:
    with serving(review) as url:
        yield url


def contrast_of_the_text(person: Person) -> float:
    """Largest difference of grey levels within the black field on the screen, its rim left out."""
    stage = person.page.locator("#picture").bounding_box()
    assert stage is not None
    shot = cv2.imdecode(np.frombuffer(person.page.screenshot(), np.uint8), cv2.IMREAD_GRAYSCALE)
    assert shot is not None
    scale = min(stage["width"] / COLUMNS, stage["height"] / ROWS)
    left = stage["x"] + (stage["width"] - COLUMNS * scale) / 2
    top = stage["y"] + (stage["height"] - ROWS * scale) / 2
    field = shot[int(top + 60 * scale) : int(top + 240 * scale), int(left + 100 * scale) : int(left + 1500 * scale)]
    return float(np.ptp(field))


def test_text_that_the_picture_hides_is_seen_in_a_window(browser: Browser, url: str, tmp_path: Path) -> None:
    amber = Person(browser, url, "amber")
    amber.open("images")
    state, seen = amber.page.locator("#stage-state"), amber.page.locator("#windows-seen")
    expect(seen).to_have_text("0 of 3 seen")
    assert contrast_of_the_text(amber) <= 4
    contrasts = {}
    for place, window in enumerate(ReviewWindow, start=1):
        amber.press("v")
        expect(seen).to_have_text(f"{place} of 3 seen")
        expect(state).to_contain_text("of the original")
        contrasts[window] = contrast_of_the_text(amber)
        amber.page.screenshot(path=tmp_path / f"{window.value}.png")
    assert contrasts[ReviewWindow.DARKS] >= 15
    assert contrasts[ReviewWindow.FINE] >= 40
    amber.press("v")
    expect(state).to_be_empty()
    assert contrast_of_the_text(amber) <= 4
    amber.close()


def test_clean_is_taken_once_all_windows_were_on_the_screen(browser: Browser, url: str, review: Review) -> None:
    amber = Person(browser, url, "amber")
    amber.open("images")
    item, notice = amber.item, amber.page.locator("#notice")
    amber.press("v")
    expect(amber.page.locator("#windows-seen")).to_have_text("1 of 3 seen")
    amber.press("1")
    expect(notice).to_contain_text("Look at the three windows of the original first")
    amber.press("0")  # the picture again; what was seen stays seen
    expect(amber.page.locator("#stage-state")).to_be_empty()
    amber.press("v")  # the first one again
    amber.look_at_windows_left(2)
    amber.press("1", "Space")
    amber.saved()
    amber.moved_on(item)
    expect(amber.page.locator("#windows-seen")).to_have_text("0 of 3 seen")
    amber.close()
    store = review.open()
    (decision,) = {o.item.item_id: o for o in store.outcomes(ReviewKind.IMAGES)}[item].primary
    store.close()
    assert (decision.answer, set(decision.windows)) == (ReviewAnswer.CLEAN, set(ReviewWindow))


def test_phi_needs_no_more_looking(browser: Browser, url: str, review: Review) -> None:
    amber = Person(browser, url, "amber")
    amber.open("images")
    amber.press("2")
    amber.saved()
    amber.close()
    store = review.open()
    answers = [d.answer for o in store.outcomes(ReviewKind.IMAGES) for d in o.primary]
    store.close()
    assert answers == [ReviewAnswer.PHI]


def test_the_first_views_come_before_any_window(browser: Browser, url: str) -> None:
    amber = Person(browser, url, "amber")
    asked: list[str] = []
    amber.page.on("request", lambda request: asked.append(urlsplit(request.url).path))
    amber.open("images")
    item = amber.item
    expect(amber.page.locator("#windows")).to_be_visible()
    amber.page.wait_for_function(
        "() => performance.getEntriesByType('resource').filter(e => /(darks|brights|fine)$/.test(e.name)).length >= 3"
    )
    pictures = [path.removeprefix("/api/images/") for path in asked if path.startswith("/api/images/")]
    windows = [path for path in pictures if path.endswith(tuple(ReviewWindow))]
    assert {path.partition("/")[0] for path in windows} == {item}
    assert pictures.index(f"{item}/half") < pictures.index(windows[0])
    amber.close()
