"""What a store costs: submissions that are on the disk, and starting again after many events.

* ``submit``: a thousand jobs submitted at once, run by an executor that does nothing, in a cloud
  with a store over one without. Fewer commits than jobs is what makes it cheap; how many there
  were is shown, and so is what one caller alone gets, who waits for the disk for each step.
* ``replay``: a million events (a job is submitted, ends, and nine of ten are deleted). A cloud
  takes them up again from their records, then from documents. What living through them costs is
  measured with the first 20,000. This is work for one core over minutes, so processor time is
  what counts: what else the machine does meanwhile is not part of it.
"""

import asyncio
import sys
import tempfile
import time
from pathlib import Path

from benchmarks._measure import Row, Times, report

from swqr_adapters.clock import SystemClock
from swqr_adapters.fleet import Fleet
from swqr_adapters.ids import RandomIds
from swqr_adapters.storage import SpillingBlobStore, Store, open_store
from swqr_adapters.transports.memory import MemoryCloud
from swqr_adapters.transports.memory.machine import Machine
from swqr_core.clock import VirtualClock
from swqr_core.engine.engine import Engine
from swqr_core.engine.inputs import AddDevice, DeleteJob, FinishExecution, Input, SubmitJob
from swqr_core.engine.records import encode_record
from swqr_core.engine.settings import Device, EngineSettings
from swqr_core.model.ids import BackendName, JobId, ProgramId
from swqr_core.model.job import JobSpec
from swqr_core.model.payload import Payload
from swqr_core.model.principal import Principal
from swqr_core.ports.executor import ExecutionStatus
from swqr_core.ports.storage import LogRecord
from swqr_core.testing import StubExecutor

JOBS, ROUNDS = 1_000, 5
EVENTS, LIVED = 1_000_000, 20_000
AT_ONCE = 300  # events that are on their way together
NEVER = 10**12
BACKEND = BackendName("ideal_2")
SPEC = JobSpec(program_id=ProgramId("sampler"), backend=BACKEND)
MOST_SUBMIT, MOST_REPLAY, MOST_LOAD = 5.0, 1.0, 0.5


def cloud_of(store: Store | None) -> MemoryCloud:
    """Return a cloud with a store, or without one."""
    return MemoryCloud(
        clock=SystemClock(),
        ids=RandomIds(),
        executor=StubExecutor(),
        blobs=SpillingBlobStore() if store is None else store.blobs,
        log=None if store is None else store.log,
        close=None if store is None else store.aclose,
        fleet=Fleet(ideal_sizes=(2,)),
        template=Device(name=BACKEND, concurrent_jobs=100),
    )


async def submit_all(store: Store | None, jobs: int, *, together: bool) -> float:
    """Return the seconds in which so many jobs are submitted and have ended."""
    cloud = cloud_of(store)
    await cloud.recover()
    transport = cloud.transport()

    async def one(number: int) -> None:
        job = await transport.submit(SPEC, b'{"n": %d}' % number, key=f"k-{number}")
        await transport.wait_job(job.id, timeout=None)

    await one(-1)
    begun = time.perf_counter()
    if together:
        await asyncio.gather(*map(one, range(jobs)))
    else:
        for number in range(jobs):
            await one(number)
    taken = time.perf_counter() - begun
    await cloud.aclose()
    return taken


async def submissions() -> Row:
    """Measure submissions, and print what else is of interest."""
    durable, plain, commits = [], [], 0
    for number in range(-1, ROUNDS):
        with tempfile.TemporaryDirectory() as folder:
            store = open_store(Path(folder, "store.db"))
            seconds = await submit_all(store, JOBS, together=True)
            commits = store.commits
            without = await submit_all(None, JOBS, together=True)
            if number >= 0:
                durable.append(seconds)
                plain.append(without)
    with tempfile.TemporaryDirectory() as folder:
        alone = await submit_all(open_store(Path(folder, "store.db")), 200, together=False)
    print(
        f"{JOBS} jobs at once took {commits} commits, {JOBS / min(durable):,.0f} jobs a second at "
        f"best; one after the other {200 / alone:,.0f} a second.\n"
    )
    return Row(
        f"{JOBS} jobs with a store",
        "without one",
        Times(tuple(sorted(durable))),
        Times(tuple(sorted(plain))),
        MOST_SUBMIT,
    )


