"""Sampler jobs as the official client sends and reads them."""

import json
import math
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from qiskit import ClassicalRegister, QuantumCircuit, QuantumRegister
from qiskit.circuit import Parameter
from qiskit.primitives import DataBin

from swqr_core.ports.executor import ExecutionOutcome, ExecutionStatus

Outcome = Callable[..., ExecutionOutcome]
Result = Callable[..., Any]
NONE = np.zeros(0)
ARRAY = np.array([1, 2])


def bell(width: int = 2) -> QuantumCircuit:
    circuit = QuantumCircuit(width, 2, metadata={"who": "me"})
    circuit.h(0)
    circuit.cx(0, 1)
    circuit.measure([0, 1], [0, 1])
    return circuit


def swept() -> QuantumCircuit:
    bits = ClassicalRegister(2, "c"), ClassicalRegister(9, "d")
    circuit = QuantumCircuit(QuantumRegister(2), *bits)
    circuit.rx(Parameter("a"), 0)
    circuit.ry(Parameter("b"), 1)
    circuit.measure([0, 1], [1, 10])
    return circuit


def test_a_bell_job_gives_equal_bits(result: Result) -> None:
    found = result("sampler", "ideal_2", [[bell(), NONE, 1000]])

    counts = found[0].data.c.get_counts()
    assert set(counts) == {"00", "11"}
    assert sum(counts.values()) == 1000


def test_the_metadata_are_the_services(result: Result) -> None:
    found = result("sampler", "ideal_2", [[bell(), NONE, 100], [bell(), NONE, 7]])

    spans = found.metadata["execution"]["execution_spans"]
    assert found.metadata["version"] == 2
    assert found[0].metadata == {"circuit_metadata": {"who": "me"}}
    assert spans.pub_idxs == [0, 1]
    assert spans[0].mask(0).shape == (100,)
    assert spans[0].mask(1).all()


def test_a_sweep_has_its_shape_in_every_register(result: Result) -> None:
    values = np.array([[[0, 0], [np.pi, 0], [0, np.pi]]] * 2)

    found = result("sampler", "ideal_2", [[swept(), values, 10]])

    data = found[0].data
    assert data.shape == data.c.shape == data.d.shape == (2, 3)
    assert [data.c[1, i].get_counts() for i in range(3)] == [{"00": 10}, {"10": 10}, {"00": 10}]
    assert [data.d[1, i].get_int_counts() for i in range(3)] == [{0: 10}, {0: 10}, {256: 10}]
    assert found.metadata["execution"]["execution_spans"][0].mask(0).shape == (2, 3, 10)


@pytest.mark.parametrize(
    "values",
    [
        [np.pi, 0.0],
        {"a": np.pi, "b": 0.0},
        {"b": [0.0], "a": np.pi},
        np.array([np.pi, 0.0]),
        np.array([3, 0]) * np.pi / 3,
    ],
)
def test_values_come_in_many_forms(values: Any, result: Result) -> None:
    data = result("sampler", "ideal_2", [[swept(), values, 10]])[0].data

    assert data.c.get_counts() == {"10": 10}


def test_shots_come_from_the_pub_then_the_job_then_the_options(result: Result) -> None:
    pubs = [[bell(), NONE, 5], [bell()], bell()]

    by_job = result("sampler", "ideal_2", pubs, shots=6, options={"default_shots": 7})
    by_option = result("sampler", "ideal_2", pubs, options={"default_shots": 7})
    by_twirling = result(
        "sampler",
        "ideal_2",
        pubs,
        options={
            "default_shots": 7,
            "twirling": {
                "enable_gates": True,
                "num_randomizations": 3,
                "shots_per_randomization": 4,
            },
        },
    )
    by_nothing = result("sampler", "ideal_2", pubs)

    shots = [
        [pub.data.c.num_shots for pub in r] for r in (by_job, by_option, by_twirling, by_nothing)
    ]
    assert shots == [[5, 6, 6], [5, 7, 7], [5, 12, 12], [5, 4096, 4096]]


