"""What readers look at before a release, and how sure they must be."""

from pydantic import Field

from cxr_core.settings.section import Section


class ReviewSettings(Section):
    """`[review]`"""

    required_bound: float = Field(
        0.001,
        gt=0,
        le=1,
        description="Largest 95 % limit of the share of images with PHI that the gate accepts; needs some 3,000 "
        "images without a finding (6,900 allow 0.0434 %), more where readers overlook planted ones",
    )
    images: int = Field(6900, ge=1, description="Images of the simple random part (MIMIC-CXR: 6,900)")
    texts: int = Field(1000, ge=1, description="Report texts of the simple random part, where text is released")
    reports: int = Field(687, ge=1, description="Reports to label by hand (MIMIC-CXR: 687)")
    readers: int = Field(2, ge=1, le=5, description="Blind readers of every item (MIMIC-CXR: 2)")
    per_stratum: int = Field(50, ge=0, description="Items of each enriched stratum, beside the random part")
    planted_share: float = Field(0.02, ge=0, le=0.5, description="Planted items, as a share of the others")
    planted_least: int = Field(60, ge=0, description="Planted items at least: they measure the readers")
    label_subjects_share: float = Field(
        0.2, gt=0, le=1, description="Largest share of subjects that may get a manual label: all of them become test"
    )
    seconds_per_image: float = Field(5, gt=0, description="For the hours of a plan: one look at one image")
    seconds_per_windows: float = Field(
        4, ge=0, description="For the hours of a plan: the three windows of one 16-bit image, where DICOM is kept"
    )
    seconds_per_text: float = Field(30, gt=0, description="For the hours of a plan: one report text")
    seconds_per_report: float = Field(60, gt=0, description="For the hours of a plan: 14 labels of one report")
