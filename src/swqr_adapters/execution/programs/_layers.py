"""The layers of two-qubit gates in a circuit."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final, Literal

from attrs import frozen

from swqr_adapters.codec.errors import shorten
from swqr_adapters.execution.errors import ProgramError

from ._learning import Gate

if TYPE_CHECKING:
    from qiskit import QuantumCircuit

__all__ = ["STRATEGIES", "Layer", "Strategy", "frequent_layers"]

Strategy = Literal["active", "active-accum", "active-circuit", "all"]
STRATEGIES: Final = ("active", "active-accum", "active-circuit", "all")
NO_FRACTIONAL_GATES: Final = 1519
NO_DYNAMIC_CIRCUITS: Final = 1522
PASSIVE: Final = frozenset({"barrier", "delay"})


@frozen
class Layer:
    """Gates that run side by side.

    Attributes:
        gates: In the order of their qubits.
        qubits: The device's qubits that are twirled around them, ascending.
    """

    gates: tuple[Gate, ...]
    qubits: tuple[int, ...]


def frequent_layers(
    circuits: "Sequence[QuantumCircuit]", strategy: Strategy, limit: int | None
) -> list[Layer]:
    """Return the unique layers, those first that occur most often, then those of most gates.

    Args:
        circuits: Circuits on the device's qubits.
        strategy: Which qubits are twirled around a layer: those of its gates (``active``), those
            that any instruction of the circuit has used so far (``active-accum``), uses anywhere
            (``active-circuit``), or all.
        limit: How many to return; all if None.

    Raises:
        ProgramError: A circuit has control flow, or a two-qubit gate that is no Clifford gate.
    """
    counts = Counter(
        layer
        for index, circuit in enumerate(circuits)
        for layer in _layers(index, circuit, strategy)
    )
    ordered = sorted(counts, key=lambda layer: (-counts[layer], -len(layer.gates)))
    return ordered[:limit]


def _layers(index: int, circuit: "QuantumCircuit", strategy: Strategy) -> Iterator[Layer]:
    """Yield the layers of a circuit, every gate as early as its qubits and barriers allow."""
    place = {qubit: number for number, qubit in enumerate(circuit.qubits)}
    free_at = [0] * circuit.num_qubits  # the first layer that may still use a qubit
    layers: list[list[Gate]] = []
    first_used: dict[int, int] = {}
    for step in circuit.data:
        qubits = tuple(place[qubit] for qubit in step.qubits)
        start = max((free_at[qubit] for qubit in qubits), default=0)
        name = step.operation.name
        _check(index, step, qubits)
        if name not in PASSIVE:
            for qubit in qubits:
                first_used.setdefault(qubit, start)
        if len(qubits) == 1:
            continue
        for qubit in qubits:
            free_at[qubit] = start if name == "barrier" else start + 1
        if name != "barrier":
            layers.extend([] for _ in range(start + 1 - len(layers)))
            layers[start].append(Gate(name, qubits, step.operation))
    for number, gates in enumerate(layers):
        if gates:
            active = _active(strategy, number, gates, first_used, circuit.num_qubits)
            yield Layer(
                tuple(sorted(gates, key=lambda gate: gate.qubits)), tuple(sorted(set(active)))
            )


def _active(
    strategy: Strategy,
    number: int,
    gates: Iterable[Gate],
    first_used: dict[int, int],
    num_qubits: int,
) -> Iterable[int]:
    match strategy:
        case "active":
            return [qubit for gate in gates for qubit in gate.qubits]
        case "active-accum":
            return [qubit for qubit, first in first_used.items() if first <= number]
        case "active-circuit":
            return first_used
        case "all":
            return range(num_qubits)


def _check(index: int, step: Any, qubits: tuple[int, ...]) -> None:
    name = step.operation.name
    if getattr(step.operation, "blocks", None):
        raise ProgramError(
            f"Circuit {index} has the control-flow instruction {name}, which has no layers.",
            NO_DYNAMIC_CIRCUITS,
            "Send static circuits to the noise learner.",
        )
    if len(qubits) == 1 or name in PASSIVE:
        return
    from qiskit.exceptions import QiskitError
    from qiskit.quantum_info import Clifford

    try:
        if len(qubits) > 2:  # noqa: PLR2004 - a pair
            raise QiskitError  # noqa: TRY301 - one answer for both
        Clifford(step.operation)
    except QiskitError:
        raise ProgramError(
            f"Circuit {index} has {shorten(name)} on the qubits {list(qubits)}: only layers of "
            "two-qubit Clifford gates can be learned.",
            NO_FRACTIONAL_GATES,
            "Transpile for the device without fractional gates.",
        ) from None
