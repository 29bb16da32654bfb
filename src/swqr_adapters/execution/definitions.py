"""Gates that a program defines itself, written out in gates that the device has."""

from typing import TYPE_CHECKING, Any, Final

from .checks import MAX_OPERATIONS
from .device import Device
from .errors import ProgramError

if TYPE_CHECKING:
    from qiskit import QuantumCircuit

__all__ = ["expand_definitions"]

_DEEPEST: Final = 100


def expand_definitions(circuit: "QuantumCircuit", device: Device, where: str) -> "QuantumCircuit":
    """Replace a circuit's self-defined gates by what they stand for.

    OpenQASM knows only the gates of ``stdgates.inc``: what it exports defines the others in the
    program. A gate that the device has under that name is the device's own and stays.

    Args:
        circuit: The circuit, on the device's qubits, as the importer made it.
        device: What it is to run on.
        where: How to call the circuit in a message, for example ``pub 0``.

    Returns:
        The same circuit if it has no such gates.

    Raises:
        ProgramError: Its definitions are nested too deep (code 1506), or stand for too many gates
            (code 1520).
    """
    own = frozenset(device.basis)
    if not _has_any(circuit, own):
        return circuit
    expansion = _Expansion(own, where)
    expansion.size(circuit)
    return expansion.of(circuit)


def _is_defined(operation: Any, own: frozenset[str]) -> bool:
    from qiskit.circuit import Gate

    # The importer gives the gates of stdgates.inc their classes, and to all others this one.
    return (
        type(operation) is Gate and operation.name not in own and operation.definition is not None
    )


def _has_any(circuit: "QuantumCircuit", own: frozenset[str]) -> bool:
    return any(
        _is_defined(item.operation, own)
        or any(_has_any(block, own) for block in getattr(item.operation, "blocks", ()))
        for item in circuit.data
    )


class _Expansion:
    """One circuit's."""

    def __init__(self, own: frozenset[str], where: str) -> None:
        self._own = own
        self._where = where
        self._sizes: dict[str, int] = {}

    def size(self, circuit: "QuantumCircuit", depth: int = 0) -> int:
        """Return how many operations will be written: a short text may stand for billions.

        Raises:
            ProgramError: They are too many, or nested too deep.
        """
        if depth > _DEEPEST:
            raise ProgramError(
                f"The gates that {self._where} defines are nested more than {_DEEPEST} deep.",
                1506,
                "Define them by simpler ones.",
            )
        total = 0
        for item in circuit.data:
            operation = item.operation
            total += 1
            if _is_defined(operation, self._own):
                if operation.name not in self._sizes:
                    self._sizes[operation.name] = self.size(operation.definition, depth + 1)
                total += self._sizes[operation.name]
            for block in getattr(operation, "blocks", ()):
                total += self.size(block, depth + 1)
        if total > MAX_OPERATIONS:
            raise ProgramError(
                f"The gates that {self._where} defines stand for more than {MAX_OPERATIONS} "
                "operations.",
                1520,
                "Use fewer gates, or split the work into several circuits.",
            )
        return total

    def of(self, circuit: "QuantumCircuit") -> "QuantumCircuit":
        """Return the circuit without self-defined gates."""
        made = circuit.copy_empty_like()
        for item in circuit.data:
            operation = item.operation
            if _is_defined(operation, self._own):
                inner = self.of(operation.definition)
                place = dict(zip(inner.qubits, item.qubits, strict=True))
                made.global_phase += inner.global_phase
                for each in inner.data:
                    made.append(each.operation, [place[bit] for bit in each.qubits])
                continue
            if blocks := getattr(operation, "blocks", ()):
                operation = operation.replace_blocks([self.of(block) for block in blocks])
            made.append(operation, item.qubits, item.clbits)
        return made
