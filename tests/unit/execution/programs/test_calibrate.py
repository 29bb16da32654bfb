"""The program ``calibrate``."""

import json
from collections.abc import Callable
from typing import Any

import pytest
import qiskit_ibm_runtime

from swqr_adapters.codec.official import decode_result
from swqr_adapters.execution.errors import ProgramError


def test_a_calibration_is_done_at_once_and_costs_nothing(run: Callable[..., Any]) -> None:
    schemas = pytest.importorskip("ibm_quantum_schemas.calibrator.version_0_1")

    answer = run("calibrate", {"schema_version": "v0.1", "options": {"experimental": {}}})

    result = schemas.CalibratorResultModel.model_validate_json(answer.result)
    assert (result.stop >= result.start, answer.quantum_seconds) == (True, 0.0)


def test_the_official_client_reads_the_answer(run: Callable[..., Any]) -> None:
    if not hasattr(qiskit_ibm_runtime, "Calibrator"):
        pytest.skip("this release has no Calibrator")

    answer = run("calibrate", {"schema_version": "v0.1", "options": {}})

    assert isinstance(
        decode_result("calibrate", answer.result), qiskit_ibm_runtime.results.CalibratorResult
    )


def test_without_a_schema_version_the_first_one_is_meant(run: Callable[..., Any]) -> None:
    answer = run("calibrate", {"options": {}})

    assert json.loads(answer.result)["schema_version"] == "v0.1"


@pytest.mark.parametrize("params", [[], {"schema_version": None}, {"schema_version": "v7"}])
def test_an_unknown_schema_version_is_refused(run: Callable[..., Any], params: object) -> None:
    with pytest.raises(ProgramError, match="schema_version"):
        run("calibrate", json.loads(json.dumps(params)))
