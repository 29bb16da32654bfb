"""A store whose process died between any two of its writes: what it had confirmed is there."""

import asyncio
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

from attrs import evolve

from swqr_adapters.storage import open_store
from swqr_adapters.transports.memory import MemoryCloud
from swqr_core import JobQuery, JobSpec, JobState, SessionMode, SessionSpec, VirtualClock
from swqr_core.engine.settings import EngineSettings, Pace
from swqr_core.model.ids import BackendName, ProgramId
from swqr_core.ports.executor import ExecutionOutcome, ExecutionRequest, ExecutionStatus
from swqr_core.testing import SequentialIds, StubExecutor

START = datetime(2026, 1, 1, tzinfo=UTC)
BACKEND = BackendName("ideal_5")
SPEC = JobSpec(program_id=ProgramId("sampler"), backend=BACKEND)
DONE = ExecutionOutcome(status=ExecutionStatus.COMPLETED, logs="said", quantum_seconds=30)


class Echo(StubExecutor):
    """Gives every job its own parameters as result."""

    async def execute(self, request: ExecutionRequest) -> ExecutionOutcome:
        return evolve(await super().execute(request), result=request.params)


def opened(path: Path, clock: VirtualClock, ids: str) -> MemoryCloud:
    store = open_store(path)
    return MemoryCloud(
        clock=clock,
        ids=SequentialIds(ids),
        executor=Echo(DONE),
        blobs=store.blobs,
        log=store.log,
        close=store.aclose,
        settings=EngineSettings(pace=Pace.REAL),
        compact_every=6,
    )


async def live(path: Path) -> list[tuple[int, str]]:
    """Do some work; return each confirmed job with the length of what was written by then."""
    clock, wal = VirtualClock(START), path.with_name(f"{path.name}-wal")
    cloud = opened(path, clock, "")
    await cloud.recover()
    transport = cloud.transport()
    batch = SessionSpec(backend=BACKEND, mode=SessionMode.BATCH)
    session = await transport.open_session(batch, key="s")
    confirmed = []
    for number in range(6):
        inside = session.id if number % 2 else None
        spec = evolve(SPEC, session_id=inside)
        job = await transport.submit(spec, b"[%d]" % number, key=f"k-{number}")
        confirmed.append((wal.stat().st_size, str(job.id)))
        await clock.advance(17)
    for file in (path, wal):
        shutil.copy(file, file.with_name(f"kept-{file.name}"))
    await cloud.aclose()
    return confirmed


def cuts(path: Path, folder: Path) -> Iterator[tuple[int, Path]]:
    """Yield the store as it was after each page that was written, with what was written by then."""
    written = path.with_name(f"kept-{path.name}-wal").read_bytes()
    step = 24 + int.from_bytes(written[8:12], "big")
    for length in range(32, len(written) + 1, step):
        copy = folder / f"{length}" / path.name
        copy.parent.mkdir()
        shutil.copy(path.with_name(f"kept-{path.name}"), copy)
        copy.with_name(f"{path.name}-wal").write_bytes(written[:length])
        yield length, copy


async def test_whatever_write_was_the_last_all_that_was_confirmed_ends_with_its_result(
    tmp_path: Path,
) -> None:
    path = tmp_path / "store.db"
    confirmed = await live(path)
    for length, copy in cuts(path, tmp_path):
        clock = VirtualClock(START + timedelta(hours=1))
        cloud = opened(copy, clock, "later-")
        await cloud.recover()
        transport = cloud.transport()
        there = (await transport.jobs(JobQuery())).items
        waits = [asyncio.ensure_future(transport.wait_job(job.id, timeout=None)) for job in there]
        while not all(wait.done() for wait in waits):
            await asyncio.sleep(0.001)
            await clock.advance(60)

        ends = [wait.result() for wait in waits]
        assert {job for written, job in confirmed if written <= length} <= {job.id for job in ends}
        assert {(job.state, job.reason) for job in ends} <= {(JobState.COMPLETED, None)}
        for job in ends:
            assert await transport.result(job.id) == await transport.params(job.id)
        await cloud.aclose()


def test_the_copies_are_cut_where_sqlite_writes(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    asyncio.run(live(path))
    seen = set()
    for _, copy in cuts(path, tmp_path):
        with closing(sqlite3.connect(copy)) as connection:
            seen.add(connection.execute("SELECT max(number) FROM records").fetchone()[0])

    assert len(seen) > 10
