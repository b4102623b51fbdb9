"""What differs between two releases: items added, removed and changed, labels, splits and reasons of exclusion.

Takes the tables of both; gives counts and small frames that name nobody. Reading releases is left to `published`,
showing the difference to the command line, to `documents` and to `page`.
"""

from collections.abc import Iterator
from dataclasses import asdict, dataclass, field

import polars as pl

from cxr_core.release.published import PublishedTables
from cxr_core.vocabulary import Assertion, Label, LabelerName, Split

_SET_APART = tuple(f"{labeler.value}_" for labeler in LabelerName)  # labels are compared by study, below
_NOT_THE_IMAGE = frozenset({"dicom_id", "labeler", "split"})
_TO = {
    "to_positive": Assertion.POSITIVE.value,
    "to_negative": Assertion.NEGATIVE.value,
    "to_uncertain": Assertion.UNCERTAIN.value,
    "to_not_mentioned": None,
}
_LABEL_CHANGES = {"labeler": pl.String, "label": pl.String, "studies": pl.Int64, **dict.fromkeys(_TO, pl.Int64)}


@dataclass(frozen=True, slots=True)
class ItemChanges:
    """How many items only the newer release holds, only the older one, and both but not alike."""

    added: int
    removed: int
    changed: int

    @property
    def is_empty(self) -> bool:
        """True where nothing came, went or changed."""
        return not (self.added or self.removed or self.changed)


@dataclass(frozen=True, slots=True)
class Difference:
    """What differs between two releases.

    Parameters
    ----------
    before, after : str
        Name and version of each.
    images : ItemChanges
        An image changed where its pixels or its row did; labels and split are told apart.
    studies : ItemChanges
        A study changed where a label did, or an image of it was added, removed or changed.
    subjects : ItemChanges
        A subject changed where a study of it was added, removed or changed.
    redrawn : int
        Images whose pixels changed.
    labels : frame of `labeler`, `label`, `studies`, `to_positive`, `to_negative`, `to_uncertain`, `to_not_mentioned`
        Studies of both releases whose label changed; one row a labeler and label with changes.
    moves : frame of `before`, `after`, `subjects`
        Subjects that changed their split; a manual label may move one, into test.
    merged_moves : int
        Subjects among them that took over the split of another one, whose studies they have now.
    drops : frame of `stage`, `kind`, `reason`, `before`, `after`
        Reasons whose count changed; null for counts from 1 to 10.
    """

    before: str
    after: str
    subjects: ItemChanges
    studies: ItemChanges
    images: ItemChanges
    redrawn: int
    labels: pl.DataFrame = field(repr=False)
    moves: pl.DataFrame = field(repr=False)
    drops: pl.DataFrame = field(repr=False)
    merged_moves: int = 0

    @property
    def forbidden_moves(self) -> int:
        """Subjects that moved anywhere but into test, without having been merged."""
        return int(self.moves.filter(pl.col("after") != Split.TEST.value)["subjects"].sum()) - self.merged_moves

    @property
    def is_empty(self) -> bool:
        """True where the releases hold the same."""
        frames = (self.labels, self.moves, self.drops)
        items = (self.subjects, self.studies, self.images)
        return all(frame.is_empty() for frame in frames) and all(item.is_empty for item in items)

    def as_json(self) -> dict[str, object]:
        """One object for programs."""
        return {
            "before": self.before,
            "after": self.after,
            "subjects": asdict(self.subjects),
            "studies": asdict(self.studies),
            "images": asdict(self.images) | {"redrawn": self.redrawn},
            "labels": self.labels.to_dicts(),
            "split_moves": self.moves.to_dicts(),
            "split_moves_by_merging": self.merged_moves,
            "drops": self.drops.to_dicts(),
        }


def compare(before: PublishedTables, after: PublishedTables) -> Difference:
    """Compare two releases; ids and digests are looked up, nothing is guessed.

    Columns that only one of the releases has are no difference: they came with the program, not with the data.
    """
    images = _changed_images(before.images, after.images)
    relabelled = _relabelled(before.labels, after.labels)
    studies = _touched(before, after, images, relabelled)
    return Difference(
        before=before.title,
        after=after.title,
        subjects=_items(_subjects(before), _subjects(after), _subjects_of(studies, before, after)),
        studies=_items(_studies(before), _studies(after), studies),
        images=_items(set(before.images["dicom_id"]), set(after.images["dicom_id"]), set(images["dicom_id"])),
        redrawn=images.filter("redrawn").height,
        labels=_label_changes(relabelled),
        moves=_counted_moves(_moves(before.splits, after.splits)),
        merged_moves=_merged_moves(before, after),
        drops=_drop_changes(before.drops, after.drops),
    )


def _items(before: set[str], after: set[str], changed: set[str]) -> ItemChanges:
    return ItemChanges(len(after - before), len(before - after), len(changed & before & after))


def _changed_images(before: pl.DataFrame, after: pl.DataFrame) -> pl.DataFrame:
    """Images of both releases whose row differs, with `redrawn` where the pixels do."""
    shared = [
        name
        for name in before.columns
        if name in after.columns and name not in _NOT_THE_IMAGE and not name.startswith(_SET_APART)
    ]
    both = before.select("dicom_id", *shared).join(after.select("dicom_id", *shared), on="dicom_id", suffix=" after")
    differs = pl.any_horizontal(_as_text(both, name).ne_missing(_as_text(both, f"{name} after")) for name in shared)
    redrawn = pl.col("sha256") != pl.col("sha256 after")
    return both.filter(differs).select("dicom_id", "study_id", redrawn=redrawn)


