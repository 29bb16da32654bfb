"""What sampler and estimator jobs have in common: their parameters, circuits, seeds, metrics."""

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, cast

import numpy as np

from swqr_adapters.codec import decode
from swqr_core.ports.executor import ExecutionRequest

from .definitions import expand_definitions
from .device import Device
from .errors import ProgramError
from .sizes import check_definitions, check_sizes

if TYPE_CHECKING:
    from qiskit import QuantumCircuit

__all__ = ["has_version", "metrics", "pub_seed", "read_circuit", "read_parameters", "read_shots"]

_MAX_SHOWN: Final = 40


def read_parameters(request: ExecutionRequest, keys: Collection[str]) -> dict[str, Any]:
    """Return a job's decoded parameters.

    Args:
        request: The job.
        keys: The keys that its program takes.

    Raises:
        ProgramError: They are no object, have no list of pubs, or other keys (code 1002).
        PayloadError: They cannot be decoded.
    """
    params = decode(request.params)
    if not isinstance(params, dict):
        raise ProgramError(
            f"The parameters are a {type(params).__name__}, no object.",
            1002,
            'Send an object with "pubs".',
        )
    unknown = sorted(set(params) - set(keys))
    if unknown:
        raise ProgramError(
            f"The program {request.program_id} takes no parameter {unknown[0]!r}.",
            1002,
            f"Its parameters are {', '.join(sorted(keys))}.",
        )
    if not has_version(params, 2):  # the only one
        raise ProgramError(
            f"Version {params['version']!r} of the program {request.program_id} is not known.",
            1002,
            'Send "version": 2.',
        )
    wrapped = params.get("support_qiskit")
    if wrapped is not None and not isinstance(wrapped, bool):
        raise ProgramError(
            f"The parameter support_qiskit is {wrapped!r}.", 1002, "It must be true or false."
        )
    pubs = params.get("pubs")
    if not isinstance(pubs, list):
        raise ProgramError("The job has no list of pubs.", 1002, 'Send "pubs" with at least one.')
    if not pubs:
        raise ProgramError("The job has no pub.", 6003, "Send at least one pub.")
    return params


def read_circuit(given: object, where: str, device: Device) -> "QuantumCircuit":
    """Return a job's circuit: a decoded one, or OpenQASM 3 text.

    Gates that a text defines, and *device* does not have, are written out.

    Raises:
        ProgramError: It is neither (code 1603), or the text cannot be parsed (code 1506) or
            declares too much (code 1520).
    """
    from qiskit import QuantumCircuit

    if isinstance(given, QuantumCircuit):
        return given
    if not isinstance(given, str):
        raise ProgramError(
            f"The circuit of {where} is a {type(given).__name__}.",
            1603,
            "Send a QuantumCircuit in QPY, or OpenQASM 3 text.",
        )
    text = given.lstrip()
    if not text.startswith("OPENQASM 3"):
        shown = text[:_MAX_SHOWN]
        raise ProgramError(
            f"The circuit of {where} is no OpenQASM 3 program: it begins with {shown!r}.",
            1603,
            'Begin the text with "OPENQASM 3.0;".',
        )
    check_sizes(text, where)
    try:
        import openqasm3
        import qiskit_qasm3_import
    except ImportError:
        raise ProgramError(
            f"The circuit of {where} is OpenQASM 3, which this installation cannot read.",
            1603,
            "Install qiskit-qasm3-import, or send the circuit in QPY.",
        ) from None
    try:
        program = openqasm3.parse(text)
        check_definitions(program, where)
        circuit = qiskit_qasm3_import.convert(program)
    except ProgramError:
        raise
    except RecursionError:
        raise ProgramError(
            f"The OpenQASM program of {where} is nested too deep.", 1506, "Flatten it."
        ) from None
    except Exception as exc:  # the parser raises whatever it stumbles over
        raise ProgramError(
            f"The OpenQASM program of {where} cannot be parsed: {str(exc) or 'a syntax error'}",
            1506,
            "Correct the program; gates that stdgates.inc does not have must be defined in it.",
        ) from exc
    return expand_definitions(circuit, device, where)


def read_shots(given: object, where: str) -> int | None:
    """Return a number of shots; None if none was given.

    Raises:
        ProgramError: It is no positive integer (code 6001).
    """
    if given is None:
        return None
    if isinstance(given, bool) or not isinstance(given, int | np.integer) or given < 1:
        raise ProgramError(
            f"The shots of {where} are {given!r}.", 6001, "Ask for a whole number, at least 1."
        )
    return int(given)


def pub_seed(seed: int, index: int) -> int:
    """Return the seed of one pub, from the job's seed."""
    state = np.random.SeedSequence([seed, index]).generate_state(2, np.uint32)
    return int(state[0]) << 32 | int(state[1])


def has_version(params: Mapping[str, Any], known: int) -> bool:
    """Return whether parameters are of a version; those that name none are."""
    version = params.get("version", known)
    # Decoded parameters may be arrays, which compare element by element.
    return isinstance(version, int | float) and version == known


def metrics(
    circuits: Sequence["QuantumCircuit"], executions: int, seconds: Sequence[float]
) -> dict[str, object]:
    """Return what a job tells about its run.

    Args:
        circuits: The circuits that ran.
        executions: Shots times parameter sets.
        seconds: The scheduled duration of each circuit.
    """
    from qiskit import __version__ as qiskit_version

    used = [len({bit for item in c.data for bit in item.qubits}) for c in circuits]
    return {
        "num_circuits": len(circuits),
        "num_qubits": used,
        "circuit_depths": [cast("Any", circuit).depth() for circuit in circuits],
        "executions": executions,
        "circuits_execution_time_ns": [round(second * 1e9) for second in seconds],
        "qiskit_version": qiskit_version,
    }
