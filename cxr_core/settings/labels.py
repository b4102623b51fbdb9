"""Which text is labelled, by which rules."""

from pydantic import Field

from cxr_core.settings.section import Section
from cxr_core.vocabulary import LabelerName


class LabelSettings(Section):
    """`[labels]`"""

    section: str = Field(
        "paper",
        pattern=r"^(paper|findings\+impression)$",
        description="paper: impression, else findings, else the final section",
    )
    labelers: tuple[LabelerName, ...] = Field(
        (LabelerName.CHEXPERT, LabelerName.NEGBIO), min_length=1, description="Rule sets to run"
    )
