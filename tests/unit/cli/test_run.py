"""``swqr run``: a circuit from a file."""

import io
from collections.abc import Callable
from pathlib import Path

import pytest
from qiskit import QuantumCircuit, qpy

from .conftest import CLOUD, Shown

Swqr = Callable[..., Shown]
QASM3 = (
    'OPENQASM 3.0;\ninclude "stdgates.inc";\nqubit[2] q;\nbit[2] c;\n'
    "x q[0];\ncx q[0], q[1];\nc = measure q;\n"
)
QASM2 = (
    'OPENQASM 2.0;\ninclude "qelib1.inc";\nqreg q[2];\ncreg c[2];\n'
    "x q[0];\ncx q[0],q[1];\nmeasure q -> c;\n"
)


@pytest.mark.parametrize("text", [QASM2, QASM3])
def test_the_counts_of_an_openqasm_file_are_shown(swqr: Swqr, tmp_path: Path, text: str) -> None:
    file = tmp_path / "circuit.qasm"
    file.write_text(text)
    shown = swqr(
        "run", str(file), "-p", CLOUD, "--backend", "ideal_3", "--shots", "50", "--seed", "1"
    )

    assert (shown.code, shown.err) == (0, "")
    assert shown.out.splitlines()[0].endswith("on ideal_3")
    assert shown.out.splitlines()[2].split()[:2] == ["11", "50"]


def test_a_circuit_is_taken_from_standard_input(
    swqr: Swqr, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(QASM3.encode())))
    shown = swqr("run", "-", "-p", CLOUD, "--backend", "ideal_3", "--shots", "5", "--json")

    assert shown.json["counts"] == {"11": 5}


def test_a_qpy_file_runs_on_the_backend_that_is_free_and_fits(swqr: Swqr, tmp_path: Path) -> None:
    circuit = QuantumCircuit(3)
    circuit.x(1)
    circuit.measure_all()
    file = tmp_path / "circuit.qpy"
    with file.open("wb") as out:
        qpy.dump(circuit, out, version=13)
    shown = swqr("run", str(file), "-p", CLOUD, "--shots", "20", "--json").json

    assert (shown["backend"], shown["counts"]) == ("ideal_3", {"010": 20})


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"OPENQASM 3.0;\nqubit q;\n", "measures nothing"),
        (b"QISKIT\x00 is not this", "cannot be read"),
        (b"\xff\xfe", "cannot be read"),
        (b"OPENQASM 3.0;\nnonsense", "line 2:8"),
    ],
)
def test_what_is_no_circuit_is_told(swqr: Swqr, tmp_path: Path, content: bytes, says: str) -> None:
    file = tmp_path / "circuit"
    file.write_bytes(content)
    shown = swqr("run", str(file), "-p", CLOUD)

    assert shown.code == 6
    assert says in shown.err
    assert shown.err.count("\n") == 1


def test_a_backend_that_is_not_there_has_its_own_code(swqr: Swqr, tmp_path: Path) -> None:
    file = tmp_path / "circuit.qasm"
    file.write_text(QASM3)

    assert swqr("run", str(file), "-p", CLOUD, "--backend", "ibm_nowhere").code == 4
