"""The promises about what a job publishes while it runs."""

import asyncio
from typing import Any

import pytest

from swqr_core.errors import InvalidInputError, JobNotFoundError
from swqr_core.model.job import Job
from swqr_core.model.program import InterimResults, ProgramSpec
from swqr_core.testing.harness import Control, Seat

from .claims import claim
from .world import World

__all__ = ["InterimClaims"]

TEXTS = (b'{"n" : 0}', b"[1,\n 2]", b'"\xc3\xa9\\u00e9"', b'{"n" : 0}')
_NEEDS = ("program_uploads", "interim_results", Control.EXECUTIONS, Control.INTERIM_RESULTS)
_SOON = 5.0


async def _running(world: World, **spec: Any) -> Job:
    """Return a job of an uploaded program that runs until the test decides."""
    program = await world.transport.add_program(
        ProgramSpec(name="talks"), b"pass", key=world.harness.key()
    )
    return await world.running(program_id=program.id, **spec)


async def _publish(world: World, job: Job, *texts: bytes) -> None:
    for text in texts:
        await world.harness.publish(job.id, text)


async def _end(world: World, job: Job) -> None:
    await world.harness.finish(job.id)
    await world.pass_time(0)
    await world.transport.wait_job(job.id, timeout=None)


async def _read(world: World, job: Job, *, limit: int = 200) -> list[bytes]:
    """Read everything until the job's end."""
    found: list[bytes] = []
    while True:
        page = await world.transport.interim_results(
            job.id, start=len(found), limit=limit, timeout=None
        )
        found += page.results
        if page.complete:
            return found


class InterimClaims:
    """Interim results: in order, each once, for early readers and late ones."""

    @claim(*_NEEDS)
    async def test_interim_results_come_byte_by_byte_and_in_order(self, world: World) -> None:
        job = await _running(world)
        reading = asyncio.ensure_future(_read(world, job))
        await _publish(world, job, *TEXTS)

        await _end(world, job)

        assert await reading == list(TEXTS)

    @claim(*_NEEDS)
    async def test_a_late_reader_gets_all_interim_results_each_once(self, world: World) -> None:
        job = await _running(world)
        await _publish(world, job, *TEXTS)
        await _end(world, job)

        assert await _read(world, job) == list(TEXTS)
        assert await _read(world, job, limit=1) == list(TEXTS)

    @claim(*_NEEDS)
    async def test_interim_results_are_read_from_any_position(self, world: World) -> None:
        job = await _running(world)
        await _publish(world, job, *TEXTS)
        await _end(world, job)

        for start in range(len(TEXTS) + 2):
            page = await world.transport.interim_results(job.id, start=start, limit=2)
            assert page.results == TEXTS[start : start + 2]
            assert (page.start, page.complete) == (start, start + 2 >= len(TEXTS))

    @claim(*_NEEDS)
    async def test_a_reader_is_woken_by_what_is_published(self, world: World) -> None:
        job = await _running(world)
        reading = asyncio.ensure_future(world.transport.interim_results(job.id, timeout=None))
        await asyncio.sleep(0)
        assert not reading.done()

        await _publish(world, job, b"1")

        async with asyncio.timeout(_SOON):
            assert await reading == InterimResults(start=0, results=(b"1",))
        await _end(world, job)

    @claim(*_NEEDS)
    async def test_a_reader_who_does_not_wait_gets_what_there_is(self, world: World) -> None:
        job = await _running(world)

        assert await world.transport.interim_results(job.id) == InterimResults()

        await _end(world, job)
        assert await world.transport.interim_results(job.id) == InterimResults(complete=True)

    @claim("program_uploads", "interim_results", Control.EXECUTIONS)
    async def test_the_end_of_a_job_ends_the_wait_for_its_interim_results(
        self, world: World
    ) -> None:
        job = await _running(world)
        reading = asyncio.ensure_future(
            world.transport.interim_results(job.id, start=3, timeout=None)
        )
        await asyncio.sleep(0)

        await world.transport.cancel_job(job.id)

        async with asyncio.timeout(_SOON):
            assert await reading == InterimResults(start=3, complete=True)

    @claim("interim_results", Control.EXECUTIONS)
    async def test_a_job_that_publishes_nothing_has_no_interim_results(self, world: World) -> None:
        job = await world.ended()

        page = await world.transport.interim_results(job.id, timeout=None)

        assert page == InterimResults(complete=True)

    @claim("interim_results")
    async def test_interim_results_of_an_unknown_job_are_not_found(self, world: World) -> None:
        with pytest.raises(JobNotFoundError):
            await world.transport.interim_results("no-such-thing")

    @claim("interim_results", "delete_jobs", Control.EXECUTIONS)
    async def test_a_deleted_job_s_interim_results_are_gone(self, world: World) -> None:
        job = await world.ended()
        await world.transport.delete_job(job.id)

        with pytest.raises(JobNotFoundError):
            await world.transport.interim_results(job.id)

    @claim(*_NEEDS, "private_jobs")
    async def test_what_a_private_job_has_published_goes_with_its_result(
        self, world: World
    ) -> None:
        job = await _running(world, private=True)
        await _publish(world, job, *TEXTS)
        await _end(world, job)
        assert await _read(world, job) == list(TEXTS)

        await world.transport.result(job.id)

        assert await _read(world, job) == []

    @claim("interim_results", Control.TENANTS)
    async def test_another_instance_s_interim_results_are_not_found(self, world: World) -> None:
        job, stranger = await world.submit(), await world.connect(Seat.STRANGER)

        with pytest.raises(JobNotFoundError):
            await stranger.interim_results(job.id)

    @claim("interim_results")
    async def test_a_position_that_cannot_be_is_refused(self, world: World) -> None:
        job = await world.submit()

        for wrong in ({"start": -1}, {"limit": 0}, {"limit": 201}):
            with pytest.raises(InvalidInputError):
                await world.transport.interim_results(job.id, **wrong)
