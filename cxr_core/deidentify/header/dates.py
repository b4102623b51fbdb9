"""What becomes of dates, times and ages.

Takes the strings of DA, TM, DT and AS elements (PS3.5 table 6.2-1), gives cleaned ones or None where not valid.
Which shift a patient has is left to `vault`; emptying and counting to `engine`.
"""

import datetime as dt
import re
from dataclasses import dataclass, field

from cxr_core.settings.dates import TimeOfDay

FIRST_YEAR, LAST_YEAR = 2100, 2200
OVER_89 = "090Y"
_OLDEST_YEARS = 110
_DA = re.compile(r"\d{8}", re.ASCII)
_TM = re.compile(r"([01]\d|2[0-3])(?:([0-5]\d)(?:([0-5]\d|60)(\.\d{1,6})?)?)?", re.ASCII)
_DT = re.compile(r"(\d{8})(\d{2,6}(?:\.\d{1,6})?)?(?:[+-]\d{4})?", re.ASCII)
_AS = re.compile(r"(\d{3})([DWMY])", re.ASCII)
_DAYS_PER = {"D": 1.0, "W": 7.0, "M": 30.4375, "Y": 365.25}


@dataclass(frozen=True, slots=True)
class DateShift:
    """How the dates of one patient move.

    Parameters
    ----------
    days : int
        Secret whole-day offset; intervals within the patient stay exact.
    in_weeks : bool
        Profile `strict`: a shifted date is told as the Monday of its week, so that intervals are whole weeks.
    """

    days: int = field(repr=False)
    in_weeks: bool = False

    def apply(self, day: dt.date) -> dt.date | None:
        """The shifted day; None outside 2100-2200."""
        try:
            shifted = day + dt.timedelta(days=self.days)
        except OverflowError:
            return None
        if self.in_weeks:
            shifted -= dt.timedelta(days=shifted.weekday())
        return shifted if FIRST_YEAR <= shifted.year <= LAST_YEAR else None


def parse_date(text: str) -> dt.date | None:
    """Read a DA strictly: eight digits that name a day."""
    if not _DA.fullmatch(text):
        return None
    try:
        return dt.date(int(text[:4]), int(text[4:6]), int(text[6:]))
    except ValueError:
        return None


def shift_date(text: str, shift: DateShift) -> str | None:
    """Shift a DA; None where it is no full date or the result leaves 2100-2200."""
    parsed = parse_date(text)
    shifted = None if parsed is None else shift.apply(parsed)
    return None if shifted is None else f"{shifted:%Y%m%d}"


def clean_time(text: str, policy: TimeOfDay) -> str | None:
    """Keep of a TM what the policy allows, with the digits it had; "" under `empty`, None where it is not valid."""
    match = _TM.fullmatch(text)
    if match is None:
        return None
    match policy:
        case TimeOfDay.EXACT:
            return text
        case TimeOfDay.HOUR:
            return text[:2] + re.sub(r"\d", "0", text[2:])
        case TimeOfDay.EMPTY:
            return ""


def shift_datetime(text: str, shift: DateShift, policy: TimeOfDay) -> str | None:
    """Shift a DT as its date, clean its time as a TM, drop its time zone; None where either is not valid."""
    match = _DT.fullmatch(text)
    if match is None:
        return None
    date, time = shift_date(match[1], shift), clean_time(match[2], policy) if match[2] else ""
    return None if date is None or time is None else date + time


def clean_age(text: str) -> str | None:
    """Check an AS; ages of 90 years and more become 090Y, None where it is not valid."""
    match = _AS.fullmatch(text)
    if match is None:
        return None
    years = int(match[1]) * _DAYS_PER[match[2]] / _DAYS_PER["Y"]
    return OVER_89 if years >= 90 else text


def age_between(birth: str, study: str) -> str | None:
    """Compute an AS from two DA: years, months below two years; 090Y from 90 on.

    None where either is not valid, or where more than 110 years lie between: then the birth date is a placeholder.
    """
    born, seen = parse_date(birth), parse_date(study)
    if born is None or seen is None or seen < born:
        return None
    months = (seen.year - born.year) * 12 + seen.month - born.month - (seen.day < born.day)
    if months > _OLDEST_YEARS * 12:
        return None
    if months >= 90 * 12:
        return OVER_89
    return f"{months // 12:03d}Y" if months >= 24 else f"{months:03d}M"


def years_of(age: str) -> int | None:
    """Whole years of an AS, at most 90; None where it is not valid."""
    match = _AS.fullmatch(age)
    return None if match is None else min(90, int(int(match[1]) * _DAYS_PER[match[2]] / _DAYS_PER["Y"]))
