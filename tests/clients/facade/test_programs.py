"""Every program of the official client, with results that physics knows beforehand."""

import json
from typing import Any

import numpy as np
import pytest
from qiskit import QuantumCircuit, transpile
from qiskit.primitives import PrimitiveResult
from qiskit.quantum_info import SparsePauliOp
from qiskit.transpiler import generate_preset_pass_manager

from swqr_adapters import facade
from swqr_adapters.facade import (
    Batch,
    EstimatorV2,
    Executor,
    NoiseLearner,
    NoiseLearnerV3,
    QuantumProgram,
    SamplerV2,
    Session,
)

pytestmark = pytest.mark.filterwarnings(
    "ignore:The (SamplerV2|EstimatorV2|NoiseLearner) class is deprecated:DeprecationWarning"
)

Z = SparsePauliOp(["ZZ", "XX", "ZI"])


class TestServerSide:
    def test_a_sampler_in_job_mode(self, ideal: Any, bell: Any) -> None:
        job = SamplerV2(mode=ideal).run([bell], shots=500)

        result = job.result()

        assert isinstance(result, PrimitiveResult)
        counts = result[0].data.meas.get_counts()
        assert set(counts) == {"00", "11"}
        assert sum(counts.values()) == 500
        assert job.session_id is None

    def test_an_estimator_in_job_mode(self, ideal: Any, pair: Any) -> None:
        observables = [["ZZ"], ["XX"], ["ZI"]]

        job = EstimatorV2(mode=ideal, options={"default_precision": 0.02}).run(
            [(pair, observables)]
        )

        assert job.result()[0].data.evs == pytest.approx(np.array([[1], [1], [0]]), abs=0.1)

    def test_a_sampler_and_an_estimator_in_one_session(
        self, ideal: Any, bell: Any, pair: Any
    ) -> None:
        with Session(ideal) as session:
            counts = SamplerV2(mode=session).run([bell]).result()[0].data.meas.get_counts()
            estimated = EstimatorV2(mode=session).run([(pair, Z)]).result()[0].data

        assert set(counts) == {"00", "11"}
        assert float(estimated.evs) == pytest.approx(2.0, abs=0.2)
        assert session.status() == "Closed"

    def test_a_primitive_without_a_mode_runs_in_the_open_block(self, ideal: Any, bell: Any) -> None:
        with Session(ideal) as session:
            job = SamplerV2().run([bell])

        assert job.session_id == session.session_id

    def test_jobs_of_a_batch(self, ideal: Any, bell: Any) -> None:
        with Batch(ideal) as batch:
            jobs = [SamplerV2(mode=batch).run([bell], shots=10 * n) for n in (1, 2, 3)]

        totals = [sum(job.result()[0].data.meas.get_counts().values()) for job in jobs]
        assert totals == [10, 20, 30]
        assert {job.session_id for job in jobs} == {batch.session_id}

    def test_parameters_are_broadcast(self, ideal: Any, turning: Any) -> None:
        angles = np.array([[0.0], [np.pi], [0.0], [np.pi]])

        data = SamplerV2(mode=ideal).run([(turning(measured=True), angles, 64)]).result()[0].data

        assert data.meas.shape == (4,)
        assert [data.meas.get_counts(i) for i in range(4)] == [{"0": 64}, {"1": 64}] * 2

    def test_observables_and_parameters_are_broadcast_together(
        self, ideal: Any, turning: Any
    ) -> None:
        angles = np.linspace(0, np.pi, 5)[:, None]

        pub = (turning(measured=False), [["Z"], ["X"]], angles, 0.01)
        evs = EstimatorV2(mode=ideal).run([pub]).result()[0].data.evs

        expected = np.array([np.cos(angles[:, 0]), np.sin(angles[:, 0])])
        assert evs == pytest.approx(expected, abs=0.06)

    def test_a_program_may_be_run_by_its_name(self, ideal: Any, bell: Any) -> None:
        with Session(ideal) as session:
            inputs = {"pubs": [(bell, None, 32)], "version": 2, "support_qiskit": True}
            job = session.run("sampler", inputs)

        assert sum(job.result()[0].data.meas.get_counts().values()) == 32

    def test_a_device_of_127_qubits(self, noisy: Any) -> None:
        backend = noisy.backend("ibm_brisbane")
        circuit = QuantumCircuit(2)
        circuit.h(0)
        circuit.cx(0, 1)
        circuit.measure_all()
        isa = generate_preset_pass_manager(optimization_level=1, backend=backend).run(circuit)

        counts = SamplerV2(mode=backend).run([isa], shots=1000).result()[0].data.meas.get_counts()

        assert backend.num_qubits == 127
        assert counts["00"] + counts["11"] > 900
        assert sum(counts.values()) == 1000

    def test_a_noise_learner(self, noisy: Any) -> None:
        backend = noisy.backend("ibm_fez")
        circuit = QuantumCircuit(backend.num_qubits)
        first, second = next(iter(backend.target["cz"]))
        circuit.cz(first, second)

        result = NoiseLearner(backend).run([circuit]).result()

        assert len(result.data) == 1
        assert tuple(result.data[0].qubits) == tuple(sorted((first, second)))
        assert (result.data[0].error.rates >= 0).all()


