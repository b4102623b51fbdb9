"""What a model could learn instead of a finding: shares of groups against all, small counts left out."""

import math
from pathlib import Path

import polars as pl
import pytest
from release_factory import make_inputs

from cxr_core.release.contact_sheet import choose_flagged
from cxr_core.release.page_shortcuts import Lean, attributes, leans, shortcut_charts
from cxr_core.release.tables import build_images
from cxr_core.vocabulary import Label, QualityFlag

GROUPS = pl.Series(["a"] * 60 + ["b"] * 40)


@pytest.fixture(scope="module")
def hundred(tmp_path_factory: pytest.TempPathFactory) -> pl.DataFrame:
    """100 images of 100 subjects."""
    return build_images(make_inputs(tmp_path_factory.mktemp("w"), subjects=100), producer="hilum 0.1")


def with_edema(images: pl.DataFrame, in_a: int, in_b: int) -> pl.DataFrame:
    values = [1] * in_a + [0] * (60 - in_a) + [1] * in_b + [None] * (40 - in_b)
    return images.with_columns(chexpert_edema=pl.Series(values, dtype=pl.Int8))


def edema(images: pl.DataFrame, groups: pl.Series = GROUPS) -> dict[str, Lean]:
    return {lean.group: lean for lean in leans(images, groups) if lean.label is Label.EDEMA}


def test_a_share_is_told_in_doublings_of_that_of_all_images(hundred: pl.DataFrame) -> None:
    found = edema(with_edema(hundred, 15, 35))
    assert found["a"].doublings == pytest.approx(-1.0)
    assert found["b"].doublings == pytest.approx(math.log2(1.75))


def test_what_chance_would_hardly_do_is_marked(hundred: pl.DataFrame) -> None:
    assert [lean.is_unlikely for lean in edema(with_edema(hundred, 15, 35)).values()] == [True, True]
    assert [lean.is_unlikely for lean in edema(with_edema(hundred, 30, 22)).values()] == [False, False]


def test_a_small_count_takes_the_only_other_group_with_it(hundred: pl.DataFrame) -> None:
    assert edema(with_edema(hundred, 30, 9)) == {}


def test_a_group_without_the_label_lies_at_the_left_end(hundred: pl.DataFrame) -> None:
    assert edema(with_edema(hundred, 30, 0))["b"].doublings == -math.inf


def test_a_group_of_ten_images_has_no_dot(hundred: pl.DataFrame) -> None:
    groups = pl.Series(["a"] * 60 + ["b"] * 30 + ["c"] * 10)
    assert set(edema(with_edema(hundred, 30, 30), groups)) == {"a", "b"}


def test_images_in_no_group_are_not_counted(hundred: pl.DataFrame) -> None:
    groups = pl.Series([None] * 60 + ["b"] * 20 + ["c"] * 20, dtype=pl.String)
    assert {lean.doublings for lean in edema(with_edema(hundred, 60, 40), groups).values()} == {0.0}


def test_blacked_text_makes_three_groups(hundred: pl.DataFrame) -> None:
    shares = pl.Series([0.0, 0.009, 0.01] + [0.0] * 97)
    blacked = dict(attributes(hundred.with_columns(redacted_area_share=shares)))["blacked text"]
    assert blacked[:3].to_list() == ["no text blacked", "less than 1 % blacked", "1 % and more blacked"]


def test_without_two_groups_there_is_no_chart(hundred: pl.DataFrame) -> None:
    same = hundred.with_columns(
        is_portable=pl.lit(True), redacted_area_share=pl.lit(0.0), manufacturer_group=pl.lit("other")
    )
    assert "<svg" not in shortcut_charts(same)


def test_a_dot_beyond_the_axis_lies_on_its_end(hundred: pl.DataFrame) -> None:
    portable = pl.Series([True] * 60 + [False] * 40)
    drawn = shortcut_charts(with_edema(hundred.with_columns(is_portable=portable), 30, 0))
    assert 'cx="188"' in drawn


def test_each_flag_that_occurs_is_shown_once(tmp_path: Path) -> None:
    images = build_images(make_inputs(tmp_path, subjects=4), producer="hilum 0.1")
    flags = [["strip"], ["strip", "texture"], [], []]
    chosen = choose_flagged(images.with_columns(flags=pl.Series(flags, dtype=pl.List(pl.String))))
    assert [choice.shows for choice in chosen] == [QualityFlag.STRIP, QualityFlag.TEXTURE]
