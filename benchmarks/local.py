"""Ideal simulations, over the official local testing mode in the same process."""

from contextlib import closing
from functools import partial

from benchmarks._measure import Row, interleaved, report
from benchmarks._programs import SWEEP, ansatz, bell, ghz, isa, run, sweep
from qiskit_aer import AerSimulator
from qiskit_ibm_runtime import SamplerV2 as LocalSampler

from swqr_adapters.facade import QiskitRuntimeService, SamplerV2, Session

LOCAL = "local testing mode"


def main() -> bool:
    """Print the table; return whether every bound was kept."""
    rows = []
    local = LocalSampler(mode=AerSimulator())
    with QiskitRuntimeService(transport="memory://?noise=off") as service:
        backend = service.backend("ideal_20")
        pair, large = isa(bell(), backend), isa(ghz(20), backend)
        layers = isa(ansatz(measured=True), backend)
        with closing(Session(backend=backend)) as session:  # not the local sampler's context
            ours = SamplerV2(mode=session)
            for what, pub, bound, rounds in [
                ("Bell, 1024 shots", (pair, None, 1024), 1.3, 200),
                ("Bell, 4096 shots", (pair, None, 4096), 1.0, 200),
                ("Bell, 10000 shots", (pair, None, 10_000), 1.0, 200),
                ("GHZ-20, 1024 shots", (large, None, 1024), 1.0, 50),
                (f"5 qubits x {SWEEP} points, 1024 shots", (layers, sweep(layers), 1024), 1.0, 15),
            ]:
                cases = {
                    "ours": partial(run, ours, pub),
                    "local": partial(run, local, pub),
                }
                taken = interleaved(cases, rounds)
                rows.append(Row(what, LOCAL, taken["ours"], taken["local"], bound))
    return report(rows)
