"""Uploaded programs and interim results on the in-memory cloud, from the runtime's side."""

import asyncio
from typing import Any

import pytest

from swqr_adapters.storage import MemoryEventLog
from swqr_adapters.storage.blobs import SpillingBlobStore
from swqr_core import AsyncRuntime, JobSpec, Principal, ProgramSpec, VirtualClock
from swqr_core.errors import (
    AccessDeniedError,
    InvalidInputError,
    ProgramNotFoundError,
    UnsupportedOperation,
)
from swqr_core.model.ids import BackendName
from swqr_core.testing import SequentialIds, StubExecutor

SPEC = ProgramSpec(name="Two words", parameters={"required": ["n"]}, cost=30)
BACKEND = BackendName("ideal_5")


@pytest.fixture
def stub() -> StubExecutor:
    return StubExecutor(manual=True)


async def start(runtime: AsyncRuntime, stub: StubExecutor, **options: Any) -> Any:
    """Upload a program and return a job of it that runs."""
    program = await runtime.add_program(SPEC, b"pass")
    spec = JobSpec(program_id=program.id, backend=BACKEND)
    job = await runtime.submit(spec, b'{"n": 1}', **options)
    await stub.started(job.id)
    return job


async def test_a_program_s_id_begins_with_its_name(runtime: AsyncRuntime) -> None:
    program = await runtime.add_program(SPEC, b"pass")

    assert program.id.startswith("two-words-")


async def test_two_users_of_one_instance_do_not_see_each_other_s_private_programs(
    cloud: Any,
) -> None:
    instance = cloud.instances[0].id
    ada, bob = (cloud.transport(Principal(user=user, instance=instance)) for user in ("ada", "bob"))
    program = await ada.add_program(SPEC, b"pass", key="k")

    with pytest.raises(ProgramNotFoundError):
        await bob.program(program.id)
    with pytest.raises(ProgramNotFoundError):
        await bob.replace_program(program.id, b"mine")

    assert await ada.program_source(program.id) == b"pass"


async def test_parameters_that_do_not_fit_the_schema_are_refused_before_the_job_is_queued(
    runtime: AsyncRuntime,
) -> None:
    program = await runtime.add_program(SPEC, b"pass")

    with pytest.raises(InvalidInputError, match="'n' is a required property"):
        await runtime.submit(JobSpec(program_id=program.id, backend=BACKEND), b'{"m": 1}')

    assert (await runtime.jobs()).total == 0


async def test_where_programs_are_switched_off_none_is_taken_and_none_runs(
    make_cloud: Any, stub: StubExecutor
) -> None:
    log, blobs = MemoryEventLog(), SpillingBlobStore()
    runtime = AsyncRuntime(make_cloud(log=log, blobs=blobs).transport(), ids=SequentialIds())
    program = await runtime.add_program(SPEC, b"pass")
    cloud = make_cloud(log=log, blobs=blobs, runner=None)
    await cloud.recover()
    off = AsyncRuntime(cloud.transport(), ids=SequentialIds("b"))

    assert not off.capabilities.program_uploads
    with pytest.raises(UnsupportedOperation, match="switched off"):
        await off.add_program(SPEC, b"pass")
    with pytest.raises(AccessDeniedError, match="run uploaded programs"):
        await off.submit(JobSpec(program_id=program.id, backend=BACKEND), b'{"n": 1}')
    assert stub.ran == []


async def test_a_job_runs_the_source_with_which_it_was_accepted(
    cloud: Any, runtime: AsyncRuntime, stub: StubExecutor
) -> None:
    program = await runtime.add_program(SPEC, b"old")
    await cloud.transport().backend("ideal_5")
    spec = JobSpec(program_id=program.id, backend=BACKEND)
    first = await runtime.submit(spec, b'{"n": 1}')
    queued = await runtime.submit(spec, b'{"n": 2}')
    await stub.started(first.id)
    await runtime.replace_program(program.id, b"new")

    stub.finish(first.id)
    await stub.started(queued.id)

    assert stub.sources[queued.id].text == b"old"


