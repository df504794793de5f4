"""Forecast of tridents and W production: significance, exposure and labels."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import numpy as np
import pytest

import npinfer
from npinfer import list_likelihoods, load_result
from npinfer.cli.main import run
from npinfer.errors import ConfigurationError
from npinfer.likelihood.binned import BinnedLikelihood

README = Path(__file__).resolve().parents[2] / "likelihoods" / "README.md"


@pytest.fixture(scope="module")
def forecast() -> BinnedLikelihood:
    return npinfer.load("icecube_trident_dimuon")


def test_what_it_says_of_itself(forecast: BinnedLikelihood) -> None:
    d = forecast.description
    assert (d.kind, d.status, forecast.data.kind) == ("asimov", "illustrative", "asimov")
    notes = " ".join(npinfer.significance(forecast).table().notes)
    assert "charm at leading order, 8 to 30 % above measurements" in notes
    assert [c.name for c in npinfer.validate("icecube_trident_dimuon").checks if not c.passed] == []


def test_an_asimov_fit_returns_the_standard_model(forecast: BinnedLikelihood) -> None:
    found = npinfer.fit(forecast)
    assert found.valid
    assert found.values["icecube_trident_dimuon.trident_norm"] == pytest.approx(1.0, abs=1e-3)
    assert found.values["icecube_trident_dimuon.w_norm"] == pytest.approx(1.0, abs=1e-3)
    counts = forecast.expected(forecast.parameters.init).samples
    for sample in ("trident", "charm"):
        assert found.derived[f"{sample}_dimuons"] == pytest.approx(counts[sample]["dimuon"].sum(), rel=1e-3)


def test_significance_of_a_count_above_a_known_background(forecast: BinnedLikelihood) -> None:
    """With everything but the signal known, z² = 2 Σ [n ln(n/b) − (n − b)] of the bins, Asimov."""
    every = dict(zip(forecast.parameters.names, forecast.parameters.init, strict=True))
    counts = forecast.expected(forecast.parameters.init)
    n = np.concatenate([counts[c] for c in ("dimuon", "track", "shower")])
    signal = np.concatenate([counts.samples["trident"][c] for c in ("dimuon", "track", "shower")])
    wanted = np.sqrt(2 * np.sum(n * np.log(n / (n - signal)) - signal))
    held = {k: v for k, v in every.items() if not k.endswith("trident_norm")}
    assert npinfer.significance(forecast, fixed=held).z == pytest.approx(wanted, rel=1e-4)
    assert npinfer.significance(forecast).z < wanted


COMMANDS = re.findall(r"(?m)^npinfer (significance icecube_trident_dimuon .*)$", README.read_text(encoding="utf-8"))


@pytest.mark.parametrize("command", COMMANDS)
def test_exposure_for_five_sigma(command: str, tmp_path: Path) -> None:
    """z of the commands in the README, and of a quarter of the exposure: it grows as the root, charm being measured."""
    assert len(COMMANDS) == 4
    exposure = float(re.findall(r"exposure=([\d.]+)", command)[0])
    z = []
    for at in (exposure, exposure / 4):
        given = command.replace(f"exposure={exposure:g}", f"exposure={at:g}")
        assert run([*shlex.split(given), "--quiet", "--json", str(tmp_path / "z.json")]) == 0
        z.append(load_result(tmp_path / "z.json").z)
    assert z[0] == pytest.approx(5, abs=0.03)
    assert z[0] / z[1] == pytest.approx(2, rel=0.02)


def test_a_channel_that_is_not_there(tmp_path: Path) -> None:
    text = list_likelihoods()["icecube_trident_dimuon"].read_text()
    path = tmp_path / "other.yaml"
    path.write_text(text.replace("process: charm, channel: dimuon", "process: charm, channel: dimuons"))
    with pytest.raises(ConfigurationError, match="unknown channel 'dimuons': did you mean 'dimuon'"):
        npinfer.load(path)


def test_verbs_on_the_command_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["significance", "icecube_trident_dimuon", "--with", "detector=gen2", "--with", "exposure=40"]) == 0
    assert "illustrative" in capsys.readouterr().out
    assert run(["limit", "icecube_trident_dimuon", "--poi", "w_norm", "--no-expected"]) == 0


@pytest.mark.parametrize("exposure", [240.0, 241.0, 242.0])
def test_exposures_with_millions_of_events_converge(exposure: float) -> None:
    """−ln density is a small difference of terms of 1e9 there, known to 1e-7."""
    found = npinfer.significance(npinfer.load("icecube_trident_dimuon", exposure=exposure))
    assert found.message == ""
    assert found.z == pytest.approx(5.0, abs=0.02)
