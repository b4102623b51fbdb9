"""Decides which moment a written date and time means, in the spellings of DICOM, HL7 and RIS exports.

Takes text and gives local dates and times without a zone, or None where the text is no moment.
What a moment is good for is left to the callers.
"""

import datetime as dt
import re

_COMPACT = re.compile(r"(\d{4})(\d{2})(\d{2})(?:[ T]?(\d{2})(\d{2})?(\d{2})?(?:\.\d*)?)?(?:[+-]\d{4})?")
_WRITTEN = re.compile(
    r"(\d{1,4})[-/.](\d{1,2}|[A-Za-z]{3,9})[-/.](\d{1,4})"
    r"(?:[ T]+(\d{1,2}):(\d{2})(?::(\d{2})(?:\.\d*)?)?\s*([AaPp]\.?[Mm]\.?)?)?\s*(?:Z|UTC|[+-]\d{2}:?\d{2})?"
)
_TIME = re.compile(r"(\d{2}):?(\d{2})?:?(\d{2})?(?:\.\d*)?")
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_FIRST_YEAR = 1850


def parse_moment(text: str, time: str = "") -> dt.datetime | None:
    """Read a date, with its time where one is given; midnight where none is.

    Knows `20131209`, `20131209084500.1+0100`, `2013-12-09 08:45`, `2013-12-09T08:45:00Z`, `12/09/2013 8:45 PM`
    (month first, as in the United States; day first only where the month would be above 12), `09-Dec-2013`.

    Parameters
    ----------
    text : str
        The date, or date and time.
    time : str
        A separate time (DICOM TM) for a date without one.
    """
    text = text.strip()
    compact = _COMPACT.fullmatch(text)
    found = _from_compact(compact) if compact else _from_written(_WRITTEN.fullmatch(text))
    clock = _TIME.fullmatch(time.strip())
    if found and clock and found.time() == dt.time():
        hour, minute, second = (int(part or 0) for part in clock.groups())
        return _moment(found.year, found.month, found.day, (hour, minute, second)) or found
    return found


def parse_day(text: str) -> dt.date | None:
    """Read a date; a time behind it is ignored."""
    found = parse_moment(text)
    return found.date() if found else None


def _from_compact(match: re.Match[str]) -> dt.datetime | None:
    year, month, day, hour, minute, second = (int(part or 0) for part in match.groups())
    return _moment(year, month, day, (hour, minute, second))


def _from_written(match: re.Match[str] | None) -> dt.datetime | None:
    if match is None:
        return None
    first, middle, last, hour, minute, second, half = match.groups()
    clock = (_hour(int(hour or 0), half), int(minute or 0), int(second or 0))
    if not middle.isdigit():
        month = _MONTHS.index(middle[:3].lower()) + 1 if middle[:3].lower() in _MONTHS else 0
        day, year = (last, first) if len(first) == 4 else (first, last)
        return _moment(_year(year), month, int(day), clock)
    if len(first) == 4:
        return _moment(int(first), int(middle), int(last), clock)
    month, day_number = (int(first), int(middle)) if int(first) <= 12 else (int(middle), int(first))
    return _moment(_year(last), month, day_number, clock)


def _hour(hour: int, half: str | None) -> int:
    if not half:
        return hour
    return hour % 12 + (12 if half[0] in "pP" else 0)


def _year(text: str) -> int:
    """Four digits as they are; two digits are not guessed into a century before the exam: 00-69 is 20xx (POSIX)."""
    if len(text) == 4:
        return int(text)
    return int(text) + (2000 if int(text) < 69 else 1900) if len(text) == 2 else 0


def _moment(year: int, month: int, day: int, clock: tuple[int, int, int]) -> dt.datetime | None:
    try:
        found = dt.datetime(year, month, day, clock[0], clock[1], min(clock[2], 59))  # noqa: DTZ001  local by contract
    except ValueError:
        return None
    return found if year >= _FIRST_YEAR else None
