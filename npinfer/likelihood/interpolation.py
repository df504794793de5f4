"""Interpolation of template variations between their ±1σ values, as HistFactory defines it.

The polynomial inside |α| < 1 matches value, slope and curvature of the extrapolation at ±1 (HistFactory codes 4, 4p).
"""

from __future__ import annotations

import math

import numpy as np

from npinfer.errors import ConfigurationError

_POWERS = np.arange(1, 7)
_AT_ONE = np.stack([np.ones(6), _POWERS, _POWERS * (_POWERS - 1)]).astype(float)
_SIGNS = np.stack([(-1.0) ** _POWERS, (-1.0) ** (_POWERS - 1), (-1.0) ** _POWERS])
_SOLVE = np.linalg.inv(np.concatenate([_AT_ONE, _AT_ONE * _SIGNS]))


class Factors:
    """Multiplicative variations, `up` at α = 1 and `down` at α = −1 (normsys, code 4), k of them at once."""

    def __init__(self, up: np.ndarray, down: np.ndarray) -> None:
        _check(up, down, np.asarray((up > 0) & np.isfinite(up) & (down > 0) & np.isfinite(down)))
        self._log_up, self._log_down = np.log(up), np.log(down)
        at_up = np.stack([up - 1, up * self._log_up, up * self._log_up**2])
        at_down = np.stack([down - 1, -down * self._log_down, down * self._log_down**2])
        inner = _SOLVE @ np.concatenate([at_up, at_down])
        inner = np.concatenate([np.ones((1, len(up))), inner])  # (7, k), of rising power
        slopes = np.concatenate([inner[1:] * _POWERS[:, None], np.zeros((1, len(up)))])
        self._inner = np.ascontiguousarray(np.stack([inner, slopes]).transpose(2, 1, 0))  # (k, 7, value and slope)
        self._plain = list(zip(self._log_up.tolist(), self._log_down.tolist(), inner.T.tolist(), strict=True))
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


def _check(up: np.ndarray, down: np.ndarray, good: np.ndarray) -> None:
    """Raise ConfigurationError for the first factors that are not `good`."""
    for high, low in zip(up[~good].tolist(), down[~good].tolist(), strict=True):
        raise ConfigurationError(
            f"a normsys with up {high:g} and down {low:g} cannot be interpolated: its factor does not stay positive "
            "and finite; use factors nearer to 1, or a scale with a log_normal constraint"
        )


def _polynomials(coefficients: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Σ_i coefficients[k, i, m] x[batch, k]^i, (m, batch, k); x: (batch, k), or (batch, 1) for all k."""
    powers = np.empty((len(coefficients), len(x), coefficients.shape[1]))
    powers[..., 0], powers[..., 1:] = 1.0, x.T[:, :, None]
    np.multiply.accumulate(powers, axis=-1, out=powers)
    found: np.ndarray = np.matmul(powers, coefficients).transpose(2, 1, 0)
    return found


class Shift:
    """An additive variation of a template: shape `up` at α = 1, `down` at α = −1 (histosys, code 4p).

    It is α (up − down) / 2 + e(α) (up + down − 2 nominal) / 16 with e = 15 α² − 10 α⁴ + 3 α⁶ inside and 8 |α| outside.
    """

    def __init__(self, nominal: np.ndarray, up: np.ndarray, down: np.ndarray) -> None:
        self._mean, self._bend = 0.5 * (up - down), (up - nominal + (down - nominal)) / 16.0

    def __call__(self, alpha: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Counts added and their derivative, each (batch, bins)."""
        a = alpha[:, None]
        square = a * a
        even = square * (15 + square * (-10 + 3 * square))
        slope = a * (30 + square * (-40 + 18 * square))
        outside = square > 1
        if outside.any():
            even, slope = np.where(outside, 8 * np.abs(a), even), np.where(outside, 8 * np.sign(a), slope)
        return a * self._mean + even * self._bend, self._mean + slope * self._bend
