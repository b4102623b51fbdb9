"""How reports are tied to studies (specs: linkage policy)."""

from pydantic import Field

from cxr_core.settings.section import Section


class LinkSettings(Section):
    """`[link]`"""

    accession_suffixes: tuple[str, ...] = Field((), description="Site suffixes cut from accession numbers")
    use_preliminary: bool = Field(False, description="Use a preliminary report where nothing final exists")
    window_hours: float = Field(24.0, gt=0, description="Largest distance of exam times for a link by patient and time")
    quarantine_date_mismatch: bool = Field(
        False,
        description="Quarantine studies whose exam time is a day or more from their report's, instead of flagging",
    )
