"""Makes the planted images of a review: an identifier on a copy of a picture and, where it is kept, of its DICOM file.

Takes a workspace's images and gives drafts whose files lie in `workspace/review/planted`, in a folder of their study.
How text is drawn is left to `cxr_core.review.planting` and `original_planting`, which images are taken to the draw.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import sha256
from pathlib import Path

import cv2
import numpy as np
from pydicom.dataset import Dataset

from cxr_core.errors import ItemError, TransientError, UsageError
from cxr_core.imaging.decoding import StoredImage, decode
from cxr_core.imaging.reading import read_header
from cxr_core.imaging.rendering import RenderProfile, encode_jpeg, render
from cxr_core.policy.markers import load_marker_policy
from cxr_core.review.original_planting import Stored, carry_over, is_hidden, plant_in_original
from cxr_core.review.planting import Gray, IsFound, cells_for, plant_on_image
from cxr_core.review.records import Draft, MachineBox, PixelBox
from cxr_core.review.sampling import PLANTED, ImageFiles, ImageTables, machine_boxes
from cxr_core.settings.build import BuildConfig
from cxr_core.tables.storage import write_bytes
from cxr_core.tables.workspace import Workspace
from cxr_core.vocabulary import BoxDecision, Photometric

_PIXEL_DATA = 0x7FE00010


@dataclass(frozen=True)  # no slots: cached properties
class Field:
    """Where identifiers are planted."""

    workspace: Workspace
    config: BuildConfig = field(repr=False)
    files: ImageFiles = field(repr=False)
    tables: ImageTables = field(repr=False)
    seed: int

    @cached_property
    def rows(self) -> Mapping[str, Mapping[str, str]]:
        """RENDITIONS rows by dicom_id."""
        return {row["dicom_id"]: row for row in self.tables.renditions.iter_rows(named=True)}

    @cached_property
    def boxes(self) -> Mapping[str, tuple[MachineBox, ...]]:
        """What the build did on each image."""
        return machine_boxes(self.tables.text_boxes)

    @cached_property
    def is_found(self) -> IsFound:
        """The build's own reader of burned-in text."""
        return machine()


@dataclass(frozen=True, slots=True)
class Original:
    """The de-identified DICOM file of an image, decoded."""

    dataset: Dataset = field(repr=False)
    stored: StoredImage = field(repr=False)


@dataclass(frozen=True, slots=True)
class _Sown:
    """One planted image: its picture's bytes, its stored pixels where it has an original, and where the text stands."""

    jpeg: bytes = field(repr=False)
    pixels: Stored | None = field(repr=False)
    box: PixelBox
    cell: str


def stream(seed: int, unit: str) -> np.random.Generator:
    """A stream of its own for each planted item: one more or less changes no other."""
    return np.random.default_rng([seed, *sha256(unit.encode()).digest()])


def plant_images(ground: Field, order: Sequence[str], count: int, tick: Callable[[], None]) -> list[Draft]:
    """So many planted images, at contrasts and sizes in turn, on the first backgrounds that bear them.

    Parameters
    ----------
    order : sequence of str
        dicom_ids, the best background first.
    tick : callable
        Called after each.
    """
    left = iter(order)
    drafts: list[Draft] = []
    for place, cell in enumerate(cells_for(count)):
        made = None
        while made is None and (unit := next(left, None)) is not None:  # until a picture is not noise throughout
            made = _planted(ground, unit, cell, is_for_windows=is_hidden(place))
        if made is not None:
            drafts.append(made)
        tick()
    return drafts


def _planted(ground: Field, unit: str, cell: str, *, is_for_windows: bool) -> Draft | None:
    row = ground.rows[unit]
    path = ground.workspace.root / ground.files.picture(row["study_id"], unit)
    original_path = ground.files.original(row["study_id"], unit) if ground.files.original else ""
    rng = stream(ground.seed, unit)
    if not original_path:
        made = plant_on_image(read_gray(path), cell, rng, ground.is_found)
        sown = _Sown(encode_jpeg(made.gray), None, made.box, made.cell) if made else None
        return _draft(ground, row, sown, None) if sown else None
    original = read_original(ground.workspace.root / original_path)
    if original is None:
        return None
    sown = _hidden(ground, original, path, cell, rng) if is_for_windows else None
    sown = sown or _on_both(ground, original, path, cell, rng)
    return _draft(ground, row, sown, original) if sown else None


