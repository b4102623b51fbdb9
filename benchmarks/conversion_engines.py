"""The programs that `conversion.py` compares, each in a process of its own that does one file at a time when asked.

Every line on standard input names a source, a target and boxes; every line on standard output tells CPU milliseconds
by step, of a few times in a row. Runs in the peers' interpreters too, which lack our package: whatever is not of the
standard library is imported where it is used.
"""

import json
import sys
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from conversion_files import Box

QUALITY = 95
REPEATS = 3
"""Times that a file is done in a row: a worker of a build is not woken up for one image either."""

Steps = dict[str, float]
Work = Callable[[Path, Path, "tuple[Box, ...]"], Steps]
"""Reads one file, writes one JPEG; gives CPU milliseconds of the steps that it can tell apart."""


class _Clock:
    """CPU milliseconds since the last look, all threads of the process."""

    def __init__(self) -> None:
        self.steps: Steps = {}
        self._last = time.process_time()

    def done(self, step: str) -> None:
        now = time.process_time()
        self.steps[step] = (now - self._last) * 1000
        self._last = now


def hilum() -> Work:
    """The stage `convert`, with boxes painted between decoding and rendering; view and quality facts included."""
    from dataclasses import replace

    from conversion_files import paint

    from cxr_core.imaging.convert import describe_picture
    from cxr_core.imaging.decoding import decode
    from cxr_core.imaging.histogram import count_values
    from cxr_core.imaging.reading import read_header
    from cxr_core.imaging.rendering import encode_jpeg, render
    from cxr_core.imaging.view import view_tags

    def work(source: Path, target: Path, boxes: "tuple[Box, ...]") -> Steps:
        clock = _Clock()
        dataset = read_header(source)
        clock.done("read")
        stored = decode(dataset)
        clock.done("decode")
        if boxes:
            writable = stored.pixels if stored.pixels.flags.writeable else stored.pixels.copy()
            paint(writable, boxes, 0)
            stored = replace(stored, pixels=writable)
        clock.done("redact")
        counts = count_values(stored)
        gray = render(stored, counts=counts)
        clock.done("convert")
        jpeg = encode_jpeg(gray)
        clock.done("encode")
        target.write_bytes(jpeg)
        clock.done("write")
        describe_picture(stored, gray, view_tags(dataset), counts=counts)
        clock.done("facts")
        return clock.steps

    return work


def limit() -> Work:
    """The codecs alone: the frame decoded, the finished picture encoded, nothing else."""
    import cv2
    import imagecodecs
    from pydicom import dcmread
    from pydicom.encaps import get_frame
    from pydicom.uid import HTJ2KLossless, JPEG2000Lossless, JPEGLosslessSV1, JPEGLSLossless, RLELossless

    from cxr_core.imaging.convert import convert_image

    decoders: dict[Any, Callable[[bytes], object]] = {
        JPEGLosslessSV1: imagecodecs.jpeg8_decode,
        JPEGLSLossless: imagecodecs.jpegls_decode,
        HTJ2KLossless: imagecodecs.htj2k_decode,
        JPEG2000Lossless: lambda frame: imagecodecs.jpeg2k_decode(frame, numthreads=1),
    }

    def work(source: Path, target: Path, boxes: "tuple[Box, ...]") -> Steps:
        del boxes
        dataset = dcmread(source)
        syntax = dataset.file_meta.TransferSyntaxUID
        gray = cv2.imdecode(_array(convert_image(source).encoded), cv2.IMREAD_GRAYSCALE)
        frame = get_frame(dataset.PixelData, 0, number_of_frames=1) if syntax.is_encapsulated else b""
        bytes_out = dataset.Rows * dataset.Columns * 2
        clock = _Clock()
        if syntax == RLELossless:
            imagecodecs.dicomrle_decode(frame, "<u2", out=bytes_out)
        elif syntax in decoders:
            decoders[syntax](frame)
        clock.done("decode")
        data = cv2.imencode(".jpg", gray, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])[1]
        clock.done("encode")
        target.write_bytes(data)
        return clock.steps

    return work


def _array(data: bytes) -> Any:
    import numpy as np

    return np.frombuffer(data, np.uint8)


def recipe() -> Work:
    """The published recipe (MIT-LCP/mimic-cxr#16) over what pip gives: pydicom, pylibjpeg[all], OpenCV."""
    from pydicom import dcmread

    return _recipe(lambda source: _with_polarity(dcmread(source)))


def recipe_our_decoder() -> Work:
    """The same recipe over the decoders that we use: what is left is the gain of the rest of the path."""
    from cxr_core.imaging.decoding import decode
    from cxr_core.imaging.reading import read_header

    def read(source: Path) -> tuple[Any, bool]:
        stored = decode(read_header(source))
        return stored.pixels, stored.photometric == "MONOCHROME1"

    return _recipe(read)


def recipe_pyjpegls() -> Work:
    """The recipe with pyjpegls beside pylibjpeg, and asked for: pydicom prefers the slower of the two."""
    from pydicom import dcmread
    from pydicom.uid import JPEGLSLossless

    def read(source: Path) -> tuple[Any, bool]:
        dataset = dcmread(source)
        if dataset.file_meta.TransferSyntaxUID == JPEGLSLossless:
            dataset.pixel_array_options(decoding_plugin="pyjpegls")
        return _with_polarity(dataset)

    return _recipe(read)


