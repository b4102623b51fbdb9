"""What is drawn: the same for the same seed, strata apart, planted text where it was said to be."""

import hashlib
from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from cxr_core.review.planting import (
    CELLS,
    Gray,
    IsFound,
    PlantedImage,
    cells_for,
    identifier,
    plant_in_text,
    plant_on_image,
)
from cxr_core.review.records import PixelBox
from cxr_core.review.report_sampling import ReportTables, report_cells, report_sample
from cxr_core.review.sampling import (
    ImageFiles,
    ImageTables,
    NamedLikeWords,
    backgrounds,
    image_sample,
    planted_count,
    rank,
    text_sample,
)
from cxr_core.review.workload import workload
from cxr_core.settings.review import ReviewSettings
from cxr_core.vocabulary import Label, ReviewKind

SETTINGS = ReviewSettings(images=10, texts=4, reports=6, per_stratum=3)


def ident(number: int) -> str:
    return "-".join([f"{number:08x}"] * 5)


def image_tables(count: int = 200) -> ImageTables:
    """Every 10th image is lateral, every 20th of another maker, three have boxes, one is odd in each way."""
    numbers = range(count)
    ids = [ident(n) for n in numbers]
    images = pl.DataFrame(
        {
            "dicom_id": ids,
            "modality": ["DX"] * count,
            "manufacturer_group": ["Acme" if n % 20 else None for n in numbers],
            "dicom_sha256": [hashlib.sha256(f"dicom {i}".encode()).hexdigest() for i in ids],
            "redacted_area_share": [0.2 if n == 5 else 0.0 for n in numbers],
            "flags": [["text_declared"] if n == 7 else [] for n in numbers],
        },
        schema_overrides={"flags": pl.List(pl.String)},
    )
    renditions = pl.DataFrame(
        {
            "dicom_id": ids,
            "study_id": [f"5{n:07d}" for n in numbers],
            "subject_id": [f"1{n:07d}" for n in numbers],
            "rows": [900 if n == 9 else 400 for n in numbers],
            "columns": [300] * count,
            "view": ["lateral" if n % 10 == 0 else "frontal" for n in numbers],
            "flags": [[]] * count,
            "sha256": [hashlib.sha256(i.encode()).hexdigest() for i in ids],
        },
        schema_overrides={"flags": pl.List(pl.String)},
    )
    boxes = [(ids[3], "redacted", 0.99), (ids[4], "kept", 0.5), (ids[5], "redacted", 0.95)]
    text_boxes = pl.DataFrame(
        [
            {"dicom_id": i, "box": 0, "top_px": 1, "left_px": 2, "bottom_px": 3, "right_px": 4, "decision": d}
            | {"probability": p}
            for i, d, p in boxes
        ]
    )
    return ImageTables(images, renditions, text_boxes)


def sources(study_id: str, dicom_id: str) -> str:
    return f"jpeg/{study_id}/{dicom_id}.jpg"


def test_drawing_again_gives_the_same_whatever_the_order_of_rows() -> None:
    tables = image_tables()
    turned = ImageTables(tables.images.reverse(), tables.renditions.reverse(), tables.text_boxes.reverse())
    first = image_sample(tables, ImageFiles(sources), SETTINGS, 3)
    assert image_sample(turned, ImageFiles(sources), SETTINGS, 3) == first
    assert image_sample(tables, ImageFiles(sources), SETTINGS, 4) != first


def test_an_image_has_windows_where_its_dicom_file_is_kept() -> None:
    kept = ImageFiles(sources, lambda study, unit: f"dicom/{study}/{unit}.dcm" if unit != ident(3) else "")
    drawn = {draft.unit_id: draft for draft in image_sample(image_tables(12), kept, SETTINGS, 3)}
    assert drawn[ident(4)].dicom == f"dicom/50000004/{ident(4)}.dcm"
    assert drawn[ident(4)].dicom_sha256 == hashlib.sha256(f"dicom {ident(4)}".encode()).hexdigest()
    assert [window.value for window in drawn[ident(4)].windows] == ["darks", "brights", "fine"]
    assert (drawn[ident(3)].dicom, drawn[ident(3)].dicom_sha256, drawn[ident(3)].windows) == ("", "", ())


def test_models_of_one_maker_are_strata_of_their_own() -> None:
    tables = image_tables()
    numbers = {ident(n): "#1" if n % 3 else "#2" for n in range(200) if n % 7}
    drawn = image_sample(replace(tables, devices=numbers), ImageFiles(sources), SETTINGS, 3)
    strata = {draft.stratum for draft in drawn}
    assert {"device:Acme DX", "device:Acme DX #1", "device:Acme DX #2"} <= strata


