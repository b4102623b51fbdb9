"""From an identified header to one that may leave."""

import logging
from collections.abc import Callable
from dataclasses import replace

import pytest
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.tag import Tag

from cxr_core.deidentify.header.engine import METHOD, deidentify_header
from cxr_core.deidentify.header.identity import ImageIdentity
from cxr_core.errors import BuildError, ItemError
from cxr_core.policy.profile import Profile, load_profile
from cxr_core.settings.dates import TimeOfDay
from cxr_core.settings.deidentify import ProfileName
from cxr_core.vocabulary import Reason


def _all_tags(dataset: Dataset) -> set[int]:
    return {int(element.tag) for element in dataset.iterall()}


def _methods(dataset: Dataset) -> list[str]:
    return [item.CodeValue for item in dataset.DeidentificationMethodCodeSequence]


def _text(dataset: Dataset) -> str:
    return "\n".join(str(element.value) for element in dataset.iterall() if element.VR != "SQ")


def _put(dataset: Dataset, tag: int, vr: str, value: str | bytes | int) -> None:
    """Plant a value as a file would hold it: unparsed and unchecked."""
    if isinstance(value, int):
        value = value.to_bytes(2, "little", signed=vr == "SS")
    raw = value.encode() if isinstance(value, str) else value
    dataset[tag] = RawDataElement(Tag(tag), vr, len(raw), raw, 0, False, True)


def test_only_listed_tags_leave(source: Dataset, identity: ImageIdentity, mimic: Profile) -> None:
    source.PatientComments = "Zyxwut"
    source.add_new(0x60000022, "LO", "Zyxwut overlay")
    source.add_new(0x50000010, "US", 1)
    source.IconImageSequence = Sequence([Dataset()])
    found = deidentify_header(source, identity, mimic)
    assert _all_tags(found.dataset) <= set(mimic.rules) | {0x00080100, 0x00080102, 0x00080104}
    assert not {"zyxwut", "quux", "example", "acc0815", "7654321"} & set(_text(found.dataset).lower().split())


def test_needed_attributes_survive(source: Dataset, identity: ImageIdentity, mimic: Profile) -> None:
    ds = deidentify_header(source, identity, mimic).dataset
    kept = {
        "Modality": "DX",
        "PresentationIntentType": "FOR PRESENTATION",
        "Manufacturer": "Philips",
        "StudyDescription": "CHEST (PORTABLE AP)",
        "PatientSex": "F",
        "PatientAge": "052Y",
        "BodyPartExamined": "CHEST",
        "ViewPosition": "AP",
        "KVP": 125.0,
        "ExposureTime": 8,
        "ImagerPixelSpacing": [0.143, 0.143],
        "PatientOrientation": ["L", "F"],
        "PhotometricInterpretation": "MONOCHROME2",
        "Rows": 5,
        "Columns": 3,
        "BitsAllocated": 16,
        "BitsStored": 12,
        "HighBit": 11,
        "PixelRepresentation": 0,
        "WindowCenter": [2048.0, 1024.0],
        "WindowWidth": [4096.0, 2048.0],
        "ImageType": ["ORIGINAL", "PRIMARY"],
    }
    assert {keyword: ds[keyword].value for keyword in kept} == kept


def test_ids_are_pseudonyms_and_type_2_identifiers_are_empty(
    source: Dataset, identity: ImageIdentity, mimic: Profile
) -> None:
    ds = deidentify_header(source, identity, mimic).dataset
    assert (ds.PatientID, ds.StudyID) == ("10000032", "50414267")
    empty = ("PatientName", "PatientBirthDate", "AccessionNumber", "ReferringPhysicianName")
    assert all(keyword in ds and ds[keyword].is_empty for keyword in empty)


def test_uids_are_mapped_alike_everywhere(source: Dataset, identity: ImageIdentity, mimic: Profile) -> None:
    source.SeriesInstanceUID = source.StudyInstanceUID
    ds = deidentify_header(source, identity, mimic).dataset
    assert ds.SOPInstanceUID == identity.uids("1.2.3.4.5")
    assert ds.SeriesInstanceUID == ds.StudyInstanceUID == identity.uids("1.2.3.4")
    assert ds.SOPClassUID == "1.2.840.10008.5.1.4.1.1.1.1"


