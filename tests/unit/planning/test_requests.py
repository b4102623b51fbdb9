"""What was asked for is asked for until it was done; what a fingerprint is made of is known as long as it is needed."""

from pathlib import Path

from cxr_core.planning.requests import answered, ask_for, asked_for, changed_parts, note_parts

A, B = "50000001", "50000002"
OLD, NEW, NEWEST = "a" * 64, "b" * 64, "c" * 64
THEN = {"code cxr_core.labeling": "1", "library numpy": "2.1.0", "rules labeling/cues.toml": "1", "setting gone": "1"}
NOW = {"code cxr_core.labeling": "1", "library numpy": "2.2.0", "rules labeling/cues.toml": "2", "setting came": "1"}


def test_requests_add_up_and_go_once_they_are_answered(tmp_path: Path) -> None:
    assert asked_for(tmp_path) == frozenset()
    ask_for(tmp_path, [A])
    ask_for(tmp_path, [B])
    assert asked_for(tmp_path) == {A, B}
    answered(tmp_path, [A, "50000009"])
    assert asked_for(tmp_path) == {B}


def test_changed_parts_are_named_and_libraries_with_their_versions(tmp_path: Path) -> None:
    note_parts(tmp_path, OLD, THEN, still=[])
    assert changed_parts(tmp_path, OLD, NOW) == (
        "library numpy 2.1.0 -> 2.2.0",
        "rules labeling/cues.toml",
        "setting came (new)",
        "setting gone (gone)",
    )
    assert changed_parts(tmp_path, OLD, THEN) == ()


def test_a_fingerprint_that_was_never_noted_has_no_parts(tmp_path: Path) -> None:
    assert changed_parts(tmp_path, OLD, NOW) is None


def test_parts_of_a_fingerprint_that_no_study_carries_any_more_go(tmp_path: Path) -> None:
    note_parts(tmp_path, OLD, THEN, still=[])
    note_parts(tmp_path, NEW, NOW, still=[OLD])
    assert changed_parts(tmp_path, OLD, THEN) == ()
    note_parts(tmp_path, NEWEST, NOW, still=[NEW])
    assert changed_parts(tmp_path, OLD, THEN) is None
    assert changed_parts(tmp_path, NEW, NOW) == ()
