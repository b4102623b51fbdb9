"""Decides whether everything is accounted for: every catalogued file is published, withheld or dropped, once.

Takes the tables of the vault and the drops of the stages behind the airlock; gives originals and counts.
How the counts are shown is left to `funnel`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from cxr_core.errors import BuildError
from cxr_core.tables.catalogue import DROPS
from cxr_core.vocabulary import IdKind, ItemKind, Reason, Stage


@dataclass(frozen=True, slots=True)
class Balance:
    """Where the catalogued files went; `dropped` by reason."""

    catalogued: int
    published: int
    withheld: int
    dropped: Mapping[Reason, int] = field(default_factory=dict)


def join_stage_drops(
    stage_drops: pl.DataFrame,
    pseudonyms: pl.DataFrame,
    study_instances: pl.DataFrame,
    studies: pl.DataFrame | None = None,
) -> pl.DataFrame:
    """Give the drops of the stages behind the airlock their originals back.

    Parameters
    ----------
    stage_drops : STAGE_DROPS frame
    pseudonyms : PSEUDONYMS frame
    study_instances : STUDY_INSTANCES frame
    studies : STUDIES frame, optional
        Gives dropped reports their `report_key`; without it (or without a report) the study UID stands for it.

    Returns
    -------
    DROPS frame
        Where a study was dropped, each of its files that no row of its own speaks of gets one with the same reason,
        and so does its report, unless another study holds it too. An item that several stages dropped keeps the row
        of the first.

    Raises
    ------
    BuildError
        A pseudonym is unknown.
    """
    originals = _originals(pseudonyms)
    files = _files(study_instances)
    report_keys = dict(studies.select("study_instance_uid", "report_key").rows()) if studies is not None else {}
    found: dict[tuple[ItemKind, str], dict[str, Any]] = {}
    for row in _in_order(stage_drops):
        kind = ItemKind(row["kind"])
        study_uid = _original(originals, IdKind.STUDY, row["study_id"])
        if kind is ItemKind.STUDY:
            found.setdefault((kind, study_uid), _drop(kind, study_uid, row))
        elif kind is ItemKind.REPORT:
            key = report_keys.get(study_uid) or study_uid
            found.setdefault((kind, key), _drop(kind, key, row))
        else:
            sop_uid = _original(originals, IdKind.INSTANCE, row["dicom_id"])
            path = files.get(study_uid, {}).get(sop_uid)
            found.setdefault((ItemKind.INSTANCE, sop_uid), _drop(ItemKind.INSTANCE, sop_uid, row, path))
    _spread_over_files(found, files)
    if studies is not None:
        _spread_over_reports(found, studies)
    return DROPS.frame(found.values())


def _in_order(stage_drops: pl.DataFrame) -> list[dict[str, Any]]:
    order = list(Stage)
    rows = list(stage_drops.iter_rows(named=True))
    return sorted(rows, key=lambda row: (order.index(Stage(row["stage"])), row["study_id"], row["dicom_id"]))


def _spread_over_files(
    found: dict[tuple[ItemKind, str], dict[str, Any]], files: Mapping[str, Mapping[str, str]]
) -> None:
    for (kind, original), row in list(found.items()):
        if kind is ItemKind.STUDY:
            for sop_uid, path in files.get(original, {}).items():
                found.setdefault((ItemKind.INSTANCE, sop_uid), _drop(ItemKind.INSTANCE, sop_uid, row, path))


def _spread_over_reports(found: dict[tuple[ItemKind, str], dict[str, Any]], studies: pl.DataFrame) -> None:
    """A report goes with its study; one that is shared stays as long as one of its studies does."""
    rows = studies.filter(pl.col("report_key").is_not_null()).select("study_instance_uid", "report_key")
    lost = {uid for kind, uid in found if kind is ItemKind.STUDY}
    kept = {report for uid, report in rows.iter_rows() if uid not in lost}
    for uid, report in rows.iter_rows():
        if uid in lost and report not in kept:
            found.setdefault((ItemKind.REPORT, report), _drop(ItemKind.REPORT, report, found[ItemKind.STUDY, uid]))


def _drop(kind: ItemKind, original: str, row: Mapping[str, Any], path: str | None = None) -> dict[str, Any]:
    return {"kind": kind, "original": original, "path": path, "stage": row["stage"], "reason": row["reason"]}


_Originals = Mapping[tuple[str, str], str]


def _originals(pseudonyms: pl.DataFrame) -> _Originals:
    rows = pseudonyms.select(pl.col("kind").cast(pl.String), "pseudonym", "original").rows()
    return {(kind, pseudonym): original for kind, pseudonym, original in rows}


def _original(originals: _Originals, kind: IdKind, pseudonym: str) -> str:
    found = originals.get((kind.value, pseudonym))
    if found is None:
        raise BuildError(f"accounting: a stage speaks of a {kind.value} that the ledger does not know")
    return found


def _files(study_instances: pl.DataFrame) -> dict[str, dict[str, str]]:
    """Paths by SOP instance, by study."""
    files: dict[str, dict[str, str]] = {}
    rows = study_instances.select("study_instance_uid", "sop_instance_uid", "path").sort("path").iter_rows()
    for study_uid, sop_uid, path in rows:
        files.setdefault(study_uid, {})[sop_uid] = path
    return files


def reconcile(
    instances: pl.DataFrame,
    drops: pl.DataFrame,
    published_ids: pl.Series,
    withheld_ids: pl.Series,
    pseudonyms: pl.DataFrame,
) -> Balance:
    """Check that every catalogued file is published, withheld or dropped, exactly once.

    Parameters
    ----------
    instances : INSTANCES frame
    drops : DROPS frame
        Of all stages.
    published_ids, withheld_ids : Series of str
        Published image ids (`dicom_id`) of the release and of the withheld test set.
    pseudonyms : PSEUDONYMS frame

    Raises
    ------
    BuildError
        The numbers do not add up; the message counts what is wrong.
    """
    originals = _originals(pseudonyms)
    published, withheld = (
        {_original(originals, IdKind.INSTANCE, dicom_id) for dicom_id in ids} for ids in (published_ids, withheld_ids)
    )
    kinds = [ItemKind.FILE.value, ItemKind.INSTANCE.value]
    shown = published | withheld  # once: a union an image takes hours
    rows = drops.filter(pl.col("kind").cast(pl.String).is_in(kinds))
    kept = instances.join(rows.select("path"), on="path", how="anti")["sop_instance_uid"].to_list()
    faults = {
        "dropped twice": rows.height - rows["path"].n_unique(),
        "dropped but never catalogued": rows.join(instances, on="path", how="anti").height,
        "published and withheld": len(published & withheld) + _repeats(published_ids) + _repeats(withheld_ids),
        "neither published, withheld nor dropped": sum(uid not in shown for uid in kept),
        "kept twice": len(kept) - len(set(kept)),
        "published or withheld without a catalogued file": len(shown - set(kept)),
    }
    wrong = ", ".join(f"{count} {name}" for name, count in faults.items() if count)
    if wrong:
        raise BuildError(f"accounting does not add up: {wrong}")
    return Balance(instances.height, len(published), len(withheld), _by_reason(rows))


def _repeats(ids: pl.Series) -> int:
    return len(ids) - ids.n_unique()


def _by_reason(rows: pl.DataFrame) -> dict[Reason, int]:
    counts = dict(rows.group_by(pl.col("reason").cast(pl.String)).len().rows())
    return {reason: counts[reason.value] for reason in Reason if reason.value in counts}
