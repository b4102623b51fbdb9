"""A hospital has patients called Field, Page or Max: what the program itself writes is no finding, whoever they are."""

import dataclasses
import re
from collections import Counter
from pathlib import Path

import pytest
from release_factory import make_plan
from source_factory import make_needles

from cxr_core.release.documents import template_lines
from cxr_core.release.publication import publish
from cxr_core.verification.findings import Finding
from cxr_core.verification.never_list import Needles, load_never_list
from cxr_core.verification.verify import verify_tree

DOCUMENTS = (".md", ".cff", ".txt", ".json", ".html")
NOBODY = frozenset({"hilum", "cxr", "mimic", "jpg", "rapidocr", "easyocr", "pydicom", "polars", "numpy"})
"""Names of programs and layouts."""


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("published")
    return publish(make_plan(folder / "work"), folder / "releases", lambda _public, _withheld: None).path


def words_of(root: Path) -> set[str]:
    found: set[str] = set()
    for path in root.iterdir():
        if path.suffix in DOCUMENTS:
            text = re.sub(r"base64,[A-Za-z0-9+/=]+", "", path.read_text(encoding="utf-8"))
            found |= {word.lower() for word in re.findall(r"[A-Za-z]+", text)}
    shortest = load_never_list().limits.name_part_letters
    return {word for word in found if len(word) >= shortest}


def everybody(words: set[str]) -> Needles:
    """Each word is the name of a patient."""
    return dataclasses.replace(make_needles(), words=dict.fromkeys(words, Finding.NAME_PART), phrases={}, streams={})


def test_no_word_of_the_documents_is_a_finding(release: Path) -> None:
    words = words_of(release)
    assert len(words) > 900
    told = verify_tree(release, everybody(words - NOBODY), known_lines=template_lines())
    assert Counter({(item.file, item.kind): item.count for item in told.findings}) == Counter()


def test_a_patient_called_like_a_word_is_still_found_in_a_sentence_of_their_own(release: Path) -> None:
    (release / "README.md").write_text((release / "README.md").read_text() + "\nReported by Wordsworth Field.\n")
    told = verify_tree(release, everybody({"field", "wordsworth"}), known_lines=template_lines())
    assert {item.kind for item in told.findings if item.file == "README.md"} >= {Finding.NAME_PART}
