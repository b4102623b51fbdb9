"""The parts of the demo hospital: codecs, burned text, names, phrases, seeds, damage."""

from dataclasses import replace

import imagecodecs
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cxr_core.demo.anatomy import Findings, draw_body
from cxr_core.demo.burn_in import TextCategory, burn_in
from cxr_core.demo.codecs import encode_frame
from cxr_core.demo.faults import ROLES, Fault, corrupt, truncate
from cxr_core.demo.people import invent_person, load_names
from cxr_core.demo.phantom import radiograph
from cxr_core.demo.phrases import Sentence, combine, load_phrases
from cxr_core.demo.plan import Burn, ImagePlan, Projection, Syntax, plan_patient
from cxr_core.demo.seeds import scatter
from cxr_core.vocabulary import Assertion, Label

STORED = np.random.default_rng(0).integers(0, 4096, (61, 47)).astype(np.uint16)


def image_of(projection: Projection) -> ImagePlan:
    image = plan_patient(1, 0, side_px=320).studies[0].images[0]
    return replace(image, projection=projection, rows=320, columns=280, bits_stored=12)


@pytest.mark.parametrize(
    ("syntax", "decode"),
    [
        (Syntax.JPEG_LOSSLESS, imagecodecs.jpegsof3_decode),
        (Syntax.JPEG_LS, imagecodecs.jpegls_decode),
        (Syntax.JPEG_2000, imagecodecs.jpeg2k_decode),
    ],
)
def test_lossless_syntaxes_give_the_stored_values_back(syntax, decode) -> None:
    assert np.array_equal(decode(encode_frame(STORED, syntax, 12)), STORED)


def test_run_lengths_have_two_segments_at_even_offsets() -> None:
    offsets = np.frombuffer(encode_frame(STORED, Syntax.RLE, 12)[:64], "<u4")
    assert offsets[0] == 2
    assert offsets[1] == 64
    assert offsets[2] % 2 == 0


@pytest.mark.parametrize("projection", [Projection.PA, Projection.AP, Projection.LATERAL])
@pytest.mark.parametrize("case", range(4))
def test_burned_text_stays_inside_its_boxes_and_fills_them(projection: Projection, case: int) -> None:
    plan = plan_patient(1, 1, side_px=320)
    stored = np.full((900, 760), 1000, np.uint16)
    lines = burn_in(
        stored, study=plan.studies[0], person=plan.person, projection=projection, burn=Burn.BOTH, bits=12,
        rng=np.random.default_rng(case),
    )  # fmt: skip
    changed = (stored != 1000) & (stored != 0)
    for line in lines:
        box = stored[line.row0 : line.row1, line.col0 : line.col1] != 1000
        assert box.any(axis=0)[[0, -1]].all()
        assert box.any(axis=1)[[0, -1]].all()
        changed[line.row0 : line.row1, line.col0 : line.col1] = False
    assert not changed.any()
    assert any(line.category in {TextCategory.NAME, TextCategory.MRN} for line in lines)


@pytest.mark.parametrize("case", range(40))
def test_the_smallest_images_hold_what_they_have_room_for(case: int) -> None:
    plan = plan_patient(1, 1, side_px=128)
    stored = np.full((128, 104), 1000, np.uint16)
    lines = burn_in(
        stored, study=plan.studies[0], person=plan.person, projection=Projection.AP, burn=Burn.BOTH, bits=12,
        rng=np.random.default_rng(case),
    )  # fmt: skip
    assert any(line.category in {TextCategory.NAME, TextCategory.MRN} for line in lines)
    assert all(0 <= line.row0 < line.row1 <= 128 and 0 <= line.col0 < line.col1 <= 104 for line in lines)


def test_markers_do_not_identify() -> None:
    assert {category for category in TextCategory if not category.is_phi} == {
        TextCategory.ORIENTATION,
        TextCategory.POSITION,
        TextCategory.TECHNIQUE,
    }


@pytest.mark.parametrize("projection", list(Projection))
def test_phantoms_use_the_range_and_stay_in_it(projection: Projection) -> None:
    body = draw_body(np.random.default_rng(1), is_female=True, age_years=60)
    shown = radiograph(body, Findings(), image_of(projection), np.random.default_rng(2))
    assert shown.shape == (320, 280)
    assert shown.max() <= 4095
    assert np.quantile(shown, 0.95) - np.quantile(shown, 0.05) > 1200


def test_lungs_are_darker_than_the_mediastinum() -> None:
    body = draw_body(np.random.default_rng(1), is_female=False, age_years=40)
    shown = radiograph(body, Findings(), image_of(Projection.PA), np.random.default_rng(2)).astype(float)
    middle = shown[140:200, 130:150].mean()
    assert shown[120:180, 60:90].mean() < 0.8 * middle
    assert shown[120:180, 190:220].mean() < 0.8 * middle


