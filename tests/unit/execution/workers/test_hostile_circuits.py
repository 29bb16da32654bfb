"""A circuit that names a function of Qiskit's library as its gate costs its own job alone."""

import base64
import io
import json
import struct
import sys
import zlib

import pytest
from qiskit import QuantumCircuit, qpy
from qiskit.circuit import Gate

from swqr_adapters.execution.pool import WorkerPool
from swqr_adapters.fleet import Fleet
from swqr_core.ports.executor import ExecutionRequest, ExecutionStatus


def calling(function: str, argument: int) -> bytes:
    """Return QPY whose only instruction is a call: what reads it looks the name up, and calls."""
    gate = type(
        function, (Gate,), {"__init__": lambda self: Gate.__init__(self, function, 1, [argument])}
    )
    circuit = QuantumCircuit(1)
    circuit.append(gate(), [0])
    out = io.BytesIO()
    qpy.dump(circuit, out, version=17)
    written = b"f" + struct.pack("!Q", 8) + struct.pack("<d", float(argument))
    meant = b"i" + struct.pack("!Q", 8) + struct.pack("<q", argument)
    assert out.getvalue().count(written) == 1
    return out.getvalue().replace(written, meant)


def job(raw: bytes) -> ExecutionRequest:
    value = base64.b64encode(zlib.compress(raw)).decode()
    pubs = [[{"__type__": "QuantumCircuit", "__value__": value}, None, 5]]
    device = Fleet(ideal_sizes=(2,)).resolve("ideal_2")
    assert device is not None
    return ExecutionRequest(
        job_id="job-1",
        program_id="sampler",
        params=json.dumps({"pubs": pubs, "version": 2}).encode(),
        device=device.device_spec(),
    )


@pytest.mark.skipif(sys.platform != "linux", reason="the limit is Linux's")
async def test_a_library_function_named_as_a_gate_is_held_by_the_workers_limits() -> None:
    good = QuantumCircuit(1, 1)
    good.measure(0, 0)
    out = io.BytesIO()
    qpy.dump(good, out, version=17)
    pool = WorkerPool(workers=1, memory_limit=400 * 2**20, wall_limit=60.0)
    try:
        bad = await pool.execute(job(calling("z_feature_map", 2_000_000)))
        fine = await pool.execute(job(out.getvalue()))
    finally:
        await pool.aclose()

    assert bad.status is not ExecutionStatus.COMPLETED
    assert bad.reason
    assert fine.status is ExecutionStatus.COMPLETED
