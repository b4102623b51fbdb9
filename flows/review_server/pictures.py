"""Pictures as the browser gets them: half the size at once, the published file itself on zoom.

Takes an item and gives the bytes of a JPEG, after checking that the file is the one that the sample names; half-size
pictures are kept beside the review under their digest. Who may see an item is left to the store.
"""

import hashlib
from pathlib import Path

from cxr_core.errors import HilumError
from cxr_core.review.records import Draft
from cxr_core.tables.storage import write_bytes

_SMALL_ENOUGH_PX = 1400  # an image whose longer side is no longer goes as it is
_QUALITY = 92


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

    def full(self, draft: Draft) -> bytes:
        """The file as it is published.

        Raises
        ------
        PictureChanged
        """
        path = (self._root / draft.source).resolve()
        if not path.is_relative_to(self._root):
            raise PictureChanged("the image lies outside the workspace")
        try:
            content = path.read_bytes()
        except OSError:
            raise PictureChanged("the image is no longer there") from None
        if hashlib.sha256(content).hexdigest() != draft.sha256:
            raise PictureChanged("the image has changed since the sample was drawn")
        return content

    def half(self, draft: Draft) -> bytes:
        """The picture at half its size (by the JPEG decoder, which reads a quarter of the coefficients only).

        Raises
        ------
        PictureChanged
        """
        if max(draft.rows, draft.columns) <= _SMALL_ENOUGH_PX:
            return self.full(draft)
        kept = self._cache / draft.sha256[:2] / f"{draft.sha256}.jpg"
        try:
            return kept.read_bytes()
        except OSError:
            made = _halved(self.full(draft))
        write_bytes(kept, made, mode=0o600)
        return made


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
