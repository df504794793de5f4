"""From which year all telescopes tell pp from pγ: python tests/benchmarks/future_telescopes.py FOLDER [N_TOYS].

Data are the Asimov data of one source; toys of both sources, at their best fits to those data with the flux free, are
fitted under both (`compare`). The year is where the median toy of the true source rejects the other at two standard
deviations. Writes a table and a figure into FOLDER.
"""

from __future__ import annotations

import csv
import sys
from itertools import product
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import npinfer
from npinfer import RunOptions
from npinfer.plot.style import dress, new_figure, publication, save_figure

SPECTRA = {2.37: 4.32, 2.5: 6.7, 2.87: 6.37}  # index: norm
YEARS = np.array([2026.0, 2028, 2030, 2032, 2034, 2036, 2038, 2041, 2045, 2050])
SOURCES = {"pp": 0.1674, "mixture": 0.12135, "pgamma": 0.0753}
PAIRS = (("pgamma", "pp"), ("pp", "pgamma"), ("mixture", "pp"), ("mixture", "pgamma"))  # tested, true
ANALYSES = {"event by event": "joint/future_glashow", "counting": "joint/future_glashow_counting"}
WANTED, ENOUGH = 2.0, 2.5


def rejections(name: str, index: float, tracks: bool, n_toys: int) -> NDArray[np.float64]:
    """Expected rejection [standard deviations] of each of PAIRS in each year, (pairs, years).

    NaN where it is far above WANTED, and for mixtures without tracks, which nothing can tell in these years.
    """
    found = np.full((len(PAIRS), YEARS.size), np.nan)
    for (i, (tested, true)), (j, year) in product(enumerate(PAIRS), enumerate(YEARS)):
        if (j and not found[i, j - 1] < ENOUGH) or ("mixture" in (tested, true) and not tracks):
            continue
        likelihood = npinfer.load(name, year=year)
        likelihood = likelihood if tracks else likelihood.without("future_tracks")
        truth = {"astro_norm": SPECTRA[index], "astro_gamma": index, "f_nuebar": SOURCES[true]}
        data = likelihood.asimov(likelihood.parameters.vector(truth))
        models = {source: {"f_nuebar": SOURCES[source]} for source in (tested, true)}
        result = npinfer.compare(likelihood, models, data=data, n_toys=n_toys, run=RunOptions(seed=1, quiet=True))
        found[i, j] = result.pair(tested, true).expected.z
    return found


def crossing(z: NDArray[np.float64]) -> str:
    """The year in which a rejection passes WANTED, from a straight line in the square of z."""
    above = np.flatnonzero(z >= WANTED)
    if np.isnan(z).all():
        return "not asked"
    if not above.size:
        return f"after {YEARS[-1]:.0f}"
    if not above[0]:
        return f"{YEARS[0]:.0f} or before"
    around = slice(above[0] - 1, above[0] + 1)
    return f"{np.interp(WANTED**2, z[around] ** 2, YEARS[around]):.1f}"


def main(arguments: list[str]) -> None:
    folder, n_toys = Path(arguments[0]), int(arguments[1]) if len(arguments) > 1 else 2000
    folder.mkdir(parents=True, exist_ok=True)
    rows, curves = [], {}
    for (analysis, name), index, tracks in product(ANALYSES.items(), SPECTRA, (True, False)):
        z = rejections(name, index, tracks, n_toys)
        for (tested, true), row in zip(PAIRS, z, strict=True):
            settings = [analysis, index, "with" if tracks else "without", tested, true]
            rows.append([*settings, crossing(row), *row.round(2).tolist()])
            print(*rows[-1], flush=True)
        curves[analysis, index, tracks] = z[0]
    with (folder / "future_telescopes.csv").open("w", newline="") as out:
        head = ["analysis", "index", "tracks", "tested", "true", "two sigma", *YEARS.astype(int).tolist()]
        csv.writer(out).writerows([head, *rows])
    with publication():
        draw(curves, folder / "future_telescopes.png")


def draw(curves: dict[tuple[str, float, bool], NDArray[np.float64]], path: Path) -> None:
    """Rejection of pγ by a pp source against the year, one panel an analysis."""
    title = "pγ rejected if sources are pp: all telescopes together (Asimov data, toys; illustrative)"
    figure = new_figure(8.0, 3.6, title)
    panels = figure.subplots(1, 2, sharey=True)
    for axes, analysis in zip(panels, ANALYSES, strict=True):
        for k, index in enumerate(SPECTRA):
            for tracks, line in ((True, "-"), (False, "--")):
                label = f"γ = {index:g}, {'with' if tracks else 'without'} tracks"
                axes.plot(YEARS, curves[analysis, index, tracks], line, color=f"C{k}", label=label)
        axes.axhline(WANTED, color="0.5", linewidth=0.8)
        axes.set_xlabel("data until")
        axes.set_title(analysis)
        dress(axes)
    panels[0].set_ylabel("expected rejection [σ]")
    panels[0].legend(fontsize=7.5)
    save_figure(figure, path)


if __name__ == "__main__":
    main(sys.argv[1:])
