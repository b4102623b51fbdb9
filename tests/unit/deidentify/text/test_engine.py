"""The text engine as a whole: layers together, refusals, idempotence, over-redaction, planted identifiers."""

import contextlib
import csv
import datetime as dt
import pickle
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cxr_core.deidentify.text import RedactedText, SpanKind, TextEngine
from cxr_core.errors import ItemError
from cxr_core.vault.dictionary import IdentityFacts, PatientDictionary, SiteDictionary, build_dictionaries
from cxr_core.vocabulary import Reason

PATIENT = PatientDictionary(
    names=frozenset({"holloway", "brenna", "young", "heart", "effusion", "may"}),
    identifiers=frozenset({"00771204", "MRN5512"}),
    birth_dates=frozenset({dt.date(1951, 3, 9)}),
    phones=frozenset({"(303) 555-0188"}),
    address_parts=frozenset({"77 tannery ln", "tannery ln", "ashford"}),
)
SITE = SiteDictionary(
    names=frozenset({"small", "stern", "ida", "lung", "marsh"}), places=frozenset({"long meadow hospital"})
)
NOBODY = PatientDictionary()
ENGINE = TextEngine(SITE)


def redacted(text: str, patient: PatientDictionary = PATIENT) -> str:
    return ENGINE.redact(text, patient).text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Brenna Holloway presents with cough.", "___ presents with cough."),
        ("HOLLOWAY, BRENNA has no effusion.", "___ has no effusion."),
        ("Seen with holloway at bedside.", "Seen with ___ at bedside."),
        ("Discussed with Holoway today.", "Discussed with ___ today."),
        ("Mrs. Young is a young woman.", "Mrs. ___ is a young woman."),
        ("Ms. Heart has a normal heart. Heart: normal.", "Ms. ___ has a normal heart. Heart: normal."),
        ("Mr. Effusion has no effusion.", "Mr. ___ has no effusion."),
        ("Heart size is normal. Effusion is seen.", "Heart size is normal. Effusion is seen."),
        ("Effusion is a 71-year-old man. Heart is intubated.", "___ is a 71-year-old man. ___ is intubated."),
        ("Brenna's wife. Brenna’s scan of 19 May. Clear.", "___'s wife. ___’s scan of ___. Clear."),
        ("There may be edema. May Holloway agrees.", "There may be edema. ___ agrees."),
        ("MRN 771204 and MRN5512", "MRN ___ and ___"),
        ("id 77-12-04", "id ___"),
        ("born 09.03.1951, or 3/9/51, or 9 March 1951, or 09MAR1951", "born ___, or ___, or ___, or ___"),
        ("lives at 77 Tannery Ln in Ashford", "lives at ___ in ___"),
        ("phone 303 555 0188 or 555-0188", "phone ___ or ___"),
    ],
)
def test_the_patients_own_strings_go(text: str, expected: str) -> None:
    assert redacted(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Small left effusion. Lung bases are clear.", "Small left effusion. Lung bases are clear."),
        ("Reviewed with Ida Small at noon.", "Reviewed with ___ at noon."),
        ("A small nodule, as Stern noted.", "A small nodule, as ___ noted."),
        ("Sent from Long Meadow Hospital.", "Sent from ___."),
    ],
)
def test_staff_names_that_are_words_need_a_sign(text: str, expected: str) -> None:
    assert redacted(text, NOBODY) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Compared with Kowalczyk.", "Compared with ___."),
        ("Order 48213 of 2011.", "Order ___ of ___."),
        ("Given to Grant Kowalczyk.", "Given to ___."),
        ("Study XR-2207-118 is complete.", "Study ___ is complete."),
        ("We met Rose inside.", "We met ___ inside."),
        ("Bilateral plueral effusions and pnuemonia.", "Bilateral plueral effusions and pnuemonia."),
        ("1500 ml drained, 1200-1500 ml in all, 110 kVp.", "1500 ml drained, 1200-1500 ml in all, 110 kVp."),
        ("Se\u0301amus Kiely called.", "___ called."),
        ("Zoë\u200bKiely called.", "___ called."),
    ],
)
def test_what_nobody_vouches_for_goes(text: str, expected: str) -> None:
    assert redacted(text, NOBODY) == expected


