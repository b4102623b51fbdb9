"""Reports: which part of a text says what the images show (`sections`)."""

from cxr_core.reports.sections import (
    ChosenSection,
    Fallback,
    Section,
    SectionPolicy,
    Sections,
    choose_section,
    split_sections,
)

__all__ = ["ChosenSection", "Fallback", "Section", "SectionPolicy", "Sections", "choose_section", "split_sections"]
