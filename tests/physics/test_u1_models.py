"""U(1)′ models: charges of the rows that come with the package and of a user's own."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from npinfer.errors import ConfigurationError
from npinfer.physics.u1_models import u1_model, u1_models

IN_THE_EARTH = {  # E_ee, E_μμ, E_ττ, ee−μμ, ττ−μμ in units of ε⁰, with 1.051 neutrons an electron
    "B-3Le": (2.847, 0, 0, 2.847, 0),
    "B-3Lmu": (0, -6.153, 0, 6.153, 6.153),
    "B-3Ltau": (0, 0, -6.153, 0, -6.153),
    "B-1.5Lmu-1.5Ltau": (0, -3.077, -3.077, 3.077, 0),
    "Le-Lmu": (1, -1, 0, 2, 1),
    "Le-Ltau": (1, 0, -1, 1, -1),
    "Le-0.5Lmu-0.5Ltau": (1, -0.5, -0.5, 1.5, 0),
    "By+Lmu+Ltau": (0, 2.051, 2.051, -2.051, 0),
    "Le+2Lmu+2Ltau": (1, 2, 2, -1, 0),
}
HEADER = "name,up,down,electron,nue,numu,nutau\n"


def test_all_nine_are_there() -> None:
    assert list(u1_models()) == list(IN_THE_EARTH)
    assert all(model.latex for model in u1_models().values())


@pytest.mark.parametrize("name", IN_THE_EARTH)
def test_coefficients_in_the_earth(name: str) -> None:
    e, mu, tau = u1_model(name).coefficients(1.051)
    np.testing.assert_allclose((e, mu, tau, e - mu, tau - mu), IN_THE_EARTH[name], atol=0.6e-3)


def test_b_3le_with_the_neutrons_of_the_whole_earth() -> None:
    assert u1_model("B-3Le").coefficients(1.058)[0] == pytest.approx(2.826, abs=0.6e-3)


@pytest.mark.parametrize("name", ["B-3Le", "B-3Lmu", "B-3Ltau", "B-1.5Lmu-1.5Ltau", "Le-Lmu", "Le-Ltau"])
def test_charges_of_a_generation_cancel(name: str) -> None:
    """The anomaly with two SU(2): 9 quark doublets a charge, where they do not differ, and the lepton doublets."""
    model = u1_model(name)
    assert model.up == model.down
    assert 9 * model.up + sum(model.of_neutrinos) == 0
    assert model.electron == model.nue


def test_a_model_of_ones_own(write: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> None:
    row = "B-L,1/3,1/3,-1,-1,-1,-1\n"
    mine = write(HEADER + row, "mine.csv")
    model = u1_model(str(mine))
    assert (model.up, model.electron, model.latex) == (Fraction(1, 3), Fraction(-1), "")
    np.testing.assert_allclose(model.coefficients(1.051), [-1.051] * 3)
    shared = write(HEADER + row + "dark,0.5,0,0,0,1,-3/2\n", "data/u1_models/models.csv")
    monkeypatch.setenv("NPINFER_PATH", str(shared.parent.parent.parent))
    (shared.parent.parent.parent / "likelihoods").mkdir()
    assert u1_model("B-L") == model
    assert u1_model("dark").of_neutrinos == (0, 1, Fraction(-3, 2))
    assert u1_model("dark").of_matter == (0, 1, Fraction(1, 2))
    assert set(IN_THE_EARTH) < set(u1_models())


def test_a_changed_file_is_read_again(write: Callable[..., Path]) -> None:
    mine = write(HEADER + "x,0,0,1,1,0,0\n", "mine.csv")
    assert u1_model(str(mine)).nue == 1
    mine.write_text(HEADER + "x,0,0,1,2,0,0\n")
    assert u1_model(str(mine)).nue == 2


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (HEADER + "x,1/3,1/3,one,0,0,0\n", r"mine.csv:2: electron: found 'one', expected a charge such as"),
        (HEADER + "x,1/0,1/3,1,0,0,0\n", r"mine.csv:2: up: found '1/0'"),
        (HEADER + "x,1,1\n", r"mine.csv:2: electron: found None"),
        (HEADER + ",1,1,1,1,1,1\n", r"mine.csv:2: a model without a name"),
        (HEADER + "x,1,1,1,1,1,1\n" * 2, r"mine.csv:3: the model 'x' is given twice"),
        (HEADER + "x,1,1,1,1,1,1\ny,1,1,1,1,1,1\n", r"mine.csv: 2 models, expected one; put several into"),
        (HEADER, r"mine.csv: 0 models, expected one"),
        ("name,up\nx,1\n", r"mine.csv:1: no column 'down'; expected name, up, down"),
    ],
)
def test_faults_are_named(content: str, message: str, write: Callable[..., Path]) -> None:
    mine = write(content, "mine.csv")
    with pytest.raises(ConfigurationError, match=message):
        u1_model(str(mine))


def test_unknown_models() -> None:
    with pytest.raises(ConfigurationError, match=r"unknown U\(1\)′ model 'B-3Lm': did you mean 'B-3Lmu'"):
        u1_model("B-3Lm")
    with pytest.raises(ConfigurationError, match="no such file"):
        u1_model("nowhere.csv")