def test_a_twirled_job_tells_its_randomizations(result: Result) -> None:
    options = {"twirling": {"enable_gates": True, "enable_measure": True}}

    found = result("sampler", "ideal_2", [[swept(), np.zeros((3, 2)), 1000]], options=options)

    span = found.metadata["execution"]["execution_spans"][0]
    assert found[0].metadata["num_randomizations"] == 16
    assert type(span).__name__ == "TwirledSliceSpanV2"
    assert span.mask(0).shape == (3, 1000)
    assert span.mask(0).all()


def test_a_twirled_noisy_job_has_about_the_same_errors(result: Result) -> None:
    circuit = QuantumCircuit(5, 2)
    circuit.x(0)
    for _ in range(10):
        circuit.cx(0, 1)
    circuit.measure([0, 1], [0, 1])
    plain, twirled = (
        result("sampler", "ibm_manila", [[circuit, NONE, 20_000]], options=options)[0].data.c
        for options in ({}, {"twirling": {"enable_gates": True}})
    )

    right = [bits.get_counts()["01"] / 20_000 for bits in (plain, twirled)]
    assert right[0] == pytest.approx(right[1], abs=0.03)
    assert right[0] < 0.95


@pytest.mark.parametrize(("form", "shape"), [("kerneled", (2, 30, 9)), ("avg_kerneled", (2, 9))])
def test_unclassified_measurements_are_complex_arrays(
    form: str, shape: tuple[int, ...], result: Result
) -> None:
    values = np.array([[0, 0], [0, np.pi]])

    found = result(
        "sampler", "ideal_2", [[swept(), values, 30]], options={"execution": {"meas_type": form}}
    )

    levels = found[0].data.d
    assert levels.dtype == complex
    assert levels.shape == shape
    assert levels.reshape(2, -1, 9)[0, :, 8].mean().real == pytest.approx(-1, abs=0.2)
    assert levels.reshape(2, -1, 9)[1, :, 8].mean().real == pytest.approx(1, abs=0.2)


def test_a_circuit_without_measurements_gives_empty_data(result: Result) -> None:
    circuit = QuantumCircuit(1)
    circuit.h(0)

    found = result("sampler", "ideal_1", [[circuit]])

    assert list(found[0].data) == []


def test_without_qiskit_the_result_is_plain_json(result: Result) -> None:
    found = result("sampler", "ideal_2", [[swept(), [[np.pi, 0], [0, 0]], 2]], support_qiskit=False)

    assert found["results"][0]["data"]["c"] == {
        "samples": [["0x2", "0x2"], ["0x0", "0x0"]],
        "num_bits": 2,
    }
    assert found["results"][0]["metadata"] == {"circuit_metadata": {}}


QASM = """OPENQASM 3.0;
include "stdgates.inc";
bit[2] c;
qubit[2] q;
x q[0];
c[0] = measure q[0];
if (c[0]) { x q[1]; }
c[1] = measure q[1];
"""


def test_openqasm_three_runs(result: Result) -> None:
    found = result("sampler", "ideal_2", [[QASM, None, 10]])

    assert found[0].data.c.get_counts() == {"11": 10}


def test_a_seed_in_the_options_comes_before_the_jobs(result: Result) -> None:
    options = {"simulator": {"seed_simulator": 42}}
    pubs = [[bell(), NONE, 64]]

    runs = [
        result("sampler", "ideal_2", pubs, seed=seed, options=own)[0].data.c.array.tolist()
        for seed, own in ((1, options), (2, options), (1, {}), (2, {}))
    ]

    assert runs[0] == runs[1]
    assert runs[2] != runs[3]
    assert runs[0] != runs[2]


def test_equal_pubs_of_one_job_have_shots_of_their_own(result: Result) -> None:
    found = result("sampler", "ideal_2", [[bell(), NONE, 64]] * 2)

    assert found[0].data.c.array.tolist() != found[1].data.c.array.tolist()


def test_metrics_tell_what_ran(outcome: Outcome) -> None:
    found = outcome("sampler", "ideal_5", [[bell(5), NONE, 100]])

    assert found.metrics["num_circuits"] == 1
    assert found.metrics["num_qubits"] == [2]
    assert found.metrics["circuit_depths"] == [3]
    assert found.metrics["executions"] == 100
    assert found.quantum_seconds > 2.0


