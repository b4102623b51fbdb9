"""Pictures as the browser gets them: half the size at once, the published file on zoom, windows of the 16-bit original.

Takes an item and gives the bytes of a JPEG, after checking that the file is the one that the sample names. What is made
of a file stays in memory for a while and on no disk: a copy there would outlive what is redacted or withdrawn. Who may
see an item is left to the store.
"""

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from cxr_core.errors import HilumError, ItemError
from cxr_core.review.records import Draft
from cxr_core.vocabulary import ReviewWindow

if TYPE_CHECKING:
    from numpy.typing import NDArray

_SMALL_ENOUGH_PX = 1400  # an image whose longer side is no longer goes as it is
_QUALITY = 92
_HALVES = 96  # of half a megabyte each: some readers, each at one image and the five that are preloaded
_WINDOWED = 12  # images of 10 MB each: some readers, each at one image and the one before
_ABREAST = 2  # originals that are decoded at one time: each takes some 200 MB for a second
_Made = TypeVar("_Made")


class PictureChanged(HilumError):
    """The file is gone, or is no longer the one that was drawn: what a reader said of it would be of another image."""


class _Recent(Generic[_Made]):
    """What was made last, by digest of what it was made from."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._made: OrderedDict[str, _Made] = OrderedDict()
        self._lock = threading.Lock()

    def find(self, digest: str) -> _Made | None:
        with self._lock:
            if digest in self._made:
                self._made.move_to_end(digest)
            return self._made.get(digest)

    def keep(self, digest: str, made: _Made) -> _Made:
        with self._lock:
            self._made[digest] = made
            while len(self._made) > self._most:
                self._made.popitem(last=False)
        return made


class Pictures:
    """The images of one workspace.

    Parameters
    ----------
    root : Path
        The workspace; nothing outside it is ever read.
    """

    def __init__(self, root: Path) -> None:
        self._root = root.resolve()
        self._halves: _Recent[bytes] = _Recent(_HALVES)
        self._windows: _Recent[Mapping[ReviewWindow, bytes]] = _Recent(_WINDOWED)
        self._decoding = threading.Semaphore(_ABREAST)

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
        content = self.full(draft)
        if max(draft.rows, draft.columns) <= _SMALL_ENOUGH_PX:
            return content
        return self._halves.find(draft.sha256) or self._halves.keep(draft.sha256, _halved(content))

    def window(self, draft: Draft, window: ReviewWindow) -> bytes:
        """One window of the de-identified DICOM file, at its full size; all are made when one is asked for.

        Raises
        ------
        PictureChanged
        """
        content = self._checked(draft.dicom, draft.dicom_sha256)
        made = self._windows.find(draft.dicom_sha256)
        if made is None:
            with self._decoding:
                made = self._windows.find(draft.dicom_sha256)  # two readers of one image ask at the same moment
                made = made or self._windows.keep(draft.dicom_sha256, _windows(content))
        return made[window]

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
    return _encoded(picture)


def _windows(content: bytes) -> Mapping[ReviewWindow, bytes]:
    from cxr_core.imaging.decoding import decode
    from cxr_core.imaging.reading import parse_header
    from cxr_core.imaging.windows import show_windows

    try:
        pictures = show_windows(decode(parse_header(content)))
    except ItemError:
        raise PictureChanged("the original cannot be read") from None
    return {window: _encoded(picture) for window, picture in pictures.items()}


def _encoded(picture: "NDArray[Any]") -> bytes:
    import cv2

    done, made = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
    if not done:
        raise PictureChanged("the image cannot be shown")
    return made.tobytes()
