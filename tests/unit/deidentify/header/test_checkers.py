"""Numbers, enumerations and UIDs."""

import math

import pytest

from cxr_core.deidentify.header import checkers
from cxr_core.policy.profile import KeepRule, load_profile
from cxr_core.settings.deidentify import ProfileName


def _rule(keyword: str) -> KeepRule:
    rules = load_profile(ProfileName.MIMIC).rules.values()
    return next(rule for rule in rules if rule.keyword == keyword)


@pytest.mark.parametrize(
    ("keyword", "values", "written"),
    [
        ("KVP", (125.0,), ["125"]),
        ("KVP", ("125.50",), ["125.5"]),
        ("KVP", (7654321,), None),
        ("KVP", (math.nan,), None),
        ("KVP", (math.inf,), None),
        ("KVP", ("Zyxwut",), None),
        ("KVP", (80.0, 90.0), None),
        ("ImagerPixelSpacing", (0.143, 0.143), ["0.143", "0.143"]),
        ("ImagerPixelSpacing", (0.143,), None),
        ("ImagerPixelSpacing", (0.0, 0.0), None),
        ("RescaleIntercept", (-0.0,), ["0"]),
    ],
)
def test_a_decimal_is_finite_in_range_and_written_anew(
    keyword: str, values: tuple[float | str, ...], written: list[str] | None
) -> None:
    assert checkers.decimals(values, _rule(keyword)) == written


@pytest.mark.parametrize("number", [1 / 3, -1 / 3, 1.23456789e-7, -98765.4321012345, 99999.0])
def test_a_decimal_string_fits_into_16_characters(number: float) -> None:
    text = checkers.decimal_string(number)
    assert len(text) <= 16
    assert math.isclose(float(text), number, rel_tol=1e-5)


@pytest.mark.parametrize(
    ("values", "written"),
    [((8,), [8]), (("8",), [8]), ((8.0,), [8]), ((8.5,), None), ((-1,), None), ((10**400,), None), (("8 ms",), None)],
)
def test_an_integer_is_whole_and_in_range(values: tuple[float | str, ...], written: list[int] | None) -> None:
    assert checkers.integers(values, _rule("ExposureTime")) == written


@pytest.mark.parametrize(
    ("keyword", "values", "written"),
    [
        ("ViewPosition", ("pa",), ["PA"]),
        ("ViewPosition", ("AP  AXIAL",), ["AP AXIAL"]),
        ("ViewPosition", ("ZYXWUT",), None),
        ("ViewPosition", ("PA", "AP"), None),
        ("PatientSex", ("U",), None),
        ("Grid", ("FOCUSED", "PARALLEL"), ["FOCUSED", "PARALLEL"]),
    ],
)
def test_an_enumerated_value_is_listed(keyword: str, values: tuple[str, ...], written: list[str] | None) -> None:
    assert checkers.choices(values, _rule(keyword)) == written


@pytest.mark.parametrize(
    ("values", "written"),
    [
        (("ORIGINAL", "PRIMARY", "", "VENDOR"), ["ORIGINAL", "PRIMARY"]),
        (("DERIVED", "PRIMARY"), ["DERIVED", "PRIMARY"]),
        (("ORIGINAL", "ZYXWUT"), None),
        (("ORIGINAL",), None),
    ],
)
def test_the_image_type_ends_before_its_first_free_value(values: tuple[str, ...], written: list[str] | None) -> None:
    assert checkers.leading(values, _rule("ImageType")) == written


@pytest.mark.parametrize(
    ("values", "written"),
    [
        (("L", "F"), ["L", "F"]),
        (("a", "fr"), ["A", "FR"]),
        (("L", "R"), None),
        (("LR", "F"), None),
        (("L",), None),
        (("L", ""), None),
        (("LEFT", "FOOT"), None),
    ],
)
def test_an_orientation_names_two_axes(values: tuple[str, ...], written: list[str] | None) -> None:
    assert checkers.orientation(values) == written


@pytest.mark.parametrize(
    ("text", "expected"), [("1.2.3", True), ("1.02.3", True), ("1", False), ("1.2.Z", False), ("1." * 40 + "1", False)]
)
def test_a_uid_is_dotted_digits(text: str, expected: bool) -> None:
    assert checkers.is_uid(text) is expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [("2.25.1", True), (f"2.25.{2**128 - 1}", True), (f"2.25.{2**128}", False), ("2.25.01", False), ("1.2.3", False)],
)
def test_a_published_uid_is_2_25_and_128_bits(text: str, expected: bool) -> None:
    assert checkers.is_published_uid(text) is expected
