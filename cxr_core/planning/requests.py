"""What a person asked a stage to do again, and what its fingerprints were made of: two small tables beside the ledger.

Takes and gives pseudonyms and digests only. Deciding what is planned is left to `plan`.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path

import polars as pl

from cxr_core.tables.catalogue import FINGERPRINT_PARTS, RETRIES
from cxr_core.tables.storage import read_table, write_table


def asked_for(stage: Path) -> frozenset[str]:
    """Studies that the stage in this folder was asked to do again."""
    return frozenset(read_table(RETRIES, retries_file(stage))["study_id"])


def ask_for(stage: Path, studies: Iterable[str]) -> None:
    """Ask for some more studies."""
    _write(stage, asked_for(stage) | set(studies))


def answered(stage: Path, studies: Iterable[str]) -> None:
    """These were done: ask for them no longer."""
    before = asked_for(stage)
    if left := before & set(studies):
        _write(stage, before - left)


def _write(stage: Path, studies: Iterable[str]) -> None:
    write_table(RETRIES, RETRIES.frame({"study_id": study} for study in sorted(studies)), retries_file(stage))


def retries_file(stage: Path) -> Path:
    """Where it stands what a person asked of the stage in this folder."""
    return stage / "retries.parquet"


def note_parts(stage: Path, fingerprint: str, parts: Mapping[str, str], *, still: Iterable[str]) -> None:
    """Remember what a fingerprint is made of; those that no study carries any more go.

    Parameters
    ----------
    still : fingerprints
        Those of the stage's ledger.
    """
    known = read_table(FINGERPRINT_PARTS, _parts(stage))
    if fingerprint in known["stage_fingerprint"]:
        return
    rows = [{"stage_fingerprint": fingerprint, "part": part, "value": value} for part, value in parts.items()]
    kept = known.filter(pl.col("stage_fingerprint").is_in(list(still)))
    write_table(FINGERPRINT_PARTS, pl.concat([kept, FINGERPRINT_PARTS.frame(rows)]), _parts(stage))


def changed_parts(stage: Path, before: str, now: Mapping[str, str]) -> tuple[str, ...] | None:
    """Which parts of a fingerprint differ from those of an earlier one, in alphabetical order.

    Returns
    -------
    tuple of str, or None
        None where nothing is known of the earlier one.
    """
    known = read_table(FINGERPRINT_PARTS, _parts(stage)).filter(pl.col("stage_fingerprint") == before)
    if known.is_empty():
        return None
    then = dict(known.select("part", "value").iter_rows())
    return tuple(_told(part, then, now) for part in sorted(then.keys() | now.keys()) if then.get(part) != now.get(part))


def _told(part: str, then: Mapping[str, str], now: Mapping[str, str]) -> str:
    """Versions are told; of everything else only that it came, went or changed."""
    if part not in then:
        return f"{part} (new)"
    if part not in now:
        return f"{part} (gone)"
    return f"{part} {then[part]} -> {now[part]}" if part.startswith("library ") else part


def _parts(stage: Path) -> Path:
    return stage / "fingerprint_parts.parquet"
