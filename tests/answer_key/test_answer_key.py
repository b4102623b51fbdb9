"""The ten actions of MIDI-B on an answer key of our own: `cxr deidentify` passes every record, and the scorer can fail.

A file, or an attribute, that is missing counts as a failure.
"""

import dataclasses
import shutil
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pydicom
import pytest
from answer_key.key import Action, AnswerKey, Record, make_key, window, write_sources
from answer_key.scoring import Verdicts, failures, find_paths, judge, scores
from building import SharedFolder, run
from pydicom.dataset import Dataset

CXR = str(Path(sys.executable).with_name("cxr"))
KEY = "5eed" * 16
"""A secret for invented patients, fixed so that every run judges the same bytes."""


@dataclass(frozen=True, slots=True)
class Round:
    """A key with what the command made of its files."""

    key: AnswerKey
    sources: Path
    outputs: Path
    vault: Path

    def judged(self) -> dict[Record, bool]:
        return judge(self.key, self.outputs, self.vault)

    def path_of(self, name: str) -> Path:
        return find_paths(self.key, self.outputs, self.vault)[name]

    def edit(self, name: str, change: Callable[[Dataset], object]) -> None:
        """Spoil one output."""
        path = self.path_of(name)
        dataset = pydicom.dcmread(path)
        change(dataset)
        dataset.save_as(path)


@pytest.fixture(scope="module")
def finished(session_folder: SharedFolder) -> Round:
    """`cxr deidentify` over all files, once for all processes; nothing may change what it wrote."""
    with session_folder.making("answer-key") as (root, is_new):
        if is_new:
            write_sources(root / "sources")
            secret = root / "key"
            secret.write_text(KEY)
            secret.chmod(0o600)
            places = ["-o", str(root / "outputs"), "--vault", str(root / "vault"), "--key-file", str(secret)]
            command = [CXR, "deidentify", str(root / "sources"), *places, "--reader", "rapidocr", "--workers", "1"]
            result = run(command, {"PATH": "/usr/bin:/bin", "HOME": str(root), "LANG": "C.UTF-8"})
            assert result.code == 0, result.err
    return Round(make_key(), root / "sources", root / "outputs", root / "vault")


@pytest.fixture(scope="module")
def verdicts(finished: Round) -> Verdicts:
    return finished.judged()


@pytest.fixture
def spoiled(finished: Round, tmp_path: Path) -> Round:
    """A copy of the outputs, for a test to spoil."""
    shutil.copytree(finished.outputs, tmp_path / "outputs")
    return dataclasses.replace(finished, outputs=tmp_path / "outputs")


# ---------------------------------------------------------------- the product


@pytest.mark.parametrize("action", list(Action))
def test_every_record_of_the_key_is_passed(verdicts: Verdicts, action: Action) -> None:
    failed = [record for record, passed in verdicts.items() if record.action is action and not passed]
    assert failed == []
    assert scores(verdicts)[action] == 1.0


def test_nothing_but_the_files_of_the_key_is_written(finished: Round) -> None:
    found = find_paths(finished.key, finished.outputs, finished.vault)
    assert set(found.values()) == {path for path in finished.outputs.rglob("*") if path.is_file()}


# ---------------------------------------------------------------- the key


def test_the_key_is_large_enough_to_mean_something(finished: Round) -> None:
    key = finished.key
    assert len(key.files) >= 12
    assert len({file.patient for file in key.files}) >= 4
    assert len({file.study for file in key.files}) >= 6
    assert len(key.records) >= 400
    assert len(set(key.records)) == len(key.records)
    counts = Counter(record.action for record in key.records)
    assert {action for action in Action if counts[action] < 7} == set()


def test_the_sources_themselves_fail_wherever_something_had_to_change(finished: Round, tmp_path: Path) -> None:
    """The key against files that were only copied: not one record of these actions passes by chance."""
    for name, path in find_paths(finished.key, finished.outputs, finished.vault).items():
        shutil.copy(finished.sources / name, tmp_path / path.name)
    copied = dataclasses.replace(finished, outputs=tmp_path).judged()
    shares = scores(copied)
    must_change = {
        Action.TEXT_REMOVED,
        Action.DATE_SHIFTED,
        Action.UID_CHANGED,
        Action.PATIENT_ID_CONSISTENT,
        Action.PIXELS_HIDDEN,
    }
    assert {action: share for action, share in shares.items() if action in must_change} == dict.fromkeys(must_change, 0)


# ---------------------------------------------------------------- the scorer: what each fault costs, beside the product


def newly_failed(before: Verdicts, after: Verdicts) -> dict[Action, int]:
    """How many records of each action fail that did not fail before."""
    return failures({record: passed or not before[record] for record, passed in after.items()})


def all_of(spoiled: Round, verdicts: Verdicts, name: str) -> Counter[Action]:
    """Every record of one file that was passed before."""
    return Counter(record.action for record in spoiled.key.records if record.file == name and verdicts[record])


FIRST, SECOND = "exam01/image1.dcm", "exam01/image2.dcm"  # one series, names burned into the first


def test_a_missing_file_fails_all_of_its_records(spoiled: Round, verdicts: Verdicts) -> None:
    lost = all_of(spoiled, verdicts, FIRST)
    assert set(lost) == set(Action)
    spoiled.path_of(FIRST).unlink()
    assert newly_failed(verdicts, spoiled.judged()) == lost


