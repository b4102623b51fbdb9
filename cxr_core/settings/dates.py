"""What becomes of dates and times (HIPAA Safe Harbor; 45 CFR 164.514(b)(2)(i)(C))."""

from enum import StrEnum

from pydantic import Field

from cxr_core.settings.section import Section


class TimeOfDay(StrEnum):
    HOUR = "hour"
    EXACT = "exact"
    EMPTY = "empty"


class DateSettings(Section):
    """`[dates]`"""

    keep_weekday: bool = Field(False, description="Shift by whole weeks, so that weekdays survive")
    time: TimeOfDay = Field(TimeOfDay.HOUR, description="hour: minutes and seconds are zeroed; exact: as MIMIC; empty")
