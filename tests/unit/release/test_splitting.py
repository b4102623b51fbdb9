"""Splits: by patient, once and for all, in any order."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cxr_core.release.splitting import EMPTY_TEST_NOTE, FALLBACK_NOTE, Assignment, Ties, assign_splits
from cxr_core.settings.split import SplitSettings
from cxr_core.tables.catalogue import SPLITS

SUBJECTS = [str(10_000_000 + number) for number in range(100)]
SEED = b"seed of the tests"


def assign(
    subjects: list[str],
    previous: Assignment | None = None,
    labelled: frozenset[str] = frozenset(),
    ties: Ties | None = None,
    **options: float,
) -> Assignment:
    earlier = previous.splits if previous else SPLITS.empty()
    chosen = SplitSettings(**options)  # type: ignore[arg-type]
    tie = ties or Ties()
    return assign_splits(subjects, earlier, labelled_subjects=labelled, settings=chosen, seed=SEED, ties=tie)


def by_split(assignment: Assignment) -> dict[str, set[str]]:
    held: dict[str, set[str]] = {"train": set(), "validate": set(), "test": set()}
    for subject, split in assignment.splits.iter_rows():
        held[split].add(subject)
    return held


def test_without_manual_labels_a_tenth_is_drawn_for_test_and_the_note_says_so() -> None:
    done = assign(SUBJECTS)
    assert {name: len(held) for name, held in by_split(done).items()} == {"train": 80, "validate": 10, "test": 10}
    assert done.notes == (FALLBACK_NOTE,)


def test_test_is_exactly_the_manually_labelled_subjects() -> None:
    labelled = frozenset(SUBJECTS[:7])
    done = assign(SUBJECTS, labelled=labelled)
    assert by_split(done)["test"] == labelled
    assert done.notes == ()


def test_validate_holds_500_subjects_of_a_large_cohort() -> None:
    many = [str(10_000_000 + number) for number in range(6000)]
    assert len(by_split(assign(many, labelled=frozenset(many[:3])))["validate"]) == 500


def test_order_and_repeats_of_subjects_change_nothing() -> None:
    shuffled = SUBJECTS * 2
    random.Random(1).shuffle(shuffled)
    assert assign(shuffled).splits.equals(assign(SUBJECTS).splits)


def test_another_seed_draws_others() -> None:
    other = assign_splits(
        SUBJECTS, SPLITS.empty(), labelled_subjects=frozenset(), settings=SplitSettings(), seed=b"other"
    )
    assert not other.splits.equals(assign(SUBJECTS).splits)


@settings(max_examples=25, deadline=None)
@given(first=st.sets(st.sampled_from(SUBJECTS)), second=st.sets(st.sampled_from(SUBJECTS)))
def test_a_subject_never_moves_and_absent_ones_are_remembered(first: set[str], second: set[str]) -> None:
    earlier = assign(sorted(first))
    later = dict(assign(sorted(second), earlier).splits.iter_rows())
    assert later.keys() == first | second
    assert {subject: later[subject] for subject in first} == dict(earlier.splits.iter_rows())


def test_a_manual_label_moves_a_subject_to_test_and_is_reported() -> None:
    earlier = assign(SUBJECTS)
    trained = sorted(by_split(earlier)["train"])[0]
    later = assign(SUBJECTS, earlier, labelled=frozenset({trained}))
    assert trained in by_split(later)["test"]
    assert later.moved_to_test == (trained,)
    assert later.notes == ("1 subjects moved to test because of a manual label",)


@pytest.mark.parametrize("count", [0, 1, 9])
def test_few_subjects_all_train(count: int) -> None:
    done = assign(SUBJECTS[:count])
    assert len(by_split(done)["train"]) == count
    assert EMPTY_TEST_NOTE in done.notes


def test_validate_share_of_zero_gives_no_validate() -> None:
    assert by_split(assign(SUBJECTS, max_validate_share=0))["validate"] == set()


def tied(*families: list[str]) -> Ties:
    return Ties({subject: min(family) for family in families for subject in family})


@settings(max_examples=25, deadline=None)
@given(st.lists(st.sampled_from(SUBJECTS), min_size=2, max_size=12, unique=True), st.integers(1, 4))
def test_subjects_that_share_a_picture_go_to_one_split(members: list[str], size: int) -> None:
    families = [members[start : start + size] for start in range(0, len(members), size)]
    held = dict(assign(SUBJECTS, ties=tied(*families)).splits.iter_rows())
    assert all(len({held[subject] for subject in family}) == 1 for family in families)


def test_a_new_subject_follows_the_one_it_shares_a_picture_with() -> None:
    earlier = assign(SUBJECTS)
    (held, *_) = sorted(by_split(earlier)["validate"])
    later = assign([*SUBJECTS, "10000999"], earlier, ties=tied([held, "10000999"]))
    assert "10000999" in by_split(later)["validate"]


def test_subjects_that_were_apart_before_anybody_knew_stay_and_are_reported() -> None:
    earlier = assign(SUBJECTS)
    pair = [min(by_split(earlier)[name]) for name in ("train", "test")]
    later = assign(SUBJECTS, earlier, ties=tied(pair))
    assert later.splits.equals(earlier.splits)
    assert "2 subjects share a picture with a subject of another split" in later.notes


def test_a_labelled_subject_takes_its_new_kin_into_test() -> None:
    done = assign(SUBJECTS, labelled=frozenset(SUBJECTS[:1]), ties=tied(SUBJECTS[:3]))
    assert by_split(done)["test"] == set(SUBJECTS[:3])


@pytest.mark.parametrize(
    ("own", "other", "becomes"),
    [
        ("train", "validate", "validate"),
        ("train", "test", "test"),
        ("validate", "test", "test"),
        ("test", "train", "test"),
        ("validate", "train", "validate"),
        ("train", "train", "train"),
    ],
)
def test_after_a_merge_test_wins_over_validate_over_train(own: str, other: str, becomes: str) -> None:
    before = SPLITS.frame([{"subject_id": SUBJECTS[0], "split": own}, {"subject_id": SUBJECTS[1], "split": other}])
    ties = Ties(retired=[(SUBJECTS[1], SUBJECTS[0])])
    done = assign(SUBJECTS[:1], Assignment(before), ties=ties)
    assert dict(done.splits.iter_rows())[SUBJECTS[0]] == becomes
    assert ("1 subjects changed their split because patients were merged" in done.notes) == (own != becomes)
    assert assign(SUBJECTS[:1], done, ties=ties).splits.equals(done.splits)


def test_parted_patients_inherit_the_split_of_the_id_they_shared() -> None:
    before = SPLITS.frame([{"subject_id": SUBJECTS[0], "split": "validate"}])
    ties = Ties(retired=[(SUBJECTS[0], SUBJECTS[1]), (SUBJECTS[0], SUBJECTS[2])])
    done = assign(SUBJECTS[1:3], Assignment(before), ties=ties)
    assert by_split(done)["validate"] == set(SUBJECTS[:3])
