"""What a run remembers of a PACS, and when it asks again: with a PACS that can be told to misbehave.

What a real one does is tested with Orthanc; here it is what Orthanc never does: tell no numbers, list nothing, go away.
"""

import datetime as dt
import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl
import pytest
from pydicom import Dataset, dcmwrite

from cxr_core.errors import BuildError, TransientError, UsageError
from cxr_core.intake.acquisition.acquire import Acquired, Acquisition, unfetched
from cxr_core.intake.acquisition.days import asked_days
from cxr_core.intake.acquisition.pace import Clock
from cxr_core.intake.acquisition.shelf import Shelf
from cxr_core.intake.sources.arrivals import Arrivals
from cxr_core.intake.sources.pacs import Pacs
from cxr_core.intake.sources.peer import Answer, FoundStudy, ListedInstance, TimeWindow
from cxr_core.settings import load_config
from cxr_core.settings.pacs import PacsSettings
from cxr_core.vocabulary import FetchStatus

DAY = dt.date(2014, 3, 1)


@dataclass
class _Archive:
    """A PACS in memory: day -> study -> instance -> bytes."""

    days: dict[dt.date, dict[str, dict[str, bytes]]]
    arrivals: Arrivals
    described: str = "x"
    tells_numbers: bool = True
    lists: bool = True
    lost: set[str] = field(default_factory=set)
    fails: int = 0
    unlisted: list[str] = field(default_factory=list)
    """Instances of which each is left out of one list."""
    sent: list[str] = field(default_factory=list)

    def echo(self) -> list[str]:
        return []

    def find(self, day: dt.date, window: TimeWindow, modality: str) -> Answer:
        assert (window, modality) == (TimeWindow(), "")
        found = self.days.get(day, {}).items()
        return Answer(
            tuple(FoundStudy(uid, self.described, len(files) if self.tells_numbers else None) for uid, files in found)
        )

    def list_instances(self, study_uid: str) -> tuple[ListedInstance, ...] | None:
        self._work()
        if not self.lists:
            return None
        cut = {self.unlisted.pop()} if self.unlisted else set()
        return tuple(ListedInstance(uid, "1.9") for uid in self._files(study_uid) if uid not in cut)

    def fetch(self, study_uid: str, wanted: Sequence[ListedInstance], *, is_whole: bool) -> bool:
        files = self._files(study_uid)
        asked = files if is_whole else [one.uid for one in wanted]
        for uid in asked:
            if uid not in self.lost:
                self.sent.append(uid)
                self.arrivals.take(uid, files[uid])
        self.arrivals.check()
        return not self.lost & set(files)

    def close(self) -> None:
        """Nothing is held."""

    def _files(self, study_uid: str) -> dict[str, bytes]:
        return next(studies[study_uid] for studies in self.days.values() if study_uid in studies)

    def _work(self) -> None:
        if self.fails:
            self.fails -= 1
            raise TransientError("the connection to the PACS was lost")


@dataclass
class _Site:
    """An archive, a shelf and a ledger."""

    root: Path
    archive: _Archive
    shelf: Shelf
    slept: list[float] = field(default_factory=list)

    def run(
        self, days: Sequence[dt.date] = (DAY,), *, now: str = "12:00", list_again: bool = False, **settings: object
    ) -> Acquired:
        self.archive.sent.clear()
        self.slept.clear()
        clock = Clock(local=lambda: dt.time.fromisoformat(now), sleep=self.slept.append)
        pacs = Pacs(lambda: self.archive, self.archive.arrivals)
        chosen = PacsSettings.model_validate(
            {"modalities": (), "find_cap": 1000, "backoff_s": 1.0, "attempts": 3, **settings}
        )
        return Acquisition(pacs, self.shelf, self.root / "acquired.parquet", chosen, clock, list_again=list_again).run(
            days
        )

    def ledger(self) -> pl.DataFrame:
        return pl.read_parquet(self.root / "acquired.parquet")


def _file(study_uid: str) -> bytes:
    """A DICOM file that says which study it is of, which is how one is filed that nobody listed."""
    dataset = Dataset()
    dataset.SOPClassUID, dataset.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.1.1", "1.9.9"
    dataset.StudyInstanceUID = study_uid
    stream = io.BytesIO()
    dcmwrite(stream, dataset, implicit_vr=True, little_endian=True)
    return bytes(128) + b"DICM" + stream.getvalue()


@pytest.fixture
def site(tmp_path: Path) -> _Site:
    shelf = Shelf(tmp_path / "received", tmp_path / "incoming")
    shelf.open()
    files = {"1.1": {"1.1.1": _file("1.1"), "1.1.2": _file("1.1")}, "1.2": {"1.2.1": _file("1.2")}}
    return _Site(tmp_path, _Archive({DAY: files}, Arrivals(shelf.receive)), shelf)


def test_a_second_run_asks_for_no_file(site: _Site) -> None:
    assert site.run().files == 3
    again = site.run()
    assert (again.files, again.known, site.archive.sent) == (0, 2, [])


def test_a_study_that_grew_sends_only_what_is_new(site: _Site) -> None:
    site.run()
    site.archive.days[DAY]["1.1"]["1.1.3"] = b"d"
    assert site.run().files == 1
    assert site.archive.sent == ["1.1.3"]


def test_without_numbers_instances_are_listed_again_and_growth_is_seen(site: _Site) -> None:
    site.archive.tells_numbers = False
    site.run()
    assert site.run().files == 0
    site.archive.days[DAY]["1.1"]["1.1.3"] = b"d"
    assert site.run().files == 1


