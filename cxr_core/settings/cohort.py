"""Which studies belong to the dataset. Defaults are those of the MIMIC-CXR paper (2019), Methods."""

import datetime as dt
import re
from enum import StrEnum

from pydantic import Field, field_validator

from cxr_core.settings.section import Section


class CohortUnit(StrEnum):
    PATIENT = "patient"
    ENCOUNTER = "encounter"


class CohortSettings(Section):
    """`[cohort]`"""

    unit: CohortUnit = Field(
        CohortUnit.PATIENT,
        description="patient: every chest study of a patient with a qualifying encounter (the paper); "
        "encounter: only studies within one",
    )
    patient_class: str = Field("E", description="Patient class that qualifies (PV1-2); the paper: emergency")
    start: dt.date | None = Field(None, description="First day of the study")
    end: dt.date | None = Field(None, description="Last day of the study")
    min_age: int = Field(18, ge=0, le=120, description="Youngest age at the study, in years")
    require_report: bool = Field(True, description="Studies without a report are excluded (the paper)")
    modalities: tuple[str, ...] = Field(("CR", "DX"), description="Modalities that count as radiographs")
    chest_words: tuple[str, ...] = Field(
        (), description="The site's own words for exams of the chest, beside those of policy/chest.toml; whole words"
    )
    other_words: tuple[str, ...] = Field((), description="The site's own words for exams of other regions")
    test_patients: tuple[str, ...] = Field(
        (),
        description="Regular expressions for names or ids of the site's own test patients; the whole text must match",
    )

    @field_validator("test_patients")
    @classmethod
    def _check_patterns(cls, patterns: tuple[str, ...]) -> tuple[str, ...]:
        for pattern in patterns:
            try:
                re.compile(pattern)
            except re.error:
                raise ValueError("a pattern of test_patients is no regular expression") from None
        return patterns
