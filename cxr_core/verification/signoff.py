"""Names that a person has looked at where they stand as ordinary words.

Takes a file with one name a line, gives the set that the verifier does not count any more. Who may sign is left to
the privacy model.
"""

from pathlib import Path

from cxr_core.errors import UsageError


def read_signoff(path: Path | None) -> frozenset[str]:
    """Names in lower case; none without a file.

    Raises
    ------
    UsageError
        The file cannot be read.
    """
    if path is None:
        return frozenset()
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        raise UsageError(f"sign-off file {path} cannot be read") from None
    return frozenset(line.strip().lower() for line in lines if line.strip())
