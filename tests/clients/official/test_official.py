"""What an ordinary program of the official client does, from its start to its last job."""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest
from qiskit import QuantumCircuit, transpile
from qiskit.quantum_info import SparsePauliOp
from qiskit_ibm_runtime import (
    Batch,
    EstimatorV2,
    QiskitRuntimeService,
    SamplerV2,
    Session,
)
from qiskit_ibm_runtime.exceptions import (
    IBMInputValueError,
    IBMRuntimeError,
    RuntimeInvalidStateError,
    RuntimeJobFailureError,
    RuntimeJobMaxTimeoutError,
    RuntimeJobNotFound,
)

# The newest releases call the server-side primitives old; discovery warns of saved accounts.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")

UTC = timezone.utc  # noqa: UP017 - older clients run on older Pythons
ISING = SparsePauliOp(["ZZ", "XX", "ZI"])


def counts_of(job: Any) -> dict[str, int]:
    return dict(job.result()[0].data.meas.get_counts())


# --- the service -------------------------------------------------------------------------------


def test_a_service_starts_with_an_explicit_instance(service: Any, served: Any) -> None:
    assert [found["crn"] for found in service.instances()] == [served.crn]


def test_a_service_starts_without_an_instance(served: Any, lead: Any) -> None:
    with lead(served.url):
        service = QiskitRuntimeService(channel="ibm_quantum_platform", token=served.token)

        names = {backend.name for backend in service.backends()}

    assert {"ibm_manila", "ibm_fez"} <= names


def test_a_service_starts_with_an_instances_name(served: Any, lead: Any) -> None:
    with lead(served.url):
        service = QiskitRuntimeService(
            channel="ibm_quantum_platform", token=served.token, instance="local"
        )

        assert service.backend("ibm_manila").num_qubits == 5


