"""Each row of PS3.15 table E.1-1, filled with an identifier at nesting depth 0 to 3, is gone or follows its option."""

from collections.abc import Callable, Iterator

import numpy as np
import pytest
from pydicom.datadict import dictionary_has_tag, dictionary_VR, keyword_for_tag
from pydicom.dataelem import DataElement, RawDataElement
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.tag import Tag

from cxr_core.deidentify.header.assembly import assemble
from cxr_core.deidentify.header.engine import deidentify_header
from cxr_core.deidentify.header.identity import ImageIdentity
from cxr_core.policy.profile import Action, Check, load_profile
from cxr_core.settings.deidentify import ProfileName

tables = pytest.importorskip(
    "dicomanonymizer.dicom_anonymization_databases.dicomfields_2026c", reason="dicom-anonymizer (dev) is not installed"
)
# Rows of four numbers are masks: curves (50xx,xxxx) and overlays (60xx,4000), (60xx,3000); two of each stand for them.
MASKED = {0x50000010, 0x501E2500, 0x60004000, 0x601E4000, 0x60003000, 0x601E3000}
ROWS = sorted({row[0] << 16 | row[1] for row in tables.ALL_TAGS if len(row) == 2} | MASKED)
VALUES = {
    "UI": b"1.2.7391846",
    "DA": b"19430718",
    "TM": b"073918.46",
    "DT": b"19430718073918",
    "AS": b"101Y",
    "IS": b"7391846",
}
FORBIDDEN = (b"7391846", b"19430718", b"073918", b"101Y", b"QZXJKV")
# An ordinary sequence, one that is kept, and the one that holds what an image said before it was changed.
SEQUENCES = (0x00081115, 0x00540220, 0x04000561)
DEPTHS = range(4)


def _filled(tag: int) -> RawDataElement | DataElement:
    vr = dictionary_VR(tag) if dictionary_has_tag(tag) else "LO"
    vr = "OB" if " or " in vr else vr
    if vr == "SQ":
        item = Dataset()
        item[0x00080104] = RawDataElement(Tag(0x00080104), "LO", 6, b"QZXJKV", 0, False, True)
        return DataElement(tag, "SQ", Sequence([item]))
    value = VALUES.get(vr, b"QZXJKV")
    return RawDataElement(Tag(tag), vr, len(value), value, 0, False, True)


def _planted(source: Dataset, tag: int, depth: int) -> Dataset:
    """The image with the row filled at one depth; rows of the file meta stand there, as they can only there."""
    holder: Dataset = FileMetaDataset() if tag >> 16 == 2 and not depth else Dataset()
    holder[tag] = _filled(tag)
    if isinstance(holder, FileMetaDataset):
        source.file_meta = holder
        return source
    for _ in range(depth):
        outer = Dataset()
        for sequence in SEQUENCES:
            outer.add(DataElement(sequence, "SQ", Sequence([holder])))
        holder = outer
    for found in list(holder.keys()):
        source[found] = holder.get_item(found)
    return source


def _tags(dataset: Dataset) -> Iterator[int]:
    for element in dataset:
        yield int(element.tag)
        if element.VR == "SQ":
            for item in element.value:
                yield from _tags(item)


def _row_name(tag: int) -> str:
    return f"({tag >> 16:04X},{tag & 0xFFFF:04X}){keyword_for_tag(tag)}"


def test_the_table_has_the_rows_of_the_edition() -> None:
    assert (len(tables.ALL_TAGS), len(ROWS)) == (655, 658)


@pytest.mark.parametrize("profile", list(ProfileName))
@pytest.mark.parametrize("tag", ROWS, ids=_row_name)
def test_a_row_is_gone_or_follows_its_option(
    make_image: Callable[[], Dataset], identity: ImageIdentity, profile: ProfileName, tag: int
) -> None:
    policy = load_profile(profile)
    for depth in DEPTHS:
        header = deidentify_header(_planted(make_image(), tag, depth), identity, policy).dataset
        data = assemble(header, np.zeros((5, 3), np.uint16), bits_stored=12, is_signed=False)
        assert [canary for canary in FORBIDDEN if canary in data] == [], f"depth {depth}"
        nested = {found for element in header if element.VR == "SQ" for item in element.value for found in _tags(item)}
        assert tag not in nested, f"depth {depth}"
    rule = policy.rules.get(tag)
    header = deidentify_header(_planted(make_image(), tag, 0), identity, policy).dataset
    assert tag not in header or rule is not None
    if rule is not None and rule.action is Action.EMPTY:
        assert header[tag].is_empty
    if rule is not None and rule.check is Check.UID:
        assert str(header[tag].value).startswith("2.25.")
