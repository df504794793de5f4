"""The density of a small likelihood file by the plainest code: one bin, one sample and one constraint at a time.

Written from the definitions (CERN-OPEN-2012-016 for normsys, histosys, staterror and shapesys) with nothing of the
package but the content of the file.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

UNIT = {"normal": {"mean": 0.0, "sigma": 1.0}}
Spec = Mapping[str, Any]
Values = Mapping[str, float]


def density(spec: Spec, values: Values) -> tuple[float, float] | None:
    """ln density of the observed data, and the sum of the sizes of its terms; None where this code has no answer.

    values: by short name, of all parameters that the likelihood has.
    """
    if not _plain(spec):
        return None
    gammas, terms = _gammas(spec), []
    for channel, entry in spec["channels"].items():
        observed = np.ravel(entry["observed"]).astype(float).tolist()
        for b, count in enumerate(observed):
            parts = [_expected(sample, channel, b, len(observed), values) for sample in spec["samples"].values()]
            factors = [_product(gammas, name, channel, b, values) for name in spec["samples"]]
            rate = math.fsum(p * f for p, f in zip(parts, factors, strict=True))
            terms += _normal(count, rate, *_widths(entry, b)) if "sigma" in entry else _poisson(count, rate)
    declared = {s["name"]: {"constraint": UNIT} for _, s in _systematics(spec, "normsys", "histosys")}
    declared |= {k: v for k, v in spec.get("parameters", {}).items() if k != "use"}
    for name, parameter in declared.items():
        if name in values:
            terms += _constraint(parameter.get("constraint", {}), values[name])
    for (name, channel, b), (kind, sigma, _) in gammas.items():
        said = {"poisson": {"count": sigma**-2, "rate": sigma**-2}}
        said = {"normal": {"mean": 1.0, "sigma": sigma}} if kind == "staterror" else said
        terms += _constraint(said, values[f"{name}_{channel}_{b}"])
    if any(math.isinf(t) for t in terms):
        return -math.inf, 1.0
    return math.fsum(terms), sum(map(abs, terms))


def _plain(spec: Spec) -> bool:
    """Inline templates, observed counts, Poisson bins and private parameters, at the exposure of the data."""
    channels, samples = spec["channels"].values(), spec["samples"].values()
    exposure = spec.get("configuration", {}).get("exposure", {}).get("default", 1.0)
    return (
        all(isinstance(c.get("observed"), list) and c.get("statistic") != "effective" for c in channels)
        and all(isinstance(s.get("template"), dict) and "events" not in s["template"] for s in samples)
        and all(isinstance(t, dict) for s in samples for t in _tables(s))
        and not spec.get("parameters", {}).get("use")
        and not any("oscillation_fit" in p.get("constraint", {}) for p in spec.get("parameters", {}).values() if p)
        and exposure == 1.0
    )


def _tables(sample: Spec) -> list[Any]:
    found = [sample["variance"]] if "variance" in sample else []
    for s in sample.get("systematics", []):
        found += [s[k] for k in ("up", "down") if k in s and s["kind"] == "histosys"]
        found += [s["uncertainty"]] if "uncertainty" in s else []
    return found


def _systematics(spec: Spec, *kinds: str) -> list[tuple[str, Spec]]:
    return [(n, s) for n, e in spec["samples"].items() for s in e.get("systematics", []) if s["kind"] in kinds]


def _bin(table: Mapping[str, list[float]], channel: str, b: int, bins: int) -> float:
    return float(table.get(channel, [0.0] * bins)[b])


def _on(systematic: Spec, channel: str) -> bool:
    return channel in systematic.get("channels", [channel])


def _expected(sample: Spec, channel: str, b: int, bins: int, values: Values) -> float:
    """Counts of a sample in a bin, without the factors of single bins."""
    nominal = _bin(sample["template"], channel, b, bins)
    count, factor = nominal, 1.0
    for s in sample.get("systematics", []):
        if not _on(s, channel) or s["kind"] not in ("normsys", "histosys"):
            continue
        alpha = values[s["name"]]
        if s["kind"] == "normsys":
            factor *= _code_4(alpha, s["up"], s.get("down", 1.0 / s["up"]))
        else:
            up = _bin(s["up"], channel, b, bins)
            down = _bin(s["down"], channel, b, bins) if "down" in s else 2 * nominal - up
            count += _code_4p(alpha, up - nominal, nominal - down)
    scale = sample.get("scale", [])
    names = [scale] if isinstance(scale, str) else scale
    powers = scale.items() if isinstance(scale, dict) else [(n, 1.0) for n in names]
    for name, power in powers:
        factor *= values[name] ** power
    return count * factor


def _code_4(alpha: float, up: float, down: float) -> float:
    """Exponentials outside |α| = 1, inside the polynomial of degree six that has their value and two derivatives."""
    if alpha >= 1:
        return up**alpha
    if alpha <= -1:
        return down**-alpha
    rows, right = [], []
    for end, base, sign in ((1.0, up, 1.0), (-1.0, down, -1.0)):
        log = sign * math.log(base)
        rows += [[end**i for i in range(1, 7)], [i * end ** (i - 1) for i in range(1, 7)]]
        rows += [[i * (i - 1) * end ** (i - 2) if i > 1 else 0.0 for i in range(1, 7)]]
        right += [base - 1.0, base * log, base * log * log]
    coefficients = np.linalg.solve(np.array(rows), np.array(right))
    return 1.0 + math.fsum(c * alpha ** (i + 1) for i, c in enumerate(coefficients.tolist()))


def _code_4p(alpha: float, up: float, down: float) -> float:
    """Lines outside |α| = 1, inside the polynomial of degree six that joins them."""
    if abs(alpha) >= 1:
        return alpha * (up if alpha > 0 else down)
    even = (15 * alpha**2 - 10 * alpha**4 + 3 * alpha**6) / 8
    return alpha * (up + down) / 2 + even * (up - down) / 2


def _gammas(spec: Spec) -> dict[tuple[str, str, int], tuple[str, float, list[str]]]:
    """Kind, relative uncertainty and samples of every factor of a bin, by (name, channel, bin)."""
    found = {}
    names = dict.fromkeys((s["name"], s["kind"]) for _, s in _systematics(spec, "staterror", "shapesys"))
    for name, kind in names:
        carriers = [(n, s) for n, s in _systematics(spec, kind) if s["name"] == name]
        for channel, entry in spec["channels"].items():
            mine = [(spec["samples"][n], n, s) for n, s in carriers if _on(s, channel)]
            bins = len(np.ravel(entry["observed"]))
            for b in range(bins):
                counts = math.fsum(_bin(sample["template"], channel, b, bins) for sample, _, _ in mine)
                squares = [
                    _bin(s["uncertainty"], channel, b, bins) ** 2
                    if "uncertainty" in s
                    else _bin(sample["variance"], channel, b, bins)
                    for sample, _, s in mine
                ]
                if counts > 0 and math.fsum(squares) > 0:
                    sigma = math.sqrt(math.fsum(squares)) / counts
                    found[name, channel, b] = (kind, sigma, [n for _, n, _ in mine])
    return found


def _product(gammas: Mapping[Any, Any], sample: str, channel: str, b: int, values: Values) -> float:
    """The factors of a bin that multiply a sample."""
    mine = [k for k, (_, _, samples) in gammas.items() if k[1:] == (channel, b) and sample in samples]
    return math.prod(values[f"{name}_{c}_{i}"] for name, c, i in mine)


def _poisson(count: float, rate: float) -> list[float]:
    if rate < 0 or (rate == 0 and count > 0):
        return [-math.inf]
    return [count * math.log(rate) if count > 0 else 0.0, -rate, -math.lgamma(count + 1.0)]


def _widths(channel: Spec, b: int) -> tuple[float, float]:
    """σ of a measured bin, where more is expected and where less."""
    sigma = channel["sigma"]
    up, down = (np.ravel(sigma[k] if isinstance(sigma, dict) else sigma).tolist() for k in ("up", "down"))
    return up[b if len(up) > 1 else 0], down[b if len(down) > 1 else 0]


def _normal(measured: float, expected: float, up: float, down: float) -> list[float]:
    """ln of a normal density with a σ on each side of what was measured."""
    z = (expected - measured) / (up if expected > measured else down)
    return [-0.5 * z * z, math.log(2.0) - math.log(up + down), -0.5 * math.log(2 * math.pi)]


def _constraint(spec: Spec, value: float) -> list[float]:
    """ln density of the auxiliary measurement of a parameter."""
    for kind, figures in spec.items():
        if kind == "poisson":
            return _poisson(figures["count"], figures["rate"] * value)
        up, down = (figures.get(k, figures.get("sigma")) for k in ("sigma_up", "sigma_down"))
        if kind == "log_normal" and value <= 0:
            return [-math.inf]
        logarithm = math.log if kind == "log_normal" else float
        return _normal(logarithm(figures["mean"]), logarithm(value), up, down)
    return []
