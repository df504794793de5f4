"""Speed as ratios to other codes on the same problem, with the same answers, in one run on one thread.

python tests/benchmarks/compare_speed.py [--quick] [--only toys limits sampling]

Each ratio is the median of interleaved pairs (ours, theirs, ours, theirs, …) of CPU time, so that what else the machine
does hits both alike. Modules are imported before. --quick times one pair. The answers are compared in the same run, and
a difference beyond what is stated ends it with an error.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import emcee
import numpy as np
import pyhf
import yaml
from iminuit import Minuit

import npinfer
from npinfer.inference.diagnostics import WINDOW, autocorrelation_time, bulk_ess
from npinfer.inference.fit_options import FitOptions
from npinfer.inference.minimise import free_mask, minimise
from npinfer.likelihood.binned import BinnedLikelihood
from npinfer.threads import one_blas_thread

BINS = 100
TRUTH = {"mu": 1.0}
TOYS, HIGHEST_EXCESS = 1000, 1e-6  # of twice_nll above the lowest minimum found
LIMIT_TOLERANCE = 1e-3  # relative
POSTERIOR, HELD = "icecube_hese", {"f_nuebar": 1 / 6}  # identified: eleven parameters
WALKERS, STEPS = 32, 10_000  # of emcee, as its users run it


@dataclass(frozen=True)
class Pairs:
    """Times of ours and theirs, (pairs, 2), in seconds for the same amount of work."""

    times: np.ndarray

    @property
    def ratio(self) -> float:
        return float(np.median(self.times[:, 1] / self.times[:, 0]))

    def say(self, what: str, target: float) -> str:
        """One line: the ratio, its spread, and whether the target is met."""
        ratios = np.sort(self.times[:, 1] / self.times[:, 0])
        ours, theirs = np.median(self.times, axis=0)
        met = "met" if self.ratio >= target else "MISSED"
        return (
            f"{what}: {self.ratio:.1f} times faster (target {target:g}: {met}); pairs {ratios[0]:.1f} to "
            f"{ratios[-1]:.1f}; ours {1e3 * ours:.3g} ms, theirs {1e3 * theirs:.3g} ms"
        )


# ---- the model: a peak on two smooth backgrounds, seven constrained nuisances, as YAML and as a pyhf workspace


@dataclass(frozen=True)
class Sample:
    """Expected counts (bins,), factors {name: (up, down)} and shapes {name: (up, down) counts}."""

    counts: np.ndarray
    factors: dict[str, tuple[float, float]]
    shapes: dict[str, tuple[np.ndarray, np.ndarray]]
    norm: str = ""


def samples() -> dict[str, Sample]:
    """A peak of 60 events on 1500 of one background and 500 of another."""
    x = (np.arange(BINS) + 0.5) / BINS
    part = lambda density, events: events * density / density.sum()
    peak = lambda centre, width: part(np.exp(-0.5 * ((x - centre) / width) ** 2), 60.0)
    tilted = lambda slope: part(np.exp(-3.0 * x) * (1.0 + slope * (x - 0.5)), 1500.0)
    bent = lambda size: part(1.0 + 0.5 * x + size * np.sin(np.pi * x), 500.0)
    lumi, moved = {"lumi": (1.02, 0.98)}, (peak(0.41, 0.03), peak(0.39, 0.03))
    return {
        "signal": Sample(peak(0.4, 0.03), {**lumi, "efficiency": (1.1, 0.9)}, {"position": moved}, "mu"),
        "steep": Sample(tilted(0), {**lumi, "steep_rate": (1.15, 0.87)}, {"tilt": (tilted(0.2), tilted(-0.2))}),
        "flat": Sample(bent(0), {**lumi, "flat_rate": (1.2, 0.85)}, {"bend": (bent(0.1), bent(-0.1))}),
    }


def observed(parts: dict[str, Sample]) -> np.ndarray:
    """Data with half of the signal."""
    mean = 0.5 * parts["signal"].counts + parts["steep"].counts + parts["flat"].counts
    return np.random.default_rng(7).poisson(mean).astype(float)


def ours(parts: dict[str, Sample], data: np.ndarray) -> BinnedLikelihood:
    """The model loaded from YAML."""
    declared: dict[str, Any] = {}
    for name, part in parts.items():
        shifts = [{"name": n, "kind": "normsys", "up": up, "down": down} for n, (up, down) in part.factors.items()]
        for n, (up, down) in part.shapes.items():
            bins = {"up": {"bins": up.tolist()}, "down": {"bins": down.tolist()}}
            shifts.append({"name": n, "kind": "histosys", **bins})
        declared[name] = {"template": {"bins": part.counts.tolist()}, "systematics": shifts}
        declared[name] |= {"scale": part.norm} if part.norm else {}
    return load(declared, data)


def load(declared: dict[str, Any], data: np.ndarray) -> BinnedLikelihood:
    """A likelihood of one channel, with the samples `declared`."""
    content = {
        "schema": "npinfer/likelihood/1",
        "name": "peak",
        "kind": "real",
        "status": "illustrative",
        "poi": "mu",
        "channels": {"bins": {"axes": {"x": {"linear": [0, 1, len(data)]}}, "observed": data.tolist()}},
        "samples": declared,
        "parameters": {"mu": {"init": 1.0, "bounds": [0, 10]}},
    }
    with TemporaryDirectory() as folder:
        path = Path(folder) / "peak.yaml"
        path.write_text(yaml.safe_dump(content), encoding="utf-8")
        return npinfer.load(path)


def native(parts: dict[str, Sample], data: np.ndarray) -> tuple[pyhf.Model, list[float]]:
    """The model as a HistFactory workspace of pyhf's own modifiers, and the data with the auxiliary data."""
    declared = []
    for name, part in parts.items():
        modifiers: list[dict[str, Any]] = [
            {"name": n, "type": "normsys", "data": {"hi": up, "lo": down}} for n, (up, down) in part.factors.items()
        ]
        for n, (up, down) in part.shapes.items():
            bins = {"hi_data": up.tolist(), "lo_data": down.tolist()}
            modifiers.append({"name": n, "type": "histosys", "data": bins})
        if part.norm:
            modifiers.append({"name": part.norm, "type": "normfactor", "data": None})
        declared.append({"name": name, "data": part.counts.tolist(), "modifiers": modifiers})
    model = pyhf.Model({"channels": [{"name": "bins", "samples": declared}]}, poi_name="mu")
    return model, [*data.tolist(), *model.config.auxdata]


