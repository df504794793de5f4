"""Thresholds against the chi-square distribution."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from npinfer.core.wilks import check_cl, enclosed, threshold
from npinfer.errors import ConfigurationError


@given(st.floats(0.001, 0.9999), st.integers(1, 6))
def test_threshold_is_the_quantile_of_a_chi_square(cl: float, dimensions: int) -> None:
    assert threshold(cl, dimensions) == pytest.approx(stats.chi2.ppf(cl, dimensions), rel=1e-9)
    assert enclosed(threshold(cl, dimensions), dimensions) == pytest.approx(cl, rel=1e-9)


def test_textbook_values() -> None:
    assert enclosed(1.0) == pytest.approx(0.6826894921, abs=1e-10)
    assert enclosed(1.0, 2) == pytest.approx(0.3934693403, abs=1e-10)
    assert threshold(0.95) == pytest.approx(3.8414588207, abs=1e-9)
    assert threshold(0.9, 2) == pytest.approx(4.6051701860, abs=1e-9)


@pytest.mark.parametrize("cl", [0, 1, 68, -0.1, float("nan"), "0.9", None, True])
def test_a_cl_that_is_no_fraction_is_refused(cl: Any) -> None:
    with pytest.raises(ConfigurationError, match=r"cl is a fraction between 0 and 1, such as 0.9; found"):
        check_cl(cl)
