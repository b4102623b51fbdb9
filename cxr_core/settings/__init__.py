"""The configuration of a build: frozen, typed, a section a stage."""

from cxr_core.settings.build import BuildConfig, section_digest
from cxr_core.settings.loading import load_config

__all__ = ["BuildConfig", "load_config", "section_digest"]
