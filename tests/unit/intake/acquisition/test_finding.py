"""Every study of a day is found, whatever the PACS leaves out of its answers without saying so."""

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cxr_core.errors import BuildError
from cxr_core.intake.acquisition.finding import StudyFinder
from cxr_core.intake.sources.peer import DAY_S, Answer, FoundStudy, TimeWindow

DAY = dt.date(2014, 3, 1)


def _study(name: str, described: str = "x") -> FoundStudy:
    return FoundStudy(name, described, 1, ("DX",))


class _CappedPacs:
    """Answers as a PACS does that cuts every answer at `cap` studies."""

    def __init__(self, seconds: list[int], cap: int, *, is_told: bool = False, knows_times: bool = True) -> None:
        self.studies = [(second, _study(f"1.{number}")) for number, second in enumerate(seconds)]
        self.cap, self.is_told, self.knows_times = cap, is_told, knows_times
        self.queries = 0

    def find(self, day: dt.date, window: TimeWindow, modality: str) -> Answer:
        assert (day, modality) == (DAY, "")
        self.queries += 1
        within = [s for t, s in self.studies if not self.knows_times or window.begin_s <= t <= window.end_s]
        return Answer(tuple(within[: self.cap]), self.is_told and len(within) > self.cap)


@given(
    seconds=st.lists(st.integers(0, DAY_S - 1), max_size=60, unique=True),
    cap=st.integers(3, 20),
    is_told=st.booleans(),
)
def test_all_studies_are_found_under_any_cap(seconds: list[int], cap: int, is_told: bool) -> None:
    pacs = _CappedPacs(
        [2 * (second // 2) for second in dict.fromkeys(s // 2 * 2 for s in seconds)], cap, is_told=is_told
    )
    finder = StudyFinder(pacs.find)
    assert [study.uid for study in finder.day(DAY)] == sorted(study.uid for _, study in pacs.studies)


def test_a_busy_morning_does_not_hide_behind_an_empty_afternoon() -> None:
    pacs = _CappedPacs([8 * 3600 + 60 * number for number in range(40)], cap=10)
    assert len(StudyFinder(pacs.find).day(DAY)) == 40


def test_what_was_proven_once_is_not_asked_twice() -> None:
    pacs = _CappedPacs([3600 * hour for hour in range(20)], cap=1000)
    finder = StudyFinder(pacs.find)
    finder.day(DAY)
    asked = pacs.queries
    finder.day(DAY)
    assert finder.proven == 20
    assert asked == 3
    assert pacs.queries == asked + 3  # as many studies as ever before may be all that the PACS gives
    pacs.studies = pacs.studies[:19]
    finder.day(DAY)
    assert pacs.queries == asked + 4


def test_a_cap_that_is_configured_is_believed() -> None:
    pacs = _CappedPacs([3600 * hour for hour in range(20)], cap=1000)
    StudyFinder(pacs.find, cap=500).day(DAY)
    assert pacs.queries == 1


@pytest.mark.parametrize(
    ("pacs", "words"),
    [
        (_CappedPacs([3600] * 5, cap=3, is_told=True), "one second"),
        (_CappedPacs([3600 * hour for hour in range(9)], cap=3, is_told=True, knows_times=False), "StudyTime"),
    ],
)
def test_a_cut_that_cannot_be_got_round_stops_the_run(pacs: _CappedPacs, words: str) -> None:
    with pytest.raises(BuildError, match=words):
        StudyFinder(pacs.find).day(DAY)


def test_each_modality_is_asked_for_by_itself() -> None:
    asked: list[str] = []

    def find(day: dt.date, window: TimeWindow, modality: str) -> Answer:
        asked.append(modality)
        return Answer((_study("1.1"), _study(f"1.{modality}")))

    found = StudyFinder(find, modalities=("CR", "DX"), cap=9).day(DAY)
    assert asked == ["CR", "DX"]
    assert [study.uid for study in found] == ["1.1", "1.CR", "1.DX"]


def test_a_study_under_two_patients_is_one_study_with_a_description_of_its_own() -> None:
    one, other = _study("1.1", "a"), _study("1.1", "b")
    assert one.merged(other).described == other.merged(one).described
    assert one.merged(other).hint == 2
    assert one.merged(one) is one


def test_windows_overlap_by_a_second_and_the_last_holds_the_last_moment() -> None:
    morning, evening = TimeWindow().halves()
    assert (TimeWindow().spelled(), morning.spelled(), evening.spelled()) == (
        "",
        "000000-120000",
        "120000-235959.999999",
    )