@pytest.mark.parametrize(
    ("program", "pub"), [("sampler", [bell(), NONE, 10]), ("estimator", [QuantumCircuit(1), "Z"])]
)
def test_what_was_asked_for_and_is_not_done_is_said_in_the_log(
    program: str, pub: Any, outcome: Outcome
) -> None:
    options = {"execution": {"init_qubits": False}, "simulator": {"coupling_map": [[0, 1]]}}
    found = outcome(program, "ideal_2", [pub], options=options)
    silent = outcome(program, "ideal_2", [pub], options={"execution": {"init_qubits": True}})

    assert found.status is ExecutionStatus.COMPLETED
    assert "init_qubits is taken as true" in found.logs
    assert "simulator.coupling_map is left out" in found.logs
    assert "init_qubits" not in silent.logs


def test_a_fixed_duration_is_the_jobs(outcome: Outcome) -> None:
    found = outcome("sampler", "ideal_2", [[bell(), NONE, 10]], spec={"job_seconds": 12.5})

    assert found.quantum_seconds == 12.5


def test_what_would_take_longer_than_there_are_dates_is_left_to_the_time_limit(
    outcome: Outcome,
) -> None:
    options = {"execution": {"rep_delay": 1e300}}
    found = outcome("sampler", "ideal_2", [[bell(), NONE, 10]], options=options)

    assert found.status is ExecutionStatus.COMPLETED
    assert found.quantum_seconds >= 1e301


def test_a_duration_beyond_all_numbers_is_the_largest_one(outcome: Outcome) -> None:
    options = {"execution": {"rep_delay": 1e308}}
    found = outcome("sampler", "ideal_2", [[bell(), NONE, 1000]], options=options)

    assert found.status is ExecutionStatus.COMPLETED
    assert math.isfinite(found.quantum_seconds)


def named(register: str) -> QuantumCircuit:
    circuit = QuantumCircuit(QuantumRegister(1), ClassicalRegister(1, register))
    circuit.measure(0, 0)
    return circuit


def test_every_name_that_qiskits_results_do_not_take_is_refused_before_the_job_runs(
    outcome: Outcome,
) -> None:
    for name in DataBin._RESTRICTED_NAMES:  # noqa: SLF001  # Qiskit tells them nowhere else
        found = outcome("sampler", "ideal_1", [[named(name), NONE, 10]])
        plain = outcome("sampler", "ideal_1", [[named(name), NONE, 10]], support_qiskit=False)

        assert found.reason_code == 1002
        assert plain.status is ExecutionStatus.COMPLETED


ISA = QuantumCircuit(5, 1)
ISA.sx(0)
LOOP = QuantumCircuit(1, 1)
with LOOP.for_loop(range(10**9)):
    LOOP.x(0)
UNBOUND = QuantumCircuit(1, 1)
UNBOUND.rx(Parameter("angle"), 0)


