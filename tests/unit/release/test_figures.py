"""What the page draws: pairs of labels, the map of blacked text, counts by attribute, the choice of pictures."""

from pathlib import Path

import numpy as np
import polars as pl
from release_factory import make_inputs

from cxr_core.release.contact_sheet import MOST_PICTURES, choose
from cxr_core.release.figures import GRID_CELLS, decades, facet, flag_counts, redaction_grid, together
from cxr_core.release.tables import build_images
from cxr_core.vocabulary import Label

EFFUSION, NO_FINDING, EDEMA = (list(Label).index(x) for x in (Label.PLEURAL_EFFUSION, Label.NO_FINDING, Label.EDEMA))


def images(folder: Path, subjects: int = 4) -> pl.DataFrame:
    return build_images(make_inputs(folder, subjects=subjects), producer="hilum 0.1")


def boxed(*boxes: tuple[int, int, int, int]) -> pl.DataFrame:
    names = ("top_px", "left_px", "bottom_px", "right_px")
    rows = [[dict(zip(names, box, strict=True)) for box in boxes]]
    return pl.DataFrame({"redaction_boxes": rows, "width_px": [480], "height_px": [240]})


def test_pairs_of_labels_are_counted_by_study(tmp_path: Path) -> None:
    frame = images(tmp_path).with_columns(chexpert_edema=pl.lit(1, dtype=pl.Int8))
    counts = together(pl.concat([frame, frame]))
    assert counts.shape == (14, 14)
    assert (counts[EFFUSION, EFFUSION], counts[EFFUSION, EDEMA], counts[EDEMA, EFFUSION]) == (2, 2, 2)
    assert (counts[EDEMA, EDEMA], counts[EFFUSION, NO_FINDING]) == (4, 0)


def test_a_box_covers_the_cells_that_it_touches() -> None:
    grid = redaction_grid(boxed((0, 0, 10, 20), (230, 460, 240, 480)))
    assert grid.shape == (GRID_CELLS, GRID_CELLS)
    assert np.argwhere(grid).tolist() == [[0, 0], [23, 23]]
    assert redaction_grid(boxed((0, 0, 11, 20))).sum() == 2


def test_boxes_of_one_image_that_overlap_count_once() -> None:
    assert redaction_grid(boxed((0, 0, 10, 20), (0, 0, 10, 40)))[0, :3].tolist() == [1, 1, 0]


def test_values_are_sorted_by_count_and_small_counts_blanked() -> None:
    values = pl.Series(["PA"] * 30 + ["AP"] * 12 + ["LL"] * 3 + [None] * 2)
    assert facet(values).rows() == [("PA", 30), ("AP", 12), ("LL", None), ("not told", None)]


def test_one_small_count_takes_the_next_smallest_with_it() -> None:
    assert facet(pl.Series(["PA"] * 30 + ["AP"] * 12 + ["LL"] * 3)).rows() == [("PA", 30), ("AP", None), ("LL", None)]


def test_flags_without_an_image_count_0_and_rare_ones_are_blank() -> None:
    frame = pl.DataFrame({"flags": [["strip"]] * 11 + [["texture"]]})
    assert flag_counts(frame, ["strip", "texture", "large_mask"]).rows() == [
        ("strip", 11),
        ("texture", None),
        ("large_mask", 0),
    ]


def test_ages_are_told_as_decades() -> None:
    assert decades(pl.Series([0, 9, 61, 90, None])).to_list() == ["0 to 9", "0 to 9", "60 to 69", "90 and more", None]


def test_the_sheet_shows_frequent_labels_first_and_no_subject_twice(tmp_path: Path) -> None:
    frame = images(tmp_path, 40).with_columns(flags=pl.lit([], dtype=pl.List(pl.String)))
    chosen = choose(pl.concat([frame, frame]))
    assert [choice.shows for choice in chosen][:3] == [Label.NO_FINDING, Label.PLEURAL_EFFUSION, None]
    assert len({choice.path for choice in chosen}) == len(chosen) == MOST_PICTURES


def test_flagged_images_and_rare_labels_are_not_chosen(tmp_path: Path) -> None:
    frame = images(tmp_path)
    assert choose(frame) == []
    plain = frame.with_columns(flags=pl.lit([], dtype=pl.List(pl.String)))
    assert {choice.shows for choice in choose(plain)} == {None}
