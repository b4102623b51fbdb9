"""Labelers are compiled once a run."""

import pytest

from cxr_core.labeling import Labeler
from cxr_core.vocabulary import LabelerName


@pytest.fixture(scope="session")
def labeler() -> Labeler:
    return Labeler()


@pytest.fixture(scope="session")
def negbio() -> Labeler:
    return Labeler(LabelerName.NEGBIO)
