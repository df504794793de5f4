"""contour: regions of two parameters from a profile scan."""

from __future__ import annotations

from collections.abc import Sequence

import contourpy
import numpy as np

from npinfer.core import wilks
from npinfer.core.provenance import Provenance
from npinfer.core.result import Calibration, Contour, Region, Scan
from npinfer.core.result.tail import TIE
from npinfer.errors import InferenceError


def contour(scan: Scan, *, cl: Sequence[float] = (0.68, 0.95), calibration: Calibration | None = None) -> Contour:
    """The regions where delta_twice_nll stays below the joint thresholds of two parameters.

    `cl` is the joint probability enclosed. Thresholds are those of Wilks' theorem (0.68 is delta_twice_nll < 2.28), or
    the critical values of a calibration of the same two parameters, interpolated to the grid of the scan. Raises
    InferenceError for a scan that is not of two parameters or is incomplete, ConfigurationError for a calibration of
    another question, ParameterError for one that does not reach as far as the scan.
    """
    if len(scan.names) != 2 or min(scan.delta_twice_nll.shape) < 2:
        raise InferenceError(
            "a contour needs a scan of two parameters with at least 2 × 2 points; "
            f"this one is of {', '.join(scan.names)} with {' × '.join(map(str, scan.delta_twice_nll.shape))} points"
        )
    if not scan.complete:
        raise InferenceError("the scan is incomplete: finish it before drawing contours")
    cl = (cl,) if isinstance(cl, float) else cl
    if calibration is not None:
        calibration.check(scan.names, scan.fixed, scan.description.digests)
    uncalibrated = "Wilks' theorem, 2 degrees of freedom; not calibrated with toys"
    return Contour(
        description=scan.description,
        provenance=Provenance.record(scan.description),
        names=scan.names,
        quantities={n: scan.quantities[n] for n in scan.names},
        regions=tuple(_region(scan, float(level), calibration) for level in sorted(cl)),
        best={n: scan.best[n] for n in scan.names},
        calibration=calibration.how() if calibration else uncalibrated,
        data_kind=scan.data_kind,
    )


def _region(scan: Scan, cl: float, calibration: Calibration | None) -> Region:
    """Closed paths around the region: the scan is surrounded by a wall, so that the region ends at the grid's edge."""
    threshold = wilks.threshold(cl, 2)
    x, y = scan.grid.values()
    excess = scan.delta_twice_nll - threshold
    if calibration is not None:
        mesh = np.stack([m.ravel() for m in np.meshgrid(x, y, indexing="ij")], axis=1)
        critical = calibration.at(cl, mesh).reshape(excess.shape)
        excess = scan.delta_twice_nll - np.where(np.isfinite(critical), critical, threshold) - TIE
        threshold = float(calibration.at(cl, np.array([[scan.best[n] for n in scan.names]]))[0])
    inside = excess <= 0
    touches = bool(inside[[0, -1]].any() or inside[:, [0, -1]].any())
    wall = 9 * wilks.threshold(cl, 2) + 10
    padded = np.pad(np.minimum(excess, wall), 1, constant_values=wall)
    wide_x, wide_y = (np.r_[v[0] - 1e-6 * np.ptp(v), v, v[-1] + 1e-6 * np.ptp(v)] for v in (x, y))
    lines = contourpy.contour_generator(wide_x, wide_y, padded.T).lines(0.0)
    low, high = (x[0], y[0]), (x[-1], y[-1])
    paths = tuple(np.clip(np.asarray(path), low, high) for path in lines)
    return Region(cl, threshold, paths, touches)