def check_equal(likelihood: BinnedLikelihood, model: pyhf.Model, data: list[float]) -> None:
    """The two densities agree at random points."""
    names = [n.rpartition(".")[2] for n in likelihood.parameters.names]
    rng = np.random.default_rng(0)
    points = np.column_stack([rng.uniform(0, 3, 20), rng.normal(0, 1, (20, len(names) - 1))])
    order = [names.index(n) for n in model.config.par_names]
    columns = [names.index("mu"), *(i for i, n in enumerate(names) if n != "mu")]
    points[:, columns] = points.copy()
    theirs = [float(model.logpdf(p[order].tolist(), data)[0]) for p in points]
    np.testing.assert_allclose(likelihood.logpdf(points), theirs, rtol=1e-9)


# ---- toys: batched fits against an iminuit loop


def toys(likelihood: BinnedLikelihood, pairs: int) -> list[str]:
    """1000 toys fitted together against one after another by MIGRAD, with our gradient and without."""
    truth = likelihood.parameters.vector(TRUTH)
    data = likelihood.toy(np.tile(truth, (TOYS, 1)), np.random.default_rng(1))
    packed, free = likelihood.pack(data), free_mask(likelihood, {})
    starts = [np.tile(truth, (TOYS, 1))]
    sigma = np.sqrt(np.diag(np.linalg.inv(likelihood.fisher(truth)[0])))
    share = TOYS // pairs if pairs > 1 else 100  # toys that MIGRAD fits in one pair
    minimise(likelihood, packed, starts, free, FitOptions())
    times, above = np.zeros((pairs, 3)), []
    for pair in range(pairs):
        rows = np.arange(pair * share, (pair + 1) * share)
        begun = time.process_time()
        found = minimise(likelihood, packed, starts, free, FitOptions())
        times[pair, 0] = (time.process_time() - begun) / TOYS
        theirs = []
        for column, gradient in ((1, True), (2, False)):
            begun = time.process_time()
            theirs.append([migrad(likelihood, packed.take(np.array([row])), truth, sigma, gradient) for row in rows])
            times[pair, column] = (time.process_time() - begun) / share
        reference = np.minimum(np.min(theirs, axis=0), found.nll[rows])
        above.append([2 * (nll - reference).max() for nll in (found.nll[rows], *theirs)])
    worst = np.max(above, axis=0)
    assert worst[0] <= HIGHEST_EXCESS, f"a toy lies {worst[0]:.1e} in twice_nll above the lowest minimum"
    return [
        Pairs(times[:, [0, 1]]).say("toy fits against MIGRAD with gradient", 15),
        Pairs(times[:, [0, 2]]).say("toy fits against MIGRAD without", 40),
        f"  twice_nll above the lowest minimum found, of {pairs * share} toys: ours at most {worst[0]:.1e}, "
        f"MIGRAD with gradient {worst[1]:.1e}, without {worst[2]:.1e}; {int((~found.valid).sum())} of ours not valid",
    ]


