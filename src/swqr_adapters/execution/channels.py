"""Which error follows which step, in one particular run."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from attrs import define

from .errors import ProgramError
from .noise import Matrix, NoiseLibrary
from .steps import Step

__all__ = ["RunErrors", "delay_seconds"]

_PREFIXES: Final = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9, "ps": 1e-12}
_DELAY: Final = "delay "
_PAIR: Final = 2  # qubits of the gates that are twirled and amplified


def delay_seconds(step: Step, dt: float | None) -> float:
    """Return the duration of a delay.

    Args:
        step: The delay.
        dt: Seconds of one sample.

    Raises:
        ProgramError: The duration is not a plain number, or is in samples of unknown length
            (code 1517).
    """
    operation = step.operation
    unit, duration = operation.unit, operation.duration
    try:
        return float(duration) * (float(dt or "") if unit == "dt" else _PREFIXES[unit])
    except (KeyError, TypeError, ValueError):
        raise ProgramError(
            f"The delay of {duration} {unit} on qubit {step.qubits[0]} has no duration in seconds.",
            1517,
            "Give delays as numbers, in seconds or, where the backend has a dt, in samples.",
        ) from None


@define(eq=False)
class RunErrors:
    """The errors of one run on a noisy device.

    Attributes:
        library: The device's errors.
        dt: Seconds of one sample, for delays.
        twirled: Whether the errors of two-qubit gates are replaced by their Pauli twirl.
        gain: What the rates of two-qubit gate errors are multiplied by; other than 1 only together
            with *twirled*.
        readout: Whether measurements err.
    """

    library: NoiseLibrary
    dt: float | None
    twirled: bool = False
    gain: float = 1.0
    readout: bool = True

    def after(self, step: Step) -> Matrix | None:
        """Return the superoperator that follows a step; None if nothing does."""
        if step.name == "delay":
            return self.library.relaxation(step.qubits[0], delay_seconds(step, self.dt))
        if self.twirls(step.qubits):
            return self.library.twirled(step.name, step.qubits, self.gain)
        return self.library.superop(step.name, step.qubits)

    def twirls(self, qubits: Sequence[int]) -> bool:
        """Return whether the error of a gate on some qubits is replaced by its Pauli twirl."""
        return self.twirled and len(qubits) == _PAIR

    def readout_error(self, qubit: int) -> float:
        """Return the probability that a measurement is told wrong, either way."""
        return self.library.readout_error(qubit) if self.readout else 0.0

    def label(self, step: Step) -> str:
        """Return the name under which :meth:`aer_errors` lists a step's error."""
        if step.name == "delay":
            return f"{_DELAY}{delay_seconds(step, self.dt)!r}"
        return step.name

    def aer_errors(
        self, steps: Sequence[Step], place: Mapping[int, int], *, readout: Sequence[int] = ()
    ) -> list[dict[str, Any]]:
        """Return the errors of some steps as a noise model in Aer's dictionary form.

        Args:
            steps: All steps of the run.
            place: Where each of the device's qubits is in the run.
            readout: The device's qubits that are measured.
        """
        library = self.library
        own = {(s.name, s.qubits) for s in steps if s.name not in {"delay", "measure"}}
        twirled = {key for key in own if self.twirls(key[1])}
        found: dict[tuple[str, tuple[int, ...]], dict[str, Any]] = {
            key: rendered(error) for key, error in library.aer_errors(own - twirled).items()
        }
        for name, qubits in twirled:
            chances = library.twirled_probabilities(name, qubits, self.gain)
            if chances is not None:
                found[name, qubits] = _paulis(chances)
        for step in steps:
            if step.name == "delay":
                error = library.aer_relaxation(step.qubits[0], delay_seconds(step, self.dt))
                if error is not None:
                    found[self.label(step), step.qubits] = rendered(error)
        listed = [
            {**found[key], "operations": [key[0]], "gate_qubits": [[place[q] for q in key[1]]]}
            for key in sorted(found)
        ]
        return listed + [
            {
                "type": "roerror",
                "operations": ["measure"],
                "probabilities": [[1 - wrong, wrong], [wrong, 1 - wrong]],
                "gate_qubits": [[place[qubit]]],
            }
            for qubit in readout
            if (wrong := self.readout_error(qubit))
        ]


def _paulis(chances: Sequence[tuple[str, float]]) -> dict[str, Any]:
    """Return an error that is one of some Paulis."""
    return {
        "type": "qerror",
        "id": "paulis",
        "probabilities": [chance for _, chance in chances],
        "instructions": [
            [{"name": "pauli", "params": [label], "qubits": list(range(len(label)))}]
            if label.strip("I")
            else [{"name": "id", "qubits": [0]}]
            for label, _ in chances
        ],
    }


def rendered(error: Any) -> dict[str, Any]:
    """Return Aer's ``QuantumError`` as plain JSON values."""
    from qiskit_aer.noise.noise_model import AerJSONEncoder

    known = _RENDERED.get(id(error))
    if known is None:
        known = (error, json.loads(json.dumps(error.to_dict(), cls=AerJSONEncoder)))
        if len(_RENDERED) >= _MAX_RENDERED:
            _RENDERED.clear()
        _RENDERED[id(error)] = known  # the error is kept, so that its id stays its own
    return known[1]


_MAX_RENDERED: Final = 50_000
_RENDERED: Final[dict[int, tuple[Any, dict[str, Any]]]] = {}
