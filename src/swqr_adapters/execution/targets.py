"""Qiskit targets of our devices."""

from collections.abc import Iterable
from typing import Any

from qiskit.circuit import Gate, Instruction
from qiskit.circuit.controlflow import ForLoopOp, IfElseOp, SwitchCaseOp, WhileLoopOp
from qiskit.circuit.library import get_standard_gate_name_mapping
from qiskit.providers import QubitProperties
from qiskit.transpiler import InstructionProperties, Target

from .calibration import CONTROL_FLOW, Calibration

__all__ = ["ideal_target", "make_target"]

_CLASSES = {
    "if_else": IfElseOp,
    "while_loop": WhileLoopOp,
    "for_loop": ForLoopOp,
    "switch_case": SwitchCaseOp,
}


def make_target(calibration: Calibration) -> Any:
    """Return the target of a device: what its documents say, control flow included."""
    target = Target(
        num_qubits=calibration.num_qubits,
        dt=calibration.dt,
        qubit_properties=[
            QubitProperties(t1=t1, t2=t2, frequency=frequency)
            for t1, t2, frequency in zip(
                calibration.t1, calibration.t2, calibration.frequency, strict=True
            )
        ],
        **calibration.timing,
    )
    standard = get_standard_gate_name_mapping()
    for name in sorted(calibration.table):
        places = calibration.table[name]
        if name in CONTROL_FLOW:
            if name in _CLASSES:
                target.add_instruction(_CLASSES[name], name=name)
            continue
        if name in calibration.signatures:
            qubits, clbits = calibration.signatures[name]
            instruction = Instruction(name, qubits, clbits, [])
        elif name in standard:
            instruction = standard[name]
        elif places:
            instruction = Gate(name, len(next(iter(places))), [])
        else:
            continue
        target.add_instruction(
            instruction,
            None
            if places is None
            else {
                place: InstructionProperties(error=record.error, duration=record.duration)
                for place, record in places.items()
            },
            name=name,
        )
    return target


def ideal_target(num_qubits: int, basis: Iterable[str]) -> Any:
    """Return the target of an ideal simulator: every gate of the basis on any qubits."""
    target = Target(num_qubits=num_qubits, dt=1e-9)
    standard = get_standard_gate_name_mapping()
    for name in (*basis, "measure", "reset", "delay"):
        target.add_instruction(standard[name], None, name=name)
    for name, kind in _CLASSES.items():
        target.add_instruction(kind, name=name)
    return target
