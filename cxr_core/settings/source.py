"""Where the images and the reports come from. Paths only: moving a folder invalidates nothing."""

from pathlib import Path

from pydantic import Field

from cxr_core.settings.pacs import PacsSettings, Way
from cxr_core.settings.section import Section


class SourceSettings(Section):
    """`[source]`"""

    way: Way = Field(Way.FOLDER, description="How images come: from a folder, or into the vault from a PACS")
    dicom: Path | None = Field(None, description="Folder of DICOM files, any nesting; found by content")
    reports: tuple[Path, ...] = Field(
        (), description="CSV, Parquet, HL7, FHIR, Open-I or text files, or folders of them"
    )
    encounters: Path | None = Field(None, description="CSV of hospital encounters, for the cohort")
    merges: Path | None = Field(None, description="CSV of merged patient ids")
    exclusions: Path | None = Field(None, description="CSV of patients who must not be read")
    columns: dict[str, str] = Field(
        default_factory=dict, description="Our name -> the report CSV's column, where the usual names do not fit"
    )
    issuer: str = Field("", description="Issuer of patient ids where a source names none")
    pacs: PacsSettings = Field(PacsSettings(), description="The PACS, where images come from one")

    @property
    def is_remote(self) -> bool:
        """True where images are fetched into the vault."""
        return self.way is not Way.FOLDER

    @property
    def has_images(self) -> bool:
        """True where the configuration says where images come from."""
        return self.is_remote or self.dicom is not None
