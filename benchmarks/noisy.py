"""A noisy 127-qubit device and a sweep of an estimator, over the official local testing mode.

Our jobs run in a session, after a first one that does not count. The official local testing mode
takes seconds for a noisy run, so it gets few rounds.
"""

from contextlib import closing
from functools import partial
from typing import Any

from benchmarks._measure import Row, interleaved, report
from benchmarks._programs import SWEEP, ansatz, bell, isa, ising, run, sweep
from qiskit_aer import AerSimulator
from qiskit_ibm_runtime import EstimatorV2 as LocalEstimator
from qiskit_ibm_runtime import SamplerV2 as LocalSampler
from qiskit_ibm_runtime.fake_provider import FakeBrisbane

from swqr_adapters.facade import EstimatorV2, QiskitRuntimeService, SamplerV2, Session

LOCAL = "local testing mode"
SAMPLER, ESTIMATOR = 100.0, 10.0


def main() -> bool:
    """Print the table; return whether every bound was kept."""
    rows = []
    fake, aer = FakeBrisbane(), AerSimulator()
    with (
        QiskitRuntimeService(transport="memory://?noise=on") as noisy,
        QiskitRuntimeService(transport="memory://?noise=off") as ideal,
    ):
        brisbane, simulator = noisy.backend("ibm_brisbane"), ideal.backend("ideal_5")
        pair = isa(bell(), brisbane)
        noiseless, on_device = energy(simulator), energy(brisbane)
        shots, points = (
            "noisy Bell, 127 qubits, 1024 shots",
            f"estimator, 5 qubits x {SWEEP} points",
        )
        with closing(Session(backend=brisbane)) as first, closing(Session(simulator)) as second:
            for what, pub, ours, local, times, rounds in [
                (shots, (pair, None, 1024), SamplerV2(first), LocalSampler(fake), SAMPLER, 3),
                (
                    f"{points}, ideal",
                    noiseless,
                    EstimatorV2(second),
                    LocalEstimator(aer),
                    ESTIMATOR,
                    7,
                ),
                (
                    f"{points}, noisy",
                    on_device,
                    EstimatorV2(first),
                    LocalEstimator(fake),
                    ESTIMATOR,
                    1,
                ),
            ]:
                taken = interleaved({"ours": partial(run, ours, pub)}, 30)["ours"]
                base = interleaved({"local": partial(run, local, pub)}, rounds, warm=0)["local"]
                rows.append(Row(what, LOCAL, taken, base, times=times))
    return report(rows)


def energy(backend: Any) -> Any:
    """Return the pub that asks for an Ising chain's energy at every point of a sweep."""
    circuit = isa(ansatz(), backend)
    return circuit, ising().apply_layout(circuit.layout), sweep(circuit)
