"""What is checked before anything runs."""

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from .calibration import CONTROL_FLOW
from .device import Device
from .errors import ProgramError
from .steps import DYNAMIC

if TYPE_CHECKING:
    from qiskit import QuantumCircuit

__all__ = [
    "KERNELED_BITS",
    "MAX_EXECUTIONS",
    "MAX_OPERATIONS",
    "check_circuit",
    "check_executions",
    "check_static",
    "check_twirlable",
    "operation_names",
    "parameter_array",
    "points_of",
]

#: Shots times parameter sets of one job (the service's published limit).
MAX_EXECUTIONS: Final = 10_000_000
#: Bytes of one job's classical results: this product's own limit.
MAX_RESULT_BYTES: Final = 2**30
#: What a kerneled measurement takes, a complex number where a classified one takes a bit.
KERNELED_BITS: Final = 128
#: Operations of a circuit after loops are unrolled: this product's own limit.
MAX_OPERATIONS: Final = 2_000_000

_ALWAYS: Final = CONTROL_FLOW | {"barrier", "box", "delay", "store", "measure", "reset"}
_SHOWN: Final = 5
_FRACTIONAL: Final = frozenset({"rx", "rzz"})


def check_circuit(circuit: "QuantumCircuit", device: Device, where: str) -> None:
    """Check a circuit against a device.

    Args:
        circuit: The circuit, on the device's qubits.
        device: What it is to run on.
        where: How to call the circuit in a message, for example ``pub 0``.

    Raises:
        ProgramError: It is wider than the device or uses an instruction that the device does not
            have on these qubits (code 1517); or its loops unroll to too much (code 1520).
    """
    if circuit.num_qubits > device.num_qubits:
        raise ProgramError(
            f"The circuit of {where} has {circuit.num_qubits} qubits, but {device.name} has "
            f"{device.num_qubits}.",
            1517,
            "Transpile the circuit for this backend, or choose a larger one.",
        )
    operations = _check_isa(
        circuit, {bit: i for i, bit in enumerate(circuit.qubits)}, device, where
    )
    if operations > MAX_OPERATIONS:
        raise ProgramError(
            f"The circuit of {where} has {operations} operations with its loops unrolled; the "
            f"limit is {MAX_OPERATIONS}.",
            1520,
            "Use fewer rounds, or split the work into several circuits.",
        )


def _check_isa(
    circuit: "QuantumCircuit", place: Mapping[Any, int], device: Device, where: str
) -> int:
    """Check every instruction; return how many there are with loops unrolled."""
    table = None if device.calibration is None else device.calibration.table
    total = 0
    for item in circuit.data:
        operation = item.operation
        name = operation.name
        blocks = getattr(operation, "blocks", None)
        if blocks:
            inside = 0
            for block in blocks:
                inner = {
                    own: place[outer] for own, outer in zip(block.qubits, item.qubits, strict=True)
                }
                inside += _check_isa(block, inner, device, where)
            total += inside * (len(operation.params[0]) if name == "for_loop" else 1)
        total += 1
        if table is None or name in _ALWAYS:
            continue
        places = table.get(name, _MISSING)
        if places is None:
            continue
        qubits = tuple([place[bit] for bit in item.qubits])
        if qubits not in places:
            raise ProgramError(
                f"The instruction {name} on qubits {list(qubits)} in the circuit of {where} is not "
                f"supported by {device.name}.",
                1517,
                f"Transpile the circuit for {device.name}: "
                "generate_preset_pass_manager(backend=backend).run(circuit).",
            )
    return total


_MISSING: Final[Mapping[Any, Any]] = {}


def check_static(circuit: "QuantumCircuit", where: str) -> None:
    """Check that a circuit can be estimated.

    Raises:
        ProgramError: It is dynamic or measures qubits (code 1522).
    """
    for item in circuit.data:
        name = item.operation.name
        if name in DYNAMIC or name.startswith("measure"):
            raise ProgramError(
                f"The circuit of {where} has the operation {name!r}: an estimator takes neither "
                "dynamic circuits nor measurements.",
                1522,
                "Remove it, for example with circuit.remove_final_measurements(); the observables "
                "say what is measured.",
            )


def check_twirlable(circuit: "QuantumCircuit", device: Device, where: str) -> None:
    """Check that the gates of a circuit can be twirled, which PEC and PEA do, too.

    Ideal devices take any gate, so none of theirs is a fractional one.

    Raises:
        ProgramError: It has fractional gates, which the service does not twirl (code 1519).
    """
    found = sorted(_FRACTIONAL & operation_names(circuit))
    if found and device.calibration is not None:
        raise ProgramError(
            f"The circuit of {where} has the fractional gates {' and '.join(found)}, which cannot "
            "be twirled; PEC and PEA twirl gates, too.",
            1519,
            "Transpile for the device without fractional gates, or switch gate twirling, PEC and "
            "PEA off.",
        )


def operation_names(circuit: "QuantumCircuit") -> set[str]:
    """Return the names of all operations, those in boxes and control flow included."""
    found = set(circuit.count_ops())
    for item in circuit.data:
        for block in getattr(item.operation, "blocks", ()):
            found |= operation_names(block)
    return found


