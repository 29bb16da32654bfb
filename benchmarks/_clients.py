"""What runs in a client's process: ``python -m benchmarks._clients ours|official ADDRESS SCALE``.

It takes one line of words for each thing to do, and answers with a line of JSON: the seconds that
it took. Both clients submit the same circuit and read each result.
"""

import asyncio
import json
import os
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlencode

from benchmarks._servers import Address

THREADS = 8
BACKEND = "ibm_brisbane"
FLOOR, LONGEST = 0.005, 5.0  # how our client looks at a server of ours, in seconds


def ours(address: Address, scale: float) -> Callable[[str, int], float]:
    """Return what does things with our client."""
    from swqr_core import AsyncRuntime
    from swqr_core.model.ids import BackendName, ProgramId
    from swqr_core.model.job import JobSpec

    runner = asyncio.Runner()
    params = sys.stdin.buffer.readline().strip()
    os.environ["SWQR_BENCH_TOKEN"] = address.token
    settings = {"url": f"{address.url}/api/v1", "token_env": "SWQR_BENCH_TOKEN"}
    if scale != 1:
        settings |= {"poll_floor": str(FLOOR * scale), "poll_longest": str(LONGEST * scale)}
    spec = JobSpec(program_id=ProgramId("sampler"), backend=BackendName(BACKEND))
    runtime = runner.run(AsyncRuntime.connect(f"ibm://{address.crn}?{urlencode(settings)}"))

    async def many(count: int) -> float:
        begun = time.perf_counter()
        jobs = await asyncio.gather(*(runtime.submit(spec, params) for _ in range(count)))
        results = await asyncio.gather(*(job.result() for job in jobs))
        seconds = time.perf_counter() - begun
        assert len(results) == count
        assert all(results)
        return seconds

    async def loop(count: int) -> float:
        begun = time.perf_counter()
        async with runtime.open_session(BACKEND) as session:
            for _ in range(count):
                job = await session.submit("sampler", params)
                assert await job.result()
        return time.perf_counter() - begun

    async def close(_: int) -> float:
        await runtime.aclose()
        return 0.0

    what = {"many": many, "loop": loop, "close": close}
    return lambda name, count: runner.run(what[name](count))


def official(address: Address, scale: float) -> Callable[[str, int], float]:
    """Return what does things with the official client."""
    sys.stdin.buffer.readline()
    os.environ["IAM_URL"] = f"{address.url}/iam"
    os.environ["QISKIT_FUNCTIONS_EXPERIMENTAL"] = "1"
    from benchmarks._native import native_pair
    from qiskit_ibm_runtime import QiskitRuntimeService, SamplerV2, Session, runtime_job_v2

    if scale != 1:
        runtime_job_v2.time = Clock(scale)
    service = QiskitRuntimeService(
        channel="ibm_quantum_platform",
        token=address.token,
        instance=address.crn,
        url=f"{address.url}/experimental/api/v1",
    )
    backend = service.backend(BACKEND)
    circuit = native_pair()
    assert backend.target.num_qubits  # read once, before anything is timed
    pool = ThreadPoolExecutor(THREADS)

    def many(count: int) -> float:
        begun = time.perf_counter()
        sampler: Any = SamplerV2(mode=backend)
        jobs = list(pool.map(lambda _: sampler.run([circuit], shots=1024), range(count)))
        results = list(pool.map(result_of, jobs))
        seconds = time.perf_counter() - begun
        assert len(results) == count
        return seconds

    def loop(count: int) -> float:
        begun = time.perf_counter()
        with Session(backend=backend) as session:
            sampler = SamplerV2(mode=session)
            for _ in range(count):
                assert sampler.run([circuit], shots=1024).result()
        return time.perf_counter() - begun

    def close(_: int) -> float:
        pool.shutdown()
        return 0.0

    what = {"many": many, "loop": loop, "close": close}
    return lambda name, count: what[name](count)


def result_of(job: Any) -> Any:
    """Return a job's result, however often two threads get in each other's way."""
    while True:
        try:
            return job.result()
        except SystemError:  # of CPython 3.11, if two read array headers (python/cpython#106905)
            continue


class Clock:
    """The module ``time`` for the official client's pauses, which are scaled."""

    def __init__(self, scale: float) -> None:
        self._scale = scale

    def __getattr__(self, name: str) -> Any:
        return getattr(time, name)

    def sleep(self, seconds: float) -> None:
        """Sleep for a part of it."""
        time.sleep(seconds * self._scale)


def main(kind: str, address: str, scale: str) -> None:
    """Do what is asked until nothing more is."""
    make = {"ours": ours, "official": official}[kind]
    do = make(Address(**json.loads(address)), float(scale))
    print("ready", flush=True)
    for line in sys.stdin:
        name, count = line.split()
        print(json.dumps(do(name, int(count))), flush=True)
    do("close", 0)


if __name__ == "__main__":
    main(*sys.argv[1:])
