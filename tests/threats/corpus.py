"""The threat corpus: hostile inputs, generated, each with what must become of it.

Takes a folder, builds one sub-folder an entry. What the entries are is left to `families`; no file of them is kept.
"""

from pathlib import Path

from dicom_bytes import image
from families import (
    bombs,
    charsets,
    crowds,
    disguises,
    geometry,
    headers,
    links,
    names,
    objects,
    picture,
    streams,
    structure,
    syntaxes,
    truncations,
)
from threat import Threat

__all__ = ["CORPUS", "HONEST", "Threat", "build_corpus"]

_MODULES = (
    bombs,
    crowds,
    geometry,
    disguises,
    syntaxes,
    names,
    links,
    charsets,
    headers,
    structure,
    objects,
    picture,
    streams,
    truncations,
)

CORPUS: dict[str, Threat] = {threat.name: threat for module in _MODULES for threat in module.THREATS}
"""Entries by name."""

HONEST = "an-honest-image"
"""A folder beside the entries, with the plain image that all of them spoil."""


def build_corpus(root: Path) -> None:
    """Write every entry into a folder of its name, and an honest image beside them."""
    for name, threat in CORPUS.items():
        folder = root / name
        folder.mkdir(parents=True)
        threat.build(folder)
    (root / HONEST).mkdir()
    (root / HONEST / "image.dcm").write_bytes(image(HONEST))
