"""How a stage's studies become units of work."""

from itertools import chain

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cxr_core.settings.run import Granularity, RunSettings
from flows.build.fan_out import units


def _studies(count: int) -> list[str]:
    return [f"5{number:07d}" for number in range(count)]


def _settings(granularity: Granularity = Granularity.AUTO, **more: int) -> RunSettings:
    return RunSettings(granularity=granularity, workers=1, **more)


def test_one_task_a_study_is_named_by_its_pseudonym() -> None:
    assert units(_studies(2), _settings(Granularity.STUDY), planned=2) == [
        ("50000000", ("50000000",)),
        ("50000001", ("50000001",)),
    ]


def test_shards_hold_as_many_studies_as_configured() -> None:
    cut = units(_studies(7), _settings(Granularity.SHARD, shard_studies=3), planned=7)
    assert [studies for _, studies in cut] == [tuple(_studies(7)[i : i + 3]) for i in (0, 3, 6)]


@pytest.mark.parametrize(("planned", "units_made"), [(500, 20), (501, 1)])
def test_auto_takes_shards_above_five_hundred_studies_in_the_whole_plan(planned: int, units_made: int) -> None:
    assert len(units(_studies(20), _settings(), planned=planned)) == units_made


def test_the_wave_does_not_decide_for_auto() -> None:
    assert len(units(_studies(600), _settings(), planned=600)) == 3


@pytest.mark.parametrize("granularity", list(Granularity))
def test_nothing_to_do_is_no_unit(granularity: Granularity) -> None:
    assert units([], _settings(granularity), planned=0) == []


def test_a_shards_name_depends_on_its_studies_alone() -> None:
    settings = _settings(Granularity.SHARD, shard_studies=3)
    first = dict(units(_studies(6), settings, planned=6))
    again = dict(units(_studies(6)[3:], settings, planned=10_000))
    assert again.items() <= first.items()
    assert len(first) == 2


@given(
    count=st.integers(0, 40),
    granularity=st.sampled_from(list(Granularity)),
    shard=st.integers(1, 12),
    limit=st.integers(0, 40),
)
def test_every_study_is_in_one_unit_in_order(count: int, granularity: Granularity, shard: int, limit: int) -> None:
    settings = _settings(granularity, shard_studies=shard, study_tasks_up_to=limit)
    cut = units(_studies(count), settings, planned=count)
    assert list(chain.from_iterable(studies for _, studies in cut)) == _studies(count)
    assert len({name for name, _ in cut}) == len(cut)
