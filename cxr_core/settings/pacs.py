"""How images come from a PACS: its addresses, what is asked of it, and how hard it is worked.

Paths of secrets only, never the secrets; nothing here changes a byte of the release.
"""

import datetime as dt
from enum import StrEnum
from pathlib import Path

from pydantic import Field

from cxr_core.settings.section import Section

_CLOCK = r"([01]\d|2[0-3]):[0-5]\d"


class Way(StrEnum):
    """How images reach the vault."""

    FOLDER = "folder"
    PACS_MOVE = "pacs-move"
    PACS_GET = "pacs-get"
    DICOMWEB = "dicomweb"


class PacsSettings(Section):
    """`[source.pacs]`"""

    host: str = Field("", description="Name or address of the PACS, for DICOM's own protocol")
    port: int = Field(104, ge=1, le=65535, description="Its DICOM port")
    ae_title: str = Field("", max_length=16, description="Its AE title")
    our_ae_title: str = Field(
        "HILUM", min_length=1, max_length=16, description="Our AE title, which the PACS must know"
    )
    listen_host: str = Field("", description="Address on which we receive (pacs-move); empty for all of this machine")
    listen_port: int = Field(11112, ge=1, le=65535, description="Port on which we receive, which the PACS must know")
    url: str = Field("", pattern=r"^(https?://[^\s@?#]+)?$", description="Root of the DICOMweb service, for dicomweb")
    credentials: Path | None = Field(
        None,
        description="TOML file with user and password, or a token (dicomweb); HILUM_PACS_CREDENTIALS goes before it",
    )
    tls: bool = Field(default=False, description="Speak DICOM through TLS, in both directions")
    ca_file: Path | None = Field(None, description="Certificates (PEM) that we trust; default: the system's")
    cert_file: Path | None = Field(
        None, description="Our certificate (PEM); needed where the PACS connects to us by TLS"
    )
    key_file: Path | None = Field(None, description="Its private key (PEM), readable by its owner alone")
    start: dt.date | None = Field(None, description="First study date that is asked for; default: cohort.start")
    end: dt.date | None = Field(None, description="Last study date; default: cohort.end, else today")
    modalities: tuple[str, ...] = Field(("CR", "DX"), description="Studies with one of these; empty for every study")
    find_cap: int = Field(0, ge=0, description="Most answers the PACS gives to a query; 0: found out while asking")
    max_mb_per_s: float = Field(0.0, ge=0, description="Most megabytes a second, on average; 0 for no limit")
    window: str = Field(
        "",
        pattern=rf"^({_CLOCK}-{_CLOCK})?$",
        description="Only within these hours, such as 20:00-06:00; empty: always",
    )
    associations: int = Field(1, ge=1, le=8, description="Studies that are fetched at the same time")
    connect_timeout_s: float = Field(30.0, gt=0, description="Longest wait for a connection")
    silence_timeout_s: float = Field(
        600.0, gt=0, description="Longest silence within a transfer; recalls from tape take minutes"
    )
    attempts: int = Field(4, ge=1, le=20, description="Tries of a study before it counts as not fetched")
    backoff_s: float = Field(5.0, ge=0, description="Wait before the second try; doubled before each later one")
    acquire: bool = Field(default=True, description="A build fetches first; false: it takes what has been fetched")

    @property
    def window_hours(self) -> tuple[dt.time, dt.time] | None:
        """Begin and end of the window, in local time."""
        if not self.window:
            return None
        begin, _, end = self.window.partition("-")
        return dt.time.fromisoformat(begin), dt.time.fromisoformat(end)