def life_of(number: int) -> list[Input]:
    """Return what happens to one job."""
    principal, id = Principal(), JobId(f"job-{number}")
    params = Payload(f"sha256:{number:064x}", 100)
    happens: list[Input] = [
        SubmitJob(
            principal=principal, job_id=id, spec=SPEC, params=params, key=id, content="c" * 64
        ),
        FinishExecution(
            job_id=id,
            status=ExecutionStatus.COMPLETED,
            quantum_seconds=1.0,
            result=params,
            metrics={"num_circuits": 1, "num_qubits": [2]},
        ),
    ]
    if number % 10:
        happens.append(DeleteJob(principal=principal, job_id=id))
    return happens


def machine_of(store: Store) -> Machine:
    """Return a machine that compacts only if it is told to."""
    return Machine(
        EngineSettings(),
        clock=VirtualClock(),
        log=store.log,
        act=lambda _: None,
        ended=lambda _: None,
        compact_every=NEVER,
    )


async def write(path: Path, events: int) -> None:
    """Write the records of so many events, without a cloud around the engine."""
    store, engine, clock = open_store(path), Engine(EngineSettings()), VirtualClock()
    at, records, done, number = clock.now(), list[LogRecord](), 0, 0
    inputs: list[Input] = [AddDevice(device=Device(name=BACKEND, concurrent_jobs=AT_ONCE))]
    while done < events:
        for input in inputs:
            records.append(encode_record(input, at, engine.handle(input, at).facts))
        done += len(inputs)
        inputs = life_of(number)
        number += 1
        if len(records) >= AT_ONCE:
            await asyncio.gather(*map(store.log.append, records))
            records.clear()
    await asyncio.gather(*map(store.log.append, records))
    await store.aclose()


async def live(path: Path, events: int) -> float:
    """Return the processor's seconds for so many events to be handled and on the disk."""
    store = open_store(path)
    machine = machine_of(store)
    await machine.recover()
    await machine.feed(AddDevice(device=Device(name=BACKEND, concurrent_jobs=AT_ONCE)))
    begun, done, number = time.process_time(), 0, 0
    while done < events:
        inputs = [life_of(number + each) for each in range(AT_ONCE)]
        number += AT_ONCE
        for step in range(3):
            some = [each[step] for each in inputs if step < len(each)]
            await asyncio.gather(*map(machine.feed, some))
            done += len(some)
    taken = time.process_time() - begun
    await machine.aclose()
    await store.aclose()
    return taken * events / done


async def start_again(path: Path) -> tuple[float, int]:
    """Return the processor's seconds to take up what a store holds, and how many jobs that is."""
    store = open_store(path)
    machine = machine_of(store)
    begun = time.process_time()
    await machine.recover()
    taken = time.process_time() - begun
    jobs = sum(1 for _ in machine.view.payloads()) // 2
    await machine.aclose()
    await store.aclose()
    return taken, jobs


async def compact(path: Path) -> float:
    """Let a store's log forget its records, and return the processor's seconds for that."""
    store = open_store(path)
    machine = machine_of(store)
    await machine.recover()
    begun = time.process_time()
    await machine.compact()
    taken = time.process_time() - begun
    await machine.aclose()
    await store.aclose()
    return taken


async def replay(events: int) -> list[Row]:
    """Measure starting again, and print what else is of interest."""
    with tempfile.TemporaryDirectory() as folder:
        some = min(events, LIVED)
        lived = await live(Path(folder, "lived.db"), some) * events / some
        path = Path(folder, "store.db")
        await write(path, events)
        replayed, jobs = await start_again(path)
        compacting = await compact(path)
        loaded, same = await start_again(path)
    assert jobs == same
    print(
        f"{events:,} events, of which {jobs:,} jobs are left: to be lived in {lived:.1f} s, "
        f"replayed in {replayed:.1f} s ({events / replayed:,.0f} a second), compacted in "
        f"{compacting:.1f} s, loaded in {loaded:.1f} s.\n"
    )
    return [
        Row("replay", "living", Times((replayed,)), Times((lived,)), MOST_REPLAY),
        Row("documents", "replay", Times((loaded,)), Times((replayed,)), MOST_LOAD),
    ]


def main(events: int = EVENTS) -> bool:
    """Print the table; return whether every bound was kept."""
    first = asyncio.run(submissions())
    return report([first, *asyncio.run(replay(events))])


if __name__ == "__main__":
    sys.exit(not main(*map(int, sys.argv[1:])))
