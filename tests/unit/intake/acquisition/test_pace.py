"""Windows over midnight, and an average that stays below its limit."""

import datetime as dt

import pytest

from cxr_core.intake.acquisition.pace import Clock, Pace, is_open
from cxr_core.settings.pacs import PacsSettings


@pytest.mark.parametrize(
    ("window", "moment", "wanted"),
    [
        ("20:00-06:00", "20:00", True),
        ("20:00-06:00", "02:30", True),
        ("20:00-06:00", "06:00", False),
        ("20:00-06:00", "12:00", False),
        ("08:00-17:30", "08:00", True),
        ("08:00-17:30", "17:30", False),
        ("08:00-17:30", "23:00", False),
        ("", "12:00", True),
        ("07:00-07:00", "12:00", True),
    ],
)
def test_a_window_is_open_within_its_hours(window: str, moment: str, wanted: bool) -> None:
    assert is_open(PacsSettings(window=window).window_hours, dt.time.fromisoformat(moment)) is wanted


def test_waiting_brings_the_average_to_the_limit() -> None:
    now, waited = [100.0], []

    def sleep(seconds: float) -> None:
        waited.append(seconds)
        now[0] += seconds

    pace = Pace(10.0, Clock(monotonic=lambda: now[0], sleep=sleep))
    for _ in range(4):
        pace.wait()
        now[0] += 1.0  # a transfer of one second
        pace.spent(50)
    assert waited == [5.0, 5.0, 5.0]


def test_without_a_limit_nobody_waits() -> None:
    pace = Pace(0.0, Clock(sleep=lambda _: pytest.fail("waited")))
    pace.spent(10**12)
    pace.wait()
