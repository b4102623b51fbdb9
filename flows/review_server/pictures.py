"""Pictures as the browser gets them: half the size at once, the published file on zoom, windows of the 16-bit original.

Takes an item and gives the bytes of a JPEG, after checking that the file is the one that the sample names; half-size
pictures are kept beside the review in a folder of their study, windows of the last images in memory. Who may see an
item is left to the store.
"""

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path

from cxr_core.errors import HilumError, ItemError
from cxr_core.review.records import Draft
from cxr_core.tables.storage import write_bytes
from cxr_core.vocabulary import ReviewWindow

_SMALL_ENOUGH_PX = 1400  # an image whose longer side is no longer goes as it is
_QUALITY = 92
_WINDOWED = 12  # images whose windows are kept: some readers, each at one image and the one before; 10 MB an image
_ABREAST = 2  # images that are decoded at one time: each takes some 200 MB for a second


class PictureChanged(HilumError):
    """The file is gone, or is no longer the one that was drawn: what a reader said of it would be of another image."""


class Pictures:
    """The images of one workspace.

    Parameters
    ----------
    root : Path
        The workspace; nothing outside it is ever read.
    cache : Path
        Where half-size pictures are kept.
    """

    def __init__(self, root: Path, cache: Path) -> None:
        self._root = root.resolve()
        self._cache = cache
        self._windows: OrderedDict[str, Mapping[ReviewWindow, bytes]] = OrderedDict()
        self._lock = threading.Lock()
        self._rendering = threading.Semaphore(_ABREAST)

    def full(self, draft: Draft) -> bytes:
        """The file as it is published.

        Raises
        ------
        PictureChanged
        """
        return self._checked(draft.source, draft.sha256)

    def half(self, draft: Draft) -> bytes:
        """The picture at half its size (by the JPEG decoder, which reads a quarter of the coefficients only).

        Raises
        ------
        PictureChanged
        """
        if max(draft.rows, draft.columns) <= _SMALL_ENOUGH_PX:
            return self.full(draft)
        kept = self._cache / draft.study_id / f"{draft.sha256}.jpg"  # goes with its study
        try:
            return kept.read_bytes()
        except OSError:
            made = _halved(self.full(draft))
        write_bytes(kept, made, mode=0o600)
        return made

    def window(self, draft: Draft, window: ReviewWindow) -> bytes:
        """One window of the de-identified DICOM file, at its full size; all are made when one is asked for.

        Raises
        ------
        PictureChanged
        """
        with self._lock:
            known = self._windows.get(draft.dicom_sha256)
            if known:
                self._windows.move_to_end(draft.dicom_sha256)
        return (known or self._shown(draft))[window]

    def _shown(self, draft: Draft) -> Mapping[ReviewWindow, bytes]:
        with self._rendering:
            with self._lock:
                known = self._windows.get(draft.dicom_sha256)  # the same reader asks for all three at once
            made = known or _windows(self._checked(draft.dicom, draft.dicom_sha256))
        with self._lock:
            self._windows[draft.dicom_sha256] = made
            while len(self._windows) > _WINDOWED:
                self._windows.popitem(last=False)
        return made

    def _checked(self, source: str, sha256: str) -> bytes:
        path = (self._root / source).resolve()
        if not path.is_relative_to(self._root):
            raise PictureChanged("the image lies outside the workspace")
        try:
            content = path.read_bytes()
        except OSError:
            raise PictureChanged("the image is no longer there") from None
        if hashlib.sha256(content).hexdigest() != sha256:
            raise PictureChanged("the image has changed since the sample was drawn")
        return content


def _halved(content: bytes) -> bytes:
    import cv2
    import numpy as np

    picture = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_REDUCED_GRAYSCALE_2)
    if picture is None:
        raise PictureChanged("the image cannot be read")
    done, made = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
    if not done:
        raise PictureChanged("the image cannot be shown")
    return made.tobytes()


def _windows(content: bytes) -> Mapping[ReviewWindow, bytes]:
    import cv2

    from cxr_core.imaging.decoding import decode
    from cxr_core.imaging.reading import parse_header
    from cxr_core.imaging.windows import show_windows

    try:
        pictures = show_windows(decode(parse_header(content)))
    except ItemError:
        raise PictureChanged("the original cannot be read") from None
    encoded = {
        window: cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
        for window, picture in pictures.items()
    }
    if not all(done for done, _ in encoded.values()):
        raise PictureChanged("the original cannot be shown")
    return {window: made.tobytes() for window, (_, made) in encoded.items()}
