"""The dictionary of coded items, against pydicom's copy of PS3.16."""

from pathlib import Path

import pytest
from pydicom.sr.codedict import codes as standard
from pydicom.sr.coding import Code as StandardCode

from cxr_core.policy.codes import CodeContext, load_codes

CIDS = {CodeContext.VIEW: ("CID4010",), CodeContext.ORIENTATION: ("CID19", "CID20"), CodeContext.REGION: ("CID4031",)}
RETIRED = {"51185008", "39607008", "113345001"}  # SNOMED CT concepts that PS3.16 has replaced; files still hold them


@pytest.mark.parametrize("context", CIDS)
def test_snomed_codes_stand_in_the_context_group_of_the_standard(context: CodeContext) -> None:
    listed = {code.value for code in load_codes().of(context) if code.scheme == "SCT"} - RETIRED
    known = {concept.value for cid in CIDS[context] for concept in getattr(standard, cid).concepts.values()}
    assert listed <= known


@pytest.mark.parametrize("context", CIDS)
def test_an_srt_code_and_its_snomed_code_mean_the_same(context: CodeContext) -> None:
    dictionary = load_codes()
    for code in dictionary.of(context):
        if code.scheme == "SRT":
            as_snomed = [
                other
                for other in dictionary.of(context)
                if other.scheme == "SCT" and StandardCode(code.value, "SRT", "") == StandardCode(other.value, "SCT", "")
            ]
            assert all(other.meaning == code.meaning for other in as_snomed)


def test_deidentification_methods_have_the_meanings_of_the_standard() -> None:
    known = {concept.value: concept.meaning for concept in standard.CID7050.concepts.values()}
    for code in load_codes().of(CodeContext.DEIDENTIFICATION):
        assert known[code.value] == code.meaning


@pytest.mark.parametrize(
    ("scheme", "value", "meaning"),
    [
        ("SRT", "R-10206", "antero-posterior"),
        ("SNM3", "R-10214", "postero-anterior"),
        ("SNOMED CT", "399173006", "left lateral"),
        ("99SDM", "R-10232", "right lateral"),
    ],
)
def test_a_code_is_found_under_the_names_its_scheme_goes_by(scheme: str, value: str, meaning: str) -> None:
    found = load_codes().find(CodeContext.VIEW, scheme, value)
    assert found is not None
    assert found.meaning == meaning


@pytest.mark.parametrize(
    ("context", "scheme", "value"),
    [
        (CodeContext.REGION, "SRT", "R-10206"),
        (CodeContext.VIEW, "99LOCAL", "R-10206"),
        (CodeContext.VIEW, "SRT", "DrHathaway"),
        (CodeContext.PROCEDURE, "C4", ""),
    ],
)
def test_an_item_of_another_context_scheme_or_value_is_not_found(context: CodeContext, scheme: str, value: str) -> None:
    assert load_codes().find(context, scheme, value) is None


def test_a_site_adds_its_own_procedures(tmp_path: Path) -> None:
    site = tmp_path / "codes.toml"
    site.write_text('[procedure]\n"Chest, portable" = ["99SITE XCHP"]\n', "utf-8")
    dictionary = load_codes(site)
    found = dictionary.find(CodeContext.PROCEDURE, "99SITE", "XCHP")
    assert found is not None
    assert found.meaning == "Chest, portable"
    assert dictionary.find(CodeContext.VIEW, "SRT", "R-10206") is not None


def test_a_malformed_site_entry_is_refused(tmp_path: Path) -> None:
    site = tmp_path / "codes.toml"
    site.write_text('[procedure]\n"Chest" = ["XCHP"]\n', "utf-8")
    with pytest.raises(ValueError, match="scheme value"):
        load_codes(site)