def _hidden(ground: Field, original: Original, path: Path, cell: str, rng: np.random.Generator) -> _Sown | None:
    """Text that a window shows; the picture is the published one, byte by byte."""
    gray = render(original.stored, RenderProfile(ground.config.convert.profile))
    made = plant_in_original(original.stored, gray, cell.partition(":")[2], rng)
    return _Sown(_read(path), made.pixels, made.box, made.cell) if made else None


def _on_both(ground: Field, original: Original, path: Path, cell: str, rng: np.random.Generator) -> _Sown | None:
    """Text that the picture shows, and the original by the same step."""
    gray = read_gray(path)
    if gray.shape != original.stored.pixels.shape:
        return None
    made = plant_on_image(gray, cell, rng, ground.is_found)
    if made is None:
        return None
    pixels = carry_over(original.stored, gray, made.gray, made.box)
    return _Sown(encode_jpeg(made.gray), pixels, made.box, made.cell)


def _draft(ground: Field, row: Mapping[str, str], sown: _Sown, original: Original | None) -> Draft:
    """Write the files. The original is written as the build writes originals: nothing tells it from a real one."""
    folder = ground.workspace.review / PLANTED / row["study_id"]  # goes with its study
    digest, rows, columns = sha256(sown.jpeg).hexdigest(), int(row["rows"]), int(row["columns"])
    picture, dicom, dicom_digest = folder / f"{digest}.jpg", "", ""
    write_bytes(picture, sown.jpeg, mode=0o600)
    if original is not None and sown.pixels is not None:
        content = _written(original, sown.pixels, ground.config)
        dicom_digest = sha256(content).hexdigest()
        write_bytes(folder / f"{dicom_digest}.dcm", content, mode=0o600)
        dicom = (folder / f"{dicom_digest}.dcm").relative_to(ground.workspace.root).as_posix()
    return Draft(
        unit_id=row["dicom_id"],
        study_id=row["study_id"],
        subject_id=row["subject_id"],
        stratum=f"{PLANTED}:{sown.cell}",
        sha256=digest,
        source=picture.relative_to(ground.workspace.root).as_posix(),
        rows=rows,
        columns=columns,
        is_planted=True,
        planted_boxes=(sown.box,),
        machine_boxes=ground.boxes.get(row["dicom_id"], ()),
        dicom=dicom,
        dicom_sha256=dicom_digest,
    )


def _written(original: Original, pixels: Stored, config: BuildConfig) -> bytes:
    from cxr_core.deidentify.header.assembly import assemble

    header = Dataset({element.tag: element for element in original.dataset if element.tag != _PIXEL_DATA})
    return assemble(
        header,
        pixels,
        bits_stored=original.stored.bits_stored,
        is_signed=original.stored.is_signed,
        compression=config.deidentify.compression,
    )


def read_original(path: Path) -> Original | None:
    """A de-identified DICOM file; None where it cannot be read: another image is taken then."""
    try:
        dataset = read_header(path)
        return Original(dataset, decode(dataset))
    except (ItemError, TransientError):
        return None


def read_gray(path: Path) -> Gray:
    """A JPEG of the workspace as (rows, columns) uint8.

    Raises
    ------
    UsageError
        It is not there or cannot be read.
    """
    found = cv2.imdecode(np.frombuffer(_read(path), np.uint8), cv2.IMREAD_GRAYSCALE)
    if found is None:
        raise UsageError("an image of the sample is not in the workspace: build first")
    return found.astype(np.uint8, copy=False)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        raise UsageError("an image of the sample is not in the workspace: build first") from None


def machine() -> IsFound:
    """The burned-in text engine, asked whether it would black out most of a place."""
    from cxr_core.deidentify.pixels import build_readers, redact_pixels

    readers, markers = build_readers(["rapidocr"]), load_marker_policy()

    def is_found(gray: Gray, box: PixelBox) -> bool:
        try:
            found = redact_pixels(
                gray, photometric=Photometric.MONOCHROME2, identifiers=(), readers=readers, markers=markers
            )
        except ItemError:
            return True  # such an image would wait for a person
        covered = np.zeros(gray.shape, np.bool_)
        for one in found.boxes:
            if one.decision is BoxDecision.REDACTED:
                covered[one.top_px : one.bottom_px, one.left_px : one.right_px] = True
        return bool(covered[box.top : box.bottom, box.left : box.right].mean() > 0.5)

    return is_found