UNCHANGED = [
    "The lungs are clear without focal consolidation, pleural effusion or pneumothorax.",
    "No acute cardiopulmonary process.",
    "Heart size is top-normal; the mediastinal and hilar contours are unremarkable.",
    "Endotracheal tube terminates 4.2 cm above the carina. NG tube courses below the diaphragm.",
    "A 5 mm calcified granuloma in the right upper lobe is unchanged.",
    "Compression deformities of T11-T12 and L1, age indeterminate.",
    "Healing fractures of the left 6th and 7th ribs.",
    "Kerley B lines and cephalization suggest mild interstitial pulmonary edema.",
    "Swan-Ganz catheter tip is in the right pulmonary artery.",
    "Ghon complex. Fleischner criteria do not apply. Bochdalek hernia.",
    "Hampton's hump cannot be excluded. Hill-Sachs deformity of the left humerus.",
    "Right PICC tip in the lower SVC; left IJ catheter in the brachiocephalic vein.",
    "Cannot exclude early pneumonia in the retrocardiac region.",
    "Bibasilar atelectasis, left greater than right, with small bilateral pleural effusions.",
    "Status post CABG with intact median sternotomy wires. AICD leads are stable.",
    "Moderate-to-severe cardiomegaly with pulmonary vascular congestion.",
    "FINDINGS: PORTABLE AP CHEST. LOW LUNG VOLUMES. NO PNEUMOTHORAX.",
    "INDICATION: 84F with SOB, h/o COPD, s/p fall, r/o rib fx.",
    "84-year-old man with fever; O2 sat 92% on 2L NC.",
    "IMPRESSION:\n1. No acute process.\n2. Stable 1.2 x 0.8 cm nodule.",
    "The tip projects over the cavoatrial junction, approximately 3 cm below the carina.",
    "Biapical scarring; eggshell calcification; honeycombing consistent with UIP or IPF fibrosis.",
    "Oesophageal dilatation and haemorrhagic oedema are less likely.",
    "Findings were discussed with the referring service by telephone.",
    "Follow-up CT in 3-6 months is recommended if clinically indicated.",
    "Nondisplaced, peribronchial, infrahilar, retrosternal, extrapleural and subsegmental changes.",
    "Blunting of the left costophrenic angle may represent pleural thickening versus a trace effusion.",
    "Mild dextroscoliosis. Degenerative changes of the thoracic spine. Osteopenia.",
    "Views 1/2 and 2/2 are rotated; grade 3 of 4.",
    "There are no prior studies for comparison.",
]


@pytest.mark.parametrize("text", UNCHANGED)
def test_radiology_comes_through_unchanged(text: str) -> None:
    engine = TextEngine(SiteDictionary())
    assert engine.redact(text, NOBODY).text == text


REPORT = """Long Meadow Hospital
Patient: Holloway, Brenna K   MRN: 00771204   DOB: 03/09/1951
Exam: CHEST (PA AND LAT)   Date: 04/03/2011

HISTORY: Mrs. Holloway is a 60-year-old woman. Cough.

COMPARISON:  Chest radiograph from 2010-04-23.

FINDINGS: Heart size is normal. Discussed with Dr. Marsh at 16:21, pager 69305.

IMPRESSION:  1. No acute process.

Electronically signed by Ida Stern, MD on 04/03/2011
Dictated at home

ADDENDUM: Small effusion.
"""
REPORT_REDACTED = """___
Patient: ___   MRN: ___   DOB: ___
Exam: CHEST (PA AND LAT)   Date: ___

HISTORY: Mrs. ___ is a 60-year-old woman. Cough.

COMPARISON:  Chest radiograph from ___.

FINDINGS: Heart size is normal. Discussed with Dr. ___ at ___, pager ___.

IMPRESSION:  1. No acute process.

Electronically signed by ___
___

ADDENDUM: Small effusion.
"""
OTHER = PatientDictionary(names=frozenset({"holloway", "brenna"}), identifiers=frozenset({"00771204"}))


def test_a_report_reads_well_after_redaction() -> None:
    assert redacted(REPORT, OTHER) == REPORT_REDACTED


def test_spans_are_disjoint_sorted_and_rebuild_the_text() -> None:
    result = ENGINE.redact(REPORT, OTHER)
    assert _rebuild(REPORT, result) == result.text
    assert result.original_length == len(REPORT)
    assert {span.kind for span in result.spans} >= {SpanKind.NAME, SpanKind.DATE, SpanKind.SIGNATURE}


def test_an_id_is_found_at_each_place_of_a_row_of_digits() -> None:
    assert redacted("77 12 04 and 77 12 04 77 12 04") == "___ and ___"


def _rebuild(text: str, result: RedactedText) -> str:
    pieces, position = [], 0
    for span in result.spans:
        assert position <= span.start < span.end <= len(text)
        pieces += [text[position : span.start], "___"]
        position = span.end
    return "".join((*pieces, text[position:]))


