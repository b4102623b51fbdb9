"""Decides how RapidOCR's recogniser is asked: one crop at a time, one thread, no network, no log.

Takes crops of binarised ink, gives text and score; the only file that imports rapidocr.
What a reading means is left to `judgement`.
"""

import logging
import os
import warnings
from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from cxr_core.errors import ItemError, UsageError
from cxr_core.vocabulary import Reason

_HEIGHT_PX = 48
_LEAST_WIDTH_PX = 64  # the library pads to 320; narrow markers read the same at a quarter of the time


class RapidOcrReader:
    """The recogniser of RapidOCR (PP-OCR), with the weights that lie in its wheel.

    Raises
    ------
    UsageError
        rapidocr or its weights are not installed.
    """

    name = "rapidocr"

    def __init__(self) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self._recognise, self._input = _load()

    def read(self, crops: Sequence[NDArray[np.uint8]]) -> list[tuple[str, float]]:
        """Read each crop ((rows, columns) uint8, black on white) by itself: batches would share their padding.

        Raises
        ------
        ItemError
            E_OCR: the engine failed.
        """
        return [self._read_one(crop) for crop in crops]

    def _read_one(self, crop: NDArray[np.uint8]) -> tuple[str, float]:
        try:
            picture = cv2.cvtColor(crop, cv2.COLOR_GRAY2BGR)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                answer = self._recognise(self._input(img=[picture], return_word_box=False))
        except Exception:  # noqa: BLE001  the engine wraps anything; whatever it is, the image must not pass
            raise ItemError(Reason.E_OCR, "rapidocr failed on a crop") from None
        return str(answer.txts[0]), float(answer.scores[0])


def _load() -> tuple[Any, Any]:
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")  # before the import: it calls out from then on
    try:
        import onnxruntime
        from rapidocr.ch_ppocr_rec import TextRecInput, TextRecognizer
        from rapidocr.main import DEFAULT_CFG_PATH, ParseParams, root_dir
    except ImportError:
        raise UsageError('reader rapidocr is not installed: pip install "hilum"') from None
    logging.getLogger("RapidOCR").setLevel(logging.CRITICAL)
    config = ParseParams.load(DEFAULT_CFG_PATH)
    engine = config.EngineConfig[config.Rec.engine_type.value]
    engine.intra_op_num_threads = engine.inter_op_num_threads = 1
    config.Rec.engine_cfg = engine
    config.Rec.font_path = None
    config.Rec.model_root_dir = root_dir / "models"
    config.Rec.rec_img_shape = [3, _HEIGHT_PX, _LEAST_WIDTH_PX]
    config.Rec.rec_batch_num = 1
    onnxruntime.disable_telemetry_events()  # nothing calls out
    if not any(config.Rec.model_root_dir.glob("*_rec_*.onnx")):
        raise UsageError(
            "reader rapidocr: no weights in the installed package; reinstall it: pip install --force-reinstall rapidocr"
        )
    return TextRecognizer(config.Rec), TextRecInput
