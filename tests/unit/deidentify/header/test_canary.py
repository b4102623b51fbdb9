"""A canary planted anywhere in a header, in any VR, at any depth, never reaches the file."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydicom.datadict import DicomDictionary
from pydicom.dataelem import DataElement, RawDataElement
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.tag import Tag

from cxr_core.deidentify.header.assembly import assemble
from cxr_core.deidentify.header.dates import DateShift
from cxr_core.deidentify.header.engine import deidentify_header
from cxr_core.deidentify.header.identity import ImageIdentity
from cxr_core.errors import ItemError
from cxr_core.policy.profile import load_profile
from cxr_core.settings.dates import TimeOfDay
from cxr_core.settings.deidentify import ProfileName

CANARIES = ("QZXJKV", "Qzxjkv^Wvyx", "Qzxjkv", "qzxjkv", "7391846", "19430718", "CHEST QZXJKV", "073-91-8465")
FORBIDDEN = (b"qzxjkv", "qzxjkv".encode("utf-16-le"), b"7391846", b"19430718", b"073-91", "Qzxjkv".encode("utf-16-be"))
KEPT = sorted(load_profile(ProfileName.MIMIC).rules)
KNOWN = sorted(tag for tag in DicomDictionary if tag >> 16 > 0x0002 and tag != 0x7FE00010)
TEXT_VRS = (
    "AE",
    "AS",
    "CS",
    "DA",
    "DS",
    "DT",
    "IS",
    "LO",
    "LT",
    "PN",
    "SH",
    "ST",
    "TM",
    "UC",
    "UI",
    "UR",
    "UT",
    "OB",
    "OW",
    "UN",
)
OTHERS = st.sampled_from(
    [0x00091001, 0x00290010, 0x60000022, 0x60003000, 0x50001001, 0x00041500, 0x0040FFFE, 0xFFFCFFFC]
)

tags = st.one_of(st.sampled_from(KEPT), st.sampled_from(KNOWN), OTHERS)
values = st.sampled_from(CANARIES).flatmap(
    lambda canary: st.sampled_from(
        [
            canary.encode(),
            canary.encode("utf-16-le"),
            b"CHEST\\" + canary.encode(),
            b"2.25." + canary.encode(),
            b"1.2." + canary.encode() + b".3",
            b"PA " + canary.encode() + b" ",
            canary.encode() + b"\x00\xff",
        ]
    )
)
depths = st.integers(0, 3)
plants = st.lists(st.tuples(tags, st.sampled_from(TEXT_VRS), values, depths), min_size=1, max_size=6)


def _raw(tag: int, vr: str, value: bytes) -> RawDataElement:
    return RawDataElement(Tag(tag), vr, len(value), value, 0, False, True)


def _plant(dataset: Dataset, tag: int, vr: str, value: bytes, depth: int) -> None:
    """Put the value under the tag, `depth` sequences down; every sequence on the way bears the same tag."""
    item = Dataset()
    item[0x00080100] = _raw(0x00080100, "SH", b"R-10206")
    item[0x00080102] = _raw(0x00080102, "SH", b"SRT")
    item[0x00080104] = _raw(0x00080104, "LO", value)
    item[tag] = _raw(tag, vr, value)
    for _ in range(depth):
        outer = Dataset()
        outer.add(DataElement(0x00540220, "SQ", Sequence([item])))
        outer.add(DataElement(tag, "SQ", Sequence([item])))
        item = outer
    dataset[tag] = item.get_item(tag)  # unparsed, as a file would hold it


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(plants=plants, profile=st.sampled_from(list(ProfileName)), time=st.sampled_from(list(TimeOfDay)))
def test_a_canary_never_reaches_the_file(
    make_image: Callable[[], Dataset],
    plants: list[tuple[int, str, bytes, int]],
    profile: ProfileName,
    time: TimeOfDay,
) -> None:
    source = make_image()
    for tag, vr, value, depth in plants:
        _plant(source, tag, vr, value, depth)
    identity = ImageIdentity("10000032", "50414267", "x", lambda _: "2.25.42", DateShift(36_524), time)
    try:
        header = deidentify_header(source, identity, load_profile(profile)).dataset
        pixels = np.zeros((header.Rows, header.Columns), np.uint16)
        said = assemble(header, pixels, bits_stored=12, is_signed=False)
    except ItemError as error:
        said = f"{error!r} {error.__cause__}".encode()
    assert [canary for canary in FORBIDDEN if canary.lower() in said.lower()] == []


@pytest.mark.parametrize(
    "vr", [*TEXT_VRS, "FD", "FL", "SL", "SS", "SV", "UL", "US", "UV", "AT", "OD", "OF", "OL", "OV", "XX"]
)
def test_every_kept_tag_survives_any_vr(make_image: Callable[[], Dataset], identity: ImageIdentity, vr: str) -> None:
    """One element at a time, so that a refused type 1 attribute does not hide the others."""
    profile = load_profile(ProfileName.MIMIC)
    for tag in KEPT[:: 1 if vr == "UN" else 9]:
        source = make_image()
        source[tag] = _raw(tag, vr, b"Qzxjkv 7391846")
        try:
            said = deidentify_header(source, identity, profile).dataset.to_json()
        except ItemError as error:
            said = repr(error)
        assert "qzxjkv" not in said.lower()
