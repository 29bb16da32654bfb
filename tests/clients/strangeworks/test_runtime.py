"""strangeworks-qiskit-runtime, unmodified: jobs, results, sessions, through both products."""

import threading
from math import pi
from typing import Any

import pytest
from qiskit import QuantumCircuit, transpile
from qiskit.circuit import Parameter
from qiskit.quantum_info import SparsePauliOp
from qiskit_ibm_runtime import EstimatorV2, SamplerV2
from strangeworks_qiskit_runtime import StrangeworksQiskitRuntimeService

try:  # until 0.2.3
    from strangeworks_qiskit_runtime import StrangeworksSession
except ImportError:
    StrangeworksSession = None

BACKEND = "ibm_manila"
CHANNELS = {"ibm-qiskit-runtime": "ibm_cloud", "ibm-quantum": "ibm_quantum"}


def bell() -> QuantumCircuit:
    circuit = QuantumCircuit(2)
    circuit.h(0)
    circuit.cx(0, 1)
    return circuit


@pytest.fixture(scope="module", params=sorted(CHANNELS))
def service(request: pytest.FixtureRequest, sdk: Any) -> Any:
    """The service on a resource of each product."""
    made = StrangeworksQiskitRuntimeService(channel=CHANNELS[request.param])
    assert made.rsc.product.slug == request.param
    return made


@pytest.fixture(scope="module")
def backend(service: Any) -> Any:
    """One object for each service: a second one of the same name cannot be used."""
    return service.backend(BACKEND)


@pytest.fixture(scope="module")
def sampled(backend: Any) -> Any:
    circuit = bell()
    circuit.measure_all()
    return transpile(circuit, backend, seed_transpiler=1)


def test_a_resource_is_found_by_its_slug(sdk: Any, served: Any) -> None:
    service = StrangeworksQiskitRuntimeService(resource_slug=served.resource)

    assert service.rsc.slug == served.resource


def test_backends_are_listed(service: Any) -> None:
    assert BACKEND in [found.name for found in service.backends()]


def test_a_backend_is_described(backend: Any) -> None:
    assert (backend.name, backend.num_qubits) == (BACKEND, 5)
    assert backend.properties().t1(0) > 0
    assert "cx" in backend.target.operation_names
    assert backend.defaults() is None or backend.defaults()


def test_a_sampler_gives_counts(backend: Any, sampled: QuantumCircuit) -> None:
    job = SamplerV2(mode=backend).run([sampled], shots=500)

    counts = job.result()[0].data.meas.get_counts()

    assert sum(counts.values()) == 500
    assert set(counts) == {"00", "11"}
    assert job.status() == "COMPLETED"
    assert job.backend().name == BACKEND


def test_without_shots_there_are_4096(backend: Any, sampled: QuantumCircuit) -> None:
    result = SamplerV2(mode=backend).run([sampled]).result()

    assert result[0].data.meas.num_shots == 4096


def swept(backend: Any, angle: Any) -> QuantumCircuit:
    """Return a circuit in the device's own gates: at the angle 0 it measures 1, at pi 0."""
    circuit = QuantumCircuit(1, 1)
    circuit.sx(0)
    circuit.rz(angle, 0)
    circuit.sx(0)
    circuit.measure(0, 0)
    return transpile(circuit, backend, optimization_level=0)


def test_a_sweep_of_parameters_gives_counts_for_each_point(backend: Any) -> None:
    circuit = swept(backend, Parameter("angle"))

    job = SamplerV2(mode=backend).run([(circuit, [[0.0], [pi]])], shots=50)

    data = job.result()[0].data.c
    assert data.shape == (2,)
    assert [data.get_counts(point) for point in range(2)] == [{"1": 50}, {"0": 50}]


def test_expressions_of_parameters_are_run_or_refused_by_name(
    sdk: Any, service: Any, backend: Any
) -> None:
    circuit = swept(backend, 2 * Parameter("angle"))

    job = SamplerV2(mode=backend).run([(circuit, [[0.0], [pi / 2]])], shots=50)

    if StrangeworksSession is None:
        data = job.result()[0].data.c
        assert [data.get_counts(point) for point in range(2)] == [{"1": 50}, {"0": 50}]
    else:  # it writes them in a binary form whose reader is not safe
        assert ended(job) == "FAILED"
        files = {file.file_name: file.url for file in sdk.jobs(slug=job.job_slug)[0].files}
        (told,) = sdk.download_job_files([files["error.json"]])
        assert "ymengine" in told["error"]["message"]


