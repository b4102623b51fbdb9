"""What waits for a person, gathered into cases: everything that is wrong with one study, or with one stray file.

Takes the drop table, what was accepted and the vault's tables; gives cases under names that tell nobody anything, and
the rows that an acceptance adds. Asking, printing and writing are left to the command line.
"""

import datetime as dt
import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from cxr_core.tables.catalogue import ACCEPTED
from cxr_core.vocabulary import IdKind, ItemKind, Reason

_KEY = ("kind", "original", "path", "stage", "reason")
_CODES = [reason.value for reason in Reason if reason.is_quarantine]
_EMPTIED = Reason.NO_SURVIVING_IMAGE.value


@dataclass(frozen=True, slots=True)
class Acceptance:
    """Who accepts, why and when."""

    who: str
    why: str
    at: dt.datetime


def waiting(drops: pl.DataFrame, accepted: pl.DataFrame) -> pl.DataFrame:
    """The rows of the drop table that wait for a person; identified, for use inside the vault only.

    Parameters
    ----------
    drops : DROPS frame
        Of all stages.
    accepted : ACCEPTED frame
        An item waits again once it is dropped for another reason or by another stage.

    Returns
    -------
    DROPS frame, `path` empty rather than null
        Codes with `E_`, and studies that lost all of their images.
    """
    reason, kind = pl.col("reason").cast(pl.String), pl.col("kind").cast(pl.String)
    is_wrong = reason.is_in(_CODES) | ((reason == _EMPTIED) & (kind == ItemKind.STUDY.value))
    rows = drops.filter(is_wrong).with_columns(pl.col("path").fill_null(""))
    return rows.join(accepted, on=_KEY, how="anti").sort("stage", "reason", "kind", "original", "path")


def cases(
    rows: pl.DataFrame, instances: pl.DataFrame, studies: pl.DataFrame, pseudonyms: pl.DataFrame, *, salt: bytes
) -> pl.DataFrame:
    """Name what waits: `case` is the study's pseudonym, or a keyed digest where it was never registered.

    Parameters
    ----------
    rows : frame
        As `waiting` gives it.
    instances, studies, pseudonyms : INSTANCES, STUDIES and PSEUDONYMS frames
    salt : bytes
        The vault's; without it the digests lead nobody back.

    Returns
    -------
    frame
        The rows with `case`, `item` (the image's pseudonym, or a digest) and `study_id` (null where there is none).
    """
    by_path = instances.select("path", by_path="study_instance_uid")
    by_report = studies.select(original="report_key", by_report="study_instance_uid").drop_nulls()
    by_report = by_report.sort("by_report").unique("original", keep="first")
    ids = pseudonyms.select(pl.col("kind").cast(pl.String), "original", "pseudonym")
    of_studies = ids.filter(kind=IdKind.STUDY.value).select(study="original", study_id="pseudonym")
    of_images = ids.filter(kind=IdKind.INSTANCE.value).select("original", image="pseudonym")
    is_study = pl.col("kind").cast(pl.String) == ItemKind.STUDY.value
    found = (
        rows.join(by_path, on="path", how="left")
        .join(by_report, on="original", how="left")
        .with_columns(study=pl.when(is_study).then("original").otherwise(pl.coalesce("by_path", "by_report")))
        .join(of_studies, on="study", how="left")
        .join(of_images, on="original", how="left")
        .with_columns(group=pl.coalesce("study", "original"))
    )
    digests = {text: _digest(text, salt) for name in ("group", "original") for text in found[name].unique()}
    return found.with_columns(
        case=pl.coalesce("study_id", pl.col("group").replace_strict(digests, return_dtype=pl.String)),
        item=pl.coalesce("image", pl.col("original").replace_strict(digests, return_dtype=pl.String)),
    ).select("case", "item", "study_id", *_KEY)


def _digest(text: str, salt: bytes) -> str:
    return "q" + hmac.new(salt, text.encode(), hashlib.sha256).hexdigest()[:11]


def choose(named: pl.DataFrame, names: Sequence[str], reason: Reason | None) -> pl.DataFrame:
    """The rows of some cases (of all where none is named), with one reason if one is given.

    A study that lost all of its images goes along once nothing else of its case is left.
    """
    mine = named.filter(pl.col("case").is_in(list(names))) if names else named
    if reason is None:
        return mine
    text = pl.col("reason").cast(pl.String)
    hit = mine.filter(text == reason.value)
    others = mine.filter(text.is_in([reason.value, _EMPTIED]).not_())["case"]
    emptied = mine.filter(
        text == _EMPTIED, pl.col("case").is_in(hit["case"].implode()), pl.col("case").is_in(others.implode()).not_()
    )
    return pl.concat([hit, emptied]).unique(maintain_order=True)


def accept(chosen: pl.DataFrame, accepted: pl.DataFrame, how: Acceptance) -> pl.DataFrame:
    """The ACCEPTED frame with the chosen rows in it; what was accepted before keeps who and why."""
    stamp = {"who": how.who, "why": how.why, "accepted_at": how.at.replace(tzinfo=None, microsecond=0)}
    rows = chosen.select(*_KEY, **{name: pl.lit(value) for name, value in stamp.items()})
    new = rows.join(accepted, on=_KEY, how="anti").cast(dict(ACCEPTED.dtypes))  # type: ignore[arg-type]
    return pl.concat([accepted, new])
