"""The tables by which a dataset is judged: funnel, Table 2 (labels), Table 4 (splits); small counts suppressed.

Takes published image rows, labels and drop counts; gives polars frames and their Markdown. Drawing them on a page is
left to the report page.
"""

from collections.abc import Iterable, Sequence

import polars as pl

from cxr_core.release.contracts import label_column
from cxr_core.release.plan import DropCount
from cxr_core.vocabulary import Assertion, ItemKind, Label, LabelerName, Split, Stage

_STAGE_ORDER = tuple(Stage)

SMALLEST_SHOWN = 11
"""Counts from 1 to 10 are not published (release gate 8)."""


def is_shown(count: float) -> bool:
    """Whether a count may be told: not where it is 1 to 10, nor a fraction that rounds to one of these."""
    return not 0.5 <= count < SMALLEST_SHOWN - 0.5


def funnel(catalogued: int, drops: Sequence[DropCount], published: int, withheld: int) -> pl.DataFrame:
    """From catalogue to release, every exclusion of an instance counted.

    Returns
    -------
    frame with `step` and `images`
        First row: catalogued; one row per stage and reason; last rows: withheld and published.
    """
    steps = [("catalogued", catalogued)]
    ordered = sorted(drops, key=lambda drop: (_STAGE_ORDER.index(drop.stage), drop.reason.value))
    steps += [(f"{drop.stage.value}: {drop.reason.value}", -drop.count) for drop in ordered]
    steps += [("withheld", withheld), ("published", published)]
    return pl.DataFrame(steps, schema={"step": pl.String, "images": pl.Int64}, orient="row")


def table_2(images: pl.DataFrame, labeler: LabelerName = LabelerName.CHEXPERT) -> pl.DataFrame:
    """Labels of the training set: positive, negative and uncertain, as images and as studies.

    Source: MIMIC-CXR (2019), Table 2, which counts images.

    Parameters
    ----------
    images : RELEASE_IMAGES frame
        Published rows; other splits are ignored.
    """
    training = images.filter(pl.col("split") == Split.TRAIN.value)
    studies = training.unique("study_id", maintain_order=True)
    rows = []
    for label in Label:
        row: dict[str, str | int] = {"label": label.value}
        for unit, frame in (("images", training), ("studies", studies)):
            values = frame[label_column(labeler, label)]
            for assertion in Assertion:
                row[f"{assertion.name.lower()}_{unit}"] = int((values == assertion.value).sum())
        rows.append(row)
    return pl.DataFrame(rows)


def table_4(images: pl.DataFrame, labeler: LabelerName = LabelerName.CHEXPERT) -> pl.DataFrame:
    """Studies, images, subjects and the share of studies with a finding, per split.

    With a finding: the complement of No Finding (the paper's 66.9 %); `any_label_share`: any label but No Finding and
    Support Devices positive or uncertain. Shares are of the labelled studies, null where there are none.

    Source: MIMIC-CXR (2019), Table 4.
    """
    studies = images.unique("study_id", maintain_order=True)
    no_finding = pl.col(label_column(labeler, Label.NO_FINDING)) == Assertion.POSITIVE.value
    counted = [label for label in Label if label not in {Label.NO_FINDING, Label.SUPPORT_DEVICES}]
    any_label = pl.any_horizontal(
        pl.col(label_column(labeler, label)).is_in([Assertion.POSITIVE.value, Assertion.UNCERTAIN.value])
        for label in counted
    )
    labelled = pl.any_horizontal(pl.col(label_column(labeler, label)).is_not_null() for label in Label)
    marks = studies.select(
        "split",
        labelled=labelled,
        finding=labelled & ~no_finding.fill_null(value=False),
        any_label=any_label.fill_null(value=False),
    )
    rows = [
        _split_row(images.filter(pl.col("split") == s.value), marks.filter(pl.col("split") == s.value), s)
        for s in Split
    ]
    return pl.DataFrame(rows, schema=_TABLE_4)


_TABLE_4 = {
    "split": pl.String,
    "studies": pl.Int64,
    "images": pl.Int64,
    "subjects": pl.Int64,
    "with_finding_share": pl.Float64,
    "any_label_share": pl.Float64,
}


