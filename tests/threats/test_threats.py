"""The threat corpus against the program: what becomes of every hostile file, what it costs, and what it leaves behind.

Every entry goes through the readers, each in a process that is measured, and through the command that a user runs, all
in one process. Expected is what the specification says (`specs/deidentification.md`, H1, H6, H7, H8).
"""

import os
import re
import struct
from collections.abc import Iterator
from pathlib import Path
from signal import Signals

import numpy as np
import pydicom
import pytest
from building import SharedFolder
from corpus import CORPUS, HONEST
from dicom_bytes import image, phantom, phantom_8
from evidence import Evidence, gather, load
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from search import found_in
from threat import Beyond, Family, Shows, Threat
from threat_command import Run, run_command
from threat_probe import PROBES, Probed

from cxr_core.policy.profile import CODE_ITEM_TAGS, load_profile
from cxr_core.settings.deidentify import ProfileName
from cxr_core.vocabulary import Reason

pytestmark = pytest.mark.slow

_BY_LINKING = frozenset({Reason.E_DUP, Reason.E_LINK, Reason.DUPLICATE})
_META_TAGS = frozenset({0x00020000, 0x00020001, 0x00020002, 0x00020003, 0x00020010, 0x00020012, 0x00020013})
_PIXEL_DATA, _METHODS = 0x7FE00010, 0x00120064

each_threat = pytest.mark.parametrize("threat", CORPUS.values(), ids=CORPUS)
each_that_may_be_cleaned = pytest.mark.parametrize(
    "threat",
    [threat for threat in CORPUS.values() if Beyond.CLEANED in threat.expected],
    ids=[name for name, threat in CORPUS.items() if Beyond.CLEANED in threat.expected],
)


@pytest.fixture(scope="module")
def evidence(session_folder: SharedFolder) -> Evidence:
    """The corpus built, probed and put before the command, once for all processes of the session."""
    with session_folder.making("threats") as (folder, is_new):
        if is_new:
            gather(folder)
    return load(folder)


def _run_of(evidence: Evidence, threat: Threat) -> Run:
    if threat.name not in evidence.runs:
        pytest.fail("a reader had to be ended over it, so that it was not put before the command")
    return evidence.runs[threat.name]


def _fates(evidence: Evidence, threat: Threat) -> list[str]:
    """What became of the files of an entry, one by one."""
    run = _run_of(evidence, threat)
    if run.code:
        pytest.fail(f"the command failed over it: {_last_line(run)}")
    return run.fates.get(threat.name, [])


def _last_line(run: Run) -> str:
    return (run.err.decode("utf-8", "replace").strip().splitlines() or ["nothing was said"])[-1]


def _written(evidence: Evidence, name: str) -> Iterator[bytes]:
    """The files that were written for an entry."""
    if name in evidence.runs:
        run = evidence.runs[name]
        yield from ((run.output / path).read_bytes() for path, owner in run.written.items() if owner == name)


# ---------------------------------------------------------------- the corpus


def test_the_corpus_has_at_least_45_entries() -> None:
    assert len(CORPUS) >= 45


def test_every_family_has_entries() -> None:
    assert {threat.family for threat in CORPUS.values()} == set(Family)


def test_every_reason_that_the_specification_names_is_expected_of_an_entry() -> None:
    alone = {next(iter(threat.expected)) for threat in CORPUS.values() if len(threat.expected) == 1}
    named = {"E_NOT_DICOM", "E_DICOMDIR", "E_SOP", "E_TYPE1", "E_PIXELS", "E_BOMB", "E_TS", "E_DUP", "E_LINK"}
    assert {Reason(code) for code in named} <= alone


