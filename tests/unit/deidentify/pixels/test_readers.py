import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from cxr_core.deidentify.pixels.model import TextReader
from cxr_core.deidentify.pixels.readers import build_readers
from cxr_core.deidentify.pixels.reading import draw_ink
from cxr_core.errors import ItemError, UsageError
from cxr_core.vocabulary import Reason


@pytest.mark.parametrize("names", [[], ["tesseract"], ["rapidocr", "rapidocr"]])
def test_senseless_choice_of_readers_is_a_usage_error(names: list[str]) -> None:
    with pytest.raises(UsageError, match=r"deidentify\.readers"):
        build_readers(names)


@pytest.mark.parametrize("module", ["easyocr", "torch"])
def test_missing_easyocr_says_how_to_get_it_or_do_without(monkeypatch: pytest.MonkeyPatch, module: str) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    monkeypatch.setitem(sys.modules, "easyocr", None)
    with pytest.raises(UsageError) as caught:
        build_readers(["easyocr"])
    message = str(caught.value)
    assert 'pip install "hilum[easyocr]"' in message
    assert "--set deidentify.readers='[\"rapidocr\"]'" in message
    assert "\n" not in message


def test_missing_rapidocr_is_a_usage_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "rapidocr.main", None)
    with pytest.raises(UsageError, match="rapidocr is not installed"):
        build_readers(["rapidocr"])


@pytest.mark.parametrize("text", ["R", "PORTABLE", "Ross, Ruth"])
def test_rapidocr_reads_binarised_ink(
    rapidocr: TextReader, text_ink: Callable[..., NDArray[np.bool_]], text: str
) -> None:
    [(read, score)] = rapidocr.read([draw_ink(text_ink(text))])
    assert (read, score > 0.8) == (text, True)


def test_crops_are_read_independently_of_their_neighbours(
    rapidocr: TextReader, text_ink: Callable[..., NDArray[np.bool_]]
) -> None:
    crops = [draw_ink(text_ink(text)) for text in ("L", "SEMI-UPRIGHT", "PA")]
    assert rapidocr.read(crops) == [rapidocr.read([crop])[0] for crop in crops]


def test_engine_failure_is_e_ocr_without_details(rapidocr: TextReader) -> None:
    with pytest.raises(ItemError) as caught:
        rapidocr.read([np.zeros((0, 0), np.uint8)])
    assert caught.value.reason is Reason.E_OCR
    assert caught.value.__cause__ is None


@pytest.mark.slow
def test_easyocr_reads_and_refuses_foreign_weights(tmp_path: Path, text_ink: Callable[..., NDArray[np.bool_]]) -> None:
    pytest.importorskip("easyocr", reason="the extra easyocr is not installed")
    with pytest.raises(UsageError, match=r"no english_g2\.pth"):
        build_readers(["easyocr"], easyocr_weights=tmp_path)
    (tmp_path / "english_g2.pth").write_bytes(b"not the published weights")
    with pytest.raises(UsageError, match="md5 differs"):
        build_readers(["easyocr"], easyocr_weights=tmp_path)
    [reader] = build_readers(["easyocr"])
    [(read, score)] = reader.read([draw_ink(text_ink("PORTABLE"))])
    assert (read.strip("~ "), score > 0.3) == ("PORTABLE", True)
