"""Which of several copies stands for an instance: never the one whose file happens to be called first."""

import datetime as dt
import itertools

import pytest

from cxr_core.intake.duplicates import Copy, judge_copies
from cxr_core.vocabulary import Reason

_NOON = dt.datetime(2014, 3, 1, 12)


def _copy(path: str, content: str, at: dt.datetime | None = _NOON, mtime_ns: int = 1) -> Copy:
    return Copy(path, content * 64, at, mtime_ns)


@pytest.mark.parametrize("names", list(itertools.permutations("pqr")))
def test_of_equally_old_headers_the_same_one_is_kept_whatever_the_files_are_called(names: tuple[str, ...]) -> None:
    copies = [_copy(name, content) for name, content in zip(names, "abc", strict=True)]
    dropped = judge_copies(copies, lambda *_: True)
    assert dropped == {names[0]: Reason.REHEADERED, names[1]: Reason.REHEADERED}


def test_newer_content_goes_before_a_newer_file_and_that_before_the_fingerprint() -> None:
    old = _NOON - dt.timedelta(hours=1)
    assert judge_copies([_copy("p", "b", old, 9), _copy("q", "a")], lambda *_: True) == {"p": Reason.REHEADERED}
    assert judge_copies([_copy("p", "b"), _copy("q", "a", mtime_ns=2)], lambda *_: True) == {"p": Reason.REHEADERED}
