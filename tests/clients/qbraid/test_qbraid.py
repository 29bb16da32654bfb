"""qBraid's IBM provider, which reads jobs with HTTP code of its own and runs others officially."""

from typing import Any

import pytest
from qiskit import QuantumCircuit, transpile

runtime = pytest.importorskip("qbraid.runtime")
errors = pytest.importorskip("qbraid.runtime.exceptions")
ibm_module = pytest.importorskip("qbraid.runtime.ibm")

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")


@pytest.fixture(scope="module")
def provider(ibm: dict[str, str]) -> Any:
    return ibm_module.QiskitRuntimeProvider(token=ibm["token"], instance=ibm["crn"])


@pytest.fixture(scope="module")
def device(provider: Any) -> Any:
    return provider.get_device("ibm_manila")


@pytest.fixture(scope="module")
def job(device: Any) -> Any:
    """A job that ran."""
    circuit = QuantumCircuit(2)
    circuit.h(0)
    circuit.cx(0, 1)
    circuit.measure_all()
    isa = transpile(circuit, device._backend, seed_transpiler=1)  # noqa: SLF001 - it has no other door
    made = device.submit([isa], shots=64)
    made.result()
    return made


def test_a_device_is_found_and_online(device: Any) -> None:
    assert (device.id, device.num_qubits, device.status().name) == ("ibm_manila", 5, "ONLINE")
    assert device.queue_depth() == 0


def test_a_job_runs_and_is_counted(job: Any) -> None:
    counts = job.result().data.get_counts()

    assert job.status() == runtime.JobStatus.COMPLETED
    assert set(counts) == {"00", "11"}
    assert sum(counts.values()) == 64


def test_a_job_is_read_with_the_providers_own_code(provider: Any, job: Any) -> None:
    found = provider.get_job(job.id)

    assert (found["id"], found["backend"]) == (job.id, "ibm_manila")
    assert found["status"] == "Completed"
    assert found["state"] == {"status": "Completed"}
    assert found["program"] == {"id": "sampler"}
    assert found["usage"]["seconds"] > 0


def test_jobs_are_listed_with_the_providers_own_code(provider: Any, job: Any) -> None:
    job._job.update_tags(["red", "blue"])  # noqa: SLF001 - the provider itself sets none
    created = provider.get_job(job.id)["created"]

    def found(**wanted: Any) -> tuple[list[str], int]:
        page = provider.list_jobs(**wanted)
        return [one["id"] for one in page["jobs"]], page["count"]

    mine: tuple[list[str], int] = ([job.id], 1)
    none: tuple[list[str], int] = ([], 0)
    assert found() == mine
    assert found(tags=["red", "blue"], backend="ibm_manila", program="sampler") == mine
    assert found(pending=False, created_after=created, created_before=created, sort="ASC") == mine
    assert found(pending=True) == none
    assert found(tags=["red", "green"]) == none
    assert found(session_id="nowhere") == none
    assert found(limit=1, offset=1) == ([], 1)


def test_an_unknown_job_is_not_found(provider: Any) -> None:
    with pytest.raises(errors.JobNotFoundError, match="nowhere") as caught:
        provider.get_job("nowhere")

    assert caught.value.error_code == "3250"
    assert caught.value.solution
    assert caught.value.trace


def test_a_wrong_key_is_an_authorization_error(provider: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(provider, "token", "wrong-key")

    with pytest.raises(errors.AuthorizationError) as caught:
        provider.list_jobs()

    assert caught.value.error_code == "BXNIM0415E"
