"""Aer, called for one part at a time.

The steps of a part go straight into Aer's own circuit objects, without a ``QuantumCircuit``, a
transpiler pass or a job in between: for a small circuit those cost several times the simulation.
Everything runs on one thread, so that a seed gives the same shots on any machine.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
from attrs import define, field
from qiskit_aer.backends.backend_utils import LIBRARY_DIR
from qiskit_aer.backends.controller_wrappers import (
    AerCircuit,
    AerConfig,
    aer_controller_execute,
)

from .binding import Binding
from .errors import ProgramError
from .noise import Matrix
from .steps import Step

__all__ = ["AerProgram", "run_aer"]

_CONTROLLER: Final = aer_controller_execute()
_ONCE: Final = -1  # no classical register gates an operation


@define(eq=False)
class AerProgram:
    """A part in Aer's terms: qubits and bits are numbered from 0.

    Attributes:
        num_qubits: How many qubits.
        num_clbits: How many classical bits.
        binding: The points of the sweep, for the parameters of what is added.
    """

    num_qubits: int
    num_clbits: int
    binding: Binding
    circuit: Any = field(init=False, repr=False)
    _count: int = field(default=0, init=False)
    _swept: list[Any] = field(factory=list, init=False, repr=False)

    def __attrs_post_init__(self) -> None:
        self.circuit = AerCircuit()
        self.circuit.set_header(
            {
                "creg_sizes": [],
                "global_phase": 0.0,
                "memory_slots": self.num_clbits,
                "n_qubits": self.num_qubits,
                "name": "part",
                "qreg_sizes": [],
            }
        )
        self.circuit.num_qubits = self.num_qubits
        self.circuit.num_memory = self.num_clbits
        self.circuit.global_phase_angle = 0.0

    @property
    def swept(self) -> bool:
        """Whether anything in it differs between the points."""
        return bool(self._swept)

    def gate(self, step: Step, qubits: Sequence[int], label: str | None = None) -> None:
        """Add a gate; its errors, if any, are those of *label*, by default of its name."""
        name, params = step.name, step.operation.params
        label = label or name
        if name == "unitary":
            self.circuit.unitary(qubits, params[0], _ONCE, None, label)
        elif name == "pauli":
            self.circuit.gate(name, qubits, [], params, _ONCE, None, label)
        elif params:
            numbers = self.binding.evaluate(params)
            for position, number in enumerate(numbers):
                if isinstance(number, np.ndarray):
                    if len(number) > 1:
                        self._swept.append(((self._count, position), number.tolist()))
                    numbers[position] = float(number[0])
            self.circuit.gate(name, qubits, numbers, [], _ONCE, None, label)
        else:
            self.circuit.gate(name, qubits, [], [], _ONCE, None, label)
        self._count += 1

    def delay(self, qubit: int, label: str) -> None:
        """Add a wait, whose error is that of *label*."""
        self.circuit.gate("delay", [qubit], [0.0], [], _ONCE, None, label)
        self._count += 1

    def reset(self, qubit: int) -> None:
        """Add a reset to zero."""
        self.circuit.reset([qubit], _ONCE)
        self._count += 1

    def superop(self, qubits: Sequence[int], matrix: Matrix) -> None:
        """Add a channel; only density matrices take one."""
        self.circuit.superop(qubits, matrix.astype(complex), _ONCE, None)
        self._count += 1

    def measure(self, qubit: int, clbit: int) -> None:
        """Add a measurement."""
        self.circuit.measure([qubit], [clbit], [])
        self._count += 1

    def save_probabilities(self, qubits: Sequence[int], key: str) -> None:
        """Save the probabilities of all values of *qubits*, the first the least significant."""
        self.circuit.save_state(list(qubits), "save_probabilities", "average", key)
        self._count += 1

    def save_stabilizers(self, key: str) -> None:
        """Save the generators of the state's stabilizer group; only stabilizer states have one."""
        qubits = list(range(self.num_qubits))
        self.circuit.save_state(qubits, "save_stabilizer", "single", key)
        self._count += 1

    def save_expectation(self, pauli: str, key: str) -> None:
        """Save the expectation value of a Pauli string; its last letter is qubit 0."""
        self.circuit.save_expval(
            list(range(self.num_qubits)), "save_expval", [pauli], [1.0], [0.0], "average", key
        )
        self._count += 1


def run_aer(
    program: AerProgram,
    *,
    method: str,
    shots: int = 1,
    seed: int = 0,
    noise: Sequence[Mapping[str, Any]] = (),
) -> list[Mapping[str, Any]]:
    """Simulate a program at each of its points.

    Args:
        program: What to run.
        method: One of Aer's methods.
        shots: Executions per point.
        seed: Where all randomness comes from; points get seeds of their own.
        noise: Errors in Aer's dictionary form.

    Returns:
        Aer's data for each point; for one point if nothing differs between them.

    Raises:
        ProgramError: Aer refuses, for example for want of memory (code 1520).
    """
    config = AerConfig()
    config.shots = shots
    config.method = method
    config.seed_simulator = seed
    config.memory_slots = program.num_clbits
    config.n_qubits = program.num_qubits
    config.max_parallel_threads = 1
    config.max_parallel_experiments = 1
    config.max_parallel_shots = 1
    config.library_dir = LIBRARY_DIR
    if program.swept:
        config.parameterizations = [program._swept]  # noqa: SLF001 - the same module
    output = _CONTROLLER.execute(
        [program.circuit], {"errors": list(noise)} if noise else {}, config
    )
    if not output.get("success", False):
        reasons = {output.get("status", "")} | {
            str(result.get("status", ""))
            for result in output.get("results", ())
            if not result.get("success", False)
        }
        text = "; ".join(sorted(reason for reason in reasons if reason)) or "no reason given"
        raise ProgramError(
            f"The simulator cannot run {program.num_qubits} entangled qubits by {method}: {text}",
            1520,
            "Use fewer entangled qubits or shallower circuits, or a device without noise.",
        )
    return [result["data"] for result in output["results"]]
