"""What error mitigation does to an exact model of the errors.

- *Zero-noise extrapolation*: the two-qubit gates are really folded (a gate, its inverse and the
  gate again make noise factor 3), or, with the amplifier ``pea``, the rates of their twirled errors
  multiplied; then the values at the noise factors are extrapolated, shot noise included.
- *Probabilistic error cancellation* removes the twirled errors of two-qubit gates and pays with
  wider error bars, as far as the largest overhead allows. The errors are known, not learned.
- *Measurement mitigation* divides by the exact attenuation of the readout errors.
"""

import math
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from .channels import RunErrors
from .checks import MAX_OPERATIONS
from .errors import ProgramError
from .options import Pec, Zne
from .steps import Step

__all__ = ["cancellation", "check_extrapolators", "extrapolate", "fold"]

Floats = npt.NDArray[np.float64]

_PAIR: Final = 2
_SELF_INVERSE: Final = frozenset({"cx", "cy", "cz", "ecr", "swap"})
_POLYNOMIAL: Final = "polynomial_degree_"


def fold(steps: Sequence[Step], factor: float, amplifier: str) -> list[Step]:
    """Return the steps with as many two-qubit gates as make the noise factor.

    Factors between the odd numbers fold some gates once more than the others:
    ``gate_folding_front`` the first ones, ``gate_folding_back`` the last, ``gate_folding`` evenly
    spread ones.

    Raises:
        ProgramError: It would be too many (code 1520).
    """
    gates = [i for i, step in enumerate(steps) if len(step.qubits) == _PAIR]
    if len(gates) * factor > MAX_OPERATIONS:
        raise ProgramError(
            f"With the noise factor {factor:g} a circuit has {len(gates) * factor:g} two-qubit "
            f"gates; the limit is {MAX_OPERATIONS}.",
            1520,
            "Use smaller noise factors, or a smaller circuit.",
        )
    rounds, rest = divmod((factor - 1) / 2, 1)
    extra = round(rest * len(gates))
    if amplifier == "gate_folding_front":
        once_more = set(gates[:extra])
    elif amplifier == "gate_folding_back":
        once_more = set(gates[len(gates) - extra :])
    else:
        once_more = {gates[i * len(gates) // extra] for i in range(extra)}
    folded = []
    for i, step in enumerate(steps):
        folded.append(step)
        if len(step.qubits) == _PAIR:
            folded += [_inverse(step), step] * (int(rounds) + (i in once_more))
    return folded


def _inverse(step: Step) -> Step:
    if step.name in _SELF_INVERSE:
        return step
    operation = step.operation.inverse()
    return Step(operation.name, step.qubits, (), operation)


def cancellation(steps: Sequence[Step], errors: RunErrors, pec: Pec) -> tuple[float, float]:
    """Return the part of two-qubit errors that remains, and what error bars are multiplied by."""
    gamma = 1.0
    for step in steps:
        if len(step.qubits) == _PAIR:
            gamma *= errors.library.overhead(step.name, step.qubits)
    remains = pec.noise_gain
    if remains is None:
        remains = 0.0
        if pec.max_overhead is not None and gamma**2 > pec.max_overhead:
            remains = 1 - max(0.0, math.log(pec.max_overhead)) / math.log(gamma**2)
    return remains, gamma ** max(0.0, 1 - remains)


def check_extrapolators(zne: Zne) -> None:
    """Check that there are enough noise factors.

    Raises:
        ProgramError: There are not (code 1521).
    """
    for name in zne.extrapolators:
        needed = _parameters(name)
        if len(set(zne.noise_factors)) < needed:
            raise ProgramError(
                f"The extrapolator {name!r} needs {needed} different noise factors.",
                1521,
                "Give more noise_factors, or use another extrapolator.",
            )


def _parameters(name: str) -> int:
    if name.startswith(_POLYNOMIAL):
        return int(name.removeprefix(_POLYNOMIAL)) + 1
    return {"linear": 2, "exponential": 2, "double_exponential": 4, "fallback": 1}[name]


def extrapolate(
    name: str, factors: Sequence[float], values: Floats, errors: Floats, at: Sequence[float]
) -> tuple[Floats, Floats]:
    """Fit a model of the noise to each row and evaluate it.

    Args:
        name: The extrapolator.
        factors: The noise factors.
        values: Shape (rows, factors).
        errors: Standard errors, same shape; rows of zeros are fitted without weights.
        at: Noise factors to evaluate at.

    Returns:
        Values and standard errors, shape (rows, len(at)); not a number where the fit fails.
    """
    points, where = np.asarray(factors, dtype=float), np.asarray(at, dtype=float)
    if name == "fallback":
        lowest = int(np.argmin(points))
        ones = np.ones(len(where))
        return np.outer(values[:, lowest], ones), np.outer(errors[:, lowest], ones)
    if name == "exponential":
        return _exponential(points, values, errors, where)
    if name == "double_exponential":
        return _double_exponential(points, values, errors, where)
    degree = 1 if name == "linear" else int(name.removeprefix(_POLYNOMIAL))
    return _polynomial(points, values, errors, where, degree)


def _polynomial(
    points: Floats, values: Floats, errors: Floats, where: Floats, degree: int
) -> tuple[Floats, Floats]:
    design = np.vander(points, degree + 1, increasing=True)
    target = np.vander(where, degree + 1, increasing=True)
    found, spread = np.empty((len(values), len(where))), np.empty((len(values), len(where)))
    for i, (row, sigma) in enumerate(zip(values, errors, strict=True)):
        weights = 1 / sigma if np.all(sigma > 0) else np.ones(len(points))
        gain = target @ np.linalg.pinv(design * weights[:, np.newaxis]) * weights
        found[i] = gain @ row
        spread[i] = np.sqrt(gain**2 @ sigma**2)
    return found, spread


def _exponential(
    points: Floats, values: Floats, errors: Floats, where: Floats
) -> tuple[Floats, Floats]:
    """Fit ``a exp(-b x)``, as a line through the logarithms; signs must agree."""
    fits = np.all(values > 0, axis=1) | np.all(values < 0, axis=1)
    size = np.where(fits[:, np.newaxis], np.abs(values), 1.0)
    line, spread = _polynomial(points, np.log(size), errors / size, where, 1)
    grown = np.exp(np.minimum(line, 700.0))  # beyond that a double overflows
    sign = np.sign(values[:, :1])
    bad = ~fits[:, np.newaxis]
    return np.where(bad, np.nan, sign * grown), np.where(bad, np.nan, grown * spread)


def _double_exponential(
    points: Floats, values: Floats, errors: Floats, where: Floats
) -> tuple[Floats, Floats]:
    """Fit ``a exp(-b x) + c exp(-d x)`` by least squares."""
    import warnings

    from scipy.optimize import OptimizeWarning, curve_fit

    def model(x: Any, a: float, b: float, c: float, d: float) -> Any:
        return a * np.exp(-b * x) + c * np.exp(-d * x)

    found = np.full((len(values), len(where)), np.nan)
    spread = found.copy()
    start, _ = _polynomial(points, values, errors, np.zeros(1), 1)
    for i, row in enumerate(values):
        sigma = errors[i] if np.all(errors[i] > 0) else None
        guess = (start[i, 0] / 2, 0.1, start[i, 0] / 2, 0.5)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", OptimizeWarning)
                warnings.simplefilter("ignore", RuntimeWarning)
                best, covariance = curve_fit(
                    model, points, row, guess, sigma=sigma, absolute_sigma=True, maxfev=2000
                )
        except (RuntimeError, ValueError):
            continue
        a, b, c, d = best
        fast, slow = np.exp(-b * where), np.exp(-d * where)
        slopes = np.stack([fast, -a * where * fast, slow, -c * where * slow], axis=1)
        found[i] = a * fast + c * slow
        variance = np.einsum("ij,jk,ik->i", slopes, covariance, slopes)
        spread[i] = np.sqrt(np.clip(variance, 0, None)) if sigma is not None else 0.0
    return found, spread
