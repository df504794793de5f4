"""U(1)′ models: the charges of matter and of neutrinos, as exact fractions, and what they make of the matter potential.

Source: Coloma, Gonzalez-Garcia, Maltoni, arXiv:2009.14220. A Z′ of coupling g′ and mass M gives the interactions
ε^f_αα = a_f b_α ε⁰ with ε⁰ = g′²/(√2 G_F M²) = v² g′²/M², vector charges a_f of matter and b_α of neutrinos.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from pathlib import Path

from npinfer.errors import ConfigurationError, unknown
from npinfer.paths import roots

FOLDER, FILE = "u1_models", "models.csv"
CHARGES = ("up", "down", "electron", "nue", "numu", "nutau")
COLUMNS = ("name", *CHARGES)


@dataclass(frozen=True)
class U1Model:
    """The vector charges of u, d and e, and of the three neutrinos; latex: how plots name the model."""

    name: str
    up: Fraction
    down: Fraction
    electron: Fraction
    nue: Fraction
    numu: Fraction
    nutau: Fraction
    latex: str = ""

    @property
    def of_matter(self) -> tuple[Fraction, Fraction, Fraction]:
        """The charges of an electron, a proton and a neutron."""
        return self.electron, 2 * self.up + self.down, self.up + 2 * self.down

    @property
    def of_neutrinos(self) -> tuple[Fraction, Fraction, Fraction]:
        """The charges of ν_e, ν_μ and ν_τ."""
        return self.nue, self.numu, self.nutau

    def coefficients(self, neutrons: float) -> tuple[float, float, float]:
        """E_ee, E_μμ and E_ττ in units of ε⁰, for a contact interaction in neutral matter.

        neutrons: per electron.

        >>> [round(e, 3) for e in u1_model("B-3Le").coefficients(1.051)]
        [2.847, 0.0, 0.0]
        """
        electron, proton, neutron = self.of_matter
        charge = float(electron + proton) + float(neutron) * neutrons
        e, mu, tau = (float(b) * charge + 0.0 for b in self.of_neutrinos)
        return e, mu, tau


def u1_models() -> dict[str, U1Model]:
    """Every model of data/u1_models/models.csv, in a checkout, in an installation and on NPINFER_PATH, by name.

    >>> "Le-Lmu" in u1_models()
    True
    """
    found: dict[str, U1Model] = {}
    for root in reversed(roots()):
        path = root / "data" / FOLDER / FILE
        if path.is_file():
            found |= read_models(path)
    return found


def u1_model(name: str) -> U1Model:
    """The model of that name, or the only one of a CSV file given by its path; raises ConfigurationError.

    The columns of a file are name, up, down, electron, nue, numu and nutau (charges as whole numbers, fractions or
    decimals), and optionally latex.

    >>> u1_model("B-3Ltau").of_neutrinos
    (Fraction(0, 1), Fraction(0, 1), Fraction(-3, 1))
    """
    if not name.endswith(".csv"):
        known = u1_models()
        if name not in known:
            raise ConfigurationError(unknown("U(1)′ model", name, known))
        return known[name]
    path = Path(name).expanduser()
    if not path.is_file():
        raise ConfigurationError(f"{name}: no such file of a U(1)′ model; give one that exists, or the name of a model")
    models = list(read_models(path).values())
    if len(models) != 1:
        place = f"$NPINFER_PATH/data/{FOLDER}/{FILE}"
        raise ConfigurationError(f"{name}: {len(models)} models, expected one; put several into {place}")
    return models[0]


def read_models(path: Path) -> dict[str, U1Model]:
    """The models of a CSV file; raises ConfigurationError with its line."""
    return dict(_read(path, path.stat().st_mtime_ns))


@lru_cache(maxsize=16)
def _read(path: Path, changed: int) -> Mapping[str, U1Model]:
    """Read once for as long as the file has not `changed`."""
    del changed
    found: dict[str, U1Model] = {}
    with path.open(newline="", encoding="utf-8") as stream:
        reader = csv.DictReader(stream)
        header = reader.fieldnames or []
        if missing := [c for c in COLUMNS if c not in header]:
            raise ConfigurationError(f"{path}:1: no column {missing[0]!r}; expected {', '.join(COLUMNS)}")
        for row in reader:
            model = _model(row, f"{path}:{reader.line_num}")
            if model.name in found:
                raise ConfigurationError(f"{path}:{reader.line_num}: the model {model.name!r} is given twice")
            found[model.name] = model
    return found


def _model(row: Mapping[str, str | None], where: str) -> U1Model:
    charges = {}
    for column in CHARGES:
        try:
            charges[column] = Fraction((row[column] or "").strip())
        except (ValueError, ZeroDivisionError):
            raise ConfigurationError(
                f"{where}: {column}: found {row[column]!r}, expected a charge such as -3, 1/3 or 0.5"
            ) from None
    name = (row["name"] or "").strip()
    if not name:
        raise ConfigurationError(f"{where}: a model without a name")
    return U1Model(name, **charges, latex=(row.get("latex") or "").strip())
