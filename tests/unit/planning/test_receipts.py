"""A receipt holds as long as everything that it speaks of is what it was, byte for byte."""

import os
from dataclasses import replace
from pathlib import Path

import pytest

from cxr_core.planning.receipts import Step, file_digest, program_digest


@pytest.fixture
def step(tmp_path: Path) -> Step:
    """A step that was done: two files read, one of them absent, one left."""
    folder = tmp_path / "catalog" / "receipts"
    folder.parent.mkdir()
    made = Step(folder / "step.json", (tmp_path / "read", tmp_path / "none"), (tmp_path / "left",), ("word",))
    made.reads[0].write_text("read")
    assert made.earlier() is None
    made.leaves[0].write_text("left")
    made.leave({"count": 3})
    return made


def _again(step: Step) -> Step:
    """As the next build has it."""
    return replace(step)


def test_what_is_unchanged_says_what_it_said(step: Step) -> None:
    assert _again(step).earlier() == {"count": 3}


def test_a_file_of_the_same_content_and_another_time_is_the_same(step: Step) -> None:
    os.utime(step.reads[0], ns=(1, 1))
    assert _again(step).earlier() == {"count": 3}


@pytest.mark.parametrize("name", ["read", "none", "left"])
def test_any_other_byte_makes_the_step_be_done(step: Step, tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("other")
    assert _again(step).earlier() is None


@pytest.mark.parametrize("name", ["read", "left"])
def test_a_file_that_is_gone_makes_the_step_be_done(step: Step, tmp_path: Path, name: str) -> None:
    (tmp_path / name).unlink()
    assert _again(step).earlier() is None


def test_another_word_or_another_file_makes_the_step_be_done(step: Step) -> None:
    assert replace(step, words=("other",)).earlier() is None
    assert replace(step, words=("word", "more")).earlier() is None
    assert replace(step, reads=step.reads[:1]).earlier() is None
    assert replace(step, reads=step.reads[::-1]).earlier() is None


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"3", b"{}", b'{"source": 1, "result": 2}', b"\xff"])
def test_a_damaged_receipt_is_none(step: Step, content: bytes) -> None:
    step.receipt.write_bytes(content)
    assert _again(step).earlier() is None


def test_what_is_read_counts_as_it_was_before_the_step(step: Step) -> None:
    """A source that changes while it is read: nobody knows which of the two was read."""
    late = replace(step, words=("new",))
    assert late.earlier() is None
    late.reads[0].write_text("changed while the step ran")
    late.leave()
    assert replace(late).earlier() is None


def test_a_step_that_was_killed_between_its_files_is_done_again(step: Step) -> None:
    """The source changed, the step began to write, was killed, and the source changed back."""
    step.reads[0].write_text("other")
    assert _again(step).earlier() is None
    step.leaves[0].write_text("half of the other")
    step.reads[0].write_text("read")
    assert _again(step).earlier() is None


def test_a_vault_that_was_moved_away_gets_no_receipt(tmp_path: Path) -> None:
    step = Step(tmp_path / "vault" / "catalog" / "receipts" / "step.json", (), (), ())
    assert step.earlier() is None
    step.leave()
    assert list(tmp_path.iterdir()) == []


def test_a_receipt_is_its_owners_alone(step: Step) -> None:
    assert step.receipt.stat().st_mode & 0o777 == 0o600


def test_a_file_is_hashed_anew_after_it_was_replaced(tmp_path: Path) -> None:
    path, other = tmp_path / "table", tmp_path / "other"
    path.write_text("one")
    before = file_digest(path)
    other.write_text("two")
    other.replace(path)
    assert file_digest(path) != before


def test_any_line_of_code_or_rule_changes_the_program(tmp_path: Path) -> None:
    for name in ("one", "two"):
        package = tmp_path / name
        package.mkdir()
        (package / "code.py").write_text("pass\n")
        (package / "rules.toml").write_text("")
        (package / "code.pyc").write_text(name)  # compiled anew on every machine
    before = program_digest(tmp_path / "one")
    assert before == program_digest(tmp_path / "one")
    program_digest.cache_clear()
    (tmp_path / "one" / "rules.toml").write_text("[rule]\n")
    assert program_digest(tmp_path / "one") != before
