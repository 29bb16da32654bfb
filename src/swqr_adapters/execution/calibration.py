"""What a device's two documents say, as plain numbers.

The rules are those by which qiskit-ibm-runtime makes a target of the same documents, so that a
circuit which fits one fits the other; that package is not imported.
"""

import json
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, NamedTuple

from attrs import frozen

__all__ = ["CONTROL_FLOW", "Calibration", "GateRecord", "load_calibration"]

#: Instructions that hold circuits of their own.
CONTROL_FLOW: Final = frozenset(
    {"if_else", "while_loop", "for_loop", "switch_case", "break_loop", "continue_loop"}
)
_NOT_UNITARY: Final = frozenset({"measure", "delay", "reset"})
_PREFIXES: Final = {"": 1.0, "m": 1e-3, "u": 1e-6, "µ": 1e-6, "μ": 1e-6, "n": 1e-9, "p": 1e-12}
#: No device samples faster than this; a smaller ``dt`` was written in seconds, not nanoseconds.
_SMALLEST_DT_NS: Final = 1e-6


class GateRecord(NamedTuple):
    """One instruction on one set of qubits.

    Attributes:
        error: The average gate infidelity, for ``measure`` the readout error; None if not known.
        duration: Seconds; None if not known.
    """

    error: float | None = None
    duration: float | None = None


@frozen(kw_only=True, eq=False)
class Calibration:
    """A device as its documents describe it.

    Attributes:
        num_qubits: How many qubits it has.
        dt: Seconds of one sample; None if the device has none.
        basis: The gates that the device's configuration names.
        coupling: Pairs of qubits; empty if there are none.
        table: For each instruction the qubits it works on; None where it works on any.
        signatures: Instructions that Qiskit has no class for: name to (qubits, classical bits).
        t1: Seconds for each qubit; None if not known.
        t2: Seconds for each qubit; None if not known.
        frequency: Hertz for each qubit; None if not known.
        timing: Timing constraints, in samples.
        rep_delay: Seconds between two executions, the device's default.
    """

    num_qubits: int
    dt: float | None
    basis: tuple[str, ...]
    coupling: tuple[tuple[int, ...], ...]
    table: Mapping[str, Mapping[tuple[int, ...], GateRecord] | None]
    signatures: Mapping[str, tuple[int, int]]
    t1: tuple[float | None, ...]
    t2: tuple[float | None, ...]
    frequency: tuple[float | None, ...]
    timing: Mapping[str, int]
    rep_delay: float | None

    def record(self, name: str, qubits: tuple[int, ...]) -> GateRecord:
        """Return what is known of an instruction on these qubits; a blank record if nothing is."""
        places = self.table.get(name)
        return places.get(qubits, _BLANK) if places else _BLANK


_BLANK: Final = GateRecord()


@lru_cache(maxsize=64)
def load_calibration(folder: str, snapshot: str) -> Calibration:
    """Read a snapshot's documents.

    Args:
        folder: The absolute folder of the two files.
        snapshot: The device's short name.
    """
    root = Path(folder)
    return parse_calibration(
        json.loads((root / f"conf_{snapshot}.json").read_bytes()),
        json.loads((root / f"props_{snapshot}.json").read_bytes()),
    )


def parse_calibration(
    configuration: Mapping[str, Any], properties: Mapping[str, Any]
) -> Calibration:
    """Return what two parsed documents say of a device."""
    num_qubits = int(configuration["n_qubits"])
    qubits = [_values(entries) for entries in properties["qubits"]]
    faulty = {q for q, known in enumerate(qubits) if not known.get("operational", 1.0)}
    return Calibration(
        num_qubits=num_qubits,
        dt=_sampling_time(configuration),
        basis=tuple(configuration["basis_gates"]),
        coupling=tuple(tuple(pair) for pair in configuration.get("coupling_map") or ()),
        table=_table(configuration, properties, qubits, faulty),
        signatures={
            s["name"]: (s["num_qubits"], s["num_clbits"])
            for s in configuration.get("instruction_signatures") or ()
        },
        t1=tuple(known.get("T1") for known in qubits),
        t2=tuple(known.get("T2") for known in qubits),
        frequency=tuple(known.get("frequency") for known in qubits),
        timing=dict(configuration.get("timing_constraints") or {}),
        rep_delay=_microseconds(configuration.get("default_rep_delay")),
    )


def _sampling_time(configuration: Mapping[str, Any]) -> float | None:
    dt = configuration.get("dt")
    if not isinstance(dt, int | float) or dt <= 0:
        return None
    return dt if dt < _SMALLEST_DT_NS else dt * 1e-9


def _microseconds(value: object) -> float | None:
    return value * 1e-6 if isinstance(value, int | float) else None


def _values(entries: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """Return names to values in SI units."""
    return {entry["name"]: _si(entry["value"], entry["unit"]) for entry in entries}


def _si(value: float, unit: str) -> float:
    if unit == "GHz":
        return value * 1e9
    if unit.endswith("s"):
        return value * _PREFIXES.get(unit[:-1], 1.0)
    return value


def _table(
    configuration: Mapping[str, Any],
    properties: Mapping[str, Any],
    qubits: Sequence[Mapping[str, float]],
    faulty: set[int],
) -> dict[str, dict[tuple[int, ...], GateRecord] | None]:
    supported = configuration.get("supported_instructions")
    announced = _NOT_UNITARY if supported is None else frozenset(supported)
    names = set(configuration["basis_gates"]) | (announced & (_NOT_UNITARY | CONTROL_FLOW))
    names |= {s["name"] for s in configuration.get("instruction_signatures") or ()}
    table: dict[str, dict[tuple[int, ...], GateRecord] | None] = dict.fromkeys(names)
    for gate in configuration["gates"]:
        if gate["name"] in table and gate.get("coupling_map"):
            table[gate["name"]] = {tuple(place): GateRecord() for place in gate["coupling_map"]}
    for gate in properties["gates"]:
        name, place = gate["gate"], tuple(gate["qubits"])
        if name not in table or name == "measure":
            continue
        known = _values(gate["parameters"])
        places = table[name] or {}
        table[name] = places
        if faulty.intersection(place) or not known.get("operational", 1.0):
            places.pop(place, None)
        else:
            places[place] = GateRecord(known.get("gate_error"), known.get("gate_length"))
    table["measure"] = {
        (q,): GateRecord(known.get("readout_error"), known.get("readout_length"))
        for q, known in enumerate(qubits)
        if q not in faulty
    }
    for name in announced & _NOT_UNITARY:
        if table[name] is None:
            table[name] = {(q,): GateRecord() for q in range(len(qubits)) if q not in faulty}
    return table