def migrad(likelihood: BinnedLikelihood, packed: Any, truth: np.ndarray, sigma: np.ndarray, gradient: bool) -> float:
    """The minimum of −ln density of one toy, as found by a lean MIGRAD from the truth."""
    value = lambda x: -likelihood.logpdf(x, packed)
    slope = lambda x: -likelihood.value_grad(x, packed)[1][0]
    minuit = Minuit(value, truth, grad=slope if gradient else None)
    minuit.errordef, minuit.strategy = Minuit.LIKELIHOOD, 1
    minuit.limits = list(zip(likelihood.parameters.lower, likelihood.parameters.upper, strict=True))
    minuit.errors = sigma
    minuit.migrad()
    return float(minuit.fval)


# ---- limits: observed and five expected against pyhf


def uncorrelated(bins: int) -> tuple[BinnedLikelihood, pyhf.Model, list[float]]:
    """pyhf's own simple model of a background with an uncorrelated uncertainty in every bin, and ours of the same."""
    x = np.arange(bins) / bins
    background, signal = 50 * np.exp(-2 * x), 5 * np.exp(-0.5 * ((x - 1 / 3) / 0.07) ** 2)
    data = np.random.default_rng(1).poisson(background + 0.3 * signal).astype(float)
    errors = {"bins": (0.1 * background).tolist()}
    declared = {
        "signal": {"template": {"bins": signal.tolist()}, "scale": "mu"},
        "background": {
            "template": {"bins": background.tolist()},
            "systematics": [{"name": "shape", "kind": "shapesys", "uncertainty": errors}],
        },
    }
    likelihood = load(declared, data)
    model = pyhf.simplemodels.uncorrelated_background(signal.tolist(), background.tolist(), errors["bins"])
    with_auxiliary = [*data.tolist(), *model.config.auxdata]
    points = np.random.default_rng(0).uniform(0.5, 1.5, (20, bins + 1))  # both have mu first, then a factor a bin
    theirs = [float(model.logpdf(point.tolist(), with_auxiliary)[0]) for point in points]
    np.testing.assert_allclose(likelihood.logpdf(points), theirs, rtol=1e-9)
    return likelihood, model, with_auxiliary


def limits(likelihood: BinnedLikelihood, model: pyhf.Model, data: list[float], pairs: int) -> list[str]:
    """The observed and the five expected CLs limits at 95 %, asymptotic."""
    npinfer.upper_limit(likelihood, "mu", cl=0.95, method="cls")  # imports what it needs, as pyhf has done
    times, worst = np.zeros((pairs, 2)), 0.0
    for pair in range(pairs):
        begun = time.process_time()
        found = npinfer.upper_limit(likelihood, "mu", cl=0.95, method="cls")
        times[pair, 0] = time.process_time() - begun
        begun = time.process_time()
        seen, expected = pyhf.infer.intervals.upper_limits.upper_limit(data, model, scan=None)
        times[pair, 1] = time.process_time() - begun
        theirs = np.array([float(seen), *map(float, expected)])
        worst = max(worst, float(np.abs(np.array([found.observed, *found.expected]) / theirs - 1).max()))
    assert worst <= LIMIT_TOLERANCE, f"limits differ by {worst:.1e}"
    return [
        Pairs(times).say(
            f"upper limits against pyhf (numpy), {likelihood.bins} bins, {len(likelihood.parameters)} parameters", 300
        ),
        f"  observed limit {found.observed:.4f}; observed and expected agree to {worst:.1e}",
    ]


# ---- sampling: effective samples a second against emcee with a Python callback


