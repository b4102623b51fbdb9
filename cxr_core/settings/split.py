"""How subjects are assigned to train, validate and test."""

from enum import StrEnum

from pydantic import Field

from cxr_core.settings.section import Section


class SharedPictures(StrEnum):
    """What becomes of a picture that stands under several subjects."""

    QUARANTINE = "quarantine"
    KEEP = "keep"


class SplitSettings(Section):
    """`[split]`"""

    validate_subjects: int = Field(500, ge=0, description="Subjects in the validate split (MIMIC-CXR: 500)")
    max_validate_share: float = Field(0.1, ge=0, le=0.5, description="Largest share of subjects, for small cohorts")
    fallback_test_share: float = Field(
        0.1, ge=0, le=0.5, description="Share of subjects drawn for test where no report was labelled by hand"
    )
    shared_pictures: SharedPictures = Field(
        SharedPictures.QUARANTINE,
        description="A picture that stands under several subjects waits for a person; keep: published, in one split",
    )
