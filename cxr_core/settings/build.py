"""The whole configuration of a build: one frozen object, a section a stage, each with its source.

Gives `BuildConfig`, its digest for run.json and the digests of the sections that decide bytes. Reading TOML files is
left to `loading`.
"""

import hashlib

from cxr_core.settings.cohort import CohortSettings
from cxr_core.settings.convert import ConvertSettings
from cxr_core.settings.dates import DateSettings
from cxr_core.settings.deidentify import DeidentifySettings
from cxr_core.settings.labels import LabelSettings
from cxr_core.settings.link import LinkSettings
from cxr_core.settings.release import ReleaseSettings
from cxr_core.settings.review import ReviewSettings
from cxr_core.settings.run import RunSettings
from cxr_core.settings.section import Section
from cxr_core.settings.source import SourceSettings
from cxr_core.settings.split import SplitSettings
from cxr_core.settings.vault import VaultSettings

# Places, the way of running, and the name of the outcome: none of them changes what is in the dataset.
_NOT_SCIENCE: dict[str, bool | set[str]] = {
    "source": True,
    "vault": True,
    "run": True,
    "deidentify": {"easyocr_weights"},
    "release": {"name", "version", "signoff"},
    # What is drawn for readers; only the bound that they must reach is part of what an officer answers for.
    "review": set(ReviewSettings.model_fields) - {"required_bound"},
}


class BuildConfig(Section):
    """Everything that a build can be told."""

    source: SourceSettings = SourceSettings()
    vault: VaultSettings = VaultSettings()
    cohort: CohortSettings = CohortSettings()
    link: LinkSettings = LinkSettings()
    dates: DateSettings = DateSettings()
    deidentify: DeidentifySettings = DeidentifySettings()
    convert: ConvertSettings = ConvertSettings()
    labels: LabelSettings = LabelSettings()
    split: SplitSettings = SplitSettings()
    review: ReviewSettings = ReviewSettings()
    release: ReleaseSettings = ReleaseSettings()
    run: RunSettings = RunSettings()

    def digest(self) -> str:
        """SHA-256 over every setting that can change the dataset: paths and run settings are left out."""
        content = self.model_dump_json(exclude=_NOT_SCIENCE)
        return hashlib.sha256(content.encode()).hexdigest()


def section_digest(*sections: Section) -> str:
    """SHA-256 over some sections, without the paths in them: moving a disk invalidates nothing."""
    digest = hashlib.sha256()
    for section in sections:
        digest.update(type(section).__name__.encode() + b"\0")
        digest.update(section.model_dump_json(exclude=path_fields(section)).encode() + b"\0")
    return digest.hexdigest()


def path_fields(section: Section) -> set[str]:
    """Names of a section's keys that hold paths."""
    return {name for name, item in type(section).model_fields.items() if "Path" in str(item.annotation)}
