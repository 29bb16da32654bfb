"""A circuit as a flat list of steps on numbered qubits and classical bits."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from .calibration import CONTROL_FLOW
from .errors import ProgramError

if TYPE_CHECKING:
    from qiskit import QuantumCircuit

__all__ = ["AER_GATES", "DYNAMIC", "Step", "classical_resources", "read_steps", "touched_qubits"]

#: Gates that Aer simulates as they are, by every method; others are opened to these.
AER_GATES: Final = frozenset(
    {"ccx", "cp", "cx", "cy", "cz", "ecr", "h", "id", "p", "pauli", "r", "rx", "rxx", "ry", "ryy"}
    | {"rz", "rzx", "rzz", "s", "sdg", "swap", "sx", "sxdg", "t", "tdg", "u", "u1", "u2", "u3"}
    | {"unitary", "x", "y", "z"}
)
#: Steps that classical values steer, or that compute them.
DYNAMIC: Final = CONTROL_FLOW | {"store"}
_MEASURES: Final = {"measure": "measure", "measure_2": "measure"}
_RESETS: Final = {"reset": "reset", "reset_2": "reset"}
_MAX_DEPTH: Final = 100  # of definitions inside definitions


class Step(NamedTuple):
    """One operation.

    Attributes:
        name: What it is, in Qiskit's words.
        qubits: The device's qubits that it acts on, in order.
        clbits: The circuit's classical bits that it reads or writes, in order.
        operation: Qiskit's object.
        places: For control flow, the circuit's qubits in the order of the blocks' own qubits.
        slots: For control flow, the circuit's bits in the order of the blocks' own bits.
    """

    name: str
    qubits: tuple[int, ...]
    clbits: tuple[int, ...]
    operation: Any
    places: tuple[int, ...] = ()
    slots: tuple[int, ...] = ()


def read_steps(circuit: "QuantumCircuit") -> list[Step]:
    """Return what a circuit does, in order.

    Barriers are left out, boxes opened, and gates that Aer does not know replaced by their
    definitions. Control flow stays one step, over the qubits that its blocks really touch.

    Raises:
        ProgramError: An instruction has no definition (code 7001).
    """
    steps: list[Step] = []
    _read(
        circuit,
        dict(zip(circuit.qubits, range(circuit.num_qubits), strict=True)),
        dict(zip(circuit.clbits, range(circuit.num_clbits), strict=True)),
        steps,
        0,
    )
    return steps


def _read(
    circuit: "QuantumCircuit",
    qubits: Mapping[Any, int],
    clbits: Mapping[Any, int],
    steps: list[Step],
    depth: int,
) -> None:
    for item in circuit.data:
        operation = item.operation
        name = operation.name
        if name == "barrier":
            continue
        at = tuple([qubits[bit] for bit in item.qubits])
        bits = tuple([clbits[bit] for bit in item.clbits]) if item.clbits else ()
        if name in AER_GATES:
            steps.append(Step(name, at, (), operation))
        elif name in _MEASURES:
            steps.append(Step("measure", at, bits, operation))
        elif name in _RESETS:
            steps.append(Step("reset", at, (), operation))
        elif name == "delay":
            steps.append(Step(name, at, (), operation))
        elif name in DYNAMIC:
            reached = tuple(sorted({qubits[bit] for bit in touched_qubits(item)}))
            read = {clbits[bit] for bit in classical_resources(operation) if bit in clbits}
            all_bits = tuple(sorted(read.union(bits)))
            steps.append(Step(name, reached, all_bits, operation, at, bits))
        else:
            inner = operation.blocks[0] if name == "box" else operation.definition
            if inner is None or depth > _MAX_DEPTH:
                raise ProgramError(
                    f"The instruction {name!r} on qubits {list(at)} has no definition that can be "
                    "simulated.",
                    7001,
                    "Transpile the circuit for the backend, or give the instruction a definition.",
                )
            _read(
                inner,
                dict(zip(inner.qubits, at, strict=True)),
                dict(zip(inner.clbits, bits, strict=True)),
                steps,
                depth + 1,
            )


def touched_qubits(item: Any) -> set[Any]:
    """Return the qubits that an instruction really acts on: blocks may be wider than their use."""
    blocks = getattr(item.operation, "blocks", None)
    if not blocks:
        # A jump spans its block, but does nothing to the qubits.
        nothing = item.operation.name in {"barrier", "break_loop", "continue_loop"}
        return set() if nothing else set(item.qubits)
    touched: set[Any] = set()
    for block in blocks:
        outer = dict(zip(block.qubits, item.qubits, strict=True))
        for inner in block.data:
            touched.update(outer[bit] for bit in touched_qubits(inner))
    return touched


def classical_resources(operation: Any) -> set[Any]:
    """Return the classical bits that an operation's conditions and expressions read or write."""
    from qiskit.circuit import ClassicalRegister, Clbit
    from qiskit.circuit.classical import expr

    found: set[Any] = set()
    for name in ("condition", "target", "lvalue", "rvalue"):
        pending = [getattr(operation, name, None)]
        while pending:
            value = pending.pop()
            if isinstance(value, Clbit):
                found.add(value)
            elif isinstance(value, expr.Expr):
                pending.extend(variable.var for variable in expr.iter_vars(value))
            elif isinstance(value, tuple):  # (register or bit, value)
                pending.append(value[0])
            elif isinstance(value, ClassicalRegister):
                found.update(value)
    for block in getattr(operation, "blocks", ()):
        for inner in block.data:
            # Registers in conditions are the outer circuit's; loose bits are mapped by position
            # and appear among the instruction's own bits.
            found |= classical_resources(inner.operation)
    return found
