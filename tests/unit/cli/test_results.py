"""What a result says about each circuit, whoever it was encoded for."""

import json

import numpy as np
import pytest
from qiskit.primitives import BitArray, DataBin, PrimitiveResult, PubResult, SamplerPubResult
from qiskit_ibm_runtime import RuntimeEncoder

from swqr_adapters.cli.comparing import differences
from swqr_adapters.cli.results import Measured, measured_in
from swqr_core.errors import InvalidInputError


def sampled(**shots: list[str]) -> bytes:
    data = DataBin(**{name: BitArray.from_samples(bits) for name, bits in shots.items()})
    return json.dumps(PrimitiveResult([SamplerPubResult(data)]), cls=RuntimeEncoder).encode()


def estimated(*values: float) -> bytes:
    data = DataBin(evs=np.array(values), stds=np.full(len(values), 0.25), shape=(len(values),))
    return json.dumps(PrimitiveResult([PubResult(data)]), cls=RuntimeEncoder).encode()


def test_counts_and_values_for_official_clients_are_read() -> None:
    assert list(measured_in(sampled(c=["0b00", "0b11", "0b11"]))) == [
        Measured(counts={"c": {"00": 1, "11": 2}})
    ]
    assert list(measured_in(estimated(0.5, -1.0))) == [Measured(evs=[0.5, -1.0], stds=[0.25, 0.25])]


def test_plain_counts_and_values_are_read() -> None:
    data = {"c": {"samples": ["0x0", "0x3"], "num_bits": 2}, "evs": [[0.5]], "stds": [[0.1]]}

    assert list(measured_in(json.dumps({"results": [{"data": data}]}).encode())) == [
        Measured(counts={"c": {"00": 1, "11": 1}}, evs=[0.5], stds=[0.1])
    ]


@pytest.mark.parametrize("raw", [b"[1]", b'{"results": [3]}', b"{}"])
def test_what_is_no_primitives_result_says_nothing(raw: bytes) -> None:
    assert list(measured_in(raw)) == []


def test_what_is_no_json_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="no JSON"):
        list(measured_in(b"x"))


def test_distributions_are_as_far_apart_as_their_probabilities() -> None:
    first = [sampled(c=["0b0", "0b0", "0b0", "0b1"]), estimated(0.5, 0.0)]
    second = [sampled(c=["0b0", "0b1"]), estimated(0.25, 0.125)]

    assert [(one.job, one.what, one.distance) for one in differences(first, second)] == [
        (0, "c", 0.25),
        (1, "evs", 0.25),
    ]