def test_a_mapper_that_returns_the_original_stops_the_build(
    source: Dataset, identity: ImageIdentity, mimic: Profile
) -> None:
    with pytest.raises(BuildError):
        deidentify_header(source, replace(identity, uids=str), mimic)


def test_dates_are_shifted_and_times_cleaned(source: Dataset, identity: ImageIdentity, mimic: Profile) -> None:
    found = deidentify_header(source, identity, mimic)
    ds = found.dataset
    assert (ds.StudyDate, ds.StudyTime, ds.AcquisitionDateTime) == ("21120506", "120000", "21120506120000.000")
    assert ds.LongitudinalTemporalInformationModified == "MODIFIED"
    assert found.emptied_dates == 0


def test_times_are_empty_where_the_policy_says_so(source: Dataset, identity: ImageIdentity, mimic: Profile) -> None:
    ds = deidentify_header(source, replace(identity, time_policy=TimeOfDay.EMPTY), mimic).dataset
    assert ds["StudyTime"].is_empty
    assert ds.AcquisitionDateTime == "21120506"


@pytest.mark.parametrize("date", ["201205", "20129999", "ZYXWUT", "19120506"])
def test_an_invalid_date_is_emptied_and_counted(
    source: Dataset, identity: ImageIdentity, mimic: Profile, date: str
) -> None:
    _put(source, 0x00080020, "DA", date)
    _put(source, 0x00080022, "DA", date)
    found = deidentify_header(source, identity, mimic)
    assert found.dataset["StudyDate"].is_empty
    assert found.dataset["AcquisitionDate"].is_empty
    assert found.emptied_dates == 2


def test_a_refused_value_is_dropped_emptied_or_quarantines_by_its_type(
    source: Dataset, identity: ImageIdentity, mimic: Profile
) -> None:
    _put(source, 0x00180060, "DS", "Zyxwut")
    _put(source, 0x00185101, "CS", "ZYXWUT")
    ds = deidentify_header(source, identity, mimic).dataset
    assert "KVP" not in ds
    assert ds["ViewPosition"].is_empty
    source.PixelRepresentation = 0
    _put(source, 0x00280101, "US", "Zyxwut")
    with pytest.raises(ItemError) as caught:
        deidentify_header(source, identity, mimic)
    assert caught.value.reason is Reason.E_TYPE1
    assert "yxwut" not in str(caught.value).lower()


def test_a_type_2_attribute_that_is_missing_is_written_empty(
    source: Dataset, identity: ImageIdentity, mimic: Profile
) -> None:
    del source.PatientOrientation, source.Manufacturer, source.InstanceNumber
    ds = deidentify_header(source, identity, mimic).dataset
    assert all(ds[keyword].is_empty for keyword in ("PatientOrientation", "Manufacturer", "InstanceNumber"))


def test_a_type_2_attribute_of_some_objects_is_emptied_where_the_source_has_it(
    source: Dataset, identity: ImageIdentity, mimic: Profile
) -> None:
    """ViewPosition is type 2 of CR and would open a module of DX; an empty element says no more than none."""
    source.ViewPosition = "FOR ZYXWUT"
    source.AcquisitionContextSequence = Sequence([source[0x00540220].value[0]])
    ds = deidentify_header(source, identity, mimic).dataset
    assert all(ds[keyword].is_empty for keyword in ("ViewPosition", "AcquisitionContextSequence"))
    del source.ViewPosition, source.AcquisitionContextSequence
    ds = deidentify_header(source, identity, mimic).dataset
    assert all(keyword not in ds for keyword in ("ViewPosition", "AcquisitionContextSequence", "PositionerType"))


def test_what_was_dropped_is_counted(source: Dataset, identity: ImageIdentity, mimic: Profile) -> None:
    before = deidentify_header(source, identity, mimic).dropped_elements
    source.PatientComments = "Zyxwut"
    source.add_new(0x00091002, "LO", "Zyxwut private")
    _put(source, 0x00180060, "DS", "Zyxwut")
    assert deidentify_header(source, identity, mimic).dropped_elements == before + 3


