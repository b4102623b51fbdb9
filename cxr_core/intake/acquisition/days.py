"""Which days a PACS is asked about: its own setting, else the cohort's range, else up to today."""

import datetime as dt

from cxr_core.errors import UsageError
from cxr_core.settings.build import BuildConfig


def asked_days(config: BuildConfig, today: dt.date) -> list[dt.date]:
    """Every day that the PACS is asked about, both ends included.

    Raises
    ------
    UsageError
        No first day is known, or the last lies before it.
    """
    pacs, cohort = config.source.pacs, config.cohort
    first, last = pacs.start or cohort.start, pacs.end or cohort.end or today
    if first is None:
        raise UsageError("source.pacs.start (or cohort.start) is needed: the first study date to ask for")
    if last < first:
        raise UsageError("source.pacs: the last study date lies before the first")
    return [first + dt.timedelta(days=number) for number in range((last - first).days + 1)]
