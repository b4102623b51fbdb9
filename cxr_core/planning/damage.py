"""Which tables of a workspace are damaged, and what may be done about each.

Takes a workspace, gives the damaged files with advice, and moves aside what a build makes again. What only people or
the past can tell (ids, splits, decisions) is never moved: that comes back from a backup.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.parquet as pq

from cxr_core.planning.stages import STAGES, StageDefinition
from cxr_core.tables.workspace import Workspace

_KEPT: Final = {
    "vault/pseudonyms.parquet": "the ids of everything published",
    "vault/accepted.parquet": "what people decided about the quarantine",
    "stages/split/splits.parquet": "which subject is in which split",
}
_REVIEW: Final = "stages/review/"
_AGAIN: Final = "can be made again: `cxr doctor --set-aside` moves it away, the next build does its studies anew"


@dataclass(frozen=True, slots=True)
class Damage:
    """One damaged file and what it holds up.

    Parameters
    ----------
    name : str
        Path below the workspace.
    moves : tuple of Path
        What has to go with it, in this order; empty where nothing may be moved.
    """

    name: str
    advice: str
    moves: tuple[Path, ...]


def find_damage(workspace: Workspace) -> list[Damage]:
    """Read every table of the stages and the vault to its end."""
    found = [_judge(workspace, path) for path in _tables(workspace) if not is_readable(path)]
    return found + [_judge(workspace, path) for path in _gaps(workspace)]


def set_aside(workspace: Workspace, damage: Damage) -> Path | None:
    """Move what is damaged away, and what means nothing without it.

    Returns
    -------
    Path, or None
        The folder that holds it now, below the vault where it came from there; None where it went with another.
    """
    if not any(path.exists() for path in damage.moves):
        return None
    zone = workspace.vault if damage.name.startswith("vault/") else workspace.root
    number = 1
    while (target := zone / "damaged" / f"{number:03d}").exists():
        number += 1
    target.mkdir(parents=True)
    for path in damage.moves:
        if path.exists():
            place = target / path.relative_to(workspace.root)
            place.parent.mkdir(parents=True, exist_ok=True)
            path.rename(place)
    return target


def is_readable(path: Path) -> bool:
    """True where every page of a Parquet file can be read and its checksums hold."""
    try:
        with pq.ParquetFile(path, page_checksum_verification=True) as file:
            for _ in file.iter_batches():
                pass
    except (pa.ArrowException, OSError):
        return False
    return True


def _tables(workspace: Workspace) -> Iterator[Path]:
    yield from sorted(workspace.stages.rglob("*.parquet"))
    yield from sorted([*workspace.vault.glob("*.parquet"), *workspace.catalog.glob("*.parquet")])


def _gaps(workspace: Workspace) -> Iterator[Path]:
    """Tables that are gone beside a ledger that speaks of them."""
    for definition in STAGES.values():
        yield from definition.store(workspace).gaps()


def _judge(workspace: Workspace, path: Path) -> Damage:
    name = path.relative_to(workspace.root).as_posix()
    kept = "what readers decided" if name.startswith(_REVIEW) else _KEPT.get(name)
    if kept:
        return Damage(name, f"holds {kept}: bring it back from a backup (`cxr vault backup` makes one)", ())
    stage = next((one for one in STAGES.values() if path.is_relative_to(workspace.stage(one.stage))), None)
    return Damage(name, _AGAIN, _moves(workspace, stage, path))


def _moves(workspace: Workspace, stage: StageDefinition | None, path: Path) -> tuple[Path, ...]:
    """A part goes whole; the base goes whole, its ledger first: without it nothing of it counts as done."""
    if stage is None:
        return (path,)
    store = stage.store(workspace)
    if path.parent.parent == store.root / "parts":
        return (path.parent,)
    base = tuple(store.root / f"{table.name}.parquet" for table in reversed(store.tables))
    return base if path in base else (path,)
