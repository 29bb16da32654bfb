"""The in-memory cloud with a store: what it has confirmed is there after a crash."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve

from swqr_adapters.storage import MemoryEventLog, Store, open_store
from swqr_adapters.transports.memory import CloudSettings, MemoryCloud, open_cloud
from swqr_adapters.transports.memory.settings import make_cloud
from swqr_adapters.transports.memory.transport import MemoryTransport
from swqr_core import (
    BackendStatus,
    JobQuery,
    JobSpec,
    JobState,
    SessionMode,
    SessionQuery,
    SessionSpec,
    SessionState,
    VirtualClock,
)
from swqr_core.config.connect import connect_transport
from swqr_core.engine.settings import EngineSettings, Pace
from swqr_core.errors import (
    ClosedError,
    ConfigurationError,
    IdempotencyConflictError,
    InvalidInputError,
    JobNotFoundError,
    PayloadLostError,
    UnreachableError,
)
from swqr_core.model.ids import BackendName, ProgramId
from swqr_core.model.payload import Payload
from swqr_core.ports.executor import ExecutionOutcome, ExecutionRequest, ExecutionStatus
from swqr_core.ports.storage import LogRecord
from swqr_core.testing import SequentialIds, StubExecutor

SPEC = JobSpec(program_id=ProgramId("sampler"), backend=BackendName("ideal_5"))
SESSION = SessionSpec(backend=BackendName("ideal_5"), mode=SessionMode.BATCH)
START = datetime(2026, 1, 1, tzinfo=UTC)
Opener = Callable[..., Any]


class Echo(StubExecutor):
    """Gives every job its own parameters as result."""

    async def execute(self, request: ExecutionRequest) -> ExecutionOutcome:
        outcome = await super().execute(request)
        return evolve(outcome, result=b"result of " + request.params)


async def until(condition: Callable[[], bool]) -> None:
    """Return when something is so that a disk takes its time for."""
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 - the disk tells nobody
            await asyncio.sleep(0.001)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "store.db"


@pytest.fixture
async def opened(path: Path) -> AsyncIterator[Opener]:
    """Open clouds on one store, each after the one before has crashed."""
    ids = SequentialIds()
    clouds: list[tuple[MemoryCloud, Store]] = []

    async def crash() -> None:
        for cloud, store in clouds:
            cloud.machine._dead = ClosedError("the test's cloud")  # noqa: SLF001 - it tells nobody
            for task in cloud._executions._running.values():  # noqa: SLF001
                task.cancel()
            await store.aclose()

    async def open(*, rerun: bool = True, **parts: Any) -> MemoryCloud:
        await crash()
        store = open_store(path)
        defaults: dict[str, Any] = {
            "clock": VirtualClock(START),
            "ids": ids,
            "executor": Echo(),
            "blobs": store.blobs,
            "log": store.log,
            "close": store.aclose,
            "retry": 0.01,
        }
        cloud = MemoryCloud(**{**defaults, **parts})
        clouds.append((cloud, store))
        await cloud.recover(rerun=rerun)
        return cloud

    yield open
    for cloud, _ in clouds:
        await cloud.aclose()


async def test_jobs_sessions_and_results_are_there_after_a_crash(opened: Opener) -> None:
    before = (await opened()).transport()
    session = await before.open_session(SESSION, key="s")
    inside = await before.submit(evolve(SPEC, session_id=session.id), b"[1]", key="k-1")
    big = await before.submit(SPEC, b"[" + b" " * 100_000 + b"]", key="k-2")
    deleted = await before.submit(SPEC, b"[3]", key="k-3")
    for job in (inside, big, deleted):
        await before.wait_job(job.id, timeout=None)
    await before.set_tags(inside.id, ("kept",))
    await before.delete_job(deleted.id)
    told = [await before.job(job.id) for job in (inside, big)]
    session = await before.session(session.id)

    after = (await opened()).transport()

    assert [await after.job(job.id) for job in (inside, big)] == told
    assert await after.session(session.id) == session
    assert await after.params(big.id) == b"[" + b" " * 100_000 + b"]"
    assert await after.result(inside.id) == b"result of [1]"
    assert (await after.jobs(JobQuery(tags=("kept",)))).items == (told[0],)
    with pytest.raises(JobNotFoundError):
        await after.job(deleted.id)


async def test_keys_keep_their_meaning_over_a_crash(opened: Opener) -> None:
    before = (await opened()).transport()
    session = await before.open_session(SESSION, key="k")
    job = await before.submit(SPEC, b"[1]", key="k")

    after = (await opened()).transport()

    assert (await after.submit(SPEC, b"[1]", key="k")).id == job.id
    assert (await after.open_session(SESSION, key="k")).id == session.id
    with pytest.raises(IdempotencyConflictError):
        await after.submit(SPEC, b"[2]", key="k")
    assert (await after.jobs(JobQuery())).total == 1


async def test_ids_of_another_life_are_not_given_again(opened: Opener) -> None:
    before = (await opened()).transport()
    first = await before.submit(SPEC, b"[1]", key="k-1")
    after = (await opened()).transport()
    second = await after.submit(SPEC, b"[2]", key="k-2")

    assert first.id != second.id
    assert {job.id for job in (await after.jobs(JobQuery())).items} == {first.id, second.id}


async def test_what_ran_runs_again_and_what_was_queued_follows(opened: Opener) -> None:
    stub = StubExecutor(manual=True)
    before = (await opened(executor=stub)).transport()
    jobs = [await before.submit(SPEC, b"[%d]" % n, key=f"k-{n}") for n in (1, 2)]
    await stub.started(jobs[0].id)

    echo = Echo()
    after = (await opened(executor=echo)).transport()
    ended = [await after.wait_job(job.id, timeout=None) for job in jobs]

    assert [job.state for job in ended] == [JobState.COMPLETED] * 2
    assert [request.params for request in echo.ran] == [b"[1]", b"[2]"]


async def test_what_ran_fails_with_a_reason_if_the_policy_says_so(opened: Opener) -> None:
    stub = StubExecutor(manual=True)
    before = (await opened(executor=stub)).transport()
    running, queued = [await before.submit(SPEC, b"{}", key=f"k-{n}") for n in (1, 2)]
    await stub.started(running.id)

    echo = Echo()
    after = (await opened(executor=echo, rerun=False)).transport()
    ended = [await after.wait_job(job.id, timeout=None) for job in (running, queued)]

    assert [job.state for job in ended] == [JobState.FAILED, JobState.COMPLETED]
    assert "restarted while the job ran" in (ended[0].reason or "")
    assert [request.job_id for request in echo.ran] == [queued.id]


async def test_limits_that_passed_meanwhile_take_effect_dated_by_themselves(
    opened: Opener,
) -> None:
    stub = StubExecutor(manual=True)
    before = (await opened(executor=stub)).transport()
    session = await before.open_session(evolve(SESSION, max_ttl=600), key="s")
    inside = await before.submit(evolve(SPEC, session_id=session.id), b"[1]", key="k-1")
    outside = await before.submit(SPEC, b"[2]", key="k-2")
    await stub.started(inside.id)

    echo = Echo()
    later = VirtualClock(START + timedelta(days=2))
    after = (await opened(executor=echo, clock=later)).transport()
    closed = await after.session(session.id)
    ended = [await after.wait_job(job.id, timeout=None) for job in (inside, outside)]

    assert (closed.state, closed.closed_at) == (
        SessionState.CLOSED,
        START + timedelta(seconds=600),
    )
    assert [job.state for job in ended] == [JobState.COMPLETED] * 2
    assert sorted(request.job_id for request in echo.ran) == sorted(job.id for job in ended)


async def test_timers_go_on_after_a_crash(opened: Opener) -> None:
    before = (await opened()).transport()
    session = await before.open_session(SESSION, key="s")
    clock = VirtualClock(START + timedelta(seconds=1_000))
    after = (await opened(clock=clock)).transport()
    await clock.advance(799)
    state = (await after.session(session.id)).state
    await clock.advance(2)
    closed = await after.session(session.id)

    assert (state, closed.state) == (SessionState.OPEN, SessionState.CLOSED)
    assert closed.closed_at == START + timedelta(seconds=1_800)


async def test_time_does_not_go_back_with_the_computers_clock(opened: Opener) -> None:
    before = (await opened()).transport()
    first = await before.submit(SPEC, b"[1]", key="k-1")
    after = (await opened(clock=VirtualClock(START - timedelta(days=1)))).transport()
    second = await after.submit(SPEC, b"[2]", key="k-2")

    assert second.created_at >= first.created_at


async def test_usage_goes_on_from_where_it_was(opened: Opener) -> None:
    outcome = ExecutionOutcome(status=ExecutionStatus.COMPLETED, result=b"{}", quantum_seconds=2.5)
    used = []
    for number in range(3):
        transport = (await opened(executor=StubExecutor(outcome))).transport()
        job = await transport.submit(SPEC, b"{}", key=f"k-{number}")
        await transport.wait_job(job.id, timeout=None)
        used.append((await transport.usage()).consumed_seconds)

    assert used == [2.5, 5.0, 7.5]


async def test_a_job_that_kept_its_device_ends_with_its_result_when_it_is_due(
    opened: Opener,
) -> None:
    settings = EngineSettings(pace=Pace.REAL)
    outcome = ExecutionOutcome(
        status=ExecutionStatus.COMPLETED, result=b"42", logs="done", quantum_seconds=60
    )
    cloud = await opened(executor=StubExecutor(outcome), settings=settings)
    before = cloud.transport()
    job = await before.submit(SPEC, b"{}", key="k")
    await until(lambda: bool(cloud.machine.executed()))

    stub, clock = StubExecutor(manual=True), VirtualClock(START + timedelta(seconds=10))
    after = (await opened(executor=stub, settings=settings, clock=clock)).transport()
    running = await after.job(job.id)
    await clock.advance(51)
    ended = await after.job(job.id)

    assert (running.state, ended.state) == (JobState.RUNNING, JobState.COMPLETED)
    assert ended.ended_at == START + timedelta(seconds=60)
    assert (await after.result(job.id), await after.logs(job.id)) == (b"42", "done")
    assert stub.ran == []


async def test_a_backends_status_stays(opened: Opener) -> None:
    cloud = await opened()
    await cloud.set_backend_status("ideal_5", BackendStatus.OFFLINE, "cooling down")
    after = (await opened()).transport()
    backend = await after.backend("ideal_5")

    assert (backend.status, backend.status_reason) == (BackendStatus.OFFLINE, "cooling down")


async def test_a_private_result_that_was_read_stays_read(opened: Opener) -> None:
    before = (await opened()).transport()
    job = await before.submit(evolve(SPEC, private=True), b"[1]", key="k")
    await before.wait_job(job.id, timeout=None)
    first = await before.result(job.id)

    assert first == b"result of [1]"
    assert await (await opened()).transport().result(job.id) is None


# --- a log that grows --------------------------------------------------------------------------


def count(path: Path, table: str) -> int:
    with closing(sqlite3.connect(path)) as connection:
        found: int = connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
        return found


async def test_a_job_whose_turn_came_while_nobody_ran_runs_at_the_next_start(
    opened: Opener,
) -> None:
    settings = EngineSettings(pace=Pace.REAL)
    outcome = ExecutionOutcome(status=ExecutionStatus.COMPLETED, result=b"42", quantum_seconds=60)
    cloud = await opened(executor=StubExecutor(outcome), settings=settings)
    before = cloud.transport()
    await before.submit(SPEC, b"[1]", key="k-1")
    queued = await before.submit(SPEC, b"[2]", key="k-2")
    await until(lambda: bool(cloud.machine.executed()))

    later = VirtualClock(START + timedelta(days=1))
    after = (await opened(executor=Echo(), settings=settings, clock=later)).transport()
    ended = await after.wait_job(queued.id, timeout=None)

    assert (ended.state, ended.reason) == (JobState.COMPLETED, None)
    assert await after.result(queued.id) == b"result of [2]"


async def test_a_log_that_was_compacted_holds_all_and_stays_small(
    opened: Opener, path: Path
) -> None:
    told, sessions = {}, []
    for life in range(3):
        transport = (await opened(compact_every=20)).transport()
        session = await transport.open_session(SESSION, key=f"s-{life}")
        sessions.append(session.id)
        for number in range(30):
            spec = evolve(SPEC, session_id=session.id, tags=(f"t-{life}",))
            job = await transport.submit(spec, b"[%d]" % number, key=f"k-{life}-{number}")
            told[job.id] = await transport.wait_job(job.id, timeout=None)
    after = (await opened(compact_every=20)).transport()
    found = {job.id: job for job in (await after.jobs(JobQuery(limit=200))).items}

    assert found == told
    assert (await after.jobs(JobQuery(tags=("t-1",)))).total == 30
    assert (await after.jobs(JobQuery(key="k-1-7"))).total == 1
    assert (await after.submit(SPEC, b"[0]", key="k-0-0-new")).id not in told
    again = evolve(SPEC, session_id=sessions[2], tags=("t-2",))
    assert (await after.submit(again, b"[3]", key="k-2-3")).id in told
    assert count(path, "records") < 40
    assert await after.result(next(iter(told))) == b"result of [0]"


async def test_endless_work_of_which_nothing_is_kept_takes_no_more_room(
    opened: Opener, path: Path
) -> None:
    transport = (await opened(compact_every=50)).transport()
    sizes = []
    for number in range(300):
        job = await transport.submit(SPEC, b"[%d]" % number, key=f"k-{number}")
        await transport.wait_job(job.id, timeout=None)
        await transport.delete_job(job.id)
        if number % 100 == 99:
            sizes.append(count(path, "records") + count(path, "blobs"))

    assert max(sizes) < 150
    with closing(sqlite3.connect(path)) as connection:
        kinds = dict(connection.execute("SELECT kind, count(*) FROM documents GROUP BY kind"))
    assert kinds.get("job", 0) <= 1  # the one that was on its way


@pytest.mark.parametrize("error", [UnreachableError("memory", "no room"), OSError("broken")])
async def test_work_goes_on_while_a_log_cannot_be_compacted(
    opened: Opener, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    cloud = await opened(compact_every=10)
    compact, tried = cloud._log.compact, []  # noqa: SLF001

    async def refuse_once(through: int, documents: Any) -> None:
        tried.append(through)
        if len(tried) == 1:
            raise error
        await compact(through, documents)

    monkeypatch.setattr(cloud._log, "compact", refuse_once)  # noqa: SLF001
    transport = cloud.transport()
    ids = set()
    for number in range(30):
        job = await transport.submit(SPEC, b"[]", key=f"k-{number}")
        await transport.wait_job(job.id, timeout=None)
        ids.add(job.id)
    after = (await opened()).transport()

    assert len(tried) > 1
    assert {job.id for job in (await after.jobs(JobQuery(limit=200))).items} == ids


async def test_after_a_full_disk_a_compacted_log_is_enough_to_go_on(
    opened: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    cloud = await opened(compact_every=10)
    transport = cloud.transport()
    for number in range(20):
        job = await transport.submit(SPEC, b"[]", key=f"k-{number}")
        await transport.wait_job(job.id, timeout=None)
    disk = Disk(cloud, monkeypatch)
    disk.full = True
    with pytest.raises(UnreachableError):
        await transport.open_session(SESSION, key="s")
    disk.full = False
    await cloud.machine.mended()

    assert (await transport.submit(SPEC, b"[]", key="k-3")).state is JobState.COMPLETED
    assert (await transport.jobs(JobQuery())).total == 20


# --- damaged payloads --------------------------------------------------------------------------


def spoil(path: Path, data: bytes) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(
            "UPDATE blobs SET data = x'00' WHERE digest = ?", (Payload.of(data).digest,)
        )


async def test_a_damaged_result_is_told_of_its_job_and_of_no_other(
    opened: Opener, path: Path
) -> None:
    before = (await opened()).transport()
    jobs = [await before.submit(SPEC, b"[%d]" % n, key=f"k-{n}") for n in (1, 2)]
    for job in jobs:
        await before.wait_job(job.id, timeout=None)
    spoil(path, b"result of [1]")
    after = (await opened()).transport()
    with pytest.raises(PayloadLostError, match=f"result of job '{jobs[0].id}'"):
        await after.result(jobs[0].id)

    assert (await after.job(jobs[0].id)).state is JobState.COMPLETED
    assert await after.params(jobs[0].id) == b"[1]"
    assert await after.result(jobs[1].id) == b"result of [2]"


async def test_a_job_whose_parameters_are_damaged_fails_with_that_reason(
    opened: Opener, path: Path
) -> None:
    before = (await opened(executor=StubExecutor(manual=True))).transport()
    jobs = [await before.submit(SPEC, b"[%d]" % n, key=f"k-{n}") for n in (1, 2)]
    spoil(path, b"[2]")
    after = (await opened()).transport()
    ended = [await after.wait_job(job.id, timeout=None) for job in jobs]

    assert [job.state for job in ended] == [JobState.COMPLETED, JobState.FAILED]
    assert "params of job" in (ended[1].reason or "")


async def test_a_job_whose_parameters_cannot_be_read_for_a_moment_runs_after_that(
    opened: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    read, refused = Path.read_bytes, list[Path]()

    def read_at_last(file: Path) -> bytes:
        if len(refused) < 3:
            refused.append(file)
            raise OSError(24, "Too many open files")
        return read(file)

    params = b"[" + b" " * 100_000 + b"]"
    transport = (await opened()).transport()
    monkeypatch.setattr(Path, "read_bytes", read_at_last)
    job = await transport.submit(SPEC, params, key="k")
    ended = await transport.wait_job(job.id, timeout=None)

    assert (ended.state, ended.reason) == (JobState.COMPLETED, None)
    assert await transport.result(job.id) == b"result of " + params


@pytest.mark.parametrize("meanwhile", ["taken", "deleted"])
async def test_a_result_that_goes_while_it_is_read_is_not_told_as_lost(
    opened: Opener, monkeypatch: pytest.MonkeyPatch, meanwhile: str
) -> None:
    cloud = await opened()
    transport = cloud.transport()
    job = await transport.submit(evolve(SPEC, private=True), b"[1]", key="k")
    await transport.wait_job(job.id, timeout=None)
    get = cloud.blobs.get

    async def get_late(digest: str) -> bytes:
        monkeypatch.undo()
        if meanwhile == "taken":
            await transport.result(job.id)
        else:
            await transport.delete_job(job.id)
        data: bytes = await get(digest)
        return data

    monkeypatch.setattr(cloud.blobs, "get", get_late)
    if meanwhile == "taken":
        assert await transport.result(job.id) is None
    else:
        with pytest.raises(JobNotFoundError):
            await transport.result(job.id)


# --- a disk that is full -----------------------------------------------------------------------


class Disk:
    """Lets a store's log, its blobs or both find no room."""

    def __init__(self, cloud: MemoryCloud, monkeypatch: pytest.MonkeyPatch) -> None:
        self.full = False
        for port in (cloud.blobs, cloud._log):  # noqa: SLF001
            writer = port._writer  # type: ignore[union-attr] # noqa: SLF001
            do = writer.do

            async def tried(work: Any, *, do: Any = do, **options: Any) -> Any:
                def full_or_not(connection: sqlite3.Connection) -> Any:
                    if self.full:
                        raise sqlite3.OperationalError("database or disk is full")
                    return work(connection)

                return await do(full_or_not, **options)

            monkeypatch.setattr(writer, "do", tried)


