"""How long a device would be busy with a job.

A job takes :data:`JOB_OVERHEAD` seconds, plus for every execution of a circuit (a shot of one
parameter set) the circuit's scheduled duration and the repetition delay. The overhead is that of
the platform's own old rule of thumb, two seconds a job; its 0.35 ms an execution are what the
usual delay of 0.25 ms and a typical circuit come to.

A circuit is scheduled as soon as possible with the device's own durations; where none are known,
as on an ideal simulator, with these: 50 ns for a gate on one qubit, 100 ns on more, 1 µs for a
measurement or a reset, nothing for the gates that are only a change of phase. Of alternatives the
longest counts, of a loop each round, of a ``while`` one.
"""

import sys
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from .channels import delay_seconds
from .device import Device
from .steps import Step

if TYPE_CHECKING:
    from qiskit import QuantumCircuit

__all__ = ["JOB_OVERHEAD", "REP_DELAY", "circuit_seconds", "job_seconds", "later"]

#: Seconds that every job takes.
JOB_OVERHEAD: Final = 2.0
#: Seconds between executions, where the device names no default.
REP_DELAY: Final = 250e-6

# Far beyond any job's limit, and still a date.
_LONGEST: Final = 1e9

_VIRTUAL: Final = frozenset({"rz", "p", "u1", "id", "z", "s", "sdg", "t", "tdg", "store"})
_ONE_QUBIT: Final = 50e-9
_MORE_QUBITS: Final = 100e-9
_READOUT: Final = 1e-6


def circuit_seconds(circuit: "QuantumCircuit", device: Device) -> float:
    """Return the scheduled duration of one execution of a circuit, in seconds.

    Args:
        circuit: A circuit on the device's qubits.
        device: What it runs on.
    """
    qubits = {bit: i for i, bit in enumerate(circuit.qubits)}
    return _schedule(circuit, qubits, device)


def job_seconds(
    executions: Iterable[tuple[float, int]], device: Device, *, rep_delay: float | None = None
) -> float:
    """Return the QPU seconds of a job.

    Args:
        executions: For each circuit the seconds of one execution, and how many there are.
        device: What it runs on; its fixed ``job_seconds`` come first.
        rep_delay: Seconds between executions; None for the device's default.
    """
    if device.job_seconds is not None:
        return device.job_seconds
    if rep_delay is None and device.calibration is not None:
        rep_delay = device.calibration.rep_delay
    delay = REP_DELAY if rep_delay is None else rep_delay
    total = JOB_OVERHEAD + sum(count * (seconds + delay) for seconds, count in executions)
    return min(total, sys.float_info.max)  # a number that JSON has


def later(start: datetime, seconds: float) -> datetime:
    """Return when something ends that takes so long; what no job may take is cut."""
    return start + timedelta(seconds=min(seconds, _LONGEST))


def _schedule(circuit: "QuantumCircuit", qubits: dict[Any, int], device: Device) -> float:
    free: dict[Any, float] = {}
    for item in circuit.data:
        wires = [*item.qubits, *item.clbits]
        start = max((free.get(wire, 0.0) for wire in wires), default=0.0)
        end = start + _seconds(item, qubits, device)
        for wire in wires:
            free[wire] = end
    return max(free.values(), default=0.0)


def _seconds(item: Any, qubits: dict[Any, int], device: Device) -> float:
    operation = item.operation
    name = operation.name
    if name == "barrier":
        return 0.0
    blocks = getattr(operation, "blocks", None)
    if blocks:
        longest = max(
            _schedule(
                block,
                {
                    inner: qubits[outer]
                    for inner, outer in zip(block.qubits, item.qubits, strict=True)
                },
                device,
            )
            for block in blocks
        )
        return longest * (len(operation.params[0]) if name == "for_loop" else 1)
    place = tuple([qubits[bit] for bit in item.qubits])
    if name == "delay":
        dt = 1e-9 if device.calibration is None else device.calibration.dt
        return delay_seconds(Step(name, place, (), operation), dt)
    known = None if device.calibration is None else device.calibration.record(name, place).duration
    return _default_seconds(name, len(place)) if known is None else known


def _default_seconds(name: str, num_qubits: int) -> float:
    if name in _VIRTUAL:
        return 0.0
    if name.startswith(("measure", "reset")):
        return _READOUT
    return _ONE_QUBIT if num_qubits == 1 else _MORE_QUBITS
