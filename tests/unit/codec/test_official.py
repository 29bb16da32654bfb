"""Results and inputs as the official client shows them, whatever its release."""

import json
from typing import Any

import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.circuit import Parameter
from qiskit.primitives import BitArray, DataBin, PrimitiveResult, PubResult, SamplerPubResult
from qiskit.primitives.containers.sampler_pub import SamplerPub
from qiskit.quantum_info import PauliList
from qiskit_ibm_runtime import RuntimeDecoder, RuntimeEncoder, RuntimeJobV2

from swqr_adapters.codec import (
    Budget,
    MalformedPayloadError,
    UnsafePayloadError,
    decode,
    encode,
    values,
)
from swqr_adapters.codec.official import (
    SafeRuntimeDecoder,
    decode_inputs,
    decode_result,
    encode_params,
    result_decoder_for,
)
from swqr_adapters.codec.tensors import write_tensor
from swqr_core.errors import InvalidInputError

SAMPLED = PrimitiveResult([SamplerPubResult(DataBin(c=BitArray.from_samples([0, 3], 2)))])
EVIL = {
    "__type__": "settings",
    "__module__": "qiskit.quantum_info.operators.operator",
    "__class__": "QuantumCircuit",
    "__value__": {},
}


def executor_document(version: str = "v0.1", **more: Any) -> dict[str, Any]:
    tensor = write_tensor(np.ones((2, 1), bool), compressed=version >= "v2")
    data = [{"results": {"c": tensor}, "metadata": None if version == "v0.1" else {}}]
    return {
        "schema_version": version,
        "data": data,
        "metadata": {"chunk_timing": []},
        **more,
    }


class Client:
    """Answers what a finished job asks for."""

    def __init__(self, result: str) -> None:
        self.result = result

    def job_get(self, job_id: str, **options: Any) -> dict[str, Any]:
        return {"state": {"status": "Completed"}, "status": "Completed"}

    def job_results(self, job_id: str) -> str:
        return self.result


def job(program_id: str, result: str) -> Any:
    return RuntimeJobV2(
        backend=None,
        api_client=Client(result),
        job_id="j",
        program_id=program_id,
        service=None,
        result_decoder=result_decoder_for(program_id),
    )


def test_a_sampler_job_with_our_decoder_has_its_result() -> None:
    result = job("sampler", encode(SAMPLED).decode()).result()

    assert result[0].data.c.get_counts() == {"00": 1, "11": 1}


def test_a_noise_learner_job_with_our_decoder_has_its_layers() -> None:
    circuit = QuantumCircuit(2)
    circuit.cx(0, 1)
    error = values.PauliLindbladError(PauliList(["XX"]), np.array([0.5]))
    layer = values.LayerError(circuit, [3, 4], error)

    found = job("noise-learner", encode({"data": [layer], "metadata": {}}).decode()).result()

    assert (found.data[0].qubits, found.data[0].error.rates.tolist()) == ([3, 4], [0.5])


def test_the_older_form_of_a_layer_is_read() -> None:
    layer = [
        {"circuit": QuantumCircuit(1), "qubits": [5]},
        {"generators": PauliList(["X"]), "rates": [0.25]},
    ]
    text = json.dumps({"data": [layer], "metadata": {}}, cls=RuntimeEncoder)

    found = decode_result("noise-learner", text)

    assert (found.data[0].qubits, found.data[0].error.rates.tolist()) == ([5], [0.25])


@pytest.mark.parametrize("version", ["v0.1", "v0.2"])
def test_an_executor_job_with_our_decoder_has_its_data(version: str) -> None:
    found = job("executor", json.dumps(executor_document(version))).result()

    assert found[0]["c"].tolist() == [[True], [True]]


def test_a_version_3_noise_learner_job_with_our_decoder_has_its_maps() -> None:
    document = {
        "schema_version": "v0.1",
        "data": [
            {
                "generators_sparse": [[["XX", [0, 1]]]],
                "num_qubits": 2,
                "rates": write_tensor(np.array([0.5]), compressed=False),
                "rates_std": write_tensor(np.array([0.0]), compressed=False),
                "metadata": {
                    "learning_protocol": "lindblad",
                    "post_selection": {"fraction_kept": {"0": 1.0}},
                },
            }
        ],
    }

    found = job("noise-learner", json.dumps(document)).result()

    assert len(found) == 1


def test_a_result_of_an_unknown_program_is_what_its_document_holds() -> None:
    assert decode_result("mine", '{"a": {"__type__": "complex", "__value__": [1, 2]}}') == {
        "a": 1 + 2j
    }


@pytest.mark.parametrize("program_id", ["sampler", "estimator"])
def test_a_result_without_qiskits_types_is_a_dictionary(program_id: str) -> None:
    plain = {"results": [{"data": {"evs": 0.5}, "metadata": {}}], "metadata": {"version": 2}}

    assert decode_result(program_id, encode(plain)) == plain


def test_a_result_that_is_no_json_is_its_text() -> None:
    assert decode_result("mine", "Traceback: no") == "Traceback: no"


