"""A file has come once the disk has it; what goes wrong there is told to whoever waits for the study."""

import threading
from collections.abc import Callable

import pytest

from cxr_core.errors import BuildError
from cxr_core.intake.sources.arrivals import Arrivals, Receipt
from cxr_core.intake.sources.peer import Content


def _expecting(wait: Callable[[], None] | None) -> Arrivals:
    def deposit(_study: str, _uid: str, _content: Content) -> Callable[[], None] | None:
        return wait

    arrivals = Arrivals(deposit)
    arrivals.expect("1.1", ["1.1.1", "1.1.2"])
    return arrivals


def test_the_next_file_is_taken_while_the_disk_still_works_on_the_last() -> None:
    is_safe = threading.Event()
    arrivals = _expecting(lambda: bool(is_safe.wait(10)) and None)
    assert [arrivals.take(uid, b"ab") for uid in ("1.1.1", "1.1.2")] == [Receipt.KEPT, Receipt.KEPT]
    is_safe.set()
    came = arrivals.close("1.1")
    assert (came.uids, came.size_bytes) == ({"1.1.1", "1.1.2"}, 4)


def test_a_disk_that_fails_late_is_told_and_its_file_has_not_come() -> None:
    def fail() -> None:
        raise BuildError("full")

    arrivals = _expecting(fail)
    assert arrivals.take("1.1.1", b"ab") is Receipt.KEPT
    assert arrivals.close("1.1").uids == frozenset()
    with pytest.raises(BuildError, match="full"):
        arrivals.check()


def test_what_nobody_asked_for_is_refused_and_counted() -> None:
    arrivals = _expecting(None)
    assert arrivals.take("9.9", b"no DICOM") is Receipt.NOT_ASKED_FOR
    assert (arrivals.refused, arrivals.close("1.1").uids) == (1, frozenset())
