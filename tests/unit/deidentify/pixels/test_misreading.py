import gzip
from importlib.resources import files

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cxr_core.deidentify.pixels.misreading import is_misreading
from cxr_core.deidentify.pixels.wording import is_allowed, is_written_like_a_name
from cxr_core.policy.markers import load_marker_policy

POLICY = load_marker_policy()


@pytest.mark.parametrize(
    "text",
    [
        *(
            "Portablc",
            "Richt",
            "SITTIN",
            "EREC",
            "LORDCTIC",
            "SEHI-UPRIGHT",
            "INS-IRATION",
            "PO:TABLE AP",
            "AP PORT'BLE",
        ),
        *("SEMI-IPRIGHT", "INSPIRAXION", "UPRIGHI", "SEMI-UPRIGHL"),
    ],
)
def test_letters_that_look_alike_and_lost_ones_are_forgiven(text: str) -> None:
    assert is_allowed(text, POLICY)


@pytest.mark.parametrize(
    ("text", "is_marker"),
    [
        *(("BE DS I DE", True), ("P O R T A B L E AP", True), ("LLATERAL SITTING", True), ("AP RPORTABLE", True)),
        *(("E R E CT S", False), ("L E E", False), ("AP RUP", False), ("RUPRIGHT", False), ("AP ALATERAL", False)),
    ],
)
def test_a_long_word_may_be_read_in_pieces_or_together_with_its_side(text: str, *, is_marker: bool) -> None:
    assert is_allowed(text, POLICY) is is_marker


@pytest.mark.parametrize(
    "text", ["NSPIRATION", "SPIRATION", "LXPIRATION", "SEMI-UPRIG", "ORTABLE", "AP STANDIN(", "DECBITUS", "R ERÈCT"]
)
def test_what_a_border_of_the_ground_tears_off_one_end_of_a_long_word_is_forgiven(text: str) -> None:
    assert is_allowed(text, POLICY)


@pytest.mark.parametrize(
    "name",
    [
        *("Pirati", "Aspirati", "Prigh", "Stander", "Uprightson", "Xpiratio", "Tandin", "Rectable", "Portale"),
        *("Support", "Lup", "Supra", "Upton", "Mobap", "Suppa", "Rupa", "É", "Láp", "Łát", "SUPINE 化"),
        *("Constable", "Nobile", "Starling", "Light", "Wight", "Spalding", "Sandino", "Crone", "Portal", "Rone"),
        *("Expedition", "Semi-Knight", "Semi-Albright", "Respiratory", "Decubilas"),
        *("Stretch", "Stand Ira", "Port Al", "Porta Le", "Standira", "Prune", "Streicher", "Righi"),
    ],
)
def test_names_that_resemble_a_marker_are_none(name: str) -> None:
    assert not is_allowed(name, POLICY)


@pytest.mark.parametrize("text", ["Stand, Ira", "PORT,AL", "LAT , L", "R. Port", "L.LAT", "Port R.", "Left L."])
def test_a_comma_or_an_initial_is_the_writing_of_a_name(text: str) -> None:
    assert is_written_like_a_name(text)


@pytest.mark.parametrize("text", ["R.", "AP.", "RT. LAT.", "LEFT LATERAL", "SEMI-ERECT,", "L", "12.5", "PO:TABLE"])
def test_other_signs_are_not(text: str) -> None:
    assert not is_written_like_a_name(text)


def test_of_all_english_words_markers_and_seven_others_could_stay() -> None:
    packed = files("cxr_core.deidentify.text").joinpath("words.txt.gz").read_bytes()
    words = [line for line in gzip.decompress(packed).decode().splitlines() if line and not line.startswith("#")]
    stay = {word for word in words if is_allowed(word, POLICY)} - {word.lower() for word in POLICY.words}
    assert len(words) > 60_000
    assert stay == {"appall", "expiation", "pron", "sanding", "siting", "stretched", "stretches"}


def test_no_word_of_a_name_could_stay() -> None:
    packed = files("cxr_core.deidentify.text").joinpath("name_words.txt.gz").read_bytes()
    names = [line for line in gzip.decompress(packed).decode().splitlines() if line and not line.startswith("#")]
    listed = {word.lower() for word in POLICY.words}
    assert len(names) > 4_000
    assert [name for name in names if name not in listed and is_allowed(name, POLICY)] == []


@given(st.sampled_from(sorted(POLICY.words)), st.integers(0, 2))
def test_a_word_is_a_misreading_of_itself_and_never_of_a_shorter_one(known: str, most: int) -> None:
    assert is_misreading(known, known, most=most)
    assert not is_misreading(known + "S", known, most=most)


@given(st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ", max_size=12), st.sampled_from(sorted(POLICY.words)), st.integers(0, 2))
def test_more_tolerance_never_forgives_less(word: str, known: str, most: int) -> None:
    assert is_misreading(word, known, most=most) <= is_misreading(word, known, most=most + 1)
