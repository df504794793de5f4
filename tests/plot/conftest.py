"""Small results made by hand: figures are drawn from results alone."""

import numpy as np
import pytest

from npinfer.core.axis import Axis
from npinfer.core.provenance import Description, Provenance
from npinfer.core.result import ChannelView, Contour, FitResult, Quantity, Region, Scan, Status


class Make:
    """Builds results; keywords replace what a test wants different."""

    description = Description(
        "toy_detector",
        "A toy, 3 years",
        "real",
        "approximate",
        reference={"arxiv": "0000.00000"},
        digests={"spec": "ab" * 32},
    )
    provenance = Provenance({"npinfer": "9.8.7"}, {"spec": "ab" * 32, "configuration": "cd" * 32}, seed=4)

    def common(self):
        return {"description": self.description, "provenance": self.provenance, "data_kind": "observed"}

    def view(self, seed=0):
        rng = np.random.default_rng(seed)
        axes = (Axis("energy_gev", (1e4, 1e5, 1e6, 1e7)), Axis("cos_zenith", (-1.0, 0.0, 0.2, 1.0, 1.5)))
        samples = {"signal_one": rng.uniform(0.1, 3.0, 12), "muon": rng.uniform(0.0, 1.0, 12)}
        return ChannelView(axes, rng.poisson(1.0, 12).astype(float), samples, rng.normal(size=(3, 12)))

    def counts(self, observed, expected, error=None, edges=None):
        """A channel of one axis and one sample."""
        observed, expected = np.asarray(observed, dtype=float), np.asarray(expected, dtype=float)
        error = 0.2 * np.abs(expected) if error is None else np.asarray(error, dtype=float)
        edges = tuple(float(v) for v in range(len(observed) + 1)) if edges is None else edges
        slopes = np.stack([error / 0.5, np.zeros_like(error), np.zeros_like(error)])  # of norm, whose error is 0.5
        return ChannelView((Axis("rate", edges),), observed, {"all": expected}, slopes)

    def fit(self, **replaced):
        names = ("norm", "toy.scale", "toy.shape_up", "tilt")
        quantities = {n: Quantity(n) for n in names} | {
            "norm": Quantity("norm", "1e-18 GeV^-1 cm^-2", r"$\Phi_0$", 0.0, 9.0),
            "toy.scale": Quantity("toy.scale", group="flux"),
            "toy.shape_up": Quantity("toy.shape_up", group="flux"),
        }
        covariance = np.diag([0.25, 0.04, 0.81])
        covariance[0, 1] = covariance[1, 0] = -0.06
        content = {
            "quantities": quantities,
            "values": {"norm": 2.0, "toy.scale": 1.1, "toy.shape_up": 0.3, "tilt": 0.0},
            "errors": {"norm": 0.5, "toy.scale": 0.2, "toy.shape_up": 0.9, "tilt": float("nan")},
            "minos": {},
            "fixed": ("tilt",),
            "free": names[:3],
            "covariance": covariance,
            "derived": {},
            "derived_errors": {},
            "pulls": {"toy.scale": 0.4, "toy.shape_up": 0.3, "tilt": -0.7},
            "pull_errors": {"toy.scale": 0.5, "toy.shape_up": 0.9, "tilt": float("nan")},
            "channels": {"deep_core": self.view()},
            "twice_nll": 12.0,
            "edm": 1e-12,
            "valid": True,
            "status": Status.CONVERGED,
            "message": "fine",
        }
        return FitResult(**{**self.common(), **content, **replaced})

    def scan(self, x, height, **replaced):
        content = {
            "quantities": {"norm": Quantity("norm", "GeV", "$g$")},
            "grid": {"norm": np.asarray(x, dtype=float)},
            "delta_twice_nll": np.asarray(height, dtype=float),
            "values": {},
            "best": {"norm": 1.5},
            "twice_nll": 3.0,
        }
        return Scan(**{**self.common(), **content, **replaced})

    def contour(self, *regions, names=("f_e", "f_mu"), **replaced):
        content = {
            "names": names,
            "quantities": {n: Quantity(n, lower=0.0, upper=1.0) for n in names},
            "regions": regions
            or (Region(0.68, 2.28, (box(0.3, 0.4),), False), Region(0.95, 5.99, (box(0.2, 0.5),), False)),
            "best": {names[0]: 0.35, names[1]: 0.36},
            "calibration": "by hand",
        }
        return Contour(**{**self.common(), **content, **replaced})


def box(low, high, backwards=False):
    """A closed square."""
    path = np.array([[low, low], [high, low], [high, high], [low, high], [low, low]])
    return path[::-1] if backwards else path


@pytest.fixture
def make():
    return Make()


@pytest.fixture
def square():
    return box


@pytest.fixture
def printed():
    """Reads the small print of a figure."""

    def read(figure):
        (text,) = [t for t in figure.texts if t.get_gid() == "small print"]
        return " ".join(text.get_text().split())

    return read
