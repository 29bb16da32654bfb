"""Test the time limits of an eight-hour session in milliseconds.

A virtual clock moves only when it is told to. An executor that runs nothing stands in for the
simulator, so this needs no Qiskit; each job keeps its device for the 20 minutes that it claims.
"""

import asyncio

from swqr_adapters.storage.blobs import SpillingBlobStore
from swqr_adapters.transports.memory import MemoryCloud
from swqr_core import AsyncRuntime, JobState, SessionState, VirtualClock
from swqr_core.engine.settings import EngineSettings, Pace
from swqr_core.errors import SessionClosedError
from swqr_core.ports.executor import ExecutionOutcome, ExecutionStatus
from swqr_core.testing import SequentialIds, StubExecutor

TWENTY_MINUTES = ExecutionOutcome(
    status=ExecutionStatus.COMPLETED, result=b'"done"', quantum_seconds=1200
)


async def main() -> None:
    """Use a session for most of its eight hours, and then for longer than it lives."""
    clock, ids = VirtualClock(), SequentialIds()
    cloud = MemoryCloud(
        clock=clock,
        ids=ids,
        executor=StubExecutor(TWENTY_MINUTES),
        blobs=SpillingBlobStore(),
        settings=EngineSettings(pace=Pace.REAL),
    )
    runtime = AsyncRuntime(cloud.transport(), clock=clock, ids=ids)
    session = await runtime.open_session("ideal_5", max_time="8h")

    for _ in range(15):
        job = await session.submit("sampler", b"{}")
        await clock.advance(1800)  # the job takes 20 minutes, then the session idles for a while
        states = (await job.refresh()).state, (await session.refresh()).state
        if states != (JobState.COMPLETED, SessionState.INACTIVE):
            raise SystemExit(f"did not expect {states}")

    await clock.advance(1800)
    await session.refresh()
    try:
        await session.submit("sampler", b"{}")
    except SessionClosedError as error:
        print(error)

    for step in session.snapshot.steps[-3:]:
        print(f"{step.at:%H:%M:%S} {step.state}: {step.reason}")
    print(f"charged: {session.snapshot.usage_seconds} s")

    await runtime.aclose()
    await cloud.aclose()


if __name__ == "__main__":
    asyncio.run(main())