def check_executions(executions: int, bits: int) -> None:
    """Check the size of a job.

    Args:
        executions: Shots times parameter sets, of all pubs together.
        bits: Classical bits of all executions together; of a kerneled one :data:`KERNELED_BITS`.

    Raises:
        ProgramError: It is too large (code 1520).
    """
    if executions > MAX_EXECUTIONS:
        raise ProgramError(
            f"The job asks for {executions} executions; the limit is {MAX_EXECUTIONS}.",
            1520,
            "Use fewer shots or parameter sets, or split the work into several jobs.",
        )
    if bits / 8 > MAX_RESULT_BYTES:
        raise ProgramError(
            f"The job's results would take {bits // 8} bytes; the limit is {MAX_RESULT_BYTES}.",
            1520,
            "Use fewer shots, or split the work into several jobs.",
        )


def parameter_array(
    circuit: "QuantumCircuit", given: object, where: str
) -> npt.NDArray[np.float64]:
    """Return parameter values as an array of shape ``(*sweep, parameters)``.

    Args:
        circuit: The circuit.
        given: An array, nested lists, a map from names (of parameters, or of whole vectors) to
            values or arrays, or None.
        where: How to call the pub in a message.

    Raises:
        ProgramError: Values are missing, too many, of the wrong shape or not finite (code 1002).
    """
    count = circuit.num_parameters
    array = _real_array(circuit, given, where)
    if count == 0 and array.ndim and array.size == 0:
        return array.reshape(*array.shape[:-1], 0)
    if count and array.shape == (0,):
        raise _count_error(circuit, array, where)
    if count == 1 and (array.ndim == 0 or array.shape[-1] != 1):
        array = array[..., np.newaxis]
    if array.ndim == 0 or array.shape[-1] != count:
        raise _count_error(circuit, array, where)
    if not np.isfinite(array).all():
        first = np.argwhere(~np.isfinite(array))[0]
        raise ProgramError(
            f"The value of the parameter {circuit.parameters[int(first[-1])].name!r} of {where} is "
            f"{array[tuple(first)]}.",
            1002,
            "Give finite numbers.",
        )
    return array


def _real_array(circuit: "QuantumCircuit", given: object, where: str) -> npt.NDArray[np.float64]:
    """Return what was given as an array of real numbers, of whatever shape."""
    if hasattr(given, "data") and hasattr(given, "as_array"):
        given = _bindings_array(circuit, given, where)
    elif isinstance(given, Mapping):
        given = _named(circuit, given, where)
    try:
        array = np.asarray(() if given is None else given)
        if np.iscomplexobj(array) and not np.any(array.imag):
            array = array.real
        return array.astype(float, casting="unsafe" if array.size == 0 else "same_kind")
    except (TypeError, ValueError):
        raise ProgramError(
            f"The parameter values of {where} are not an array of real numbers.",
            1002,
            "Give numbers, all sets with the same length.",
        ) from None


def _count_error(circuit: "QuantumCircuit", array: npt.NDArray[Any], where: str) -> ProgramError:
    names = [parameter.name for parameter in circuit.parameters]
    shown = ", ".join(names[:_SHOWN]) + (", ..." if len(names) > _SHOWN else "")
    if array.size == 0:
        return ProgramError(
            f"The circuit of {where} has {len(names)} parameters without values: {shown}.",
            1002,
            "Give a value for every parameter, or bind them in the circuit.",
        )
    return ProgramError(
        f"The parameter values of {where} have the shape {array.shape}, but its circuit has "
        f"{len(names)} parameters{': ' + shown if names else ''}.",
        1002,
        f"The last axis must be {len(names)} long.",
    )


def _bindings_array(circuit: "QuantumCircuit", given: Any, where: str) -> npt.NDArray[Any]:
    try:
        return np.asarray(given.as_array(circuit.parameters))
    except (KeyError, ValueError) as exc:
        raise ProgramError(
            f"The parameter values of {where} do not fit its circuit: {exc}",
            1002,
            "Give a value for every parameter of the circuit.",
        ) from None


def _named(circuit: "QuantumCircuit", given: Mapping[Any, Any], where: str) -> npt.NDArray[Any]:
    columns: dict[str, Any] = {}
    known = {parameter.name: parameter for parameter in circuit.parameters}
    vectors: dict[str, list[str]] = {}
    for parameter in circuit.parameters:
        vector = getattr(parameter, "vector", None)
        if vector is not None:
            vectors.setdefault(vector.name, []).append(parameter.name)
    try:
        for key, value in given.items():
            name = str(getattr(key, "name", key))
            array = np.asarray(value)
            if name in known:
                columns[name] = array
            elif name in vectors and array.ndim and array.shape[-1] == len(vectors[name]):
                for i, element in enumerate(vectors[name]):
                    columns[element] = array[..., i]
            else:
                raise ProgramError(
                    f"The circuit of {where} has no parameter {name!r} of such a size.",
                    1002,
                    f"Its parameters are {', '.join(list(known)[:_SHOWN]) or 'none'}.",
                )
        missing = [name for name in known if name not in columns]
        if missing:
            raise ProgramError(
                f"The circuit of {where} has parameters without values: "
                f"{', '.join(missing[:_SHOWN])}.",
                1002,
                "Give a value for every parameter.",
            )
        if not known:
            return np.zeros(0)
        return np.stack(np.broadcast_arrays(*(columns[name] for name in known)), axis=-1)
    except ValueError:
        raise ProgramError(
            f"The parameter values of {where} do not broadcast against each other.",
            1002,
            "Give single values or arrays of one shape.",
        ) from None


def points_of(values: npt.NDArray[Any]) -> int:
    """Return how many parameter sets an array of shape ``(*sweep, parameters)`` holds."""
    return math.prod(values.shape[:-1])
