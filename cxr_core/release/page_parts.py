"""The sections of the report page, each from frames to markup.

Takes published image rows, drop counts and differences; gives pieces of HTML with counts from 1 to 10 left out. Which
piece stands where is told by `page` and its template.
"""

from collections.abc import Iterator, Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

from cxr_core.policy.reasons import load_reasons
from cxr_core.release import figures
from cxr_core.release.difference import Difference
from cxr_core.release.markup import (
    SCALE,
    Part,
    bar,
    bar_row,
    bars,
    legend,
    note,
    number,
    part_of,
    percent,
    table,
    words,
)
from cxr_core.release.plan import DropCount
from cxr_core.release.summary import SMALLEST_SHOWN, is_shown, shown_drops, suppress_small_counts, table_2, table_4
from cxr_core.vocabulary import ItemKind, Label, LabelerName, QualityFlag, Reason, Split, Stage, View

RADIOGRAPH = "{} radiograph"
NO_PICTURES = "No image without a quality flag can be shown."
NONE = "none"
_NO_TEST = "withheld"
_TOO_FEW = "There is too little to be shown."
_NO_READERS = "No report of this release was labelled by hand, so that nothing can be compared."
_NO_TIMES = "Times differ from run to run: they stand in the copy of this page in the workspace of the build."
_FIRST = "This is the first release."
_SAME = "Nothing differs but the texts."
_STEP = "{}, {}"
_NO_BOXES = "images with blacked text"
_MOVED = ("no subject moved between splits", "subjects that moved into test", "subjects that moved between splits")
_TILES = ("images", "studies", "subjects", "of training studies with a finding")
_FUNNEL = ("found in the source", "withheld with the test set", "published")
_LABEL_HEAD = ("observation", "", "positive", "uncertain", "negative", "studies")
_SPLIT_HEAD = ("split", "subjects", "studies", "images", "with a finding", "any label")
_DROP_HEAD = ("reason", "kind", "stage", "count")
_LABEL_CHANGES_HEAD = ("studies with another label", *(f"by {labeler.value}" for labeler in LabelerName))
_DROP_CHANGES_HEAD = ("reason", "kind", "stage", "before", "now")
_ITEMS_HEAD = ("what differs", "added", "removed", "changed")
_FACETS = {
    "view": "view",
    "view position": "view_position",
    "bits stored": "bits_stored",
    "manufacturer": "manufacturer_group",
    "portable unit": "is_portable",
    "sex": "sex",
    "age in years": "age_years",
}
_FLAG_WORDS = {
    QualityFlag.LOW_CONTRAST: "Grey levels lie close together.",
    QualityFlag.POLARITY_SUSPECT: "Black and white may be exchanged.",
    QualityFlag.ORIENTATION_SUSPECT: "The image may be turned or mirrored.",
    QualityFlag.COLLIMATION_BORDER: "A border of the collimator surrounds the field.",
    QualityFlag.STRIP: "Far longer than wide, or the other way round.",
    QualityFlag.SUSPECT_STREAM: "The coded image had faults that the decoder passed over.",
    QualityFlag.LARGE_MASK: "A large part of the image was blacked.",
    QualityFlag.TEXTURE: "A pattern looks like text but is none.",
    QualityFlag.TEXT_DECLARED: "The device declares that text is burned in.",
}
_HEADS = (_LABEL_HEAD, _SPLIT_HEAD, _DROP_HEAD, _LABEL_CHANGES_HEAD, _DROP_CHANGES_HEAD, _ITEMS_HEAD)
_ENUMERATIONS = (Label, Split, Stage, ItemKind, Reason, QualityFlag, View, LabelerName)
WORDS = (
    *(member.value for members in _ENUMERATIONS for member in members),
    *(_STEP.format(reason.value, stage.value) for reason in Reason for stage in Stage),
    *(_STEP.format(split.value, why) for split in Split for why in (_NO_TEST, NONE)),
    *(text.meaning for text in load_reasons().values()),
    *(RADIOGRAPH.format(view.value) for view in View),
    *(name for head in _HEADS for name in head if name),
    *(*_FLAG_WORDS.values(), *_MOVED, *_TILES, *_FUNNEL, *_FACETS, *figures.DECADES, figures.NOT_TOLD, NONE),
    *(NO_PICTURES, _NO_TIMES, _TOO_FEW, _NO_TEST, _NO_READERS, _FIRST, _SAME, _NO_BOXES),
)
"""Every text of the rows that is no count, for whoever must know it."""


