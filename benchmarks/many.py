"""A thousand jobs at once, what they leave in memory, and how long the event loop is held up.

A heartbeat on the loop notes the time between two of its beats, by the clock and by the CPU time of
the whole process. The lesser of the two is what this process held the loop up for: another
program that has the machine makes the first long but not the second, and a thread that computes
beside a loop that runs makes the second long but not the first. The clock's is shown as well,
without a bound.
"""

import ast
import asyncio
import gc
import os
import secrets
import statistics
import subprocess
import sys
import time
import tracemalloc
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from attrs import define

from swqr_adapters.clock import SystemClock
from swqr_adapters.execution.pool import WorkerPool
from swqr_adapters.ids import RandomIds
from swqr_adapters.storage.blobs import SpillingBlobStore
from swqr_adapters.transports.memory import MemoryCloud
from swqr_core import AsyncRuntime, JobState
from swqr_core.model.ids import BackendName, ProgramId
from swqr_core.model.job import JobSpec

JOBS = 1000
ROUNDS = 5
TINY = 1500  # bytes of a tiny job's parameters; its result has about 1200
LARGE = 50 * 2**20  # bytes
MOST_KEPT = 8 * 1024  # bytes a job
MOST_HELD = 0.050  # seconds
BEAT = 0.001  # seconds
SPEC = JobSpec(program_id=ProgramId("sampler"), backend=BackendName("ideal_2"))
ONE = """
import asyncio
from benchmarks.many import kept_bytes
print(asyncio.run(kept_bytes({limit}, traced={traced})))
"""
BELL = """
import sys
from benchmarks._programs import own_bell, sampler_params
sys.stdout.buffer.write(sampler_params(own_bell(), 1024))
"""


@define
class Pauses:
    """The longest time between two beats, in seconds.

    Attributes:
        wall: By the clock.
        held: Of that, what this process computed.
    """

    wall: float = 0.0
    held: float = 0.0


@asynccontextmanager
async def heartbeat() -> AsyncIterator[Pauses]:
    """Watch the loop meanwhile."""
    pauses = Pauses()

    async def beat() -> None:
        clocks = time.perf_counter(), time.process_time()
        while True:
            await asyncio.sleep(BEAT)
            now = time.perf_counter(), time.process_time()
            wall = now[0] - clocks[0] - BEAT
            pauses.wall = max(pauses.wall, wall)
            pauses.held = max(pauses.held, min(wall, now[1] - clocks[1]))
            clocks = now

    task = asyncio.create_task(beat())
    try:
        yield pauses
    finally:
        task.cancel()


def python(code: str) -> bytes:
    """Return what a fresh interpreter prints: this one shall not import Qiskit, nor get worn."""
    command = [sys.executable, "-W", "ignore", "-c", code]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout


def bell_params() -> bytes:
    """Return a small Bell job's parameters."""
    return python(BELL)


async def run_all(runtime: AsyncRuntime, params: Callable[[], bytes], count: int) -> bool:
    """Submit *count* jobs at once, and say whether all of them completed."""
    jobs = await asyncio.gather(*(runtime.submit(SPEC, params()) for _ in range(count)))
    ended = await runtime.wait_jobs([job.id for job in jobs], timeout=300)
    return len(ended) == count and all(job.state is JobState.COMPLETED for job in ended.values())


async def at_once() -> bool:
    """Run many jobs, and a large one, through real workers."""
    bell = bell_params()
    large = b'{"pubs": [], "padding": "' + b"x" * LARGE + b'"}'
    completed, rates = True, []
    small, huge = [], []
    async with await AsyncRuntime.connect("memory://?noise=off") as runtime:
        await run_all(runtime, lambda: bell, 10)
        for _ in range(ROUNDS):
            begun = time.perf_counter()
            async with heartbeat() as pauses:
                completed &= await run_all(runtime, lambda: bell, JOBS)
            rates.append(JOBS / (time.perf_counter() - begun))
            small.append(pauses)
            async with heartbeat() as pauses:
                job = await runtime.submit(SPEC, large)
                await job.wait(timeout=300)
            huge.append(pauses)
            await job.delete()
    print(f"{JOBS} jobs at once, {ROUNDS} times, to their ends: {completed}")
    print(f"{statistics.median(rates):.0f} jobs a second\n")
    print("| meanwhile | loop held up for ms | clock ms | at most |")
    print("|---|---|---|---|")
    kept = completed
    for what, runs in [(f"{JOBS} jobs", small), ("50 MB arrive and fail", huge)]:
        held = statistics.median(run.held for run in runs)
        wall = statistics.median(run.wall for run in runs)
        kept = kept and held <= MOST_HELD
        print(f"| {what} | {held * 1e3:.1f} | {wall * 1e3:.1f} | {MOST_HELD * 1e3:g} |")
    return kept


def tiny(bell: bytes) -> bytes:
    """Return a Bell job's parameters of ``TINY`` bytes that no other job has."""
    padding = secrets.token_bytes(TINY - len(bell)).translate(
        bytes(b" \t\n\r"[i % 4] for i in range(256))
    )
    return bell[:-1] + padding + b"}"


def resident() -> int:
    """Return the bytes of memory that this process has (Linux)."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


async def kept_bytes(limit: int, *, traced: bool) -> tuple[float, int]:
    """Return the bytes of memory that a finished job keeps, and the bytes of all blobs in memory.

    Args:
        limit: The blob store's.
        traced: Count what Python's allocator hands out, not what the process takes.
    """
    blobs, bell = SpillingBlobStore(limit), bell_params()
    cloud = MemoryCloud(clock=SystemClock(), ids=RandomIds(), executor=WorkerPool(), blobs=blobs)

    def used() -> int:
        gc.collect()
        return tracemalloc.get_traced_memory()[0] if traced else resident()

    async with AsyncRuntime(cloud.transport()) as runtime:
        await run_all(runtime, lambda: tiny(bell), JOBS)
        if traced:
            tracemalloc.start()
        before = used()
        for _ in range(ROUNDS):
            await run_all(runtime, lambda: tiny(bell), JOBS)
        kept = (used() - before) / (ROUNDS * JOBS)
    tracemalloc.stop()
    in_memory = blobs.bytes_in_memory
    await cloud.aclose()
    return kept, in_memory


def memory() -> bool:
    """Print what jobs leave in memory; return whether the bounds were kept."""
    print("\n| blobs in memory at most | blobs in memory | a job: allocated | process | at most |")
    print("|---|---|---|---|---|")
    kept = True
    for limit in (64 * 2**20, 2**20):
        (allocated, held), (grown, _) = (
            # A process of its own each time: what one has given back, the next would use again.
            ast.literal_eval(python(ONE.format(limit=limit, traced=traced)).decode())
            for traced in (True, False)
        )
        kept = kept and max(allocated, grown) <= MOST_KEPT
        print(
            f"| {limit >> 20} MiB | {held / 2**20:.1f} MiB | {allocated:.0f} B | {grown:.0f} B "
            f"| {MOST_KEPT} B |"
        )
    return kept


def main() -> bool:
    """Print the tables; return whether every bound was kept."""
    return all([asyncio.run(at_once()), memory()])