def test_the_random_part_does_not_know_the_strata() -> None:
    tables = image_tables()
    drawn = image_sample(tables, ImageFiles(sources), SETTINGS, 3)
    without = image_sample(tables, ImageFiles(sources), SETTINGS.model_copy(update={"per_stratum": 0}), 3)
    assert [draft.stratum for draft in without] == ["random"] * 10
    assert drawn[:10] == without


def test_each_kind_of_odd_image_has_a_stratum() -> None:
    tables = image_tables()
    drawn = image_sample(tables, ImageFiles(sources), SETTINGS, 3)
    by_unit = {draft.unit_id: draft.stratum for draft in drawn}
    assert len(by_unit) == len(drawn)
    expected = {3: "boxes", 4: "uncertain", 5: "mask", 7: "declared", 9: "size"}
    assert {n: by_unit[ident(n)] for n in expected if by_unit[ident(n)] != "random"} == {
        n: stratum for n, stratum in expected.items() if by_unit[ident(n)] != "random"
    }
    strata = {draft.stratum for draft in drawn}
    assert {"device:Acme DX", "device:unknown DX", "view:frontal", "view:lateral"} <= strata
    box = next(draft.machine_boxes for draft in drawn if draft.unit_id == ident(3))
    assert [(one.box, one.decision.value) for one in box] == [(PixelBox(1, 2, 3, 4), "redacted")]


def test_planted_items_are_two_percent_and_sixty_at_least() -> None:
    assert [planted_count(n, ReviewSettings()) for n in (0, 100, 3000, 3001, 6900)] == [60, 60, 60, 61, 138]
    assert planted_count(6900, ReviewSettings(planted_share=0)) == 0


def test_backgrounds_are_images_that_nobody_reads_otherwise() -> None:
    tables = image_tables()
    taken = [ident(n) for n in range(100)]
    order = backgrounds(tables, taken, 3)
    assert not set(order[:100]) & set(taken)
    assert {ident(n) for n in (3, 4, 5)} <= set(order[-3:])


# ---------------------------------------------------------------- planted


def planted(gray: Gray, cell: str, seed: int, is_found: IsFound | None = None) -> PlantedImage:
    made = plant_on_image(gray, cell, np.random.default_rng(seed), is_found)
    assert made is not None
    return made


@pytest.mark.parametrize("cell", CELLS)
def test_planted_type_stands_in_its_box_at_its_contrast(cell: str) -> None:
    gray = np.full((600, 500), 90, np.uint8)
    made = planted(gray, cell, 1)
    outside = np.ones(gray.shape, bool)
    outside[made.box.top : made.box.bottom, made.box.left : made.box.right] = False
    assert (made.gray[outside] == 90).all()
    assert int(made.gray.max()) - 90 == round(255 * made.contrast)
    assert made.gray[made.box.top].any()
    assert (gray == 90).all()


def test_type_that_the_machine_finds_is_written_fainter_until_it_does_not() -> None:
    gray = np.full((600, 500), 90, np.uint8)
    made = planted(gray, "clear:large", 2, lambda image, _: int(image.max()) > 105)
    assert made.is_missed
    assert int(made.gray.max()) <= 105
    assert made.cell in {"low:large", "faint:large"}
    assert made.contrast <= 0.07
    always = planted(gray, "clear:large", 2, lambda *_: True)
    assert not always.is_missed


def test_type_on_a_light_ground_is_dark_and_fits_a_narrow_image() -> None:
    made = planted(np.full((300, 40), 240, np.uint8), "clear:large", 3)
    assert made.gray.min() < 240
    assert made.gray.max() == 240
    assert made.box.right <= 40


def test_nothing_is_planted_where_nobody_could_read_it() -> None:
    noise = np.random.default_rng(5).integers(0, 256, (400, 300)).astype(np.uint8)
    assert plant_on_image(noise, "clear:large", np.random.default_rng(6)) is None
    half = noise.copy()
    half[:200] = 100
    made = [plant_on_image(half, "low:small", np.random.default_rng(seed)) for seed in range(12)]
    places = [one.box for one in made if one is not None]
    assert len(places) >= 10
    assert all(box.bottom <= 200 for box in places)


def test_cells_take_turns() -> None:
    assert sorted(cells_for(18)) == sorted(CELLS * 2)


@pytest.mark.parametrize("text", ["No acute disease. Heart is normal.", "one line", ""])
def test_a_planted_identifier_stands_in_its_span(text: str) -> None:
    made = plant_in_text(text, np.random.default_rng(4))
    told = made.text[made.span.start : made.span.end]
    assert told.strip() == told
    assert told
    assert made.text.startswith(text[:1])
    assert len(made.text) > len(text) + len(told)


def test_identifiers_are_invented_anew_for_every_stream() -> None:
    assert len({identifier(np.random.default_rng(seed)) for seed in range(50)}) == 50


# ---------------------------------------------------------------- texts and reports


