"""Simulated events and variances as files give them, and what is refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import npinfer
from npinfer.core.dataset import Dataset
from npinfer.errors import NpinferError
from tests.simulations import (
    FILE,
    as_csv,
    variance_of,
)

Write = Callable[..., Path]


def test_the_exposure_scales_the_weights(write: Write, events: list[dict[str, object]]) -> None:
    write(as_csv(events), "data/events.csv")
    lh = npinfer.load(write(FILE + "configuration: {exposure: {default: 1.0}}\n"), exposure=3)
    once, thrice = lh.configure(exposure=1.0), lh
    point = lh.parameters.init[None]
    assert thrice.rates(point) == pytest.approx(3 * once.rates(point))
    assert variance_of(thrice, point) == pytest.approx(9 * variance_of(once, point))


def test_a_variance_from_the_table_of_its_template(write: Write) -> None:
    write("channel,x_low,x_high,counts,variance\nonly,0,1,4,0.5\nonly,1,2,2,0.25\n", "data/table.csv")
    text = """\
schema: npinfer/likelihood/1
name: tabled
kind: real
status: illustrative
data: {folder: data}
channels: {only: {axes: {x: {edges: [0, 1, 2]}}, observed: [3, 1], statistic: effective}}
samples: {signal: {template: table.csv, variance: table.csv, simulation: run}}
"""
    lh = npinfer.load(write(text))
    assert variance_of(lh, np.zeros((1, 0)))[0] == pytest.approx([0.5, 0.25])
    assert npinfer.describe(lh)[3].rows[0][:3] == ("signal", "table.csv", "run")


def test_a_template_that_replaces_another_loses_its_variance(write: Write) -> None:
    write(one_text := FILE.replace("data: {folder: data}\n", "").replace("name: shower", "name: base"), "base.yaml")
    assert "w_conv" in one_text
    change = """\
extends: base.yaml
name: changed
channels: {cascade: {statistic: poisson}, track: {statistic: poisson}}
samples:
  astro: {template: {cascade: [1, 1, 1, 1], track: [1, 1]}}
  conventional: {template: {cascade: [1, 1, 1, 1], track: [1, 1]}, variance: {cascade: [1, 1, 1, 1]}}
  muon: {template: {cascade: [2, 2, 2, 2], track: [1, 1]}}
"""
    lh = npinfer.load(write(change, "changed.yaml"))
    samples = npinfer.describe(lh)[3]
    assert [row[2] for row in samples.rows] == ["", "conventional", "", ""]


FAULTS = {
    "no variance": (
        "    statistic: effective\n  track:",
        "    statistic: effective\n"
        "  lonely: {axes: {energy_gev: {edges: [1, 2]}}, observed: [1], statistic: effective}\n"
        "  track:",
        "lonely.statistic: no sample has a variance there",
    ),
    "unknown weight": ("weight: w_astro", "weight: w_astra", "expected a column 'w_astra'; found"),
    "unknown selection": ("where: {kind: cc}", "where: {kin: cc}", "expected a column 'kin'; found"),
    "variance of events": (
        "weight: w_astro}",
        "weight: w_astro}\n    variance: {track: [1, 1]}",
        "variance is for a template of counts; events have that of their weights",
    ),
    "simulation without variance": (
        "    variance: {cascade: [0.1, 0.05, 0, 0.3], track: [0.4, 0.2]}\n",
        "    simulation: corsika\n",
        "a simulation needs its variance, Σ weight² in each bin: add variance",
    ),
    "a shared simulation without events": (
        "    scale: muon_norm",
        "    simulation: events.csv\n    scale: muon_norm",
        "the samples astro and conventional and muon share the simulation 'events.csv'",
    ),
    "negative variance": ("[0.1, 0.05, 0, 0.3]", "[0.1, -0.05, 0, 0.3]", "bin 1 has a negative count"),
    "unknown statistic": ("[41, 20]\n    statistic: effective", "[41, 20]\n    statistic: eff", "'eff' is not one of"),
    "no weight": (
        "{events: events.csv, weight: w_astro}",
        "{events: events.csv}",
        "astro.template: 'weight' is a required property",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_refused_with_its_place(write: Write, events: list[dict[str, object]], fault: str) -> None:
    write(as_csv(events), "data/events.csv")
    fragment, instead, said = FAULTS[fault]
    assert FILE.count(fragment) == 1
    path = write(FILE.replace(fragment, instead))
    with pytest.raises(NpinferError) as caught:
        npinfer.load(path)
    assert str(caught.value).startswith(f"{path}:")
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("column", "value", "said"),
    [
        ("w_astro", "nan", "event 3: w_astro is not a finite number"),
        ("w_astro", "many", "row 3: w_astro is 'many', not a number"),
        ("w_astro", "-100", "the summed weights w_astro of events.csv: bin"),
        ("energy_gev", "high", "energy_gev is 'high', not a number"),
        ("channel", "shower", "unknown channel 'shower'"),
    ],
)
def test_a_bad_event_is_refused(
    write: Write, events: list[dict[str, object]], column: str, value: str, said: str
) -> None:
    rows = [dict(row) for row in events]
    rows[2] |= {"energy_gev": 1.5, "cos_zenith": 0.5, "channel": "cascade", column: value}
    write(as_csv(rows), "data/events.csv")
    with pytest.raises(NpinferError) as caught:
        npinfer.load(write(FILE))
    assert said in str(caught.value)


def test_events_need_their_channel(write: Write, events: list[dict[str, object]]) -> None:
    write(as_csv([{k: v for k, v in row.items() if k != "channel"} for row in events]), "data/events.csv")
    with pytest.raises(NpinferError, match="expected a column 'channel'"):
        npinfer.load(write(FILE))


def test_one_channel_needs_no_column(write: Write) -> None:
    write("x,w\n0.5,1\n0.25,2\n1.5,3\n2,0.5\n2.1,8\n", "data/events.csv")
    text = """\
schema: npinfer/likelihood/1
name: single
kind: real
status: illustrative
data: {folder: data}
channels: {only: {axes: {x: {edges: [0, 1, 2]}}, observed: [3, 1], statistic: effective}}
samples: {signal: {template: {events: events.csv, weight: w}}}
"""
    lh = npinfer.load(write(text))
    assert lh.expected(lh.parameters.init)["only"] == pytest.approx([3, 3.5])
    assert variance_of(lh, lh.parameters.init[None])[0] == pytest.approx([5, 9.25])
    other = lh.with_data(Dataset({"only": np.array([0.0, 2.0])}))
    assert other.logpdf({}) != lh.logpdf({})
