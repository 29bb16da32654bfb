"""Estimator jobs as the official client sends and reads them."""

import json
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.circuit import Parameter
from qiskit.circuit.library import efficient_su2
from qiskit.quantum_info import Pauli, SparsePauliOp, Statevector

from swqr_core.ports.executor import ExecutionOutcome

Outcome = Callable[..., ExecutionOutcome]
Result = Callable[..., Any]
NONE = np.zeros(0)


def bell() -> QuantumCircuit:
    circuit = QuantumCircuit(2, metadata={"who": "me"})
    circuit.h(0)
    circuit.cx(0, 1)
    return circuit


def turned() -> QuantumCircuit:
    circuit = QuantumCircuit(2)
    circuit.ry(Parameter("angle"), 0)
    circuit.x(1)
    return circuit


def chain() -> QuantumCircuit:
    """Return an entangled circuit in manila's gates."""
    circuit = QuantumCircuit(5)
    circuit.sx(0)
    for qubit in range(4):
        circuit.cx(qubit, qubit + 1)
        circuit.rz(0.4, qubit + 1)
        circuit.sx(qubit + 1)
    return circuit


@pytest.mark.parametrize(
    ("observable", "value"),
    [
        ("ZZ", 1.0),
        ("YY", -1.0),
        ({"ZZ": 0.5, "XX": 2.0, "II": -1.0}, 1.5),
        (SparsePauliOp(["ZZ", "XI"], [3.0, 1.0]), 3.0),
        (Pauli("-XX"), -1.0),
        ("00", 0.5),
        ("01", 0.0),
        ({"+-": 1.0, "rl": 4.0}, 2.0),
    ],
)
def test_observables_come_in_many_forms(observable: Any, value: float, result: Result) -> None:
    found = result("estimator", "ideal_2", [[bell(), observable, NONE, 0.0]])

    assert float(found[0].data.evs) == pytest.approx(value, abs=1e-12)
    assert float(found[0].data.stds) == 0.0


def test_exact_values_of_a_sweep_are_those_of_the_state(result: Result) -> None:
    circuit = efficient_su2(4, reps=1)
    values = np.random.default_rng(1).random((6, circuit.num_parameters))
    operator = SparsePauliOp(["ZZII", "XIXI", "IIYY"], [1.0, -0.5, 0.25])
    exact = [
        Statevector(circuit.assign_parameters(row)).expectation_value(operator).real
        for row in values
    ]

    found = result("estimator", "ideal_4", [[circuit, dict(operator.to_list()), values, 0]])

    np.testing.assert_allclose(found[0].data.evs, exact, atol=1e-12)


def test_observables_broadcast_against_the_sweep(result: Result) -> None:
    angles = np.linspace(0, 3, 4)[:, np.newaxis]
    observables = [["IZ"], ["IX"], [{"ZI": 2.0}]]

    found = result("estimator", "ideal_2", [[turned(), observables, angles, 0]])

    expected = [np.cos(angles[:, 0]), np.sin(angles[:, 0]), np.full(4, -2.0)]
    assert found[0].data.evs.shape == (3, 4)
    np.testing.assert_allclose(found[0].data.evs, expected, atol=1e-12)


def test_observables_pair_with_the_points_of_equal_shape(result: Result) -> None:
    angles = np.array([[0.3], [0.6], [0.9]])

    found = result("estimator", "ideal_2", [[turned(), ["IZ", "IX", "ZI"], angles, 0]])

    np.testing.assert_allclose(found[0].data.evs, [np.cos(0.3), np.sin(0.6), -1], atol=1e-12)


def test_a_value_is_one_draw_with_the_error_of_its_shots(result: Result) -> None:
    angles = np.full((2000, 1), 1.0)

    data = result("estimator", "ideal_2", [[turned(), "IZ", angles, 0.1]])[0].data

    sigma = np.sqrt(1 - np.cos(1.0) ** 2) / 10
    np.testing.assert_allclose(data.stds, sigma)
    np.testing.assert_array_equal(data.ensemble_standard_error, data.stds)
    assert data.evs.mean() == pytest.approx(np.cos(1.0), abs=5 * sigma / np.sqrt(2000))
    assert data.evs.std() == pytest.approx(sigma, rel=0.08)


def test_shots_follow_from_the_precision(result: Result) -> None:
    pubs = [[bell(), "XI"], [bell(), "XI", NONE, 0.1]]

    default = result("estimator", "ideal_2", pubs)
    by_job = result("estimator", "ideal_2", pubs, precision=0.5)
    by_shots = result("estimator", "ideal_2", pubs, options={"default_shots": 300})

    shots = [[pub.metadata["shots"] for pub in r] for r in (default, by_job, by_shots)]
    assert shots == [[4096, 100], [4, 100], [300, 100]]
    assert by_shots[0].data.stds == pytest.approx(1 / np.sqrt(300))


