"""Put a part into Aer's terms, with or without its errors."""

from typing import Any

from .aer import AerProgram
from .binding import Binding
from .channels import RunErrors
from .parts import Kind, Part

__all__ = ["assemble", "local_places", "noise_of"]


def local_places(part: Part) -> dict[int, int]:
    """Return where each of the device's qubits is in the part's own numbering."""
    return {qubit: i for i, qubit in enumerate(part.qubits)}


def assemble(
    part: Part, binding: Binding, errors: RunErrors | None, *, channels: bool
) -> AerProgram:
    """Return a part as Aer's program.

    Args:
        part: The part; its classical bits are numbered in ascending order.
        binding: The sweep's points.
        errors: The run's errors; None for an ideal one.
        channels: Whether errors are put into the program as channels, for a density matrix;
            otherwise Aer draws them from what :func:`noise_of` returns.
    """
    place = local_places(part)
    bit = {clbit: i for i, clbit in enumerate(part.clbits)}
    program = AerProgram(len(part.qubits), len(part.clbits), binding)
    for step in part.steps:
        qubits = [place[qubit] for qubit in step.qubits]
        match step.name:
            case "measure":
                program.measure(qubits[0], bit[step.clbits[0]])
            case "reset":
                program.reset(qubits[0])
            case "delay":
                if errors is not None and not channels:
                    program.delay(qubits[0], errors.label(step))
            case _:
                program.gate(step, qubits)
        if errors is not None and channels and step.name != "measure":
            superop = errors.after(step)
            if superop is not None:
                program.superop(qubits, superop)
    return program


def noise_of(part: Part, errors: RunErrors | None) -> list[dict[str, Any]]:
    """Return a part's errors in Aer's dictionary form."""
    if errors is None:
        return []
    measured = sorted({qubit for qubit, _ in part.measures}) if part.kind is not Kind.LONE else []
    return errors.aer_errors(part.steps, local_places(part), readout=measured)