WORDS = st.sampled_from(
    [
        "Brenna", "Holloway", "young", "Young", "Marsh", "Small", "effusion", "Effusion.", "Dr.", "Mr", "MD", "signed",
        "by", "discussed", "with", "to", "Electronically", "Patient:", "MRN:", "cc:", "7712", "04", "/", "-", ",", ".",
        "\n", "\n\n", "(", ")", "daughter", "Kowalczyk", "A", "No", "Hospital", "General", "from", "at", "March", "12",
        "2013", "3/4", "16:21", "90", "year", "old", "pager", "room", "RX", "___", "HEART", "SIZE", "NORMAL", "'s",
        "T12", "5", "mm", "St", "Le", "and", "AM", "lives", "in", "Reading", "IMPRESSION:", "x", "#", "@", "https://a.b/c",
        "Oct",
    ]
)  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(st.lists(WORDS, min_size=1, max_size=40), st.sampled_from([" ", "", "  "]))
def test_redacting_twice_changes_nothing(words: list[str], glue: str) -> None:
    text = glue.join(words)
    if not any(sign.isalnum() for sign in text):
        return
    once = ENGINE.redact(text, PATIENT)
    assert _rebuild(text, once) == once.text
    assert once.text.count("\n") == text.count("\n")
    if any(sign.isalnum() for sign in once.text):
        assert ENGINE.redact(once.text, PATIENT).text == once.text


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=200))
def test_any_text_is_redacted_or_refused(text: str) -> None:
    with contextlib.suppress(ItemError):
        result = ENGINE.redact(text, PATIENT)
        assert _rebuild(text, result) == result.text


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", Reason.E_EMPTY),
        (" \n -- .", Reason.E_EMPTY),
        ("lungs\x00clear", Reason.E_ENCODING),
        ("{\\rtf1 lungs clear}", Reason.E_ENCODING),
        ("%PDF-1.4 lungs", Reason.E_ENCODING),
        ("lungs \ufffd\ufffd\ufffd\ufffd\ufffd\ufffd clear", Reason.E_ENCODING),
        ("clear " * 40_000, Reason.E_SIZE),
    ],
)
def test_what_is_no_report_is_refused(text: str, reason: Reason) -> None:
    with pytest.raises(ItemError) as caught:
        ENGINE.redact(text, NOBODY)
    assert caught.value.reason is reason


def test_the_engine_survives_pickling_between_workers() -> None:
    copy = pickle.loads(pickle.dumps(ENGINE))  # noqa: S301 - our own bytes
    assert copy.redact("Seen by Dr. Marsh.", NOBODY).text == "Seen by Dr. ___."


SAMPLE = Path(__file__).parents[4].parent / "shared" / "data" / "hospital-sample"


@pytest.mark.shared
def test_no_planted_identifier_of_the_sample_hospital_survives() -> None:
    if not SAMPLE.exists():
        pytest.skip("the sample hospital does not lie beside the project")
    reports = {row["report_id"]: row for row in _rows("truth/reports.csv") if row["text"].strip()}
    patients, site = build_dictionaries(_sample_facts())
    engine = TextEngine(site)
    leaked = 0
    for planted in _rows("truth/report_phi.csv"):
        report = reports[planted["report_id"]]
        result = engine.redact(report["text"], patients["hospital", report["mrn"]])
        hidden = {place for span in result.spans for place in range(span.start, span.end)}
        own = range(int(planted["start"]), int(planted["end"]))
        words = report["text"][own.start : own.stop].replace(" on ", "    ")
        leaked += any(place not in hidden for place, sign in zip(own, words, strict=True) if sign.isalnum())
    assert leaked == 0


def _rows(name: str) -> list[dict[str, str]]:
    with (SAMPLE / name).open(encoding="utf-8-sig", newline="") as lines:
        return list(csv.DictReader(lines))


def _sample_facts() -> list[IdentityFacts]:
    return [
        IdentityFacts(
            patient=("hospital", row["mrn"]),
            names=(row["patient_name"],),
            staff_names=(row["radiologist"], row["ordering"]),
            identifiers=(row["accession"], row["report_id"]),
            birth_dates=(dt.date.fromisoformat(row["birth_date"]),) if row["birth_date"] else (),
        )
        for row in _rows("export/ris/ris_export.csv")
    ] + [IdentityFacts(patient=("hospital", row["mrn"])) for row in _rows("truth/reports.csv")]