def deid_reports(count: int, subjects: int | None = None) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "study_id": [f"5{n:07d}" for n in range(count)],
            "subject_id": [f"1{n % (subjects or count):07d}" for n in range(count)],
            "text": ["word " * (n + 1) for n in range(count)],
            "has_demographics": [n % 5 != 0 for n in range(count)],
        }
    )


def test_texts_without_demographics_and_the_longest_are_forced() -> None:
    drawn = text_sample(deid_reports(100), SETTINGS, 0)
    strata = pl.Series([draft.stratum for draft in drawn]).value_counts().sort("")
    assert dict(strata.iter_rows()) == {"longest": 2, "no_demographics": 3, "random": 4}
    assert {d.unit_id for d in drawn if d.stratum == "longest"} == {"50000099", "50000098"}


NAMED = NamedLikeWords(frozenset(f"5{n:07d}" for n in range(0, 400, 4)), "a secret of the vault")


def mixed(named: NamedLikeWords | None, seed: int = 0) -> list[str]:
    settings = SETTINGS.model_copy(update={"per_stratum": 20})
    return [
        draft.unit_id for draft in text_sample(deid_reports(400), settings, seed, named) if draft.stratum == "mixed"
    ]


def test_half_of_those_who_may_have_a_word_for_a_name_were_drawn_for_nothing() -> None:
    drawn = mixed(NAMED)
    assert len(drawn) == 20
    assert sum(study in NAMED.studies for study in drawn) == 10
    assert mixed(NAMED) == drawn
    assert mixed(None) == mixed(NamedLikeWords()) == []


def test_neither_order_nor_seed_tells_the_halves_of_the_mixed_stratum_apart() -> None:
    drawn = mixed(NAMED)
    assert drawn == sorted(drawn)
    assert mixed(replace(NAMED, salt="another")) != drawn
    guessed = sorted(drawn, key=lambda study: rank(0, "mixed", study))[:10]
    assert 0 < sum(study in NAMED.studies for study in guessed) < 10


def label_rows(count: int, **given: dict[int, int]) -> pl.DataFrame:
    """Both labelers mention nothing, save what is given as label=number of study -> value."""
    rows = []
    for labeler in ("chexpert", "negbio"):
        for n in range(count):
            values = {label.value: given.get(label.name, {}).get(n) for label in Label}
            rows.append({"study_id": f"5{n:07d}", "labeler": labeler, **values})
    return pl.DataFrame(rows, schema_overrides={label.value: pl.Int8 for label in Label})


def test_rare_cells_come_first() -> None:
    labels = label_rows(30, EDEMA=dict.fromkeys(range(20), 1), FRACTURE={25: -1})
    cells = report_cells(labels)
    assert list(cells) == ["Fracture uncertain", "nothing", "Edema positive"]
    assert cells["Fracture uncertain"] == ["50000025"]


def test_labelers_that_disagree_make_a_cell() -> None:
    labels = label_rows(3, EDEMA={1: 1})
    other = pl.col("labeler") == "negbio"
    labels = labels.with_columns(pl.when(other).then(None).otherwise(pl.col("Edema")).alias("Edema"))
    assert report_cells(labels)["disagreement"] == ["50000001"]


def test_one_report_a_subject_until_the_cap_and_then_more_of_the_same() -> None:
    tables = ReportTables(label_rows(40, EDEMA=dict.fromkeys(range(40), 1)), deid_reports(40, subjects=10))
    drawn = report_sample(tables, SETTINGS.model_copy(update={"label_subjects_share": 0.4}), 0)
    subjects = [draft.subject_id for draft in drawn]
    assert len(set(subjects[:4])) == 4
    assert len(drawn) == 6
    assert set(subjects) == set(subjects[:4])
    assert report_sample(tables, SETTINGS.model_copy(update={"label_subjects_share": 0.4}), 0) == drawn


def test_nobody_whose_training_data_was_published_becomes_test() -> None:
    tables = ReportTables(label_rows(20, EDEMA=dict.fromkeys(range(20), 1)), deid_reports(20))
    released = frozenset(f"1{n:07d}" for n in range(15))
    drawn = report_sample(
        replace(tables, excluded_subjects=released), SETTINGS.model_copy(update={"label_subjects_share": 1.0}), 0
    )
    assert {draft.subject_id for draft in drawn} == {f"1{n:07d}" for n in range(15, 20)}


def test_the_hours_of_the_paper_s_review_are_told() -> None:
    told = workload(ReviewKind.IMAGES, 7038, 2, ReviewSettings())
    assert told.hours == 7038 * 2 * 5 / 3600
    assert told.line() == (
        "7,038 images x 2 readers x 5 s: 19.6 hours of reading, 9.8 for each reader; about 183 go to the consensus"
    )
