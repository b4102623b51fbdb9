"""The Part 10 file."""

import io

import numpy as np
import pydicom
import pytest
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from cxr_core.deidentify.header.assembly import IMPLEMENTATION_CLASS_UID, assemble
from cxr_core.deidentify.header.checkers import is_published_uid
from cxr_core.deidentify.header.engine import deidentify_header
from cxr_core.deidentify.header.identity import ImageIdentity
from cxr_core.errors import ItemError
from cxr_core.imaging import decode
from cxr_core.policy.profile import Profile
from cxr_core.settings.deidentify import Compression


@pytest.fixture
def header(source: Dataset, identity: ImageIdentity, mimic: Profile) -> Dataset:
    return deidentify_header(source, identity, mimic).dataset


@pytest.fixture
def pixels() -> NDArray[np.uint16]:
    return (np.arange(15, dtype=np.uint16) * 273).reshape(5, 3)


def _read(data: bytes) -> pydicom.FileDataset:
    return pydicom.dcmread(io.BytesIO(data))


def test_pixels_come_back_as_they_were(header: Dataset, pixels: NDArray[np.uint16]) -> None:
    ds = _read(assemble(header, pixels, bits_stored=12, is_signed=False))
    assert np.array_equal(ds.pixel_array, pixels)
    assert (ds.BitsAllocated, ds.BitsStored, ds.HighBit, ds.PixelRepresentation) == (16, 12, 11, 0)


def test_preamble_meta_and_transfer_syntax_are_ours(header: Dataset, pixels: NDArray[np.uint16]) -> None:
    data = assemble(header, pixels, bits_stored=12, is_signed=False)
    ds = _read(data)
    assert data[:132] == bytes(128) + b"DICM"
    assert [element.tag.element for element in ds.file_meta] == [0, 1, 2, 3, 0x10, 0x12, 0x13]
    assert ds.file_meta.TransferSyntaxUID == "1.2.840.10008.1.2.1"
    assert ds.file_meta.MediaStorageSOPInstanceUID == ds.SOPInstanceUID == header.SOPInstanceUID
    assert ds.file_meta.ImplementationClassUID == IMPLEMENTATION_CLASS_UID
    assert is_published_uid(IMPLEMENTATION_CLASS_UID)


def test_nothing_follows_the_pixels(header: Dataset, pixels: NDArray[np.uint16]) -> None:
    data = assemble(header, pixels, bits_stored=12, is_signed=False)
    assert data.endswith(pixels.tobytes())
    assert data[-len(pixels.tobytes()) - 12 :][:12] == b"\xe0\x7f\x10\x00OW\x00\x00\x1e\x00\x00\x00"


def test_an_odd_number_of_bytes_is_padded_with_one_zero(header: Dataset) -> None:
    pixels = np.full((5, 3), 255, np.uint8)
    data = assemble(header, pixels, bits_stored=8, is_signed=False)
    ds = _read(data)
    assert len(ds.PixelData) == 16
    assert data[-1] == 0
    assert ds["PixelData"].VR == "OB"
    assert np.array_equal(ds.pixel_array, pixels)


def test_bits_above_bits_stored_are_cleared(header: Dataset) -> None:
    pixels = np.full((5, 3), 0xF123, np.uint16)
    ds = _read(assemble(header, pixels, bits_stored=12, is_signed=False))
    assert set(ds.pixel_array.ravel()) == {0x0123}


@pytest.mark.parametrize("dtype", [np.int16, np.int32])
def test_negative_values_survive(header: Dataset, dtype: type[np.signedinteger]) -> None:
    pixels = np.linspace(-2048, 2047, 15).astype(dtype).reshape(5, 3)
    ds = _read(assemble(header, pixels, bits_stored=12, is_signed=True))
    assert np.array_equal(ds.pixel_array, pixels)
    assert ds.PixelRepresentation == 1


def test_the_pixel_stage_is_declared_once(header: Dataset, pixels: NDArray[np.uint16]) -> None:
    ds = _read(assemble(header, pixels, bits_stored=12, is_signed=False))
    methods = [item.CodeValue for item in ds.DeidentificationMethodCodeSequence]
    assert methods == ["113100", "113101", "113105", "113107", "113108"]
    assert ds.BurnedInAnnotation == "NO"


def test_the_header_is_left_alone_and_the_bytes_repeat(header: Dataset, pixels: NDArray[np.uint16]) -> None:
    before = header.to_json()
    first = assemble(header, pixels, bits_stored=12, is_signed=False)
    assert assemble(header, pixels, bits_stored=12, is_signed=False) == first
    assert header.to_json() == before


def test_there_are_no_group_lengths(header: Dataset, pixels: NDArray[np.uint16]) -> None:
    ds = _read(assemble(header, pixels, bits_stored=12, is_signed=False))
    assert not [element for element in ds.iterall() if element.tag.element == 0]


@pytest.mark.parametrize("shape", [(3, 5), (5, 3, 1), (15,)])
def test_another_shape_is_refused(header: Dataset, shape: tuple[int, ...]) -> None:
    with pytest.raises(ItemError, match="E_PIXELS"):
        assemble(header, np.zeros(shape, np.uint16), bits_stored=12, is_signed=False)


@pytest.mark.parametrize("bits_stored", [0, 7, 17])
def test_other_bit_depths_are_refused(header: Dataset, pixels: NDArray[np.uint16], bits_stored: int) -> None:
    with pytest.raises(ItemError, match="E_PIXELS"):
        assemble(header, pixels, bits_stored=bits_stored, is_signed=False)


@pytest.mark.parametrize(
    ("compression", "syntax"),
    [
        (Compression.RAW, "1.2.840.10008.1.2.1"),
        (Compression.HTJ2K, "1.2.840.10008.1.2.4.201"),
        (Compression.JPEG_LS, "1.2.840.10008.1.2.4.80"),
    ],
)
@pytest.mark.parametrize("is_signed", [False, True])
@pytest.mark.parametrize("bits", [8, 10, 12, 14, 16])
def test_every_compression_gives_every_bit_back(
    source: Dataset,
    identity: ImageIdentity,
    mimic: Profile,
    compression: Compression,
    syntax: str,
    bits: int,
    is_signed: bool,
) -> None:
    source.Rows, source.Columns = 64, 51
    header = deidentify_header(source, identity, mimic).dataset
    values = np.random.default_rng(bits).integers(0, 1 << bits, (64, 51)) - (1 << (bits - 1) if is_signed else 0)
    pixels = values.astype(f"{'i' if is_signed else 'u'}{1 if bits == 8 else 2}")
    content = assemble(header, pixels, bits_stored=bits, is_signed=is_signed, compression=compression)
    dataset = _read(content)
    stored = decode(dataset)
    assert dataset.file_meta.TransferSyntaxUID == syntax
    assert (stored.is_signed, stored.bits_stored, stored.suspect) == (is_signed, bits, False)
    assert np.array_equal(stored.pixels, pixels)


@pytest.mark.parametrize("compression", [Compression.HTJ2K, Compression.JPEG_LS])
def test_a_compressed_file_ends_with_the_delimiter(
    header: Dataset, pixels: NDArray[np.uint16], compression: Compression
) -> None:
    data = assemble(header, pixels, bits_stored=12, is_signed=False, compression=compression)
    assert data.endswith(b"\xfe\xff\xdd\xe0\0\0\0\0")
    assert b"\xe0\x7f\x10\x00OB\0\0\xff\xff\xff\xff\xfe\xff\x00\xe0\0\0\0\0\xfe\xff\x00\xe0" in data
