"""Total deep-inelastic cross sections: the published nodes and the interpolation between them."""

from __future__ import annotations

import numpy as np
import pytest

from npinfer.errors import ParameterError
from npinfer.physics.deep_inelastic import csms_total

# Cooper-Sarkar, Mertsch, Sarkar, arXiv:1106.3723, Tables 1 and 2 [pb]: CC nu, NC nu, CC nubar, NC nubar.
NODES = {
    50: (0.32, 0.10, 0.15, 0.05),
    1e3: (6.2, 2.0, 3.6, 1.2),
    1e4: (47, 15, 31, 11),
    1e5: (210, 75, 180, 64),
    1e6: (690, 260, 660, 240),
    1e7: (1900, 730, 1900, 730),
    1e8: (4800, 1900, 4800, 1900),
    1e9: (11000, 4400, 11000, 4400),
    5e11: (75000, 31000, 75000, 31000),
}


def test_nodes_are_the_published_values() -> None:
    for energy, values in NODES.items():
        found = [csms_total(energy, current, nubar) / 1e-36 for nubar in (False, True) for current in ("cc", "nc")]
        assert found == pytest.approx(values, rel=1e-12)


def test_between_nodes_the_interpolation_is_a_power_law() -> None:
    energy = np.geomspace(1e6, 2e6, 5)
    found = csms_total(energy, "cc", antineutrino=False)
    assert found.shape == (5,)
    assert found[1:] / found[:-1] == pytest.approx(np.full(4, (950 / 690) ** 0.25), rel=1e-12)


def test_cross_sections_never_fall_with_energy() -> None:
    energy = np.geomspace(50, 5e11, 2000)
    for current in ("cc", "nc"):
        for antineutrino in (False, True):
            assert np.all(np.diff(csms_total(energy, current, antineutrino)) > 0)


@pytest.mark.parametrize("energy", [49.0, 6e11, -1.0, 0.0, np.nan])
def test_energies_outside_the_table_are_refused(energy: float) -> None:
    with pytest.raises(ParameterError, match=r"covers 50 to 5e[+]11 GeV"):
        csms_total([1e5, energy], "cc", antineutrino=False)


def test_an_unknown_current_is_refused() -> None:
    with pytest.raises(ParameterError, match="unknown current 'CC'"):
        csms_total(1e5, "CC", antineutrino=False)