@pytest.mark.parametrize(
    ("name", "pub", "code", "says"),
    [
        ("ibm_manila", [bell(6), NONE, 10], 1517, "6 qubits, but ibm_manila has 5"),
        ("ibm_manila", [bell(5), NONE, 10], 1517, r"h on qubits \[0\]"),
        ("ideal_1", [LOOP, NONE, 10], 1520, "1000000001 operations"),
        ("ideal_1", [UNBOUND, NONE, 10], 1002, "angle"),
        ("ideal_2", [swept(), [1.0, 2.0, 3.0], 10], 1002, r"shape \(3,\)"),
        ("ideal_2", [swept(), {"a": 1.0}, 10], 1002, "without values: b"),
        ("ideal_2", [swept(), {"a": 1.0, "z": 1.0}, 10], 1002, "'z'"),
        ("ideal_2", [swept(), ["x", "y"], 10], 1002, "real numbers"),
        ("ideal_1", [UNBOUND, np.array([np.nan]), 10], 1002, "'angle' of pub 0 is nan"),
        ("ideal_1", [UNBOUND, np.array([np.inf]), 10], 1002, "inf"),
        ("ideal_2", [bell(), 0.3, 10], 1002, r"shape \(\), but its circuit has 0 parameters"),
        ("ideal_1", [named("shape"), NONE, 10], 1002, "register 'shape' of pub 0"),
        ("ideal_1", [named("items"), NONE, 10], 1002, "register 'items' of pub 0"),
        ("ideal_2", [bell(), NONE, 0], 6001, "shots of pub 0 are 0"),
        ("ideal_2", [bell(), NONE, -3], 6001, "-3"),
        ("ideal_2", [bell(), NONE, 1.5], 6001, "1.5"),
        ("ideal_2", [bell(), NONE, 10_000_001], 1520, "10000001 executions"),
        ("ideal_2", [bell(), NONE, 10, 5], 1002, "4 entries"),
        ("ideal_2", [], 1002, "0 entries"),
        ("ideal_2", [7], 1603, "int"),
        ("ideal_2", ["UUlTS0lU"], 1603, "OpenQASM"),
        ("ideal_2", ["OPENQASM 3.0;\nqubit q;\nnonsense q;"], 1506, "cannot be parsed"),
    ],
)
def test_bad_input_fails_with_a_code_and_a_sentence(
    name: str, pub: list[Any], code: int, says: str, outcome: Outcome
) -> None:
    found = outcome("sampler", name, [pub])

    assert found.reason_code == code
    assert re.search(says, found.reason or "")
    assert found.reason_solution


def test_kerneled_results_that_no_answer_holds_are_refused_before_the_job_runs(
    outcome: Outcome,
) -> None:
    circuit = QuantumCircuit(1, 200)
    options = {"execution": {"meas_type": "kerneled"}}
    found = outcome("sampler", "ideal_1", [[circuit, NONE, 1_000_000]], options=options)

    assert found.reason_code == 1520
    assert "3200000000 bytes" in (found.reason or "")


def fractional() -> QuantumCircuit:
    circuit = QuantumCircuit(2, 1)
    circuit.rzz(0.3, 0, 1)
    circuit.measure(0, 0)
    return circuit


def test_fractional_gates_are_not_twirled(outcome: Outcome) -> None:
    options = {"twirling": {"enable_gates": True}}

    found = outcome("sampler", "ibm_fractional", [[fractional(), NONE, 10]], options=options)

    assert found.reason_code == 1519
    assert "rzz" in (found.reason or "")


@pytest.mark.parametrize("wrapped", ["box", "if_else"])
def test_fractional_gates_inside_others_are_not_twirled(wrapped: str, outcome: Outcome) -> None:
    circuit = QuantumCircuit(2, 1)
    block = circuit.box() if wrapped == "box" else circuit.if_test((circuit.clbits[0], 0))
    with block:
        circuit.rzz(0.3, 0, 1)
    options = {"twirling": {"enable_gates": True}}

    found = outcome("sampler", "ibm_fractional", [[circuit, NONE, 10]], options=options)
    untwirled = outcome("sampler", "ibm_fractional", [[circuit, NONE, 10]])

    assert found.reason_code == 1519
    assert untwirled.reason_code is None


def test_fractional_gates_run_without_twirling(outcome: Outcome) -> None:
    found = outcome("sampler", "ibm_fractional", [[fractional(), NONE, 10]])

    assert found.reason_code is None


@pytest.mark.parametrize(
    "statements",
    [
        "qubit[2000000000] q;",
        "qubit /* of many */ [0x7fff_ffff] q;",
        "qubit[50000 * 40000] q;",
        "qubit[9000] a; qubit[9000] b;",
        "qreg q[10001];",
        "bit[2000000000] c;",
        "creg c[1000001];",
        "x $3000000;",
        f"qubit[{'9' * 5000}] q;",
        "pragma /*\nqubit[2000000000] q;\n// */",
    ],
)
def test_a_short_text_that_declares_too_much_is_refused_unread(
    statements: str, outcome: Outcome
) -> None:
    text = f'OPENQASM 3.0; include "stdgates.inc"; {statements}'

    found = outcome("sampler", "ideal_2", [[text, NONE, 10]])

    assert found.reason_code == 1520
    assert "declares more than" in (found.reason or "")


