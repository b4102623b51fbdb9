"""A configuration is read strictly, and every mistake ends in one line that names the key and not the value."""

from pathlib import Path

import pytest

from cxr_core.errors import UsageError
from cxr_core.settings import BuildConfig, load_config, section_digest
from cxr_core.settings.deidentify import DeidentifySettings


def test_the_defaults_are_those_of_the_paper() -> None:
    config = load_config()
    assert (config.cohort.unit.value, config.cohort.patient_class, config.cohort.min_age) == ("patient", "E", 18)
    assert config.split.validate_subjects == 500
    assert config.release.test.value == "withheld"


def test_the_command_line_goes_before_set_and_set_before_the_file(tmp_path: Path) -> None:
    path = tmp_path / "c.toml"
    path.write_text('[cohort]\nmin_age = 1\nunit = "encounter"\n[run]\nworkers = 1\n')
    config = load_config(path, sets=["cohort.min_age=2", "run.workers=2"], options={"run": {"workers": 3}})
    assert (config.cohort.min_age, config.cohort.unit.value, config.run.workers) == (2, "encounter", 3)


@pytest.mark.parametrize(
    ("assignment", "words"),
    [
        ("cohort.min_ages=1", "unknown key cohort.min_ages"),
        ("cohorts.min_age=1", "unknown key cohorts"),
        ("cohort.min_age=SECRETNAME", "cohort.min_age"),
        ("cohort.unit=hospital", "cohort.unit"),
        ("convert.sizes=[224, 224]", "convert.sizes"),
        ("convert.sizes=[16]", "convert.sizes"),
        ("min_age=1", "write section.key=value"),
        ("cohort.min_age", "write section.key=value"),
    ],
)
def test_a_wrong_setting_is_one_line_without_the_value(assignment: str, words: str) -> None:
    with pytest.raises(UsageError) as caught:
        load_config(sets=[assignment])
    message = str(caught.value)
    assert words in message
    assert "\n" not in message
    assert "SECRETNAME" not in message


@pytest.mark.parametrize("content", ["[cohort\n", "cohort = 3", "\xff\xfe"])
def test_a_broken_file_is_one_line(tmp_path: Path, content: str) -> None:
    path = tmp_path / "c.toml"
    path.write_bytes(content.encode("latin-1"))
    with pytest.raises(UsageError) as caught:
        load_config(path, sets=["cohort.min_age=1"])
    assert "\n" not in str(caught.value)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read"):
        load_config(tmp_path / "absent.toml")


def test_a_set_value_is_toml_and_a_bare_word_is_a_string() -> None:
    config = load_config(sets=['deidentify.readers=["rapidocr"]', "release.name=mine", "cohort.require_report=false"])
    assert config.deidentify.readers == ("rapidocr",)
    assert config.release.name == "mine"
    assert config.cohort.require_report is False


def test_moving_a_folder_or_adding_workers_changes_no_digest() -> None:
    here = load_config(sets=["source.dicom=/a", "run.workers=1", "deidentify.easyocr_weights=/w"])
    there = load_config(sets=["source.dicom=/b", "run.workers=8", "deidentify.easyocr_weights=/v"])
    assert section_digest(here.deidentify) == section_digest(there.deidentify)
    assert load_config(sets=["source.dicom=/a"]).digest() == BuildConfig().digest()


def test_a_scientific_setting_changes_the_digest() -> None:
    assert load_config(sets=["cohort.min_age=0"]).digest() != BuildConfig().digest()
    strict = DeidentifySettings.model_validate({"profile": "strict"})
    assert section_digest(strict) != section_digest(DeidentifySettings())


def test_a_dotted_key_reaches_into_a_table() -> None:
    assert load_config(sets=["source.columns.text=narrative"]).source.columns == {"text": "narrative"}


def test_what_is_set_goes_before_the_settings_of_an_earlier_build() -> None:
    base = load_config(sets=["cohort.min_age=3", "run.workers=5"])
    loaded = load_config(sets=["run.workers=2"], base=base)
    assert (loaded.cohort.min_age, loaded.run.workers) == (3, 2)