def recipe_gray(image: Any, *, is_monochrome1: bool) -> Any:
    """The published recipe (MIT-LCP/mimic-cxr#16) on an array of stored values.

    A constant image, which it divides by zero, becomes 0 before inversion.
    """
    import cv2
    import numpy as np

    image = image - np.min(image)
    image = image / (np.max(image) or 1)
    gray = (image * 255).astype(np.uint8)
    return cv2.equalizeHist(cv2.bitwise_not(gray) if is_monochrome1 else gray)


def _with_polarity(dataset: Any) -> tuple[Any, bool]:
    return dataset.pixel_array, dataset.PhotometricInterpretation == "MONOCHROME1"


def _recipe(read: Callable[[Path], tuple[Any, bool]]) -> Work:
    import cv2

    cv2.setNumThreads(1)

    def work(source: Path, target: Path, boxes: "tuple[Box, ...]") -> Steps:
        clock = _Clock()
        image, is_monochrome1 = read(source)
        clock.done("read and decode")
        if boxes:
            image = image if image.flags.writeable else image.copy()
        for top, left, bottom, right in boxes:
            image[top:bottom, left:right] = 0
        clock.done("redact")
        gray = recipe_gray(image, is_monochrome1=is_monochrome1)
        clock.done("convert")
        cv2.imwrite(str(target), gray, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
        clock.done("encode and write")
        return clock.steps

    return work


def naive() -> Work:
    """pydicom, scikit-image's equalisation, Pillow: what a reader of the paper writes first."""
    import numpy as np
    from PIL import Image
    from pydicom import dcmread
    from skimage.exposure import equalize_hist, rescale_intensity

    def work(source: Path, target: Path, boxes: "tuple[Box, ...]") -> Steps:
        clock = _Clock()
        image = dcmread(source).pixel_array
        for top, left, bottom, right in boxes:
            image[top:bottom, left:right] = 0
        gray = equalize_hist(rescale_intensity(image.astype(float), out_range=(0.0, 1.0)))
        Image.fromarray((gray * 255).astype(np.uint8)).save(target, quality=QUALITY)
        clock.done("all")
        return clock.steps

    return work


def dicom2jpg() -> Work:
    """Its one function; it cannot redact, and it applies the window."""
    from dicom2jpg import dicom2jpg as convert

    def work(source: Path, target: Path, boxes: "tuple[Box, ...]") -> Steps:
        del boxes
        clock = _Clock()
        convert(str(source), target_root=str(target.parent), multiprocessing=False)
        clock.done("all")
        return clock.steps

    return work


def dcmj2pnm() -> Work:
    """DCMTK's program with the window from minimum to maximum; no equalisation, no redaction; start-up included."""
    import resource
    import subprocess

    def children_ms() -> float:
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        return (used.ru_utime + used.ru_stime) * 1000

    def work(source: Path, target: Path, boxes: "tuple[Box, ...]") -> Steps:
        del boxes
        before = children_ms()
        command = ["dcmj2pnm", "--write-jpeg", "--compr-quality", str(QUALITY), "--min-max-window"]
        subprocess.run([*command, str(source), str(target)], check=True, capture_output=True)
        return {"all": children_ms() - before}

    return work


@dataclass(frozen=True, slots=True)
class Engine:
    """An engine: its title, what pip installs for it ("" = our own interpreter), and the function that prepares it."""

    title: str
    prepare: Callable[[], Work]
    requirements: str = ""

    @property
    def name(self) -> str:
        return self.prepare.__name__


OURS = Engine("Hilum, facts included", hilum)
LIMIT = Engine("codecs alone", limit)
RECIPE = Engine("recipe as installed", recipe, "pydicom pylibjpeg[all] opencv-python-headless")
RECIPE_PYJPEGLS = Engine(
    "recipe, pyjpegls asked for", recipe_pyjpegls, "pydicom pylibjpeg[all] pyjpegls opencv-python-headless"
)
RECIPE_OUR_DECODER = Engine("recipe, our decoder", recipe_our_decoder)
NAIVE = Engine("naive scikit-image", naive, "pydicom pylibjpeg[all] scikit-image pillow")
DICOM2JPG = Engine("dicom2jpg", dicom2jpg, "dicom2jpg==0.1.10 pylibjpeg[all]")
DCMJ2PNM = Engine("dcmj2pnm", dcmj2pnm)
ENGINES = (OURS, LIMIT, RECIPE_OUR_DECODER, RECIPE, RECIPE_PYJPEGLS, NAIVE, DICOM2JPG, DCMJ2PNM)


def serve(name: str) -> None:
    """Answer requests until standard input ends."""
    warnings.simplefilter("ignore")
    work = next(engine for engine in ENGINES if engine.name == name).prepare()
    answers = sys.stdout
    sys.stdout = sys.stderr  # a peer may print what it likes
    for line in sys.stdin:
        asked = json.loads(line)
        boxes = tuple(tuple(box) for box in asked["boxes"])
        try:
            runs = [work(Path(asked["source"]), Path(asked["target"]), boxes) for _ in range(REPEATS)]
            answer: dict[str, Any] = {"runs": runs}
        except Exception as error:  # noqa: BLE001  a peer may raise what it likes
            answer = {"error": type(error).__name__}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


if __name__ == "__main__":
    serve(sys.argv[1])
