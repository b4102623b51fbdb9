"""Which images and texts readers look at: a simple random part, and enriched strata that are reported apart.

Takes the tables of the stages and a seed, gives drafts; the rank of a SHA-256 of seed and id decides, so that drawing
again gives the same whatever the order of rows. Planted items are left to `planting`, labels' samples to
`report_sampling`.
"""

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from math import ceil

import polars as pl

from cxr_core.review.records import Draft, MachineBox, PixelBox
from cxr_core.settings.review import ReviewSettings
from cxr_core.vocabulary import BoxDecision, QualityFlag

RANDOM = "random"
PLANTED = "planted"
MIXED = "mixed"
_UNCERTAIN = (0.2, 0.8)  # probability of being text: the network itself would not bet on it
_LARGE_MASK = 0.15
_RARE_SIZE = 0.01
_LONGEST_SHARE = 0.02

FileOf = Callable[[str, str], str]


@dataclass(frozen=True, slots=True)
class ImageTables:
    """What is known of the images, all under pseudonyms: IMAGES, RENDITIONS and TEXT_BOXES frames.

    Parameters
    ----------
    devices : mapping of dicom_id to str
        Numbers of device models (`#1`), where the vault told them; never a model's name.
    """

    images: pl.DataFrame = field(repr=False)
    renditions: pl.DataFrame = field(repr=False)
    text_boxes: pl.DataFrame = field(repr=False)
    devices: Mapping[str, str] = field(default_factory=dict, repr=False)


def rank(seed: int, purpose: str, unit: str) -> str:
    """Where a unit stands in the draw of one purpose."""
    return hashlib.sha256(f"{seed}\0{purpose}\0{unit}".encode()).hexdigest()


def first_by_rank(seed: int, purpose: str, units: Iterable[str], count: int) -> list[str]:
    """The first so many units in the order of their ranks."""
    return sorted(units, key=lambda unit: rank(seed, purpose, unit))[:count]


def planted_count(others: int, settings: ReviewSettings) -> int:
    """How many items are planted among so many others."""
    return max(ceil(settings.planted_share * others), settings.planted_least) if settings.planted_share else 0


@dataclass(frozen=True, slots=True)
class ImageFiles:
    """Where the files of an image lie below the workspace, by study_id and dicom_id.

    Parameters
    ----------
    picture : callable
        The JPEG.
    original : callable, optional
        The de-identified DICOM; empty, or None for all, where it is not kept and so never released.
    """

    picture: FileOf
    original: FileOf | None = None


def image_sample(tables: ImageTables, files: ImageFiles, settings: ReviewSettings, seed: int) -> list[Draft]:
    """The random part and the enriched strata of an image review; an image stands in one stratum only.

    Returns
    -------
    list of Draft
        The random part first.
    """
    rows = _known(tables)
    chosen = dict.fromkeys(first_by_rank(seed, RANDOM, rows["dicom_id"].to_list(), settings.images), RANDOM)
    for stratum, members in image_strata(rows).items():
        left = [dicom_id for dicom_id in members if dicom_id not in chosen]
        chosen |= dict.fromkeys(first_by_rank(seed, stratum, left, settings.per_stratum), stratum)
    drawn = list(chosen)
    by_id = {row["dicom_id"]: row for row in rows.filter(pl.col("dicom_id").is_in(drawn)).iter_rows(named=True)}
    boxes = machine_boxes(tables.text_boxes.filter(pl.col("dicom_id").is_in(drawn)))
    return [_image_draft(by_id[unit], stratum, files, boxes.get(unit, ())) for unit, stratum in chosen.items()]


def backgrounds(tables: ImageTables, taken: Iterable[str], seed: int) -> list[str]:
    """Images to plant text on, the best first: without a box and not in the sample, so that none is seen twice."""
    rows = _known(tables)
    used, boxed = set(taken), set(tables.text_boxes["dicom_id"].to_list())
    return sorted(rows["dicom_id"].to_list(), key=lambda unit: (unit in used, unit in boxed, rank(seed, PLANTED, unit)))


def _known(tables: ImageTables) -> pl.DataFrame:
    facts = tables.images.select(
        "dicom_id",
        "modality",
        "manufacturer_group",
        "redacted_area_share",
        "dicom_sha256",
        pl.col("flags").alias("pixel_flags"),
    )
    boxes = tables.text_boxes.group_by("dicom_id").agg(
        (pl.col("decision").cast(pl.String) == BoxDecision.REDACTED.value).any().alias("has_redacted"),
        pl.col("probability").is_between(*_UNCERTAIN).any().alias("has_uncertain"),
    )
    known = tables.renditions.join(facts, on="dicom_id", how="inner").join(boxes, on="dicom_id", how="left")
    known = known.with_columns(
        device=pl.col("dicom_id").replace_strict(tables.devices, default=None, return_dtype=pl.String)
    )
    return known.with_columns(pl.col("has_redacted", "has_uncertain").fill_null(value=False)).sort("dicom_id")