def no_times() -> str:
    """What stands where the copy in the workspace tells times."""
    return note(_NO_TIMES)


def tiles(images: pl.DataFrame) -> str:
    """The size of the release in four figures."""
    finding = _finding_share(images)
    told = [
        f"{images.height:,}",
        f"{images['study_id'].n_unique():,}",
        f"{images['subject_id'].n_unique():,}",
        f"{100 * finding:.1f} %" if finding is not None else "-",
    ]
    pairs = zip(told, _TILES, strict=True)
    return "".join(f"<li><b>{words(value)}</b><span>{words(name)}</span></li>\n" for value, name in pairs)


def _finding_share(images: pl.DataFrame) -> float | None:
    """Share of the training set as in Table 4: one over all splits would give away what is left out there."""
    training = table_4(images).filter(pl.col("split") == Split.TRAIN.value).row(0, named=True)
    share, studies = training["with_finding_share"], training["studies"]
    return share if share is not None and is_shown(share * studies) else None


# ---------------------------------------------------------------- what was left out


def funnel_bars(drops: Sequence[DropCount], published: int, withheld: int) -> str:
    """From the source to the release: a bar a step, what fell out at the place where it fell."""
    mine = [drop for drop in drops if drop.kind in (ItemKind.FILE, ItemKind.INSTANCE)]
    found = published + withheld + sum(drop.count for drop in mine)
    shown = shown_drops(mine).sort(pl.col("stage").cast(pl.Enum(Stage)), "reason", maintain_order=True)
    hidden = sum(drop.count for drop in mine) - int(shown["count"].sum())
    blanks = shown["count"].null_count()
    total = found if not blanks or (blanks > 1 and hidden >= SMALLEST_SHOWN) else None
    rows = [bar_row(_FUNNEL[0], [Part(0, SCALE, "kept")], total)]
    left, meanings = found, load_reasons()
    for stage, reason, count in shown.select("stage", "reason", "count").iter_rows():
        lost = part_of(count, found)
        left -= count or 0
        start = min(part_of(left, found), SCALE - lost)
        parts = [Part(0, start, "kept"), Part(start, lost, "lost")]
        rows.append(bar_row(meanings[Reason(reason)].meaning, parts, count, told=_STEP.format(reason, stage)))
    held = part_of(withheld, found)
    if withheld:
        rows.append(bar_row(_FUNNEL[1], [Part(part_of(published, found), held, "held")], withheld))
    rows.append(bar_row(_FUNNEL[2], [Part(0, part_of(published, found))], published))
    return bars(rows, "wide")


def drop_list(drops: Sequence[DropCount]) -> str:
    """Every reason with its meaning, kind and stage."""
    meanings = load_reasons()
    rows = [
        (
            f"{words(reason)}<small>{words(meanings[Reason(reason)].meaning)}</small>",
            words(kind),
            words(stage),
            number(count),
        )
        for stage, kind, reason, count in shown_drops(drops).iter_rows()
    ]
    return table(_DROP_HEAD, rows, left=3) if rows else note(NONE)


# ---------------------------------------------------------------- labels


