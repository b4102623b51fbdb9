"""What a large release spells by chance is no finding: digests, image ids and paths, whoever the patients are."""

import dataclasses
import hashlib
import itertools
import string

import pytest
from source_factory import make_needles

from cxr_core.verification.decoded import decode_bytes
from cxr_core.verification.findings import Finding
from cxr_core.verification.matching import TextMatcher
from cxr_core.verification.values import Value, unescaped


@pytest.fixture(scope="module")
def everybody() -> TextMatcher:
    """Every name of three letters is the name of a patient."""
    names = map("".join, itertools.product(string.ascii_lowercase, repeat=3))
    return TextMatcher(dataclasses.replace(make_needles(), words=dict.fromkeys(names, Finding.NAME_PART)))


def dicom_id(number: int) -> str:
    digest = hashlib.sha256(b"%d" % number).hexdigest()
    return "-".join(digest[start : start + 8] for start in range(0, 40, 8))


def found(matcher: TextMatcher, text: str) -> set[str]:
    return {hit.token for form in (text, *unescaped(text)) for hit in matcher.hits(form)}


def test_thousands_of_image_ids_spell_no_name(everybody: TextMatcher) -> None:
    assert [name for number in range(3000) for name in found(everybody, dicom_id(number))] == []


def test_paths_spell_no_name_but_their_ending(everybody: TextMatcher) -> None:
    paths = (f"files/p10/p10{number:06d}/s5{number:07d}/{dicom_id(number)}.jpg" for number in range(1000))
    assert {name for path in paths for name in found(everybody, path)} == {"jpg"}


@pytest.mark.parametrize("text", ["TEVFLCBBTk5B", "eiB6YWJyaW5za2kgeg==", "key=S0lNIEpPTg==;"])
def test_a_name_in_base64_is_still_read(text: str) -> None:
    matcher = TextMatcher(
        dataclasses.replace(
            make_needles(), words=dict.fromkeys(["lee", "zabrinski", "kim"], Finding.NAME_PART), phrases={}
        )
    )
    assert len(found(matcher, text)) == 1


def texts(page: bytes) -> list[str]:
    return [item.text for item in decode_bytes("report.html", page) if isinstance(item, Value)]


def test_a_word_that_tags_cut_is_read_as_one() -> None:
    assert "Zabrinski" in texts(b"<p>Zab<b>rin</b>ski</p>")


def test_tags_and_attributes_make_no_words_with_their_neighbours() -> None:
    assert sorted(texts(b'<rect width="18" height="20"></rect><i class="few">5</i>')) == sorted(
        ["rect", "width", "18", "height", "20", "i", "class", "few", "5", "5"]
    )
