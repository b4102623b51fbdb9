"""Decides which readers of burned-in text a run has.

Takes the names of the configuration, gives readers ready to read.
What each library wants is left to its own module, which is loaded only when asked for.
"""

from collections.abc import Sequence
from pathlib import Path

from cxr_core.deidentify.pixels.model import TextReader
from cxr_core.errors import UsageError

READER_NAMES = ("rapidocr", "easyocr")


def build_readers(names: Sequence[str], *, easyocr_weights: Path | None = None) -> tuple[TextReader, ...]:
    """Load the named readers, in the order given.

    Parameters
    ----------
    names : sequence of str
        `rapidocr`, `easyocr`; a marker stays only where all of them agree.
    easyocr_weights : Path, optional
        Folder of EasyOCR's weights; default: the installed package.

    Raises
    ------
    UsageError
        No name, an unknown name, or a reader that is not installed: one line that says what to do.
    """
    if not names:
        raise UsageError("deidentify.readers is empty: name at least one of rapidocr, easyocr")
    if len(set(names)) != len(names):
        raise UsageError("deidentify.readers names a reader twice")
    return tuple(_build(name, easyocr_weights) for name in names)


def _build(name: str, easyocr_weights: Path | None) -> TextReader:
    if name == "rapidocr":
        from cxr_core.deidentify.pixels.readers.rapidocr import RapidOcrReader

        return RapidOcrReader()
    if name == "easyocr":
        from cxr_core.deidentify.pixels.readers.easyocr import EasyOcrReader

        return EasyOcrReader(easyocr_weights)
    raise UsageError(f"deidentify.readers: unknown reader; known are {', '.join(READER_NAMES)}")
