"""Atmospheric neutrinos in DeepCore: simulated events of the three-year release, weighed with an oscillated flux.

Source: IceCube Collaboration, arXiv:1901.05366, sample B, whose readme is the schema of `read_events`. Events keep the
flux at their own energy; the probability is that of the cell of true energy and direction that they lie in.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import RegularGridInterpolator
from scipy.sparse import csr_array

from npinfer.errors import ConfigurationError, DataError
from npinfer.paths import data_file
from npinfer.physics.atmosphere import flux_table

COLUMNS = ("true_energy", "true_coszen", "reco_energy", "reco_coszen", "pid", "weight", "pdg", "type")
CHANNELS = ("cascade", "track")  # pid 0 and 1
GROUPS = ("all_nc", "nue_cc", "numu_cc", "nutau_cc")  # that detector parameters act on alike
DETECTOR = ("ice_absorption", "ice_scattering", "opt_eff_overall", "opt_eff_lateral", "opt_eff_headon")
RELEASE = "https://icecube.wisc.edu/science/data/highstats_nuosc_3y"


@dataclass(frozen=True, eq=False)
class Events:
    """Simulated events, each array (events,): true and reconstructed energy [GeV] and cos zenith, and what they are.

    track: reconstructed as a track; flavour: 0 to 2 of e, μ, τ; anti, neutral: of antineutrinos, of neutral currents;
    weight: times flux [m^-2 s^-1 sr^-1 GeV^-1] and livetime [s] it is the number of events that one stands for.
    """

    true_energy_gev: NDArray[np.float64]
    true_cos_zenith: NDArray[np.float64]
    energy_gev: NDArray[np.float64]
    cos_zenith: NDArray[np.float64]
    track: NDArray[np.bool_]
    flavour: NDArray[np.intp]
    anti: NDArray[np.bool_]
    neutral: NDArray[np.bool_]
    weight: NDArray[np.float64]


def read_events(path: str | Path) -> Events:
    """The events of neutrino_mc.csv, a comma separated table with a header, the columns of COLUMNS in any order.

    Raises DataError, naming file, row and column, for one that is missing, malformed or not in the schema.
    """
    path = Path(path).expanduser()
    if not path.is_file():
        raise DataError(
            f"{path}: no such file; download neutrino_mc.csv from {RELEASE} and give its path: --with events=PATH"
        )
    try:
        with path.open(encoding="utf-8") as stream:
            header = [name.strip() for name in stream.readline().split(",")]
            if missing := [c for c in COLUMNS if c not in header]:
                raise DataError(f"{path}:1: no column {missing[0]!r}; expected {', '.join(COLUMNS)}")
            table = np.loadtxt(stream, delimiter=",", usecols=[header.index(c) for c in COLUMNS], ndmin=2)
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: not a table of numbers: {error}") from None
    columns = dict(zip(COLUMNS, table.T, strict=True))
    _check(path, columns)
    pdg = columns["pdg"]
    return Events(
        columns["true_energy"],
        columns["true_coszen"],
        columns["reco_energy"],
        columns["reco_coszen"],
        columns["pid"] == 1,
        (np.abs(pdg).astype(np.intp) - 12) // 2,
        pdg < 0,
        columns["type"] == 0,
        columns["weight"],
    )


def _check(path: Path, columns: Mapping[str, NDArray]) -> None:
    """Raise DataError for a value that is not in the schema."""
    rules: dict[str, tuple[Callable[[NDArray], NDArray], str]] = {
        "true_energy": (lambda v: (v > 0) & np.isfinite(v), "an energy above 0"),
        "reco_energy": (lambda v: (v > 0) & np.isfinite(v), "an energy above 0"),
        "true_coszen": (lambda v: np.abs(v) <= 1, "-1 to 1"),
        "reco_coszen": (lambda v: np.abs(v) <= 1, "-1 to 1"),
        "pid": (lambda v: np.isin(v, (0, 1)), "0 or 1"),
        "weight": (lambda v: (v >= 0) & np.isfinite(v), "a weight of at least 0"),
        "pdg": (lambda v: np.isin(np.abs(v), (12, 14, 16)), "±12, ±14 or ±16"),
        "type": (lambda v: np.isin(v, (0, 1, 2, 3)), "0 to 3"),
    }
    if not len(columns["weight"]):
        raise DataError(f"{path}: no events; expected one a row")
    for name, (rule, expected) in rules.items():
        good = rule(columns[name])
        if not good.all():
            bad = int(np.argmin(good))
            raise DataError(f"{path}:{bad + 2}: {name}: found {columns[name][bad]:g}, expected {expected}")


def atmospheric_flux(energy_gev: NDArray, cos_zenith: NDArray) -> NDArray:
    """Flux [m^-2 s^-1 sr^-1 GeV^-1] at energies [GeV] and cos zenith (n,), (n, 2, 2): ν and ν̄ of e and μ.

    data/honda_south_pole: linear in cos zenith and between logarithms. Below its first energy, 5 GeV, the power law
    goes on, to 8 % at 3 GeV; beyond its first and last directions it is theirs.
    """
    table = flux_table("honda_south_pole")
    cosines = (table.cos_edges[1:] + table.cos_edges[:-1]) / 2
    logs = np.log(1e4 * table.of("nue", "numu", "nuebar", "numubar")).T
    grid, values = (cosines, np.log(table.energy_gev)), logs.reshape(*logs.shape[:2], 2, 2)
    interpolate = RegularGridInterpolator(grid, values, bounds_error=False, fill_value=None)
    inside = np.clip(cos_zenith, cosines[0], cosines[-1])
    return np.exp(interpolate(np.stack([inside, np.log(energy_gev)], axis=-1)))


@dataclass(frozen=True, eq=False)
class Cells:
    """A grid of true energy [GeV], logarithmic, and cos zenith."""

    energy_edges: NDArray[np.float64]
    cos_edges: NDArray[np.float64]

    @classmethod
    def around(cls, events: Events, shape: Sequence[int]) -> Cells:
        """A grid that holds all events."""
        low, high = 0.999 * events.true_energy_gev.min(), 1.001 * events.true_energy_gev.max()
        return cls(np.geomspace(low, high, shape[0] + 1), np.linspace(-1, 1, shape[1] + 1))

    def of(self, events: Events) -> NDArray[np.intp]:
        """The number of the cell of each event."""
        edges = ((self.energy_edges, events.true_energy_gev), (self.cos_edges, events.true_cos_zenith))
        row, column = (np.clip(np.searchsorted(e, v, side="right") - 1, 0, len(e) - 2) for e, v in edges)
        return row * (len(self.cos_edges) - 1) + column

    def centres(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Energy and cos zenith of every cell, (cells,)."""
        energy = np.sqrt(self.energy_edges[1:] * self.energy_edges[:-1])
        cosine = (self.cos_edges[1:] + self.cos_edges[:-1]) / 2
        first, second = np.meshgrid(energy, cosine, indexing="ij")
        return first.ravel(), second.ravel()