def test_a_large_heart_is_drawn_large() -> None:
    body = draw_body(np.random.default_rng(1), is_female=False, age_years=40)
    image = image_of(Projection.PA)
    small = radiograph(body, Findings(), image, np.random.default_rng(2)).astype(float)
    large = radiograph(body, Findings(cardiomegaly=True), image, np.random.default_rng(2)).astype(float)
    assert (large - small)[190:225, 195:225].mean() > 200


def test_a_pacemaker_is_the_brightest_thing_on_the_left() -> None:
    body = draw_body(np.random.default_rng(1), is_female=False, age_years=40)
    image = image_of(Projection.PA)
    without = radiograph(body, Findings(), image, np.random.default_rng(2)).astype(float)
    with_it = radiograph(body, Findings(pacemaker=True), image, np.random.default_rng(2)).astype(float)
    gain = with_it - without
    row, column = np.unravel_index(int(gain.argmax()), gain.shape)
    assert column > 140
    assert row < 200


@given(st.integers(0, 10_000), st.integers(0, 10_000), st.integers(0, 50))
def test_scattered_numbers_never_meet(first: int, second: int, seed: int) -> None:
    one, two = scatter(first, seed=seed, digits=7), scatter(second, seed=seed, digits=7)
    assert (one == two) == (first == second)
    assert len(str(one)) == 7


def test_every_sentence_states_a_label_and_names_its_topic_once() -> None:
    topics = load_phrases().topics
    for topic in topics.values():
        assert all(s.labels for s in (*topic.positive, *topic.uncertain, *topic.negative))
        assert all(s.labels and Assertion.POSITIVE in s.labels.values() for s in topic.positive)
        assert all(set(s.labels.values()) == {Assertion.UNCERTAIN} for s in topic.uncertain)
        assert all(set(s.labels.values()) == {Assertion.NEGATIVE} for s in topic.negative)


def test_all_labels_can_be_said() -> None:
    topics = load_phrases().topics.values()
    said = {label for topic in topics for s in topic.positive for label in s.labels}
    assert said == set(Label) - {Label.NO_FINDING}


def test_uncertain_beats_negative_and_positive_beats_both() -> None:
    def say(value: Assertion) -> Sentence:
        return Sentence("", {Label.EDEMA: value})

    negative, uncertain, positive = say(Assertion.NEGATIVE), say(Assertion.UNCERTAIN), say(Assertion.POSITIVE)
    assert combine([negative, uncertain], nothing_acute=False)[Label.EDEMA] is Assertion.UNCERTAIN
    assert combine([uncertain, positive, negative], nothing_acute=False)[Label.EDEMA] is Assertion.POSITIVE


def test_a_device_alone_leaves_no_finding() -> None:
    said = combine([Sentence("", {Label.SUPPORT_DEVICES: Assertion.POSITIVE})], nothing_acute=False)
    assert said == {Label.SUPPORT_DEVICES: Assertion.POSITIVE, Label.NO_FINDING: Assertion.POSITIVE}


def test_no_repr_shows_a_patient() -> None:
    plan = plan_patient(1, 0, side_px=320)
    assert plan.person.family not in repr((plan, plan.person, plan.studies[0], plan.studies[0].images[0]))
    assert plan.person.mrn not in repr((plan, plan.person, plan.studies[0]))


def test_one_role_is_a_minor_and_one_turns_ninety() -> None:
    minor, old = plan_patient(1, 2, side_px=320), plan_patient(1, 6, side_px=320)
    assert all(minor.person.age_at(study.when.date()) < 18 for study in minor.studies)
    ages = [old.person.age_at(study.when.date()) for study in old.studies]
    assert min(ages) < 90 <= max(ages)


def test_each_fault_of_a_study_has_one_patient() -> None:
    planted = [fault for role in ROLES.values() for fault in role.studies if fault]
    assert len(planted) == len(set(planted))


def test_studies_lie_in_the_years_of_the_cohort() -> None:
    years = {study.when.year for index in range(30) for study in plan_patient(1, index, side_px=320).studies}
    assert years == {2011, 2012, 2013, 2014, 2015}


def test_names_differ_from_one_patient_to_the_next() -> None:
    people = [invent_person(1, index, born=(1930, 1990)) for index in range(25)]
    assert len({(p.family, p.given, p.middle) for p in people}) == 25
    assert len(load_names().family) >= 50


def test_damage_keeps_the_first_half() -> None:
    content = bytes(range(256)) * 40
    damaged = corrupt(content, np.random.default_rng(0))
    assert len(damaged) == len(content)
    assert damaged[: len(content) // 2] == content[: len(content) // 2]
    assert damaged != content
    assert content.startswith(truncate(content))


def test_a_wrong_clock_moves_the_header_only() -> None:
    study = next(s for s in plan_patient(1, 5, side_px=320).studies if s.fault is Fault.WRONG_DATE)
    assert (study.when - study.header_time).days == 731
