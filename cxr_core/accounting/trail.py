"""Decides what is told of one study's way through the build: a line a stage, and why it is in or out.

Takes the vault's tables and what the stages left, gives steps that hold counts, codes and pseudonyms only.
Which study is meant, and who may ask, is left to the command line.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import polars as pl

from cxr_core.vocabulary import IdKind, ItemKind, Stage

_NOTHING = "-"


@dataclass(frozen=True, slots=True)
class TrailTables:
    """What is known of all studies.

    Parameters
    ----------
    instances, studies, drops, pseudonyms : frames of these contracts
        `drops` of all stages, as far as they have run.
    ledgers : mapping of stage to LEDGER frame
    splits : SPLITS frame
    """

    instances: pl.DataFrame = field(repr=False)
    studies: pl.DataFrame = field(repr=False)
    drops: pl.DataFrame = field(repr=False)
    pseudonyms: pl.DataFrame = field(repr=False)
    ledgers: Mapping[Stage, pl.DataFrame] = field(repr=False)
    splits: pl.DataFrame = field(repr=False)


@dataclass(frozen=True, slots=True)
class Step:
    """What one stage did with a study."""

    stage: Stage
    outcome: str
    detail: str = ""


def trail(study_uid: str, tables: TrailTables) -> list[Step]:
    """The way of one study, in the order of the flow; it ends with the stage that left the study out.

    Parameters
    ----------
    study_uid : str
        Its original UID.
    tables : TrailTables
    """
    files = tables.instances.filter(pl.col("study_instance_uid") == study_uid)
    paths = files["path"].to_list()
    drops = tables.drops.with_columns(pl.col("kind", "stage", "reason").cast(pl.String))
    is_study = pl.col("kind") == ItemKind.STUDY.value
    against = dict(drops.filter(is_study & (pl.col("original") == study_uid)).select("stage", "reason").rows())
    lost = drops.filter(pl.col("path").is_in(paths) & ~is_study)
    left = len(paths)
    steps: list[Step] = []
    for stage, outcome, detail in _stages(study_uid, tables):
        gone = Counter(lost.filter(pl.col("stage") == stage.value)["reason"].to_list())
        left -= gone.total()
        told = ", ".join(f"{count} {reason}" for reason, count in sorted(gone.items()))
        counted = f"{left} of {len(paths)} files" + (f" ({told})" if told else "") if told or not steps else ""
        reason = against.get(stage.value)
        steps.append(Step(stage, f"out: {reason}" if reason else outcome, ", ".join(filter(None, (counted, detail)))))
        if reason:
            break
    return steps


def _stages(study_uid: str, tables: TrailTables) -> Iterator[tuple[Stage, str, str]]:
    """Stage, outcome and detail, as if nothing had been dropped."""
    yield Stage.CATALOG, "in", ""
    row = next(tables.studies.filter(pl.col("study_instance_uid") == study_uid).iter_rows(named=True), None)
    yield Stage.LINK, "in" if row else _NOTHING, _link_detail(row) if row else ""
    ids = tables.pseudonyms.with_columns(pl.col("kind").cast(pl.String))
    study_id = _first(ids.filter(kind=IdKind.STUDY.value, original=study_uid)["pseudonym"])
    yield Stage.REGISTER, f"study {study_id}" if study_id else _NOTHING, ""
    for stage, ledger in tables.ledgers.items():
        status = _first(ledger.filter(pl.col("study_id") == study_id)["status"]) if study_id else None
        yield stage, status or _NOTHING, ""
    patient = (row["issuer"], row["patient_id"]) if row else ("", "")
    own = ids.filter(kind=IdKind.PATIENT.value, issuer=patient[0], original=patient[1])
    subject_id = _first(own["pseudonym"])
    split = _first(tables.splits.filter(pl.col("subject_id") == subject_id)["split"]) if subject_id else None
    yield Stage.SPLIT, str(split) if split else _NOTHING, ""


def _link_detail(row: Mapping[str, object]) -> str:
    rule, flags, group = row["link_rule"], row["flags"], row["encounter_group"]
    parts = [f"report by {rule}" if rule else "no report", f"encounter {group}" if group else ""]
    return ", ".join(filter(None, [*parts, *(flags if isinstance(flags, list) else [])]))


def _first(values: pl.Series) -> str | None:
    return values[0] if len(values) else None
