"""A circuit inside a circuit may not announce more than the one outside may."""

import struct
from collections.abc import Callable
from time import perf_counter
from typing import Any

import numpy as np
import pytest
from qiskit import QuantumCircuit, QuantumRegister
from qiskit.circuit import Parameter
from qiskit.circuit.classical import expr, types
from qiskit.circuit.library import Initialize, PermutationGate

from swqr_adapters.codec import Budget, PayloadError, UnsafePayloadError, qpy_sizes
from swqr_adapters.codec.qpy import check_qpy, load_circuits

from .test_calls import (
    VERSIONS,
    in_a_controlled_gate,
    in_a_definition,
    in_a_loop,
    in_an_annotated_gate,
    written,
)

HEADER = struct.Struct("!H1cHIIQ")
INSIDE = [in_a_definition, in_a_loop, in_a_controlled_gate, in_an_annotated_gate]
Wrap = Callable[[QuantumCircuit], QuantumCircuit]


def inner(phase: Any = 0.25) -> QuantumCircuit:
    made = QuantumCircuit(2, global_phase=phase)
    made.rz(0.5, 0)
    return made


def announcing(raw: bytes, *, kind: bytes = b"f", **sizes: int) -> bytes:
    """Return a file in which the headers of the circuits inside announce something else."""
    changed, outside = raw, b"f" + struct.pack("!H", 8)
    first = raw.find(outside)
    found = 0
    for start in range(first + 1, len(raw) - HEADER.size):
        name, there, phase, *rest = HEADER.unpack_from(raw, start)
        if (there, *rest[:2]) == (kind, 2, 0) and name < 32 and 8 <= phase < 64:
            sizes = {"qubits": 2, "clbits": 0, "metadata": rest[2], **sizes}
            header = HEADER.pack(
                name, kind, phase, *map(sizes.get, ("qubits", "clbits", "metadata"))
            )
            changed = changed[:start] + header + changed[start + HEADER.size :]
            found += 1
    assert found
    return changed


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("wrap", INSIDE)
@pytest.mark.parametrize("sizes", [{"qubits": 30_000_000}, {"clbits": 2**32 - 1}])
def test_a_circuit_inside_that_announces_too_much_is_refused(
    wrap: Wrap, sizes: dict[str, int], version: int
) -> None:
    raw = written(wrap(inner()), version)
    assert load_circuits(raw, Budget())

    with pytest.raises(UnsafePayloadError, match="a circuit inside the circuit announces"):
        load_circuits(announcing(raw, kind=b"f", **sizes), Budget())


def with_registers(made: QuantumCircuit) -> QuantumCircuit:
    made.add_register(QuantumRegister(bits=made.qubits[::-1], name="other"))
    return made


def with_variables(made: QuantumCircuit) -> QuantumCircuit:
    made.add_var("flag", expr.lift(False))
    made.add_var("number", expr.lift(5, types.Uint(8)))
    made.add_var("angle", expr.lift(0.5))
    return made


@pytest.mark.parametrize("version", [version for version in VERSIONS if version >= 15])
@pytest.mark.parametrize("wrap", [with_registers, with_variables, *INSIDE])
def test_so_is_one_that_announces_kinds_of_annotations_without_end(
    wrap: Wrap, version: int
) -> None:
    raw = written(wrap(inner()), version)
    counts = [struct.pack("!IQ", 0, definitions) for definitions in range(3)]
    refused = 0
    for place in range(60, len(raw) - 12):
        if raw[place : place + 12] in counts:
            changed = raw[:place] + struct.pack("!I", 30_000_000) + raw[place + 4 :]
            try:
                check_qpy(changed, Budget())
            except PayloadError as error:
                refused += "announces 30000000 kinds of annotations" in str(error)

    assert refused == (3 if wrap is in_a_controlled_gate else 1 + (wrap in INSIDE))


@pytest.mark.parametrize("version", VERSIONS)
def test_so_is_one_with_a_phase_that_is_not_known_yet(version: int) -> None:
    raw = written(in_a_loop(inner(Parameter("a"))), version)

    with pytest.raises(UnsafePayloadError, match="a circuit inside the circuit announces"):
        load_circuits(announcing(raw, kind=b"p", qubits=30_000_000), Budget())


def test_a_reader_that_takes_what_there_is_gets_no_circuit_without_an_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    raw = written(in_a_loop(inner()), 13)
    cut = announcing(raw, qubits=30_000_000, metadata=2**40)
    cut = cut[: cut.rfind(b"{}") + 2]
    check_qpy(cut, Budget())  # the reader in Rust refuses it before it makes anything

    monkeypatch.setattr(qpy_sizes, "_strict_version", lambda: float("inf"))

    with pytest.raises(UnsafePayloadError, match="a circuit inside the circuit announces"):
        check_qpy(cut, Budget())


def test_a_circuit_that_only_holds_many_numbers_is_read() -> None:
    dice = np.random.default_rng(7)
    circuit = QuantumCircuit(12)
    circuit.append(PermutationGate(dice.permutation(12)), range(12))
    vector = dice.normal(size=2**12) + 1j * dice.normal(size=2**12)
    circuit.append(Initialize(vector / np.linalg.norm(vector)), range(12))
    circuit.metadata = {f"ifcpvexnm{number}": ["{", number * 2**40] for number in range(2_000)}

    assert len(load_circuits(written(circuit, 17), Budget())) == 1


@pytest.mark.parametrize(
    "piece", [b"", b"f\0\x08", b"p\0\x12\xff", b"q\0\0\0\0\0\0\x04\0\0\0f\0\x08\xff"]
)
@pytest.mark.parametrize("strict", [0.0, float("inf")])
def test_looking_costs_no_more_than_the_file_is_long(
    piece: bytes, strict: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(qpy_sizes, "_strict_version", lambda: strict)
    head = written(QuantumCircuit(1), 13)
    filling = piece * 2**17 or np.random.default_rng(7).bytes(2**20)

    begun = perf_counter()
    qpy_sizes.check_sizes(head + filling, Budget(), starts=())

    assert perf_counter() - begun < 20  # it is a second or two
