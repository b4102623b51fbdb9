"""Parts of the review page without HTTP: guidelines, sections, half-size pictures, time left, where it listens."""

import threading
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from reviewing import REPORTS, make_review

from cxr_core.errors import UsageError
from cxr_core.vocabulary import Label, ReviewKind, ReviewReason, ReviewWindow
from flows.review_server.documents import report_sections, whole_text
from flows.review_server.guidelines import load_guidelines
from flows.review_server.keys import HELP
from flows.review_server.pictures import PictureChanged, Pictures
from flows.review_server.queues import REASON_WORDS, time_left
from flows.review_server.serving import Listening, check_listening


def test_every_label_has_a_guideline_in_the_order_of_the_columns() -> None:
    assert [entry.label for entry in load_guidelines().entries] == list(Label)


def test_every_reason_has_words_and_every_page_its_keys() -> None:
    assert list(REASON_WORDS) == list(ReviewReason)
    assert set(HELP) == set(ReviewKind)


@pytest.mark.parametrize("text", [*REPORTS, "No heading at all.", "é IMPRESSION: ünclear"])
def test_sections_hold_the_words_that_stand_at_their_offsets(text: str) -> None:
    shown = report_sections(text)
    assert all(text[section.start : section.start + len(section.text)] == section.text for section in shown)
    assert "".join("".join(s.heading + s.text for s in shown).split()).replace(":", "") == "".join(
        text.split()
    ).replace(":", "")


def test_the_section_that_is_labelled_stands_out() -> None:
    read = [section.heading for section in report_sections(REPORTS[1]) if section.is_read]
    assert read == ["IMPRESSION"]


def test_a_text_without_words_is_shown_as_it_is() -> None:
    assert [section.text for section in report_sections("")] == [""]
    assert [section.text for section in whole_text("IMPRESSION: clear.")] == ["IMPRESSION: clear."]


def test_a_large_picture_is_halved(tmp_path: Path) -> None:
    review = make_review(tmp_path / "workspace", images=1, size=(1801, 1502), reports=())
    store = review.open()
    (outcome,) = store.outcomes(ReviewKind.IMAGES)
    store.close()
    draft = outcome.item.draft
    pictures = Pictures(review.workspace.root)
    half = cv2.imdecode(np.frombuffer(pictures.half(draft), np.uint8), cv2.IMREAD_UNCHANGED)
    assert half.shape == (901, 751)
    assert pictures.full(draft) == (review.workspace.root / draft.source).read_bytes()


def test_nothing_of_a_picture_is_shown_or_kept_once_its_file_has_changed(tmp_path: Path) -> None:
    review = make_review(tmp_path / "workspace", images=1, size=(1801, 1502), reports=(), hidden="ROE 17")
    store = review.open()
    (outcome,) = store.outcomes(ReviewKind.IMAGES)
    store.close()
    before = {path for path in tmp_path.rglob("*") if path.is_file()}
    draft, pictures = outcome.item.draft, Pictures(review.workspace.root)
    assert pictures.half(draft) == pictures.half(draft)
    assert pictures.window(draft, ReviewWindow.FINE) == pictures.window(draft, ReviewWindow.FINE)
    assert {path for path in tmp_path.rglob("*") if path.is_file()} == before, "no copy on any disk"
    for name in (draft.source, draft.dicom):
        (review.workspace.root / name).unlink()
    for look in (lambda: pictures.half(draft), lambda: pictures.window(draft, ReviewWindow.FINE)):
        with pytest.raises(PictureChanged, match="no longer there"):
            look()


def test_a_small_picture_goes_as_it_is(tmp_path: Path) -> None:
    review = make_review(tmp_path / "workspace", images=1, size=(300, 200), reports=())
    store = review.open()
    (outcome,) = store.outcomes(ReviewKind.IMAGES)
    store.close()
    pictures = Pictures(review.workspace.root)
    assert pictures.half(outcome.item.draft) == pictures.full(outcome.item.draft)


def test_windows_are_of_the_file_that_was_drawn_and_no_other(tmp_path: Path) -> None:
    review = make_review(tmp_path / "workspace", images=2, size=(400, 300), reports=(), hidden="ROE 17")
    store = review.open()
    drafts = [outcome.item.draft for outcome in store.outcomes(ReviewKind.IMAGES)]
    store.close()
    pictures = Pictures(review.workspace.root)
    for window in ReviewWindow:
        shown = cv2.imdecode(np.frombuffer(pictures.window(drafts[0], window), np.uint8), cv2.IMREAD_UNCHANGED)
        assert shown.shape == (400, 300)
    path = review.workspace.root / drafts[1].dicom
    path.write_bytes(path.read_bytes() + b"\0")
    with pytest.raises(PictureChanged, match="has changed"):
        pictures.window(drafts[1], ReviewWindow.FINE)
    with pytest.raises(PictureChanged, match="outside the workspace"):
        Pictures(review.workspace.stages).window(replace(drafts[1], dicom=f"../{drafts[1].dicom}"), ReviewWindow.FINE)


def test_nothing_outside_the_workspace_is_read(tmp_path: Path) -> None:
    review = make_review(tmp_path / "workspace", images=1, size=(40, 30), reports=())
    store = review.open()
    (outcome,) = store.outcomes(ReviewKind.IMAGES)
    store.close()
    elsewhere = Pictures(tmp_path / "workspace" / "stages")
    escaping = replace(outcome.item.draft, source=f"../{outcome.item.draft.source}")
    with pytest.raises(PictureChanged, match="outside the workspace"):
        elsewhere.full(escaping)


@pytest.mark.parametrize(
    ("remaining", "median_s", "told"),
    [
        (0, 5.0, ""),
        (9, None, ""),
        (9, 5.0, "less than a minute left"),
        (100, 6.0, "about 10 min left"),
        (6900, 5.0, "about 9.6 h left"),
        (600, 0.01, "about 10 min left"),
    ],
)
def test_the_time_that_is_left_is_told_in_words(remaining: int, median_s: float | None, told: str) -> None:
    assert time_left(remaining, median_s) == told


@pytest.mark.parametrize(
    "listening",
    [Listening(host="0.0.0.0"), Listening(host="10.1.2.3"), Listening(certificate=Path("only.pem"))],  # noqa: S104
    ids=["everywhere", "a network", "half a certificate"],
)
def test_tokens_never_cross_a_network_in_the_clear(listening: Listening) -> None:
    with pytest.raises(UsageError):
        check_listening(listening)


@pytest.mark.parametrize(
    "listening", [Listening(), Listening(host="::1"), Listening(host="10.1.2.3", is_behind_proxy=True)]
)
def test_this_machine_alone_or_a_proxy_with_tls_is_fine(listening: Listening) -> None:
    check_listening(listening)


def test_threads_that_end_leave_no_file_of_the_review_open(tmp_path: Path) -> None:
    """A server's threads come and go all day; each has a connection of its own."""
    store = make_review(tmp_path / "workspace", images=1, size=(40, 30), reports=()).open()
    before = _open_files("review.sqlite")
    for _ in range(20):
        thread = threading.Thread(target=store.readers)
        thread.start()
        thread.join()
    assert _open_files("review.sqlite") <= before + 2  # SQLite itself closes one file late
    store.close()
    assert _open_files("review.sqlite") == 0


def _open_files(name: str) -> int:
    links = [link.readlink() for link in Path("/proc/self/fd").iterdir() if link.is_symlink()]
    return sum(link.name.startswith(name) for link in links)
