"""Programs whose inputs the newer releases of the client make themselves."""

from typing import Any

import pytest
from qiskit import QuantumCircuit

pytestmark = [
    pytest.mark.since(0, 46),
    pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning"),
]


@pytest.fixture(scope="module")
def fez(service: Any) -> Any:
    return service.backend("ibm_fez")


def layers(backend: Any) -> list[Any]:
    """Return the two-qubit layer and the measurement layer of a small circuit, twirled."""
    from samplomatic import InjectNoise, Twirl

    first, second = next(iter(backend.target["cz"]))
    circuit = QuantumCircuit(backend.num_qubits, 2)
    with circuit.box([Twirl(), InjectNoise(ref="layer")]):
        circuit.cz(first, second)
    with circuit.box([Twirl(), InjectNoise(ref="readout")]):
        circuit.measure([first, second], [0, 1])
    return list(circuit.data)


def test_a_quantum_program_runs(backend: Any, bell: Any) -> None:
    from qiskit_ibm_runtime.executor import Executor
    from qiskit_ibm_runtime.quantum_program import QuantumProgram

    program = QuantumProgram(shots=50)
    program.append_circuit_item(bell)

    bits = Executor(backend).run(program).result()[0]["meas"]

    assert bits.shape == (50, 2)
    assert (bits[:, 0] == bits[:, 1]).all()


@pytest.mark.since(0, 49)
def test_a_client_side_sampler_runs_in_a_session(backend: Any, bell: Any) -> None:
    from qiskit_ibm_runtime import Session, executor_sampler

    kind = getattr(executor_sampler, "Sampler", None) or executor_sampler.SamplerV2
    options = {"twirling": {"enable_gates": True, "enable_measure": True}}
    with Session(backend=backend) as session:
        job = kind(mode=session, options=options).run([bell], shots=320)
        counts = job.result()[0].data.meas.get_counts()

    assert set(counts) == {"00", "11"}
    assert job.session_id == session.session_id


def test_a_noise_learner_of_the_third_version_learns(fez: Any) -> None:
    from qiskit_ibm_runtime.noise_learner_v3 import NoiseLearnerV3

    instructions = layers(fez)

    result = NoiseLearnerV3(fez).run(instructions).result()

    assert len(result) == len(instructions)


@pytest.mark.since(0, 51)
def test_a_calibrator_calibrates(fez: Any) -> None:
    import qiskit_ibm_runtime

    result = qiskit_ibm_runtime.Calibrator(fez).run().result()

    assert result is not None
