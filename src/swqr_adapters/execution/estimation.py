"""Estimate one pub: exact means, mitigation, then the noise of a finite number of shots."""

import math
from collections.abc import Mapping, Sequence
from statistics import NormalDist
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt
from attrs import evolve, frozen

from .binding import Binding
from .channels import RunErrors
from .device import Device
from .expectation import attenuation, expectation_of_steps
from .mitigation import cancellation, extrapolate, fold
from .observables import Observables
from .options import EstimatorOptions
from .sampling import run_errors
from .steps import Step, read_steps

if TYPE_CHECKING:
    from qiskit import QuantumCircuit

__all__ = ["EstimatorPub", "estimate"]

Floats = npt.NDArray[np.float64]

_BELOW_ONE: Final = 2.0**-54


@frozen(kw_only=True, eq=False)
class EstimatorPub:
    """What is to be estimated.

    Attributes:
        circuit: A circuit on the device's qubits.
        observables: The observables.
        values: Parameter values, shape ``(*sweep, parameters)``.
        precision: The standard error to aim at for an observable of unit size; 0 for exact values.
        shape: What the observables' shape and the sweep broadcast to.
    """

    circuit: "QuantumCircuit"
    observables: Observables
    values: Floats
    precision: float
    shape: tuple[int, ...]

    @property
    def shots(self) -> int:
        """Shots of each measurement; 0 for exact values."""
        # A whole number of shots comes back from its own precision.
        return math.ceil(1 / self.precision**2 - 1e-6) if self.precision else 0

    @property
    def paulis(self) -> tuple[str, ...]:
        """All different Pauli strings, in the order of their first use."""
        return tuple(dict.fromkeys(label for term in self.observables.terms for label in term))


@frozen(eq=False)
class _Run:
    """How the circuit is run: one noise factor."""

    steps: Sequence[Step]
    errors: RunErrors | None
    widening: float = 1.0


def estimate(
    pub: EstimatorPub, device: Device, options: EstimatorOptions, *, seed: int
) -> tuple[dict[str, Floats], list[str]]:
    """Estimate a pub.

    The variance is that of measuring each Pauli string by itself, ``sum |c|^2 (1 - m^2)``, over
    the number of shots; with measurement mitigation the means are divided by the attenuation, and
    the standard errors with them. Each value is one normal draw around the exact one.

    Args:
        pub: What to estimate.
        device: What it runs on.
        options: Mitigation and twirling.
        seed: Where all randomness comes from.

    Returns:
        The fields of the result, each of the pub's shape followed by its own axes; and with
        zero-noise extrapolation the extrapolator that was used for each element.

    Raises:
        ProgramError: The simulator cannot run the circuit.
    """
    steps = read_steps(pub.circuit)
    errors = run_errors(device, twirled=options.twirling.enable_gates)
    rng = np.random.Generator(np.random.PCG64(np.random.SeedSequence(seed)))
    if options.zne is None:
        run = _Run(steps, errors)
        if options.pec is not None and errors is not None:
            gain, widening = cancellation(steps, errors, options.pec)
            run = _Run(steps, evolve(errors, twirled=True, gain=gain), widening)
        evs, stds = _estimate_run(pub, run, device=device, options=options, seed=seed, rng=rng)
        return {"evs": evs, "stds": stds, "ensemble_standard_error": stds.copy()}, []
    zne = options.zne
    estimates = []
    for factor in zne.noise_factors:
        if zne.amplifier == "pea":
            amplified = None if errors is None else evolve(errors, twirled=True, gain=factor)
            run = _Run(steps, amplified)
        else:
            run = _Run(fold(steps, factor, zne.amplifier), errors)
        estimates.append(
            _estimate_run(pub, run, device=device, options=options, seed=seed, rng=rng)
        )
    return _extrapolated(
        pub,
        options,
        np.stack([evs for evs, _ in estimates], axis=-1),
        np.stack([stds for _, stds in estimates], axis=-1),
    )


