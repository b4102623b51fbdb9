"""Walks folders that are too deep to be walked by a function that calls itself, and takes them away again."""

import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

_DEEPEST = 5_000


def entries_below(root: Path) -> Iterator[os.DirEntry[str]]:
    """Everything below a folder, folders too; links are not followed, and what cannot be listed is left out."""
    waiting = [str(root)]
    while waiting:
        try:
            with os.scandir(waiting.pop()) as found:
                entries = list(found)
        except OSError:  # longer than a path may be
            continue
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                waiting.append(entry.path)
            yield entry


def files_below(root: Path) -> list[Path]:
    """Every regular file below a folder, in the order of their paths."""
    return sorted(Path(entry.path) for entry in entries_below(root) if entry.is_file(follow_symlinks=False))


def remove(root: Path) -> None:
    """Take away a whole tree; `rmtree` calls itself once a level."""
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(_DEEPEST)
    try:
        shutil.rmtree(root)
    finally:
        sys.setrecursionlimit(before)