@pytest.mark.parametrize(
    ("birth", "stated", "written"),
    [
        ("19600203", None, "052Y"),
        ("19600203", "047Y", "047Y"),
        ("19200203", "047Y", "090Y"),
        (None, "093Y", "090Y"),
        ("19200203", None, "090Y"),
        (None, "Zyxw", None),
        (None, None, None),
    ],
)
def test_age_comes_from_the_tag_or_the_dates_and_stops_at_90(
    source: Dataset, identity: ImageIdentity, mimic: Profile, birth: str | None, stated: str | None, written: str | None
) -> None:
    del source.PatientBirthDate, source.PatientAge
    if birth is not None:
        source.PatientBirthDate = birth
    if stated is not None:
        _put(source, 0x00101010, "AS", stated)
    assert deidentify_header(source, identity, mimic).dataset.get("PatientAge") == written


def test_an_age_that_would_tell_a_later_one_is_hidden(source: Dataset, identity: ImageIdentity, mimic: Profile) -> None:
    assert "PatientAge" not in deidentify_header(source, replace(identity, hide_age=True), mimic).dataset


def test_code_items_come_from_the_dictionary_or_go(
    source: Dataset, identity: ImageIdentity, mimic: Profile, make_item: Callable[[str, str, str], Dataset]
) -> None:
    item = make_item("SRT", "R-10206", "AP of Zyxwut")
    item.ViewModifierCodeSequence = Sequence([make_item("99X", "Zyxwut", "Zyxwut")])
    source.ViewCodeSequence = Sequence([make_item("99LOCAL", "DrQuux", "Quux"), item])
    source.ProcedureCodeSequence = Sequence([make_item("99LOCAL", "CHPORT", "Chest of Zyxwut")])
    before = deidentify_header(source, identity, mimic)
    assert len(before.dataset.ViewCodeSequence) == 1
    kept = before.dataset.ViewCodeSequence[0]
    assert [str(element.value) for element in kept] == ["R-10206", "SRT", "antero-posterior"]
    assert "ProcedureCodeSequence" not in before.dataset


def test_a_description_with_a_name_goes_as_a_whole(source: Dataset, identity: ImageIdentity, mimic: Profile) -> None:
    source.StudyDescription = "CHEST (PORTABLE AP) for Corge Zyxwut"
    source.SeriesDescription = "Chest AP portable"
    ds = deidentify_header(source, identity, mimic).dataset
    assert "StudyDescription" not in ds
    assert ds.SeriesDescription == "Chest AP portable"


@pytest.mark.parametrize("keyword", ["PatientName", "OtherPatientNames", "OperatorsName", "ReferringPhysicianName"])
def test_a_listed_word_goes_where_somebody_in_the_header_bears_it(
    source: Dataset, identity: ImageIdentity, mimic: Profile, keyword: str
) -> None:
    source.SeriesDescription = "CHEST AP HAND"
    setattr(source, keyword, "Hand^Grant")
    assert "SeriesDescription" not in deidentify_header(source, identity, mimic).dataset


def test_a_listed_word_goes_where_the_dictionary_knows_a_bearer(
    source: Dataset, identity: ImageIdentity, mimic: Profile
) -> None:
    source.SeriesDescription = "CHEST AP HAND"
    assert "SeriesDescription" not in deidentify_header(source, identity, mimic, known_names={"hand"}).dataset


def test_a_title_after_a_name_is_no_name(source: Dataset, identity: ImageIdentity, mimic: Profile) -> None:
    source.OperatorsName = "Quux^Anna^^^PA"
    source.SeriesDescription = "CHEST PA"
    assert deidentify_header(source, identity, mimic).dataset.SeriesDescription == "CHEST PA"


