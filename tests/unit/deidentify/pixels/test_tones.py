"""Tones of grey windows."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from cxr_core.deidentify.pixels.tones import percentiles


@given(arrays(np.uint8, st.integers(1, 60)), st.lists(st.floats(0, 100), min_size=1, max_size=3))
def test_counted_percentiles_are_those_of_sorted_values(grey: np.ndarray, shares: list[float]) -> None:
    assert percentiles(grey, shares) == pytest.approx(tuple(np.percentile(grey, shares)))