def label_table(images: pl.DataFrame) -> str:
    """Table 2 with a bar a label; the columns of the paper, then studies."""
    counts = table_2(images)
    shown = suppress_small_counts(counts, [name for name in counts.columns if name != "label"])
    whole = images.filter(pl.col("split") == Split.TRAIN.value).height
    order = (("positive", "yes"), ("uncertain", "unsure"), ("negative", "no"))
    rows = []
    for row in shown.iter_rows(named=True):
        parts, start = [], 0
        for name, style in order:
            parts.append(Part(start, part_of(row[f"{name}_images"], whole), style))
            start += parts[-1].width
        cells = [f"{number(row[f'{name}_images'])}{percent(row[f'{name}_images'], whole)}" for name, _ in order]
        rows.append((words(row["label"]), bar(parts), *cells, number(row["positive_studies"])))
    names = zip((style for _, style in order), _LABEL_HEAD[2:5], strict=True)
    return legend(names) + table(_LABEL_HEAD, rows)


def split_table(images: pl.DataFrame) -> str:
    """Table 4; the sizes are exact, a share that would tell a small count is left out."""
    rows = []
    for row in table_4(images).iter_rows(named=True):
        if not row["images"]:
            why = _NO_TEST if row["split"] == Split.TEST.value else NONE
            rows.append((words(_STEP.format(row["split"], why)), *[""] * 5))
            continue
        sizes = [number(row[name]) for name in ("subjects", "studies", "images")]
        shares = [_share(row[name], row["studies"]) for name in ("with_finding_share", "any_label_share")]
        rows.append((words(row["split"]), *sizes, *shares))
    return table(_SPLIT_HEAD, rows)


def _share(share: float | None, studies: int) -> str:
    if share is None:
        return words("-")
    return words(f"{100 * share:.1f} %") if is_shown(share * studies) else number(None)


def reader_table(table_3: pl.DataFrame | None) -> str:
    """Table 3 with its intervals; categories with few mentions are left out."""
    if table_3 is None:
        return note(_NO_READERS)
    shown = table_3.filter(pl.col("n") >= SMALLEST_SHOWN)
    rows = [[number(cell) if isinstance(cell, int) else words(str(cell)) for cell in row] for row in shown.iter_rows()]
    return table(shown.columns, rows)


def together_map(images: pl.DataFrame) -> str:
    """A square of labels: row by column, darker where more studies of the row have the column as well."""
    counts = figures.together(images)
    if int(np.triu(counts, 1).max(initial=0)) < SMALLEST_SHOWN:
        return note(_TOO_FEW)
    side, left, top = 20, 168, 20
    drawn = []
    for row, label in enumerate(Label):
        y = top + row * side
        drawn.append(f'<text x="0" y="{y + 14}">{words(f"{row + 1} {label.value}")}</text>')
        drawn.append(f'<text class="tick" x="{left + row * side + 9}" y="14">{words(str(row + 1))}</text>')
        drawn += [
            f'<rect x="{left + column * side}" y="{y}" width="18" height="18" class="{_level(counts, row, column)}"/>'
            for column in range(len(Label))
        ]
    box = f"0 0 {left + side * len(Label)} {top + side * len(Label)}"
    return f'<svg class="map" viewBox="{box}" role="img">{"".join(drawn)}</svg>\n'


def _level(counts: NDArray[np.int64], row: int, column: int) -> str:
    if row == column:
        return "own"
    both, whole = int(counts[row, column]), int(counts[row, row])
    if both < SMALLEST_SHOWN or whole < SMALLEST_SHOWN:
        return "hidden"
    return f"cell l{min(int(8 * both / whole), 7)}"


# ---------------------------------------------------------------- images


