"""How the chains of a posterior moved."""

from __future__ import annotations

import numpy as np

from npinfer.core.result import Posterior, Quantity
from npinfer.core.table import Table
from npinfer.report.blocks import Chart
from npinfer.report.charts.parts import Trace, axis, band, colour_of, faint, line, title
from npinfer.report.nature import nature
from npinfer.report.text import number, spoken

LONGEST = 400  # steps of a chart
SPREAD = (0.16, 0.5, 0.84)  # quantiles over the walkers


def chains_chart(posterior: Posterior, quantity: Quantity, file: str) -> Chart:
    """A line for each replica: the median of its walkers at a step, over the central 68 % of them."""
    chains = posterior.chains[:, :, :, posterior.names.index(quantity.name)]
    stride = -(-chains.shape[1] // LONGEST)
    steps = np.arange(0, chains.shape[1], stride)
    low, middle, high = np.quantile(chains[:, ::stride], SPREAD, axis=2)
    traces = [t for i in range(len(chains)) for t in _replica(steps, low[i], middle[i], high[i], i)]
    every = f", every {stride} steps" if stride > 1 else ""
    return Chart(
        traces=tuple(traces),
        layout={"xaxis": axis("step after the burn-in"), "yaxis": axis(title(quantity))},
        alt=f"chains of {spoken(quantity)}",
        caption=(
            f"Chains of {spoken(quantity)}: median of the walkers of each replica and their central 68 %{every}. "
            f"{posterior.burn_in} steps of burn-in are left out. Replicas that have converged lie on top of each "
            f"other: R-hat {number(posterior.rhat[quantity.name])}, {number(posterior.ess[quantity.name])} effective "
            f"samples. {nature(posterior, posterior.data_kind)}"
        ),
        tables=((f"{file}_chains.csv", _table(posterior, chains)),),
        height=320,
    )


def _table(posterior: Posterior, chains: np.ndarray) -> Table:
    """The quantiles over the walkers at every step, of each replica; chains: (replica, step, walker)."""
    columns = np.quantile(chains, SPREAD, axis=2).transpose(1, 0, 2).reshape(-1, chains.shape[1])
    names = [f"replica {i + 1} {q:g}" for i in range(len(chains)) for q in SPREAD]
    rows = tuple((step, *values) for step, values in enumerate(columns.T.tolist()))
    title = f"quantiles over the walkers ({posterior.data_kind} data)"
    return Table(title, ("step", *names), rows, labels=posterior.labels())


def _replica(steps: np.ndarray, low: np.ndarray, middle: np.ndarray, high: np.ndarray, index: int) -> list[Trace]:
    colour, _ = colour_of(index)
    name, group = f"replica {index + 1}", {"legendgroup": f"replica {index}"}
    spread = {**band(name, steps, low, high, faint(colour, 0.14)), "showlegend": False, **group}
    return [spread, line(name, steps, middle, colour, width=1.4, **group)]
