"""Which releases on disk still hold subjects that were withdrawn since, and how such a release is taken away.

Takes the folder of releases and subject ids, gives one row a tree; a release is removed as a whole, because one with a
hole in it passes no checksum. Who was withdrawn is left to the vault, when to remove to a person.
"""

import shutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from cxr_core.release.manifest import RUN_NAME, read_run

_IMAGES = "images.parquet"
_GOING = ".purged-"
"""First part of the name of a tree that is being removed; a kill leaves it, the next removal takes it."""


@dataclass(frozen=True, slots=True)
class HeldTree:
    """One tree of a release, or a view of one.

    Parameters
    ----------
    subjects, images : int
        Of those that were asked for; of a view those of its release.
    is_current : bool
        `current` names this release, or it is a part or a view of it.
    is_view : bool
        Another layout of a release, by hard links.
    """

    path: Path
    release: str
    subjects: int
    images: int
    is_current: bool
    is_view: bool


def trees_holding(root: Path, subjects: frozenset[str]) -> tuple[list[HeldTree], list[Path]]:
    """Trees of a folder of releases that hold any of the subjects, views first; and those that cannot be read.

    Parameters
    ----------
    root : Path
        The folder that holds `current`; what does not lie in it is not looked at.
    """
    runs = {path: _run(path) for path in sorted(_trees(root))}
    unread = [path for path, run in runs.items() if run is None]
    current = _name(runs.get((root / "current").resolve()))
    found: dict[Path, tuple[int, int]] = {}
    for path, run in runs.items():
        if run is not None and "view_of" not in run:
            try:
                found[path] = _counted(path, subjects)
            except (OSError, pl.exceptions.PolarsError):
                unread.append(path)
    held = []
    for path, run in runs.items():
        name, is_view = _name(run), run is not None and "view_of" in run
        subjects_here, images = _of_release(name, runs, found) if is_view else found.get(path, (0, 0))
        if subjects_here:
            held.append(HeldTree(path, name, subjects_here, images, is_current=name == current, is_view=is_view))
    return sorted(held, key=lambda tree: (not tree.is_view, tree.path)), sorted(unread)


def remove_trees(root: Path, trees: Sequence[HeldTree]) -> None:
    """Remove trees for good, views before their releases: each is out of sight with one rename. Safe to repeat."""
    for tree in trees:
        tree.path.rename(root / f"{_GOING}{tree.path.name}")
    for path in root.glob(f"{_GOING}*"):
        shutil.rmtree(path)


def _trees(root: Path) -> Iterable[Path]:
    """Every tree of a release, parts of views that hold a public and a withheld one too."""
    for path in root.iterdir() if root.is_dir() else ():
        if path.is_dir() and not path.is_symlink() and not path.name.startswith(".") and (path / RUN_NAME).is_file():
            yield path.resolve()


def _run(path: Path) -> dict[str, object] | None:
    try:
        run = read_run(path)
    except (OSError, ValueError):
        return None
    return run if "name" in run and "version" in run else None


def _name(run: dict[str, object] | None) -> str:
    return f"{run['name']} {run['version']}" if run else ""


def _counted(path: Path, subjects: frozenset[str]) -> tuple[int, int]:
    rows = pl.read_parquet(path / _IMAGES, columns=["subject_id"])["subject_id"].cast(pl.String)
    mine = rows.filter(rows.is_in(list(subjects)))
    return mine.n_unique(), len(mine)


def _of_release(
    name: str, runs: dict[Path, dict[str, object] | None], found: dict[Path, tuple[int, int]]
) -> tuple[int, int]:
    """A view holds what its release does, the withheld part included: which files are whose is not read from names."""
    parts = [found[path] for path, run in runs.items() if path in found and _name(run) == name]
    return sum(subjects for subjects, _ in parts), sum(images for _, images in parts)
