"""One study through the airlock: header, pixels and report text, with one patient dictionary across all three.

Takes a request from the vault, gives de-identified DICOM files in memory, rows under pseudonyms and the instances
that were refused. Writing them, and trying again, is left to the tasks.
"""

import datetime as dt
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Self

from pydicom.dataset import Dataset

from cxr_core.deidentify.header.acceptance import check_accepted
from cxr_core.deidentify.header.assembly import assemble
from cxr_core.deidentify.header.attributes import metadata
from cxr_core.deidentify.header.dates import DateShift
from cxr_core.deidentify.header.engine import deidentify_header
from cxr_core.deidentify.header.identity import ImageIdentity
from cxr_core.deidentify.header.reading import read
from cxr_core.deidentify.pixels import (
    Box,
    PixelResult,
    TextBox,
    TextReader,
    black_reader_boxes,
    build_readers,
    draw_sheet,
    redact_pixels,
)
from cxr_core.deidentify.text import TextEngine
from cxr_core.deidentify.text.entities import EntityFinder
from cxr_core.errors import ItemError
from cxr_core.imaging.decoding import StoredImage, decode
from cxr_core.imaging.reading import read_header
from cxr_core.intake.sources.folder import read_path
from cxr_core.policy.markers import MarkerPolicy, load_marker_policy
from cxr_core.policy.profile import Profile, load_profile
from cxr_core.settings.build import BuildConfig
from cxr_core.settings.dates import TimeOfDay
from cxr_core.settings.deidentify import Sheets
from cxr_core.vault.dictionary import PatientDictionary, SiteDictionary
from cxr_core.vocabulary import QualityFlag, Reason

_BURNED_IN_ANNOTATION = 0x00280301


@dataclass(frozen=True, slots=True)
class StudyRequest:
    """What the vault knows of one study."""

    study_id: str
    subject_id: str
    date_shift_days: int = field(repr=False)
    hide_age: bool
    files: tuple[tuple[str, str], ...] = field(repr=False)
    """(path below the source, dicom_id)"""
    uids: Mapping[str, str] = field(repr=False)
    patient: PatientDictionary = field(repr=False)
    report_text: str | None = field(repr=False)
    reader_boxes: Mapping[str, Sequence[Box]] = field(default_factory=dict)
    """Where human readers saw PHI left, by dicom_id, in pixels of the image."""

    def published_uid(self, original: str) -> str:
        """The published UID of one that the catalog found.

        Raises
        ------
        ItemError
            E_TYPE1 for another one: catalog and airlock read two UIDs in one file.
        """
        found = self.uids.get(original)
        if found is None:
            raise ItemError(Reason.E_TYPE1, "a UID that the catalog did not find in this file")
        return found

    @classmethod
    def from_row(cls, row: Mapping[str, Any], reader_boxes: Iterable[Mapping[str, Any]] = ()) -> Self:
        """From a row of the REQUESTS table, and the study's rows of READER_BOXES."""
        boxes: dict[str, list[Box]] = {}
        for one in reader_boxes:
            boxes.setdefault(one["dicom_id"], []).append(Box(one["top"], one["left"], one["bottom"], one["right"]))
        return cls(
            study_id=row["study_id"],
            subject_id=row["subject_id"],
            date_shift_days=row["date_shift_days"],
            hide_age=row["hide_age"],
            files=tuple(zip(row["paths"], row["dicom_ids"], strict=True)),
            uids=dict(zip(row["original_uids"], row["published_uids"], strict=True)),
            patient=PatientDictionary(
                names=frozenset(row["names"]),
                identifiers=frozenset(row["identifiers"]),
                birth_dates=frozenset(dt.date.fromisoformat(day) for day in row["birth_dates"]),
                phones=frozenset(row["phones"]),
                address_parts=frozenset(row["address_parts"]),
            ),
            report_text=row["report_text"],
            reader_boxes=boxes,
        )


@dataclass(frozen=True, slots=True)
class DeidentifiedImage:
    """One image that passed: its file and its rows."""

    dicom_id: str
    content: bytes = field(repr=False)
    row: Mapping[str, object] = field(repr=False)
    box_rows: Sequence[Mapping[str, object]] = field(repr=False)
    sheet: bytes | None = field(repr=False)
    """The picture before and after: identified."""


