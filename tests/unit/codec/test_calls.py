"""Reading a circuit calls gates, instructions and syntheses, and nothing else that Qiskit has."""

import io
import json
import struct
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from qiskit import QuantumCircuit, QuantumRegister, qpy
from qiskit.circuit import Gate, Parameter
from qiskit.circuit.library import (
    Initialize,
    MCXGate,
    PauliEvolutionGate,
    PermutationGate,
    QFTGate,
    UnitaryGate,
    XGate,
)
from qiskit.quantum_info import Clifford, SparseObservable, SparsePauliOp
from qiskit.synthesis import LieTrotter, SuzukiTrotter

from swqr_adapters.codec import Budget, UnsafePayloadError
from swqr_adapters.codec.qpy import MIN_VERSION, check_qpy, load_circuits

VERSIONS = range(max(MIN_VERSION, qpy.common.QPY_COMPATIBILITY_VERSION), qpy.common.QPY_VERSION + 1)


def written(circuit: QuantumCircuit, version: int) -> bytes:
    out = io.BytesIO()
    qpy.dump(circuit, out, version=version)
    return out.getvalue()


def naming(name: str, wrap: Callable[[QuantumCircuit], QuantumCircuit], version: int) -> bytes:
    """Return a file in which an instruction's record has *name*, where *wrap* has put it."""
    inner = QuantumCircuit(2, name="inner")
    inner.rz(0.5, 0)
    raw = written(wrap(inner), version)
    record = struct.Struct("!HHHIIBHqII")
    old = b"RZGate" if b"\0RZGate" in raw else b"CRZGate"
    place = raw.find(b"\0" + old) + 1
    start = place - record.size
    length, *rest = record.unpack_from(raw, start)
    assert length == len(old)
    renamed = record.pack(len(name), *rest) + name.encode()
    return raw[:start] + renamed + raw[place + length :]


def alone(inner: QuantumCircuit) -> QuantumCircuit:
    return inner


def in_a_definition(inner: QuantumCircuit) -> QuantumCircuit:
    outer = QuantumCircuit(2)
    outer.append(inner.to_gate(), [0, 1])
    return outer


def in_a_loop(inner: QuantumCircuit) -> QuantumCircuit:
    outer = QuantumCircuit(2)
    outer.for_loop(range(2), None, inner, [0, 1], [])
    return outer


def in_a_controlled_gate(inner: QuantumCircuit) -> QuantumCircuit:
    outer = QuantumCircuit(3)
    outer.append(inner.to_gate().control(1), [0, 1, 2])
    return outer


def in_an_annotated_gate(inner: QuantumCircuit) -> QuantumCircuit:
    outer = QuantumCircuit(3)
    outer.append(inner.to_gate().control(1, annotated=True), [0, 1, 2])
    return outer


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(
    "wrap", [alone, in_a_definition, in_a_loop, in_a_controlled_gate, in_an_annotated_gate]
)
@pytest.mark.parametrize(
    "name", ["z_feature_map", "random_iqp", "QuantumVolume", "QuantumCircuit", "__setattr__"]
)
def test_an_instruction_named_like_something_else_in_the_library_is_refused(
    name: str, wrap: Callable[[QuantumCircuit], QuantumCircuit], version: int
) -> None:
    with pytest.raises(UnsafePayloadError, match=f"{name} is no instruction"):
        load_circuits(naming(name, wrap, version), Budget())


@pytest.mark.parametrize("version", [10, 11, 12])
def test_a_file_of_an_older_version_may_not_name_them_either(version: int) -> None:
    head = struct.pack("!6sBBBBQc1s", b"QISKIT", version, 1, 0, 0, 1, b"p", b"q")
    circuit = struct.pack("!H1cHIIQIQ", 0, b"f", 8, 1, 0, 2, 0, 1) + bytes(8) + b"{}"
    name = b"QuantumVolume"
    record = struct.pack("!HHHIIBHqII", len(name), 0, 1, 0, 0, 0, 0, 0, 0, 0) + name
    number = struct.pack("!1cQ", b"i", 8) + struct.pack("<q", 2000)

    with pytest.raises(UnsafePayloadError, match="QuantumVolume is no instruction"):
        check_qpy(head + circuit + bytes(8) + record + number, Budget())


def test_a_parameter_may_not_stand_for_the_number_of_controls() -> None:
    record = struct.Struct("!HHHIIBHqII")
    raw = naming("MCXGate", alone, 17)
    start = raw.find(b"MCXGate") - record.size
    assert record.unpack_from(raw, start)[2] == 1  # what it was has one

    with pytest.raises(UnsafePayloadError, match="MCXGate with 1 parameters"):
        check_qpy(raw, Budget())


@pytest.mark.parametrize("name", ["WeightedSumGate", "PiecewiseChebyshevGate"])
def test_a_gate_whose_constructor_works_as_long_as_it_is_told_is_refused(name: str) -> None:
    with pytest.raises(UnsafePayloadError, match=name):
        check_qpy(naming(name, alone, 17), Budget())


