"""What a result says about each circuit, whoever it was encoded for."""

import json
from typing import Any

import numpy as np
import pytest
from qiskit.primitives import BitArray, DataBin, PrimitiveResult, PubResult, SamplerPubResult
from qiskit_ibm_runtime import RuntimeEncoder

from swqr_adapters.cli.comparing import differences
from swqr_adapters.cli.results import Measured, _show, measured_in
from swqr_adapters.codec.tensors import write_tensor
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


def executed(**results: list[list[bool]]) -> bytes:
    tensors = {name: write_tensor(np.array(a), compressed=False) for name, a in results.items()}
    item = {"results": tensors, "metadata": None}
    document = {"schema_version": "v0.1", "data": [item], "metadata": {"chunk_timing": []}}
    return json.dumps(document).encode()


def test_an_executors_registers_are_counted() -> None:
    raw = executed(c=[[True, False], [True, False], [True, True]], d=[[False]] * 3)

    assert list(measured_in(raw)) == [Measured(counts={"c": {"01": 2, "11": 1}, "d": {"0": 3}})]


def test_a_twirled_measurement_is_turned_back() -> None:
    flips: dict[str, Any] = {"measurement_flips.c": [[True, False], [False, False]]}

    (found,) = measured_in(executed(c=[[True, False], [False, False]], **flips))
    assert found == Measured(counts={"c": {"00": 2}})


def test_a_result_without_counts_says_what_to_do() -> None:
    with pytest.raises(InvalidInputError, match=r"neither counts .* --json, or .* --output"):
        _show("some-job", b'{"energy": 1}')


@pytest.mark.parametrize("raw", [b"[1]", b'{"results": [3]}', b"{}"])
def test_what_is_no_primitives_result_says_nothing(raw: bytes) -> None:
    assert list(measured_in(raw)) == []


def test_the_name_of_a_register_does_not_steer_the_terminal(
    capsys: pytest.CaptureFixture[str],
) -> None:
    data = {"\x1b[2Jc": {"samples": ["0x1"], "num_bits": 1}}

    _show("some-job", json.dumps({"results": [{"data": data}]}).encode())

    assert "\x1b" not in capsys.readouterr().out


def test_what_is_no_json_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="no JSON"):
        list(measured_in(b"x"))


@pytest.mark.parametrize(
    "data",
    [
        '{"meas": {"samples": ["0x1"], "num_bits": 1000000000000}}',
        '{"meas": {"samples": ["0x1"], "num_bits": -1}}',
        '{"meas": {"samples": ["zz"], "num_bits": 2}}',
        '{"meas": {"samples": [null], "num_bits": 2}}',
        '{"meas": {"samples": [[]], "num_bits": {}}}',
        '{"evs": [' + "9" * 3000 + "]}",
    ],
    ids=range(6),
)
def test_what_no_primitive_answers_is_refused_at_once(data: str) -> None:
    with pytest.raises(InvalidInputError, match=r"cannot be read .*--output"):
        _show("some-job", f'{{"results": [{{"data": {data}}}]}}'.encode())


def test_what_is_nested_deeply_is_refused_at_once() -> None:
    # Newer Pythons read it, and find nothing to show in it.
    with pytest.raises(InvalidInputError, match=r"--output"):
        _show("some-job", b'{"results": [{"data": {"evs": ' + b"[" * 900 + b"]" * 900 + b"}}]}")


def test_distributions_are_as_far_apart_as_their_probabilities() -> None:
    first = [sampled(c=["0b0", "0b0", "0b0", "0b1"]), estimated(0.5, 0.0)]
    second = [sampled(c=["0b0", "0b1"]), estimated(0.25, 0.125)]

    assert [(one.job, one.what, one.distance) for one in differences(first, second)] == [
        (0, "c", 0.25),
        (1, "evs", 0.25),
    ]
