"""What cannot be is refused with the official exception, and leaves the cloud as it was."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from qiskit import QuantumCircuit, transpile
from qiskit.circuit import Parameter
from qiskit.providers.exceptions import QiskitBackendNotFoundError
from qiskit_ibm_runtime.exceptions import (
    IBMInputValueError,
    IBMRuntimeError,
    RuntimeJobFailureError,
    RuntimeJobNotFound,
)

from swqr_adapters.facade import Batch, EstimatorV2, SamplerV2, Session

pytestmark = pytest.mark.filterwarnings(
    "ignore:The (SamplerV2|EstimatorV2) class is deprecated:DeprecationWarning"
)


@pytest.fixture
def unchanged(service: Any) -> Iterator[None]:
    """Check that no job and no session was made, and that the cloud still works."""
    before = picture(service)
    yield
    assert picture(service) == before


def picture(service: Any) -> Any:
    jobs = [(job.job_id(), job.status(), job.tags) for job in service.jobs(limit=None)]
    sessions = service.runtime.sessions()
    used = service.usage()["usage_consumed_seconds"]
    return jobs, [(one.id, one.state) for one in sessions], used


def too_wide() -> QuantumCircuit:
    circuit = QuantumCircuit(6)
    circuit.measure_all()
    return circuit


def not_isa() -> QuantumCircuit:
    circuit = QuantumCircuit(2)
    circuit.h(0)
    circuit.measure_all()
    return circuit


def unsupported() -> QuantumCircuit:
    circuit = QuantumCircuit(2)
    circuit.unitary(np.eye(4), [0, 1])
    circuit.measure_all()
    return circuit


def with_parameter() -> QuantumCircuit:
    circuit = QuantumCircuit(1)
    circuit.rz(Parameter("a"), 0)
    circuit.measure_all()
    return circuit


class TestBeforeSubmission:
    pytestmark = pytest.mark.usefixtures("unchanged")

    @pytest.mark.parametrize(
        ("circuit", "match"),
        [(too_wide, "6 qubits"), (not_isa, "instruction h"), (unsupported, "unitary")],
    )
    def test_a_circuit_that_the_backend_cannot_run(
        self, ideal: Any, circuit: Any, match: str
    ) -> None:
        with pytest.raises(IBMInputValueError, match=match):
            SamplerV2(mode=ideal).run([circuit()])

    def test_unbound_parameters(self, ideal: Any) -> None:
        with pytest.raises(ValueError, match="number of values"):
            SamplerV2(mode=ideal).run([with_parameter()])

    @pytest.mark.parametrize("shots", [0, -1, 1.5])
    def test_shots_that_are_no_number_of_shots(self, ideal: Any, bell: Any, shots: Any) -> None:
        with pytest.raises((ValueError, TypeError), match="shots"):
            SamplerV2(mode=ideal).run([bell], shots=shots)

    def test_a_precision_that_is_none(self, ideal: Any, pair: Any) -> None:
        with pytest.raises(ValueError, match="precision"):
            EstimatorV2(mode=ideal).run([(pair, "ZZ")], precision=-1)

    def test_an_unknown_backend(self, service: Any) -> None:
        with pytest.raises(QiskitBackendNotFoundError, match=r"'ibm_brisbone'.*ibm_brisbane"):
            service.backend("ibm_brisbone")

    @pytest.mark.parametrize("kind", [Session, Batch])
    @pytest.mark.parametrize("max_time", ["soon", 0, -3, "0s"])
    def test_a_time_that_is_none(self, ideal: Any, kind: Any, max_time: Any) -> None:
        with pytest.raises(IBMInputValueError, match="max_time"):
            kind(ideal, max_time=max_time)

    def test_too_many_tags(self, ideal: Any, bell: Any) -> None:
        sampler = SamplerV2(mode=ideal)
        sampler.options.environment.job_tags = [f"tag{n}" for n in range(9)]

        with pytest.raises(IBMInputValueError, match="tags"):
            sampler.run([bell])

    def test_a_job_for_a_session_that_never_was(self, service: Any, ideal: Any) -> None:
        with pytest.raises(IBMInputValueError, match="'nobody'"):
            Session.from_id("nobody", service)

    def test_an_unknown_job(self, service: Any) -> None:
        for ask in (service.job, service.delete_job):
            with pytest.raises(RuntimeJobNotFound, match="'nobody'"):
                ask("nobody")


def test_an_unknown_program_makes_no_job(service: Any, ideal: Any) -> None:
    with Session(ideal) as session, pytest.raises(IBMRuntimeError, match="'nonsense'"):
        session.run("nonsense", {})

    assert service.jobs(session_id=session.session_id) == []


class TestInTheJob:
    """What only the platform can see makes the job fail, and nothing else."""

    @pytest.mark.parametrize(
        "inputs",
        [
            {},
            {"pubs": None},
            {"pubs": [[1, 2, 3]]},
            {"pubs": [["OPENQASM 3.0; nonsense;", None, 10]]},
            {"pubs": [[{"__type__": "QuantumCircuit", "__value__": "AAAA"}, None, 10]]},
            {"pubs": [[{"__type__": "settings", "__value__": {}}, None, 10]]},
        ],
        ids=["nothing", "no-pubs", "no-circuit", "no-program", "no-qpy", "forbidden"],
    )
    def test_malformed_inputs(self, ideal: Any, inputs: dict[str, Any]) -> None:
        with Session(ideal) as session:
            job = session.run("sampler", inputs)

            with pytest.raises(RuntimeJobFailureError, match=job.job_id()):
                job.result()

    def test_parameters_that_are_no_numbers(self, ideal: Any) -> None:
        circuit = transpile(with_parameter(), ideal)

        job = SamplerV2(mode=ideal).run([(circuit, [float("nan")])])

        with pytest.raises(RuntimeJobFailureError, match=job.job_id()):
            job.result()

    def test_the_cloud_goes_on(self, ideal: Any, bell: Any) -> None:
        with Session(ideal) as session:
            session.run("sampler", {"pubs": "nonsense"}).wait_for_final_state()
            counts = SamplerV2(mode=session).run([bell], shots=8).result()[0].data.meas.get_counts()

        assert sum(counts.values()) == 8
