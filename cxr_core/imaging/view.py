"""Decides whether an image is a frontal, a lateral or another view, and says which source told.

Takes the few header strings that speak of the view, and what the pixels look like, and gives a decision with its
source, or none. Leaves looking at the pixels to `appearance` and the value lists to `views.toml`.
"""

import re
import tomllib
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from pydicom.dataset import Dataset
from pydicom.multival import MultiValue

from cxr_core.vocabulary import View, ViewSource

_VIEWS_FILE = Path(__file__).with_name("views.toml")
_BLANKS = re.compile(r"[\s_/]+")
_WORD = re.compile(r"[A-Z]+")
# First letter of the row direction and of the column direction (PS3.3 C.7.6.1.1.1): a patient's left or right runs
# across a frontal image, front or back across a lateral one; head or foot runs along the other side of both.
_ACROSS_FRONTAL, _ACROSS_LATERAL, _ALONG = frozenset("LR"), frozenset("AP"), frozenset("HF")


@dataclass(frozen=True, slots=True)
class ViewTags:
    """Header strings that tell the view; empty where absent.

    Parameters
    ----------
    view_position : str
        ViewPosition (0018,5101).
    view_code, view_code_meaning : str
        CodeValue and CodeMeaning of the first item of ViewCodeSequence (0054,0220).
    patient_orientation : str
        PatientOrientation (0020,0020), its two values joined by a backslash.
    processing_description : str
        AcquisitionDeviceProcessingDescription (0018,1400).
    series_description : str
        SeriesDescription (0008,103E).
    """

    view_position: str = field(default="", repr=False)
    view_code: str = field(default="", repr=False)
    view_code_meaning: str = field(default="", repr=False)
    patient_orientation: str = field(default="", repr=False)
    processing_description: str = field(default="", repr=False)
    series_description: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class ViewDecision:
    """The view and the source that told it; both None where nothing tells."""

    view: View | None
    source: ViewSource | None


@dataclass(frozen=True, slots=True)
class _ViewLists:
    """The lists of `views.toml`, each a value to its view."""

    positions: Mapping[str, View]
    codes: Mapping[str, View]
    meanings: Mapping[str, View]
    words: Mapping[str, View]


def classify_view(tags: ViewTags, appearance: View | None = None) -> ViewDecision:
    """Read the view from the first source that tells it, in the order of `ViewSource`.

    ViewPosition, ViewCodeSequence, PatientOrientation, AcquisitionDeviceProcessingDescription, SeriesDescription; last
    the pixels: `appearance` is `judge_appearance(gray).view`, None where unsure. No attribute is ever overruled.
    MIMIC-CXR left the view of 15,769 images blank and its users could not reproduce the paper's counts
    (MIT-LCP/mimic-cxr#15), hence the source beside the value.
    """
    lists = _view_lists()
    told = {
        ViewSource.VIEW_POSITION: lists.positions.get(_normalise(tags.view_position)),
        ViewSource.VIEW_CODE: lists.codes.get(_normalise(tags.view_code))
        or lists.meanings.get(_normalise(tags.view_code_meaning)),
        ViewSource.PATIENT_ORIENTATION: _view_of_orientation(tags.patient_orientation),
        ViewSource.PROCESSING: _view_of_words(tags.processing_description, lists.words),
        ViewSource.SERIES_DESCRIPTION: _view_of_words(tags.series_description, lists.words),
        ViewSource.PIXELS: appearance,
    }
    for source, view in told.items():
        if view is not None:
            return ViewDecision(view, source)
    return ViewDecision(None, None)


def view_tags(dataset: Dataset) -> ViewTags:
    """Collect the strings that tell the view; an attribute that cannot be read counts as absent."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pydicom's warnings print values
        code = _first_item(dataset, "ViewCodeSequence")
        return ViewTags(
            view_position=_text(dataset, "ViewPosition"),
            view_code=_text(code, "CodeValue"),
            view_code_meaning=_text(code, "CodeMeaning"),
            patient_orientation=_text(dataset, "PatientOrientation"),
            processing_description=_text(dataset, "AcquisitionDeviceProcessingDescription"),
            series_description=_text(dataset, "SeriesDescription"),
        )


def _normalise(value: str) -> str:
    return _BLANKS.sub(" ", value).strip().upper()


def _view_of_orientation(orientation: str) -> View | None:
    directions = [part.strip().upper()[:1] for part in orientation.split("\\")]
    if len(directions) != 2 or not all(directions):
        return None
    for across, along in (directions, directions[::-1]):  # an image may lie on its side
        if along in _ALONG and across in _ACROSS_FRONTAL:
            return View.FRONTAL
        if along in _ALONG and across in _ACROSS_LATERAL:
            return View.LATERAL
    return None


def _view_of_words(description: str, words: Mapping[str, View]) -> View | None:
    views = {words[word] for word in _WORD.findall(description.upper()) if word in words}
    if View.OTHER in views:
        return View.OTHER
    return views.pop() if len(views) == 1 else None


@cache
def _view_lists() -> _ViewLists:
    content = tomllib.loads(_VIEWS_FILE.read_text(encoding="utf-8"))
    return _ViewLists(
        positions=_invert(content["view_position"]),
        codes=_invert(content["view_codes"]),
        meanings=_invert(content["view_code_meanings"]),
        words=_invert(content["description_words"]),
    )


def _invert(lists: Mapping[str, list[str]]) -> Mapping[str, View]:
    table = {value: View(name) for name, values in lists.items() for value in values}
    if len(table) != sum(map(len, lists.values())):
        raise ValueError("a value stands twice in views.toml")
    return table


def _read(dataset: Dataset, keyword: str) -> Any:
    try:
        return dataset.get(keyword)
    except Exception:  # noqa: BLE001 the edge: pydicom converts on access and fails in many ways, naming the value
        return None


def _first_item(dataset: Dataset, keyword: str) -> Dataset:
    items = _read(dataset, keyword)
    return items[0] if items and isinstance(items[0], Dataset) else Dataset()


def _text(dataset: Dataset, keyword: str) -> str:
    value = _read(dataset, keyword)
    if isinstance(value, MultiValue):
        return "\\".join(map(str, value))
    return value if isinstance(value, str) else ""
