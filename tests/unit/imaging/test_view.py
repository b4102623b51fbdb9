"""The view is read from the first attribute that tells it, and its source is kept."""

import pytest
from pydicom.dataset import Dataset

from cxr_core.imaging import ViewDecision, ViewTags, classify_view, view_tags
from cxr_core.vocabulary import View, ViewSource

F, L, O = View.FRONTAL, View.LATERAL, View.OTHER  # noqa: E741 the table below reads by these letters


@pytest.mark.parametrize(
    ("position", "view"),
    [(value, F) for value in ("AP", "PA", "ap ", "Pa")]
    + [(value, L) for value in ("LL", "LATERAL", "RL", "LAT", "Left_Lateral")]
    + [
        (value, O)
        for value in (
            *("LPO", "LLO", "RLO", "LLD", "RLD", "RAO", "RPO", "LAO", "AP AXIAL", "XTABLE LATERAL"),
            *("AP LLD", "PA LLD", "L5 S1", "L5/S1", "SWIMMERS", "AP RLD", "PA RLD"),
        )
    ]
    + [(value, None) for value in ("", "UNKNOWN", "P", "CHEST", "HAND")],
)
def test_view_position_tells_the_view(position, view):
    decision = classify_view(ViewTags(view_position=position))
    assert decision == ViewDecision(view, view and ViewSource.VIEW_POSITION)


@pytest.mark.parametrize(
    ("code", "meaning", "view"),
    [
        ("399348003", "", F),
        ("R-10206", "antero-posterior", F),
        ("272479007", "", F),
        ("R-10214", "", F),
        ("399173006", "", L),
        ("R-10236", "", L),
        ("399135007", "", O),
        ("LOCAL-1", "postero-anterior", F),
        ("LOCAL-2", "Lateral", L),
        ("LOCAL-3", "chest", None),
    ],
)
def test_view_code_tells_the_view(code, meaning, view):
    decision = classify_view(ViewTags(view_code=code, view_code_meaning=meaning))
    assert decision == ViewDecision(view, view and ViewSource.VIEW_CODE)


@pytest.mark.parametrize(
    ("orientation", "view"),
    [
        ("L\\F", F),
        ("R\\F", F),
        ("LA\\FP", F),
        ("F\\L", F),
        ("A\\F", L),
        ("P\\F", L),
        ("PL\\F", L),
        ("F\\A", L),
        ("L\\P", None),
        ("L", None),
        ("\\", None),
        ("X\\Y", None),
        ("", None),
    ],
)
def test_patient_orientation_tells_the_view(orientation, view):
    decision = classify_view(ViewTags(patient_orientation=orientation))
    assert decision == ViewDecision(view, view and ViewSource.PATIENT_ORIENTATION)


@pytest.mark.parametrize(
    ("description", "view"),
    [
        ("CHEST LATERAL", L),
        ("CHEST PA", F),
        ("PORTABLE", F),
        ("AP GRID", F),
        ("Chest, lat.", L),
        ("W033 Chest Lat", L),
        ("CHEST PA AND LATERAL", None),
        ("LEFT LATERAL DECUBITUS", O),
        ("PA OBLIQUE", O),
        ("CHEST", None),
        ("PARTIAL APEX LATEX", None),
        ("", None),
    ],
)
@pytest.mark.parametrize(
    ("field", "source"),
    [
        ("processing_description", ViewSource.PROCESSING),
        ("series_description", ViewSource.SERIES_DESCRIPTION),
    ],
)
def test_descriptions_tell_the_view_by_whole_words(field, source, description, view):
    assert classify_view(ViewTags(**{field: description})) == ViewDecision(view, view and source)


def test_sources_are_asked_in_order():
    tags = {
        "view_position": "PA",
        "view_code": "399173006",
        "patient_orientation": "L\\F",
        "processing_description": "CHEST LATERAL",
        "series_description": "CHEST OBLIQUE",
    }
    expected = [
        (F, ViewSource.VIEW_POSITION),
        (L, ViewSource.VIEW_CODE),
        (F, ViewSource.PATIENT_ORIENTATION),
        (L, ViewSource.PROCESSING),
        (O, ViewSource.SERIES_DESCRIPTION),
        (None, None),
    ]
    decisions = []
    for name in [*tags, ""]:
        decisions.append(classify_view(ViewTags(**tags)))
        tags.pop(name, None)
    assert decisions == [ViewDecision(*pair) for pair in expected]


@pytest.mark.parametrize("view", [F, L])
def test_pixels_tell_the_view_where_the_header_is_silent(view):
    assert classify_view(ViewTags(), view) == ViewDecision(view, ViewSource.PIXELS)
    assert classify_view(ViewTags(view_position="UNKNOWN"), view) == ViewDecision(view, ViewSource.PIXELS)


@pytest.mark.parametrize("tags", [{"view_position": "LL"}, {"series_description": "CHEST LAT"}])
def test_pixels_overrule_no_attribute(tags):
    decision = classify_view(ViewTags(**tags), F)
    assert (decision.view, decision.source is ViewSource.PIXELS) == (L, False)


def test_tags_are_collected_from_a_dataset():
    dataset, code = Dataset(), Dataset()
    code.CodeValue, code.CodeMeaning = "R-10206", "antero-posterior"
    dataset.ViewPosition, dataset.ViewCodeSequence = "AP", [code]
    dataset.PatientOrientation = ["L", "F"]
    dataset.AcquisitionDeviceProcessingDescription, dataset.SeriesDescription = "CHEST AP", "Thorax"
    assert view_tags(dataset) == ViewTags("AP", "R-10206", "antero-posterior", "L\\F", "CHEST AP", "Thorax")


def test_absent_tags_are_empty():
    assert view_tags(Dataset()) == ViewTags()


def test_free_text_stays_out_of_the_repr():
    assert "DOE" not in repr(ViewTags(series_description="DOE JANE PA"))
