"""Dates, times and ages."""

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cxr_core.deidentify.header import dates
from cxr_core.deidentify.header.dates import DateShift
from cxr_core.settings.dates import TimeOfDay


@pytest.mark.parametrize(
    ("text", "days", "shifted"),
    [
        ("20120228", 36_525, "21120229"),
        ("20121231", 36_525, "21130101"),
        ("20110403", 65_745, "21910404"),
        ("20120506", 0, None),
        ("19400518", 36_525, None),
        ("20120506", 100_000, None),
        ("20120506", 10**9, None),
        ("201205", 36_525, None),
        ("20120230", 36_525, None),
        ("2012.05.06", 36_525, None),
        ("20120506-20120507", 36_525, None),
        ("SMITH JO", 36_525, None),
        ("２０１２０５０６", 36_525, None),
        ("", 36_525, None),
    ],
)
def test_a_date_is_shifted_or_refused(text: str, days: int, shifted: str | None) -> None:
    assert dates.shift_date(text, DateShift(days)) == shifted


_DAYS = st.dates(dt.date(1990, 1, 1), dt.date(2030, 12, 31))
_SHIFTS = st.integers(42_003, 60_265)  # from 1990 to 2105 ... 2155, so that 2030 stays below 2200


@given(_DAYS, _DAYS, _SHIFTS)
def test_intervals_stay_exact_over_leap_days_and_the_year_2100(one: dt.date, other: dt.date, days: int) -> None:
    shift = DateShift(days)
    told = [dates.parse_date(dates.shift_date(f"{day:%Y%m%d}", shift) or "") for day in (one, other)]
    assert told[0] is not None
    assert told[1] is not None
    assert told[1] - told[0] == other - one


@given(_DAYS, _DAYS, _SHIFTS)
def test_in_weeks_an_interval_is_whole_weeks_and_off_by_less_than_one(one: dt.date, other: dt.date, days: int) -> None:
    shift = DateShift(days, in_weeks=True)
    first, second = shift.apply(one), shift.apply(other)
    assert first is not None
    assert second is not None
    assert (second - first).days % 7 == 0
    assert abs((second - first) - (other - one)) < dt.timedelta(days=7)


@pytest.mark.parametrize(
    ("text", "policy", "kept"),
    [
        ("123456.789", TimeOfDay.HOUR, "120000.000"),
        ("1234", TimeOfDay.HOUR, "1200"),
        ("12", TimeOfDay.HOUR, "12"),
        ("123456.789", TimeOfDay.EXACT, "123456.789"),
        ("123456.789", TimeOfDay.EMPTY, ""),
        ("235960", TimeOfDay.HOUR, "230000"),
        ("246000", TimeOfDay.HOUR, None),
        ("12:34:56", TimeOfDay.EXACT, None),
        ("SMITH", TimeOfDay.EMPTY, None),
        ("1", TimeOfDay.HOUR, None),
    ],
)
def test_a_time_keeps_what_the_policy_allows(text: str, policy: TimeOfDay, kept: str | None) -> None:
    assert dates.clean_time(text, policy) == kept


@pytest.mark.parametrize(
    ("text", "policy", "kept"),
    [
        ("20120506123456.789+0100", TimeOfDay.HOUR, "21120506120000.000"),
        ("20120506123456-0500", TimeOfDay.EXACT, "21120506123456"),
        ("2012050612", TimeOfDay.HOUR, "2112050612"),
        ("20120506", TimeOfDay.HOUR, "21120506"),
        ("20120506123456", TimeOfDay.EMPTY, "21120506"),
        ("201205", TimeOfDay.HOUR, None),
        ("20120506SMITH", TimeOfDay.HOUR, None),
        ("20120506996000", TimeOfDay.HOUR, None),
    ],
)
def test_a_datetime_is_shifted_and_loses_its_time_zone(text: str, policy: TimeOfDay, kept: str | None) -> None:
    assert dates.shift_datetime(text, DateShift(36_524), policy) == kept


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("052Y", "052Y"),
        ("089Y", "089Y"),
        ("090Y", "090Y"),
        ("104Y", "090Y"),
        ("006M", "006M"),
        ("999M", "999M"),
        ("52Y", None),
        ("052", None),
        ("0052Y", None),
        ("old", None),
    ],
)
def test_an_age_of_90_and_more_is_090y(text: str, kept: str | None) -> None:
    assert dates.clean_age(text) == kept


@pytest.mark.parametrize(
    ("birth", "study", "age"),
    [
        ("19600203", "20120506", "052Y"),
        ("19600507", "20120506", "051Y"),
        ("19600506", "20120506", "052Y"),
        ("19220507", "20120506", "089Y"),
        ("19220506", "20120506", "090Y"),
        ("19050101", "20120506", "090Y"),
        ("19000101", "20120506", None),
        ("20110801", "20120506", "009M"),
        ("20130101", "20120506", None),
        ("", "20120506", None),
        ("1960", "20120506", None),
    ],
)
def test_an_age_is_computed_from_two_dates(birth: str, study: str, age: str | None) -> None:
    assert dates.age_between(birth, study) == age


@pytest.mark.parametrize(("age", "years"), [("052Y", 52), ("090Y", 90), ("018M", 1), ("006W", 0), ("", None)])
def test_years_of_an_age(age: str, years: int | None) -> None:
    assert dates.years_of(age) == years
