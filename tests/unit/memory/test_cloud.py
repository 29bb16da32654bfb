"""The in-memory cloud: what the contract does not ask of every transport."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest
from attrs import evolve

from swqr_adapters.storage.blobs import SpillingBlobStore
from swqr_adapters.storage.memory import MemoryEventLog
from swqr_adapters.transports.memory import MemoryCloud
from swqr_adapters.transports.memory import transport as module
from swqr_adapters.transports.memory.executions import job_seed
from swqr_core import (
    AsyncRuntime,
    BackendStatus,
    JobQuery,
    JobSpec,
    JobState,
    Payload,
    Principal,
    SessionSpec,
    SessionState,
    VirtualClock,
)
from swqr_core.engine.settings import Device, EngineSettings, Pace
from swqr_core.errors import (
    BackendNotFoundError,
    ClosedError,
    InstanceNotFoundError,
    InvalidInputError,
    JobNotFoundError,
    PayloadTooLargeError,
    ProgramNotFoundError,
)
from swqr_core.model.ids import BackendName, InstanceId, ProgramId
from swqr_core.model.principal import Instance
from swqr_core.ports.executor import ExecutionOutcome, ExecutionRequest, ExecutionStatus
from swqr_core.ports.storage import LogRecord
from swqr_core.testing import SequentialIds, StubExecutor

SPEC = JobSpec(program_id=ProgramId("sampler"), backend=BackendName("ideal_5"))
SESSION = SessionSpec(backend=BackendName("ideal_5"))
Maker = Callable[..., MemoryCloud]


class CountingBlobs(SpillingBlobStore):
    """A blob store that knows how many blobs are still wanted."""

    def __init__(self) -> None:
        super().__init__()
        self.wanted: dict[str, int] = {}

    async def put(self, data: bytes) -> Payload:
        payload = await super().put(data)
        self.wanted[payload.digest] = self.wanted.get(payload.digest, 0) + 1
        return payload

    async def release(self, digest: str) -> None:
        await super().release(digest)
        self.wanted[digest] -= 1
        if not self.wanted[digest]:
            del self.wanted[digest]


async def test_an_executor_gets_the_exact_bytes_and_the_device(
    runtime: AsyncRuntime, stub: StubExecutor
) -> None:
    params = b'{"pubs" :  [1, 2.50]}'
    job = await runtime.submit(SPEC, params)
    await job.wait()

    request = stub.ran[0]
    assert (request.job_id, request.program_id, request.params) == (job.id, "sampler", params)
    assert request.device["name"] == "ideal_5"


async def test_seeds_depend_on_the_instance_and_the_order_there_and_nothing_else(
    make_cloud: Maker, clock: VirtualClock
) -> None:
    async def seeds(*, others: int, one_by_one: bool) -> list[int]:
        stub = StubExecutor()
        instances = tuple(Instance(id=InstanceId(name)) for name in ("mine", "theirs"))
        cloud = make_cloud(executor=stub, instances=instances, seed=7)
        mine = cloud.transport(Principal(instance=InstanceId("mine")))
        theirs = cloud.transport(Principal(instance=InstanceId("theirs")))
        mine_ids: list[str] = []
        for number in range(3):
            for other in range(others):
                await theirs.submit(SPEC, b"{}", key=f"o-{number}-{other}")
            mine_ids.append((await mine.submit(SPEC, b"{}", key=f"k-{number}")).id)
            if one_by_one:
                await mine.wait_job(mine_ids[-1], timeout=None)
        for job_id in mine_ids:
            await mine.wait_job(job_id, timeout=None)
        return [request.seed for request in stub.ran if request.job_id in mine_ids]

    alone = await seeds(others=0, one_by_one=True)

    assert await seeds(others=2, one_by_one=False) == alone
    assert len(set(alone)) == 3


def test_a_jobs_seed_stays_what_it_is() -> None:
    assert job_seed(7, "crn", 1) == job_seed(7, "crn", 1)
    assert 0 <= job_seed(7, "crn", 1) < 2**63
    assert len({job_seed(s, i, n) for s in (1, 2) for i in "ab" for n in (1, 2)}) == 8


async def test_a_cancelled_job_stops_its_execution(make_cloud: Maker) -> None:
    stub = StubExecutor(manual=True)
    transport = make_cloud(executor=stub).transport()
    job = await transport.submit(SPEC, b"{}", key="k")
    await stub.started(job.id)
    await transport.cancel_job(job.id)
    ended = await transport.wait_job(job.id, timeout=None)
    await asyncio.sleep(0)

    assert ended.state is JobState.CANCELLED
    assert stub.cancelled == [job.id]


async def test_an_executor_that_breaks_fails_the_job_and_not_the_cloud(make_cloud: Maker) -> None:
    class Broken(StubExecutor):
        async def execute(self, request: ExecutionRequest) -> ExecutionOutcome:
            raise OSError("no more processes")

    transport = make_cloud(executor=Broken()).transport()
    job = await transport.submit(SPEC, b"{}", key="k")
    ended = await transport.wait_job(job.id, timeout=None)

    assert (ended.state, ended.reason_code) == (JobState.FAILED, 1000)
    assert "no more processes" in (ended.reason or "")
    assert (await transport.backend("ideal_5")).queue_length == 0


async def test_time_limits_wait_for_a_slow_execution(
    make_cloud: Maker, clock: VirtualClock
) -> None:
    stub = StubExecutor(manual=True)
    cloud = make_cloud(executor=stub, settings=EngineSettings(pace=Pace.REAL))
    runtime = AsyncRuntime(cloud.transport(), clock=clock, ids=SequentialIds())
    session = await runtime.open_session("ideal_5", max_time=100)
    job = await session.submit("sampler", b"{}")
    await stub.started(job.id)
    passing = asyncio.create_task(clock.advance(3_600))
    for _ in range(200):
        await asyncio.sleep(0)
    stood_at = clock.monotonic()
    stub.finish(job.id, quantum_seconds=30)
    await passing

    assert stood_at == 0
    assert (await job.refresh()).state is JobState.COMPLETED
    assert (await job.refresh()).usage.quantum_seconds == 30
    assert (await session.refresh()).state is SessionState.CLOSED


async def test_a_deadline_is_dated_by_itself_and_not_by_when_it_was_noticed(
    make_cloud: Maker, clock: VirtualClock
) -> None:
    cloud = make_cloud()
    runtime = AsyncRuntime(cloud.transport(), clock=clock, ids=SequentialIds())
    session = await runtime.open_session("ideal_5")
    await (await session.submit("sampler", b"{}")).wait()
    await clock.advance(100_000)
    steps = (await session.refresh()).steps

    assert [(s.state.value, (s.at - steps[0].at).total_seconds()) for s in steps] == [
        ("open", 0),
        ("busy", 0),
        ("idle", 0),
        ("inactive", 60),
        ("closed", 28_800),
    ]


async def test_a_device_may_be_given_a_least_time_for_its_jobs(
    make_cloud: Maker, clock: VirtualClock
) -> None:
    slow = Device(name=BackendName("ideal_5"), job_seconds=20.0)
    transport = make_cloud(devices={"ideal_5": slow}).transport()
    job = await transport.submit(SPEC, b"{}", key="k")
    await clock.advance(19)
    before = (await transport.job(job.id)).state
    await clock.advance(1)

    assert (before, (await transport.job(job.id)).state) == (JobState.RUNNING, JobState.COMPLETED)


async def test_jobs_wait_while_their_backend_is_offline(cloud: MemoryCloud) -> None:
    transport = cloud.transport()
    await cloud.set_backend_status("ideal_5", BackendStatus.OFFLINE, "cooling down")
    job = await transport.submit(SPEC, b"{}", key="k")
    backend = await transport.backend("ideal_5")
    assert (backend.status, backend.status_reason, backend.queue_length) == (
        BackendStatus.OFFLINE,
        "cooling down",
        1,
    )

    await cloud.set_backend_status("ideal_5", BackendStatus.ONLINE)
    assert (await transport.wait_job(job.id, timeout=None)).state is JobState.COMPLETED


async def test_a_backend_that_does_not_exist_is_refused_with_near_names(
    runtime: AsyncRuntime,
) -> None:
    with pytest.raises(BackendNotFoundError) as caught:
        await runtime.backend("ibm_brisbnae")

    assert "ibm_brisbane" in caught.value.known


async def test_an_instance_that_the_cloud_does_not_have_is_refused(cloud: MemoryCloud) -> None:
    with pytest.raises(InstanceNotFoundError, match="elsewhere"):
        cloud.transport(Principal(instance=InstanceId("elsewhere")))


async def test_a_refused_submission_leaves_nothing_behind(make_cloud: Maker) -> None:
    blobs = CountingBlobs()
    transport = make_cloud(blobs=blobs).transport()
    session = await transport.open_session(SESSION, key="s")
    await transport.cancel_session(session.id)
    spec = JobSpec(
        program_id=ProgramId("sampler"), backend=BackendName("ideal_5"), session_id=session.id
    )
    with pytest.raises(Exception, match="no new jobs"):
        await transport.submit(spec, b"{}", key="k")

    assert blobs.wanted == {}
    assert (await transport.jobs(JobQuery())).total == 0


async def test_a_deleted_job_leaves_no_bytes_behind(make_cloud: Maker) -> None:
    blobs = CountingBlobs()
    outcome = ExecutionOutcome(status=ExecutionStatus.COMPLETED, result=b"42", logs="a line")
    transport = make_cloud(blobs=blobs, executor=StubExecutor(outcome)).transport()
    job = await transport.submit(SPEC, b"{}", key="k")
    await transport.wait_job(job.id, timeout=None)
    kept = len(blobs.wanted)
    await transport.delete_job(job.id)

    assert (kept, blobs.wanted) == (3, {})


async def test_a_job_that_ends_without_its_result_leaves_no_result_behind(
    make_cloud: Maker, clock: VirtualClock
) -> None:
    blobs = CountingBlobs()
    outcome = ExecutionOutcome(
        status=ExecutionStatus.COMPLETED, result=b"too late", logs="", quantum_seconds=50
    )
    settings = EngineSettings(pace=Pace.REAL)
    transport = make_cloud(
        blobs=blobs, executor=StubExecutor(outcome), settings=settings
    ).transport()
    limited = evolve(SPEC, max_execution_time=10)
    over = await transport.submit(limited, b"{}", key="over its limit")
    stopped = await transport.submit(SPEC, b"{}", key="cancelled after its execution")
    await clock.advance(20)
    await transport.cancel_job(stopped.id)
    await clock.advance(1)
    states = [(await transport.job(job.id)).state for job in (over, stopped)]

    assert states == [JobState.TIMED_OUT, JobState.CANCELLED]
    assert Payload.of(b"too late").digest not in blobs.wanted


async def test_a_repeated_key_keeps_the_first_bytes_only_once(make_cloud: Maker) -> None:
    blobs = CountingBlobs()
    transport = make_cloud(blobs=blobs, executor=StubExecutor(manual=True)).transport()
    first = await transport.submit(SPEC, b"{}", key="k")
    second = await transport.submit(SPEC, b"{}", key="k")

    assert first.id == second.id
    assert list(blobs.wanted.values()) == [1]


async def test_a_result_for_which_there_is_no_room_waits_until_there_is(
    make_cloud: Maker, tmp_path: Path
) -> None:
    folder, stub = tmp_path / "temporary", StubExecutor(manual=True)
    folder.mkdir()
    cloud = make_cloud(executor=stub, blobs=SpillingBlobStore(100, folder), retry=0.01)
    transport = cloud.transport()
    job = await transport.submit(SPEC, b"[]", key="k")
    await stub.started(job.id)
    folder.rmdir()
    stub.finish(job.id, result=b"[" + b" " * 1_000 + b"]")
    await asyncio.sleep(0.05)
    state = (await transport.job(job.id)).state
    folder.mkdir()
    ended = await transport.wait_job(job.id, timeout=None)

    assert (state, ended.state) == (JobState.RUNNING, JobState.COMPLETED)
    assert len(await transport.result(job.id) or b"") == 1_002


async def test_a_private_result_read_by_two_at_once_goes_to_one(make_cloud: Maker) -> None:
    outcome = ExecutionOutcome(status=ExecutionStatus.COMPLETED, result=b"secret")
    blobs = CountingBlobs()
    transport = make_cloud(executor=StubExecutor(outcome), blobs=blobs).transport()
    spec = JobSpec(program_id=ProgramId("sampler"), backend=BackendName("ideal_5"), private=True)
    job = await transport.submit(spec, b"{}", key="k")
    await transport.wait_job(job.id, timeout=None)
    answers = await asyncio.gather(*(transport.result(job.id) for _ in range(3)))

    assert sorted(answers, key=bool) == [None, None, b"secret"]
    assert Payload.of(b"secret").digest not in blobs.wanted


async def test_a_job_deleted_while_its_private_result_is_read_is_let_go_of_once(
    make_cloud: Maker,
) -> None:
    class Slow(MemoryEventLog):
        async def append(self, record: LogRecord) -> int:
            await asyncio.sleep(0)
            return await super().append(record)

    outcome = ExecutionOutcome(status=ExecutionStatus.COMPLETED, result=b"42")
    blobs = CountingBlobs()
    transport = make_cloud(executor=StubExecutor(outcome), blobs=blobs, log=Slow()).transport()
    job, other = [
        await transport.submit(evolve(SPEC, private=private), b"{}", key=f"{private}")
        for private in (True, False)
    ]
    await transport.wait_job(job.id, timeout=None)
    await transport.wait_job(other.id, timeout=None)
    answer, _ = await asyncio.gather(transport.result(job.id), transport.delete_job(job.id))

    assert (answer, await transport.result(other.id)) == (b"42", b"42")
    assert blobs.wanted == {Payload.of(b"42").digest: 1, Payload.of(b"{}").digest: 1}


async def test_what_is_too_large_is_refused(
    cloud: MemoryCloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = evolve(module._CAPABILITIES, max_params_bytes=10)  # noqa: SLF001 - 256 MiB take time
    monkeypatch.setattr(module, "_CAPABILITIES", small)

    with pytest.raises(PayloadTooLargeError, match="11 bytes"):
        await cloud.transport().submit(SPEC, b"x" * 11, key="k")


@pytest.mark.parametrize("key", ["", "k" * 65, "schlüssel", "line\nbreak"])
async def test_a_key_that_is_no_key_is_refused(cloud: MemoryCloud, key: str) -> None:
    with pytest.raises(InvalidInputError, match="key"):
        await cloud.transport().submit(SPEC, b"{}", key=key)


async def test_an_unknown_program_is_refused_with_those_that_are_there(cloud: MemoryCloud) -> None:
    spec = JobSpec(program_id=ProgramId("smapler"), backend=BackendName("ideal_5"))

    with pytest.raises(ProgramNotFoundError, match="sampler"):
        await cloud.transport().submit(spec, b"{}", key="k")


async def test_deleting_a_job_wakes_nobody_into_a_lie(make_cloud: Maker) -> None:
    transport = make_cloud().transport()
    job = await transport.submit(SPEC, b"{}", key="k")
    await transport.wait_job(job.id, timeout=None)
    await transport.delete_job(job.id)

    with pytest.raises(JobNotFoundError):
        await transport.wait_job(job.id, timeout=None)


async def test_closing_the_cloud_ends_every_wait(make_cloud: Maker) -> None:
    cloud = make_cloud(executor=StubExecutor(manual=True))
    transport = cloud.transport()
    job = await transport.submit(SPEC, b"{}", key="k")
    waiting = asyncio.create_task(transport.wait_job(job.id, timeout=None))
    await asyncio.sleep(0)
    await cloud.aclose()

    with pytest.raises(ClosedError):
        await waiting
    with pytest.raises(ClosedError):
        await transport.job(job.id)


async def test_closing_a_view_leaves_the_cloud_open(cloud: MemoryCloud) -> None:
    view = cloud.transport()
    await view.aclose()

    with pytest.raises(ClosedError):
        await view.backends()
    assert len(await cloud.transport().instances()) == 1


async def test_a_cloud_goes_on_from_its_log(make_cloud: Maker) -> None:
    log, blobs = MemoryEventLog(), SpillingBlobStore()
    ids = SequentialIds()
    first = make_cloud(executor=StubExecutor(manual=True), log=log, blobs=blobs, ids=ids)
    transport = first.transport()
    session = await transport.open_session(SESSION, key="s")
    running = await transport.submit(SPEC, b"[1]", key="k-1")
    queued = await transport.submit(SPEC, b"[2]", key="k-2")
    await asyncio.sleep(0)
    # No farewell: what the log has is all that the next cloud gets.
    stub = StubExecutor()
    second = make_cloud(executor=stub, log=log, blobs=blobs, ids=ids)
    await second.recover()
    again = second.transport()
    jobs = [await again.wait_job(job.id, timeout=None) for job in (running, queued)]

    assert [job.state for job in jobs] == [JobState.COMPLETED] * 2
    assert [request.params for request in stub.ran] == [b"[1]", b"[2]"]
    assert (await again.session(session.id)).state is SessionState.OPEN
    assert (await again.submit(SPEC, b"[1]", key="k-1")).id == running.id
