"""Programs for Strangeworks, with the documented classes, on a real cloud."""

from typing import Any

import pytest
from qiskit.providers import JobStatus
from qiskit.quantum_info import SparsePauliOp
from qiskit_ibm_runtime.exceptions import (
    RuntimeInvalidStateError,
    RuntimeJobFailureError,
    RuntimeJobMaxTimeoutError,
)

from swqr_adapters.facade import Batch, EstimatorV2, SamplerV2
from swqr_adapters.facade.strangeworks import (
    StrangeworksQiskitRuntimeService,
    StrangeworksRuntimeClient,
    StrangeworksRuntimeJob,
    StrangeworksSession,
)

pytestmark = [
    pytest.mark.filterwarnings("ignore:The SamplerV2 class:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:The EstimatorV2 class:DeprecationWarning"),
]

SECONDS = 60.0


@pytest.fixture(scope="module")
def sw(service: Any) -> StrangeworksQiskitRuntimeService:
    return StrangeworksQiskitRuntimeService(runtime=service.runtime)


@pytest.fixture
def held(slow: Any) -> StrangeworksQiskitRuntimeService:
    """A service on whose cloud nothing ends."""
    return StrangeworksQiskitRuntimeService(runtime=slow.runtime)


def params(circuit: Any, shots: int = 16) -> dict[str, Any]:
    return {"pubs": [(circuit, None, shots)], "version": 2, "support_qiskit": True}


def test_a_sampler_runs_in_a_session(sw: Any, bell: Any) -> None:
    with StrangeworksSession(sw, "ideal_5", "10m") as session:
        job = SamplerV2(mode=session).run([bell], shots=100)
        counts = job.result(timeout=SECONDS)[0].data.meas.get_counts()

    assert sum(counts.values()) == 100
    assert set(counts) <= {"00", "11"}
    assert type(job) is StrangeworksRuntimeJob
    assert (job.session_id, job.status()) == (session.session_id, JobStatus.DONE)
    assert session.status() == "Closed"
    assert [found.job_slug for found in sw.jobs(session_id=session.session_id)] == [job.job_slug]


def test_an_estimator_runs_in_a_batch(sw: Any, pair: Any) -> None:
    observable = SparsePauliOp("ZZ").apply_layout(pair.layout)

    with Batch(sw.backend("ideal_5")) as batch:
        job = EstimatorV2(mode=batch).run([(pair, observable)])

    assert job.result(timeout=SECONDS)[0].data.evs == pytest.approx(1.0)
    assert job.session_id == batch.session_id


@pytest.mark.executor_family
def test_a_client_side_sampler_runs_too(sw: Any, bell: Any) -> None:
    from qiskit_ibm_runtime.executor_sampler import Sampler

    job = Sampler(mode=sw.backend("ideal_5")).run([bell], shots=8)

    assert sum(job.result(timeout=SECONDS)[0].data.meas.get_counts().values()) == 8


def test_a_job_is_found_again_by_its_slug_alone(sw: Any, bell: Any) -> None:
    slug = sw.run("sampler", params(bell), {"backend": "ideal_5", "job_tags": ["again"]}).job_slug

    job = StrangeworksRuntimeJob(slug, sw)

    assert job.result(timeout=SECONDS)[0].data.meas.num_shots == 16
    assert (job.tags, job.backend(), job.backend().num_qubits) == (["again"], "ideal_5", 5)
    assert job.inputs["pubs"][0][2] == 16
    assert [found.job_slug for found in sw.jobs(job_tags=["again"])] == [slug]


def test_a_wait_ends_in_time_and_the_job_can_be_cancelled_once(held: Any, bell: Any) -> None:
    job = held.run("sampler", params(bell), {"backend": "ideal_5"})

    with pytest.raises(RuntimeJobMaxTimeoutError, match=job.job_slug):
        job.result(timeout=0.05)
    assert job.cancel() is None
    with pytest.raises(RuntimeJobFailureError, match="cancelled"):
        job.result(timeout=SECONDS)
    with pytest.raises(RuntimeInvalidStateError, match="already ended"):
        job.cancel()


def test_a_failed_job_says_why(sw: Any) -> None:
    job = sw.run("sampler", {"pubs": "none", "version": 2}, {"backend": "ideal_5"})

    with pytest.raises(RuntimeJobFailureError, match=f"{job.job_slug}.*pubs"):
        job.result(timeout=SECONDS)

    assert "pubs" in job.error_message()


def test_the_low_level_client_sees_the_same_jobs(sw: Any, bell: Any) -> None:
    client = StrangeworksRuntimeClient("ibm_cloud", runtime=sw.runtime)
    session = client.create_session("ideal_5", max_time="5m")

    job = client.program_run("sampler", "ideal_5", params(bell), None, None, session["id"])

    assert sw.job(job["slug"]).result(timeout=SECONDS)[0].data.meas.num_shots == 16
    assert [one["id"] for one in client.jobs_get(session_id=session["id"])["jobs"]] == [job["id"]]
    client.close_session(session["id"])
    assert StrangeworksSession.from_id(session["id"], sw).status() == "Closed"