def test_an_estimator_gives_values(backend: Any) -> None:
    circuit = transpile(bell(), backend, seed_transpiler=1)
    observables = [SparsePauliOp(label).apply_layout(circuit.layout) for label in ("ZZ", "ZI")]

    job = EstimatorV2(mode=backend).run([(circuit, observables)], precision=0.01)

    values = job.result()[0].data.evs
    assert values[0] == pytest.approx(1.0, abs=0.05)
    assert values[1] == pytest.approx(0.0, abs=0.05)


def test_a_wide_device_runs_a_small_circuit(service: Any) -> None:
    backend = service.backend("ibm_brisbane")
    circuit = bell()
    circuit.measure_all()

    result = SamplerV2(mode=backend).run([transpile(circuit, backend)], shots=50).result()

    assert sum(result[0].data.meas.get_counts().values()) == 50


def test_a_device_without_calibration_data_runs_too(service: Any) -> None:
    backend = service.backend("ideal_3")
    circuit = bell()
    circuit.measure_all()

    result = SamplerV2(mode=backend).run([transpile(circuit, backend)], shots=50).result()

    assert set(result[0].data.meas.get_counts()) <= {"00", "11"}


def test_tags_of_a_job_are_found(
    sdk: Any, service: Any, backend: Any, sampled: QuantumCircuit
) -> None:
    sampler = SamplerV2(mode=backend)
    tag = service.rsc.slug
    sampler.options.environment.job_tags = [tag]

    job = sampler.run([sampled])

    assert [found.slug for found in sdk.jobs(tags=[tag])] == [job.job_slug]


def test_jobs_are_listed(
    request: pytest.FixtureRequest, service: Any, backend: Any, sampled: QuantumCircuit
) -> None:
    job = SamplerV2(mode=backend).run([sampled])

    slugs = [found.slug for found in service.jobs()]

    if service.rsc.product.slug == "ibm-qiskit-runtime":
        assert job.job_slug in slugs
        assert service.job(job.job_slug).slug == job.job_slug
    else:
        assert slugs == []  # the client looks in the other product: a mistake of its own


def run(service: Any, backend: Any, pub: list[Any], **options: Any) -> Any:
    """Run a sampler without the client's own look at what it is given."""
    return service._run(  # noqa: SLF001 - what every primitive of the client calls
        program_id="sampler",
        inputs={"pubs": [pub], "version": 2, "support_qiskit": True},
        options={"backend": backend},
        **options,
    )


def ended(job: Any) -> str:
    while job.status() not in {"FAILED", "COMPLETED", "CANCELLED"}:
        threading.Event().wait(0.1)
    return str(job.status())


def test_a_job_is_cancelled(service: Any, backend: Any, sampled: QuantumCircuit) -> None:
    client = service._api_client  # noqa: SLF001 - the newer release has no other way to a session
    session_id = client.create_session(BACKEND, None, 300, service.channel, "dedicated")["id"]
    ended(run(service, backend, ["no circuit", None, 10], session_id=session_id))
    try:  # the session has the device for itself now
        job = SamplerV2(mode=backend).run([sampled])
        before = job.status()
        job.cancel()
        after = job.status()
    finally:
        client.close_session(session_id)

    assert (before, after) == ("QUEUED", "CANCELLED")


def test_a_failed_job_says_why(sdk: Any, service: Any, backend: Any) -> None:
    job = run(service, backend, ["no circuit", None, 10])

    status = ended(job)
    files = {file.file_name: file.url for file in sdk.jobs(slug=job.job_slug)[0].files}
    (told,) = sdk.download_job_files([files["error.json"]])

    assert (status, "job_results.json" in files) == ("FAILED", False)
    assert "OpenQASM" in told["error"]["message"]


@pytest.mark.skipif(StrangeworksSession is None, reason="a part of the package until 0.2.3")
class TestSessions:
    def test_a_session_opens_runs_jobs_and_closes(
        self, service: Any, backend: Any, sampled: QuantumCircuit
    ) -> None:
        client = service._api_client  # noqa: SLF001 - there is no other way to a session's details
        with StrangeworksSession(service, backend, max_time="5m") as session:
            job = SamplerV2(mode=session).run([sampled], shots=100)
            open_details = client.session_details(session.session_id)
            counts = job.result()[0].data.meas.get_counts()
        closed = client.session_details(session.session_id)

        assert job.session_id == session.session_id
        assert (open_details["backend_name"], open_details["mode"]) == (BACKEND, "dedicated")
        assert open_details["max_ttl"] == 300
        assert sum(counts.values()) == 100
        assert (closed["state"], closed["accepting_jobs"]) == ("closed", False)

    def test_a_closed_session_takes_no_jobs(
        self, service: Any, backend: Any, sampled: QuantumCircuit
    ) -> None:
        session = StrangeworksSession(service, backend)
        session.close()

        with pytest.raises(Exception, match="takes no new jobs"):
            run(service, backend, [sampled, None, 10], session_id=session.session_id)
