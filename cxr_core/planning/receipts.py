"""Whether a step over the whole dataset has anything to do: a receipt tells from which bytes it made which.

Takes the files that a step reads and leaves, and words for everything else that decides; a step whose receipt still
holds, byte for byte, need not be done again. Which files and words those are is left to the tasks; the stages that work
study by study have their ledgers instead.
"""

import functools
import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cxr_core.tables.storage import write_bytes

_ABSENT = "absent"
Said = Mapping[str, Any]
"""What a step found beside its tables: counts, notes; fit for JSON, and of nobody in particular."""


@dataclass(frozen=True)  # no slots: a cached property
class Step:
    """One step of one build.

    A file that a step both reads and leaves (a ledger that only grows) counts as left: what the step would make of its
    own result must be that result.

    Parameters
    ----------
    receipt : Path
        Where its receipt lies; in the vault, for digests of identified tables are nobody's business.
    reads, leaves : tables and other files
        Absent ones count, too: one that appears makes the step be done.
    words : sequence of str
        Settings, key, program: whatever decides and is no file.
    """

    receipt: Path
    reads: tuple[Path, ...] = field(repr=False)
    leaves: tuple[Path, ...] = field(repr=False)
    words: tuple[str, ...] = field(repr=False)

    def earlier(self) -> Said | None:
        """What the step said when it made, of the same, what is there now; None where it has to be done.

        To be asked before the step begins: what it reads is taken down here.
        """
        source = self._source
        try:
            known = json.loads(self.receipt.read_bytes())
            if known["source"] != source or known["result"] != _digest(self.leaves):
                return None
            said = known["said"]
        except (OSError, ValueError, KeyError, TypeError):  # none, or one that is no receipt
            return None
        return said if isinstance(said, dict) else None

    def leave(self, said: Said | None = None) -> None:
        """Write the receipt of a step that was done; a vault that was moved away gets none."""
        if self.receipt.parent.parent.is_dir():
            content = {"source": self._source, "result": _digest(self.leaves), "said": said or {}}
            write_bytes(self.receipt, json.dumps(content, sort_keys=True).encode() + b"\n", mode=0o600)

    @functools.cached_property
    def _source(self) -> str:
        return _digest(self.reads, self.words)


def _digest(files: Iterable[Path], words: Iterable[str] = ()) -> str:
    """Over names, contents and words, in this order."""
    lines = [f"{path}={file_digest(path)}" for path in files]
    return hashlib.sha256(json.dumps([lines, list(words)]).encode()).hexdigest()


def file_digest(path: Path) -> str:
    """SHA-256 of a file's content, read once as long as nobody writes to it; what cannot be read is as good as absent.

    Whoever has to read it afterwards says so in a better way than a digest could.
    """
    try:
        state = path.stat()
        return _read_digest(path, state.st_ino, state.st_size, state.st_mtime_ns)
    except OSError:
        return _ABSENT


@functools.lru_cache(maxsize=4096)
def _read_digest(path: Path, *_state: int) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@functools.cache
def program_digest(*packages: Path) -> str:
    """SHA-256 over all code and rules of some packages: a step that takes minutes is done again after any change."""
    files = sorted(path for package in packages for path in package.rglob("*") if _is_program(path))
    return _digest(files)


def _is_program(path: Path) -> bool:
    return path.suffix not in (".pyc", ".pyo") and path.is_file()
