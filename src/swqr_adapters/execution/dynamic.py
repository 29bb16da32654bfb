"""Parts that classical values steer, as circuits of their own.

Aer takes control flow only as a ``QuantumCircuit``, so these parts are rebuilt: the part's qubits,
the whole classical half of the circuit, and blocks without barriers, boxes and unknown gates.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from qiskit import QuantumCircuit
from qiskit.circuit import Clbit, Measure, Qubit, Reset

from .binding import Binding
from .channels import RunErrors
from .checks import operation_names
from .errors import ProgramError
from .parts import Part
from .steps import AER_GATES, DYNAMIC, touched_qubits
from .variables import HiddenBits

if TYPE_CHECKING:
    from qiskit_aer.noise import NoiseModel

__all__ = ["dynamic_counts"]


def dynamic_counts(
    circuit: QuantumCircuit,
    part: Part,
    binding: Binding,
    errors: RunErrors | None,
    *,
    method: str,
    shots: int,
    seed: int,
) -> list[Mapping[str, int]]:
    """Run a steered part shot by shot.

    Returns:
        For each point the values of the whole circuit's classical bits, in hexadecimal, with how
        often they occurred; bits of other parts are zero. One element for all points together if
        they do not differ.

    Raises:
        ProgramError: Aer cannot run it (code 1520).
    """
    from qiskit_aer import AerSimulator

    own = _extract(circuit, part)
    circuits = [own]
    if not own.parameters:
        shots *= len(binding)  # points that do not differ are one long run
    if own.parameters:
        circuits = []
        for i in range(len(binding)):
            point = binding.point(i)
            circuits.append(own.assign_parameters({p: point[p] for p in own.parameters}))
    options = {} if errors is None else {"noise_model": _noise_model(part, errors)}
    try:
        result = (
            AerSimulator()
            .run(
                circuits,
                shots=shots,
                seed_simulator=seed,
                method=method,
                max_parallel_threads=1,
                # It would cut the ends of blocks off where nothing outside of them is measured;
                # the part has no idle qubits anyway.
                enable_truncation=False,
                **options,
            )
            .result()
        )
    except Exception as exc:  # Aer raises its own error, and others from deep inside
        raise ProgramError(
            f"The simulator cannot run the steered part on qubits {list(part.qubits)}: {exc}",
            1520,
            "Use control flow, expressions and variables that qiskit-aer supports.",
        ) from exc
    if not result.success:
        raise ProgramError(
            f"The simulator cannot run the steered part on qubits {list(part.qubits)}: "
            f"{result.status}",
            1520,
            "Use fewer qubits in steered parts, or operations that qiskit-aer supports.",
        )
    return [result.data(i)["counts"] for i in range(len(circuits))]


def _extract(circuit: QuantumCircuit, part: Part) -> QuantumCircuit:
    for variable in circuit.iter_input_vars():
        raise ProgramError(
            f"The circuit has the input variable {variable.name!r}, which nothing sets.",
            1522,
            "Declare the variable inside the circuit.",
        )
    qubits = [Qubit() for _ in range(max(1, len(part.qubits)))]
    place = dict(zip(part.qubits, qubits, strict=False))
    hidden = HiddenBits(circuit)
    out = _empty(circuit, qubits, hidden)
    for step in part.steps:
        operation = step.operation
        if step.name in DYNAMIC:
            keep = [qubit in step.qubits for qubit in step.places]
            _append_steered(
                out,
                operation,
                keep,
                (
                    [place[q] for q in step.places if q in step.qubits],
                    [circuit.clbits[slot] for slot in step.slots],
                ),
                hidden,
            )
            continue
        if step.name in {"measure", "reset"}:
            operation = Measure() if step.name == "measure" else Reset()
        out._append(  # noqa: SLF001 - the original circuit was checked when it was made
            _unlabelled(operation),
            [place[q] for q in step.qubits],
            [circuit.clbits[c] for c in step.clbits],
        )
    if "measure" not in operation_names(out):  # what is not measured, Aer may not count
        unread = Clbit()
        out.add_bits([unread])
        out.append(Measure(), [qubits[0]], [unread])
    return out


def _append_steered(
    out: QuantumCircuit,
    operation: Any,
    keep: Sequence[bool],
    wires: tuple[Sequence[Any], Sequence[Any]],
    hidden: HiddenBits,
) -> None:
    """Append control flow over the qubits to keep only, its blocks flattened."""
    blocks = []
    for block in getattr(operation, "blocks", ()):
        inner = [Qubit() for kept in keep if kept]
        fresh = iter(inner)
        place = {bit: next(fresh) for bit, kept in zip(block.qubits, keep, strict=True) if kept}
        rebuilt = _empty(block, inner, hidden)
        _copy(block, {**place, **{bit: bit for bit in block.clbits}}, rebuilt, hidden)
        blocks.append(rebuilt)
    qubits, clbits = wires
    bits = [*clbits, *hidden.all_bits] if blocks else []
    out._append(hidden.operation(operation, blocks), qubits, bits)  # noqa: SLF001 - as above


def _unlabelled(operation: Any) -> Any:
    """Return the operation without its label, which Aer would look its errors up by."""
    if operation.label is None or operation.name == "unitary":
        return operation
    operation = operation.to_mutable()
    operation.label = None
    return operation


def _empty(circuit: QuantumCircuit, qubits: Sequence[Any], hidden: HiddenBits) -> QuantumCircuit:
    """Return a circuit on other qubits with the classical half of *circuit*."""
    out = QuantumCircuit()
    out.add_bits(qubits)
    out.add_bits(circuit.clbits)
    for register in circuit.cregs:
        out.add_register(register)
    hidden.add_to(out)
    return out


def _copy(
    block: QuantumCircuit, place: Mapping[Any, Any], out: QuantumCircuit, hidden: HiddenBits
) -> None:
    for item in block.data:
        operation = item.operation
        name = operation.name
        clbits = [place[bit] for bit in item.clbits]
        if name == "barrier":
            continue
        if name in DYNAMIC and name not in {"break_loop", "continue_loop"}:
            reached = touched_qubits(item)
            keep = [bit in reached for bit in item.qubits]
            qubits = [place[bit] for bit in item.qubits if bit in reached]
            _append_steered(out, operation, keep, (qubits, clbits), hidden)
        elif name in DYNAMIC:  # a jump spans its whole block, whatever is left of that
            kind = type(operation)
            out._append(kind(out.num_qubits, out.num_clbits), out.qubits, out.clbits)  # noqa: SLF001
        elif name in AER_GATES or name == "delay":
            out._append(_unlabelled(operation), [place[bit] for bit in item.qubits], clbits)  # noqa: SLF001
        elif name in {"measure", "measure_2", "reset", "reset_2"}:
            plain = Measure() if name.startswith("measure") else Reset()
            out._append(plain, [place[bit] for bit in item.qubits], clbits)  # noqa: SLF001
        else:
            inner = operation.blocks[0] if name == "box" else operation.definition
            if inner is None:
                raise ProgramError(
                    f"The instruction {name!r} has no definition that can be simulated.",
                    7001,
                    "Transpile the circuit for the backend.",
                )
            mapping = dict(zip(inner.qubits, (place[bit] for bit in item.qubits), strict=True))
            mapping.update(zip(inner.clbits, clbits, strict=True))
            _copy(inner, mapping, out, hidden)


def _noise_model(part: Part, errors: RunErrors) -> "NoiseModel":
    """Return the errors of all that may happen on a part's qubits as Aer's model."""
    from qiskit.circuit import Delay
    from qiskit_aer.noise import NoiseModel, ReadoutError, pauli_error
    from qiskit_aer.noise.passes import RelaxationNoisePass

    place = {qubit: i for i, qubit in enumerate(part.qubits)}
    library = errors.library
    wanted = {
        (name, qubits)
        for name, places in library.calibration.table.items()
        for qubits in (places or ())
        if name not in {"measure", "delay"} and all(qubit in place for qubit in qubits)
    }
    model = NoiseModel(basis_gates=list(library.calibration.basis))
    twirled = {key for key in wanted if errors.twirls(key[1])}
    found = library.aer_errors(wanted - twirled)
    for name, qubits in twirled:
        chances = library.twirled_probabilities(name, qubits, errors.gain)
        if chances is not None:
            found[name, qubits] = pauli_error(chances)
    for (name, qubits), error in sorted(found.items(), key=lambda item: item[0]):
        model.add_quantum_error(error, name, [place[q] for q in qubits], warnings=False)
    for qubit, i in place.items():
        if wrong := errors.readout_error(qubit):
            model.add_readout_error(
                ReadoutError([[1 - wrong, wrong], [wrong, 1 - wrong]]), [i], warnings=False
            )
    times = [library.times(qubit) for qubit in part.qubits]
    if times:
        model._custom_noise_passes.append(  # noqa: SLF001 - as from_backend does; it has no other door
            RelaxationNoisePass(
                t1s=[t1 for t1, _ in times],
                t2s=[t2 for _, t2 in times],
                dt=errors.dt,
                op_types=Delay,
            )
        )
    return model
