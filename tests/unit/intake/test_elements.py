"""The quick reader of headers against pydicom: the same rows, whatever the file."""

from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian

from cxr_core.demo import generate_hospital
from cxr_core.intake.catalog import catalog_folder
from cxr_core.intake.sources import folder
from cxr_core.intake.sources.elements import Unusual, read_elements

SHARED = Path(__file__).parents[4] / "shared" / "data"
WriteDicom = Callable[..., None]


@pytest.fixture(scope="module")
def rich(tmp_path_factory: pytest.TempPathFactory, write_dicom: WriteDicom) -> dict[str, bytes]:
    """One header in both codings, with nested, private and foreign-language elements."""
    code, inner, request = Dataset(), Dataset(), Dataset()
    code.CodeMeaning = "Inés Castellane"
    inner.PersonIdentificationCodeSequence = Sequence([code])
    request.AccessionNumber, request.RequestingPhysician = "A77", "ORDER^OTTO"
    root = tmp_path_factory.mktemp("rich")
    contents = {}
    for syntax in (ExplicitVRLittleEndian, ImplicitVRLittleEndian):
        write_dicom(
            root / "a",
            syntax=syntax,
            SpecificCharacterSet="ISO_IR 100",
            PatientName="Zoë^Inés",
            AccessionNumber=" 0 ",
            OtherPatientIDs=["X1", ""],
            ReferringPhysicianIdentificationSequence=Sequence([inner, Dataset()]),
            RequestAttributesSequence=Sequence([request]),
            NumberOfFrames=1,
            StudyDescription="CHEST | 2V",
        )
        contents[str(syntax)] = (root / "a").read_bytes()
    return contents


def both(root: Path) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Catalogs with and without the quick reader."""
    quick = catalog_folder(root)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(folder, "_read_quickly", lambda _file: None)
        return quick, catalog_folder(root)


def test_an_ordinary_header_is_read_without_pydicom(rich: dict[str, bytes]) -> None:
    for syntax, content in rich.items():
        start = content.index(b"\x08\x00\x05\x00")
        node, has_pixels = read_elements(content, start, is_implicit=syntax == ImplicitVRLittleEndian)
        assert has_pixels
        assert folder.text_of(node, "PatientName") == "Zoë^Inés"
        assert folder.text_of(node, "SamplesPerPixel") == "1"
        (outer, _empty) = node.nested[0x00080096]
        assert folder.text_of(outer.nested[0x00401101][0], "CodeMeaning") == "Inés Castellane"


def test_the_quick_reader_and_pydicom_agree_on_a_hospital(tmp_path: Path) -> None:
    hospital = generate_hospital(tmp_path / "h", patients=4, side_px=320)
    quick, slow = both(hospital.dicom)
    assert quick.equals(slow)


@pytest.mark.shared
@pytest.mark.parametrize("below", ["cxr/dicom", "hospital-sample/export/dicom"])
def test_the_quick_reader_and_pydicom_agree_on_odd_files(below: str) -> None:
    if not (SHARED / below).exists():
        pytest.skip("../shared/data is absent")
    quick, slow = both(SHARED / below)
    assert quick.equals(slow)


@settings(max_examples=150, deadline=None)
@given(
    syntax=st.sampled_from([str(ExplicitVRLittleEndian), str(ImplicitVRLittleEndian)]),
    place=st.integers(132, 900),
    cut=st.integers(0, 12),
    noise=st.binary(max_size=12)
    | st.sampled_from([b"\xff\xff\xff\xff", b"\xfe\xff\x0d\xe0\0\0\0\0", b"SQ\0\0", b"UN\0\0"]),
)
def test_the_quick_reader_and_pydicom_agree_on_damaged_headers(
    tmp_path_factory: pytest.TempPathFactory, rich: dict[str, bytes], syntax: str, place: int, cut: int, noise: bytes
) -> None:
    root = tmp_path_factory.mktemp("damaged")
    content = rich[syntax]
    (root / "a").write_bytes(content[:place] + noise + content[place + cut :])
    quick, slow = both(root)
    assert quick.equals(slow)


def test_a_header_without_pixels_is_left_to_pydicom(rich: dict[str, bytes]) -> None:
    content = rich[str(ExplicitVRLittleEndian)]
    end = content.index(b"\xe0\x7f\x10\x00")
    for cut in (end, end - 3):
        with pytest.raises(Unusual):
            read_elements(content[:cut], content.index(b"\x08\x00\x05\x00"), is_implicit=False)


def test_the_reader_of_an_old_file_is_told_by_its_first_element(rich: dict[str, bytes]) -> None:
    content = rich[str(ExplicitVRLittleEndian)]
    with pytest.raises(Unusual):
        read_elements(content, content.index(b"\x08\x00\x05\x00"), is_implicit=True)