@pytest.mark.parametrize("declaration", ["qubit[1 + 1] q;", "qubit[1_0/5] q;", "qreg q[0b10];"])
def test_sizes_may_be_written_in_any_way(declaration: str, outcome: Outcome) -> None:
    text = f"OPENQASM 3.0; {declaration} bit[1] c; c[0] = measure q[1]; // qubit of 2"

    found = outcome("sampler", "ideal_2", [[text, NONE, 10]])

    assert found.reason is None


def test_a_program_that_breaks_the_grammar_is_told_so(outcome: Outcome) -> None:
    found = outcome("sampler", "ideal_2", [["OPENQASM 3.0; zork", NONE, 10]])

    assert (found.reason or "").endswith("cannot be parsed: a syntax error")


@pytest.mark.parametrize(
    ("params", "code", "says"),
    [
        ({"options": {"default_shot": 1}}, 1521, "options.default_shot"),
        ({"options": {"twirling": {"enable": True}}}, 1521, "options.twirling.enable"),
        ({"options": {"default_shots": 0}}, 1521, "default_shots"),
        ({"options": {"execution": {"meas_type": "raw"}}}, 1521, "meas_type"),
        ({"options": {"resilience_level": 1}}, 1521, "resilience_level"),
        ({"options": []}, 1521, "options"),
        ({"shots": 0}, 6001, "shots of the job"),
        ({"version": 1}, 1002, "[Vv]ersion 1"),
        ({"precision": 0.1}, 1002, "precision"),
        ({"version": ARRAY}, 1002, "[Vv]ersion array"),
        ({"support_qiskit": ARRAY}, 1002, "support_qiskit is array"),
        ({"support_qiskit": "false"}, 1002, "support_qiskit is 'false'"),
        ({"options": {"simulator": {"seed_simulator": ARRAY}}}, 1521, "seed_simulator"),
        ({"options": {"simulator": {"noise_model": ARRAY}}}, 1521, "noise_model"),
        ({"options": {"execution": {"meas_type": ARRAY}}}, 1521, "meas_type"),
        ({"options": {"execution": {"rep_delay": ARRAY}}}, 1521, "rep_delay"),
        ({"options": {"execution": {"init_qubits": "no"}}}, 1521, "init_qubits"),
    ],
)
def test_bad_parameters_fail_with_a_code_and_a_sentence(
    params: dict[str, Any], code: int, says: str, outcome: Outcome
) -> None:
    found = outcome("sampler", "ideal_2", [[bell(), NONE]], **params)

    assert found.reason_code == code
    assert re.search(says, found.reason or "")


@pytest.mark.parametrize("pubs", [[], None, 5])
def test_a_job_without_pubs_fails(pubs: Any, outcome: Outcome) -> None:
    found = outcome("sampler", "ideal_2", pubs)

    assert found.reason_code in {1002, 6003}


def test_a_gate_that_the_device_has_elsewhere_is_refused(outcome: Outcome) -> None:
    circuit = QuantumCircuit(5, 1)
    circuit.cx(0, 4)

    found = outcome("sampler", "ibm_manila", [[circuit, NONE, 10]])

    assert found.reason_code == 1517
    assert "cx on qubits [0, 4]" in (found.reason or "")


def test_a_gate_inside_control_flow_is_checked_on_its_real_qubits(outcome: Outcome) -> None:
    circuit = QuantumCircuit(5, 1)
    circuit.measure(3, 0)
    with circuit.if_test((circuit.clbits[0], 1)):
        circuit.cx(2, 4)

    found = outcome("sampler", "ibm_manila", [[circuit, NONE, 10]])

    assert "cx on qubits [2, 4]" in (found.reason or "")


def test_the_result_is_valid_json(outcome: Outcome) -> None:
    found = outcome("sampler", "ideal_2", [[bell(), NONE, 3]])

    assert json.loads(found.result)["__type__"] == "PrimitiveResult"