def _split_row(images: pl.DataFrame, marks: pl.DataFrame, split: Split) -> dict[str, str | int | float | None]:
    labelled = int(marks["labelled"].sum())

    def share(name: str) -> float | None:
        return int(marks[name].sum()) / labelled if labelled else None

    return {
        "split": split.value,
        "studies": images["study_id"].n_unique(),
        "images": images.height,
        "subjects": images["subject_id"].n_unique(),
        "with_finding_share": share("finding"),
        "any_label_share": share("any_label"),
    }


_WITH_FINDING = "studies with a finding (not No Finding)"
_ANY_LABEL = "studies with any finding but Support Devices named"
SPLIT_MEASURES = ("measure", "studies", "images", "subjects", _WITH_FINDING, _ANY_LABEL)
"""Every word of the first column of `table_4_by_split`."""


def table_4_by_split(images: pl.DataFrame, labeler: LabelerName = LabelerName.CHEXPERT) -> pl.DataFrame:
    """Table 4 as the paper prints it, one row a measure; both readings of "with a finding", each on a row of its own.

    Shares that stand on 1 to 10 studies are blanked: the number of studies is told, and would give the count away.

    Returns
    -------
    frame of text: `measure`, `train`, `validate`, `test`
    """
    table = table_4(images, labeler)
    cells: dict[str, list[str]] = {"measure": list(SPLIT_MEASURES[1:])}
    for row in table.iter_rows(named=True):
        told = [str(row[name]) for name in ("studies", "images", "subjects")]
        shares = (row["with_finding_share"], row["any_label_share"])
        cells[row["split"]] = [*told, *(_share_told(share, row["studies"]) for share in shares)]
    return pl.DataFrame(cells)


def _share_told(share: float | None, studies: int) -> str:
    if share is None:
        return ""
    few = any(0 < count < SMALLEST_SHOWN - 0.5 for count in (share * studies, (1 - share) * studies))
    return "" if few else f"{share:.3f}"


def drop_table(drops: Sequence[DropCount]) -> pl.DataFrame:
    """Excluded items by stage, kind and reason."""
    rows = [(drop.stage.value, drop.kind.value, drop.reason.value, drop.count) for drop in drops]
    schema = {"stage": pl.String, "kind": pl.String, "reason": pl.String, "count": pl.Int64}
    return pl.DataFrame(rows, schema=schema, orient="row").sort("stage", "kind", "reason")


def shown_drops(drops: Sequence[DropCount]) -> pl.DataFrame:
    """The drop table as documents show it: counts from 1 to 10 blanked, for images, studies and reports apart.

    Apart, because each kind has a total of its own from which a single blank could be computed.
    """
    table = drop_table(drops)
    is_image = pl.col("kind").is_in([ItemKind.FILE.value, ItemKind.INSTANCE.value])
    groups = (is_image, pl.col("kind") == ItemKind.STUDY.value, pl.col("kind") == ItemKind.REPORT.value)
    parts = [suppress_small_counts(table.filter(group), ["count"]) for group in groups]
    return pl.concat(parts).sort("stage", "kind", "reason")


def suppress_small_counts(frame: pl.DataFrame, columns: Iterable[str]) -> pl.DataFrame:
    """Blank counts from 1 to 10; where that leaves a single blank in a column, the next smallest count goes too.

    The second step keeps a reader who knows the total from computing the one blank.
    """
    for name in columns:
        size = pl.col(name).abs()
        small = (size > 0) & (size < SMALLEST_SHOWN)
        kept = frame.with_columns(pl.when(~small).then(pl.col(name)).alias(name))
        lost = kept[name].null_count() - frame[name].null_count()
        shown = kept[name].abs().drop_nulls()
        others = shown.filter(shown > 0)
        if lost == 1 and not others.is_empty():
            kept = _blank_first(kept, name, int(others.min()))  # type: ignore[arg-type]
        frame = kept
    return frame


def _blank_first(frame: pl.DataFrame, name: str, size: int) -> pl.DataFrame:
    place = frame[name].abs().fill_null(-1).to_list().index(size)
    values = frame[name].to_list()
    values[place] = None
    return frame.with_columns(pl.Series(name, values, dtype=frame.schema[name]))


def to_markdown(frame: pl.DataFrame) -> str:
    """Render a frame as a Markdown table; null is an empty cell, a share has three digits."""

    def cell(value: object) -> str:
        if value is None:
            return ""
        return f"{value:.3f}" if isinstance(value, float) else str(value)

    lines = [list(frame.columns), ["---"] * frame.width, *([cell(v) for v in row] for row in frame.iter_rows())]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
