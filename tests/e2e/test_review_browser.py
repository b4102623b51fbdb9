"""The review page in a real browser, by keyboard: reading, undoing, settling, resuming; nothing leaves."""

import json
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from browsing import CHROMIUM, Person
from playwright.sync_api import Browser, Route, expect
from reviewing import Review, Server, make_review, server_for, serving, token_of

from cxr_core.review.records import Outcome, PixelBox, Span
from cxr_core.vocabulary import Label, ReviewAnswer, ReviewKind

pytestmark = [pytest.mark.e2e, pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")]
IMAGES = 6
ROWS, COLUMNS = 2000, 1600  # half of it is more than the window shows


@pytest.fixture
def review(tmp_path: Path) -> Review:
    return make_review(
        tmp_path / "workspace", images=IMAGES, size=(ROWS, COLUMNS), texts=("Read by Dr. Roe, ext. 4411.",)
    )


@pytest.fixture
def url(review: Review) -> Iterator[str]:
    with serving(review) as url:
        yield url


@pytest.fixture
def server(review: Review, tmp_path: Path) -> Iterator[Server]:
    """A server that may be killed."""
    server = server_for(review, tmp_path / "server.log").start()
    yield server
    server.kill()


def outcomes(review: Review, kind: ReviewKind) -> dict[str, Outcome]:
    store = review.open()
    found = {outcome.item.item_id: outcome for outcome in store.outcomes(kind)}
    store.close()
    return found


# ---------------------------------------------------------------- images


def test_two_readers_disagree_and_a_third_settles_it(
    browser: Browser, url: str, review: Review, tmp_path: Path
) -> None:
    flagged = sorted(outcomes(review, ReviewKind.IMAGES))[0]
    unsure = sorted(outcomes(review, ReviewKind.IMAGES))[1]
    amber, basil = (Person(browser, url, name) for name in ("amber", "basil"))
    for person in (amber, basil):
        person.open("images")
    orders = (
        amber.answer_all(lambda item: "2 " if item == flagged else "1"),
        basil.answer_all(lambda item: "32 " if item == unsure else "1"),
    )
    assert sorted(orders[0]) == sorted(orders[1])
    assert orders[0] != orders[1], "each reader has an order of their own"
    amber.page.screenshot(path=tmp_path / "done.png")

    coral = Person(browser, url, "coral")
    coral.open("images")
    expect(coral.page.locator("#answers-of-both")).to_be_visible()
    expect(coral.page.locator("#count")).to_have_text("0 of 2")
    told = coral.page.locator("#answers-of-both").inner_text()
    assert "First reader" in told
    assert "amber" not in told
    coral.page.screenshot(path=tmp_path / "consensus.png")
    coral.answer_all(lambda _: "1")
    for person in (amber, basil, coral):
        person.close()

    found = outcomes(review, ReviewKind.IMAGES)
    assert {item for item, outcome in found.items() if outcome.needs_consensus} == {flagged, unsure}
    assert {outcome.final for outcome in found.values()} == {ReviewAnswer.CLEAN}
    reasons = {reason for decision in found[unsure].primary for reason in decision.reasons}
    assert [reason.value for reason in reasons] == ["location"]


def test_no_answer_and_no_rectangle_is_taken_while_the_picture_is_on_its_way(
    browser: Browser, url: str, review: Review
) -> None:
    amber = Person(browser, url, "amber")
    held: list[Route] = []
    is_slow = True

    def answer(route: Route) -> None:
        if is_slow:
            held.append(route)
        else:
            route.continue_()

    amber.page.route("**/half", answer)
    amber.page.goto(f"{url}/read/images")
    expect(amber.page.locator("#stage-note")).to_have_text("Loading…")
    stage = amber.page.locator("#stage").bounding_box()
    assert stage is not None
    mouse = amber.page.mouse
    mouse.move(stage["x"] + stage["width"] / 2, stage["y"] + stage["height"] / 2)
    mouse.down()
    mouse.move(stage["x"] + stage["width"] / 2 + 60, stage["y"] + stage["height"] / 2 + 60)
    mouse.up()
    amber.press("1")
    expect(amber.page.locator("#notice")).to_have_text("This image is not shown yet. Answer again when it is.")
    assert not amber.page.locator("#marks").is_visible()
    is_slow = False
    for route in held:
        route.continue_()
    amber.moved_on("")
    amber.press("1")
    amber.saved()
    item = amber.item
    amber.close()
    (decision,) = outcomes(review, ReviewKind.IMAGES)[item].primary
    assert (decision.answer, decision.boxes) == (ReviewAnswer.CLEAN, ())


def test_a_rectangle_goes_back_in_pixels_of_the_published_image(browser: Browser, url: str, review: Review) -> None:
    amber = Person(browser, url, "amber")
    amber.open("images")
    item = amber.item
    stage = amber.page.locator("#stage").bounding_box()
    assert stage is not None
    scale = min(stage["width"] / COLUMNS, stage["height"] / ROWS)
    left, top = stage["x"] + (stage["width"] - COLUMNS * scale) / 2, stage["y"] + (stage["height"] - ROWS * scale) / 2
    mouse = amber.page.mouse
    mouse.move(left + 100 * scale, top + 200 * scale)
    mouse.down()
    mouse.move(left + 400 * scale, top + 320 * scale)
    mouse.up()
    amber.press("1")  # refused: something is marked
    expect(amber.page.locator("#notice.bad")).to_be_visible()
    amber.press("2")
    amber.saved()
    amber.close()
    (decision,) = outcomes(review, ReviewKind.IMAGES)[item].primary
    (box,) = decision.boxes
    wanted = PixelBox(200, 100, 320, 400)
    for edge in ("top", "left", "bottom", "right"):
        assert abs(getattr(box, edge) - getattr(wanted, edge)) <= 1 / scale + 1, edge


def test_corners_zoom_window_and_inversion_are_keys_and_zoom_fetches_the_whole_image(
    browser: Browser, url: str, review: Review
) -> None:
    amber = Person(browser, url, "amber")
    asked: list[str] = []
    amber.page.on("request", lambda request: asked.append(urlsplit(request.url).path))
    amber.open("images")
    item, state = amber.item, amber.page.locator("#stage-state")
    amber.page.wait_for_function(
        "() => performance.getEntriesByType('resource').filter(e => e.name.endsWith('/half')).length >= 6"
    )
    assert [path for path in asked if path.endswith("/full")] == []
    for corner in ("top left", "top right", "bottom right", "bottom left"):
        amber.press("c")
        expect(state).to_have_text(f"{corner} · 3.0 ×")
    assert f"/api/images/{item}/full" in asked
    amber.press("c")
    expect(state).to_be_empty()
    amber.press("i", "w", "d")
    expect(state).to_have_text("inverted · window 83 % at 45 %")
    assert "invert(1)" in amber.page.locator("#picture").evaluate("canvas => canvas.style.filter")
    amber.press("0", "+", "+")
    expect(state).to_have_text("2.3 ×")
    amber.press("?")
    expect(amber.page.locator("#help")).to_be_visible()
    amber.press("1")  # an open help takes no answer
    amber.press("Escape")
    expect(amber.page.locator("#help")).to_be_hidden()
    assert amber.page.locator("#desk").get_attribute("data-state") == "open"
    amber.close()


def test_redactions_stay_hidden_until_both_have_answered_and_then_the_answer_stands(
    browser: Browser, url: str, review: Review
) -> None:
    with_box = next(i for i, o in outcomes(review, ReviewKind.IMAGES).items() if o.item.draft.machine_boxes)
    amber, basil = (Person(browser, url, name) for name in ("amber", "basil"))
    for person in (amber, basil):
        person.open("images")
        while person.item != with_box:
            before = person.item
            person.press("1")
            person.saved()
            person.press("Space")
            person.moved_on(before)
    amber.press("b")
    expect(amber.page.locator("#notice")).to_contain_text("Answer first")
    amber.press("1")
    amber.saved()
    amber.press("b")
    expect(amber.page.locator("#notice")).to_contain_text("once every reader has answered")
    assert amber.page.locator("rect.machine-redacted").count() == 0
    basil.press("1")
    basil.saved()
    basil.press("b")
    expect(basil.page.locator("rect.machine-redacted")).to_have_count(1)
    basil.press("2")
    expect(basil.page.locator("#notice.bad")).to_contain_text("this answer stands")
    for person in (amber, basil):
        person.close()
    found = outcomes(review, ReviewKind.IMAGES)[with_box]
    assert [decision.answer for decision in found.primary] == [ReviewAnswer.CLEAN] * 2


def test_undo_takes_back_and_goes_back(browser: Browser, url: str, review: Review) -> None:
    amber = Person(browser, url, "amber")
    amber.open("images")
    first = amber.item
    amber.press("2")
    amber.saved()
    amber.press("z")
    expect(amber.page.locator("#notice")).to_have_text("Your answer is taken back.")
    amber.press("1", "Space")
    amber.moved_on(first)
    amber.press("z")
    amber.page.wait_for_function("(item) => document.getElementById('desk').dataset.item === item", arg=first)
    expect(amber.page.locator(".answer[data-answer=clean]")).to_have_attribute("aria-pressed", "true")
    amber.press("3", "8", "Space")
    amber.saved()
    amber.close()
    store = review.open()
    sample = store.sample(ReviewKind.IMAGES)
    assert sample is not None
    trail = store.trail(sample.sample_id)
    store.close()
    assert [decision.answer.value for decision in trail] == ["phi", "withdrawn", "clean", "unsure"]
    assert {decision.item_id for decision in trail} == {first}


def test_a_reader_goes_on_where_a_killed_server_stopped(browser: Browser, server: Server, review: Review) -> None:
    amber = Person(browser, server.url, "amber")
    amber.open("images")
    first = amber.item
    amber.press("1", "Space")
    amber.saved()
    amber.moved_on(first)
    second = amber.item
    server.kill()
    amber.press("2")
    expect(amber.page.locator("#saved.bad")).to_contain_text("Not saved yet")
    server.start()
    amber.saved()
    amber.page.reload()
    amber.moved_on("")
    assert amber.item not in {first, second}
    expect(amber.page.locator("#count")).to_have_text(f"2 of {IMAGES}")
    amber.press("z")
    amber.page.wait_for_function("(item) => document.getElementById('desk').dataset.item === item", arg=second)
    expect(amber.page.locator(".answer[data-answer=phi]")).to_have_attribute("aria-pressed", "true")
    amber.close()
    found = outcomes(review, ReviewKind.IMAGES)
    assert [len(found[item].primary) for item in (first, second)] == [1, 1]


# ---------------------------------------------------------------- labels and texts


def test_a_report_is_labelled_by_keys_and_no_finding_is_checked_while_typing(
    browser: Browser, url: str, review: Review
) -> None:
    amber = Person(browser, url, "amber")
    amber.open("reports")
    item, notice = amber.item, amber.page.locator("#notice")
    amber.press("1", "0", ".", "-")  # atelectasis, cardiomegaly, consolidation, edema
    amber.press("n", "1")
    expect(notice).to_have_text("No Finding contradicts Atelectasis, Edema.")
    amber.press("Enter")
    assert amber.item == item, "a contradiction is not saved"
    amber.press("n", ".")
    expect(amber.page.locator("#guide-title")).to_have_text("Pleural Effusion")
    amber.press("Enter")
    amber.moved_on(item)
    amber.saved()
    amber.close()
    (decision,) = outcomes(review, ReviewKind.REPORTS)[item].primary
    assert decision.labels is not None
    given = {label: value for label, value in decision.labels.items() if value is not None}
    assert given == {Label.ATELECTASIS: 1, Label.CARDIOMEGALY: 0, Label.EDEMA: -1}


def test_readers_who_label_differently_meet_in_the_consensus(
    browser: Browser, url: str, review: Review, tmp_path: Path
) -> None:
    for name, keys in (("amber", ("n", "1")), ("basil", ("1",))):
        person = Person(browser, url, name)
        person.open("reports")
        while not person.is_done():
            item = person.item
            person.press(*keys, "Enter")
            person.moved_on(item)
        person.saved()
        person.close()
    coral = Person(browser, url, "coral")
    coral.open("reports")
    item = coral.item
    expect(coral.page.locator("tr.differs")).to_have_count(2)
    expect(coral.page.locator("tr.current th")).to_have_text("Atelectasis")
    coral.page.screenshot(path=tmp_path / "labels.png")
    coral.press("0", "n", "1", "Enter")
    coral.saved()
    coral.close()
    settled = outcomes(review, ReviewKind.REPORTS)[item]
    assert settled.labels is not None
    assert {label.value: value for label, value in settled.labels.items() if value is not None} == {
        "Atelectasis": 0,
        "No Finding": 1,
    }


def test_markup_in_a_report_is_shown_and_not_obeyed(browser: Browser, url: str) -> None:
    amber = Person(browser, url, "amber")
    amber.open("reports")
    seen = ""
    while not amber.is_done():
        item = amber.item
        expect(amber.page.locator("#report section").first).to_be_visible()
        seen += amber.page.locator("#report").inner_text()
        assert amber.page.locator("#report img, #report script").count() == 0
        amber.press("n", "1", "Enter")
        amber.moved_on(item)
    assert "<script>document.title = 'taken'</script>" in seen
    assert amber.page.title() == "Report labels · Hilum"
    amber.close()


def test_words_of_a_text_are_marked_by_keys(browser: Browser, url: str, review: Review) -> None:
    amber = Person(browser, url, "amber")
    amber.open("text")
    expect(amber.page.locator(".word.cursor")).to_have_text("Read")
    amber.press("ArrowRight", "ArrowRight", "Shift+ArrowRight", "m", "2")
    amber.saved()
    amber.close()
    (found,) = outcomes(review, ReviewKind.TEXT).values()
    assert [decision.spans for decision in found.primary] == [(Span(8, 16),)]
    assert found.item.draft.text[8:16] == "Dr. Roe,"


# ---------------------------------------------------------------- the door


def test_a_foreign_token_is_refused_at_the_door(browser: Browser, url: str) -> None:
    stranger = Person(browser, url, "a stranger")
    expect(stranger.page.locator("[role=alert]")).to_contain_text("opens nothing")
    stranger.page.goto(f"{url}/read/images")
    assert urlsplit(stranger.page.url).path == "/login"
    stranger.close()


def test_the_server_says_nothing_of_tokens_and_texts(browser: Browser, server: Server, review: Review) -> None:
    amber = Person(browser, server.url, "amber")
    amber.open("reports")
    amber.close()
    server.stop()
    said = server.log.read_text()
    door = (review.workspace.review / "door.jsonl").read_text()
    assert [json.loads(line)["event"] for line in door.splitlines()] == ["signed in"]
    for secret in (token_of("amber"), "effusion", "process", "csrf"):
        assert secret not in said + door