def _as_text(frame: pl.DataFrame, name: str) -> pl.Expr:
    """Lists are compared as text; enumerations may have other members in another release."""
    dtype = frame.schema[name]
    if isinstance(dtype, pl.List):
        column = pl.col(name)
        opened = pl.element().struct.json_encode() if isinstance(dtype.inner, pl.Struct) else pl.element()
        return column.list.eval(opened.cast(pl.String)).list.join("\0", ignore_nulls=False)
    return pl.col(name).cast(pl.String)


def _relabelled(before: pl.DataFrame, after: pl.DataFrame) -> pl.DataFrame:
    """One row a labeler, study and label that changed: `labeler`, `study_id`, `label`, `value` (the new one)."""
    keys = ["labeler", "study_id"]
    names = [label.value for label in Label]
    both = before.select(*keys, *names).join(after.select(*keys, *names), on=keys, suffix=" after")
    changed = [
        both.filter(pl.col(name).ne_missing(pl.col(f"{name} after"))).select(
            *keys, label=pl.lit(name), value=pl.col(f"{name} after")
        )
        for name in names
    ]
    return pl.concat(changed)


def _label_changes(relabelled: pl.DataFrame) -> pl.DataFrame:
    rows = []
    for labeler in LabelerName:
        for label in Label:
            values = relabelled.filter(pl.col("labeler") == labeler.value, pl.col("label") == label.value)["value"]
            if not values.is_empty():
                became = values.to_list()
                counts = {name: became.count(value) for name, value in _TO.items()}
                rows.append({"labeler": labeler.value, "label": label.value, "studies": len(values), **counts})
    return pl.DataFrame(rows, schema=_LABEL_CHANGES)


def _touched(
    before: PublishedTables, after: PublishedTables, images: pl.DataFrame, relabelled: pl.DataFrame
) -> set[str]:
    """Studies with a changed label, or with an image that was added, removed or changed."""
    came = after.images.join(before.images, on="dicom_id", how="anti")
    went = before.images.join(after.images, on="dicom_id", how="anti")
    return {study for frame in (came, went, images, relabelled) for study in frame["study_id"]}


def _studies(tables: PublishedTables) -> set[str]:
    return {*tables.images["study_id"], *tables.labels["study_id"]}


def _subjects(tables: PublishedTables) -> set[str]:
    return {*tables.images["subject_id"], *tables.labels["subject_id"]}


def _owners(tables: PublishedTables) -> Iterator[tuple[str, str]]:
    for frame in (tables.images, tables.labels):
        yield from frame.select("study_id", "subject_id").iter_rows()


def _subjects_of(studies: set[str], before: PublishedTables, after: PublishedTables) -> set[str]:
    """Subjects of studies that changed, came or went."""
    touched = studies | (_studies(before) ^ _studies(after))
    return {subject for tables in (before, after) for study, subject in _owners(tables) if study in touched}


def _moves(before: pl.DataFrame, after: pl.DataFrame) -> pl.DataFrame:
    """`subject_id`, `before` and `after` of subjects whose split changed."""
    both = before.rename({"split": "before"}).join(after.rename({"split": "after"}), on="subject_id")
    return both.filter(pl.col("before") != pl.col("after"))


def _counted_moves(moved: pl.DataFrame) -> pl.DataFrame:
    counts = moved.group_by("before", "after").agg(pl.len().cast(pl.Int64).alias("subjects"))
    return counts.sort("before", "after")


def _merged_moves(before: PublishedTables, after: PublishedTables) -> int:
    """Subjects that moved from train to validate because patients were merged: a study came along from there."""
    moved = _moves(before.splits, after.splits).filter(pl.col("after") == Split.VALIDATE.value)
    owners = pl.DataFrame(list(_owners(before)), schema={"study_id": pl.String, "was": pl.String}, orient="row")
    now = pl.DataFrame(list(_owners(after)), schema={"study_id": pl.String, "subject_id": pl.String}, orient="row")
    came = now.join(owners, on="study_id").filter(pl.col("was") != pl.col("subject_id"))
    from_split = came.join(before.splits, left_on="was", right_on="subject_id")
    return moved.join(from_split, left_on=["subject_id", "after"], right_on=["subject_id", "split"], how="semi").height


def _drop_changes(before: pl.DataFrame, after: pl.DataFrame) -> pl.DataFrame:
    """Reasons whose count differs; a reason that one release does not name counts 0 there."""
    keys = ["stage", "kind", "reason"]
    older = before.rename({"count": "before"}).with_columns(was=pl.lit(True))
    newer = after.rename({"count": "after"}).with_columns(has=pl.lit(True))
    both = older.join(newer, on=keys, how="full", coalesce=True)
    filled = both.with_columns(
        before=pl.when(pl.col("was").is_null()).then(0).otherwise(pl.col("before")),
        after=pl.when(pl.col("has").is_null()).then(0).otherwise(pl.col("after")),
    )
    changed = filled.filter(pl.col("before").ne_missing(pl.col("after")))
    return changed.select(*keys, "before", "after").sort(keys)
