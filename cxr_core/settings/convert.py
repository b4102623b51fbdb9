"""How images are rendered. Default: the published recipe of MIMIC-CXR-JPG."""

from enum import StrEnum

from pydantic import Field

from cxr_core.settings.section import Section


class Intermediates(StrEnum):
    DISCARD = "discard"
    KEEP = "keep"


class ConvertSettings(Section):
    """`[convert]`"""

    profile: str = Field("paper", pattern="^(paper|none)$", description="paper: histogram equalised; none: not")
    intermediates: Intermediates = Field(
        Intermediates.DISCARD, description="discard: a de-identified DICOM file goes once its study is converted"
    )
