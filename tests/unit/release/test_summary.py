"""Table 2, Table 4, funnel, and what becomes of small counts."""

from pathlib import Path

import polars as pl
from release_factory import FACTS, make_inputs

from cxr_core.release.summary import funnel, shown_drops, suppress_small_counts, table_2, table_4, to_markdown
from cxr_core.release.tables import build_images


def images(folder: Path, subjects: int) -> pl.DataFrame:
    return build_images(make_inputs(folder, subjects=subjects), producer="hilum 0.1")


def test_table_2_counts_images_and_studies_of_the_training_set(tmp_path: Path) -> None:
    table = table_2(images(tmp_path, 7))  # training: subjects 3 to 7, the odd ones with an effusion
    rows = {row["label"]: row for row in table.iter_rows(named=True)}
    assert table.height == 14
    assert (rows["Pleural Effusion"]["positive_images"], rows["Pleural Effusion"]["positive_studies"]) == (3, 3)
    assert rows["Pneumonia"]["uncertain_images"] == 3
    assert rows["Edema"]["negative_studies"] == 3
    assert rows["No Finding"]["positive_images"] == 2
    assert rows["Fracture"]["positive_images"] == 0


def test_table_4_gives_the_share_with_a_finding(tmp_path: Path) -> None:
    table = table_4(images(tmp_path, 7))
    assert table["split"].to_list() == ["train", "validate", "test"]
    assert table["images"].to_list() == [5, 1, 1]
    assert table["with_finding_share"].to_list() == [0.6, 0.0, 1.0]


def test_table_4_of_unlabelled_images_has_no_share(tmp_path: Path) -> None:
    frame = images(tmp_path, 3).with_columns(
        pl.lit(None, dtype=pl.Int8).alias(name) for name in images(tmp_path, 3).columns if name.startswith("chexpert_")
    )
    assert table_4(frame)["with_finding_share"].to_list() == [None, None, None]


def test_the_funnel_tells_every_exclusion_in_the_order_of_the_flow() -> None:
    table = funnel(100, FACTS.drops, published=30, withheld=2)
    assert table.rows() == [
        ("catalogued", 100),
        ("catalog: E_NOT_DICOM", -3),
        ("link: no_report", -40),
        ("deidentify: E_PIXELS", -25),
        ("withheld", 2),
        ("published", 30),
    ]


def test_small_counts_are_blanked_and_never_one_alone() -> None:
    frame = pl.DataFrame({"n": [0, 3, 40, 25], "m": [5, 7, 11, 12], "k": [-4, 20, 30, 0]})
    done = suppress_small_counts(frame, ["n", "m", "k"])
    assert done["n"].to_list() == [0, None, 40, None]
    assert done["m"].to_list() == [None, None, 11, 12]
    assert done["k"].to_list() == [None, None, 30, 0]


def test_drops_are_blanked_apart_by_what_they_count() -> None:
    """3 files alone would follow from the number of files: 25 images go with them; 40 studies are another total."""
    assert shown_drops(FACTS.drops)["count"].to_list() == [None, None, 40]


def test_markdown_has_a_line_a_row() -> None:
    frame = pl.DataFrame({"split": ["train"], "share": [0.66944], "n": [None]})
    assert to_markdown(frame) == "| split | share | n |\n| --- | --- | --- |\n| train | 0.669 |  |"