def test_without_lists_the_word_of_the_pacs_counts(site: _Site) -> None:
    site.archive.lists = False
    assert site.run().studies == {FetchStatus.COMPLETE: 2}
    assert site.run().known == 2
    site.archive.days[DAY]["1.2"]["1.2.2"] = _file("1.2")
    assert site.run().files == 2  # the study is sent again


def test_a_corrected_header_has_the_study_fetched_anew(site: _Site) -> None:
    site.run()
    site.archive.described = "y"
    site.archive.days[DAY]["1.2"]["1.2.1"] = b"C"
    assert site.run().files == 3
    assert site.shelf.path("1.2", "1.2.1").read_bytes() == b"C"
    assert site.run().known == 2


def test_what_the_pacs_took_out_of_a_study_goes(site: _Site) -> None:
    site.run()
    del site.archive.days[DAY]["1.1"]["1.1.1"]
    site.run()
    assert site.shelf.present("1.1") == {"1.1.2.dcm"}


def test_what_one_list_leaves_out_stays(site: _Site) -> None:
    site.run()
    site.archive.unlisted = ["1.1.1"]
    site.run(list_again=True)
    assert site.shelf.present("1.1") == {"1.1.1.dcm", "1.1.2.dcm"}


def test_what_has_just_come_stays_whatever_the_lists_say(site: _Site) -> None:
    site.archive.unlisted = ["1.1.1", "1.1.1"]
    site.run()
    assert site.shelf.present("1.1") == {"1.1.1.dcm", "1.1.2.dcm"}


def test_a_study_that_is_named_no_more_is_told_and_kept(site: _Site) -> None:
    site.run()
    del site.archive.days[DAY]["1.2"]
    assert site.run().studies == {FetchStatus.COMPLETE: 1, FetchStatus.GONE: 1}
    assert site.shelf.present("1.2") == {"1.2.1.dcm"}


def test_an_instance_that_never_comes_leaves_a_partial_study_and_a_row_for_the_catalog(site: _Site) -> None:
    site.archive.lost = {"1.1.2"}
    done = site.run()
    assert done.studies == {FetchStatus.PARTIAL: 1, FetchStatus.COMPLETE: 1}
    assert done.problems == {"the PACS says done, but instances are missing": 1}
    missing = list(unfetched(site.ledger().iter_rows(named=True), site.shelf))
    assert [(study, instance) for _, study, instance in missing] == [("1.1", "1.1.2")]
    site.archive.lost = set()
    assert site.run().files == 1
    assert list(unfetched(site.ledger().iter_rows(named=True), site.shelf)) == []


def test_a_study_of_which_nothing_comes_is_one_row_without_an_instance(site: _Site) -> None:
    site.archive.lists = False
    site.archive.lost = {"1.2.1"}
    assert site.run().studies == {FetchStatus.COMPLETE: 1, FetchStatus.FAILED: 1}
    ((path, study, instance),) = unfetched(site.ledger().iter_rows(named=True), site.shelf)
    assert (study, instance) == ("1.2", None)
    assert path.endswith("/1.2/not-fetched")


def test_a_lost_connection_is_tried_again_after_growing_waits(site: _Site) -> None:
    site.archive.fails = 2
    assert site.run().studies == {FetchStatus.COMPLETE: 2}
    assert site.slept == [1.0, 2.0]


def test_a_pacs_that_went_away_stops_the_run_and_the_next_goes_on(site: _Site) -> None:
    site.archive.days[DAY] |= {f"2.{number}": {f"2.{number}.1": b"x"} for number in range(4)}
    site.run()
    site.archive.days[DAY] |= {f"3.{number}": {f"3.{number}.1": b"x"} for number in range(4)}
    site.archive.fails = 9
    with pytest.raises(BuildError, match="3 studies in a row: the connection to the PACS was lost"):
        site.run()
    assert site.run().studies == {FetchStatus.COMPLETE: 10}


def test_outside_its_hours_nothing_is_asked(site: _Site) -> None:
    done = site.run((DAY, DAY + dt.timedelta(1)), window="20:00-06:00")
    assert (done.days_left, done.days, site.archive.sent) == (2, 0, [])
    assert site.run(window="20:00-06:00", now="23:00").files == 3


def test_several_associations_fetch_the_same(site: _Site) -> None:
    site.archive.days[DAY] |= {f"2.{number}": {f"2.{number}.1": b"x"} for number in range(20)}
    assert site.run(associations=4).files == 23
    assert site.run(associations=4).known == 22


def test_a_file_that_was_removed_from_the_vault_is_fetched_again(site: _Site) -> None:
    site.run()
    site.shelf.path("1.1", "1.1.1").unlink()
    assert site.run().files == 1


def test_files_that_nobody_asked_for_are_refused(site: _Site) -> None:
    site.archive.arrivals.take("9.9", b"no DICOM either")
    assert site.run().refused == 1
    assert not site.shelf.has("9", "9.9")


def test_the_range_is_that_of_the_pacs_else_of_the_cohort_else_up_to_today() -> None:
    today = dt.date(2014, 3, 3)
    config = load_config(sets=["cohort.start=2014-03-02"])
    assert asked_days(config, today) == [dt.date(2014, 3, 2), today]
    config = load_config(sets=["cohort.start=2014-03-02", "source.pacs.start=2014-03-01", "cohort.end=2014-03-01"])
    assert asked_days(config, today) == [DAY]


@pytest.mark.parametrize("sets", [[], ["source.pacs.start=2014-03-02", "source.pacs.end=2014-03-01"]])
def test_a_range_without_days_is_refused(sets: list[str]) -> None:
    with pytest.raises(UsageError, match=r"source\.pacs"):
        asked_days(load_config(sets=sets), DAY)
