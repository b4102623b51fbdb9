"""What leaves the building, and under which name."""

from enum import StrEnum
from pathlib import Path

from pydantic import Field

from cxr_core.settings.section import Section


class TestPolicy(StrEnum):
    """What becomes of the test set."""

    __test__ = False  # pytest would take the name for a test class

    WITHHELD = "withheld"
    IMAGES = "images"
    ALL = "all"


class ReleaseSettings(Section):
    """`[release]`"""

    name: str = Field("cxr", pattern=r"^[a-z][a-z0-9-]{0,30}$", description="First part of the release's name")
    version: str = Field(
        "auto", pattern=r"^(auto|\d+\.\d+\.\d+)$", description="auto: 1.0.0, then the next minor on other content"
    )
    layout: str = Field("mimic-cxr-jpg-2", pattern=r"^mimic-cxr-jpg-2$", description="Folder and file names")
    test: TestPolicy = Field(TestPolicy.WITHHELD, description="withheld: a separate root, as the paper")
    signoff: Path | None = Field(None, description="File of names that a person has signed off for the verifier")
    min_row_share: float = Field(
        0.9, ge=0, le=1, description="Smallest share of the last release's images that is still plausible"
    )
