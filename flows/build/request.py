"""What a build is asked to do: configuration, places, and how far to go. The parameters of the Prefect deployment.

Holds nothing identified: paths, settings and study limits only.
"""

from pathlib import Path
from typing import Self

from pydantic import Field, model_validator

from cxr_core.settings.build import BuildConfig
from cxr_core.settings.section import Section
from cxr_core.vocabulary import Stage

_ORDER = tuple(Stage)


class BuildRequest(Section):
    """One build."""

    config: BuildConfig = Field(BuildConfig(), description="Every setting of the build")
    workspace: Path = Field(Path("workspace"), description="Folder of the vault and of all intermediates")
    release: Path = Field(Path("release"), description="Folder that holds the releases")
    only: Stage | None = Field(None, description="Run this stage alone")
    start: Stage | None = Field(None, description="Run from this stage on")
    end: Stage | None = Field(None, description="Run up to this stage")
    limit: int | None = Field(None, ge=1, description="Only the first so many studies")
    dry_run: bool = Field(default=False, description="Say what would be done; write nothing")
    rehash: bool = Field(default=False, description="Read every file of the source again, whatever its size and time")
    allow_quarantine: bool = Field(default=False, description="Publish whatever the share of quarantined studies")
    waivers: dict[str, str] = Field(default_factory=dict, description="Gate -> who waives it and why")
    quiet: bool = Field(default=False, description="Show no progress")
    is_demo: bool = Field(default=False, description="Set by the build itself where it fills in the demo hospital")

    @model_validator(mode="after")
    def _one_choice(self) -> Self:
        if self.only and self.start:
            message = "--only and --from exclude each other"
            raise ValueError(message)
        return self

    @property
    def has_source(self) -> bool:
        """Without a source, the demo hospital is built."""
        return self.config.source.has_images or bool(self.config.source.reports)

    def runs(self, stage: Stage) -> bool:
        """True where this build includes a stage."""
        if self.only is not None:
            return stage is self.only
        first, last = self.start or _ORDER[0], self.end or _ORDER[-1]
        return _ORDER.index(first) <= _ORDER.index(stage) <= _ORDER.index(last)
