"""Imports without the collector: off inside, as it was behind, also where an import fails."""

import gc

import pytest

from flows.importing import without_collecting


def test_nothing_is_collected_inside_and_what_was_made_is_not_looked_at_again() -> None:
    assert gc.isenabled()
    try:
        with without_collecting():
            assert not gc.isenabled()
            made = [[number] for number in range(1000)]
        assert gc.isenabled()
        assert gc.get_freeze_count() > len(made)
    finally:
        gc.unfreeze()


def test_a_failed_import_leaves_the_collector_on() -> None:
    try:
        with pytest.raises(ImportError), without_collecting():
            raise ImportError
        assert gc.isenabled()
    finally:
        gc.unfreeze()


def test_a_collector_that_was_off_stays_off() -> None:
    gc.disable()
    try:
        with without_collecting():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()
        gc.unfreeze()
