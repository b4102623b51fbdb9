"""How images are rendered. Default: the published recipe of MIMIC-CXR-JPG."""

from enum import StrEnum

from pydantic import Field, field_validator

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
    sizes: tuple[int, ...] = Field(
        (), description="Shorter sides, in pixels, of smaller JPEG files to publish as well, e.g. [512, 224]"
    )

    @field_validator("sizes")
    @classmethod
    def _check_sizes(cls, sizes: tuple[int, ...]) -> tuple[int, ...]:
        if len(set(sizes)) != len(sizes) or any(not 32 <= size <= 2048 for size in sizes):
            raise ValueError("different sizes from 32 to 2048")
        return sizes