def test_the_metadata_are_the_services(result: Result) -> None:
    found = result("estimator", "ideal_2", [[bell(), "ZZ"]])

    assert found[0].metadata == {
        "shots": 4096,
        "target_precision": 0.015625,
        "circuit_metadata": {"who": "me"},
        "resilience": {},
        "num_randomizations": 32,
    }
    assert found.metadata["version"] == 2
    assert found.metadata["resilience"] == {
        "measure_mitigation": True,
        "zne_mitigation": False,
        "pec_mitigation": False,
    }
    assert found.metadata["twirling"]["enable_measure"] is True
    assert found.metadata["dynamical_decoupling"]["enable"] is False


def noisy(result: Result, observable: str = "YZZXZ", **params: Any) -> Any:
    return result("estimator", "ibm_manila", [[chain(), observable, NONE, 1e-4]], **params)


def ideal(observable: str = "YZZXZ") -> float:
    return float(Statevector(chain()).expectation_value(SparsePauliOp(observable)).real)


def test_every_mitigation_comes_nearer_to_the_ideal_value(result: Result) -> None:
    cancelled = {"resilience": {"pec_mitigation": True}}
    amplified = {"resilience": {"zne": {"amplifier": "pea"}}}
    away = [
        abs(float(noisy(result, **params)[0].data.evs) - ideal())
        for params in (
            {"resilience_level": 0},
            {"resilience_level": 1},
            {"resilience_level": 2},
            {"resilience_level": 2, "options": amplified},
            {"resilience_level": 1, "options": cancelled},
        )
    ]

    assert away[0] > away[1] > 2 * max(away[2:])


def test_measurement_mitigation_undoes_exactly_the_readout(result: Result) -> None:
    circuit = QuantumCircuit(5)  # nothing happens: only the readout errs

    plain, mitigated = (
        result("estimator", "ibm_manila", [[circuit, "IIIZZ", NONE, 0]], resilience_level=level)
        for level in (0, 1)
    )

    assert float(plain[0].data.evs) == pytest.approx((1 - 2 * 0.0353) * (1 - 2 * 0.0219))
    assert float(mitigated[0].data.evs) == pytest.approx(1.0)


def test_mitigation_widens_the_error_bars(result: Result) -> None:
    cancelled = {"resilience": {"pec_mitigation": True}}
    stds = [
        float(noisy(result, resilience_level=level, options=options)[0].data.stds)
        for level, options in ((0, {}), (1, {}), (1, cancelled), (2, {}))
    ]

    assert stds[0] < stds[1] < stds[2]
    assert stds[1] < stds[3]


def test_folding_really_adds_noise(result: Result) -> None:
    options = {"resilience": {"zne": {"noise_factors": [1, 1.5, 2, 3, 5]}}}

    data = noisy(result, resilience_level=2, options=options)[0].data

    assert (np.diff(np.abs(data.evs_noise_factors)) < 0).all()


def test_extrapolation_has_its_fields_and_shapes(result: Result) -> None:
    circuit = turned()
    options = {
        "resilience": {
            "zne": {
                "noise_factors": [1, 2, 3, 4],
                "extrapolator": ["exponential", "polynomial_degree_2", "double_exponential"],
                "extrapolated_noise_factors": [0, 0.5],
            }
        }
    }

    found = result(
        "estimator",
        "ideal_2",
        [[circuit, [["IZ"], ["ZI"]], np.ones((5, 1)), 0.01]],
        resilience_level=2,
        options=options,
    )

    data = found[0].data
    assert "ensemble_standard_error" not in list(data)
    assert data.evs.shape == data.stds.shape == (2, 5)
    assert data.evs_noise_factors.shape == data.stds_noise_factors.shape == (2, 5, 4)
    assert data.ensemble_stds_noise_factors.shape == (2, 5, 4)
    assert data.evs_extrapolated.shape == data.stds_extrapolated.shape == (2, 5, 3, 2)
    assert found.metadata["resilience"]["zne"]["noise_factors"] == [1, 2, 3, 4]
    assert np.array(found[0].metadata["resilience"]["zne"]["extrapolator"]).shape == (2, 5)
    assert np.abs(data.evs[0] - np.cos(1)).max() < 0.2


def test_gate_twirling_keeps_the_size_of_the_errors(result: Result) -> None:
    plain, twirled = (
        float(noisy(result, resilience_level=0, options=options)[0].data.evs)
        for options in ({}, {"twirling": {"enable_gates": True}})
    )

    assert plain == pytest.approx(twirled, abs=0.02)


def test_without_qiskit_the_result_is_plain_json(result: Result) -> None:
    found = result("estimator", "ideal_2", [[bell(), ["ZZ", "XX"], NONE, 0]], support_qiskit=False)

    assert found["results"][0]["data"]["evs"] == pytest.approx([1.0, 1.0])
    assert found["results"][0]["metadata"]["circuit_metadata"] == {"who": "me"}


def test_the_result_is_of_the_class_that_the_service_sends(outcome: Outcome) -> None:
    document = json.loads(outcome("estimator", "ideal_2", [[bell(), "ZZ"]]).result)

    assert document["__value__"]["pub_results"][0]["__type__"] == "PubResult"


