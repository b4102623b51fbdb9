"""What identifies a patient and a site: splitting of raw forms, written forms, canonical bytes."""

import datetime as dt

import pytest

from cxr_core.vault.dictionary import (
    IdentityFacts,
    PatientDictionary,
    SiteDictionary,
    build_dictionaries,
    fold_name,
    number_forms,
    split_address,
    split_name,
    split_place,
    written_dates,
)

PATIENT = ("site-a", "00771204")


@pytest.mark.parametrize(
    ("raw", "components"),
    [
        ("HOLLOWAY^BRENNA^K", {"holloway", "brenna"}),
        ("Holloway, Brenna K", {"holloway", "brenna"}),
        ("Brenna Holloway, DO", {"holloway", "brenna"}),
        ("Holloway&Brenna", {"holloway", "brenna"}),
        ("Dr. Brenna Holloway", {"holloway", "brenna"}),
        ("Le Moyne, Odile", {"le", "moyne", "lemoyne", "odile"}),
        ("De La Fuente^Ana", {"de", "la", "fuente", "delafuente", "lafuente", "ana"}),
        ("O'Dowd^Cillian", {"odowd", "dowd", "cillian"}),
        ("Grünwald^Jörg", {"grunwald", "gruenwald", "jorg", "joerg"}),
        ("Mora-Stein^Ilse", {"mora-stein", "morastein", "mora", "stein", "ilse"}),
        ("NGUYEN^DO", {"nguyen", "do"}),
        ("Li^X", {"li"}),
        ("UNKNOWN", set()),
        ("", set()),
    ],
)
def test_a_raw_name_splits_into_folded_components(raw: str, components: set[str]) -> None:
    assert split_name(raw) == components


def test_ideographic_groups_are_kept_beside_the_latin_one() -> None:
    assert {"hayashi", "林", "健"} <= split_name("Hayashi^Ken=林^健")


def test_accents_apostrophes_and_hidden_signs_fold_away() -> None:
    assert fold_name("Séa\u00admus O’Neil") == "seamus oneil"


def test_an_address_gives_street_town_and_postcode() -> None:
    assert split_address("77 Tannery Ln, Ashford MA 02199") == {
        "77 tannery ln", "tannery ln", "tannery", "ashford", "02199",
    }  # fmt: skip


def test_a_place_gives_its_distinctive_part() -> None:
    assert split_place("Ashford Memorial Hospital") == {"ashford memorial hospital", "ashford"}
    assert split_place("Emergency") == set()


@pytest.mark.parametrize(
    ("raw", "parts"),
    [
        ("Boy^Sharon", {"boy", "sharon", "boysharon"}),
        ("MARSH^BABY BOY", {"marsh"}),
        ("Doe^Jane", {"doe", "jane", "doejane"}),
        ("Test^Patient", set()),
        ("Unknown^Quill", {"quill"}),
        ("NOT AVAILABLE", set()),
    ],
)
def test_what_stands_where_no_name_is_known_is_no_name(raw: str, parts: set[str]) -> None:
    assert split_name(raw) == parts


def test_a_number_is_known_without_separators_and_leading_zeros() -> None:
    assert number_forms("0077-1204") == {"0077-1204", "00771204", "771204"}


def test_birth_dates_have_at_least_eight_written_forms() -> None:
    forms = written_dates(dt.date(1951, 3, 9))
    assert {
        "1951-03-09", "19510309", "03/09/1951", "3/9/51", "09.03.1951", "March 9, 1951", "9 March 1951", "09-Mar-1951",
    } <= forms  # fmt: skip


def _facts() -> list[IdentityFacts]:
    return [
        IdentityFacts(
            patient=PATIENT,
            names=("HOLLOWAY^BRENNA",),
            staff_names=("Stern, Ida",),
            identifiers=("AC-5510",),
            birth_dates=(dt.date(1951, 3, 9),),
            phones=("(303) 555-0188",),
            places=("Ashford Memorial Hospital",),
        ),
        IdentityFacts(patient=PATIENT, names=("Tremaine^Brenna",)),
        IdentityFacts(patient=("site-b", "00771204"), names=("Quill^Otto",)),
    ]


def test_facts_of_one_patient_are_gathered_and_sites_stay_apart() -> None:
    patients, site = build_dictionaries(_facts())
    assert patients[PATIENT].names == {"holloway", "tremaine", "brenna"}
    assert patients[PATIENT].identifiers == {"AC-5510", "00771204"}
    assert patients["site-b", "00771204"].names == {"quill", "otto"}
    assert site == SiteDictionary(
        names=frozenset({"stern", "ida"}), places=frozenset({"ashford memorial hospital", "ashford"})
    )


def test_digest_material_does_not_depend_on_the_order_of_the_facts() -> None:
    forwards, site = build_dictionaries(_facts())
    backwards, same_site = build_dictionaries(reversed(_facts()))
    assert forwards[PATIENT].digest_material() == backwards[PATIENT].digest_material()
    assert site.digest_material() == same_site.digest_material()
    assert forwards[PATIENT].digest_material() != PatientDictionary().digest_material()


def test_burned_in_strings_hold_names_ids_dates_and_phones_in_capitals() -> None:
    patients, _ = build_dictionaries(_facts())
    strings = patients[PATIENT].burned_in_strings()
    assert {"HOLLOWAY", "771204", "AC5510", "19510309", "3035550188"} <= set(strings)
    assert list(strings) == sorted(strings)


def test_no_repr_shows_a_value() -> None:
    patients, site = build_dictionaries(_facts())
    shown = repr(patients[PATIENT]) + repr(site) + repr(_facts()[0])
    assert "holloway" not in shown.lower()
    assert "771204" not in shown


def test_a_patient_without_names_has_no_demographics() -> None:
    assert not PatientDictionary(identifiers=frozenset({"1234"})).has_demographics
    assert PatientDictionary(names=frozenset({"quill"})).has_demographics
