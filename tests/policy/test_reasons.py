"""Every drop reason has its words."""

from cxr_core.policy.reasons import load_reasons
from cxr_core.vocabulary import ItemKind, Reason


def test_every_reason_has_an_entry_in_the_order_of_the_vocabulary() -> None:
    assert list(load_reasons()) == list(Reason)


def test_every_entry_is_one_sentence_with_a_source() -> None:
    for text in load_reasons().values():
        assert text.meaning.endswith(".")
        assert text.meaning[0].isupper()
        assert text.source


def test_the_unit_of_a_report_reason_is_the_report() -> None:
    assert load_reasons()[Reason.E_EMPTY].unit is ItemKind.REPORT
    assert load_reasons()[Reason.E_NOT_DICOM].unit is ItemKind.FILE
    assert load_reasons()[Reason.E_LINK].unit is ItemKind.STUDY