@pytest.mark.parametrize(
    ("program_id", "value"),
    [
        ("sampler", QuantumCircuit(1)),
        ("sampler", {"results": 7}),
        ("estimator", PubResult(DataBin())),
        ("executor", [1]),
        ("executor", {"data": []}),
        ("noise-learner", [1]),
        ("noise-learner", {"data": [1], "metadata": {}}),
    ],
)
def test_a_result_of_another_kind_than_its_program_gives_is_malformed(
    program_id: str, value: object
) -> None:
    with pytest.raises(MalformedPayloadError):
        decode_result(program_id, encode(value))


@pytest.mark.parametrize(
    "program_id", ["sampler", "estimator", "executor", "noise-learner", "mine"]
)
def test_a_result_may_not_name_a_class(program_id: str) -> None:
    documents: dict[str, Any] = {
        "executor": executor_document("v0.2", passthrough_data=[EVIL]),
        "noise-learner": {"data": [EVIL], "metadata": {}},
    }

    with pytest.raises(UnsafePayloadError):
        decode_result(program_id, json.dumps(documents.get(program_id, EVIL)))


@pytest.mark.parametrize("compressed", [False, True])
def test_a_tensor_over_the_budget_is_refused_uninflated(compressed: bool) -> None:
    document = executor_document("v2.0" if compressed else "v1.0")
    document["data"][0]["results"]["c"] = write_tensor(np.zeros(2**21, "f8"), compressed=compressed)

    with pytest.raises(UnsafePayloadError, match="send less"):
        decode_result("executor", json.dumps(document), budget=Budget(inflated=2**20))


@pytest.mark.parametrize(
    "change",
    [
        {"shape": [3, 1], "dtype": "f64"},
        {"shape": [-1]},
        {"shape": "x"},
        {"shape": [2**70]},
        {"dtype": "object"},
        {"dtype": 5},
        {"data": "!"},
    ],
)
def test_a_tensor_that_does_not_fit_its_data_is_malformed(change: dict[str, object]) -> None:
    document = executor_document()
    document["data"][0]["results"]["c"].update(change)

    with pytest.raises(MalformedPayloadError, match=r"\$\.data\[0\]\.results\.c"):
        decode_result("executor", json.dumps(document))


def test_inputs_come_back_as_the_official_client_shows_them() -> None:
    circuit = QuantumCircuit(1, 1)
    circuit.rx(Parameter("a"), 0)
    circuit.measure(0, 0)
    inputs = {"pubs": [SamplerPub.coerce((circuit, [[0.1], [0.2]], 50))], "version": 2}

    found = decode_inputs("sampler", encode_params("sampler", inputs))

    (pub,) = found["pubs"]
    assert (pub[0], pub[1].tolist(), pub[2]) == (circuit, [[0.1], [0.2]], 50)


def test_a_job_document_is_decoded_with_its_parameters() -> None:
    document = {"id": "j", "program": {"id": "sampler"}, "params": {"pubs": [QuantumCircuit(1)]}}

    found = json.loads(encode(document), cls=SafeRuntimeDecoder)

    assert found["params"]["pubs"] == [QuantumCircuit(1)]


def test_inputs_of_a_schema_program_are_checked_before_a_model_reads_them() -> None:
    params = {
        "schema_version": "v2.0",
        "quantum_program": {"items": [{"x": write_tensor(np.zeros(2**21), compressed=True)}]},
    }

    with pytest.raises(UnsafePayloadError, match=r"quantum_program\.items\[0\]\.x"):
        decode_inputs("executor", json.dumps(params), budget=Budget(inflated=2**20))


def test_inputs_that_nobody_can_encode_are_named() -> None:
    with pytest.raises(InvalidInputError, match="inputs of mine"):
        encode_params("mine", {"a": object()})


def test_many_pubs_over_one_circuit_are_encoded_with_one_circuit() -> None:
    circuit = QuantumCircuit(1, 1)
    circuit.measure(0, 0)
    inputs = {"pubs": [SamplerPub.coerce((circuit,)) for _ in range(20)]}

    text = encode_params("sampler", inputs)

    expected = json.loads(json.dumps(inputs, cls=RuntimeEncoder), cls=RuntimeDecoder)
    assert [pub[0] for pub in decode(text)["pubs"]] == [pub[0] for pub in expected["pubs"]]
    assert len({json.dumps(pub[0]) for pub in json.loads(text)["pubs"]}) == 1


@pytest.mark.parametrize("text", ["", "{", "nothing"])
def test_a_sampler_result_that_is_no_json_is_malformed(text: str) -> None:
    with pytest.raises(MalformedPayloadError, match="not JSON"):
        decode_result("sampler", text)


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("5", 5),
        ("-0.5", -0.5),
        ("true", True),
        ("null", None),
        ("true story", "true story"),
        ("Traceback (most recent call last):", "Traceback (most recent call last):"),
    ],
)
def test_what_is_json_is_read_and_other_text_stays_text(text: str, result: object) -> None:
    assert decode_result("other", text) == result