async def test_a_full_disk_refuses_what_comes_and_later_the_cloud_goes_on(
    opened: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    cloud = await opened()
    transport = cloud.transport()
    first = await transport.submit(SPEC, b"[1]", key="k-1")
    await transport.wait_job(first.id, timeout=None)
    disk = Disk(cloud, monkeypatch)
    disk.full = True
    refused = await asyncio.gather(
        *(transport.submit(SPEC, b"[1]", key=f"full-{n}") for n in range(5)),
        transport.open_session(SESSION, key="full"),
        transport.set_tags(first.id, ("full",)),
        return_exceptions=True,
    )
    meanwhile = await transport.jobs(JobQuery())
    disk.full = False
    await cloud.machine.mended()
    second = await transport.submit(SPEC, b"[1]", key="full-1")
    ended = await transport.wait_job(second.id, timeout=None)

    assert all(isinstance(error, UnreachableError) for error in refused)
    assert "disk is full" in str(refused[0])
    assert [job.id for job in meanwhile.items] == [first.id]
    assert ended.state is JobState.COMPLETED
    after = (await opened()).transport()
    assert {job.id for job in (await after.jobs(JobQuery())).items} == {first.id, second.id}
    assert (await after.sessions(SessionQuery())).total == 0
    assert (await after.job(first.id)).spec.tags == ()


async def test_a_job_that_ends_while_the_disk_is_full_ends_when_there_is_room(
    opened: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    stub = StubExecutor(manual=True)
    cloud = await opened(executor=stub)
    transport = cloud.transport()
    job = await transport.submit(SPEC, b"[1]", key="k-1")
    await stub.started(job.id)
    disk = Disk(cloud, monkeypatch)
    disk.full = True
    stub.finish(job.id, result=b"precious")
    with pytest.raises(UnreachableError):
        await transport.submit(SPEC, b"[2]", key="k-2")
    await asyncio.sleep(0.05)
    state = (await transport.job(job.id)).state
    disk.full = False
    ended = await transport.wait_job(job.id, timeout=None)

    assert (state, ended.state) == (JobState.RUNNING, JobState.COMPLETED)
    assert await transport.result(job.id) == b"precious"


async def test_a_limit_that_passes_while_the_disk_is_full_takes_effect_later(
    opened: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = VirtualClock(START)
    cloud = await opened(clock=clock)
    transport = cloud.transport()
    session = await transport.open_session(SESSION, key="s")
    disk = Disk(cloud, monkeypatch)
    disk.full = True
    await clock.advance(1_801)
    state = (await transport.session(session.id)).state
    disk.full = False
    await cloud.machine.mended()
    principal = transport.principal
    now = cloud.machine.now()
    await until(
        lambda: cloud.machine.view.session(principal, session.id, now).state is SessionState.CLOSED
    )
    closed = await transport.session(session.id)

    assert state is SessionState.OPEN
    assert closed.closed_at == START + timedelta(seconds=1_800)


# --- durable before it is told -----------------------------------------------------------------


class SlowLog(MemoryEventLog):
    """A log whose disk waits for a sign."""

    def __init__(self) -> None:
        super().__init__()
        self.disk = asyncio.Event()
        self.disk.set()

    async def append(self, record: LogRecord) -> int:
        await self.disk.wait()
        return await super().append(record)


async def stuck(opened: Opener) -> tuple[Any, MemoryTransport, SlowLog]:
    """Return a cloud with a session, a transport, and the log whose disk takes nothing more."""
    log = SlowLog()
    cloud = await opened(log=log)
    transport = cloud.transport()
    await transport.open_session(SESSION, key="s")
    log.disk.clear()
    return cloud, transport, log


async def test_nothing_is_seen_or_done_before_it_is_on_the_disk(opened: Opener) -> None:
    log, stub = SlowLog(), StubExecutor()
    transport = (await opened(log=log, executor=stub)).transport()
    await transport.open_session(SESSION, key="s")
    log.disk.clear()
    submitting = asyncio.ensure_future(transport.submit(SPEC, b"{}", key="k"))
    repeating = asyncio.ensure_future(transport.submit(SPEC, b"{}", key="k"))
    await asyncio.sleep(0.05)
    seen = (await transport.jobs(JobQuery())).total, len(stub.ran), submitting.done()
    log.disk.set()
    first, second = await submitting, await repeating

    assert seen == (0, 0, False)
    assert first.id == second.id


@pytest.mark.parametrize("value", [{1, 2}, b"x", {1: 1, "a": 1}], ids=repr)
async def test_what_no_log_could_keep_is_refused_and_harms_nobody(
    opened: Opener, caplog: pytest.LogCaptureFixture, value: object
) -> None:
    transport = (await opened()).transport()
    with pytest.raises(InvalidInputError, match="plain JSON"):
        await transport.submit(evolve(SPEC, extra={"mine": value}), b"{}", key="k")

    assert caplog.messages == []


@pytest.mark.parametrize(
    ("odd", "state"),
    [
        ({"reason": 7}, JobState.FAILED),
        ({"reason_code": "1000"}, JobState.FAILED),
        ({"quantum_seconds": -1.0}, JobState.FAILED),
        ({"metrics": {"gates": {"x"}}}, JobState.COMPLETED),
        ({"metrics": {"gates": {"x"}}, "reason_code": True}, JobState.FAILED),
    ],
    ids=repr,
)
async def test_a_job_of_which_comes_what_no_log_could_keep_ends_all_the_same(
    opened: Opener, odd: dict[str, Any], state: JobState
) -> None:
    outcome = ExecutionOutcome(status=ExecutionStatus.COMPLETED, result=b"1", **odd)
    transport = (await opened(executor=StubExecutor(outcome))).transport()
    job = await transport.submit(SPEC, b"{}", key="k")
    async with asyncio.timeout(5):
        ended = await transport.wait_job(job.id, timeout=None)
    again = (await opened()).transport()

    assert ended.state is state
    assert await again.job(job.id) == ended


async def test_a_caller_who_gives_up_harms_nobody(opened: Opener) -> None:
    _, transport, log = await stuck(opened)
    hurried = asyncio.ensure_future(transport.submit(SPEC, b"[1]", key="k-1"))
    await asyncio.sleep(0.05)
    hurried.cancel()
    await asyncio.sleep(0.01)
    log.disk.set()
    job = await transport.submit(SPEC, b"[1]", key="k-1")
    ended = await transport.wait_job(job.id, timeout=None)

    assert hurried.cancelled()
    assert ended.state is JobState.COMPLETED
    assert await transport.result(job.id) == b"result of [1]"
    assert (await transport.jobs(JobQuery())).total == 1


async def test_a_repetition_that_is_given_up_leaves_no_bytes_behind(opened: Opener) -> None:
    cloud, transport, log = await stuck(opened)
    first, again = (
        asyncio.ensure_future(transport.submit(SPEC, b"[1]", key="k-1")) for _ in range(2)
    )
    await asyncio.sleep(0.05)
    again.cancel()
    await asyncio.sleep(0.01)
    log.disk.set()
    job = await first
    await transport.wait_job(job.id, timeout=None)
    await transport.delete_job(job.id)

    assert again.cancelled()
    assert len(cloud.blobs) == 0


async def test_a_job_that_is_cancelled_before_its_log_is_stored_leaves_no_bytes_behind(
    opened: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    outcome = ExecutionOutcome(status=ExecutionStatus.COMPLETED, result=b"42", logs="done")
    cloud = await opened(executor=StubExecutor(outcome))
    transport = cloud.transport()
    put, stored, go_on = cloud.blobs.put, asyncio.Event(), asyncio.Event()

    async def put_logs_late(data: bytes) -> Payload:
        if data == b"done":
            stored.set()
            await go_on.wait()
        address: Payload = await put(data)
        return address

    monkeypatch.setattr(cloud.blobs, "put", put_logs_late)
    job = await transport.submit(SPEC, b"{}", key="k")
    await stored.wait()
    await transport.cancel_job(job.id)
    await transport.delete_job(job.id)
    await until(lambda: len(cloud.blobs) == 0)


async def test_closing_confirms_what_is_on_its_way(opened: Opener) -> None:
    cloud, transport, log = await stuck(opened)
    draining = asyncio.ensure_future(transport.drain_session("nothing"))
    submitting = asyncio.ensure_future(transport.submit(SPEC, b"{}", key="k"))
    await asyncio.sleep(0.05)
    closing = asyncio.ensure_future(cloud.aclose())
    await asyncio.sleep(0.01)
    log.disk.set()
    await closing

    assert (await submitting).id
    assert isinstance(draining.exception(), LookupError)


@pytest.mark.parametrize("rounds", range(8))
async def test_closing_goes_on_when_whoever_waits_for_it_gives_up(
    opened: Opener, path: Path, rounds: int
) -> None:
    cloud = await opened()
    closing = asyncio.ensure_future(cloud.aclose())
    for _ in range(rounds):
        await asyncio.sleep(0)
    closing.cancel()
    await asyncio.gather(closing, return_exceptions=True)
    await cloud.aclose()

    await open_store(path).aclose()


# --- as a URL ----------------------------------------------------------------------------------


async def test_a_url_names_a_store(path: Path) -> None:
    url = f"memory://?execution=threads&ideal=5&store=sqlite:///{path}"
    first = await connect_transport(url)
    session = await first.open_session(SESSION, key="s")
    await first.aclose()
    second = await connect_transport(url)
    found = await second.session(session.id)
    await second.aclose()

    assert found.id == session.id


async def test_a_store_keeps_the_seed_of_its_cloud(path: Path) -> None:
    settings = CloudSettings(store=str(path), ideal=(5,))
    seeds = []
    for number in range(2):
        stub = StubExecutor()
        cloud = await open_cloud(settings, executor=stub)
        transport = cloud.transport()
        job = await transport.submit(SPEC, b"{}", key=f"k-{number}")
        await transport.wait_job(job.id, timeout=None)
        seeds.append(cloud._seed)  # noqa: SLF001 - it decides what random jobs give
        await cloud.aclose()

    assert seeds[0] == seeds[1]


async def test_a_store_that_cannot_be_read_leaves_nothing_open(path: Path) -> None:
    settings = CloudSettings(store=str(path), ideal=(5,))
    cloud = await open_cloud(settings, executor=StubExecutor())
    await cloud.transport().open_session(SESSION, key="s")
    await cloud.aclose()
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE records SET sum = 0 WHERE number = 1")
    for _ in range(2):  # twice: the first refusal has let the store go
        with pytest.raises(ConfigurationError, match="record 1"):
            await open_cloud(settings, executor=StubExecutor())

    mended = evolve(settings, on_damage="quarantine")
    cloud = await open_cloud(mended, executor=StubExecutor())
    assert (await cloud.transport().sessions(SessionQuery())).total == 0
    await cloud.aclose()


@pytest.mark.parametrize("mistake", [{"program_spares": -1}, {"instance": "b"}])
async def test_a_mistake_beside_a_store_leaves_it_free(path: Path, mistake: dict[str, Any]) -> None:
    fleet = path.with_name("fleet.toml")
    fleet.write_text('[[instance]]\nname = "a"\n', encoding="utf-8")
    settings = CloudSettings(store=str(path), fleet=str(fleet), execution="threads")
    with pytest.raises(ConfigurationError):
        make_cloud(evolve(settings, **mistake))

    await make_cloud(settings).aclose()