async def test_a_source_goes_when_no_program_and_no_pending_job_needs_it(make_cloud: Any) -> None:
    blobs, stub = SpillingBlobStore(), StubExecutor(manual=True)
    cloud = make_cloud(blobs=blobs, executor=stub, runner=stub)
    runtime = AsyncRuntime(cloud.transport(), ids=SequentialIds())
    job = await start(runtime, stub)
    digest = cloud.machine.view.pinned(job.id).source.digest
    await runtime.delete_program(job.snapshot.spec.program_id)
    assert await blobs.get(digest) == b"pass"

    stub.finish(job.id)
    await job.wait()
    await asyncio.sleep(0.01)

    with pytest.raises(KeyError):
        await blobs.get(digest)


async def test_a_job_streams_what_it_publishes_until_its_end(
    runtime: AsyncRuntime, stub: StubExecutor
) -> None:
    job = await start(runtime, stub)
    stub.publish(job.id, b"1")
    seen = []

    async for result in job.stream():
        seen.append(result)
        if len(seen) == 1:
            stub.publish(job.id, b"2")
            stub.finish(job.id)

    assert seen == [b"1", b"2"]
    assert await job.interim_results() == (b"1", b"2")
    assert [result async for result in job.stream(start=1)] == [b"2"]


async def test_a_callback_has_every_interim_result_once_and_in_order(
    runtime: AsyncRuntime, stub: StubExecutor
) -> None:
    seen: list[tuple[str, bytes]] = []
    job = await start(runtime, stub, callback=lambda *told: seen.append(told))
    for number in range(500):
        stub.publish(job.id, b"%d" % number)
    stub.finish(job.id)

    await job.callback_done()

    assert seen == [(job.id, b"%d" % number) for number in range(500)]


async def test_an_error_of_a_callback_is_told_and_ends_nothing_else(
    runtime: AsyncRuntime, stub: StubExecutor
) -> None:
    def fail(*_: object) -> None:
        raise ValueError("mine")

    job = await start(runtime, stub, callback=fail)
    stub.publish(job.id, b"1")
    stub.finish(job.id, result=b"2")

    with pytest.raises(ValueError, match="mine"):
        await job.callback_done()
    assert await job.result() == b"2"


async def test_what_a_job_publishes_after_its_cancellation_is_dropped(
    runtime: AsyncRuntime, stub: StubExecutor
) -> None:
    job = await start(runtime, stub)
    stub.publish(job.id, b"1")
    await runtime.interim_results(job.id, timeout=None)
    await job.cancel()
    stub.publish(job.id, b"2")
    await asyncio.sleep(0.01)

    assert await job.interim_results() == (b"1",)


async def test_programs_and_interim_results_outlive_the_cloud_and_come_once(
    make_cloud: Any, clock: VirtualClock
) -> None:
    """A job that runs again publishes again: readers see each result once all the same."""
    log, blobs, stub = MemoryEventLog(), SpillingBlobStore(), StubExecutor(manual=True)
    cloud = make_cloud(log=log, blobs=blobs, executor=stub, runner=stub)
    runtime = AsyncRuntime(cloud.transport(), clock=clock, ids=SequentialIds())
    job = await start(runtime, stub)
    stub.publish(job.id, b"1")
    await runtime.interim_results(job.id, timeout=None)

    second = StubExecutor(manual=True)
    cloud = make_cloud(log=log, blobs=blobs, executor=second, runner=second)
    await cloud.recover()
    again = AsyncRuntime(cloud.transport(), clock=clock, ids=SequentialIds("b"))
    await second.started(job.id)
    second.publish(job.id, b"1")
    second.publish(job.id, b"2")
    second.finish(job.id)

    assert [result async for result in again.stream(job.id)] == [b"1", b"2"]
    assert second.sources[job.id].text == b"pass"
    assert (await again.program(job.snapshot.spec.program_id)).spec == SPEC


async def test_a_thousand_results_take_a_few_records_of_the_log(
    make_cloud: Any,
) -> None:
    log, stub = MemoryEventLog(), StubExecutor(manual=True)
    cloud = make_cloud(log=log, executor=stub, runner=stub)
    runtime = AsyncRuntime(cloud.transport(), ids=SequentialIds())
    job = await start(runtime, stub)
    for number in range(1000):
        stub.publish(job.id, b"%d" % number)
    stub.finish(job.id)
    await job.wait()

    kinds = [record.input["kind"] async for _, record in log.read()]

    assert 1 <= kinds.count("publish_interim") <= 10
    assert len(await job.interim_results()) == 1000
