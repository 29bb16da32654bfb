"""A notebook: cells share one kernel, whose event loop is already running."""

import nbformat
import pytest
from nbclient import NotebookClient

IMPORTS = """
import json
from swqr_core import AsyncRuntime, JobSpec, connect

BELL = '''
OPENQASM 3.0;
include "stdgates.inc";
bit[2] c;
h $0;
cx $0, $1;
c[0] = measure $0;
c[1] = measure $1;
'''
PARAMS = json.dumps({"pubs": [[BELL, None, 50]]}).encode()
"""

BLOCKING = """
with connect("memory://?seed=7&workers=1") as runtime:
    with runtime.open_session("ideal_2") as session:
        job = session.submit("sampler", PARAMS)
        samples = json.loads(job.result(timeout=100))["results"][0]["data"]["c"]["samples"]
    print(sorted(set(samples)), session.refresh().state)
"""

ASYNCHRONOUS = """
async with await AsyncRuntime.connect("memory://?seed=7&workers=1") as runtime:
    job = await runtime.submit(JobSpec(program_id="sampler", backend="ideal_2"), PARAMS)
    result = json.loads(await job.result(timeout=100))
    print(result["results"][0]["data"]["c"]["samples"] == samples)
"""

OFFICIAL = """
import warnings
warnings.simplefilter("ignore", DeprecationWarning)  # the newest client calls SamplerV2 old
from qiskit import QuantumCircuit, transpile
from swqr_adapters.facade import QiskitRuntimeService, SamplerV2, Session

service = QiskitRuntimeService(transport="memory://?seed=7&workers=1")
bell = QuantumCircuit(2)
bell.h(0)
bell.cx(0, 1)
bell.measure_all()
backend = service.backend("ideal_2")
with Session(backend=backend) as session:
    job = SamplerV2(mode=session).run([transpile(bell, backend)], shots=50)
    counts = job.result()[0].data.meas.get_counts()
print(sorted(counts), sum(counts.values()))
"""


UNEDITED = """
%load_ext swqr_adapters
%env SWQR_PROFILE=memory://?seed=7&workers=1
from qiskit_ibm_runtime import QiskitRuntimeService
print(QiskitRuntimeService(channel="ibm_quantum_platform").backend("ideal_2").num_qubits)
"""


@pytest.mark.filterwarnings("ignore")  # what the notebook's machinery warns of is not ours
def test_blocking_asynchronous_and_official_code_run_in_cells() -> None:
    cells = [IMPORTS, BLOCKING, ASYNCHRONOUS, OFFICIAL, UNEDITED]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    NotebookClient(notebook, timeout=110, kernel_name="python3").execute()
    # On a busy machine there are displays too: of how a job is doing, once it is waited for long.
    printed = [
        "".join(output["text"] for output in cell.outputs if output.get("name") == "stdout")
        for cell in notebook.cells
    ]

    assert printed == [
        "",
        "['0x0', '0x3'] closed\n",
        "True\n",
        "['00', '11'] 50\n",
        "env: SWQR_PROFILE=memory://?seed=7&workers=1\n2\n",
    ]
