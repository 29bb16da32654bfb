"""Retrieves a job that another process submitted."""

import sys
from pathlib import Path

from qiskit_ibm_runtime import QiskitRuntimeService

service = QiskitRuntimeService()
job = service.job(Path(sys.argv[1]).read_text())
counts = job.result()[0].data.meas.get_counts()
assert max(counts, key=counts.get) == "01", counts
assert job.job_id() in {one.job_id() for one in service.jobs(limit=5)}
print("retrieved", sum(counts.values()))