def response(events: Events, cells: Cells, channels: Sequence[Any], flux: NDArray) -> csr_array:
    """Counts a second for P = 1: rows (anti, from e or μ, to a flavour, cell), columns (group, bin) of all channels.

    flux: of each event, (events, 2, 2). Events outside all bins are not selected.
    """
    bins = np.full(len(events.weight), -1)
    offset = 0
    for channel in channels:
        if channel.name not in CHANNELS or [a.name for a in channel.axes] != ["energy_gev", "cos_zenith"]:
            raise ConfigurationError(f"channels: expected {' and '.join(CHANNELS)} of energy_gev and cos_zenith")
        mine = events.track == (channel.name == CHANNELS[1])
        place = []
        for axis, value in zip(channel.axes, (events.energy_gev, events.cos_zenith), strict=True):
            at = np.searchsorted(axis.edges, value, side="right") - 1
            place.append(at)
            mine = mine & (at >= 0) & (at < axis.bins)
        bins[mine] = offset + place[0][mine] * channel.axes[1].bins + place[1][mine]
        offset += channel.bins
    seen = bins >= 0
    number = (len(cells.energy_edges) - 1) * (len(cells.cos_edges) - 1)
    group = np.where(events.neutral, 0, events.flavour + 1)
    column = (group * offset + bins)[seen]
    sign = events.anti.astype(np.intp)
    rows, content = [], []
    for source in (0, 1):
        row = ((sign * 2 + source) * 3 + events.flavour) * number + cells.of(events)
        rows.append(row[seen])
        content.append((events.weight * flux[np.arange(len(sign)), sign, source])[seen])
    shape = (12 * number, len(GROUPS) * offset)
    return csr_array((np.concatenate(content), (np.concatenate(rows), np.tile(column, 2))), shape=shape)


def hyperplanes(folder: str, channels: Sequence[Any]) -> NDArray[np.float64]:
    """Offset and slopes of every group and bin, (1 + detector parameters, groups, bins), with the bins of the table."""
    path = data_file(folder, "hyperplanes.csv")
    rows = [line.split(",") for line in path.read_text(encoding="utf-8").splitlines()[1:]]
    found = {(r[0], r[1], round(float(r[2]), 4), round(float(r[4]), 4)): [float(v) for v in r[6:]] for r in rows}
    table = []
    try:
        for group in GROUPS:
            for channel in channels:
                energies, cosines = (np.round(axis.edges[:-1], 4).tolist() for axis in channel.axes)
                table += [found[group, channel.name, e, c] for e in energies for c in cosines]
    except KeyError as error:
        raise ConfigurationError(f"channels: no bin {error.args[0]} in {path.name}; use the release's bins") from None
    return np.array(table).T.reshape(1 + len(DETECTOR), len(GROUPS), -1)


def detector_factors(planes: NDArray, values: Mapping[str, Any]) -> NDArray:
    """The factor of every group and bin, (batch, groups, bins), at detector parameters (batch,), by the release."""
    arguments = (
        100 * (values["ice_absorption"] - 1),
        100 * (values["ice_scattering"] - 1),
        values["opt_eff_overall"],
        10 * values["opt_eff_lateral"] + 25,
        values["opt_eff_headon"],
    )
    return planes[0] + np.tensordot(np.stack(arguments, axis=-1), planes[1:], axes=1)
