"""Under which terms each tier of data is given: the licence and the agreement to sign.

Takes a tier, gives texts from the templates beside this module; who signs and who keeps the signatures is left to the
data provider.
"""

from enum import StrEnum
from importlib import resources

_LICENSE = "LICENSE.txt"


class Tier(StrEnum):
    """What somebody gets: each tier holds those before it."""

    IMAGES = "images"
    DICOM = "dicom"
    TEXT = "text"


_ORDER = tuple(Tier)


def license_text() -> bytes:
    """The terms that hold for all tiers."""
    return _template(_LICENSE)


def agreement(tier: Tier) -> bytes:
    """The form that a recipient signs: common terms, then those of every tier up to this one."""
    parts = [
        "agreement.md",
        *(f"agreement-{one.value}.md" for one in _ORDER[: _ORDER.index(tier) + 1]),
        "agreement-end.md",
    ]
    return b"\n".join(_template(part) for part in parts)


def agreement_lines() -> tuple[str, ...]:
    """Every line of licence and agreements, for whoever must know the known text of the documents."""
    texts = (license_text(), agreement(Tier.TEXT))
    return tuple(line for text in texts for line in text.decode().splitlines() if line.strip())


def _template(name: str) -> bytes:
    return resources.files("cxr_core.release").joinpath(f"templates/{name}").read_bytes()
