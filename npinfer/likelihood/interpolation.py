"""Interpolation of template variations between their ±1σ values, as HistFactory defines it.

The polynomial inside |α| < 1 matches value, slope and curvature of the extrapolation at ±1 (HistFactory codes 4, 4p);
codes 0 and 1 go straight, or exponentially, from each side to the nominal value (CERN-OPEN-2012-016, section 4).
"""

from __future__ import annotations

import math

import numpy as np

from npinfer.errors import ConfigurationError

_POWERS = np.arange(1, 7)
_AT_ONE = np.stack([np.ones(6), _POWERS, _POWERS * (_POWERS - 1)]).astype(float)
_SIGNS = np.stack([(-1.0) ** _POWERS, (-1.0) ** (_POWERS - 1), (-1.0) ** _POWERS])
_SOLVE = np.linalg.inv(np.concatenate([_AT_ONE, _AT_ONE * _SIGNS]))
FACTOR_CODES = ("code4", "code1")
SHIFT_CODES = ("code4p", "code0")


class Factors:
    """Multiplicative variations, `up` at α = 1 and `down` at α = −1 (normsys, code 4), k of them at once."""

    def __init__(self, up: np.ndarray, down: np.ndarray) -> None:
        _check(up, down, np.asarray((up > 0) & np.isfinite(up) & (down > 0) & np.isfinite(down)))
        self._log_up, self._log_down = np.log(up), np.log(down)
        self._inner = polynomials(up, down)
        plain = self._inner[..., 0].tolist()
        self._plain = list(zip(self._log_up.tolist(), self._log_down.tolist(), plain, strict=True))
        (inside,) = _polynomials(self._inner[..., :1], np.linspace(-1.0, 1.0, 201)[:, None])
        _check(up, down, np.asarray((inside > 0).all(axis=0)))

    def __call__(self, alpha: np.ndarray) -> np.ndarray:
        """ln of the factors, (batch, k)."""
        if len(alpha) == 1:  # plain floats are faster than arrays of one
            values = zip(alpha[0].tolist(), self._plain, strict=True)
            return np.array([[self._one(a, log_up, log_down, inner) for a, (log_up, log_down, inner) in values]])
        inside = np.minimum(np.maximum(alpha, -1.0), 1.0)
        (value,) = _polynomials(self._inner[..., :1], inside)
        return np.log(value) + np.where(alpha > 0, self._log_up, -self._log_down) * (alpha - inside)

    @staticmethod
    def _one(alpha: float, log_up: float, log_down: float, inner: list[float]) -> float:
        """ln of one factor: that of the polynomial inside |α| < 1, linear outside."""
        if abs(alpha) >= 1:
            return alpha * log_up if alpha > 0 else -alpha * log_down
        value = inner[-1]
        for coefficient in inner[-2::-1]:
            value = value * alpha + coefficient
        return math.log(value)

    def with_slopes(self, alpha: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """ln of the factors and its derivative in α, each (batch, k)."""
        inside = np.minimum(np.maximum(alpha, -1.0), 1.0)
        value, slope = _polynomials(self._inner, inside)
        logarithm, slope, beyond = np.log(value), slope / value, alpha - inside
        if not beyond.any():
            return logarithm, slope
        side = np.where(alpha > 0, self._log_up, -self._log_down)
        return logarithm + side * beyond, np.where(beyond != 0, side, slope)


class Multipliers:
    """The factors of `Factors` themselves and not their logarithms, in either code: they may pass through zero."""

    def __init__(self, up: np.ndarray, down: np.ndarray, code: str = "code4") -> None:
        """up, down: factors at ±1, (k,), positive; code: one of FACTOR_CODES."""
        self._log_up, self._log_down = np.log(up), np.log(down)
        self._inner = polynomials(up, down) if code == "code4" else None

    def __call__(self, alpha: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The factors and their derivatives in α, each (batch, k)."""
        side = np.where(alpha > 0, self._log_up, -self._log_down)
        with np.errstate(over="ignore"):
            value = np.exp(side * alpha)
            slope = side * value
        if self._inner is None:
            return value, slope
        inside = np.abs(alpha) < 1
        if not inside.any():
            return value, slope
        inner, inner_slope = _polynomials(self._inner, np.minimum(np.maximum(alpha, -1.0), 1.0))
        return np.where(inside, inner, value), np.where(inside, inner_slope, slope)


    def second(self, alpha: np.ndarray) -> np.ndarray:
        """The second derivatives of the factors in α, (batch, k)."""
        side = np.where(alpha > 0, self._log_up, -self._log_down)
        with np.errstate(over="ignore"):
            outer = side**2 * np.exp(side * alpha)
        if self._inner is None:
            return outer
        coefficients = self._inner[:, 2:, :1] * (_POWERS[1:] * (_POWERS[1:] - 1))[:, None]
        (inner,) = _polynomials(coefficients, np.minimum(np.maximum(alpha, -1.0), 1.0))
        return np.where(np.abs(alpha) < 1, inner, outer)


def polynomials(up: np.ndarray, down: np.ndarray) -> np.ndarray:
    """The polynomials inside |α| < 1 and their derivatives, coefficients (k, 7, value and slope) of rising power."""
    log_up, log_down = np.log(up), np.log(down)
    at_up = np.stack([up - 1, up * log_up, up * log_up**2])
    at_down = np.stack([down - 1, -down * log_down, down * log_down**2])
    inner = np.concatenate([np.ones((1, len(up))), _SOLVE @ np.concatenate([at_up, at_down])])
    slopes = np.concatenate([inner[1:] * _POWERS[:, None], np.zeros((1, len(up)))])
    return np.ascontiguousarray(np.stack([inner, slopes]).transpose(2, 1, 0))


def _check(up: np.ndarray, down: np.ndarray, good: np.ndarray) -> None:
    """Raise ConfigurationError for the first factors that are not `good`."""
    for high, low in zip(up[~good].tolist(), down[~good].tolist(), strict=True):
        raise ConfigurationError(
            f"a normsys with up {high:g} and down {low:g} cannot be interpolated: its factor does not stay positive "
            "and finite; use factors nearer to 1, or a scale with a log_normal constraint"
        )


def _polynomials(coefficients: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Σ_i coefficients[k, i, m] x[batch, k]^i, (m, batch, k); x: (batch, k), or (batch, 1) for all k."""
    each = coefficients.transpose(2, 1, 0)
    found: np.ndarray = np.repeat(each[:, -1, None], len(x), axis=1)
    for i in range(each.shape[1] - 2, -1, -1):
        found *= x
        found += each[:, i, None]
    return found


def even_part(alpha: np.ndarray, code: str = "code4p") -> tuple[np.ndarray, np.ndarray]:
    """What the bend of a histosys is multiplied with, and its derivative, both of the shape of `alpha`.

    15 α² − 10 α⁴ + 3 α⁶ inside |α| < 1 and 8 |α| outside (code 4p), or everywhere (code 0).
    """
    size, sign = 8 * np.abs(alpha), 8 * np.sign(alpha)
    if code == "code0":
        return size, sign
    square = alpha * alpha
    even = square * (15 + square * (-10 + 3 * square))
    slope = alpha * (30 + square * (-40 + 18 * square))
    outside = square > 1
    if outside.any():
        even, slope = np.where(outside, size, even), np.where(outside, sign, slope)
    return even, slope


def even_second(alpha: np.ndarray, code: str = "code4p") -> np.ndarray:
    """The second derivative of `even_part`, of the shape of `alpha`."""
    square = alpha * alpha
    return np.where((square < 1) & (code == "code4p"), 30 + square * (-120 + 90 * square), 0.0)


def bends(nominal: np.ndarray, up: np.ndarray, down: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """What α and its even part are multiplied with in a histosys: (up − down) / 2 and (up + down − 2 nominal) / 16."""
    return 0.5 * (up - down), (up - nominal + (down - nominal)) / 16.0


class Shift:
    """An additive variation of a template: shape `up` at α = 1, `down` at α = −1 (histosys, code 4p)."""

    def __init__(self, nominal: np.ndarray, up: np.ndarray, down: np.ndarray) -> None:
        self._mean, self._bend = bends(nominal, up, down)

    def __call__(self, alpha: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Counts added and their derivative, each (batch, bins)."""
        even, slope = even_part(alpha)
        mean, a = self._mean, alpha[:, None]
        return a * mean + even[:, None] * self._bend, mean + slope[:, None] * self._bend
