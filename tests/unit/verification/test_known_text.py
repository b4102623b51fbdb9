"""What of a document is template and what was filled in."""

import pytest

from cxr_core.release.documents import template_lines
from cxr_core.verification.known_text import KnownText

KNOWN = KnownText(
    ["# Data of $title", "$images images of $subjects subjects. $demo", "Only a test.", "- fixed line", "$all"],
    largest_count=100_000,
)


@pytest.mark.parametrize(
    ("line", "parts"),
    [
        ("- fixed line", []),
        ("fixed line", []),
        ("# Data of cxr 1.0.0", ["cxr 1.0.0"]),
        ("12345 images of 77 subjects. Only a test.", []),
        ("12345 images of 77 subjects. Made by Young", ["Made by Young"]),
        ("about 12345 images", ["about 12345 images"]),
        ("3979149 images of 77 subjects. Only a test.", ["3979149"]),
        ("| 3979149 |", ["3979149"]),
        ("Only a test.; fixed line; something", ["something"]),
        ("| Heart | 12345 | 0.25 | a 12345 |", ["Heart", "a 12345"]),
        ("| --- | ---: |", []),
        ("", []),
    ],
)
def test_only_what_was_filled_in_remains(line: str, parts: list[str]) -> None:
    assert KNOWN.unexplained(line) == parts


def test_without_known_lines_everything_remains() -> None:
    assert KnownText().unexplained("# Data of cxr") == ["Data of cxr"]


def test_the_templates_of_the_release_explain_themselves() -> None:
    known = KnownText(template_lines())
    assert [line for line in template_lines() if "$" not in line and known.unexplained(line)] == []