@pytest.mark.executor_family
class TestClientSide:
    @pytest.fixture
    def sampler(self) -> Any:
        from swqr_adapters.facade import executor_sampler

        return getattr(executor_sampler, "Sampler", None) or executor_sampler.SamplerV2

    @pytest.fixture
    def estimator(self) -> Any:
        from swqr_adapters.facade import executor_estimator

        return getattr(executor_estimator, "Estimator", None) or executor_estimator.EstimatorV2

    def test_a_sampler(self, ideal: Any, bell: Any, sampler: Any) -> None:
        job = sampler(mode=ideal).run([bell], shots=200)

        counts = job.result()[0].data.meas.get_counts()

        assert set(counts) == {"00", "11"}
        assert sum(counts.values()) == 200

    def test_a_twirled_sampler_in_a_session(self, ideal: Any, bell: Any, sampler: Any) -> None:
        with Session(ideal) as session:
            options = {"twirling": {"enable_gates": True, "enable_measure": True}}
            job = sampler(mode=session, options=options).run([bell], shots=320)
            counts = job.result()[0].data.meas.get_counts()

        assert set(counts) == {"00", "11"}
        assert job.session_id == session.session_id

    @pytest.mark.filterwarnings("ignore:No positive, finite standard errors:UserWarning")
    @pytest.mark.parametrize("level", [0, 1, 2])
    def test_an_estimator_at_every_resilience_level(
        self, ideal: Any, pair: Any, estimator: Any, level: int
    ) -> None:
        primitive = estimator(mode=ideal, options={"resilience_level": level})

        data = primitive.run([(pair, [["ZZ"], ["XX"], ["ZI"]])], precision=0.05).result()[0].data

        assert data.evs == pytest.approx(np.array([[1], [1], [0]]), abs=0.25)

    def test_a_raw_quantum_program(self, ideal: Any, bell: Any) -> None:
        program = QuantumProgram(shots=50)
        program.append_circuit_item(bell)

        result = Executor(ideal).run(program).result()

        bits = result[0]["meas"]
        assert bits.shape == (50, 2)
        assert (bits[:, 0] == bits[:, 1]).all()

    def test_a_noise_learner_of_the_third_version(self, noisy: Any) -> None:
        backend = noisy.backend("ibm_fez")
        instructions = boxes(backend)

        result = NoiseLearnerV3(backend).run(instructions).result()

        assert len(result) == len(instructions)

    def test_a_calibrator(self, service: Any) -> None:
        calibrator = getattr(facade, "Calibrator", None)
        if calibrator is None:
            pytest.skip("a part of the official package from 0.51 on")
        backend = service.backend("ibm_fez")

        result = calibrator(backend).run().result()

        assert result is not None


def boxes(backend: Any) -> list[Any]:
    """Return the twirled two-qubit layer and the measurement layer of a small circuit."""
    from samplomatic import InjectNoise, Twirl

    first, second = next(iter(backend.target["cz"]))
    circuit = QuantumCircuit(backend.num_qubits, 2)
    with circuit.box([Twirl(), InjectNoise(ref="layer")]):
        circuit.cz(first, second)
    with circuit.box([Twirl(), InjectNoise(ref="readout")]):
        circuit.measure([first, second], [0, 1])
    return list(circuit.data)


def test_inputs_come_back_as_they_went(ideal: Any, bell: Any) -> None:
    job = SamplerV2(mode=ideal).run([bell], shots=8)

    inputs = job.inputs

    circuit, values, shots = inputs["pubs"][0]
    assert circuit.count_ops() == bell.count_ops()
    assert shots == 8
    assert np.size(values) == 0
    assert inputs["version"] == 2


def test_a_result_is_the_official_text(service: Any, ideal: Any, bell: Any) -> None:
    from qiskit_ibm_runtime import RuntimeDecoder

    job = SamplerV2(mode=ideal).run([bell], shots=8)
    job.wait_for_final_state()

    text = service.runtime.result(job.job_id()).decode()

    assert json.loads(text, cls=RuntimeDecoder)[0].data.meas.num_shots == 8


def test_seeds_repeat_bit_for_bit(ideal: Any, bell: Any) -> None:
    options = {"simulator": {"seed_simulator": 5}}

    first, second = (
        SamplerV2(mode=ideal, options=options).run([bell], shots=100).result()[0].data.meas
        for _ in range(2)
    )

    assert (first.array == second.array).all()


def test_a_dynamic_circuit(ideal: Any) -> None:
    circuit = QuantumCircuit(2, 2)
    circuit.x(0)
    circuit.measure(0, 0)
    with circuit.if_test((0, 1)):
        circuit.x(1)
    circuit.measure(1, 1)

    data = SamplerV2(mode=ideal).run([transpile(circuit, ideal)], shots=20).result()[0].data

    assert data.c.get_counts() == {"11": 20}