def test_a_file_that_is_cut_short_fails_all_of_its_records(spoiled: Round, verdicts: Verdicts) -> None:
    path = spoiled.path_of(SECOND)
    path.write_bytes(path.read_bytes()[:-1000])
    assert newly_failed(verdicts, spoiled.judged()) == all_of(spoiled, verdicts, SECOND)


def _delete_name(dataset: Dataset) -> None:
    del dataset.PatientName


def _empty_manufacturer(dataset: Dataset) -> None:
    dataset.Manufacturer = ""


def _swap_view(dataset: Dataset) -> None:
    dataset.ViewPosition = "LL"


def _drop_code(dataset: Dataset) -> None:
    del dataset.ViewCodeSequence[0]


def _shift_a_day(dataset: Dataset) -> None:
    dataset.ContentDate = str(np.datetime64(pydicom.valuerep.DA(dataset.ContentDate)) + 1).replace("-", "")


def _empty_date(dataset: Dataset) -> None:
    dataset.SeriesDate = ""


def _keep_series_uid(dataset: Dataset) -> None:
    dataset.SeriesInstanceUID = "1.3.6.1.4.1.99999.7741903.1.2.1"


def _map_series_uid_apart(dataset: Dataset) -> None:
    dataset.SeriesInstanceUID = "2.25.42"


def _empty_study_uid(dataset: Dataset) -> None:
    dataset.StudyInstanceUID = ""


def _name_in_private(dataset: Dataset) -> None:
    dataset.private_block(0x0011, "MAKER 2", create=True).add_new(0x01, "LO", "for ZORNWICK")


def _name_in_utf_16(dataset: Dataset) -> None:
    dataset.add_new(0x00420011, "OB", "Eldarine".encode("utf-16-le"))


def _other_patient_id(dataset: Dataset) -> None:
    dataset.PatientID = "19999999"


def _original_patient_id(dataset: Dataset) -> None:
    dataset.PatientID = "7741903"


def _one_pixel(dataset: Dataset) -> None:
    pixels = dataset.pixel_array.copy()
    pixels[200, 100] += 1
    dataset.PixelData = pixels.tobytes()


@pytest.mark.parametrize(
    ("spoil", "expected"),
    [
        (_delete_name, {Action.TAG_RETAINED: 1}),
        (_empty_manufacturer, {Action.TAG_NOT_NULL: 1}),
        (_swap_view, {Action.TEXT_RETAINED: 1}),
        (_drop_code, {Action.TEXT_RETAINED: 2}),
        (_shift_a_day, {Action.DATE_SHIFTED: 1}),
        (_empty_date, {Action.DATE_SHIFTED: 1}),
        # The series UID stands in two files, which agree no longer; and it holds the patient's number.
        (_keep_series_uid, {Action.UID_CHANGED: 1, Action.UID_CONSISTENT: 2, Action.TEXT_REMOVED: 2}),
        (_map_series_uid_apart, {Action.UID_CONSISTENT: 2}),
        (_empty_study_uid, {Action.UID_CHANGED: 1, Action.UID_CONSISTENT: 1}),
        (_name_in_private, {Action.TEXT_REMOVED: 1}),
        (_name_in_utf_16, {Action.TEXT_REMOVED: 1}),
        (_other_patient_id, {Action.PATIENT_ID_CONSISTENT: 5}),  # all of the patient's images
        (_original_patient_id, {Action.PATIENT_ID_CONSISTENT: 5, Action.TEXT_REMOVED: 1}),
        (_one_pixel, {Action.PIXELS_RETAINED: 1}),
    ],
)
def test_a_spoiled_output_lowers_the_score_of_the_right_action(
    spoiled: Round, verdicts: Verdicts, spoil: Callable[[Dataset], None], expected: dict[Action, int]
) -> None:
    spoiled.edit(FIRST, spoil)
    after = spoiled.judged()
    assert newly_failed(verdicts, after) == expected
    assert {action for action in Action if scores(after)[action] < scores(verdicts)[action]} == set(expected)


def test_a_region_that_is_not_masked_lowers_the_score_of_hidden_pixels(spoiled: Round, verdicts: Verdicts) -> None:
    original = pydicom.dcmread(spoiled.sources / FIRST).pixel_array
    where = next(r.where for r in spoiled.key.records if r.file == FIRST and r.action is Action.PIXELS_HIDDEN)

    def unmask(dataset: Dataset) -> None:
        pixels = dataset.pixel_array.copy()
        pixels[window(where)] = original[window(where)]
        dataset.PixelData = pixels.tobytes()

    spoiled.edit(FIRST, unmask)
    assert newly_failed(verdicts, spoiled.judged()) == {Action.PIXELS_HIDDEN: 1}


def test_two_patients_under_one_id_lower_the_score_of_patient_ids(spoiled: Round, verdicts: Verdicts) -> None:
    """The patients of two issuers who bear the same number."""
    theirs = pydicom.dcmread(spoiled.path_of("exam08/image1.dcm")).PatientID
    for name in ("exam07/image1.dcm", "exam07/image2.dcm"):
        spoiled.edit(name, lambda dataset: setattr(dataset, "PatientID", theirs))
    assert newly_failed(verdicts, spoiled.judged()) == {Action.PATIENT_ID_CONSISTENT: 5}


def test_an_image_that_the_crosswalk_does_not_know_counts_as_missing(spoiled: Round, verdicts: Verdicts) -> None:
    path = spoiled.path_of(SECOND)
    path.rename(path.with_name("00000000-00000000-00000000-00000000-00000000.dcm"))
    assert newly_failed(verdicts, spoiled.judged()) == all_of(spoiled, verdicts, SECOND)
