"""A device that declares burned-in text is listened to; one that denies it, or says nonsense, is no reason to trust."""

import pytest
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.tag import Tag

from cxr_core.deidentify.study import _declares_text


@pytest.mark.parametrize(("value", "declares"), [(b"YES ", True), (b"NO", False), (b"", False), (b"YES\\NO", False)])
def test_only_yes_declares(value: bytes, declares: bool) -> None:
    tag = Tag(0x0028, 0x0301)
    source = Dataset({tag: RawDataElement(tag, "CS", len(value), value, 0, False, True)})
    assert _declares_text(source) is declares


def test_silence_declares_nothing() -> None:
    assert not _declares_text(Dataset())
