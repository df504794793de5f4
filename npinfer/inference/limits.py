"""upper_limit: the largest value of a parameter that is not excluded, observed and expected."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from npinfer.core import wilks
from npinfer.core.result import Limit, Posterior
from npinfer.errors import ConfigurationError, unknown
from npinfer.inference.asymptotic import asymptotic_limit, check_rising, common
from npinfer.inference.executor import Interrupted, RunOptions
from npinfer.inference.hypotheses import Hypotheses, Question
from npinfer.inference.limit_toys import limit_with_toys
from npinfer.inference.mcmc import sample

METHODS = ("cls", "profile", "toys", "bayes")


def upper_limit(
    likelihood: Any,
    poi: str | None = None,
    *,
    cl: float = 0.90,
    method: str = "cls",
    expected: bool = True,
    fixed: Mapping[str, float] | None = None,
    n_toys: int = 1000,
    run: RunOptions = RunOptions(),
) -> Limit:
    """The upper limit of a parameter, observed and expected without a signal.

    poi: the parameter, that of the likelihood by default; method: "cls" (CLs = 1 − cl with asymptotic formulae,
    arXiv:1007.1727), "profile" (p of signal and background = 1 − cl with the same), "toys" (CLs with n_toys toys of
    either hypothesis) or "bayes" (a quantile of the marginal posterior with the declared prior). expected: also the
    median and the ±1σ and ±2σ quantiles without a signal, from Asimov data, or from n_toys toys where fewer than five
    events are expected. Values above the bounds of the parameter are not tested: a limit beyond them is infinite.
    Raises ParameterError, ConfigurationError, InferenceError where the signal rises and falls, Interrupted.

    >>> from npinfer import load
    >>> upper_limit(load("icecube_hese"), "prompt_norm", expected=False).observed < 20
    True
    """
    if wilks.check_cl(cl) <= 0.5:
        raise ConfigurationError(f"cl of an upper limit is above 0.5, such as 0.9; found {cl:g}")
    if method not in METHODS:
        raise ConfigurationError(unknown("limit method", method, METHODS))
    question = Question.of(likelihood, poi, fixed)
    if method == "bayes":
        return credible_limit(question, cl, expected, run)
    if method == "toys":
        return limit_with_toys(question, cl, expected, n_toys, run)
    return asymptotic_limit(question, cl, method, n_toys if expected else 0, run)


def credible_limit(question: Question, cl: float, expected: bool, run: RunOptions) -> Limit:
    """The quantile of the marginal posterior; expected: also on Asimov data without a signal, a median alone."""
    likelihood = question.likelihood
    tested = Hypotheses(question, likelihood.pack(None))
    check_rising(question, tested.null)
    posterior = _sample(likelihood, question, run)
    bands, said = np.full(5, np.nan), [_doubts(posterior, "the data")]
    if expected:
        asimov = likelihood.with_data(likelihood.asimov(tested.null[0]))
        other = _sample(asimov, question, run)
        bands[2] = other.quantiles(question.name, (cl,))[0]
        said.append(_doubts(other, "Asimov data"))
    observed, error = _quantile(posterior, question.name, cl)
    return Limit(
        **common(question, tested, run),
        cl=cl,
        method="bayes",
        observed=observed,
        uncertainty=error,
        expected=bands,
        calibration=f"marginal posterior, prior {posterior.priors[question.name]}",
        expected_from="Asimov data without a signal; no band" if expected else "",
        tested=np.zeros(0),
        p=np.zeros(0),
        p_expected=np.zeros((0, 0)),
        message="; ".join(filter(None, said)),
    )


def _sample(likelihood: Any, question: Question, run: RunOptions) -> Posterior:
    posterior = sample(likelihood, fixed=question.fixed, run=run)
    if not posterior.complete:
        raise Interrupted(posterior.message, {})
    return posterior


def _quantile(posterior: Posterior, name: str, cl: float) -> tuple[float, float]:
    """A quantile and its standard deviation from the effective number of samples in the tail."""
    effective = max(posterior.ess_tail[name], 1.0)
    spread = np.sqrt(cl * (1 - cl) / effective)
    low, middle, high = posterior.quantiles(name, np.clip([cl - spread, cl, cl + spread], 0.0, 1.0)).tolist()
    return middle, 0.5 * (high - low)


def _doubts(posterior: Posterior, data: str) -> str:
    """Why not to believe the samples, or ""."""
    return "" if posterior.converged else f"the posterior of {data}: {posterior.why}"
