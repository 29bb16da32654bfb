"""The promises of ``JobPort.wait_job``."""

import asyncio

import pytest

from swqr_core.errors import ClosedError, JobNotFoundError, WaitTimeoutError
from swqr_core.lifecycle.job import JobState
from swqr_core.testing.harness import Control

from .claims import claim
from .world import World

__all__ = ["WaitingClaims"]


class WaitingClaims:
    """Waiting until a job has ended."""

    @claim()
    async def test_waiting_gives_the_job_as_it_ended(self, world: World) -> None:
        job = await world.ended()

        assert job.state.ended
        assert await world.transport.job(job.id) == job

    @claim()
    async def test_waiting_for_a_job_that_has_ended_gives_it_at_once(self, world: World) -> None:
        job = await world.ended()

        assert await world.transport.wait_job(job.id, timeout=0) == job
        assert await world.transport.wait_job(job.id, timeout=None) == job

    @claim(Control.BACKENDS)
    async def test_a_timeout_of_zero_asks_once(self, world: World) -> None:
        job = await world.queued()

        with pytest.raises(WaitTimeoutError) as caught:
            await world.transport.wait_job(job.id, timeout=0)

        assert (caught.value.id, caught.value.timeout) == (job.id, 0)
        assert await world.state(job) is JobState.QUEUED

    @claim(Control.TIME, Control.BACKENDS)
    async def test_a_wait_ends_with_its_timeout_and_the_job_goes_on(self, world: World) -> None:
        job = await world.queued()
        waiting = asyncio.ensure_future(world.transport.wait_job(job.id, timeout=5))
        await world.pass_time(4)
        before = waiting.done()
        await world.pass_time(1)

        with pytest.raises(WaitTimeoutError) as caught:
            await waiting

        assert not before
        assert (caught.value.id, caught.value.timeout) == (job.id, 5)
        assert await world.state(job) is JobState.QUEUED

    @claim(Control.EXECUTIONS, Control.TIME)
    async def test_a_job_that_was_given_up_waiting_for_can_be_waited_for_again(
        self, world: World
    ) -> None:
        job = await world.running(60)
        with pytest.raises(WaitTimeoutError):
            await world.transport.wait_job(job.id, timeout=0)
        waiting = asyncio.ensure_future(world.transport.wait_job(job.id, timeout=100))
        await world.pass_time(60)

        ended = await waiting

        assert ended.state is JobState.COMPLETED

    @claim(Control.EXECUTIONS)
    async def test_everybody_who_waits_for_a_job_gets_it(self, world: World) -> None:
        job = await world.running()
        waiting = [
            asyncio.ensure_future(world.transport.wait_job(job.id, timeout=None))
            for _ in range(1000)
        ]
        await asyncio.sleep(0)
        await world.harness.finish(job.id)

        ends = await asyncio.gather(*waiting)

        assert {end.id for end in ends} == {job.id}
        assert {end.state for end in ends} == {JobState.COMPLETED}

    @claim(Control.EXECUTIONS)
    async def test_who_waits_is_woken_by_a_cancellation_too(self, world: World) -> None:
        job = await world.running()
        waiting = asyncio.ensure_future(world.transport.wait_job(job.id, timeout=None))
        await asyncio.sleep(0)
        await world.transport.cancel_job(job.id)

        assert (await waiting).state is JobState.CANCELLED

    @claim(Control.EXECUTIONS)
    async def test_giving_up_a_wait_stops_nothing_but_the_wait(self, world: World) -> None:
        job = await world.running()
        given_up = asyncio.ensure_future(world.transport.wait_job(job.id, timeout=None))
        other = asyncio.ensure_future(world.transport.wait_job(job.id, timeout=None))
        await asyncio.sleep(0)
        given_up.cancel()
        await asyncio.wait({given_up})
        await world.harness.finish(job.id)

        ended = await other

        assert given_up.cancelled()
        assert ended.state is JobState.COMPLETED

    @claim()
    async def test_nobody_waits_for_a_job_that_does_not_exist(self, world: World) -> None:
        with pytest.raises(JobNotFoundError) as caught:
            await world.transport.wait_job("no-such-job", timeout=None)

        assert caught.value.id == "no-such-job"

    @claim(Control.BACKENDS)
    async def test_closing_the_transport_ends_every_wait(self, world: World) -> None:
        job = await world.queued()
        waiting = [
            asyncio.ensure_future(world.transport.wait_job(job.id, timeout=timeout))
            for timeout in (None, 1000)
        ]
        for _ in range(3):
            await asyncio.sleep(0)

        await world.transport.aclose()

        ends = await asyncio.gather(*waiting, return_exceptions=True)
        assert [type(end) for end in ends] == [ClosedError, ClosedError]
