"""Expectation values of Pauli strings on a device, without shot noise."""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Final, cast

import numpy as np
import numpy.typing as npt

from .aer import run_aer
from .assembly import assemble, noise_of
from .binding import Binding
from .channels import RunErrors
from .device import Device
from .lone import bloch_vectors
from .methods import choose_method, fits_density_matrix
from .parts import Kind, Part, prune, split
from .sampling import run_errors
from .steps import Step, read_steps

if TYPE_CHECKING:
    from qiskit import QuantumCircuit

__all__ = ["TRAJECTORIES", "attenuation", "expectation", "expectation_of_steps"]

Floats = npt.NDArray[np.float64]
Pauli = tuple[tuple[int, str], ...]

#: Runs that are averaged where a noisy part is too large for a density matrix.
TRAJECTORIES: Final = 4096
_AXES: Final = {"X": 0, "Y": 1, "Z": 2}
_NUMBERS: Final = 2**22
_BATCH: Final = 512


def expectation(
    circuit: "QuantumCircuit",
    parameter_values: npt.ArrayLike,
    paulis: Sequence[str],
    *,
    device: Device,
    seed: int = 0,
    errors: RunErrors | None = None,
) -> Floats:
    """Return the expectation value of each Pauli string at each point of a sweep.

    The values are exact up to rounding, gate errors and relaxation included, but for noisy
    circuits with a large entangled part: there they are means over :data:`TRAJECTORIES` runs.
    Readout errors are not in them: see :func:`attenuation`.

    Args:
        circuit: A circuit on the device's qubits, without measurements.
        parameter_values: Shape ``(points, parameters)``.
        paulis: Strings of ``IXYZ`` as long as the circuit is wide; the last letter is qubit 0.
        device: What it runs on.
        seed: For the trajectories.
        errors: The run's errors; None for those of a plain run on the device.

    Returns:
        Shape ``(points, len(paulis))``.

    Raises:
        ProgramError: The simulator cannot run the circuit.
    """
    values = np.asarray(parameter_values, dtype=float)
    binding = Binding(circuit, values.reshape(len(values), circuit.num_parameters))
    if errors is None:
        errors = run_errors(device)
    return expectation_of_steps(
        read_steps(circuit), binding, paulis, errors=errors, method=device.method, seed=seed
    )


def expectation_of_steps(
    steps: Sequence[Step],
    binding: Binding,
    paulis: Sequence[str],
    *,
    errors: RunErrors | None,
    method: str = "automatic",
    seed: int = 0,
) -> Floats:
    """Do what :func:`expectation` does, for steps that were already read."""
    sparse = [_sparse(label) for label in paulis]
    observed = {qubit for pauli in sparse for qubit, _ in pauli}
    parts = split(prune(steps, observed=observed, ideal=errors is None))
    if len(sparse) > 1 and any(_is_wide(part, errors) for part in parts):
        # What one string sees is often much less than what all of them see together.
        columns = [
            _expectation(
                split(prune(steps, observed=[q for q, _ in pauli], ideal=errors is None)),
                binding,
                [pauli],
                errors,
                method,
                seed,
            )
            for pauli in sparse
        ]
        return np.concatenate(columns, axis=1)
    return _expectation(parts, binding, sparse, errors, method, seed)


def attenuation(paulis: Iterable[str], errors: RunErrors | None) -> Floats:
    """Return the factor by which readout errors shrink each string's measured mean.

    A qubit that is told wrong with probability e, either way, shrinks it by 1 - 2e. Changing the
    basis before a measurement is taken to be free of errors.
    """
    factors = []
    for label in paulis:
        factor = 1.0
        if errors is not None:
            for qubit, _ in _sparse(label):
                factor *= 1 - 2 * errors.readout_error(qubit)
        factors.append(factor)
    return np.array(factors, dtype=float)


def _sparse(label: str) -> Pauli:
    last = len(label) - 1
    return tuple(sorted((last - i, letter) for i, letter in enumerate(label) if letter != "I"))


def _is_wide(part: Part, errors: RunErrors | None) -> bool:
    if errors is not None:
        return not fits_density_matrix(part, TRAJECTORIES)
    return len(part.qubits) > _WIDE


_WIDE: Final = 16


def _expectation(  # noqa: PLR0917 - one private step of the function above
    parts: Sequence[Part],
    binding: Binding,
    paulis: Sequence[Pauli],
    errors: RunErrors | None,
    method: str,
    seed: int,
) -> Floats:
    means = np.ones((len(binding), len(paulis)))
    home = {qubit: part for part in parts for qubit in part.qubits}
    for column, pauli in enumerate(paulis):
        # Untouched qubits are in state zero: Z is 1, X and Y are 0.
        if any(letter != "Z" for qubit, letter in pauli if qubit not in home):
            means[:, column] = 0.0
    seeds = np.random.SeedSequence(seed).spawn(len(parts))
    for part, source in zip(parts, seeds, strict=True):
        own: dict[Pauli, list[int]] = {}
        for column, pauli in enumerate(paulis):
            piece = tuple((q, letter) for q, letter in pauli if home.get(q) is part)
            if piece and means[:, column].any():
                own.setdefault(piece, []).append(column)
        if not own:
            continue
        if part.kind is Kind.LONE:
            vectors = bloch_vectors(part, binding, errors)
            for ((_, letter),), columns in own.items():
                means[:, columns] *= vectors[:, [_AXES[letter]]]
        else:
            aer_seed = int(source.generate_state(1, np.uint32)[0])
            found = _by_aer(part, binding, list(own), errors, method, aer_seed)
            for row, columns in zip(found, own.values(), strict=True):
                means[:, columns] *= row[:, np.newaxis]
    return means


def _by_aer(  # noqa: PLR0917 - as above
    part: Part,
    binding: Binding,
    pieces: Sequence[Pauli],
    errors: RunErrors | None,
    wanted: str,
    seed: int,
) -> Floats:
    """Return the mean of each piece at each point, shape (pieces, points)."""
    noisy = errors is not None or part.has_reset
    density = noisy and fits_density_matrix(part, TRAJECTORIES) and wanted == "automatic"
    if density:
        method, shots, noise = "density_matrix", 1, []
    else:
        method = choose_method(part, binding, noisy=noisy, wanted=wanted)
        shots, noise = (TRAJECTORIES if noisy else 1), noise_of(part, errors)
    place = {qubit: i for i, qubit in enumerate(part.qubits)}
    labels = [_dense(piece, place) for piece in pieces]
    found = np.empty((len(pieces), len(binding)))
    batch = max(1, min(_BATCH, _NUMBERS >> len(part.qubits)))
    for start in range(0, len(binding), batch):
        points = binding.slice(start, start + batch)
        program = assemble(part, points, errors, channels=density)
        for k, label in enumerate(labels):
            program.save_expectation(label, str(k))
        data = run_aer(
            program,
            method=method,
            shots=shots,
            seed=(seed + 7_368_787 * start) % 2**32,
            noise=noise,
        )
        for k in range(len(pieces)):
            found[k, start : start + len(points)] = [
                cast("Mapping[str, float]", row)[str(k)] for row in data
            ]
    return np.clip(found, -1.0, 1.0)


def _dense(piece: Pauli, place: Mapping[int, int]) -> str:
    letters = ["I"] * len(place)
    for qubit, letter in piece:
        letters[len(place) - 1 - place[qubit]] = letter
    return "".join(letters)