def test_a_record_is_found_on_both_sides_of_a_window() -> None:
    raw = naming("z_feature_map", alone, VERSIONS[-1])
    place = raw.find(b"z_feature_map") - 33

    for shift in (2**22 - place - 1, 2**22 - place, 2**22 - place + 20):
        head, tail = raw[:place], raw[place:]
        with pytest.raises(UnsafePayloadError, match="z_feature_map"):
            check_qpy(head + bytes(shift) + tail, Budget())


@pytest.mark.parametrize("version", VERSIONS)
def test_a_gate_with_more_controls_than_a_circuit_may_have_qubits_is_refused(version: int) -> None:
    circuit = QuantumCircuit(7)
    circuit.append(MCXGate(6), range(7))

    assert load_circuits(written(circuit, version), Budget(qubits=7)) == [circuit]
    with pytest.raises(UnsafePayloadError, match=r"6 controls|7 qubits"):
        check_qpy(written(circuit, version), Budget(qubits=5))


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(
    "operator", [SparsePauliOp(["XX", "ZZ"]), SparseObservable.from_list([("XX", 1.0)])]
)
def test_a_synthesis_that_is_a_function_is_refused(operator: Any, version: int) -> None:
    if isinstance(operator, SparseObservable) and version < 17:
        pytest.skip("these are written from version 17 on")
    circuit = QuantumCircuit(2)
    circuit.append(PauliEvolutionGate(operator, 1.5, synthesis=LieTrotter()), [0, 1])
    raw = written(circuit, version)
    name = "synth_pauli_network_rustiq"
    old = raw[raw.find(b'{"class"') :]
    size = len(json.dumps(json.JSONDecoder().raw_decode(old.decode("latin-1"))[0]))
    new = json.dumps({"class": name, "settings": {}}).replace("_", "\\u005f")
    evil = raw.replace(old[:size], new.encode().ljust(size))

    assert len(evil) >= len(raw)
    with pytest.raises(UnsafePayloadError, match="no synthesis"):
        check_qpy(evil.replace(struct.pack("!Q", size), struct.pack("!Q", len(new))), Budget())


def test_many_definitions_in_one_another_are_refused_before_they_cost_much() -> None:
    name = b"###PauliEvolutionGate_"
    count, many, zeros = 60, 2**40, 2**18
    head = struct.pack("!H1cII?QIIQ", len(name), b"p", 1, 0, True, many, 0, 0, 0) + name
    head += struct.pack("!Q?1cQQ", many, False, b"f", 0, 0)
    unit = len(head) + 8
    definitions = [head + struct.pack("!Q", (count - 1 - n) * unit) for n in range(count)]
    raw = written(QuantumCircuit(1), 17) + b"".join(definitions) + bytes(zeros)

    with pytest.raises(UnsafePayloadError, match="overlap"):
        check_qpy(raw, Budget())


def everything() -> QuantumCircuit:
    """Return a circuit with one of each kind of instruction that users write."""
    circuit = QuantumCircuit(QuantumRegister(4, "z_feature_map"), name="QuantumVolume")
    circuit.metadata = {"QFT": "random_iqp"}
    circuit.h(0)
    circuit.mcx([0, 1, 2], 3)
    circuit.mcp(0.5, [0, 1], 2)
    circuit.rx(Parameter("QuantumCircuit"), 0)
    circuit.append(UnitaryGate(np.eye(4)), [0, 1])
    circuit.append(Initialize([1, 0]), [0])
    circuit.append(PermutationGate([1, 0]), [0, 1])
    circuit.append(Clifford.from_label("XH"), [0, 1])
    circuit.append(QFTGate(3), [0, 1, 2])
    circuit.append(XGate().control(3, ctrl_state=5), [0, 1, 2, 3])
    circuit.append(Gate("QFT", 2, []), [0, 1])
    for synthesis in (LieTrotter(), SuzukiTrotter(order=2)):
        circuit.append(PauliEvolutionGate(SparsePauliOp(["XX"]), 1.0, synthesis=synthesis), [0, 1])
    own = QuantumCircuit(2, name="Permutation")
    own.cx(0, 1)
    circuit.append(own.to_gate(), [1, 2])
    circuit.append(own.to_gate().control(1), [0, 1, 2])
    circuit.append(own.to_gate().inverse(annotated=True), [1, 2])
    circuit.barrier(label="IQP")
    circuit.delay(100, 0)
    circuit.reset(0)
    circuit.measure_all()
    return circuit


@pytest.mark.parametrize("version", [version for version in VERSIONS if version > 12])
def test_circuits_that_use_the_librarys_names_for_their_own_are_read(version: int) -> None:
    (found,) = load_circuits(written(everything(), version), Budget())

    assert [one.operation.name for one in found.data] == [
        one.operation.name for one in everything().data
    ]


@pytest.mark.parametrize("name", ["QFT", "IQP", "z_feature_map"])
def test_a_gate_of_ones_own_may_have_any_name(name: str) -> None:
    circuit = QuantumCircuit(2)
    own = QuantumCircuit(2, name=name)
    own.cx(0, 1)
    circuit.append(own.to_gate(), [0, 1])

    (found,) = load_circuits(written(circuit, 17), Budget())

    assert [one.operation.name for one in found.data] == [name]