def test_a_seed_in_the_options_comes_before_the_jobs(result: Result) -> None:
    pubs = [[bell(), "XI"]]
    runs = [
        float(result("estimator", "ideal_2", pubs, seed=seed, options=options)[0].data.evs)
        for seed, options in (
            (1, {"seed_estimator": 9}),
            (2, {"seed_estimator": 9}),
            (1, {"simulator": {"seed_simulator": 9}}),
            (1, {}),
            (2, {}),
        )
    ]

    assert runs[0] == runs[1] == runs[2]
    assert len(set(runs[2:])) == 3


MEASURED = QuantumCircuit(2, 1)
MEASURED.measure(0, 0)
STEERED = QuantumCircuit(2, 1)
with STEERED.if_test((STEERED.clbits[0], 1)):
    STEERED.x(0)


@pytest.mark.parametrize(
    "options",
    [
        {"twirling": {"enable_gates": True}},
        {"resilience": {"pec_mitigation": True}},
        {"resilience": {"zne_mitigation": True, "zne": {"amplifier": "pea"}}},
    ],
)
def test_fractional_gates_are_not_twirled(options: dict[str, Any], outcome: Outcome) -> None:
    circuit = QuantumCircuit(2)
    circuit.rzz(0.3, 0, 1)

    found = outcome("estimator", "ibm_fractional", [[circuit, "ZZ"]], options=options)

    assert found.reason_code == 1519
    assert "rzz" in (found.reason or "")


@pytest.mark.parametrize(
    ("pub", "code", "says"),
    [
        ([bell(), "ZZZ"], 1501, "3 letters.*2 qubits"),
        ([bell(), {"Z": 1.0}], 1501, "1 letters"),
        ([bell(), "ZQ"], 1002, "'Q'"),
        ([bell(), {"ZZ": 1j}], 1002, "Hermitian|ZZ"),
        ([bell(), {"ZZ": float("nan")}], 1002, "nan"),
        ([bell(), 5], 1002, "int"),
        ([bell(), [["ZZ"], "ZZ"]], 1002, "unevenly"),
        ([turned(), ["ZZ", "XX"], np.zeros((3, 1))], 1002, "broadcast"),
        ([turned(), "ZZ"], 1002, "angle"),
        ([bell(), "ZZ", NONE, -0.1], 1002, "-0.1"),
        ([bell(), "ZZ", NONE, float("nan")], 1002, "nan"),
        ([bell()], 1002, "1 entries"),
        ([MEASURED, "ZZ"], 1522, "measure"),
        ([STEERED, "ZZ"], 1522, "if_else"),
        (["OPENQASM 3.0; nonsense;", "ZZ"], 1506, "parsed"),
    ],
)
def test_bad_input_fails_with_a_code_and_a_sentence(
    pub: list[Any], code: int, says: str, outcome: Outcome
) -> None:
    found = outcome("estimator", "ideal_2", [pub])

    assert found.reason_code == code
    assert re.search(says, found.reason or "")
    assert found.reason_solution


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({"resilience_level": 3}, 1521),
        (
            {
                "options": {"resilience": {"zne": {"noise_factors": [0.5, 1]}}},
                "resilience_level": 2,
            },
            1521,
        ),
        (
            {"options": {"resilience": {"zne": {"extrapolator": "cubic"}}}, "resilience_level": 2},
            1521,
        ),
        (
            {
                "options": {"resilience": {"zne": {"extrapolator": "polynomial_degree_5"}}},
                "resilience_level": 2,
            },
            1521,
        ),
        ({"options": {"resilience": {"zne_mitigation": True, "pec_mitigation": True}}}, 1521),
        ({"options": {"unknown": 1}}, 1521),
        ({"options": {"execution": {"meas_type": "kerneled"}}}, 1521),
        (
            {"options": {"resilience": {"zne": {"extrapolator": 5}}}, "resilience_level": 2},
            1521,
        ),
        (
            {
                "options": {"resilience": {"zne": {"noise_factors": [1, 1e9]}}},
                "resilience_level": 2,
            },
            1520,
        ),
        ({"precision": -1}, 1002),
        ({"precision": 1e-200}, 1002),
        ({"precision": 1e308}, 1002),
        ({"options": {"default_precision": 1e-200}}, 1002),
        ({"shots": 0}, 6001),
        ({"shots": np.array([1, 2])}, 6001),
        ({"options": {"resilience": {"pec_mitigation": True, "pec": {"max_overhead": 0}}}}, 1521),
        (
            {"options": {"resilience": {"zne": {"extrapolator": [np.ones(2)]}}}}
            | {"resilience_level": 2},
            1521,
        ),
        (
            {
                "options": {
                    "resilience": {"measure_noise_learning": {"shots_per_randomization": -1}}
                }
            },
            1521,
        ),
    ],
)
def test_bad_options_fail_with_a_code(params: dict[str, Any], code: int, outcome: Outcome) -> None:
    assert outcome("estimator", "ideal_2", [[bell(), "ZZ"]], **params).reason_code == code


def test_a_gate_that_the_device_lacks_is_refused(outcome: Outcome) -> None:
    circuit = QuantumCircuit(5)
    circuit.h(2)

    found = outcome("estimator", "ibm_manila", [[circuit, "ZZZZZ"]])

    assert found.reason_code == 1517
    assert "h on qubits [2]" in (found.reason or "")
