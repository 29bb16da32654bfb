"""The program ``noise-learner``: what official learners post, and the physics of the answers."""

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from qiskit import QuantumCircuit, transpile
from qiskit.quantum_info import Pauli, SparsePauliOp
from qiskit_ibm_runtime import NoiseLearner, NoiseLearnerV3

from swqr_adapters.codec import encode
from swqr_adapters.codec.errors import PayloadError
from swqr_adapters.codec.official import encode_params
from swqr_adapters.execution.device import Device
from swqr_adapters.execution.errors import ProgramError
from swqr_adapters.execution.noise import superop_to_ptm

samplomatic = pytest.importorskip("samplomatic")

ARRAY = json.loads(encode(np.ones(2)))

# Deprecated by the official client since 0.51; jobs of it still come.
pytestmark = pytest.mark.filterwarnings("ignore:The NoiseLearner class:DeprecationWarning")

Make = Callable[..., Any]


def layered(num_qubits: int = 5) -> QuantumCircuit:
    """Return a circuit with the layers (01)(23), (12), (01)(23)."""
    circuit = QuantumCircuit(num_qubits)
    for _ in range(2):
        circuit.cx(0, 1)
        circuit.cx(3, 2)
        circuit.barrier()
        circuit.cx(1, 2)
        circuit.barrier()
    circuit.cx(0, 1)
    circuit.cx(3, 2)
    return circuit


def boxes(num_qubits: int = 5) -> list[Any]:
    circuit = QuantumCircuit(num_qubits, 2)
    with circuit.box([samplomatic.Twirl()]):
        circuit.cx(1, 0)
    with circuit.box([samplomatic.Twirl()]):
        circuit.measure([2, 0], [0, 1])
    return list(circuit.data)


def maps_of(results: Any) -> list[Any]:
    return [result.to_pauli_lindblad_map() for result in results]


def learn(device: Any, circuits: list[QuantumCircuit], **options: Any) -> Any:
    return NoiseLearner(device, options).run(circuits).result()


def described(layer: Any) -> tuple[list[tuple[str, tuple[int, ...]]], list[int]]:
    gates = [
        (
            step.operation.name,
            tuple(layer.qubits[layer.circuit.find_bit(q).index] for q in step.qubits),
        )
        for step in layer.circuit.data
    ]
    return gates, layer.qubits


def test_layers_come_in_the_order_of_how_often_they_occur(backend: Make) -> None:
    result = learn(backend(), [layered()], twirling_strategy="active")

    assert [described(layer) for layer in result.data] == [
        ([("cx", (0, 1)), ("cx", (3, 2))], [0, 1, 2, 3]),
        ([("cx", (1, 2))], [1, 2]),
    ]


@pytest.mark.parametrize(
    ("strategy", "qubits"),
    [
        ("active", [[0, 1], [1, 2]]),
        ("active-accum", [[0, 1], [0, 1, 2]]),
        ("active-circuit", [[0, 1, 2, 4], [0, 1, 2, 4]]),
        ("all", [[0, 1, 2, 3, 4], [0, 1, 2, 3, 4]]),
    ],
)
def test_the_strategy_says_which_qubits_are_twirled(
    backend: Make, strategy: str, qubits: list[list[int]]
) -> None:
    circuit = QuantumCircuit(5)
    circuit.cx(0, 1)
    circuit.cx(1, 2)
    circuit.barrier()
    circuit.x(4)

    result = learn(backend(), [circuit], twirling_strategy=strategy)

    assert [layer.qubits for layer in result.data] == qubits


@pytest.mark.parametrize(("limit", "count"), [(0, 0), (1, 1), (None, 2)])
def test_no_more_layers_are_learned_than_asked_for(
    backend: Make, limit: int | None, count: int
) -> None:
    result = learn(backend(), [layered()], max_layers_to_learn=limit)

    assert len(result.data) == count


def test_a_device_without_noise_has_no_rates(backend: Make) -> None:
    result = learn(backend(noise=False), [layered()])

    rates = np.concatenate([layer.error.rates for layer in result.data])
    assert len(rates) > 0
    assert not np.any(rates)


def test_generators_are_local_to_the_coupling_of_the_device(backend: Make) -> None:
    result = learn(backend(noise=True), [layered()])

    (layer, _) = result.data
    supports = {tuple(np.flatnonzero(p.x | p.z)) for p in layer.error.generators}
    assert supports == {(0,), (1,), (2,), (3,), (0, 1), (1, 2), (2, 3)}