@dataclass(frozen=True, slots=True)
class DeidentifiedStudy:
    """What came through the airlock, and what did not."""

    images: tuple[DeidentifiedImage, ...]
    dropped: tuple[tuple[str, Reason], ...]
    """(dicom_id, reason)"""
    report_row: Mapping[str, object] | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class Airlock:
    """The engines with their policies, loaded once a worker."""

    source: Path = field(repr=False)
    config: BuildConfig
    profile: Profile = field(repr=False)
    markers: MarkerPolicy = field(repr=False)
    readers: tuple[TextReader, ...] = field(repr=False)
    text: TextEngine = field(repr=False)

    @classmethod
    def open(cls, config: BuildConfig, source: Path, site: SiteDictionary) -> Self:
        """Load policies and readers.

        Raises
        ------
        UsageError
            A configured reader or model is missing.
        """
        entities = config.deidentify.entities
        return cls(
            source=source,
            config=config,
            profile=load_profile(config.deidentify.profile),
            markers=load_marker_policy(),
            readers=build_readers(config.deidentify.readers, easyocr_weights=config.deidentify.easyocr_weights),
            text=TextEngine(site, entities=EntityFinder.load(entities) if entities else None),
        )

    def run(self, request: StudyRequest) -> DeidentifiedStudy:
        """De-identify one study.

        One bad image drops the image; the study goes on with the others.

        Raises
        ------
        ItemError
            The report cannot be read (E_ENCODING, E_SIZE, E_EMPTY): the study must not go out with another's words
            or none, so it is the whole study that waits.
        """
        report = self._redact_report(request)
        images: list[DeidentifiedImage] = []
        dropped: list[tuple[str, Reason]] = []
        for path, dicom_id in request.files:
            try:
                images.append(self._run_image(request, path, dicom_id))
            except ItemError as error:
                dropped.append((dicom_id, error.reason))
        return DeidentifiedStudy(tuple(images), tuple(dropped), report)

    def _redact_report(self, request: StudyRequest) -> Mapping[str, object] | None:
        if request.report_text is None:
            return None
        result = self.text.redact(request.report_text, request.patient)
        return {
            "study_id": request.study_id,
            "subject_id": request.subject_id,
            "text": result.text,
            "spans": len(result.spans),
            "has_demographics": request.patient.has_demographics,
            "text_sha256": hashlib.sha256(result.text.encode()).hexdigest(),
        }

    def _run_image(self, request: StudyRequest, path: str, dicom_id: str) -> DeidentifiedImage:
        source = read_header(self.source / read_path(path))
        check_accepted(source)
        stored = decode(source, max_pixels=self.config.deidentify.max_pixels)
        header = deidentify_header(
            source, self._identity(request, dicom_id), self.profile, known_names=request.patient.names
        )
        pixels = redact_pixels(
            stored.pixels,
            photometric=stored.photometric,
            identifiers=request.patient.burned_in_strings(),
            readers=self.readers,
            markers=self.markers,
        )
        pixels = black_reader_boxes(pixels, request.reader_boxes.get(dicom_id, ()), stored.photometric)
        content = assemble(
            header.dataset,
            pixels.pixels,
            bits_stored=stored.bits_stored,
            is_signed=stored.is_signed,
            compression=self.config.deidentify.compression,
        )
        if _declares_text(source):
            pixels = replace(pixels, flags=(*pixels.flags, QualityFlag.TEXT_DECLARED))
        row = self._image_row(request, dicom_id, header.dataset, stored, pixels)
        row |= {"dropped_elements": header.dropped_elements, "dicom_sha256": hashlib.sha256(content).hexdigest()}
        sheet = draw_sheet(stored.pixels, pixels, stored.photometric) if self._wants_sheet(pixels) else None
        return DeidentifiedImage(dicom_id, content, row, box_rows(dicom_id, request.study_id, pixels.boxes), sheet)

    def _wants_sheet(self, pixels: PixelResult) -> bool:
        wanted = self.config.deidentify.sheets
        return (wanted is not Sheets.NONE and bool(pixels.flags)) or (
            wanted is Sheets.REDACTED and pixels.area_share > 0
        )

    def _identity(self, request: StudyRequest, dicom_id: str) -> ImageIdentity:
        return ImageIdentity(
            subject_id=request.subject_id,
            study_id=request.study_id,
            dicom_id=dicom_id,
            uids=request.published_uid,
            date_shift=DateShift(request.date_shift_days, in_weeks=self.config.deidentify.tells_weeks),
            time_policy=TimeOfDay(self.config.dates.time),
            hide_age=request.hide_age,
        )

    def _image_row(
        self, request: StudyRequest, dicom_id: str, header: Dataset, stored: StoredImage, pixels: PixelResult
    ) -> dict[str, object]:
        flags = {flag.value for flag in pixels.flags}
        if stored.suspect:
            flags.add(QualityFlag.SUSPECT_STREAM.value)
        return {
            "dicom_id": dicom_id,
            "study_id": request.study_id,
            "subject_id": request.subject_id,
            "rows": int(pixels.pixels.shape[0]),
            "columns": int(pixels.pixels.shape[1]),
            "bits_stored": stored.bits_stored,
            "photometric": stored.photometric.value,
            **asdict(metadata(header)),
            "redacted_area_share": pixels.area_share,
            "readers": "+".join(reader.name for reader in self.readers),
            "flags": sorted(flags),
        }


def _declares_text(source: Dataset) -> bool:
    """BurnedInAnnotation (0028,0301) says YES: no reason to trust a NO, but one to look."""
    return read(source, _BURNED_IN_ANNOTATION).values == ("YES",)


def box_rows(dicom_id: str, study_id: str, boxes: Sequence[TextBox]) -> list[dict[str, object]]:
    """Rows of the TEXT_BOXES table."""
    return [
        {
            "dicom_id": dicom_id,
            "study_id": study_id,
            "box": place,
            "top_px": box.top_px,
            "left_px": box.left_px,
            "bottom_px": box.bottom_px,
            "right_px": box.right_px,
            "decision": box.decision.value,
            "probability": box.probability,
            "constancy": box.constancy,
            "engine": box.engine,
            "rule": box.rule,
        }
        for place, box in enumerate(boxes)
    ]
