"""The keep-list: complete, consistent with PS3.6, and free of free text."""

from collections.abc import Callable

import pytest
from pydicom.datadict import dictionary_keyword, dictionary_VR

from cxr_core.policy.codes import CodeContext
from cxr_core.policy.profile import Action, Check, KeepRule, Profile, Requirement, load_profile
from cxr_core.settings.deidentify import ProfileName

PROFILES = [load_profile(name) for name in ProfileName]
FREE_TEXT = {"PN", "LO", "SH", "ST", "LT", "UT", "UC"}
NUMBERS = {Check.INTEGER, Check.DECIMAL, Check.STORED}
ENUMERATIONS = {Check.CHOICE, Check.LEADING, Check.MODALITY, Check.REGISTERED}
ACTIONS = {Check.UID: Action.PSEUDONYMISE, Check.EMPTY: Action.EMPTY, Check.DATE: Action.REPLACE}


def _has_a_plain_group(rule: KeepRule) -> bool:
    group = rule.tag >> 16
    return group % 2 == 0 and group > 0x0007 and not 0x5000 <= group <= 0x60FF


def _has_a_narrow_range(rule: KeepRule) -> bool:
    is_ordered = rule.minimum < rule.maximum or rule.keyword == "SamplesPerPixel"
    return is_ordered and max(abs(rule.minimum), abs(rule.maximum)) <= 999_999


def _has_a_clean_list(rule: KeepRule) -> bool:
    return bool(rule.values) and all(value == value.upper().strip() and len(value) <= 64 for value in rule.values)


def _is_a_safe_sequence(rule: KeepRule) -> bool:
    return rule.check in {Check.WRITTEN, Check.EMPTY} or (rule.check is Check.CODES and rule.context is not None)


EVERY_RULE: dict[str, Callable[[KeepRule], bool]] = {
    "has a reason and a source": lambda rule: bool(rule.reason and rule.source),
    "has the keyword of PS3.6": lambda rule: dictionary_keyword(rule.tag) == rule.keyword,
    "has the VR of PS3.6": lambda rule: dictionary_VR(rule.tag) == rule.vr,
    "keeps no free text as it is": lambda rule: rule.vr not in FREE_TEXT or rule.action is not Action.KEEP,
    "is neither private, meta, curve nor overlay": _has_a_plain_group,
    "has a range too narrow for a record number": lambda rule: rule.check not in NUMBERS or _has_a_narrow_range(rule),
    "lists upper-case values": lambda rule: rule.check not in ENUMERATIONS or _has_a_clean_list(rule),
    "keeps a sequence only through a dictionary": lambda rule: rule.vr != "SQ" or _is_a_safe_sequence(rule),
    "has the action of its check": lambda rule: ACTIONS.get(rule.check, rule.action) is rule.action,
}


@pytest.mark.parametrize("profile", PROFILES, ids=lambda profile: profile.name)
@pytest.mark.parametrize("claim", EVERY_RULE)
def test_every_rule(claim: str, profile: Profile) -> None:
    assert [rule.keyword for rule in profile.rules.values() if not EVERY_RULE[claim](rule)] == []


@pytest.mark.parametrize("profile", PROFILES, ids=lambda profile: profile.name)
def test_each_context_has_codes(profile: Profile) -> None:
    assert all(profile.codes.of(context) for context in CodeContext)


def test_rules_stand_in_tag_order() -> None:
    for profile in PROFILES:
        assert list(profile.rules) == sorted(profile.rules)


def test_strict_keeps_less_than_mimic() -> None:
    mimic, strict = (load_profile(name) for name in ProfileName)
    assert set(strict.rules) < set(mimic.rules)
    assert not any(rule.check is Check.TERMS for rule in strict.rules.values())
    assert strict.rules[0x00100040].action is Action.EMPTY
    assert 0x00101010 not in strict.rules


def test_what_a_type_2_attribute_needs_survives_in_strict() -> None:
    mimic, strict = (load_profile(name) for name in ProfileName)
    type_2 = {tag for tag, rule in mimic.rules.items() if rule.requirement is Requirement.MAY_BE_EMPTY}
    assert type_2 <= set(strict.rules)