def test_rates_give_back_the_fidelity_of_every_pauli(backend: Make) -> None:
    device = backend(noise=True)

    (layer,) = learn(device, [two_gates()], twirling_strategy="active").data

    library = Device.from_spec(device.service.device).errors
    assert library is not None
    errors = {pair: library.superop("cx", pair) for pair in ((0, 1), (3, 2))}
    fidelities = {
        pair: np.diag(superop_to_ptm(error)) for pair, error in errors.items() if error is not None
    }
    assert len(fidelities) == 2
    for label in ("IIIX", "IIZI", "IIYZ", "XYII", "ZXYI", "ZZZZ", "YIIX"):
        learned = np.exp(
            -2
            * sum(
                rate
                for generator, rate in zip(layer.error.generators, layer.error.rates, strict=True)
                if generator.anticommutes(Pauli(label))
            )
        )
        expected = 1.0
        for first, second in fidelities:
            index = "IXYZ".index(label[3 - first]) + 4 * "IXYZ".index(label[3 - second])
            expected *= fidelities[first, second][index]
        assert learned == pytest.approx(expected, abs=1e-9)


def two_gates() -> QuantumCircuit:
    circuit = QuantumCircuit(5)
    circuit.cx(0, 1)
    circuit.cx(3, 2)
    return circuit


def test_the_answer_repeats_the_options_with_their_defaults(backend: Make) -> None:
    result = learn(backend(), [layered()], num_randomizations=7)

    assert result.metadata == {
        "backend": "ibmq_manila",
        "input_options": {
            "max_layers_to_learn": 4,
            "shots_per_randomization": 128,
            "num_randomizations": 7,
            "layer_pair_depths": [0, 1, 2, 4, 16, 32],
            "twirling_strategy": "active-accum",
        },
    }


def test_a_result_may_be_sent_back_as_the_noise_model_of_an_estimator(backend: Make) -> None:
    result = learn(backend(noise=True), [layered()])

    params = encode_params("estimator", {"options": {"resilience": {"layer_noise_model": result}}})

    assert b'"LayerError"' in params


def test_layers_of_gates_that_a_program_defines_are_learned(run: Make) -> None:
    text = 'OPENQASM 3.0; include "stdgates.inc"; gate pair a, b { cx a, b; } pair $0, $1;'

    answer = json.loads(run("noise-learner", {"circuits": [text]}).result)

    assert [layer["__value__"]["qubits"] for layer in answer["data"]] == [[0, 1]]


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"circuits": None}, "circuits"),
        ({"circuits": [5]}, "circuit 0"),
        ({"circuits": ["OPENQASM 3.0; nonsense"]}, "circuit 0"),
        ({"more": 1}, "more"),
        ({"version": 1}, "version"),
        ({"version": ARRAY}, "version"),
        ({"options": ARRAY}, "options"),
        ({"options": {"twirling_strategy": ARRAY}}, "twirling_strategy"),
        ({"options": {"nonsense": 1}}, "nonsense"),
        ({"options": {"num_randomizations": 0}}, "num_randomizations"),
        ({"options": {"layer_pair_depths": [-1]}}, "layer_pair_depths"),
        ({"options": {"twirling_strategy": "none"}}, "twirling_strategy"),
        ({"options": {"max_layers_to_learn": -1}}, "max_layers_to_learn"),
        ({"options": {"simulator": {"noise_model": {}}}}, "noise_model"),
    ],
)
def test_an_error_names_what_is_wrong(run: Make, change: dict[str, object], match: str) -> None:
    with pytest.raises((PayloadError, ProgramError), match=match):
        run("noise-learner", {"circuits": [], **change})


def test_the_older_spelling_of_the_program_is_the_same(run: Make) -> None:
    assert json.loads(run("noiselearner", {"circuits": []}).result)["data"] == []


def test_a_gate_that_is_no_clifford_is_refused(run: Make) -> None:
    circuit = QuantumCircuit(2)
    circuit.rzz(0.3, 0, 1)
    simulator = {"name": "sim", "num_qubits": 5}
    params = json.loads(encode_params("noise-learner", {"circuits": [circuit]}))

    with pytest.raises(ProgramError, match="rzz") as caught:
        run("noise-learner", params, device=simulator)

    assert caught.value.code == 1519


def test_control_flow_is_refused(run: Make) -> None:
    circuit = QuantumCircuit(2, 1)
    circuit.measure(0, 0)
    with circuit.if_test((0, 1)):
        circuit.cx(0, 1)
    params = json.loads(encode_params("noise-learner", {"circuits": [circuit]}))

    with pytest.raises(ProgramError, match="if_else") as caught:
        run("noise-learner", params)

    assert caught.value.code == 1522


# --- version 3 ---------------------------------------------------------------------------------


def test_boxes_are_learned_by_the_protocol_of_their_content(backend: Make) -> None:
    results = NoiseLearnerV3(backend(noise=True)).run(boxes()).result()

    protocols = [result.metadata["learning_protocol"] for result in results]
    supports = [
        {tuple(int(i) for i in term.indices) for term in channel.get_qubit_sparse_pauli_list_copy()}
        for channel in maps_of(results)
    ]
    assert protocols == ["lindblad", "trex"]
    assert supports == [{(0,), (1,), (0, 1)}, {(0,), (1,)}]


