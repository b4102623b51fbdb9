"""How alike splits are: exact values, and nothing that tells a small count."""

import math

import polars as pl
import pytest

from cxr_core.release.balance import CHARACTERISTICS, split_balance
from cxr_core.release.contracts import label_column
from cxr_core.vocabulary import Label, LabelerName


def images(**splits: list[dict[str, object]]) -> pl.DataFrame:
    rows = [
        {
            "subject_id": f"{split}{number}",
            "study_id": f"{split}{number}",
            "split": split,
            "age_years": 50,
            "sex": "F",
            "view": "frontal",
            "is_portable": None,
            **{label_column(LabelerName.CHEXPERT, label): None for label in Label},
            **row,
        }
        for split, some in splits.items()
        for number, row in enumerate(some)
    ]
    numbers = {"age_years": pl.Int64, "is_portable": pl.Boolean}
    labels = {label_column(LabelerName.CHEXPERT, label): pl.Int8 for label in Label}
    return pl.DataFrame(rows, schema_overrides={**numbers, **labels})


def difference(frame: pl.DataFrame, characteristic: str, split: str) -> float | None:
    return dict(split_balance(frame).select("characteristic", split).iter_rows())[characteristic]


def test_age_is_compared_in_pooled_standard_deviations() -> None:
    train = [{"age_years": age} for age in (40, 60) * 10]
    validate = [{"age_years": age} for age in (50, 70) * 10]
    assert difference(images(train=train, validate=validate), "age", "validate") == pytest.approx(1.0)


def test_shares_are_compared_in_pooled_standard_deviations() -> None:
    train = [{"sex": "F"}] * 20 + [{"sex": "M"}] * 20
    validate = [{"sex": "F"}] * 30 + [{"sex": "M"}] * 12
    share = 30 / 42
    expected = (share - 0.5) / math.sqrt((0.25 + share * (1 - share)) / 2)
    assert difference(images(train=train, validate=validate), "female", "validate") == pytest.approx(expected)


@pytest.mark.parametrize("few", [1, 10])
def test_a_share_that_stands_on_few_is_not_told(few: int) -> None:
    train = [{"sex": "F"}] * 20 + [{"sex": "M"}] * 20
    validate = [{"sex": "F"}] * few + [{"sex": "M"}] * 40
    assert difference(images(train=train, validate=validate), "female", "validate") is None


def test_an_unknown_value_counts_nowhere() -> None:
    train = [{"sex": "F"}] * 20 + [{"sex": "M"}] * 20
    assert difference(images(train=train, test=[*train, *[{"sex": None}] * 30]), "female", "test") == 0


def test_labels_count_by_labelled_study() -> None:
    edema, other = label_column(LabelerName.CHEXPERT, Label.EDEMA), label_column(LabelerName.CHEXPERT, Label.FRACTURE)
    train = [{edema: 1}] * 20 + [{other: 0}] * 20
    found = images(train=train, validate=[*train, *[{}] * 30])
    assert difference(found, "Edema", "validate") == 0


def test_the_rows_are_always_the_same() -> None:
    assert split_balance(images(train=[{}]))["characteristic"].to_list() == list(CHARACTERISTICS[1:])
