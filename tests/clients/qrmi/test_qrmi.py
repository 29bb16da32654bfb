"""A strictly typed client: QRMI takes no document that is almost right."""

import json
import time
from collections.abc import Callable
from typing import Any

import pytest

qrmi = pytest.importorskip("qrmi")

SAMPLED = """OPENQASM 3.0;
include "stdgates.inc";
gate pair a, b { rz(pi/2) a; sx a; rz(pi/2) a; cx a, b; }
bit[2] meas;
pair $0, $1;
meas[0] = measure $0;
meas[1] = measure $1;
"""
ESTIMATED = """OPENQASM 3.0;
include "stdgates.inc";
x $0;
cx $0, $1;
"""


def payload(program: str, *pub: Any, **options: Any) -> Any:
    params = {"pubs": [pub], "version": 2, "support_qiskit": False, "options": options}
    return qrmi.Payload.QiskitPrimitive(input=json.dumps(params), program_id=program)


def ended(resource: Any, task: str) -> Any:
    """Poll a task to its end, as the package's own task runner does."""
    for _ in range(600):
        status = resource.task_status(task)
        if status not in {qrmi.TaskStatus.Queued, qrmi.TaskStatus.Running}:
            return status
        time.sleep(0.05)  # noqa: TID251 - a server in another process tells nobody
    raise AssertionError("the task did not end within 30 s")


def result(resource: Any, *given: Any, **options: Any) -> Any:
    task = resource.task_start(payload(*given, **options))
    assert ended(resource, task) == qrmi.TaskStatus.Completed
    return json.loads(resource.task_result(task).value)


def test_a_session_is_acquired_used_and_released(
    resource: Callable[..., Any], look: Callable[[str], Any]
) -> None:
    device = resource(SESSION_MODE="dedicated", SESSION_MAX_TTL="3600")

    acquired = device.acquire()
    device = resource(SESSION_ID=acquired)
    found = result(device, "sampler", SAMPLED, None, 100)
    device.release(acquired)

    samples = found["results"][0]["data"]["meas"]["samples"]
    assert set(samples) == {"0x0", "0x3"}
    assert len(samples) == 100
    session = next(one for one in look("sessions") if one["id"] == acquired)
    assert (session["mode"], session["max_ttl"], session["state"]) == ("dedicated", 3600, "closed")
    assert [job["session_id"] for job in look("jobs")][-1] == acquired


def test_an_acquired_session_is_acquired_again(resource: Callable[..., Any]) -> None:
    first = resource(SESSION_MODE="batch").acquire()

    again = resource(SESSION_MODE="batch", SESSION_ID=first).acquire()

    assert again == first


def test_a_device_tells_its_status_and_target(resource: Callable[..., Any]) -> None:
    device = resource()

    target = json.loads(device.target().value)

    assert target["configuration"]["backend_name"] == "ibm_manila"
    assert target["properties"]["backend_name"] == "ibm_manila"
    assert device.status().status == qrmi.ResourceStatusCode.Online
    assert device.status().pending_job_count in {0, None}  # the older kind does not tell


def test_an_estimator_task_runs(resource: Callable[..., Any]) -> None:
    found = result(resource(), "estimator", ESTIMATED, {"ZZ": 1.0, "ZI": 0.5}, None, 0.05)

    assert found["results"][0]["data"]["evs"] == pytest.approx(0.5, abs=0.2)


def test_a_noise_learner_task_runs_under_its_older_name(resource: Callable[..., Any]) -> None:
    params = {"circuits": [ESTIMATED], "version": 2, "options": {"max_layers_to_learn": 1}}
    device = resource()
    given = qrmi.Payload.QiskitPrimitive(input=json.dumps(params), program_id="noiselearner")

    task = device.task_start(given)

    assert ended(device, task) == qrmi.TaskStatus.Completed
    assert device.task_result(task).value


def test_a_task_that_fails_is_told_as_failed(resource: Callable[..., Any]) -> None:
    device = resource()

    task = device.task_start(payload("sampler", SAMPLED.replace("cx", "swap"), None, 10))

    assert ended(device, task) == qrmi.TaskStatus.Failed
    with pytest.raises(qrmi.TaskNotReadyError, match="Failed"):
        device.task_result(task)


def test_a_task_that_ended_may_be_stopped_and_its_log_read(resource: Callable[..., Any]) -> None:
    device = resource()
    task = device.task_start(payload("sampler", SAMPLED, None, 10))
    ended(device, task)

    device.task_stop(task)

    assert device.task_status(task) == qrmi.TaskStatus.Completed
    assert "ibm_manila" in device.task_logs(task)


def test_an_unknown_task_is_an_error_that_names_it(resource: Callable[..., Any]) -> None:
    device = resource()

    with pytest.raises(qrmi.QrmiError, match="nowhere"):
        device.task_status("nowhere")


def test_somebody_elses_instance_opens_no_session(resource: Callable[..., Any]) -> None:
    device = resource(SERVICE_CRN="crn:v1:bluemix:public:quantum-computing:us-east:a/x:y::")

    with pytest.raises(qrmi.QrmiError, match="1279"):
        device.acquire()


def test_devices_are_found_by_what_they_are(environment: dict[str, str], kind: str) -> None:
    kinds = qrmi.ResourceType
    chosen = kinds.IBMQuantumComputeService if kind == "QCS" else kinds.IBMQiskitRuntimeService
    provider = qrmi.ResourceProvider(chosen, environment)

    found = [one.resource_id() for one in provider.resources("num_qubits=150&status=online")]

    assert "ibm_fez" in found
    assert "ibm_manila" not in found