def sampling(pairs: int) -> list[str]:
    """The fewest effective samples of any parameter, for each second of CPU, burn-in included in the time."""
    likelihood = npinfer.load(POSTERIOR)
    times, notes = np.zeros((pairs, 2)), []
    for pair in range(pairs):
        begun = time.process_time()
        posterior = npinfer.sample(likelihood, fixed=HELD, run=npinfer.RunOptions(seed=pair, quiet=True))
        ours_seconds = time.process_time() - begun
        begun = time.process_time()
        chain = stretch(likelihood, pair)
        theirs_seconds = time.process_time() - begun
        kept, steps = after_burn_in(chain)
        ess = min(posterior.ess.values()), min(bulk_ess(kept[..., i]) for i in range(kept.shape[-1]))
        times[pair] = ours_seconds / ess[0], theirs_seconds / ess[1]
        means = posterior.chains.mean(axis=(0, 1, 2)), kept.mean(axis=(0, 1, 2))
        errors = kept.std(axis=(0, 1, 2)) * np.sqrt(1 / ess[0] + 1 / ess[1])
        apart = np.abs((means[0] - means[1]) / errors).max()
        assert apart < 5, f"the means of the two samplers lie {apart:.1f} standard errors apart"
        notes.append(
            f"  ours {ess[0]:.0f} effective in {ours_seconds:.1f} s ({posterior.why.split(';')[0]}), theirs "
            f"{ess[1]:.0f} in {theirs_seconds:.1f} s ({steps:.0f} autocorrelation times kept); means agree to "
            f"{apart:.1f} standard errors"
        )
    return [Pairs(times).say(f"an effective sample of {POSTERIOR} against emcee", 4), *notes]


def stretch(likelihood: BinnedLikelihood, seed: int) -> np.ndarray:
    """emcee's default move on a scalar Python callback, (1, steps, walkers, parameters)."""
    base, free = likelihood.parameters.vector(HELD), free_mask(likelihood, HELD)
    low, high = likelihood.parameters.lower[free], likelihood.parameters.upper[free]

    def log_posterior(x: np.ndarray) -> float:
        if (x < low).any() or (x > high).any():
            return -np.inf  # the priors are flat within the bounds
        point = base.copy()
        point[free] = x
        return likelihood.logpdf(point)

    rng = np.random.default_rng(seed)
    fitted = npinfer.fit(likelihood, fixed=HELD)
    centre = np.array([fitted.values[n] for n, f in zip(likelihood.parameters.names, free, strict=True) if f])
    start = np.clip(centre + 0.02 * (high - low) * rng.standard_normal((WALKERS, len(centre))), low, high)
    sampler = emcee.EnsembleSampler(WALKERS, len(centre), log_posterior)
    sampler.random_state = np.random.MT19937(seed).state
    sampler.run_mcmc(start, STEPS)
    return sampler.get_chain()[None]


def after_burn_in(chain: np.ndarray) -> tuple[np.ndarray, float]:
    """The steps after five autocorrelation times, and how many of these times they last."""
    half = chain.shape[1] // 2
    longest = max(autocorrelation_time(chain[:, half:, :, i]) for i in range(chain.shape[-1]))
    kept = chain[:, min(int(np.ceil(WINDOW * longest)), half) :]
    return kept, kept.shape[1] / longest


def main() -> None:
    """Print every ratio."""
    parser = argparse.ArgumentParser(description="Speed as ratios to other codes.")
    parser.add_argument("--quick", action="store_true", help="one pair instead of five")
    parser.add_argument("--only", nargs="+", choices=("toys", "limits", "sampling"))
    options = parser.parse_args()
    pairs, parts = 1 if options.quick else 5, samples()
    data = observed(parts)
    likelihood = ours(parts, data)
    assert len(likelihood.parameters) == 8
    model, with_auxiliary = native(parts, data)
    check_equal(likelihood, model, with_auxiliary)
    jobs = {
        "toys": lambda: toys(likelihood, pairs),
        "limits": lambda: [
            *limits(*uncorrelated(50), pairs),
            *limits(likelihood, model, with_auxiliary, pairs),
        ],
        "sampling": lambda: sampling(pairs),
    }
    with one_blas_thread():
        for name in options.only or jobs:
            print("\n".join(jobs[name]()), flush=True)


if __name__ == "__main__":
    main()