def _extrapolated(
    pub: EstimatorPub, options: EstimatorOptions, values: Floats, errors: Floats
) -> tuple[dict[str, Floats], list[str]]:
    zne = options.zne
    assert zne is not None  # noqa: S101 - the caller asked
    rows, row_errors = values.reshape(-1, values.shape[-1]), errors.reshape(-1, errors.shape[-1])
    shown = zne.extrapolated_factors
    fits = [
        extrapolate(name, zne.noise_factors, rows, row_errors, (0.0, *shown))
        for name in zne.extrapolators
    ]
    bounds = np.array([sum(map(abs, term.values())) for term in pub.observables.terms])
    size = np.broadcast_to(bounds.reshape(pub.observables.shape), pub.shape).reshape(-1)
    lowest = int(np.argmin(zne.noise_factors))
    evs, stds = rows[:, lowest].copy(), row_errors[:, lowest].copy()
    chosen = ["fallback"] * len(rows)
    for i in range(len(rows)):
        for name, (fitted, spread) in zip(zne.extrapolators, fits, strict=True):
            # A value outside what the observable can have is no better than none.
            if math.isfinite(fitted[i, 0]) and abs(fitted[i, 0]) <= size[i] + 5 * spread[i, 0]:
                evs[i], stds[i], chosen[i] = fitted[i, 0], spread[i, 0], name
                break
    tail = (len(zne.extrapolators), len(shown))
    return {
        "evs": evs.reshape(pub.shape),
        "stds": stds.reshape(pub.shape),
        "evs_noise_factors": values,
        "stds_noise_factors": errors,
        "ensemble_stds_noise_factors": errors.copy(),
        "evs_extrapolated": np.stack([f[:, 1:] for f, _ in fits], axis=1).reshape(
            *pub.shape, *tail
        ),
        "stds_extrapolated": np.stack([s[:, 1:] for _, s in fits], axis=1).reshape(
            *pub.shape, *tail
        ),
    }, chosen


def _estimate_run(
    pub: EstimatorPub,
    run: _Run,
    *,
    device: Device,
    options: EstimatorOptions,
    seed: int,
    rng: np.random.Generator,
) -> tuple[Floats, Floats]:
    """Return values and standard errors of one run, of the pub's shape."""
    sweep = pub.values.shape[:-1]
    points = math.prod(sweep)
    binding = Binding(pub.circuit, pub.values.reshape(points, pub.circuit.num_parameters))
    at = np.broadcast_to(np.arange(points).reshape(sweep), pub.shape).reshape(-1)
    numbers = np.arange(len(pub.observables.terms)).reshape(pub.observables.shape)
    which = np.broadcast_to(numbers, pub.shape).reshape(-1)
    paulis = pub.paulis
    factors = dict(zip(paulis, attenuation(paulis, run.errors), strict=True))
    scale = dict.fromkeys(paulis, 1.0) if options.measure_mitigation else factors
    needed: dict[int, set[int]] = {}
    for point, number in zip(at.tolist(), which.tolist(), strict=True):
        needed.setdefault(point, set()).add(number)
    means = _means(pub, run, binding, needed, method=device.method, seed=seed)
    evs, variances = np.zeros(len(at)), np.zeros(len(at))
    for number, term in enumerate(pub.observables.terms):
        rows = np.flatnonzero(which == number)
        for label, coefficient in term.items():
            exact = means[label][at[rows]]
            evs[rows] += coefficient * scale[label] * exact
            if label.strip("I") and factors[label] != 0:
                measured = factors[label] * exact
                weight = (coefficient * scale[label] / factors[label]) ** 2
                variances[rows] += weight * (1 - measured**2)
    stds = np.zeros(len(at))
    if pub.shots:
        stds = run.widening * np.sqrt(np.clip(variances, 0, None) / pub.shots)
        normal = NormalDist()
        # Drawn by inversion from plain uniform numbers, whose stream is the same in every NumPy.
        draws = [normal.inv_cdf(u + _BELOW_ONE) for u in rng.random(len(at)).tolist()]
        evs += stds * np.array(draws)
    return evs.reshape(pub.shape), stds.reshape(pub.shape)


def _means(
    pub: EstimatorPub,
    run: _Run,
    binding: Binding,
    needed: Mapping[int, set[int]],
    *,
    method: str,
    seed: int,
) -> Mapping[str, Floats]:
    """Return the exact mean of each Pauli string at the points that need it.

    Args:
        pub: What to estimate.
        run: How.
        binding: All points.
        needed: For each point the numbers of the observables that are wanted there.
        method: Aer's method.
        seed: For trajectories.
    """
    groups: dict[frozenset[int], list[int]] = {}
    for point, elements in needed.items():
        groups.setdefault(frozenset(elements), []).append(point)
    means: dict[str, Any] = {label: np.zeros(len(binding)) for label in pub.paulis}
    for numbers, rows in groups.items():
        labels = list(
            dict.fromkeys(
                label for number in sorted(numbers) for label in pub.observables.terms[number]
            )
        )
        found = expectation_of_steps(
            run.steps,
            binding.rows(rows),
            labels,
            errors=run.errors,
            method=method,
            seed=seed,
        )
        for k, label in enumerate(labels):
            means[label][rows] = found[:, k]
    return means