@pytest.mark.since(0, 49)
def test_printed_exports_are_all_that_a_program_needs(served: Any, tmp_path: Path) -> None:
    program = (
        "import logging\n"
        "logging.disable()\n"
        "from qiskit import QuantumCircuit, transpile\n"
        "from qiskit_ibm_runtime import QiskitRuntimeService, SamplerV2\n"
        "backend = QiskitRuntimeService().backend('ibm_manila')\n"
        "circuit = QuantumCircuit(1)\n"
        "circuit.x(0)\n"
        "circuit.measure_all()\n"
        "job = SamplerV2(backend).run([transpile(circuit, backend)], shots=7)\n"
        "print(job.result()[0].data.meas.get_counts())\n"
    )
    inherited = {name: value for name, value in os.environ.items() if "QISKIT" not in name}

    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program],
        env={**inherited, **served.environment, "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.stdout == "{'1': 7}\n", done.stderr


def test_wrong_credentials_are_refused(folder: Any, serve: Any, lead: Any) -> None:
    with (
        serve("memory://?execution=threads", folder(), "--api-key", "right") as found,
        lead(found.url),
        pytest.raises(Exception) as caught,  # noqa: PT011 - another one in each release
    ):
        QiskitRuntimeService(
            channel="ibm_quantum_platform", token="wrong", instance=found.crn
        ).backend("ibm_manila")

    assert "right" not in str(caught.value)


@pytest.mark.parametrize(
    "far",
    [
        "ibm://{served.crn}?url={served.url}&token_env=FAR_KEY",
        "strangeworks://?url={served.url}&api_key_env=FAR_KEY",
    ],
    ids=["ibm", "strangeworks"],
)
def test_a_gateway_gives_the_same_clients_another_platform(  # noqa: PLR0917 - fixtures
    served: Any, folder: Any, serve: Any, lead: Any, make_bell: Any, far: str
) -> None:
    url = far.format(served=served)
    with serve(url, folder(), FAR_KEY=served.token) as near, lead(near.url):
        service = QiskitRuntimeService(
            channel="ibm_quantum_platform", token=near.token, instance=near.crn
        )
        backend = service.backend("ibm_manila")
        session = Session(backend=backend)
        job = SamplerV2(mode=session).run([make_bell(backend)], shots=50)
        counts = counts_of(job)
        # The session has the device, so what comes from outside waits.
        late = SamplerV2(mode=backend).run([make_bell(backend)], shots=50)
        late.cancel()
        session.close()
        job.update_tags(["far"])
        tags = set(service.job(job.job_id()).tags)
        state = session.details()["state"]
        ends = [str(service.job(one.job_id()).status()) for one in (job, late)]

    assert sum(counts.values()) == 50
    assert state == "closed"
    assert tags == {"far"}
    assert ends == ["DONE", "CANCELLED"]


# --- backends ----------------------------------------------------------------------------------


def test_backends_are_found_by_what_they_are(service: Any) -> None:
    names = {backend.name for backend in service.backends(min_num_qubits=150, operational=True)}

    assert "ibm_fez" in names
    assert "ibm_manila" not in names


def test_a_target_has_the_devices_gates(backend: Any) -> None:
    assert backend.num_qubits == 5
    assert {"cx", "rz", "sx", "x", "measure"} <= set(backend.target.operation_names)
    assert backend.target["cx"][0, 1].error > 0
    assert backend.properties().backend_name == "ibm_manila"
    assert backend.configuration().backend_name == "ibm_manila"


def test_a_status_is_told(backend: Any) -> None:
    status = backend.status()

    assert (status.operational, status.status_msg, status.pending_jobs) == (True, "active", 0)


def test_the_least_busy_backend_is_found(service: Any) -> None:
    assert service.least_busy(min_num_qubits=100).num_qubits >= 100


# --- primitives --------------------------------------------------------------------------------


def test_a_sampler_in_job_mode(backend: Any, bell: Any) -> None:
    counts = counts_of(SamplerV2(mode=backend).run([bell], shots=300))

    assert set(counts) == {"00", "11"}
    assert sum(counts.values()) == 300


def test_an_estimator_in_job_mode(backend: Any, pair: Any) -> None:
    observable = ISING.apply_layout(pair.layout)

    result = EstimatorV2(mode=backend).run([(pair, observable)], precision=0.02).result()

    assert float(result[0].data.evs) == pytest.approx(2.0, abs=0.2)
    assert result[0].metadata["shots"] >= 2500
    assert result.metadata["version"] == 2


def test_a_session_runs_both_primitives(backend: Any, bell: Any, pair: Any) -> None:
    with Session(backend=backend) as session:
        sampled = SamplerV2(mode=session).run([bell], shots=64)
        observable = ISING.apply_layout(pair.layout)
        estimated = EstimatorV2(mode=session).run([(pair, observable)])

        assert sum(counts_of(sampled).values()) == 64
        assert float(estimated.result()[0].data.evs) == pytest.approx(2.0, abs=0.2)
    assert {sampled.session_id, estimated.session_id} == {session.session_id}


def test_a_batch_runs_its_jobs(backend: Any, bell: Any) -> None:
    with Batch(backend=backend) as batch:
        jobs = [SamplerV2(mode=batch).run([bell], shots=shots) for shots in (8, 16, 24)]

    assert [sum(counts_of(job).values()) for job in jobs] == [8, 16, 24]
    assert batch.details()["mode"] == "batch"


def test_a_noise_learner_learns(service: Any) -> None:
    from qiskit_ibm_runtime.noise_learner import NoiseLearner

    backend = service.backend("ibm_fez")
    circuit = QuantumCircuit(backend.num_qubits)
    first, second = next(iter(backend.target["cz"]))
    circuit.cz(first, second)

    result = NoiseLearner(backend).run([circuit]).result()

    assert len(result.data) == 1
    assert result.metadata["backend"] == "ibm_fez"


@pytest.mark.since(0, 49)
def test_a_client_side_sampler(backend: Any, bell: Any) -> None:
    from qiskit_ibm_runtime import executor_sampler

    kind = getattr(executor_sampler, "Sampler", None) or executor_sampler.SamplerV2

    counts = counts_of(kind(mode=backend).run([bell], shots=100))

    assert set(counts) == {"00", "11"}


@pytest.mark.since(0, 49)
def test_a_client_side_estimator(backend: Any, pair: Any) -> None:
    from qiskit_ibm_runtime import executor_estimator

    kind = getattr(executor_estimator, "Estimator", None) or executor_estimator.EstimatorV2
    primitive = kind(mode=backend, options={"resilience_level": 0})

    data = primitive.run([(pair, [ISING.apply_layout(pair.layout)])], precision=0.05).result()[0]

    assert data.data.evs == pytest.approx([2.0], abs=0.4)


def test_a_dynamic_circuit_runs(service: Any) -> None:
    backend = service.backend("ibm_fez")
    circuit = QuantumCircuit(2, 2)
    circuit.x(0)
    circuit.measure(0, 0)
    with circuit.if_test((0, 1)):
        circuit.x(1)
    circuit.measure(1, 1)

    job = SamplerV2(mode=backend).run([transpile(circuit, backend)], shots=20)

    assert dict(job.result()[0].data.c.get_counts()) == {"11": 20}


# --- jobs --------------------------------------------------------------------------------------


def test_a_job_is_found_again_by_its_id(service: Any, backend: Any, bell: Any) -> None:
    job = SamplerV2(mode=backend).run([bell], shots=20)

    again = service.job(job.job_id())

    assert counts_of(again) == counts_of(job)
    assert str(again.status()) in {"DONE", "JobStatus.DONE"}
    assert again.backend().name == "ibm_manila"
    assert again.primitive_id == "sampler"
    assert again.creation_date.utcoffset() is not None


def test_inputs_come_back(service: Any, backend: Any, bell: Any) -> None:
    job = SamplerV2(mode=backend).run([bell], shots=21)

    inputs = service.job(job.job_id()).inputs

    circuit, _, shots = inputs["pubs"][0]
    assert shots == 21
    assert circuit.count_ops() == bell.count_ops()


def test_jobs_are_listed_and_filtered(service: Any, backend: Any, bell: Any) -> None:
    began = datetime.now(UTC)  # noqa: TID251 - the server's clock is this machine's
    sampler = SamplerV2(mode=backend)
    sampler.options.environment.job_tags = ["official", "listed"]
    with Session(backend=backend) as session:
        inside = SamplerV2(mode=session).run([bell], shots=5)
        inside.result()
    ids = [job.job_id() for job in [sampler.run([bell], shots=5) for _ in range(3)]]
    for job_id in ids:
        service.job(job_id).result()

    def found(**wanted: Any) -> list[str]:
        return [job.job_id() for job in service.jobs(**wanted)]

    assert sorted(found(job_tags=["official", "listed"])) == sorted(ids)
    assert found(session_id=session.session_id) == [inside.job_id()]
    assert found(limit=2) == [ids[2], ids[1]]
    assert found(limit=1, skip=1) == [ids[1]]
    assert set(ids) <= set(found(created_after=began, limit=None, pending=False))
    assert found(pending=True) == []
    assert found(limit=1, descending=False, created_after=began) == [inside.job_id()]
    assert found(backend_name="ibm_fez", job_tags=["listed"]) == []


def test_tags_are_changed(service: Any, backend: Any, bell: Any) -> None:
    job = SamplerV2(mode=backend).run([bell], shots=5)

    job.update_tags(["new-one", "another"])

    assert set(service.job(job.job_id()).tags) == {"new-one", "another"}
    assert [found.job_id() for found in service.jobs(job_tags=["new-one"])] == [job.job_id()]


def test_metrics_usage_and_logs_are_told(service: Any, backend: Any, bell: Any) -> None:
    job = SamplerV2(mode=backend).run([bell], shots=5)
    job.result()

    metrics = job.metrics()

    assert metrics["timestamps"]["finished"]
    assert metrics["caller"].startswith("qiskit/")
    assert metrics["qiskit_version"]
    assert job.usage() > 0
    assert isinstance(job.logs(), str)


@pytest.mark.since(0, 41)
def test_usage_of_the_instance_grows(service: Any, backend: Any, bell: Any) -> None:
    before = service.usage()["usage_consumed_seconds"]
    SamplerV2(mode=backend).run([bell], shots=5).result()

    assert service.usage()["usage_consumed_seconds"] > before


def test_a_deleted_job_is_gone(service: Any, backend: Any, bell: Any) -> None:
    job = SamplerV2(mode=backend).run([bell], shots=5)
    job.result()

    service.delete_job(job.job_id())

    with pytest.raises(RuntimeJobNotFound):
        service.job(job.job_id())


def test_a_private_job_is_read_once_and_shows_no_inputs(
    service: Any, backend: Any, bell: Any
) -> None:
    sampler = SamplerV2(mode=backend)
    sampler.options.environment.private = True
    job = sampler.run([bell], shots=5)
    job.wait_for_final_state()

    assert sum(counts_of(service.job(job.job_id())).values()) == 5
    assert service.job(job.job_id()).result() is None
    assert service.job(job.job_id()).inputs == {}


def test_a_circuit_that_is_not_isa_fails_with_its_code(backend: Any, bell: Any) -> None:
    circuit = QuantumCircuit(5)
    circuit.rx(0.5, 0)
    circuit.measure_all()
    inputs = {"pubs": [(circuit, None, 5)], "version": 2, "support_qiskit": True}
    job = backend.service._run("sampler", inputs, {"backend": backend})  # noqa: SLF001 - past the client's own check

    with pytest.raises(RuntimeJobFailureError, match="1517"):
        job.result()


# --- sessions ----------------------------------------------------------------------------------


def test_a_session_is_found_again_by_its_id(service: Any, backend: Any, bell: Any) -> None:
    with Session(backend=backend) as session:
        again = Session.from_id(session.session_id, service)
        job = SamplerV2(mode=again).run([bell], shots=6)

        assert sum(counts_of(job).values()) == 6
    assert job.session_id == session.session_id


def test_a_session_is_no_batch(service: Any, backend: Any) -> None:
    with Session(backend=backend) as session, pytest.raises(IBMInputValueError):
        Batch.from_id(session.session_id, service)


def test_a_closed_session_takes_no_job(backend: Any, bell: Any) -> None:
    session = Session(backend=backend)
    session.close()
    session.close()

    with pytest.raises((IBMRuntimeError, RuntimeError)):
        SamplerV2(mode=session).run([bell])
    assert session.status() == "Closed"


def test_an_hour_long_session_lives_its_whole_life(
    timeless: tuple[Any, Callable[[float], None]], make_bell: Any
) -> None:
    service, advance = timeless
    backend = service.backend("ibm_manila")
    bell = make_bell(backend)
    seen = []
    session = Session(backend=backend, max_time="5h")
    seen.append(session.details()["state"])
    job = SamplerV2(mode=session).run([bell], shots=5)
    wait_until(lambda: str(job.status()).endswith("RUNNING"))
    seen.append((session.details()["state"], session.status()))
    advance(7200)
    job.result()
    seen.append((session.details()["state"], session.status()))
    advance(60)
    seen.append((session.details()["state"], session.status()))
    late = SamplerV2(mode=session).run([bell], shots=5)
    wait_until(lambda: str(late.status()).endswith("RUNNING"))
    advance(3 * 3600)
    seen.append((session.details()["state"], session.status()))

    assert seen == [
        "open",
        ("active", "In progress, accepting new jobs"),
        ("active", "In progress, accepting new jobs"),
        ("inactive", "Pending"),
        ("closed", "Closed"),
    ]
    assert sum(counts_of(late).values()) == 5  # what runs may outlive its session


def test_draining_cancelling_and_time_limits(
    timeless: tuple[Any, Callable[[float], None]], make_bell: Any
) -> None:
    service, advance = timeless
    backend = service.backend("ibm_manila")
    bell = make_bell(backend)
    drained = Session(backend=backend)
    kept = [SamplerV2(mode=drained).run([bell], shots=5) for _ in range(7)]
    wait_until(lambda: str(kept[0].status()).endswith("RUNNING"))
    drained.close()
    assert drained.status() == "In progress, not accepting new jobs"
    advance(4 * 3600)
    assert [sum(counts_of(job).values()) for job in kept] == [5] * 7
    assert drained.status() == "Closed"

    stopped = Session(backend=backend)
    lost = [SamplerV2(mode=stopped).run([bell], shots=5) for _ in range(7)]
    wait_until(lambda: str(lost[0].status()).endswith("RUNNING"))
    stopped.cancel()
    with pytest.raises(RuntimeJobFailureError, match="1217"):
        lost[-1].result()
    lost[0].cancel()
    assert str(lost[0].status()).endswith("CANCELLED")
    with pytest.raises(RuntimeInvalidStateError):
        lost[0].result()

    limited = SamplerV2(mode=backend)
    limited.options.max_execution_time = 60
    late = limited.run([bell], shots=5)
    advance(6 * 3600)
    with pytest.raises(RuntimeJobMaxTimeoutError):
        late.result()
    with pytest.raises(RuntimeInvalidStateError):
        late.cancel()


def wait_until(holds: Callable[[], bool]) -> None:
    """Poll, as the client itself does; the server's time stands still meanwhile."""
    for _ in range(600):
        if holds():
            return
        time.sleep(0.05)  # noqa: TID251 - a server in another process tells nobody
    raise AssertionError("it did not happen within 30 s")
