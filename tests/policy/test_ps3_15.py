"""The keep-list against table E.1-1 of PS3.15, as another project typed it."""

from collections.abc import Iterator

import pytest

from cxr_core.policy.profile import Action, KeepRule, load_profile
from cxr_core.settings.deidentify import ProfileName

tables = pytest.importorskip(
    "dicomanonymizer.dicom_anonymization_databases.dicomfields_2026c", reason="dicom-anonymizer (dev) is not installed"
)

SATISFIED_BY = {
    "D_TAGS": {Action.REPLACE},
    "U_TAGS": {Action.PSEUDONYMISE},
    "Z_TAGS": {Action.EMPTY, Action.REPLACE},  # table E.1-1a: Z may be a dummy value
    "Z_D_TAGS": {Action.EMPTY, Action.REPLACE},
    "X_TAGS": set(),
    "X_Z_TAGS": {Action.EMPTY},
    "X_D_TAGS": {Action.REPLACE},
    "X_Z_D_TAGS": {Action.EMPTY, Action.REPLACE},
    "X_Z_U_STAR_TAGS": {Action.PSEUDONYMISE},
}
OPTIONS = {
    "113105": {"LO"},  # Clean Descriptors
    "113107": {"DA", "TM", "DT"},  # Retain Longitudinal Temporal Information with Modified Dates
    "113108": {"AS", "CS"},  # Retain Patient Characteristics
}


def _rows() -> Iterator[tuple[int, str]]:
    for name in SATISFIED_BY:
        for row in getattr(tables, name):
            if (
                len(row) == 2
            ):  # rows of four are masks over repeating and private groups, which the keep-list has none of
                yield row[0] << 16 | row[1], name


def _cases() -> list[object]:
    actions = dict(_rows())
    return [
        pytest.param(rule, actions[tag], id=f"{name}-{rule.keyword}")
        for name in ProfileName
        for tag, rule in load_profile(name).rules.items()
        if tag in actions
    ]


def test_the_table_is_the_one_the_profile_was_written_against() -> None:
    assert len(tables.ALL_TAGS) == 655
    assert load_profile(ProfileName.MIMIC).edition == "PS3.15 2026c"


@pytest.mark.parametrize(("rule", "basic"), _cases())
def test_a_kept_row_follows_its_action_or_its_option_or_is_a_listed_deviation(rule: KeepRule, basic: str) -> None:
    deviations = {deviation.tag for deviation in load_profile(ProfileName.MIMIC).deviations}
    assert rule.action in SATISFIED_BY[basic] or rule.option or rule.tag in deviations


def test_an_option_covers_the_vr_it_is_made_for() -> None:
    options = {
        rule.keyword: (rule.option, rule.vr) for rule in load_profile(ProfileName.MIMIC).rules.values() if rule.option
    }
    assert [keyword for keyword, (option, vr) in options.items() if vr not in OPTIONS[option]] == []


def test_an_option_is_named_only_where_the_table_needs_one() -> None:
    actions = dict(_rows())
    needless = {
        rule.keyword
        for rule in load_profile(ProfileName.MIMIC).rules.values()
        if rule.option and rule.tag not in actions
    }
    assert needless == set()