def test_every_entry_has_a_name_in_kebab_case_and_one_sentence() -> None:
    assert [name for name in CORPUS if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", name)] == []
    assert [threat.name for threat in CORPUS.values() if not re.fullmatch(r"[^\n]+\.", threat.why)] == []


@each_that_may_be_cleaned
def test_the_search_finds_the_patient_where_it_was_planted(threat: Threat, evidence: Evidence) -> None:
    assert evidence.inputs[threat.name].planted or threat.name in _SEALED


_SEALED = frozenset(  # nobody reads through a deflate stream
    {
        "deflated",
        "deflated-with-words-behind",
        "deflate-bomb-of-empty-elements",
        "deflate-bomb-of-empty-items",
        "a-deflated-picture-at-the-cap",
    }
)


@pytest.mark.parametrize("codec", ["ascii", "utf-8", "utf-16-le", "utf-16-be", "latin-1"])
def test_the_search_reads_every_spelling_in_capitals_and_without(codec: str) -> None:
    content = b"\x07" + "qzxVane".encode(codec) + b"\x07"
    assert found_in([content], ["QZXVANE", "QZXHOLM"]) == ["QZXVANE"]


# ---------------------------------------------------------------- what it costs


@each_threat
def test_a_file_costs_less_than_five_seconds_and_a_gibibyte(threat: Threat, evidence: Evidence) -> None:
    probed = [evidence.probes[probe, threat.name] for probe in PROBES]
    assert [_cost(one) for one in probed if not one.is_within_bounds] == []


def _cost(probed: Probed) -> str:
    ended = f", ended by {Signals(probed.signal).name}" if probed.signal else ""
    return f"{probed.probe}: {probed.cpu_s:.1f} s, {probed.peak_bytes >> 20} MiB{ended}"


@each_threat
def test_a_reader_raises_nothing_but_reasons(threat: Threat, evidence: Evidence) -> None:
    probed = [evidence.probes[probe, threat.name] for probe in PROBES]
    raised = [fate for one in probed for fate in (one.fault, *one.outcomes.values()) if " at " in fate]
    assert raised == []


@each_threat
def test_no_reader_lets_through_what_must_be_refused(threat: Threat, evidence: Evidence) -> None:
    fates = evidence.probes["stages", threat.name].outcomes.values()
    may_be_cleaned = bool(threat.expected & {Beyond.CLEANED, *_BY_LINKING})
    assert may_be_cleaned or Beyond.CLEANED not in fates


@each_threat
def test_the_catalog_refuses_for_the_expected_reason_or_leaves_it_to_the_airlock(
    threat: Threat, evidence: Evidence
) -> None:
    fates = set(evidence.probes["catalog", threat.name].outcomes.values())
    assert fates - {Beyond.CLEANED} <= threat.expected


# ---------------------------------------------------------------- what becomes of it


@each_threat
def test_an_entry_becomes_what_the_specification_says(threat: Threat, evidence: Evidence) -> None:
    fates = _fates(evidence, threat)
    assert set(fates or [Beyond.NO_FILE]) <= threat.expected


@each_threat
def test_every_file_is_accounted_for(threat: Threat, evidence: Evidence) -> None:
    """Links, pipes and sockets may be accounted for, or be overlooked as no files; a folder, where none can list it."""
    made = evidence.inputs[threat.name]
    most = made.files + made.others + (Beyond.NO_FILE in threat.expected)
    assert made.files <= len(_fates(evidence, threat)) <= most


@each_threat
def test_one_entry_does_not_stop_the_others(threat: Threat, evidence: Evidence) -> None:
    run = _run_of(evidence, threat)
    assert (run.code, run.fates.get(HONEST)) == (0, [Beyond.CLEANED]), _last_line(run)


# ---------------------------------------------------------------- what it leaves behind


@each_that_may_be_cleaned
def test_no_canary_is_readable_in_what_was_written(threat: Threat, evidence: Evidence) -> None:
    assert found_in(_written(evidence, threat.name), threat.canaries) == []


def test_no_canary_is_readable_in_a_name_below_the_output(evidence: Evidence) -> None:
    names = [name.encode() for run in evidence.all_runs for name in run.written]
    canaries = {canary for threat in CORPUS.values() for canary in threat.canaries}
    assert found_in(names, canaries) == []


def test_no_canary_is_readable_on_the_terminal(evidence: Evidence) -> None:
    said = [stream for run in evidence.all_runs for stream in (run.out, run.err)]
    canaries = {canary for threat in CORPUS.values() for canary in threat.canaries}
    assert found_in(said, canaries) == []


def test_the_readers_themselves_say_nothing(evidence: Evidence) -> None:
    """Pydicom's warnings quote values; whoever calls a reader must not have to know that."""
    assert evidence.said.decode("utf-8", "replace") == ""


def test_nothing_is_written_outside_the_output_and_the_vault(evidence: Evidence) -> None:
    assert [name for run in evidence.all_runs for name in run.changed] == []


def test_every_file_that_is_written_belongs_to_an_entry(evidence: Evidence) -> None:
    assert {owner for run in evidence.all_runs for owner in run.written.values()} <= {*CORPUS, HONEST}


def test_the_honest_image_comes_out_as_it_went_in(evidence: Evidence) -> None:
    (content,) = _written(evidence, HONEST)
    assert np.array_equal(_pixels(_opened(content)), phantom())


@each_that_may_be_cleaned
def test_a_cleaned_file_holds_nothing_but_what_the_keep_list_names(threat: Threat, evidence: Evidence) -> None:
    kept = load_profile(ProfileName.MIMIC).rules.keys()
    for content in _written(evidence, threat.name):
        dataset = _opened(content)
        assert {int(tag) for tag in dataset.file_meta.keys()} <= _META_TAGS  # noqa: SIM118  iterating gives elements
        assert {int(element.tag) for element in dataset} <= kept
        assert {int(element.tag) for item in _items(dataset) for element in item} <= CODE_ITEM_TAGS.keys()
        assert not any(element.tag.is_private for element in dataset.iterall())


@each_that_may_be_cleaned
def test_a_cleaned_file_begins_with_zeros_and_ends_with_its_pixels(threat: Threat, evidence: Evidence) -> None:
    for content in _written(evidence, threat.name):
        dataset = _opened(content)
        pixels = dataset.PixelData
        head = struct.pack("<HH2s2xI", 0x7FE0, 0x0010, dataset[_PIXEL_DATA].VR.encode(), len(pixels))
        exact = dataset.Rows * dataset.Columns * dataset.BitsAllocated // 8
        assert content[:132] == bytes(128) + b"DICM"
        assert content.endswith(head + pixels)
        assert pixels[exact:] == b"\0" * (exact % 2)


@each_that_may_be_cleaned
def test_a_cleaned_file_sets_no_bit_above_those_that_it_declares(threat: Threat, evidence: Evidence) -> None:
    for content in _written(evidence, threat.name):
        dataset = _opened(content)
        values, above = _pixels(dataset), np.uint16(0xFFFF << dataset.BitsStored & 0xFFFF)
        if dataset.PixelRepresentation:
            sign = values >> np.uint16(dataset.BitsStored - 1) & np.uint16(1)
            assert np.array_equal(values & above, sign * above)
        else:
            assert not (values & above).any()


@each_that_may_be_cleaned
def test_a_cleaned_file_shows_the_whole_picture(threat: Threat, evidence: Evidence) -> None:
    """A picture that is damaged, swapped, cut or full of something else is refused, not published."""
    wholes = {Shows.PHANTOM: phantom(), Shows.PHANTOM_8: phantom_8().astype(np.uint16)}
    for content in _written(evidence, threat.name) if threat.shows in wholes else ():
        assert np.array_equal(_pixels(_opened(content)), wholes[threat.shows])


def _opened(content: bytes) -> pydicom.FileDataset:
    return pydicom.dcmread(pydicom.filebase.DicomBytesIO(content))


def _pixels(dataset: Dataset) -> NDArray[np.uint16]:
    """Bit patterns of the stored values."""
    count = dataset.Rows * dataset.Columns
    dtype = np.dtype("u1" if dataset.BitsAllocated == 8 else "<u2")
    return np.frombuffer(dataset.PixelData, dtype, count).astype(np.uint16).reshape(dataset.Rows, dataset.Columns)


def _items(dataset: Dataset) -> Iterator[Dataset]:
    for element in dataset:
        if element.VR == "SQ":
            yield from element.value


# ---------------------------------------------------------------- the input itself


def test_a_pipe_as_the_input_is_no_invitation_to_its_neighbours(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "neighbour.dcm").write_bytes(image("neighbour"))
    os.mkfifo(tmp_path / "in" / "pipe")
    run = run_command(tmp_path / "in" / "pipe", tmp_path / "run", [], {})
    assert run.written == {}


def test_a_link_as_the_input_is_followed_or_refused_and_not_overlooked(tmp_path: Path) -> None:
    (tmp_path / "elsewhere.dcm").write_bytes(image("elsewhere"))
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "link.dcm").symlink_to(tmp_path / "elsewhere.dcm")
    run = run_command(tmp_path / "in" / "link.dcm", tmp_path / "run", [], {})
    assert run.written or run.code == 2
