"""Real, odd, fuzzed and planted files, and those that pydicom ships: decided, never a crash, never a leak."""

import csv
import io
import re
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.valuerep import PersonName

from cxr_core.deidentify.header.acceptance import check_accepted
from cxr_core.deidentify.header.assembly import assemble
from cxr_core.deidentify.header.attributes import metadata
from cxr_core.deidentify.header.engine import deidentify_header
from cxr_core.deidentify.header.identity import ImageIdentity
from cxr_core.errors import ItemError
from cxr_core.policy.profile import Profile

SHARED = Path(__file__).resolve().parents[5] / "shared" / "data"
HOSPITAL = SHARED / "hospital-sample"
BESIDE = pytest.mark.shared
FILES = [
    *sorted((Path(pydicom.__file__).parent / "data" / "test_files").rglob("*.dcm")),
    *(pytest.param(path, marks=BESIDE) for path in sorted((SHARED / "cxr" / "dicom").rglob("*")) if path.is_file()),
]
IDENTIFIERS = ("PatientName", "PatientID", "OtherPatientIDs", "InstitutionName", "StationName", "AccessionNumber")
SUBSTITUTES = {
    "SOPClassUID": "1.2.840.10008.5.1.4.1.1.1",
    "SOPInstanceUID": "1.2.3",
    "StudyInstanceUID": "1.2.4",
    "SeriesInstanceUID": "1.2.5",
    "PatientID": "Q7654321",
    "SamplesPerPixel": 1,
    "PhotometricInterpretation": "MONOCHROME2",
    "Rows": 4,
    "Columns": 4,
    "BitsAllocated": 16,
    "BitsStored": 12,
    "HighBit": 11,
    "PixelRepresentation": 0,
    "NumberOfFrames": 1,
}


def _opened(path: Path) -> Dataset:
    """Read a header as intake does; what pydicom itself cannot open is intake's to refuse."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return pydicom.dcmread(path, stop_before_pixels=True, force=True)
        except Exception as error:  # noqa: BLE001 - whatever the fuzzed bytes provoke
            pytest.skip(f"pydicom does not open it: {type(error).__name__}")


def _decoded(dataset: Dataset) -> Iterator[str]:
    for element in dataset:
        if element.VR == "SQ":
            for item in element.value:
                yield from _decoded(item)
        elif element.tag != 0x7FE00010:
            yield str(element.value)


def _assembled(header: Dataset) -> pydicom.FileDataset:
    pixels = np.zeros((header.Rows, header.Columns), np.uint8)
    data = assemble(header, pixels, bits_stored=header.BitsStored, is_signed=bool(header.PixelRepresentation))
    return pydicom.dcmread(io.BytesIO(data))


def _words(text: str) -> str:
    return " ".join(["", *re.findall(r"[^\W_]+", text.lower()), ""])


def _leaks(planted: set[str], output: pydicom.FileDataset) -> list[str]:
    """Planted values that stand in a decoded value as whole words ("Long" is not in "Longitudinal")."""
    decoded = [_words(text) for part in (output, output.file_meta) for text in _decoded(part)]
    return [value for value in planted if len(_words(value)) > 4 and any(_words(value) in text for text in decoded)]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_a_file_is_accepted_or_refused_with_a_code(path: Path, identity: ImageIdentity, mimic: Profile) -> None:
    source = _opened(path)
    refusal, tags = "", set()
    try:
        check_accepted(source)
        tags = set(map(int, _assembled(deidentify_header(source, identity, mimic).dataset).keys()))
    except ItemError as error:
        refusal = str(error)
    assert tags <= set(mimic.rules)
    assert bool(tags) != bool(refusal)
    assert re.fullmatch(r"|E_(SOP|TYPE1): \([0-9A-F]{4},[0-9A-F]{4}\) [a-zA-Z ]+", refusal)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_a_file_dressed_up_as_a_radiograph_leaks_no_identifier(
    path: Path, identity: ImageIdentity, mimic: Profile
) -> None:
    source = _opened(path)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        values = [source[word].value for word in IDENTIFIERS if word in source]
        planted = {str(value) for value in values if isinstance(value, str | PersonName)}
        for keyword, value in SUBSTITUTES.items():
            setattr(source, keyword, value)
    found = deidentify_header(source, identity, mimic)
    output = _assembled(found.dataset)
    assert metadata(output) == metadata(found.dataset)
    assert _leaks({word for value in planted for word in re.split(r"[\^=\\]", value)}, output) == []


def test_pydicom_ships_the_files_that_are_decided_here() -> None:
    assert sum(isinstance(path, Path) for path in FILES) >= 78


def _planted() -> dict[str, set[str]]:
    planted: dict[str, set[str]] = {}
    with (HOSPITAL / "truth" / "header_phi.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            planted.setdefault(row["path"], set()).add(row["value"])
    return planted


@pytest.mark.shared
@pytest.mark.skipif(not SHARED.is_dir(), reason="../shared/data is not beside the project")
def test_no_planted_value_stands_in_a_published_header(identity: ImageIdentity, mimic: Profile) -> None:
    planted = _planted()
    leaks = {}
    for path, values in planted.items():
        header = deidentify_header(_opened(HOSPITAL / "export" / path), identity, mimic).dataset
        leaks[path] = _leaks(values, _assembled(header))
    assert len(leaks) > 50
    assert {path: len(found) for path, found in leaks.items() if found} == {}
