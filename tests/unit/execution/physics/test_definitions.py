"""OpenQASM 3 programs that define gates of their own, on physical qubits."""

from collections.abc import Callable
from typing import Any

import pytest
from qiskit import QuantumCircuit, qasm3, transpile
from qiskit.circuit import Gate
from qiskit.circuit.library import XGate

from swqr_adapters.execution.definitions import expand_definitions
from swqr_adapters.execution.device import Device
from swqr_adapters.execution.errors import ProgramError

HEAD = 'OPENQASM 3.0;\ninclude "stdgates.inc";\n'
TWICE = """
gate flip(t) a { rz(t) a; x a; rz(-t) a; }
gate copy a, b { flip(0.5) a; cx a, b; }
bit[2] meas;
copy $1, $2;
meas[0] = measure $1;
meas[1] = measure $2;
"""
INSIDE = """
gate flip a { sx a; sx a; }
bit[2] c;
flip $3;
c[0] = measure $3;
if (c[0]) { flip $1; }
c[1] = measure $1;
"""
REDEFINED = """
gate dcx a, b { x a; }
bit[2] c;
dcx $0, $1;
c[0] = measure $0;
c[1] = measure $1;
"""


@pytest.mark.parametrize("name", ["ibm_manila", "ideal_5"])
@pytest.mark.parametrize(("body", "register"), [(TWICE, "meas"), (INSIDE, "c")])
def test_self_defined_gates_run_on_physical_qubits(
    name: str, body: str, register: str, result: Callable[..., Any]
) -> None:
    found = result("sampler", name, [[HEAD + body, None, 50]], spec={"noise": False})

    assert found[0].data[register].get_counts() == {"11": 50}


def test_a_definition_counts_more_than_a_well_known_name(result: Callable[..., Any]) -> None:
    found = result("sampler", "ideal_2", [[HEAD + REDEFINED, None, 50]])

    assert found[0].data.c.get_counts() == {"01": 50}


def test_an_estimator_takes_them_too(result: Callable[..., Any]) -> None:
    text = f"{HEAD}gate flip a {{ sx a; sx a; }}\nflip $0;\ncx $0, $1;\n"

    found = result(
        "estimator", "ibm_manila", [[text, {"ZZ": 1.0, "ZI": 1.0}]], spec={"noise": False}
    )

    assert found[0].data.evs == pytest.approx(0.0, abs=0.05)


def test_what_the_exporter_writes_of_a_devices_own_gate_is_that_gate(
    device: Callable[..., Device], result: Callable[..., Any]
) -> None:
    circuit = QuantumCircuit(2)
    circuit.x(0)
    circuit.cx(0, 1)
    circuit.measure_all()
    target = device("ibm_sherbrooke").target
    text = qasm3.dumps(transpile(circuit, target=target, seed_transpiler=1))
    assert "gate ecr" in text

    found = result("sampler", "ibm_sherbrooke", [[text, None, 50]], spec={"noise": False})

    assert found[0].data.meas.get_counts() == {"11": 50}


def test_what_stands_for_a_gate_that_the_device_lacks_is_refused(
    outcome: Callable[..., Any],
) -> None:
    text = f"{HEAD}gate mine a {{ h a; }}\nbit c;\nmine $0;\nc = measure $0;\n"

    found = outcome("sampler", "ibm_manila", [[text, None, 50]])

    assert found.reason_code == 1517
    assert "h on qubits [0]" in found.reason


@pytest.mark.parametrize(("levels", "repeats", "code"), [(40, 2, 1520), (150, 1, 1506)])
def test_gates_that_stand_for_too_much_are_refused(
    levels: int, repeats: int, code: int, device: Callable[..., Device]
) -> None:
    gate: Gate = XGate()
    for level in range(levels):
        definition = QuantumCircuit(1)
        for _ in range(repeats):
            definition.append(gate, [0], copy=False)
        gate = Gate(f"g{level}", 1, [])
        gate.definition = definition
    given = QuantumCircuit(1)
    given.append(gate, [0], copy=False)

    with pytest.raises(ProgramError) as caught:
        expand_definitions(given, device("ibm_manila"), "pub 0")

    assert caught.value.code == code


@pytest.mark.parametrize(
    "body",
    ["{0} a; {0} a;", "for int i in [0:1] {{ {0} a; {0} a; }}", "inv @ {0} a; pow(2) @ {0} a;"],
)
def test_definitions_that_double_each_other_are_refused_unwritten(
    body: str, outcome: Callable[..., Any]
) -> None:
    lines = ["gate g0 a { x a; }"]
    lines += [f"gate g{level} a {{ {body.format(f'g{level - 1}')} }}" for level in range(1, 41)]
    text = HEAD + "\n".join(lines) + "\ng40 $0;\n"

    found = outcome("sampler", "ibm_manila", [[text, None, 50]])

    assert found.reason_code == 1520
    assert "pub 0 defines" in found.reason