def image_strata(rows: pl.DataFrame) -> dict[str, list[str]]:
    """The enriched strata, the most telling first: name and members.

    Devices are told apart by group of manufacturers, modality, and the number of the model where that is known.
    """
    share = pl.len().over("rows", "columns") / pl.len()
    strata: dict[str, list[str]] = {
        "declared": _ids(rows, pl.col("pixel_flags").list.contains(QualityFlag.TEXT_DECLARED.value)),
        "mask": _ids(rows, pl.col("redacted_area_share") > _LARGE_MASK),
        "uncertain": _ids(rows, pl.col("has_uncertain")),
        "size": _ids(rows.with_columns(share=share), pl.col("share") < _RARE_SIZE),
        "boxes": _ids(rows, pl.col("has_redacted")),
    }
    device = pl.concat_str(pl.col("manufacturer_group").fill_null("unknown"), pl.lit(" "), pl.col("modality"))
    device = pl.concat_str(device, pl.lit(" ") + pl.col("device"), ignore_nulls=True)
    for name, key in (("device", device), ("view", pl.col("view").cast(pl.String).fill_null("unknown"))):
        for value in sorted(rows.select(key.unique()).to_series().to_list()):
            strata[f"{name}:{value}"] = _ids(rows, key == value)
    return strata


def _ids(rows: pl.DataFrame, condition: pl.Expr) -> list[str]:
    return rows.filter(condition)["dicom_id"].to_list()


def machine_boxes(text_boxes: pl.DataFrame) -> dict[str, tuple[MachineBox, ...]]:
    """What the build did on each image, in the order of its list."""
    found: dict[str, list[MachineBox]] = {}
    for row in text_boxes.sort("dicom_id", "box").iter_rows(named=True):
        box = PixelBox(row["top_px"], row["left_px"], row["bottom_px"], row["right_px"])
        found.setdefault(row["dicom_id"], []).append(MachineBox(box, BoxDecision(row["decision"])))
    return {dicom_id: tuple(boxes) for dicom_id, boxes in found.items()}


def _image_draft(row: Mapping[str, object], stratum: str, files: ImageFiles, boxes: Sequence[MachineBox]) -> Draft:
    study_id, dicom_id = str(row["study_id"]), str(row["dicom_id"])
    original = files.original(study_id, dicom_id) if files.original else ""
    return Draft(
        unit_id=dicom_id,
        study_id=study_id,
        subject_id=str(row["subject_id"]),
        stratum=stratum,
        sha256=str(row["sha256"]),
        source=files.picture(study_id, dicom_id),
        rows=int(str(row["rows"])),
        columns=int(str(row["columns"])),
        machine_boxes=tuple(boxes),
        dicom=original,
        dicom_sha256=str(row["dicom_sha256"]) if original else "",
    )


@dataclass(frozen=True, slots=True)
class NamedLikeWords:
    """Studies of patients whose names are words of the vocabulary: Field, Rose, Long. Known to the vault alone.

    Parameters
    ----------
    studies : frozenset of study_id
    salt : str
        A secret of the vault: who does not know it cannot tell such a study from the ones drawn to hide it.
    """

    studies: frozenset[str] = field(default=frozenset(), repr=False)
    salt: str = field(default="", repr=False)


def text_sample(
    reports: pl.DataFrame, settings: ReviewSettings, seed: int, named: NamedLikeWords | None = None
) -> list[Draft]:
    """The random part and the forced strata of a text review: no demographics, the longest, names that are words.

    The last ones stand in the stratum `mixed`, half of which are other studies drawn at random: to stand in it says of
    nobody what the name is.

    Parameters
    ----------
    reports : DEID_REPORTS frame
    named : NamedLikeWords, optional
        None where the vault is not at hand: there is no such stratum then.
    """
    rows = {row["study_id"]: row for row in reports.iter_rows(named=True)}
    chosen = dict.fromkeys(first_by_rank(seed, RANDOM, rows, settings.texts), RANDOM)
    by_length = sorted(rows, key=lambda study: (-len(rows[study]["text"]), study))
    strata = {
        "no_demographics": [study for study, row in rows.items() if not row["has_demographics"]],
        "longest": by_length[: ceil(_LONGEST_SHARE * len(rows))],
    }
    for stratum, members in strata.items():
        left = [study for study in members if study not in chosen]
        chosen |= dict.fromkeys(first_by_rank(seed, stratum, left, settings.per_stratum), stratum)
    left = [study for study in rows if study not in chosen]
    chosen |= dict.fromkeys(_mixed(left, named or NamedLikeWords(), settings.per_stratum, seed), MIXED)
    return [text_draft(rows[study], stratum) for study, stratum in chosen.items()]


def _mixed(left: Sequence[str], named: NamedLikeWords, count: int, seed: int) -> list[str]:
    """As many others as named ones, in an order that tells nothing."""
    wanted = first_by_rank(seed, named.salt, named.studies.intersection(left), count // 2)
    others = [study for study in left if study not in named.studies]
    return sorted([*wanted, *first_by_rank(seed, named.salt, others, len(wanted))])


def text_draft(row: Mapping[str, object], stratum: str) -> Draft:
    """A draft over one redacted report."""
    text = str(row["text"])
    return Draft(
        unit_id=str(row["study_id"]),
        study_id=str(row["study_id"]),
        subject_id=str(row["subject_id"]),
        stratum=stratum,
        sha256=hashlib.sha256(text.encode()).hexdigest(),
        text=text,
    )
