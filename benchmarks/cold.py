"""From nothing to a first result, over an interpreter that imports the same packages.

Whole processes, interleaved, with byte code present. A program that connects before it imports the
facade lets the worker import its packages at the same time as itself.
"""

from functools import partial

from benchmarks._measure import Row, interleaved, process, report
from benchmarks._programs import own_bell, sampler_params

ROUNDS = 7
BOUND = 1.3

QISKIT = """
import qiskit_aer
from qiskit import QuantumCircuit
from qiskit_ibm_runtime import QiskitRuntimeService, SamplerV2
"""
FACADE = """
from math import pi
from qiskit import QuantumCircuit
from swqr_adapters.facade import QiskitRuntimeService, SamplerV2

backend = QiskitRuntimeService(transport="memory://").backend("ideal_2")
bell = QuantumCircuit(2)
bell.rz(pi / 2, 0)
bell.sx(0)
bell.rz(pi / 2, 0)
bell.cx(0, 1)
bell.measure_all()
(result,) = SamplerV2(mode=backend).run([bell]).result()
assert set(result.data.meas.get_counts()) == {"00", "11"}
"""
# The worker starts first, and imports while this process does.
EARLY = """
from swqr_core import Runtime

runtime = Runtime.connect("memory://")
runtime.backend_configuration("ideal_2")
""" + FACADE.replace('transport="memory://"', "runtime=runtime")
SIMULATOR = "import qiskit, qiskit_aer"
CORE = """
from swqr_core import Runtime
from swqr_core.model.job import JobSpec

with Runtime.connect("memory://") as runtime:
    job = runtime.submit(JobSpec(program_id="sampler", backend="ideal_2"), {params!r})
    assert len(job.result()) > 1000
"""


def main() -> bool:
    """Print the table; return whether every bound was kept."""
    core = CORE.format(params=sampler_params(own_bell(), 1024))
    codes = {
        "qiskit": QISKIT,
        "facade": FACADE,
        "early": EARLY,
        "simulator": SIMULATOR,
        "core": core,
    }
    taken = interleaved(
        {name: partial(process, code) for name, code in codes.items()}, ROUNDS, warm=1
    )
    official, simulator = taken["qiskit"], taken["simulator"]
    importing, aer = "importing qiskit-ibm-runtime and Aer", "importing Qiskit and Aer"
    early = "facade and one job, worker started before the facade is imported"
    return report(
        [
            Row("facade and one job", importing, taken["facade"], official, BOUND),
            Row(early, importing, taken["early"], official, BOUND),
            Row("core and one job", aer, taken["core"], simulator, BOUND),
        ]
    )
