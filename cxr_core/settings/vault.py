"""Where the key lies. The key itself is read by `cxr_core.vault.key` alone."""

from pathlib import Path

from pydantic import Field

from cxr_core.settings.section import Section


class VaultSettings(Section):
    """`[vault]`"""

    key_file: Path | None = Field(None, description="File with the secret key; HILUM_KEY_FILE goes before it")
    project: str = Field("hilum", description="Name that separates the pseudonyms of two projects under one key")
    id_digits: int = Field(8, ge=8, le=9, description="Digits of subject and study ids; 9 from 5 million studies on")
