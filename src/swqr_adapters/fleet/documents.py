"""The configuration and properties that a client of a device reads."""

import json
from typing import Any, Final

from .snapshots import Snapshot

__all__ = [
    "IDEAL_BASIS",
    "MAX_IDEAL_QUBITS",
    "ideal_configuration",
    "snapshot_configuration",
    "snapshot_properties",
]

#: The largest ideal simulator (the product's own limit: a register, not a claim of tractability).
MAX_IDEAL_QUBITS: Final = 1000

#: What an ideal simulator offers to the transpiler; the executor accepts more gates than these.
IDEAL_BASIS: Final = ("cx", "cz", "id", "rz", "sx", "x")

_CONTROL_FLOW: Final = ("if_else", "while_loop", "for_loop", "switch_case")
_NANOSECONDS: Final = 1e9
#: No device samples faster than this; a smaller ``dt`` was written in seconds.
_SMALLEST_DT_NS: Final = 1e-6


def snapshot_configuration(snapshot: Snapshot, name: str) -> bytes:
    """Return a snapshot's configuration as it is served under *name* (JSON, UTF-8).

    It is the file's content with these differences: the name; ``simulator`` and ``open_pulse`` are
    false (a client treats the device as a QPU, and nothing here plays pulses); keys that some
    reader requires are added; a sampling time that was written in seconds becomes nanoseconds; the
    processor's revision is text; ``supported_features`` tells of dynamic circuits where the
    instructions do.
    """
    document = json.loads(snapshot.configuration_file.read_bytes())
    document["backend_name"] = name
    document["simulator"] = False
    document["open_pulse"] = False
    document["local"] = False
    for key, default in (("conditional", False), ("memory", True), ("backend_version", "0.0.0")):
        document.setdefault(key, default)
    document.setdefault("coords", None)
    document.setdefault("u_channel_lo", [])
    for key in ("dt", "dtm"):
        value = document.get(key)
        if isinstance(value, int | float) and 0 < value < _SMALLEST_DT_NS:
            document[key] = value * _NANOSECONDS
    processor = document.get("processor_type")
    if isinstance(processor, dict) and "revision" in processor:
        processor["revision"] = str(processor["revision"])
    document["supported_features"] = _features(document)
    return json.dumps(document, separators=(",", ":")).encode()


def _features(document: dict[str, Any]) -> list[str]:
    features = list(document.get("supported_features") or [])
    if features and all(len(word) == 1 for word in features):
        features = ["".join(features)]  # one snapshot has its word split into letters
    dynamic = set(document.get("supported_instructions") or ()).intersection(_CONTROL_FLOW)
    if dynamic and "dynamic_circuits" not in features:
        features.append("dynamic_circuits")
    return features


def snapshot_properties(snapshot: Snapshot, name: str) -> bytes:
    """Return a snapshot's calibration data as served under *name* (JSON, UTF-8)."""
    document = json.loads(snapshot.properties_file.read_bytes())
    document["backend_name"] = name
    return json.dumps(document, separators=(",", ":")).encode()


def ideal_configuration(name: str, num_qubits: int) -> bytes:
    """Return the configuration of an ideal all-to-all simulator (JSON, UTF-8).

    It says ``simulator: false``: the official client opens no session on a simulator.
    """
    gates = [
        {"name": "id", "parameters": [], "qasm_def": "gate id q { U(0, 0, 0) q; }"},
        {"name": "rz", "parameters": ["theta"], "qasm_def": "gate rz(theta) q { u1(theta) q; }"},
        {"name": "sx", "parameters": [], "qasm_def": "gate sx q { rx(pi/2) q; }"},
        {"name": "x", "parameters": [], "qasm_def": "gate x q { U(pi, 0, pi) q; }"},
        {"name": "cx", "parameters": [], "qasm_def": "gate cx q0, q1 { CX q0, q1; }"},
        {"name": "cz", "parameters": [], "qasm_def": "gate cz q0, q1 { h q1; CX q0, q1; h q1; }"},
    ]
    if num_qubits == 1:
        gates = [gate for gate in gates if gate["name"] not in {"cx", "cz"}]
    basis = [gate for gate in IDEAL_BASIS if num_qubits > 1 or gate not in {"cx", "cz"}]
    document = {
        "backend_name": name,
        "backend_version": "1.0.0",
        "n_qubits": num_qubits,
        "basis_gates": basis,
        "gates": gates,
        "local": False,
        "simulator": False,
        "conditional": False,
        "open_pulse": False,
        "memory": True,
        "coupling_map": None,
        "coords": None,
        "u_channel_lo": [],
        "online_date": "2020-01-01T00:00:00+00:00",
        "description": f"ideal simulator of {num_qubits} qubits, every pair coupled",
        "max_experiments": 300,
        "max_shots": 10_000_000,
        "rep_delay_range": [0.0, 2000.0],
        "default_rep_delay": 250.0,
        "dynamic_reprate_enabled": True,
        "supported_instructions": [*basis, "delay", "measure", "reset", *_CONTROL_FLOW],
        "supported_features": ["qasm3", "dynamic_circuits"],
        "processor_type": {"family": "Ideal", "revision": "1"},
        "timing_constraints": {
            "granularity": 1,
            "min_length": 1,
            "pulse_alignment": 1,
            "acquire_alignment": 1,
        },
        "dt": 1.0,
        "dtm": 1.0,
    }
    return json.dumps(document, separators=(",", ":")).encode()
