"""Who we are to a PACS that asks: user and password, or a token, from a file that only its owner can read.

Takes the settings and the environment, gives a record that never prints itself. No setting, parameter or option holds
a secret: they hold paths.
"""

import os
import stat
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from cxr_core.errors import UsageError
from cxr_core.settings.pacs import PacsSettings

ENVIRONMENT = "HILUM_PACS_CREDENTIALS"
_KEYS = frozenset({"user", "password", "token"})


@dataclass(frozen=True, slots=True)
class Credentials:
    """Empty where the PACS asks for none."""

    user: str = field(default="", repr=False)
    password: str = field(default="", repr=False)
    token: str = field(default="", repr=False)


def load_credentials(settings: PacsSettings, environment: Mapping[str, str] = os.environ) -> Credentials:
    """Read the file that the environment or the settings name.

    Raises
    ------
    UsageError
        It cannot be read, others can read it, or it holds something else.
    """
    named = environment.get(ENVIRONMENT) or settings.credentials
    if not named:
        return Credentials()
    path = Path(named)
    try:
        if path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
            raise UsageError("the PACS credentials can be read by others: chmod 600 on that file")
        found = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError):
        raise UsageError("the file of PACS credentials cannot be read as TOML") from None
    if set(found) - _KEYS or not all(isinstance(value, str) for value in found.values()):
        raise UsageError("the file of PACS credentials holds user and password, or token, as texts and nothing else")
    if ("user" in found) == ("token" in found):
        raise UsageError("the file of PACS credentials needs either user and password, or token")
    return Credentials(**found)