def redaction_map(images: pl.DataFrame) -> str:
    """All images laid over each other, brighter where more of them are blacked."""
    grid = figures.redaction_grid(images)
    most = int(grid.max())
    if most < SMALLEST_SHOWN:
        return note(_TOO_FEW)
    side = 20
    whole = side * figures.GRID_CELLS
    cells = [
        f'<rect x="{column * side}" y="{row * side}" width="{side}" height="{side}"'
        f' class="glow l{min(int(8 * grid[row, column] / most), 7)}"/>'
        for row, column in np.argwhere(grid >= SMALLEST_SHOWN).tolist()
    ]
    frame = f'<rect width="{whole}" height="{whole}" class="frame"/>'
    blacked = images.filter(pl.col("redaction_boxes").list.len() > 0).height
    told = suppress_small_counts(pl.DataFrame({"n": [blacked, images.height - blacked]}), ["n"])["n"][0]
    return (
        f'<svg class="map square" viewBox="0 0 {whole} {whole}" role="img">{frame}{"".join(cells)}</svg>\n'
        f'<p class="note">{number(told)}{words(_NO_BOXES)}</p>\n'
    )


def facets(images: pl.DataFrame) -> str:
    """How the images were made, one list of bars an attribute; attributes that no image tells are left out."""
    lists = []
    for name, column in _FACETS.items():
        values = _told(images[column])
        if values.null_count() < len(values):
            counts = figures.facet(values)
            rows = [
                bar_row(value, [Part(0, part_of(count, images.height))], count) for value, count in counts.iter_rows()
            ]
            lists.append(f"<div><h3>{words(name)}</h3>{bars(rows, 'facet')}</div>\n")
    return "".join(lists)


def _told(values: pl.Series) -> pl.Series:
    """Values as a person would say them."""
    if values.name == "age_years":
        return figures.decades(values)
    if values.dtype == pl.Boolean:
        return values.replace_strict({True: "yes", False: "no"}, return_dtype=pl.String)
    return values


def flag_bars(images: pl.DataFrame) -> str:
    """Quality flags with what each means."""
    counts = figures.flag_counts(images, [flag.value for flag in QualityFlag])
    rows = [
        bar_row(flag, [Part(0, part_of(count, images.height), "unsure")], count, told=_FLAG_WORDS[QualityFlag(flag)])
        for flag, count in counts.iter_rows()
    ]
    return bars(rows, "wide")


# ---------------------------------------------------------------- the release before


def difference_list(found: Difference | None) -> str:
    """What came, went and changed since the release before; by category, counts from 1 to 10 left out."""
    if found is None:
        return note(_FIRST)
    if found.is_empty:
        return note(_SAME)
    items = (("subjects", found.subjects), ("studies", found.studies), ("images", found.images))
    rows = [(words(name), *map(number, (item.added, item.removed, item.changed))) for name, item in items]
    moved = int(found.moves["subjects"].sum())
    told = _MOVED[0] if not moved else _MOVED[2 if found.forbidden_moves else 1]
    count = number(moved) if moved else ""
    parts = [table(_ITEMS_HEAD, rows), f'<p class="note">{count}{words(told)}</p>\n']
    return "".join([*parts, *_label_changes(found.labels), *_drop_changes(found.drops)])


def _label_changes(labels: pl.DataFrame) -> Iterator[str]:
    if not labels.is_empty():
        # Not what they became: the parts of a row would give away the one that is left out.
        wide = labels.pivot("labeler", index="label", values="studies")
        counts = wide.select("label", *(_column_or_zero(wide, labeler.value) for labeler in LabelerName))
        shown = suppress_small_counts(counts, counts.columns[1:])
        yield table(_LABEL_CHANGES_HEAD, ((words(label), *map(number, row)) for label, *row in shown.iter_rows()))


def _column_or_zero(frame: pl.DataFrame, name: str) -> pl.Expr:
    return pl.col(name).fill_null(0) if name in frame.columns else pl.lit(0, pl.Int64).alias(name)


def _drop_changes(drops: pl.DataFrame) -> Iterator[str]:
    if not drops.is_empty():
        rows = [
            (words(reason), words(kind), words(stage), number(before), number(after))
            for stage, kind, reason, before, after in drops.iter_rows()
        ]
        yield table(_DROP_CHANGES_HEAD, rows, left=3)
