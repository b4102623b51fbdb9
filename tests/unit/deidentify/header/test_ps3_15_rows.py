"""Every row of PS3.15 table E.1-1, filled with an identifier at nesting depth 0 to 3, is gone."""

from collections.abc import Callable

import numpy as np
import pytest
from pydicom.datadict import dictionary_has_tag, dictionary_VR
from pydicom.dataelem import DataElement, RawDataElement
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.tag import Tag

from cxr_core.deidentify.header.assembly import assemble
from cxr_core.deidentify.header.engine import deidentify_header
from cxr_core.deidentify.header.identity import ImageIdentity
from cxr_core.policy.profile import load_profile
from cxr_core.settings.deidentify import ProfileName

tables = pytest.importorskip(
    "dicomanonymizer.dicom_anonymization_databases.dicomfields_2026c", reason="dicom-anonymizer (dev) is not installed"
)
ROWS = sorted({row[0] << 16 | row[1] for row in tables.ALL_TAGS if len(row) == 2 and row[0] > 0x0002})
VALUES = {
    "UI": b"1.2.7391846",
    "DA": b"19430718",
    "TM": b"073918.46",
    "DT": b"19430718073918",
    "AS": b"101Y",
    "IS": b"7391846",
}
FORBIDDEN = (b"7391846", b"19430718", b"073918", b"101Y", b"QZXJKV")


def _filled(tag: int) -> RawDataElement | DataElement:
    vr = dictionary_VR(tag) if dictionary_has_tag(tag) else "LO"
    vr = "OB" if " or " in vr else vr
    if vr == "SQ":
        item = Dataset()
        item[0x00080104] = RawDataElement(Tag(0x00080104), "LO", 6, b"QZXJKV", 0, False, True)
        return DataElement(tag, "SQ", Sequence([item]))
    value = VALUES.get(vr, b"QZXJKV")
    return RawDataElement(Tag(tag), vr, len(value), value, 0, False, True)


@pytest.mark.parametrize("depth", range(4))
@pytest.mark.parametrize("profile", list(ProfileName))
def test_no_row_leaks_at_any_depth(
    make_image: Callable[[], Dataset], identity: ImageIdentity, profile: ProfileName, depth: int
) -> None:
    holder = Dataset()
    for tag in ROWS:
        holder[tag] = _filled(tag)
    for _ in range(depth):
        outer = Dataset()
        for tag in (0x00081115, 0x00540220, 0x04000561):  # an ordinary sequence, a kept one, original attributes
            outer.add(DataElement(tag, "SQ", Sequence([holder])))
        holder = outer
    source = make_image()
    for tag in list(holder.keys()):
        source[tag] = holder.get_item(tag)
    header = deidentify_header(source, identity, load_profile(profile)).dataset
    data = assemble(header, np.zeros((5, 3), np.uint16), bits_stored=12, is_signed=False)
    assert len(ROWS) > 600
    assert [canary for canary in FORBIDDEN if canary in data] == []