def test_a_measurement_is_learned_as_flips_with_the_readout_error(backend: Make) -> None:
    device = backend(noise=True)

    channel = maps_of(NoiseLearnerV3(device).run(boxes()).result())[1]

    library = Device.from_spec(device.service.device).errors
    assert library is not None
    expected = [1 - 2 * library.readout_error(qubit) for qubit in (0, 2)]
    assert np.allclose(np.exp(-2 * channel.rates), expected)


def test_boxes_on_a_device_without_noise_have_no_rates(backend: Make) -> None:
    results = NoiseLearnerV3(backend()).run(boxes()).result()

    assert not any(np.any(channel.rates) for channel in maps_of(results))


@pytest.mark.parametrize("version", ["v0.1", "v0.2", "v0.3"])
def test_the_answer_has_the_version_of_the_question(backend: Make, run: Make, version: str) -> None:
    models = pytest.importorskip(
        f"ibm_quantum_schemas.noise_learner_v3.version_{version[1:].replace('.', '_')}"
    )
    params = json.loads(NoiseLearnerV3(backend()).run(boxes()).params)

    answer = run("noise-learner", {**params, "schema_version": version}).result

    result = models.NoiseLearnerV3ResultsModel.model_validate_json(answer)
    assert (result.schema_version, len(result.data)) == (version, 2)


def test_learned_noise_is_what_probabilistic_cancellation_needs(backend: Make) -> None:
    estimators = pytest.importorskip("qiskit_ibm_runtime.executor_estimator")
    if not hasattr(estimators, "Estimator"):
        pytest.skip("probabilistic cancellation came to this estimator later")
    device = backend(noise=True)
    circuit = QuantumCircuit(2)
    circuit.h(0)
    for _ in range(9):
        circuit.cx(0, 1)
        circuit.barrier()
    circuit = transpile(circuit, device, seed_transpiler=1, optimization_level=0)
    pub = (circuit, [SparsePauliOp(p).apply_layout(circuit.layout) for p in ("ZZ", "XX")])
    estimator = estimators.Estimator(device, {"resilience_level": 1})
    plain = estimator.run([pub], precision=0.005).result()[0].data.evs
    estimator.options.resilience.pec_mitigation = True
    layers = estimator.find_unique_layers([pub], types="gates")
    maps = maps_of(NoiseLearnerV3(device).run(layers).result())
    estimator.options.resilience.layer_noise_model = list(zip(layers, maps, strict=True))

    data = estimator.run([pub], precision=0.005).result()[0].data

    assert np.all(plain < 0.93)
    assert np.all(abs(data.evs - 1) < 3 * data.stds)


@pytest.mark.parametrize(
    ("build", "match"),
    [
        (lambda c: c.x(0), "no box"),
        (lambda c: box(c, lambda: (c.cx(0, 1), c.cx(1, 2))), "more than one layer"),
        (lambda c: box(c, lambda: c.rzz(0.3, 0, 1)), "no Clifford"),
        (lambda c: box(c, lambda: (c.measure(0, 0), c.noop(1))), "measure each"),
    ],
)
def test_a_box_that_cannot_be_learned_is_named(
    run: Make, build: Callable[[Any], Any], match: str
) -> None:
    schemas = pytest.importorskip("ibm_quantum_schemas.common")
    circuit = QuantumCircuit(5, 2)
    build(circuit)
    blob = schemas.QpyModelV13ToV17.from_quantum_circuit(circuit, qpy_version=17).model_dump()
    params = {"schema_version": "v0.3", "instructions": blob, "options": {}}

    with pytest.raises(ProgramError, match=f"Instruction 0.*{match}"):
        run("noise-learner", params)


@pytest.mark.parametrize("group", ["post_selection", "bit_flip_checks"])
def test_options_of_the_wrong_kind_are_named(backend: Make, run: Make, group: str) -> None:
    params = json.loads(NoiseLearnerV3(backend()).run(boxes()).params)
    params["options"][group] = 5

    with pytest.raises(PayloadError, match=group):
        run("noise-learner", params)


def test_shots_that_a_check_would_drop_are_all_kept(backend: Make, run: Make) -> None:
    params = json.loads(NoiseLearnerV3(backend()).run(boxes()).params)
    params["schema_version"] = "v0.3"
    params["options"].update(post_selection={"enable": True}, layer_pair_depths=[1])

    answer = json.loads(run("noise-learner", params).result)

    assert [item["metadata"]["post_selection"] for item in answer["data"]] == [
        {"fraction_kept": {"1": 1.0}, "success_rates": {"1": {"0": 1.0, "1": 1.0}}},
        {"fraction_kept": 1.0, "success_rates": {"0": 1.0, "2": 1.0}},
    ]


def box(circuit: QuantumCircuit, fill: Callable[[], Any]) -> None:
    with circuit.box([samplomatic.Twirl()]):
        fill()