def test_the_methods_name_what_was_really_kept(source: Dataset, identity: ImageIdentity, mimic: Profile) -> None:
    full = deidentify_header(source, identity, mimic).dataset
    assert _methods(full) == ["113100", "113105", "113107", "113108"]
    assert full.DeidentificationMethod == METHOD
    assert full.PatientIdentityRemoved == "YES"
    assert "BurnedInAnnotation" not in full
    for keyword in ("StudyDate", "StudyTime", "AcquisitionDateTime", "PatientSex", "PatientAge", "PatientBirthDate"):
        delattr(source, keyword)
    bare = deidentify_header(source, identity, mimic).dataset
    assert _methods(bare) == ["113100", "113105"]
    assert bare.LongitudinalTemporalInformationModified == "REMOVED"


def test_half_a_window_is_dropped(source: Dataset, identity: ImageIdentity, mimic: Profile) -> None:
    _put(source, 0x00281051, "DS", "-1")
    ds = deidentify_header(source, identity, mimic).dataset
    assert "WindowCenter" not in ds
    assert "WindowWidth" not in ds


@pytest.mark.parametrize(
    ("representation", "value", "vr", "written"),
    [(0, 65535, "US", 65535), (1, -2000, "SS", -2000), (0, -1, "SS", None), (0, b"\x10\x27", "OB", 10_000)],
)
def test_padding_follows_the_pixel_representation(
    source: Dataset,
    identity: ImageIdentity,
    mimic: Profile,
    representation: int,
    value: int | bytes,
    vr: str,
    written: int | None,
) -> None:
    source.PixelRepresentation = representation
    _put(source, 0x00280120, vr, value)
    assert deidentify_header(source, identity, mimic).dataset.get("PixelPaddingValue") == written


@pytest.mark.parametrize(
    ("sop", "modality"), [("1.2.840.10008.5.1.4.1.1.1", "CR"), ("1.2.840.10008.5.1.4.1.1.1.1", "DX")]
)
def test_an_odd_modality_follows_the_sop_class(
    source: Dataset, identity: ImageIdentity, mimic: Profile, sop: str, modality: str
) -> None:
    source.SOPClassUID, source.Modality = sop, "RG"
    assert deidentify_header(source, identity, mimic).dataset.Modality == modality


def test_a_lossy_stream_is_declared(source: Dataset, identity: ImageIdentity, mimic: Profile) -> None:
    source.file_meta = FileMetaDataset()
    source.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2.4.51"
    assert deidentify_header(source, identity, mimic).dataset.LossyImageCompression == "01"


def test_strict_holds_no_patient_characteristics_descriptions_or_times(
    source: Dataset, identity: ImageIdentity
) -> None:
    ds = deidentify_header(source, identity, load_profile(ProfileName.STRICT)).dataset
    assert all(keyword not in ds for keyword in ("PatientAge", "StudyDescription", "AcquisitionDateTime"))
    assert all(ds[keyword].is_empty for keyword in ("PatientSex", "StudyTime", "Manufacturer"))
    assert ds.StudyDate == "21120506"
    assert ds.ViewCodeSequence[0].CodeMeaning == "antero-posterior"


def test_the_source_is_left_alone_and_two_runs_agree(source: Dataset, identity: ImageIdentity, mimic: Profile) -> None:
    before = source.to_json()
    first, second = (deidentify_header(source, identity, mimic).dataset for _ in range(2))
    assert source.to_json() == before
    assert first == second


def test_nothing_is_logged_or_warned_about_a_bad_value(
    source: Dataset, identity: ImageIdentity, mimic: Profile, caplog: pytest.LogCaptureFixture
) -> None:
    _put(source, 0x00080020, "DA", "ZYXWUT")
    _put(source, 0x00201208, "IS", "ZYXWUT")
    _put(source, 0x00181150, "IS", "ZYXWUT")
    with caplog.at_level(logging.DEBUG):
        deidentify_header(source, identity, mimic)
    assert caplog.records == []


def test_neither_the_result_nor_the_identity_prints_values(
    source: Dataset, identity: ImageIdentity, mimic: Profile
) -> None:
    assert "CHEST" not in repr(deidentify_header(source, identity, mimic))
    assert "36524" not in repr(identity)
